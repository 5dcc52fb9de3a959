/* SPDX-License-Identifier: MIT */
/* MESSAGEs: one JSON text to everybody who takes messages. */
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
	BRACKET = 256 + '[', /* how the fixture tells a message that begins so */
	DIGIT = 256 + '0',
};

static struct fr_refusal refusal; /* of the last say() */

static int say_from(
    struct fr_test_relay *f, const char *addr, const char *stream, const char *json, size_t size)
{
	const struct fr_who who = {.addr = fr_test_addr(addr)};

	return fr_relay_message(f->relay, stream, &who, "test", (const uint8_t *)json, size,
	    f->now_us, f->real_us, &refusal);
}

static int say(struct fr_test_relay *f, const char *json)
{
	return say_from(f, "192.168.0.1", "cam", json, strlen(json));
}

static struct fr_test_viewer *listening(struct fr_test_relay *f, const char *stream)
{
	struct fr_test_viewer *v = fr_test_viewer(f, stream);

	v->spec.messages = true;
	assert_int_equal(fr_test_viewer_open(v), 0);
	return v;
}

static void a_message_reaches_those_who_take_messages(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *a = listening(f, "cam"), *b = listening(f, "cam"),
	                      *deaf = fr_test_viewing(f, "cam"), *other = listening(f, "porch");

	assert_int_equal(say(f, "[1]"), 0);
	fr_test_serve(f);

	fr_test_got(a, BRACKET);
	fr_test_got(b, BRACKET);
	fr_test_got_nothing(deaf);
	fr_test_got_nothing(other);
	assert_int_equal(deaf->readies, 0);
	assert_int_equal(fr_subscriber_counts(a->sub).messages_sent, 1);
	assert_int_equal(fr_stat_value(FR_STAT_messages_received), 1);
	assert_int_equal(fr_stat_value(FR_STAT_messages_sent), 2);
}

static void messages_go_before_pictures(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = listening(f, "cam");

	fr_test_picture(fr_test_publishing(f, "cam"), 1);
	assert_int_equal(say(f, "[]"), 0);
	fr_test_serve(f);

	fr_test_got(v, BRACKET, 1);
}

static void a_message_carries_its_bytes_and_the_time(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = listening(f, "cam");
	struct fr_frame *frame;

	assert_int_equal(say(f, "{\"a\":1}"), 0);
	frame = fr_subscriber_next(v->sub, f->now_us);

	assert_int_equal(fr_frame_info(frame)->type, FR_FRAME_MESSAGE);
	assert_int_equal(fr_frame_info(frame)->captured_us, f->real_us);
	assert_int_equal(fr_frame_info(frame)->received_us, f->now_us);
	assert_int_equal(fr_frame_size(frame), 7);
	assert_memory_equal(fr_frame_bytes(frame), "{\"a\":1}", 7);
	assert_int_equal(fr_subscriber_counts(v->sub).in_flight, 0);
	fr_frame_unref(frame);
	fr_subscriber_sent(v->sub);
}

static void a_slow_listener_loses_the_oldest_messages_and_they_are_counted(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = listening(f, "cam");

	v->reads = false;
	for (unsigned i = 0; i < 10; i++) {
		const char digit = "0123456789"[i];

		assert_int_equal(say_from(f, "192.168.0.1", "cam", &digit, 1), 0);
		assert_int_equal(say_from(f, "192.168.0.1", "cam", &digit, 1), 0);
	}

	assert_int_equal(fr_subscriber_counts(v->sub).messages_dropped, 4);
	assert_int_equal(fr_stat_value(FR_STAT_messages_dropped), 4);
	assert_int_equal(fr_test_take(v), DIGIT + 2);
}

static void messages_that_wait_for_a_listener_that_leaves_are_counted(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = listening(f, "cam");

	v->reads = false;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(say(f, "[]"), 0);
	fr_frame_unref(fr_subscriber_next(v->sub, f->now_us)); /* under way when it leaves */
	fr_test_viewer_close(v);

	assert_int_equal(fr_stat_value(FR_STAT_messages_dropped), 3);
	assert_int_equal(fr_stat_value(FR_STAT_frames_dropped_closed), 0);
}

static void a_listener_that_drains_gets_no_more_messages(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = listening(f, "cam");

	assert_int_equal(say(f, "[]"), 0);
	fr_subscriber_drain(v->sub);
	assert_int_equal(say(f, "[]"), 0);
	fr_test_serve(f);

	fr_test_got_nothing(v);
	assert_int_equal(fr_stat_value(FR_STAT_messages_dropped), 1);
}

static void what_is_no_json_is_refused_with_400(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = listening(f, "cam");

	assert_int_equal(say(f, "[1"), -EINVAL);
	assert_int_equal(refusal.code, 400);
	assert_int_equal(refusal.reason, FR_REASON_bad_message);
	assert_int_equal(say(f, ""), -EINVAL);
	fr_test_serve(f);

	fr_test_got_nothing(v);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_bad_message), 2);
	assert_int_equal(fr_stat_value(FR_STAT_messages_received), 0);
}

static void one_byte_more_than_max_message_bytes_is_refused_with_413(void **state)
{
	struct fr_test_relay *f = *state;

	f->limits.max_message_bytes = 10;
	assert_int_equal(say(f, "[1,2,3,45]"), 0);
	assert_int_equal(say(f, "[1,2,3,456]"), -EINVAL);
	assert_int_equal(refusal.code, 413);
	assert_int_equal(refusal.reason, FR_REASON_bad_message);
}

