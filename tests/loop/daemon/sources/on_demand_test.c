/* SPDX-License-Identifier: MIT */
/* When a source runs: with viewers, for a while after the last one, always, and not beside another publisher. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "daemon/sources/on_demand.h"
#include "daemon/sources/source.h"
#include "tests/support/loop_runner.h"
#include "tests/support/test_bed.h"

struct told {
	unsigned starts, stops;
};

static void on_start(void *arg)
{
	((struct told *)arg)->starts++;
}

static void on_stop(void *arg)
{
	((struct told *)arg)->stops++;
}

static bool is_started(void *arg)
{
	return ((struct told *)arg)->starts > ((struct told *)arg)->stops;
}

static bool is_stopped(void *arg)
{
	return ((struct told *)arg)->starts == ((struct told *)arg)->stops;
}

static struct fr_on_demand *open_one(struct fr_bed *f, struct told *told, bool always)
{
	static const struct fr_on_demand_ops ops = {on_start, on_stop};
	const struct fr_source_env env = {f->loop, f->near.relay, &f->limits, NULL, NULL};
	const struct fr_on_demand_spec spec = {.kind = "test", .stream = "cam", .always = always};
	struct fr_on_demand *od;
	struct fr_cause why;

	assert_int_equal(fr_on_demand_new(&env, &spec, &ops, told, &od, &why), 0);
	return od;
}

static void it_starts_with_the_first_viewer_and_stops_after_the_last(void **state)
{
	struct fr_bed *f = *state;
	struct told told = {0};
	struct fr_on_demand *od = open_one(f, &told, false);

	fr_test_turn(f->loop, 10);
	assert_int_equal(told.starts, 0);
	assert_false(fr_on_demand_is_running(od));
	assert_true(fr_side_is_asleep(&f->near));

	fr_side_watch(&f->near);
	fr_test_until(f->loop, is_started, &told);
	fr_side_unwatch(&f->near);
	fr_test_turn(f->loop, 10);
	assert_true(fr_on_demand_is_running(od)); /* it lingers */
	fr_test_until(f->loop, is_stopped, &told);
	assert_int_equal(told.starts, 1);
	fr_on_demand_free(od);
}

static void a_viewer_that_comes_back_in_time_is_not_noticed(void **state)
{
	struct fr_bed *f = *state;
	struct told told = {0};
	struct fr_on_demand *od;

	f->limits.demand_linger_ms = 60000;
	od = open_one(f, &told, false);
	fr_side_watch(&f->near);
	fr_test_until(f->loop, is_started, &told);
	fr_side_unwatch(&f->near);
	fr_test_turn(f->loop, 10);
	fr_side_watch(&f->near);
	fr_test_turn(f->loop, 10);

	assert_int_equal(told.starts, 1);
	assert_int_equal(told.stops, 0);
	fr_on_demand_free(od);
}

static void one_that_always_runs_needs_no_viewer(void **state)
{
	struct fr_bed *f = *state;
	struct told told = {0};
	struct fr_on_demand *od = open_one(f, &told, true);

	assert_int_equal(told.starts, 0); /* not from inside its making */
	fr_test_until(f->loop, is_started, &told);
	fr_side_watch(&f->near);
	fr_test_turn(f->loop, 10);
	fr_side_unwatch(&f->near);
	fr_test_turn(f->loop, 10);

	assert_int_equal(told.starts, 1);
	assert_int_equal(told.stops, 0);
	fr_on_demand_free(od);
}

static void it_waits_until_another_publisher_has_left(void **state)
{
	struct fr_bed *f = *state;
	struct told told = {0};
	struct fr_on_demand *od;

	fr_side_publish(&f->near);
	od = open_one(f, &told, true);
	fr_test_turn(f->loop, 10);
	assert_null(fr_on_demand_ingest(od));
	assert_int_equal(told.starts, 0);

	fr_side_unpublish(&f->near);
	fr_test_until(f->loop, is_started, &told);
	assert_non_null(fr_on_demand_ingest(od));
	fr_on_demand_free(od);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
	        it_starts_with_the_first_viewer_and_stops_after_the_last, fr_bed_setup,
	        fr_bed_teardown),
	    cmocka_unit_test_setup_teardown(
	        a_viewer_that_comes_back_in_time_is_not_noticed, fr_bed_setup, fr_bed_teardown),
	    cmocka_unit_test_setup_teardown(
	        one_that_always_runs_needs_no_viewer, fr_bed_setup, fr_bed_teardown),
	    cmocka_unit_test_setup_teardown(
	        it_waits_until_another_publisher_has_left, fr_bed_setup, fr_bed_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
