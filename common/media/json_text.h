/* SPDX-License-Identifier: MIT */
/* JSON from strangers: bounded in depth and numbers before a parser works on it. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_cause;

enum {
	FR_JSON_DEPTH_MAX = 8,   /* arrays and objects inside each other */
	FR_JSON_NUMBER_MAX = 32, /* characters */
};

/**
 * @param bytes      may be NULL when `size` is 0
 * @param depth_max  arrays and objects inside each other: FR_JSON_DEPTH_MAX, and more where something is wrapped around
 *                   a text that may be as deep
 * @return the value of exactly one JSON text (RFC 8259) in UTF-8, of any kind, with white space around, not too deep,
 *         no number too long or too large for a double or 64 bits, no key of an object twice; the caller's
 *         reference. NULL: `why`
 *
 * Thread: any.
 */
json_t *fr_json_text_read(
    const uint8_t *bytes, size_t size, unsigned depth_max, struct fr_cause *why);

/** @return whether fr_json_text_read() would take it, FR_JSON_DEPTH_MAX deep */
bool fr_json_text_is_valid(const uint8_t *bytes, size_t size);
