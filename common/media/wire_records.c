/* SPDX-License-Identifier: MIT */
/* Records: a head of 24 bytes, a payload. Only FRAME and MESSAGE may be large; the rest of others is skipped. */
#include <stdint.h>
#include <string.h>

#include "common/media/wire_parts.h"

enum {
	HEAD_REST = FR_RECORD_HEAD_BYTES - 4, /* what the length counts beside the payload */
	DEMAND_BYTES = 8,
};

/* How many bytes of a payload are kept. */
static uint64_t kept_bytes(const struct fr_wire *wire)
{
	switch (wire->head[4]) {
	case FR_RECORD_MESSAGE:
		return wire->limits.max_message_bytes;
	case FR_RECORD_DEMAND:
		return DEMAND_BYTES;
	case FR_RECORD_PING:
	case FR_RECORD_PONG:
		return FR_PING_MAX + 8;
	case FR_RECORD_END:
	case FR_RECORD_ERROR:
		return FR_REASON_TEXT_MAX;
	default:
		return 0;
	}
}

static void on_length(struct fr_wire *wire, struct fr_wire_event *ret)
{
	const uint64_t length = fr_wire_le(wire->head, 4);
	const size_t most = wire->limits.max_frame_bytes > wire->limits.max_message_bytes
	                        ? wire->limits.max_frame_bytes
	                        : wire->limits.max_message_bytes;

	if (length < HEAD_REST)
		fr_wire_bad(wire, ret, FR_REASON_bad_record,
		    "a record's length is %u, less than its head of %d bytes", (unsigned)length,
		    (int)HEAD_REST);
	else if (length - HEAD_REST > most)
		fr_wire_bad(wire, ret, FR_REASON_length_over_max,
		    "a record of %lu bytes is over the limit of %zu",
		    (unsigned long)length - HEAD_REST, most);
}

static void refuse_payload(
    struct fr_wire *wire, struct fr_wire_event *ret, const char *name, uint64_t payload)
{
	fr_wire_bad(wire, ret, FR_REASON_bad_record, "a %s cannot have %lu bytes", name,
	    (unsigned long)payload);
}

/* The head is whole: judges the payload's length by the type. */
static void on_head(struct fr_wire *wire, struct fr_wire_event *ret)
{
	const uint64_t payload = fr_wire_le(wire->head, 4) - HEAD_REST;
	const uint8_t type = wire->head[4];

	wire->in_body = true;
	wire->payload = payload;
	wire->text.size = 0;
	if (type == FR_RECORD_FRAME && payload == 0) {
		refuse_payload(wire, ret, "FRAME", payload);
	} else if (type == FR_RECORD_MESSAGE &&
	           (payload == 0 || payload > wire->limits.max_message_bytes)) {
		fr_wire_bad(wire, ret, FR_REASON_bad_message,
		    "a MESSAGE must have 1..%zu bytes, not %lu", wire->limits.max_message_bytes,
		    (unsigned long)payload);
	} else if (type != FR_RECORD_MESSAGE && payload > wire->limits.max_frame_bytes) {
		fr_wire_bad(wire, ret, FR_REASON_length_over_max,
		    "a record of %lu bytes is over the limit of %zu", (unsigned long)payload,
		    wire->limits.max_frame_bytes);
	} else if (type == FR_RECORD_DEMAND && payload < DEMAND_BYTES) {
		refuse_payload(wire, ret, "DEMAND", payload);
	} else if (type == FR_RECORD_PING && (payload < FR_PING_MIN || payload > FR_PING_MAX)) {
		refuse_payload(wire, ret, "PING", payload);
	} else if (type == FR_RECORD_PONG &&
	           (payload < FR_PING_MIN + 8 || payload > FR_PING_MAX + 8)) {
		refuse_payload(wire, ret, "PONG", payload);
	} else if (type == FR_RECORD_FRAME) {
		fr_wire_picture_begin(wire, (size_t)payload);
		wire->payload = 0;
	}
}

