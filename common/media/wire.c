/* SPDX-License-Identifier: MIT */
#include "common/media/wire.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hot.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/media/hello.h"
#include "common/media/wire_parts.h"

enum {
	ROOM_MIN = 4096, /* less than this is not worth a place of its own */
};

/* --- What the parts share --------------------------------------------------------------------- */

void fr_wire_bad(
    struct fr_wire *wire, struct fr_wire_event *ret, enum fr_reason reason, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(ret->why.text, sizeof(ret->why.text), fmt, ap);
	va_end(ap);
	ret->type = FR_WIRE_BAD;
	ret->reason = reason;
	wire->is_done = true;
}

FR_HOT uint64_t fr_wire_le(const uint8_t *at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = bytes; i-- > 0;)
		value = value << 8 | at[i];
	return value;
}

bool fr_wire_gather(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret)
{
	struct fr_wire_text *text = &wire->text;

	if (text->size + size > text->capacity) {
		size_t capacity = text->capacity < 64 ? 64 : text->capacity;
		uint8_t *more;

		while (capacity < text->size + size)
			capacity *= 2;
		more = realloc(text->bytes, capacity);
		if (more == NULL) {
			fr_wire_bad(wire, ret, FR_REASON_memory_budget,
			    "no memory for a record of %zu bytes", text->size + size);
			return false;
		}
		text->bytes = more;
		text->capacity = capacity;
	}
	if (size > 0)
		memcpy(text->bytes + text->size, bytes, size);
	text->size += size;
	return true;
}

/* Collects up to `wanted` bytes of a head. @return bytes taken */
static size_t take_head(struct fr_wire *wire, const uint8_t *bytes, size_t size, size_t wanted)
{
	if (size > wanted - wire->head_size)
		size = wanted - wire->head_size;
	if (size > 0)
		memcpy(wire->head + wire->head_size, bytes, size);
	wire->head_size += size;
	return size;
}

/* --- Plain framing ---------------------------------------------------------------------------- */

static void on_length(struct fr_wire *wire, struct fr_wire_event *ret)
{
	const uint64_t length = fr_wire_le(wire->head, 4);

	wire->head_size = 0;
	if (length == 0) {
		ret->type = FR_WIRE_END;
		wire->is_done = true;
	} else if (length > wire->limits.max_frame_bytes) {
		fr_wire_bad(wire, ret, FR_REASON_length_over_max,
		    "frame length %lu is over the limit of %zu", (unsigned long)length,
		    wire->limits.max_frame_bytes);
	} else {
		fr_wire_picture_begin(wire, (size_t)length);
		wire->in_body = true;
	}
}

static size_t step_plain(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret)
{
	size_t left;

	if (!wire->in_body) {
		size = take_head(wire, bytes, size, 4);
		if (wire->head_size == 4)
			on_length(wire, ret);
		return size;
	}
	if (fr_wire_picture_refuse(wire, ret))
		return 0;
	left = wire->picture.length - wire->picture.have;
	if (left == 0) {
		wire->in_body = false;
		fr_wire_picture_end(wire, 0, ret);
		return 0;
	}
	if (size > left)
		size = left;
	/* Two bytes first: what is no JPEG is refused there, before more of it is kept. */
	if (wire->picture.have < 2 && size > 2 - wire->picture.have)
		size = 2 - wire->picture.have;
	if (size > 0)
		fr_wire_picture_add(wire, bytes, size, ret);
	return size;
}

/* --- Hello lines ------------------------------------------------------------------------------ */

static size_t step_hello(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret)
{
	struct fr_wire_text *text = &wire->text;
	const uint8_t *end;
	size_t taken = size;

	if (wire->in_body) {
		text->size = 0; /* the line before */
		wire->in_body = false;
	}
	if (taken > FR_HELLO_MAX - text->size)
		taken = FR_HELLO_MAX - text->size;
	end = taken == 0 ? NULL : memchr(bytes, '\n', taken);
	if (end != NULL)
		taken = (size_t)(end - bytes) + 1;
	if (!fr_wire_gather(wire, bytes, taken, ret))
		return taken;
	if (end == NULL) {
		if (text->size == FR_HELLO_MAX)
			fr_wire_bad(wire, ret, FR_REASON_bad_hello,
			    "the hello is longer than %d bytes", (int)FR_HELLO_MAX);
		return taken;
	}
	wire->in_body = true;
	ret->type = FR_WIRE_IS_HELLO;
	ret->text = text->bytes;
	ret->size = text->size - 1;
	if (ret->size > 0 && text->bytes[ret->size - 1] == '\r')
		ret->size--;
	return taken;
}

