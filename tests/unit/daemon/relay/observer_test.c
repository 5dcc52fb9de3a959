/* SPDX-License-Identifier: MIT */
/* Observers: what they are told of streams, in which words, and that nothing piles up for those who look seldom. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "daemon/relay/inside.h" /* how many forgotten streams are remembered */
#include "tests/support/relay_fixture.h"

/* An observer that writes down what it is told: "cam[new,state]=live gone[] *" */
struct witness {
	struct fr_test_relay *f;
	struct fr_observer *observer;
	struct fr_refusal refusal;
	struct fr_text told;
	unsigned readies, closed;
	bool looks;                 /* when it is told; else look() does */
	struct witness *sends_away; /* in its turn, this one leaves */
};

static void write_down(void *arg, const struct fr_stream_change *change)
{
	struct witness *w = arg;
	const char *comma = "";

	fr_text_add(&w->told, "%s%s", w->told.length != 0 ? " " : "",
	    change->name != NULL ? change->name : "*");
	if (change->name == NULL)
		return;
	fr_text_add(&w->told, "[");
	for (unsigned i = 0; i < FR_CHANGE_COUNT; i++)
		if ((change->what & 1U << i) != 0) {
			fr_text_add(&w->told, "%s%s", comma, fr_change_name(i));
			comma = ",";
		}
	fr_text_add(&w->told, "]");
	if (change->info != NULL)
		fr_text_add(&w->told, "=%s", fr_stream_state_name(change->info->state));
}

static void look(struct witness *w)
{
	fr_observer_take(w->observer, w->f->now_us, write_down, w);
}

static void leave(struct witness *w)
{
	fr_observer_free(w->observer);
	w->observer = NULL;
}

static void on_ready(void *arg)
{
	struct witness *w = arg;

	w->readies++;
	if (w->looks)
		look(w);
	if (w->sends_away != NULL)
		leave(w->sends_away);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	struct witness *w = arg;

	w->closed++;
	w->refusal = *refusal;
}

static int come_from(
    struct witness *w, struct fr_test_relay *f, const char *addr, const char *stream)
{
	static const struct fr_observer_ops ops = {.on_ready = on_ready, .on_closed = on_closed};
	struct fr_observe_spec spec = {.door = "test", .who = {.addr = fr_test_addr(addr)}};

	memcpy(spec.stream, stream, strlen(stream) + 1);
	w->f = f;
	w->looks = true;
	return fr_relay_observe(f->relay, &spec, &ops, w, &w->observer, &w->refusal);
}

static void come(struct witness *w, struct fr_test_relay *f, const char *stream)
{
	assert_int_equal(come_from(w, f, "192.168.0.2", stream), 0);
	fr_test_serve(f);
}

/* Fails unless exactly this was told, and forgets it. */
static void told(struct witness *w, const char *words)
{
	fr_test_serve(w->f);
	assert_string_equal(w->told.text != NULL ? w->told.text : "", words);
	fr_text_done(&w->told);
}

static void go(struct witness *w)
{
	leave(w);
	fr_text_done(&w->told);
}

static void who_comes_is_told_to_look_and_then_of_changes(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct witness w = {0};

	come(&w, f, "");
	told(&w, "*");
	told(&w, "");
	(void)fr_test_publishing(f, "porch");
	told(&w, "porch[new,state,publisher]=live");
	fr_test_picture(p, 1);
	told(&w, "");
	go(&w);
}

static void each_state_is_told_when_it_comes(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct witness w = {0};

	fr_test_picture(p, 1);
	come(&w, f, "");
	told(&w, "*");
	fr_test_pass(f, f->limits.stale_after_ms * 1000 + FR_TEST_SECOND_US);
	told(&w, "cam[state]=stale");
	fr_test_picture(p, 2);
	told(&w, "cam[state]=live");
	fr_test_publisher_close(p);
	told(&w, "cam[publisher]=live"); /* its picture is fresh for a while: three of its times */
	fr_test_pass(f, 4 * (f->limits.stale_after_ms * 1000 + FR_TEST_SECOND_US));
	told(&w, "cam[state]=offline");
	fr_test_pass(f, f->limits.forget_after_ms * 1000 + FR_TEST_SECOND_US);
	told(&w, "cam[]");
	go(&w);
}

