/* SPDX-License-Identifier: MIT */
#include "common/media/frame_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hot.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"

static struct fr_queue_slot *slot_at(struct fr_frame_queue *q, unsigned i)
{
	/* `slots` of a queue of one is not stored: its owner may be moved before the first push. */
	struct fr_queue_slot *slots = q->capacity == 1 ? &q->one : q->slots;

	return &slots[(q->first + i) % q->capacity];
}

void fr_frame_queue_init(struct fr_frame_queue *q, unsigned capacity)
{
	assert(capacity >= 1 && capacity <= FR_QUEUE_MAX);
	memset(q, 0, sizeof(*q));
	q->capacity = capacity;
	q->slots = capacity == 1 ? &q->one : fr_xcalloc(capacity, sizeof(*q->slots));
}

void fr_frame_queue_done(struct fr_frame_queue *q)
{
	(void)fr_frame_queue_trim(q, 0);
	if (q->capacity > 1)
		free(q->slots);
	memset(q, 0, sizeof(*q));
}

FR_HOT unsigned fr_frame_queue_push(
    struct fr_frame_queue *q, struct fr_frame *frame, int64_t now_us)
{
	unsigned dropped = 0;

	assert(q->capacity > 0);
	if (q->length == q->capacity)
		dropped = fr_frame_queue_trim(q, q->capacity - 1);
	*slot_at(q, q->length) =
	    (struct fr_queue_slot){.frame = fr_frame_ref(frame), .queued_us = now_us};
	q->length++;
	return dropped;
}

FR_HOT struct fr_frame *fr_frame_queue_pop(struct fr_frame_queue *q)
{
	struct fr_frame *frame;

	if (q->length == 0)
		return NULL;
	frame = slot_at(q, 0)->frame;
	q->first = (q->first + 1) % q->capacity;
	q->length--;
	return frame;
}

FR_HOT unsigned fr_frame_queue_expire(struct fr_frame_queue *q, int64_t before_us)
{
	unsigned keep = q->length;

	while (keep > 0 && slot_at(q, q->length - keep)->queued_us < before_us)
		keep--;
	return fr_frame_queue_trim(q, keep);
}

FR_HOT unsigned fr_frame_queue_trim(struct fr_frame_queue *q, unsigned keep)
{
	unsigned dropped = 0;

	while (q->length > keep) {
		fr_frame_unref(fr_frame_queue_pop(q));
		dropped++;
	}
	return dropped;
}

unsigned fr_frame_queue_length(const struct fr_frame_queue *q)
{
	return q->length;
}

unsigned fr_frame_queue_capacity(const struct fr_frame_queue *q)
{
	return q->capacity;
}

int64_t fr_frame_queue_oldest_us(const struct fr_frame_queue *q)
{
	if (q->length == 0)
		return 0;
	return q->capacity == 1 ? q->one.queued_us : q->slots[q->first].queued_us;
}
