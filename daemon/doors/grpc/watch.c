/* SPDX-License-Identifier: MIT */
/*
 * Subscribe and Messages: what a stream shows, until either side ends the call.
 *
 * Nothing is taken from the queue while the client's window is closed: it costs nothing, and sees the newest when it opens.
 */
#include <framerelay.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/media/frame.h"
#include "common/media/protobuf.h"
#include "daemon/doors/grpc/inside.h"

static void on_ready(void *arg)
{
	struct grpc_call *c = arg;

	fr_grpc_peer_pump(c->peer);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	struct grpc_call *c = arg;

	fr_grpc_call_refuse(c, refusal);
	fr_grpc_peer_pump(c->peer);
}

static void begin(
    struct grpc_call *c, struct fr_subscribe_spec *spec, const char *stream, int64_t now_us)
{
	static const struct fr_subscriber_ops ops = {.on_ready = on_ready, .on_closed = on_closed};
	struct fr_refusal refusal;

	if (!fr_grpc_call_find_stream(c, stream, FR_RIGHT_SUBSCRIBE))
		return;
	spec->door = "grpc";
	spec->who = c->who;
	memcpy(spec->stream, c->stream, sizeof(c->stream));
	if (fr_relay_subscribe(c->peer->door->env.relay, spec, &ops, c, now_us, &c->sub, &refusal) <
	    0)
		fr_grpc_call_refuse(c, &refusal);
}

static void on_sent(struct grpc_call *c)
{
	if (c->in_flight)
		fr_subscriber_sent(c->sub);
	c->in_flight = false;
}

static void time_of(int64_t us, Google__Protobuf__Timestamp *ret)
{
	google__protobuf__timestamp__init(ret);
	ret->seconds = us / 1000000;
	ret->nanos = (int32_t)(us % 1000000 * 1000);
}

/* --- Pictures --------------------------------------------------------------------------------- */

/* @return false: refused */
static bool read_rendition(
    struct grpc_call *c, const Framerelay__V1__SubscribeRequest *r, struct fr_rendition *rendition)
{
	const struct {
		const char *key;
		uint32_t value; /* 0: not asked for */
	} fields[] = {
	    {"width", r->width},
	    {"height", r->height},
	    {"gray", r->gray != 0},
	    {"quality", r->quality},
	    {"rotate", r->rotate},
	    {"hflip", r->hflip != 0},
	    {"vflip", r->vflip != 0},
	};
	struct fr_cause why;
	char text[16];

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		(void)snprintf(text, sizeof(text), "%u", fields[i].value);
		if (fields[i].value == 0 ||
		    fr_rendition_set(rendition, fields[i].key, text, &why) == 0)
			continue;
		fr_grpc_call_fail(c, FR_GRPC_INVALID_ARGUMENT, FR_REASON_bad_parameter, "%s: %s",
		    fields[i].key, why.text);
		return false;
	}
	return true;
}

static void on_subscribe(struct grpc_call *c, const uint8_t *bytes, size_t size, int64_t now_us)
{
	Framerelay__V1__SubscribeRequest *r =
	    fr_protobuf_unpack(&framerelay__v1__subscribe_request__descriptor, bytes, size);
	const int64_t most = c->peer->door->env.limits->max_queue_frames;
	struct fr_subscribe_spec spec = {.kind = "subscribe"};

	if (r == NULL) {
		fr_grpc_call_fail(c, FR_GRPC_INVALID_ARGUMENT, FR_REASON_grpc_message,
		    "this is no SubscribeRequest");
	} else if ((most != 0 && r->queue_frames > most) || !(r->max_fps >= 0) ||
	           r->max_fps > 1000) {
		fr_grpc_call_fail(c, FR_GRPC_INVALID_ARGUMENT, FR_REASON_bad_parameter,
		    "queue_frames must be 0..%lld, max_fps 0..1000", (long long)most);
	} else if (read_rendition(c, r, &spec.rendition)) {
		spec.queue_frames = r->queue_frames != 0 ? (int)r->queue_frames : -1;
		spec.queue_age_ms = r->queue_age_ms != 0 ? (int64_t)r->queue_age_ms : -1;
		spec.max_fps_milli = (uint32_t)(r->max_fps * 1000);
		begin(c, &spec, r->stream, now_us);
	}
	framerelay__v1__subscribe_request__free_unpacked(r, NULL);
}

