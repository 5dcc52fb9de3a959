/* SPDX-License-Identifier: MIT */
/* What a strict decode lets through and what it refuses: bombs before they cost anything. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/media/frame.h"
#include "common/media/jpeg_decode.h"
#include "common/media/jpeg_encode.h"
#include "common/media/jpeg_info.h"
#include "tests/support/jpeg.h"

enum {
	WIDTH = 320,
	HEIGHT = 240,
};

static const struct fr_jpeg_decode_limits limits = {
    .pixels = 33200000, .scans = 100, .time_us = 20000000};

/* A picture with something to see in it. */
static struct fr_frame *picture(struct fr_frame_pool *pool, int format, size_t *size)
{
	static uint8_t pixels[WIDTH * HEIGHT * 3];
	const struct fr_image image = {
	    .pixels = (enum fr_pixels)format,
	    .width = WIDTH,
	    .height = HEIGHT,
	    .planes = {pixels, pixels, pixels},
	};
	struct fr_jpeg_encoder *encoder = fr_jpeg_encoder_new();
	struct fr_frame *frame;
	struct fr_cause why;

	for (size_t i = 0; i < sizeof(pixels); i++)
		pixels[i] = (uint8_t)(i * 7 + i / 977);
	frame = fr_jpeg_encode(encoder, pool, &image, 80, size, &why);
	assert_non_null(frame);
	fr_jpeg_encoder_free(encoder);
	return frame;
}

static int verify(const uint8_t *bytes, size_t size, enum fr_reason *reason)
{
	struct fr_cause why = {.text = ""};
	const int r = fr_jpeg_decode_check(bytes, size, &limits, reason, &why);

	if (r < 0)
		assert_string_not_equal(why.text, "");
	return r;
}

static void what_an_encoder_makes_is_whole(void **state)
{
	static const int formats[] = {FR_PIXELS_RGB, FR_PIXELS_YUV420, FR_PIXELS_GRAY};
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_jpeg_info info;
	enum fr_reason reason;
	size_t size;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct fr_frame *frame = picture(pool, formats[i], &size);

		assert_int_equal(verify(fr_frame_room(frame), size, &reason), 0);
		assert_int_equal(fr_jpeg_info_read(fr_frame_room(frame), size, &info, NULL), 0);
		assert_int_equal(info.width, WIDTH);
		assert_int_equal(info.height, HEIGHT);
		assert_int_equal(info.components, formats[i] == FR_PIXELS_GRAY ? 1 : 3);
		fr_frame_unref(frame);
	}
	fr_frame_pool_free(pool);
}

static void a_picture_with_its_middle_missing_is_refused(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	enum fr_reason reason;
	size_t size;
	struct fr_frame *frame = picture(pool, FR_PIXELS_RGB, &size);
	uint8_t *bytes = fr_frame_room(frame);

	(void)state;
	memmove(bytes + size / 2, bytes + size - 2, 2); /* half of it, and EOI */
	assert_int_equal(verify(bytes, size / 2 + 2, &reason), -EINVAL);
	assert_int_equal(reason, FR_REASON_bad_jpeg);
	fr_frame_unref(frame);
	fr_frame_pool_free(pool);
}

static void bytes_that_are_no_jpeg_are_refused(void **state)
{
	static const uint8_t bytes[] = "\xff\xd8 this is text, not a picture";
	enum fr_reason reason;

	(void)state;
	assert_int_equal(verify(bytes, sizeof(bytes), &reason), -EINVAL);
	assert_int_equal(reason, FR_REASON_bad_jpeg);
	assert_int_equal(verify(bytes, 0, &reason), -EINVAL);
}

static void a_header_that_promises_too_many_pixels_is_refused_before_anything_is_decoded(
    void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	const int64_t begin_us = fr_clock_now_us();
	enum fr_reason reason;
	size_t size;
	struct fr_frame *frame = picture(pool, FR_PIXELS_RGB, &size);
	uint8_t *bytes = fr_frame_room(frame);
	size_t i = 2;

	(void)state;
	while (bytes[i + 1] != 0xc0) /* to SOF0, over the segments before it */
		i += 2 + (size_t)(bytes[i + 2] << 8 | bytes[i + 3]);
	bytes[i + 5] = bytes[i + 7] = 0xff;
	bytes[i + 6] = bytes[i + 8] = 0xdc; /* 65500 x 65500 */
	assert_int_equal(verify(bytes, size, &reason), -EINVAL);
	assert_int_equal(reason, FR_REASON_too_many_pixels);
	assert_true(fr_clock_now_us() - begin_us < 2000000);
	fr_frame_unref(frame);
	fr_frame_pool_free(pool);
}

