/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "common/net/clock_offset.h"

static void nothing_is_known_at_first(void **state)
{
	struct fr_clock_offset clock = {0};
	int64_t offset_us;

	(void)state;
	assert_false(fr_clock_offset_best(&clock, &offset_us));
}

static void the_answer_lies_in_the_middle_of_its_way(void **state)
{
	struct fr_clock_offset clock = {0};
	int64_t offset_us = 0;

	(void)state;
	fr_clock_offset_add(&clock, 1000000, 2000, 1501000);
	assert_true(fr_clock_offset_best(&clock, &offset_us));
	assert_int_equal(offset_us, 500000);
}

static void the_shortest_way_of_the_last_eight_counts(void **state)
{
	struct fr_clock_offset clock = {0};
	int64_t offset_us = 0;

	(void)state;
	fr_clock_offset_add(&clock, 0, 100, 50 + 7);
	for (int i = 0; i < 7; i++)
		fr_clock_offset_add(&clock, 0, 40000, 20000 + 9000);
	assert_true(fr_clock_offset_best(&clock, &offset_us));
	assert_int_equal(offset_us, 7);

	fr_clock_offset_add(&clock, 0, 30000, 15000 + 8000); /* the first is forgotten */
	assert_true(fr_clock_offset_best(&clock, &offset_us));
	assert_int_equal(offset_us, 8000);
}

static void a_clock_of_any_64_bits_does_no_harm(void **state)
{
	struct fr_clock_offset clock = {0};
	int64_t offset_us;

	(void)state;
	fr_clock_offset_add(&clock, INT64_MAX, 10, INT64_MIN);
	fr_clock_offset_add(&clock, 1, INT64_MAX, INT64_MIN + 1);
	fr_clock_offset_add(&clock, 0, -1, 0);
	assert_false(fr_clock_offset_best(&clock, &offset_us));
	fr_clock_offset_add(&clock, 0, 0, INT64_MAX);
	assert_true(fr_clock_offset_best(&clock, &offset_us));
	assert_true(offset_us == INT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_known_at_first),
	    cmocka_unit_test(the_answer_lies_in_the_middle_of_its_way),
	    cmocka_unit_test(the_shortest_way_of_the_last_eight_counts),
	    cmocka_unit_test(a_clock_of_any_64_bits_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
