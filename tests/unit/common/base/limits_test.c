/* SPDX-License-Identifier: MIT */
/* The limits: the struct, the table and the defaults are one thing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/limits.h"

static void defaults_are_those_of_the_table(void **state)
{
	const struct fr_limits limits = fr_limits_default();
	(void)state;

	assert_int_equal(limits.max_frame_bytes, 8 << 20);
	assert_int_equal(limits.queue_frames, 1);
	assert_int_equal(limits.queue_age_ms, 1000);
	assert_int_equal(limits.publisher_frame_rate, 0);
	assert_int_equal(limits.drain_ms, 1500);
}

static void what_is_set_arrives_in_its_own_field_and_nowhere_else(void **state)
{
	struct fr_options *options = fr_options_new(fr_limit_specs);
	struct fr_limits expected = fr_limits_default();
	struct fr_limits limits;
	(void)state;

	assert_int_equal(fr_options_set(options, "max_streams", FR_VALUE_NUMBER, "7", NULL), 0);
	expected.max_streams = 7;
	limits = fr_limits_from(options);
	assert_memory_equal(&limits, &expected, sizeof(limits));
	fr_options_free(options);
}

static void every_row_takes_its_ends_and_zero_and_refuses_what_is_beyond(void **state)
{
	(void)state;

	for (const struct fr_option_spec *s = fr_limit_specs; s->name != NULL; s++) {
		struct fr_options *options = fr_options_new(fr_limit_specs);
		char text[32];

		assert_int_equal(fr_options_set(options, s->name, FR_VALUE_NUMBER, "0", NULL), 0);
		(void)snprintf(text, sizeof(text), "%lld", (long long)s->min);
		assert_int_equal(fr_options_set(options, s->name, FR_VALUE_NUMBER, text, NULL), 0);
		(void)snprintf(text, sizeof(text), "%lld", (long long)s->max);
		assert_int_equal(fr_options_set(options, s->name, FR_VALUE_NUMBER, text, NULL), 0);
		assert_true(fr_options_int(options, s->name) == s->max);
		(void)snprintf(text, sizeof(text), "%lld", (long long)s->max + 1);
		assert_int_not_equal(
		    fr_options_set(options, s->name, FR_VALUE_NUMBER, text, NULL), 0);
		assert_true(s->unit != NULL && strlen(s->help) > 10);
		fr_options_free(options);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults_are_those_of_the_table),
	    cmocka_unit_test(what_is_set_arrives_in_its_own_field_and_nowhere_else),
	    cmocka_unit_test(every_row_takes_its_ends_and_zero_and_refuses_what_is_beyond),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
