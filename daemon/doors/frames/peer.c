/* SPDX-License-Identifier: MIT */
/* One connection of the frames door: first bytes, hello, reading, deadlines, end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "common/base/clock.h"
#include "common/base/hot.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/media/wire_write.h"
#include "common/net/loop.h"
#include "common/net/tls.h"
#include "daemon/doors/frames/inside.h"
#include "daemon/doors/logins.h"

enum {
	TURN_BYTES = 256 * 1024,  /* read from one connection before the others have their turn */
	BEHIND_BYTES = 16 * 1024, /* read along behind a picture: heads, small pictures */
	UNWANTED_MAX = 4096,      /* that a plain subscriber may send (a newline too many) */
};

/* In */

void fr_frames_peer_settle(struct frames_peer *p, enum frames_state state)
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

static void login(struct frames_peer *p, struct fr_hello *hello)
{
	struct fr_who who = fr_frames_peer_who(p);

	if (hello->token[0] == '\0')
		return;
	fr_logins_token(p->door->env.logins, hello->token, &who.addr, &who, fr_clock_now_us());
	p->login = who.login;
	p->identity = who.identity;
	OPENSSL_cleanse(hello->token, sizeof(hello->token));
}

static void on_hello(struct frames_peer *p, const struct fr_wire_event *event)
{
	const enum frames_role role = p->door->role;
	struct fr_refusal refusal = {.code = 400, .reason = FR_REASON_bad_hello};
	struct fr_hello hello;

	p->took_hello = true;
	if (fr_hello_read((const char *)event->text, event->size,
	        p->door->env.limits->max_queue_frames, &hello, &refusal.why) < 0) {
		fr_frames_peer_end_bad(p, 400, FR_REASON_bad_hello, refusal.why.text);
		return;
	}
	if ((role == FRAMES_PUBLISH && hello.verb == FR_HELLO_SUB) ||
	    (role == FRAMES_SUBSCRIBE && hello.verb == FR_HELLO_PUB)) {
		fr_frames_peer_end_bad(p, 403, FR_REASON_role_denied,
		    role == FRAMES_PUBLISH ? "this listener takes publishers only"
		                           : "this listener takes subscribers only");
		return;
	}
	login(p, &hello);
	if (hello.verb == FR_HELLO_LIST)
		fr_frames_list(p);
	else if (hello.verb == FR_HELLO_PUB)
		fr_frames_publish_begin(p, &hello);
	else
		fr_frames_subscribe_begin(p, &hello);
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
		return; /* take_bytes() has what came behind */
	case FR_WIRE_IS_PUBLISHER:
		fr_frames_publish_begin(p, NULL);
		return;
	case FR_WIRE_PING: {
		uint8_t pong[FR_WIRE_SMALL_MAX];
		const size_t n =
		    fr_wire_write_pong(pong, event->text, event->size, fr_clock_real_us());

		if (fr_conn_put(p->conn, pong, n) == FR_SEND_GONE)
			fr_frames_peer_drop(p, "the peer asks and does not read the answers");
		return;
	}
	case FR_WIRE_BAD:
		fr_frames_peer_end_bad(p, code_of(event->reason), event->reason, event->why.text);
		return;
	case FR_WIRE_ERROR:
		fr_frames_peer_drop(p, "the peer reports an error");
		return;
	default:
		fr_frames_publish_event(p, event, now_us);
	}
}

