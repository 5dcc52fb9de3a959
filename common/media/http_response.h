/* SPDX-License-Identifier: MIT */
/*
 * The head of an HTTP/1.x answer: bytes in, one event out. Pure: no I/O, no clock.
 *
 * It takes what cameras and small programs send: bare LF, folded lines, blanks before the colon, lines without a
 * colon, fields more than once (the first counts), any letter case, no reason. An interim answer (1xx) is passed over. What
 * is no HTTP is refused at its first byte, and an endless head at 32 KiB.
 *
 * Source: RFC 9112 4, 5 and 6.3; where it is missed, what browsers accept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/cause.h"

struct fr_http_response;

enum {
	FR_HTTP_RESPONSE_MAX = 32 * 1024, /* bytes of a head, interim answers included */
};

enum fr_http_response_state {
	FR_HTTP_RESPONSE_MORE, /* all bytes were taken, the head is not whole */
	FR_HTTP_RESPONSE_DONE, /* the head is whole; what was not taken is the body */
	FR_HTTP_RESPONSE_BAD,  /* it is no HTTP, or too long: `why`; nothing more is read */
};

/** @return never NULL */
struct fr_http_response *fr_http_response_new(void);
void fr_http_response_free(struct fr_http_response *head); /* NULL is fine */

/** Is ready for the next answer of the connection. */
void fr_http_response_reset(struct fr_http_response *head);

/** Takes bytes until the head is whole, refused, or they are used up. @return bytes taken */
size_t fr_http_response_read(struct fr_http_response *head, const uint8_t *bytes, size_t size,
    enum fr_http_response_state *ret, struct fr_cause *why);

/* The rest is for a head that is DONE. */

unsigned fr_http_response_code(const struct fr_http_response *head); /* 200..999, or 101 */

/** @return the words behind the code, "" when there are none */
const char *fr_http_response_reason(const struct fr_http_response *head);

/**
 * @param name  lower case
 * @param n     0: the first field of this name
 * @return      its value without the space around it; NULL: there are no more
 */
const char *fr_http_response_field(
    const struct fr_http_response *head, const char *name, unsigned n);

/** @return whether the body is chunked (RFC 9112 6.1) */
bool fr_http_response_is_chunked(const struct fr_http_response *head);

/** @return whether the body has a length; 204 and 304 have none, so 0. A length beside chunks does not count. */
bool fr_http_response_length(const struct fr_http_response *head, uint64_t *ret);

/** @return whether the connection can serve another request behind this answer */
bool fr_http_response_keeps_alive(const struct fr_http_response *head);

/**
 * Reads a parameter of a value, `image/x; name=value; other="value"`, any letter case.
 *
 * @param ret  room of `capacity` bytes; what is longer is cut
 * @return     false: there is none, or it is empty
 */
bool fr_http_parameter(const char *value, const char *name, char *ret, size_t capacity);
