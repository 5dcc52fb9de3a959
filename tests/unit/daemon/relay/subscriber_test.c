/* SPDX-License-Identifier: MIT */
/* Viewers: what they get, when, and how what they do not get is counted. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "common/media/frame.h"
#include "tests/support/relay_fixture.h"

static const int64_t ms = 1000;

static struct fr_subscriber_counts counts_of(const struct fr_test_viewer *v)
{
	return fr_subscriber_counts(v->sub);
}

/* Pictures */

static void a_viewer_gets_every_picture_in_order_and_once(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	for (uint8_t i = 1; i <= 3; i++) {
		fr_test_picture(p, i);
		fr_test_serve(f);
	}

	fr_test_got(v, 1, 2, 3);
	assert_int_equal(v->got[1].sequence, v->got[0].sequence + 1);
	assert_int_equal(v->got[2].sequence, v->got[1].sequence + 1);
	assert_int_equal(counts_of(v).offered, 3);
	assert_int_equal(counts_of(v).sent, 3);
	assert_int_equal(counts_of(v).bytes_sent, 300);
	assert_int_equal(fr_stat_value(FR_STAT_frames_offered), 3);
	assert_int_equal(fr_stat_value(FR_STAT_frames_sent), 3);
	assert_int_equal(fr_stat_value(FR_STAT_bytes_sent), 300);
}

static void a_full_queue_loses_its_oldest_pictures_and_counts_them(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewer(f, "cam");

	v->reads = false;
	v->spec.queue_frames = 2;
	assert_int_equal(fr_test_viewer_open(v), 0);
	for (uint8_t i = 1; i <= 5; i++)
		fr_test_picture(p, i);
	fr_test_serve(f);

	assert_int_equal(counts_of(v).queued, 2);
	assert_int_equal(counts_of(v).dropped_newest, 3);
	assert_int_equal(fr_subscriber_dropped(v->sub), 3);
	assert_int_equal(fr_stat_value(FR_STAT_frames_dropped_newest), 3);
	assert_int_equal(fr_test_take(v), 4);
	assert_int_equal(fr_test_take(v), 5);
	assert_int_equal(fr_test_take(v), -1);
}

/* Opens a viewer that asks for `asked` and counts what fits into its queue. */
static unsigned queue_of(struct fr_test_relay *f, struct fr_test_publisher *p, int asked)
{
	struct fr_test_viewer *v = fr_test_viewer(f, "cam");
	unsigned queued;

	v->reads = false;
	v->spec.queue_frames = asked;
	assert_int_equal(fr_test_viewer_open(v), 0);
	for (unsigned i = 0; i < 80; i++)
		fr_test_picture(p, (uint8_t)i);
	queued = counts_of(v).queued;
	fr_test_viewer_close(v);
	return queued;
}

static void a_queue_is_as_long_as_asked_within_the_limits(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	assert_int_equal(queue_of(f, p, -1), 1);
	assert_int_equal(queue_of(f, p, 7), 7);
	f->limits.max_queue_frames = 8;
	assert_int_equal(queue_of(f, p, 8), 8);
	assert_int_equal(queue_of(f, p, 9), 8);
	f->limits.queue_frames = 20;
	assert_int_equal(queue_of(f, p, -1), 8);
	f->limits.queue_frames = 0;
	assert_int_equal(queue_of(f, p, -1), 8);
	f->limits.max_queue_frames = 0;
	assert_int_equal(queue_of(f, p, 100), 64);
	assert_int_equal(queue_of(f, p, -1), 64);
	f->limits.max_queue_frames = 100;
	assert_int_equal(queue_of(f, p, 100), 64);
}

