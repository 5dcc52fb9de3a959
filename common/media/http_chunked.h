/* SPDX-License-Identifier: MIT */
/*
 * Undoes the chunked coding of a request's body: bytes in, events out. Pure, and as strict as the head's reader.
 *
 * A size is 1 to 15 hexadecimal digits and nothing else; extensions are short and not looked at; trailers are short
 * and discarded; every line ends CRLF.
 *
 * Source: RFC 9112 7.1.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** Where the reader is; all zero is the beginning. The fields are the reader's own. */
struct fr_http_chunked {
	unsigned state;
	unsigned digits; /* of the size */
	uint64_t left;   /* bytes of the chunk that are still to come */
	size_t extra;    /* bytes of extensions of this chunk, of trailers in all */
	size_t column;   /* of a trailer's line */
};

enum fr_http_chunked_state {
	FR_HTTP_CHUNKED_MORE, /* all bytes were taken, the body goes on */
	FR_HTTP_CHUNKED_DATA, /* bytes, size: the next piece of the body */
	FR_HTTP_CHUNKED_END,  /* the body is whole; what was not taken is the next request */
	FR_HTTP_CHUNKED_BAD,  /* `why`; nothing more may be read */
};

struct fr_http_chunked_event {
	enum fr_http_chunked_state state;
	const uint8_t *bytes; /* DATA: in the caller's own */
	size_t size;
	const char *why; /* BAD: constant text */
};

/** Takes bytes until one event is complete or they are used up. @return bytes taken */
size_t fr_http_chunked_read(struct fr_http_chunked *chunked, const uint8_t *bytes, size_t size,
    struct fr_http_chunked_event *ret);
