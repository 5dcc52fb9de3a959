/* SPDX-License-Identifier: MIT */
/* A file that holds a secret: one line, which nobody else may read. */
#pragma once

#include <stddef.h>

struct fr_cause;

/**
 * Reads the first line of a file, without its end.
 *
 * The file is refused when others can read it (root:group 0640 is right), or when anybody but root and this user can
 * write it.
 *
 * @param ret       room of `capacity` bytes, the final NUL included
 * @retval -errno   `why` names the file and what is wrong, never what is in it
 */
int fr_secret_read(const char *path, char *ret, size_t capacity, struct fr_cause *why);
