/* SPDX-License-Identifier: MIT */
/* What can be seen of the relay: streams in JSON, whether it is alive. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "daemon/doors/http/inside.h"

bool fr_http_may(struct http_peer *p, enum fr_right right, const char *stream)
{
	struct fr_refusal refusal;

	if (fr_access_allows(fr_relay_access(p->door->env.relay), &p->who, right, stream, &refusal))
		return true;
	fr_http_refuse(p, &refusal, false);
	return false;
}

void fr_http_health(struct http_peer *p)
{
	fr_http_answer(p, 200, "text/plain", "", "ok\n", 3);
}

static double seconds(int64_t us)
{
	return (double)us / 1e6;
}

/* What was at `us` of the monotonic clock, as Unix seconds. */
static double unix_seconds(int64_t us, int64_t now_us)
{
	return seconds(fr_clock_real_us() - (now_us - us));
}

/* The offset is what is to be added to the publisher's clock. */
static json_t *publisher_json(const struct fr_stream_info *info, int64_t now_us)
{
	const bool is_ours = info->publisher.kind == FR_ADDR_NONE;
	char addr[FR_ADDR_TEXT_MAX];

	if (!info->has_publisher)
		return json_null();
	return json_pack("{s:s,s:s?,s:f,s:o}", "kind", info->publisher_door, "peer",
	    is_ours ? NULL : fr_addr_print(&info->publisher, addr), "since",
	    unix_seconds(info->publisher_since_us, now_us), "clock_offset",
	    info->has_clock ? json_real(seconds(-info->clock_offset_us)) : json_null());
}

static void add_rendition(void *arg, const struct fr_rendition_info *info)
{
	const struct fr_rendition *r = info->rendition;
	const char *way = info->is_lossless ? "lossless" : "decoded";

	(void)json_array_append_new(
	    arg, json_pack("{s:b,s:i,s:i,s:i,s:i,s:b,s:i,s:i,s:i,s:s?,s:f,s:I,s:I,s:I,s:I,s:I}",
	             "gray", r->gray, "width", (int)r->width, "height", (int)r->height, "quality",
	             (int)r->quality, "rotate", (int)r->rotate, "hflip", r->hflip, "picture_width",
	             (int)info->width, "picture_height", (int)info->height, "subscribers",
	             (int)info->subscribers, "way", info->made != 0 ? way : NULL,
	             "frames_per_second", (double)info->fps_milli / 1000, "bytes_per_second",
	             (json_int_t)info->bytes_per_second, "made", (json_int_t)info->made, "lossless",
	             (json_int_t)info->lossless, "failed", (json_int_t)info->failed, "skipped",
	             (json_int_t)info->skipped));
}

/* docs/protocol.md 2.2 */
json_t *fr_http_stream_json(const struct fr_relay *relay, const struct fr_stream_info *info)
{
	json_t *renditions = json_array();
	const int64_t now_us = fr_clock_now_us();
	json_t *number = info->number != 0 ? json_integer(info->number) : json_null();
	json_t *age =
	    info->newest_us != 0 ? json_real(seconds(now_us - info->newest_us)) : json_null();
	json_t *unchanged =
	    info->seen_us != 0 ? json_real(seconds(now_us - info->seen_us)) : json_null();

	fr_relay_renditions(relay, info->name, add_rendition, renditions);
	return json_pack(
	    "{s:s,s:s,s:o,s:s,s:f,s:o,s:i,s:i,s:I,s:f,s:I,s:I,s:o,s:o,s:i,s:f,s:n,s:o}", "name",
	    info->name, "title", info->title, "number", number, "state",
	    fr_stream_state_name(info->state), "since", unix_seconds(info->state_since_us, now_us),
	    "publisher", publisher_json(info, now_us), "width", (int)info->width, "height",
	    (int)info->height, "bytes_per_second", (json_int_t)info->bytes_per_second,
	    "frames_per_second", (double)info->fps_milli / 1000, "frames_received",
	    (json_int_t)info->frames_received, "sequence", (json_int_t)info->sequence,
	    "age_seconds", age, "unchanged_seconds", unchanged, "subscribers",
	    (int)info->subscribers, "demand", (double)info->demand_rate_milli / 1000, "relay",
	    "renditions", renditions);
}

char *fr_http_json_text(const json_t *json)
{
	/* Unix seconds to the millisecond. */
	return json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(13));
}

void fr_http_answer_json(struct http_peer *p, json_t *json)
{
	char *text = json != NULL ? fr_http_json_text(json) : NULL;

	json_decref(json);
	if (text == NULL)
		fr_http_fail(p, 503, FR_REASON_memory_budget, "no memory for the answer");
	else
		fr_http_answer(p, 200, "application/json", "", text, strlen(text));
	free(text);
}

struct listing {
	const struct fr_relay *relay;
	json_t *array;
};

static void add_stream(void *arg, const struct fr_stream_info *info)
{
	const struct listing *listing = arg;

	(void)json_array_append_new(listing->array, fr_http_stream_json(listing->relay, info));
}

json_t *fr_http_streams_json(const struct fr_relay *relay)
{
	struct listing listing = {relay, json_array()};

	fr_relay_streams(relay, fr_clock_now_us(), add_stream, &listing);
	return listing.array;
}

void fr_http_streams(struct http_peer *p)
{
	if (fr_http_may(p, FR_RIGHT_OBSERVE, NULL))
		fr_http_answer_json(p, fr_http_streams_json(p->door->env.relay));
}

void fr_http_stream(struct http_peer *p)
{
	struct fr_stream_info info;

	if (!fr_http_may(p, FR_RIGHT_OBSERVE, NULL))
		return;
	if (!fr_relay_stream(p->door->env.relay, p->stream, fr_clock_now_us(), &info))
		fr_http_fail(p, 404, FR_REASON_no_such_stream, "no stream is called %s", p->stream);
	else
		fr_http_answer_json(p, fr_http_stream_json(p->door->env.relay, &info));
}

void fr_http_state(struct http_peer *p)
{
	struct fr_stream_info info;

	if (!fr_http_may(p, FR_RIGHT_OBSERVE, NULL))
		return;
	if (!fr_relay_stream(p->door->env.relay, p->stream, fr_clock_now_us(), &info))
		fr_http_fail(p, 404, FR_REASON_no_such_stream, "no stream is called %s", p->stream);
	else
		fr_http_answer_json(p, fr_http_ustreamer_state(p, &info));
}
