/* SPDX-License-Identifier: MIT */
/*
 * A camera's buffer as an image that can be encoded: planes are taken apart and turned, colours are never converted.
 *
 * YUV420 of even size that needs no turning is encoded where it lies; everything else goes through memory of ours.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/media/jpeg_encode.h"
#include "daemon/sources/camera/camera.h"

struct fr_cause;

/** How a picture is turned: the flips first, then a quarter to the right. A plain value. */
struct fr_turn {
	bool hflip, vflip, right;
};

/**
 * The same as turning by `rotate` degrees to the right and flipping what came of it.
 *
 * @param rotate  0, 90, 180 or 270
 */
struct fr_turn fr_turn_of(bool hflip, bool vflip, unsigned rotate);

/** Memory for planes that had to be copied. All zero is empty. */
struct fr_planes {
	uint8_t *room;
	size_t size;
};

void fr_planes_done(struct fr_planes *planes);

/**
 * @param picture  not of FR_CAMERA_MJPEG
 * @param ret      borrows from the picture and from `planes`, until the next call
 * @retval -EINVAL the buffer is smaller than its picture; `why`
 *
 * Thread: any, one at a time.
 */
int fr_planes_image(struct fr_planes *planes, const struct fr_camera_picture *picture,
    const struct fr_camera_mode *mode, struct fr_turn turn, struct fr_image *ret,
    struct fr_cause *why);
