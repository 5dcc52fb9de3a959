/* SPDX-License-Identifier: MIT */
#include "common/base/stats.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

enum {
	DOORS_MAX = 32, /* kinds of doors, sources and sinks together */
};

const struct fr_stat_spec fr_stat_specs[FR_STAT_COUNT] = {
#define STAT(row, of, in, sentence)                                                                \
	{.name = #row, .kind = FR_STAT_##of, .unit = in, .help = sentence},
#include "common/base/stats.def"
#undef STAT
};

static const struct {
	const char *name, *help;
} reasons[FR_REASON_COUNT] = {
#define REASON(row, sentence) {.name = #row, .help = sentence},
#include "common/base/reasons.def"
#undef REASON
};

static const struct {
	const char *name, *help;
} times[FR_TIME_COUNT] = {
#define TIME(row, sentence) {.name = #row, .help = sentence},
#include "common/base/times.def"
#undef TIME
};

/* The registry: the one mutable state of this module. */
int64_t fr_stat_values[FR_STAT_COUNT];
static struct fr_histogram took[FR_TIME_COUNT];
static struct {
	const char *door;
	uint64_t count[FR_REASON_COUNT];
} rejected[DOORS_MAX];

void fr_stat_set(enum fr_stat stat, int64_t value)
{
	fr_stat_values[stat] = value;
}

int64_t fr_stat_value(enum fr_stat stat)
{
	return fr_stat_values[stat];
}

void fr_stat_took(enum fr_time time, int64_t us)
{
	fr_histogram_add(&took[time], us);
}

const struct fr_histogram *fr_stat_time(enum fr_time time)
{
	return &took[time];
}

const char *fr_stat_refuser(size_t i)
{
	return i < DOORS_MAX ? rejected[i].door : NULL;
}

const char *fr_reason_name(enum fr_reason reason)
{
	return reasons[reason].name;
}

const char *fr_reason_help(enum fr_reason reason)
{
	return reasons[reason].help;
}

void fr_stat_rejected(const char *door, enum fr_reason reason)
{
	size_t i = 0;

	while (i < DOORS_MAX && rejected[i].door != NULL && strcmp(rejected[i].door, door) != 0)
		i++;
	assert(i < DOORS_MAX); /* kinds are rows of our tables, never a peer's words */
	rejected[i].door = door;
	rejected[i].count[reason]++;
}

uint64_t fr_stat_rejected_count(const char *door, enum fr_reason reason)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < DOORS_MAX && rejected[i].door != NULL; i++)
		if (door == NULL || strcmp(rejected[i].door, door) == 0)
			sum += rejected[i].count[reason];
	return sum;
}

void fr_stats_print(struct fr_text *to)
{
	for (size_t i = 0; i < FR_STAT_COUNT; i++)
		if (fr_stat_values[i] != 0)
			fr_text_add(
			    to, "%s %" PRId64 "\n", fr_stat_specs[i].name, fr_stat_values[i]);
	for (size_t i = 0; i < DOORS_MAX && rejected[i].door != NULL; i++)
		for (size_t r = 0; r < FR_REASON_COUNT; r++)
			if (rejected[i].count[r] != 0)
				fr_text_add(to,
				    "rejected_total{door=\"%s\",reason=\"%s\"} %" PRIu64 "\n",
				    rejected[i].door, reasons[r].name, rejected[i].count[r]);
}

static void write_row(struct fr_text *to, size_t i)
{
	const struct fr_stat_spec *spec = &fr_stat_specs[i];
	const bool is_gauge = spec->kind == FR_STAT_GAUGE;
	const char *end = is_gauge ? "" : "_total";

	fr_text_add(to,
	    "# HELP framerelayd_%s%s %s\n# TYPE framerelayd_%s%s %s\nframerelayd_%s%s %" PRId64
	    "\n",
	    spec->name, end, spec->help, spec->name, end, is_gauge ? "gauge" : "counter",
	    spec->name, end, fr_stat_values[i]);
}

void fr_stats_metrics(struct fr_text *to)
{
	for (size_t i = 0; i < FR_STAT_COUNT; i++)
		write_row(to, i);
	for (size_t i = 0; i < FR_TIME_COUNT; i++) {
		char name[80];

		(void)snprintf(name, sizeof(name), "framerelayd_%s_seconds", times[i].name);
		fr_text_add(to, "# HELP %s %s\n# TYPE %s histogram\n", name, times[i].help, name);
		fr_histogram_write(&took[i], name, "", to);
	}
	fr_text_add(to, "# HELP framerelayd_rejected_total what was refused, by door and reason\n"
	                "# TYPE framerelayd_rejected_total counter\n");
	for (size_t i = 0; i < DOORS_MAX && rejected[i].door != NULL; i++)
		for (size_t r = 0; r < FR_REASON_COUNT; r++)
			if (rejected[i].count[r] != 0)
				fr_text_add(to,
				    "framerelayd_rejected_total{door=\"%s\",reason=\"%s\"} %" PRIu64
				    "\n",
				    rejected[i].door, reasons[r].name, rejected[i].count[r]);
}

void fr_stats_document(struct fr_text *to)
{
	fr_text_add(to, "| counter | kind | unit | what it counts |\n|---|---|---|---|\n");
	for (size_t i = 0; i < FR_STAT_COUNT; i++)
		fr_text_add(to, "| `%s` | %s | %s | %s |\n", fr_stat_specs[i].name,
		    fr_stat_specs[i].kind == FR_STAT_GAUGE ? "gauge" : "counter",
		    fr_stat_specs[i].unit, fr_stat_specs[i].help);
	for (size_t i = 0; i < FR_TIME_COUNT; i++)
		fr_text_add(to, "| `%s_seconds` | histogram | seconds | %s |\n", times[i].name,
		    times[i].help);
	fr_text_add(to, "\n| reason | what was refused |\n|---|---|\n");
	for (size_t r = 0; r < FR_REASON_COUNT; r++)
		fr_text_add(to, "| `%s` | %s |\n", reasons[r].name, reasons[r].help);
}

void fr_stats_reset(void)
{
	memset(fr_stat_values, 0, sizeof(fr_stat_values));
	memset(took, 0, sizeof(took));
	memset(rejected, 0, sizeof(rejected));
}
