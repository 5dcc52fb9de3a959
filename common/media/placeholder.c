/* SPDX-License-Identifier: MIT */
#include "common/media/placeholder.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/cause.h"
#include "common/media/font.h"
#include "common/media/frame.h"
#include "common/media/jpeg_decode.h"
#include "common/media/jpeg_encode.h"

enum {
	QUALITY = 70,
	PLAIN = 112, /* the shade of what never was */
	BAND = 24,   /* behind the text */
	INK = 235,
	LINES_MAX = 8,
	LINE_MAX = 64, /* characters */
};

/* What may be decoded at all; a thread that does it is waited for when the relay stops. */
static const struct fr_jpeg_decode_limits limits = {
    .pixels = 100000000, .scans = 100, .time_us = 800000};

/* --- Text ------------------------------------------------------------------------------------- */

void fr_placeholder_words(
    int64_t since_us, bool is_frozen, int64_t now_us, char to[FR_PLACEHOLDER_TEXT_MAX])
{
	const time_t since = (time_t)(since_us / 1000000), today = (time_t)(now_us / 1000000);
	struct tm then = {0}, now = {0};
	bool is_today;
	char at[32] = "";

	if (since_us == 0) {
		(void)snprintf(to, FR_PLACEHOLDER_TEXT_MAX, "waiting for the first picture");
		return;
	}
	/* A time that has no date stays all zero. */
	(void)localtime_r(&since, &then);
	(void)localtime_r(&today, &now);
	is_today = then.tm_yday == now.tm_yday && then.tm_year == now.tm_year;
	(void)strftime(at, sizeof(at), is_today ? "%H:%M" : "%Y-%m-%d %H:%M", &then);
	(void)snprintf(to, FR_PLACEHOLDER_TEXT_MAX, "%s since %s",
	    is_frozen ? "no new picture" : "no picture", at);
}

/* Breaks the text at its spaces. @return lines */
static int break_text(const char *text, int most_chars, char lines[LINES_MAX][LINE_MAX + 1])
{
	int n = 0;

	while (*text != '\0' && n < LINES_MAX) {
		size_t length = strlen(text), cut;

		if (length > (size_t)most_chars) {
			for (cut = (size_t)most_chars; cut > 0 && text[cut] != ' '; cut--)
				;
			length = cut > 0 ? cut : (size_t)most_chars;
		}
		memcpy(lines[n], text, length);
		lines[n++][length] = '\0';
		text += length;
		text += strspn(text, " ");
	}
	return n;
}

static int chars_that_fit(int width, int scale)
{
	const int chars = width / (FR_FONT_WIDTH * scale);

	return chars < 1 ? 1 : chars > LINE_MAX ? LINE_MAX : chars;
}

/* In the middle, on a band, as large as a line of it fits. */
static void write_text(const struct fr_canvas *c, const char *text)
{
	static const uint8_t band = BAND, ink = INK;
	const int by_width = c->width * 9 / 10 / fr_font_text_width(text, 1);
	const int by_height = c->height / (FR_FONT_HEIGHT * 8);
	const int best = by_width < by_height ? by_width : by_height;
	const int scale = best > 1 ? best : 1;
	const int step = (FR_FONT_HEIGHT + 2) * scale;
	char lines[LINES_MAX][LINE_MAX + 1];
	const int count = break_text(text, chars_that_fit(c->width, scale), lines);
	int y = (c->height - count * step) / 2;

	fr_canvas_fill(c, 0, y - step / 4, c->width, count * step + step / 2, &band);
	for (int i = 0; i < count; i++, y += step)
		fr_font_draw(c, (c->width - fr_font_text_width(lines[i], scale)) / 2, y + scale,
		    scale, &ink, lines[i]);
}

/* --- The picture ------------------------------------------------------------------------------ */

static bool make_plain(unsigned width, unsigned height, struct fr_jpeg_pixels *ret)
{
	if (width == 0 || height == 0 || (int64_t)width * height > FR_PLACEHOLDER_MOST_PX) {
		width = FR_PLACEHOLDER_WIDTH;
		height = FR_PLACEHOLDER_HEIGHT;
	}
	*ret = (struct fr_jpeg_pixels){malloc((size_t)width * height), width, height, 1};
	if (ret->pixels == NULL)
		return false;
	memset(ret->pixels, PLAIN, (size_t)width * height);
	return true;
}

/* Half of the contrast, around the middle: nobody takes it for what the camera sees now. */
static void grey_out(struct fr_jpeg_pixels *gray)
{
	for (size_t i = 0; i < (size_t)gray->width * gray->height; i++)
		gray->pixels[i] = (uint8_t)((gray->pixels[i] + 128) / 2);
}

static bool make_pixels(
    const struct fr_frame *last, unsigned width, unsigned height, struct fr_jpeg_pixels *ret)
{
	struct fr_cause why;

	if (last == NULL)
		return make_plain(width, height, ret);
	if (fr_jpeg_decode_gray(fr_frame_bytes(last), fr_frame_size(last), &limits,
	        FR_PLACEHOLDER_MOST_PX, ret, &why) < 0)
		return make_plain(fr_frame_info(last)->width, fr_frame_info(last)->height, ret);
	grey_out(ret);
	return true;
}

static struct fr_frame *encode(
    struct fr_frame_pool *pool, const struct fr_jpeg_pixels *gray, size_t *ret_size)
{
	const struct fr_image image = {.pixels = FR_PIXELS_GRAY,
	    .width = gray->width,
	    .height = gray->height,
	    .planes = {gray->pixels}};
	struct fr_jpeg_encoder *encoder = fr_jpeg_encoder_new();
	struct fr_cause why;
	struct fr_frame *frame = fr_jpeg_encode(encoder, pool, &image, QUALITY, ret_size, &why);

	fr_jpeg_encoder_free(encoder);
	return frame;
}

struct fr_frame *fr_placeholder_make(struct fr_frame_pool *pool, const struct fr_frame *last,
    unsigned width, unsigned height, const char *text)
{
	struct fr_frame_info info = {.type = FR_FRAME_PICTURE};
	struct fr_jpeg_pixels gray;
	struct fr_canvas canvas;
	struct fr_frame *frame;
	size_t size;

	assert(text[0] != '\0');
	if (!make_pixels(last, width, height, &gray))
		return NULL;
	canvas = (struct fr_canvas){gray.pixels, (int)gray.width, (int)gray.height, 1, gray.width};
	write_text(&canvas, text);
	frame = encode(pool, &gray, &size);
	free(gray.pixels);
	if (frame == NULL)
		return NULL;
	if (last != NULL)
		info = *fr_frame_info(last);
	info.width = (uint16_t)gray.width;
	info.height = (uint16_t)gray.height;
	fr_frame_finish(frame, size, &info);
	return frame;
}
