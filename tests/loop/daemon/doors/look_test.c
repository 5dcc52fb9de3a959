/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/net/loop.h"
#include "common/net/timer.h"
#include "daemon/doors/look.h"
#include "tests/support/loop_runner.h"

enum {
	NOW_US = 5000000,
	MS = 1000,
};

static void on_time(void *arg)
{
	(void)arg;
}

/* The machine may be busy between set and look. */
static void check_set_to(const struct fr_timer *timer, int64_t ms)
{
	const int64_t is = fr_timer_left_us(timer) / MS;

	if (is > ms || is < ms - 5000)
		fail_msg("set to %lld ms instead of %lld", (long long)is, (long long)ms);
}

static void the_earlier_of_two_moments_is_the_one_that_is_there(void **state)
{
	(void)state;
	assert_int_equal(fr_look_earlier(0, 0), 0);
	assert_int_equal(fr_look_earlier(0, 7), 7);
	assert_int_equal(fr_look_earlier(7, 0), 7);
	assert_int_equal(fr_look_earlier(7, 8), 7);
	assert_int_equal(fr_look_earlier(8, 7), 7);
}

static void a_look_comes_at_the_earliest_deadline(void **state)
{
	static const int64_t lengths_ms[] = {0, 60000, 30000};
	struct fr_loop *loop = fr_test_loop();
	struct fr_timer *timer;
	struct fr_cause why;

	(void)state;
	assert_int_equal(fr_timer_new(loop, on_time, NULL, &timer, &why), 0);
	fr_look_at(timer, NOW_US, NOW_US + 20000 * MS, lengths_ms, 3);
	check_set_to(timer, 20000);
	fr_look_at(timer, NOW_US, 0, lengths_ms, 3); /* one that begins now may end then */
	check_set_to(timer, 30000);
	fr_look_at(timer, NOW_US, NOW_US + 90000 * MS, lengths_ms, 3);
	check_set_to(timer, 30000);
	fr_look_at(timer, NOW_US, NOW_US - 1, lengths_ms, 3); /* late already: soon, not at once */
	check_set_to(timer, 10);
	fr_look_at(timer, NOW_US, 0, lengths_ms, 1);
	assert_int_equal(fr_timer_left_us(timer), -1); /* there is no deadline at all */
	fr_timer_free(timer);
	fr_loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_earlier_of_two_moments_is_the_one_that_is_there),
	    cmocka_unit_test(a_look_comes_at_the_earliest_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
