/* SPDX-License-Identifier: MIT */
/*
 * Passwords as crypt(3) keeps them: `$y$…` (yescrypt), and whatever else the system's library knows. Looking at one
 * takes as long as it is meant to, some 20 to 200 ms: never on the loop.
 *
 * Source: crypt(5), libxcrypt
 */
#pragma once

#include <stdbool.h>

struct fr_cause;

enum {
	FR_PASSWORD_HASH_MAX = 384, /* as CRYPT_OUTPUT_SIZE of libxcrypt */
};

/** @return whether the text is a hash that fr_password_is_right() can look at */
bool fr_password_is_hash(const char *text);

/** Thread: any. @param hash  as in the configuration; one that is none fits no password */
bool fr_password_is_right(const char *hash, const char *password);

/**
 * Makes a hash of the kind that the library prefers, with salt by chance.
 *
 * @retval -EIO  the library cannot; `why` says so
 */
int fr_password_hash(const char *password, char ret[FR_PASSWORD_HASH_MAX], struct fr_cause *why);
