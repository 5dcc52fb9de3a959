/* SPDX-License-Identifier: MIT */
/* MJPEG streams (docs/protocol.md 2.1). */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/media/frame.h"
#include "daemon/doors/http/inside.h"

enum {
	PART_HEAD_MAX = 1024, /* what a conn takes in front of a picture */
};

static const char part_type[] = "Content-Type: image/jpeg\r\n";

/* --- One part --------------------------------------------------------------------------------- */

/* As uStreamer counts for each viewer: parts in the last whole second. */
static void count_rate(struct http_peer *p, int64_t now_us)
{
	if (now_us / 1000000 != p->rate_second) {
		p->rate = now_us / 1000000 == p->rate_second + 1 ? p->rate_parts : 0;
		p->rate_parts = 0;
		p->rate_second = now_us / 1000000;
	}
	p->rate_parts++;
}

static size_t write_head(const struct http_peer *p, const struct fr_frame *frame, bool is_greyed,
    int64_t now_us, char to[PART_HEAD_MAX])
{
	char times[128];
	size_t n;

	fr_http_watch_times(frame, times, sizeof(times));
	n = (size_t)snprintf(to, PART_HEAD_MAX, "%sContent-Length: %zu\r\n%s%s", part_type,
	    p->parts.zero_data ? 0 : fr_frame_size(frame), times,
	    is_greyed ? "X-Placeholder: 1\r\n" : "");
	if (p->parts.extra_headers)
		n += fr_http_ustreamer_headers(
		    frame, !is_greyed, &p->rate, now_us, to + n, PART_HEAD_MAX - n - 2);
	to[n++] = '\r';
	to[n++] = '\n';
	return n;
}

static const struct http_part *part_of(struct http_door *d, const struct fr_frame *frame)
{
	const struct fr_frame_info *info = fr_frame_info(frame);
	struct http_part *part = &d->part;
	char times[128];

	if (part->head_size != 0 && part->sequence == info->sequence &&
	    part->captured_us == info->captured_us && part->picture_bytes == fr_frame_size(frame))
		return part;
	part->sequence = info->sequence;
	part->captured_us = info->captured_us;
	part->picture_bytes = fr_frame_size(frame);
	fr_http_watch_times(frame, times, sizeof(times));
	part->head_size = (size_t)snprintf(part->head, sizeof(part->head),
	    "%sContent-Length: %zu\r\n%s\r\n", part_type, part->picture_bytes, times);
	part->tail_size =
	    (size_t)snprintf(part->tail, sizeof(part->tail), "\r\n--%s\r\n", d->boundary);
	return part;
}

/*
 * One sendmsg() for the part's header, the picture and the next delimiter: one reader takes a part only when header
 * and picture begin together, others show it only when they have seen the delimiter.
 */
static enum fr_send send_part(
    struct http_peer *p, struct fr_frame *frame, bool is_greyed, int64_t now_us)
{
	const struct http_parts *wish = &p->parts;
	char head[PART_HEAD_MAX], tail[HTTP_BOUNDARY_MAX + sizeof(part_type) + 8];
	const struct http_part *part;
	size_t n = 0;
	int m;

	count_rate(p, now_us);
	if (!is_greyed && !wish->extra_headers && !wish->advance_headers && !wish->zero_data) {
		part = part_of(p->door, frame);
		return fr_conn_send_frame(
		    p->conn, part->head, part->head_size, frame, part->tail, part->tail_size);
	}
	/* In advance the next part's head, which then cannot say its length, follows a picture at once. */
	if (!p->parts.advance_headers)
		n = write_head(p, frame, is_greyed, now_us, head);
	m = snprintf(tail, sizeof(tail), "\r\n--%s\r\n%s%s", p->door->boundary,
	    p->parts.advance_headers ? part_type : "", p->parts.advance_headers ? "\r\n" : "");
	if (!p->parts.zero_data)
		return fr_conn_send_frame(p->conn, head, n, frame, tail, (size_t)m);
	if (n != 0 && fr_conn_put(p->conn, head, n) == FR_SEND_GONE)
		return FR_SEND_GONE;
	return fr_conn_put(p->conn, tail, (size_t)m);
}

/* @param frame  taken */
static void remember(struct http_peer *p, struct fr_frame *frame, bool is_greyed, int64_t again_us)
{
	fr_frame_unref(p->last);
	p->last = frame;
	p->is_greyed = is_greyed;
	p->again_us = again_us;
}

/* --- Part after part -------------------------------------------------------------------------- */

