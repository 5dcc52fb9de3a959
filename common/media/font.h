/* SPDX-License-Identifier: MIT */
/*
 * A small bitmap font, 8 x 16, and the little drawing that pictures of our own need: boxes and text.
 *
 * Everything is clipped at the edges of the canvas, so no size and no position is wrong.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	FR_FONT_WIDTH = 8, /* pixels of a character at scale 1 */
	FR_FONT_HEIGHT = 16,
};

/** Pixels in memory, row by row. A plain value; the memory is somebody else's. */
struct fr_canvas {
	uint8_t *pixels;
	int width, height; /* pixels */
	int channels;      /* bytes of a pixel: 1 (grey) … 4 */
	size_t stride;     /* bytes from a row to the next */
};

/**
 * @return 16 rows from the top, the highest bit is the leftmost pixel. What is no printable ASCII character is
 *         a box
 */
const uint8_t *fr_font_glyph(unsigned char c);

/**
 * Fills a rectangle.
 *
 * @param colour  as many bytes as the canvas has channels
 */
void fr_canvas_fill(
    const struct fr_canvas *canvas, int x, int y, int width, int height, const uint8_t *colour);

/**
 * Writes a line of text; the background stays. A character beyond ASCII (UTF-8) is one box.
 *
 * @param x, y   where the first character's upper left corner is
 * @param scale  canvas pixels for a pixel of the font, 1 or more
 */
void fr_font_draw(const struct fr_canvas *canvas, int x, int y, int scale, const uint8_t *colour,
    const char *text);

/** @return how wide fr_font_draw() makes it, in pixels */
int fr_font_text_width(const char *text, int scale);
