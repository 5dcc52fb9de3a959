/* SPDX-License-Identifier: MIT */
/* Renditions against the picture that they were made from, pixel by pixel; what cannot be made costs nothing. */
#include <errno.h>
#include <math.h>
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
#include "common/media/jpeg_transform.h"
#include "common/media/rendition.h"
#include "tests/support/jpeg.h"

static const struct fr_jpeg_decode_limits limits = {
    .pixels = 33200000, .scans = 100, .time_us = 20000000};

struct fixture {
	struct fr_frame_pool *pool;
	struct fr_frame *frame; /* not finished */
	size_t size;
};

/* Soft colours without any symmetry, and a white upper left corner. */
static struct fixture picture(unsigned width, unsigned height, bool gray)
{
	struct fixture f = {.pool = fr_frame_pool_new(0)};
	uint8_t *rgb = malloc((size_t)width * height * 3);
	const struct fr_image image = {.pixels = gray ? FR_PIXELS_GRAY : FR_PIXELS_RGB,
	    .width = width,
	    .height = height,
	    .planes = {rgb, rgb, rgb}};
	struct fr_jpeg_encoder *encoder = fr_jpeg_encoder_new();
	const unsigned channels = gray ? 1 : 3;

	for (unsigned y = 0; y < height; y++)
		for (unsigned x = 0; x < width; x++)
			for (unsigned c = 0; c < channels; c++)
				rgb[(y * width + x) * channels + c] =
				    x < width / 4 && y < height / 4
				        ? 250
				        : (uint8_t)(60 + 90 * x / width + 60 * c * y / height +
				                    y % 64 / 4);
	f.frame = fr_jpeg_encode(encoder, f.pool, &image, 90, &f.size, NULL);
	assert_non_null(f.frame);
	fr_jpeg_encoder_free(encoder);
	free(rgb);
	return f;
}

static void done(struct fixture *f)
{
	fr_frame_unref(f->frame);
	assert_int_equal(fr_frame_pool_frames(f->pool), 0);
	fr_frame_pool_free(f->pool);
}

static struct fr_transformed made(const struct fixture *f, const struct fr_rendition *asked)
{
	const struct fr_rendition rendition = fr_rendition_canonical(asked);
	struct fr_transformed t;
	struct fr_jpeg_info info;
	enum fr_reason reason;
	struct fr_cause why = {.text = ""};

	if (fr_jpeg_transform(f->pool, fr_frame_room(f->frame), f->size, &rendition, &limits, &t,
	        &reason, &why) != 0)
		fail_msg("%s", why.text);
	assert_int_equal(fr_jpeg_info_read(fr_frame_room(t.frame), t.size, &info, &why), 0);
	assert_int_equal(info.width, t.width);
	assert_int_equal(info.height, t.height);
	assert_true(!rendition.gray || info.components == 1);
	return t;
}

static struct fr_jpeg_pixels pixels_of(struct fr_frame *frame, size_t size)
{
	struct fr_jpeg_pixels pixels;
	enum fr_reason reason;

	assert_int_equal(fr_jpeg_decode_pixels(
	                     fr_frame_room(frame), size, &limits, 1, false, &pixels, &reason, NULL),
	    0);
	return pixels;
}

/* Which pixel of the original stands at x, y of the rendition: the flips are undone first, then the turn. */
static const uint8_t *original_at(const struct fr_jpeg_pixels *from, const struct fr_rendition *r,
    unsigned width, unsigned height, unsigned x, unsigned y)
{
	unsigned fx = r->hflip ? width - 1 - x : x, fy = r->vflip ? height - 1 - y : y;
	unsigned ox = fx, oy = fy;

	if (r->rotate == 90) {
		ox = fy;
		oy = from->height - 1 - fx;
	} else if (r->rotate == 180) {
		ox = from->width - 1 - fx;
		oy = from->height - 1 - fy;
	} else if (r->rotate == 270) {
		ox = from->width - 1 - fy;
		oy = fx;
	}
	return from->pixels + ((size_t)oy * from->width + ox) * from->channels;
}

