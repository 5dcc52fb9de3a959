/* SPDX-License-Identifier: MIT */
/* Names, numbers with units, the nearest word, and the string that grows. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/text.h"

static void a_name_is_letters_digits_dash_and_underscore_up_to_64(void **state)
{
	char name[FR_NAME_MAX + 2];
	(void)state;

	assert_true(fr_text_is_name("porch"));
	assert_true(fr_text_is_name("0"));
	assert_true(fr_text_is_name("Cam_1-b"));
	assert_false(fr_text_is_name(""));
	assert_false(fr_text_is_name("-cam"));
	assert_false(fr_text_is_name("_cam"));
	assert_false(fr_text_is_name("a.b"));
	assert_false(fr_text_is_name("a/b"));
	assert_false(fr_text_is_name("k\xc3\xbc"));
	memset(name, 'a', sizeof(name));
	name[FR_NAME_MAX] = '\0';
	assert_true(fr_text_is_name(name));
	name[FR_NAME_MAX] = 'a';
	name[FR_NAME_MAX + 1] = '\0';
	assert_false(fr_text_is_name(name));
}

static void any_text_becomes_a_name_by_replacing_and_cutting(void **state)
{
	char name[FR_NAME_MAX + 1];
	char longer[100];
	(void)state;

	fr_text_to_name(name, "cam-2001:db8::1 x_Y");
	assert_string_equal(name, "cam-2001-db8--1-x_Y");
	memset(longer, 'b', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	fr_text_to_name(name, longer);
	assert_int_equal(strlen(name), FR_NAME_MAX);
}

static void whole_numbers_are_digits_within_their_range(void **state)
{
	struct fr_cause why;
	int64_t n = 77;
	(void)state;

	assert_int_equal(fr_text_int("0", 0, 10, &n, &why), 0);
	assert_int_equal(n, 0);
	assert_int_equal(fr_text_int("-12", -20, 10, &n, &why), 0);
	assert_int_equal(n, -12);
	assert_int_equal(fr_text_int("9223372036854775807", 0, INT64_MAX, &n, &why), 0);
	assert_true(n == INT64_MAX);
	assert_int_equal(fr_text_int("11", 0, 10, &n, &why), -EINVAL);
	assert_string_equal(why.text, "11 is not in 0..10");
	assert_int_equal(fr_text_int("99999999999999999999", 0, 10, &n, &why), -EINVAL);
	assert_int_equal(fr_text_int("-1", 0, 10, &n, &why), -EINVAL);
	assert_string_equal(why.text, "\"-1\" is not a whole number");
	assert_int_equal(fr_text_int("", 0, 10, &n, NULL), -EINVAL);
	assert_int_equal(fr_text_int("1x", 0, 10, &n, NULL), -EINVAL);
	assert_int_equal(fr_text_int(" 1", 0, 10, &n, NULL), -EINVAL);
	assert_int_equal(fr_text_int("1.0", 0, 10, &n, NULL), -EINVAL);
	assert_true(n == INT64_MAX); /* untouched by what failed */
}

static void fractions_become_thousandths_rounded_down(void **state)
{
	struct fr_cause why;
	int64_t n;
	(void)state;

	assert_int_equal(fr_text_milli("0.2", 0, 100000, &n, &why), 0);
	assert_int_equal(n, 200);
	assert_int_equal(fr_text_milli("30", 0, 100000, &n, &why), 0);
	assert_int_equal(n, 30000);
	assert_int_equal(fr_text_milli("29.9709", 0, 100000, &n, &why), 0);
	assert_int_equal(n, 29970);
	assert_int_equal(fr_text_milli("0", 1, 100000, &n, &why), -EINVAL);
	assert_string_equal(why.text, "0 is not in 0.001..100");
	assert_int_equal(fr_text_milli("9300000000000000000", 0, 5, &n, NULL), -EINVAL);
	assert_int_equal(fr_text_milli("9223372036854775.900", 0, 5, &n, NULL), -EINVAL);
	assert_int_equal(fr_text_milli("1.", 0, 100000, &n, NULL), -EINVAL);
	assert_int_equal(fr_text_milli(".5", 0, 100000, &n, NULL), -EINVAL);
	assert_int_equal(fr_text_milli("1.5x", 0, 100000, &n, NULL), -EINVAL);
	assert_int_equal(fr_text_milli("1,5", 0, 100000, &n, NULL), -EINVAL);
	assert_int_equal(fr_text_milli("-1", 0, 100000, &n, NULL), -EINVAL);
}

