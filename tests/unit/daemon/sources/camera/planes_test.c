/* SPDX-License-Identifier: MIT */
/* Every format, odd sizes and strides, every turning: pixel by pixel what a reference says, and decoded about the same. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <turbojpeg.h>

#include "common/base/cause.h"
#include "common/media/frame.h"
#include "common/media/jpeg_info.h"
#include "daemon/sources/camera/encode.h"
#include "daemon/sources/camera/planes.h"
#include "tests/camera-fake/fake.h"
#include "tests/support/jpeg.h"

struct scene {
	uint8_t *bytes;
	struct fr_camera_picture picture;
	struct fr_camera_mode mode;
};

static struct scene make(
    enum fr_camera_format format, unsigned width, unsigned height, unsigned pad)
{
	struct scene s = {.mode = {.format = format, .width = width, .height = height}};

	/* Exactly as large as it has to be: a byte too far is seen by the sanitizer. */
	s.bytes = malloc(fr_camera_fake_size(format, width, height, pad));
	fr_camera_fake_fill(s.bytes, format, width, height, pad, &s.picture);
	return s;
}

static unsigned half(unsigned n, bool is_halved)
{
	return is_halved ? (n + 1) / 2 : n;
}

/*
 * The reference: what a pixel of the turned picture shows, from the definition of turning: first to the right by
 * `rotate`, then flipped.
 */
static uint8_t expected(unsigned c, unsigned x, unsigned y, unsigned width, unsigned height,
    bool hflip, bool vflip, unsigned rotate)
{
	const bool quarter = rotate == 90 || rotate == 270;
	const unsigned w = quarter ? height : width, h = quarter ? width : height;
	const unsigned ux = hflip ? w - 1 - x : x, uy = vflip ? h - 1 - y : y;

	switch (rotate) {
	case 90:
		return fr_camera_fake_sample(c, uy, height - 1 - ux);
	case 180:
		return fr_camera_fake_sample(c, width - 1 - ux, height - 1 - uy);
	case 270:
		return fr_camera_fake_sample(c, width - 1 - uy, ux);
	default:
		return fr_camera_fake_sample(c, ux, uy);
	}
}

static void compare(const struct scene *s, bool hflip, bool vflip, unsigned rotate)
{
	const enum fr_camera_format format = s->mode.format;
	const bool is_rgb = format == FR_CAMERA_RGB || format == FR_CAMERA_BGR;
	const bool quarter = rotate == 90 || rotate == 270;
	struct fr_planes planes = {0};
	struct fr_image image;
	struct fr_cause why;

	assert_int_equal(fr_planes_image(&planes, &s->picture, &s->mode,
	                     fr_turn_of(hflip, vflip, rotate), &image, &why),
	    0);
	assert_int_equal(image.width, quarter ? s->mode.height : s->mode.width);
	assert_int_equal(image.height, quarter ? s->mode.width : s->mode.height);
	for (unsigned c = 0; c < 3; c++) {
		const unsigned w = half(s->mode.width, c > 0 && !is_rgb);
		const unsigned h = half(s->mode.height,
		    c > 0 && (format == FR_CAMERA_YUV420 || format == FR_CAMERA_NV12));
		const unsigned columns = quarter ? h : w, rows = quarter ? w : h;
		const unsigned at = format == FR_CAMERA_BGR ? 2 - c : c;

		for (unsigned y = 0; y < rows; y++)
			for (unsigned x = 0; x < columns; x++) {
				const uint8_t got =
				    is_rgb ? image.planes[0][y * image.strides[0] + 3 * x + at]
				           : image.planes[c][y * image.strides[c] + x];
				const uint8_t want = expected(c, x, y, w, h, hflip, vflip, rotate);

				if (got != want)
					fail_msg("format %d, %ux%u, hflip %d, vflip %d, rotate %u: "
					         "component %u at %u,%u is %u, not %u",
					    (int)format, s->mode.width, s->mode.height, hflip,
					    vflip, rotate, c, x, y, got, want);
			}
	}
	fr_planes_done(&planes);
}

static void every_format_is_taken_apart_as_the_reference_says(void **state)
{
	static const unsigned sizes[][2] = {
	    {16, 8}, {17, 8}, {16, 9}, {17, 9}, {1, 1}, {2, 3}, {33, 31}};

	(void)state;
	for (unsigned format = FR_CAMERA_YUV420; format < FR_CAMERA_MJPEG; format++)
		for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			for (unsigned pad = 0; pad < 8; pad += 7)
				for (unsigned turn = 0; turn < 16; turn++) {
					struct scene s =
					    make(format, sizes[i][0], sizes[i][1], pad);

					compare(&s, turn & 1, turn & 2, turn / 4 * 90);
					free(s.bytes);
				}
}