/* A plain subscriber has nothing more to say; reading it tells when it is gone. */
static void discard(struct frames_peer *p, size_t n)
{
	p->unwanted_bytes += (uint32_t)n;
	if (p->unwanted_bytes > UNWANTED_MAX)
		fr_frames_peer_end_bad(
		    p, 400, FR_REASON_garbage, "a subscriber that goes on sending");
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

/*
 * Hands bytes to the reader, event by event. What comes while the peer must wait is kept. Gives whether
 * there was a whole picture.
 */
FR_HOT static bool take_bytes(
    struct frames_peer *p, const uint8_t *bytes, size_t size, int64_t now_us)
{
	struct fr_wire_event event;
	bool had_picture = false;
	size_t n;

	while (p->state != FRAMES_CLOSED && p->wire != NULL) {
		if (p->state == FRAMES_ASKING) {
			if (size != 0) {
				p->leftover =
				    fr_xcalloc(1, size); /* at most BEHIND_BYTES: ours to choose */
				memcpy(p->leftover, bytes, size);
				p->leftover_size = size;
			}
			return had_picture;
		}
		n = fr_wire_read(p->wire, bytes, size, &event);
		bytes += n;
		size -= n;
		on_event(p, &event, now_us);
		if (event.type == FR_WIRE_IS_HTTP || event.type == FR_WIRE_IS_HTTP2) {
			fr_frames_hand_over(
			    p, event.type == FR_WIRE_IS_HTTP ? "http" : "grpc", bytes, size);
			return had_picture;
		}
		if (event.type == FR_WIRE_MORE)
			return had_picture;
		had_picture = had_picture || event.type == FR_WIRE_FRAME;
	}
	if (p->state != FRAMES_CLOSED && size != 0)
		discard(p, size);
	return had_picture;
}

void fr_frames_peer_resume(struct frames_peer *p)
{
	uint8_t *bytes = p->leftover;
	const size_t size = p->leftover_size;

	p->leftover = NULL;
	p->leftover_size = 0;
	fr_conn_pause(p->conn, false);
	if (bytes != NULL) {
		(void)take_bytes(p, bytes, size, fr_clock_now_us());
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
		fr_frames_peer_drop(p, fr_conn_read_error(p->conn, n));
	else if (p->state == FRAMES_PUBLISHING && p->wire != NULL && fr_wire_is_inside(p->wire))
		fr_frames_peer_drop(p, "the peer closed inside a picture");
	else if (p->state == FRAMES_PUBLISHING)
		fr_frames_peer_end(p, NULL, "the peer closed");
	else
		fr_frames_peer_drop(p, "the peer closed");
}

static void note_heard(struct frames_peer *p, size_t n, int64_t now_us)
{
	p->heard_us = now_us;
	if (p->ingest != NULL) {
		fr_ingest_received(p->ingest, n);
		fr_ingest_alive(p->ingest, now_us);
	} else {
		p->early_bytes += n;
	}
}

/*
 * One read, each byte of a picture straight to its place as far as that is known. @return as fr_conn_read(); *ret_full:
 * there may be more, *ret_picture: a picture is whole
 */
static ssize_t read_once(struct frames_peer *p, int64_t now_us, bool *ret_full, bool *ret_picture)
{
	struct fr_wire *wire = p->wire; /* freed no earlier than at the turn's end */
	struct fr_frame *frame = NULL;
	size_t room = 0, into_room = 0, behind_size;
	uint8_t *into = NULL;
	struct iovec iov[2] = {0};
	int count = 0;
	ssize_t n;

	if (wire != NULL) {
		room = fr_wire_room(wire, &into);
		iov[0] = (struct iovec){into, room};
		count = room != 0;
		if (room == 0)
			iov[0].iov_len = fr_wire_ahead(wire, &into, &frame);
	}
	if (frame != NULL)
		iov[count++].iov_base = into;
	else
		iov[count++] =
		    (struct iovec){fr_loop_scratch(p->door->env.loop, &behind_size), BEHIND_BYTES};
	n = fr_conn_read(p->conn, iov, count);
	if (n > 0) {
		note_heard(p, (size_t)n, now_us);
		*ret_full = (size_t)n == iov[0].iov_len + iov[1].iov_len;
		into_room = (size_t)n < room ? (size_t)n : room;
		if (into_room != 0)
			fr_wire_filled(wire, into_room);
		if (wire != NULL)
			*ret_picture =
			    take_bytes(p, iov[count - 1].iov_base, (size_t)n - into_room, now_us);
		else
			discard(p, (size_t)n);
	}
	if (frame != NULL)
		fr_wire_ahead_done(wire, frame);
	return n;
}

/* One picture a turn: the next one would push it out of the queues before it is sent. */
FR_HOT static void on_readable(void *arg)
{
	struct frames_peer *p = arg;
	const int64_t now_us = fr_clock_now_us();
	bool is_full = false, had_picture = false;
	size_t total = 0;
	ssize_t n;

	do {
		n = read_once(p, now_us, &is_full, &had_picture);
		if (n == -EAGAIN)
			break;
		if (n <= 0) {
			on_ended(p, n);
			return;
		}
		total += (size_t)n;
	} while (p->state != FRAMES_CLOSED && p->state != FRAMES_ASKING && is_full &&
	         !had_picture && total < TURN_BYTES);
	note_inside(p, now_us);
}

static void on_drained(void *arg)
{
	struct frames_peer *p = arg;

	if (p->state == FRAMES_SUBSCRIBED)
		fr_frames_subscribe_drained(p);
}

static void on_gone(void *arg, const char *reason)
{
	fr_frames_peer_drop(arg, reason);
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
	/* One try: it is no peer of ours. In TLS it would cost a handshake. */
	if (d->tls == NULL)
		(void)!send(fd, line, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
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

void fr_frames_on_accept(void *arg, int fd, const struct fr_addr *addr)
{
	static const struct fr_conn_ops ops = {
	    .on_readable = on_readable, .on_drained = on_drained, .on_gone = on_gone};
	/* Of a browser, which speaks both, HTTP/1.1 is wanted: HTTP/2 is gRPC alone. */
	static const struct fr_tls_protocols protocols = {.list = "\x08http/1.1\x02h2"};
	struct frames_door *d = arg;
	const struct fr_limits *limits = d->env.limits;
	const struct fr_conn_options conn_options = {
	    .notsent_lowat_bytes = limits->notsent_lowat_bytes,
	    .keepalive_idle_ms = limits->keepalive_idle_ms,
	    .keepalive_interval_ms = limits->keepalive_interval_ms,
	    .tls = {.tls = d->tls,
	        .protocols = &protocols,
	        .handshake_ms = limits->tls_handshake_timeout_ms,
	        .is_ticketless = true,
	        .area = "frames"},
	};
	const struct fr_wire_limits wire_limits = {
	    .max_frame_bytes = at_most(limits->max_frame_bytes, FR_FRAME_BYTES_HARD),
	    .max_message_bytes = at_most(limits->max_message_bytes, FR_MESSAGE_BYTES_HARD),
	};
	const int64_t now_us = fr_clock_now_us();
	struct fr_ticket ticket = {.is_tls = d->tls != NULL};
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
		fr_frames_subscribe_begin(p, NULL);
	else
		p->wire = fr_wire_new(fr_relay_pool(d->env.relay), &wire_limits, FR_WIRE_UNKNOWN);
}
