/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/net/loop.h"
#include "daemon/doors/look.h"
#include "tests/support/loop_runner.h"

enum {
	NOW_US = 5000000,
	MS = 1000,
};

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

/* How many milliseconds the timer is set to, as fr_look_at() set it just now; -1: it is not set. */
static long set_to_ms(struct event *timer)
{
	struct timeval at, now;

	if (!event_pending(timer, EV_TIMEOUT, &at))
		return -1;
	assert_int_equal(event_base_gettimeofday_cached(event_get_base(timer), &now), 0);
	return (at.tv_sec - now.tv_sec) * 1000 + (at.tv_usec - now.tv_usec) / 1000;
}

/* libevent's clock has the coarse steps of CLOCK_MONOTONIC_COARSE, and the machine may be busy between set and look. */
static void check_set_to(struct event *timer, long ms)
{
	const long is = set_to_ms(timer);

	if (is > ms + 50 || is < ms - 5000)
		fail_msg("set to %ld ms instead of %ld", is, ms);
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
	struct event *timer = event_new(fr_loop_base(loop), -1, 0, on_timer, NULL);

	(void)state;
	fr_look_at(timer, NOW_US, NOW_US + 20000 * MS, lengths_ms, 3);
	check_set_to(timer, 20000);
	fr_look_at(timer, NOW_US, 0, lengths_ms, 3); /* one that begins now may end then */
	check_set_to(timer, 30000);
	fr_look_at(timer, NOW_US, NOW_US + 90000 * MS, lengths_ms, 3);
	check_set_to(timer, 30000);
	fr_look_at(timer, NOW_US, NOW_US - 1, lengths_ms, 3); /* late already: soon, not at once */
	check_set_to(timer, 10);
	fr_look_at(timer, NOW_US, 0, lengths_ms, 1);
	assert_int_equal(set_to_ms(timer), -1); /* there is no deadline at all */
	event_free(timer);
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
