/* SPDX-License-Identifier: MIT */
/*
 * A web server's answer that is pictures: bytes in, events out. Pure: no I/O, no clock.
 *
 * The head is read (http_response), chunks are undone, and the body is cut into pictures by the reader that
 * publishers have too (wire): multipart of every kind that people serve, one JPEG, JPEGs one after the other. What the
 * Content-Type leaves open the first bytes of the body decide.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/media/wire.h"

struct fr_frame_pool;
struct fr_http_pictures;
struct fr_http_response;

enum fr_http_pictures_event_type {
	FR_HTTP_PICTURES_MORE,    /* all bytes were taken and nothing is complete */
	FR_HTTP_PICTURES_HEAD,    /* the head is whole: look at fr_http_pictures_head() */
	FR_HTTP_PICTURES_BEGIN,   /* a picture's first byte came */
	FR_HTTP_PICTURES_FRAME,   /* a whole picture: frame, size, stamp_us */
	FR_HTTP_PICTURES_SKIPPED, /* a whole picture went by for which there was no memory: size */
	FR_HTTP_PICTURES_END,     /* the answer is whole */
	FR_HTTP_PICTURES_BAD,     /* `reason` and `why`; nothing more is read */
};

struct fr_http_pictures_event {
	enum fr_http_pictures_event_type type;
	struct fr_frame *frame; /* FRAME: with its reference, not finished */
	size_t size;
	int64_t stamp_us; /* FRAME: its part's X-Timestamp, whatever clock that is; 0 none */
	enum fr_reason reason;
	struct fr_cause why; /* a sentence for the log */
};

/** @param limits  copied. @return never NULL, ready for an answer */
struct fr_http_pictures *fr_http_pictures_new(
    struct fr_frame_pool *pool, const struct fr_wire_limits *limits);
void fr_http_pictures_free(struct fr_http_pictures *p); /* NULL is fine */

/** Is ready for the next answer of the connection. */
void fr_http_pictures_reset(struct fr_http_pictures *p);

/**
 * Takes bytes until one event is complete or they are used up; call again with the rest until MORE, END or BAD.
 *
 * An answer other than 200 has HEAD and nothing more: its body is not looked at (304: END follows).
 *
 * @return bytes taken; after END what was not taken is the next answer
 */
size_t fr_http_pictures_read(struct fr_http_pictures *p, const uint8_t *bytes, size_t size,
    struct fr_http_pictures_event *ret);

/** The connection has ended: END when that is how the answer ends, else BAD. */
void fr_http_pictures_finish(struct fr_http_pictures *p, struct fr_http_pictures_event *ret);

/** As fr_wire_room() and fr_wire_filled(): where the next bytes of a picture can be received in place. */
size_t fr_http_pictures_room(struct fr_http_pictures *p, uint8_t **ret);
void fr_http_pictures_filled(struct fr_http_pictures *p, size_t n);

/** @return the head, after HEAD */
const struct fr_http_response *fr_http_pictures_head(const struct fr_http_pictures *p);

/** @return after END: the answer was one picture, and the address is to be asked again for the next */
bool fr_http_pictures_was_single(const struct fr_http_pictures *p);

/** @return bytes of the picture or part's head under way */
size_t fr_http_pictures_inside_bytes(const struct fr_http_pictures *p);
