/* SPDX-License-Identifier: MIT */
/* What is counted of each stream and door, and what is known of each subscriber. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/media/frame.h"
#include "daemon/relay/traffic.h"
#include "tests/support/relay_fixture.h"

struct seek {
	const char *stream, *door;
	const struct fr_traffic *found;
	unsigned rows;
};

static void look_at(void *arg, const char *stream, const struct fr_traffic *traffic)
{
	struct seek *seek = arg;

	seek->rows++;
	if (strcmp(stream, seek->stream) == 0 && strcmp(traffic->door, seek->door) == 0)
		seek->found = traffic;
}

static const struct fr_traffic *find(
    const struct fr_test_relay *f, const char *stream, const char *door)
{
	struct seek seek = {.stream = stream, .door = door};

	fr_relay_traffic(f->relay, look_at, &seek);
	return seek.found;
}

static uint64_t sum(const struct fr_traffic *t)
{
	return t->counts[FR_TRAFFIC_frames_sent] + t->counts[FR_TRAFFIC_frames_dropped_newest] +
	       t->counts[FR_TRAFFIC_frames_dropped_age] +
	       t->counts[FR_TRAFFIC_frames_dropped_memory] +
	       t->counts[FR_TRAFFIC_frames_dropped_paced] +
	       t->counts[FR_TRAFFIC_frames_dropped_frozen] +
	       t->counts[FR_TRAFFIC_frames_dropped_unsent] +
	       t->counts[FR_TRAFFIC_frames_dropped_closed];
}

static void each_door_of_a_stream_has_its_row(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *a = fr_test_viewer(f, "cam"), *b = fr_test_viewer(f, "cam");
	char http[] = "http"; /* another address, the same word */
	const struct fr_traffic *t;

	a->spec.door = "http";
	b->spec.door = http;
	assert_int_equal(fr_test_viewer_open(a), 0);
	assert_int_equal(fr_test_viewer_open(b), 0);
	(void)fr_test_viewing(f, "porch");
	fr_test_picture(p, 1);
	fr_test_serve(f);

	t = find(f, "cam", "test");
	assert_int_equal(t->counts[FR_TRAFFIC_frames_received], 1);
	assert_true(t->counts[FR_TRAFFIC_bytes_received] > 0);
	assert_int_equal(t->counts[FR_TRAFFIC_frames_sent], 0);
	assert_int_equal(t->subscribers, 0);
	t = find(f, "cam", "http");
	assert_int_equal(t->subscribers, 2);
	assert_int_equal(t->counts[FR_TRAFFIC_frames_offered], 2);
	assert_int_equal(t->counts[FR_TRAFFIC_frames_sent], 2);
	assert_int_equal(t->counts[FR_TRAFFIC_bytes_sent],
	    2 * find(f, "cam", "test")->counts[FR_TRAFFIC_bytes_received]);
	assert_int_equal(find(f, "porch", "test")->subscribers, 1);
	assert_null(find(f, "porch", "http"));
	fr_test_viewer_close(a);
	assert_int_equal(find(f, "cam", "http")->subscribers, 1);
}

static void what_is_offered_is_sent_or_dropped_by_a_reason(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewer(f, "cam");
	const struct fr_traffic *t;

	v->spec.queue_frames = 1;
	v->reads = false;
	assert_int_equal(fr_test_viewer_open(v), 0);
	for (unsigned i = 1; i <= 5; i++)
		fr_test_picture(p, (uint8_t)i);
	assert_int_equal(fr_test_take(v), 5);
	fr_test_picture(p, 6);
	fr_test_viewer_close(v);

	t = find(f, "cam", "test");
	assert_int_equal(t->counts[FR_TRAFFIC_frames_offered], 6);
	assert_int_equal(t->counts[FR_TRAFFIC_frames_dropped_newest], 4);
	assert_int_equal(t->counts[FR_TRAFFIC_frames_dropped_closed], 1);
	assert_int_equal(sum(t), 6);
}

