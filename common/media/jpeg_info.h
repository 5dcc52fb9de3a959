/* SPDX-License-Identifier: MIT */
/*
 * Looks at a JPEG without decoding it: a bounded walk over the markers.
 *
 * Two forms. fr_jpeg_info_read() judges a whole picture whose length is known. fr_jpeg_walk finds where a
 * picture ends in a flow of bytes, for publishers that send JPEGs one after the other without lengths.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_cause;

struct fr_jpeg_info {
	uint16_t width, height; /* pixels, 1..65535; a height of 0 ("see DNL") is refused */
	uint8_t components;     /* 1..4 */
	bool progressive;
};

/**
 * Walks SOI, the segments by their lengths, the first frame header and SOS; then looks for the last EOI in the
 * last 4 KiB. Never looks at entropy-coded data. Bytes behind EOI are fine. Takes at most 65,536 steps, whatever
 * the bytes.
 *
 * @retval 0        a JPEG by its structure; *ret filled
 * @retval -EINVAL  `why` says what is wrong
 *
 * Source: ITU-T T.81 (1992) B.1.1, B.2.
 */
int fr_jpeg_info_read(
    const uint8_t *jpeg, size_t size, struct fr_jpeg_info *ret, struct fr_cause *why);

/** Where the walk is; all zero is "before SOI". The fields are the walk's own. */
struct fr_jpeg_walk {
	unsigned state;
	uint32_t left;  /* bytes of the segment still to be skipped */
	uint8_t marker; /* whose segment it is */
};

enum fr_jpeg_step {
	FR_JPEG_MORE, /* everything was taken, the picture goes on */
	FR_JPEG_END,  /* EOI was the last byte taken; the walk is ready for the next picture */
	FR_JPEG_CUT, /* a new SOI came inside entropy-coded data: this picture was cut short; the last two bytes taken
	                 (the first perhaps by an earlier call) begin the next one, and the walk stands behind them */
	FR_JPEG_BAD, /* not a JPEG at the byte after those taken; the walk is of no more use */
};

/**
 * Goes on with the walk, through the entropy-coded data too (by memchr for 0xFF).
 *
 * @param ret_taken  bytes that belong to this picture
 */
enum fr_jpeg_step fr_jpeg_walk_feed(
    struct fr_jpeg_walk *walk, const uint8_t *bytes, size_t size, size_t *ret_taken);

/** @return whether the next byte is entropy-coded data (only there may a text such as a delimiter be looked for) */
bool fr_jpeg_walk_in_scan(const struct fr_jpeg_walk *walk);

/** @return bytes, 1 or more, that can be fed without passing from a header into entropy-coded data unseen */
size_t fr_jpeg_walk_stride(const struct fr_jpeg_walk *walk);
