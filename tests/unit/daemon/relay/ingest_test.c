/* SPDX-License-Identifier: MIT */
/* Publishers: who may, what is taken of what they send, and how the rest is counted. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "common/media/frame.h"
#include "tests/support/jpeg.h"
#include "tests/support/relay_fixture.h"

static const int64_t ms = 1000;

static struct fr_ingest_counts counts_of(const struct fr_test_publisher *p)
{
	return fr_ingest_counts(p->ingest);
}

/* A publisher whose pictures are walked over. */
static struct fr_test_publisher *inspected(struct fr_test_relay *f, const char *stream)
{
	struct fr_test_publisher *p = fr_test_publisher(f, stream);

	p->spec.verify = FR_VERIFY_HEADER;
	assert_int_equal(fr_test_publisher_open(p), 0);
	return p;
}

static int send_text(struct fr_test_publisher *p)
{
	return fr_test_send(p, "no picture", 10);
}

static int send_jpeg(struct fr_test_publisher *p, unsigned width, unsigned height)
{
	struct fr_test_jpeg jpeg = fr_test_jpeg(width, height, 50, 1);
	int r = fr_test_send(p, jpeg.bytes, jpeg.size);

	fr_test_jpeg_done(&jpeg);
	return r;
}

/* Admission */

static void a_publisher_that_may_not_publish_is_refused_with_403(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publisher(f, "cam");

	p->spec.who.addr = fr_test_addr("203.0.113.9");

	assert_int_equal(fr_test_publisher_open(p), -EACCES);
	assert_int_equal(p->refusal.code, 403);
	assert_int_equal(p->refusal.reason, FR_REASON_access_denied);
	assert_null(p->ingest);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_access_denied), 1);
	assert_false(fr_test_has_stream(f, "cam"));
}

static void one_publisher_more_than_the_limit_is_refused_with_503(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publisher(f, "c"), *ours = fr_test_publisher(f, "d");

	f->limits.max_publishers = 2;
	fr_test_publishing(f, "a");
	fr_test_publishing(f, "b");

	assert_int_equal(fr_test_publisher_open(p), -ENOSPC);
	assert_int_equal(p->refusal.code, 503);
	assert_int_equal(p->refusal.reason, FR_REASON_publisher_limit);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_publisher_limit), 1);
	assert_false(fr_test_has_stream(f, "c"));
	ours->spec.who.ours = true;
	assert_int_equal(fr_test_publisher_open(ours), 0);
	f->limits.max_publishers = 0;
	assert_int_equal(fr_test_publisher_open(p), 0);
}

static void a_publisher_that_comes_back_is_not_one_more(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *again = fr_test_publisher(f, "cam");

	f->limits.max_publishers = 1;
	fr_test_publishing(f, "cam");

	assert_int_equal(fr_test_publisher_open(again), 0);
}

static void a_known_stream_without_its_publisher_counts_for_the_limit(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publisher(f, "cam");

	f->limits.max_publishers = 1;
	fr_test_viewing(f, "cam");
	fr_test_publishing(f, "porch");

	assert_int_equal(fr_test_publisher_open(p), -ENOSPC);
}

static void a_publisher_that_the_limit_refuses_costs_no_other_stream_its_place(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publisher(f, "c"),
	                         *old = fr_test_publishing(f, "old");

	fr_test_picture(old, 1);
	fr_test_publisher_close(old);
	fr_test_pass(f, 10000 * ms);
	fr_test_publishing(f, "b");
	f->limits.max_publishers = 1;
	f->limits.max_streams = 2;

	assert_int_equal(fr_test_publisher_open(p), -ENOSPC);
	assert_true(fr_test_has_stream(f, "old"));
}

/* Pictures */

static void what_is_published_and_what_is_rejected_add_up(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	fr_test_picture(p, 1);
	assert_int_equal(send_text(p), -EINVAL);
	fr_ingest_begin(p->ingest);
	fr_ingest_reject(p->ingest, FR_REASON_memory_budget, 1000);
	fr_ingest_begin(p->ingest);

	assert_int_equal(counts_of(p).begun, 4);
	assert_int_equal(counts_of(p).published, 1);
	assert_int_equal(counts_of(p).rejected, 2);
	assert_int_equal(counts_of(p).receiving, 1);
	assert_int_equal(counts_of(p).bytes_received, 110);
	assert_int_equal(counts_of(p).bytes_published, 100);
	assert_int_equal(fr_stat_value(FR_STAT_frames_begun), 4);
	assert_int_equal(fr_stat_value(FR_STAT_frames_published), 1);
	assert_int_equal(fr_stat_value(FR_STAT_frames_rejected), 2);
	assert_int_equal(fr_stat_value(FR_STAT_bytes_received), 110);
	assert_int_equal(fr_stat_value(FR_STAT_bytes_published), 100);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_memory_budget), 1);
}