static size_t take_head(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret)
{
	const size_t wanted = wire->head_size < 4 ? 4 : FR_RECORD_HEAD_BYTES;

	wire->text.size = 0; /* of the record before */
	if (size > wanted - wire->head_size)
		size = wanted - wire->head_size;
	if (size > 0)
		memcpy(wire->head + wire->head_size, bytes, size);
	wire->head_size += size;
	if (size > 0 && wire->head_size == 4)
		on_length(wire, ret);
	else if (wire->head_size == FR_RECORD_HEAD_BYTES)
		on_head(wire, ret);
	return size;
}

static void end_record(struct fr_wire *wire)
{
	wire->head_size = 0;
	wire->in_body = false;
}

/* The head's fields that every event carries. */
static void fill_event(const struct fr_wire *wire, struct fr_wire_event *ret)
{
	const uint64_t time = fr_wire_le(wire->head + 16, 8);

	ret->flags = wire->head[5];
	ret->channel = (uint16_t)fr_wire_le(wire->head + 6, 2);
	ret->sequence = fr_wire_le(wire->head + 8, 8);
	ret->time_us = time <= INT64_MAX ? (int64_t)time : 0;
}

static size_t take_picture(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret)
{
	const size_t left = wire->picture.length - wire->picture.have;

	if (fr_wire_picture_refuse(wire, ret))
		return 0;
	if (left == 0) {
		fr_wire_picture_end(wire, 0, ret);
		fill_event(wire, ret);
		end_record(wire);
		return 0;
	}
	if (size > left)
		size = left;
	if (wire->picture.have < 2 && size > 2 - wire->picture.have)
		size = 2 - wire->picture.have;
	if (size > 0)
		fr_wire_picture_add(wire, bytes, size, ret);
	return size;
}

/* Everything of a small record has come. */
static void on_small(struct fr_wire *wire, struct fr_wire_event *ret)
{
	static const enum fr_wire_event_type types[] = {
	    [FR_RECORD_MESSAGE] = FR_WIRE_MESSAGE,
	    [FR_RECORD_DEMAND] = FR_WIRE_DEMAND,
	    [FR_RECORD_PING] = FR_WIRE_PING,
	    [FR_RECORD_PONG] = FR_WIRE_PONG,
	    [FR_RECORD_END] = FR_WIRE_END,
	    [FR_RECORD_ERROR] = FR_WIRE_ERROR,
	};
	const uint8_t type = wire->head[4];

	end_record(wire);
	if (type < FR_RECORD_MESSAGE || type > FR_RECORD_ERROR)
		return;
	ret->type = types[type];
	ret->text = wire->text.size > 0 ? wire->text.bytes : (const uint8_t *)"";
	ret->size = wire->text.size;
	fill_event(wire, ret);
	if (type == FR_RECORD_DEMAND) {
		ret->subscribers = (uint32_t)fr_wire_le(wire->text.bytes, 4);
		ret->rate_milli = (uint32_t)fr_wire_le(wire->text.bytes + 4, 4);
	}
	if (type == FR_RECORD_END || type == FR_RECORD_ERROR)
		wire->is_done = true;
}

static size_t take_small(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret)
{
	const uint64_t keep = kept_bytes(wire) - wire->text.size;

	if (wire->payload == 0) {
		on_small(wire, ret);
		return 0;
	}
	if (size > wire->payload)
		size = (size_t)wire->payload;
	if (!fr_wire_gather(wire, bytes, size < keep ? size : (size_t)keep, ret))
		return size;
	wire->payload -= size;
	return size;
}

size_t fr_wire_step_records(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret)
{
	if (!wire->in_body)
		return take_head(wire, bytes, size, ret);
	if (wire->head[4] == FR_RECORD_FRAME)
		return take_picture(wire, bytes, size, ret);
	return take_small(wire, bytes, size, ret);
}
