/* SPDX-License-Identifier: MIT */
/* Streams: their states, their numbers, their fan-out, and how long they are known. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "tests/support/relay_fixture.h"

static const int64_t ms = 1000;

static enum fr_stream_state state_of(const struct fr_test_relay *f)
{
	return fr_test_stream(f, "cam").state;
}

/* Publishes every `gap_ms`, different pictures, and stands right after the last one. */
static void publish(struct fr_test_publisher *p, unsigned count, int64_t gap_ms)
{
	for (unsigned i = 0; i < count; i++) {
		if (i > 0)
			fr_test_pass(p->f, gap_ms * ms);
		fr_test_picture(p, (uint8_t)i);
	}
}

/* States */

static void a_stream_is_live_until_its_stale_time_has_passed(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	publish(p, 10, 100);
	fr_test_pass(f, f->limits.stale_after_ms * ms - 1);
	assert_int_equal(state_of(f), FR_STREAM_LIVE);

	fr_test_pass(f, 1);
	assert_int_equal(state_of(f), FR_STREAM_STALE);
	fr_test_picture(p, 99);
	assert_int_equal(state_of(f), FR_STREAM_LIVE);
}

static void a_publisher_that_has_just_come_has_as_long_for_its_first_picture(void **state)
{
	struct fr_test_relay *f = *state;

	fr_test_publishing(f, "cam");
	assert_int_equal(state_of(f), FR_STREAM_LIVE);
	fr_test_pass(f, f->limits.stale_after_ms * ms - 1);
	assert_int_equal(state_of(f), FR_STREAM_LIVE);

	fr_test_pass(f, 1);
	assert_int_equal(state_of(f), FR_STREAM_STALE);
}

static void a_stream_stays_live_for_its_stale_time_when_its_publisher_leaves(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	publish(p, 10, 100);
	fr_test_publisher_close(p);
	assert_int_equal(state_of(f), FR_STREAM_LIVE);
	fr_test_pass(f, f->limits.stale_after_ms * ms);

	assert_int_equal(state_of(f), FR_STREAM_OFFLINE);
}

static void three_picture_times_are_the_stale_time_of_a_slow_stream(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	publish(p, 5, 5000); /* 0.2 pictures a second */
	fr_test_pass(f, 14999 * ms);
	assert_int_equal(state_of(f), FR_STREAM_LIVE);

	fr_test_pass(f, 1 * ms);
	assert_int_equal(state_of(f), FR_STREAM_STALE);
}

static void a_pause_does_not_make_the_stale_time_long(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	publish(p, 30, 33);
	fr_test_pass(f, 600000 * ms);
	publish(p, 2, 33);
	fr_test_pass(f, 6000 * ms);

	assert_int_equal(state_of(f), FR_STREAM_STALE);
}

static void a_stream_that_becomes_slow_is_live_again_after_some_pictures(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	publish(p, 30, 33);
	fr_test_pass(f, 10000 * ms);
	publish(p, 12, 10000);
	fr_test_pass(f, 9999 * ms);

	assert_int_equal(state_of(f), FR_STREAM_LIVE);
}

static void a_row_of_the_configuration_has_its_own_stale_time(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_stream_config *rows = fr_xcalloc(1, sizeof(*rows));

	(void)snprintf(rows->name, sizeof(rows->name), "cam");
	rows->title = fr_xstrdup("The camera");
	rows->number = 7;
	rows->stale_after_ms = 100;
	fr_relay_set_streams(f->relay, rows, 1, f->now_us);
	fr_test_picture(fr_test_publishing(f, "cam"), 1);
	fr_test_pass(f, 100 * ms);

	assert_int_equal(state_of(f), FR_STREAM_STALE);
	assert_string_equal(fr_test_stream(f, "cam").title, "The camera");
	assert_int_equal(fr_test_stream(f, "cam").number, 7);
}

