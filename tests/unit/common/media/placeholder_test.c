/* SPDX-License-Identifier: MIT */
/* The picture that stands for the one that does not come: its size, its greys, its text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/media/font.h"
#include "common/media/frame.h"
#include "common/media/jpeg_decode.h"
#include "common/media/jpeg_info.h"
#include "common/media/placeholder.h"
#include "tests/support/jpeg.h"

static const struct fr_jpeg_decode_limits no_limits = {0};

static struct fr_frame *frame_of(struct fr_frame_pool *pool, struct fr_test_jpeg jpeg)
{
	const struct fr_frame_info info = {.type = FR_FRAME_PICTURE,
	    .sequence = 77,
	    .captured_us = 5000000,
	    .width = 320,
	    .height = 240};
	struct fr_frame *frame = fr_frame_copy(pool, jpeg.bytes, jpeg.size, &info);

	fr_test_jpeg_done(&jpeg);
	return frame;
}

static struct fr_jpeg_pixels pixels_of(const struct fr_frame *frame)
{
	struct fr_jpeg_info info;
	struct fr_jpeg_pixels gray;
	struct fr_cause why;

	assert_int_equal(
	    fr_jpeg_info_read(fr_frame_bytes(frame), fr_frame_size(frame), &info, &why), 0);
	assert_int_equal(info.components, 1);
	assert_int_equal(fr_jpeg_decode_gray(fr_frame_bytes(frame), fr_frame_size(frame),
	                     &no_limits, 1 << 28, &gray, &why),
	    0);
	assert_int_equal(fr_frame_info(frame)->width, gray.width);
	assert_int_equal(fr_frame_info(frame)->height, gray.height);
	return gray;
}

/* Whether this line of text stands in the middle of the picture, at this scale, with its first row there. */
static bool says(const struct fr_jpeg_pixels *gray, const char *text, int scale, int y)
{
	const int x = ((int)gray->width - fr_font_text_width(text, scale)) / 2;

	for (int i = 0; text[i] != '\0'; i++)
		for (int row = 0; row < FR_FONT_HEIGHT; row++)
			for (int column = 0; column < FR_FONT_WIDTH; column++) {
				const int at_x =
				    x + (i * FR_FONT_WIDTH + column) * scale + scale / 2;
				const int at_y = y + row * scale + scale / 2;
				const bool ink = fr_font_glyph((unsigned char)text[i])[row] >>
				                     (FR_FONT_WIDTH - 1 - column) &
				                 1;

				if ((gray->pixels[at_y * (int)gray->width + at_x] > 128) != ink)
					return false;
			}
	return true;
}

static void the_last_picture_is_greyed_and_says_since_when(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_frame *last = frame_of(pool, fr_test_jpeg(320, 240, 80, 1));
	struct fr_frame *made = fr_placeholder_make(pool, last, 0, 0, "no picture since 14:03");
	struct fr_jpeg_pixels before = pixels_of(made), gray, was;
	struct fr_cause why;

	(void)state;
	gray = before;
	assert_int_equal(gray.width, 320);
	assert_int_equal(gray.height, 240);
	assert_int_equal(fr_frame_info(made)->sequence, 77);
	assert_int_equal(fr_frame_info(made)->captured_us, 5000000);
	assert_true(says(&gray, "no picture since 14:03", 1, (240 - 18) / 2 + 1));
	assert_false(says(&gray, "no picture since 14:04", 1, (240 - 18) / 2 + 1));

	/* Above the band it is the picture with half of its contrast. */
	assert_int_equal(fr_jpeg_decode_gray(fr_frame_bytes(last), fr_frame_size(last), &no_limits,
	                     1 << 28, &was, &why),
	    0);
	for (unsigned i = 0; i < 320 * 60; i++)
		assert_in_range(
		    gray.pixels[i] + 16, (was.pixels[i] + 128) / 2, (was.pixels[i] + 128) / 2 + 32);
	free(was.pixels);
	free(gray.pixels);
	fr_frame_unref(made);
	fr_frame_unref(last);
	fr_frame_pool_free(pool);
}

