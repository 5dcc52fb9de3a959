/* SPDX-License-Identifier: MIT */
/* The middle as a whole: the ready list, the time, reloads, and what others see of it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "daemon/relay/inside.h" /* to break accounts that nothing outside can break */
#include "tests/support/relay_fixture.h"

#define ROWS(...)                                                                                  \
	(const char *const[]){__VA_ARGS__},                                                        \
	    sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)

/* The ready list */

struct deed {
	struct fr_test_viewer *leaves[2]; /* closes these */
	struct fr_test_publisher *sends;  /* publishes with this one */
	struct fr_test_publisher *goes;   /* closes this one */
	struct fr_test_relay *comes;      /* a viewer comes */
	struct fr_test_viewer *came;
};

static void act(void *arg)
{
	struct deed *deed = arg;

	for (unsigned i = 0; i < 2; i++)
		if (deed->leaves[i] != NULL)
			fr_test_viewer_close(deed->leaves[i]);
	if (deed->sends != NULL)
		fr_test_picture(deed->sends, 2);
	if (deed->goes != NULL)
		fr_test_publisher_close(deed->goes);
	if (deed->comes != NULL && deed->came == NULL)
		deed->came = fr_test_viewing(deed->comes, "cam");
}

static void does(struct fr_test_viewer *v, struct deed *deed)
{
	v->then = act;
	v->then_arg = deed;
}

static void a_viewer_may_leave_in_its_own_turn(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam"), *other = fr_test_viewing(f, "cam");
	struct deed deed = {.leaves = {v}};

	does(v, &deed);
	fr_test_picture(p, 1);
	fr_test_serve(f);

	assert_null(v->sub);
	fr_test_got(other, 1);
}

static void a_viewer_may_send_its_neighbours_away_in_its_turn(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *a = fr_test_viewing(f, "cam"), *b = fr_test_viewing(f, "cam"),
	                      *c = fr_test_viewing(f, "cam"), *d = fr_test_viewing(f, "cam");
	struct deed deed = {
	    .leaves = {a, c}}; /* the one that was before it, and the one right behind */

	does(b, &deed);
	fr_test_picture(p, 1);
	fr_test_serve(f);

	fr_test_got_nothing(c);
	fr_test_got(b, 1);
	fr_test_got(d, 1);
}

static void the_last_one_of_a_turn_may_go_while_the_one_before_it_has_its_turn(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *a = fr_test_viewing(f, "cam"), *b = fr_test_viewing(f, "cam");
	struct deed deed = {.leaves = {a, b}, .sends = p};

	fr_test_serve(f);
	does(a, &deed);
	fr_test_picture(p, 1);
	fr_test_serve(f);

	fr_test_got(a, 1);
	fr_test_got_nothing(b);
	assert_null(b->sub);
}

static void a_publisher_may_leave_in_a_viewers_turn(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");
	struct deed deed = {.goes = p};

	does(v, &deed);
	fr_test_picture(p, 1);
	fr_test_serve(f);

	fr_test_got(v, 1);
	assert_false(fr_test_stream(f, "cam").has_publisher);
}

static void a_publisher_may_leave_in_its_own_turn(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct deed deed = {.goes = p};

	p->then = act;
	p->then_arg = &deed;
	fr_test_serve(f);

	assert_null(p->ingest);
	assert_false(fr_test_has_stream(f, "cam"));
}

static void two_who_make_each_other_ready_do_not_hold_the_loop_up(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *a = fr_test_viewing(f, "cam"), *b = fr_test_viewing(f, "cam");
	struct deed deed = {.sends = p};
	unsigned wakes;

	fr_test_serve(f);
	does(a, &deed);
	does(b, &deed);
	fr_test_picture(p, 1);
	wakes = f->wakes;
	fr_test_serve(f);

	assert_int_equal(a->readies, 1);
	assert_int_equal(b->readies, 1);
	assert_int_equal(f->wakes, wakes + 1); /* the rest has its turn in the next call */
	fr_test_serve(f);
	assert_int_equal(a->readies, 2);
}

static void who_comes_during_a_turn_is_served_in_the_next(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");
	struct deed deed = {.comes = f};

	does(v, &deed);
	fr_test_picture(p, 1);
	fr_test_serve(f);
	fr_test_got_nothing(deed.came);
	fr_test_serve(f);

	fr_test_got(deed.came, 1);
}

static void the_owner_is_woken_once_until_it_serves(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	const unsigned wakes = f->wakes;

	assert_int_equal(wakes, 1);
	for (unsigned i = 0; i < 5; i++)
		fr_test_viewing(f, "cam");
	fr_test_picture(p, 1);
	assert_int_equal(f->wakes, wakes);

	fr_test_serve(f);
	assert_int_equal(f->wakes, wakes);
	fr_test_picture(p, 2);
	assert_int_equal(f->wakes, wakes + 1);
}