static void what_waits_longer_than_its_age_is_dropped_before_the_next_is_taken(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewer(f, "cam");

	v->reads = false;
	v->spec.queue_age_ms = 100;
	assert_int_equal(fr_test_viewer_open(v), 0);
	fr_test_picture(p, 1);
	f->now_us += 50 * ms;
	fr_test_picture(p, 2);
	f->now_us += 51 * ms;

	assert_int_equal(fr_test_take(v), 2);
	assert_int_equal(counts_of(v).dropped_age, 1);
	assert_int_equal(fr_stat_value(FR_STAT_frames_dropped_age), 1);
}

static void a_picture_that_is_just_as_old_as_allowed_is_still_taken(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");

	v->reads = false;
	fr_test_picture(p, 1);
	f->now_us += f->limits.queue_age_ms * ms;

	assert_int_equal(fr_test_take(v), 1);
}

static void a_viewer_that_never_reads_does_not_keep_old_pictures_in_memory(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");

	v->reads = false;
	for (uint8_t i = 0; i < 10; i++)
		fr_test_picture(p, i);
	fr_test_pass(f, 3 * FR_TEST_SECOND_US);

	assert_int_equal(counts_of(v).queued, 0);
	assert_int_equal(counts_of(v).dropped_age, 10);
	assert_int_equal(fr_frame_pool_frames(f->pool), 1); /* the stream's newest */
}

static void with_an_age_of_0_nothing_is_too_old(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewer(f, "cam");

	v->reads = false;
	v->spec.queue_age_ms = 0;
	assert_int_equal(fr_test_viewer_open(v), 0);
	fr_test_picture(p, 1);
	fr_test_pass(f, 3600 * (int64_t)FR_TEST_SECOND_US);

	assert_int_equal(fr_test_take(v), 1);
}

/* Coming and going */

static void a_new_viewer_gets_the_newest_picture_at_once_while_the_stream_is_live(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v;

	fr_test_picture(p, 1);
	fr_test_picture(p, 2);
	v = fr_test_viewing(f, "cam");
	fr_test_serve(f);

	fr_test_got(v, 2);
}

static void a_new_viewer_of_a_stale_stream_waits_for_the_next_picture(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v;

	fr_test_picture(p, 1);
	fr_test_pass(f, f->limits.stale_after_ms * ms);
	v = fr_test_viewing(f, "cam");
	fr_test_serve(f);
	fr_test_got_nothing(v);

	fr_test_picture(p, 2);
	fr_test_serve(f);
	fr_test_got(v, 2);
}

static void who_wants_even_an_old_picture_gets_it_at_once(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *early = fr_test_viewer(f, "cam"), *late = fr_test_viewer(f, "cam");

	early->spec.even_old = late->spec.even_old = true;
	early->spec.queue_age_ms = late->spec.queue_age_ms = 0;
	assert_int_equal(fr_test_viewer_open(early), 0);
	fr_test_serve(f);
	fr_test_got_nothing(early); /* there is none yet */
	fr_test_picture(p, 1);
	fr_test_pass(f, f->limits.stale_after_ms * ms);
	assert_int_equal(fr_test_viewer_open(late), 0);
	fr_test_serve(f);
	fr_test_got(late, 1);
}

static void a_viewer_waits_for_a_stream_that_nobody_publishes_yet(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");

	fr_test_pass(f, 20 * FR_TEST_SECOND_US);
	fr_test_picture(fr_test_publishing(f, "cam"), 1);
	fr_test_serve(f);

	fr_test_got(v, 1);
}

static void a_viewer_outlives_its_publisher(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");

	fr_test_picture(p, 1);
	fr_test_publisher_close(p);
	fr_test_pass(f, 1000 * (int64_t)FR_TEST_SECOND_US);
	fr_test_picture(fr_test_publishing(f, "cam"), 2);
	fr_test_serve(f);

	fr_test_got(v, 1, 2);
}

