/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/media/rendition.h"

static void each_parameter_is_set_by_its_name(void **state)
{
	static const char *const pairs[][2] = {{"gray", "1"}, {"width", "65535"}, {"height", "1"},
	    {"quality", "100"}, {"rotate", "270"}, {"hflip", "1"}, {"vflip", "1"}};
	struct fr_rendition r = {0};
	char text[FR_RENDITION_TEXT_MAX];
	struct fr_cause why;
	size_t printed;

	(void)state;
	assert_int_equal(fr_rendition_print(&r, text), 0);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct fr_rendition alone = {0};

		assert_false(fr_rendition_is_any(&alone));
		assert_int_equal(fr_rendition_set(&alone, pairs[i][0], pairs[i][1], &why), 0);
		assert_true(fr_rendition_is_any(&alone));
		assert_int_equal(fr_rendition_set(&r, pairs[i][0], pairs[i][1], &why), 0);
	}
	printed = fr_rendition_print(&r, text);
	assert_int_equal(printed, strlen(text));
	assert_string_equal(
	    text, "gray=1 width=65535 height=1 quality=100 rotate=270 hflip=1 vflip=1");
}

static void bad_values_are_refused_in_words_and_others_are_not_ours(void **state)
{
	static const char *const pairs[][2] = {{"gray", "2"}, {"gray", ""}, {"width", "0"},
	    {"width", "65536"}, {"height", "-1"}, {"quality", "0"}, {"quality", "101"},
	    {"rotate", "45"}, {"rotate", "360"}, {"hflip", "yes"}, {"vflip", "1 "}};
	struct fr_rendition r = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct fr_cause why = {.text = ""};

		assert_int_equal(fr_rendition_set(&r, pairs[i][0], pairs[i][1], &why), -EINVAL);
		assert_string_not_equal(why.text, "");
	}
	assert_int_equal(fr_rendition_set(&r, "queue", "1", NULL), -ENOENT);
	assert_false(fr_rendition_is_any(&r));
}

static void what_means_the_same_has_one_form(void **state)
{
	const struct fr_rendition half = {.rotate = 180};
	const struct fr_rendition both = {.hflip = true, .vflip = true};
	const struct fr_rendition nothing = {.rotate = 180, .hflip = true, .vflip = true};
	struct fr_rendition is = fr_rendition_canonical(&both);

	(void)state;
	assert_true(fr_rendition_is_same(&is, &half));
	assert_false(fr_rendition_is_any(&nothing));
	for (unsigned turn = 0; turn < 360; turn += 90) {
		const struct fr_rendition flipped = {.rotate = (uint16_t)turn, .vflip = true};

		is = fr_rendition_canonical(&flipped);
		assert_false(is.vflip);
		assert_true(is.hflip);
		assert_int_equal(is.rotate, (turn + 180) % 360);
		assert_true(fr_rendition_is_any(&flipped));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_parameter_is_set_by_its_name),
	    cmocka_unit_test(bad_values_are_refused_in_words_and_others_are_not_ours),
	    cmocka_unit_test(what_means_the_same_has_one_form),
	};

	return cmocka_run_group_tests_name("rendition", tests, NULL, NULL);
}
