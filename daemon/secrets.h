/* SPDX-License-Identifier: MIT */
/* What is printed for who gives access: a token and its row of `access`. */
#pragma once

struct fr_cause;
struct fr_text;

/**
 * Makes a token by chance, 192 bits, and the row that lets it publish the stream of the same name.
 *
 * @param name      whose it is; also the stream in the row, as far as it can be one
 * @param to        what is printed
 * @retval -EINVAL  a row cannot have such a name
 */
int fr_new_token(const char *name, struct fr_text *to, struct fr_cause *why);
