/* SPDX-License-Identifier: MIT */
#include "daemon/sources/camera/planes.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/xalloc.h"

/* One component in a camera's memory. */
struct samples {
	const uint8_t *first;
	size_t bytes;         /* of a sample: 1, or 3 for whole pixels */
	size_t step, stride;  /* bytes to the next sample, to the next line */
	size_t columns, rows; /* that are there */
	size_t wide, high;    /* that the encoder reads: the last ones are repeated */
	size_t end;           /* bytes that may be read from `first` */
};

struct fr_turn fr_turn_of(bool hflip, bool vflip, unsigned rotate)
{
	const bool half = rotate == 180 || rotate == 270;
	const bool right = rotate == 90 || rotate == 270;

	/* A flip after a quarter turn is the other flip before it. */
	return (struct fr_turn){
	    .hflip = (right ? vflip : hflip) != half,
	    .vflip = (right ? hflip : vflip) != half,
	    .right = right,
	};
}

void fr_planes_done(struct fr_planes *planes)
{
	free(planes->room);
	*planes = (struct fr_planes){0};
}

/* ---- what lies where ---- */

static size_t even(size_t n)
{
	return n + (n & 1);
}

static struct samples plane(const struct fr_camera_picture *picture, unsigned from, size_t offset,
    size_t step, size_t columns, size_t rows)
{
	return (struct samples){
	    .first = picture->planes[from] + offset,
	    .bytes = 1,
	    .step = step,
	    .stride = picture->strides[from],
	    .columns = columns,
	    .rows = rows,
	    .wide = columns,
	    .high = rows,
	    .end = picture->sizes[from] > offset ? picture->sizes[from] - offset : 0,
	};
}

/* @return how many there are */
static unsigned components_of(const struct fr_camera_picture *picture,
    const struct fr_camera_mode *mode, struct samples all[3], enum fr_pixels *ret_pixels)
{
	const size_t w = mode->width, h = mode->height, half_w = (w + 1) / 2, half_h = (h + 1) / 2;

	*ret_pixels = FR_PIXELS_YUV420;
	switch (mode->format) {
	case FR_CAMERA_YUV420:
		all[0] = plane(picture, 0, 0, 1, w, h);
		all[1] = plane(picture, 1, 0, 1, half_w, half_h);
		all[2] = plane(picture, 2, 0, 1, half_w, half_h);
		break;
	case FR_CAMERA_NV12:
		all[0] = plane(picture, 0, 0, 1, w, h);
		all[1] = plane(picture, 1, 0, 2, half_w, half_h);
		all[2] = plane(picture, 1, 1, 2, half_w, half_h);
		break;
	case FR_CAMERA_YUYV:
		*ret_pixels = FR_PIXELS_YUV422;
		all[0] = plane(picture, 0, 0, 2, w, h);
		all[1] = plane(picture, 0, 1, 4, half_w, h);
		all[2] = plane(picture, 0, 3, 4, half_w, h);
		break;
	default:
		*ret_pixels = mode->format == FR_CAMERA_RGB ? FR_PIXELS_RGB : FR_PIXELS_BGR;
		all[0] = plane(picture, 0, 0, 3, w, h);
		all[0].bytes = 3;
		return 1;
	}
	all[0].wide = even(w);
	if (*ret_pixels == FR_PIXELS_YUV420)
		all[0].high = even(h);
	return 3;
}

static bool fits(const struct samples *s)
{
	const size_t line = (s->columns - 1) * s->step + s->bytes;

	return line <= s->end && (s->rows - 1) <= (s->end - line) / (s->stride > 0 ? s->stride : 1);
}

/* ---- copying ---- */

