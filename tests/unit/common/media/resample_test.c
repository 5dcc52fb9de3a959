/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/media/resample.h"

/* The mean of the area that a pixel covers, by the definition: every part of it looked at. */
static uint8_t mean(
    const uint8_t *pixels, unsigned w, unsigned h, unsigned tw, unsigned th, unsigned x, unsigned y)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < h; i++)
		for (unsigned k = 0; k < w; k++)
			sum += pixels[(y * h + i) / th * w + (x * w + k) / tw];
	return (uint8_t)((double)sum / (w * h) + 0.5);
}

static void every_pixel_is_the_mean_of_its_area(void **state)
{
	static const unsigned sizes[][4] = {{16, 12, 8, 6}, {16, 12, 15, 11}, {7, 5, 1, 1},
	    {7, 5, 3, 5}, {1, 1, 1, 1}, {9, 9, 9, 2}, {13, 3, 6, 2}};
	uint8_t from[256], to[256];

	(void)state;
	for (unsigned i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)(i * 37 + i / 5);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		const unsigned w = sizes[i][0], h = sizes[i][1], tw = sizes[i][2], th = sizes[i][3];
		const struct fr_plane_from in = {from, w, h, 1, w};
		const struct fr_plane_to out = {to, tw, th, 1, (ptrdiff_t)tw};

		fr_plane_resample(&in, &out);
		for (unsigned y = 0; y < th; y++)
			for (unsigned x = 0; x < tw; x++)
				assert_int_equal(to[y * tw + x], mean(from, w, h, tw, th, x, y));
	}
}

static void white_stays_white_at_the_largest_size(void **state)
{
	const unsigned size = 65535;
	uint8_t *from = malloc(size), to[3] = {0};
	const struct fr_plane_from row = {from, size, 1, 1, size};
	const struct fr_plane_to out = {to, 3, 1, 1, 3};
	const struct fr_plane_from column = {from, 1, size, 1, 1};
	const struct fr_plane_to down = {to, 1, 3, 1, 1};

	(void)state;
	memset(from, 255, size);
	fr_plane_resample(&row, &out);
	assert_memory_equal(to, "\xff\xff\xff", 3);
	memset(to, 0, 3);
	fr_plane_resample(&column, &down);
	assert_memory_equal(to, "\xff\xff\xff", 3);
	free(from);
}

static void negative_and_exchanged_steps_turn(void **state)
{
	static const uint8_t from[6] = {1, 2, 3, 4, 5, 6}; /* 3x2 */
	const struct fr_plane_from in = {from, 3, 2, 1, 3};
	uint8_t to[6];
	const struct fr_plane_to clockwise = {to + 1, 3, 2, 2, -1}; /* 2x3 */
	const struct fr_plane_to mirrored = {to + 2, 3, 2, -1, 3};

	(void)state;
	fr_plane_resample(&in, &clockwise);
	assert_memory_equal(to, ((const uint8_t[]){4, 1, 5, 2, 6, 3}), 6);
	fr_plane_resample(&in, &mirrored);
	assert_memory_equal(to, ((const uint8_t[]){3, 2, 1, 6, 5, 4}), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_pixel_is_the_mean_of_its_area),
	    cmocka_unit_test(white_stays_white_at_the_largest_size),
	    cmocka_unit_test(negative_and_exchanged_steps_turn),
	};

	return cmocka_run_group_tests_name("resample", tests, NULL, NULL);
}
