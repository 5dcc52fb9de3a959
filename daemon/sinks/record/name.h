/* SPDX-License-Identifier: MIT */
/*
 * What a file of pictures is called: a pattern with the parts of a time (strftime) and the picture's sequence (%n, %06n).
 *
 * Pure. Whatever the picture's time or number is, a name stays below the folder that the pattern begins with: only
 * conversions that make no `/` are allowed, and no `..` is.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_cause;

enum fr_name_kind {
	FR_NAME_NONE,   /* "": no files at all */
	FR_NAME_OUTPUT, /* "-": standard output */
	FR_NAME_NEWEST, /* no % in it: one file, replaced by each picture */
	FR_NAME_EACH,   /* a file for each picture */
	FR_NAME_MJPEG, /* ends in .mjpeg: pictures one after the other; with % a new file when the name changes */
};

enum {
	FR_NAME_PATH_MAX = 1024, /* characters of a path, with the final NUL */
};

/** @retval -EINVAL  not a pattern that may be used; `why` */
int fr_name_check(const char *pattern, enum fr_name_kind *ret, struct fr_cause *why);

/** @return characters of the pattern's front that hold no % and end with a `/`: the operator's own folder; 0: none */
size_t fr_name_fixed(const char *pattern);

/**
 * Makes the path of one picture.
 *
 * @param pattern      one that was checked
 * @param captured_us  Unix time; shown in local time
 * @retval -ENAMETOOLONG
 */
int fr_name_make(
    const char *pattern, uint64_t sequence, int64_t captured_us, char ret[FR_NAME_PATH_MAX]);

/** Copies a path, with "-2" … in front of its ending when `copy` is 2 or more. @retval -ENAMETOOLONG */
int fr_name_copy(const char *path, unsigned copy, char ret[FR_NAME_PATH_MAX]);

/** @return whether fr_name_make() could have made this path, or that of which it is a copy */
bool fr_name_matches(const char *pattern, const char *path);

/** Makes a glob(3) pattern that finds at least what fr_name_matches(). @retval -ENAMETOOLONG */
int fr_name_glob(const char *pattern, char ret[FR_NAME_PATH_MAX]);
