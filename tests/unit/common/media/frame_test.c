/* SPDX-License-Identifier: MIT */
/* Frames: what is written stays, the budget holds, buffers are used again, threads may share. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/media/frame.h"

static const struct fr_frame_info info = {
    .type = FR_FRAME_PICTURE,
    .sequence = 0x0102030405060708,
    .captured_us = 0x1112131415161718,
    .received_us = 5,
    .width = 640,
    .height = 480,
};

static void a_frame_keeps_its_bytes_and_its_info(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_frame *frame = fr_frame_copy(pool, "\xff\xd8picture", 9, &info);

	assert_int_equal(fr_frame_size(frame), 9);
	assert_memory_equal(fr_frame_bytes(frame), "\xff\xd8picture", 9);
	assert_int_equal(fr_frame_info(frame)->width, 640);
	assert_int_equal(fr_frame_info(frame)->sequence, info.sequence);

	fr_frame_unref(frame);
	fr_frame_pool_free(pool);
	(void)state;
}

static void the_prefixes_are_rendered_once_as_the_protocol_says(void **state)
{
	static const uint8_t record[] = {20 + 9, 0, 0, 0, 1, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1, 0x18,
	    0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11};
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_frame *frame = fr_frame_copy(pool, "\xff\xd8picture", 9, &info);

	assert_memory_equal(fr_frame_plain_prefix(frame), "\x09\0\0\0\xff\xd8picture", 13);
	assert_ptr_equal(fr_frame_plain_prefix(frame) + 4, fr_frame_bytes(frame));
	assert_memory_equal(fr_frame_record_prefix(frame), record, sizeof(record));

	fr_frame_unref(frame);
	fr_frame_pool_free(pool);
	(void)state;
}

static void a_message_and_a_time_of_ours_show_in_the_record(void **state)
{
	const struct fr_frame_info message = {
	    .type = FR_FRAME_MESSAGE, .captured_us = -1, .captured_is_received = true};
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_frame *frame = fr_frame_copy(pool, "{}", 2, &message);

	assert_memory_equal(fr_frame_record_prefix(frame), "\x16\0\0\0\x02\x01\0\0", 8);
	assert_memory_equal(
	    fr_frame_record_prefix(frame) + 16, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);

	fr_frame_unref(frame);
	fr_frame_pool_free(pool);
	(void)state;
}

static void a_frame_lives_as_long_as_its_last_reference_and_its_pool_with_it(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_frame *frame = fr_frame_copy(pool, "12345", 5, &info);

	assert_ptr_equal(fr_frame_ref(frame), frame);
	fr_frame_unref(frame);
	fr_frame_pool_free(pool);

	assert_memory_equal(fr_frame_bytes(frame), "12345", 5);
	fr_frame_unref(frame);
	fr_frame_unref(NULL);
	fr_frame_pool_free(NULL);
	(void)state;
}

static void the_budget_counts_the_frames_that_are_alive(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(3 * 65536);
	struct fr_frame *a = fr_frame_begin(pool, 65536);
	struct fr_frame *b = fr_frame_begin(pool, 65530);

	assert_int_equal(fr_frame_pool_bytes(pool), 2 * 65536);
	assert_int_equal(fr_frame_pool_frames(pool), 2);
	assert_null(fr_frame_begin(pool, 65537));
	assert_int_equal(fr_frame_pool_bytes(pool), 2 * 65536);

	fr_frame_unref(b);
	b = fr_frame_begin(pool, 2 * 65536);
	assert_non_null(b);

	fr_frame_pool_set_budget(pool, 65536);
	fr_frame_unref(b);
	assert_null(fr_frame_begin(pool, 1));
	fr_frame_pool_set_budget(pool, 0);
	b = fr_frame_begin(pool, 10 << 20);
	assert_non_null(b);

	fr_frame_unref(a);
	fr_frame_unref(b);
	assert_int_equal(fr_frame_pool_bytes(pool), 0);
	assert_int_equal(fr_frame_pool_frames(pool), 0);
	fr_frame_pool_free(pool);
	(void)state;
}

static void an_absurd_size_is_refused_without_touching_the_count(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_frame *frame = fr_frame_begin(pool, 100);
	const int64_t before = fr_frame_pool_bytes(pool);

	assert_null(fr_frame_begin(pool, SIZE_MAX));
	assert_false(fr_frame_grow(frame, 0, SIZE_MAX));
	assert_int_equal(fr_frame_pool_bytes(pool), before);

	fr_frame_unref(frame);
	fr_frame_pool_free(pool);
	(void)state;
}

static void a_frame_grows_and_keeps_what_was_written(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(4 << 20);
	struct fr_frame *frame = fr_frame_begin(pool, 100);
	size_t size = 100;

	memset(fr_frame_room(frame), 7, 100);
	assert_true(fr_frame_grow(frame, 100, 50));
	while (size < 1 << 20) {
		assert_true(fr_frame_grow(frame, size, 2 * size));
		assert_true(fr_frame_capacity(frame) >= 2 * size);
		memset(fr_frame_room(frame) + size, 7, size);
		size *= 2;
	}
	assert_int_equal(fr_frame_pool_bytes(pool), (int64_t)fr_frame_capacity(frame));
	assert_false(fr_frame_grow(frame, size, 5 << 20));
	fr_frame_finish(frame, size, &info);
	for (size_t i = 0; i < size; i++)
		assert_int_equal(fr_frame_bytes(frame)[i], 7);

	fr_frame_unref(frame);
	assert_int_equal(fr_frame_pool_bytes(pool), 0);
	fr_frame_pool_free(pool);
	(void)state;
}

static void a_frame_grows_into_a_recycled_buffer_too(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_frame *frame = fr_frame_begin(pool, 70000);
	const void *buffer = fr_frame_room(frame);

	fr_frame_unref(frame);
	frame = fr_frame_begin(pool, 1000);
	memset(fr_frame_room(frame), 9, 1000);
	assert_true(fr_frame_grow(frame, 1000, 70000));
	assert_ptr_equal(fr_frame_room(frame), buffer);
	assert_int_equal(fr_frame_room(frame)[999], 9);

	fr_frame_unref(frame);
	assert_int_equal(fr_frame_pool_bytes(pool), 0);
	fr_frame_pool_free(pool);
	(void)state;
}

static void buffers_are_used_again_by_frames_of_about_their_size(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_frame *frame = fr_frame_begin(pool, 150000);
	const void *buffer = fr_frame_room(frame);

	fr_frame_unref(frame);
	frame = fr_frame_begin(pool, 120000);
	assert_ptr_equal(fr_frame_room(frame), buffer);
	assert_int_equal(fr_frame_pool_bytes(pool), (int64_t)fr_frame_capacity(frame));
	fr_frame_unref(frame);

	frame = fr_frame_begin(pool, 1000);
	assert_ptr_not_equal(fr_frame_room(frame), buffer);
	fr_frame_unref(frame);
	fr_frame_pool_free(pool);
	(void)state;
}

static void idle_buffers_are_bounded_and_given_back_on_request(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_frame *frames[20];

	for (unsigned i = 0; i < 20; i++)
		frames[i] = fr_frame_begin(pool, 4 << 20);
	for (unsigned i = 0; i < 20; i++)
		fr_frame_unref(frames[i]);

	assert_int_equal(fr_frame_pool_trim(pool), 32 << 20);
	assert_int_equal(fr_frame_pool_trim(pool), 0);
	fr_frame_pool_free(pool);
	(void)state;
}

static void idle_buffers_make_room_for_frames_within_the_budget(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(1 << 20);
	struct fr_frame *frame = fr_frame_begin(pool, 1 << 20);

	fr_frame_unref(frame);
	frame = fr_frame_begin(pool, 1 << 18);

	assert_non_null(frame);
	assert_int_equal(fr_frame_pool_trim(pool), 0);
	fr_frame_unref(frame);
	assert_int_equal(fr_frame_pool_trim(pool), 1 << 18);

	frame = fr_frame_begin(pool, 1 << 20);
	fr_frame_pool_set_budget(pool, 1 << 10);
	fr_frame_unref(frame);
	assert_int_equal(fr_frame_pool_trim(pool), 0);
	fr_frame_pool_free(pool);
	(void)state;
}

static void a_buffer_too_large_to_be_kept_goes_back_at_once(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_frame *frame = fr_frame_begin(pool, ((size_t)1 << 27) + 1);

	assert_int_equal(fr_frame_capacity(frame), ((size_t)1 << 27) + 1);
	fr_frame_unref(frame);

	assert_int_equal(fr_frame_pool_trim(pool), 0);
	fr_frame_pool_free(pool);
	(void)state;
}

static void every_size_finds_a_block_that_is_large_enough_and_not_much_larger(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);

	for (size_t size = 1; size < 1 << 22; size += 1 + size / 7) {
		struct fr_frame *frame = fr_frame_begin(pool, size);

		assert_true(fr_frame_capacity(frame) >= size);
		assert_true(size <= 256 || fr_frame_capacity(frame) <= size + size / 4 + 1);
		fr_frame_unref(frame);
		(void)fr_frame_pool_trim(pool);
	}
	fr_frame_pool_free(pool);
	(void)state;
}

static void *churn(void *arg)
{
	struct fr_frame *shared = arg;
	uint64_t sum = 0;

	for (unsigned i = 0; i < 5000; i++) {
		sum += fr_frame_bytes(fr_frame_ref(shared))[0];
		fr_frame_unref(shared);
	}
	fr_frame_unref(shared);
	return sum == 5000 * (uint64_t)'x' ? arg : NULL;
}

static void threads_share_a_frame_and_the_last_one_frees_it(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_frame *frame = fr_frame_copy(pool, "x", 1, &info);
	pthread_t threads[4];

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, churn, fr_frame_ref(frame)), 0);
	fr_frame_unref(frame);
	for (unsigned i = 0; i < 4; i++) {
		void *result;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_non_null(result);
	}
	assert_int_equal(fr_frame_pool_frames(pool), 0);
	fr_frame_pool_free(pool);
	(void)state;
}

static void *make_frames(void *arg)
{
	struct fr_frame_pool *pool = arg;

	for (size_t i = 1; i < 2000; i++) {
		struct fr_frame *frame = fr_frame_begin(pool, i * 37 % 9000 + 1);

		(void)fr_frame_grow(frame, 1, i * 61 % 20000 + 1);
		fr_frame_unref(frame);
	}
	return NULL;
}

static void threads_take_frames_from_one_pool(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	pthread_t threads[4];

	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, make_frames, pool), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);

	assert_int_equal(fr_frame_pool_bytes(pool), 0);
	assert_int_equal(fr_frame_pool_frames(pool), 0);
	fr_frame_pool_free(pool);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_frame_keeps_its_bytes_and_its_info),
	    cmocka_unit_test(the_prefixes_are_rendered_once_as_the_protocol_says),
	    cmocka_unit_test(a_message_and_a_time_of_ours_show_in_the_record),
	    cmocka_unit_test(a_frame_lives_as_long_as_its_last_reference_and_its_pool_with_it),
	    cmocka_unit_test(the_budget_counts_the_frames_that_are_alive),
	    cmocka_unit_test(an_absurd_size_is_refused_without_touching_the_count),
	    cmocka_unit_test(a_frame_grows_and_keeps_what_was_written),
	    cmocka_unit_test(a_frame_grows_into_a_recycled_buffer_too),
	    cmocka_unit_test(buffers_are_used_again_by_frames_of_about_their_size),
	    cmocka_unit_test(idle_buffers_are_bounded_and_given_back_on_request),
	    cmocka_unit_test(idle_buffers_make_room_for_frames_within_the_budget),
	    cmocka_unit_test(a_buffer_too_large_to_be_kept_goes_back_at_once),
	    cmocka_unit_test(every_size_finds_a_block_that_is_large_enough_and_not_much_larger),
	    cmocka_unit_test(threads_share_a_frame_and_the_last_one_frees_it),
	    cmocka_unit_test(threads_take_frames_from_one_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