static void a_source_on_demand_sleeps_and_wakes(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publisher(f, "cam");
	struct fr_test_viewer *v;
	struct witness w = {0};

	p->spec.on_demand = true;
	come(&w, f, "");
	told(&w, "*");
	assert_int_equal(fr_test_publisher_open(p), 0);
	told(&w, "cam[new,state,publisher]=asleep");
	v = fr_test_viewing(f, "cam");
	told(&w, "cam[state,viewers]=live");
	fr_test_viewer_close(v);
	told(&w, "cam[state,viewers]=asleep");
	go(&w);
}

static void the_first_and_the_last_viewer_are_told_no_other(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *a, *b;
	struct witness w = {0};

	(void)fr_test_publishing(f, "cam");
	come(&w, f, "");
	told(&w, "*");
	a = fr_test_viewing(f, "cam");
	told(&w, "cam[viewers]=live");
	b = fr_test_viewing(f, "cam");
	told(&w, "");
	fr_test_viewer_close(a);
	told(&w, "");
	fr_test_viewer_close(b);
	told(&w, "cam[viewers]=live");
	go(&w);
}

static void a_change_of_the_configuration_is_told_of_all(void **state)
{
	struct fr_test_relay *f = *state;
	struct witness w = {0};

	(void)fr_test_publishing(f, "cam");
	come(&w, f, "");
	told(&w, "*");
	fr_test_streams(f, (const char *const[]){"porch"}, 1);
	told(&w, "cam[config]=live porch[new]=offline");
	fr_test_streams(f, NULL, 0);
	told(&w, "cam[config]=live porch[config]=offline");
	go(&w);
}

static void who_looks_seldom_is_told_the_newest_of_each_once(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publisher(f, "cam");
	struct fr_test_viewer *v = fr_test_viewer(f, "porch");
	struct witness w = {0};

	come(&w, f, "");
	told(&w, "*");
	w.looks = false;
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(fr_test_publisher_open(p), 0);
		assert_int_equal(fr_test_viewer_open(v), 0);
		fr_test_publisher_close(p);
		fr_test_viewer_close(v);
		fr_test_serve(f);
	}
	(void)fr_test_publishing(f, "porch");
	(void)fr_test_publishing(f, "cam");
	fr_test_serve(f);
	look(&w);
	/* That many were forgotten that not all are remembered. */
	told(&w, "*");

	fr_test_publisher_close(fr_test_publishing(f, "yard"));
	fr_test_viewer_close(fr_test_viewing(f, "cam"));
	(void)fr_test_publishing(f, "yard");
	fr_test_serve(f);
	look(&w);
	told(&w, "yard[] cam[viewers]=live yard[new,state,publisher]=live");
	go(&w);
}

static void as_many_are_remembered_as_there_is_room_for(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = fr_test_viewer(f, "");
	struct witness w = {0};

	come(&w, f, "");
	told(&w, "*");
	w.looks = false;
	for (unsigned i = 0; i < FORGOTTEN_MAX; i++) {
		(void)snprintf(v->spec.stream, sizeof(v->spec.stream), "cam%u", i);
		assert_int_equal(fr_test_viewer_open(v), 0);
		fr_test_viewer_close(v);
	}
	fr_test_serve(f);
	look(&w);
	assert_non_null(strstr(w.told.text, "cam0[] cam1[] "));
	assert_non_null(strstr(w.told.text, " cam63[]"));
	fr_text_done(&w.told);
	for (unsigned i = 0; i < FORGOTTEN_MAX + 1; i++) {
		assert_int_equal(fr_test_viewer_open(v), 0);
		fr_test_viewer_close(v);
	}
	look(&w);
	told(&w, "*");
	go(&w);
}

static void an_observer_of_one_stream_hears_of_that_alone(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p;
	struct witness w = {0};

	come(&w, f, "cam");
	told(&w, ""); /* it is not known yet */
	(void)fr_test_publishing(f, "porch");
	told(&w, "");
	assert_int_equal(w.readies, 1); /* when it came */
	p = fr_test_publishing(f, "cam");
	told(&w, "cam[new,state,publisher]=live");
	look(&w);
	told(&w, "");
	fr_test_publisher_close(p);
	told(&w, "cam[]");
	look(&w);
	told(&w, "");
	go(&w);
}

static void an_observer_of_one_stream_is_told_what_it_is(void **state)
{
	struct fr_test_relay *f = *state;
	struct witness w = {0};

	(void)fr_test_publishing(f, "cam");
	come(&w, f, "cam");
	told(&w, "cam[new,state,publisher]=live");
	go(&w);
}

