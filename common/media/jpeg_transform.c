/* SPDX-License-Identifier: MIT */
#include "common/media/jpeg_transform.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <turbojpeg.h>

#include "common/base/cause.h"
#include "common/media/frame.h"
#include "common/media/jpeg_decode.h"
#include "common/media/jpeg_encode.h"
#include "common/media/jpeg_info.h"
#include "common/media/rendition.h"
#include "common/media/resample.h"

enum {
	DENOM_MAX = 8, /* the smallest that the decoder makes a picture by itself */
};

/* --- Sizes ------------------------------------------------------------------------------------ */

static bool is_on_its_side(const struct fr_rendition *rendition)
{
	return rendition->rotate % 180 != 0;
}

static unsigned in_proportion(unsigned size, unsigned of, unsigned to)
{
	const uint64_t ret = ((uint64_t)size * to + of / 2) / of;

	return ret > 0 ? (unsigned)ret : 1;
}

/* The size before it is turned. */
static void fit(const struct fr_rendition *rendition, unsigned width, unsigned height,
    unsigned *ret_width, unsigned *ret_height)
{
	const bool is_turned = is_on_its_side(rendition);
	const unsigned most_width = is_turned ? rendition->height : rendition->width;
	const unsigned most_height = is_turned ? rendition->width : rendition->height;

	*ret_width = width;
	*ret_height = height;
	if (most_width != 0 && width > most_width) {
		*ret_width = most_width;
		*ret_height = in_proportion(height, width, most_width);
	}
	if (most_height != 0 && *ret_height > most_height) {
		*ret_height = most_height;
		*ret_width = in_proportion(width, height, most_height);
	}
}

void fr_transform_size(const struct fr_rendition *rendition, unsigned width, unsigned height,
    unsigned *ret_width, unsigned *ret_height)
{
	unsigned w, h;

	fit(rendition, width, height, &w, &h);
	*ret_width = is_on_its_side(rendition) ? h : w;
	*ret_height = is_on_its_side(rendition) ? w : h;
}

/* --- Without loss ----------------------------------------------------------------------------- */

/* An upper bound of a picture's scans: the bytes of that marker cannot stand in entropy-coded data. */
static int64_t count_scans(const uint8_t *jpeg, size_t size)
{
	const uint8_t *at = jpeg, *end = jpeg + size;
	int64_t scans = 0;

	while (at < end && (at = memchr(at, 0xff, (size_t)(end - at))) != NULL) {
		at++;
		scans += at < end && *at == 0xda;
	}
	return scans;
}

/* The library knows no deadline here, so each scan counts like a picture of its size. */
static bool is_cheap(const uint8_t *jpeg, size_t size, const struct fr_jpeg_info *info,
    const struct fr_jpeg_decode_limits *limits)
{
	const int64_t scans = count_scans(jpeg, size);

	return (limits->scans == 0 || scans <= limits->scans) &&
	       (limits->pixels == 0 || scans <= 1 ||
	           (int64_t)info->width * info->height <= limits->pixels / scans);
}

static int op_of(const struct fr_rendition *rendition)
{
	/* Each turn, and what it is with a hflip after it. */
	static const int ops[4][2] = {
	    {TJXOP_NONE, TJXOP_HFLIP},
	    {TJXOP_ROT90, TJXOP_TRANSPOSE},
	    {TJXOP_ROT180, TJXOP_VFLIP},
	    {TJXOP_ROT270, TJXOP_TRANSVERSE},
	};

	return ops[rendition->rotate / 90][rendition->hflip];
}

static bool has_usual_colours(tjhandle handle, const uint8_t *jpeg, size_t size)
{
	int width, height, subsampling, colours;

	return tjDecompressHeader3(handle, jpeg, (unsigned long)size, &width, &height, &subsampling,
	           &colours) == 0 &&
	       (colours == TJCS_YCbCr || colours == TJCS_GRAY);
}

/* @return the picture, for tjFree(); NULL: it cannot be done so */
static unsigned char *move_coefficients(
    const uint8_t *jpeg, size_t size, const struct fr_rendition *rendition, unsigned long *ret_size)
{
	tjtransform transform = {
	    .op = op_of(rendition),
	    .options = TJXOPT_PERFECT | TJXOPT_COPYNONE | (rendition->gray ? TJXOPT_GRAY : 0),
	};
	tjhandle handle = tjInitTransform();
	unsigned char *made = NULL;

	*ret_size = 0;
	if (handle == NULL)
		return NULL;
	if (has_usual_colours(handle, jpeg, size)) {
		/*
		 * What it gives after a warning cannot be told from what it gives after a warning and an error: memory
		 * that was never written. So a damaged picture is decoded, which paints it over.
		 */
		if (tjTransform(handle, jpeg, (unsigned long)size, 1, &made, ret_size, &transform,
		        TJFLAG_LIMITSCANS) != 0 &&
		    made != NULL) {
			tjFree(made);
			made = NULL;
		}
	}
	(void)tjDestroy(handle);
	return made;
}

