/* SPDX-License-Identifier: MIT */
/* How often something took how long: counts in fixed steps from a millisecond to ten seconds. */
#pragma once

#include <stdint.h>

struct fr_text;

enum {
	FR_HISTOGRAM_BOUNDS = 13,
};

/** The steps: at most so many microseconds, ascending. */
extern const int64_t fr_histogram_bounds_us[FR_HISTOGRAM_BOUNDS];

/** All zero is an empty one. */
struct fr_histogram {
	uint64_t counts[FR_HISTOGRAM_BOUNDS +
	                1]; /* of each step alone; the last: longer than all of them */
	uint64_t sum_us;
};

/** Counts one. @param us  below 0 counts as 0 */
void fr_histogram_add(struct fr_histogram *histogram, int64_t us);

/** @return how many were counted */
uint64_t fr_histogram_count(const struct fr_histogram *histogram);

/**
 * Writes the lines of one series of a Prometheus histogram, in seconds.
 *
 * @param name    without `_bucket`
 * @param labels  `stream="cam",` each with its comma; "" none
 */
void fr_histogram_write(
    const struct fr_histogram *histogram, const char *name, const char *labels, struct fr_text *to);