static void without_a_stale_time_a_stream_is_live_while_its_publisher_is_there(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	f->limits.stale_after_ms = 0;
	publish(p, 2, 100);
	fr_test_pass(f, 3600000 * ms);
	assert_int_equal(state_of(f), FR_STREAM_LIVE);

	fr_test_publisher_close(p);
	assert_int_equal(state_of(f), FR_STREAM_OFFLINE);
}

static void the_same_picture_for_too_long_is_stale(void **state)
{
	struct fr_stream_info info;
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	f->limits.frozen_after_ms = 3000;
	for (unsigned i = 0; i < 4; i++) {
		fr_test_picture(p, 1);
		fr_test_pass(f, 1000 * ms);
	}
	assert_int_equal(state_of(f), FR_STREAM_STALE);
	fr_test_picture(p, 2);
	assert_int_equal(state_of(f), FR_STREAM_LIVE);

	for (unsigned i = 0; i < 5; i++) {
		fr_test_pass(f, 1000 * ms);
		fr_test_picture(p, 2);
	}
	assert_int_equal(state_of(f), FR_STREAM_STALE);
	assert_true(fr_relay_stream(f->relay, "cam", f->now_us, &info));
	assert_false(info.is_fresh);
	assert_int_equal(info.newest_us - info.seen_us, 5000 * ms);
	f->limits.frozen_after_ms = 0;
	assert_int_equal(state_of(f), FR_STREAM_LIVE);
	assert_true(fr_relay_stream(f->relay, "cam", f->now_us, &info));
	assert_true(info.is_fresh);
	assert_int_equal(info.seen_us, info.newest_us);
}

/* A pull whose other end sends the same picture a thousand times a second leaves it out, and says so. */
static void what_is_left_out_because_it_is_the_same_counts_as_having_come(void **state)
{
	static const uint8_t same[10] = {0xff, 0xd8, 1}, other[10] = {0xff, 0xd8, 2};
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_frame *newest;

	f->limits.frozen_after_ms = 8000;
	assert_false(fr_ingest_same(p->ingest, same, sizeof(same), f->now_us)); /* as what? */
	fr_ingest_still_same(p->ingest, f->now_us);
	assert_null(fr_relay_newest(f->relay, "cam"));
	assert_null(fr_relay_newest(f->relay, "porch"));
	assert_int_equal(fr_test_send(p, same, sizeof(same)), 0);
	assert_false(fr_ingest_same(p->ingest, other, sizeof(other), f->now_us));
	assert_false(fr_ingest_same(p->ingest, same, sizeof(same) - 1, f->now_us));

	for (unsigned i = 0; i < 7; i++) {
		fr_test_pass(f, 1000 * ms);
		assert_true(fr_ingest_same(p->ingest, same, sizeof(same), f->now_us));
		assert_int_equal(state_of(f), FR_STREAM_LIVE);
		assert_int_equal(fr_test_stream(f, "cam").newest_us, f->now_us);
	}
	assert_int_equal(fr_stat_value(FR_STAT_frames_same), 7);
	fr_test_pass(f, 1000 * ms);
	fr_ingest_still_same(p->ingest, f->now_us);
	assert_int_equal(state_of(f), FR_STREAM_STALE);
	newest = fr_relay_newest(f->relay, "cam");
	assert_memory_equal(fr_frame_bytes(newest), same, sizeof(same));
	fr_frame_unref(newest);
	assert_int_equal(fr_test_send(p, other, sizeof(other)), 0);
	assert_int_equal(state_of(f), FR_STREAM_LIVE);
}

static void a_publisher_that_was_sent_away_has_nothing_that_is_the_same(void **state)
{
	static const uint8_t same[10] = {0xff, 0xd8, 1};
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	assert_int_equal(fr_test_send(p, same, sizeof(same)), 0);
	fr_test_access(f, (const char *const[]){"192.168.0.2|*|*"}, 1);
	assert_false(fr_ingest_same(p->ingest, same, sizeof(same), f->now_us));
	fr_ingest_still_same(p->ingest, f->now_us);
	assert_int_equal(fr_stat_value(FR_STAT_frames_same), 0);
}

