/* SPDX-License-Identifier: MIT */
/* Hosts, paths and queries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/media/uri.h"

static void hosts_are_read_without_their_port(void **state)
{
	static const char *const rows[][2] = {
	    {"Cam.Local", "cam.local"},
	    {"cam.:80", "cam"},
	    {"192.168.1.2:8080", "192.168.1.2"},
	    {"[::1]", "::1"},
	    {"[fe80::1]:8080", "fe80::1"},
	    {"a_b-c", "a_b-c"},
	    {"", NULL},
	    {".", NULL},
	    {"a..b", NULL},
	    {"a b", NULL},
	    {"a:b", NULL},
	    {"a:123456", NULL},
	    {"[::1", NULL},
	    {"[::1]x", NULL},
	    {"[cam]", NULL},
	    {"[::1]:8x", NULL},
	    {"[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa]", NULL},
	    {"a/b", NULL},
	    {"a@b", NULL},
	};
	char host[FR_URI_HOST_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const bool ok = fr_uri_host(rows[i][0], host);

		if (ok != (rows[i][1] != NULL))
			fail_msg("\"%s\"", rows[i][0]);
		if (ok)
			assert_string_equal(host, rows[i][1]);
	}
	assert_true(fr_uri_origin_host("https://Cam.lan:8443", host));
	assert_string_equal(host, "cam.lan");
	assert_false(fr_uri_origin_host("null", host));
	assert_false(fr_uri_origin_host("https://", host));
}

static void paths_are_decoded_once_and_stay_inside(void **state)
{
	char good[] = "/a%20b/%252e%252e/...", up[] = "/a/%2e%2E", slash[] = "/a%2Fb",
	     cut[] = "/%4";

	(void)state;
	assert_null(fr_uri_decode_path(good));
	assert_string_equal(good, "/a b/%2e%2e/...");
	assert_non_null(fr_uri_decode_path(up));
	assert_non_null(fr_uri_decode_path(slash));
	assert_non_null(fr_uri_decode_path(cut));
}

static void paths_that_may_not_be_are_refused(void **state)
{
	static const char *const rows[] = {"a", "", "/a%00", "/a%0a", "/a%7F", "/.", "/a/./b",
	    "/..", "/../a", "/%2E", "/%", "/%g0"};
	static const char *const good[] = {"/", "/.a", "/a.", "/..a", "/a/.../b", "/.a./"};
	char path[64];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s", rows[i]);
		if (fr_uri_decode_path(path) == NULL)
			fail_msg("\"%s\" was taken", rows[i]);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s", good[i]);
		assert_null(fr_uri_decode_path(path));
	}
}

static void queries_are_read_one_parameter_after_the_other(void **state)
{
	const char *at = "&action=stream&1699999999&q=a+b%26c&=x&bad=%4&end";
	struct fr_uri_parameter p;

	(void)state;
	assert_true(fr_uri_query_next(&at, &p));
	assert_string_equal(p.key, "action");
	assert_string_equal(p.value, "stream");
	assert_true(fr_uri_query_next(&at, &p));
	assert_string_equal(p.key, "1699999999");
	assert_false(p.has_value);
	assert_true(fr_uri_query_next(&at, &p));
	assert_string_equal(p.value, "a b&c");
	assert_true(fr_uri_query_next(&at, &p));
	assert_string_equal(p.key, "");
	assert_true(fr_uri_query_next(&at, &p));
	assert_string_equal(p.key, "bad");
	assert_true(p.is_cut);
	assert_true(fr_uri_query_next(&at, &p));
	assert_string_equal(p.key, "end");
	assert_false(fr_uri_query_next(&at, &p));
}

static void a_parameter_that_is_too_long_is_cut(void **state)
{
	char text[1000] = "k=";
	const char *at = text;
	struct fr_uri_parameter p;

	(void)state;
	memset(text + 2, 'v', 256);
	assert_true(fr_uri_query_next(&at, &p));
	assert_true(p.is_cut);
	assert_string_equal(p.key, "k");
	assert_false(fr_uri_query_next(&at, &p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hosts_are_read_without_their_port),
	    cmocka_unit_test(paths_are_decoded_once_and_stay_inside),
	    cmocka_unit_test(paths_that_may_not_be_are_refused),
	    cmocka_unit_test(queries_are_read_one_parameter_after_the_other),
	    cmocka_unit_test(a_parameter_that_is_too_long_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
