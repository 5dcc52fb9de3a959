/* SPDX-License-Identifier: MIT */
/* For who looks after the relay: /status, what it is and does, and /subscribers, who watches and how that goes. */
#include <jansson.h>
#include <stddef.h>
#include <string.h>

#include <event2/event.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/process.h"
#include "common/base/stats.h"
#include "common/media/frame.h"
#include "daemon/doors/http/inside.h"

static double seconds(int64_t us)
{
	return (double)us / 1e6;
}

static void put(json_t *object, const char *key, json_t *value)
{
	(void)json_object_set_new(object, key, value);
}

static void put_number(json_t *object, const char *key, int64_t value)
{
	put(object, key, json_integer((json_int_t)value));
}

/* --- /status ------------------------------------------------------------------------------------ */

static json_t *build_json(void)
{
	json_t *build = json_object();

	put(build, "compiler", json_string(__VERSION__));
	put(build, "libevent", json_string(event_get_version()));
	put(build, "jansson", json_string(jansson_version_str()));
	return build;
}

static void most_subscribers(void *arg, const struct fr_stream_info *info)
{
	int64_t *most = arg;

	if (info->subscribers > *most)
		*most = info->subscribers;
}

/* What is used of a limit now. @return -1: that cannot be said */
static int64_t used_of(const struct http_door *d, const char *limit)
{
	static const struct {
		const char *limit;
		enum fr_stat stat;
	} rows[] = {
	    {"max_connections", FR_STAT_connections_open},
	    {"max_publishers", FR_STAT_publishers},
	    {"max_streams", FR_STAT_streams},
	};
	int64_t most = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].limit, limit) == 0)
			return fr_stat_value(rows[i].stat);
	if (strcmp(limit, "memory_budget_bytes") == 0)
		return fr_frame_pool_bytes(fr_relay_pool(d->env.relay));
	if (strcmp(limit, "max_subscribers_per_stream") != 0)
		return -1;
	fr_relay_streams(d->env.relay, fr_clock_now_us(), most_subscribers, &most);
	return most;
}

static json_t *limits_json(const struct http_door *d)
{
	static const struct {
		const char *name;
		size_t offset;
	} rows[] = {
#define LIMIT(row, type, unit, min, max, def, help) {#row, offsetof(struct fr_limits, row)},
#include "common/base/limits.def"
#undef LIMIT
	};
	json_t *limits = json_object();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const int64_t used = used_of(d, rows[i].name);
		json_t *limit = json_object();
		int64_t value;

		memcpy(&value, (const char *)d->env.limits + rows[i].offset, sizeof(value));
		put_number(limit, "value", value);
		if (used >= 0)
			put_number(limit, "used", used);
		put(limits, rows[i].name, limit);
	}
	return limits;
}

static json_t *refusals_json(void)
{
	json_t *refusals = json_object();
	const char *door;

	for (size_t i = 0; (door = fr_stat_refuser(i)) != NULL; i++) {
		json_t *reasons = json_object();

		for (unsigned r = 0; r < FR_REASON_COUNT; r++) {
			const uint64_t count = fr_stat_rejected_count(door, r);

			if (count != 0)
				put_number(reasons, fr_reason_name(r), (int64_t)count);
		}
		put(refusals, door, reasons);
	}
	return refusals;
}

static json_t *counters_json(void)
{
	json_t *counters = json_object();

	for (unsigned i = 0; i < FR_STAT_COUNT; i++)
		put_number(counters, fr_stat_specs[i].name, fr_stat_value(i));
	return counters;
}

struct ends {
	json_t *status;
	const struct fr_relay *relay;
};

/* A source is as its stream is: nobody else may publish it meanwhile. */
static const char *state_of(const struct ends *ends, const struct fr_end_info *end)
{
	struct fr_stream_info info;

	if (!end->is_open)
		return "not open";
	if (strcmp(end->sort, "sources") != 0 || end->stream == NULL ||
	    !fr_relay_stream(ends->relay, end->stream, fr_clock_now_us(), &info))
		return "open";
	return fr_stream_state_name(info.state);
}

static void add_end(void *arg, const struct fr_end_info *end)
{
	const struct ends *ends = arg;
	json_t *one = json_object();

	put(one, "kind", json_string(end->kind));
	put(one, "state", json_string(state_of(ends, end)));
	if (end->listen != NULL)
		put(one, "listen", json_string(end->listen));
	if (end->stream != NULL && end->stream[0] != '\0')
		put(one, "stream", json_string(end->stream));
	put(one, "where", json_string(end->where));
	(void)json_array_append_new(json_object_get(ends->status, end->sort), one);
}

static void put_ends(const struct http_door *d, json_t *status)
{
	struct ends ends = {.status = status, .relay = d->env.relay};

	put(status, "doors", json_array());
	put(status, "sources", json_array());
	put(status, "sinks", json_array());
	if (d->env.list_ends != NULL)
		d->env.list_ends(d->env.list_ends_arg, add_end, &ends);
}

