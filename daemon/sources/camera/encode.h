/* SPDX-License-Identifier: MIT */
/* A camera's picture as a JPEG in a frame: encoded, or passed through where the camera made one. */
#pragma once

#include <stddef.h>

#include "daemon/sources/camera/camera.h"
#include "daemon/sources/camera/planes.h"

struct fr_cause;
struct fr_frame;
struct fr_frame_pool;
struct fr_camera_encoder;

/** @return never NULL. Thread: any, one at a time */
struct fr_camera_encoder *fr_camera_encoder_new(void);
void fr_camera_encoder_free(struct fr_camera_encoder *encoder); /* NULL is fine */

/**
 * MJPEG stays as it is, byte for byte, but for Huffman tables that are missing and what was padded behind its end; if
 * it has to be turned, its blocks are, without a loss, where all of them stay whole, and else its pixels.
 *
 * @param quality   1..100, not for MJPEG
 * @param ret_size  bytes of the picture
 * @return a frame that is not finished, with its reference; NULL: `why`
 */
struct fr_frame *fr_camera_encode(struct fr_camera_encoder *encoder, struct fr_frame_pool *pool,
    const struct fr_camera_picture *picture, const struct fr_camera_mode *mode, struct fr_turn turn,
    int quality, size_t *ret_size, struct fr_cause *why);