static void pictures_of_one_size_that_differ_are_not_the_same(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	f->limits.frozen_after_ms = 1000;
	publish(p, 20, 100);
	assert_int_equal(state_of(f), FR_STREAM_LIVE);
}

static void pictures_of_other_sizes_are_not_the_same(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	static const uint8_t bytes[50] = {0xff, 0xd8};

	f->limits.frozen_after_ms = 1000;
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(fr_test_send(p, bytes, 20 + i), 0);
		fr_test_pass(f, 100 * ms);
	}
	assert_int_equal(state_of(f), FR_STREAM_LIVE);
}

/* A publisher that runs on demand. */
static struct fr_test_publisher *on_demand(struct fr_test_relay *f)
{
	struct fr_test_publisher *p = fr_test_publisher(f, "cam");

	p->spec.on_demand = true;
	assert_int_equal(fr_test_publisher_open(p), 0);
	fr_test_serve(f);
	return p;
}

static void a_source_on_demand_is_asleep_while_nobody_watches(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = on_demand(f);

	assert_int_equal(state_of(f), FR_STREAM_ASLEEP);
	publish(p, 2, 100);
	assert_int_equal(state_of(f), FR_STREAM_LIVE);
	fr_test_pass(f, 10000 * ms);
	assert_int_equal(state_of(f), FR_STREAM_ASLEEP);
}

static void a_source_that_is_woken_has_its_stale_time_for_its_first_picture(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = on_demand(f);
	struct fr_test_viewer *v;

	publish(p, 2, 100);
	fr_test_pass(f, 100000 * ms);
	v = fr_test_viewing(f, "cam");
	assert_int_equal(state_of(f), FR_STREAM_LIVE);
	fr_test_pass(f, 4999 * ms);
	fr_test_viewing(f, "cam"); /* a second viewer wakes nobody */
	assert_int_equal(state_of(f), FR_STREAM_LIVE);
	fr_test_pass(f, 1 * ms);
	assert_int_equal(state_of(f), FR_STREAM_STALE);

	fr_test_picture(p, 9);
	fr_test_serve(f);
	fr_test_got(v, 9);
	assert_int_equal(
	    fr_test_stream(f, "cam").fps_milli, 10000); /* sleep is not a picture-time */
}

static void the_first_viewer_does_not_make_a_stale_stream_look_live(void **state)
{
	struct fr_test_relay *f = *state;

	publish(fr_test_publishing(f, "cam"), 2, 100);
	fr_test_pass(f, 10000 * ms);
	fr_test_serve(f);
	fr_test_viewing(f, "cam");

	assert_int_equal(state_of(f), FR_STREAM_STALE);
}

static void a_pull_whose_other_end_is_away_is_offline(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	fr_ingest_set_up(p->ingest, false, f->now_us);
	assert_int_equal(state_of(f), FR_STREAM_OFFLINE);
	fr_test_pass(f, 10000 * ms);

	fr_ingest_set_up(p->ingest, true, f->now_us);
	assert_int_equal(state_of(f), FR_STREAM_LIVE);
	fr_test_pass(f, 4000 * ms);
	fr_ingest_set_up(p->ingest, true, f->now_us); /* no news */
	fr_test_pass(f, 1000 * ms);
	assert_int_equal(state_of(f), FR_STREAM_STALE);
}

static void a_state_is_known_since_when_it_began(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	const int64_t began_us = f->now_us;

	publish(p, 30, 100);
	assert_int_equal(fr_test_stream(f, "cam").state_since_us, began_us);
	f->now_us += 5000 * ms; /* stale, and no tick has seen it yet */
	assert_int_equal(fr_test_stream(f, "cam").state_since_us, f->now_us);
	fr_test_pass(f, 3000 * ms);
	assert_in_range(
	    fr_test_stream(f, "cam").state_since_us, f->now_us - 3000 * ms, f->now_us - 2000 * ms);
}

