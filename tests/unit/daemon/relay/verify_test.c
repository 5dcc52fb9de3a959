/* SPDX-License-Identifier: MIT */
/* Pictures that wait for their strict decode. The decoder is the test: it judges when it likes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "common/media/frame.h"
#include "common/media/jpeg_transform.h"
#include "tests/support/jpeg.h"
#include "tests/support/relay_fixture.h"

enum {
	JOBS_MAX = 32,
};

struct decoder {
	struct fr_test_relay *f;
	struct fr_test_publisher *p;
	struct fr_test_viewer *v;
	unsigned count, judged;
	bool is_quick; /* judges within the call that asks, as a worker that is full does */
	struct fr_verify_job *jobs[JOBS_MAX];
};

static void judge(struct decoder *d, bool ok)
{
	const struct fr_cause why = {"a strict decoder does not like it"};

	assert_true(d->judged < d->count);
	fr_verify_job_done(
	    d->jobs[d->judged++], ok, FR_REASON_bad_jpeg, &why, d->f->now_us, d->f->real_us);
}

static void on_submit(void *arg, struct fr_verify_job *job)
{
	struct decoder *d = arg;

	assert_true(d->count < JOBS_MAX);
	d->jobs[d->count++] = job;
	if (d->is_quick)
		judge(d, true);
}

static int setup(void **state)
{
	struct decoder *d = calloc(1, sizeof(*d));
	void *f;

	(void)fr_test_relay_setup(&f);
	d->f = f;
	fr_relay_set_verifier(d->f->relay, on_submit, d);
	d->v = fr_test_viewing(d->f, "cam");
	d->p = fr_test_publisher(d->f, "cam");
	d->p->spec.verify = FR_VERIFY_FULL;
	assert_int_equal(fr_test_publisher_open(d->p), 0);
	*state = d;
	return 0;
}

/* Every job is judged in the end, as workers do. */
static int teardown(void **state)
{
	struct decoder *d = *state;
	void *f = d->f;
	struct fr_cause why;

	assert_int_equal(fr_relay_check(d->f->relay, &why), 0);
	while (d->judged < d->count)
		judge(d, true);
	free(d);
	return fr_test_relay_teardown(&f);
}

/* The third byte of a JPEG is 0xff: pictures are told by their number. */
static void bring(struct decoder *d, unsigned number)
{
	struct fr_test_jpeg jpeg = fr_test_jpeg(16, 16, 50, number);

	assert_int_equal(fr_test_send(d->p, jpeg.bytes, jpeg.size), 0);
	fr_test_jpeg_done(&jpeg);
}

static struct fr_ingest_counts counts_of(const struct decoder *d)
{
	return fr_ingest_counts(d->p->ingest);
}

static void a_picture_is_published_when_it_has_been_judged_good(void **state)
{
	struct decoder *d = *state;

	bring(d, 1);
	fr_test_serve(d->f);
	assert_int_equal(d->v->got_count, 0);
	assert_int_equal(counts_of(d).verifying, 1);
	assert_int_equal(fr_verify_job_size(d->jobs[0]), counts_of(d).bytes_received);
	assert_non_null(fr_verify_job_frame(d->jobs[0]));

	judge(d, true);
	fr_test_serve(d->f);
	assert_int_equal(d->v->got_count, 1);
	assert_int_equal(counts_of(d).verifying, 0);
	assert_int_equal(counts_of(d).published, 1);
}

static void the_publisher_hears_the_verdict_when_none_is_out_any_more(void **state)
{
	struct decoder *d = *state;

	bring(d, 1);
	bring(d, 2);
	judge(d, false);
	fr_test_serve(d->f);
	assert_int_equal(d->p->verified, 0); /* the second is out now */
	judge(d, true);
	fr_test_serve(d->f);
	assert_int_equal(d->p->verified, 1);
	assert_true(d->p->is_good);

	bring(d, 3);
	judge(d, false);
	fr_test_serve(d->f);
	assert_int_equal(d->p->verified, 2);
	assert_false(d->p->is_good);
	assert_int_equal(d->p->refusal.reason, FR_REASON_bad_jpeg);
}

static void a_picture_that_is_judged_bad_is_dropped_and_counted(void **state)
{
	struct decoder *d = *state;

	bring(d, 1);
	judge(d, false);
	fr_test_serve(d->f);

	assert_int_equal(d->v->got_count, 0);
	assert_int_equal(counts_of(d).rejected, 1);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_bad_jpeg), 1);
	assert_int_equal(d->p->closed, 0);
}

