/* SPDX-License-Identifier: MIT */
/* The middle as a whole: the ready list, the time, reloads, and what others see of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "tests/support/relay_fixture.h"

#define ROWS(...)                                                                                  \
	(const char *const[]){__VA_ARGS__},                                                        \
	    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

/* Reloads */

static void a_publisher_that_may_no_longer_publish_is_sent_away_with_403(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *cam = fr_test_publishing(f, "cam"),
	                         *porch = fr_test_publishing(f, "porch");

	fr_test_access(f, ROWS("any|porch|*"));
	fr_test_serve(f);

	assert_int_equal(cam->closed, 1);
	assert_int_equal(cam->refusal.code, 403);
	assert_int_equal(cam->refusal.reason, FR_REASON_access_denied);
	assert_int_equal(porch->closed, 0);
	assert_false(fr_test_stream(f, "cam").has_publisher);
}

static void a_viewer_that_may_no_longer_watch_is_sent_away_with_403(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = fr_test_viewing(f, "cam"), *other = fr_test_viewing(f, "porch");

	fr_test_access(f, ROWS("any|*|porch"));
	fr_test_serve(f);

	assert_int_equal(v->closed, 1);
	assert_int_equal(v->refusal.code, 403);
	assert_int_equal(other->closed, 0);
}

static void a_stream_whose_publisher_lost_its_right_stays_known(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	fr_test_picture(p, 1);
	fr_test_pass(f, 20 * FR_TEST_SECOND_US);
	fr_test_access(f, ROWS("any|porch|*"));
	fr_test_serve(f);
	fr_test_publisher_close(p);
	fr_test_pass(f, 2 * FR_TEST_SECOND_US);

	assert_int_equal(fr_test_stream(f, "cam").state, FR_STREAM_OFFLINE);
	assert_in_range(
	    fr_test_stream(f, "cam").state_since_us, f->now_us - 2 * FR_TEST_SECOND_US, f->now_us);
}

static void a_new_row_does_not_take_the_place_of_a_stream_whose_row_stays(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p;

	f->limits.max_streams = 2;
	fr_test_streams(f, ROWS("b", "c"));
	p = fr_test_publishing(f, "c");
	fr_test_picture(p, 1);
	fr_test_publisher_close(p);

	fr_test_streams(f, ROWS("a", "c"));

	assert_int_not_equal(fr_test_stream(f, "c").newest_us, 0);
	assert_true(fr_test_has_stream(f, "a"));
	assert_false(fr_test_has_stream(f, "b"));
}

static void rows_beyond_max_streams_wait_until_there_is_room(void **state)
{
	struct fr_test_relay *f = *state;

	f->limits.max_streams = 1;
	fr_test_streams(f, ROWS("a", "b"));

	assert_true(fr_test_has_stream(f, "a"));
	assert_false(fr_test_has_stream(f, "b"));
}

static void a_configured_stream_is_offline_since_its_row_was_put_in_force(void **state)
{
	struct fr_test_relay *f = *state;

	fr_test_streams(f, ROWS("cam"));

	assert_int_equal(fr_test_stream(f, "cam").state, FR_STREAM_OFFLINE);
	assert_int_equal(fr_test_stream(f, "cam").state_since_us, f->now_us);
}

static void a_stream_whose_row_has_gone_is_forgotten(void **state)
{
	struct fr_test_relay *f = *state;

	fr_test_streams(f, ROWS("a", "b"));
	fr_test_streams(f, ROWS("b"));
	fr_test_pass(f, FR_TEST_SECOND_US);

	assert_false(fr_test_has_stream(f, "a"));
	assert_true(fr_test_has_stream(f, "b"));
}

#define TEST(name)                                                                                 \
	cmocka_unit_test_setup_teardown(name, fr_test_relay_setup, fr_test_relay_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_publisher_that_may_no_longer_publish_is_sent_away_with_403),
	    TEST(a_viewer_that_may_no_longer_watch_is_sent_away_with_403),
	    TEST(a_stream_whose_publisher_lost_its_right_stays_known),
	    TEST(a_new_row_does_not_take_the_place_of_a_stream_whose_row_stays),
	    TEST(rows_beyond_max_streams_wait_until_there_is_room),
	    TEST(a_configured_stream_is_offline_since_its_row_was_put_in_force),
	    TEST(a_stream_whose_row_has_gone_is_forgotten),
	};

	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
