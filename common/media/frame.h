/* SPDX-License-Identifier: MIT */
/*
 * A frame: one JPEG picture that is written once, shared by everybody and never changed again.
 *
 * It is received straight into its own memory, stamped once, its wire prefixes are rendered once, and
 * from then on only its reference count moves. A MESSAGE travels as a frame too (type FR_FRAME_MESSAGE): it
 * needs the same sharing.
 *
 * Memory comes from a pool that recycles buffers by size and holds one budget for all of them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_frame;
struct fr_frame_pool;

enum fr_frame_type {
	FR_FRAME_PICTURE = 1, /* the record types of the frames protocol, docs/protocol.md 1.3 */
	FR_FRAME_MESSAGE = 2,
};

struct fr_frame_info {
	enum fr_frame_type type;
	uint64_t sequence; /* first: Unix time in us, then +1; 0 = not published yet */
	int64_t
	    captured_us; /* Unix time in us; the publisher's, else ours (then captured_is_received) */
	int64_t received_us; /* CLOCK_MONOTONIC us on this machine: what every decision uses */
	uint16_t width;      /* pixels, 1..65535; 0 for a message */
	uint16_t height;
	bool captured_is_received; /* the publisher gave no time */
};

enum {
	FR_PREFIX_PLAIN_BYTES = 4, /* u32 length */
	FR_PREFIX_RECORD_BYTES =
	    24, /* u32 length, u8 type, u8 flags, u16 channel, u64 sequence, u64 time */
	FR_FRAME_LEAD_BYTES = FR_PREFIX_RECORD_BYTES,
};

/**
 * @param budget_bytes  memory for all frames that are alive together; 0: no limit
 * @return never NULL; counted by the frames that are alive, so it may be freed before them
 *
 * Thread: the pool and its frames may be used from any thread.
 */
struct fr_frame_pool *fr_frame_pool_new(int64_t budget_bytes);
void fr_frame_pool_free(struct fr_frame_pool *pool); /* NULL is fine */
void fr_frame_pool_set_budget(struct fr_frame_pool *pool, int64_t budget_bytes);

/**
 * Bytes held by frames that are alive, and their number. Recycled buffers that lie idle are not in it; they are at
 * most 32 MiB and never more than the budget leaves.
 */
int64_t fr_frame_pool_bytes(const struct fr_frame_pool *pool);
int64_t fr_frame_pool_frames(const struct fr_frame_pool *pool);

/** Gives recycled buffers back to the system. @return bytes */
size_t fr_frame_pool_trim(struct fr_frame_pool *pool);

/**
 * Begins a frame: memory to be written by its one owner.
 *
 * @param capacity  bytes wanted at first, 1 or more; rounded up (by less than a quarter, at least to 256)
 * @return a frame with one reference, the caller's; NULL when the budget or the machine has no room
 */
struct fr_frame *fr_frame_begin(struct fr_frame_pool *pool, size_t capacity);

/**
 * @return where the picture's bytes are (to be) written; moves when the frame grows. The FR_FRAME_LEAD_BYTES before it
 *         are free until fr_frame_finish(): what stands before a picture on the wire can be received with it.
 */
uint8_t *fr_frame_room(struct fr_frame *frame);
size_t fr_frame_capacity(const struct fr_frame *frame);

/** Makes room for `capacity` bytes, keeping the first `used`. @return false: no room; the frame is as it was */
bool fr_frame_grow(struct fr_frame *frame, size_t used, size_t capacity);

/**
 * Ends the writing: renders the prefixes; nothing of the frame changes after this.
 *
 * @param size  bytes of the picture, 1..capacity
 * @param info  copied
 */
void fr_frame_finish(struct fr_frame *frame, size_t size, const struct fr_frame_info *info);

/** begin + copy + finish, for tests and small things. @return NULL when there is no room */
struct fr_frame *fr_frame_copy(
    struct fr_frame_pool *pool, const void *bytes, size_t size, const struct fr_frame_info *info);

struct fr_frame *fr_frame_ref(struct fr_frame *frame);
void fr_frame_unref(struct fr_frame *frame); /* NULL is fine */

const uint8_t *fr_frame_bytes(const struct fr_frame *frame);
size_t fr_frame_size(const struct fr_frame *frame);
const struct fr_frame_info *fr_frame_info(const struct fr_frame *frame);

/**
 * The bytes that stand before the picture on the wire, rendered once: LE32 length; a record's head.
 *
 * The plain prefix lies right before the picture in memory: prefix and picture can be sent as one piece.
 */
const uint8_t *fr_frame_plain_prefix(const struct fr_frame *frame);
const uint8_t *fr_frame_record_prefix(const struct fr_frame *frame);
