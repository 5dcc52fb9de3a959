/* SPDX-License-Identifier: MIT */
/* Publish: pictures in; how many were taken is said when the client has ended its side. */
#include <errno.h>
#include <framerelay.pb-c.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/media/frame.h"
#include "common/media/protobuf.h"
#include "daemon/doors/grpc/inside.h"

enum {
	AROUND = 1024, /* bytes of a request besides the picture */
};

static int64_t most(const struct fr_limits *limits)
{
	return limits->max_frame_bytes != 0 ? limits->max_frame_bytes + AROUND : 0;
}

static void on_decided(void *arg, const struct fr_refusal *refusal)
{
	struct grpc_call *c = arg;

	c->is_asking = false;
	if (refusal != NULL) {
		fr_grpc_call_refuse(c, refusal);
		fr_ingest_free(c->ingest, fr_clock_now_us());
		c->ingest = NULL;
	}
	fr_grpc_call_release(c);
	fr_grpc_peer_pump(c->peer);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	struct grpc_call *c = arg;

	fr_grpc_call_refuse(c, refusal);
	fr_ingest_free(c->ingest, fr_clock_now_us());
	c->ingest = NULL;
	fr_grpc_peer_pump(c->peer);
}

static void answer(struct grpc_call *c)
{
	const struct fr_ingest_counts counts = fr_ingest_counts(c->ingest);
	Framerelay__V1__PublishResponse response;

	framerelay__v1__publish_response__init(&response);
	response.published = counts.published;
	response.rejected = counts.rejected;
	fr_grpc_call_reply_message(c, &response.base);
	fr_grpc_call_end(c, FR_GRPC_OK, "%s", "");
}

static void on_verified(void *arg, const struct fr_refusal *refusal)
{
	struct grpc_call *c = arg;

	(void)refusal;
	if (!c->half_closed || c->is_ending || fr_ingest_counts(c->ingest).verifying != 0)
		return;
	answer(c);
	fr_grpc_peer_pump(c->peer);
}

static void open_stream(
    struct grpc_call *c, const Framerelay__V1__PublishRequest__Open *open, int64_t now_us)
{
	static const struct fr_ingest_ops ops = {
	    .on_decided = on_decided, .on_verified = on_verified, .on_closed = on_closed};
	struct grpc_door *d = c->peer->door;
	struct fr_publish_spec spec = {.door = "grpc",
	    .who = c->who,
	    .takeover = d->takeover,
	    .takeover_no = open->no_takeover,
	    .verify = d->verify,
	    .width = open->width <= UINT16_MAX ? (uint16_t)open->width : 0,
	    .height = open->height <= UINT16_MAX ? (uint16_t)open->height : 0};
	struct fr_refusal refusal;
	int r;

	if (!fr_text_is_name(open->stream)) {
		fr_grpc_call_fail(c, FR_GRPC_INVALID_ARGUMENT, FR_REASON_bad_parameter,
		    "\"%.80s\" is not a stream's name", open->stream);
		return;
	}
	if (open->id[0] != '\0' &&
	    (strlen(open->id) < 16 || strlen(open->id) > 64 ||
	        strspn(open->id, "0123456789abcdefABCDEF") != strlen(open->id))) {
		fr_grpc_call_fail(c, FR_GRPC_INVALID_ARGUMENT, FR_REASON_bad_parameter,
		    "id must be 16 to 64 hex digits");
		return;
	}
	(void)snprintf(c->stream, sizeof(c->stream), "%s", open->stream);
	(void)snprintf(spec.id, sizeof(spec.id), "%s", open->id);
	memcpy(spec.stream, c->stream, sizeof(c->stream));
	r = fr_relay_publish(d->env.relay, &spec, &ops, c, now_us, &c->ingest, &refusal);
	if (r == -EINPROGRESS)
		c->is_asking = c->is_held = true; /* nothing may be published before */
	else if (r < 0)
		fr_grpc_call_refuse(c, &refusal);
}

static void take(struct grpc_call *c, const Framerelay__V1__Frame *message, int64_t now_us)
{
	const size_t size = message->jpeg.len;
	int64_t captured_us = 0;
	struct fr_refusal refusal;
	struct fr_frame *frame;

	if (size == 0) {
		fr_ingest_reject(c->ingest, FR_REASON_not_jpeg, 0);
		return;
	}
	frame = fr_frame_begin(fr_relay_pool(c->peer->door->env.relay), size);
	if (frame == NULL) {
		fr_ingest_reject(c->ingest, FR_REASON_memory_budget, size);
		return;
	}
	if (message->captured_at != NULL && message->captured_at->seconds > 0 &&
	    message->captured_at->seconds < INT64_MAX / 2000000)
		captured_us =
		    message->captured_at->seconds * 1000000 + message->captured_at->nanos / 1000;
	memcpy(fr_frame_room(frame), message->jpeg.data, size);
	if (fr_ingest_frame(
	        c->ingest, frame, size, 0, captured_us, now_us, fr_clock_real_us(), &refusal) < 0 &&
	    refusal.code != 0)
		fr_grpc_call_refuse(c, &refusal);
}

static void on_message(struct grpc_call *c, const uint8_t *bytes, size_t size, int64_t now_us)
{
	Framerelay__V1__PublishRequest *r =
	    fr_protobuf_unpack(&framerelay__v1__publish_request__descriptor, bytes, size);

	if (c->ingest != NULL) {
		fr_ingest_received(c->ingest, size + FR_GRPC_PREFIX_BYTES);
		fr_ingest_alive(c->ingest, now_us);
	}
	if (r != NULL && c->ingest == NULL &&
	    r->kind_case == FRAMERELAY__V1__PUBLISH_REQUEST__KIND_OPEN) {
		open_stream(c, r->open, now_us);
	} else if (r != NULL && c->ingest != NULL &&
	           r->kind_case == FRAMERELAY__V1__PUBLISH_REQUEST__KIND_FRAME) {
		take(c, r->frame, now_us);
	} else {
		if (c->ingest != NULL)
			fr_ingest_reject(c->ingest, FR_REASON_grpc_message, size);
		fr_grpc_call_fail(c, FR_GRPC_INVALID_ARGUMENT, FR_REASON_grpc_message,
		    r == NULL           ? "this is no PublishRequest"
		    : c->ingest == NULL ? "the first message must be `open`"
		                        : "every message but the first must be a `frame`");
	}
	framerelay__v1__publish_request__free_unpacked(r, NULL);
}

static void on_inside(struct grpc_call *c)
{
	if (c->ingest != NULL)
		fr_ingest_begin(c->ingest);
}

static void on_half_closed(struct grpc_call *c, int64_t now_us)
{
	(void)now_us;
	if (c->ingest == NULL)
		fr_grpc_call_fail(
		    c, FR_GRPC_INVALID_ARGUMENT, FR_REASON_grpc_message, "nothing was published");
	else if (fr_ingest_counts(c->ingest).verifying == 0)
		answer(c);
}

const struct grpc_method fr_grpc_publish = {
    .path = "/framerelay.v1.FrameRelay/Publish",
    .most = most,
    .opens_small = true,
    .message = on_message,
    .inside = on_inside,
    .half_closed = on_half_closed,
};