static void one_is_decoded_at_a_time_and_the_newest_waits(void **state)
{
	struct decoder *d = *state;

	bring(d, 1);
	bring(d, 2);
	bring(d, 3);
	assert_int_equal(d->count, 1);
	assert_int_equal(counts_of(d).verifying, 2);
	assert_int_equal(counts_of(d).rejected, 1);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_verify_busy), 1);

	judge(d, true);
	assert_int_equal(d->count, 2);
	judge(d, true);
	fr_test_serve(d->f);
	assert_int_equal(d->v->got_count, 2);
	assert_int_equal(d->v->got[1].sequence, d->v->got[0].sequence + 1);
}

static void overtaken_pictures_are_not_bad_pictures(void **state)
{
	struct decoder *d = *state;

	d->f->limits.bad_frames = 2;
	for (unsigned i = 0; i < 10; i++)
		bring(d, i);
	judge(d, false);
	fr_test_serve(d->f);

	assert_int_equal(counts_of(d).rejected, 9);
	assert_int_equal(d->p->closed, 0);
}

static void too_many_that_are_judged_bad_send_the_publisher_away_with_415(void **state)
{
	struct decoder *d = *state;

	d->f->limits.bad_frames = 2;
	bring(d, 1);
	bring(d, 2);
	judge(d, false);
	bring(d, 3);
	judge(d, false);
	fr_test_serve(d->f);

	assert_int_equal(d->p->closed, 1);
	assert_int_equal(d->p->refusal.code, 415);
	assert_int_equal(d->count, 2); /* what waited is not decoded any more */
	assert_int_equal(counts_of(d).truncated, 1);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_bad_jpeg_repeated), 1);
	assert_false(fr_test_stream(d->f, "cam").has_publisher);
}

static void the_verdict_on_a_publisher_that_has_left_is_nobodys_business(void **state)
{
	struct decoder *d = *state;

	bring(d, 1);
	bring(d, 2);
	fr_test_publisher_close(d->p);
	assert_int_equal(fr_stat_value(FR_STAT_frames_truncated), 2);
	judge(d, true);
	fr_test_serve(d->f);

	assert_int_equal(d->v->got_count, 0);
	assert_int_equal(d->count, 1);
	assert_int_equal(fr_frame_pool_frames(d->f->pool), 0);
}

static void a_picture_under_judgement_does_not_follow_a_takeover(void **state)
{
	struct decoder *d = *state;
	struct fr_test_publisher *new = fr_test_publishing(d->f, "cam");

	fr_test_picture(new, 7);
	assert_int_equal(d->count, 0);
	fr_test_publisher_close(d->p);
	assert_int_equal(fr_test_publisher_open(d->p), 0);
	bring(d, 1);
	fr_test_publisher_close(new);
	assert_int_equal(fr_test_publisher_open(new), 0);
	judge(d, true);
	fr_test_picture(new, 8);
	fr_test_serve(d->f);

	fr_test_got(d->v, 7, 8);
}

static void a_verdict_may_come_within_the_call_that_asks_for_it(void **state)
{
	struct decoder *d = *state;

	bring(d, 1);
	bring(d, 2);
	d->is_quick = true;
	judge(d, true);
	bring(d, 3);
	fr_test_serve(d->f);

	assert_int_equal(d->v->got_count, 3);
	assert_int_equal(d->judged, 3);
}

static void what_the_walk_refuses_is_not_decoded(void **state)
{
	struct decoder *d = *state;

	assert_int_equal(fr_test_send(d->p, "no picture", 10), -EINVAL);
	assert_int_equal(d->count, 0);
}

