/* SPDX-License-Identifier: MIT */
/* One connection of the frames door: first bytes, hello, reading, deadlines, end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/media/wire_write.h"
#include "common/net/loop.h"
#include "daemon/doors/frames/inside.h"

enum {
	TURN_BYTES = 256 * 1024,  /* read from one connection before the others have their turn */
	BEHIND_BYTES = 16 * 1024, /* read along behind a picture: heads, small pictures */
	UNWANTED_MAX = 4096,      /* that a plain subscriber may send (a newline too many) */
};

/* The end */

struct fr_who frames_peer_who(const struct frames_peer *p)
{
	return (struct fr_who){.addr = *fr_conn_peer(p->conn)};
}

static void log_end(const struct frames_peer *p, const char *words)
{
	const double seconds = (double)(fr_clock_now_us() - p->since_us) / 1e6;
	char addr[FR_ADDR_TEXT_MAX];
	struct fr_log_text room;

	fr_addr_print(fr_conn_peer(p->conn), addr);
	fr_log_quote(&room, words);
	if (p->ingest != NULL && p->state == FRAMES_PUBLISHING) {
		const struct fr_ingest_counts c = fr_ingest_counts(p->ingest);

		fr_log(FR_LOG_INFO, "frames", "publisher closed",
		    "peer=%s stream=%s id=%llu reason=%s published=%llu rejected=%llu "
		    "truncated=%llu seconds=%.1f",
		    addr, p->stream, (unsigned long long)p->id, room.text,
		    (unsigned long long)c.published, (unsigned long long)c.rejected,
		    (unsigned long long)c.truncated + c.receiving, seconds);
	} else if (p->sub != NULL) {
		const struct fr_subscriber_counts c = fr_subscriber_counts(p->sub);

		fr_log(FR_LOG_INFO, "frames", "subscriber closed",
		    "peer=%s stream=%s id=%llu reason=%s sent=%llu dropped=%llu seconds=%.1f", addr,
		    p->stream, (unsigned long long)p->id, room.text, (unsigned long long)c.sent,
		    (unsigned long long)fr_subscriber_dropped(p->sub), seconds);
	} else {
		fr_log(FR_LOG_DEBUG, "frames", "connection closed", "peer=%s id=%llu reason=%s",
		    addr, (unsigned long long)p->id, room.text);
	}
}

static void log_refusal(const struct frames_peer *p, const struct fr_refusal *refusal)
{
	const char *reason = fr_reason_name(refusal->reason);
	char addr[FR_ADDR_TEXT_MAX], host[FR_ADDR_TEXT_MAX], key[FR_ADDR_TEXT_MAX + 64];
	struct fr_log_text room;

	if (refusal->reason == FR_REASON_shutdown)
		return;
	fr_addr_print(fr_conn_peer(p->conn), addr);
	fr_addr_print_host(fr_conn_peer(p->conn), host);
	(void)snprintf(key, sizeof(key), "%s %s", reason, host);
	fr_log_limited(FR_LOG_WARNING, "frames", "rejected", key,
	    "reason=%s peer=%s stream=%s id=%llu action=close why=%s", reason, addr,
	    p->stream[0] != '\0' ? p->stream : "-", (unsigned long long)p->id,
	    fr_log_quote(&room, refusal->why.text));
}

struct dead_peer {
	struct fr_deferred deferred;
	struct frames_peer *peer;
};

static void free_peer(struct fr_deferred *deferred)
{
	struct dead_peer *dead = (struct dead_peer *)deferred;

	fr_wire_free(dead->peer->wire);
	free(dead->peer->leftover);
	free(dead->peer);
	free(dead);
}