/* The small fields, then the picture's bytes as they are. @return bytes */
static size_t write_head(const struct fr_frame *frame, uint8_t to[GRPC_HEAD_MAX])
{
	const struct fr_frame_info *info = fr_frame_info(frame);
	Framerelay__V1__Frame message;
	Google__Protobuf__Timestamp time;
	size_t n, size;

	framerelay__v1__frame__init(&message);
	time_of(info->captured_us, &time);
	message.sequence = info->sequence;
	message.captured_at = &time;
	message.width = info->width;
	message.height = info->height;
	n = framerelay__v1__frame__pack(&message, to);
	to[n++] = 1 << 3 | 2; /* field 1, bytes */
	for (size = fr_frame_size(frame); size >= 0x80; size >>= 7)
		to[n++] = (uint8_t)(size | 0x80);
	to[n++] = (uint8_t)size;
	return n;
}

static void go_on_pictures(struct grpc_call *c, int64_t now_us)
{
	const int64_t most = c->peer->door->max_reply_bytes;
	uint8_t head[GRPC_HEAD_MAX];
	struct fr_frame *frame;
	size_t n;

	while (c->sub != NULL && !c->in_flight &&
	       (frame = fr_subscriber_next(c->sub, now_us)) != NULL) {
		n = write_head(frame, head);
		if (most != 0 && n + fr_frame_size(frame) > (size_t)most) {
			fr_stat_rejected("grpc", FR_REASON_grpc_too_big);
			fr_subscriber_give_up(c->sub);
		} else {
			c->in_flight = true;
			fr_grpc_call_reply(c, head, n, frame);
		}
		fr_frame_unref(frame);
	}
}

const struct grpc_method fr_grpc_subscribe = {
    .path = "/framerelay.v1.FrameRelay/Subscribe",
    .most = fr_grpc_most_small,
    .is_unary = true,
    .message = on_subscribe,
    .go_on = go_on_pictures,
    .sent = on_sent,
};

/* --- MESSAGEs --------------------------------------------------------------------------------- */

static void on_messages(struct grpc_call *c, const uint8_t *bytes, size_t size, int64_t now_us)
{
	Framerelay__V1__MessagesRequest *r =
	    fr_protobuf_unpack(&framerelay__v1__messages_request__descriptor, bytes, size);
	struct fr_subscribe_spec spec = {
	    .kind = "messages", .no_pictures = true, .queue_frames = -1, .queue_age_ms = -1};

	if (r == NULL)
		fr_grpc_call_fail(c, FR_GRPC_INVALID_ARGUMENT, FR_REASON_grpc_message,
		    "this is no MessagesRequest");
	else
		begin(c, &spec, r->stream, now_us);
	framerelay__v1__messages_request__free_unpacked(r, NULL);
}

static void go_on_messages(struct grpc_call *c, int64_t now_us)
{
	Framerelay__V1__Message message;
	Google__Protobuf__Timestamp time;
	struct fr_frame *frame;
	char *json;

	if (c->sub == NULL || c->in_flight || (frame = fr_subscriber_next(c->sub, now_us)) == NULL)
		return;
	json = strndup((const char *)fr_frame_bytes(frame), fr_frame_size(frame));
	framerelay__v1__message__init(&message);
	time_of(fr_frame_info(frame)->captured_us, &time);
	message.json = json;
	message.sequence = fr_frame_info(frame)->sequence;
	message.sent_at = &time;
	c->in_flight = true;
	fr_grpc_call_reply_message(c, &message.base);
	free(json);
	fr_frame_unref(frame);
}

const struct grpc_method fr_grpc_messages = {
    .path = "/framerelay.v1.FrameRelay/Messages",
    .most = fr_grpc_most_small,
    .is_unary = true,
    .message = on_messages,
    .go_on = go_on_messages,
    .sent = on_sent,
};
