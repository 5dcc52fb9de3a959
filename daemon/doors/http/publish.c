/* SPDX-License-Identifier: MIT */
/* Pictures and messages in, by POST or PUT: one JPEG, multipart, JPEGs one after the other; chunked or not, endless or not. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/media/frame.h"
#include "common/media/multipart.h"
#include "daemon/doors/http/inside.h"

/* --- Answers ---------------------------------------------------------------------------------- */

static unsigned code_of(enum fr_reason reason)
{
	switch (reason) {
	case FR_REASON_length_over_max:
		return 413;
	case FR_REASON_not_jpeg:
	case FR_REASON_bad_jpeg:
	case FR_REASON_too_many_pixels:
		return 415;
	case FR_REASON_rate_limit:
		return 429;
	default:
		return 400;
	}
}

/* The publisher broke the rules: counted here, unless the picture under way takes the count. */
static void fail_publisher(
    struct http_peer *p, unsigned code, enum fr_reason reason, const char *why)
{
	struct fr_refusal refusal = {.code = code, .reason = reason};
	const bool counts = fr_ingest_counts(p->ingest).receiving != 0;

	(void)fr_cause_set(&refusal.why, 0, "%s", why);
	if (counts)
		fr_ingest_reject(p->ingest, reason, 0);
	fr_http_refuse(p, &refusal, counts);
}

static void answer_published(struct http_peer *p)
{
	const struct fr_ingest_counts counts = fr_ingest_counts(p->ingest);
	char text[64];
	int n;

	if (counts.published == 0 && counts.rejected != 0) {
		p->last_refusal.code = code_of(p->last_refusal.reason);
		fr_http_refuse(p, &p->last_refusal, true);
		return;
	}
	fr_log(FR_LOG_DEBUG, "http", "published", "stream=%s id=%llu published=%llu", p->stream,
	    (unsigned long long)p->id, (unsigned long long)counts.published);
	n = snprintf(
	    text, sizeof(text), "{\"published\":%llu}", (unsigned long long)counts.published);
	fr_http_answer(p, 200, "application/json", "", text, (size_t)n);
}

/* What was published is known when the worker has looked at the last picture. */
static void answer_when_verified(struct http_peer *p)
{
	if (fr_ingest_counts(p->ingest).verifying != 0)
		fr_http_peer_enter(p, HTTP_VERIFYING, 0);
	else
		answer_published(p);
}

static void on_verified(void *arg, const struct fr_refusal *refusal)
{
	struct http_peer *p = arg;

	if (refusal != NULL) {
		p->last_refusal = *refusal;
		fr_http_peer_log_refusal(p, refusal);
	}
	if (p->state == HTTP_VERIFYING)
		answer_when_verified(p);
}

/* --- Events of the reader --------------------------------------------------------------------- */

static void on_frame(struct http_peer *p, const struct fr_wire_event *event, int64_t now_us)
{
	struct fr_refusal refusal;

	p->inside_us = 0;
	if (fr_ingest_frame(p->ingest, event->frame, event->size, 0, 0, now_us, fr_clock_real_us(),
	        &refusal) == 0)
		return;
	p->last_refusal = refusal;
	if (refusal.code != 0)
		fr_http_refuse(p, &refusal, true);
	else
		fr_http_peer_log_refusal(p, &refusal);
}

static void on_event(struct http_peer *p, struct fr_wire_event *event, int64_t now_us)
{
	switch (event->type) {
	case FR_WIRE_BEGIN:
		fr_ingest_begin(p->ingest);
		p->inside_us = now_us;
		return;
	case FR_WIRE_FRAME:
		on_frame(p, event, now_us);
		return;
	case FR_WIRE_SKIPPED:
		fr_ingest_reject(p->ingest, FR_REASON_memory_budget, event->size);
		p->inside_us = 0;
		return;
	case FR_WIRE_END:
		p->publish_is_over = true;
		/* What comes behind the closing delimiter has to end. */
		fr_http_peer_enter(p, HTTP_PUBLISHING, p->door->env.limits->http_body_timeout_ms);
		return;
	case FR_WIRE_BAD:
		fail_publisher(p, code_of(event->reason), event->reason, event->why.text);
		return;
	case FR_WIRE_IS_HELLO:
	case FR_WIRE_IS_HTTP:
	case FR_WIRE_IS_HTTP2:
		fail_publisher(p, 415, FR_REASON_not_jpeg,
		    "the body is no JPEG, no JPEGs one after the other and no multipart");
		return;
	default:
		return; /* IS_PUBLISHER: it is one already */
	}
}

