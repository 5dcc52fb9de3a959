/* SPDX-License-Identifier: MIT */
/* One connection of the http door: requests one after the other, their bodies, deadlines. */
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
#include "common/net/loop.h"
#include "common/net/tls.h"
#include "daemon/doors/http/inside.h"

enum {
	TURN_BYTES = 256 * 1024,  /* read from one connection before the others have their turn */
	BEHIND_BYTES = 16 * 1024, /* read along behind a picture: heads, requests */
	UNWANTED_MAX = 4096,      /* that an MJPEG viewer may send */
};

void fr_http_peer_enter(struct http_peer *p, enum http_state state, int64_t deadline_ms)
{
	p->state = state;
	p->deadline_us = deadline_ms != 0 ? fr_clock_now_us() + deadline_ms * 1000 : 0;
}

/* In: requests */

void fr_http_peer_ask(struct http_peer *p)
{
	if (fr_http_host_is_good(p) && fr_http_origin_is_good(p))
		fr_http_route(p);
}

static void begin_request(struct http_peer *p)
{
	const struct fr_http_request *r = fr_http_head_request(p->head);
	const int64_t most = p->door->env.limits->http_requests_per_connection;

	fr_admission_settle(p->door->env.admission, &p->ticket);
	p->requests++;
	p->is_head = r->method == FR_HTTP_HEAD;
	p->closes = !r->keeps_alive || (most != 0 && p->requests >= most);
	p->body_is_over = r->body == FR_HTTP_NO_BODY;
	p->body_is_chunked = r->body == FR_HTTP_CHUNKED;
	p->body_left = r->content_length;
	p->chunked = (struct fr_http_chunked){0};
	p->stream[0] = '\0';
	if (fr_http_find_who(p) && fr_http_login(p))
		fr_http_peer_ask(p);
}

static size_t take_head(struct http_peer *p, const uint8_t *bytes, size_t size)
{
	const bool had_begun = fr_http_head_has_begun(p->head);
	struct fr_http_head_event event;
	const size_t taken = fr_http_head_read(p->head, bytes, size, &event);

	p->head_bytes = had_begun ? p->head_bytes + taken : taken;
	if (!had_begun && p->requests != 0) /* the pause between two requests has ended */
		fr_http_peer_enter(p, HTTP_HEAD, p->door->env.limits->http_header_timeout_ms);
	if (event.state == FR_HTTP_HEAD_DONE) {
		begin_request(p);
	} else if (event.state == FR_HTTP_HEAD_BAD) {
		p->closes = true;
		p->is_head = false;
		fr_http_fail(p, event.code, event.reason, "%s", event.why.text);
	}
	return taken;
}

/* In: bodies */

static void body_bytes(struct http_peer *p, const uint8_t *bytes, size_t size)
{
	const int64_t most = p->door->env.limits->max_message_bytes;

	if (p->state == HTTP_PUBLISHING) {
		fr_http_publish_bytes(p, bytes, size, fr_clock_now_us());
	} else if (most != 0 && p->body.length + size > (size_t)most) {
		fr_http_fail(p, 413, FR_REASON_body_too_large,
		    "a message of more than max_message_bytes = %lld", (long long)most);
	} else {
		fr_text_put(&p->body, bytes, size);
	}
}

static void body_end(struct http_peer *p)
{
	p->body_is_over = true;
	if (p->state == HTTP_PUBLISHING)
		fr_http_publish_end(p);
	else
		fr_http_message_end(p);
}

/* Of this request alone: what came with it may be the next one's. */
static void count_body(struct http_peer *p, size_t size)
{
	if (p->ingest != NULL)
		fr_ingest_received(p->ingest, size);
}

static size_t take_chunked(struct http_peer *p, const uint8_t *bytes, size_t size)
{
	struct fr_http_chunked_event event;
	const size_t taken = fr_http_chunked_read(&p->chunked, bytes, size, &event);

	count_body(p, taken);
	if (event.state == FR_HTTP_CHUNKED_DATA)
		body_bytes(p, event.bytes, event.size);
	else if (event.state == FR_HTTP_CHUNKED_END)
		body_end(p);
	else if (event.state == FR_HTTP_CHUNKED_BAD)
		fr_http_fail(p, 400, FR_REASON_http_malformed, "%s", event.why);
	return taken;
}