static void what_waits_for_a_viewer_that_leaves_is_counted_as_dropped(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");
	struct fr_frame *frame;

	v->reads = false;
	for (uint8_t i = 0; i < 3; i++)
		fr_test_picture(p, i);
	frame = fr_subscriber_next(v->sub, f->now_us);
	assert_int_equal(counts_of(v).in_flight, 1);
	fr_frame_unref(frame);
	fr_test_viewer_close(v);

	assert_int_equal(fr_stat_value(FR_STAT_frames_offered), 3);
	assert_int_equal(fr_stat_value(FR_STAT_frames_dropped_closed), 3);
	assert_int_equal(fr_stat_value(FR_STAT_frames_sent), 0);
}

static void a_picture_of_a_frozen_stream_may_be_left_out(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");

	v->reads = false;
	fr_test_picture(p, 1);
	fr_frame_unref(fr_subscriber_next(v->sub, f->now_us));
	fr_subscriber_hide(v->sub);
	assert_int_equal(counts_of(v).dropped_frozen, 1);
	assert_int_equal(fr_stat_value(FR_STAT_frames_dropped_frozen), 1);
	assert_int_equal(fr_subscriber_dropped(v->sub), 1);
	fr_test_picture(p, 2);
	assert_int_equal(fr_test_take(v), 2);
}

static void a_picture_that_its_owner_gives_up_was_not_sent(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");

	v->reads = false;
	fr_test_picture(p, 1);
	fr_frame_unref(fr_subscriber_next(v->sub, f->now_us));
	fr_subscriber_give_up(v->sub);
	assert_int_equal(counts_of(v).dropped_unsent, 1);
	assert_int_equal(counts_of(v).dropped_frozen, 0);
	assert_int_equal(fr_stat_value(FR_STAT_frames_dropped_unsent), 1);
	assert_int_equal(fr_stat_value(FR_STAT_bytes_sent), 0);
	assert_int_equal(fr_subscriber_dropped(v->sub), 1);
	fr_test_picture(p, 2);
	assert_int_equal(fr_test_take(v), 2);
}

static void a_viewer_that_drains_gets_nothing_more_but_finishes_what_is_under_way(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");

	v->reads = false;
	fr_test_picture(p, 1);
	fr_test_picture(p, 2);
	fr_frame_unref(fr_subscriber_next(v->sub, f->now_us));
	fr_subscriber_drain(v->sub);
	fr_test_picture(p, 3);
	fr_subscriber_sent(v->sub);
	fr_test_serve(f);

	assert_int_equal(counts_of(v).offered, 2);
	assert_int_equal(counts_of(v).sent, 1);
	assert_int_equal(counts_of(v).dropped_closed, 1);
	assert_int_equal(fr_test_take(v), -1);
}

static void letting_nobody_go_is_fine(void **state)
{
	(void)state;
	fr_subscriber_free(NULL, 0);
	fr_ingest_free(NULL, 0);
	fr_relay_free(NULL);
	fr_access_free(NULL);
}

static void the_last_subscriber_of_a_name_that_nobody_published_takes_it_along(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *a = fr_test_viewing(f, "cam"), *b = fr_test_viewing(f, "cam");

	fr_test_viewer_close(a);
	assert_true(fr_test_has_stream(f, "cam"));
	fr_test_viewer_close(b);
	assert_false(fr_test_has_stream(f, "cam"));
}

/* Refusals */

static void a_viewer_that_may_not_watch_is_refused_with_403(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = fr_test_viewer(f, "cam");

	v->spec.who.addr = fr_test_addr("203.0.113.9");

	assert_int_equal(fr_test_viewer_open(v), -EACCES);
	assert_int_equal(v->refusal.code, 403);
	assert_int_equal(v->refusal.reason, FR_REASON_access_denied);
	assert_non_null(strstr(v->refusal.why.text, "203.0.113.9"));
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_access_denied), 1);
	assert_false(fr_test_has_stream(f, "cam"));
}

