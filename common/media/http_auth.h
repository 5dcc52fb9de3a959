/* SPDX-License-Identifier: MIT */
/*
 * Logging in at a web server as a client: its challenge read, the answer made. Basic and Digest (MD5, SHA-256, with
 * qop=auth and without). Pure: the nonce of ours and its count are given.
 *
 * Source: RFC 9110 11, RFC 7617, RFC 7616.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct fr_text;

enum fr_http_scheme {
	FR_HTTP_AUTH_NONE, /* no challenge that can be answered; in order of strength */
	FR_HTTP_AUTH_BASIC,
	FR_HTTP_AUTH_DIGEST_MD5,
	FR_HTTP_AUTH_DIGEST_SHA256,
};

enum {
	FR_HTTP_AUTH_VALUE_MAX = 255, /* bytes of a realm, a nonce, an opaque */
};

/** A plain value; all zero is none. */
struct fr_http_challenge {
	enum fr_http_scheme scheme;
	bool has_qop;  /* Digest: qop=auth */
	bool is_stale; /* Digest: the password was right, only the nonce is old */
	char realm[FR_HTTP_AUTH_VALUE_MAX + 1];
	char nonce[FR_HTTP_AUTH_VALUE_MAX + 1];
	char opaque[FR_HTTP_AUTH_VALUE_MAX + 1]; /* "": none */
};

/**
 * Reads a WWW-Authenticate value, which may hold several challenges, and keeps the strongest that can be answered:
 * called for each of the answer's fields, from an empty one on.
 */
void fr_http_challenge_read(const char *value, struct fr_http_challenge *best);

/**
 * Appends the value of Authorization.
 *
 * @param challenge     not NONE
 * @param target        as in the request line
 * @param count         which request with this nonce it is, from 1
 * @param client_nonce  16 or more characters by chance, without `"` and `\`
 * @return              false: the library knows no such hash (MD5 where policy forbids it)
 */
bool fr_http_authorization(const struct fr_http_challenge *challenge, const char *user,
    const char *password, const char *method, const char *target, uint32_t count,
    const char *client_nonce, struct fr_text *to);

/** @return "Basic", "Digest MD5", "Digest SHA-256", "none" */
const char *fr_http_scheme_name(enum fr_http_scheme scheme);
