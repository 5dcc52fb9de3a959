/* SPDX-License-Identifier: MIT */
#include "common/media/jpeg_decode.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/xalloc.h"

enum {
	DENOM_MAX = 8,
};

/* One decode. The library calls back with its own structs, each the first member of ours. */
struct decode {
	struct jpeg_decompress_struct jpeg;
	struct jpeg_error_mgr errors;
	struct jpeg_progress_mgr progress;
	const struct fr_jpeg_decode_limits *limits;
	int64_t until_us; /* 0: no limit */
	unsigned denom;   /* the picture is made smaller by 1, 2, 4 or 8; 0: chosen for `kept_px` */
	int64_t kept_px;  /* how many pixels are kept at most; 0: none, it is only checked */
	bool gray;        /* of what is kept: its brightness alone */
	JSAMPLE *pixels;  /* what is kept, or room for a row */
	enum fr_reason reason;
	struct fr_cause *why;
	jmp_buf refused;
};

static struct decode *decode_of(j_common_ptr jpeg)
{
	return jpeg->client_data;
}

static _Noreturn void refuse(struct decode *d, enum fr_reason reason)
{
	d->reason = reason;
	longjmp(d->refused, 1);
}

static void on_error(j_common_ptr jpeg)
{
	struct decode *d = decode_of(jpeg);
	char text[JMSG_LENGTH_MAX];

	jpeg->err->format_message(jpeg, text);
	(void)fr_cause_set(d->why, EINVAL, "%s", text);
	refuse(d, FR_REASON_bad_jpeg);
}

/* level -1 is a warning: corrupt data that the library would patch over. */
static void on_message(j_common_ptr jpeg, int level)
{
	if (level < 0 && decode_of(jpeg)->kept_px == 0)
		on_error(jpeg);
}

static void on_progress(j_common_ptr jpeg)
{
	struct decode *d = decode_of(jpeg);

	if (d->limits->scans != 0 && d->jpeg.input_scan_number > d->limits->scans) {
		(void)fr_cause_set(d->why, EINVAL, "more than verify_scans = %lld scans",
		    (long long)d->limits->scans);
		refuse(d, FR_REASON_bad_jpeg);
	}
	if (d->until_us != 0 && fr_clock_thread_us() > d->until_us) {
		(void)fr_cause_set(d->why, EINVAL, "not decoded within verify_timeout_ms = %lld",
		    (long long)d->limits->time_us / 1000);
		refuse(d, FR_REASON_verify_timeout);
	}
}

static void check_pixels(struct decode *d)
{
	const int64_t pixels = (int64_t)d->jpeg.image_width * d->jpeg.image_height;

	if (d->limits->pixels == 0 || pixels <= d->limits->pixels)
		return;
	(void)fr_cause_set(d->why, EINVAL, "%ux%u are more than verify_pixels = %lld",
	    d->jpeg.image_width, d->jpeg.image_height, (long long)d->limits->pixels);
	refuse(d, FR_REASON_too_many_pixels);
}

/* For a check every coefficient is read whatever the scale, and 1/8 makes the rest cheap. */
static void choose_form(struct decode *d)
{
	struct jpeg_decompress_struct *jpeg = &d->jpeg;
	const int64_t pixels = (int64_t)jpeg->image_width * jpeg->image_height;

	jpeg->scale_num = 1;
	jpeg->scale_denom = d->kept_px != 0 ? 1 : 8;
	while (d->kept_px != 0 && jpeg->scale_denom < 8 &&
	       pixels > d->kept_px * jpeg->scale_denom * jpeg->scale_denom)
		jpeg->scale_denom *= 2;
	if (d->denom != 0)
		jpeg->scale_denom = d->denom;
	jpeg->dct_method = d->denom != 0 ? JDCT_ISLOW : JDCT_FASTEST;
	jpeg->do_fancy_upsampling = FALSE;
	jpeg->out_color_space = d->kept_px != 0 && d->gray ? JCS_GRAYSCALE : jpeg->jpeg_color_space;
}

