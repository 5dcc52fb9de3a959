/* SPDX-License-Identifier: MIT */
/*
 * The test picture: a clock, a running number, the stream's name, a ball that rolls, grey steps and colour fields.
 *
 * What does not move is drawn once; of each picture only the middle is drawn anew. Pure: the time is handed in.
 */
#pragma once

#include <stdint.h>

struct fr_pattern_picture;

/**
 * @param name           what stands on top, copied
 * @param width, height  pixels, 1..65535
 * @return               NULL: no memory for so many pixels
 */
struct fr_pattern_picture *fr_pattern_picture_new(
    const char *name, unsigned width, unsigned height);
void fr_pattern_picture_free(struct fr_pattern_picture *picture); /* NULL is fine */

/**
 * Draws the next picture.
 *
 * @param real_us  Unix time that the clock shows, local time
 * @param number   the running number
 * @return         RGB, three bytes a pixel, rows without a gap; valid until the next call
 *
 * Thread: any, one at a time.
 */
const uint8_t *fr_pattern_picture_draw(
    struct fr_pattern_picture *picture, int64_t real_us, uint64_t number);
