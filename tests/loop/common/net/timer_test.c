/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/resource.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/net/loop.h"
#include "common/net/timer.h"
#include "tests/support/loop_runner.h"

enum {
	LONG_US = 60000000,
};

struct scene {
	struct fr_loop *loop;
	struct fr_timer *timer, *other;
	unsigned times;
	bool sets_other, frees;
};

static void on_time(void *arg)
{
	struct scene *s = arg;

	s->times++;
	if (s->sets_other)
		fr_timer_set(s->other, LONG_US);
	if (!s->frees)
		return;
	fr_timer_free(s->timer);
	s->timer = NULL;
}

static int setup(void **state)
{
	struct scene *s = test_calloc(1, sizeof(*s));
	struct fr_cause why;

	s->loop = fr_test_loop();
	assert_int_equal(fr_timer_new(s->loop, on_time, s, &s->timer, &why), 0);
	assert_int_equal(fr_timer_new(s->loop, on_time, s, &s->other, &why), 0);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	fr_timer_free(s->timer);
	fr_timer_free(s->other);
	fr_loop_free(s->loop);
	test_free(s);
	return 0;
}

static bool came(void *arg)
{
	return ((struct scene *)arg)->times != 0;
}

static void it_comes_once_and_not_too_early(void **state)
{
	struct scene *s = *state;
	const int64_t begin_us = fr_clock_now_us();

	assert_int_equal(fr_timer_left_us(s->timer), -1);
	fr_timer_set(s->timer, 20000);
	assert_true(fr_timer_left_us(s->timer) <= 20000);
	fr_test_until(s->loop, came, s);
	assert_true(fr_clock_now_us() - begin_us >= 20000);
	assert_int_equal(fr_timer_left_us(s->timer), -1);

	fr_timer_set(s->other, 20000);
	s->times = 0;
	fr_test_until(s->loop, came, s);
	assert_int_equal(s->times, 1); /* the other one's, not the first one's again */
}

static void what_is_late_already_comes_in_the_next_turn(void **state)
{
	struct scene *s = *state;

	fr_timer_set(s->timer, -5);
	fr_test_until(s->loop, came, s);
	assert_int_equal(s->times, 1);
}

static void what_was_set_anew_comes_then(void **state)
{
	struct scene *s = *state;

	fr_timer_set(s->timer, 0);
	fr_timer_set(s->timer, LONG_US);
	fr_timer_set(s->other, 5000);
	fr_test_until(s->loop, came, s);
	assert_true(fr_timer_left_us(s->timer) > LONG_US / 2);
	assert_int_equal(s->times, 1);
}

static void what_was_cleared_does_not_come(void **state)
{
	struct scene *s = *state;

	fr_timer_clear(s->timer); /* not set: nothing happens */
	fr_timer_set(s->timer, 0);
	fr_timer_clear(s->timer);
	assert_int_equal(fr_timer_left_us(s->timer), -1);
	fr_timer_set(s->other, 5000);
	fr_test_until(s->loop, came, s);
	fr_test_turn(s->loop, 3);
	assert_int_equal(s->times, 1);
}

static bool both_are_due(void *arg)
{
	const struct scene *s = arg;

	return fr_timer_left_us(s->timer) == 0 && fr_timer_left_us(s->other) == 0;
}

/* Both are due in one turn; the first one sets the second one to later before its turn comes. */
static void one_that_is_put_off_in_the_turn_in_which_it_is_due_waits(void **state)
{
	struct scene *s = *state;
	const int64_t end_us = fr_clock_now_us() + LONG_US;

	s->sets_other = true;
	fr_timer_set(s->timer, 0);
	fr_timer_set(s->other, 0);
	while (!both_are_due(s) && fr_clock_now_us() < end_us)
		;
	fr_test_turn(s->loop, 3);
	assert_in_range(s->times, 1, 2); /* 2: the poller named the other one first */
	assert_true(fr_timer_left_us(s->other) > LONG_US / 2);
}

static void it_may_be_freed_by_its_own_call(void **state)
{
	struct scene *s = *state;

	s->frees = true;
	fr_timer_set(s->timer, 0);
	fr_test_until(s->loop, came, s);
	assert_null(s->timer);
}

static void without_descriptors_it_is_told(void **state)
{
	struct scene *s = *state;
	struct rlimit before, none;
	struct fr_timer *timer;
	struct fr_cause why;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(fr_timer_new(s->loop, on_time, s, &timer, &why), -EMFILE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	fr_timer_free(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(it_comes_once_and_not_too_early),
	    TEST(what_is_late_already_comes_in_the_next_turn),
	    TEST(what_was_set_anew_comes_then),
	    TEST(what_was_cleared_does_not_come),
	    TEST(one_that_is_put_off_in_the_turn_in_which_it_is_due_waits),
	    TEST(it_may_be_freed_by_its_own_call),
	    TEST(without_descriptors_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