static void take_rows(struct decode *d)
{
	struct jpeg_decompress_struct *jpeg = &d->jpeg;
	const size_t row_size = (size_t)jpeg->output_width * (size_t)jpeg->output_components;
	JSAMPROW rows[1];

	if (d->kept_px != 0 && (int64_t)jpeg->output_width * jpeg->output_height > d->kept_px) {
		(void)fr_cause_set(d->why, EINVAL, "%ux%u pixels are too many", jpeg->image_width,
		    jpeg->image_height);
		refuse(d, FR_REASON_too_many_pixels);
	}
	d->pixels = malloc(row_size * (d->kept_px != 0 ? jpeg->output_height : 1));
	if (d->pixels == NULL) {
		(void)fr_cause_set(d->why, ENOMEM, "no memory to decode it");
		refuse(d, FR_REASON_bad_jpeg);
	}
	while (jpeg->output_scanline < jpeg->output_height) {
		rows[0] = d->pixels + (d->kept_px != 0 ? row_size * jpeg->output_scanline : 0);
		(void)jpeg_read_scanlines(jpeg, rows, 1);
	}
}

/* Brightness can be had of all but what printers use; colours are kept as they are in nearly every JPEG. */
static void check_colours(struct decode *d)
{
	const J_COLOR_SPACE is = d->jpeg.jpeg_color_space;

	if (d->kept_px == 0 || is == JCS_YCbCr || is == JCS_GRAYSCALE || (d->gray && is == JCS_RGB))
		return;
	(void)fr_cause_set(d->why, EINVAL, "its colours are neither YCbCr nor grey");
	refuse(d, FR_REASON_bad_jpeg);
}

static void decode(struct decode *d, const uint8_t *bytes, size_t size)
{
	jpeg_create_decompress(&d->jpeg);
	d->jpeg.progress = &d->progress;
	jpeg_mem_src(&d->jpeg, bytes, (unsigned long)size);
	(void)jpeg_read_header(&d->jpeg, TRUE);
	check_pixels(d);
	check_colours(d);
	choose_form(d);
	(void)jpeg_start_decompress(&d->jpeg);
	take_rows(d);
	(void)jpeg_finish_decompress(&d->jpeg);
}

/* @param d  on the heap: what longjmp() comes back to must not live in registers. Its wishes are set. @param ret  may be NULL */
static int run(struct decode *d, const uint8_t *jpeg, size_t size, struct fr_jpeg_pixels *ret,
    enum fr_reason *ret_reason)
{
	volatile int r = 0;

	*ret_reason = FR_REASON_bad_jpeg;
	d->until_us = d->limits->time_us != 0 ? fr_clock_thread_us() + d->limits->time_us : 0;
	d->jpeg.err = jpeg_std_error(&d->errors);
	d->errors.error_exit = on_error;
	d->errors.emit_message = on_message;
	d->progress.progress_monitor = on_progress;
	d->jpeg.client_data = d;
	if (setjmp(d->refused) != 0) {
		*ret_reason = d->reason;
		r = -EINVAL;
	} else {
		decode(d, jpeg, size);
		if (ret != NULL) {
			*ret = (struct fr_jpeg_pixels){d->pixels, d->jpeg.output_width,
			    d->jpeg.output_height, (unsigned)d->jpeg.output_components};
			d->pixels = NULL;
		}
	}
	jpeg_destroy_decompress(&d->jpeg);
	free(d->pixels);
	free(d);
	return r;
}

static struct decode *decode_new(const struct fr_jpeg_decode_limits *limits, struct fr_cause *why)
{
	struct decode *d = fr_xcalloc(1, sizeof(*d));

	d->limits = limits;
	d->why = why;
	return d;
}

int fr_jpeg_decode_check(const uint8_t *jpeg, size_t size,
    const struct fr_jpeg_decode_limits *limits, enum fr_reason *ret_reason, struct fr_cause *why)
{
	return run(decode_new(limits, why), jpeg, size, NULL, ret_reason);
}

int fr_jpeg_decode_gray(const uint8_t *jpeg, size_t size,
    const struct fr_jpeg_decode_limits *limits, int64_t most_px, struct fr_jpeg_pixels *ret,
    struct fr_cause *why)
{
	struct decode *d = decode_new(limits, why);
	enum fr_reason ignored;

	d->kept_px = most_px;
	d->gray = true;
	return run(d, jpeg, size, ret, &ignored);
}

int fr_jpeg_decode_pixels(const uint8_t *jpeg, size_t size,
    const struct fr_jpeg_decode_limits *limits, unsigned denom, bool gray,
    struct fr_jpeg_pixels *ret, enum fr_reason *ret_reason, struct fr_cause *why)
{
	struct decode *d = decode_new(limits, why);

	d->kept_px = INT64_MAX / (DENOM_MAX * DENOM_MAX);
	d->denom = denom;
	d->gray = gray;
	return run(d, jpeg, size, ret, ret_reason);
}