static void an_owner_that_comes_late_hears_that_somebody_is_ready(void **state)
{
	struct fr_test_relay *f = *state;
	void (*const on_ready)(void *) = fr_test_count_wake;

	fr_relay_set_ready(f->relay, NULL, NULL);
	fr_relay_set_ready(f->relay, on_ready, f);
	assert_int_equal(f->wakes, 0);
	fr_relay_set_ready(f->relay, NULL, NULL);
	fr_test_publishing(f, "cam");
	fr_relay_set_ready(f->relay, NULL, NULL);
	fr_relay_set_ready(f->relay, on_ready, f);

	assert_int_equal(f->wakes, 1);
}

/* Time */

static void the_owner_is_woken_when_something_becomes_due_earlier(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewer(f, "cam");
	unsigned wakes;

	v->spec.max_fps_milli = 10000;
	assert_int_equal(fr_test_viewer_open(v), 0);
	fr_test_picture(p, 1);
	fr_test_serve(f);
	wakes = f->wakes;
	fr_test_picture(p, 2);

	assert_int_equal(f->wakes, wakes + 1);
	assert_int_equal(fr_relay_next_tick(f->relay), f->now_us + 100000);
}

static void a_tick_with_nothing_to_do_wakes_nobody(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewer(f, "cam");
	unsigned wakes;

	v->spec.max_fps_milli = 500;
	assert_int_equal(fr_test_viewer_open(v), 0);
	fr_test_picture(p, 1);
	fr_test_picture(p, 2);
	fr_test_serve(f);
	wakes = f->wakes;
	f->now_us += FR_TEST_SECOND_US;

	assert_int_equal(fr_relay_tick(f->relay, f->now_us), f->now_us + FR_TEST_SECOND_US);
	assert_int_equal(f->wakes, wakes);
}

static void a_takeover_between_two_seconds_is_decided_in_time(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = fr_test_publisher(f, "cam"),
	                         *new = fr_test_publisher(f, "cam");

	f->limits.takeover_ping_ms = 1500;
	old->spec.can_ping = true;
	new->spec.who.addr = fr_test_addr("10.0.0.1");
	assert_int_equal(fr_test_publisher_open(old), 0);
	assert_int_equal(fr_test_publisher_open(new), -EINPROGRESS);
	fr_test_pass(f, 1499999);
	assert_int_equal(new->decided, 0);
	fr_test_pass(f, 1);

	assert_true(new->admitted);
}

static void the_gauges_of_memory_follow_each_second(void **state)
{
	struct fr_test_relay *f = *state;

	fr_test_picture(fr_test_publishing(f, "cam"), 1);
	fr_test_pass(f, FR_TEST_SECOND_US);

	assert_int_equal(fr_stat_value(FR_STAT_frames_alive), 1);
	assert_int_equal(fr_stat_value(FR_STAT_memory_bytes), fr_frame_pool_bytes(f->pool));
	assert_ptr_equal(fr_relay_pool(f->relay), f->pool);
}

/* The accounts */

static void a_publisher_whose_bytes_do_not_add_up_is_found(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_cause why;

	fr_test_picture(p, 1);
	p->ingest->counts.bytes_received -= 1;
	assert_int_equal(fr_relay_check(f->relay, &why), 1);
	assert_string_equal(why.text, "the publisher of cam");
	assert_int_equal(fr_stat_value(FR_STAT_accounting_error), 1);
	p->ingest->counts.bytes_received += 1;
	p->ingest->counts.begun += 1;
	assert_int_equal(fr_relay_check(f->relay, &why), 1);

	p->ingest->counts.begun -= 1;
	assert_int_equal(fr_relay_check(f->relay, &why), 0);
}

static void a_viewer_whose_pictures_do_not_add_up_is_found(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");
	struct fr_cause why;

	v->sub->counts.offered++;
	assert_int_equal(fr_relay_check(f->relay, &why), 1);
	assert_string_equal(why.text, "a subscriber of cam");
	fr_test_access(f, NULL, 0);
	assert_int_equal(fr_relay_check(f->relay, &why), 1);
	assert_string_equal(why.text, "a subscriber of no stream any more");
	assert_int_equal(fr_stat_value(FR_STAT_accounting_error), 2);

	v->sub->counts.offered--;
	assert_int_equal(fr_relay_check(f->relay, &why), 0);
}