void fr_http_mjpeg_continue(struct http_peer *p)
{
	const int64_t now_us = fr_clock_now_us();
	const int64_t repeat_us = p->door->repeat_ms * 1000;
	struct fr_frame *frame;
	enum fr_send sent;

	while (!p->in_flight && fr_conn_is_idle(p->conn)) {
		frame = fr_subscriber_next(p->sub, now_us);
		if (frame == NULL)
			return; /* the ready list brings us back */
		if (fr_http_placeholder_hides(p->placeholder, now_us)) {
			fr_subscriber_hide(p->sub);
			fr_frame_unref(frame);
			continue;
		}
		p->in_flight = true;
		sent = send_part(p, frame, false, now_us);
		remember(p, frame, false, repeat_us != 0 ? now_us + repeat_us : 0);
		if (sent == FR_SEND_GONE) {
			fr_http_peer_drop(p, "the peer closed");
			return;
		}
		if (sent == FR_SEND_FULL)
			return; /* on_drained brings us back */
		fr_http_watch_delivered(p);
	}
}

static void on_ready(void *arg)
{
	fr_http_mjpeg_continue(arg);
}

static const struct fr_subscriber_ops ops = {
    .on_ready = on_ready,
    .on_closed = fr_http_watch_closed,
};

/* Some viewers show a picture only when the next one begins; others give up after ten seconds of silence. */
static void repeat(struct http_peer *p, int64_t now_us)
{
	struct fr_stream_info info;

	if (p->last == NULL || p->is_greyed || p->again_us == 0 || now_us < p->again_us)
		return;
	p->again_us = now_us + HTTP_AGAIN_MS * (int64_t)1000;
	/* What is not live must not look so. */
	if (!fr_relay_stream(p->door->env.relay, p->stream, now_us, &info) || !info.is_fresh)
		return;
	fr_stat_add(FR_STAT_frames_repeated, 1);
	if (send_part(p, p->last, false, now_us) == FR_SEND_GONE)
		fr_http_peer_drop(p, "the peer closed");
}

static void show_placeholder(struct http_peer *p, struct fr_frame *frame, int64_t now_us)
{
	const bool is_new = p->last != frame;
	const int64_t again_ms =
	    is_new && p->door->repeat_ms != 0 ? p->door->repeat_ms : HTTP_AGAIN_MS;

	if (!is_new && now_us < p->again_us)
		return;
	remember(p, fr_frame_ref(frame), true, now_us + again_ms * 1000);
	fr_stat_add(FR_STAT_placeholders_sent, 1);
	if (send_part(p, frame, true, now_us) == FR_SEND_GONE)
		fr_http_peer_drop(p, "the peer closed");
}

void fr_http_mjpeg_tick(struct http_peer *p, int64_t now_us)
{
	struct fr_frame *placeholder = fr_http_placeholder_frame(p->placeholder);

	if (p->in_flight || !fr_conn_is_idle(p->conn))
		return;
	if (placeholder != NULL)
		show_placeholder(p, placeholder, now_us);
	else
		repeat(p, now_us);
}

/* --- The beginning ---------------------------------------------------------------------------- */

static void answer(struct http_peer *p)
{
	const char *boundary = p->door->boundary;
	struct fr_text text = {0};
	enum fr_send sent;

	p->closes = true;
	fr_http_answer_head(p, 200, &text);
	fr_text_add(&text,
	    "Cache-Control: no-store, no-cache, must-revalidate, private\r\nPragma: no-cache\r\n"
	    "Expires: 0\r\nX-Accel-Buffering: no\r\n" HTTP_PAGE_POLICY);
	if (p->parts.key[0] != '\0')
		fr_text_add(&text, "Set-Cookie: stream_client=%s/%llx; path=/; max-age=30\r\n",
		    p->parts.key, (unsigned long long)p->id);
	fr_text_add(
	    &text, "Content-Type: multipart/x-mixed-replace; boundary=%s\r\n\r\n", boundary);
	if (!p->is_head)
		fr_text_add(&text, "--%s\r\n", boundary);
	if (!p->is_head && p->parts.advance_headers)
		fr_text_add(&text, "%s\r\n", part_type);
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

	if (!fr_http_watch_prepare(p, &query, &info))
		return;
	query.spec.kind = "mjpeg";
	if (!p->is_head && !fr_http_watch_subscribe(p, &query, &ops))
		return;
	p->parts = query.parts;
	if (!p->is_head) {
		p->placeholder = fr_http_placeholder_join(p->door, p->stream);
		fr_http_peer_enter(p, HTTP_STREAMING, 0);
		fr_conn_set_user_timeout(p->conn, p->door->env.limits->tcp_user_timeout_ms);
		fr_log(FR_LOG_INFO, "http", "subscriber connected",
		    "peer=%s stream=%s id=%llu kind=mjpeg",
		    fr_addr_print(fr_conn_peer(p->conn), addr), p->stream,
		    (unsigned long long)p->id);
	}
	answer(p);
	if (p->state != HTTP_STREAMING)
		return;
	fr_http_head_free(p->head); /* it has nothing more to ask: an idle viewer costs little */
	p->head = NULL;
}
