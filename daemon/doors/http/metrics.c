/* SPDX-License-Identifier: MIT */
/*
 * /metrics: the counters of the process, and what is known of each stream, in Prometheus' text format.
 *
 * The text is made at most once a second and shared by all who ask: many scrapers cost what one costs, also those that
 * never read.
 */
#include "daemon/doors/http/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/histogram.h"
#include "common/base/process.h"
#include "common/base/stats.h"
#include "common/media/frame.h"
#include "daemon/doors/http/inside.h"
#include "daemon/relay/traffic.h"

enum {
	FRESH_US = 1000000, /* how long one text is good */
};

static const char dropped[] = "frames_dropped_"; /* rows of traffic.def whose rest is the reason */

/* --- Of each stream ---------------------------------------------------------------------------- */

/* The names of streams are bounded by max_streams. */
struct gauge {
	const char *name, *unit, *help;
	/* @return false: there is none */
	bool (*value)(const struct fr_stream_info *info, int64_t now_us, double *ret);
};

static bool live_of(const struct fr_stream_info *info, int64_t now_us, double *ret)
{
	(void)now_us;
	*ret = info->state == FR_STREAM_LIVE;
	return true;
}

static bool bytes_of(const struct fr_stream_info *info, int64_t now_us, double *ret)
{
	(void)now_us;
	*ret = (double)info->bytes_per_second;
	return true;
}

static bool fps_of(const struct fr_stream_info *info, int64_t now_us, double *ret)
{
	(void)now_us;
	*ret = (double)info->fps_milli / 1000;
	return true;
}

static bool age_of(const struct fr_stream_info *info, int64_t now_us, double *ret)
{
	*ret = (double)(now_us - info->newest_us) / 1e6;
	return info->newest_us != 0;
}

static bool state_age_of(const struct fr_stream_info *info, int64_t now_us, double *ret)
{
	*ret = (double)(now_us - info->state_since_us) / 1e6;
	return true;
}

static const struct gauge gauges[] = {
    {"stream_live", "", "1 while pictures come, else 0", live_of},
    {"stream_state_seconds", "seconds", "for how long it is in its state", state_age_of},
    {"stream_age_seconds", "seconds", "since its newest picture came", age_of},
    {"stream_bytes_per_second", "bytes/s", "bytes of its pictures a second, lately", bytes_of},
    {"stream_frames_per_second", "frames/s", "pictures a second, lately", fps_of},
};

static const char state_help[] = "1 for the state that the stream is in, 0 for the others";
static const char info_help[] = "1; the labels say what the configuration says of the stream";
static const char subscribers_help[] = "subscribers of the stream now";
static const char dropped_help[] = "pictures that subscribers of the stream did not get, by reason "
                                   "(newest, age, memory, paced, frozen, "
                                   "closed)";
static const char age_help[] =
    "how old pictures are when they begin to leave, since they came in, by the relay's own clock";

struct writing {
	struct fr_text *to;
	const struct gauge *gauge;
	enum fr_traffic_row row;
	int64_t now_us;
};

static void begin(struct fr_text *to, const char *name, const char *kind, const char *help)
{
	fr_text_add(
	    to, "# HELP framerelayd_%s %s\n# TYPE framerelayd_%s %s\n", name, help, name, kind);
}

static void write_gauge(void *arg, const struct fr_stream_info *info)
{
	struct writing *w = arg;
	double value;

	if (w->gauge->value(info, w->now_us, &value))
		fr_text_add(w->to, "framerelayd_%s{stream=\"%s\"} %.6g\n", w->gauge->name,
		    info->name, value);
}

static void write_state(void *arg, const struct fr_stream_info *info)
{
	struct writing *w = arg;

	for (unsigned s = FR_STREAM_LIVE; s <= FR_STREAM_OFFLINE; s++)
		fr_text_add(w->to, "framerelayd_stream_state{stream=\"%s\",state=\"%s\"} %d\n",
		    info->name, fr_stream_state_name(s), info->state == s);
}

/* Names of streams and kinds of doors are words; what people write in the configuration is not. */
static void add_escaped(struct fr_text *to, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\n')
			fr_text_add(to, "\\n");
		else
			fr_text_add(to, "%s%c", *text == '"' || *text == '\\' ? "\\" : "", *text);
	}
}

