/* SPDX-License-Identifier: MIT */
/* What can be seen of the relay: streams in JSON, metrics for Prometheus, whether it is alive. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "daemon/doors/http/inside.h"

bool fr_http_may(struct http_peer *p, enum fr_right right)
{
	struct fr_refusal refusal = {.code = 403, .reason = FR_REASON_access_denied};

	if (fr_access_allows(
	        fr_relay_access(p->door->env.relay), &p->who, right, NULL, &refusal.why))
		return true;
	fr_http_refuse(p, &refusal, false);
	return false;
}

void fr_http_health(struct http_peer *p)
{
	fr_http_answer(p, 200, "text/plain", "", "ok\n", 3);
}

/* --- JSON ------------------------------------------------------------------------------------- */

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
	char addr[FR_ADDR_TEXT_MAX];

	if (!info->has_publisher)
		return json_null();
	return json_pack("{s:s,s:s,s:f,s:o}", "kind", info->publisher_door, "peer",
	    fr_addr_print(&info->publisher, addr), "since",
	    unix_seconds(info->publisher_since_us, now_us), "clock_offset",
	    info->has_clock ? json_real(seconds(-info->clock_offset_us)) : json_null());
}

/* docs/protocol.md 2.2 */
json_t *fr_http_stream_json(const struct fr_stream_info *info)
{
	const int64_t now_us = fr_clock_now_us();
	json_t *number = info->number != 0 ? json_integer(info->number) : json_null();
	json_t *age =
	    info->newest_us != 0 ? json_real(seconds(now_us - info->newest_us)) : json_null();

	return json_pack("{s:s,s:s,s:o,s:s,s:f,s:o,s:i,s:i,s:I,s:f,s:I,s:I,s:o,s:i,s:f,s:n,s:[]}",
	    "name", info->name, "title", info->title, "number", number, "state",
	    fr_stream_state_name(info->state), "since", unix_seconds(info->state_since_us, now_us),
	    "publisher", publisher_json(info, now_us), "width", (int)info->width, "height",
	    (int)info->height, "bytes_per_second", (json_int_t)info->bytes_per_second,
	    "frames_per_second", (double)info->fps_milli / 1000, "frames_received",
	    (json_int_t)info->frames_received, "sequence", (json_int_t)info->sequence,
	    "age_seconds", age, "subscribers", (int)info->subscribers, "demand",
	    (double)info->demand_rate_milli / 1000, "relay", "renditions");
}

char *fr_http_json_text(const json_t *json)
{
	/* Unix seconds to the millisecond. */
	return json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(13));
}

static void answer_json(struct http_peer *p, json_t *json)
{
	char *text = json != NULL ? fr_http_json_text(json) : NULL;

	json_decref(json);
	if (text == NULL)
		fr_http_fail(p, 503, FR_REASON_memory_budget, "no memory for the answer");
	else
		fr_http_answer(p, 200, "application/json", "", text, strlen(text));
	free(text);
}

static void add_stream(void *arg, const struct fr_stream_info *info)
{
	(void)json_array_append_new(arg, fr_http_stream_json(info));
}

json_t *fr_http_streams_json(const struct fr_relay *relay)
{
	json_t *array = json_array();

	fr_relay_streams(relay, fr_clock_now_us(), add_stream, array);
	return array;
}

void fr_http_streams(struct http_peer *p)
{
	if (fr_http_may(p, FR_RIGHT_OBSERVE))
		answer_json(p, fr_http_streams_json(p->door->env.relay));
}

void fr_http_stream(struct http_peer *p)
{
	struct fr_stream_info info;

	if (!fr_http_may(p, FR_RIGHT_OBSERVE))
		return;
	if (!fr_relay_stream(p->door->env.relay, p->stream, fr_clock_now_us(), &info))
		fr_http_fail(p, 404, FR_REASON_no_such_stream, "no stream is called %s", p->stream);
	else
		answer_json(p, fr_http_stream_json(&info));
}

void fr_http_state(struct http_peer *p)
{
	struct fr_stream_info info;

	if (!fr_http_may(p, FR_RIGHT_OBSERVE))
		return;
	if (!fr_relay_stream(p->door->env.relay, p->stream, fr_clock_now_us(), &info))
		fr_http_fail(p, 404, FR_REASON_no_such_stream, "no stream is called %s", p->stream);
	else
		answer_json(p, fr_http_ustreamer_state(p, &info));
}

/* --- Metrics ---------------------------------------------------------------------------------- */

/* Of each stream; the names of streams are bounded by max_streams. */
struct gauge {
	const char *name, *help;
	bool is_counter;
	double (*value)(const struct fr_stream_info *info);
};

struct gauge_writing {
	struct fr_text *to;
	const struct gauge *gauge;
};

static double live_of(const struct fr_stream_info *info)
{
	return info->state == FR_STREAM_LIVE;
}

static double subscribers_of(const struct fr_stream_info *info)
{
	return info->subscribers;
}

static double received_of(const struct fr_stream_info *info)
{
	return (double)info->frames_received;
}

static double bytes_of(const struct fr_stream_info *info)
{
	return (double)info->bytes_per_second;
}

static double fps_of(const struct fr_stream_info *info)
{
	return (double)info->fps_milli / 1000;
}

static double age_of(const struct fr_stream_info *info)
{
	return info->newest_us != 0 ? seconds(fr_clock_now_us() - info->newest_us) : -1;
}

static const struct gauge gauges[] = {
    {"stream_live", "1 while pictures come, else 0", false, live_of},
    {"stream_subscribers", "subscribers of the stream now", false, subscribers_of},
    {"stream_frames_received_total", "pictures that went to the stream", true, received_of},
    {"stream_bytes_per_second", "bytes of its pictures a second, lately", false, bytes_of},
    {"stream_frames_per_second", "pictures a second, lately", false, fps_of},
    {"stream_age_seconds", "since its newest picture came; -1 before the first", false, age_of},
};

static void write_gauge(void *arg, const struct fr_stream_info *info)
{
	struct gauge_writing *w = arg;

	fr_text_add(w->to,
	    w->gauge->is_counter ? "framerelayd_%s{stream=\"%s\"} %.0f\n"
	                         : "framerelayd_%s{stream=\"%s\"} %.6g\n",
	    w->gauge->name, info->name, w->gauge->value(info));
}

static void write_streams(struct http_peer *p, struct fr_text *to)
{
	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
		struct gauge_writing w = {.to = to, .gauge = &gauges[i]};

		fr_text_add(to, "# HELP framerelayd_%s %s\n# TYPE framerelayd_%s %s\n",
		    gauges[i].name, gauges[i].help, gauges[i].name,
		    gauges[i].is_counter ? "counter" : "gauge");
		fr_relay_streams(p->door->env.relay, fr_clock_now_us(), write_gauge, &w);
	}
}

void fr_http_metrics(struct http_peer *p)
{
	struct fr_text text = {0};

	if (!fr_http_may(p, FR_RIGHT_OBSERVE))
		return;
	fr_text_add(&text,
	    "# HELP framerelayd_info the version that runs\n# TYPE framerelayd_info gauge\n"
	    "framerelayd_info{version=\"%s\"} 1\n",
	    FR_VERSION);
	fr_stats_metrics(&text);
	write_streams(p, &text);
	fr_http_answer(
	    p, 200, "text/plain; version=0.0.4; charset=utf-8", "", text.text, text.length);
	fr_text_done(&text);
}