/* Leaves everything but the connection itself; the reader may be on the stack above us, so it goes later. */
static void leave(struct frames_peer *p, const char *words)
{
	const int64_t now_us = fr_clock_now_us();
	struct dead_peer *dead = fr_xcalloc(1, sizeof(*dead));

	log_end(p, words);
	p->state = FRAMES_CLOSED;
	fr_ingest_free(p->ingest, now_us);
	fr_subscriber_free(p->sub, now_us);
	p->ingest = NULL;
	p->sub = NULL;
	fr_admission_leave(p->door->env.admission, &p->ticket, now_us);
	fr_stat_add(FR_STAT_connections_open, -1);
	TAILQ_REMOVE(&p->door->peers, p, entry);
	dead->peer = p;
	fr_loop_defer(p->door->env.loop, &dead->deferred, free_peer);
}

void frames_peer_drop(struct frames_peer *p, const char *words)
{
	if (p->state == FRAMES_CLOSED)
		return;
	leave(p, words);
	fr_conn_close(p->conn);
	p->conn = NULL;
}

/* What this peer's format has for an end. @return bytes */
static size_t last_words(const struct frames_peer *p, const struct fr_refusal *refusal, uint8_t *to)
{
	if (p->records && refusal != NULL && refusal->reason != FR_REASON_shutdown)
		return fr_wire_write_error(to, refusal->code, refusal->why.text);
	if (p->records)
		return fr_wire_write_end(to, refusal != NULL ? refusal->why.text : "");
	if (p->state == FRAMES_SUBSCRIBED ||
	    (p->door->role == FRAMES_SUBSCRIBE && !p->took_hello)) {
		memset(to, 0, FR_PREFIX_PLAIN_BYTES); /* length 0: the end of plain framing */
		return FR_PREFIX_PLAIN_BYTES;
	}
	if (refusal == NULL || refusal->code == 0)
		return 0;
	return (size_t)snprintf(
	    (char *)to, FR_WIRE_SMALL_MAX, "ERR %u %s\n", refusal->code, refusal->why.text);
}

void frames_peer_finish(struct frames_peer *p, const void *last, size_t size, const char *words)
{
	const struct fr_limits *limits = p->door->env.limits;
	struct fr_conn *conn = p->conn;

	leave(p, words);
	p->conn = NULL;
	fr_conn_finish(
	    conn, last, size, p->door->is_draining ? limits->drain_ms : limits->linger_close_ms);
}

void frames_peer_end(struct frames_peer *p, const struct fr_refusal *refusal, const char *words)
{
	uint8_t last[FR_WIRE_SMALL_MAX];

	if (p->state == FRAMES_CLOSED)
		return;
	if (refusal != NULL && refusal->code != 0)
		log_refusal(p, refusal);
	frames_peer_finish(p, last, last_words(p, refusal, last),
	    refusal != NULL && refusal->why.text[0] != '\0' ? refusal->why.text : words);
}

/* A peer broke the protocol: counted here, unless the picture under way takes the count. */
static void end_bad(struct frames_peer *p, unsigned code, enum fr_reason reason, const char *why)
{
	struct fr_refusal refusal = {.code = code, .reason = reason};

	(void)fr_cause_set(&refusal.why, 0, "%s", why);
	if (p->ingest != NULL && fr_ingest_counts(p->ingest).receiving)
		fr_ingest_reject(p->ingest, reason, 0);
	else
		fr_stat_rejected("frames", reason);
	frames_peer_end(p, &refusal, why);
}

bool frames_peer_answer(struct frames_peer *p, const char *line)
{
	if (fr_conn_put(p->conn, line, strlen(line)) != FR_SEND_GONE)
		return true;
	frames_peer_drop(p, "the peer does not read");
	return false;
}

/* In */

void frames_peer_settle(struct frames_peer *p, enum frames_state state)
{
	p->state = state;
	fr_admission_settle(p->door->env.admission, &p->ticket);
}

static unsigned code_of(enum fr_reason reason)
{
	switch (reason) {
	case FR_REASON_length_over_max:
	case FR_REASON_bad_message:
		return 413;
	case FR_REASON_not_jpeg:
	case FR_REASON_bad_jpeg:
		return 415;
	default:
		return 400;
	}
}