static void read_wire(struct http_peer *p, const uint8_t *bytes, size_t size, int64_t now_us)
{
	struct fr_wire_event event;

	while (p->state == HTTP_PUBLISHING && !p->publish_is_over) {
		const size_t n = fr_wire_read(p->wire, bytes, size, &event);

		bytes += n;
		size -= n;
		on_event(p, &event, now_us);
		if (event.type == FR_WIRE_MORE)
			break;
	}
	if (p->state != HTTP_PUBLISHING || !fr_wire_is_inside(p->wire))
		p->inside_us = 0;
	else if (p->inside_us == 0)
		p->inside_us = now_us;
}

void fr_http_publish_bytes(struct http_peer *p, const uint8_t *bytes, size_t size, int64_t now_us)
{
	if (!p->publish_is_over)
		p->deadline_us =
		    0; /* the first byte is here; from now on pictures have their own */
	read_wire(p, bytes, size, now_us);
}

void fr_http_publish_filled(struct http_peer *p, size_t n, int64_t now_us)
{
	fr_ingest_received(p->ingest, n);
	fr_wire_filled(p->wire, n);
	p->body_left -= n;
	read_wire(p, (const uint8_t *)"", 0, now_us);
	if (p->state == HTTP_PUBLISHING && p->body_left == 0) {
		p->body_is_over = true;
		fr_http_publish_end(p);
	}
}

void fr_http_publish_deadline(struct http_peer *p)
{
	p->closes = true;
	if (p->publish_is_over)
		answer_when_verified(p);
	else
		fail_publisher(p, 408, FR_REASON_first_byte_timeout,
		    "no byte of the body came within first_byte_timeout_ms");
}

void fr_http_publish_end(struct http_peer *p)
{
	const struct fr_ingest_counts counts = fr_ingest_counts(p->ingest);

	if (!p->publish_is_over && counts.begun == 0 &&
	    fr_wire_kind(p->wire) == FR_WIRE_MULTIPART) {
		fail_publisher(p, 400, FR_REASON_bad_multipart,
		    "the body is over, and no delimiter of its Content-Type came");
		return;
	}
	if (!p->publish_is_over && fr_wire_is_inside(p->wire)) {
		fail_publisher(p, 400, FR_REASON_truncated_frame, "the body ends inside a picture");
		return;
	}
	answer_when_verified(p);
}

void fr_http_publish_tick(struct http_peer *p, int64_t now_us)
{
	const struct fr_limits *limits = p->door->env.limits;
	const int64_t inside_ms = p->inside_us != 0 ? (now_us - p->inside_us) / 1000 : 0;
	const int64_t come = (int64_t)fr_wire_inside_bytes(p->wire);

	if (limits->frame_timeout_ms != 0 && inside_ms > limits->frame_timeout_ms)
		fail_publisher(p, 408, FR_REASON_frame_timeout,
		    "a picture is not whole after frame_timeout_ms");
	else if (limits->frame_min_rate_after_ms != 0 &&
	         inside_ms > limits->frame_min_rate_after_ms && inside_ms > 0 &&
	         come * 1000 / inside_ms < limits->frame_min_rate_bytes)
		fail_publisher(p, 408, FR_REASON_frame_timeout,
		    "a picture comes in slower than frame_min_rate_bytes");
	else if (limits->publisher_timeout_ms != 0 &&
	         now_us - p->heard_us > limits->publisher_timeout_ms * 1000)
		fail_publisher(
		    p, 408, FR_REASON_publisher_timeout, "nothing came for publisher_timeout_ms");
}

/* --- The beginning ---------------------------------------------------------------------------- */

