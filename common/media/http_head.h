/* SPDX-License-Identifier: MIT */
/*
 * The head of an HTTP/1.x request: bytes in, one event out. Pure: no I/O, no clock.
 *
 * Whatever two readers could understand differently is refused: bare LF, folded lines, a space before the colon,
 * control characters, two lengths, a length beside Transfer-Encoding, codings other than chunked, no or two Hosts,
 * `..` in a path. The limits hold while the head comes in, and what is refused costs no memory.
 *
 * Source: RFC 9110, RFC 9112; where they leave a choice, what nginx 1.22 refuses is refused here too.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/cause.h"
#include "common/base/stats.h"

struct fr_http_head;

/** 0: as much as there may ever be (64 KiB, 1 MiB, 1,024). A plain value. */
struct fr_http_head_limits {
	size_t line_bytes;   /* the request line, without its end: else 414 */
	size_t header_bytes; /* all header lines together, without their ends: else 431 */
	size_t fields;       /* header lines: else 431 */
};

enum fr_http_method {
	FR_HTTP_GET,
	FR_HTTP_HEAD,
	FR_HTTP_POST,
	FR_HTTP_PUT,
	FR_HTTP_OPTIONS,
	FR_HTTP_DELETE,
	FR_HTTP_PATCH,
	FR_HTTP_TRACE,
	FR_HTTP_CONNECT,
	FR_HTTP_OTHER, /* a token that is none of these, so `get` too */
};

enum fr_http_body {
	FR_HTTP_NO_BODY,
	FR_HTTP_LENGTH, /* content_length bytes, 1 or more */
	FR_HTTP_CHUNKED,
};

/** A request; pointers are the head's own, until it is reset or freed. A plain value. */
struct fr_http_request {
	enum fr_http_method method;
	unsigned minor;     /* 0 or 1: HTTP/1.minor */
	const char *path;   /* decoded; begins with `/`, or is `*` */
	const char *query;  /* as it came, without its `?`; "" none. See fr_uri_query_next() */
	const char *host;   /* lower case, without port and brackets; "" none (HTTP/1.0) */
	const char *origin; /* as it came; NULL none */
	enum fr_http_body body;
	uint64_t content_length; /* with LENGTH */
	bool expects_continue;   /* Expect: 100-continue */
	bool keeps_alive;        /* the connection may serve another one */
};

enum fr_http_head_state {
	FR_HTTP_HEAD_MORE, /* all bytes were taken, the head is not whole */
	FR_HTTP_HEAD_DONE, /* fr_http_head_request() has it; what was not taken is the body or the next request */
	FR_HTTP_HEAD_BAD, /* refused: code, reason and why; nothing more is read */
};

struct fr_http_head_event {
	enum fr_http_head_state state;
	unsigned code; /* BAD: the answer, 400, 414, 417, 431, 501, 505 */
	enum fr_reason reason;
	struct fr_cause why;
};

/** @return never NULL */
struct fr_http_head *fr_http_head_new(const struct fr_http_head_limits *limits);
void fr_http_head_free(struct fr_http_head *head); /* NULL is fine */

/** Is ready for the next request of the connection, and holds no memory for it yet. */
void fr_http_head_reset(struct fr_http_head *head);

/** Takes bytes until the head is whole, refused, or they are used up. @return bytes taken */
size_t fr_http_head_read(
    struct fr_http_head *head, const uint8_t *bytes, size_t size, struct fr_http_head_event *ret);

/** @return whether a first byte of a request has come */
bool fr_http_head_has_begun(const struct fr_http_head *head);

/** After DONE. @return borrowed, until it is reset or freed */
const struct fr_http_request *fr_http_head_request(const struct fr_http_head *head);

/**
 * After DONE.
 *
 * @param name  lower case
 * @return      the value of the first field of this name, without the space around it; NULL: there is none
 */
const char *fr_http_head_field(const struct fr_http_head *head, const char *name);

/** The same of the last one: what the nearest proxy has added. */
const char *fr_http_head_last_field(const struct fr_http_head *head, const char *name);

/** @return whether a field of this name lists the word (`,` between words, `;` ends one); any letter case */
bool fr_http_head_lists(const struct fr_http_head *head, const char *name, const char *word);

const char *fr_http_method_name(enum fr_http_method method); /* "other" for OTHER */