static void one_subscriber_more_than_the_limit_is_refused_with_503(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v, *ours;

	f->limits.max_subscribers_per_stream = 2;
	fr_test_viewing(f, "cam");
	fr_test_viewing(f, "cam");
	v = fr_test_viewer(f, "cam");

	assert_int_equal(fr_test_viewer_open(v), -ENOSPC);
	assert_int_equal(v->refusal.code, 503);
	assert_int_equal(v->refusal.reason, FR_REASON_subscriber_limit);
	fr_test_viewing(f, "porch");

	ours = fr_test_viewer(f, "cam");
	ours->spec.who.ours = true;
	assert_int_equal(fr_test_viewer_open(ours), 0);
	f->limits.max_subscribers_per_stream = 0;
	assert_int_equal(fr_test_viewer_open(v), 0);
}

static void a_subscriber_of_one_name_more_than_max_streams_is_refused_with_503(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v;

	f->limits.max_streams = 1;
	fr_test_viewing(f, "a");
	v = fr_test_viewer(f, "b");

	assert_int_equal(fr_test_viewer_open(v), -ENOSPC);
	assert_int_equal(v->refusal.code, 503);
	assert_int_equal(v->refusal.reason, FR_REASON_stream_limit);
	f->limits.max_streams = 0;
	assert_int_equal(fr_test_viewer_open(v), 0);
}

static void a_viewer_that_was_sent_away_is_no_demand_and_gets_nothing_more(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");
	struct fr_frame *frame;

	v->reads = false;
	fr_test_picture(p, 1);
	fr_test_picture(p, 2);
	frame = fr_subscriber_next(v->sub, f->now_us);
	fr_test_access(f, (const char *const[]){"any|*|-"}, 1);
	fr_test_access(f, (const char *const[]){"any|*|-"}, 1);
	fr_test_picture(p, 3);
	fr_test_serve(f);

	assert_int_equal(v->closed, 1);
	assert_int_equal(v->readies, 0);
	assert_int_equal(fr_test_stream(f, "cam").subscribers, 0);
	assert_int_equal(p->subscribers, 0);
	fr_subscriber_sent(v->sub);
	fr_frame_unref(frame);
	assert_int_equal(fr_test_take(v), -1);
	assert_int_equal(counts_of(v).offered, 2);
	assert_int_equal(counts_of(v).sent, 1);
	assert_int_equal(counts_of(v).dropped_closed, 1);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_access_denied), 1);
}

/* The wake-up */

static void a_viewer_with_a_picture_under_way_is_not_told_of_the_next(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");
	struct fr_frame *frame;

	v->reads = false;
	fr_test_picture(p, 1);
	fr_test_serve(f);
	assert_int_equal(v->readies, 1);
	frame = fr_subscriber_next(v->sub, f->now_us);
	fr_test_picture(p, 2);
	fr_test_serve(f);
	assert_int_equal(v->readies, 1);

	fr_frame_unref(frame);
	fr_subscriber_sent(v->sub);
	assert_int_equal(fr_test_take(v), 2);
}

static void a_viewer_that_took_its_picture_before_its_turn_is_not_told(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");
	struct fr_frame *frame;

	v->reads = false;
	fr_test_picture(p, 1);
	frame = fr_subscriber_next(v->sub, f->now_us);
	fr_test_serve(f);

	assert_int_equal(v->readies, 0);
	fr_frame_unref(frame);
	fr_subscriber_sent(v->sub);
}

/* Pacing */

static struct fr_test_viewer *paced(struct fr_test_relay *f, uint32_t max_fps_milli)
{
	struct fr_test_viewer *v = fr_test_viewer(f, "cam");

	v->spec.max_fps_milli = max_fps_milli;
	assert_int_equal(fr_test_viewer_open(v), 0);
	return v;
}