static size_t take_body(struct http_peer *p, const uint8_t *bytes, size_t size)
{
	const enum http_state state = p->state;

	if (p->body_is_chunked)
		return take_chunked(p, bytes, size);
	if (size > p->body_left)
		size = (size_t)p->body_left;
	p->body_left -= size;
	count_body(p, size);
	body_bytes(p, bytes, size);
	if (p->state == state && p->body_left == 0)
		body_end(p);
	return size;
}

/* In: bytes */

static void keep_leftover(struct http_peer *p, const uint8_t *bytes, size_t size)
{
	if (size == 0)
		return;
	/* At most what one read gave: reading pauses here. */
	p->leftover = fr_xreallocarray(p->leftover, p->leftover_size + size, 1);
	memcpy(p->leftover + p->leftover_size, bytes, size);
	p->leftover_size += size;
}

static void discard(struct http_peer *p, size_t size)
{
	p->unwanted_bytes += (uint32_t)size;
	if (p->unwanted_bytes <= UNWANTED_MAX)
		return;
	fr_stat_rejected("http", FR_REASON_garbage);
	fr_http_peer_drop(p, "a viewer that goes on sending");
}

void fr_http_peer_take(struct http_peer *p, const uint8_t *bytes, size_t size)
{
	size_t n;

	while (size > 0 && p->state != HTTP_CLOSED) {
		switch (p->state) {
		case HTTP_HEAD:
			n = take_head(p, bytes, size);
			break;
		case HTTP_BODY:
		case HTTP_PUBLISHING:
			n = take_body(p, bytes, size);
			break;
		case HTTP_STREAMING:
			discard(p, size);
			return;
		case HTTP_SOCKET:
			fr_http_ws_bytes(p, bytes, size);
			return;
		default:
			keep_leftover(p, bytes, size);
			fr_conn_pause(p->conn, true);
			return;
		}
		bytes += n;
		size -= n;
	}
}

void fr_http_peer_resume(struct http_peer *p)
{
	uint8_t *bytes = p->leftover;
	const size_t size = p->leftover_size;

	p->leftover = NULL;
	p->leftover_size = 0;
	fr_conn_pause(p->conn, false);
	fr_http_peer_take(p, bytes, size);
	free(bytes);
}

static void on_ended(struct http_peer *p, ssize_t n)
{
	if (p->state == HTTP_PUBLISHING && fr_wire_is_inside(p->wire) &&
	    !fr_ingest_counts(p->ingest).receiving)
		fr_stat_rejected("http", FR_REASON_truncated_frame);
	/* An answer that is under way may still be read by who has only ended his side. */
	if (n == 0 && (p->state == HTTP_LOGIN || p->state == HTTP_SENDING ||
	                  p->state == HTTP_WAITING || p->state == HTTP_VERIFYING)) {
		p->closes = true;
		return;
	}
	fr_http_peer_drop(p, n < 0 ? fr_conn_read_error(p->conn, n) : "the peer closed");
}

/* Where a picture's bytes belong, when nothing has to be undone on the way. */
static size_t room_of(struct http_peer *p, uint8_t **ret)
{
	size_t room;

	if (p->state != HTTP_PUBLISHING || p->body_is_chunked || p->publish_is_over)
		return 0;
	room = fr_wire_room(p->wire, ret);
	return room < p->body_left ? room : (size_t)p->body_left;
}

static void on_readable(void *arg)
{
	struct http_peer *p = arg;
	size_t behind_size, total = 0, room, into_room;
	uint8_t *behind = fr_loop_scratch(p->door->env.loop, &behind_size), *into = NULL;
	struct iovec iov[2];
	ssize_t n;

	do {
		room = room_of(p, &into);
		iov[0] = (struct iovec){into, room};
		iov[1] = (struct iovec){behind, BEHIND_BYTES};
		n = room != 0 ? fr_conn_read(p->conn, iov, 2) : fr_conn_read(p->conn, iov + 1, 1);
		if (n == -EAGAIN)
			return;
		if (n <= 0) {
			on_ended(p, n);
			return;
		}
		total += (size_t)n;
		p->heard_us = fr_clock_now_us();
		into_room = (size_t)n < room ? (size_t)n : room;
		if (p->ingest != NULL)
			fr_ingest_alive(p->ingest, p->heard_us);
		if (into_room != 0)
			fr_http_publish_filled(p, into_room, p->heard_us);
		fr_http_peer_take(p, behind, (size_t)n - into_room);
	} while (p->state != HTTP_CLOSED && p->leftover == NULL &&
	         (size_t)n == room + BEHIND_BYTES && total < TURN_BYTES);
}

