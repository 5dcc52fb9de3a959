/* SPDX-License-Identifier: MIT */
/*
 * A bounded queue of frames that keeps the newest.
 *
 * Whoever is too slow loses old frames, never new ones, and never makes anybody else wait. Every frame
 * that goes in comes out or is counted by the caller as dropped. At most 64 frames; the common capacity of 1 takes
 * no memory of its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct fr_frame;

enum {
	FR_QUEUE_MAX = 64,
};

struct fr_queue_slot {
	struct fr_frame *frame;
	int64_t queued_us;
};

/** Embedded in its owner; the fields are the queue's own. */
struct fr_frame_queue {
	struct fr_queue_slot one;
	struct fr_queue_slot *slots; /* &one when capacity is 1 */
	unsigned capacity, first, length;
};

/** @param capacity  frames, 1..64 */
void fr_frame_queue_init(struct fr_frame_queue *q, unsigned capacity);

/** Gives back every frame still held. An all-zero or done queue is fine. */
void fr_frame_queue_done(struct fr_frame_queue *q);

/**
 * Adds the newest frame; if the queue is full, gives up the oldest to make room.
 *
 * @param frame  the queue takes a reference of its own
 * @return frames dropped to make room: 0 or 1
 */
unsigned fr_frame_queue_push(struct fr_frame_queue *q, struct fr_frame *frame, int64_t now_us);

/** @return the oldest frame, with its reference, or NULL if there is none */
struct fr_frame *fr_frame_queue_pop(struct fr_frame_queue *q);

/** Drops what was queued before `before_us`. @return frames dropped */
unsigned fr_frame_queue_expire(struct fr_frame_queue *q, int64_t before_us);

/** Drops all but the newest `keep`. @return frames dropped */
unsigned fr_frame_queue_trim(struct fr_frame_queue *q, unsigned keep);

unsigned fr_frame_queue_capacity(const struct fr_frame_queue *q);

/** @return when the oldest one was queued; 0: none waits */
int64_t fr_frame_queue_oldest_us(const struct fr_frame_queue *q);

/** @return frames waiting, 0..capacity */
unsigned fr_frame_queue_length(const struct fr_frame_queue *q);
