/* SPDX-License-Identifier: MIT */
/* SHA-256 of secrets, so that they need not be kept, and comparison that takes as long whatever it finds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FR_DIGEST_BYTES = 32,
	FR_DIGEST_TEXT_MAX = 2 * FR_DIGEST_BYTES + 1,
};

/** A plain value. Source: FIPS 180-4 (SHA-256), RFC 2104 (HMAC). */
struct fr_digest {
	uint8_t bytes[FR_DIGEST_BYTES];
};

struct fr_digest fr_digest_of(const void *bytes, size_t size);

/** HMAC-SHA256. */
struct fr_digest fr_digest_keyed(const void *key, size_t key_size, const void *bytes, size_t size);

/** @return whether both are equal; how long it takes does not tell where they differ */
bool fr_digest_same(const struct fr_digest *a, const struct fr_digest *b);

/** Reads 64 hex digits. @return false: it is something else */
bool fr_digest_read(const char *text, struct fr_digest *ret);

/** Writes 64 hex digits, lower case. @return text */
const char *fr_digest_print(const struct fr_digest *digest, char text[FR_DIGEST_TEXT_MAX]);
