/* SPDX-License-Identifier: MIT */
/*
 * The picture that stands for the one that does not come: the last one greyed, or plain grey, and a line of text on it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_frame;
struct fr_frame_pool;

enum {
	FR_PLACEHOLDER_WIDTH = 640, /* pixels, where there was no picture to go by */
	FR_PLACEHOLDER_HEIGHT = 480,
	FR_PLACEHOLDER_TEXT_MAX = 64,      /* with the final NUL */
	FR_PLACEHOLDER_MOST_PX = 16000000, /* a larger picture is made smaller, by 2, 4 or 8 */
};

/**
 * Says since when there is no picture, in the local time of this machine (TZ); with the day when that is not today.
 *
 * @param since_us   Unix time in us of the last picture that showed something; 0: there never was one
 * @param is_frozen  pictures come, but always the same one
 * @param now_us     Unix time in us
 *
 * Thread: the loop's (localtime_r(3) reads the environment).
 */
void fr_placeholder_words(
    int64_t since_us, bool is_frozen, int64_t now_us, char to[FR_PLACEHOLDER_TEXT_MAX]);

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
