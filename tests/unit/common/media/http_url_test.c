/* SPDX-License-Identifier: MIT */
/* Addresses to fetch from: read, followed, shown without what is secret. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/media/http_url.h"

static struct fr_http_url read_url(const char *text)
{
	struct fr_http_url url;
	struct fr_cause why;

	if (fr_http_url_parse(text, &url, &why) < 0)
		fail_msg("%s: %s", text, why.text);
	return url;
}

static void addresses_are_read(void **state)
{
	static const struct {
		const char *text, *host, *target, *user, *password, *shown;
		uint16_t port;
	} cases[] = {
	    {"http://cam", "cam", "/", NULL, "", "http://cam/", 80},
	    {"HTTP://cam.local:81/stream", "cam.local", "/stream", NULL, "",
	        "http://cam.local:81/stream", 81},
	    {"http://192.168.1.40/a b?x=1&y#frag", "192.168.1.40", "/a%20b?x=1&y", NULL, "",
	        "http://192.168.1.40/a%20b…", 80},
	    {"http://cam?action=stream", "cam", "/?action=stream", NULL, "", "http://cam/…", 80},
	    {"http://cam#f", "cam", "/", NULL, "", "http://cam/", 80},
	    {"http://[::1]:8080/", "::1", "/", NULL, "", "http://[::1]:8080/", 8080},
	    {"http://[fe80::1%eth0]/", "fe80::1%eth0", "/", NULL, "", "http://[fe80::1]/", 80},
	    {"http://cam/\xED\x95\x9C", "cam", "/%ED%95%9C", NULL, "", "http://cam/%ED%95%9C", 80},
	    {"http://ana:p%40ss%3a@cam/", "cam", "/", "ana", "p@ss:", "http://cam/", 80},
	    {"http://ana@b:x@cam/", "cam", "/", "ana@b", "x", "http://cam/", 80},
	    {"http://ana@cam/", "cam", "/", "ana", "", "http://cam/", 80},
	    {"http://:@cam/", "cam", "/", "", "", "http://cam/", 80},
	    {"http://%4a%4Fb%2b@cam/", "cam", "/", "JOb+", "", "http://cam/", 80},
	    {"http://a_b/", "a_b", "/", NULL, "", "http://a_b/", 80},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fr_http_url url = read_url(cases[i].text);
		char text[FR_HTTP_URL_TEXT_MAX];

		assert_string_equal(url.host, cases[i].host);
		assert_int_equal(url.port, cases[i].port);
		assert_string_equal(url.target, cases[i].target);
		assert_int_equal(url.has_user, cases[i].user != NULL);
		assert_string_equal(url.user, cases[i].user != NULL ? cases[i].user : "");
		assert_string_equal(url.password, cases[i].password);
		assert_string_equal(fr_http_url_print(&url, text), cases[i].shown);
	}
}

static void what_is_no_address_is_refused_without_its_password(void **state)
{
	static const struct {
		const char *text, *why;
		int error;
	} cases[] = {
	    {"https://u:secret@cam/", "https:// needs TLS", EPROTONOSUPPORT},
	    {"HTTPS://cam", "https:// needs TLS", EPROTONOSUPPORT},
	    {"rtsp://cam/", "begins http://", EINVAL},
	    {"cam/stream", "begins http://", EINVAL},
	    {"", "begins http://", EINVAL},
	    {"http://", "has no host", EINVAL},
	    {"http:///x", "has no host", EINVAL},
	    {"http://u:secret@/x", "has no host", EINVAL},
	    {"http://u:se%cret@cam/", "badly encoded", EINVAL},
	    {"http://u:secret%4@cam/", "badly encoded", EINVAL},
	    {"http://u:secret%!1@cam/", "badly encoded", EINVAL},
	    {"http://u:secret%1g@cam/", "badly encoded", EINVAL},
	    {"http://u:secret%G1@cam/", "badly encoded", EINVAL},
	    {"http://u:secret%7F@cam/", "badly encoded", EINVAL},
	    {"http://u:secret%0a@cam/", "badly encoded", EINVAL},
	    {"http://u\x01:secret@cam/", "badly encoded", EINVAL},
	    {"http://ca m/", "may not be there", EINVAL},
	    {"http://c<m/", "may not be there", EINVAL},
	    {"http://c\xC3\xA4m/", "may not be there", EINVAL},
	    {"http://unix:80/", "is no host", EINVAL},
	    {"http://cam:0/", "port", EINVAL},
	    {"http://cam:99999/", "port", EINVAL},
	    {"http://cam:x/", "port", EINVAL},
	    {"http://cam/a\tb", "control character", EINVAL},
	    {"http://cam/a\r\nHost: b", "control character", EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fr_http_url url;
		struct fr_cause why = {""};

		assert_int_equal(fr_http_url_parse(cases[i].text, &url, &why), -cases[i].error);
		if (strstr(why.text, cases[i].why) == NULL || strstr(why.text, "secret") != NULL)
			fail_msg("%s: %s", cases[i].text, why.text);
	}
}

static void what_is_too_long_is_refused(void **state)
{
	static const struct {
		const char *before, *behind;
		size_t most;
	} cases[] = {
	    {"http://", "/", 255},
	    {"http://", ":80/", 255},
	    {"http://", "@cam/", 127},
	    {"http://u:", "@cam/", 127},
	    {"http://cam/", "", 2046},
	    {"http://cam/ ", "", 2043},
	};
	struct fr_http_url url;
	struct fr_cause why;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char word[2100], text[2200];

		memset(word, 'x', sizeof(word));
		word[cases[i].most] = '\0';
		(void)snprintf(
		    text, sizeof(text), "%s%s%s", cases[i].before, word, cases[i].behind);
		assert_int_equal(fr_http_url_parse(text, &url, &why), 0);
		word[cases[i].most] = 'x';
		word[cases[i].most + 1] = '\0';
		(void)snprintf(
		    text, sizeof(text), "%s%s%s", cases[i].before, word, cases[i].behind);
		assert_int_equal(fr_http_url_parse(text, &url, &why), -EINVAL);
	}
	{
		char text[500];

		memset(text, 'h', sizeof(text));
		memcpy(text, "http://", 7);
		text[sizeof(text) - 1] = '\0';
		assert_int_equal(fr_http_url_parse(text, &url, &why), -EINVAL);
	}
	/* The last place would be taken by a third of an encoded blank. */
	{
		char text[2200] = "http://cam/";

		memset(text + 11, 'x', 2045);
		text[11 + 2045] = ' ';
		assert_int_equal(fr_http_url_parse(text, &url, &why), -EINVAL);
	}
}

