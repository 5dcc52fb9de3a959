/* SPDX-License-Identifier: MIT */
/* Small JPEGs for tests: each number looks different, and says its number in a comment. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_test_jpeg {
	uint8_t *bytes;
	size_t size;
};

/**
 * A colour picture (4:2:0), baseline.
 *
 * @param quality  1..100
 * @param number   the picture's comment (COM) begins with "number=N"
 * @return its bytes; fr_test_jpeg_done() frees them. Ends the test when it cannot.
 */
struct fr_test_jpeg fr_test_jpeg(unsigned width, unsigned height, int quality, unsigned number);

/** The same with this comment (at most 65,533 bytes) behind SOI. */
struct fr_test_jpeg fr_test_jpeg_comment(
    unsigned width, unsigned height, int quality, const void *comment, size_t size);

/** Padded behind EOI with zeros to exactly `size` bytes (which must be enough for 16x16 pixels). */
struct fr_test_jpeg fr_test_jpeg_sized(size_t size, unsigned number);

/**
 * A few bytes that claim a large picture (1..65535 pixels a side), grey, with all tables and no picture data: what a
 * decoder has to be protected from.
 */
struct fr_test_jpeg fr_test_jpeg_claim(unsigned width, unsigned height, bool progressive);

/** A progressive grey picture of this many scans (1 or more), nearly all of them empty, that decodes without a warning. */
struct fr_test_jpeg fr_test_jpeg_scans(unsigned width, unsigned height, unsigned scans);

void fr_test_jpeg_done(struct fr_test_jpeg *jpeg);
