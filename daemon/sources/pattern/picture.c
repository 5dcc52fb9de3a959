/* SPDX-License-Identifier: MIT */
#include "daemon/sources/pattern/picture.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/media/font.h"

enum {
	RGB = 3,
	CLOCK_CHARS = 12, /* HH:MM:SS.mmm */
	CLOCK_MAX = 40,   /* room for it, whatever the year */
	LAP_MS = 4000,    /* the ball goes there and back */
	HOP_MS = 500,
	FIELDS = 8,
	GREYS = 16,
};

struct fr_pattern_picture {
	char name[FR_NAME_MAX + 1];
	int width, height;
	uint8_t *background, *pixels;
	struct fr_canvas canvas; /* over pixels */
	int scale;               /* of the clock */
	int panel_x, panel_y, panel_width, panel_height;
	int track_y, track_height; /* where the ball rolls */
	int radius;
};

static const uint8_t night[RGB] = {30, 36, 48};
static const uint8_t dusk[RGB] = {58, 70, 92};
static const uint8_t line[RGB] = {70, 82, 104};
static const uint8_t panel[RGB] = {12, 14, 20};
static const uint8_t white[RGB] = {245, 245, 245};
static const uint8_t amber[RGB] = {255, 190, 60};
static const uint8_t silver[RGB] = {168, 180, 200};
static const uint8_t fields[FIELDS][RGB] = {
    {204, 204, 204},
    {204, 204, 16},
    {16, 204, 204},
    {16, 204, 16},
    {204, 16, 204},
    {204, 16, 16},
    {16, 16, 204},
    {16, 16, 16},
};

/* --- What does not move ----------------------------------------------------------------------- */

static void draw_sky(const struct fr_canvas *c)
{
	const int step = c->height / 12 > 4 ? c->height / 12 : 4;
	uint8_t colour[RGB];

	for (int y = 0; y < c->height; y++) {
		for (int i = 0; i < RGB; i++)
			colour[i] = (uint8_t)(night[i] + (dusk[i] - night[i]) * y / c->height);
		fr_canvas_fill(c, 0, y, c->width, 1, colour);
	}
	for (int x = c->width / 2 % step; x < c->width; x += step)
		fr_canvas_fill(c, x, 0, 1, c->height, line);
	for (int y = c->height / 2 % step; y < c->height; y += step)
		fr_canvas_fill(c, 0, y, c->width, 1, line);
}

/* Equal fields side by side, without a gap whatever the width. */
static void draw_fields(const struct fr_canvas *c)
{
	const int greys_y = c->height * 79 / 100, fields_y = c->height * 84 / 100;

	for (int i = 0; i < GREYS; i++) {
		const int x = c->width * i / GREYS, end = c->width * (i + 1) / GREYS;
		const uint8_t level = (uint8_t)(255 * i / (GREYS - 1));
		const uint8_t grey[RGB] = {level, level, level};

		fr_canvas_fill(c, x, greys_y, end - x, fields_y - greys_y, grey);
	}
	for (int i = 0; i < FIELDS; i++) {
		const int x = c->width * i / FIELDS, end = c->width * (i + 1) / FIELDS;

		fr_canvas_fill(c, x, fields_y, end - x, c->height - fields_y, fields[i]);
	}
}

/* The largest scale up to `most` at which the text is as wide as that. */
static int scale_for(const char *text, int width, int most)
{
	while (most > 1 && fr_font_text_width(text, most) > width)
		most--;
	return most > 1 ? most : 1;
}

static void draw_name(const struct fr_pattern_picture *p, const struct fr_canvas *c)
{
	const int scale = scale_for(p->name, c->width * 9 / 10, (p->scale * 3 + 4) / 5);
	const int x = (c->width - fr_font_text_width(p->name, scale)) / 2;
	const int y = (p->panel_y - FR_FONT_HEIGHT * scale) / 2;

	fr_font_draw(c, x + scale / 2, y + scale / 2, scale, panel, p->name);
	fr_font_draw(c, x, y, scale, white, p->name);
}

static void draw_background(const struct fr_pattern_picture *p, const struct fr_canvas *c)
{
	const int edge = p->scale / 2 > 1 ? p->scale / 2 : 1;

	draw_sky(c);
	draw_fields(c);
	draw_name(p, c);
	fr_canvas_fill(c, p->panel_x - edge, p->panel_y - edge, p->panel_width + 2 * edge,
	    p->panel_height + 2 * edge, silver);
	fr_canvas_fill(c, p->panel_x, p->panel_y, p->panel_width, p->panel_height, panel);
	fr_canvas_fill(c, 0, p->track_y + p->track_height, c->width, edge, silver);
}

/* --- What moves ------------------------------------------------------------------------------- */