static void redirects_lead_where_they_say(void **state)
{
	static const struct {
		const char *location, *to;
	} cases[] = {
	    {"http://other:81/x", "http://other:81/x"},
	    {"//other/x", "http://other/x"},
	    {"/x?y", "http://cam/x?y"},
	    {"x", "http://cam/a/b/x"},
	    {"./x", "http://cam/a/b/x"},
	    {"../x", "http://cam/a/x"},
	    {"../../../../x", "http://cam/x"},
	    {"..", "http://cam/a/"},
	    {".", "http://cam/a/b/"},
	    {"/a/./b/../c/..", "http://cam/a/"},
	    {"/..x/.y/...", "http://cam/..x/.y/..."},
	    {"/../?a=/../b", "http://cam/?a=/../b"},
	    {"?z=1", "http://cam/a/b/c?z=1"},
	    {"/a/.b", "http://cam/a/.b"},
	    {"/ab/cd", "http://cam/ab/cd"},
	    {"", "http://cam/a/b/c"},
	    {"#f", "http://cam/a/b/"},
	    {"http://u:p@other/", "http://other/"},
	};
	const struct fr_http_url base = read_url("http://ana:secret@cam/a/b/c?q=1");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct fr_http_url wanted = read_url(cases[i].to);
		struct fr_http_url url = base;
		struct fr_cause why;

		assert_int_equal(fr_http_url_follow(&url, cases[i].location, &url, &why), 0);
		assert_string_equal(url.host, wanted.host);
		assert_string_equal(url.target, wanted.target);
		assert_int_equal(url.port, wanted.port);
		assert_false(url.has_user);
		assert_string_equal(url.user, "");
		assert_string_equal(url.password, "");
	}
}

static void redirects_to_nowhere_are_refused(void **state)
{
	static const char *const locations[] = {
	    "https://cam/", "ftp://x", "//", "/a\tb", "javascript:x", "http://"};
	const struct fr_http_url base = read_url("http://cam/");

	(void)state;
	for (size_t i = 0; i < sizeof(locations) / sizeof(locations[0]); i++) {
		struct fr_http_url url;
		struct fr_cause why;

		assert_true(fr_http_url_follow(&base, locations[i], &url, &why) < 0);
	}
}

static void the_same_host_is_host_and_port(void **state)
{
	const struct fr_http_url a = read_url("http://cam/x"), b = read_url("http://CAM:80/y"),
	                         c = read_url("http://cam:81/x"), d = read_url("http://cat/x");

	(void)state;
	assert_true(fr_http_url_same_host(&a, &b));
	assert_false(fr_http_url_same_host(&a, &c));
	assert_false(fr_http_url_same_host(&a, &d));
}

static void a_long_path_is_shown_in_part(void **state)
{
	struct fr_http_url url = read_url("http://cam/");
	char text[FR_HTTP_URL_TEXT_MAX];

	(void)state;
	memset(url.target + 1, 'x', 500);
	memset(url.host, 'h', sizeof(url.host) - 1);
	url.port = 12345;
	assert_int_equal(strlen(fr_http_url_print(&url, text)), 7 + 255 + 6 + 80 + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses_are_read),
	    cmocka_unit_test(what_is_no_address_is_refused_without_its_password),
	    cmocka_unit_test(what_is_too_long_is_refused),
	    cmocka_unit_test(redirects_lead_where_they_say),
	    cmocka_unit_test(redirects_to_nowhere_are_refused),
	    cmocka_unit_test(the_same_host_is_host_and_port),
	    cmocka_unit_test(a_long_path_is_shown_in_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