/* --- The first four bytes --------------------------------------------------------------------- */

/* Reads the four bytes once more, as the first of what they began. */
static void replay_head(struct fr_wire *wire, enum fr_wire_kind kind)
{
	memcpy(wire->replay, wire->head, 4);
	wire->replay_size = 4;
	wire->replay_at = 0;
	wire->head_size = 0;
	wire->kind = kind;
}

static bool is_one_of(const uint8_t *four, const char *words)
{
	for (; *words != '\0'; words += 4)
		if (memcmp(four, words, 4) == 0)
			return true;
	return false;
}

static enum fr_wire_kind kind_of(const struct fr_wire *wire)
{
	const uint8_t *four = wire->head;

	if (fr_wire_le(four, 4) <= wire->limits.max_frame_bytes)
		return FR_WIRE_PLAIN;
	if (is_one_of(four, "PUB SUB LIST"))
		return FR_WIRE_HELLO;
	if (four[0] == 0xFF && four[1] == 0xD8 && four[2] == 0xFF)
		return FR_WIRE_MJPEG;
	if (four[0] == '-' && four[1] == '-')
		return FR_WIRE_MULTIPART;
	return FR_WIRE_UNKNOWN;
}

static size_t step_unknown(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret)
{
	const size_t before = wire->head_size;
	const size_t taken = take_head(wire, bytes, size, 4);
	enum fr_wire_kind kind;

	if (wire->head_size < 4)
		return taken;
	kind = kind_of(wire);
	if (kind != FR_WIRE_UNKNOWN) {
		replay_head(wire, kind);
		if (kind != FR_WIRE_HELLO)
			ret->type = FR_WIRE_IS_PUBLISHER;
		return taken;
	}
	if (is_one_of(wire->head, "GET HEADPOSTPUT OPTI"))
		ret->type = FR_WIRE_IS_HTTP;
	else if (is_one_of(wire->head, "PRI "))
		ret->type = FR_WIRE_IS_HTTP2;
	if (ret->type != FR_WIRE_MORE) {
		/* Only what came in earlier calls is ours to hand over. */
		wire->head_size = before;
		wire->is_done = true;
		return 0;
	}
	fr_wire_look_first(wire, wire->head, ret);
	return taken;
}

/* --- Life ------------------------------------------------------------------------------------- */

struct fr_wire *fr_wire_new(
    struct fr_frame_pool *pool, const struct fr_wire_limits *limits, enum fr_wire_kind kind)
{
	struct fr_wire *wire = fr_xcalloc(1, sizeof(*wire));

	wire->pool = pool;
	wire->limits = *limits;
	/* 0 is "no limit" in the file; a picture can never be longer than its record's length says. */
	if (wire->limits.max_frame_bytes == 0 || wire->limits.max_frame_bytes > FR_WIRE_FRAME_MAX)
		wire->limits.max_frame_bytes = FR_WIRE_FRAME_MAX;
	if (wire->limits.max_message_bytes == 0 ||
	    wire->limits.max_message_bytes > FR_WIRE_FRAME_MAX)
		wire->limits.max_message_bytes = FR_WIRE_FRAME_MAX;
	fr_wire_set_kind(wire, kind);
	return wire;
}

void fr_wire_free(struct fr_wire *wire)
{
	if (wire == NULL)
		return;
	fr_frame_unref(wire->picture.frame);
	fr_multipart_free(wire->multipart);
	free(wire->text.bytes);
	free(wire);
}

enum fr_wire_kind fr_wire_kind(const struct fr_wire *wire)
{
	return wire->kind;
}

void fr_wire_set_kind(struct fr_wire *wire, enum fr_wire_kind kind)
{
	wire->kind = kind;
	wire->head_size = 0;
	wire->in_body = false;
	wire->text.size = 0;
}

/* --- In --------------------------------------------------------------------------------------- */

FR_HOT static size_t step(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret)
{
	switch (wire->kind) {
	case FR_WIRE_UNKNOWN:
		return step_unknown(wire, bytes, size, ret);
	case FR_WIRE_HELLO:
		return step_hello(wire, bytes, size, ret);
	case FR_WIRE_PLAIN:
		return step_plain(wire, bytes, size, ret);
	case FR_WIRE_RECORDS:
		return fr_wire_step_records(wire, bytes, size, ret);
	case FR_WIRE_MJPEG:
		return fr_wire_step_mjpeg(wire, bytes, size, ret);
	case FR_WIRE_MULTIPART:
		return fr_wire_step_multipart(wire, bytes, size, ret);
	case FR_WIRE_SILENT:
		break;
	}
	return size;
}

