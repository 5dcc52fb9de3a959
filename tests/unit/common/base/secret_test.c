/* SPDX-License-Identifier: MIT */
/* Files with secrets: who else may read them, and what is in them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/secret.h"

static int setup(void **state)
{
	char *path = strdup("/tmp/fr_secret_XXXXXX");
	const int fd = mkstemp(path);

	*state = path;
	return fd < 0 ? -1 : close(fd);
}

static int teardown(void **state)
{
	(void)unlink(*state);
	free(*state);
	return 0;
}

static int read_after(const char *path, const char *text, size_t size, unsigned mode, char ret[9],
    struct fr_cause *why)
{
	FILE *file = fopen(path, "w");

	assert_int_equal(fwrite(text, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
	return fr_secret_read(path, ret, 9, why);
}

static void the_first_line_is_the_secret(void **state)
{
	static const struct {
		const char *text, *secret;
	} cases[] = {
	    {"secret", "secret"},
	    {"secret\n", "secret"},
	    {"secret\r\nmore", "secret"},
	    {" se cret", " se cret"},
	    {"12345678\n", NULL},
	    {"123456789", NULL},
	    {"", ""},
	    {"\n", ""},
	};
	struct fr_cause why;
	char ret[9];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const int r =
		    read_after(*state, cases[i].text, strlen(cases[i].text), 0640, ret, &why);

		if (cases[i].secret == NULL && strlen(cases[i].text) > 8 &&
		    cases[i].text[8] != '\n') {
			assert_int_equal(r, -EINVAL);
			assert_non_null(strstr(why.text, "longer than 8 bytes"));
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(ret, cases[i].secret != NULL ? cases[i].secret : "12345678");
	}
	assert_int_equal(read_after(*state, "a\0b", 3, 0600, ret, &why), 0);
	assert_string_equal(ret, "a");
}

static void files_that_others_reach_are_refused(void **state)
{
	struct fr_cause why;
	char ret[9];

	assert_int_equal(read_after(*state, "x", 1, 0644, ret, &why), -EACCES);
	assert_non_null(strstr(why.text, "others can read it"));
	assert_int_equal(read_after(*state, "x", 1, 0660, ret, &why), -EACCES);
	assert_non_null(strstr(why.text, "can write it"));
	assert_int_equal(read_after(*state, "x", 1, 0602, ret, &why), -EACCES);
	assert_int_equal(fr_secret_read("/tmp", ret, sizeof(ret), &why), -EINVAL);
	assert_string_equal(why.text, "/tmp: it is no file");
	assert_int_equal(
	    fr_secret_read("/tmp/fr_nothing_is_here", ret, sizeof(ret), &why), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_first_line_is_the_secret, setup, teardown),
	    cmocka_unit_test_setup_teardown(files_that_others_reach_are_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
