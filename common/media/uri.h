/* SPDX-License-Identifier: MIT */
/* The parts of an address as HTTP has them: host, path, query. Pure. Source: RFC 3986. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FR_URI_HOST_MAX = 255,
	FR_URI_KEY_MAX = 63,
	FR_URI_VALUE_MAX = 255,
};

/**
 * Reads `host[:port]` (Host, an origin's end): a name, an IPv4 address or an IPv6 one in brackets.
 *
 * @param ret  lower case, without port and brackets, without the dot that may end a name
 * @return     false: neither
 */
bool fr_uri_host(const char *text, char ret[FR_URI_HOST_MAX + 1]);

/** Reads an Origin, `scheme://host[:port]`. @return false: none (`null`, or malformed) */
bool fr_uri_origin_host(const char *origin, char ret[FR_URI_HOST_MAX + 1]);

/**
 * Undoes %XX in a path, in place.
 *
 * @return NULL, or why it is refused: a bad %XX, an encoded `/` or NUL or control character, a `.` or `..` segment
 */
const char *fr_uri_decode_path(char *path);

/** One parameter of a query; %XX and `+` are undone. A plain value. */
struct fr_uri_parameter {
	char key[FR_URI_KEY_MAX + 1];
	char value[FR_URI_VALUE_MAX + 1];
	bool has_value; /* there was a `=` */
	bool is_cut;    /* too long, or badly encoded: the key may be whole, the value is not */
};

/** @param at  where the query, or what was left of it, begins; moved. @return false: no more */
bool fr_uri_query_next(const char **at, struct fr_uri_parameter *ret);