static void the_relay_is_quiet_when_nothing_waits_and_nothing_is_under_way(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");
	struct fr_frame *frame;

	v->reads = false;
	assert_true(fr_relay_is_quiet(f->relay));
	fr_test_picture(p, 1);
	assert_false(fr_relay_is_quiet(f->relay));
	frame = fr_subscriber_next(v->sub, f->now_us);
	assert_false(fr_relay_is_quiet(f->relay));

	fr_frame_unref(frame);
	fr_subscriber_sent(v->sub);
	assert_true(fr_relay_is_quiet(f->relay));
}

/* Names */

static const char *name_for(struct fr_test_relay *f, const char *addr, const char *model)
{
	static char name[FR_NAME_MAX + 1];
	struct fr_addr peer = fr_test_addr(addr);

	peer.port = 4711;
	fr_relay_name_for(f->relay, &peer, model, name);
	return name;
}

static void a_publisher_without_a_name_is_named_after_its_address(void **state)
{
	struct fr_test_relay *f = *state;

	assert_string_equal(name_for(f, "192.168.0.7", "cam-%h"), "cam-192-168-0-7");
	assert_string_equal(name_for(f, "2001:db8::7", "cam-%h"), "cam-2001-db8--7");
	assert_string_equal(name_for(f, "local", "cam-%h"), "cam-local");
	assert_string_equal(name_for(f, "192.168.0.7", "udp-%h-%p"), "udp-192-168-0-7-4711");
	assert_string_equal(name_for(f, "192.168.0.7", "a%xb%"), "a-xb-");
}

static void a_long_template_is_cut_to_the_length_of_a_name(void **state)
{
	struct fr_test_relay *f = *state;
	char model[1000];

	for (unsigned i = 0; i + 1 < sizeof(model); i++)
		model[i] = "%h"[i % 2];
	model[sizeof(model) - 1] = '\0';

	assert_int_equal(strlen(name_for(f, "192.168.100.100", model)), FR_NAME_MAX);
}

static void a_row_that_lists_the_address_gives_the_name(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_stream_config *rows = fr_xcalloc(2, sizeof(*rows));
	struct fr_cause why;

	memcpy(rows[0].name, "porch", sizeof("porch"));
	memcpy(rows[1].name, "door", sizeof("door"));
	rows[1].from = fr_xcalloc(2, sizeof(*rows[1].from));
	rows[1].from_count = 2;
	assert_int_equal(fr_network_parse("192.168.0.7", &rows[1].from[0], &why), 0);
	assert_int_equal(fr_network_parse("10.0.0.0/8", &rows[1].from[1], &why), 0);
	rows[0].stale_after_ms = rows[1].stale_after_ms = -1;
	fr_relay_set_streams(f->relay, rows, 2, f->now_us);

	assert_string_equal(name_for(f, "192.168.0.7", "cam-%h"), "door");
	assert_string_equal(name_for(f, "10.1.2.3", "cam-%h"), "door");
	assert_string_equal(name_for(f, "192.168.0.8", "cam-%h"), "cam-192-168-0-8");
}

/* Reloads */

static void the_rules_in_force_can_be_asked(void **state)
{
	struct fr_test_relay *f = *state;
	const struct fr_who who = {.addr = fr_test_addr("192.168.0.1")};
	struct fr_refusal refusal;

	assert_true(
	    fr_access_allows(fr_relay_access(f->relay), &who, FR_RIGHT_OBSERVE, NULL, &refusal));
	fr_test_access(f, NULL, 0);
	assert_false(
	    fr_access_allows(fr_relay_access(f->relay), &who, FR_RIGHT_OBSERVE, NULL, &refusal));
}

static void a_publisher_that_may_no_longer_publish_is_sent_away_with_403(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *cam = fr_test_publishing(f, "cam"),
	                         *porch = fr_test_publishing(f, "porch");

	fr_test_access(f, ROWS("any|porch|*"));
	fr_test_serve(f);

	assert_int_equal(cam->closed, 1);
	assert_int_equal(cam->refusal.code, 403);
	assert_int_equal(cam->refusal.reason, FR_REASON_access_denied);
	assert_int_equal(porch->closed, 0);
	assert_false(fr_test_stream(f, "cam").has_publisher);
}

static void a_viewer_that_may_no_longer_watch_is_sent_away_with_403(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = fr_test_viewing(f, "cam"), *other = fr_test_viewing(f, "porch");

	fr_test_access(f, ROWS("any|*|porch"));
	fr_test_serve(f);

	assert_int_equal(v->closed, 1);
	assert_int_equal(v->refusal.code, 403);
	assert_int_equal(other->closed, 0);
}

