/* SPDX-License-Identifier: MIT */
/* Pixels become JPEGs that decode to about the same pixels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <turbojpeg.h>

#include "common/base/cause.h"
#include "common/media/frame.h"
#include "common/media/jpeg_encode.h"
#include "common/media/jpeg_info.h"

enum {
	WIDTH = 50,
	HEIGHT = 35,
	STRIDE = 64,
};

struct fixture {
	struct fr_frame_pool *pool;
	struct fr_jpeg_encoder *encoder;
	struct fr_cause why;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->pool = fr_frame_pool_new(0);
	f->encoder = fr_jpeg_encoder_new();
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	const int64_t left = fr_frame_pool_frames(f->pool);

	fr_jpeg_encoder_free(f->encoder);
	fr_frame_pool_free(f->pool);
	free(f);
	return left == 0 ? 0 : -1;
}

/* Encodes, checks the structure, and gives the decoded colour of the pixel in the middle. */
static void encode_and_decode(
    struct fixture *f, const struct fr_image *image, unsigned components, uint8_t ret_rgb[3])
{
	uint8_t *rgb = malloc((size_t)image->width * image->height * 3);
	struct fr_jpeg_info info;
	size_t size;
	struct fr_frame *frame = fr_jpeg_encode(f->encoder, f->pool, image, 95, &size, &f->why);
	tjhandle handle = tjInitDecompress();

	assert_non_null(frame);
	assert_true(size <= fr_frame_capacity(frame));
	assert_int_equal(fr_jpeg_info_read(fr_frame_room(frame), size, &info, &f->why), 0);
	assert_int_equal(info.width, image->width);
	assert_int_equal(info.height, image->height);
	assert_int_equal(info.components, components);
	assert_false(info.progressive);
	assert_int_equal(tjDecompress2(handle, fr_frame_room(frame), size, rgb, (int)image->width,
	                     0, (int)image->height, TJPF_RGB, 0),
	    0);
	memcpy(ret_rgb, rgb + ((size_t)image->height / 2 * image->width + image->width / 2) * 3, 3);

	(void)tjDestroy(handle);
	free(rgb);
	fr_frame_unref(frame);
}

static void assert_about(const uint8_t rgb[3], int r, int g, int b)
{
	assert_in_range(rgb[0] + 8, r, r + 16);
	assert_in_range(rgb[1] + 8, g, g + 16);
	assert_in_range(rgb[2] + 8, b, b + 16);
}

static void rgb_pixels_with_a_stride_are_encoded(void **state)
{
	uint8_t pixels[HEIGHT * STRIDE * 3];
	const struct fr_image image = {.pixels = FR_PIXELS_RGB,
	    .width = WIDTH,
	    .height = HEIGHT,
	    .planes = {pixels},
	    .strides = {STRIDE * 3}};
	uint8_t rgb[3];

	for (size_t i = 0; i < sizeof(pixels); i += 3) {
		pixels[i] = 200;
		pixels[i + 1] = 100;
		pixels[i + 2] = 50;
	}
	encode_and_decode(*state, &image, 3, rgb);

	assert_about(rgb, 200, 100, 50);
}

static void gray_pixels_give_one_component(void **state)
{
	uint8_t pixels[HEIGHT * WIDTH];
	const struct fr_image image = {
	    .pixels = FR_PIXELS_GRAY, .width = WIDTH, .height = HEIGHT, .planes = {pixels}};
	uint8_t rgb[3];

	memset(pixels, 77, sizeof(pixels));
	encode_and_decode(*state, &image, 1, rgb);

	assert_about(rgb, 77, 77, 77);
}

static void planes_with_strides_and_odd_sizes_are_encoded(void **state)
{
	uint8_t luma[(HEIGHT + 1) * STRIDE], cb[(HEIGHT + 1) / 2 * STRIDE],
	    cr[(HEIGHT + 1) / 2 * STRIDE];
	const struct fr_image image = {.pixels = FR_PIXELS_YUV420,
	    .width = WIDTH - 1,
	    .height = HEIGHT,
	    .planes = {luma, cb, cr},
	    .strides = {STRIDE, STRIDE, STRIDE}};
	uint8_t rgb[3];

	/* Red by JFIF's equations. */
	memset(luma, 76, sizeof(luma));
	memset(cb, 85, sizeof(cb));
	memset(cr, 255, sizeof(cr));
	encode_and_decode(*state, &image, 3, rgb);

	assert_about(rgb, 254, 0, 0);
}

static void one_encoder_takes_pictures_of_all_sizes(void **state)
{
	uint8_t *pixels = calloc(640 * 480, 1);

	for (unsigned i = 1; i <= 8; i++) {
		const struct fr_image image = {.pixels = FR_PIXELS_GRAY,
		    .width = i % 2 == 0 ? 640 : i,
		    .height = i % 2 == 0 ? 60 * i : i,
		    .planes = {pixels}};
		uint8_t rgb[3];

		encode_and_decode(*state, &image, 1, rgb);
	}
	free(pixels);
}

static void a_frame_is_about_as_large_as_its_picture(void **state)
{
	struct fixture *f = *state;
	uint8_t *pixels = calloc(640 * 480, 3);
	const struct fr_image image = {
	    .pixels = FR_PIXELS_RGB, .width = 640, .height = 480, .planes = {pixels}};
	size_t size;
	struct fr_frame *frame = fr_jpeg_encode(f->encoder, f->pool, &image, 80, &size, &f->why);

	assert_true(fr_frame_capacity(frame) <= size + size / 4 + 256);

	fr_frame_unref(frame);
	free(pixels);
}

static void no_room_in_the_pool_and_no_sensible_size_are_told(void **state)
{
	struct fixture *f = *state;
	uint8_t pixels[64] = {0};
	struct fr_image image = {
	    .pixels = FR_PIXELS_GRAY, .width = 8, .height = 8, .planes = {pixels}};
	size_t size;

	fr_frame_pool_set_budget(f->pool, 10);
	assert_null(fr_jpeg_encode(f->encoder, f->pool, &image, 80, &size, &f->why));
	assert_non_null(strstr(f->why.text, "no room"));

	image.width = 65501;
	assert_null(fr_jpeg_encode(f->encoder, f->pool, &image, 80, &size, &f->why));
	assert_string_equal(f->why.text, "cannot encode 65501x8 pixels: each must be 1..65500");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(rgb_pixels_with_a_stride_are_encoded),
	    TEST(gray_pixels_give_one_component),
	    TEST(planes_with_strides_and_odd_sizes_are_encoded),
	    TEST(one_encoder_takes_pictures_of_all_sizes),
	    TEST(a_frame_is_about_as_large_as_its_picture),
	    TEST(no_room_in_the_pool_and_no_sensible_size_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