static void who_may_not_is_refused(void **state)
{
	struct fr_test_relay *f = *state;
	struct witness w = {0};

	assert_int_equal(come_from(&w, f, "8.8.8.8", ""), -EACCES);
	assert_int_equal(w.refusal.code, 403);
	assert_int_equal(come_from(&w, f, "8.8.8.8", "cam"), -EACCES);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_access_denied), 2);
	assert_int_equal(fr_stat_value(FR_STAT_observers), 0);
}

static void who_may_no_longer_is_sent_away_once(void **state)
{
	struct fr_test_relay *f = *state;
	struct witness all = {0}, cam = {0};

	come(&all, f, "");
	come(&cam, f, "cam");
	assert_int_equal(fr_stat_value(FR_STAT_observers), 2);
	fr_test_access(f, (const char *const[]){"192.168.0.0/16|*|cam"}, 1); /* no `observe` */
	fr_test_access(f, (const char *const[]){"192.168.0.0/16|*|cam"}, 1);
	fr_test_serve(f);
	assert_int_equal(all.closed, 1);
	assert_int_equal(all.refusal.code, 403);
	assert_int_equal(cam.closed, 0);
	fr_test_access(f, (const char *const[]){"192.168.0.0/16|*|porch"}, 1);
	fr_test_serve(f);
	assert_int_equal(all.closed, 1);
	assert_int_equal(cam.closed, 1);
	go(&all);
	go(&cam);
	fr_observer_free(NULL);
	assert_int_equal(fr_stat_value(FR_STAT_observers), 0);
}

static void who_leaves_before_its_turn_has_none(void **state)
{
	struct fr_test_relay *f = *state;
	struct witness a = {0}, b = {.sends_away = &a};

	assert_int_equal(come_from(&b, f, "192.168.0.2", ""), 0);
	assert_int_equal(come_from(&a, f, "192.168.0.2", ""), 0);
	fr_test_serve(f);
	assert_int_equal(a.readies, 0);
	assert_null(a.observer);
	go(&b);
}

static int64_t cpu_us(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

/* @return what 2,000 changes of `cam` cost at their cheapest */
static int64_t cost_of_changes(const struct fr_test_relay *f)
{
	struct fr_stream *stream = fr_stream_find(f->relay, "cam");
	int64_t least = INT64_MAX;

	for (unsigned turn = 0; turn < 5; turn++) {
		const int64_t before = cpu_us();

		for (unsigned i = 0; i < 2000; i++)
			fr_stream_changed(stream, FR_CHANGE_STATE);
		if (cpu_us() - before < least)
			least = cpu_us() - before;
	}
	return least;
}

static void observers_of_other_streams_cost_a_change_nothing(void **state)
{
	enum {
		OTHERS = 5000,
		MOST = 10, /* times as much; a walk over them all is some hundred times */
	};
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct witness *others = calloc(OTHERS, sizeof(*others)), cam = {0};
	int64_t alone_us;

	come(&cam, f, "cam");
	alone_us = cost_of_changes(f);
	for (unsigned i = 0; i < OTHERS; i++)
		assert_int_equal(
		    come_from(&others[i], f, "192.168.0.2", i % 2 != 0 ? "porch" : "yard"), 0);
	fr_test_serve(f);
	assert_in_range(cost_of_changes(f), 0, (uint64_t)(MOST * (alone_us + 100)));
	fr_test_serve(f);
	assert_int_equal(others[0].readies, 1);
	assert_true(cam.readies > 1);
	for (unsigned i = 0; i < OTHERS; i++)
		go(&others[i]);
	go(&cam);
	free(others);
	fr_test_publisher_close(p);
}

#define TEST(name)                                                                                 \
	cmocka_unit_test_setup_teardown(name, fr_test_relay_setup, fr_test_relay_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(who_comes_is_told_to_look_and_then_of_changes),
	    TEST(each_state_is_told_when_it_comes),
	    TEST(a_source_on_demand_sleeps_and_wakes),
	    TEST(the_first_and_the_last_viewer_are_told_no_other),
	    TEST(a_change_of_the_configuration_is_told_of_all),
	    TEST(who_looks_seldom_is_told_the_newest_of_each_once),
	    TEST(as_many_are_remembered_as_there_is_room_for),
	    TEST(an_observer_of_one_stream_hears_of_that_alone),
	    TEST(an_observer_of_one_stream_is_told_what_it_is),
	    TEST(who_may_not_is_refused),
	    TEST(who_may_no_longer_is_sent_away_once),
	    TEST(who_leaves_before_its_turn_has_none),
	    TEST(observers_of_other_streams_cost_a_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
