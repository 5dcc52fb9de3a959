/* SPDX-License-Identifier: MIT */
/* One connection of the grpc door: bytes to and from its HTTP/2 session, deadlines, its end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/net/loop.h"
#include "common/net/tls.h"
#include "daemon/doors/grpc/inside.h"
#include "daemon/doors/look.h"

enum {
	TURN_BYTES = 256 * 1024, /* read from one connection before the others have their turn */
	PIECE_MAX = 32 * 1024,   /* more than a session ever gives at once */
	SMALL_MAX = 8 * 1024,    /* what a conn takes without a frame */
	SILENCES = 3,            /* of ping_interval_ms: then a peer is gone */
	STARVED = 3,             /* of subscriber_stall_ms: then a connection without window ends */
};

/* --- The end ---------------------------------------------------------------------------------- */

struct dead_peer {
	struct fr_deferred deferred;
	struct grpc_peer *peer;
};

static void free_peer(struct fr_deferred *deferred)
{
	struct dead_peer *dead = (struct dead_peer *)deferred;

	nghttp2_session_del(dead->peer->session);
	free(dead->peer);
	free(dead);
}

/* Leaves everything but the connection itself. The session may be on the stack above us, so it goes later. */
static void leave(struct grpc_peer *p, const char *words)
{
	struct dead_peer *dead = fr_xcalloc(1, sizeof(*dead));
	const int64_t now_us = fr_clock_now_us();
	char addr[FR_ADDR_TEXT_MAX];
	struct fr_log_text room;
	struct grpc_call *c;

	fr_log(FR_LOG_DEBUG, "grpc", "connection closed",
	    "peer=%s id=%llu calls=%llu reason=%s seconds=%.1f",
	    fr_addr_print(fr_conn_peer(p->conn), addr), (unsigned long long)p->id,
	    (unsigned long long)p->calls_begun, fr_log_quote(&room, words),
	    (double)(now_us - p->since_us) / 1e6);
	while ((c = LIST_FIRST(&p->calls)) != NULL) {
		(void)nghttp2_session_set_stream_user_data(p->session, c->id, NULL);
		fr_grpc_call_free(c);
	}
	fr_grpc_views_free(p, now_us);
	fr_admission_leave(p->door->env.admission, &p->ticket, now_us);
	fr_stat_add(FR_STAT_connections_open, -1);
	TAILQ_REMOVE(&p->door->peers, p, entry);
	dead->peer = p;
	fr_loop_defer(p->door->env.loop, &dead->deferred, free_peer);
}

void fr_grpc_peer_drop(struct grpc_peer *p, const char *words)
{
	struct fr_conn *conn = p->conn;

	if (conn == NULL)
		return;
	leave(p, words);
	p->conn = NULL;
	fr_conn_close(conn);
}

static void finish(struct grpc_peer *p, const char *words)
{
	const struct fr_limits *limits = p->door->env.limits;
	struct fr_conn *conn = p->conn;

	leave(p, words);
	p->conn = NULL;
	fr_conn_finish(
	    conn, "", 0, p->door->is_draining ? limits->drain_ms : limits->linger_close_ms);
}

void fr_grpc_peer_drain(struct grpc_peer *p, const char *why)
{
	struct grpc_call *c;

	(void)nghttp2_submit_goaway(p->session, NGHTTP2_FLAG_NONE,
	    nghttp2_session_get_last_proc_stream_id(p->session), NGHTTP2_NO_ERROR, NULL, 0);
	LIST_FOREACH (c, &p->calls, entry)
		if (c->method != NULL)
			fr_grpc_call_end(c, FR_GRPC_UNAVAILABLE, "%s", why);
	p->is_over = true;
	fr_grpc_peer_pump(p);
}

/* --- Out -------------------------------------------------------------------------------------- */

