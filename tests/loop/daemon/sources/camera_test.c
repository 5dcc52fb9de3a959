/* SPDX-License-Identifier: MIT */
/* The camera as a source, with a fake behind the module's header: it runs on demand, fails, and comes back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/stats.h"
#include "common/media/jpeg_info.h"
#include "common/net/loop.h"
#include "tests/camera-fake/fake.h"
#include "tests/support/loop_runner.h"
#include "tests/support/test_bed.h"

static struct fr_camera_fake *const fake = &fr_camera_fake;

static int setup(void **state)
{
	(void)setenv("FRAMERELAYD_CAMERA", FR_CAMERA_FAKE, 1);
	memset(fake, 0, sizeof(*fake));
	fake->interval_us = 2000;
	return fr_bed_setup(state);
}

static void open_camera(struct fr_bed *f)
{
	fr_bed_open_source(
	    f, "camera", "size=64x48", "fps=1000", "warmup_ms=0", "silent_ms=500", NULL);
}

static void wait_for_pictures(struct fr_bed *f, unsigned count)
{
	f->near.wanted = f->near.pictures + count;
	fr_test_until(f->loop, fr_side_has_pictures, &f->near);
}

static bool is_open(void *arg)
{
	(void)arg;
	return fake->opens > fake->closes;
}

static bool is_closed(void *arg)
{
	(void)arg;
	return fake->opens == fake->closes;
}

static bool has_opened_again(void *arg)
{
	return fake->opens > *(unsigned *)arg;
}

static bool has_taken(void *arg)
{
	return fake->taken >= *(unsigned *)arg;
}

static void it_runs_while_somebody_watches(void **state)
{
	struct fr_bed *f = *state;
	struct fr_jpeg_info info;

	open_camera(f);
	fr_test_turn(f->loop, 20);
	assert_int_equal(fake->opens, 0);
	fr_side_watch(&f->near);
	wait_for_pictures(f, 5);
	assert_int_equal(fr_jpeg_info_read(f->near.last, f->near.last_size, &info, NULL), 0);
	assert_int_equal(info.width, 64);
	assert_int_equal(info.height, 48);
	assert_in_range(f->near.captured_us, fr_clock_real_us() - 5000000, fr_clock_real_us());

	fr_side_unwatch(&f->near);
	fr_test_until(f->loop, is_closed, NULL);
	fr_side_watch(&f->near);
	wait_for_pictures(f, 3);
	assert_int_equal(fake->opens, 2);
}

static void it_can_be_closed_at_any_time(void **state)
{
	struct fr_bed *f = *state;

	fr_side_watch(&f->near);
	fake->interval_us = 0;
	for (unsigned i = 0; i < 30; i++) {
		open_camera(f);
		fr_test_turn(f->loop, i);
		fr_bed_close_source(f);
		assert_int_equal(fake->opens, fake->closes);
	}
	open_camera(f);
	wait_for_pictures(f, 1);
}

static void nobody_watches_any_more_while_it_opens(void **state)
{
	struct fr_bed *f = *state;

	f->limits.demand_linger_ms = 1;
	open_camera(f);
	for (unsigned i = 0; i < 20; i++) {
		fr_side_watch(&f->near);
		fr_test_turn(f->loop, i % 4);
		fr_side_unwatch(&f->near);
		fr_test_turn(f->loop, 3);
	}
	fr_test_until(f->loop, is_closed, NULL);
	fr_side_watch(&f->near);
	wait_for_pictures(f, 1);
}

static void unplugged_it_is_offline_and_plugged_in_it_comes_back(void **state)
{
	struct fr_bed *f = *state;

	open_camera(f);
	fr_side_watch(&f->near);
	wait_for_pictures(f, 2);
	f->limits.stale_after_ms = 100;
	fake->is_absent = true;
	fr_test_until(f->loop, fr_side_is_offline, &f->near);
	fr_test_until(f->loop, is_closed, NULL);
	fake->is_absent = false;
	wait_for_pictures(f, 2);
	assert_true(fr_side_is_live(&f->near));
	assert_int_equal(fake->opens, 2);
}

static void another_one_is_unplugged_and_it_is_opened_again(void **state)
{
	struct fr_bed *f = *state;

	open_camera(f);
	fr_side_watch(&f->near);
	wait_for_pictures(f, 2);
	fake->is_stale = true;
	fr_test_until(f->loop, is_closed, NULL);
	fake->is_stale = false;
	wait_for_pictures(f, 2);
	assert_true(fr_side_is_live(&f->near));
	assert_int_equal(fake->opens, 2);
}

static void another_program_has_it_for_a_while(void **state)
{
	struct fr_bed *f = *state;

	fake->is_busy = true;
	open_camera(f);
	fr_side_watch(&f->near);
	fr_test_until(f->loop, fr_side_is_offline, &f->near);
	fake->is_busy = false;
	wait_for_pictures(f, 1);
}

static void a_wrong_control_ends_it(void **state)
{
	struct fr_bed *f = *state;

	fake->has_no_control = true;
	fr_bed_open_source(f, "camera", "controls=Nonsense=1", NULL);
	fr_side_watch(&f->near);
	fr_test_until(f->loop, fr_bed_has_ended, f);
	assert_int_equal(f->status, -EINVAL);
	assert_non_null(strstr(f->reason, "it has: none"));
}

static void a_camera_that_says_nothing_is_opened_again(void **state)
{
	struct fr_bed *f = *state;
	unsigned opens;

	open_camera(f);
	fr_side_watch(&f->near);
	wait_for_pictures(f, 2);
	opens = fake->opens;
	fake->is_silent = true;
	fr_test_until(f->loop, has_opened_again, &opens);
	fake->is_silent = false;
	wait_for_pictures(f, 2);
}

static void a_buffer_that_never_completes_costs_only_itself(void **state)
{
	struct fr_bed *f = *state;

	fake->swallowed = 2;
	open_camera(f);
	fr_side_watch(&f->near);
	wait_for_pictures(f, 20);
	assert_int_equal(fake->opens, 1);
}

static void bad_pictures_are_counted_and_left_out(void **state)
{
	struct fr_bed *f = *state;
	unsigned taken;

	open_camera(f);
	fr_side_watch(&f->near);
	wait_for_pictures(f, 1);
	fake->is_bad = true;
	taken = fake->taken + 10;
	fr_test_until(f->loop, has_taken, &taken);
	fake->is_bad = false;
	wait_for_pictures(f, 1);
	assert_true(fr_stat_value(FR_STAT_camera_dropped_bad) >= 9);
}

/* The loop takes a few a turn, and everything else has its turn in between. */
static void a_burst_does_not_starve_the_loop(void **state)
{
	struct fr_bed *f = *state;
	unsigned turns = 0, taken = 19000;

	fake->burst = 19000;
	open_camera(f);
	fr_side_watch(&f->near);
	fr_test_until(f->loop, is_open, NULL);
	while (!has_taken(&taken)) {
		const unsigned before = fake->taken;

		fr_test_turn(f->loop, 1);
		assert_true(fake->taken - before <= 4);
		turns++;
	}
	assert_true(turns >= 19000 / 4);
	wait_for_pictures(f, 1);
}

