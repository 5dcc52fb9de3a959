/* SPDX-License-Identifier: MIT */
/* Passwords against hashes of every kind that an operator may have. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/media/password.h"

static void what_is_made_fits_its_password_alone(void **state)
{
	char hash[FR_PASSWORD_HASH_MAX], another[FR_PASSWORD_HASH_MAX];
	struct fr_cause why;

	(void)state;
	assert_int_equal(fr_password_hash("open sesame", hash, &why), 0);
	assert_true(fr_password_is_hash(hash));
	assert_true(fr_password_is_right(hash, "open sesame"));
	assert_false(fr_password_is_right(hash, "open sesam"));
	assert_false(fr_password_is_right(hash, "Open sesame"));
	assert_false(fr_password_is_right(hash, ""));
	assert_int_equal(fr_password_hash("open sesame", another, &why), 0);
	assert_string_not_equal(hash, another); /* salt */
}

/* Source: the specification of SHA-crypt, "Unix crypt using SHA-256 and SHA-512", its test vectors */
static void hashes_of_other_tools_are_understood(void **state)
{
	static const char sha256[] = "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5";

	(void)state;
	assert_true(fr_password_is_hash(sha256));
	assert_true(fr_password_is_right(sha256, "Hello world!"));
	assert_false(fr_password_is_right(sha256, "Hello world"));
}

static void other_texts_are_no_hashes_and_fit_nothing(void **state)
{
	static const char *const texts[] = {"", "***", "open sesame", "$", "$y$", "$y$j9T$abc",
	    "$nosuch$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY", "ab1234567890123456789", "*0",
	    "$5$salt:string$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY"};
	char longest[2 * FR_PASSWORD_HASH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (fr_password_is_hash(texts[i]))
			fail_msg("%s", texts[i]);
		assert_false(fr_password_is_right(texts[i], texts[i]));
	}
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "$5$saltstring$", 14);
	longest[sizeof(longest) - 1] = '\0';
	assert_false(fr_password_is_hash(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_made_fits_its_password_alone),
	    cmocka_unit_test(hashes_of_other_tools_are_understood),
	    cmocka_unit_test(other_texts_are_no_hashes_and_fit_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
