/* SPDX-License-Identifier: MIT */
/* Which stream is meant by those who name none or a number; and the picture that comes next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/xalloc.h"
#include "tests/support/relay_fixture.h"

static void assert_default(const struct fr_test_relay *f, const char *name)
{
	char found[FR_NAME_MAX + 1] = "";

	assert_int_equal(fr_relay_default_stream(f->relay, found), name != NULL);
	if (name != NULL)
		assert_string_equal(found, name);
}

static void assert_number(const struct fr_test_relay *f, int64_t number, const char *name)
{
	char found[FR_NAME_MAX + 1] = "";

	assert_int_equal(fr_relay_numbered_stream(f->relay, number, found), name != NULL);
	if (name != NULL)
		assert_string_equal(found, name);
}

static void the_default_is_the_first_that_was_ever_live(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *b, *a;

	assert_default(f, NULL);
	a = fr_test_publishing(f, "a");
	b = fr_test_publishing(f, "b");
	assert_default(f, "a"); /* none was live: the first that can be */
	fr_test_picture(b, 1);
	assert_default(f, "b");
	fr_test_picture(a, 1);
	assert_default(f, "b");
	fr_test_publisher_close(b);
	fr_test_pass(f, 60 * (int64_t)FR_TEST_SECOND_US);
	assert_default(f, "b"); /* offline, and still the one */
}

static void the_default_may_be_said(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *a = fr_test_publishing(f, "a");

	fr_test_picture(a, 1);
	fr_relay_set_default_stream(f->relay, "porch");
	assert_default(f, "porch");
	fr_relay_set_default_stream(f->relay, "");
	assert_default(f, "a");
}

static void streams_are_counted_as_they_appeared(void **state)
{
	struct fr_test_relay *f = *state;

	assert_number(f, 1, NULL);
	(void)fr_test_publishing(f, "z");
	(void)fr_test_publishing(f, "a");
	assert_number(f, 1, "z");
	assert_number(f, 2, "a");
	assert_number(f, 0, NULL);
	assert_number(f, 3, NULL);
	assert_number(f, INT64_MAX, NULL);
}

static void a_number_of_the_configuration_holds(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_stream_config *row = fr_xcalloc(1, sizeof(*row));

	(void)fr_test_publishing(f, "a");
	(void)fr_test_publishing(f, "b");
	memcpy(row->name, "b", 2);
	row->title = fr_xstrdup("");
	row->number = 7;
	row->stale_after_ms = -1;
	fr_relay_set_streams(f->relay, row, 1, f->now_us);

	assert_number(f, 7, "b");
	assert_number(f, 1, "a");
	assert_number(f, 2, NULL);
}

static void who_wants_the_next_picture_does_not_get_the_one_that_is_there(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *next = fr_test_viewer(f, "cam"), *any = fr_test_viewer(f, "cam");

	fr_test_picture(p, 1);
	next->spec.only_next = true;
	assert_int_equal(fr_test_viewer_open(next), 0);
	assert_int_equal(fr_test_viewer_open(any), 0);
	fr_test_serve(f);
	fr_test_got_nothing(next);
	fr_test_got(any, 1);
	fr_test_picture(p, 2);
	fr_test_serve(f);
	fr_test_got(next, 2);
	fr_test_got(any, 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fr_test_relay_setup, fr_test_relay_teardown)
	const struct CMUnitTest tests[] = {
	    T(the_default_is_the_first_that_was_ever_live),
	    T(the_default_may_be_said),
	    T(streams_are_counted_as_they_appeared),
	    T(a_number_of_the_configuration_holds),
	    T(who_wants_the_next_picture_does_not_get_the_one_that_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