static void a_paced_viewer_gets_the_newest_picture_each_time_one_is_due(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = paced(f, 10000);

	/* 40 ms apart: at 0, 40, 80, … 400 ms */
	for (uint8_t i = 0; i <= 10; i++) {
		fr_test_picture(p, i);
		fr_test_pass(f, 40 * ms);
	}

	assert_int_equal(v->got[1].at_us - v->got[0].at_us, 100 * ms);
	assert_int_equal(v->got[4].at_us - v->got[0].at_us, 400 * ms);
	assert_int_equal(counts_of(v).dropped_paced, 5);
	assert_int_equal(counts_of(v).held, 1);
	assert_int_equal(fr_stat_value(FR_STAT_frames_dropped_paced), 5);
	fr_test_got(v, 0, 2, 4, 7, 9);
}

static void a_paced_viewer_never_gets_an_older_picture_after_a_newer_one(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = paced(f, 10000);

	/* The picture at 100 ms comes before the tick that was to bring the one of 50 ms. */
	fr_test_picture(p, 1);
	f->now_us += 50 * ms;
	fr_test_picture(p, 2);
	f->now_us += 50 * ms;
	fr_test_picture(p, 3);
	fr_test_pass(f, 1000 * ms);

	fr_test_got(v, 1, 3);
	assert_int_equal(counts_of(v).dropped_paced, 1);
}

static void a_burst_is_one_picture_at_once_and_the_newest_when_due(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = paced(f, 10000);

	for (uint8_t i = 1; i <= 20; i++)
		fr_test_picture(p, i);
	assert_int_equal(counts_of(v).held, 1);
	fr_test_pass(f, 1000 * ms);

	fr_test_got(v, 1, 20);
}

static void at_a_fifth_of_a_picture_a_second_five_seconds_lie_between_two(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = paced(f, 200);

	for (unsigned i = 0; i < 100; i++) {
		fr_test_picture(p, (uint8_t)i);
		fr_test_pass(f, 200 * ms);
	}

	assert_int_equal(v->got_count, 5);
	for (unsigned i = 1; i < v->got_count; i++)
		assert_int_equal(v->got[i].at_us - v->got[i - 1].at_us, 5000 * ms);
}

static void jitter_of_the_camera_does_not_slow_a_viewer_of_the_same_rate_down(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = paced(f, 20000);
	static const int64_t gaps_ms[] = {50, 62, 38, 55, 45, 50, 41, 59};

	for (unsigned i = 0; i < 80; i++) {
		fr_test_picture(p, (uint8_t)i);
		fr_test_pass(f, gaps_ms[i % 8] * ms);
	}

	assert_int_equal(v->got_count, 80);
}

static void a_pause_is_not_made_up_for(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = paced(f, 200);

	/* The second one is 4.9 s late: the third must not follow on its heels. */
	fr_test_picture(p, 1);
	fr_test_pass(f, 9900 * ms);
	fr_test_picture(p, 2);
	fr_test_pass(f, 100 * ms);
	fr_test_picture(p, 3);
	fr_test_pass(f, 4900 * ms);

	assert_int_equal(v->got_count, 3);
	assert_int_equal(v->got[2].at_us - v->got[1].at_us, 5000 * ms);
}

static void many_paced_viewers_are_looked_at_in_steps(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v[10];
	unsigned ticks = 0;

	for (unsigned i = 0; i < 10; i++) {
		v[i] = paced(f, 10000);
		fr_test_picture(p, 1);
		f->now_us += 100; /* 0.1 ms apart: within one step */
	}
	fr_test_picture(p, 2);
	while (f->now_us < fr_relay_next_tick(f->relay) && ticks < 10) {
		f->now_us = fr_relay_next_tick(f->relay);
		fr_relay_tick(f->relay, f->now_us);
		fr_test_serve(f);
		if (v[0]->got[v[0]->got_count - 1].tag == 2 &&
		    v[9]->got[v[9]->got_count - 1].tag == 2)
			break;
		ticks++;
	}

	assert_in_range(ticks, 1, 2);
}

