/* SPDX-License-Identifier: MIT */
/* When a camera's picture is wanted, and when it was taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "daemon/sources/camera/pace.h"

/* Feeds pictures every `every_us` for ten seconds. */
static unsigned taken_of(
    int64_t every_us, int64_t asked_us, int64_t wanted_us, unsigned verdicts[3])
{
	struct fr_pace pace = {0};

	verdicts[0] = verdicts[1] = verdicts[2] = 0;
	for (int64_t now_us = 1000000; now_us < 11000000; now_us += every_us)
		verdicts[fr_pace(&pace, asked_us, wanted_us, now_us)]++;
	return verdicts[FR_PACE_TAKE];
}

static void a_camera_that_keeps_its_rate_loses_nothing(void **state)
{
	unsigned verdicts[3];

	(void)state;
	assert_int_equal(taken_of(33333, 33333, 0, verdicts), 301);
	assert_int_equal(taken_of(33400, 33333, 0, verdicts), 300);
	assert_int_equal(taken_of(100000, 33333, 0, verdicts), 100);
}

static void one_that_is_too_fast_gives_the_rate_that_was_asked(void **state)
{
	unsigned verdicts[3];

	(void)state;
	assert_in_range(taken_of(2000, 50000, 0, verdicts), 199, 202);
	assert_int_equal(verdicts[FR_PACE_SKIP], 0);
	assert_in_range(taken_of(20000, 50000, 0, verdicts), 199, 202); /* no whole multiple */
}

static void while_fewer_are_wanted_the_camera_goes_on(void **state)
{
	unsigned verdicts[3];

	(void)state;
	assert_in_range(taken_of(33333, 33333, 500000, verdicts), 20, 21);
	assert_int_equal(verdicts[FR_PACE_HOLD], 0);
	assert_int_equal(taken_of(33333, 33333, 1000, verdicts), 301); /* more than there are */
	assert_int_equal(taken_of(1000, 0, 0, verdicts), 10000);
}

static void after_a_gap_nothing_is_made_up_for(void **state)
{
	struct fr_pace pace = {0};

	(void)state;
	assert_int_equal(fr_pace(&pace, 100000, 0, 1000000), FR_PACE_TAKE);
	assert_int_equal(fr_pace(&pace, 100000, 0, 5000000), FR_PACE_TAKE);
	assert_int_equal(fr_pace(&pace, 100000, 0, 5010000), FR_PACE_HOLD);
	assert_int_equal(fr_pace(&pace, 100000, 0, 5100000), FR_PACE_TAKE);
}

static void a_stamp_becomes_unix_time_by_whichever_clock_it_is(void **state)
{
	const int64_t s = 1000000000, real_us = 1700000000000000;

	(void)state;
	assert_int_equal(fr_camera_unix_us(0, 90 * s, 40 * s, real_us), real_us);
	assert_int_equal(
	    fr_camera_unix_us(90 * s - 20000000, 90 * s, 40 * s, real_us), real_us - 20000);
	assert_int_equal(
	    fr_camera_unix_us(40 * s - 20000000, 90 * s, 40 * s, real_us), real_us - 20000);
	assert_int_equal(fr_camera_unix_us(7 * s, 90 * s, 40 * s, real_us), real_us);
	assert_int_equal(fr_camera_unix_us(91 * s, 90 * s, 40 * s, real_us), real_us); /* to come */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_camera_that_keeps_its_rate_loses_nothing),
	    cmocka_unit_test(one_that_is_too_fast_gives_the_rate_that_was_asked),
	    cmocka_unit_test(while_fewer_are_wanted_the_camera_goes_on),
	    cmocka_unit_test(after_a_gap_nothing_is_made_up_for),
	    cmocka_unit_test(a_stamp_becomes_unix_time_by_whichever_clock_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
