/* SPDX-License-Identifier: MIT */
#include "daemon/sources/camera/encode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <turbojpeg.h>

#include "common/base/cause.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/media/jpeg_encode.h"
#include "common/media/jpeg_huffman.h"

struct fr_camera_encoder {
	struct fr_jpeg_encoder *jpeg;
	struct fr_planes planes;
	tjhandle turner; /* NULL until one is needed */
};

struct fr_camera_encoder *fr_camera_encoder_new(void)
{
	struct fr_camera_encoder *encoder = fr_xcalloc(1, sizeof(*encoder));

	encoder->jpeg = fr_jpeg_encoder_new();
	return encoder;
}

void fr_camera_encoder_free(struct fr_camera_encoder *encoder)
{
	if (encoder == NULL)
		return;
	fr_jpeg_encoder_free(encoder->jpeg);
	fr_planes_done(&encoder->planes);
	if (encoder->turner != NULL)
		(void)tjDestroy(encoder->turner);
	free(encoder);
}

/* ---- pictures that the camera has made ---- */

static struct fr_frame *pass(struct fr_frame_pool *pool, const uint8_t *jpeg, size_t size,
    size_t *ret_size, struct fr_cause *why)
{
	const size_t end = fr_jpeg_unpadded(jpeg, size);
	const size_t gap = fr_jpeg_huffman_gap(jpeg, end);
	const size_t tables = gap != 0 ? FR_JPEG_HUFFMAN_BYTES : 0;
	struct fr_frame *frame = end > 0 ? fr_frame_begin(pool, end + tables) : NULL;
	uint8_t *to;

	if (frame == NULL) {
		(void)fr_cause_set(why, ENOMEM, "no room for a picture of %zu bytes", size);
		return NULL;
	}
	to = fr_frame_room(frame);
	memcpy(to, jpeg, gap);
	memcpy(to + gap, fr_jpeg_huffman, tables);
	memcpy(to + gap + tables, jpeg + gap, end - gap);
	*ret_size = end + tables;
	return frame;
}

/* Source: libjpeg-turbo 2.1 turbojpeg.h, tjTransform(); TJXOP_ROT90 is to the right. */
static enum TJXOP transform_of(struct fr_turn turn)
{
	if (!turn.right)
		return turn.hflip && turn.vflip ? TJXOP_ROT180
		       : turn.hflip             ? TJXOP_HFLIP
		       : turn.vflip             ? TJXOP_VFLIP
		                                : TJXOP_NONE;
	if (turn.hflip && turn.vflip)
		return TJXOP_ROT270;
	/* A flip and then a quarter: a mirror along a diagonal. */
	return turn.hflip ? TJXOP_TRANSVERSE : turn.vflip ? TJXOP_TRANSPOSE : TJXOP_ROT90;
}

/* Turns what is in `frame`, which is taken. */
static struct fr_frame *turn_blocks(struct fr_camera_encoder *encoder, struct fr_frame_pool *pool,
    struct fr_frame *frame, struct fr_turn turn, size_t *size, struct fr_cause *why)
{
	tjtransform transform = {.op = (int)transform_of(turn), .options = TJXOPT_TRIM};
	unsigned char *to = NULL;
	unsigned long to_size = 0;
	struct fr_frame *turned = NULL;

	if (encoder->turner == NULL)
		encoder->turner = tjInitTransform();
	if (encoder->turner == NULL || tjTransform(encoder->turner, fr_frame_room(frame), *size, 1,
	                                   &to, &to_size, &transform, 0) != 0) {
		(void)fr_cause_set(why, EINVAL, "the camera's picture cannot be turned: %s",
		    encoder->turner != NULL ? tjGetErrorStr2(encoder->turner) : "no memory");
	} else {
		turned = pass(pool, to, to_size, size, why);
	}
	tjFree(to);
	fr_frame_unref(frame);
	return turned;
}

struct fr_frame *fr_camera_encode(struct fr_camera_encoder *encoder, struct fr_frame_pool *pool,
    const struct fr_camera_picture *picture, const struct fr_camera_mode *mode, struct fr_turn turn,
    int quality, size_t *ret_size, struct fr_cause *why)
{
	struct fr_image image;
	struct fr_frame *frame;

	if (mode->format != FR_CAMERA_MJPEG) {
		if (fr_planes_image(&encoder->planes, picture, mode, turn, &image, why) < 0)
			return NULL;
		return fr_jpeg_encode(encoder->jpeg, pool, &image, quality, ret_size, why);
	}
	frame = pass(pool, picture->planes[0], picture->sizes[0], ret_size, why);
	if (frame == NULL || transform_of(turn) == TJXOP_NONE)
		return frame;
	return turn_blocks(encoder, pool, frame, turn, ret_size, why);
}
