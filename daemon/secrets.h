/* SPDX-License-Identifier: MIT */
/* What is printed for who gives access: a token or a user, and the row of `access`. */
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

/**
 * Makes the row of a user: asks for the password on the terminal, twice and without showing it, or reads the first line
 * of standard input where that is none.
 *
 * @retval -EINVAL  no such name or password; `why` says what is wrong
 * @retval -errno   it cannot be asked for, or hashed
 */
int fr_hash_password(const char *user, struct fr_text *to, struct fr_cause *why);