static void on_hello(struct frames_peer *p, const struct fr_wire_event *event)
{
	const enum frames_role role = p->door->role;
	struct fr_refusal refusal = {.code = 400, .reason = FR_REASON_bad_hello};
	struct fr_hello hello;

	p->took_hello = true;
	if (fr_hello_read((const char *)event->text, event->size,
	        p->door->env.limits->max_queue_frames, &hello, &refusal.why) < 0) {
		end_bad(p, 400, FR_REASON_bad_hello, refusal.why.text);
		return;
	}
	if ((role == FRAMES_PUBLISH && hello.verb == FR_HELLO_SUB) ||
	    (role == FRAMES_SUBSCRIBE && hello.verb == FR_HELLO_PUB)) {
		end_bad(p, 403, FR_REASON_role_denied,
		    role == FRAMES_PUBLISH ? "this listener takes publishers only"
		                           : "this listener takes subscribers only");
		return;
	}
	if (hello.verb == FR_HELLO_LIST)
		frames_list(p);
	else if (hello.verb == FR_HELLO_PUB)
		frames_publish_begin(p, &hello);
	else
		frames_subscribe_begin(p, &hello);
}

static void on_http(struct frames_peer *p)
{
	static const char text[] =
	    "this port speaks the frames protocol; this build has no door for "
	    "what you speak\n";
	char answer[256];
	const int n = snprintf(answer, sizeof(answer),
	    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n%s",
	    sizeof(text) - 1, text);
	struct fr_refusal refusal = {.code = 0, .reason = FR_REASON_wrong_protocol};

	(void)fr_cause_set(&refusal.why, 0, "HTTP on the frames port, and no door takes it");
	fr_stat_rejected("frames", refusal.reason);
	log_refusal(p, &refusal);
	frames_peer_finish(p, answer, (size_t)n, refusal.why.text);
}

static void on_event(struct frames_peer *p, struct fr_wire_event *event, int64_t now_us)
{
	switch (event->type) {
	case FR_WIRE_MORE:
		return;
	case FR_WIRE_IS_HELLO:
		on_hello(p, event);
		return;
	case FR_WIRE_IS_HTTP:
	case FR_WIRE_IS_HTTP2:
		on_http(p);
		return;
	case FR_WIRE_IS_PUBLISHER:
		frames_publish_begin(p, NULL);
		return;
	case FR_WIRE_PING: {
		uint8_t pong[FR_WIRE_SMALL_MAX];
		const size_t n =
		    fr_wire_write_pong(pong, event->text, event->size, fr_clock_real_us());

		if (fr_conn_put(p->conn, pong, n) == FR_SEND_GONE)
			frames_peer_drop(p, "the peer asks and does not read the answers");
		return;
	}
	case FR_WIRE_BAD:
		end_bad(p, code_of(event->reason), event->reason, event->why.text);
		return;
	case FR_WIRE_ERROR:
		frames_peer_drop(p, "the peer reports an error");
		return;
	default:
		frames_publish_event(p, event, now_us);
	}
}

/* A plain subscriber has nothing more to say; reading it tells when it is gone. */
static void discard(struct frames_peer *p, size_t n)
{
	p->unwanted_bytes += (uint32_t)n;
	if (p->unwanted_bytes > UNWANTED_MAX)
		end_bad(p, 400, FR_REASON_garbage, "a subscriber that goes on sending");
}

/* Since when something is incomplete: the clock of frame_timeout_ms. */
static void note_inside(struct frames_peer *p, int64_t now_us)
{
	if (p->state == FRAMES_CLOSED || p->wire == NULL || !fr_wire_is_inside(p->wire)) {
		p->inside_us = 0;
		p->in_picture = false;
	} else if (p->inside_us == 0) {
		p->inside_us = now_us;
	}
}