/* A line without flips; the steps are written out so that the compiler makes the most of them. */
static void copy_line(uint8_t *to, const uint8_t *from, const struct samples *s)
{
	if (s->step == s->bytes) {
		memcpy(to, from, s->columns * s->bytes);
	} else if (s->step == 2) {
		for (size_t x = 0; x < s->columns; x++)
			to[x] = from[2 * x];
	} else {
		for (size_t x = 0; x < s->columns; x++)
			to[x] = from[s->step * x];
	}
	for (size_t x = s->columns; x < s->wide; x++)
		memcpy(to + x * s->bytes, to + (x - 1) * s->bytes, s->bytes);
}

static size_t mirrored(size_t at, size_t count, bool flip)
{
	const size_t inside = at < count ? at : count - 1;

	return flip ? count - 1 - inside : inside;
}

/* Line by line; turned ones sample by sample. */
static void copy(uint8_t *to, const struct samples *s, struct fr_turn turn)
{
	const size_t line = (turn.right ? s->high : s->wide) * s->bytes;

	if (!turn.right && !turn.hflip) {
		for (size_t y = 0; y < s->high; y++)
			copy_line(to + y * line,
			    s->first + mirrored(y, s->rows, turn.vflip) * s->stride, s);
		return;
	}
	for (size_t y = 0; y < s->high; y++) {
		const uint8_t *from = s->first + mirrored(y, s->rows, turn.vflip) * s->stride;

		for (size_t x = 0; x < s->wide; x++) {
			const uint8_t *sample =
			    from + mirrored(x, s->columns, turn.hflip) * s->step;
			/* To the right: the bottom line becomes the left column. */
			const size_t column = y < s->rows ? s->rows - 1 - y : y;

			memcpy(turn.right ? to + x * line + column * s->bytes
			                  : to + y * line + x * s->bytes,
			    sample, s->bytes);
		}
	}
}

/* Whether the encoder can have it where it is. */
static bool lies_well(const struct samples *s, struct fr_turn turn)
{
	return !turn.hflip && !turn.vflip && !turn.right && s->step == s->bytes &&
	       s->wide == s->columns && s->high == s->rows;
}

static size_t copied_bytes(const struct samples *s, struct fr_turn turn)
{
	return lies_well(s, turn) ? 0 : s->wide * s->high * s->bytes;
}

static void reserve(struct fr_planes *planes, size_t size)
{
	if (size <= planes->size)
		return;
	free(planes->room);
	planes->room = fr_xcalloc(1, size);
	planes->size = size;
}

int fr_planes_image(struct fr_planes *planes, const struct fr_camera_picture *picture,
    const struct fr_camera_mode *mode, struct fr_turn turn, struct fr_image *ret,
    struct fr_cause *why)
{
	struct samples all[3];
	struct fr_image image = {.width = turn.right ? mode->height : mode->width,
	    .height = turn.right ? mode->width : mode->height};
	size_t total = 0;
	unsigned count;
	uint8_t *to;

	assert(mode->format != FR_CAMERA_MJPEG && mode->width > 0 && mode->height > 0);
	count = components_of(picture, mode, all, &image.pixels);
	for (unsigned i = 0; i < count; i++) {
		if (!fits(&all[i]))
			return fr_cause_set(why, EINVAL,
			    "the camera's buffer of %zu bytes is smaller than %ux%u pixels need",
			    all[i].end, mode->width, mode->height);
		total += copied_bytes(&all[i], turn);
	}
	if (turn.right && image.pixels == FR_PIXELS_YUV422)
		image.pixels = FR_PIXELS_YUV440;
	reserve(planes, total);
	to = planes->room;
	for (unsigned i = 0; i < count; i++) {
		const struct samples *s = &all[i];
		const size_t bytes = copied_bytes(s, turn);

		image.planes[i] = s->first;
		image.strides[i] = s->stride;
		if (bytes == 0)
			continue;
		copy(to, s, turn);
		image.planes[i] = to;
		image.strides[i] = (turn.right ? s->high : s->wide) * s->bytes;
		to += bytes;
	}
	*ret = image;
	return 0;
}
