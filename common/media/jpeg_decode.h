/* SPDX-License-Identifier: MIT */
/*
 * Decodes a JPEG of a stranger: to know whether it is whole, or to have its brightness.
 *
 * Limits come before the decoder allocates, and hold while it works.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/stats.h"

struct fr_cause;

/** 0 means no limit, for each. A plain value. */
struct fr_jpeg_decode_limits {
	int64_t pixels;  /* width x height */
	int64_t scans;   /* of a progressive picture */
	int64_t time_us; /* for the whole decode, of the thread that does it */
};

/** Pixels, row by row without a gap. A plain value; whoever has it frees `pixels`. */
struct fr_jpeg_pixels {
	uint8_t *pixels;        /* malloc()ed; a pixel's channels stand together */
	unsigned width, height; /* pixels, 1 or more */
	unsigned channels;      /* 1: grey, 3: Y, Cb, Cr */
};

/**
 * Reads every coefficient; the first warning, which a viewer would paint over, is a no.
 *
 * @param ret_reason  on refusal: bad_jpeg, too_many_pixels or verify_timeout
 * @retval 0          decoded from the first to the last row without a warning
 * @retval -EINVAL    *ret_reason and `why` say what is wrong
 *
 * Thread: any. Takes milliseconds: not for the loop's.
 *
 * Source: libjpeg.txt of libjpeg-turbo 2.1, "Error handling", "Progress monitoring"; limits after its fuzz targets.
 */
int fr_jpeg_decode_check(const uint8_t *jpeg, size_t size,
    const struct fr_jpeg_decode_limits *limits, enum fr_reason *ret_reason, struct fr_cause *why);

/**
 * Gives its brightness, as well as the decoder can: what is damaged is painted over.
 *
 * @param most_px   of the result: a larger picture is made smaller, by 2, 4 or 8
 * @retval 0        ret->pixels is the caller's
 * @retval -EINVAL  it cannot be decoded, or not within the limits; *ret is not set
 *
 * Thread: any. Takes milliseconds: not for the loop's.
 */
int fr_jpeg_decode_gray(const uint8_t *jpeg, size_t size,
    const struct fr_jpeg_decode_limits *limits, int64_t most_px, struct fr_jpeg_pixels *ret,
    struct fr_cause *why);

/**
 * Gives its pixels, as well as the decoder can: what is damaged is painted over.
 *
 * @param denom       made smaller by 1, 2, 4 or 8
 * @param gray        brightness alone
 * @param ret_reason  on refusal: bad_jpeg, too_many_pixels or verify_timeout
 * @retval 0          ret->pixels is the caller's
 * @retval -EINVAL    it cannot be decoded, not within the limits, or its colours are unusual; *ret is not set
 *
 * Thread: any. Takes milliseconds: not for the loop's.
 */
int fr_jpeg_decode_pixels(const uint8_t *jpeg, size_t size,
    const struct fr_jpeg_decode_limits *limits, unsigned denom, bool gray,
    struct fr_jpeg_pixels *ret, enum fr_reason *ret_reason, struct fr_cause *why);