static void without_a_picture_it_is_plain(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	static const unsigned sizes[][4] = {
	    {0, 0, 640, 480}, {800, 0, 640, 480}, {1280, 720, 1280, 720}, {65500, 65500, 640, 480}};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct fr_frame *made =
		    fr_placeholder_make(pool, NULL, sizes[i][0], sizes[i][1], "waiting");
		struct fr_jpeg_pixels gray = pixels_of(made);

		assert_int_equal(gray.width, sizes[i][2]);
		assert_int_equal(gray.height, sizes[i][3]);
		assert_in_range(gray.pixels[0], 110, 114);
		free(gray.pixels);
		fr_frame_unref(made);
	}
	fr_frame_pool_free(pool);
}

static void on_a_narrow_picture_the_text_is_broken(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	static const unsigned sizes[][2] = {{96, 96}, {8, 8}, {1, 1}, {40, 200}};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct fr_frame *made = fr_placeholder_make(
		    pool, NULL, sizes[i][0], sizes[i][1], "no picture since 2026-11-20 14:03");
		struct fr_jpeg_pixels gray = pixels_of(made);

		assert_int_equal(gray.width, sizes[i][0]);
		if (i == 0) {
			assert_true(says(&gray, "no picture", 1, (96 - 4 * 18) / 2 + 1));
			assert_true(says(&gray, "14:03", 1, (96 - 4 * 18) / 2 + 1 + 3 * 18));
		}
		free(gray.pixels);
		fr_frame_unref(made);
	}
	fr_frame_pool_free(pool);
}

static void what_cannot_be_decoded_becomes_a_plain_one_of_its_size(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_frame *last[] = {
	    frame_of(pool, fr_test_jpeg_claim(65500, 65500, true)), /* more than may be decoded */
	    frame_of(pool, fr_test_jpeg_scans(320, 240, 101)),
	    fr_frame_copy(pool, "\xff\xd8 text \xff\xd9", 10,
	        &(const struct fr_frame_info){
	            .type = FR_FRAME_PICTURE, .width = 320, .height = 240}),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(last) / sizeof(last[0]); i++) {
		struct fr_frame *made = fr_placeholder_make(pool, last[i], 0, 0, "text");
		struct fr_jpeg_pixels gray = pixels_of(made);

		assert_int_equal(gray.width, 320); /* as its frame says */
		assert_int_equal(gray.height, 240);
		assert_in_range(gray.pixels[0], 110, 114);
		free(gray.pixels);
		fr_frame_unref(made);
		fr_frame_unref(last[i]);
	}
	fr_frame_pool_free(pool);
}

static void without_room_there_is_none(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(1000);

	(void)state;
	assert_null(fr_placeholder_make(pool, NULL, 640, 480, "text"));
	fr_frame_pool_free(pool);
}

static void the_words_are_in_local_time_and_name_another_day(void **state)
{
	static const int64_t hour_us = 3600000000, minute_us = 60000000;
	static const int64_t noon_us = 1700049600000000; /* 2023-11-15 12:00:00 UTC */
	const struct {
		const char *zone;
		int64_t since_us;
		bool is_frozen;
		const char *words;
	} rows[] = {
	    {"UTC", 0, false, "waiting for the first picture"},
	    {"UTC", noon_us, false, "no picture since 12:00"},
	    {"UTC", noon_us, true, "no new picture since 12:00"},
	    {"UTC-9", noon_us - 3 * minute_us, false, "no picture since 20:57"},
	    {"UTC", noon_us - 12 * hour_us, false, "no picture since 00:00"},
	    {"UTC", noon_us - 12 * hour_us - 1, false, "no picture since 2023-11-14 23:59"},
	    {"UTC-9", noon_us - 22 * hour_us, true, "no new picture since 2023-11-14 23:00"},
	    {"UTC", noon_us - 365 * 24 * hour_us, false, "no picture since 2022-11-15 12:00"},
	};
	char text[FR_PLACEHOLDER_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(setenv("TZ", rows[i].zone, 1), 0);
		tzset();
		fr_placeholder_words(rows[i].since_us, rows[i].is_frozen, noon_us, text);
		assert_string_equal(text, rows[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_last_picture_is_greyed_and_says_since_when),
	    cmocka_unit_test(without_a_picture_it_is_plain),
	    cmocka_unit_test(on_a_narrow_picture_the_text_is_broken),
	    cmocka_unit_test(what_cannot_be_decoded_becomes_a_plain_one_of_its_size),
	    cmocka_unit_test(without_room_there_is_none),
	    cmocka_unit_test(the_words_are_in_local_time_and_name_another_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
