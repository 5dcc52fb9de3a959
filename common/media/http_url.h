/* SPDX-License-Identifier: MIT */
/* An http:// address to fetch from, as a plain value: read, followed to where a redirect leads, shown. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_cause;

enum {
	FR_HTTP_URL_TARGET_MAX = 2047,   /* characters of path and query */
	FR_HTTP_URL_USER_MAX = 127,      /* bytes of a user, of a password */
	FR_HTTP_URL_TEXT_MAX = 300 + 80, /* what fr_http_url_print() writes, with its NUL */
};

struct fr_http_url {
	char host[256]; /* without brackets */
	uint16_t port;
	char target[FR_HTTP_URL_TARGET_MAX +
	            1]; /* path and query as they go on the wire; begins with `/` */
	bool has_user;
	char user[FR_HTTP_URL_USER_MAX + 1]; /* %XX is undone */
	char password[FR_HTTP_URL_USER_MAX + 1];
};

/**
 * Reads `http://[user[:password]@]host[:port][/path][?query]`; a fragment is left out, blanks and bytes above 7F are
 * encoded.
 *
 * @retval -EPROTONOSUPPORT  https://, which needs TLS
 * @retval -EINVAL           no address of the web; `why` names what is wrong, never a password
 */
int fr_http_url_parse(const char *text, struct fr_http_url *ret, struct fr_cause *why);

/**
 * Where a Location leads: a whole address, `//host/path`, `/path`, `?query` or a path beside the present one.
 *
 * @param ret  without user and password, whatever `location` has; may be `base`
 *
 * Source: RFC 3986 5.2.
 */
int fr_http_url_follow(const struct fr_http_url *base, const char *location,
    struct fr_http_url *ret, struct fr_cause *why);

/** @return whether both are the same host and port: who may see the other's password */
bool fr_http_url_same_host(const struct fr_http_url *a, const struct fr_http_url *b);

/** For Host: "host", "host:8080", "[::1]:8080". @return text */
const char *fr_http_url_host(const struct fr_http_url *url, char text[256 + 16]);

/** For logs: without user, password and query, which may hold one too. @return text */
const char *fr_http_url_print(const struct fr_http_url *url, char text[FR_HTTP_URL_TEXT_MAX]);
