/* SPDX-License-Identifier: MIT */
/* The configuration file: libconfig text into checked settings. */
#pragma once

#include <stddef.h>

struct fr_settings;
struct fr_text;

enum {
	FR_SETTINGS_FILE_MAX = 1024 * 1024, /* bytes of a file */
};

/**
 * Reads a file and says everything that is wrong with it.
 *
 * @param ret       set on success; the caller frees
 * @param problems  one line for each: `file:line: what, what is allowed`
 * @retval -EINVAL  something is wrong, or the file cannot be read
 *
 * Blocks on the file: for the start and for a reload.
 */
int fr_settings_read(const char *path, struct fr_settings **ret, struct fr_text *problems);

/**
 * The same of text in memory.
 *
 * @param name  what to call it in the problems
 * @param text  ends with NUL behind `size` bytes
 */
int fr_settings_read_text(const char *name, const char *text, size_t size, struct fr_settings **ret,
    struct fr_text *problems);
