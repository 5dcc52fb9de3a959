/* SPDX-License-Identifier: MIT */
#include "daemon/sources/camera/encode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/media/jpeg_decode.h"
#include "common/media/jpeg_encode.h"
#include "common/media/jpeg_huffman.h"
#include "common/media/jpeg_transform.h"
#include "common/media/rendition.h"

struct fr_camera_encoder {
	struct fr_jpeg_encoder *jpeg;
	struct fr_planes planes;
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

/* Turns what is in `frame`, which is taken. */
static struct fr_frame *turn_picture(struct fr_frame_pool *pool, struct fr_frame *frame,
    struct fr_turn turn, size_t *size, struct fr_cause *why)
{
	/* A rendition's flips come behind its quarter turn, where each is the other one. */
	const struct fr_rendition wanted = {
	    .rotate = turn.right ? 90 : 0,
	    .hflip = turn.right ? turn.vflip : turn.hflip,
	    .vflip = turn.right ? turn.hflip : turn.vflip,
	};
	const struct fr_rendition rendition = fr_rendition_canonical(&wanted);
	const struct fr_jpeg_decode_limits limits = {0}; /* a camera of ours */
	struct fr_transformed turned = {.frame = NULL};
	enum fr_reason reason;

	if (fr_jpeg_transform(
	        pool, fr_frame_room(frame), *size, &rendition, &limits, &turned, &reason, why) < 0)
		(void)fr_cause_prefix(why, -EINVAL, "the camera's picture cannot be turned: ");
	*size = turned.size;
	fr_frame_unref(frame);
	return turned.frame;
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
	if (frame == NULL || !(turn.hflip || turn.vflip || turn.right))
		return frame;
	return turn_picture(pool, frame, turn, ret_size, why);
}