static void every_state_has_a_name(void **state)
{
	(void)state;
	assert_string_equal(fr_stream_state_name(FR_STREAM_LIVE), "live");
	assert_string_equal(fr_stream_state_name(FR_STREAM_ASLEEP), "asleep");
	assert_string_equal(fr_stream_state_name(FR_STREAM_STALE), "stale");
	assert_string_equal(fr_stream_state_name(FR_STREAM_OFFLINE), "offline");
}

/* Numbers */

static uint64_t number_of_next(struct fr_test_publisher *p, uint64_t given)
{
	p->sequence = given;
	fr_test_picture(p, 1);
	return fr_test_stream(p->f, p->spec.stream).sequence;
}

static void the_first_number_is_the_unix_time_and_each_next_one_more(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	assert_int_equal(number_of_next(p, 0), f->real_us);
	assert_int_equal(number_of_next(p, 0), f->real_us + 1);
	f->real_us -= 1000000;
	assert_int_equal(number_of_next(p, 0), f->real_us + 1000002);
}

static void numbers_go_on_over_a_restart_of_the_publisher(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	const uint64_t first = number_of_next(p, 0);

	fr_test_publisher_close(p);
	f->real_us += 1000000;
	assert_int_equal(number_of_next(fr_test_publishing(f, "cam"), 0), first + 1);
}

static void numbers_of_a_relay_before_us_are_kept_while_they_go_forward(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	assert_int_equal(number_of_next(p, 1000), 1000);
	assert_int_equal(number_of_next(p, 1005), 1005);
	assert_int_equal(number_of_next(p, 1005), 1006);
	assert_int_equal(number_of_next(p, 3), 1007);
	assert_int_equal(number_of_next(p, 0), 1008);
}

static void a_number_in_the_upper_half_of_the_range_is_not_kept(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	assert_int_equal(number_of_next(p, (uint64_t)INT64_MAX + 1), f->real_us);
	assert_int_equal(number_of_next(p, INT64_MAX), INT64_MAX);
	assert_true(number_of_next(p, UINT64_MAX) == (uint64_t)INT64_MAX + 1);
}

static void without_a_clock_numbers_begin_at_1(void **state)
{
	struct fr_test_relay *f = *state;

	f->real_us = 0;
	assert_int_equal(number_of_next(fr_test_publishing(f, "cam"), 0), 1);
}

/* The fan-out */

static void each_has_its_own_pace(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *quick = fr_test_viewing(f, "cam"), *slow = fr_test_viewer(f, "cam");

	slow->reads = false;
	slow->spec.queue_frames = 1;
	assert_int_equal(fr_test_viewer_open(slow), 0);
	for (uint8_t i = 1; i <= 4; i++) {
		fr_test_picture(p, i);
		fr_test_serve(f);
	}

	fr_test_got(quick, 1, 2, 3, 4);
	assert_int_equal(fr_test_take(slow), 4);
}

static void a_picture_is_shared_and_never_copied(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	for (unsigned i = 0; i < 20; i++)
		fr_test_viewing(f, "cam")->reads = false;
	fr_test_picture(p, 1);

	assert_int_equal(fr_frame_pool_frames(f->pool), 1);
}

static char order[16];

static void note(void *arg)
{
	const struct fr_test_viewer *v = arg;
	const char name[] = {(char)('a' + v->spec.queue_frames - 1), '\0'};

	(void)strncat(order, name, sizeof(order) - strlen(order) - 1);
}

static void whoever_was_served_first_is_last_the_next_time(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	for (int i = 1; i <= 3; i++) {
		struct fr_test_viewer *v = fr_test_viewer(f, "cam");

		v->spec.queue_frames = i;
		v->then = note;
		v->then_arg = v;
		assert_int_equal(fr_test_viewer_open(v), 0);
	}
	order[0] = '\0';
	for (uint8_t i = 0; i < 4; i++) {
		fr_test_picture(p, i);
		fr_test_serve(f);
	}

	assert_string_equal(order, "abcbcacababc");
}

/* How long it is known */