static void what_the_framing_refuses_is_counted_by_its_reason(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	fr_ingest_begin(p->ingest);
	fr_ingest_reject(p->ingest, FR_REASON_length_over_max, 0);

	assert_int_equal(counts_of(p).rejected, 1);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_length_over_max), 1);
}

static void a_picture_whose_publisher_leaves_in_the_middle_is_truncated(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	fr_ingest_begin(p->ingest);
	fr_test_publisher_close(p);

	assert_int_equal(fr_stat_value(FR_STAT_frames_truncated), 1);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_truncated_frame), 1);
}

static void what_does_not_begin_like_a_jpeg_is_rejected_whatever_is_verified(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p[2] = {fr_test_publishing(f, "a"), inspected(f, "b")};
	static const uint8_t short_one[] = {0xff}, half[] = {0xff, 0xd9, 0},
	                     other[] = {0xfe, 0xd8, 0};

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(fr_test_send(p[i], short_one, 1), -EINVAL);
		assert_int_equal(fr_test_send(p[i], short_one, 0), -EINVAL);
		assert_int_equal(fr_test_send(p[i], half, 3), -EINVAL);
		assert_int_equal(fr_test_send(p[i], other, 3), -EINVAL);
		assert_int_equal(p[i]->refusal.code, 0);
		assert_int_equal(p[i]->refusal.reason, FR_REASON_not_jpeg);
	}
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_not_jpeg), 6);
	assert_int_equal(
	    fr_stat_rejected_count("test", FR_REASON_bad_jpeg), 2); /* it ends too early to tell */
}

static void the_walk_over_the_markers_finds_the_size_and_what_is_broken(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = inspected(f, "cam");
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 50, 1);

	assert_int_equal(fr_test_send(p, jpeg.bytes, jpeg.size), 0);
	assert_int_equal(fr_test_stream(f, "cam").width, 64);
	assert_int_equal(fr_test_stream(f, "cam").height, 48);

	assert_int_equal(fr_test_send(p, jpeg.bytes, jpeg.size / 2), -EINVAL);
	assert_int_equal(p->refusal.reason, FR_REASON_bad_jpeg);
	assert_int_equal(p->refusal.code, 0);
	assert_string_not_equal(p->refusal.why.text, "");
	fr_test_jpeg_done(&jpeg);
}

static void a_picture_of_more_pixels_than_max_pixels_is_rejected(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = inspected(f, "cam");

	f->limits.max_pixels = 64 * 48;
	assert_int_equal(send_jpeg(p, 64, 48), 0);
	assert_int_equal(send_jpeg(p, 64, 49), -EINVAL);
	assert_int_equal(p->refusal.reason, FR_REASON_too_many_pixels);
	assert_non_null(strstr(p->refusal.why.text, "64x49"));
	f->limits.max_pixels = 0;
	assert_int_equal(send_jpeg(p, 64, 49), 0);
}

static void the_last_of_too_many_bad_pictures_in_a_row_closes_with_415(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	f->limits.bad_frames = 3;
	send_text(p);
	send_text(p);
	fr_test_picture(p, 1); /* a good one begins the row anew */
	send_text(p);
	send_text(p);
	assert_int_equal(p->refusal.code, 0);
	send_text(p);

	assert_int_equal(p->refusal.code, 415);
	assert_int_equal(p->refusal.reason, FR_REASON_bad_jpeg_repeated);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_bad_jpeg_repeated), 1);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_not_jpeg), 5);
}

static void without_a_limit_any_number_of_bad_pictures_goes_by(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	f->limits.bad_frames = 0;
	for (unsigned i = 0; i < 100; i++) {
		send_text(p);
		assert_int_equal(p->refusal.code, 0);
	}
}

static void the_publishers_time_is_kept_and_ours_stands_in_for_it(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");
	struct fr_frame *frame;

	v->reads = false;
	p->captured_us = 1234567;
	fr_test_picture(p, 1);
	p->captured_us = 0;
	fr_test_picture(p, 2);

	frame = fr_subscriber_next(v->sub, f->now_us);
	assert_int_equal(fr_frame_info(frame)->captured_us, 1234567);
	assert_false(fr_frame_info(frame)->captured_is_received);
	assert_int_equal(fr_frame_info(frame)->received_us, f->now_us);
	fr_frame_unref(frame);
	fr_subscriber_sent(v->sub);
	frame = fr_subscriber_next(v->sub, f->now_us);
	assert_int_equal(fr_frame_info(frame)->captured_us, f->real_us);
	assert_true(fr_frame_info(frame)->captured_is_received);
	fr_frame_unref(frame);
	fr_subscriber_sent(v->sub);
}

