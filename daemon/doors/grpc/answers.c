/* SPDX-License-Identifier: MIT */
/* Calls with one answer: SendMessage, ListStreams, health; and the table of all methods. */
#include <framerelay.pb-c.h>
#include <health.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/xalloc.h"
#include "common/media/protobuf.h"
#include "daemon/doors/grpc/inside.h"

static void finish(struct grpc_call *c, const ProtobufCMessage *message)
{
	fr_grpc_call_reply_message(c, message);
	fr_grpc_call_end(c, FR_GRPC_OK, "%s", "");
}

/* --- SendMessage ------------------------------------------------------------------------------ */

static int64_t most_message(const struct fr_limits *limits)
{
	return limits->max_message_bytes != 0 ? limits->max_message_bytes + 128 : 0;
}

static void on_send(struct grpc_call *c, const uint8_t *bytes, size_t size, int64_t now_us)
{
	Framerelay__V1__SendMessageRequest *r =
	    fr_protobuf_unpack(&framerelay__v1__send_message_request__descriptor, bytes, size);
	Framerelay__V1__SendMessageResponse response;
	struct fr_refusal refusal;

	framerelay__v1__send_message_response__init(&response);
	if (r == NULL)
		fr_grpc_call_fail(c, FR_GRPC_INVALID_ARGUMENT, FR_REASON_grpc_message,
		    "this is no SendMessageRequest");
	else if (fr_grpc_call_find_stream(c, r->stream, FR_RIGHT_MESSAGE)) {
		if (fr_relay_message(c->peer->door->env.relay, c->stream, &c->who, "grpc",
		        (const uint8_t *)r->json, strlen(r->json), now_us, fr_clock_real_us(),
		        &refusal) < 0)
			fr_grpc_call_refuse(c, &refusal);
		else
			finish(c, &response.base);
	}
	framerelay__v1__send_message_request__free_unpacked(r, NULL);
}

const struct grpc_method fr_grpc_send_message = {
    .path = "/framerelay.v1.FrameRelay/SendMessage",
    .most = most_message,
    .is_unary = true,
    .message = on_send,
};

/* --- ListStreams ------------------------------------------------------------------------------ */

struct list {
	Framerelay__V1__Stream **items;
	size_t count;
};

static void add(void *arg, const struct fr_stream_info *info)
{
	struct list *list = arg;
	Framerelay__V1__Stream *s = fr_xcalloc(1, sizeof(*s));

	framerelay__v1__stream__init(s);
	s->name = fr_xstrdup(info->name);
	s->title = fr_xstrdup(info->title);
	s->state = fr_xstrdup(fr_stream_state_name(info->state));
	s->width = info->width;
	s->height = info->height;
	s->frames_per_second = info->fps_milli / 1000.0;
	s->sequence = info->sequence;
	s->subscribers = info->subscribers;
	list->items = fr_xreallocarray(list->items, list->count + 1, sizeof(list->items[0]));
	list->items[list->count++] = s;
}

static void on_list(struct grpc_call *c, const uint8_t *bytes, size_t size, int64_t now_us)
{
	struct fr_relay *relay = c->peer->door->env.relay;
	Framerelay__V1__ListStreamsResponse response;
	struct list list = {0};
	struct fr_refusal refusal;

	(void)bytes; /* it has no fields */
	(void)size;
	if (!fr_access_allows(fr_relay_access(relay), &c->who, FR_RIGHT_OBSERVE, NULL, &refusal)) {
		fr_stat_rejected("grpc", refusal.reason);
		fr_grpc_call_refuse(c, &refusal);
		return;
	}
	fr_relay_streams(relay, now_us, add, &list);
	framerelay__v1__list_streams_response__init(&response);
	response.n_streams = list.count;
	response.streams = list.items;
	finish(c, &response.base);
	for (size_t i = 0; i < list.count; i++)
		framerelay__v1__stream__free_unpacked(list.items[i], NULL);
	free(list.items);
}

const struct grpc_method fr_grpc_list_streams = {
    .path = "/framerelay.v1.FrameRelay/ListStreams",
    .most = fr_grpc_most_small,
    .is_unary = true,
    .message = on_list,
};

/* --- Health ----------------------------------------------------------------------------------- */

/* @return SERVING, SERVICE_UNKNOWN, or UNKNOWN: this is no request */
static Grpc__Health__V1__HealthCheckResponse__ServingStatus health_of(
    const uint8_t *bytes, size_t size)
{
	static const char *const services[] = {
	    "", "MainServer", "framerelay.v1.FrameRelay", "grpc.health.v1.Health"};
	Grpc__Health__V1__HealthCheckRequest *r =
	    fr_protobuf_unpack(&grpc__health__v1__health_check_request__descriptor, bytes, size);
	int found = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN;

	if (r == NULL)
		return GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__UNKNOWN;
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (strcmp(services[i], r->service) == 0)
			found = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
	grpc__health__v1__health_check_request__free_unpacked(r, NULL);
	return found;
}

static void answer_health(struct grpc_call *c, const uint8_t *bytes, size_t size, bool is_watch)
{
	Grpc__Health__V1__HealthCheckResponse response;

	grpc__health__v1__health_check_response__init(&response);
	response.status = health_of(bytes, size);
	if (response.status == GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__UNKNOWN)
		fr_grpc_call_fail(c, FR_GRPC_INVALID_ARGUMENT, FR_REASON_grpc_message,
		    "this is no HealthCheckRequest");
	else if (is_watch)
		fr_grpc_call_reply_message(
		    c, &response.base); /* it does not change until the end */
	else if (response.status ==
	         GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN)
		fr_grpc_call_fail(
		    c, FR_GRPC_NOT_FOUND, FR_REASON_grpc_path, "there is no such service");
	else
		finish(c, &response.base);
}

static void on_check(struct grpc_call *c, const uint8_t *bytes, size_t size, int64_t now_us)
{
	(void)now_us;
	answer_health(c, bytes, size, false);
}

static void on_watch(struct grpc_call *c, const uint8_t *bytes, size_t size, int64_t now_us)
{
	(void)now_us;
	answer_health(c, bytes, size, true);
}

const struct grpc_method fr_grpc_health_check = {
    .path = "/grpc.health.v1.Health/Check",
    .most = fr_grpc_most_small,
    .is_unary = true,
    .message = on_check,
};

const struct grpc_method fr_grpc_health_watch = {
    .path = "/grpc.health.v1.Health/Watch",
    .most = fr_grpc_most_small,
    .is_unary = true,
    .message = on_watch,
};

/* --- All of them ------------------------------------------------------------------------------ */

const struct grpc_method *fr_grpc_method_find(const char *path)
{
	static const struct grpc_method *const methods[] = {&fr_grpc_get_stream, &fr_grpc_subscribe,
	    &fr_grpc_publish, &fr_grpc_messages, &fr_grpc_send_message, &fr_grpc_list_streams,
	    &fr_grpc_health_check, &fr_grpc_health_watch};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(methods[i]->path, path) == 0)
			return methods[i];
	return NULL;
}