/* Out */

void fr_http_peer_answered(struct http_peer *p)
{
	const struct fr_limits *limits = p->door->env.limits;
	/* In these, what came behind the request was kept. */
	const bool is_held = p->state == HTTP_LOGIN || p->state == HTTP_SENDING ||
	                     p->state == HTTP_WAITING || p->state == HTTP_VERIFYING;

	fr_text_done(&p->body);
	fr_observer_free(p->observer);
	p->observer = NULL;
	if (p->ingest != NULL || p->sub != NULL) {
		const int64_t now_us = fr_clock_now_us();

		fr_ingest_free(p->ingest, now_us);
		fr_subscriber_free(p->sub, now_us);
		p->ingest = NULL;
		p->sub = NULL;
	}
	if (p->closes) {
		fr_http_peer_finish(p, "", 0, "answered");
		return;
	}
	fr_http_head_reset(p->head);
	fr_http_peer_enter(p, HTTP_HEAD, limits->keep_alive_timeout_ms);
	if (is_held)
		fr_http_peer_resume(p);
}

static void on_drained(void *arg)
{
	struct http_peer *p = arg;

	if (p->is_events)
		fr_http_events_drained(p);
	else if (p->ws != NULL)
		fr_http_ws_drained(p);
	else if (p->sub != NULL)
		fr_http_watch_drained(p);
	else if (p->state == HTTP_SENDING)
		fr_http_peer_answered(p);
}

static void on_gone(void *arg, const char *reason)
{
	fr_http_peer_drop(arg, reason);
}

/* Deadlines */

static void tick_stall(struct http_peer *p, int64_t now_us)
{
	const int64_t stall_ms = p->door->env.limits->subscriber_stall_ms;
	struct fr_refusal refusal = {.code = 0, .reason = FR_REASON_slow_subscriber};

	if (stall_ms == 0 || fr_conn_waiting_bytes(p->conn) == 0 ||
	    now_us - fr_conn_progress_us(p->conn) <= stall_ms * 1000)
		return;
	(void)fr_cause_set(&refusal.why, 0, "no byte taken for %lld ms", (long long)stall_ms);
	fr_stat_rejected("http", refusal.reason);
	fr_http_peer_log_refusal(p, &refusal);
	fr_http_peer_drop(p, refusal.why.text); /* what waits is worthless */
}

static void on_deadline(struct http_peer *p)
{
	if (p->state == HTTP_PUBLISHING) {
		fr_http_publish_deadline(p);
	} else if (p->state == HTTP_WAITING) {
		fr_http_fail(p, 503, FR_REASON_no_frame_yet,
		    "no picture of %s within snapshot_timeout_ms", p->stream);
	} else if (p->state == HTTP_HEAD && p->requests != 0 && !fr_http_head_has_begun(p->head)) {
		fr_http_peer_finish(p, "", 0, "nothing more was asked");
	} else {
		p->closes = true;
		p->is_head = false;
		fr_http_fail(p, 408, FR_REASON_header_timeout, "the request was not whole in time");
	}
}

void fr_http_peer_tick(struct http_peer *p, int64_t now_us)
{
	if (p->deadline_us != 0 && now_us >= p->deadline_us) {
		p->deadline_us = 0;
		on_deadline(p);
		return;
	}
	if (p->state == HTTP_PUBLISHING)
		fr_http_publish_tick(p, now_us);
	if (p->is_events)
		fr_http_events_tick(p, now_us);
	else if (p->state == HTTP_STREAMING)
		fr_http_mjpeg_tick(p, now_us);
	else if (p->state == HTTP_SOCKET)
		fr_http_ws_tick(p, now_us);
	if (p->state != HTTP_CLOSED)
		tick_stall(p, now_us);
}