/* @return whether it could be done: the blocks stay whole */
static bool transform_lossless(struct fr_frame_pool *pool, const uint8_t *jpeg, size_t size,
    const struct fr_rendition *rendition, struct fr_transformed *ret)
{
	unsigned long made_size;
	unsigned char *made = move_coefficients(jpeg, size, rendition, &made_size);

	if (made == NULL)
		return false;
	ret->frame = fr_frame_begin(pool, made_size);
	if (ret->frame != NULL)
		memcpy(fr_frame_room(ret->frame), made, made_size);
	ret->size = made_size;
	ret->way = FR_TRANSFORM_LOSSLESS;
	tjFree(made);
	return ret->frame != NULL;
}

/* @return whether it is what was asked for already: then it stays as it is, metadata and all */
static bool keep(struct fr_frame_pool *pool, const uint8_t *jpeg, size_t size,
    const struct fr_rendition *rendition, const struct fr_jpeg_info *info,
    struct fr_transformed *ret)
{
	if (op_of(rendition) != TJXOP_NONE || (rendition->gray && info->components != 1))
		return false;
	ret->frame = fr_frame_begin(pool, size);
	if (ret->frame != NULL)
		memcpy(fr_frame_room(ret->frame), jpeg, size);
	ret->size = size;
	ret->way = FR_TRANSFORM_LOSSLESS;
	return ret->frame != NULL;
}

/* --- Decoded and encoded anew ------------------------------------------------------------------ */

/* A plane of the result: its size as it will lie, and how much of it is there, the rest being an edge of one pixel. */
struct plane {
	uint8_t *pixels;
	unsigned width, height;
	size_t stride;
};

/* Where the upper left pixel of an area of width x height pixels comes to lie, and where it goes on from there. */
static struct fr_plane_to turned(const struct fr_rendition *rendition, const struct plane *plane)
{
	const bool is_turned = is_on_its_side(rendition);
	const ptrdiff_t stride = (ptrdiff_t)plane->stride;
	const ptrdiff_t right = (ptrdiff_t)plane->width - 1, bottom = (ptrdiff_t)plane->height - 1;
	struct fr_plane_to to = {
	    .width = is_turned ? plane->height : plane->width,
	    .height = is_turned ? plane->width : plane->height,
	};
	ptrdiff_t x = 0, y = 0; /* where the upper left pixel lies */
	ptrdiff_t across = 1;   /* one to the right, in x */
	const unsigned turn = rendition->rotate / 90;

	if (turn == 1 || turn == 2)
		x = right;
	if (turn == 2 || turn == 3)
		y = bottom;
	if (rendition->hflip) {
		x = right - x;
		across = -1;
	}
	to.pixels = plane->pixels + y * stride + x;
	switch (turn) {
	case 0:
		to.step = across;
		to.stride = stride;
		break;
	case 1:
		to.step = stride;
		to.stride = -across;
		break;
	case 2:
		to.step = -across;
		to.stride = -stride;
		break;
	default:
		to.step = -stride;
		to.stride = across;
		break;
	}
	return to;
}

/* Planes of the encoder are of even sizes: the last row and column stand twice where they are not. */
static void fill_edges(const struct plane *plane)
{
	for (unsigned y = 0; y < plane->height; y++)
		if (plane->stride > plane->width)
			plane->pixels[y * plane->stride + plane->width] =
			    plane->pixels[y * plane->stride + plane->width - 1];
	if (plane->height % 2 != 0)
		memcpy(plane->pixels + plane->height * plane->stride,
		    plane->pixels + (plane->height - 1) * plane->stride, plane->stride);
}

static void take_plane(const struct fr_jpeg_pixels *decoded, unsigned channel,
    const struct fr_rendition *rendition, const struct plane *plane)
{
	const struct fr_plane_from from = {
	    .pixels = decoded->pixels + channel,
	    .width = decoded->width,
	    .height = decoded->height,
	    .step = decoded->channels,
	    .stride = (size_t)decoded->width * decoded->channels,
	};
	const struct fr_plane_to to = turned(rendition, plane);

	fr_plane_resample(&from, &to);
}

static unsigned denom_of(unsigned width, unsigned height, unsigned to_width, unsigned to_height)
{
	unsigned denom = DENOM_MAX;

	while (denom > 1 &&
	       ((width + denom - 1) / denom < to_width || (height + denom - 1) / denom < to_height))
		denom /= 2;
	return denom;
}