static void begin(struct http_peer *p)
{
	char addr[FR_ADDR_TEXT_MAX];

	fr_http_peer_enter(p, HTTP_PUBLISHING, p->door->env.limits->first_byte_timeout_ms);
	p->heard_us = fr_clock_now_us();
	/* One that sends a request a picture would fill the log. */
	fr_log(p->body_is_chunked ? FR_LOG_INFO : FR_LOG_DEBUG, "http", "publisher connected",
	    "peer=%s stream=%s id=%llu", fr_addr_print(fr_conn_peer(p->conn), addr), p->stream,
	    (unsigned long long)p->id);
	if (fr_http_head_request(p->head)->expects_continue &&
	    fr_conn_put(p->conn, "HTTP/1.1 100 Continue\r\n\r\n", 25) == FR_SEND_GONE)
		fr_http_peer_drop(p, "the peer closed");
}

static void on_decided(void *arg, const struct fr_refusal *refusal)
{
	struct http_peer *p = arg;

	if (refusal != NULL) {
		fr_http_refuse(p, refusal, true);
		return;
	}
	begin(p);
	if (p->state == HTTP_PUBLISHING)
		fr_http_peer_resume(p);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	fr_http_peer_send_away(arg, refusal);
}

static const struct fr_ingest_ops ingest_ops = {
    .on_decided = on_decided,
    .on_verified = on_verified,
    .on_closed = on_closed,
};

static bool type_is(const char *type, const char *word)
{
	const size_t n = strlen(word);

	/* `image/` is any of them; a whole type may have parameters. */
	return strncasecmp(type, word, n) == 0 &&
	       (word[n - 1] == '/' || type[n] == '\0' || type[n] == ';' || type[n] == ' ');
}

/* Where the type says no boundary, the first line does. @return false: refused */
static bool take_boundary(struct http_peer *p, const char *type, char ret[FR_BOUNDARY_MAX + 1])
{
	ret[0] = '\0';
	if (fr_multipart_boundary(type, ret) != FR_BOUNDARY_BAD)
		return true;
	fr_http_fail(p, 400, FR_REASON_bad_multipart,
	    "the boundary of Content-Type: %.80s is empty, longer than %d characters or no "
	    "boundary",
	    type, FR_BOUNDARY_MAX);
	return false;
}

/* @return false: refused */
static bool take_type(
    struct http_peer *p, enum fr_wire_kind *ret, char boundary[FR_BOUNDARY_MAX + 1])
{
	static const char *const any[] = {"image/", "video/", "application/octet-stream",
	    "application/x-www-form-urlencoded", "binary/octet-stream"};
	const struct fr_http_request *r = fr_http_head_request(p->head);
	const char *type = fr_http_head_field(p->head, "content-type");
	const char *encoding = fr_http_head_field(p->head, "content-encoding");

	*ret = FR_WIRE_UNKNOWN; /* the first bytes decide */
	boundary[0] = '\0';
	if (encoding != NULL && strcasecmp(encoding, "identity") != 0) {
		fr_http_fail(
		    p, 415, FR_REASON_media_type, "a body with Content-Encoding is not taken");
		return false;
	}
	if (type == NULL)
		return true;
	if (type_is(type, "image/jpeg") && r->body == FR_HTTP_LENGTH) {
		*ret = FR_WIRE_PLAIN; /* the whole body is the picture */
		return true;
	}
	if (type_is(type, "multipart/")) {
		*ret = FR_WIRE_MULTIPART;
		return take_boundary(p, type, boundary);
	}
	for (size_t i = 0; i < sizeof(any) / sizeof(any[0]); i++)
		if (type_is(type, any[i]))
			return true;
	fr_http_fail(p, 415, FR_REASON_media_type,
	    "%.80s is not taken here: image/jpeg, multipart/…, video/… or no Content-Type", type);
	return false;
}

