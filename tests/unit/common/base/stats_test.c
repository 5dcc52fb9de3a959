/* SPDX-License-Identifier: MIT */
/* Counters, gauges, and refusals by door and reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "common/base/text.h"

static int reset(void **state)
{
	(void)state;
	fr_stats_reset();
	return 0;
}

static void counters_grow_and_gauges_move(void **state)
{
	(void)state;

	fr_stat_add(FR_STAT_frames_sent, 2);
	fr_stat_add(FR_STAT_frames_sent, 3);
	fr_stat_add(FR_STAT_streams, 4);
	fr_stat_add(FR_STAT_streams, -1);
	fr_stat_set(FR_STAT_memory_bytes, 77);
	assert_int_equal(fr_stat_value(FR_STAT_frames_sent), 5);
	assert_int_equal(fr_stat_value(FR_STAT_streams), 3);
	assert_int_equal(fr_stat_value(FR_STAT_memory_bytes), 77);
	assert_int_equal(fr_stat_value(FR_STAT_takeovers), 0);
}

static void refusals_are_counted_by_door_and_reason(void **state)
{
	char frames[] = "frames"; /* another address, the same word */
	(void)state;

	assert_int_equal(fr_stat_rejected_count(NULL, FR_REASON_not_jpeg), 0);
	fr_stat_rejected("frames", FR_REASON_not_jpeg);
	fr_stat_rejected(frames, FR_REASON_not_jpeg);
	fr_stat_rejected("udp", FR_REASON_not_jpeg);
	fr_stat_rejected("udp", FR_REASON_garbage);
	assert_int_equal(fr_stat_rejected_count("frames", FR_REASON_not_jpeg), 2);
	assert_int_equal(fr_stat_rejected_count("udp", FR_REASON_not_jpeg), 1);
	assert_int_equal(fr_stat_rejected_count("http", FR_REASON_not_jpeg), 0);
	assert_int_equal(fr_stat_rejected_count(NULL, FR_REASON_not_jpeg), 3);
}

static void print_shows_what_is_not_zero(void **state)
{
	struct fr_text t = {0};
	(void)state;

	fr_stats_print(&t);
	assert_int_equal(t.length, 0);
	fr_stat_add(FR_STAT_frames_sent, 12);
	fr_stat_rejected("frames", FR_REASON_not_jpeg);
	fr_stats_print(&t);
	assert_string_equal(
	    t.text, "frames_sent 12\nrejected_total{door=\"frames\",reason=\"not_jpeg\"} 1\n");
	fr_text_done(&t);
}

static void metrics_have_every_row_with_its_type(void **state)
{
	struct fr_text t = {0};
	const char *at;
	(void)state;

	fr_stat_add(FR_STAT_frames_sent, 12);
	fr_stat_rejected("http", FR_REASON_media_type);
	fr_stats_metrics(&t);
	assert_non_null(strstr(t.text, "# TYPE framerelayd_frames_sent_total counter\n"
	                               "framerelayd_frames_sent_total 12\n"));
	assert_non_null(
	    strstr(t.text, "# TYPE framerelayd_streams gauge\nframerelayd_streams 0\n"));
	assert_non_null(strstr(
	    t.text, "\nframerelayd_rejected_total{door=\"http\",reason=\"media_type\"} 1\n"));
	at = t.text;
	for (size_t i = 0; i < FR_STAT_COUNT; i++) {
		at = strstr(at, fr_stat_specs[i].name);
		assert_non_null(at);
	}
	fr_text_done(&t);
}

static void durations_are_counted_in_steps(void **state)
{
	struct fr_text t = {0};
	(void)state;

	fr_stat_took(FR_TIME_loop_lag, 700);
	fr_stat_took(FR_TIME_loop_lag, 60000000);
	assert_int_equal(fr_histogram_count(fr_stat_time(FR_TIME_loop_lag)), 2);
	fr_stats_metrics(&t);
	assert_non_null(strstr(t.text, "# TYPE framerelayd_loop_lag_seconds histogram\n"
	                               "framerelayd_loop_lag_seconds_bucket{le=\"0.001\"} 1\n"));
	assert_non_null(strstr(t.text, "framerelayd_loop_lag_seconds_bucket{le=\"+Inf\"} 2\n"
	                               "framerelayd_loop_lag_seconds_sum 60.000700\n"
	                               "framerelayd_loop_lag_seconds_count 2\n"));
	fr_text_done(&t);
	fr_stats_reset();
	assert_int_equal(fr_histogram_count(fr_stat_time(FR_TIME_loop_lag)), 0);
}

static void who_refuses_is_listed(void **state)
{
	size_t i = 0;
	(void)state;

	assert_null(fr_stat_refuser(0));
	fr_stat_rejected("frames", FR_REASON_not_jpeg);
	fr_stat_rejected("http", FR_REASON_not_jpeg);
	fr_stat_rejected("frames", FR_REASON_garbage);
	assert_string_equal(fr_stat_refuser(0), "frames");
	assert_string_equal(fr_stat_refuser(1), "http");
	while (fr_stat_refuser(i) != NULL)
		i++;
	assert_int_equal(i, 2);
	assert_null(fr_stat_refuser(SIZE_MAX));
}

static void every_row_is_in_the_documents(void **state)
{
	struct fr_text t = {0};
	(void)state;

	fr_stats_document(&t);
	for (size_t i = 0; i < FR_STAT_COUNT; i++)
		assert_non_null(strstr(t.text, fr_stat_specs[i].help));
	for (enum fr_reason r = 0; r < FR_REASON_COUNT; r++) {
		assert_non_null(strstr(t.text, fr_reason_name(r)));
		assert_non_null(strstr(t.text, fr_reason_help(r)));
	}
	assert_non_null(
	    strstr(t.text, "| `streams` | gauge | streams | streams that are known now |\n"));
	assert_non_null(strstr(t.text, "| `takeovers` | counter | publishers |"));
	fr_text_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(counters_grow_and_gauges_move, reset),
	    cmocka_unit_test_setup(refusals_are_counted_by_door_and_reason, reset),
	    cmocka_unit_test_setup(print_shows_what_is_not_zero, reset),
	    cmocka_unit_test_setup(metrics_have_every_row_with_its_type, reset),
	    cmocka_unit_test_setup(durations_are_counted_in_steps, reset),
	    cmocka_unit_test_setup(who_refuses_is_listed, reset),
	    cmocka_unit_test(every_row_is_in_the_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