static void a_decode_that_takes_too_long_is_given_up(void **state)
{
	const struct fr_jpeg_decode_limits none = {.time_us = 1};
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	enum fr_reason reason;
	struct fr_cause why;
	size_t size;
	struct fr_frame *frame = picture(pool, FR_PIXELS_RGB, &size);

	(void)state;
	assert_int_equal(
	    fr_jpeg_decode_check(fr_frame_room(frame), size, &none, &reason, &why), -EINVAL);
	assert_int_equal(reason, FR_REASON_verify_timeout);
	fr_frame_unref(frame);
	fr_frame_pool_free(pool);
}

/* --- Bombs ------------------------------------------------------------------------------------ */

static void check_refused(struct fr_test_jpeg jpeg, const struct fr_jpeg_decode_limits *within,
    enum fr_reason expected, const char *sentence)
{
	struct fr_cause why = {.text = ""};
	enum fr_reason reason;

	assert_int_equal(
	    fr_jpeg_decode_check(jpeg.bytes, jpeg.size, within, &reason, &why), -EINVAL);
	assert_int_equal(reason, expected);
	assert_non_null(strstr(why.text, sentence));
	assert_int_equal(
	    fr_jpeg_decode_check(jpeg.bytes, jpeg.size, within, &reason, NULL), -EINVAL);
	fr_test_jpeg_done(&jpeg);
}

static void a_few_bytes_that_claim_65500_pixels_a_side_cost_nothing(void **state)
{
	check_refused(fr_test_jpeg_claim(65500, 65500, false), &limits, FR_REASON_too_many_pixels,
	    "65500x65500 are more than verify_pixels = 33200000");
	check_refused(fr_test_jpeg_claim(65500, 65500, true), &limits, FR_REASON_too_many_pixels,
	    "65500x65500 are more than verify_pixels = 33200000");
	check_refused(fr_test_jpeg_claim(65535, 8, true), &limits, FR_REASON_bad_jpeg, "65500");
	(void)state;
}

static void a_large_picture_without_data_is_refused_at_the_first_warning(void **state)
{
	check_refused(
	    fr_test_jpeg_claim(5700, 5700, false), &limits, FR_REASON_bad_jpeg, "premature end");
	check_refused(
	    fr_test_jpeg_claim(5700, 5700, true), &limits, FR_REASON_bad_jpeg, "premature end");
	(void)state;
}

static void scans_are_counted_and_the_first_above_the_limit_refused(void **state)
{
	struct fr_test_jpeg jpeg = fr_test_jpeg_scans(640, 480, 100);
	enum fr_reason reason;

	assert_int_equal(verify(jpeg.bytes, jpeg.size, &reason), 0);
	fr_test_jpeg_done(&jpeg);
	check_refused(fr_test_jpeg_scans(640, 480, 101), &limits, FR_REASON_bad_jpeg,
	    "more than verify_scans = 100 scans");
	(void)state;
}

static void many_scans_of_a_large_picture_end_at_the_deadline(void **state)
{
	const struct fr_jpeg_decode_limits quick = {.pixels = 33200000, .time_us = 20000};
	const int64_t begin_us = fr_clock_now_us();

	check_refused(fr_test_jpeg_scans(5700, 5700, 200), &quick, FR_REASON_verify_timeout,
	    "not decoded within verify_timeout_ms = 20");
	assert_true(fr_clock_now_us() - begin_us < 10000000);
	(void)state;
}

