/* SPDX-License-Identifier: MIT */
/* Values against a table: defaults, ranges, kinds, lists, printing and documents. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/options.h"
#include "common/base/options_text.h"
#include "common/base/text.h"

static const struct fr_option_spec specs[] = {
    {.name = "loop", .type = FR_OPTION_BOOL, .def = "true", .help = "again"},
    {.name = "queue",
        .type = FR_OPTION_UINT,
        .zero_is_off = true,
        .unit = "frames",
        .min = 2,
        .max = 64,
        .def = "4",
        .help = "how many"},
    {.name = "fps",
        .type = FR_OPTION_MILLI,
        .unit = "1/s",
        .min = 100,
        .max = 240000,
        .def = "0.5",
        .help = "how fast"},
    {.name = "bytes",
        .type = FR_OPTION_SIZE,
        .unit = "bytes",
        .min = 1024,
        .max = 10737418240,
        .def = "8 MiB",
        .help = "how large"},
    {.name = "title", .type = FR_OPTION_STRING, .def = "a", .help = "what for"},
    {.name = "stream", .type = FR_OPTION_NAME, .required = true, .def = "cam", .help = "which"},
    {.name = "listen", .type = FR_OPTION_LISTEN, .def = "[::]:8000", .help = "where"},
    {.name = "address", .type = FR_OPTION_HOST, .def = "", .help = "where to"},
    {.name = "size", .type = FR_OPTION_PIXELS, .def = "640x480", .help = "how wide"},
    {.name = "role",
        .type = FR_OPTION_CHOICE,
        .choices = "any|publish",
        .def = "any",
        .help = "who"},
    {.name = "rotate", .type = FR_OPTION_CHOICE, .choices = "0|90", .def = "0", .help = "turn"},
    {.name = "names", .type = FR_OPTION_LIST, .def = "", .help = "names"},
    {.name = "pairs", .type = FR_OPTION_PAIRS, .def = "", .help = "pairs"},
    {.name = "allow", .type = FR_OPTION_NETWORKS, .def = "private,link", .help = "from"},
    {.name = "bare", .type = FR_OPTION_UINT, .min = 0, .max = 5, .help = "no default"},
    {.name = "size2",
        .type = FR_OPTION_SIZE,
        .zero_is_off = true,
        .min = 1,
        .max = 5,
        .help = "no default, no unit"},
    {.name = NULL},
};

static int setup(void **state)
{
	*state = fr_options_new(specs);
	return 0;
}

static int teardown(void **state)
{
	fr_options_free(*state);
	return 0;
}

static void assert_refused(struct fr_options *o, const char *name, enum fr_value_kind kind,
    const char *text, const char *sentence)
{
	struct fr_cause why = {""};

	assert_int_equal(fr_options_set(o, name, kind, text, &why), -EINVAL);
	assert_string_equal(why.text, sentence);
}

static void set(struct fr_options *o, const char *name, enum fr_value_kind kind, const char *text)
{
	struct fr_cause why = {""};

	if (fr_options_set(o, name, kind, text, &why) < 0)
		fail_msg("%s", why.text);
}

static void new_options_have_every_default_and_nothing_set(void **state)
{
	struct fr_options *o = *state;
	unsigned w, h;

	assert_true(fr_options_bool(o, "loop"));
	assert_int_equal(fr_options_int(o, "queue"), 4);
	assert_int_equal(fr_options_int(o, "fps"), 500);
	assert_int_equal(fr_options_int(o, "bytes"), 8388608);
	assert_int_equal(fr_options_int(o, "bare"), 0);
	assert_string_equal(fr_options_text(o, "title"), "a");
	assert_string_equal(
	    fr_options_text(o, "stream"), ""); /* its example is for the documents */
	assert_string_equal(fr_options_text(o, "listen"), "[::]:8000");
	assert_string_equal(fr_options_text(o, "address"), "");
	assert_string_equal(fr_options_text(o, "role"), "any");
	fr_options_pixels(o, "size", &w, &h);
	assert_int_equal(w, 640);
	assert_int_equal(h, 480);
	assert_int_equal(fr_options_count(o, "names"), 0);
	assert_int_equal(fr_options_count(o, "allow"), 2);
	assert_string_equal(fr_options_item(o, "allow", 1), "link");
	for (size_t i = 0; specs[i].name != NULL; i++)
		assert_false(fr_options_is_set(o, specs[i].name));
	assert_true(fr_options_has(o, "queue"));
	assert_false(fr_options_has(o, "que"));
	assert_true(fr_options_has_pairs(o, "pairs"));
	assert_false(fr_options_has_pairs(o, "names"));
	assert_false(fr_options_has_pairs(o, "pair"));
}

