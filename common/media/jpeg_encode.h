/* SPDX-License-Identifier: MIT */
/* Pixels into a JPEG in a frame of the pool, by TurboJPEG. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct fr_cause;
struct fr_frame;
struct fr_frame_pool;
struct fr_jpeg_encoder;

enum fr_pixels {
	FR_PIXELS_RGB,  /* one plane, 3 bytes a pixel */
	FR_PIXELS_BGR,  /* the same, blue first */
	FR_PIXELS_GRAY, /* one plane, 1 byte a pixel */
	FR_PIXELS_YUV420, /* Y of width and height rounded up to even, Cb and Cr of half of that; full range (JFIF) */
	FR_PIXELS_YUV422, /* likewise, but only the width is rounded up and halved */
	FR_PIXELS_YUV440, /* only the height */
};

/** Borrowed pixels, the top line first. */
struct fr_image {
	enum fr_pixels pixels;
	unsigned width, height; /* pixels, 1..65500 */
	const uint8_t *planes[3];
	size_t strides[3]; /* bytes from a line to the next one below; 0: no gap */
};

/**
 * @return never NULL
 *
 * Thread: any, one at a time.
 */
struct fr_jpeg_encoder *fr_jpeg_encoder_new(void);
void fr_jpeg_encoder_free(struct fr_jpeg_encoder *encoder); /* NULL is fine */

/**
 * Encodes a baseline JPEG (RGB and BGR: 4:2:0).
 *
 * @param quality   1..100
 * @param ret_size  bytes of the picture
 * @return a frame that is not finished (fr_frame_finish() is ingest's), with its reference; its capacity is about
 *         the picture's size. NULL: the pool has no room, or the library refuses; `why` says which
 *
 * Source: libjpeg-turbo 2.1 turbojpeg.h, tjCompress2(), tjCompressFromYUVPlanes().
 */
struct fr_frame *fr_jpeg_encode(struct fr_jpeg_encoder *encoder, struct fr_frame_pool *pool,
    const struct fr_image *image, int quality, size_t *ret_size, struct fr_cause *why);
