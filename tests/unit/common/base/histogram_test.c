/* SPDX-License-Identifier: MIT */
/* Durations in steps, and what Prometheus reads of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/histogram.h"
#include "common/base/text.h"

static void each_step_holds_what_is_at_most_so_long(void **state)
{
	struct fr_histogram h = {0};

	(void)state;
	for (size_t i = 0; i < FR_HISTOGRAM_BOUNDS; i++) {
		fr_histogram_add(&h, fr_histogram_bounds_us[i]);
		assert_int_equal(h.counts[i], i == 0 ? 1 : 2);
		fr_histogram_add(&h, fr_histogram_bounds_us[i] + 1);
		assert_int_equal(h.counts[i + 1], 1);
		assert_true(i == 0 || fr_histogram_bounds_us[i] > fr_histogram_bounds_us[i - 1]);
	}
	assert_int_equal(fr_histogram_count(&h), 2 * FR_HISTOGRAM_BOUNDS);
}

static void a_clock_that_goes_back_counts_as_nothing(void **state)
{
	struct fr_histogram h = {0};

	(void)state;
	fr_histogram_add(&h, -5);
	fr_histogram_add(&h, INT64_MIN);
	assert_int_equal(h.counts[0], 2);
	assert_int_equal(h.sum_us, 0);
}

static void the_text_adds_the_steps_up(void **state)
{
	struct fr_histogram h = {0};
	struct fr_text t = {0};

	(void)state;
	fr_histogram_add(&h, 500);
	fr_histogram_add(&h, 1500);
	fr_histogram_add(&h, 3000000);
	fr_histogram_write(&h, "age_seconds", "stream=\"cam\",", &t);
	assert_non_null(strstr(t.text, "age_seconds_bucket{stream=\"cam\",le=\"0.001\"} 1\n"
	                               "age_seconds_bucket{stream=\"cam\",le=\"0.002\"} 2\n"
	                               "age_seconds_bucket{stream=\"cam\",le=\"0.005\"} 2\n"));
	assert_non_null(strstr(t.text, "age_seconds_bucket{stream=\"cam\",le=\"5\"} 3\n"
	                               "age_seconds_bucket{stream=\"cam\",le=\"10\"} 3\n"
	                               "age_seconds_bucket{stream=\"cam\",le=\"+Inf\"} 3\n"
	                               "age_seconds_sum{stream=\"cam\"} 3.002000\n"
	                               "age_seconds_count{stream=\"cam\"} 3\n"));
	fr_text_done(&t);
	fr_histogram_write(&h, "age_seconds", "", &t);
	assert_non_null(strstr(t.text, "age_seconds_bucket{le=\"+Inf\"} 3\n"
	                               "age_seconds_sum 3.002000\nage_seconds_count 3\n"));
	fr_text_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_step_holds_what_is_at_most_so_long),
	    cmocka_unit_test(a_clock_that_goes_back_counts_as_nothing),
	    cmocka_unit_test(the_text_adds_the_steps_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