/* The beginning */

static const struct fr_conn_ops conn_ops = {
    .on_readable = on_readable, .on_drained = on_drained, .on_gone = on_gone};

void fr_http_peer_begin(struct http_door *d, struct fr_conn *conn, const struct fr_ticket *ticket)
{
	const struct fr_limits *limits = d->env.limits;
	const struct fr_http_head_limits head_limits = {
	    .line_bytes = (size_t)limits->http_line_bytes,
	    .header_bytes = (size_t)limits->http_header_bytes,
	    .fields = (size_t)limits->http_header_fields,
	};
	struct http_peer *p = fr_xcalloc(1, sizeof(*p));

	p->door = d;
	p->ticket = *ticket;
	p->since_us = fr_clock_now_us();
	p->id = (uint64_t)fr_stat_value(FR_STAT_connections_accepted); /* never repeats */
	p->head = fr_http_head_new(&head_limits);
	p->body_is_over = true;
	p->conn = conn;
	fr_conn_set_owner(conn, &conn_ops, p);
	fr_http_peer_enter(p, HTTP_HEAD, limits->http_header_timeout_ms);
	TAILQ_INSERT_TAIL(&d->peers, p, entry);
	fr_http_look_later(d);
	fr_stat_add(FR_STAT_connections_open, 1);
}

static struct fr_conn *new_conn(struct http_door *d, int fd, const struct fr_addr *addr)
{
	static const struct fr_tls_protocols protocols = {.list = "\x08http/1.1"};
	const struct fr_limits *limits = d->env.limits;
	const struct fr_conn_options options = {
	    .notsent_lowat_bytes = limits->notsent_lowat_bytes,
	    .keepalive_idle_ms = limits->keepalive_idle_ms,
	    .keepalive_interval_ms = limits->keepalive_interval_ms,
	    .tls = {.tls = d->tls,
	        .protocols = &protocols,
	        .handshake_ms = limits->tls_handshake_timeout_ms,
	        .area = "http"},
	};

	return fr_conn_new(d->env.loop, fd, addr, &options, &conn_ops, NULL);
}

static void refuse_fd(const struct http_door *d, int fd, const struct fr_addr *addr, unsigned code,
    enum fr_reason reason, const struct fr_cause *why)
{
	char host[FR_ADDR_TEXT_MAX], key[FR_ADDR_TEXT_MAX + 64], text[512];
	struct fr_log_text room;
	const int n = snprintf(text, sizeof(text),
	    "HTTP/1.1 %u Refused\r\nX-Content-Type-Options: nosniff\r\nContent-Type: "
	    "text/plain\r\nContent-Length: %zu\r\nRetry-After: 1\r\n"
	    "Connection: close\r\n\r\n%s\n",
	    code, strlen(why->text) + 1, why->text);

	/* One try: it is no peer of ours. In TLS it would cost a handshake. */
	if (d->tls == NULL)
		(void)!send(fd, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_WR);
	(void)close(fd);
	fr_stat_rejected("http", reason);
	fr_addr_print_host(addr, host);
	(void)snprintf(key, sizeof(key), "%s %s", fr_reason_name(reason), host);
	fr_log_limited(FR_LOG_WARNING, "http", "rejected", key,
	    "reason=%s peer=%s action=close why=%s", fr_reason_name(reason), host,
	    fr_log_quote(&room, why->text));
}

void fr_http_on_accept(void *arg, int fd, const struct fr_addr *addr)
{
	/* A proxy is as many as it has clients; each of them has the limits of an address. */
	static const struct fr_addr no_limits = {.kind = FR_ADDR_UNIX};
	struct http_door *d = arg;
	struct fr_ticket ticket = {.is_tls = d->tls != NULL};
	enum fr_reason reason;
	struct fr_cause why;
	unsigned code;

	fr_stat_add(FR_STAT_connections_accepted, 1);
	if (fr_admission_enter(d->env.admission,
	        fr_proxies_have(&d->proxies, addr) ? &no_limits : addr, fr_clock_now_us(), &ticket,
	        &reason, &code, &why) < 0)
		refuse_fd(d, fd, addr, code, reason, &why);
	else
		fr_http_peer_begin(d, new_conn(d, fd, addr), &ticket);
}
