/* SPDX-License-Identifier: MIT */
/*
 * What somebody shows to log in: the value of Authorization, read. Pure; what it was is wiped by the caller.
 *
 * Source: RFC 6750 2.1 (Bearer), RFC 7617 (Basic), RFC 9110 11.4.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct fr_cause;

enum {
	FR_TOKEN_MAX = 128,
	FR_USER_MAX = 64,
	FR_PASSWORD_MAX = 128, /* bytes; more are no password of ours */
};

enum fr_credential_kind {
	FR_CREDENTIAL_NONE,
	FR_CREDENTIAL_TOKEN,
	FR_CREDENTIAL_PASSWORD,
	FR_CREDENTIAL_BAD, /* another scheme, or not as its scheme has it */
};

/** A plain value with a secret in it. */
struct fr_credential {
	enum fr_credential_kind kind;
	char token[FR_TOKEN_MAX + 1];
	char user[FR_USER_MAX + 1];
	char password[FR_PASSWORD_MAX + 1];
};

/** @return whether it can be a token: 1..128 visible ASCII characters */
bool fr_token_is_good(const char *text);

/**
 * Reads a file that holds a token, as fr_secret_read() does.
 *
 * @param path  "": there is none, and the token is ""
 */
int fr_token_read(const char *path, char ret[FR_TOKEN_MAX + 1], struct fr_cause *why);

/** @return whether it can be a user's name: 1..64 printable characters without `:` and control characters */
bool fr_user_is_good(const char *text);

/** Reads the value of Authorization. @param value  NULL: there is none */
void fr_credential_read(const char *value, struct fr_credential *ret);

/** Overwrites it, so that the secret is nowhere. */
void fr_credential_wipe(struct fr_credential *credential);