/* Rates */

static unsigned taken_of(struct fr_test_publisher *p, unsigned count)
{
	static const uint8_t bytes[1000] = {0xff, 0xd8};
	unsigned taken = 0;

	for (unsigned i = 0; i < count; i++)
		if (fr_test_send(p, bytes, sizeof(bytes)) == 0)
			taken++;
		else
			assert_int_equal(p->refusal.reason, FR_REASON_rate_limit);
	return taken;
}

static void pictures_above_the_frame_rate_are_dropped_after_two_seconds_worth(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	f->limits.publisher_frame_rate = 10;
	assert_int_equal(taken_of(p, 30), 20);
	f->now_us += 100 * ms;
	assert_int_equal(taken_of(p, 5), 1);
	f->now_us += 3600 * (int64_t)FR_TEST_SECOND_US;
	assert_int_equal(taken_of(p, 30), 20);
	assert_int_equal(p->refusal.code, 0); /* too many is not bad */
	f->limits.publisher_frame_rate = 0;
	assert_int_equal(taken_of(p, 100), 100);
}

static void a_publisher_at_just_the_frame_rate_loses_nothing(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	f->limits.publisher_frame_rate = 30;
	for (unsigned i = 0; i < 300; i++) {
		assert_int_equal(taken_of(p, 1), 1);
		f->now_us += 33334;
	}
}

static void bytes_above_the_byte_rate_are_dropped_after_two_seconds_worth(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	f->limits.publisher_byte_rate = 10000;
	assert_int_equal(taken_of(p, 30), 20);
	f->now_us += 100 * ms;
	assert_int_equal(taken_of(p, 5), 1);
}

static void a_picture_larger_than_two_seconds_worth_passes_when_they_are_rare(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	static uint8_t bytes[100000] = {0xff, 0xd8};

	/* 100 kB every 5 s is 20 kB/s */
	f->limits.publisher_byte_rate = 20000;
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(fr_test_send(p, bytes, sizeof(bytes)), 0);
		assert_int_equal(taken_of(p, 1), 0);
		f->now_us += 5000 * ms + 1;
	}
}

static void the_largest_rates_do_not_overflow(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	f->limits.publisher_frame_rate = 100000;
	f->limits.publisher_byte_rate = 10737418240;
	for (unsigned i = 0; i < 50; i++) {
		assert_int_equal(taken_of(p, 1), 1);
		f->now_us += 2 * FR_TEST_SECOND_US;
	}
}

/* The way back */

static void a_publisher_is_told_the_demand_when_it_is_admitted(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");
	struct fr_test_publisher *p = fr_test_publishing(f, "cam"),
	                         *q = fr_test_publishing(f, "porch");

	fr_test_serve(f);

	assert_int_equal(p->demands, 1);
	assert_int_equal(p->subscribers, 1);
	assert_int_equal(q->demands, 1);
	assert_int_equal(q->subscribers, 0);
	fr_test_got_nothing(v);
}

static void a_publisher_is_told_when_the_first_viewer_comes_and_the_last_one_goes(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *a, *b;

	fr_test_serve(f);
	a = fr_test_viewing(f, "cam");
	fr_test_serve(f);
	assert_int_equal(p->demands, 2);
	assert_int_equal(p->subscribers, 1);

	b = fr_test_viewing(f, "cam");
	fr_test_serve(f);
	fr_test_viewer_close(a);
	fr_test_serve(f);
	assert_int_equal(p->demands, 2);

	fr_test_viewer_close(b);
	fr_test_serve(f);
	assert_int_equal(p->demands, 3);
	assert_int_equal(p->subscribers, 0);
}

static void a_publisher_is_told_when_the_highest_rate_changes(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v[4];
	static const uint32_t rates[] = {5000, 2000, 10000, 0}, told[] = {5000, 5000, 10000, 0};
	static const unsigned demands[] = {2, 2, 3, 4};
	uint32_t rate;

	fr_test_serve(f);
	for (unsigned i = 0; i < 4; i++) {
		v[i] = fr_test_viewer(f, "cam");
		v[i]->spec.max_fps_milli = rates[i];
		assert_int_equal(fr_test_viewer_open(v[i]), 0);
		fr_test_serve(f);
		assert_int_equal(p->rate_milli, told[i]);
		assert_int_equal(p->demands, demands[i]);
	}
	assert_int_equal(fr_ingest_demand(p->ingest, &rate), 4);
	assert_int_equal(rate, 0);

	fr_test_viewer_close(v[3]);
	fr_test_serve(f);
	assert_int_equal(p->rate_milli, 10000);
	assert_int_equal(p->demands, 5);
	assert_int_equal(fr_test_stream(f, "cam").demand_rate_milli, 10000);
}

