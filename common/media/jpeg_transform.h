/* SPDX-License-Identifier: MIT */
/*
 * A JPEG of a stranger as a rendition of it: turned, grey, smaller, of another quality.
 *
 * Grey, flips and quarter turns move the coefficients and lose nothing, where every block of the picture stays whole;
 * everything else decodes and encodes anew. The decoder's limits hold for both.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/stats.h"

struct fr_cause;
struct fr_frame;
struct fr_frame_pool;
struct fr_jpeg_decode_limits;
struct fr_rendition;

enum fr_transform_way {
	FR_TRANSFORM_LOSSLESS, /* the coefficients as they were, at other places */
	FR_TRANSFORM_DECODED,  /* decoded and encoded anew */
};

enum {
	FR_TRANSFORM_QUALITY = 80, /* of what is encoded anew, where the rendition says nothing */
};

/** What came of it. A plain value; the frame is not finished, its one reference is the caller's. */
struct fr_transformed {
	struct fr_frame *frame;
	size_t size;
	uint16_t width, height;
	enum fr_transform_way way;
};

/**
 * The size that a picture has as a rendition: no larger than it was, and in proportion.
 *
 * @param width, height  as it was published, 1 or more
 */
void fr_transform_size(const struct fr_rendition *rendition, unsigned width, unsigned height,
    unsigned *ret_width, unsigned *ret_height);

/**
 * What was damaged is painted over, as viewers would. Metadata (EXIF, profiles, comments) is left out. What is as
 * asked for already stays as it is, to the byte.
 *
 * @param rendition   canonical
 * @param limits      time counts as CPU time, and while it is decoded alone
 * @param ret_reason  on failure: bad_jpeg, too_many_pixels, verify_timeout or memory_budget
 * @retval 0
 * @retval -EINVAL    *ret_reason and `why` say what is wrong; *ret is not set
 *
 * Thread: any. Takes milliseconds: not for the loop's.
 *
 * Source: libjpeg-turbo 2.1 turbojpeg.h, tjTransform(), TJXOPT_PERFECT.
 */
int fr_jpeg_transform(struct fr_frame_pool *pool, const uint8_t *jpeg, size_t size,
    const struct fr_rendition *rendition, const struct fr_jpeg_decode_limits *limits,
    struct fr_transformed *ret, enum fr_reason *ret_reason, struct fr_cause *why);