static void a_stream_whose_publisher_lost_its_right_stays_known(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");

	fr_test_picture(p, 1);
	fr_test_pass(f, 20 * FR_TEST_SECOND_US);
	fr_test_access(f, ROWS("any|porch|*"));
	fr_test_serve(f);
	fr_test_publisher_close(p);
	fr_test_pass(f, 2 * FR_TEST_SECOND_US);

	assert_int_equal(fr_test_stream(f, "cam").state, FR_STREAM_OFFLINE);
	assert_in_range(
	    fr_test_stream(f, "cam").state_since_us, f->now_us - 2 * FR_TEST_SECOND_US, f->now_us);
}

static void a_new_row_does_not_take_the_place_of_a_stream_whose_row_stays(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p;

	f->limits.max_streams = 2;
	fr_test_streams(f, ROWS("b", "c"));
	p = fr_test_publishing(f, "c");
	fr_test_picture(p, 1);
	fr_test_publisher_close(p);

	fr_test_streams(f, ROWS("a", "c"));

	assert_int_not_equal(fr_test_stream(f, "c").newest_us, 0);
	assert_true(fr_test_has_stream(f, "a"));
	assert_false(fr_test_has_stream(f, "b"));
}

static void rows_beyond_max_streams_wait_until_there_is_room(void **state)
{
	struct fr_test_relay *f = *state;

	f->limits.max_streams = 1;
	fr_test_streams(f, ROWS("a", "b"));

	assert_true(fr_test_has_stream(f, "a"));
	assert_false(fr_test_has_stream(f, "b"));
}

static void a_configured_stream_is_offline_since_its_row_was_put_in_force(void **state)
{
	struct fr_test_relay *f = *state;

	fr_test_streams(f, ROWS("cam"));

	assert_int_equal(fr_test_stream(f, "cam").state, FR_STREAM_OFFLINE);
	assert_int_equal(fr_test_stream(f, "cam").state_since_us, f->now_us);
}

static void a_stream_whose_row_has_gone_is_forgotten(void **state)
{
	struct fr_test_relay *f = *state;

	fr_test_streams(f, ROWS("a", "b"));
	fr_test_streams(f, ROWS("b"));
	fr_test_pass(f, FR_TEST_SECOND_US);

	assert_false(fr_test_has_stream(f, "a"));
	assert_true(fr_test_has_stream(f, "b"));
}

#define TEST(name)                                                                                 \
	cmocka_unit_test_setup_teardown(name, fr_test_relay_setup, fr_test_relay_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_viewer_may_leave_in_its_own_turn),
	    TEST(a_viewer_may_send_its_neighbours_away_in_its_turn),
	    TEST(the_last_one_of_a_turn_may_go_while_the_one_before_it_has_its_turn),
	    TEST(a_publisher_may_leave_in_a_viewers_turn),
	    TEST(a_publisher_may_leave_in_its_own_turn),
	    TEST(two_who_make_each_other_ready_do_not_hold_the_loop_up),
	    TEST(who_comes_during_a_turn_is_served_in_the_next),
	    TEST(the_owner_is_woken_once_until_it_serves),
	    TEST(an_owner_that_comes_late_hears_that_somebody_is_ready),
	    TEST(the_owner_is_woken_when_something_becomes_due_earlier),
	    TEST(a_tick_with_nothing_to_do_wakes_nobody),
	    TEST(a_takeover_between_two_seconds_is_decided_in_time),
	    TEST(the_gauges_of_memory_follow_each_second),
	    TEST(a_publisher_whose_bytes_do_not_add_up_is_found),
	    TEST(a_viewer_whose_pictures_do_not_add_up_is_found),
	    TEST(the_relay_is_quiet_when_nothing_waits_and_nothing_is_under_way),
	    TEST(a_publisher_without_a_name_is_named_after_its_address),
	    TEST(a_long_template_is_cut_to_the_length_of_a_name),
	    TEST(a_row_that_lists_the_address_gives_the_name),
	    TEST(the_rules_in_force_can_be_asked),
	    TEST(a_publisher_that_may_no_longer_publish_is_sent_away_with_403),
	    TEST(a_viewer_that_may_no_longer_watch_is_sent_away_with_403),
	    TEST(a_stream_whose_publisher_lost_its_right_stays_known),
	    TEST(a_new_row_does_not_take_the_place_of_a_stream_whose_row_stays),
	    TEST(rows_beyond_max_streams_wait_until_there_is_room),
	    TEST(a_configured_stream_is_offline_since_its_row_was_put_in_force),
	    TEST(a_stream_whose_row_has_gone_is_forgotten),
	};

	return cmocka_run_group_tests_name("relay", tests, NULL, NULL);
}