static double psnr(const struct fr_jpeg_pixels *from, const struct fr_jpeg_pixels *to,
    const struct fr_rendition *r, int *ret_most)
{
	double sum = 0;

	*ret_most = 0;
	for (unsigned y = 0; y < to->height; y++)
		for (unsigned x = 0; x < to->width; x++) {
			const uint8_t *was = original_at(from, r, to->width, to->height, x, y);
			const uint8_t *is = to->pixels + ((size_t)y * to->width + x) * to->channels;

			for (unsigned c = 0; c < to->channels; c++) {
				const int gone = abs(was[c] - is[c]);

				*ret_most = gone > *ret_most ? gone : *ret_most;
				sum += gone * gone;
			}
		}
	sum /= (double)to->width * to->height * to->channels;
	return sum == 0 ? INFINITY : 10 * log10(255 * 255 / sum);
}

/* Each of the turns and flips, in colours and grey, by the way that is expected. */
static void check_turns(unsigned width, unsigned height, bool is_gray, bool all_lossless)
{
	struct fixture f = picture(width, height, is_gray);
	struct fr_jpeg_pixels from = pixels_of(f.frame, f.size);

	for (unsigned i = 0; i < 32; i++) {
		const struct fr_rendition r = {.rotate = (uint16_t)(i % 4 * 90),
		    .hflip = (i & 4) != 0,
		    .vflip = (i & 8) != 0,
		    .gray = (i & 16) != 0};
		struct fr_transformed t = made(&f, &r);
		struct fr_jpeg_pixels to = pixels_of(t.frame, t.size);
		int most;
		const double quality = psnr(&from, &to, &r, &most);

		assert_int_equal(to.width, r.rotate % 180 == 0 ? width : height);
		/* The decoder's own rounding is not the same both ways round. */
		if (all_lossless)
			assert_int_equal(t.way, FR_TRANSFORM_LOSSLESS);
		if (t.way == FR_TRANSFORM_LOSSLESS)
			assert_in_range(most, 0, 2);
		else
			assert_true(quality > 34);
		free(to.pixels);
		fr_frame_unref(t.frame);
	}
	free(from.pixels);
	done(&f);
}

static void whole_blocks_are_turned_without_loss(void **state)
{
	(void)state;
	check_turns(160, 96, false, true);
	check_turns(168, 104, true, true);
}

static void other_sizes_are_decoded_turned_and_encoded(void **state)
{
	(void)state;
	check_turns(151, 97, false, false);
	check_turns(150, 98, true, false);
}

static void grey_alone_is_lossless_at_any_size(void **state)
{
	const struct fr_rendition gray = {.gray = true};
	struct fixture f = picture(151, 97, false);
	struct fr_transformed t = made(&f, &gray);

	(void)state;
	assert_int_equal(t.way, FR_TRANSFORM_LOSSLESS);
	fr_frame_unref(t.frame);
	done(&f);
}

static void sizes_fit_inside_and_are_never_larger(void **state)
{
	static const struct {
		struct fr_rendition r;
		unsigned width, height;
	} rows[] = {
	    {{.width = 320}, 320, 180},
	    {{.height = 90}, 160, 90},
	    {{.width = 320, .height = 90}, 160, 90},
	    {{.width = 160, .height = 160}, 160, 90},
	    {{.width = 1000}, 640, 360},
	    {{.width = 1, .height = 1}, 1, 1},
	    {{.width = 333}, 333, 187},
	    {{.width = 90, .rotate = 90}, 90, 160},
	    {{.height = 160, .rotate = 270}, 90, 160},
	    {{.width = 639}, 639, 359},
	};
	struct fixture f = picture(640, 360, false);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fr_transformed t = made(&f, &rows[i].r);

		assert_int_equal(t.width, rows[i].width);
		assert_int_equal(t.height, rows[i].height);
		assert_int_equal(
		    t.way, rows[i].width == 640 ? FR_TRANSFORM_LOSSLESS : FR_TRANSFORM_DECODED);
		fr_frame_unref(t.frame);
	}
	done(&f);
}