/* @param planes  room for all of them */
static struct fr_frame *encode(struct fr_frame_pool *pool, const struct fr_jpeg_pixels *decoded,
    const struct fr_rendition *rendition, uint8_t *planes, struct fr_transformed *ret,
    struct fr_cause *why)
{
	const unsigned half_width = (ret->width + 1U) / 2, half_height = (ret->height + 1U) / 2;
	const size_t stride = 2 * (size_t)half_width;
	const struct plane y = {planes, ret->width, ret->height, stride};
	const struct plane cb = {
	    planes + stride * 2 * half_height, half_width, half_height, half_width};
	const struct plane cr = {
	    cb.pixels + (size_t)half_width * half_height, half_width, half_height, half_width};
	const struct fr_image image = {
	    .pixels = decoded->channels == 1 ? FR_PIXELS_GRAY : FR_PIXELS_YUV420,
	    .width = ret->width,
	    .height = ret->height,
	    .planes = {y.pixels, cb.pixels, cr.pixels},
	    .strides = {stride, half_width, half_width},
	};
	struct fr_jpeg_encoder *encoder = fr_jpeg_encoder_new();
	struct fr_frame *frame;

	take_plane(decoded, 0, rendition, &y);
	fill_edges(&y);
	if (decoded->channels > 1) {
		take_plane(decoded, 1, rendition, &cb);
		take_plane(decoded, 2, rendition, &cr);
	}
	frame = fr_jpeg_encode(encoder, pool, &image,
	    rendition->quality != 0 ? rendition->quality : FR_TRANSFORM_QUALITY, &ret->size, why);
	fr_jpeg_encoder_free(encoder);
	return frame;
}

static int transform_decoded(struct fr_frame_pool *pool, const uint8_t *jpeg, size_t size,
    const struct fr_jpeg_info *info, const struct fr_rendition *rendition,
    const struct fr_jpeg_decode_limits *limits, struct fr_transformed *ret,
    enum fr_reason *ret_reason, struct fr_cause *why)
{
	struct fr_jpeg_pixels decoded;
	unsigned width, height;
	uint8_t *planes;
	int r;

	fit(rendition, info->width, info->height, &width, &height);
	r = fr_jpeg_decode_pixels(jpeg, size, limits,
	    denom_of(info->width, info->height, width, height), rendition->gray, &decoded,
	    ret_reason, why);
	if (r < 0)
		return r;
	/* The last of several frame headers counts for the decoder, the first one for us. */
	if (decoded.width < width || decoded.height < height) {
		free(decoded.pixels);
		*ret_reason = FR_REASON_bad_jpeg;
		return fr_cause_set(why, EINVAL, "it says of itself that it has two sizes");
	}
	planes = malloc(((size_t)ret->width + 1) * ((size_t)ret->height + 1) * 2);
	*ret_reason = FR_REASON_memory_budget;
	r = fr_cause_set(why, EINVAL, "no memory for a rendition of %ux%u", width, height);
	if (planes != NULL) {
		ret->frame = encode(pool, &decoded, rendition, planes, ret, why);
		ret->way = FR_TRANSFORM_DECODED;
		r = ret->frame != NULL ? 0 : -EINVAL;
	}
	free(planes);
	free(decoded.pixels);
	return r;
}

/* --- Either ----------------------------------------------------------------------------------- */

int fr_jpeg_transform(struct fr_frame_pool *pool, const uint8_t *jpeg, size_t size,
    const struct fr_rendition *rendition, const struct fr_jpeg_decode_limits *limits,
    struct fr_transformed *ret, enum fr_reason *ret_reason, struct fr_cause *why)
{
	struct fr_transformed made = {0};
	struct fr_jpeg_info info;
	unsigned width, height;
	int r = 0;

	assert(!rendition->vflip && rendition->rotate % 90 == 0 && rendition->rotate < 360);
	*ret_reason = FR_REASON_bad_jpeg;
	if (fr_jpeg_info_read(jpeg, size, &info, why) < 0)
		return -EINVAL;
	/* Before anything of the picture's size is asked for. */
	if (limits->pixels != 0 && (int64_t)info.width * info.height > limits->pixels) {
		*ret_reason = FR_REASON_too_many_pixels;
		return fr_cause_set(why, EINVAL, "%ux%u are more than verify_pixels = %lld",
		    info.width, info.height, (long long)limits->pixels);
	}
	fr_transform_size(rendition, info.width, info.height, &width, &height);
	made.width = (uint16_t)width;
	made.height = (uint16_t)height;
	if (rendition->quality != 0 || (size_t)width * height != (size_t)info.width * info.height ||
	    (!keep(pool, jpeg, size, rendition, &info, &made) &&
	        (!is_cheap(jpeg, size, &info, limits) ||
	            !transform_lossless(pool, jpeg, size, rendition, &made))))
		r = transform_decoded(
		    pool, jpeg, size, &info, rendition, limits, &made, ret_reason, why);
	if (r == 0)
		*ret = made;
	return r;
}
