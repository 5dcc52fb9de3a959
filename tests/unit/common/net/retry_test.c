/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/net/retry.h"

static void waits_double_up_to_the_most(void **state)
{
	static const int64_t expected[] = {200000, 400000, 800000, 1600000, 2000000, 2000000};
	struct fr_retry retry = {.first_us = 200000, .most_us = 2000000};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(fr_retry_next_us(&retry, 0), expected[i]);
}

static void chance_takes_at_most_a_quarter(void **state)
{
	struct fr_retry most = {.first_us = 200000, .most_us = 200000};
	struct fr_retry half = most;

	(void)state;
	assert_in_range(fr_retry_next_us(&most, UINT32_MAX), 150000, 150001);
	assert_in_range(fr_retry_next_us(&half, UINT32_MAX / 2), 175000, 175001);
}

static void a_success_begins_anew(void **state)
{
	struct fr_retry retry = {.first_us = 200000, .most_us = 2000000};

	(void)state;
	(void)fr_retry_next_us(&retry, 0);
	(void)fr_retry_next_us(&retry, 0);
	fr_retry_reset(&retry);
	assert_int_equal(fr_retry_next_us(&retry, 0), 200000);
}

static void a_million_tries_still_wait_the_most(void **state)
{
	struct fr_retry retry = {.first_us = 200000, .most_us = 10000000};

	(void)state;
	for (unsigned i = 0; i < 1000000; i++)
		(void)fr_retry_next_us(&retry, 0);
	assert_int_equal(fr_retry_next_us(&retry, 0), 10000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(waits_double_up_to_the_most),
	    cmocka_unit_test(chance_takes_at_most_a_quarter),
	    cmocka_unit_test(a_success_begins_anew),
	    cmocka_unit_test(a_million_tries_still_wait_the_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