/* The corner's brightness stays where the turn puts it. */
static void what_is_smaller_looks_the_same(void **state)
{
	struct fixture f = picture(640, 360, false);
	struct fr_jpeg_pixels from = pixels_of(f.frame, f.size);

	(void)state;
	for (unsigned turn = 0; turn < 360; turn += 90) {
		const struct fr_rendition r = {
		    .rotate = (uint16_t)turn, .width = 150, .quality = 95};
		struct fr_transformed t = made(&f, &r);
		struct fr_jpeg_pixels to = pixels_of(t.frame, t.size);
		const double scale = turn % 180 == 0 ? 640 / 150.0 : 360 / 150.0;
		double sum = 0;

		for (unsigned y = 0; y < to.height; y++)
			for (unsigned x = 0; x < to.width; x++) {
				const unsigned bx = (unsigned)((x + 0.5) * scale);
				const unsigned by = (unsigned)((y + 0.5) * scale);
				const unsigned bw = turn % 180 == 0 ? 640 : 360;
				const unsigned bh = turn % 180 == 0 ? 360 : 640;
				const int gone = *original_at(&from, &r, bw, bh,
				                     bx < bw ? bx : bw - 1, by < bh ? by : bh - 1) -
				                 to.pixels[((size_t)y * to.width + x) * 3];

				sum += gone * gone;
			}
		assert_true(10 * log10(65025 / (sum / (to.width * to.height))) > 27);
		free(to.pixels);
		fr_frame_unref(t.frame);
	}
	free(from.pixels);
	done(&f);
}

static void what_is_so_already_stays_as_it_is(void **state)
{
	const struct fr_rendition large = {.width = 5000, .height = 151}, gray = {.gray = true};
	struct fixture f = picture(151, 97, false), g = picture(151, 97, true);
	struct fr_transformed a = made(&f, &large), b = made(&g, &gray);

	(void)state;
	assert_int_equal(a.size, f.size);
	assert_memory_equal(fr_frame_room(a.frame), fr_frame_room(f.frame), f.size);
	assert_int_equal(b.size, g.size);
	assert_memory_equal(fr_frame_room(b.frame), fr_frame_room(g.frame), g.size);
	fr_frame_unref(a.frame);
	fr_frame_unref(b.frame);
	done(&f);
	done(&g);
}

static void quality_alone_makes_it_smaller(void **state)
{
	const struct fr_rendition poor = {.quality = 20}, good = {.quality = 95};
	struct fixture f = picture(640, 360, false);
	struct fr_transformed a = made(&f, &poor), b = made(&f, &good);

	(void)state;
	assert_int_equal(a.way, FR_TRANSFORM_DECODED);
	assert_true(a.size < f.size && a.size < b.size);
	fr_frame_unref(a.frame);
	fr_frame_unref(b.frame);
	done(&f);
}

/* --- Bombs ------------------------------------------------------------------------------------ */

static enum fr_reason refused(struct fr_test_jpeg jpeg, const struct fr_rendition *r,
    const struct fr_jpeg_decode_limits *within, int64_t budget)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(budget);
	struct fr_cause why = {.text = ""};
	struct fr_transformed t;
	enum fr_reason reason;

	assert_int_equal(
	    fr_jpeg_transform(pool, jpeg.bytes, jpeg.size, r, within, &t, &reason, &why), -EINVAL);
	assert_string_not_equal(why.text, "");
	fr_test_jpeg_done(&jpeg);
	fr_frame_pool_free(pool);
	return reason;
}