static void demand_that_comes_and_goes_before_the_publishers_turn_is_no_news(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	fr_test_serve(f);
	fr_test_viewer_close(fr_test_viewing(f, "cam"));
	fr_test_serve(f);
	assert_int_equal(p->demands, 1);

	fr_test_viewing(f, "cam");
	fr_test_serve(f);
	assert_int_equal(p->demands, 2);
}

static void the_demand_before_the_first_turn_is_told_once(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	fr_test_viewing(f, "cam");
	fr_test_serve(f);
	fr_test_serve(f);

	assert_int_equal(p->demands, 1);
	assert_int_equal(p->subscribers, 1);
}

static void a_source_that_heeds_no_demand_is_not_told(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publisher(f, "cam");
	uint32_t rate;

	p->is_deaf = true;
	assert_int_equal(fr_test_publisher_open(p), 0);
	fr_test_viewing(f, "cam");
	fr_test_serve(f);

	assert_int_equal(p->demands, 0);
	assert_int_equal(fr_ingest_demand(p->ingest, &rate), 1);
}

static void who_was_sent_away_has_no_demand_and_its_pictures_count_as_refused(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	uint32_t rate;

	fr_test_viewing(f, "cam");
	fr_test_access(f, NULL, 0);
	assert_int_equal(send_text(p), -EINVAL);
	fr_test_serve(f);
	fr_ingest_alive(p->ingest, f->now_us);
	fr_ingest_set_up(p->ingest, true, f->now_us);
	fr_test_serve(f);

	assert_int_equal(fr_ingest_demand(p->ingest, &rate), 0);
	assert_int_equal(rate, 0);
	assert_int_equal(p->closed, 1);
	assert_int_equal(p->demands, 0);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_access_denied), 3);
}

#define TEST(name)                                                                                 \
	cmocka_unit_test_setup_teardown(name, fr_test_relay_setup, fr_test_relay_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_publisher_that_may_not_publish_is_refused_with_403),
	    TEST(one_publisher_more_than_the_limit_is_refused_with_503),
	    TEST(a_publisher_that_comes_back_is_not_one_more),
	    TEST(a_known_stream_without_its_publisher_counts_for_the_limit),
	    TEST(a_publisher_that_the_limit_refuses_costs_no_other_stream_its_place),
	    TEST(what_is_published_and_what_is_rejected_add_up),
	    TEST(what_the_framing_refuses_is_counted_by_its_reason),
	    TEST(a_picture_whose_publisher_leaves_in_the_middle_is_truncated),
	    TEST(what_does_not_begin_like_a_jpeg_is_rejected_whatever_is_verified),
	    TEST(the_walk_over_the_markers_finds_the_size_and_what_is_broken),
	    TEST(a_picture_of_more_pixels_than_max_pixels_is_rejected),
	    TEST(the_last_of_too_many_bad_pictures_in_a_row_closes_with_415),
	    TEST(without_a_limit_any_number_of_bad_pictures_goes_by),
	    TEST(the_publishers_time_is_kept_and_ours_stands_in_for_it),
	    TEST(pictures_above_the_frame_rate_are_dropped_after_two_seconds_worth),
	    TEST(a_publisher_at_just_the_frame_rate_loses_nothing),
	    TEST(bytes_above_the_byte_rate_are_dropped_after_two_seconds_worth),
	    TEST(a_picture_larger_than_two_seconds_worth_passes_when_they_are_rare),
	    TEST(the_largest_rates_do_not_overflow),
	    TEST(a_publisher_is_told_the_demand_when_it_is_admitted),
	    TEST(a_publisher_is_told_when_the_first_viewer_comes_and_the_last_one_goes),
	    TEST(a_publisher_is_told_when_the_highest_rate_changes),
	    TEST(demand_that_comes_and_goes_before_the_publishers_turn_is_no_news),
	    TEST(the_demand_before_the_first_turn_is_told_once),
	    TEST(a_source_that_heeds_no_demand_is_not_told),
	    TEST(who_was_sent_away_has_no_demand_and_its_pictures_count_as_refused),
	};

	return cmocka_run_group_tests_name("ingest", tests, NULL, NULL);
}