static void the_age_of_what_is_sent_is_counted_once_when_it_is_taken(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewer(f, "cam");
	const struct fr_histogram *ages;

	v->reads = false;
	assert_int_equal(fr_test_viewer_open(v), 0);
	fr_test_picture(p, 1);
	f->now_us += 15000;
	assert_int_equal(fr_test_take(v), 1);
	fr_test_picture(p, 2);
	assert_int_equal(fr_test_take(v), 2);
	fr_test_picture(p, 3);
	fr_frame_unref(fr_subscriber_next(v->sub, f->now_us)); /* under way: not sent yet */

	ages = &find(f, "cam", "test")->ages;
	assert_int_equal(fr_histogram_count(ages), 2);
	assert_int_equal(ages->counts[0], 1);
	assert_int_equal(ages->counts[4], 1); /* over 10 ms, at most 20 */
	assert_int_equal(ages->sum_us, 15000);
}

static void who_was_sent_away_counts_for_nobody(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");
	const struct fr_traffic *t = find(f, "cam", "test");

	v->reads = false;
	fr_test_picture(p, 1);
	fr_frame_unref(fr_subscriber_next(v->sub, f->now_us));
	fr_test_access(f, (const char *const[]){"192.168.0.1|*|-"}, 1);
	fr_subscriber_sent(v->sub); /* it had gone out all the same */
	fr_test_serve(f);

	assert_int_equal(v->closed, 1);
	assert_int_equal(t->subscribers, 0);
	assert_int_equal(t->counts[FR_TRAFFIC_frames_sent], 0);
}

/* Subscribers */

struct list {
	struct fr_subscriber_info infos[4];
	unsigned count;
};

static void add(void *arg, const struct fr_subscriber_info *info)
{
	struct list *list = arg;

	list->infos[list->count++] = *info;
}

static void each_subscriber_can_be_looked_at(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *a = fr_test_viewer(f, "cam"), *b = fr_test_viewer(f, "porch");
	const int64_t began_us = f->now_us;
	struct list list = {0};

	a->spec.kind = "mjpeg";
	a->spec.queue_frames = 3;
	a->spec.queue_age_ms = 500;
	a->spec.max_fps_milli = 0;
	a->reads = false;
	assert_int_equal(fr_test_viewer_open(a), 0);
	f->now_us += 1000;
	b->spec.messages = true;
	b->spec.max_fps_milli = 2500;
	assert_int_equal(fr_test_viewer_open(b), 0);
	fr_test_picture(p, 1);
	f->now_us += 1000;
	fr_test_picture(p, 2);

	fr_relay_subscribers(f->relay, add, &list);
	assert_int_equal(list.count, 2);
	assert_string_equal(list.infos[0].stream, "porch");
	assert_string_equal(list.infos[0].kind, "test"); /* as the door */
	assert_true(list.infos[0].messages && list.infos[0].pictures);
	assert_int_equal(list.infos[0].max_fps_milli, 2500);
	assert_int_equal(list.infos[0].oldest_us, 0);
	assert_string_equal(list.infos[1].kind, "mjpeg");
	assert_string_equal(list.infos[1].door, "test");
	assert_int_equal(list.infos[1].since_us, began_us);
	assert_int_equal(list.infos[1].queue_frames, 3);
	assert_int_equal(list.infos[1].queue_age_us, 500000);
	assert_int_equal(list.infos[1].oldest_us, began_us + 1000);
	assert_int_equal(list.infos[1].counts.queued, 2);
	assert_false(list.infos[1].messages);
	assert_true(list.infos[0].id > list.infos[1].id);
}

static void who_was_sent_away_has_no_stream(void **state)
{
	struct fr_test_relay *f = *state;
	struct list list = {0};

	(void)fr_test_viewing(f, "cam");
	fr_test_access(f, (const char *const[]){"192.168.0.1|*|-"}, 1);
	fr_relay_subscribers(f->relay, add, &list);
	assert_int_equal(list.count, 1);
	assert_null(list.infos[0].stream);
}

#define TEST(name)                                                                                 \
	cmocka_unit_test_setup_teardown(name, fr_test_relay_setup, fr_test_relay_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_door_of_a_stream_has_its_row),
	    TEST(what_is_offered_is_sent_or_dropped_by_a_reason),
	    TEST(the_age_of_what_is_sent_is_counted_once_when_it_is_taken),
	    TEST(who_was_sent_away_counts_for_nobody),
	    TEST(each_subscriber_can_be_looked_at),
	    TEST(who_was_sent_away_has_no_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
