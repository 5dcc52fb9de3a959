/* SPDX-License-Identifier: MIT */
/*
 * A picture in the making: memory grows with the bytes that come, not with what was announced.
 */
#include <string.h>

#include "common/base/hot.h"
#include "common/media/frame.h"
#include "common/media/wire_parts.h"

enum {
	FIRST_BYTES = 65536, /* memory that a picture gets with its first byte */
};

static size_t lesser(size_t a, size_t b)
{
	return a < b ? a : b;
}

FR_HOT void fr_wire_picture_begin(struct fr_wire *wire, size_t length)
{
	struct fr_wire_picture *p = &wire->picture;

	fr_frame_unref(p->frame);
	*p = (struct fr_wire_picture){.length = length, .largest = p->largest, .last = p->last};
}

/* What to begin with: as much as this publisher has shown that it sends. */
static size_t first_capacity(const struct fr_wire *wire)
{
	const struct fr_wire_picture *p = &wire->picture;
	size_t wanted;

	if (p->length > 0)
		return lesser(
		    p->length, p->largest > FIRST_BYTES / 2 ? 2 * p->largest : FIRST_BYTES);
	wanted = p->largest + p->largest / 8;
	return lesser(wire->limits.max_frame_bytes, wanted > FIRST_BYTES ? wanted : FIRST_BYTES);
}

FR_HOT bool fr_wire_picture_reserve(struct fr_wire *wire, size_t capacity)
{
	struct fr_wire_picture *p = &wire->picture;
	const size_t most = p->length > 0 ? p->length : wire->limits.max_frame_bytes;
	size_t wanted = p->frame == NULL ? first_capacity(wire) : fr_frame_capacity(p->frame);

	if (p->is_skipped)
		return false;
	if (p->frame != NULL && capacity <= wanted)
		return true;
	while (wanted < capacity)
		wanted = lesser(most, 2 * wanted);
	if (p->frame == NULL)
		p->frame = fr_frame_begin(wire->pool, wanted);
	else if (!fr_frame_grow(p->frame, p->have, wanted))
		p->is_skipped = true;
	if (p->frame == NULL || p->is_skipped) {
		fr_frame_unref(p->frame);
		p->frame = NULL;
		p->is_skipped = true;
	}
	return !p->is_skipped;
}

FR_HOT void fr_wire_picture_add(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret)
{
	struct fr_wire_picture *p = &wire->picture;

	if (size > wire->limits.max_frame_bytes - p->have) {
		p->is_over = true;
		size = wire->limits.max_frame_bytes - p->have;
	}
	for (size_t i = p->have; i < 2 && i < p->have + size; i++)
		p->first[i] = bytes[i - p->have];
	if (wire->ahead != NULL && p->frame == NULL && bytes == fr_frame_room(wire->ahead)) {
		p->frame = fr_frame_ref(wire->ahead);
		wire->ahead = NULL;
	}
	/* What was received in its place stays there. It never has to grow: it was received within its capacity. */
	if (fr_wire_picture_reserve(wire, p->have + size) &&
	    fr_frame_room(p->frame) + p->have != bytes)
		memcpy(fr_frame_room(p->frame) + p->have, bytes, size);
	p->have += size;
	if (!p->has_begun) {
		p->has_begun = true;
		ret->type = FR_WIRE_BEGIN;
		ret->size = p->length;
	}
}

FR_HOT bool fr_wire_picture_refuse(struct fr_wire *wire, struct fr_wire_event *ret)
{
	static const uint8_t soi[2] = {0xFF, 0xD8};
	struct fr_wire_picture *p = &wire->picture;
	const size_t size = lesser(p->have, 2);

	/* The first byte alone decides nothing: two make a better sentence. */
	if (!p->is_checked && (size == 2 || (size > 0 && p->length == size))) {
		p->is_checked = true;
		if (memcmp(p->first, soi, size) != 0) {
			if (size == 2)
				fr_wire_bad(wire, ret, FR_REASON_not_jpeg,
				    "a picture must be a JPEG and begin with FF D8; this one "
				    "begins with %02X %02X%s",
				    (unsigned)p->first[0], (unsigned)p->first[1],
				    fr_wire_look_picture(p->first, size));
			else
				fr_wire_bad(wire, ret, FR_REASON_not_jpeg,
				    "a picture must be a JPEG and begin with FF D8; this one is "
				    "the byte %02X",
				    (unsigned)p->first[0]);
			return true;
		}
	}
	if (p->is_over) {
		fr_wire_bad(wire, ret, FR_REASON_length_over_max,
		    "a picture is longer than the limit of %zu bytes",
		    wire->limits.max_frame_bytes);
		return true;
	}
	return false;
}

FR_HOT void fr_wire_picture_end(struct fr_wire *wire, size_t drop, struct fr_wire_event *ret)
{
	struct fr_wire_picture *p = &wire->picture;

	ret->size = p->have - drop;
	ret->type = p->is_skipped ? FR_WIRE_SKIPPED : FR_WIRE_FRAME;
	ret->frame = p->frame;
	ret->stamp_us = p->stamp_us;
	p->frame = NULL;
	p->last = ret->size;
	if (ret->size > p->largest)
		p->largest = ret->size;
	fr_wire_picture_begin(wire, 0);
}