static void a_few_bytes_that_claim_65500_pixels_a_side_cost_nothing(void **state)
{
	const struct fr_rendition gray = {.gray = true}, small = {.width = 16};
	const int64_t begin_us = fr_clock_now_us();

	(void)state;
	assert_int_equal(refused(fr_test_jpeg_claim(65500, 65500, false), &gray, &limits, 0),
	    FR_REASON_too_many_pixels);
	assert_int_equal(refused(fr_test_jpeg_claim(65500, 65500, true), &small, &limits, 0),
	    FR_REASON_too_many_pixels);
	assert_true(fr_clock_now_us() - begin_us < 100000);
}

static void scans_and_time_are_limited(void **state)
{
	const struct fr_jpeg_decode_limits quick = {.pixels = 33200000, .time_us = 20000};
	const struct fr_rendition turned = {.rotate = 90};

	(void)state;
	assert_int_equal(
	    refused(fr_test_jpeg_scans(640, 480, 101), &turned, &limits, 0), FR_REASON_bad_jpeg);
	assert_int_equal(refused(fr_test_jpeg_scans(5700, 5700, 90), &turned, &quick, 0),
	    FR_REASON_verify_timeout);
}

static void what_is_no_jpeg_and_what_has_no_room_is_refused(void **state)
{
	const struct fr_rendition gray = {.gray = true}, small = {.width = 100};
	struct fr_test_jpeg cut = fr_test_jpeg(320, 240, 80, 1);

	(void)state;
	cut.size = 100;
	assert_int_equal(refused(cut, &gray, &limits, 0), FR_REASON_bad_jpeg);
	assert_int_equal(
	    refused(fr_test_jpeg(320, 240, 80, 1), &gray, &limits, 256), FR_REASON_memory_budget);
	assert_int_equal(
	    refused(fr_test_jpeg(320, 240, 80, 1), &small, &limits, 256), FR_REASON_memory_budget);
}

static void damaged_data_makes_a_picture_or_is_refused_and_nothing_else(void **state)
{
	struct fr_test_jpeg jpeg = fr_test_jpeg(160, 120, 80, 1);
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	uint8_t *copy = malloc(jpeg.size);
	uint32_t seed = 1;
	unsigned good = 0;

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		const struct fr_rendition r = {.rotate = (uint16_t)(i % 4 * 90),
		    .width = i % 3 == 0 ? 77 : 0,
		    .gray = i % 5 == 0};
		struct fr_transformed t;
		enum fr_reason reason;

		memcpy(copy, jpeg.bytes, jpeg.size);
		for (unsigned k = 0; k < 4; k++) {
			seed = seed * 1664525 + 1013904223;
			copy[20 + (seed >> 8) % (jpeg.size - 20)] = (uint8_t)(seed >> 3);
		}
		if (fr_jpeg_transform(pool, copy, jpeg.size, &r, &limits, &t, &reason, NULL) == 0) {
			good++;
			fr_frame_unref(t.frame);
		}
	}
	assert_in_range(good, 50, 399);
	free(copy);
	fr_frame_pool_free(pool);
	fr_test_jpeg_done(&jpeg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whole_blocks_are_turned_without_loss),
	    cmocka_unit_test(other_sizes_are_decoded_turned_and_encoded),
	    cmocka_unit_test(grey_alone_is_lossless_at_any_size),
	    cmocka_unit_test(sizes_fit_inside_and_are_never_larger),
	    cmocka_unit_test(what_is_smaller_looks_the_same),
	    cmocka_unit_test(what_is_so_already_stays_as_it_is),
	    cmocka_unit_test(quality_alone_makes_it_smaller),
	    cmocka_unit_test(a_few_bytes_that_claim_65500_pixels_a_side_cost_nothing),
	    cmocka_unit_test(scans_and_time_are_limited),
	    cmocka_unit_test(what_is_no_jpeg_and_what_has_no_room_is_refused),
	    cmocka_unit_test(damaged_data_makes_a_picture_or_is_refused_and_nothing_else),
	};

	return cmocka_run_group_tests_name("jpeg_transform", tests, NULL, NULL);
}
