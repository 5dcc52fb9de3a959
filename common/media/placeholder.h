/* SPDX-License-Identifier: MIT */
/*
 * The picture that stands for the one that does not come: the last one greyed, or plain grey, and a line of text on it.
 */
#pragma once

#include <stddef.h>

struct fr_frame;
struct fr_frame_pool;

enum {
	FR_PLACEHOLDER_WIDTH = 640, /* pixels, where there was no picture to go by */
	FR_PLACEHOLDER_HEIGHT = 480,
	FR_PLACEHOLDER_MOST_PX = 16000000, /* a larger picture is made smaller, by 2, 4 or 8 */
};

/**
 * @param last           its bytes are read and nothing else; NULL: there was none
 * @param width, height  pixels of the plain one, 1..65500 each; 0: as above
 * @param text           printable ASCII; broken at its spaces where the picture is narrow
 * @return a picture of the same size, grey, finished, with its reference and the number and time of `last`. One
 *         that cannot be decoded, or not within its limits, becomes a plain one. NULL: there is no memory
 *
 * Thread: any. Takes milliseconds, at most about a second: not for the loop's.
 */
struct fr_frame *fr_placeholder_make(struct fr_frame_pool *pool, const struct fr_frame *last,
    unsigned width, unsigned height, const char *text);
