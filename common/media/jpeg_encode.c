/* SPDX-License-Identifier: MIT */
/*
 * The library writes into memory that has room for the worst case, and only what came of it is copied into a frame:
 * otherwise each frame would hold ten times its size for as long as it lives.
 */
#include "common/media/jpeg_encode.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <turbojpeg.h>

#include "common/base/cause.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"

enum {
	PIXELS_MAX = 65500, /* libjpeg's JPEG_MAX_DIMENSION */
};

struct fr_jpeg_encoder {
	tjhandle handle; /* NULL: there was no memory */
	unsigned char *scratch;
	unsigned long scratch_size;
};

struct fr_jpeg_encoder *fr_jpeg_encoder_new(void)
{
	struct fr_jpeg_encoder *encoder = fr_xcalloc(1, sizeof(*encoder));

	encoder->handle = tjInitCompress();
	return encoder;
}

void fr_jpeg_encoder_free(struct fr_jpeg_encoder *encoder)
{
	if (encoder == NULL)
		return;
	if (encoder->handle != NULL)
		(void)tjDestroy(encoder->handle);
	free(encoder->scratch);
	free(encoder);
}

static int samples_of(const struct fr_image *image)
{
	switch (image->pixels) {
	case FR_PIXELS_GRAY:
		return TJSAMP_GRAY;
	case FR_PIXELS_YUV422:
		return TJSAMP_422;
	case FR_PIXELS_YUV440:
		return TJSAMP_440;
	default:
		return TJSAMP_420;
	}
}

/* How one plane has its pixels. -1: they lie in three */
static int format_of(enum fr_pixels pixels)
{
	switch (pixels) {
	case FR_PIXELS_RGB:
		return TJPF_RGB;
	case FR_PIXELS_BGR:
		return TJPF_BGR;
	case FR_PIXELS_GRAY:
		return TJPF_GRAY;
	default:
		return -1;
	}
}

/* Makes the scratch large enough for whatever the picture may become. */
static int reserve(
    struct fr_jpeg_encoder *encoder, const struct fr_image *image, struct fr_cause *why)
{
	const unsigned long size =
	    tjBufSize((int)image->width, (int)image->height, samples_of(image));

	if (size <= encoder->scratch_size)
		return 0;
	free(encoder->scratch);
	encoder->scratch_size = 0;
	encoder->scratch = malloc(size);
	if (encoder->scratch == NULL)
		return fr_cause_set(
		    why, ENOMEM, "no memory to encode %ux%u pixels", image->width, image->height);
	encoder->scratch_size = size;
	return 0;
}

/* @param ret_size  bytes in the scratch */
static int compress(struct fr_jpeg_encoder *encoder, const struct fr_image *image, int quality,
    unsigned long *ret_size, struct fr_cause *why)
{
	const int strides[3] = {
	    (int)image->strides[0], (int)image->strides[1], (int)image->strides[2]};
	const int width = (int)image->width;
	const int height = (int)image->height;
	const int format = format_of(image->pixels);
	unsigned char *to = encoder->scratch;
	int failed;

	*ret_size = encoder->scratch_size;
	if (format < 0) {
		const unsigned char *planes[3] = {
		    image->planes[0], image->planes[1], image->planes[2]};

		failed = tjCompressFromYUVPlanes(encoder->handle, planes, width, strides, height,
		    samples_of(image), &to, ret_size, quality, TJFLAG_NOREALLOC);
	} else {
		failed = tjCompress2(encoder->handle, image->planes[0], width, strides[0], height,
		    format, &to, ret_size, samples_of(image), quality, TJFLAG_NOREALLOC);
	}
	if (failed != 0)
		return fr_cause_set(why, EINVAL, "cannot encode %ux%u pixels: %s", image->width,
		    image->height, tjGetErrorStr2(encoder->handle));
	return 0;
}

struct fr_frame *fr_jpeg_encode(struct fr_jpeg_encoder *encoder, struct fr_frame_pool *pool,
    const struct fr_image *image, int quality, size_t *ret_size, struct fr_cause *why)
{
	struct fr_frame *frame;
	unsigned long size;

	assert(quality >= 1 && quality <= 100);
	for (unsigned i = 0; i < 3; i++)
		assert(image->strides[i] <= INT_MAX);
	if (encoder->handle == NULL) {
		(void)fr_cause_set(why, ENOMEM, "no memory for an encoder");
		return NULL;
	}
	if (image->width < 1 || image->width > PIXELS_MAX || image->height < 1 ||
	    image->height > PIXELS_MAX) {
		(void)fr_cause_set(why, EINVAL, "cannot encode %ux%u pixels: each must be 1..%d",
		    image->width, image->height, (int)PIXELS_MAX);
		return NULL;
	}
	if (reserve(encoder, image, why) != 0 || compress(encoder, image, quality, &size, why) != 0)
		return NULL;
	frame = fr_frame_begin(pool, size);
	if (frame == NULL) {
		(void)fr_cause_set(why, ENOMEM, "no room for a picture of %lu bytes", size);
		return NULL;
	}
	memcpy(fr_frame_room(frame), encoder->scratch, size);
	*ret_size = size;
	return frame;
}
