/* SPDX-License-Identifier: MIT */
/* A file that holds a secret, which nobody else may read: a line, or a key. */
#pragma once

#include <stddef.h>

struct fr_cause;

/**
 * Opens a file to read it.
 *
 * It is refused when others can read it (root:group 0640 is right), or when anybody but root and this user can write
 * it.
 *
 * @return         the descriptor, close-on-exec, the caller's
 * @retval -errno  `why` names the file and what is wrong, never what is in it
 */
int fr_secret_open(const char *path, struct fr_cause *why);

/**
 * Reads the first line of a file, without its end. What is refused above is refused here.
 *
 * @param ret       room of `capacity` bytes, the final NUL included
 * @retval -errno   `why` names the file and what is wrong, never what is in it
 */
int fr_secret_read(const char *path, char *ret, size_t capacity, struct fr_cause *why);
