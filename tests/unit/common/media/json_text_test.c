/* SPDX-License-Identifier: MIT */
/* JSON texts that are taken, and those that would cost more than they are worth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/media/json_text.h"

/* From memory of just this size, so that a reader that goes too far is caught. */
static bool is_valid_bytes(const char *text, size_t size)
{
	uint8_t *copy = malloc(size + (size == 0));
	bool is_valid;

	assert_non_null(copy);
	memcpy(copy, text, size);
	is_valid = fr_json_text_is_valid(copy, size);
	free(copy);
	return is_valid;
}

static void texts_of_every_kind_are_taken(void **state)
{
	static const char *const texts[] = {"{}", "[]", "0", "-1.5e+3", "\"a\"", "true", "null",
	    " \r\n\t[1, {\"a\": \"\\\"]]]]]]]]]\\u00e9\xc3\xa9\"}] ", "[[[[[[[[1]]]]]]]]",
	    "{\"a\":1,\"b\":{\"a\":1}}", "\"[[[[[[[[[[[[\"", "\"\\ud83d\\ude00\"",
	    "1234567890123456789", "1E5", "0.123456789012345678901234567890"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!is_valid_bytes(texts[i], strlen(texts[i])))
			fail_msg("%s", texts[i]);
}

static void what_is_no_json_or_costs_too_much_is_not(void **state)
{
	static const char *const texts[] = {"", " ", "{", "]", "}", "[]]", "[1] [2]", "{}x", "'a'",
	    "{\"a\":1,\"a\":2}", "[[[[[[[[[1]]]]]]]]]", "{\"a\":{\"a\":{\"a\":[[[[[[1]]]]]]}}}",
	    "1e1000000000", "[01]", "123456789012345678901234567890123", "99999999999999999999",
	    "\"\\ud800\"", "\"\\udc00\"", "\"\xff\"", "\"a\nb\"", "\"abc", "\"abc\\", "\"abc\\\"",
	    "\xef\xbb\xbf{}", "nul", "NaN", "[1,]", "//\n1"};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (is_valid_bytes(texts[i], strlen(texts[i])))
			fail_msg("%s", texts[i]);
	assert_false(fr_json_text_is_valid(NULL, 0));
	assert_false(is_valid_bytes("[1]\0", 4));
	assert_false(is_valid_bytes("\"a\0b\"", 5));
	assert_false(is_valid_bytes("\"a\\u0000b\"", 10));
}

static void a_long_number_is_not_even_read(void **state)
{
	char *digits = malloc(20000);

	(void)state;
	assert_non_null(digits);
	memset(digits, '9', 20000);
	assert_false(is_valid_bytes(digits, 20000));
	assert_true(is_valid_bytes(digits, 18));
	digits[1] = '.';
	assert_true(is_valid_bytes(digits, FR_JSON_NUMBER_MAX));
	assert_false(is_valid_bytes(digits, FR_JSON_NUMBER_MAX + 1));
	free(digits);
}

static void what_is_wrapped_may_be_deeper(void **state)
{
	static const char text[] = "{\"a\":[[[[[[[[1]]]]]]]]}";
	struct fr_cause why;
	json_t *json =
	    fr_json_text_read((const uint8_t *)text, sizeof(text) - 1, FR_JSON_DEPTH_MAX + 1, &why);

	(void)state;
	assert_non_null(json);
	json_decref(json);
	assert_null(
	    fr_json_text_read((const uint8_t *)text, sizeof(text) - 1, FR_JSON_DEPTH_MAX, &why));
	assert_non_null(strstr(why.text, "more than 8 deep"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_of_every_kind_are_taken),
	    cmocka_unit_test(what_is_no_json_or_costs_too_much_is_not),
	    cmocka_unit_test(a_long_number_is_not_even_read),
	    cmocka_unit_test(what_is_wrapped_may_be_deeper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