/* A body that is one picture is read as plain framing reads one: the length, then the bytes in their place. */
static bool begin_wire(struct http_peer *p, enum fr_wire_kind kind, const char *boundary)
{
	const struct fr_limits *limits = p->door->env.limits;
	const struct fr_wire_limits wire_limits = {
	    .max_frame_bytes = (size_t)limits->max_frame_bytes,
	    .max_message_bytes = (size_t)limits->max_message_bytes,
	};
	const uint64_t length = fr_http_head_request(p->head)->content_length;
	const uint64_t most = limits->max_frame_bytes != 0 ? (uint64_t)limits->max_frame_bytes
	                                                   : (uint64_t)FR_FRAME_BYTES_HARD;
	struct fr_wire_event event;
	uint32_t prefix;

	if (kind == FR_WIRE_PLAIN && length > most) {
		fr_http_fail(p, 413, FR_REASON_length_over_max,
		    "a picture of %llu bytes is over max_frame_bytes = %llu",
		    (unsigned long long)length, (unsigned long long)most);
		return false;
	}
	fr_wire_free(p->wire);
	p->wire = fr_wire_new(fr_relay_pool(p->door->env.relay), &wire_limits, kind);
	if (boundary[0] != '\0')
		fr_wire_insist_on_boundary(p->wire, boundary);
	p->publish_is_over = false;
	p->inside_us = 0;
	if (kind == FR_WIRE_PLAIN) {
		prefix = htole32((uint32_t)length);
		(void)fr_wire_read(p->wire, (const uint8_t *)&prefix, sizeof(prefix), &event);
	}
	return true;
}

void fr_http_publish(struct http_peer *p)
{
	struct fr_publish_spec spec = {.door = "http",
	    .who = p->who,
	    .takeover = p->door->takeover,
	    .verify = p->door->verify};
	struct fr_refusal refusal;
	char boundary[FR_BOUNDARY_MAX + 1];
	enum fr_wire_kind kind;
	int r;

	if (fr_http_head_request(p->head)->body == FR_HTTP_NO_BODY) {
		fr_http_fail(p, 411, FR_REASON_length_required,
		    "there is no picture: neither Content-Length nor Transfer-Encoding: chunked");
		return;
	}
	if (!take_type(p, &kind, boundary) || !begin_wire(p, kind, boundary))
		return;
	memcpy(spec.stream, p->stream, sizeof(p->stream));
	r = fr_relay_publish(
	    p->door->env.relay, &spec, &ingest_ops, p, fr_clock_now_us(), &p->ingest, &refusal);
	if (r == 0 || r == -EINPROGRESS) {
		fr_ingest_received(p->ingest, p->head_bytes);
	}
	if (r == 0)
		begin(p);
	else if (r == -EINPROGRESS)
		fr_http_peer_enter(p, HTTP_ASKING, 0);
	else
		fr_http_refuse(p, &refusal, true);
}

/* --- Messages --------------------------------------------------------------------------------- */

void fr_http_message(struct http_peer *p)
{
	const char *type = fr_http_head_field(p->head, "content-type");
	const struct fr_http_request *r = fr_http_head_request(p->head);

	if (r->body == FR_HTTP_NO_BODY)
		fr_http_fail(p, 411, FR_REASON_length_required, "there is no message");
	else if (type == NULL || !type_is(type, "application/json"))
		/* A page of another host could send text/plain without being asked. */
		fr_http_fail(p, 415, FR_REASON_media_type, "a message is application/json");
	else {
		fr_http_peer_enter(p, HTTP_BODY, p->door->env.limits->http_body_timeout_ms);
		if (r->expects_continue &&
		    fr_conn_put(p->conn, "HTTP/1.1 100 Continue\r\n\r\n", 25) == FR_SEND_GONE)
			fr_http_peer_drop(p, "the peer closed");
	}
}

void fr_http_message_end(struct http_peer *p)
{
	struct fr_refusal refusal;

	if (fr_relay_message(p->door->env.relay, p->stream, &p->who, "http",
	        (const uint8_t *)p->body.text, p->body.length, fr_clock_now_us(),
	        fr_clock_real_us(), &refusal) < 0)
		fr_http_refuse(p, &refusal, true);
	else
		fr_http_answer(p, 200, "application/json", "", "{\"published\":1}", 15);
}