static void without_a_limit_messages_end_at_the_hard_maximum(void **state)
{
	struct fr_test_relay *f = *state;
	char *json = malloc(FR_MESSAGE_BYTES_HARD + 1);

	assert_non_null(json);
	memset(json, '1', FR_MESSAGE_BYTES_HARD + 1);
	json[0] = json[FR_MESSAGE_BYTES_HARD - 1] = json[FR_MESSAGE_BYTES_HARD] = '"';
	f->limits.max_message_bytes = 0;

	assert_int_equal(say_from(f, "192.168.0.1", "cam", json, FR_MESSAGE_BYTES_HARD), 0);
	assert_int_equal(
	    say_from(f, "192.168.0.1", "cam", json, FR_MESSAGE_BYTES_HARD + 1), -EINVAL);
	assert_int_equal(refusal.code, 413);
	free(json);
}

static void who_may_not_send_messages_is_refused_with_403(void **state)
{
	struct fr_test_relay *f = *state;

	assert_int_equal(say_from(f, "203.0.113.9", "cam", "[]", 2), -EACCES);
	assert_int_equal(refusal.code, 403);
	assert_non_null(strstr(refusal.why.text, "203.0.113.9 may not message cam"));
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_access_denied), 1);
}

static void who_takes_messages_alone_is_no_demand_and_gets_no_picture(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publisher(f, "cam");
	struct fr_test_viewer *v = fr_test_viewer(f, "cam"), *other;

	p->spec.on_demand = true;
	v->spec.no_pictures = true;
	assert_int_equal(fr_test_publisher_open(p), 0);
	assert_int_equal(fr_test_viewer_open(v), 0);
	fr_test_serve(f);
	assert_int_equal(p->subscribers, 0);
	assert_int_equal(fr_test_stream(f, "cam").subscribers, 0);
	assert_int_equal(fr_test_stream(f, "cam").state, FR_STREAM_ASLEEP);

	other = fr_test_viewer(f, "cam");
	other->spec.max_fps_milli = 5000;
	assert_int_equal(fr_test_viewer_open(other), 0);
	fr_test_picture(p, 1);
	assert_int_equal(say(f, "[]"), 0);
	fr_test_serve(f);
	assert_int_equal(p->subscribers, 1);
	assert_int_equal(p->rate_milli, 5000);
	fr_test_got(v, BRACKET);
	assert_int_equal(fr_subscriber_counts(v->sub).offered, 0);

	fr_test_viewer_close(other);
	fr_test_serve(f);
	assert_int_equal(p->subscribers, 0);
	fr_test_viewer_close(v);
	/* Nor does it get the one that is there when it comes. */
	assert_int_equal(fr_test_viewer_open(v), 0);
	assert_int_equal(fr_subscriber_counts(v->sub).offered, 0);
}

static void who_takes_messages_alone_keeps_a_name_until_a_publisher_needs_the_place(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = fr_test_viewer(f, "cam");

	v->spec.no_pictures = true;
	f->limits.max_streams = 1;
	assert_int_equal(fr_test_viewer_open(v), 0);
	fr_test_pass(f, 2 * FR_TEST_SECOND_US);
	assert_true(fr_test_has_stream(f, "cam"));
	(void)fr_test_publishing(f, "porch");
	fr_test_serve(f);
	assert_int_equal(v->closed, 1);
	assert_false(fr_test_has_stream(f, "cam"));
}

static void a_message_to_a_stream_that_nobody_knows_goes_nowhere(void **state)
{
	struct fr_test_relay *f = *state;

	assert_int_equal(say(f, "[]"), 0);
	assert_false(fr_test_has_stream(f, "cam"));
}

static void a_message_that_does_not_fit_into_the_memory_is_dropped_and_counted(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = listening(f, "cam");

	fr_test_viewing(f, "cam"); /* would not have got it */
	fr_frame_pool_set_budget(f->pool, 1);
	assert_int_equal(say(f, "[]"), 0);
	fr_test_serve(f);

	fr_test_got_nothing(v);
	assert_int_equal(fr_stat_value(FR_STAT_messages_dropped), 1);
}

#define TEST(name)                                                                                 \
	cmocka_unit_test_setup_teardown(name, fr_test_relay_setup, fr_test_relay_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_message_reaches_those_who_take_messages),
	    TEST(messages_go_before_pictures),
	    TEST(a_message_carries_its_bytes_and_the_time),
	    TEST(a_slow_listener_loses_the_oldest_messages_and_they_are_counted),
	    TEST(messages_that_wait_for_a_listener_that_leaves_are_counted),
	    TEST(a_listener_that_drains_gets_no_more_messages),
	    TEST(what_is_no_json_is_refused_with_400),
	    TEST(one_byte_more_than_max_message_bytes_is_refused_with_413),
	    TEST(without_a_limit_messages_end_at_the_hard_maximum),
	    TEST(who_may_not_send_messages_is_refused_with_403),
	    TEST(a_message_to_a_stream_that_nobody_knows_goes_nowhere),
	    TEST(who_takes_messages_alone_is_no_demand_and_gets_no_picture),
	    TEST(who_takes_messages_alone_keeps_a_name_until_a_publisher_needs_the_place),
	    TEST(a_message_that_does_not_fit_into_the_memory_is_dropped_and_counted),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