/* What went before is with the kernel: the calls go on. */
static void go_on(struct grpc_peer *p)
{
	const int64_t now_us = fr_clock_now_us();
	const bool has_window = nghttp2_session_get_remote_window_size(p->session) > 0;
	struct grpc_call *c, *next;

	for (c = LIST_FIRST(&p->calls); c != NULL; c = next) {
		next = LIST_NEXT(c, entry);
		if (c->method == NULL)
			continue;
		if (c->out_is_whole) {
			c->out_is_whole = false;
			if (c->method->sent != NULL)
				c->method->sent(c);
		}
		if (!c->is_ending && !c->has_out && c->method->go_on != NULL && has_window &&
		    nghttp2_session_get_stream_remote_window_size(p->session, c->id) > 0)
			c->method->go_on(c, now_us);
	}
}

/* @return bytes, -1: the session is broken */
static ssize_t gather(struct grpc_peer *p, uint8_t *to, size_t room)
{
	const uint8_t *piece;
	size_t size = 0;
	ssize_t n;

	while (size + PIECE_MAX <= room) {
		n = nghttp2_session_mem_send(p->session, &piece);
		if (n <= 0)
			return n < 0 ? -1 : (ssize_t)size;
		memcpy(to + size, piece, (size_t)n);
		size += (size_t)n;
	}
	return (ssize_t)size;
}

static enum fr_send send_bytes(struct grpc_peer *p, const uint8_t *bytes, size_t size)
{
	const struct fr_frame_info info = {.type = FR_FRAME_MESSAGE};
	struct fr_frame *frame;
	enum fr_send sent;

	if (size <= SMALL_MAX)
		return fr_conn_put(p->conn, bytes, size);
	frame = fr_frame_copy(fr_relay_pool(p->door->env.relay), bytes, size, &info);
	if (frame == NULL) {
		fr_stat_rejected("grpc", FR_REASON_memory_budget);
		return FR_SEND_GONE;
	}
	sent = fr_conn_send_frame(p->conn, NULL, 0, frame, NULL, 0);
	fr_frame_unref(frame);
	return sent;
}

void fr_grpc_peer_pump(struct grpc_peer *p)
{
	size_t room;
	uint8_t *to = fr_loop_scratch(p->door->env.loop, &room);
	ssize_t n = 1;

	if (p->conn == NULL || p->is_busy)
		return;
	p->is_busy = true;
	while (n > 0 && fr_conn_is_idle(p->conn)) {
		go_on(p);
		n = gather(p, to, room);
		if (n > 0 && send_bytes(p, to, (size_t)n) == FR_SEND_GONE)
			n = -1;
	}
	p->is_busy = false;
	if (n < 0)
		fr_grpc_peer_drop(p, "the peer closed");
	else if (fr_conn_is_idle(p->conn) && nghttp2_session_want_write(p->session) == 0 &&
	         (nghttp2_session_want_read(p->session) == 0 || (p->is_over && p->call_count == 0)))
		finish(p, p->is_flood ? "a flood" : "it is over");
}

static void on_drained(void *arg)
{
	fr_grpc_peer_pump(arg);
}

static void on_gone(void *arg, const char *reason)
{
	fr_grpc_peer_drop(arg, reason);
}

/* --- In --------------------------------------------------------------------------------------- */

static void fail_session(struct grpc_peer *p, int error)
{
	/* The library counts, too: acks that wait, SETTINGS entries, CONTINUATIONs. */
	const bool is_flood = error == NGHTTP2_ERR_FLOODED ||
	                      error == NGHTTP2_ERR_TOO_MANY_SETTINGS ||
	                      error == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS;

	if (error == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
		fr_stat_rejected("grpc", FR_REASON_wrong_protocol);
	} else {
		p->is_flood = p->is_flood || is_flood;
		(void)nghttp2_session_terminate_session(
		    p->session, is_flood ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
		fr_grpc_peer_pump(p);
	}
	fr_grpc_peer_drop(p, nghttp2_strerror(error));
}

void fr_grpc_peer_take(struct grpc_peer *p, const uint8_t *bytes, size_t size)
{
	ssize_t n;

	if (p->is_flood)
		return; /* it hears why, and is not heard any more */
	p->is_busy = true;
	n = nghttp2_session_mem_recv(p->session, bytes, size);
	p->is_busy = false;
	if (n < 0)
		fail_session(p, (int)n);
	else
		fr_grpc_peer_pump(p);
}

static void on_readable(void *arg)
{
	struct grpc_peer *p = arg;
	size_t room, total = 0;
	uint8_t *into = fr_loop_scratch(p->door->env.loop, &room);
	struct iovec iov = {into, room};
	ssize_t n;

	do {
		n = fr_conn_read(p->conn, &iov, 1);
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			fr_grpc_peer_drop(
			    p, n < 0 ? fr_conn_read_error(p->conn, n) : "the peer closed");
			return;
		}
		total += (size_t)n;
		p->heard_us = fr_clock_now_us();
		fr_grpc_peer_take(p, into, (size_t)n);
	} while (p->conn != NULL && (size_t)n == room && total < TURN_BYTES);
}

