/* SPDX-License-Identifier: MIT */
#include "common/media/http_pictures.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/xalloc.h"
#include "common/media/http_chunked.h"
#include "common/media/http_response.h"
#include "common/media/multipart.h"

enum state {
	HEAD,
	FIRST, /* the first two bytes of a body whose type says nothing */
	BODY,
	DONE, /* END or BAD was given, or the answer is none of pictures */
};

struct fr_http_pictures {
	struct fr_frame_pool *pool;
	struct fr_wire_limits limits;
	enum state state;
	struct fr_http_response *head;
	bool is_chunked, has_length;
	struct fr_http_chunked chunked;
	uint64_t length, left; /* with a length: of the body, and what of it is to come */

	struct fr_wire *wire; /* NULL before the kind is known */
	uint8_t first[2];     /* of the body, to be read before what comes */
	size_t first_size, first_at;
	unsigned pictures; /* whole ones */
	bool wire_is_over; /* the closing delimiter came: the rest is not looked at */
};

struct fr_http_pictures *fr_http_pictures_new(
    struct fr_frame_pool *pool, const struct fr_wire_limits *limits)
{
	struct fr_http_pictures *p = fr_xcalloc(1, sizeof(*p));

	p->pool = pool;
	p->limits = *limits;
	p->head = fr_http_response_new();
	return p;
}

void fr_http_pictures_free(struct fr_http_pictures *p)
{
	if (p == NULL)
		return;
	fr_wire_free(p->wire);
	fr_http_response_free(p->head);
	free(p);
}

void fr_http_pictures_reset(struct fr_http_pictures *p)
{
	struct fr_http_response *head = p->head;

	fr_wire_free(p->wire);
	*p = (struct fr_http_pictures){.pool = p->pool, .limits = p->limits, .head = head};
	fr_http_response_reset(head);
}

const struct fr_http_response *fr_http_pictures_head(const struct fr_http_pictures *p)
{
	return p->head;
}

bool fr_http_pictures_was_single(const struct fr_http_pictures *p)
{
	return p->pictures == 1 && fr_wire_kind(p->wire) != FR_WIRE_MULTIPART;
}

size_t fr_http_pictures_inside_bytes(const struct fr_http_pictures *p)
{
	return p->wire != NULL && p->state == BODY ? fr_wire_inside_bytes(p->wire) : 0;
}

static void end(struct fr_http_pictures *p, struct fr_http_pictures_event *ret)
{
	ret->type = FR_HTTP_PICTURES_END;
	p->state = DONE;
}

static void bad(
    struct fr_http_pictures *p, enum fr_reason reason, struct fr_http_pictures_event *ret)
{
	ret->type = FR_HTTP_PICTURES_BAD;
	ret->reason = reason;
	p->state = DONE;
}

/* --- What kind of body it is ------------------------------------------------------------------ */

/*
 * A body with a length that is one picture is read as plain framing reads one: the length, then the bytes in their
 * place.
 */
static void begin_wire(struct fr_http_pictures *p, enum fr_wire_kind kind)
{
	struct fr_wire_event event;
	uint32_t prefix;

	p->wire = fr_wire_new(p->pool, &p->limits, kind);
	p->state = BODY;
	if (kind == FR_WIRE_PLAIN) {
		prefix = htole32((uint32_t)p->length);
		(void)fr_wire_read(p->wire, (const uint8_t *)&prefix, sizeof(prefix), &event);
	}
}

/* One picture, or JPEGs one after the other. */
static void begin_jpeg(struct fr_http_pictures *p, struct fr_http_pictures_event *ret)
{
	const size_t most =
	    p->limits.max_frame_bytes != 0 ? p->limits.max_frame_bytes : (size_t)FR_WIRE_FRAME_MAX;

	if (p->has_length && p->length > most) {
		(void)fr_cause_set(&ret->why, EFBIG,
		    "a picture of %llu bytes is over the limit of %zu",
		    (unsigned long long)p->length, most);
		bad(p, FR_REASON_length_over_max, ret);
		return;
	}
	begin_wire(p, p->has_length && p->length > 0 ? FR_WIRE_PLAIN : FR_WIRE_MJPEG);
}

static bool type_begins(const char *type, const char *word)
{
	return type != NULL && strncasecmp(type, word, strlen(word)) == 0;
}

static void begin_body(struct fr_http_pictures *p, struct fr_http_pictures_event *ret)
{
	const char *type = fr_http_response_field(p->head, "content-type", 0);
	const char *encoding = fr_http_response_field(p->head, "content-encoding", 0);
	char boundary[FR_BOUNDARY_MAX + 8];

	if (encoding != NULL && strcasecmp(encoding, "identity") != 0) {
		(void)fr_cause_set(&ret->why, EPROTO,
		    "the answer is coded (Content-Encoding: %.40s), which was not asked for",
		    encoding);
		bad(p, FR_REASON_media_type, ret);
	} else if (type_begins(type, "multipart/")) {
		/* It ends with the connection: what cameras say of its length is not believed. */
		p->has_length = false;
		begin_wire(p, FR_WIRE_MULTIPART);
		if (fr_http_parameter(type, "boundary", boundary, sizeof(boundary)))
			fr_wire_set_boundary(p->wire, boundary);
	} else if (type_begins(type, "image/")) {
		begin_jpeg(p, ret);
	} else {
		p->state = FIRST;
	}
}