static void sizes_take_units_of_1000_and_of_1024(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = {{"8388608", 8388608}, {"8 MiB", 8388608}, {"64KiB", 65536},
	    {"1 GB", 1000000000}, {"2GiB", INT64_C(2) << 30}, {"3 kB", 3000}, {"4 MB", 4000000},
	    {"5 B", 5}, {"0", 0}};
	static const char *const bad[] = {
	    "", "MiB", "8 mib", "8  MiB", "8 ", "8 MiB ", "1.5 MiB", "-1", "8 X"};
	struct fr_cause why;
	int64_t n;
	(void)state;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(fr_text_size(good[i].text, 0, INT64_MAX, &n, &why), 0);
		assert_true(n == good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(fr_text_size(bad[i], 0, INT64_MAX, &n, &why), -EINVAL);
	assert_int_equal(fr_text_size("1 KiB", 0, 1023, &n, &why), -EINVAL);
	assert_string_equal(why.text, "1 KiB is not in 0..1023 bytes");
	assert_int_equal(fr_text_size("1", 2, 3, &n, &why), -EINVAL);
	assert_int_equal(fr_text_size("9223372036854775807 GiB", 0, 1023, &n, &why), -EINVAL);
}

static void pixels_are_two_numbers_with_an_x(void **state)
{
	static const char *const bad[] = {"", "640", "640x", "x480", "640x480x", "640*480", "0x480",
	    "640x0", "65536x1", "1x65536", "640X480"};
	struct fr_cause why;
	unsigned w = 1, h = 2;
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(fr_text_pixels(bad[i], &w, &h, &why), -EINVAL);
	assert_int_equal(w, 1);
	assert_int_equal(fr_text_pixels("65535x480", &w, &h, &why), 0);
	assert_int_equal(w, 65535);
	assert_int_equal(h, 480);
}

static void the_nearest_word_is_near_or_none(void **state)
{
	static const char *const words[] = {"listen", "max_frame_bytes", "max_pixels", "role",
	    "a_word_that_is_much_longer_than_any_that_anybody_would_write_in_a_file", NULL};
	(void)state;

	assert_string_equal(fr_text_nearest("listne", words), "listen");
	assert_string_equal(fr_text_nearest("roll", words), "role");
	assert_string_equal(fr_text_nearest("max_frame", words), "max_frame_bytes"); /* begins so */
	assert_string_equal(fr_text_nearest("listen", words), "listen");
	assert_null(fr_text_nearest("colour", words));
	assert_null(fr_text_nearest("", words));
	assert_null(fr_text_nearest(words[4], words)); /* too long to be compared */
}

static void text_grows_and_can_be_used_again(void **state)
{
	struct fr_text t = {0};
	(void)state;

	for (int i = 0; i < 1000; i++)
		fr_text_add(&t, "%03d,", i);
	assert_int_equal(t.length, 4000);
	assert_int_equal(strlen(t.text), 4000);
	assert_memory_equal(t.text, "000,001,", 8);
	assert_string_equal(t.text + 3992, "998,999,");
	fr_text_done(&t);
	assert_null(t.text);
	fr_text_add(&t, "again");
	assert_string_equal(t.text, "again");
	fr_text_done(&t);
	fr_text_done(&t);
}

static void an_encoding_error_adds_nothing(void **state)
{
	static const wchar_t no_character[] = {0x7fffffff, 0};
	struct fr_text t = {0};
	(void)state;

	fr_text_add(&t, "%ls", no_character);
	assert_int_equal(t.length, 0);
	fr_text_done(&t);
}

static void bytes_of_any_kind_can_be_put(void **state)
{
	struct fr_text t = {0};
	char many[1000] = {0};
	(void)state;

	fr_text_put(&t, NULL, 0);
	assert_string_equal(t.text, "");
	fr_text_put(&t, "ab\0c", 4);
	fr_text_put(&t, many, sizeof(many));
	fr_text_add(&t, "end");
	assert_int_equal(t.length, 1007);
	assert_memory_equal(t.text, "ab\0c", 4);
	assert_string_equal(t.text + 1004, "end");
	fr_text_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_name_is_letters_digits_dash_and_underscore_up_to_64),
	    cmocka_unit_test(any_text_becomes_a_name_by_replacing_and_cutting),
	    cmocka_unit_test(whole_numbers_are_digits_within_their_range),
	    cmocka_unit_test(fractions_become_thousandths_rounded_down),
	    cmocka_unit_test(sizes_take_units_of_1000_and_of_1024),
	    cmocka_unit_test(pixels_are_two_numbers_with_an_x),
	    cmocka_unit_test(the_nearest_word_is_near_or_none),
	    cmocka_unit_test(text_grows_and_can_be_used_again),
	    cmocka_unit_test(an_encoding_error_adds_nothing),
	    cmocka_unit_test(bytes_of_any_kind_can_be_put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
