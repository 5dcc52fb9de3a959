/* SPDX-License-Identifier: MIT */
/*
 * A strict decode: is every pixel of this JPEG there?
 *
 * Limits come before the decoder allocates; the first warning of the decoder, which a viewer would paint over, is a no.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/stats.h"

struct fr_cause;

/** 0 means no limit, for each. A plain value. */
struct fr_jpeg_verify_limits {
	int64_t pixels;  /* width x height */
	int64_t scans;   /* of a progressive picture */
	int64_t time_us; /* for the whole decode */
};

/**
 * @param ret_reason  on refusal: bad_jpeg, too_many_pixels or verify_timeout
 * @retval 0          decoded from the first to the last row without a warning
 * @retval -EINVAL    *ret_reason and `why` say what is wrong
 *
 * Thread: any. Takes milliseconds: not for the loop's.
 *
 * Source: libjpeg.txt of libjpeg-turbo 2.1, "Error handling", "Progress monitoring"; limits after its fuzz targets.
 */
int fr_jpeg_verify(const uint8_t *jpeg, size_t size, const struct fr_jpeg_verify_limits *limits,
    enum fr_reason *ret_reason, struct fr_cause *why);
