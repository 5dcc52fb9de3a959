/* SPDX-License-Identifier: MIT */
/* The life of a publisher at the frames door: admitted, asked, publishing, replaced. */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/hot.h"
#include "common/base/log.h"
#include "common/media/frame.h"
#include "common/media/wire_write.h"
#include "daemon/doors/frames/inside.h"

static const char *kind_name(const struct frames_peer *p)
{
	switch (fr_wire_kind(p->wire)) {
	case FR_WIRE_MJPEG:
		return "mjpeg";
	case FR_WIRE_MULTIPART:
		return "multipart";
	case FR_WIRE_RECORDS:
		return "records";
	default:
		return "plain";
	}
}

/* A picture is admitted: what follows a hello is read by its rules, and the peer is told. */
static void admitted(struct frames_peer *p)
{
	char addr[FR_ADDR_TEXT_MAX], line[FR_NAME_MAX + 32];
	struct fr_stream_info info;

	fr_frames_peer_settle(p, FRAMES_PUBLISHING);
	p->ping_us = fr_clock_now_us();
	if (p->took_hello)
		fr_wire_set_kind(p->wire, p->records ? FR_WIRE_RECORDS : FR_WIRE_PLAIN);
	fr_log(FR_LOG_INFO, "frames", "publisher connected", "peer=%s stream=%s id=%llu kind=%s",
	    fr_addr_print(fr_conn_peer(p->conn), addr), p->stream, (unsigned long long)p->id,
	    kind_name(p));
	if (!p->took_hello)
		return;
	(void)snprintf(line, sizeof(line), "OK %s live=%d\n", p->stream,
	    fr_relay_stream(p->door->env.relay, p->stream, fr_clock_now_us(), &info) &&
	        info.newest_us != 0 && info.state == FR_STREAM_LIVE);
	(void)fr_frames_peer_answer(p, line);
}

static void on_demand(void *arg, uint32_t subscribers, uint32_t rate_milli)
{
	struct frames_peer *p = arg;
	uint8_t record[FR_WIRE_SMALL_MAX];
	size_t n;

	if (!p->records || p->state != FRAMES_PUBLISHING)
		return;
	n = fr_wire_write_demand(record, subscribers, rate_milli);
	if (fr_conn_put(p->conn, record, n) == FR_SEND_GONE)
		fr_frames_peer_drop(p, "the publisher does not read");
}

static void on_ping(void *arg)
{
	struct frames_peer *p = arg;

	(void)fr_frames_peer_ping(p, fr_clock_now_us());
}

static void on_decided(void *arg, const struct fr_refusal *refusal)
{
	struct frames_peer *p = arg;

	if (refusal != NULL) {
		p->records = false; /* refused in the hello's words */
		fr_frames_peer_end(p, refusal, refusal->why.text);
		return;
	}
	admitted(p);
	if (p->state == FRAMES_PUBLISHING)
		fr_frames_peer_resume(p);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	fr_frames_peer_end(arg, refusal, refusal->why.text);
}

static const struct fr_ingest_ops ingest_ops = {
    .on_demand = on_demand,
    .on_ping = on_ping,
    .on_decided = on_decided,
    .on_closed = on_closed,
};

void fr_frames_publish_begin(struct frames_peer *p, const struct fr_hello *hello)
{
	struct frames_door *d = p->door;
	struct fr_publish_spec spec = {
	    .door = "frames",
	    .who = fr_frames_peer_who(p),
	    .takeover = d->takeover,
	    .verify = d->verify,
	};
	struct fr_refusal refusal;
	int r;

	if (hello != NULL) {
		memcpy(spec.stream, hello->stream, sizeof(spec.stream));
		memcpy(spec.id, hello->id, sizeof(spec.id));
		spec.takeover_no = hello->takeover_no;
		spec.can_ping = hello->records;
		spec.on_demand = hello->records;
		spec.width = hello->width;
		spec.height = hello->height;
		spec.fps_milli = hello->fps_milli;
		p->records = hello->records;
	} else {
		fr_relay_name_for(
		    d->env.relay, fr_conn_peer(p->conn), d->plain_stream, spec.stream);
	}
	memcpy(p->stream, spec.stream, sizeof(p->stream));
	r = fr_relay_publish(
	    d->env.relay, &spec, &ingest_ops, p, fr_clock_now_us(), &p->ingest, &refusal);
	if (r < 0 && r != -EINPROGRESS) {
		p->records = false; /* refused in the hello's words */
		fr_frames_peer_end(p, &refusal, refusal.why.text);
		return;
	}
	fr_ingest_received(p->ingest, p->early_bytes);
	if (r == 0) {
		admitted(p);
		return;
	}
	fr_frames_peer_settle(p, FRAMES_ASKING);
	fr_conn_pause(p->conn, true);
}