static void draw_clock(const struct fr_pattern_picture *p, int64_t real_us, uint64_t number)
{
	const time_t seconds = (time_t)(real_us / 1000000);
	const int small = p->scale / 2 > 1 ? p->scale / 2 : 1;
	const int x = p->panel_x + p->scale * 4, y = p->panel_y + p->scale * 3;
	char clock[CLOCK_MAX], date[CLOCK_MAX], count[CLOCK_MAX];
	struct tm tm;

	if (localtime_r(&seconds, &tm) == NULL)
		memset(&tm, 0, sizeof(tm));
	(void)snprintf(clock, sizeof(clock), "%02u:%02u:%02u.%03u", (unsigned)tm.tm_hour % 100,
	    (unsigned)tm.tm_min % 100, (unsigned)tm.tm_sec % 100,
	    (unsigned)(real_us / 1000 % 1000));
	if (strftime(date, sizeof(date), "%Y-%m-%d", &tm) == 0)
		date[0] = '\0';
	(void)snprintf(count, sizeof(count), "%06" PRIu64, number);
	fr_font_draw(&p->canvas, x, y, p->scale, white, clock);
	fr_font_draw(&p->canvas, x, y + FR_FONT_HEIGHT * p->scale + small, small, silver, date);
	fr_font_draw(&p->canvas,
	    p->panel_x + p->panel_width - p->scale * 4 - fr_font_text_width(count, small),
	    y + FR_FONT_HEIGHT * p->scale + small, small, amber, count);
}

/* A disc with a soft edge and light from above. */
static void draw_ball(const struct fr_pattern_picture *p, double centre_x, double centre_y)
{
	const struct fr_canvas *c = &p->canvas;
	const double radius = p->radius;

	for (int y = (int)(centre_y - radius) - 1; y <= (int)(centre_y + radius) + 1; y++)
		for (int x = (int)(centre_x - radius) - 1; x <= (int)(centre_x + radius) + 1; x++) {
			const double away = hypot(x - centre_x, y - centre_y);
			const double cover = fmin(1, radius + 0.5 - away);
			const double lit =
			    1.1 - 0.6 *
			              hypot(x - centre_x + radius / 3, y - centre_y + radius / 3) /
			              radius;
			uint8_t *at;

			if (x < 0 || y < 0 || x >= c->width || y >= c->height || cover <= 0)
				continue;
			at = c->pixels + (size_t)y * c->stride + (size_t)x * RGB;
			for (int i = 0; i < RGB; i++)
				at[i] = (uint8_t)(at[i] * (1 - cover) +
				                  fmin(255, fmax(0, amber[i] * lit)) * cover);
		}
}

/* Where the ball is follows from the time alone, so that a lost picture is seen as a jump. */
static void roll_ball(const struct fr_pattern_picture *p, int64_t real_us)
{
	const double lap = (double)(real_us / 1000 % LAP_MS) / LAP_MS;
	const double hop = (double)(real_us / 1000 % HOP_MS) / HOP_MS;
	const double way = lap < 0.5 ? lap * 2 : 2 - lap * 2;
	const double height = 4 * hop * (1 - hop) * (p->track_height - 2 * p->radius);

	draw_ball(p, p->radius + way * (p->width - 2 * p->radius),
	    p->track_y + p->track_height - p->radius - fmax(0, height));
}

const uint8_t *fr_pattern_picture_draw(
    struct fr_pattern_picture *picture, int64_t real_us, uint64_t number)
{
	const int bottom = picture->track_y + picture->track_height;
	const int top = picture->panel_y < 0 ? 0 : picture->panel_y;
	const size_t from = (size_t)top * picture->canvas.stride;
	const size_t to =
	    (size_t)(bottom < picture->height ? bottom : picture->height) * picture->canvas.stride;

	if (to > from)
		memcpy(picture->pixels + from, picture->background + from, to - from);
	draw_clock(picture, real_us, number);
	roll_ball(picture, real_us);
	return picture->pixels;
}

/* --- Life ------------------------------------------------------------------------------------- */

static void lay_out(struct fr_pattern_picture *p)
{
	const int by_width = p->width / ((CLOCK_CHARS + 2) * FR_FONT_WIDTH);
	const int by_height = p->height / (FR_FONT_HEIGHT * 5);
	const int scale = by_width < by_height ? by_width : by_height;

	p->scale = scale > 1 ? scale : 1;
	p->panel_width = (CLOCK_CHARS + 1) * FR_FONT_WIDTH * p->scale;
	p->panel_height = p->scale * (FR_FONT_HEIGHT * 3 / 2 + 7);
	p->panel_x = (p->width - p->panel_width) / 2;
	p->panel_y = p->height * 18 / 100;
	p->track_y = p->panel_y + p->panel_height + p->scale * 2;
	p->track_height = p->height * 76 / 100 - p->track_y;
	if (p->track_height < 1)
		p->track_height = 1;
	p->radius = p->height / 20 > 1 ? p->height / 20 : 1;
}

struct fr_pattern_picture *fr_pattern_picture_new(const char *name, unsigned width, unsigned height)
{
	const size_t size = (size_t)width * height * RGB;
	struct fr_pattern_picture *p = fr_xcalloc(1, sizeof(*p));

	(void)snprintf(p->name, sizeof(p->name), "%s", name);
	p->width = (int)width;
	p->height = (int)height;
	p->background = calloc(1, size);
	p->pixels = malloc(size);
	if (p->background == NULL || p->pixels == NULL)
		goto fail;
	lay_out(p);
	p->canvas =
	    (struct fr_canvas){p->background, p->width, p->height, RGB, (size_t)width * RGB};
	draw_background(p, &p->canvas);
	p->canvas.pixels = p->pixels;
	memcpy(p->pixels, p->background, size);
	return p;

fail:
	fr_pattern_picture_free(p);
	return NULL;
}

void fr_pattern_picture_free(struct fr_pattern_picture *picture)
{
	if (picture == NULL)
		return;
	free(picture->background);
	free(picture->pixels);
	free(picture);
}
