/* SPDX-License-Identifier: MIT */
/*
 * What the files of the frames protocol's reader share; nobody else includes this.
 *
 *   wire.c            the first four bytes, hello lines, plain framing, the public functions
 *   wire_picture.c    a picture in the making, whatever brings it
 *   wire_records.c    records
 *   wire_mjpeg.c      bare JPEGs and bare multipart
 *   wire_look.c       what foreign bytes look like, for the sentence that refuses them
 *
 * Every step takes bytes until one event is complete or they are used up, and gives the number it took. An event
 * that needs no further byte (a whole picture) is given by a step of no bytes.
 */
#pragma once

#include "common/media/jpeg_info.h"
#include "common/media/multipart.h"
#include "common/media/wire.h"

/* docs/protocol.md 1.3 */
enum fr_record_type {
	FR_RECORD_FRAME = 1,
	FR_RECORD_MESSAGE = 2,
	FR_RECORD_DEMAND = 3,
	FR_RECORD_PING = 4,
	FR_RECORD_PONG = 5,
	FR_RECORD_END = 6,
	FR_RECORD_ERROR = 7,
};

enum {
	FR_RECORD_HEAD_BYTES = 24, /* with the length */
	FR_PING_MIN = 8,           /* bytes of a payload; a PONG has 8 more */
	FR_PING_MAX = 64,
	FR_REASON_TEXT_MAX = 1000, /* bytes of an END's or an ERROR's text */
};

/* A picture in the making. */
struct fr_wire_picture {
	struct fr_frame *frame; /* NULL before its first byte and when there is no memory for it */
	size_t length;          /* announced, 0 unknown */
	size_t have;            /* bytes that came */
	size_t largest;         /* of this reader's pictures so far */
	int64_t stamp_us;       /* of its part; 0: none */
	size_t last;            /* the one before */
	uint8_t first[2];       /* its first bytes, in case there is no frame */
	bool has_begun;         /* BEGIN was given */
	bool is_checked;        /* it begins with FF D8, as far as it goes */
	bool is_skipped;        /* no memory */
	bool is_over;           /* longer than max_frame_bytes */
};

/* Bytes of small things (lines, payloads), as many as have come. */
struct fr_wire_text {
	uint8_t *bytes;
	size_t size, capacity;
};

struct fr_wire {
	struct fr_frame_pool *pool;
	struct fr_wire_limits limits;
	enum fr_wire_kind kind;
	bool is_done; /* END or BAD: nothing more is read */

	uint8_t head[FR_RECORD_HEAD_BYTES]; /* the first bytes; a plain length; a record's head */
	size_t head_size;
	uint8_t replay[4]; /* bytes to be read before the caller's */
	size_t replay_size, replay_at;

	struct fr_wire_picture picture;
	struct fr_frame
	    *ahead; /* of fr_wire_ahead(), the caller's, until a picture is found to begin in it */
	struct fr_wire_text text;

	bool in_body;     /* PLAIN, RECORDS: the head is whole */
	uint64_t payload; /* RECORDS: bytes of payload that are still to come, but a picture's */
	struct fr_jpeg_walk walk; /* MJPEG */
	size_t fill;              /* MJPEG: bytes between two pictures */
	bool has_ff;              /* MJPEG: the last of them was FF */
	struct fr_multipart *multipart;
};

/* --- wire.c --- */

/* Makes the event BAD. */
__attribute__((format(printf, 4, 5))) void fr_wire_bad(
    struct fr_wire *wire, struct fr_wire_event *ret, enum fr_reason reason, const char *fmt, ...);
uint64_t fr_wire_le(const uint8_t *at, unsigned bytes);

/* Appends to the text. @return false: no memory, and the event is BAD */
bool fr_wire_gather(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret);

/* --- wire_picture.c --- */

/* @param length  bytes, 0 unknown */
void fr_wire_picture_begin(struct fr_wire *wire, size_t length);

/* Appends bytes; what is above max_frame_bytes is not kept. Gives BEGIN for the first. */
void fr_wire_picture_add(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret);

/* Makes sure that there is room. @return false: none, the picture is skipped */
bool fr_wire_picture_reserve(struct fr_wire *wire, size_t capacity);

/* Gives BAD when what came is no JPEG or too long. @return whether it did */
bool fr_wire_picture_refuse(struct fr_wire *wire, struct fr_wire_event *ret);

/* Gives FRAME or SKIPPED for what came, and is ready for the next. @param drop  bytes at the end that are not its own */
void fr_wire_picture_end(struct fr_wire *wire, size_t drop, struct fr_wire_event *ret);

/* --- wire_records.c, wire_mjpeg.c --- */

size_t fr_wire_step_records(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret);
size_t fr_wire_step_mjpeg(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret);
size_t fr_wire_step_multipart(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret);

/* --- wire_look.c --- */

/* A BAD for four first bytes that are a length over the limit. */
void fr_wire_look_first(struct fr_wire *wire, const uint8_t first[4], struct fr_wire_event *ret);

/* @return what a picture that begins so may be, " (PNG?)", or "" */
const char *fr_wire_look_picture(const uint8_t *first, size_t size);