/* The head is whole. */
static void take_head(struct fr_http_pictures *p, struct fr_http_pictures_event *ret)
{
	const unsigned code = fr_http_response_code(p->head);

	p->is_chunked = code == 200 && fr_http_response_is_chunked(p->head);
	p->has_length = fr_http_response_length(p->head, &p->length);
	p->left = p->length;
	ret->type = FR_HTTP_PICTURES_HEAD;
	if (code == 200)
		begin_body(p, ret);
	else if (code == 304)
		p->state = BODY; /* of no bytes: the next step ends it */
	else
		p->state = DONE;
}

/* The first two bytes of a body that calls itself text, video, anything. @return bytes taken */
static size_t take_first(struct fr_http_pictures *p, const uint8_t *bytes, size_t size,
    struct fr_http_pictures_event *ret)
{
	const char *type = fr_http_response_field(p->head, "content-type", 0);
	size_t n = 0;

	while (n < size && p->first_size < 2)
		p->first[p->first_size++] = bytes[n++];
	if (p->first_size < 2)
		return n;
	if (p->first[0] == 0xFF && p->first[1] == 0xD8) {
		begin_jpeg(p, ret);
	} else if (p->first[0] == '-' && p->first[1] == '-') {
		p->has_length = false;
		begin_wire(p, FR_WIRE_MULTIPART);
	} else {
		(void)fr_cause_set(&ret->why, EPROTO,
		    "the answer is %.60s, and neither a JPEG nor multipart",
		    type != NULL ? type : "without a Content-Type");
		bad(p, FR_REASON_media_type, ret);
	}
	return n;
}

/* --- The body --------------------------------------------------------------------------------- */

/* What the wire's event is for the owner. */
static void translate(struct fr_http_pictures *p, const struct fr_wire_event *event,
    struct fr_http_pictures_event *ret)
{
	ret->frame = event->frame;
	ret->size = event->size;
	ret->stamp_us = event->stamp_us;
	switch (event->type) {
	case FR_WIRE_BEGIN:
		ret->type = FR_HTTP_PICTURES_BEGIN;
		break;
	case FR_WIRE_FRAME:
		p->pictures++;
		ret->type = FR_HTTP_PICTURES_FRAME;
		break;
	case FR_WIRE_SKIPPED:
		p->pictures++;
		ret->type = FR_HTTP_PICTURES_SKIPPED;
		break;
	case FR_WIRE_END:
		p->wire_is_over = true;
		break;
	case FR_WIRE_BAD:
		ret->why = event->why;
		bad(p, event->reason, ret);
		break;
	default: /* MORE; the others are of other kinds */
		break;
	}
}

/* Bytes of the body proper. @return bytes taken */
static size_t take_pictures(struct fr_http_pictures *p, const uint8_t *bytes, size_t size,
    struct fr_http_pictures_event *ret)
{
	struct fr_wire_event event;
	size_t taken;

	if (p->wire == NULL)
		return size;
	while (p->first_at < p->first_size && ret->type == FR_HTTP_PICTURES_MORE) {
		p->first_at += fr_wire_read(
		    p->wire, p->first + p->first_at, p->first_size - p->first_at, &event);
		translate(p, &event, ret);
	}
	if (ret->type != FR_HTTP_PICTURES_MORE || p->wire_is_over)
		return ret->type != FR_HTTP_PICTURES_MORE ? 0 : size;
	taken = fr_wire_read(p->wire, bytes, size, &event);
	translate(p, &event, ret);
	return taken;
}

static size_t take_body(struct fr_http_pictures *p, const uint8_t *bytes, size_t size,
    struct fr_http_pictures_event *ret)
{
	return p->state == FIRST ? take_first(p, bytes, size, ret)
	                         : take_pictures(p, bytes, size, ret);
}

/* A body that is over: what is complete without a further byte first, then END. */
static void end_body(struct fr_http_pictures *p, struct fr_http_pictures_event *ret)
{
	if (p->state == FIRST && p->first_size < 2) {
		(void)fr_cause_set(&ret->why, EPROTO, "the answer has no picture");
		bad(p, FR_REASON_truncated_frame, ret);
		return;
	}
	(void)take_body(p, (const uint8_t *)"", 0, ret);
	if (ret->type != FR_HTTP_PICTURES_MORE)
		return;
	if (p->wire != NULL && fr_wire_kind(p->wire) != FR_WIRE_MULTIPART &&
	    (fr_wire_is_inside(p->wire) || p->pictures == 0)) {
		(void)fr_cause_set(&ret->why, EPROTO, "the answer ends inside a picture");
		bad(p, FR_REASON_truncated_frame, ret);
		return;
	}
	end(p, ret);
}

