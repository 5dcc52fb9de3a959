/* SPDX-License-Identifier: MIT */
/*
 * Cuts a multipart body of JPEGs into its parts: bytes in, events out. Pure: no I/O, no clock.
 *
 * It takes what people's programs send (RFC 2046 5.1 and the ways in which it is missed): with and without
 * Content-Length, CRLF or LF, any letter case, more dashes than there should be, a part header glued to the delimiter,
 * no line end before a delimiter. A part with a length ends there; if no delimiter follows, lengths are not believed
 * any more. A part without one ends with the JPEG's EOI, found by its markers, so that a picture is whole at once and
 * may hold a delimiter in a comment; a delimiter inside entropy-coded data ends a picture that was cut short. A part
 * with X-Placeholder, what another relay shows its viewers while there is no picture (docs/protocol.md 2.1), is passed
 * over as if it were not there.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/cause.h"

struct fr_multipart;

enum {
	FR_BOUNDARY_MAX = 70, /* characters, RFC 2046 5.1.1 */
};

enum fr_multipart_event_type {
	FR_MULTIPART_MORE,     /* all bytes were taken and nothing happened */
	FR_MULTIPART_PART,     /* a part's header is whole: has_length, length */
	FR_MULTIPART_BODY,     /* the next bytes of the part */
	FR_MULTIPART_PART_END, /* the part is whole, or cut short by a delimiter */
	FR_MULTIPART_END,      /* the closing delimiter; the rest is not looked at */
	FR_MULTIPART_BAD,      /* it cannot be cut: `why`; nothing more is read */
};

struct fr_multipart_event {
	enum fr_multipart_event_type type;
	bool has_length;      /* PART */
	uint64_t length;      /* PART: Content-Length; what is no 64-bit number is UINT64_MAX */
	int64_t stamp_us;     /* PART: X-Timestamp (seconds.fraction) as it came; 0: none */
	const uint8_t *bytes; /* BODY: valid until the next call; not always the caller's own */
	size_t size;          /* BODY */
	struct fr_cause why;  /* BAD */
};

enum fr_multipart_boundary {
	FR_BOUNDARY_NONE, /* the type does not say: the first line will */
	FR_BOUNDARY_FOUND,
	FR_BOUNDARY_BAD, /* empty, longer than FR_BOUNDARY_MAX, or with characters that may not be there */
};

/**
 * Reads the `boundary` of a Content-Type, quoted or not.
 *
 * @param ret  with FOUND, as it stands there, perhaps with the dashes that belong to its delimiters
 */
enum fr_multipart_boundary fr_multipart_boundary(
    const char *content_type, char ret[FR_BOUNDARY_MAX + 1]);

/**
 * @param boundary   of the Content-Type, without its quotes, dashes in front do not matter; where the body begins with
 *                   another delimiter, that one counts. NULL: learned from the first line, which is then the first
 *                   delimiter
 * @param max_bytes  how much may lie before the first delimiter, and between a part's end and the next one
 * @return never NULL
 */
struct fr_multipart *fr_multipart_new(const char *boundary, size_t max_bytes);

/** Before the first byte: only delimiters of the given boundary count, whatever the body begins with. */
void fr_multipart_insist(struct fr_multipart *m);
void fr_multipart_free(struct fr_multipart *m); /* NULL is fine */

/** Takes bytes until one event is complete or they are used up; call again until MORE. @return bytes taken */
size_t fr_multipart_read(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret);

/** @return bytes that are certainly still the part's body (it has a Content-Length) */
uint64_t fr_multipart_left(const struct fr_multipart *m);

/** Says that the next `n` bytes of the body, at most fr_multipart_left(), were taken past this reader. */
void fr_multipart_skip(struct fr_multipart *m, uint64_t n);

/** @return bytes of a part's header, or in front of the first delimiter, that have come while it is not whole */
size_t fr_multipart_head_bytes(const struct fr_multipart *m);
