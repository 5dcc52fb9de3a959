/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/net/loop.h"
#include "tests/support/loop_runner.h"

struct thing {
	struct fr_deferred deferred;
	struct fr_orphan orphan;
	struct fr_loop *loop;
	int *log; /* what ran, in order; ends with 0 */
	int id;
	bool again;
};

static void note(struct thing *t)
{
	int *end = t->log;

	while (*end != 0)
		end++;
	*end = t->id;
}

static void run(struct fr_deferred *deferred)
{
	struct thing *t = (struct thing *)((char *)deferred - offsetof(struct thing, deferred));

	note(t);
	if (t->again)
		fr_loop_defer(t->loop, deferred, run);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct thing *t = arg;

	(void)fd;
	(void)what;
	note(t);
}

static void what_is_deferred_runs_after_the_callbacks_of_the_turn(void **state)
{
	int log[16] = {0};
	struct fr_loop *loop = fr_test_loop();
	struct thing first = {.log = log, .id = 1}, second = {.log = log, .id = 2};
	struct thing callback = {.log = log, .id = 3};
	struct event *ev = event_new(fr_loop_base(loop), -1, 0, on_event, &callback);

	(void)state;
	event_active(ev, EV_TIMEOUT, 0);
	fr_loop_defer(loop, &first.deferred, run);
	fr_loop_defer(loop, &second.deferred, run);
	assert_int_equal(log[0], 0); /* not from inside */
	fr_test_turn(loop, 1);

	assert_int_equal(log[0], 3);
	assert_int_equal(log[1], 1);
	assert_int_equal(log[2], 2);
	assert_int_equal(log[3], 0);
	event_free(ev);
	fr_loop_free(loop);
}

static void what_is_taken_back_does_not_run(void **state)
{
	int log[16] = {0};
	struct fr_loop *loop = fr_test_loop();
	struct thing first = {.log = log, .id = 1}, second = {.log = log, .id = 2};

	(void)state;
	fr_loop_defer(loop, &first.deferred, run);
	fr_loop_defer(loop, &second.deferred, run);
	fr_loop_undefer(loop, &first.deferred);
	assert_int_equal(fr_loop_turn(loop, true), 0); /* does not wait for events */

	assert_int_equal(log[0], 2);
	assert_int_equal(log[1], 0);
	fr_loop_free(loop);
}

static bool ran_five_times(void *arg)
{
	const int *log = arg;

	return log[4] != 0;
}

static void one_that_defers_itself_for_ever_does_not_hold_the_turn(void **state)
{
	int log[4096] = {0};
	struct fr_loop *loop = fr_test_loop();
	struct thing t = {.log = log, .id = 1, .loop = loop, .again = true};

	(void)state;
	fr_loop_defer(loop, &t.deferred, run);
	fr_test_turn(loop, 1); /* comes back at all */
	assert_int_equal(log[0], 1);
	assert_int_equal(log[1], 0);
	fr_test_until(loop, ran_five_times, log);

	t.again = false;
	fr_loop_free(loop);
}

static void close_orphan(struct fr_orphan *orphan)
{
	struct thing *t = (struct thing *)((char *)orphan - offsetof(struct thing, orphan));

	note(t);
	fr_loop_disown(t->loop, orphan);
	t->id++;
	fr_loop_defer(t->loop, &t->deferred, run);
}

static void close_other(struct fr_orphan *orphan)
{
	close_orphan(orphan);
}

static void the_loops_end_closes_orphans_and_runs_what_they_defer(void **state)
{
	int log[16] = {0};
	struct fr_loop *loop = fr_test_loop();
	struct thing a = {.log = log, .id = 1, .loop = loop},
	             b = {.log = log, .id = 3, .loop = loop};

	(void)state;
	fr_loop_adopt(loop, &a.orphan, close_orphan);
	fr_loop_adopt(loop, &b.orphan, close_other);
	assert_ptr_equal(fr_loop_next_orphan(loop, NULL, close_other), &b.orphan);
	assert_null(fr_loop_next_orphan(loop, &b.orphan, close_other));
	fr_loop_free(loop);

	assert_int_equal(log[0], 1);
	assert_int_equal(log[1], 3);
	assert_int_equal(log[2], 2);
	assert_int_equal(log[3], 4);
}

static void stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	fr_loop_stop(arg);
}

static void run_waits_without_events_until_stop(void **state)
{
	static const struct timeval soon = {.tv_usec = 20000};
	struct fr_loop *loop = fr_test_loop();
	struct event *ev = event_new(fr_loop_base(loop), -1, 0, stop, loop);

	(void)state;
	(void)event_add(ev, &soon);
	assert_int_equal(fr_loop_run(loop), 0);
	event_free(ev);
	fr_loop_free(loop);
	fr_loop_free(NULL);
}

static void the_end_leaves_no_descriptor(void **state)
{
	const unsigned before = fr_test_descriptors();
	size_t size;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct fr_loop *loop = fr_test_loop();

		assert_non_null(fr_loop_scratch(loop, &size));
		assert_true(size >= 64 * 1024);
		fr_loop_free(loop);
	}
	assert_int_equal(fr_test_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_deferred_runs_after_the_callbacks_of_the_turn),
	    cmocka_unit_test(what_is_taken_back_does_not_run),
	    cmocka_unit_test(one_that_defers_itself_for_ever_does_not_hold_the_turn),
	    cmocka_unit_test(the_loops_end_closes_orphans_and_runs_what_they_defer),
	    cmocka_unit_test(run_waits_without_events_until_stop),
	    cmocka_unit_test(the_end_leaves_no_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
