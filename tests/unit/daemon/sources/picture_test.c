/* SPDX-License-Identifier: MIT */
/* The test picture: it moves, it can be any size, and what it shows is where it should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/sources/pattern/picture.h"

enum {
	WIDTH = 320,
	HEIGHT = 240,
	SIZE = WIDTH * HEIGHT * 3,
};

static const int64_t time_us = INT64_C(1795250411123456);

static void the_clock_the_number_and_the_ball_move_and_the_rest_stands_still(void **state)
{
	struct fr_pattern_picture *picture = fr_pattern_picture_new("cam", WIDTH, HEIGHT);
	static uint8_t before[SIZE];
	const uint8_t *after;

	memcpy(before, fr_pattern_picture_draw(picture, time_us, 1), SIZE);
	after = fr_pattern_picture_draw(picture, time_us + 1000000, 2);

	assert_memory_not_equal(after, before, SIZE);
	assert_memory_equal(after, before, (size_t)HEIGHT / 8 * WIDTH * 3); /* the name's */
	assert_memory_equal(after + (size_t)HEIGHT * 8 / 10 * WIDTH * 3,
	    before + (size_t)HEIGHT * 8 / 10 * WIDTH * 3, (size_t)HEIGHT / 5 * WIDTH * 3);
	fr_pattern_picture_free(picture);
	(void)state;
}

static void a_picture_follows_from_its_time_and_its_number_alone(void **state)
{
	struct fr_pattern_picture *picture = fr_pattern_picture_new("cam", WIDTH, HEIGHT);
	static uint8_t before[SIZE];

	memcpy(before, fr_pattern_picture_draw(picture, time_us, 7), SIZE);
	(void)fr_pattern_picture_draw(picture, time_us + 1234567, 8);

	assert_memory_equal(fr_pattern_picture_draw(picture, time_us, 7), before, SIZE);
	fr_pattern_picture_free(picture);
	(void)state;
}

static void the_fields_at_the_bottom_have_their_colours(void **state)
{
	struct fr_pattern_picture *picture = fr_pattern_picture_new("cam", WIDTH, HEIGHT);
	const uint8_t *last =
	    fr_pattern_picture_draw(picture, time_us, 1) + (size_t)(HEIGHT - 1) * WIDTH * 3;

	assert_memory_equal(last, "\xcc\xcc\xcc", 3);                               /* white */
	assert_memory_equal(last + (size_t)WIDTH * 11 / 16 * 3, "\xcc\x10\x10", 3); /* red */
	assert_memory_equal(last + (size_t)(WIDTH - 1) * 3, "\x10\x10\x10", 3);     /* black */
	fr_pattern_picture_free(picture);
	(void)state;
}

static void any_size_can_be_drawn(void **state)
{
	static const unsigned sizes[][2] = {
	    {1, 1}, {2, 3}, {16, 16}, {65535, 1}, {1, 4000}, {3000, 9}};

	/* What is drawn outside shows under the address sanitizer. */
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct fr_pattern_picture *picture =
		    fr_pattern_picture_new("a-name-of-some-length", sizes[i][0], sizes[i][1]);

		assert_non_null(picture);
		for (int k = 0; k < 5; k++)
			assert_non_null(
			    fr_pattern_picture_draw(picture, time_us + k * 777777, UINT64_MAX));
		fr_pattern_picture_free(picture);
	}
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_clock_the_number_and_the_ball_move_and_the_rest_stands_still),
	    cmocka_unit_test(a_picture_follows_from_its_time_and_its_number_alone),
	    cmocka_unit_test(the_fields_at_the_bottom_have_their_colours),
	    cmocka_unit_test(any_size_can_be_drawn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