/* Frees what a large record needed once it has been seen, so that idle connections stay small. */
static void release_text(struct fr_wire *wire)
{
	if (wire->text.capacity > ROOM_MIN && wire->text.size == 0) {
		free(wire->text.bytes);
		wire->text = (struct fr_wire_text){0};
	}
}

FR_HOT size_t fr_wire_read(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret)
{
	const uint8_t *from = size == 0 ? wire->replay : bytes; /* never NULL */
	size_t at = 0;

	memset(ret, 0, offsetof(struct fr_wire_event, why));
	ret->why.text[0] = '\0';
	if (wire->is_done)
		return size;
	for (;;) {
		const size_t again = wire->replay_size - wire->replay_at;
		size_t taken;

		if (again > 0) {
			wire->replay_at += step(wire, wire->replay + wire->replay_at, again, ret);
			taken = again;
		} else {
			taken = step(wire, from + at, size - at, ret);
			at += taken;
		}
		if (ret->type != FR_WIRE_MORE || (taken == 0 && at == size))
			break;
	}
	release_text(wire);
	return at;
}

FR_HOT size_t fr_wire_room(struct fr_wire *wire, uint8_t **ret)
{
	struct fr_wire_picture *p = &wire->picture;
	size_t left, room;

	if (wire->is_done || !p->is_checked || p->length == 0 || p->is_skipped)
		return 0;
	left = p->length - p->have;
	if (wire->kind == FR_WIRE_MULTIPART && left > fr_multipart_left(wire->multipart))
		return 0;
	if (left < ROOM_MIN || !fr_wire_picture_reserve(wire, p->have + ROOM_MIN))
		return 0;
	room = fr_frame_capacity(p->frame) - p->have;
	*ret = fr_frame_room(p->frame) + p->have;
	return room < left ? room : left;
}

void fr_wire_filled(struct fr_wire *wire, size_t n)
{
	struct fr_wire_picture *p = &wire->picture;

	assert(p->frame != NULL && n <= p->length - p->have);
	p->have += n;
	if (wire->kind == FR_WIRE_MULTIPART)
		fr_multipart_skip(wire->multipart, n);
}

FR_HOT size_t fr_wire_ahead(struct fr_wire *wire, uint8_t **ret, struct fr_frame **ret_frame)
{
	const size_t last = wire->picture.last;
	struct fr_frame *frame;
	size_t head;

	if (wire->kind == FR_WIRE_PLAIN)
		head = FR_PREFIX_PLAIN_BYTES;
	else if (wire->kind == FR_WIRE_RECORDS)
		head = FR_RECORD_HEAD_BYTES;
	else
		return 0;
	if (wire->is_done || wire->in_body || wire->head_size != 0 || last < ROOM_MIN)
		return 0;
	/* Pictures of one camera are about as long as each other. */
	frame = fr_frame_begin(wire->pool, last + last / 16);
	if (frame == NULL)
		return 0;
	wire->ahead = frame;
	*ret_frame = frame;
	*ret = fr_frame_room(frame) - head;
	return head + last + last / 16;
}

FR_HOT void fr_wire_ahead_done(struct fr_wire *wire, struct fr_frame *frame)
{
	if (wire != NULL)
		wire->ahead = NULL;
	fr_frame_unref(frame);
}

FR_HOT bool fr_wire_is_inside(const struct fr_wire *wire)
{
	return fr_wire_inside_bytes(wire) > 0;
}

FR_HOT size_t fr_wire_inside_bytes(const struct fr_wire *wire)
{
	if (wire->is_done)
		return 0;
	switch (wire->kind) {
	case FR_WIRE_UNKNOWN:
		return wire->head_size;
	case FR_WIRE_HELLO:
		return wire->in_body ? 0 : wire->text.size;
	case FR_WIRE_PLAIN:
		return wire->in_body ? wire->picture.have : wire->head_size;
	case FR_WIRE_RECORDS:
		return wire->head_size + (wire->in_body ? wire->picture.have + wire->text.size : 0);
	case FR_WIRE_MJPEG:
		return wire->picture.have;
	case FR_WIRE_MULTIPART:
		return wire->picture.have > 0 || wire->multipart == NULL
		           ? wire->picture.have
		           : fr_multipart_head_bytes(wire->multipart);
	case FR_WIRE_SILENT:
		break;
	}
	return 0;
}

const uint8_t *fr_wire_first_bytes(const struct fr_wire *wire, size_t *ret_size)
{
	*ret_size = wire->head_size;
	return wire->head;
}
