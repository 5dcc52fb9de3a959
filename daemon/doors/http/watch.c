/* SPDX-License-Identifier: MIT */
/* Pictures out: MJPEG streams (docs/protocol.md 2.1) and snapshots. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/media/frame.h"
#include "daemon/doors/http/inside.h"

static const char page_policy[] = "Cross-Origin-Resource-Policy: cross-origin\r\n";

/* --- What both begin with --------------------------------------------------------------------- */

/* Reads the query and looks the stream up. @return false: refused */
static bool prepare(struct http_peer *p, struct http_query *query, struct fr_stream_info *info)
{
	const struct fr_http_request *r = fr_http_head_request(p->head);

	if (!fr_http_query_read(p, query))
		return false;
	if (query->rendition[0] != '\0' && strncmp(r->path, "/streams/", 9) == 0) {
		fr_http_fail(p, 400, FR_REASON_not_implemented,
		    "this build makes no renditions (%s)", query->rendition);
		return false;
	}
	memcpy(query->spec.stream, p->stream, sizeof(p->stream));
	if (fr_relay_stream(p->door->env.relay, p->stream, fr_clock_now_us(), info))
		return true;
	fr_http_fail(p, 404, FR_REASON_no_such_stream, "no stream is called %s", p->stream);
	return false;
}

static bool subscribe(
    struct http_peer *p, const struct http_query *query, const struct fr_subscriber_ops *ops)
{
	struct fr_refusal refusal;

	if (fr_relay_subscribe(p->door->env.relay, &query->spec, ops, p, fr_clock_now_us(), &p->sub,
	        &refusal) == 0)
		return true;
	fr_http_refuse(p, &refusal, true);
	return false;
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	fr_http_peer_send_away(arg, refusal);
}

static void add_times(const struct fr_frame *frame, char *to, size_t size)
{
	const struct fr_frame_info *info = fr_frame_info(frame);

	(void)snprintf(to, size, "X-Timestamp: %lld.%06lld\r\nX-Sequence: %llu\r\n",
	    (long long)(info->captured_us / 1000000), (long long)(info->captured_us % 1000000),
	    (unsigned long long)info->sequence);
}

/* --- MJPEG ------------------------------------------------------------------------------------ */

/*
 * One sendmsg() for the part's header, the picture and the next delimiter: one reader takes a part only when header
 * and picture begin together, others show it only when they have seen the delimiter.
 */
static enum fr_send send_part(struct http_peer *p, struct fr_frame *frame)
{
	char head[256], times[128], tail[HTTP_BOUNDARY_MAX + 8];
	int n, m;

	add_times(frame, times, sizeof(times));
	n = snprintf(head, sizeof(head),
	    "Content-Type: image/jpeg\r\nContent-Length: %zu\r\n%s\r\n", fr_frame_size(frame),
	    times);
	m = snprintf(tail, sizeof(tail), "\r\n--%s\r\n", p->door->boundary);
	return fr_conn_send_frame(p->conn, head, (size_t)n, frame, tail, (size_t)m);
}

static void remember(struct http_peer *p, struct fr_frame *frame, int64_t now_us)
{
	const int64_t repeat_ms = p->door->repeat_ms;

	fr_frame_unref(p->last);
	p->last = frame;
	p->again_us = repeat_ms != 0 ? now_us + repeat_ms * 1000 : 0;
}

/* The socket is idle: send what waits, picture by picture, until one does not fit or none is left. */
static void continue_stream(struct http_peer *p)
{
	const int64_t now_us = fr_clock_now_us();
	struct fr_frame *frame;
	enum fr_send sent;

	while (!p->in_flight && fr_conn_is_idle(p->conn)) {
		frame = fr_subscriber_next(p->sub, now_us);
		if (frame == NULL)
			return; /* the ready list brings us back */
		p->in_flight = true;
		sent = send_part(p, frame);
		remember(p, frame, now_us);
		if (sent == FR_SEND_GONE) {
			fr_http_peer_drop(p, "the peer closed");
			return;
		}
		if (sent == FR_SEND_FULL)
			return; /* on_drained brings us back */
		p->in_flight = false;
		fr_subscriber_sent(p->sub);
	}
}

static void on_stream_ready(void *arg)
{
	continue_stream(arg);
}

static const struct fr_subscriber_ops stream_ops = {
    .on_ready = on_stream_ready,
    .on_closed = on_closed,
};

/* Some viewers show a picture only when the next one begins; others give up after ten seconds of silence. */
void fr_http_watch_tick(struct http_peer *p, int64_t now_us)
{
	struct fr_stream_info info;

	if (p->again_us == 0 || now_us < p->again_us || p->last == NULL || p->in_flight ||
	    !fr_conn_is_idle(p->conn))
		return;
	p->again_us = now_us + HTTP_AGAIN_MS * (int64_t)1000;
	/* What is not live must not look so. */
	if (!fr_relay_stream(p->door->env.relay, p->stream, now_us, &info) ||
	    info.state != FR_STREAM_LIVE)
		return;
	fr_stat_add(FR_STAT_frames_repeated, 1);
	if (send_part(p, p->last) == FR_SEND_GONE)
		fr_http_peer_drop(p, "the peer closed");
}