/* Chunks: a piece is read to its end before the coding goes on, since it may hold many pictures. */
static size_t take_chunked(struct fr_http_pictures *p, const uint8_t *bytes, size_t size,
    struct fr_http_pictures_event *ret)
{
	struct fr_http_chunked before = p->chunked;
	struct fr_http_chunked_event event;
	size_t taken, used;

	/* A picture that became whole with the last byte needs no further one. */
	(void)take_body(p, bytes, 0, ret);
	if (ret->type != FR_HTTP_PICTURES_MORE)
		return 0;
	taken = fr_http_chunked_read(&p->chunked, bytes, size, &event);
	switch (event.state) {
	case FR_HTTP_CHUNKED_MORE:
		break;
	case FR_HTTP_CHUNKED_DATA:
		used = take_body(p, event.bytes, event.size, ret);
		if (used == event.size)
			return taken;
		/* Only so much was taken: the coding is taken back to there. */
		p->chunked = before;
		taken = (size_t)(event.bytes - bytes) + used;
		if (taken > 0)
			(void)fr_http_chunked_read(&p->chunked, bytes, taken, &event);
		return taken;
	case FR_HTTP_CHUNKED_END:
		p->is_chunked = false;
		p->has_length = true;
		p->left = 0;
		break;
	case FR_HTTP_CHUNKED_BAD:
		(void)fr_cause_set(&ret->why, EPROTO, "a chunk of the answer: %s", event.why);
		bad(p, FR_REASON_http_malformed, ret);
		break;
	}
	return taken;
}

static size_t take_plain(struct fr_http_pictures *p, const uint8_t *bytes, size_t size,
    struct fr_http_pictures_event *ret)
{
	if (p->has_length && size > p->left)
		size = (size_t)p->left;
	size = take_body(p, bytes, size, ret);
	if (p->has_length)
		p->left -= size;
	return size;
}

static size_t step(struct fr_http_pictures *p, const uint8_t *bytes, size_t size,
    struct fr_http_pictures_event *ret)
{
	enum fr_http_response_state state;

	switch (p->state) {
	case HEAD:
		size = fr_http_response_read(p->head, bytes, size, &state, &ret->why);
		if (state == FR_HTTP_RESPONSE_BAD)
			bad(p, FR_REASON_http_malformed, ret);
		else if (state == FR_HTTP_RESPONSE_DONE)
			take_head(p, ret);
		return size;
	case FIRST:
	case BODY:
		if (p->is_chunked)
			return take_chunked(p, bytes, size, ret);
		if (!p->has_length || p->left > 0)
			return take_plain(p, bytes, size, ret);
		end_body(p, ret);
		return 0;
	case DONE:
		break;
	}
	return size;
}

size_t fr_http_pictures_read(struct fr_http_pictures *p, const uint8_t *bytes, size_t size,
    struct fr_http_pictures_event *ret)
{
	size_t at = 0, taken;

	*ret = (struct fr_http_pictures_event){.type = FR_HTTP_PICTURES_MORE};
	if (bytes == NULL)
		bytes = (const uint8_t *)"";
	do {
		taken = step(p, bytes + at, size - at, ret);
		at += taken;
	} while (ret->type == FR_HTTP_PICTURES_MORE && p->state != DONE &&
	         (at < size || taken > 0 ||
	             (p->state > HEAD && !p->is_chunked && p->has_length && p->left == 0)));
	return at;
}

void fr_http_pictures_finish(struct fr_http_pictures *p, struct fr_http_pictures_event *ret)
{
	*ret = (struct fr_http_pictures_event){.type = FR_HTTP_PICTURES_MORE};
	if (p->state == DONE) {
		end(p, ret);
	} else if (p->state == HEAD) {
		(void)fr_cause_set(
		    &ret->why, EPROTO, "closed by the other end before it has answered");
		bad(p, FR_REASON_truncated_frame, ret);
	} else if (p->is_chunked || (p->has_length && p->left > 0)) {
		if (p->wire == NULL || fr_wire_kind(p->wire) != FR_WIRE_MULTIPART) {
			(void)fr_cause_set(
			    &ret->why, EPROTO, "closed by the other end inside its answer");
			bad(p, FR_REASON_truncated_frame, ret);
		} else {
			end(p, ret);
		}
	} else {
		end_body(p, ret);
	}
}

/* --- In place --------------------------------------------------------------------------------- */

size_t fr_http_pictures_room(struct fr_http_pictures *p, uint8_t **ret)
{
	size_t room;

	if (p->state != BODY || p->wire == NULL || p->is_chunked || p->first_at < p->first_size)
		return 0;
	room = fr_wire_room(p->wire, ret);
	return p->has_length && room > p->left ? (size_t)p->left : room;
}

void fr_http_pictures_filled(struct fr_http_pictures *p, size_t n)
{
	assert(p->wire != NULL && (!p->has_length || n <= p->left));
	fr_wire_filled(p->wire, n);
	if (p->has_length)
		p->left -= n;
}