static void a_stream_is_known_for_a_while_after_it_was_last_live(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	publish(p, 2, 100);
	fr_test_publisher_close(p);
	fr_test_pass(f, (f->limits.stale_after_ms + f->limits.forget_after_ms) * ms - 2000 * ms);
	assert_true(fr_test_has_stream(f, "cam"));

	fr_test_pass(f, 3000 * ms);
	assert_false(fr_test_has_stream(f, "cam"));
	assert_int_equal(fr_frame_pool_frames(f->pool), 0);
}

static void a_stream_that_is_watched_or_published_is_not_forgotten(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam"),
	                         *q = fr_test_publishing(f, "porch");

	f->limits.forget_after_ms = 10000;
	fr_test_viewing(f, "cam");
	fr_test_picture(p, 1);
	fr_test_picture(q, 1);
	fr_test_publisher_close(p);
	fr_test_pass(f, 100000 * ms);

	assert_true(fr_test_has_stream(f, "cam"));
	assert_true(fr_test_has_stream(f, "porch"));
}

static void without_a_limit_a_stream_that_was_live_is_never_forgotten(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	f->limits.forget_after_ms = 0;
	fr_test_picture(p, 1);
	fr_test_publisher_close(p);
	fr_test_pass(f, 36000000 * ms);

	assert_true(fr_test_has_stream(f, "cam"));
}

static void a_stream_without_a_picture_goes_with_its_publisher(void **state)
{
	struct fr_test_relay *f = *state;

	fr_test_publisher_close(fr_test_publishing(f, "cam"));
	assert_false(fr_test_has_stream(f, "cam"));
}

static void a_publisher_of_one_stream_more_than_max_streams_is_refused_with_503(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publisher(f, "b");

	f->limits.max_streams = 1;
	fr_test_publishing(f, "a");

	assert_int_equal(fr_test_publisher_open(p), -ENOSPC);
	assert_int_equal(p->refusal.code, 503);
	assert_int_equal(p->refusal.reason, FR_REASON_stream_limit);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_stream_limit), 1);
}

/* A stream that had a picture and whose publisher has left. */
static void leave_behind(struct fr_test_relay *f, const char *name)
{
	struct fr_test_publisher *p = fr_test_publishing(f, name);

	fr_test_picture(p, 1);
	fr_test_publisher_close(p);
}

static void the_stream_that_was_live_longest_ago_makes_room_for_a_publisher(void **state)
{
	struct fr_test_relay *f = *state;

	f->limits.max_streams = 3;
	leave_behind(f, "b");
	fr_test_pass(f, 10000 * ms);
	leave_behind(f, "a");
	fr_test_pass(f, 10000 * ms);
	leave_behind(f, "c");
	fr_test_pass(f, 10000 * ms);
	fr_test_publishing(f, "new");

	assert_true(fr_test_has_stream(f, "a"));
	assert_false(fr_test_has_stream(f, "b"));
	assert_true(fr_test_has_stream(f, "c"));
}

static void a_stream_that_is_still_live_does_not_make_room(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publisher(f, "new");

	f->limits.max_streams = 1;
	leave_behind(f, "cam");

	assert_int_equal(fr_test_publisher_open(p), -ENOSPC);
	fr_test_pass(f, f->limits.stale_after_ms * ms);
	assert_int_equal(fr_test_publisher_open(p), 0);
}

static void a_name_that_only_subscribers_know_makes_room_for_a_publisher(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v[3];
	struct fr_test_publisher *p;

	f->limits.max_streams = 2;
	v[0] = fr_test_viewing(f, "a");
	v[1] = fr_test_viewing(f, "a");
	v[2] = fr_test_viewing(f, "b");
	fr_test_publishing(f, "new");
	fr_test_serve(f);
	assert_int_equal(v[2]->closed, 1); /* the fewest wait for it */
	assert_int_equal(v[2]->refusal.code, 503);
	assert_int_equal(v[2]->refusal.reason, FR_REASON_stream_limit);
	assert_non_null(strstr(v[2]->refusal.why.text, "the place of b"));
	assert_false(fr_test_has_stream(f, "b"));
	assert_int_equal(v[0]->closed, 0);

	p = fr_test_publishing(f, "newer");
	fr_test_serve(f);
	assert_int_equal(v[0]->closed, 1);
	assert_int_equal(v[1]->closed, 1);
	fr_test_viewer_close(v[0]);
	fr_test_picture(p, 1);
}