static void without_a_decoder_the_walk_decides(void **state)
{
	struct decoder *d = *state;

	fr_relay_set_verifier(d->f->relay, NULL, NULL);
	bring(d, 1);
	fr_test_serve(d->f);

	assert_int_equal(d->v->got_count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* --- Turned for everybody ---------------------------------------------------------------------- */

static void turn_stream(struct decoder *d, uint16_t rotate)
{
	struct fr_stream_config *rows = calloc(1, sizeof(*rows));

	(void)snprintf(rows->name, sizeof(rows->name), "cam");
	rows->title = strdup("");
	rows->stale_after_ms = -1;
	rows->rotate = rotate;
	fr_relay_set_streams(d->f->relay, rows, 1, d->f->now_us);
}

/* The turned picture is told by its size: 8x24. */
static void turn(struct decoder *d)
{
	struct fr_test_jpeg jpeg = fr_test_jpeg(8, 24, 50, 99);
	const struct fr_transformed turned = {.frame = fr_frame_begin(d->f->pool, jpeg.size),
	    .size = jpeg.size,
	    .width = 8,
	    .height = 24};

	memcpy(fr_frame_room(turned.frame), jpeg.bytes, jpeg.size);
	fr_test_jpeg_done(&jpeg);
	fr_verify_job_turned(d->jobs[d->judged], &turned);
	judge(d, true);
	fr_test_serve(d->f);
}

static void a_stream_is_turned_whatever_is_verified(void **state)
{
	struct decoder *d = *state;
	struct fr_stream_info info;

	fr_test_publisher_close(d->p);
	d->p = fr_test_publishing(d->f, "cam");
	turn_stream(d, 90);
	bring(d, 1);
	assert_int_equal(d->count, 1);
	assert_false(fr_verify_job_is_strict(d->jobs[0]));
	assert_int_equal(fr_verify_job_rotate(d->jobs[0]), 90);
	turn(d);
	info = fr_test_stream(d->f, "cam");
	assert_int_equal(info.width, 8);
	assert_int_equal(info.height, 24);
	assert_int_equal(d->v->got_count, 1);
	assert_int_equal(counts_of(d).published, 1);
}

static void the_same_picture_is_known_as_it_came(void **state)
{
	struct decoder *d = *state;
	struct fr_test_jpeg first = fr_test_jpeg(16, 16, 50, 1),
	                    other = fr_test_jpeg(16, 16, 50, 2);

	turn_stream(d, 180);
	bring(d, 1);
	assert_true(fr_verify_job_is_strict(d->jobs[0]));
	turn(d);
	assert_true(fr_ingest_same(d->p->ingest, first.bytes, first.size, d->f->now_us));
	assert_false(fr_ingest_same(d->p->ingest, other.bytes, other.size, d->f->now_us));
	turn_stream(d, 0);
	bring(d, 2);
	judge(d, true);
	assert_true(fr_ingest_same(d->p->ingest, other.bytes, other.size, d->f->now_us));
	assert_false(fr_ingest_same(d->p->ingest, first.bytes, first.size, d->f->now_us));
	fr_test_jpeg_done(&first);
	fr_test_jpeg_done(&other);
}

static void what_comes_after_the_turn_was_taken_back_does_not_overtake(void **state)
{
	struct decoder *d = *state;
	struct fr_test_jpeg third;

	fr_test_publisher_close(d->p);
	d->p = fr_test_publishing(d->f, "cam");
	turn_stream(d, 90);
	bring(d, 1);
	turn_stream(d, 0);
	bring(d, 2);
	assert_int_equal(d->v->got_count, 0);
	turn(d);
	assert_int_equal(fr_verify_job_rotate(d->jobs[1]), 0);
	judge(d, true);
	fr_test_serve(d->f);
	assert_int_equal(d->v->got_count, 2);
	bring(d, 3);
	assert_int_equal(d->count, 2); /* nothing is out any more: it needs nobody */
	third = fr_test_jpeg(16, 16, 50, 3);
	assert_true(fr_ingest_same(d->p->ingest, third.bytes, third.size, d->f->now_us));
	fr_test_jpeg_done(&third);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_picture_is_published_when_it_has_been_judged_good),
	    TEST(the_publisher_hears_the_verdict_when_none_is_out_any_more),
	    TEST(a_picture_that_is_judged_bad_is_dropped_and_counted),
	    TEST(one_is_decoded_at_a_time_and_the_newest_waits),
	    TEST(overtaken_pictures_are_not_bad_pictures),
	    TEST(too_many_that_are_judged_bad_send_the_publisher_away_with_415),
	    TEST(the_verdict_on_a_publisher_that_has_left_is_nobodys_business),
	    TEST(a_picture_under_judgement_does_not_follow_a_takeover),
	    TEST(a_verdict_may_come_within_the_call_that_asks_for_it),
	    TEST(what_the_walk_refuses_is_not_decoded),
	    TEST(without_a_decoder_the_walk_decides),
	    cmocka_unit_test_setup_teardown(
	        a_stream_is_turned_whatever_is_verified, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_same_picture_is_known_as_it_came, setup, teardown),
	    cmocka_unit_test_setup_teardown(
	        what_comes_after_the_turn_was_taken_back_does_not_overtake, setup, teardown),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