static void a_picture_that_fits_is_not_copied(void **state)
{
	struct scene s = make(FR_CAMERA_YUV420, 64, 48, 32);
	struct fr_planes planes = {0};
	struct fr_image image;
	struct fr_cause why;

	(void)state;
	assert_int_equal(
	    fr_planes_image(&planes, &s.picture, &s.mode, (struct fr_turn){0}, &image, &why), 0);
	assert_ptr_equal(image.planes[0], s.bytes);
	assert_null(planes.room);
	assert_int_equal(image.pixels, FR_PIXELS_YUV420);
	free(s.bytes);
}

static void a_buffer_that_is_too_small_is_refused(void **state)
{
	struct fr_planes planes = {0};
	struct fr_image image;
	struct fr_cause why;

	(void)state;
	for (unsigned format = FR_CAMERA_YUV420; format < FR_CAMERA_MJPEG; format++) {
		struct scene s = make(format, 32, 24, 3);

		for (unsigned i = 0; i < 3 && s.picture.planes[i] != NULL; i++) {
			const size_t size = s.picture.sizes[i];

			for (unsigned k = 0; k < 3; k++) {
				static const size_t smaller[] = {0, 1, 200};

				s.picture.sizes[i] = smaller[k];
				if (smaller[k] < size / 2)
					assert_int_equal(
					    fr_planes_image(&planes, &s.picture, &s.mode,
					        (struct fr_turn){0}, &image, &why),
					    -EINVAL);
			}
			s.picture.sizes[i] = size;
		}
		free(s.bytes);
	}
	assert_non_null(strstr(why.text, "smaller"));
	fr_planes_done(&planes);
}

/* ---- as JPEGs ---- */

/* Encodes and decodes; gives the mean of what Y (or red) is off by, in sixteenths. */
static unsigned encode(struct scene *s, struct fr_turn turn, unsigned *ret_width)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_camera_encoder *encoder = fr_camera_encoder_new();
	struct fr_jpeg_info info;
	struct fr_cause why = {""};
	size_t size;
	struct fr_frame *frame =
	    fr_camera_encode(encoder, pool, &s->picture, &s->mode, turn, 95, &size, &why);
	tjhandle handle = tjInitDecompress();
	unsigned long off = 0;
	uint8_t *gray;

	if (frame == NULL)
		fail_msg("%s", why.text);
	assert_int_equal(fr_jpeg_info_read(fr_frame_room(frame), size, &info, &why), 0);
	gray = malloc((size_t)info.width * info.height);
	assert_int_equal(tjDecompress2(handle, fr_frame_room(frame), size, gray, info.width, 0,
	                     info.height, TJPF_GRAY, 0),
	    0);
	for (unsigned y = 0; y < info.height; y++)
		for (unsigned x = 0; x < info.width; x++)
			off += (unsigned)abs(
			    gray[y * info.width + x] - fr_camera_fake_sample(0, x, y));
	off = off * 16 / ((unsigned long)info.width * info.height);
	*ret_width = info.width;
	free(gray);
	(void)tjDestroy(handle);
	fr_frame_unref(frame);
	fr_camera_encoder_free(encoder);
	fr_frame_pool_free(pool);
	return (unsigned)off;
}

static void what_is_encoded_decodes_to_about_the_same(void **state)
{
	static const enum fr_camera_format formats[] = {
	    FR_CAMERA_YUV420, FR_CAMERA_NV12, FR_CAMERA_YUYV};
	unsigned width;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct scene s = make(formats[i], 47, 33, 5);

		assert_in_range(encode(&s, (struct fr_turn){0}, &width), 0, 3 * 16);
		assert_int_equal(width, 47);
		(void)encode(&s, (struct fr_turn){.right = true}, &width);
		assert_int_equal(width, 33);
		free(s.bytes);
	}
}

static void red_is_red_in_either_order(void **state)
{
	static const enum fr_camera_format formats[] = {FR_CAMERA_RGB, FR_CAMERA_BGR};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct fr_frame_pool *pool = fr_frame_pool_new(0);
		struct fr_camera_encoder *encoder = fr_camera_encoder_new();
		struct scene s = make(formats[i], 16, 16, 0);
		tjhandle handle = tjInitDecompress();
		struct fr_cause why;
		struct fr_frame *frame;
		uint8_t rgb[16 * 16 * 3];
		size_t size;

		memset(s.bytes, 0, s.picture.sizes[0]);
		for (unsigned k = 0; k < 256; k++)
			s.bytes[3 * k + (formats[i] == FR_CAMERA_RGB ? 0 : 2)] = 255;
		frame = fr_camera_encode(
		    encoder, pool, &s.picture, &s.mode, (struct fr_turn){0}, 95, &size, &why);
		assert_int_equal(
		    tjDecompress2(handle, fr_frame_room(frame), size, rgb, 16, 0, 16, TJPF_RGB, 0),
		    0);
		assert_in_range(rgb[300], 245, 255);
		assert_in_range(rgb[302], 0, 10);
		(void)tjDestroy(handle);
		fr_frame_unref(frame);
		fr_camera_encoder_free(encoder);
		fr_frame_pool_free(pool);
		free(s.bytes);
	}
}