static void write_info(void *arg, const struct fr_stream_info *info)
{
	struct writing *w = arg;

	fr_text_add(w->to, "framerelayd_stream_info{stream=\"%s\",number=\"", info->name);
	if (info->number != 0)
		fr_text_add(w->to, "%" PRId64, info->number);
	fr_text_add(w->to, "\",title=\"");
	add_escaped(w->to, info->title);
	fr_text_add(w->to, "\"} 1\n");
}

static void write_streams(const struct fr_relay *relay, struct fr_text *to, int64_t now_us)
{
	struct writing w = {.to = to, .now_us = now_us};

	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++) {
		w.gauge = &gauges[i];
		begin(to, gauges[i].name, "gauge", gauges[i].help);
		fr_relay_streams(relay, now_us, write_gauge, &w);
	}
	begin(to, "stream_state", "gauge", state_help);
	fr_relay_streams(relay, now_us, write_state, &w);
	begin(to, "stream_info", "gauge", info_help);
	fr_relay_streams(relay, now_us, write_info, &w);
}

/* --- Of each stream and door ------------------------------------------------------------------- */

static void write_count(void *arg, const char *stream, const struct fr_traffic *traffic)
{
	struct writing *w = arg;
	const char *name = fr_traffic_specs[w->row].name;

	if (strncmp(name, dropped, sizeof(dropped) - 1) == 0)
		fr_text_add(w->to,
		    "framerelayd_stream_frames_dropped_total{stream=\"%s\",door=\"%s\",reason=\"%"
		    "s\"} "
		    "%" PRIu64 "\n",
		    stream, traffic->door, name + sizeof(dropped) - 1, traffic->counts[w->row]);
	else
		fr_text_add(w->to,
		    "framerelayd_stream_%s_total{stream=\"%s\",door=\"%s\"} %" PRIu64 "\n", name,
		    stream, traffic->door, traffic->counts[w->row]);
}

static void write_subscribers(void *arg, const char *stream, const struct fr_traffic *traffic)
{
	struct writing *w = arg;

	fr_text_add(w->to, "framerelayd_stream_subscribers{stream=\"%s\",door=\"%s\"} %u\n", stream,
	    traffic->door, traffic->subscribers);
}

static void write_ages(void *arg, const char *stream, const struct fr_traffic *traffic)
{
	struct writing *w = arg;
	char labels[FR_NAME_MAX + 96];

	if (traffic->counts[FR_TRAFFIC_frames_sent] == 0)
		return;
	(void)snprintf(labels, sizeof(labels), "stream=\"%s\",door=\"%s\",", stream, traffic->door);
	fr_histogram_write(&traffic->ages, "framerelayd_stream_frame_age_seconds", labels, w->to);
}

static void write_traffic(const struct fr_relay *relay, struct fr_text *to)
{
	struct writing w = {.to = to};
	bool is_begun = false;
	char name[80];

	begin(to, "stream_subscribers", "gauge", subscribers_help);
	fr_relay_traffic(relay, write_subscribers, &w);
	for (w.row = 0; w.row < FR_TRAFFIC_COUNT; w.row++) {
		const struct fr_traffic_spec *spec = &fr_traffic_specs[w.row];

		if (strncmp(spec->name, dropped, sizeof(dropped) - 1) != 0) {
			(void)snprintf(name, sizeof(name), "stream_%s_total", spec->name);
			begin(to, name, "counter", spec->help);
		} else if (!is_begun) {
			begin(to, "stream_frames_dropped_total", "counter", dropped_help);
			is_begun = true;
		}
		fr_relay_traffic(relay, write_count, &w);
	}
	begin(to, "stream_frame_age_seconds", "histogram", age_help);
	fr_relay_traffic(relay, write_ages, &w);
}

/* --- Of the process ---------------------------------------------------------------------------- */

