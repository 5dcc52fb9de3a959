/* SPDX-License-Identifier: MIT */
/* Text in and out: names, numbers with units, and a string that grows. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_cause;

enum {
	FR_NAME_MAX = 64, /* characters of a stream's name, without the final NUL */
};

/** @return whether `name` is `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`: what a stream may be called */
bool fr_text_is_name(const char *name);

/** Copies `from` to `to`, every character that a name may not have turned into `-`, cut at 64. */
void fr_text_to_name(char to[FR_NAME_MAX + 1], const char *from);

/**
 * Reads a whole number, decimal digits only (a `-` in front if min < 0).
 *
 * @retval 0        `*ret` is min..max
 * @retval -EINVAL  not a number, something behind it, or out of range; `why` says which
 */
int fr_text_int(const char *text, int64_t min, int64_t max, int64_t *ret, struct fr_cause *why);

/** Reads a decimal fraction such as 0.2 or 30 as thousandths (200, 30000), rounded down. Errors as above. */
int fr_text_milli(
    const char *text, int64_t min_milli, int64_t max_milli, int64_t *ret, struct fr_cause *why);

/** Reads "8388608", "8 MiB", "64KiB", "1 GB": bytes. KiB/MiB/GiB are powers of 1,024, kB/MB/GB of 1,000. */
int fr_text_size(const char *text, int64_t min, int64_t max, int64_t *ret, struct fr_cause *why);

/** Reads "640x480". @param ret_width, ret_height  pixels, 1..65535 each */
int fr_text_pixels(
    const char *text, unsigned *ret_width, unsigned *ret_height, struct fr_cause *why);

/** @return the candidate nearest to `word` by edit distance, or NULL if none is near. `candidates` ends with NULL. */
const char *fr_text_nearest(const char *word, const char *const *candidates);

/** A string that grows. All zero is a valid empty one; `text` is NULL or ends with NUL. */
struct fr_text {
	char *text;
	size_t length; /* characters, without the final NUL */
	size_t capacity;
};

/** printf at the end. */
__attribute__((format(printf, 2, 3))) void fr_text_add(struct fr_text *t, const char *fmt, ...);

/** Bytes at the end, any of them; with a NUL among them only `length` tells where the text ends. */
void fr_text_put(struct fr_text *t, const void *bytes, size_t size);

/** Frees the characters; the struct is empty again. */
void fr_text_done(struct fr_text *t);
