/* SPDX-License-Identifier: MIT */
/* Numbers gathered over a run, and the few figures that are made of them. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** A growing list of microseconds. All zero is an empty one. */
struct fr_bench_samples {
	uint32_t *values;
	size_t count, room;
};

void fr_bench_samples_add(struct fr_bench_samples *samples, int64_t us);
void fr_bench_samples_sort(struct fr_bench_samples *samples);
void fr_bench_samples_free(struct fr_bench_samples *samples);

/** @param samples  sorted. @param part  0..1. @return milliseconds; 0 when there are none */
double fr_bench_percentile_ms(const struct fr_bench_samples *samples, double part);

/** A figure over several runs: the middle one and the extremes. */
struct fr_bench_spread {
	double median, min, max;
};

/** @param values  sorted in place. @param count  1 and up */
struct fr_bench_spread fr_bench_spread_of(double *values, size_t count);