static void put_process(const struct http_door *d, json_t *status)
{
	const struct fr_frame_pool *pool = fr_relay_pool(d->env.relay);
	const struct fr_histogram *lag = fr_stat_time(FR_TIME_loop_lag);
	struct fr_process process;

	fr_process_look(&process);
	put(status, "started", json_real(seconds(process.started_us)));
	put(status, "uptime_seconds", json_real(seconds(fr_clock_real_us() - process.started_us)));
	put(status, "cpu_seconds", json_real(seconds(process.cpu_us)));
	put(status, "memory",
	    json_pack("{s:I,s:I,s:I,s:I}", "resident_bytes", (json_int_t)process.resident_bytes,
	        "virtual_bytes", (json_int_t)process.virtual_bytes, "picture_bytes",
	        (json_int_t)fr_frame_pool_bytes(pool), "pictures",
	        (json_int_t)fr_frame_pool_frames(pool)));
	put(status, "descriptors",
	    json_pack("{s:I,s:I}", "open", (json_int_t)process.open_files, "max",
	        (json_int_t)process.max_files));
	put(status, "loop_lag_seconds",
	    json_real(fr_histogram_count(lag) != 0
	                  ? seconds((int64_t)lag->sum_us) / (double)fr_histogram_count(lag)
	                  : 0));
}

void fr_http_status(struct http_peer *p)
{
	json_t *status;

	if (!fr_http_may(p, FR_RIGHT_ADMIN, NULL))
		return;
	status = json_object();
	put(status, "version", json_string(FR_VERSION));
	put(status, "build", build_json());
	put_process(p->door, status);
	put_ends(p->door, status);
	put(status, "limits", limits_json(p->door));
	put(status, "refusals", refusals_json());
	put(status, "counters", counters_json());
	fr_http_answer_json(p, status);
}

/* --- /subscribers ------------------------------------------------------------------------------- */

static json_t *subscriber_json(const struct fr_subscriber_info *info)
{
	const struct fr_subscriber_counts *c = &info->counts;
	const int64_t now_us = fr_clock_now_us();
	json_t *one = json_object(), *dropped = json_object();
	char addr[FR_ADDR_TEXT_MAX], rendition[FR_RENDITION_TEXT_MAX];

	put_number(one, "id", (int64_t)info->id);
	put(one, "stream", info->stream != NULL ? json_string(info->stream) : json_null());
	put(one, "door", json_string(info->door));
	put(one, "kind", json_string(info->kind));
	put(one, "peer",
	    info->who.ours ? json_null() : json_string(fr_addr_print(&info->who.addr, addr)));
	put(one, "since", json_real(seconds(fr_clock_real_us() - (now_us - info->since_us))));
	put(one, "pictures", json_boolean(info->pictures));
	put(one, "messages", json_boolean(info->messages));
	put(one, "rendition",
	    info->rendition != NULL && fr_rendition_print(info->rendition, rendition) != 0
	        ? json_string(rendition)
	        : json_null());
	put(one, "max_fps", json_real((double)info->max_fps_milli / 1000));
	put_number(one, "offered", (int64_t)c->offered);
	put_number(one, "sent", (int64_t)c->sent);
	put_number(one, "bytes", (int64_t)c->bytes_sent);
	put_number(dropped, "newest", (int64_t)c->dropped_newest);
	put_number(dropped, "age", (int64_t)c->dropped_age);
	put_number(dropped, "memory", (int64_t)c->dropped_memory);
	put_number(dropped, "paced", (int64_t)c->dropped_paced);
	put_number(dropped, "frozen", (int64_t)c->dropped_frozen);
	put_number(dropped, "unsent", (int64_t)c->dropped_unsent);
	put_number(dropped, "closed", (int64_t)c->dropped_closed);
	put(one, "dropped", dropped);
	put(one, "queue",
	    json_pack("{s:i,s:i,s:f,s:f}", "waiting", (int)(c->queued + c->held), "most",
	        (int)info->queue_frames, "age_seconds",
	        info->oldest_us != 0 ? seconds(now_us - info->oldest_us) : 0.0, "most_age_seconds",
	        seconds(info->queue_age_us)));
	put_number(one, "in_flight", c->in_flight);
	put_number(one, "messages_sent", (int64_t)c->messages_sent);
	put_number(one, "messages_dropped", (int64_t)c->messages_dropped);
	return one;
}

static void add_subscriber(void *arg, const struct fr_subscriber_info *info)
{
	(void)json_array_append_new(arg, subscriber_json(info));
}

void fr_http_subscribers(struct http_peer *p)
{
	json_t *array;

	if (!fr_http_may(p, FR_RIGHT_ADMIN, NULL))
		return;
	array = json_array();
	fr_relay_subscribers(p->door->env.relay, add_subscriber, array);
	fr_http_answer_json(p, array);
}
