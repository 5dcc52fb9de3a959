/* SPDX-License-Identifier: MIT */
/* What a strict decode lets through and what it refuses, . */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/media/frame.h"
#include "common/media/jpeg_encode.h"
#include "common/media/jpeg_info.h"
#include "common/media/jpeg_verify.h"

enum {
	WIDTH = 320,
	HEIGHT = 240,
};

static const struct fr_jpeg_verify_limits limits = {
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
	const int r = fr_jpeg_verify(bytes, size, &limits, reason, &why);

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
	const struct fr_jpeg_verify_limits none = {.time_us = 1};
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	enum fr_reason reason;
	struct fr_cause why;
	size_t size;
	struct fr_frame *frame = picture(pool, FR_PIXELS_RGB, &size);

	(void)state;
	assert_int_equal(fr_jpeg_verify(fr_frame_room(frame), size, &none, &reason, &why), -EINVAL);
	assert_int_equal(reason, FR_REASON_verify_timeout);
	fr_frame_unref(frame);
	fr_frame_pool_free(pool);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