/* --- Deadlines -------------------------------------------------------------------------------- */

static int64_t tick_pings(struct grpc_peer *p, int64_t now_us)
{
	const int64_t every_us = p->door->env.limits->ping_interval_ms * 1000;

	if (every_us == 0 || p->call_count == 0)
		return 0;
	if (p->pinged_us != 0 && now_us - p->heard_us >= SILENCES * every_us) {
		fr_stat_rejected("grpc", FR_REASON_h2_silent);
		fr_grpc_peer_drop(p, "no answer to a ping");
		return 0;
	}
	if (p->pinged_us == 0 && now_us - p->heard_us >= every_us) {
		p->pinged_us = now_us;
		(void)nghttp2_submit_ping(p->session, NGHTTP2_FLAG_NONE, NULL);
	}
	return p->pinged_us != 0 ? p->heard_us + SILENCES * every_us : p->heard_us + every_us;
}

/* @return false: it has ended */
static bool tick_stall(struct grpc_peer *p, int64_t now_us)
{
	const int64_t stall_us = p->door->env.limits->subscriber_stall_ms * 1000;

	if (stall_us == 0)
		return true;
	if (fr_conn_waiting_bytes(p->conn) != 0 &&
	    now_us - fr_conn_progress_us(p->conn) > stall_us) {
		fr_stat_rejected("grpc", FR_REASON_slow_subscriber);
		fr_grpc_peer_drop(p, "no byte taken for subscriber_stall_ms");
		return false;
	}
	if (p->starved_us != 0 && nghttp2_session_get_remote_window_size(p->session) > 0)
		p->starved_us = 0;
	if (p->starved_us != 0 && now_us - p->starved_us > STARVED * stall_us && !p->is_over) {
		fr_stat_rejected("grpc", FR_REASON_slow_subscriber);
		p->is_over = true;
		(void)nghttp2_session_terminate_session(p->session, NGHTTP2_NO_ERROR);
	}
	return true;
}

int64_t fr_grpc_peer_tick(struct grpc_peer *p, int64_t now_us)
{
	const struct fr_limits *limits = p->door->env.limits;
	const int64_t idle_ms =
	    p->has_begun ? limits->keep_alive_timeout_ms : limits->http_header_timeout_ms;
	struct grpc_call *c, *next;
	int64_t due_us = 0;

	if (!tick_stall(p, now_us))
		return 0;
	if (p->idle_us != 0 && idle_ms != 0 && now_us - p->idle_us >= idle_ms * 1000 &&
	    !p->is_over) {
		if (!p->has_begun)
			fr_stat_rejected("grpc", FR_REASON_header_timeout);
		p->is_over = true;
		(void)nghttp2_session_terminate_session(p->session, NGHTTP2_NO_ERROR);
	} else if (p->idle_us != 0 && idle_ms != 0 && !p->is_over) {
		due_us = p->idle_us + idle_ms * 1000;
	}
	for (c = LIST_FIRST(&p->calls); c != NULL; c = next) {
		next = LIST_NEXT(c, entry);
		due_us = fr_look_earlier(due_us, fr_grpc_call_tick(c, now_us));
	}
	due_us = fr_look_earlier(due_us, fr_grpc_views_tick(p, now_us));
	due_us = fr_look_earlier(due_us, tick_pings(p, now_us));
	fr_grpc_peer_pump(p);
	return due_us;
}