static void values_are_taken_in_the_kind_that_the_type_asks_for(void **state)
{
	struct fr_options *o = *state;

	set(o, "loop", FR_VALUE_BOOL, "false");
	assert_false(fr_options_bool(o, "loop"));
	set(o, "loop", FR_VALUE_WORD, "on");
	assert_true(fr_options_bool(o, "loop"));
	set(o, "loop", FR_VALUE_WORD, "no");
	assert_false(fr_options_bool(o, "loop"));
	set(o, "queue", FR_VALUE_NUMBER, "64");
	assert_int_equal(fr_options_int(o, "queue"), 64);
	set(o, "queue", FR_VALUE_NUMBER, "0");
	assert_int_equal(fr_options_int(o, "queue"), 0);
	set(o, "fps", FR_VALUE_NUMBER, "15");
	assert_int_equal(fr_options_int(o, "fps"), 15000);
	set(o, "bytes", FR_VALUE_NUMBER, "2048");
	assert_int_equal(fr_options_int(o, "bytes"), 2048);
	set(o, "bytes", FR_VALUE_TEXT, "10 GiB");
	assert_true(fr_options_int(o, "bytes") == 10737418240);
	set(o, "rotate", FR_VALUE_NUMBER, "90");
	set(o, "rotate", FR_VALUE_TEXT, "0");
	set(o, "role", FR_VALUE_TEXT, "publish");
	set(o, "stream", FR_VALUE_TEXT, "cam-1");
	set(o, "stream", FR_VALUE_TEXT, "");
	set(o, "address", FR_VALUE_TEXT, "relay.local");
	set(o, "title", FR_VALUE_TEXT, "x");
	set(o, "title", FR_VALUE_TEXT, fr_options_text(o, "title")); /* itself */
	assert_string_equal(fr_options_text(o, "title"), "x");
	set(o, "names", FR_VALUE_WORD, "a,b,c");
	assert_int_equal(fr_options_count(o, "names"), 3);
	assert_true(fr_options_is_set(o, "names"));
}

static void a_wrong_value_is_refused_with_what_is_allowed(void **state)
{
	struct fr_options *o = *state;

	assert_refused(o, "loop", FR_VALUE_TEXT, "true", "loop = \"true\": must be true or false");
	assert_refused(o, "loop", FR_VALUE_WORD, "maybe", "loop = \"maybe\" is not true or false");
	assert_refused(
	    o, "queue", FR_VALUE_TEXT, "8", "queue = \"8\": must be a number, without quotes");
	assert_refused(o, "queue", FR_VALUE_NUMBER, "1", "queue = 1: must be 2..64 frames, or 0");
	assert_refused(o, "queue", FR_VALUE_NUMBER, "65", "queue = 65: must be 2..64 frames, or 0");
	assert_refused(o, "queue", FR_VALUE_NUMBER, "-1", "queue = -1: must be 2..64 frames, or 0");
	assert_refused(o, "queue", FR_VALUE_NUMBER, "2.5", "queue = \"2.5\" is not a whole number");
	assert_refused(o, "bare", FR_VALUE_NUMBER, "6", "bare = 6: must be 0..5");
	assert_refused(o, "fps", FR_VALUE_NUMBER, "0", "fps = 0: must be 0.1..240 1/s");
	assert_refused(
	    o, "fps", FR_VALUE_BOOL, "true", "fps = true: must be a number, without quotes");
	assert_refused(o, "bytes", FR_VALUE_BOOL, "true",
	    "bytes = true: must be a number of bytes or a text such as \"8 MiB\"");
	assert_refused(
	    o, "bytes", FR_VALUE_TEXT, "1", "bytes = 1: must be 1024..10737418240 bytes");
	assert_refused(o, "bytes", FR_VALUE_TEXT, "big",
	    "bytes = \"big\" is not a size such as 8388608 or \"8 MiB\"");
	assert_refused(o, "title", FR_VALUE_NUMBER, "1", "title = 1: must be a text, in quotes");
	assert_refused(o, "role", FR_VALUE_NUMBER, "1", "role = 1: must be a text, in quotes");
	assert_refused(o, "role", FR_VALUE_TEXT, "pub", "role = \"pub\" is not one of any|publish");
	assert_refused(o, "rotate", FR_VALUE_NUMBER, "9", "rotate = \"9\" is not one of 0|90");
	assert_refused(o, "size", FR_VALUE_TEXT, "640",
	    "size = \"640\" is not a picture's size such as \"640x480\"");
	assert_refused(
	    o, "names", FR_VALUE_TEXT, "a", "names: must be a list of texts such as [ \"...\" ]");
	assert_refused(
	    o, "pairs", FR_VALUE_TEXT, "a=b", "pairs: must be a group such as { NAME = VALUE; }");
	for (const char *const *bad = (const char *const[]){"a", "=b", "1a=b", "a b=c", "", NULL};
	     *bad != NULL; bad++) {
		struct fr_cause why;
		char expected[80];

		(void)snprintf(expected, sizeof(expected), "pairs: \"%s\" is not NAME=VALUE", *bad);
		assert_int_equal(fr_options_set_list(o, "pairs", bad, 1, &why), -EINVAL);
		assert_string_equal(why.text, expected);
	}
	assert_int_equal(fr_options_count(o, "pairs"), 0);
	assert_int_equal(fr_options_set(o, "stream", FR_VALUE_TEXT, "a.b", NULL), -EINVAL);
	assert_int_equal(fr_options_set(o, "listen", FR_VALUE_TEXT, "8000", NULL), -EINVAL);
	assert_int_equal(fr_options_set(o, "address", FR_VALUE_TEXT, "a b", NULL), -EINVAL);
	assert_false(fr_options_is_set(o, "queue"));
	assert_int_equal(fr_options_int(o, "queue"), 4);
}

