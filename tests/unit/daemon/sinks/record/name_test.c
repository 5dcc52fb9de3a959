/* SPDX-License-Identifier: MIT */
/* What recorded files are called, and which files are a recording's own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "daemon/sinks/record/name.h"

enum {
	NUMBER = 1234,
};

static const int64_t time_us = INT64_C(1795250411123456); /* 2026-11-21 08:40:11 UTC */

static enum fr_name_kind kind_of(const char *pattern)
{
	enum fr_name_kind kind;
	struct fr_cause why;

	if (fr_name_check(pattern, &kind, &why) < 0)
		fail_msg("%s", why.text);
	return kind;
}

static void the_pattern_says_what_is_written(void **state)
{
	assert_int_equal(kind_of(""), FR_NAME_NONE);
	assert_int_equal(kind_of("-"), FR_NAME_OUTPUT);
	assert_int_equal(kind_of("now.jpg"), FR_NAME_NEWEST);
	assert_int_equal(kind_of("100%%.jpg"), FR_NAME_NEWEST);
	assert_int_equal(kind_of("%n.jpg"), FR_NAME_EACH);
	assert_int_equal(kind_of("%Y%m%d/%H%M%S.jpg"), FR_NAME_EACH);
	assert_int_equal(kind_of("a.mjpeg"), FR_NAME_MJPEG);
	assert_int_equal(kind_of("%F.mjpeg"), FR_NAME_MJPEG);
	(void)state;
}

static void what_is_no_pattern_is_refused_and_named(void **state)
{
	static const char *const bad[][2] = {
	    {"../x.jpg", ".."},
	    {"a/../x.jpg", ".."},
	    {"a/..", ".."},
	    {"%D.jpg", "%D"},
	    {"%x", "%x"},
	    {"%c", "%c"},
	    {"a%", "%"},
	    {"%6n.jpg", "%6"},
	    {"%099n.jpg", "%0"},
	    {"pictures/", "folder"},
	};
	enum fr_name_kind kind;
	struct fr_cause why;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fr_name_check(bad[i][0], &kind, &why), -EINVAL);
		if (strstr(why.text, bad[i][1]) == NULL)
			fail_msg("%s: %s", bad[i][0], why.text);
	}
	(void)state;
}

static void a_name_is_made_of_the_number_and_the_local_time(void **state)
{
	static const char *const names[][2] = {
	    {"pic-%06n.jpg", "pic-001234.jpg"},
	    {"%n", "1234"},
	    {"%02n%%.jpg", "1234%.jpg"},
	    {"/v/%Y%m%d/%H%M%S.jpg", "/v/20261121/084011.jpg"},
	    {"%F_%T_%j", "2026-11-21_08:40:11_325"},
	    {"%s.jpg", "1795250411.jpg"},
	};
	char path[FR_NAME_PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(fr_name_make(names[i][0], NUMBER, time_us, path), 0);
		assert_string_equal(path, names[i][1]);
		assert_true(fr_name_matches(names[i][0], path));
	}
	(void)state;
}

static void a_time_that_no_calendar_knows_makes_a_name_all_the_same(void **state)
{
	char path[FR_NAME_PATH_MAX];

	assert_int_equal(fr_name_make("%Y/%n.jpg", 1, INT64_MAX, path), 0);
	assert_int_equal(fr_name_make("%Y/%n.jpg", 1, INT64_MIN, path), 0);
	assert_null(strstr(path, ".."));
	(void)state;
}

static void a_copy_has_its_number_in_front_of_the_ending(void **state)
{
	char path[FR_NAME_PATH_MAX], long_path[FR_NAME_PATH_MAX];

	assert_int_equal(fr_name_copy("a/b.jpg", 1, path), 0);
	assert_string_equal(path, "a/b.jpg");
	assert_int_equal(fr_name_copy("a/b.jpg", 2, path), 0);
	assert_string_equal(path, "a/b-2.jpg");
	assert_int_equal(fr_name_copy("a.b/c", 30, path), 0);
	assert_string_equal(path, "a.b/c-30");
	assert_int_equal(fr_name_copy(".hidden", 2, path), 0);
	assert_string_equal(path, ".hidden-2");
	memset(long_path, 'a', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(fr_name_copy(long_path, 2, path), -ENAMETOOLONG);
	(void)state;
}

static void only_what_the_pattern_could_have_made_is_a_recordings_own(void **state)
{
	static const char *const own[][2] = {
	    {"%H%M%S.jpg", "120304-2.jpg"},
	    {"%H%M%S.jpg", "120304-17.jpg"},
	    {"p%Y/%06n.jpg", "p2026/1234567.jpg"},
	    {"%n1.jpg", "51.jpg"},
	    {"%b%d.jpg", "Nov21.jpg"},
	};
	static const char *const foreign[][2] = {
	    {"%Y.jpg", "holiday.jpg"},
	    {"%Y.jpg", "20261.jpg"},
	    {"%H%M%S.jpg", "120304-0.jpg"},
	    {"%H%M%S.jpg", "120304-copy.jpg"},
	    {"%06n.jpg", "1234.jpg"},
	    {"%06n.jpg", "001234.jpeg"},
	    {"%n1.jpg", "1.jpg"},
	    {"%b/%d.jpg", "a/b/21.jpg"},
	    {"%n.jpg", ".jpg"},
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (!fr_name_matches(own[i][0], own[i][1]))
			fail_msg("%s does not know %s", own[i][0], own[i][1]);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (fr_name_matches(foreign[i][0], foreign[i][1]))
			fail_msg("%s takes %s for its own", foreign[i][0], foreign[i][1]);
	(void)state;
}

static void the_glob_finds_copies_too_and_takes_nothing_by_its_letters(void **state)
{
	char wanted[FR_NAME_PATH_MAX];

	assert_int_equal(fr_name_glob("/v/%Y/%n.jpg", wanted), 0);
	assert_string_equal(wanted, "/v/*/**.jpg");
	assert_int_equal(fr_name_glob("a[1]?/%n", wanted), 0);
	assert_string_equal(wanted, "a\\[1]\\?/**");
	(void)state;
}

static void the_fixed_part_ends_before_the_first_percent(void **state)
{
	assert_int_equal(fr_name_fixed("/v/a/%Y/b.jpg"), 5);
	assert_int_equal(fr_name_fixed("/v/a%Y/b.jpg"), 3);
	assert_int_equal(fr_name_fixed("b.jpg"), 0);
	assert_int_equal(fr_name_fixed("a/b.jpg"), 2);
	(void)state;
}

static int in_utc(void **state)
{
	(void)state;
	(void)setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_pattern_says_what_is_written),
	    cmocka_unit_test(what_is_no_pattern_is_refused_and_named),
	    cmocka_unit_test(a_name_is_made_of_the_number_and_the_local_time),
	    cmocka_unit_test(a_time_that_no_calendar_knows_makes_a_name_all_the_same),
	    cmocka_unit_test(a_copy_has_its_number_in_front_of_the_ending),
	    cmocka_unit_test(only_what_the_pattern_could_have_made_is_a_recordings_own),
	    cmocka_unit_test(the_glob_finds_copies_too_and_takes_nothing_by_its_letters),
	    cmocka_unit_test(the_fixed_part_ends_before_the_first_percent),
	};

	return cmocka_run_group_tests(tests, in_utc, NULL);
}
