/* SPDX-License-Identifier: MIT */
#include "common/base/histogram.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "common/base/hot.h"
#include "common/base/text.h"

const int64_t fr_histogram_bounds_us[FR_HISTOGRAM_BOUNDS] = {1000, 2000, 5000, 10000, 20000, 50000,
    100000, 200000, 500000, 1000000, 2000000, 5000000, 10000000};

FR_HOT void fr_histogram_add(struct fr_histogram *histogram, int64_t us)
{
	size_t i = 0;

	while (i < FR_HISTOGRAM_BOUNDS && us > fr_histogram_bounds_us[i])
		i++;
	histogram->counts[i]++;
	if (us > 0)
		histogram->sum_us += (uint64_t)us;
}

uint64_t fr_histogram_count(const struct fr_histogram *histogram)
{
	uint64_t count = 0;

	for (size_t i = 0; i <= FR_HISTOGRAM_BOUNDS; i++)
		count += histogram->counts[i];
	return count;
}

/* Labels that others come after have a comma at their end; alone they have none. */
static int alone(const char *labels)
{
	return labels[0] != '\0' ? (int)strlen(labels) - 1 : 0;
}

void fr_histogram_write(
    const struct fr_histogram *histogram, const char *name, const char *labels, struct fr_text *to)
{
	const char *open = labels[0] != '\0' ? "{" : "", *close = labels[0] != '\0' ? "}" : "";
	uint64_t count = 0;

	for (size_t i = 0; i < FR_HISTOGRAM_BOUNDS; i++) {
		count += histogram->counts[i];
		fr_text_add(to, "%s_bucket{%sle=\"%g\"} %" PRIu64 "\n", name, labels,
		    (double)fr_histogram_bounds_us[i] / 1e6, count);
	}
	count += histogram->counts[FR_HISTOGRAM_BOUNDS];
	fr_text_add(to, "%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n", name, labels, count);
	fr_text_add(to, "%s_sum%s%.*s%s %.6f\n%s_count%s%.*s%s %" PRIu64 "\n", name, open,
	    alone(labels), labels, close, (double)histogram->sum_us / 1e6, name, open,
	    alone(labels), labels, close, count);
}
