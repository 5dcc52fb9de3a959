/* SPDX-License-Identifier: MIT */
/* The queue: bounded, keeps the newest, counts what it drops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/media/frame.h"
#include "common/media/frame_queue.h"

enum {
	FRAMES = 100,
};

struct fixture {
	struct fr_frame_pool *pool;
	struct fr_frame *frames[FRAMES]; /* number i holds the byte i */
	struct fr_frame_queue queue;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->pool = fr_frame_pool_new(0);
	for (uint8_t i = 0; i < FRAMES; i++) {
		const struct fr_frame_info info = {.type = FR_FRAME_PICTURE, .sequence = i};

		f->frames[i] = fr_frame_copy(f->pool, &i, 1, &info);
	}
	*state = f;
	return 0;
}

/* Every frame that a test gave to the queue must have come back. */
static int teardown(void **state)
{
	struct fixture *f = *state;
	int64_t left;

	fr_frame_queue_done(&f->queue);
	for (unsigned i = 0; i < FRAMES; i++)
		fr_frame_unref(f->frames[i]);
	left = fr_frame_pool_frames(f->pool);
	fr_frame_pool_free(f->pool);
	free(f);
	return left == 0 ? 0 : -1;
}

static unsigned push(struct fixture *f, unsigned i)
{
	return fr_frame_queue_push(&f->queue, f->frames[i], (int64_t)i * 10);
}

/* Pops and gives the number, or -1 for an empty queue. */
static int pop(struct fixture *f)
{
	struct fr_frame *frame = fr_frame_queue_pop(&f->queue);
	int number = frame == NULL ? -1 : fr_frame_bytes(frame)[0];

	fr_frame_unref(frame);
	return number;
}

static void frames_come_out_in_the_order_they_went_in(void **state)
{
	struct fixture *f = *state;

	fr_frame_queue_init(&f->queue, 3);
	for (unsigned round = 0; round < 5; round++) {
		assert_int_equal(push(f, 2 * round), 0);
		assert_int_equal(push(f, 2 * round + 1), 0);
		assert_int_equal(fr_frame_queue_length(&f->queue), 2);

		assert_int_equal(pop(f), 2 * round);
		assert_int_equal(pop(f), 2 * round + 1);
		assert_int_equal(pop(f), -1);
	}
}

static void full_queue_drops_the_oldest_and_keeps_the_newest(void **state)
{
	for (unsigned capacity = 1; capacity <= FR_QUEUE_MAX; capacity++) {
		struct fixture *f = *state;

		fr_frame_queue_init(&f->queue, capacity);
		for (unsigned i = 0; i < FRAMES; i++)
			assert_int_equal(push(f, i), i >= capacity);

		assert_int_equal(fr_frame_queue_length(&f->queue), capacity);
		for (unsigned i = FRAMES - capacity; i < FRAMES; i++)
			assert_int_equal(pop(f), i);
		assert_int_equal(pop(f), -1);
		fr_frame_queue_done(&f->queue);
	}
}

static void what_waits_too_long_is_dropped_and_counted(void **state)
{
	struct fixture *f = *state;

	fr_frame_queue_init(&f->queue, 8);
	for (unsigned i = 0; i < 5; i++)
		push(f, i);

	assert_int_equal(fr_frame_queue_expire(&f->queue, 0), 0);
	assert_int_equal(fr_frame_queue_expire(&f->queue, 20), 2);
	assert_int_equal(fr_frame_queue_expire(&f->queue, 21), 1);
	assert_int_equal(pop(f), 3);
	assert_int_equal(fr_frame_queue_expire(&f->queue, INT64_MAX), 1);
	assert_int_equal(fr_frame_queue_expire(&f->queue, INT64_MAX), 0);
}

static void trimming_keeps_the_newest(void **state)
{
	struct fixture *f = *state;

	fr_frame_queue_init(&f->queue, 4);
	for (unsigned i = 0; i < 6; i++)
		push(f, i);

	assert_int_equal(fr_frame_queue_trim(&f->queue, 4), 0);
	assert_int_equal(fr_frame_queue_trim(&f->queue, 1), 3);
	assert_int_equal(pop(f), 5);
	assert_int_equal(fr_frame_queue_trim(&f->queue, 0), 0);
}

static void it_is_known_since_when_the_oldest_waits(void **state)
{
	struct fixture *f = *state;

	for (unsigned capacity = 1; capacity <= 2; capacity++) {
		fr_frame_queue_init(&f->queue, capacity);
		assert_int_equal(fr_frame_queue_capacity(&f->queue), capacity);
		assert_int_equal(fr_frame_queue_oldest_us(&f->queue), 0);
		for (unsigned i = 0; i < 5; i++)
			(void)push(f, i + 1);
		assert_int_equal(fr_frame_queue_oldest_us(&f->queue), capacity == 1 ? 50 : 40);
		fr_frame_queue_done(&f->queue);
	}
}

static void a_queue_of_one_may_be_moved_while_it_is_empty(void **state)
{
	struct fixture *f = *state;
	struct fr_frame_queue elsewhere;

	fr_frame_queue_init(&elsewhere, 1);
	f->queue = elsewhere;
	push(f, 7);

	assert_int_equal(pop(f), 7);
}

static void a_queue_that_was_never_or_no_longer_used_can_be_done(void **state)
{
	struct fixture *f = *state;

	fr_frame_queue_done(&f->queue);
	fr_frame_queue_init(&f->queue, 2);
	push(f, 1);
	fr_frame_queue_done(&f->queue);
	fr_frame_queue_done(&f->queue);

	assert_int_equal(fr_frame_queue_length(&f->queue), 0);
	assert_null(fr_frame_queue_pop(&f->queue));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(frames_come_out_in_the_order_they_went_in),
	    TEST(full_queue_drops_the_oldest_and_keeps_the_newest),
	    TEST(what_waits_too_long_is_dropped_and_counted),
	    TEST(trimming_keeps_the_newest),
	    TEST(it_is_known_since_when_the_oldest_waits),
	    TEST(a_queue_of_one_may_be_moved_while_it_is_empty),
	    TEST(a_queue_that_was_never_or_no_longer_used_can_be_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