static void an_unknown_option_names_the_nearest(void **state)
{
	struct fr_cause why;

	assert_int_equal(fr_options_set(*state, "liste", FR_VALUE_TEXT, "x", &why), -ENOENT);
	assert_string_equal(why.text, "unknown option \"liste\"; \"listen\" is meant?");
	assert_int_equal(fr_options_set(*state, "xyzzy", FR_VALUE_TEXT, "x", &why), -ENOENT);
	assert_string_equal(why.text, "unknown option \"xyzzy\"");
	assert_int_equal(fr_options_set_list(*state, "name", NULL, 0, &why), -ENOENT);
}

static void lists_are_checked_item_by_item(void **state)
{
	static const char *const good[] = {"10.0.0.0/8", "local"};
	static const char *const bad[] = {"private", "10.0.0.0/99"};
	struct fr_options *o = *state;
	struct fr_cause why;

	assert_int_equal(fr_options_set_list(o, "allow", good, 2, &why), 0);
	assert_int_equal(fr_options_set_list(o, "allow", bad, 2, &why), -EINVAL);
	assert_string_equal(why.text, "allow: \"10.0.0.0/99\": the prefix is not in 0..32");
	assert_string_equal(fr_options_item(o, "allow", 0), "10.0.0.0/8"); /* as before */
	assert_int_equal(fr_options_set_list(o, "queue", good, 2, &why), -EINVAL);
	assert_string_equal(why.text, "queue: must be one value, not a list");
	assert_int_equal(fr_options_set_list(o, "allow", NULL, 0, &why), 0);
	assert_int_equal(fr_options_count(o, "allow"), 0);
}

static void what_is_required_must_be_set_and_not_empty(void **state)
{
	struct fr_options *o = *state;
	struct fr_cause why;

	assert_int_equal(fr_options_check(o, &why), -EINVAL);
	assert_string_equal(why.text, "stream is missing: which");
	set(o, "stream", FR_VALUE_TEXT, "");
	assert_int_equal(fr_options_check(o, &why), -EINVAL);
	set(o, "stream", FR_VALUE_TEXT, "cam");
	assert_int_equal(fr_options_check(o, &why), 0);
}

static void equal_is_by_value_and_a_copy_is_its_own(void **state)
{
	static const char *const two[] = {"a", "b"}, *const other[] = {"a", "c"};
	struct fr_options *o = *state;
	struct fr_options *copy;

	fr_options_set_list(o, "names", two, 2, NULL);
	copy = fr_options_copy(o);
	assert_true(fr_options_equal(o, copy));
	set(copy, "queue", FR_VALUE_NUMBER, "4"); /* its default */
	assert_true(fr_options_equal(o, copy));
	set(copy, "queue", FR_VALUE_NUMBER, "5");
	assert_false(fr_options_equal(o, copy));
	set(copy, "queue", FR_VALUE_NUMBER, "4");
	set(copy, "title", FR_VALUE_TEXT, "other");
	assert_false(fr_options_equal(o, copy));
	set(copy, "title", FR_VALUE_TEXT, "a");
	fr_options_set_list(copy, "names", other, 2, NULL);
	assert_false(fr_options_equal(o, copy));
	fr_options_set_list(copy, "names", two, 1, NULL);
	assert_false(fr_options_equal(o, copy));
	fr_options_free(copy);

	copy = fr_options_new(specs + 1);
	assert_false(fr_options_equal(o, copy));
	fr_options_free(copy);
	fr_options_free(NULL);
}

