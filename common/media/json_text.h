/* SPDX-License-Identifier: MIT */
/* Is this one JSON text? Bounded, and nothing is kept of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FR_JSON_DEPTH_MAX = 8,   /* arrays and objects inside each other */
	FR_JSON_NUMBER_MAX = 32, /* characters */
};

/**
 * @return whether the bytes are exactly one JSON text (RFC 8259) in UTF-8, of any kind, with white space around, not
 *         too deep, no number too long or too large for a double or 64 bits, no key of an object twice
 *
 * Thread: any.
 */
bool fr_json_text_is_valid(const uint8_t *bytes, size_t size);