/* Where the peer's clock stands. */
static void learn_clock(struct frames_peer *p, const struct fr_wire_event *event, int64_t now_us)
{
	uint64_t asked, answered;
	int64_t offset_us;

	if (event->size < sizeof(asked) + sizeof(answered) || p->ingest == NULL)
		return;
	memcpy(&asked, event->text, sizeof(asked));
	memcpy(&answered, event->text + event->size - sizeof(answered), sizeof(answered));
	if ((int64_t)le64toh(asked) != p->pinged_real_us)
		return; /* not the answer to our last question */
	fr_clock_offset_add(
	    &p->clock, p->pinged_real_us, now_us - p->pinged_us, (int64_t)le64toh(answered));
	if (fr_clock_offset_best(&p->clock, &offset_us))
		fr_ingest_set_clock_offset(p->ingest, offset_us);
}

static void on_frame(struct frames_peer *p, const struct fr_wire_event *event, int64_t now_us)
{
	char addr[FR_ADDR_TEXT_MAX], host[FR_ADDR_TEXT_MAX];
	struct fr_refusal refusal;
	struct fr_log_text room;

	p->inside_us = 0;
	p->in_picture = false;
	if (fr_ingest_frame(p->ingest, event->frame, event->size, event->sequence, event->time_us,
	        now_us, fr_clock_real_us(), &refusal) == 0)
		return;
	if (refusal.code != 0) {
		fr_frames_peer_end(p, &refusal, refusal.why.text);
		return;
	}
	fr_log_limited(FR_LOG_WARNING, "frames", "picture dropped",
	    fr_addr_print_host(fr_conn_peer(p->conn), host),
	    "reason=%s peer=%s stream=%s id=%llu why=%s", fr_reason_name(refusal.reason),
	    fr_addr_print(fr_conn_peer(p->conn), addr), p->stream, (unsigned long long)p->id,
	    fr_log_quote(&room, refusal.why.text));
}

static void on_message(struct frames_peer *p, const struct fr_wire_event *event, int64_t now_us)
{
	const struct fr_who who = fr_frames_peer_who(p);
	char addr[FR_ADDR_TEXT_MAX], host[FR_ADDR_TEXT_MAX];
	struct fr_refusal refusal;
	struct fr_log_text room;

	if (fr_relay_message(p->door->env.relay, p->stream, &who, "frames", event->text,
	        event->size, now_us, fr_clock_real_us(), &refusal) == 0)
		return;
	fr_log_limited(FR_LOG_WARNING, "frames", "message refused",
	    fr_addr_print_host(fr_conn_peer(p->conn), host),
	    "reason=%s peer=%s stream=%s id=%llu why=%s", fr_reason_name(refusal.reason),
	    fr_addr_print(fr_conn_peer(p->conn), addr), p->stream, (unsigned long long)p->id,
	    fr_log_quote(&room, refusal.why.text));
}

FR_HOT static void on_picture(
    struct frames_peer *p, const struct fr_wire_event *event, int64_t now_us)
{
	struct fr_refusal refusal = {.code = 400, .reason = FR_REASON_bad_record};

	if (p->state != FRAMES_PUBLISHING) {
		/* A subscriber may send messages and pings, no pictures. */
		if (event->type == FR_WIRE_FRAME)
			fr_frame_unref(event->frame);
		(void)fr_cause_set(&refusal.why, 0, "a subscriber may not send pictures");
		fr_stat_rejected("frames", refusal.reason);
		fr_frames_peer_end(p, &refusal, refusal.why.text);
	} else if (event->type == FR_WIRE_BEGIN) {
		fr_ingest_begin(p->ingest);
		p->inside_us = now_us;
		p->in_picture = true;
	} else if (event->type == FR_WIRE_SKIPPED) {
		fr_ingest_reject(p->ingest, FR_REASON_memory_budget, event->size);
		p->inside_us = 0;
		p->in_picture = false;
	} else {
		on_frame(p, event, now_us);
	}
}

FR_HOT void fr_frames_publish_event(
    struct frames_peer *p, struct fr_wire_event *event, int64_t now_us)
{
	switch (event->type) {
	case FR_WIRE_BEGIN:
	case FR_WIRE_FRAME:
	case FR_WIRE_SKIPPED:
		on_picture(p, event, now_us);
		return;
	case FR_WIRE_MESSAGE:
		on_message(p, event, now_us);
		return;
	case FR_WIRE_PONG:
		learn_clock(p, event, now_us);
		return;
	case FR_WIRE_END:
		fr_frames_peer_end(p, NULL, "end of stream");
		return;
	default:
		return; /* DEMAND is ours to send: from a peer it says nothing */
	}
}
