/* SPDX-License-Identifier: MIT */
/* SHA-256 and HMAC against published values, and texts of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/media/digest.h"

static void assert_is(struct fr_digest digest, const char *expected)
{
	char text[FR_DIGEST_TEXT_MAX];

	assert_string_equal(fr_digest_print(&digest, text), expected);
}

/* Source: FIPS 180-2, B.1; RFC 4231, 4.3 */
static void digests_are_those_of_the_standards(void **state)
{
	static const char what[] = "what do ya want for nothing?";

	(void)state;
	assert_is(fr_digest_of("abc", 3),
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_is(fr_digest_of("", 0),
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_is(fr_digest_keyed("Jefe", 4, what, strlen(what)),
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

static void what_is_printed_is_read_again_in_either_case(void **state)
{
	struct fr_digest digest = fr_digest_of("abc", 3), read;

	(void)state;
	assert_true(fr_digest_read(
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", &read));
	assert_true(fr_digest_same(&digest, &read));
	assert_true(fr_digest_read(
	    "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", &read));
	assert_true(fr_digest_same(&digest, &read));
	read.bytes[31] ^= 1;
	assert_false(fr_digest_same(&digest, &read));
}

static void anything_else_is_no_digest(void **state)
{
	static const char *const texts[] = {"", "ba78",
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a",
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad0",
	    "ga7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015a ",
	    "b@7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"};
	struct fr_digest read;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_false(fr_digest_read(texts[i], &read));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(digests_are_those_of_the_standards),
	    cmocka_unit_test(what_is_printed_is_read_again_in_either_case),
	    cmocka_unit_test(anything_else_is_no_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
