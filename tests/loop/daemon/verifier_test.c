/* SPDX-License-Identifier: MIT */
/* verify = "full" from ingest through the worker threads to the stream and back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/stats.h"
#include "common/media/frame.h"
#include "common/net/loop.h"
#include "daemon/relay/ingest.h"
#include "daemon/verifier.h"
#include "tests/support/jpeg.h"
#include "tests/support/loop_runner.h"

struct fixture {
	struct fr_limits limits;
	struct fr_loop *loop;
	struct fr_frame_pool *pool;
	struct fr_relay *relay;
	struct fr_verifier *verifier;
	struct fr_ingest *ingest;
	unsigned closed;
	unsigned code;
};

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	struct fixture *f = arg;

	f->closed++;
	f->code = refusal->code;
}

static int setup(void **state)
{
	static const struct fr_ingest_ops ops = {.on_closed = on_closed};
	const struct fr_publish_spec spec = {
	    .door = "test", .who = {.ours = true}, .stream = "cam", .verify = FR_VERIFY_FULL};
	struct fixture *f = calloc(1, sizeof(*f));
	struct fr_refusal refusal;

	fr_stats_reset();
	f->limits = fr_limits_default();
	f->loop = fr_test_loop();
	f->pool = fr_frame_pool_new(0);
	f->relay = fr_relay_new(&f->limits, f->pool);
	assert_int_equal(fr_verifier_new(f->loop, f->relay, &f->limits, &f->verifier, NULL), 0);
	assert_int_equal(
	    fr_relay_publish(f->relay, &spec, &ops, f, fr_clock_now_us(), &f->ingest, &refusal), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fr_relay_check(f->relay, NULL), 0);
	fr_ingest_free(f->ingest, fr_clock_now_us());
	fr_verifier_free(f->verifier);
	fr_loop_free(f->loop);
	fr_relay_free(f->relay);
	assert_int_equal(fr_frame_pool_frames(f->pool), 0);
	fr_frame_pool_free(f->pool);
	free(f);
	return 0;
}

static void offer(struct fixture *f, const uint8_t *bytes, size_t size)
{
	struct fr_frame *frame = fr_frame_begin(f->pool, size);
	struct fr_refusal refusal;

	memcpy(fr_frame_room(frame), bytes, size);
	fr_ingest_received(f->ingest, size);
	fr_ingest_begin(f->ingest);
	assert_int_equal(fr_ingest_frame(f->ingest, frame, size, 0, 0, fr_clock_now_us(),
	                     fr_clock_real_us(), &refusal),
	    0);
}

static bool nothing_is_verified(void *arg)
{
	return fr_ingest_counts(((struct fixture *)arg)->ingest).verifying == 0;
}

static void a_whole_picture_is_published_when_it_was_decoded(void **state)
{
	struct fixture *f = *state;
	struct fr_test_jpeg jpeg = fr_test_jpeg(640, 480, 85, 1);

	offer(f, jpeg.bytes, jpeg.size);
	assert_int_equal(fr_ingest_counts(f->ingest).published, 0);
	fr_test_until(f->loop, nothing_is_verified, f);
	assert_int_equal(fr_ingest_counts(f->ingest).published, 1);
	fr_test_jpeg_done(&jpeg);
}

static void a_picture_that_is_cut_inside_passes_the_walk_and_not_the_decode(void **state)
{
	struct fixture *f = *state;
	struct fr_test_jpeg jpeg = fr_test_jpeg(640, 480, 85, 1);

	memcpy(jpeg.bytes + jpeg.size / 2, "\xff\xd9", 2);
	offer(f, jpeg.bytes, jpeg.size / 2 + 2);
	fr_test_until(f->loop, nothing_is_verified, f);
	assert_int_equal(fr_ingest_counts(f->ingest).published, 0);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_bad_jpeg), 1);
	fr_test_jpeg_done(&jpeg);
}

static void of_many_at_once_the_newest_is_published_and_those_between_are_counted(void **state)
{
	struct fixture *f = *state;
	struct fr_test_jpeg jpeg = fr_test_jpeg(640, 480, 85, 1);

	for (int i = 0; i < 10; i++)
		offer(f, jpeg.bytes, jpeg.size);
	fr_test_until(f->loop, nothing_is_verified, f);
	assert_int_equal(fr_ingest_counts(f->ingest).published, 2); /* the first and the last */
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_verify_busy), 8);
	fr_test_jpeg_done(&jpeg);
}

static bool is_closed(void *arg)
{
	return ((struct fixture *)arg)->closed != 0;
}

static void serve(struct fixture *f)
{
	fr_relay_serve(f->relay, fr_clock_now_us());
}

static void too_many_bad_ones_in_a_row_end_the_publisher(void **state)
{
	struct fixture *f = *state;
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 85, 1);

	memcpy(jpeg.bytes + jpeg.size - 20, "\xff\xd9", 2);
	for (unsigned i = 0; i < f->limits.bad_frames; i++) {
		offer(f, jpeg.bytes, jpeg.size - 18);
		fr_test_until(f->loop, nothing_is_verified, f);
	}
	serve(f);
	assert_true(is_closed(f));
	assert_int_equal(f->code, 415);
	fr_test_jpeg_done(&jpeg);
}

static void a_publisher_that_leaves_takes_its_verdict_with_it(void **state)
{
	struct fixture *f = *state;
	struct fr_test_jpeg jpeg = fr_test_jpeg(1920, 1080, 85, 1);

	offer(f, jpeg.bytes, jpeg.size);
	offer(f, jpeg.bytes, jpeg.size);
	fr_ingest_free(f->ingest, fr_clock_now_us());
	f->ingest = NULL;
	fr_verifier_free(f->verifier); /* waits for what runs */
	f->verifier = NULL;
	assert_int_equal(fr_stat_value(FR_STAT_frames_published), 0);
	assert_int_equal(fr_frame_pool_frames(f->pool), 0);
	fr_test_jpeg_done(&jpeg);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_whole_picture_is_published_when_it_was_decoded),
	    TEST(a_picture_that_is_cut_inside_passes_the_walk_and_not_the_decode),
	    TEST(of_many_at_once_the_newest_is_published_and_those_between_are_counted),
	    TEST(too_many_bad_ones_in_a_row_end_the_publisher),
	    TEST(a_publisher_that_leaves_takes_its_verdict_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