/* Hands bytes to the reader, event by event. What comes while the peer must wait is kept. */
static void take_bytes(struct frames_peer *p, const uint8_t *bytes, size_t size, int64_t now_us)
{
	struct fr_wire_event event;
	size_t n;

	while (p->state != FRAMES_CLOSED && p->wire != NULL) {
		if (p->state == FRAMES_ASKING) {
			if (size != 0) {
				p->leftover =
				    fr_xcalloc(1, size); /* at most BEHIND_BYTES: ours to choose */
				memcpy(p->leftover, bytes, size);
				p->leftover_size = size;
			}
			return;
		}
		n = fr_wire_read(p->wire, bytes, size, &event);
		bytes += n;
		size -= n;
		on_event(p, &event, now_us);
		if (event.type == FR_WIRE_MORE)
			return;
	}
	if (p->state != FRAMES_CLOSED && size != 0)
		discard(p, size);
}

void frames_peer_resume(struct frames_peer *p)
{
	uint8_t *bytes = p->leftover;
	const size_t size = p->leftover_size;

	p->leftover = NULL;
	p->leftover_size = 0;
	fr_conn_pause(p->conn, false);
	if (bytes != NULL) {
		take_bytes(p, bytes, size, fr_clock_now_us());
		note_inside(p, fr_clock_now_us());
	}
	free(bytes);
}

/* The peer went away inside a length or a picture: the part is discarded, counted and said. */
static void note_truncated(struct frames_peer *p)
{
	char addr[FR_ADDR_TEXT_MAX], host[FR_ADDR_TEXT_MAX];

	if (p->state != FRAMES_PUBLISHING || p->wire == NULL || !fr_wire_is_inside(p->wire))
		return;
	if (!fr_ingest_counts(p->ingest).receiving) /* else it is counted with the picture */
		fr_stat_rejected("frames", FR_REASON_truncated_frame);
	fr_addr_print(fr_conn_peer(p->conn), addr);
	fr_addr_print_host(fr_conn_peer(p->conn), host);
	fr_log_limited(FR_LOG_WARNING, "frames", "rejected", host,
	    "reason=%s peer=%s stream=%s id=%llu bytes=%zu action=close",
	    fr_reason_name(FR_REASON_truncated_frame), addr, p->stream, (unsigned long long)p->id,
	    fr_wire_inside_bytes(p->wire));
}

static void on_ended(struct frames_peer *p, ssize_t n)
{
	note_truncated(p);
	if (n < 0)
		frames_peer_drop(p, strerror((int)-n));
	else if (p->state == FRAMES_PUBLISHING && p->wire != NULL && fr_wire_is_inside(p->wire))
		frames_peer_drop(p, "the peer closed inside a picture");
	else if (p->state == FRAMES_PUBLISHING)
		frames_peer_end(p, NULL, "the peer closed");
	else
		frames_peer_drop(p, "the peer closed");
}

static void on_readable(void *arg)
{
	struct frames_peer *p = arg;
	size_t behind_size, total = 0, room, wanted;
	uint8_t *behind = fr_loop_scratch(p->door->env.loop, &behind_size);
	const int64_t now_us = fr_clock_now_us();
	struct iovec iov[2];
	uint8_t *into;
	ssize_t n;

	do {
		room = p->wire != NULL ? fr_wire_room(p->wire, &into) : 0;
		iov[0] = (struct iovec){into, room};
		iov[1] = (struct iovec){behind, BEHIND_BYTES};
		wanted = room + BEHIND_BYTES;
		n = room != 0 ? fr_conn_read(p->conn, iov, 2) : fr_conn_read(p->conn, iov + 1, 1);
		if (n == -EAGAIN)
			break;
		if (n <= 0) {
			on_ended(p, n);
			return;
		}
		total += (size_t)n;
		p->heard_us = now_us;
		if (p->ingest != NULL) {
			fr_ingest_received(p->ingest, (size_t)n);
			fr_ingest_alive(p->ingest, now_us);
		} else {
			p->early_bytes += (size_t)n;
		}
		if (p->wire == NULL) {
			discard(p, (size_t)n);
		} else if ((size_t)n <= room) {
			fr_wire_filled(p->wire, (size_t)n);
			take_bytes(p, behind, 0, now_us);
		} else {
			if (room != 0)
				fr_wire_filled(p->wire, room);
			take_bytes(p, behind, (size_t)n - room, now_us);
		}
	} while (p->state != FRAMES_CLOSED && p->state != FRAMES_ASKING && (size_t)n == wanted &&
	         total < TURN_BYTES);
	note_inside(p, now_us);
}