/* A slow encoder gets the newest; the others are given back, all of them counted. */
static void every_picture_is_published_or_counted(void **state)
{
	static const char *const rates[] = {"fps=1000", "fps=30", "fps=1"};
	struct fr_bed *f = *state;
	int64_t counted;

	fake->width = 1280;
	fake->height = 960;
	fake->interval_us = 0;
	/* Three times closed: while one is encoded, while one waits, and while all are held. */
	fr_side_watch(&f->near);
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		fr_bed_open_source(
		    f, "camera", rates[i], "size=64x48", "warmup_ms=0", "silent_ms=600000", NULL);
		wait_for_pictures(f, i == 2 ? 1 : 10);
		fr_test_turn(f->loop, 2);
		fr_bed_close_source(f);
	}
	counted = fr_stat_value(FR_STAT_camera_dropped_newest) +
	          fr_stat_value(FR_STAT_camera_dropped_paced) +
	          fr_stat_value(FR_STAT_camera_dropped_stopped) +
	          fr_stat_value(FR_STAT_frames_encoded);
	assert_true(fr_stat_value(FR_STAT_camera_dropped_newest) > 0);
	assert_true(fr_stat_value(FR_STAT_camera_dropped_stopped) > 0);
	assert_int_equal(fr_stat_value(FR_STAT_camera_pictures), counted);
}

