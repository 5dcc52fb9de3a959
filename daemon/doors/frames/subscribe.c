/* SPDX-License-Identifier: MIT */
/* The life of a subscriber at the frames door: welcomed, fed at its own pace, sent away. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/hot.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/media/frame.h"
#include "daemon/doors/frames/inside.h"

/*
 * The socket is idle: send what waits, picture by picture, until one does not fit or none is left.
 *
 * At most one picture is under way. Bytes handed to the kernel cannot be taken back, so whatever a slow peer has no
 * room for stays in its queue, where the oldest is dropped.
 */
FR_HOT void fr_frames_subscribe_continue(struct frames_peer *p)
{
	const int64_t now_us = fr_clock_now_us();
	struct fr_frame *frame;
	enum fr_send sent;

	while (!p->in_flight && fr_conn_is_idle(p->conn)) {
		frame = fr_subscriber_next(p->sub, now_us);
		if (frame == NULL)
			return; /* the ready list brings us back */
		p->in_flight = true;
		sent = p->records ? fr_conn_send_frame(p->conn, fr_frame_record_prefix(frame),
		                        FR_PREFIX_RECORD_BYTES, frame, NULL, 0)
		                  : fr_conn_send_frame(p->conn, fr_frame_plain_prefix(frame),
		                        FR_PREFIX_PLAIN_BYTES, frame, NULL, 0);
		fr_frame_unref(frame);
		if (sent == FR_SEND_GONE) {
			fr_frames_peer_drop(p, "the peer closed");
			return;
		}
		if (sent == FR_SEND_FULL)
			return; /* on_drained brings us back */
		p->in_flight = false;
		fr_subscriber_sent(p->sub);
	}
}

void fr_frames_subscribe_drained(struct frames_peer *p)
{
	if (p->in_flight) {
		p->in_flight = false;
		fr_subscriber_sent(p->sub);
	}
	fr_frames_subscribe_continue(p);
}

FR_HOT static void on_ready(void *arg)
{
	fr_frames_subscribe_continue(arg);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	fr_frames_peer_end(arg, refusal, refusal->why.text);
}

static const struct fr_subscriber_ops subscriber_ops = {
    .on_ready = on_ready,
    .on_closed = on_closed,
};

static void welcome(struct frames_peer *p)
{
	char addr[FR_ADDR_TEXT_MAX], line[FR_NAME_MAX + 32];
	struct fr_stream_info info;

	fr_log(FR_LOG_INFO, "frames", "subscriber connected", "peer=%s stream=%s id=%llu kind=%s",
	    fr_addr_print(fr_conn_peer(p->conn), addr), p->stream, (unsigned long long)p->id,
	    p->records ? "records" : "plain");
	if (!p->took_hello)
		return;
	(void)snprintf(line, sizeof(line), "OK %s live=%d\n", p->stream,
	    fr_relay_stream(p->door->env.relay, p->stream, fr_clock_now_us(), &info) &&
	        info.newest_us != 0 && info.state == FR_STREAM_LIVE);
	(void)fr_frames_peer_answer(p, line);
}

void fr_frames_subscribe_begin(struct frames_peer *p, const struct fr_hello *hello)
{
	struct frames_door *d = p->door;
	struct fr_subscribe_spec spec = {
	    .door = "frames",
	    .who = fr_frames_peer_who(p),
	    .queue_frames = hello != NULL ? hello->queue_frames : -1,
	    .queue_age_ms = hello != NULL ? hello->queue_age_ms : -1,
	    .max_fps_milli = hello != NULL ? hello->max_fps_milli : 0,
	    .messages = hello != NULL && hello->records,
	};
	struct fr_refusal refusal;

	if (hello != NULL)
		spec.rendition = hello->rendition;
	memcpy(spec.stream, hello != NULL ? hello->stream : d->stream,
	    strlen(hello != NULL ? hello->stream : d->stream) + 1);
	memcpy(p->stream, spec.stream, sizeof(p->stream));
	if (fr_relay_subscribe(d->env.relay, &spec, &subscriber_ops, p, fr_clock_now_us(), &p->sub,
	        &refusal) < 0) {
		fr_frames_peer_end(p, &refusal, refusal.why.text);
		return;
	}
	fr_frames_peer_settle(p, FRAMES_SUBSCRIBED);
	fr_conn_set_user_timeout(p->conn, d->env.limits->tcp_user_timeout_ms);
	p->records = hello != NULL && hello->records;
	p->ping_us = fr_clock_now_us();
	if (p->records) {
		fr_wire_set_kind(p->wire, FR_WIRE_RECORDS);
	} else {
		fr_wire_free(p->wire); /* it has nothing more to say: an idle viewer costs little */
		p->wire = NULL;
	}
	welcome(p);
}