static void what_was_set_is_printed_as_libconfig_reads_it(void **state)
{
	static const char *const names[] = {"a", "b\"c"};
	static const char *const pairs[] = {"A=0.25", "B_1=-3", "C=true", "D=x=\"y\"", "E=1.5,2",
	    "F=", "G=1.", "H=0.12345678", "I=12345678901", "J=-"};
	struct fr_options *o = *state;
	struct fr_text t = {0};

	fr_options_print(o, &t);
	assert_null(t.text);
	set(o, "loop", FR_VALUE_BOOL, "false");
	set(o, "queue", FR_VALUE_NUMBER, "9");
	set(o, "fps", FR_VALUE_NUMBER, "29.97");
	set(o, "bytes", FR_VALUE_TEXT, "10 GiB");
	set(o, "title", FR_VALUE_TEXT, "a \"b\" \\ \n\x7f \xc3\xbc");
	set(o, "rotate", FR_VALUE_NUMBER, "90");
	set(o, "role", FR_VALUE_TEXT, "any");
	fr_options_set_list(o, "names", names, 2, NULL);
	assert_int_equal(fr_options_set_list(o, "pairs", pairs, 10, NULL), 0);
	fr_options_set_list(o, "allow", NULL, 0, NULL);
	fr_options_print(o, &t);
	assert_string_equal(t.text,
	    "loop = false; queue = 9; fps = 29.97; bytes = 10737418240L; "
	    "title = \"a \\\"b\\\" \\\\ \\x0a\\x7f \xc3\xbc\"; role = \"any\"; rotate = 90; "
	    "names = [ \"a\", \"b\\\"c\" ]; "
	    "pairs = { A = 0.25; B_1 = -3; C = true; D = \"x=\\\"y\\\"\"; E = \"1.5,2\"; F = \"\"; "
	    "G "
	    "= \"1.\"; H = \"0.12345678\"; I = \"12345678901\"; J = \"-\"; }; "
	    "allow = [ ];");
	fr_text_done(&t);

	set(o, "fps", FR_VALUE_NUMBER, "30");
	set(o, "loop", FR_VALUE_BOOL, "true");
	fr_options_print(o, &t);
	assert_non_null(strstr(t.text, "loop = true; "));
	assert_non_null(strstr(t.text, "fps = 30.0; "));
	fr_text_done(&t);
}

static void documents_hold_each_row_with_default_range_and_sentence(void **state)
{
	struct fr_text t = {0};
	(void)state;

	fr_options_document(specs, true, &t);
	assert_non_null(strstr(t.text, "| `queue` | `4` | 2..64 frames, or 0 | how many |\n"));
	assert_non_null(strstr(t.text, "| `fps` | `0.5` | 0.1..240 1/s | how fast |\n"));
	assert_non_null(
	    strstr(t.text, "| `bytes` | `\"8 MiB\"` | 1024..10737418240 bytes | how large |\n"));
	assert_non_null(strstr(t.text, "| `stream` | required | a stream's name | which |\n"));
	assert_non_null(strstr(t.text, "| `role` | `\"any\"` | any, publish | who |\n"));
	assert_non_null(strstr(
	    t.text, "| `allow` | `[ \"private\", \"link\" ]` | a list of networks | from |\n"));
	assert_non_null(strstr(t.text, "| `pairs` | `{ }` | any NAME = VALUE | pairs |\n"));
	assert_non_null(strstr(t.text, "| `size2` | `0` | 1..5, or 0 | no default, no unit |\n"));
	fr_text_done(&t);
	fr_options_document(specs, false, &t);
	assert_non_null(strstr(t.text, "  loop               again\n"));
	assert_non_null(strstr(t.text, "true, false; default: true\n"));
	fr_text_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
	        new_options_have_every_default_and_nothing_set, setup, teardown),
	    cmocka_unit_test_setup_teardown(
	        values_are_taken_in_the_kind_that_the_type_asks_for, setup, teardown),
	    cmocka_unit_test_setup_teardown(
	        a_wrong_value_is_refused_with_what_is_allowed, setup, teardown),
	    cmocka_unit_test_setup_teardown(an_unknown_option_names_the_nearest, setup, teardown),
	    cmocka_unit_test_setup_teardown(lists_are_checked_item_by_item, setup, teardown),
	    cmocka_unit_test_setup_teardown(
	        what_is_required_must_be_set_and_not_empty, setup, teardown),
	    cmocka_unit_test_setup_teardown(
	        equal_is_by_value_and_a_copy_is_its_own, setup, teardown),
	    cmocka_unit_test_setup_teardown(
	        what_was_set_is_printed_as_libconfig_reads_it, setup, teardown),
	    cmocka_unit_test(documents_hold_each_row_with_default_range_and_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