static void a_camera_that_is_too_fast_is_paced(void **state)
{
	struct fr_bed *f = *state;
	const int64_t began_us = fr_clock_now_us();

	fake->interval_us = 1000;
	fr_bed_open_source(f, "camera", "size=64x48", "fps=50", "warmup_ms=0", NULL);
	fr_side_watch(&f->near);
	wait_for_pictures(f, 11);
	/* Ten intervals of 20 ms, the first half an interval early. */
	assert_true(fr_clock_now_us() - began_us >= 180000);
	assert_true(fr_stat_value(FR_STAT_camera_dropped_paced) > 0);
}

static void what_comes_while_it_warms_up_does_not_count(void **state)
{
	struct fr_bed *f = *state;
	const int64_t began_us = fr_clock_now_us();

	fr_bed_open_source(f, "camera", "size=64x48", "fps=1000", "warmup_ms=200", NULL);
	fr_side_watch(&f->near);
	wait_for_pictures(f, 1);
	assert_true(fr_clock_now_us() - began_us >= 200000);
	assert_true(fr_stat_value(FR_STAT_camera_dropped_warmup) > 0);
}

static void every_format_is_published_turned_as_wanted(void **state)
{
	struct fr_bed *f = *state;
	struct fr_jpeg_info info;

	fr_side_watch(&f->near);
	fake->width = 63;
	fake->height = 47;
	fake->pad = 5;
	for (unsigned format = FR_CAMERA_YUV420; format < FR_CAMERA_MJPEG; format++) {
		fake->format = format;
		fake->flips = format % 2 == 0;
		fr_bed_open_source(f, "camera", "size=64x48", "fps=1000", "warmup_ms=0",
		    "rotate=90", "hflip=true", NULL);
		wait_for_pictures(f, 2);
		assert_int_equal(
		    fr_jpeg_info_read(f->near.last, f->near.last_size, &info, NULL), 0);
		assert_int_equal(info.width, 47);
		assert_int_equal(info.height, 63);
		fr_bed_close_source(f);
	}
}

static void without_the_module_it_says_what_to_install(void **state)
{
	struct fr_bed *f = *state;

	(void)setenv("FRAMERELAYD_CAMERA", "/nowhere/framerelayd-camera.so", 1);
	fr_bed_refuse_source(f, "camera", "the camera module cannot be loaded", NULL);
	(void)unsetenv("FRAMERELAYD_CAMERA");
	fr_bed_refuse_source(f, "camera", "the build needs libcamera-dev", NULL);
}

int main(void)
{
#define CAMERA_TEST(name) cmocka_unit_test_setup_teardown(name, setup, fr_bed_teardown)
	const struct CMUnitTest tests[] = {
	    CAMERA_TEST(it_runs_while_somebody_watches),
	    CAMERA_TEST(it_can_be_closed_at_any_time),
	    CAMERA_TEST(nobody_watches_any_more_while_it_opens),
	    CAMERA_TEST(unplugged_it_is_offline_and_plugged_in_it_comes_back),
	    CAMERA_TEST(another_one_is_unplugged_and_it_is_opened_again),
	    CAMERA_TEST(another_program_has_it_for_a_while),
	    CAMERA_TEST(a_wrong_control_ends_it),
	    CAMERA_TEST(a_camera_that_says_nothing_is_opened_again),
	    CAMERA_TEST(a_buffer_that_never_completes_costs_only_itself),
	    CAMERA_TEST(bad_pictures_are_counted_and_left_out),
	    CAMERA_TEST(a_burst_does_not_starve_the_loop),
	    CAMERA_TEST(every_picture_is_published_or_counted),
	    CAMERA_TEST(a_camera_that_is_too_fast_is_paced),
	    CAMERA_TEST(what_comes_while_it_warms_up_does_not_count),
	    CAMERA_TEST(every_format_is_published_turned_as_wanted),
	    CAMERA_TEST(without_the_module_it_says_what_to_install),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