/* --- The beginning ---------------------------------------------------------------------------- */

static const struct fr_conn_ops conn_ops = {
    .on_readable = on_readable, .on_drained = on_drained, .on_gone = on_gone};

struct grpc_peer *fr_grpc_peer_begin(
    struct grpc_door *d, struct fr_conn *conn, const struct fr_ticket *ticket)
{
	struct grpc_peer *p = fr_xcalloc(1, sizeof(*p));

	p->door = d;
	p->ticket = *ticket;
	p->since_us = p->heard_us = p->idle_us = fr_clock_now_us();
	p->id = (uint64_t)fr_stat_value(FR_STAT_connections_accepted); /* never repeats */
	LIST_INIT(&p->calls);
	LIST_INIT(&p->views);
	p->conn = conn;
	fr_conn_set_owner(conn, &conn_ops, p);
	fr_conn_set_user_timeout(conn, d->env.limits->tcp_user_timeout_ms);
	p->session = fr_grpc_session_new(p);
	TAILQ_INSERT_TAIL(&d->peers, p, entry);
	fr_stat_add(FR_STAT_connections_open, 1);
	fr_grpc_look(d, 0);
	return p;
}

static struct fr_conn *new_conn(struct grpc_door *d, int fd, const struct fr_addr *addr)
{
	static const struct fr_tls_protocols protocols = {.list = "\x02h2", .required = true};
	const struct fr_limits *limits = d->env.limits;
	const struct fr_conn_options options = {
	    .notsent_lowat_bytes = limits->notsent_lowat_bytes,
	    .keepalive_idle_ms = limits->keepalive_idle_ms,
	    .keepalive_interval_ms = limits->keepalive_interval_ms,
	    .tls = {.tls = d->tls,
	        .protocols = &protocols,
	        .handshake_ms = limits->tls_handshake_timeout_ms,
	        .area = "grpc"},
	};

	return fr_conn_new(d->env.loop, fd, addr, &options, &conn_ops, NULL);
}

static void refuse_fd(const struct grpc_door *d, int fd, const struct fr_addr *addr,
    enum fr_reason reason, const struct fr_cause *why)
{
	/* Empty SETTINGS; GOAWAY with last stream 0 and ENHANCE_YOUR_CALM. */
	static const uint8_t words[] = {0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0,
	    0, 0, 0, 0, 0, NGHTTP2_ENHANCE_YOUR_CALM};
	char host[FR_ADDR_TEXT_MAX], key[FR_ADDR_TEXT_MAX + 64];
	struct fr_log_text room;

	if (d->tls == NULL) /* else it would cost a handshake */
		(void)!send(fd, words, sizeof(words), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_WR);
	(void)close(fd);
	fr_stat_rejected("grpc", reason);
	fr_addr_print_host(addr, host);
	(void)snprintf(key, sizeof(key), "%s %s", fr_reason_name(reason), host);
	fr_log_limited(FR_LOG_WARNING, "grpc", "rejected", key,
	    "reason=%s peer=%s action=close why=%s", fr_reason_name(reason), host,
	    fr_log_quote(&room, why->text));
}

void fr_grpc_on_accept(void *arg, int fd, const struct fr_addr *addr)
{
	/* A proxy is as many as it has clients, whose calls share its connections. */
	static const struct fr_addr no_limits = {.kind = FR_ADDR_UNIX};
	struct grpc_door *d = arg;
	struct fr_ticket ticket = {.is_tls = d->tls != NULL};
	enum fr_reason reason;
	struct fr_cause why;
	unsigned code;

	fr_stat_add(FR_STAT_connections_accepted, 1);
	if (fr_admission_enter(d->env.admission,
	        fr_proxies_have(&d->proxies, addr) ? &no_limits : addr, fr_clock_now_us(), &ticket,
	        &reason, &code, &why) < 0)
		refuse_fd(d, fd, addr, reason, &why);
	else
		fr_grpc_peer_pump(fr_grpc_peer_begin(d, new_conn(d, fd, addr), &ticket));
}