/* Under the names that all of Prometheus' own libraries use. */
static void write_process(struct fr_text *to)
{
	struct fr_process process;

	fr_process_look(&process);
	const struct {
		const char *name, *kind, *help;
		int64_t value, per; /* what is to be divided by what; value -1: not known */
	} rows[] = {
	    {"resident_memory_bytes", "gauge", "memory that the process has",
	        process.resident_bytes, 1},
	    {"virtual_memory_bytes", "gauge", "addresses that it has", process.virtual_bytes, 1},
	    {"cpu_seconds_total", "counter", "time of processors that it has used", process.cpu_us,
	        1000000},
	    {"open_fds", "gauge", "descriptors that it has open", process.open_files, 1},
	    {"max_fds", "gauge", "descriptors that it may open", process.max_files, 1},
	    {"threads", "gauge", "threads that it has", process.threads, 1},
	    {"start_time_seconds", "gauge", "when it was started, Unix time", process.started_us,
	        1000000},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].value >= 0)
			fr_text_add(to,
			    "# HELP process_%s %s\n# TYPE process_%s %s\nprocess_%s %.*f\n",
			    rows[i].name, rows[i].help, rows[i].name, rows[i].kind, rows[i].name,
			    rows[i].per == 1 ? 0 : 2, (double)rows[i].value / (double)rows[i].per);
}

/* --- The answer -------------------------------------------------------------------------------- */

static struct fr_frame *make(const struct http_door *d, int64_t now_us)
{
	const struct fr_frame_info info = {.type = FR_FRAME_MESSAGE};
	struct fr_text text = {0};
	struct fr_frame *frame;

	begin(&text, "build_info", "gauge", "1; the labels say what was built");
	fr_text_add(&text, "framerelayd_build_info{version=\"%s\",compiler=\"", FR_VERSION);
	add_escaped(&text, __VERSION__);
	fr_text_add(&text, "\"} 1\n");
	fr_stats_metrics(&text);
	write_process(&text);
	write_streams(d->env.relay, &text, now_us);
	write_traffic(d->env.relay, &text);
	frame = fr_frame_copy(
	    fr_relay_pool(d->env.relay), (const uint8_t *)text.text, text.length, &info);
	fr_text_done(&text);
	return frame;
}

void fr_http_metrics(struct http_peer *p)
{
	const int64_t now_us = fr_clock_now_us();
	struct http_door *d = p->door;

	if (!fr_http_may(p, FR_RIGHT_OBSERVE, NULL))
		return;
	if (d->metrics == NULL || now_us - d->metrics_us >= FRESH_US) {
		fr_frame_unref(d->metrics);
		d->metrics = make(d, now_us);
		d->metrics_us = now_us;
	}
	if (d->metrics == NULL)
		fr_http_fail(p, 503, FR_REASON_memory_budget, "no memory for the answer");
	else
		fr_http_answer_frame(p, "text/plain; version=0.0.4; charset=utf-8", d->metrics);
}

/* --- The document ------------------------------------------------------------------------------ */

static void document(
    struct fr_text *to, const char *name, const char *kind, const char *unit, const char *help)
{
	fr_text_add(to, "| `%s` | %s | %s | %s |\n", name, kind, unit, help);
}

void fr_http_metrics_document(struct fr_text *to)
{
	fr_text_add(to, "| of each stream | kind | unit | what it says |\n|---|---|---|---|\n");
	for (size_t i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		document(to, gauges[i].name, "gauge", gauges[i].unit, gauges[i].help);
	document(to, "stream_state{state}", "gauge", "", state_help);
	document(to, "stream_info{title,number}", "gauge", "", info_help);
	fr_text_add(to, "\n| of each stream and door | kind | unit | what it counts "
	                "|\n|---|---|---|---|\n");
	document(to, "stream_subscribers", "gauge", "subscribers", subscribers_help);
	for (size_t i = 0; i < FR_TRAFFIC_COUNT; i++) {
		const struct fr_traffic_spec *spec = &fr_traffic_specs[i];
		char name[80];

		if (strncmp(spec->name, dropped, sizeof(dropped) - 1) == 0)
			(void)snprintf(name, sizeof(name), "stream_frames_dropped{reason=\"%s\"}",
			    spec->name + sizeof(dropped) - 1);
		else
			(void)snprintf(name, sizeof(name), "stream_%s", spec->name);
		document(to, name, "counter", spec->unit, spec->help);
	}
	document(to, "stream_frame_age_seconds", "histogram", "seconds", age_help);
	fr_text_add(to, "\n");
}