/* ---- pictures that the camera made ---- */

static struct fr_frame *pass(struct fr_frame_pool *pool, const struct fr_test_jpeg *jpeg,
    struct fr_turn turn, size_t *ret_size, struct fr_cause *why)
{
	const struct fr_camera_picture picture = {.planes = {jpeg->bytes}, .sizes = {jpeg->size}};
	const struct fr_camera_mode mode = {.format = FR_CAMERA_MJPEG, .width = 64, .height = 48};
	struct fr_camera_encoder *encoder = fr_camera_encoder_new();
	struct fr_frame *frame =
	    fr_camera_encode(encoder, pool, &picture, &mode, turn, 85, ret_size, why);

	fr_camera_encoder_free(encoder);
	return frame;
}

static void mjpeg_is_passed_through_byte_for_byte(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 80, 7);
	struct fr_cause why;
	size_t size;
	struct fr_frame *frame = pass(pool, &jpeg, (struct fr_turn){0}, &size, &why);

	(void)state;
	assert_int_equal(size, jpeg.size);
	assert_memory_equal(fr_frame_room(frame), jpeg.bytes, size);
	fr_frame_unref(frame);
	fr_test_jpeg_done(&jpeg);
	fr_frame_pool_free(pool);
}

static uint8_t *decoded(const uint8_t *jpeg, size_t size)
{
	uint8_t *gray = malloc((size_t)64 * 48);
	tjhandle handle = tjInitDecompress();

	assert_int_equal(tjDecompress2(handle, jpeg, size, gray, 0, 0, 0, TJPF_GRAY, 0), 0);
	(void)tjDestroy(handle);
	return gray;
}

/* Flips first, then to the right: 64x48 pixels, compared one by one. */
static void assert_turned(
    const struct fr_test_jpeg *jpeg, const uint8_t *turned, size_t size, struct fr_turn turn)
{
	uint8_t *from = decoded(jpeg->bytes, jpeg->size), *to = decoded(turned, size);

	for (unsigned y = 0; y < 48; y++)
		for (unsigned x = 0; x < 64; x++) {
			const unsigned fx = turn.hflip ? 63 - x : x, fy = turn.vflip ? 47 - y : y;
			const unsigned at = turn.right ? x * 48 + 47 - y : y * 64 + x;

			/* The same coefficients; the decoder rounds them from another side. */
			assert_in_range(to[at] + 2 - from[fy * 64 + fx] + 0U, 0, 4);
		}
	free(from);
	free(to);
}

static void mjpeg_is_turned_without_being_decoded(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 80, 7);
	struct fr_jpeg_info info;
	struct fr_cause why;
	size_t size;

	(void)state;
	for (unsigned i = 1; i < 8; i++) {
		const struct fr_turn turn = {.hflip = i & 1, .vflip = i & 2, .right = i & 4};
		struct fr_frame *frame = pass(pool, &jpeg, turn, &size, &why);

		assert_non_null(frame);
		assert_int_equal(fr_jpeg_info_read(fr_frame_room(frame), size, &info, &why), 0);
		assert_int_equal(info.width, turn.right ? 48 : 64);
		assert_turned(&jpeg, fr_frame_room(frame), size, turn);
		fr_frame_unref(frame);
	}
	memset(jpeg.bytes, 0x55, jpeg.size);
	assert_null(pass(pool, &jpeg, (struct fr_turn){.hflip = true}, &size, &why));
	assert_non_null(strstr(why.text, "cannot be turned"));
	fr_test_jpeg_done(&jpeg);
	fr_frame_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_format_is_taken_apart_as_the_reference_says),
	    cmocka_unit_test(a_picture_that_fits_is_not_copied),
	    cmocka_unit_test(a_buffer_that_is_too_small_is_refused),
	    cmocka_unit_test(what_is_encoded_decodes_to_about_the_same),
	    cmocka_unit_test(red_is_red_in_either_order),
	    cmocka_unit_test(mjpeg_is_passed_through_byte_for_byte),
	    cmocka_unit_test(mjpeg_is_turned_without_being_decoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
