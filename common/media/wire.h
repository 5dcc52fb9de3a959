/* SPDX-License-Identifier: MIT */
/*
 * The frames protocol, reading side: bytes in, events out. Pure: no I/O, no clock.
 *
 * One reader serves every kind of peer of docs/protocol.md 1: it decides by the first four bytes, cuts hello
 * lines, plain framing, records, bare MJPEG and bare multipart. Pictures are gathered in frames of the pool, so that
 * a caller can receive straight into them (fr_wire_room). How the bytes are split never changes the events.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/cause.h"
#include "common/base/stats.h"

struct fr_frame;
struct fr_frame_pool;

enum fr_wire_kind {
	FR_WIRE_UNKNOWN,   /* before the first four bytes */
	FR_WIRE_HELLO,     /* PUB, SUB, LIST: up to the end of the line */
	FR_WIRE_PLAIN,     /* u32 length + picture … u32 0 */
	FR_WIRE_RECORDS,   /* after a hello with records=1 */
	FR_WIRE_MJPEG,     /* bare JPEGs */
	FR_WIRE_MULTIPART, /* bare multipart */
	FR_WIRE_SILENT,    /* a plain subscriber: nothing is expected any more */
};

enum fr_wire_event_type {
	FR_WIRE_MORE, /* all bytes were taken and nothing is complete */
	FR_WIRE_IS_HELLO, /* text/size: the line without its end; call fr_wire_set_kind() before reading on */
	FR_WIRE_IS_HTTP, /* GET, HEAD, POST, PUT, OPTIONS: nothing was taken, hand the bytes over */
	FR_WIRE_IS_HTTP2, /* PRI: likewise */
	FR_WIRE_IS_PUBLISHER, /* kind is now PLAIN, MJPEG or MULTIPART: a publisher without a name; read on with the rest */
	FR_WIRE_BEGIN, /* the first byte of a picture (plain: of its body) came; `size` is the announced length or 0 */
	FR_WIRE_FRAME, /* a whole picture: `frame` (not finished: fr_frame_finish is ingest's), its `size`, sequence, time */
	FR_WIRE_SKIPPED, /* a whole picture went by for which there was no memory; `size` */
	FR_WIRE_MESSAGE, /* `text`/`size`: one MESSAGE's JSON, valid until the next call; not checked */
	FR_WIRE_DEMAND, /* subscribers, rate */
	FR_WIRE_PING,   /* `text`/`size`: the payload (8…64 bytes), valid until the next call */
	FR_WIRE_PONG,   /* likewise: the PING's payload and the answerer's clock (16…72 bytes) */
	FR_WIRE_END, /* a clean end: plain length 0, END record (text: the reason), closing delimiter */
	FR_WIRE_ERROR, /* an ERROR record: `text` is "<code> <reason>" */
	FR_WIRE_BAD,   /* the peer broke the protocol: `reason` and `why`; nothing more is read */
};

struct fr_wire_event {
	enum fr_wire_event_type type;
	struct fr_frame *frame; /* FRAME: with its reference, the caller's */
	size_t size;
	const uint8_t *text;
	uint64_t sequence; /* FRAME from a record, else 0 */
	int64_t time_us;   /* FRAME from a record: Unix time in us, 0 unknown */
	int64_t
	    stamp_us; /* FRAME from multipart: X-Timestamp as it came (whatever clock that is), 0 none */
	uint8_t flags;
	uint16_t channel;
	uint32_t subscribers, rate_milli; /* DEMAND; rate: pictures per 1,000 s, 0: all */
	enum fr_reason reason;            /* BAD */
	struct fr_cause
	    why; /* BAD: a sentence for the peer and the log, e.g. "frame length 4294967295 is over the limit of 8388608" */
};

enum {
	FR_WIRE_FRAME_MAX =
	    64 << 20, /* bytes: no limit goes above it, or first bytes would be ambiguous */
};

struct fr_wire_limits {
	size_t max_frame_bytes; /* 0 or more than FR_WIRE_FRAME_MAX: FR_WIRE_FRAME_MAX */
	size_t max_message_bytes;
};

struct fr_wire;

/**
 * @param kind  UNKNOWN for an accepted connection; RECORDS or PLAIN for an outgoing one behind its hello; HELLO to
 *              read the answer line (OK …, ERR …) of a relay
 */
struct fr_wire *fr_wire_new(
    struct fr_frame_pool *pool, const struct fr_wire_limits *limits, enum fr_wire_kind kind);
void fr_wire_free(struct fr_wire *wire); /* NULL is fine; a picture in the making goes with it */

enum fr_wire_kind fr_wire_kind(const struct fr_wire *wire);

/** Says how the rest is read, after a hello. */
void fr_wire_set_kind(struct fr_wire *wire, enum fr_wire_kind kind);

/** Says the boundary of a MULTIPART reader that has read nothing yet; see fr_multipart_new(). */
void fr_wire_set_boundary(struct fr_wire *wire, const char *boundary);

/** The same, and a body that has another one is not taken; see fr_multipart_insist(). */
void fr_wire_insist_on_boundary(struct fr_wire *wire, const char *boundary);

/**
 * Takes bytes until one event is complete or they are used up.
 *
 * Call again with the rest until MORE, also when nothing is left: a whole picture, for instance, is given by a call
 * that takes no byte. `bytes` may be NULL when `size` is 0. After BAD, IS_HTTP and IS_HTTP2 the reader is of no more
 * use; after END and ERROR it takes what comes and says nothing.
 *
 * @return bytes taken, 0..size
 */
size_t fr_wire_read(
    struct fr_wire *wire, const uint8_t *bytes, size_t size, struct fr_wire_event *ret);

/**
 * Where the next bytes of a picture belong, so that they can be received in place.
 *
 * @param ret  first byte of the room
 * @return     bytes of room, 0 when no picture is being read or less than 4 KiB of it is left.
 *             After receiving n bytes there, call fr_wire_filled() and then fr_wire_read() with what came behind.
 */
size_t fr_wire_room(struct fr_wire *wire, uint8_t **ret);
void fr_wire_filled(struct fr_wire *wire, size_t n);

/**
 * Where the next picture belongs, head and all, while nothing of it has come: a place for about as many bytes as the
 * last picture had. What is received there goes to fr_wire_read() like all bytes; a picture's stay where they are.
 *
 * @param ret        first byte of the place
 * @param ret_frame  the memory of the place, the caller's reference; to be given back by fr_wire_ahead_done() when
 *                   all that was received has been read. Untouched when 0 is returned.
 * @return           bytes of the place; 0 where there is nothing to expect (another kind, inside of something, no
 *                   picture yet, only small ones)
 */
size_t fr_wire_ahead(struct fr_wire *wire, uint8_t **ret, struct fr_frame **ret_frame);

/** @param wire  NULL when the reading of it has freed the reader */
void fr_wire_ahead_done(struct fr_wire *wire, struct fr_frame *frame);

/**
 * @return whether a length, a record, a part's head or a picture has begun and is not whole. Between a plain length
 *         and the first byte of its picture nothing is inside (that may last for ever), nor behind a delimiter.
 */
bool fr_wire_is_inside(const struct fr_wire *wire);

/** @return bytes of the picture or head under way that have come so far */
size_t fr_wire_inside_bytes(const struct fr_wire *wire);

/** The bytes that were read before IS_HTTP, IS_HTTP2: what must be handed over first. */
const uint8_t *fr_wire_first_bytes(const struct fr_wire *wire, size_t *ret_size);
