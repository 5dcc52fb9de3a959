/* SPDX-License-Identifier: MIT */
/* Plain sorting: a run has at most some hundred thousand samples. */
#include "tests/bench/relay_bench/samples.h"

#include <stdlib.h>

#include "common/base/xalloc.h"

void fr_bench_samples_add(struct fr_bench_samples *samples, int64_t us)
{
	if (samples->count == samples->room) {
		samples->room = samples->room == 0 ? 4096 : 2 * samples->room;
		samples->values =
		    fr_xreallocarray(samples->values, samples->room, sizeof(*samples->values));
	}
	if (us < 0)
		us = 0;
	samples->values[samples->count++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static int compare_us(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void fr_bench_samples_sort(struct fr_bench_samples *samples)
{
	if (samples->count > 0)
		qsort(samples->values, samples->count, sizeof(*samples->values), compare_us);
}

void fr_bench_samples_free(struct fr_bench_samples *samples)
{
	free(samples->values);
	*samples = (struct fr_bench_samples){0};
}

double fr_bench_percentile_ms(const struct fr_bench_samples *samples, double part)
{
	if (samples->count == 0)
		return 0;
	return samples->values[(size_t)(part * (double)(samples->count - 1))] / 1e3;
}

struct fr_bench_spread fr_bench_spread_of(double *values, size_t count)
{
	struct fr_bench_spread spread;

	qsort(values, count, sizeof(*values), compare_doubles);
	spread.min = values[0];
	spread.max = values[count - 1];
	spread.median = (values[(count - 1) / 2] + values[count / 2]) / 2;
	return spread;
}
