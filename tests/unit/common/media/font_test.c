/* SPDX-License-Identifier: MIT */
/* The font: every character looks different, text stands where it should, and nothing is drawn outside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/media/font.h"

static const uint8_t white[] = {255};

static void every_printable_character_looks_different(void **state)
{
	for (int a = ' '; a < 127; a++)
		for (int b = a + 1; b < 128; b++)
			if (memcmp(fr_font_glyph((unsigned char)a), fr_font_glyph((unsigned char)b),
			        FR_FONT_HEIGHT) == 0)
				fail_msg("%c looks like %c", a, b);
	(void)state;
}

static void what_is_not_printable_is_a_box(void **state)
{
	assert_ptr_equal(fr_font_glyph('\n'), fr_font_glyph(0x7f));
	assert_ptr_equal(fr_font_glyph(0xff), fr_font_glyph(0x7f));
	assert_memory_not_equal(fr_font_glyph(0x7f), fr_font_glyph(' '), FR_FONT_HEIGHT);
	(void)state;
}

static void text_is_drawn_where_and_as_large_as_it_is_asked_for(void **state)
{
	uint8_t pixels[40 * 40] = {0};
	const struct fr_canvas canvas = {pixels, 40, 40, 1, 40};

	fr_font_draw(&canvas, 3, 5, 2, white, "|");

	/* The bar's pixels at scale 1: columns 3 and 4, rows 2 to 13. */
	for (int y = 0; y < 40; y++)
		for (int x = 0; x < 40; x++)
			assert_int_equal(pixels[y * 40 + x],
			    x >= 3 + 6 && x < 3 + 10 && y >= 5 + 4 && y < 5 + 28 ? 255 : 0);
	assert_int_equal(fr_font_text_width("ab", 3), 48);
	(void)state;
}

static void colours_have_as_many_bytes_as_the_canvas_has_channels(void **state)
{
	static const uint8_t colour[] = {1, 2, 3};
	uint8_t pixels[4 * 2 * 3] = {0};
	const struct fr_canvas canvas = {pixels, 4, 2, 3, 12};

	fr_canvas_fill(&canvas, 1, 1, 2, 1, colour);

	assert_memory_equal(pixels + 12, "\0\0\0\1\2\3\1\2\3\0\0\0", 12);
	(void)state;
}

static void a_character_beyond_ascii_is_one_box(void **state)
{
	uint8_t one[16 * 16] = {0}, two[16 * 16] = {0};
	const struct fr_canvas canvas = {one, 16, 16, 1, 16}, other = {two, 16, 16, 1, 16};

	fr_font_draw(&canvas, 0, 0, 1, white, "\xed\x98\x84");
	fr_font_draw(&other, 0, 0, 1, white, "\x7f");

	assert_memory_equal(one, two, sizeof(one));
	assert_int_equal(fr_font_text_width("\xed\x98\x84\xea\xb4\x80", 1), 16);
	(void)state;
}

static void nothing_is_drawn_outside_of_the_canvas(void **state)
{
	uint8_t pixels[12 * 12];
	const struct fr_canvas canvas = {pixels + 2 * 12 + 2, 8, 8, 1, 12};

	memset(pixels, 7, sizeof(pixels));
	fr_font_draw(&canvas, -5, -9, 3, white, "MMM");
	fr_font_draw(&canvas, 6, 6, 5, white, "MMM");
	fr_canvas_fill(&canvas, -100, -100, 1000, 1000, white);
	fr_canvas_fill(&canvas, 20, 20, 5, 5, white);

	for (int y = 0; y < 12; y++)
		for (int x = 0; x < 12; x++)
			assert_int_equal(
			    pixels[y * 12 + x], x >= 2 && x < 10 && y >= 2 && y < 10 ? 255 : 7);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_printable_character_looks_different),
	    cmocka_unit_test(what_is_not_printable_is_a_box),
	    cmocka_unit_test(text_is_drawn_where_and_as_large_as_it_is_asked_for),
	    cmocka_unit_test(colours_have_as_many_bytes_as_the_canvas_has_channels),
	    cmocka_unit_test(a_character_beyond_ascii_is_one_box),
	    cmocka_unit_test(nothing_is_drawn_outside_of_the_canvas),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
