/* SPDX-License-Identifier: MIT */
/* What somebody shows to log in: Authorization, and a file with a token. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/media/credential.h"

static struct fr_credential read_value(const char *value)
{
	struct fr_credential credential;

	fr_credential_read(value, &credential);
	return credential;
}

static void without_the_header_nothing_is_shown(void **state)
{
	(void)state;
	assert_int_equal(read_value(NULL).kind, FR_CREDENTIAL_NONE);
}

static void a_token_is_all_behind_bearer(void **state)
{
	char longest[7 + FR_TOKEN_MAX + 2] = "bearer ";

	(void)state;
	assert_int_equal(read_value("Bearer abc-_.~+/=").kind, FR_CREDENTIAL_TOKEN);
	assert_string_equal(read_value("BEARER  abc").token, "abc");
	memset(longest + 7, 'x', FR_TOKEN_MAX);
	assert_int_equal(read_value(longest).kind, FR_CREDENTIAL_TOKEN);
	assert_int_equal(strlen(read_value(longest).token), FR_TOKEN_MAX);
	longest[7 + FR_TOKEN_MAX] = 'x';
	assert_int_equal(read_value(longest).kind, FR_CREDENTIAL_BAD);
}

static void a_user_and_a_password_are_base64_behind_basic(void **state)
{
	struct fr_credential c = read_value("Basic YW5hOm9wZW4gc2VzYW1l"); /* ana:open sesame */

	(void)state;
	assert_int_equal(c.kind, FR_CREDENTIAL_PASSWORD);
	assert_string_equal(c.user, "ana");
	assert_string_equal(c.password, "open sesame");
	c = read_value("basic YTpiOmM="); /* a:b:c */
	assert_string_equal(c.user, "a");
	assert_string_equal(c.password, "b:c");
	c = read_value("Basic YTo="); /* a: */
	assert_int_equal(c.kind, FR_CREDENTIAL_PASSWORD);
	assert_string_equal(c.password, "");
	c = read_value("Basic w6TDpDrDtg=="); /* ää:ö, UTF-8 */
	assert_string_equal(c.user, "\xc3\xa4\xc3\xa4");
}

static void everything_else_is_bad(void **state)
{
	static const char *const values[] = {"", "Bearer", "Bearer ", "Bearer a b", "Bearer a\tb",
	    "Bearer \xc3\xa4", "Bearerabc", "Basic", "Basic ", "Basic ?", "Basic YW5h", /* ana */
	    "Basic OmFuYQ==",                                                           /* :ana */
	    "Basic YQA6Yg==", /* a NUL in it */
	    "Basic YQc6Yg==", /* a bell in it */
	    "Basic YTpi Yzpk", "Digest username=\"ana\"", "Negotiate abc"};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (read_value(values[i]).kind != FR_CREDENTIAL_BAD)
			fail_msg("%s", values[i]);
}

/* Base64 of `size` times an `a`, a colon and `size` times an `a`, sizes of threes. */
static void write_long(char *to, size_t user, size_t password)
{
	const size_t groups = user / 3, all = groups + 1 + password / 3;

	to += sprintf(to, "Basic ");
	for (size_t i = 0; i < all; i++)
		to += sprintf(to, "%s", i == groups ? "OmFh" : "YWFh");
}

static void what_is_longer_than_any_of_ours_is_bad(void **state)
{
	char value[1024];

	(void)state;
	write_long(value, 63, 126); /* two of the password stand behind the colon */
	assert_int_equal(read_value(value).kind, FR_CREDENTIAL_PASSWORD);
	write_long(value, 66, 3);
	assert_int_equal(read_value(value).kind, FR_CREDENTIAL_BAD);
	write_long(value, 3, 129);
	assert_int_equal(read_value(value).kind, FR_CREDENTIAL_BAD);
	write_long(value, 3, 300);
	assert_int_equal(read_value(value).kind, FR_CREDENTIAL_BAD);
}

static void wiped_it_is_all_zero(void **state)
{
	static const struct fr_credential zero;
	struct fr_credential c = read_value("Bearer abc");

	(void)state;
	fr_credential_wipe(&c);
	assert_memory_equal(&c, &zero, sizeof(c));
}

static void a_token_is_read_from_a_file_of_ones_own(void **state)
{
	char path[] = "/tmp/framerelayd_token_XXXXXX", token[FR_TOKEN_MAX + 1] = "x";
	const int fd = mkstemp(path);
	struct fr_cause why;

	(void)state;
	assert_int_equal(write(fd, "abc\nmore\n", 9), 9);
	assert_int_equal(fr_token_read(path, token, &why), 0);
	assert_string_equal(token, "abc");
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(fr_token_read(path, token, &why), -EACCES);
	assert_string_equal(token, "");
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(pwrite(fd, "a b\n", 4, 0), 4);
	assert_int_equal(fr_token_read(path, token, &why), -EINVAL);
	assert_null(strstr(why.text, "a b"));
	assert_int_equal(fr_token_read("", token, &why), 0);
	assert_string_equal(token, "");
	(void)close(fd);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(without_the_header_nothing_is_shown),
	    cmocka_unit_test(a_token_is_all_behind_bearer),
	    cmocka_unit_test(a_user_and_a_password_are_base64_behind_basic),
	    cmocka_unit_test(everything_else_is_bad),
	    cmocka_unit_test(what_is_longer_than_any_of_ours_is_bad),
	    cmocka_unit_test(wiped_it_is_all_zero),
	    cmocka_unit_test(a_token_is_read_from_a_file_of_ones_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
