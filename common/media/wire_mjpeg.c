/* SPDX-License-Identifier: MIT */
/* Publishers that send no lengths of ours: bare JPEGs one after the other, and bare multipart. */
#include <string.h>

#include "common/media/wire_parts.h"

enum {
	FILL_MAX = 65536, /* bytes of padding between two pictures */
};

/* --- Bare JPEGs ------------------------------------------------------------------------------- */

static const uint8_t soi[2] = {0xFF, 0xD8};

static void begin_picture(struct fr_wire *wire, struct fr_wire_event *ret)
{
	size_t taken;

	wire->fill = 0;
	wire->has_ff = false;
	wire->walk = (struct fr_jpeg_walk){0};
	(void)fr_jpeg_walk_feed(&wire->walk, soi, sizeof(soi), &taken);
	fr_wire_picture_begin(wire, 0);
	fr_wire_picture_add(wire, soi, sizeof(soi), ret);
}

/* Between two pictures: 00, FF and line ends may stand there. */
static size_t find_soi(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret)
{
	for (size_t i = 0; i < size; i++) {
		const uint8_t byte = bytes[i];

		if (byte == soi[1] && wire->has_ff) {
			begin_picture(wire, ret);
			return i + 1;
		}
		if (byte != 0xFF && byte != 0x00 && byte != '\r' && byte != '\n') {
			fr_wire_bad(wire, ret, FR_REASON_not_jpeg,
			    "where the next picture should begin with FF D8 came %s%02X",
			    wire->has_ff ? "FF " : "", (unsigned)byte);
			return i + 1;
		}
		wire->has_ff = byte == 0xFF;
		if (++wire->fill > FILL_MAX) {
			fr_wire_bad(wire, ret, FR_REASON_not_jpeg,
			    "more than %d bytes of padding between two pictures", (int)FILL_MAX);
			return i + 1;
		}
	}
	return size;
}

/* Gives the picture without the `drop` bytes that begin the next one. */
static void end_picture(struct fr_wire *wire, size_t drop, struct fr_wire_event *ret)
{
	if (!fr_wire_picture_refuse(wire, ret))
		fr_wire_picture_end(wire, drop, ret);
}

size_t fr_wire_step_mjpeg(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret)
{
	enum fr_jpeg_step step;
	size_t taken;

	if (fr_wire_picture_refuse(wire, ret))
		return 0;
	if (wire->picture.have == 0)
		return find_soi(wire, bytes, size, ret);
	step = fr_jpeg_walk_feed(&wire->walk, bytes, size, &taken);
	if (taken > 0)
		fr_wire_picture_add(wire, bytes, taken, ret);
	switch (step) {
	case FR_JPEG_MORE:
		break;
	case FR_JPEG_END:
		end_picture(wire, 0, ret);
		break;
	case FR_JPEG_CUT:
		end_picture(wire, sizeof(soi), ret);
		memcpy(wire->replay, soi, sizeof(soi));
		wire->replay_size = sizeof(soi);
		wire->replay_at = 0;
		break;
	case FR_JPEG_BAD:
		if (!fr_wire_picture_refuse(wire, ret))
			fr_wire_bad(wire, ret, FR_REASON_not_jpeg,
			    "a picture is damaged at byte %zu: its end cannot be found",
			    wire->picture.have);
		break;
	}
	return taken;
}

/* --- Bare multipart --------------------------------------------------------------------------- */

static void on_part(
    struct fr_wire *wire, const struct fr_multipart_event *part, struct fr_wire_event *ret)
{
	if (part->has_length && part->length > wire->limits.max_frame_bytes)
		fr_wire_bad(wire, ret, FR_REASON_length_over_max,
		    "Content-Length %llu is over the limit of %zu",
		    (unsigned long long)part->length, wire->limits.max_frame_bytes);
	else
		fr_wire_picture_begin(wire, part->has_length ? (size_t)part->length : 0);
	wire->picture.stamp_us = part->stamp_us;
}

static void on_part_end(struct fr_wire *wire, struct fr_wire_event *ret)
{
	if (wire->picture.have == 0)
		return; /* an empty part is no picture */
	wire->picture.length = wire->picture.have;
	if (!fr_wire_picture_refuse(wire, ret))
		fr_wire_picture_end(wire, 0, ret);
}

void fr_wire_set_boundary(struct fr_wire *wire, const char *boundary)
{
	fr_multipart_free(wire->multipart);
	wire->multipart = fr_multipart_new(boundary, wire->limits.max_frame_bytes);
}

void fr_wire_insist_on_boundary(struct fr_wire *wire, const char *boundary)
{
	fr_wire_set_boundary(wire, boundary);
	fr_multipart_insist(wire->multipart);
}

size_t fr_wire_step_multipart(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret)
{
	struct fr_multipart_event part;
	size_t taken;

	if (wire->multipart == NULL)
		fr_wire_set_boundary(wire, NULL);
	if (fr_wire_picture_refuse(wire, ret))
		return 0;
	taken = fr_multipart_read(wire->multipart, bytes, size, &part);
	switch (part.type) {
	case FR_MULTIPART_MORE:
		break;
	case FR_MULTIPART_PART:
		on_part(wire, &part, ret);
		break;
	case FR_MULTIPART_BODY:
		fr_wire_picture_add(wire, part.bytes, part.size, ret);
		break;
	case FR_MULTIPART_PART_END:
		on_part_end(wire, ret);
		break;
	case FR_MULTIPART_END:
		ret->type = FR_WIRE_END;
		wire->is_done = true;
		break;
	case FR_MULTIPART_BAD:
		fr_wire_bad(wire, ret, FR_REASON_bad_multipart, "%s", part.why.text);
		break;
	}
	return taken;
}
