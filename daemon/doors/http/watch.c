/* SPDX-License-Identifier: MIT */
/* Pictures out: what MJPEG and snapshots have in common, and snapshots. MJPEG is in mjpeg.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/media/frame.h"
#include "daemon/doors/http/inside.h"

enum {
	HEAD_MAX = 1024, /* what a conn takes in front of a picture */
};

static const char page_policy[] = HTTP_PAGE_POLICY;

/* --- What both begin with --------------------------------------------------------------------- */

bool fr_http_watch_prepare(
    struct http_peer *p, struct http_query *query, struct fr_stream_info *info)
{
	if (!fr_http_query_read(p, query))
		return false;
	/* First of all: who may not watch it does not hear either whether there is such a stream. */
	if (!fr_http_may(p, FR_RIGHT_SUBSCRIBE, p->stream))
		return false;
	memcpy(query->spec.stream, p->stream, sizeof(p->stream));
	if (fr_relay_stream(p->door->env.relay, p->stream, fr_clock_now_us(), info))
		return true;
	fr_http_fail(p, 404, FR_REASON_no_such_stream, "no stream is called %s", p->stream);
	return false;
}

bool fr_http_watch_subscribe(
    struct http_peer *p, const struct http_query *query, const struct fr_subscriber_ops *ops)
{
	struct fr_refusal refusal;

	if (fr_relay_subscribe(p->door->env.relay, &query->spec, ops, p, fr_clock_now_us(), &p->sub,
	        &refusal) == 0)
		return true;
	fr_http_refuse(p, &refusal, true);
	return false;
}

void fr_http_watch_closed(void *arg, const struct fr_refusal *refusal)
{
	fr_http_peer_send_away(arg, refusal);
}

void fr_http_watch_times(const struct fr_frame *frame, char *to, size_t size)
{
	const struct fr_frame_info *info = fr_frame_info(frame);

	(void)snprintf(to, size, "X-Timestamp: %lld.%06lld\r\nX-Sequence: %llu\r\n",
	    (long long)(info->captured_us / 1000000), (long long)(info->captured_us % 1000000),
	    (unsigned long long)info->sequence);
}

/* --- Snapshots -------------------------------------------------------------------------------- */

static void tag_of(uint64_t sequence, char to[32])
{
	(void)snprintf(to, 32, "\"%llu\"", (unsigned long long)sequence);
}

/* Where the answer's head grows too long for them, they are left out. */
static void add_ustreamer(
    const struct http_peer *p, const struct fr_frame *frame, struct fr_text *to)
{
	char lines[HEAD_MAX];
	size_t n = 0;

	if (to->length + 2 < sizeof(lines) && p->parts.extra_headers)
		n = fr_http_ustreamer_headers(
		    frame, true, NULL, fr_clock_now_us(), lines, sizeof(lines) - to->length - 2);
	if (n != 0)
		fr_text_add(to, "%s", lines);
}

static void send_snapshot(struct http_peer *p, struct fr_frame *frame)
{
	struct fr_text text = {0};
	char times[128], tag[32];
	enum fr_send sent;

	fr_http_watch_times(frame, times, sizeof(times));
	tag_of(fr_frame_info(frame)->sequence, tag);
	fr_http_answer_head(p, 200, &text);
	fr_text_add(&text,
	    "Content-Type: image/jpeg\r\nContent-Length: %zu\r\nETag: %s\r\n%s%s"
	    "Cache-Control: no-cache, private\r\n",
	    fr_frame_size(frame), tag, times, page_policy);
	add_ustreamer(p, frame, &text);
	fr_text_add(&text, "\r\n");
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
		fr_subscriber_give_up(p->sub);
	}
	fr_frame_unref(frame);
}

static const struct fr_subscriber_ops snapshot_ops = {
    .on_ready = on_snapshot_ready,
    .on_closed = fr_http_watch_closed,
};

void fr_http_watch_delivered(struct http_peer *p)
{
	p->in_flight = false;
	/* Who asked for heads alone was sent no picture. */
	if (p->state == HTTP_STREAMING ? p->parts.zero_data : p->is_head)
		fr_subscriber_give_up(p->sub);
	else
		fr_subscriber_sent(p->sub);
}

void fr_http_watch_drained(struct http_peer *p)
{
	if (p->in_flight)
		fr_http_watch_delivered(p);
	if (p->state == HTTP_STREAMING)
		fr_http_mjpeg_continue(p);
	else if (p->state == HTTP_SENDING)
		fr_http_peer_answered(p);
}

/* A time that was asked for counts also where the stream is not live; of renditions nothing is kept then. */
static bool is_young(const struct http_query *query, const struct fr_stream_info *info)
{
	if (!query->has_max_age)
		return info->is_fresh;
	return fr_clock_now_us() - info->seen_us <= query->max_age_ms * 1000 &&
	       (info->is_fresh || !fr_rendition_is_any(&query->spec.rendition));
}

/* @return whether the newest picture is what was asked for, so that there is nothing to wait for */
static bool newest_will_do(const struct http_query *query, const struct fr_stream_info *info)
{
	return info->newest_us != 0 && !query->wait && is_young(query, info) &&
	       (!query->has_after || info->sequence > query->after);
}

void fr_http_snapshot(struct http_peer *p)
{
	const char *known;
	struct fr_stream_info info;
	struct http_query query;
	char tag[32];

	if (!fr_http_watch_prepare(p, &query, &info))
		return;
	query.spec.only_next = !newest_will_do(&query, &info);
	query.spec.even_old = query.has_max_age;
	query.spec.kind = "jpg";
	query.spec.queue_age_ms = 0;
	p->after = query.has_after ? query.after : 0;
	p->parts = query.parts;
	if (!fr_http_watch_subscribe(p, &query, &snapshot_ops))
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