static void answer_stream(struct http_peer *p)
{
	struct fr_text text = {0};
	enum fr_send sent;

	p->closes = true;
	fr_http_answer_head(p, 200, &text);
	fr_text_add(&text,
	    "Cache-Control: no-store, no-cache, must-revalidate, private\r\nPragma: no-cache\r\n"
	    "Expires: 0\r\nX-Accel-Buffering: no\r\n%s"
	    "Content-Type: multipart/x-mixed-replace; boundary=%s\r\n\r\n",
	    page_policy, p->door->boundary);
	if (!p->is_head)
		fr_text_add(&text, "--%s\r\n", p->door->boundary);
	sent = fr_conn_put(p->conn, text.text, text.length);
	fr_text_done(&text);
	if (sent == FR_SEND_GONE)
		fr_http_peer_drop(p, "the peer closed");
	else if (p->is_head && sent == FR_SEND_DONE)
		fr_http_peer_answered(p);
	else if (p->is_head)
		fr_http_peer_enter(p, HTTP_SENDING, 0);
}

void fr_http_mjpeg(struct http_peer *p)
{
	char addr[FR_ADDR_TEXT_MAX];
	struct fr_stream_info info;
	struct http_query query;

	if (!prepare(p, &query, &info))
		return;
	if (!p->is_head && !subscribe(p, &query, &stream_ops))
		return;
	if (!p->is_head) {
		fr_http_peer_enter(p, HTTP_STREAMING, 0);
		fr_conn_set_user_timeout(p->conn, p->door->env.limits->tcp_user_timeout_ms);
		fr_log(FR_LOG_INFO, "http", "subscriber connected",
		    "peer=%s stream=%s id=%llu kind=mjpeg",
		    fr_addr_print(fr_conn_peer(p->conn), addr), p->stream,
		    (unsigned long long)p->id);
	}
	answer_stream(p);
	if (p->state != HTTP_STREAMING)
		return;
	fr_http_head_free(p->head); /* it has nothing more to ask: an idle viewer costs little */
	p->head = NULL;
}

/* --- Snapshots -------------------------------------------------------------------------------- */

static void tag_of(uint64_t sequence, char to[32])
{
	(void)snprintf(to, 32, "\"%llu\"", (unsigned long long)sequence);
}

static void send_snapshot(struct http_peer *p, struct fr_frame *frame)
{
	struct fr_text text = {0};
	char times[128], tag[32];
	enum fr_send sent;

	add_times(frame, times, sizeof(times));
	tag_of(fr_frame_info(frame)->sequence, tag);
	fr_http_answer_head(p, 200, &text);
	fr_text_add(&text,
	    "Content-Type: image/jpeg\r\nContent-Length: %zu\r\nETag: %s\r\n%s%s"
	    "Cache-Control: no-cache, private\r\n\r\n",
	    fr_frame_size(frame), tag, times, page_policy);
	p->state = HTTP_SENDING;
	p->deadline_us = 0;
	sent = p->is_head ? fr_conn_put(p->conn, text.text, text.length)
	                  : fr_conn_send_frame(p->conn, text.text, text.length, frame, NULL, 0);
	fr_text_done(&text);
	if (sent == FR_SEND_GONE)
		fr_http_peer_drop(p, "the peer closed");
	else if (sent == FR_SEND_DONE)
		fr_http_watch_drained(p);
}

/* Only here is a picture taken, so it is in flight until it is sent. */
static void on_snapshot_ready(void *arg)
{
	struct http_peer *p = arg;
	struct fr_frame *frame;

	if (p->state != HTTP_WAITING || !fr_conn_is_idle(p->conn))
		return;
	frame = fr_subscriber_next(p->sub, fr_clock_now_us());
	if (frame == NULL)
		return;
	p->in_flight = true;
	if (fr_frame_info(frame)->sequence > p->after) {
		send_snapshot(p, frame);
	} else {
		p->in_flight = false;
		fr_subscriber_sent(p->sub);
	}
	fr_frame_unref(frame);
}

static const struct fr_subscriber_ops snapshot_ops = {
    .on_ready = on_snapshot_ready,
    .on_closed = on_closed,
};

void fr_http_watch_drained(struct http_peer *p)
{
	if (p->in_flight) {
		p->in_flight = false;
		fr_subscriber_sent(p->sub);
	}
	if (p->state == HTTP_STREAMING)
		continue_stream(p);
	else if (p->state == HTTP_SENDING)
		fr_http_peer_answered(p);
}

/* @return whether the newest picture is what was asked for, so that there is nothing to wait for */
static bool newest_will_do(const struct http_query *query, const struct fr_stream_info *info)
{
	return info->newest_us != 0 && info->state == FR_STREAM_LIVE && !query->wait &&
	       (!query->has_after || info->sequence > query->after) &&
	       (!query->has_max_age ||
	           fr_clock_now_us() - info->newest_us <= query->max_age_ms * 1000);
}

void fr_http_snapshot(struct http_peer *p)
{
	const char *known;
	struct fr_stream_info info;
	struct http_query query;
	char tag[32];

	if (!prepare(p, &query, &info))
		return;
	query.spec.only_next = !newest_will_do(&query, &info);
	query.spec.queue_age_ms = 0;
	p->after = query.has_after ? query.after : 0;
	if (!subscribe(p, &query, &snapshot_ops))
		return;
	tag_of(info.sequence, tag);
	known = fr_http_head_field(p->head, "if-none-match");
	if (!query.spec.only_next && known != NULL &&
	    fr_http_head_lists(p->head, "if-none-match", tag)) {
		char more[64 + sizeof(page_policy)];

		(void)snprintf(more, sizeof(more), "ETag: %s\r\n%s", tag, page_policy);
		fr_http_answer(p, 304, NULL, more, "", 0);
		return;
	}
	fr_http_peer_enter(p, HTTP_WAITING, p->door->env.limits->snapshot_timeout_ms);
}