static void on_drained(void *arg)
{
	struct frames_peer *p = arg;

	if (p->state == FRAMES_SUBSCRIBED)
		frames_subscribe_drained(p);
}

static void on_gone(void *arg, const char *reason)
{
	frames_peer_drop(arg, reason);
}

/* Deadlines */

static void tick_publisher(struct frames_peer *p, int64_t now_us)
{
	const struct fr_limits *limits = p->door->env.limits;
	const int64_t inside_ms = p->inside_us != 0 ? (now_us - p->inside_us) / 1000 : 0;
	const int64_t come = (int64_t)fr_wire_inside_bytes(p->wire);
	char why[128];

	if (limits->frame_timeout_ms != 0 && inside_ms > limits->frame_timeout_ms) {
		(void)snprintf(why, sizeof(why), "%s is not whole after %lld ms",
		    p->in_picture ? "a picture" : "a length", (long long)inside_ms);
		end_bad(p, 400, FR_REASON_frame_timeout, why);
	} else if (p->in_picture && limits->frame_min_rate_after_ms != 0 &&
	           inside_ms > limits->frame_min_rate_after_ms && inside_ms > 0 &&
	           come * 1000 / inside_ms < limits->frame_min_rate_bytes) {
		(void)snprintf(why, sizeof(why), "a picture comes in at %lld bytes/s",
		    (long long)(come * 1000 / inside_ms));
		end_bad(p, 400, FR_REASON_frame_timeout, why);
	} else if (limits->publisher_timeout_ms != 0 &&
	           now_us - p->heard_us > limits->publisher_timeout_ms * 1000) {
		end_bad(
		    p, 400, FR_REASON_publisher_timeout, "nothing came for publisher_timeout_ms");
	}
}

static void tick_subscriber(struct frames_peer *p, int64_t now_us)
{
	const int64_t stall_ms = p->door->env.limits->subscriber_stall_ms;
	struct fr_refusal refusal = {.code = 400, .reason = FR_REASON_slow_subscriber};

	if (stall_ms == 0 || fr_conn_waiting_bytes(p->conn) == 0 ||
	    now_us - fr_conn_progress_us(p->conn) <= stall_ms * 1000)
		return;
	(void)fr_cause_set(&refusal.why, 0, "no byte taken for %lld ms", (long long)stall_ms);
	fr_stat_rejected("frames", refusal.reason);
	log_refusal(p, &refusal);
	frames_peer_drop(p, refusal.why.text); /* what waits is worthless: no last words */
}

static void tick_ping(struct frames_peer *p, int64_t now_us)
{
	const int64_t interval_ms = p->door->env.limits->ping_interval_ms;
	uint8_t ping[FR_WIRE_SMALL_MAX];

	if (!p->records || interval_ms == 0 || now_us < p->ping_us)
		return;
	p->ping_us = now_us + interval_ms * 1000;
	if (fr_conn_waiting_bytes(p->conn) != 0)
		return; /* it has something to read already */
	if (fr_conn_put(p->conn, ping, fr_wire_write_ping(ping, fr_clock_real_us())) ==
	    FR_SEND_GONE)
		frames_peer_drop(p, "the peer is gone");
}

