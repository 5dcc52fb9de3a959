/* SPDX-License-Identifier: MIT */
/*
 * Counters of the whole process as table rows (stats.def), and refusals by door and reason (reasons.def).
 *
 * The one registry in the tree. Values belong to the loop's thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/histogram.h"

struct fr_text;

enum fr_stat {
#define STAT(name, kind, unit, help) FR_STAT_##name,
#include "common/base/stats.def"
#undef STAT
	FR_STAT_COUNT
};

enum fr_time {
#define TIME(name, help) FR_TIME_##name,
#include "common/base/times.def"
#undef TIME
	FR_TIME_COUNT
};

enum fr_reason {
#define REASON(name, help) FR_REASON_##name,
#include "common/base/reasons.def"
#undef REASON
	FR_REASON_COUNT
};

enum fr_stat_kind {
	FR_STAT_COUNTER,
	FR_STAT_GAUGE,
};

struct fr_stat_spec {
	const char *name;
	enum fr_stat_kind kind;
	const char *unit;
	const char *help;
};

extern const struct fr_stat_spec fr_stat_specs[FR_STAT_COUNT];

/* The values; the functions below are for them. Here, so that counting is one instruction. */
extern int64_t fr_stat_values[FR_STAT_COUNT];

/** Adds `n`, which may be negative for a gauge. */
static inline void fr_stat_add(enum fr_stat stat, int64_t n)
{
	fr_stat_values[stat] += n;
}

/** Sets a gauge. */
void fr_stat_set(enum fr_stat stat, int64_t value);

int64_t fr_stat_value(enum fr_stat stat);

/** Counts one duration. */
void fr_stat_took(enum fr_time time, int64_t us);
const struct fr_histogram *fr_stat_time(enum fr_time time);

/** @return the word used in logs, labels and documents ("length_over_max") */
const char *fr_reason_name(enum fr_reason reason);
const char *fr_reason_help(enum fr_reason reason);

/**
 * Counts one refusal: framerelayd_rejected_total{door,reason}.
 *
 * @param door  the kind of a door, source or sink; a string that lives for ever. At most 32 kinds.
 */
void fr_stat_rejected(const char *door, enum fr_reason reason);

/** @return refusals by this door for this reason; door NULL: by all */
uint64_t fr_stat_rejected_count(const char *door, enum fr_reason reason);

/**
 * Writes every counter that is not 0 as `name value` lines, refusals as
 * `rejected_total{door="frames",reason="not_jpeg"} 3` (no prefix).
 */
void fr_stats_print(struct fr_text *to);

/** Writes every counter in Prometheus' text format, with the prefix `framerelayd_`. */
void fr_stats_metrics(struct fr_text *to);

/** @return the door, source or sink behind `i` of those that have refused something; NULL: there are no more */
const char *fr_stat_refuser(size_t i);

/** Writes the tables for documents, in markdown. */
void fr_stats_document(struct fr_text *to);

/** Sets everything to 0, for tests. */
void fr_stats_reset(void);
