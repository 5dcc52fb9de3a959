/* SPDX-License-Identifier: MIT */
/* What gives way, and in which order, as the memory for pictures runs short. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "common/media/frame.h"
#include "tests/support/relay_fixture.h"

enum {
	PICTURE_BYTES = 100 * 1024, /* how large the pool makes a picture of so many bytes … */
	BLOCK_BYTES = 112 * 1024,   /* … is this */
	BUDGET_BYTES = 100 * BLOCK_BYTES,
};

static void big_picture(struct fr_test_publisher *p, uint8_t tag)
{
	static uint8_t bytes[PICTURE_BYTES] = {0xff, 0xd8};

	bytes[2] = tag;
	assert_int_equal(fr_test_send(p, bytes, sizeof(bytes)), 0);
}

/* A viewer that never reads, with a full queue; then so many pictures are alive. */
static struct fr_test_viewer *hoarding(struct fr_test_relay *f, const char *stream, unsigned count)
{
	struct fr_test_publisher *p = fr_test_publishing(f, stream);
	struct fr_test_viewer *v = fr_test_viewer(f, stream);

	f->limits.memory_budget_bytes = BUDGET_BYTES;
	v->reads = false;
	v->spec.queue_age_ms = 0;
	assert_int_equal(fr_test_viewer_open(v), 0);
	for (unsigned i = 0; i < count; i++)
		big_picture(p, (uint8_t)i);
	return v;
}

static void up_to_80_percent_everybody_may_subscribe(void **state)
{
	struct fr_test_relay *f = *state;

	hoarding(f, "a", 60);
	hoarding(f, "b", 19);
	assert_int_equal(fr_frame_pool_bytes(f->pool), 79 * BLOCK_BYTES);

	fr_test_viewing(f, "a");
}

static void above_80_percent_nobody_new_may_subscribe(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = fr_test_viewer(f, "a"), *ours = fr_test_viewer(f, "a");

	hoarding(f, "a", 60);
	hoarding(f, "b", 21);

	assert_int_equal(fr_test_viewer_open(v), -ENOMEM);
	assert_int_equal(v->refusal.code, 503);
	assert_int_equal(v->refusal.reason, FR_REASON_memory_budget);
	ours->spec.who.ours = true;
	assert_int_equal(fr_test_viewer_open(ours), 0);
	f->limits.memory_budget_bytes = 0;
	assert_int_equal(fr_test_viewer_open(v), 0);
}

static void above_90_percent_every_queue_keeps_its_newest_picture_alone(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *a = hoarding(f, "a", 60), *b = hoarding(f, "b", 29);

	assert_int_equal(fr_subscriber_counts(a->sub).queued, 60);
	big_picture(f->publishers[1], 99);

	assert_int_equal(fr_subscriber_counts(a->sub).queued, 1);
	assert_int_equal(fr_subscriber_counts(a->sub).dropped_memory, 59);
	assert_int_equal(fr_subscriber_counts(b->sub).dropped_memory, 29);
	assert_int_equal(fr_stat_value(FR_STAT_frames_dropped_memory), 88);
	assert_int_equal(fr_frame_pool_frames(f->pool), 2);
	assert_int_equal(fr_test_take(a), 59);
	assert_int_equal(fr_test_take(b), 99);
}

static void a_picture_that_found_no_room_empties_the_queues_for_the_next(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = hoarding(f, "a", 60);

	fr_ingest_begin(f->publishers[0]->ingest);
	fr_ingest_reject(f->publishers[0]->ingest, FR_REASON_memory_budget, 0);

	assert_int_equal(fr_subscriber_counts(v->sub).dropped_memory, 59);
}

static void a_budget_that_a_reload_makes_smaller_holds_from_the_next_second(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = hoarding(f, "a", 60);

	f->limits.memory_budget_bytes = 50 * BLOCK_BYTES;
	fr_test_pass(f, FR_TEST_SECOND_US);

	assert_int_equal(fr_subscriber_counts(v->sub).dropped_memory, 59);
}

#define TEST(name)                                                                                 \
	cmocka_unit_test_setup_teardown(name, fr_test_relay_setup, fr_test_relay_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(up_to_80_percent_everybody_may_subscribe),
	    TEST(above_80_percent_nobody_new_may_subscribe),
	    TEST(above_90_percent_every_queue_keeps_its_newest_picture_alone),
	    TEST(a_picture_that_found_no_room_empties_the_queues_for_the_next),
	    TEST(a_budget_that_a_reload_makes_smaller_holds_from_the_next_second),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