static void a_stream_that_somebody_watched_live_does_not_make_room(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publisher(f, "new");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");

	f->limits.max_streams = 1;
	leave_behind(f, "cam");
	fr_test_pass(f, 100000 * ms);

	assert_int_equal(fr_test_publisher_open(p), -ENOSPC);
	fr_test_got(v, 1);
}

static void neither_rows_nor_sinks_of_ours_make_room(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publisher(f, "new");
	struct fr_test_viewer *sink = fr_test_viewer(f, "sink");

	f->limits.max_streams = 2;
	fr_test_streams(f, (const char *const[]){"row"}, 1);
	sink->spec.who.ours = true;
	assert_int_equal(fr_test_viewer_open(sink), 0);

	assert_int_equal(fr_test_publisher_open(p), -ENOSPC);
	assert_true(fr_test_has_stream(f, "row"));
	assert_true(fr_test_has_stream(f, "sink"));
}

static void a_sink_of_ours_needs_its_place_like_a_publisher(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *sink = fr_test_viewer(f, "sink");

	f->limits.max_streams = 1;
	fr_test_viewing(f, "cam");
	sink->spec.who.ours = true;

	assert_int_equal(fr_test_viewer_open(sink), 0);
	assert_false(fr_test_has_stream(f, "cam"));
}

/* What others see */

static void the_rate_and_the_bytes_are_measured(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	fr_test_picture(p, 0);
	assert_int_equal(fr_test_stream(f, "cam").fps_milli, 0);
	fr_test_pass(f, 50 * ms);
	publish(p, 50, 50);

	assert_int_equal(fr_test_stream(f, "cam").fps_milli, 20000);
	assert_int_equal(fr_test_stream(f, "cam").bytes_per_second, 2000);
	assert_int_equal(fr_test_stream(f, "cam").frames_received, 51);
	assert_int_equal(fr_test_stream(f, "cam").newest_us, f->now_us);
}

static void pictures_without_any_time_between_them_are_fine(void **state)
{
	struct fr_test_relay *f = *state;

	publish(fr_test_publishing(f, "cam"), 100, 0);

	assert_int_equal(fr_test_stream(f, "cam").fps_milli, 1000000000);
}

static void who_publishes_is_said_and_the_announced_size_until_one_is_known(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publisher(f, "cam");

	assert_false(fr_test_has_stream(f, "cam"));
	p->spec.width = 640;
	p->spec.height = 480;
	assert_int_equal(fr_test_publisher_open(p), 0);
	for (unsigned i = 0; i < 2; i++) {
		const struct fr_stream_info info = fr_test_stream(f, "cam");

		assert_true(info.has_publisher);
		assert_string_equal(info.publisher_door, "test");
		assert_true(fr_addr_same_host(&info.publisher, &p->spec.who.addr));
		assert_int_equal(info.width, 640);
		assert_int_equal(info.height, 480);
		fr_test_picture(p, 1); /* nobody looked at its size */
	}
	fr_test_publisher_close(p);

	assert_false(fr_test_stream(f, "cam").has_publisher);
	assert_null(fr_test_stream(f, "cam").publisher_door);
	assert_int_equal(fr_test_stream(f, "cam").width, 0);
}

static void the_clock_of_a_publisher_is_told_once_it_is_known(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	assert_false(fr_test_stream(f, "cam").has_clock);
	fr_ingest_set_clock_offset(p->ingest, -1500000);

	assert_true(fr_test_stream(f, "cam").has_clock);
	assert_int_equal(fr_test_stream(f, "cam").clock_offset_us, -1500000);
}

