/* SPDX-License-Identifier: MIT */
/* Is this one JSON text? Bounded, and nothing is kept of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * @return whether the bytes are exactly one JSON text (RFC 8259) in UTF-8, of any kind, with white space around
 *
 * Thread: any.
 */
bool fr_json_text_is_valid(const uint8_t *bytes, size_t size);