static void no_limits_let_all_of_that_through(void **state)
{
	const struct fr_jpeg_decode_limits none = {0};
	struct fr_test_jpeg jpeg = fr_test_jpeg_scans(640, 480, 150);
	enum fr_reason reason;

	assert_int_equal(fr_jpeg_decode_check(jpeg.bytes, jpeg.size, &none, &reason, NULL), 0);
	fr_test_jpeg_done(&jpeg);
	(void)state;
}

static void damaged_picture_data_is_decoded_or_refused_and_nothing_else(void **state)
{
	struct fr_test_jpeg jpeg = fr_test_jpeg(160, 120, 80, 1);
	uint8_t *copy = malloc(jpeg.size);
	unsigned refused = 0;
	uint32_t seed = 1;

	for (unsigned i = 0; i < 1000; i++) {
		enum fr_reason reason;

		memcpy(copy, jpeg.bytes, jpeg.size);
		for (unsigned k = 0; k < 10; k++) {
			seed = seed * 1664525 + 1013904223;
			copy[20 + (seed >> 8) % (jpeg.size - 20)] = (uint8_t)(seed >> 3);
		}
		if (verify(copy, jpeg.size, &reason) != 0)
			refused++;
	}
	assert_true(refused > 500);
	free(copy);
	fr_test_jpeg_done(&jpeg);
	(void)state;
}

/* --- Brightness ------------------------------------------------------------------------------- */

static void a_large_picture_becomes_smaller_until_it_fits(void **state)
{
	static const struct {
		int64_t most_px;
		unsigned width;
	} rows[] = {{320 * 240, 320}, {320 * 240 - 1, 160}, {160 * 120 - 1, 80}, {40 * 30, 40}};
	struct fr_test_jpeg jpeg = fr_test_jpeg(320, 240, 80, 1);
	struct fr_jpeg_pixels gray;
	struct fr_cause why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(fr_jpeg_decode_gray(
		                     jpeg.bytes, jpeg.size, &limits, rows[i].most_px, &gray, &why),
		    0);
		assert_int_equal(gray.width, rows[i].width);
		assert_int_equal(gray.height, rows[i].width * 3 / 4);
		free(gray.pixels);
	}
	assert_int_equal(
	    fr_jpeg_decode_gray(jpeg.bytes, jpeg.size, &limits, 40 * 30 - 1, &gray, &why), -EINVAL);
	assert_string_equal(why.text, "320x240 pixels are too many");
	fr_test_jpeg_done(&jpeg);
}

static void what_is_damaged_is_painted_over_for_its_brightness(void **state)
{
	struct fr_test_jpeg jpeg = fr_test_jpeg(320, 240, 80, 1);
	struct fr_jpeg_pixels gray;
	struct fr_cause why;

	(void)state;
	assert_int_equal(
	    fr_jpeg_decode_gray(jpeg.bytes, jpeg.size / 2, &limits, 1 << 28, &gray, &why), 0);
	assert_int_equal(gray.height, 240);
	free(gray.pixels);
	assert_int_equal(
	    fr_jpeg_decode_gray(jpeg.bytes, 20, &limits, 1 << 28, &gray, &why), -EINVAL);
	fr_test_jpeg_done(&jpeg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_an_encoder_makes_is_whole),
	    cmocka_unit_test(a_picture_with_its_middle_missing_is_refused),
	    cmocka_unit_test(bytes_that_are_no_jpeg_are_refused),
	    cmocka_unit_test(
	        a_header_that_promises_too_many_pixels_is_refused_before_anything_is_decoded),
	    cmocka_unit_test(a_decode_that_takes_too_long_is_given_up),
	    cmocka_unit_test(a_few_bytes_that_claim_65500_pixels_a_side_cost_nothing),
	    cmocka_unit_test(a_large_picture_without_data_is_refused_at_the_first_warning),
	    cmocka_unit_test(scans_are_counted_and_the_first_above_the_limit_refused),
	    cmocka_unit_test(many_scans_of_a_large_picture_end_at_the_deadline),
	    cmocka_unit_test(no_limits_let_all_of_that_through),
	    cmocka_unit_test(damaged_picture_data_is_decoded_or_refused_and_nothing_else),
	    cmocka_unit_test(a_large_picture_becomes_smaller_until_it_fits),
	    cmocka_unit_test(what_is_damaged_is_painted_over_for_its_brightness),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