static void append_name(void *arg, const struct fr_stream_info *info)
{
	(void)arg;
	(void)strncat(order, info->name, sizeof(order) - strlen(order) - 1);
}

static void streams_are_listed_in_order_of_their_names(void **state)
{
	struct fr_test_relay *f = *state;

	fr_test_viewing(f, "c");
	fr_test_publishing(f, "a");
	fr_test_streams(f, (const char *const[]){"d", "b"}, 2);
	order[0] = '\0';
	fr_relay_streams(f->relay, f->now_us, append_name, NULL);

	assert_string_equal(order, "abcd");
}

#define TEST(name)                                                                                 \
	cmocka_unit_test_setup_teardown(name, fr_test_relay_setup, fr_test_relay_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_stream_is_live_until_its_stale_time_has_passed),
	    TEST(a_publisher_that_has_just_come_has_as_long_for_its_first_picture),
	    TEST(a_stream_stays_live_for_its_stale_time_when_its_publisher_leaves),
	    TEST(three_picture_times_are_the_stale_time_of_a_slow_stream),
	    TEST(a_pause_does_not_make_the_stale_time_long),
	    TEST(a_stream_that_becomes_slow_is_live_again_after_some_pictures),
	    TEST(a_row_of_the_configuration_has_its_own_stale_time),
	    TEST(without_a_stale_time_a_stream_is_live_while_its_publisher_is_there),
	    TEST(the_same_picture_for_too_long_is_stale),
	    TEST(what_is_left_out_because_it_is_the_same_counts_as_having_come),
	    TEST(a_publisher_that_was_sent_away_has_nothing_that_is_the_same),
	    TEST(pictures_of_one_size_that_differ_are_not_the_same),
	    TEST(pictures_of_other_sizes_are_not_the_same),
	    TEST(a_source_on_demand_is_asleep_while_nobody_watches),
	    TEST(a_source_that_is_woken_has_its_stale_time_for_its_first_picture),
	    TEST(the_first_viewer_does_not_make_a_stale_stream_look_live),
	    TEST(a_pull_whose_other_end_is_away_is_offline),
	    TEST(a_state_is_known_since_when_it_began),
	    TEST(every_state_has_a_name),
	    TEST(the_first_number_is_the_unix_time_and_each_next_one_more),
	    TEST(numbers_go_on_over_a_restart_of_the_publisher),
	    TEST(numbers_of_a_relay_before_us_are_kept_while_they_go_forward),
	    TEST(a_number_in_the_upper_half_of_the_range_is_not_kept),
	    TEST(without_a_clock_numbers_begin_at_1),
	    TEST(each_has_its_own_pace),
	    TEST(a_picture_is_shared_and_never_copied),
	    TEST(whoever_was_served_first_is_last_the_next_time),
	    TEST(a_stream_is_known_for_a_while_after_it_was_last_live),
	    TEST(a_stream_that_is_watched_or_published_is_not_forgotten),
	    TEST(without_a_limit_a_stream_that_was_live_is_never_forgotten),
	    TEST(a_stream_without_a_picture_goes_with_its_publisher),
	    TEST(a_publisher_of_one_stream_more_than_max_streams_is_refused_with_503),
	    TEST(the_stream_that_was_live_longest_ago_makes_room_for_a_publisher),
	    TEST(a_stream_that_is_still_live_does_not_make_room),
	    TEST(a_name_that_only_subscribers_know_makes_room_for_a_publisher),
	    TEST(a_stream_that_somebody_watched_live_does_not_make_room),
	    TEST(neither_rows_nor_sinks_of_ours_make_room),
	    TEST(a_sink_of_ours_needs_its_place_like_a_publisher),
	    TEST(the_rate_and_the_bytes_are_measured),
	    TEST(pictures_without_any_time_between_them_are_fine),
	    TEST(who_publishes_is_said_and_the_announced_size_until_one_is_known),
	    TEST(the_clock_of_a_publisher_is_told_once_it_is_known),
	    TEST(streams_are_listed_in_order_of_their_names),
	};

	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