static void what_is_held_back_for_a_viewer_that_leaves_is_counted_as_dropped(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = paced(f, 1000);

	fr_test_picture(p, 1);
	fr_test_picture(p, 2);
	fr_test_serve(f);
	fr_test_viewer_close(v);
	fr_test_pass(f, 2 * FR_TEST_SECOND_US);

	assert_int_equal(fr_stat_value(FR_STAT_frames_sent), 1);
	assert_int_equal(fr_stat_value(FR_STAT_frames_dropped_closed), 1);
}

static void a_picture_becomes_due_while_another_one_is_under_way(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = paced(f, 1000);
	struct fr_frame *frame;

	v->reads = false;
	fr_test_picture(p, 1);
	fr_test_serve(f);
	frame = fr_subscriber_next(v->sub, f->now_us);
	fr_test_picture(p, 2);
	fr_test_pass(f, 1100 * ms);
	assert_int_equal(v->readies, 1);
	fr_frame_unref(frame);
	fr_subscriber_sent(v->sub);

	assert_int_equal(fr_test_take(v), 2);
}

#define TEST(name)                                                                                 \
	cmocka_unit_test_setup_teardown(name, fr_test_relay_setup, fr_test_relay_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_viewer_gets_every_picture_in_order_and_once),
	    TEST(a_full_queue_loses_its_oldest_pictures_and_counts_them),
	    TEST(a_queue_is_as_long_as_asked_within_the_limits),
	    TEST(what_waits_longer_than_its_age_is_dropped_before_the_next_is_taken),
	    TEST(a_picture_that_is_just_as_old_as_allowed_is_still_taken),
	    TEST(a_viewer_that_never_reads_does_not_keep_old_pictures_in_memory),
	    TEST(with_an_age_of_0_nothing_is_too_old),
	    TEST(a_new_viewer_gets_the_newest_picture_at_once_while_the_stream_is_live),
	    TEST(a_new_viewer_of_a_stale_stream_waits_for_the_next_picture),
	    TEST(who_wants_even_an_old_picture_gets_it_at_once),
	    TEST(a_viewer_waits_for_a_stream_that_nobody_publishes_yet),
	    TEST(a_viewer_outlives_its_publisher),
	    TEST(what_waits_for_a_viewer_that_leaves_is_counted_as_dropped),
	    TEST(a_picture_of_a_frozen_stream_may_be_left_out),
	    TEST(a_picture_that_its_owner_gives_up_was_not_sent),
	    TEST(a_viewer_that_drains_gets_nothing_more_but_finishes_what_is_under_way),
	    TEST(letting_nobody_go_is_fine),
	    TEST(the_last_subscriber_of_a_name_that_nobody_published_takes_it_along),
	    TEST(a_viewer_that_may_not_watch_is_refused_with_403),
	    TEST(one_subscriber_more_than_the_limit_is_refused_with_503),
	    TEST(a_subscriber_of_one_name_more_than_max_streams_is_refused_with_503),
	    TEST(a_viewer_that_was_sent_away_is_no_demand_and_gets_nothing_more),
	    TEST(a_viewer_with_a_picture_under_way_is_not_told_of_the_next),
	    TEST(a_viewer_that_took_its_picture_before_its_turn_is_not_told),
	    TEST(a_paced_viewer_gets_the_newest_picture_each_time_one_is_due),
	    TEST(a_paced_viewer_never_gets_an_older_picture_after_a_newer_one),
	    TEST(a_burst_is_one_picture_at_once_and_the_newest_when_due),
	    TEST(at_a_fifth_of_a_picture_a_second_five_seconds_lie_between_two),
	    TEST(jitter_of_the_camera_does_not_slow_a_viewer_of_the_same_rate_down),
	    TEST(a_pause_is_not_made_up_for),
	    TEST(many_paced_viewers_are_looked_at_in_steps),
	    TEST(what_is_held_back_for_a_viewer_that_leaves_is_counted_as_dropped),
	    TEST(a_picture_becomes_due_while_another_one_is_under_way),
	};

	return cmocka_run_group_tests_name("subscriber", tests, NULL, NULL);
}
