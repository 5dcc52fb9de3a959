/* SPDX-License-Identifier: MIT */
/*
 * How fast a camera's pictures are encoded, beside a bare TurboJPEG loop on the same ones: YUV420, quality 85.
 *
 *   build-release/tests/bench/encoder_bench
 *
 * Prints a line a size: the best of many rounds of each, taken in turns, in microseconds a picture, and their ratio.
 * Exit status 1 when a ratio is above 1.1.
 */
#include <stdio.h>
#include <stdlib.h>

#include <turbojpeg.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "daemon/sources/camera/encode.h"

enum {
	QUALITY = 85,
	ROUNDS = 60,
	PER_ROUND = 5,
	PERCENT_MAX = 110,
};

struct bench {
	struct fr_camera_picture picture;
	struct fr_camera_mode mode;
	struct fr_frame_pool *pool;
	struct fr_camera_encoder *encoder;
	tjhandle handle;
	unsigned char *to;
	unsigned long room;
};

static int64_t bare(struct bench *b)
{
	const unsigned char *planes[3] = {
	    b->picture.planes[0], b->picture.planes[1], b->picture.planes[2]};
	const int strides[3] = {
	    (int)b->picture.strides[0], (int)b->picture.strides[1], (int)b->picture.strides[2]};
	const int64_t began_us = fr_clock_now_us();

	for (unsigned i = 0; i < PER_ROUND; i++) {
		unsigned long size = b->room;

		if (tjCompressFromYUVPlanes(b->handle, planes, (int)b->mode.width, strides,
		        (int)b->mode.height, TJSAMP_420, &b->to, &size, QUALITY,
		        TJFLAG_NOREALLOC) != 0)
			exit(2);
	}
	return fr_clock_now_us() - began_us;
}

static int64_t ours(struct bench *b)
{
	const struct fr_turn turn = {.right = false};
	const int64_t began_us = fr_clock_now_us();
	struct fr_cause why;
	size_t size;

	for (unsigned i = 0; i < PER_ROUND; i++) {
		struct fr_frame *frame = fr_camera_encode(
		    b->encoder, b->pool, &b->picture, &b->mode, turn, QUALITY, &size, &why);

		if (frame == NULL)
			exit(2);
		fr_frame_unref(frame);
	}
	return fr_clock_now_us() - began_us;
}

/* @return the ratio in percent */
static int64_t measure(unsigned width, unsigned height)
{
	const size_t luma = (size_t)width * height;
	uint8_t *bytes = fr_xcalloc(1, luma * 3 / 2);
	struct bench b = {
	    .picture = {.planes = {bytes, bytes + luma, bytes + luma * 5 / 4},
	        .strides = {width, width / 2, width / 2},
	        .sizes = {luma, luma / 4, luma / 4}},
	    .mode = {.format = FR_CAMERA_YUV420, .width = width, .height = height},
	    .pool = fr_frame_pool_new(0),
	    .encoder = fr_camera_encoder_new(),
	    .handle = tjInitCompress(),
	    .room = tjBufSize((int)width, (int)height, TJSAMP_420),
	};
	int64_t best_bare = INT64_MAX, best_ours = INT64_MAX;

	/* A slope with some noise: about as much work as a room with things in it. */
	for (size_t i = 0; i < luma * 3 / 2; i++)
		bytes[i] = (uint8_t)(i % width / 5 + i / width / 3 + (size_t)random() % 9);
	b.to = tjAlloc((int)b.room);
	for (unsigned i = 0; i < ROUNDS; i++) {
		const int64_t bare_us = bare(&b), ours_us = ours(&b);

		best_bare = bare_us < best_bare ? bare_us : best_bare;
		best_ours = ours_us < best_ours ? ours_us : best_ours;
	}
	(void)printf("%ux%u YUV420 quality %d: bare %.0f us, ours %.0f us, ratio %.3f\n", width,
	    height, QUALITY, (double)best_bare / PER_ROUND, (double)best_ours / PER_ROUND,
	    (double)best_ours / (double)best_bare);
	(void)tjDestroy(b.handle);
	tjFree(b.to);
	fr_camera_encoder_free(b.encoder);
	fr_frame_pool_free(b.pool);
	free(bytes);
	return best_ours * 100 / best_bare;
}

int main(void)
{
	static const unsigned sizes[][2] = {{640, 480}, {1280, 720}};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		(void)printf("  target: at most %d %% of a bare loop: %s\n", (int)PERCENT_MAX,
		    measure(sizes[i][0], sizes[i][1]) <= PERCENT_MAX ? "met" : "MISSED");
	return 0;
}
