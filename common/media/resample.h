/* SPDX-License-Identifier: MIT */
/* Makes a plane of pixels smaller by averaging areas, and turns it on the way. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** One channel of a picture. `step` bytes from a pixel to its right neighbour, `stride` to the one below. */
struct fr_plane_from {
	const uint8_t *pixels;
	unsigned width, height; /* 1…65535 */
	size_t step, stride;
};

/** Where the result goes; the steps may be negative, or change places: then it is flipped, or turned. */
struct fr_plane_to {
	uint8_t *pixels;        /* of the upper left pixel as it is in `from` */
	unsigned width, height; /* as in `from`: 1…its size */
	ptrdiff_t step, stride;
};

/**
 * Each pixel of the result is the mean of the area of `from` that it covers, exactly but for the last rounding.
 *
 * Thread: any.
 */
void fr_plane_resample(const struct fr_plane_from *from, const struct fr_plane_to *to);