void frames_peer_tick(struct frames_peer *p, int64_t now_us)
{
	const int64_t first_ms = p->door->env.limits->first_byte_timeout_ms;
	char why[128];

	if (p->state == FRAMES_HELLO) {
		if (first_ms == 0 || now_us - p->since_us <= first_ms * 1000)
			return;
		(void)snprintf(why, sizeof(why), "%s within %lld ms",
		    p->heard_us == 0 ? "nothing came" : "no whole hello and no length came",
		    (long long)first_ms);
		end_bad(p, 400, FR_REASON_first_byte_timeout, why);
		return;
	}
	if (p->state == FRAMES_PUBLISHING)
		tick_publisher(p, now_us);
	else if (p->state == FRAMES_SUBSCRIBED)
		tick_subscriber(p, now_us);
	if (p->state == FRAMES_PUBLISHING || p->state == FRAMES_SUBSCRIBED)
		tick_ping(p, now_us);
}

/* The beginning */

static void refuse_fd(struct frames_door *d, int fd, const struct fr_addr *addr, unsigned code,
    enum fr_reason reason, const char *why)
{
	char host[FR_ADDR_TEXT_MAX], key[FR_ADDR_TEXT_MAX + 64], line[512];
	struct fr_log_text room;
	int n = snprintf(line, sizeof(line), "ERR %u %s\n", code, why);

	if (d->role == FRAMES_SUBSCRIBE) {
		memset(line, 0, FR_PREFIX_PLAIN_BYTES);
		n = FR_PREFIX_PLAIN_BYTES;
	}
	(void)!send(
	    fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT); /* one try: it is no peer of ours */
	(void)shutdown(fd, SHUT_WR);
	(void)close(fd);
	fr_stat_rejected("frames", reason);
	fr_addr_print_host(addr, host);
	(void)snprintf(key, sizeof(key), "%s %s", fr_reason_name(reason), host);
	fr_log_limited(FR_LOG_WARNING, "frames", "rejected", key,
	    "reason=%s peer=%s action=close why=%s", fr_reason_name(reason), host,
	    fr_log_quote(&room, why));
}

static size_t at_most(int64_t limit, size_t hard)
{
	return limit != 0 ? (size_t)limit : hard;
}

void frames_on_accept(void *arg, int fd, const struct fr_addr *addr)
{
	static const struct fr_conn_ops ops = {
	    .on_readable = on_readable, .on_drained = on_drained, .on_gone = on_gone};
	struct frames_door *d = arg;
	const struct fr_limits *limits = d->env.limits;
	const struct fr_conn_options conn_options = {
	    .notsent_lowat_bytes = limits->notsent_lowat_bytes,
	    .keepalive_idle_ms = limits->keepalive_idle_ms,
	    .keepalive_interval_ms = limits->keepalive_interval_ms,
	};
	const struct fr_wire_limits wire_limits = {
	    .max_frame_bytes = at_most(limits->max_frame_bytes, FR_FRAME_BYTES_HARD),
	    .max_message_bytes = at_most(limits->max_message_bytes, FR_MESSAGE_BYTES_HARD),
	};
	const int64_t now_us = fr_clock_now_us();
	struct fr_ticket ticket = {0};
	struct frames_peer *p;
	enum fr_reason reason;
	struct fr_cause why;
	unsigned code;

	fr_stat_add(FR_STAT_connections_accepted, 1);
	if (fr_admission_enter(d->env.admission, addr, now_us, &ticket, &reason, &code, &why) < 0) {
		refuse_fd(d, fd, addr, code, reason, why.text);
		return;
	}
	p = fr_xcalloc(1, sizeof(*p));
	p->door = d;
	p->ticket = ticket;
	p->since_us = now_us;
	p->id = (uint64_t)fr_stat_value(FR_STAT_connections_accepted); /* never repeats */
	p->state = FRAMES_HELLO;
	p->conn = fr_conn_new(d->env.loop, fd, addr, &conn_options, &ops, p);
	TAILQ_INSERT_TAIL(&d->peers, p, entry);
	fr_stat_add(FR_STAT_connections_open, 1);
	if (d->role == FRAMES_SUBSCRIBE)
		frames_subscribe_begin(p, NULL);
	else
		p->wire = fr_wire_new(fr_relay_pool(d->env.relay), &wire_limits, FR_WIRE_UNKNOWN);
}
