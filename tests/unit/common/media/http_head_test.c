/* SPDX-License-Identifier: MIT */
/*
 * Heads of requests, good, bad and hostile. Each is read whole and byte by byte, and the outcome is the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/xalloc.h"
#include "common/media/http_head.h"

static const struct fr_http_head_limits limits = {
    .line_bytes = 4096, .header_bytes = 16384, .fields = 64};

static struct fr_http_head_event read_in(
    struct fr_http_head *head, const void *bytes, size_t size, size_t step, size_t *ret_taken)
{
	struct fr_http_head_event event = {.state = FR_HTTP_HEAD_MORE};
	size_t at = 0;

	while (at < size && event.state == FR_HTTP_HEAD_MORE) {
		const size_t n = size - at < step ? size - at : step;

		at += fr_http_head_read(head, (const uint8_t *)bytes + at, n, &event);
	}
	*ret_taken = at;
	return event;
}

/* Reads it whole and byte by byte. @return the outcome; 200: a whole head */
static unsigned verdict(const void *bytes, size_t size, struct fr_cause *why)
{
	struct fr_http_head *head = fr_http_head_new(&limits);
	struct fr_http_head_event event, again;
	size_t taken, taken_again;

	event = read_in(head, bytes, size, size, &taken);
	fr_http_head_reset(head);
	again = read_in(head, bytes, size, 1, &taken_again);
	assert_int_equal(event.state, again.state);
	assert_int_equal(taken, taken_again);
	assert_string_equal(event.why.text, again.why.text);
	fr_http_head_free(head);
	*why = event.why;
	if (event.state == FR_HTTP_HEAD_MORE)
		return 0;
	return event.state == FR_HTTP_HEAD_DONE ? 200 : event.code;
}

static struct fr_http_head *whole(const char *text)
{
	struct fr_http_head *head = fr_http_head_new(&limits);
	size_t taken;
	const struct fr_http_head_event event = read_in(head, text, strlen(text), 1, &taken);

	if (event.state != FR_HTTP_HEAD_DONE)
		fail_msg("%s: %s", text, event.why.text);
	assert_int_equal(taken, strlen(text));
	return head;
}

static void a_plain_request_is_told_apart(void **state)
{
	struct fr_http_head *head =
	    whole("\r\nGET /a%20b.jpg?x=1&y HTTP/1.1\r\nHOST: Cam.Local.:8080\r\n"
	          "Accept: text/html, image/*;q=0.8\r\nX-Empty:\r\n\r\n");
	const struct fr_http_request *r = fr_http_head_request(head);

	(void)state;
	assert_int_equal(r->method, FR_HTTP_GET);
	assert_int_equal(r->minor, 1);
	assert_string_equal(r->path, "/a b.jpg");
	assert_string_equal(r->query, "x=1&y");
	assert_string_equal(r->host, "cam.local");
	assert_null(r->origin);
	assert_int_equal(r->body, FR_HTTP_NO_BODY);
	assert_true(r->keeps_alive);
	assert_string_equal(fr_http_head_field(head, "x-empty"), "");
	assert_null(fr_http_head_field(head, "cookie"));
	assert_true(fr_http_head_lists(head, "accept", "TEXT/HTML"));
	assert_true(fr_http_head_lists(head, "accept", "image/*"));
	assert_false(fr_http_head_lists(head, "accept", "image"));
	assert_false(fr_http_head_lists(head, "accept", "video/*"));
	fr_http_head_free(head);
}

static void an_absolute_target_says_the_host(void **state)
{
	static const struct {
		const char *target, *host, *path, *query;
	} rows[] = {
	    {"http://cam.lan/x?y=2", "cam.lan", "/x", "y=2"},
	    {"HTTP://CAM.lan:80", "cam.lan", "/", ""},
	    {"http://cam.lan?a", "cam.lan", "/", "a"},
	    {"http://[::1]:8080/", "::1", "/", ""},
	};
	char text[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fr_http_head *head;
		const struct fr_http_request *r;

		(void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: %s%s%s\r\n\r\n",
		    rows[i].target, i == 3 ? "[" : "", rows[i].host, i == 3 ? "]" : "");
		head = whole(text);
		r = fr_http_head_request(head);
		assert_string_equal(r->host, rows[i].host);
		assert_string_equal(r->path, rows[i].path);
		assert_string_equal(r->query, rows[i].query);
		fr_http_head_free(head);
	}
}

static void the_body_and_the_connection_are_told(void **state)
{
	struct fr_http_head *head = whole(
	    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\nExpect: 100-Continue\r\n\r\n");

	(void)state;
	assert_int_equal(fr_http_head_request(head)->body, FR_HTTP_LENGTH);
	assert_int_equal(fr_http_head_request(head)->content_length, 12);
	assert_true(fr_http_head_request(head)->expects_continue);
	fr_http_head_free(head);

	head = whole("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nConnection: x, "
	             "Close\r\n\r\n");
	assert_int_equal(fr_http_head_request(head)->body, FR_HTTP_CHUNKED);
	assert_false(fr_http_head_request(head)->keeps_alive);
	fr_http_head_free(head);

	head = whole("GET / HTTP/1.0\r\n\r\n");
	assert_string_equal(fr_http_head_request(head)->host, "");
	assert_false(fr_http_head_request(head)->keeps_alive);
	fr_http_head_free(head);

	head = whole("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
	assert_true(fr_http_head_request(head)->keeps_alive);
	fr_http_head_free(head);
}

static void methods_are_known_by_their_exact_names(void **state)
{
	static const struct {
		const char *name;
		enum fr_http_method method;
	} rows[] = {{"HEAD", FR_HTTP_HEAD}, {"PUT", FR_HTTP_PUT}, {"OPTIONS", FR_HTTP_OPTIONS},
	    {"DELETE", FR_HTTP_DELETE}, {"TRACE", FR_HTTP_TRACE}, {"get", FR_HTTP_OTHER},
	    {"BREW", FR_HTTP_OTHER}};
	struct fr_http_head *head;
	char text[2000];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(
		    text, sizeof(text), "%s / HTTP/1.1\r\nHost: a\r\n\r\n", rows[i].name);
		head = whole(text);
		assert_int_equal(fr_http_head_request(head)->method, rows[i].method);
		fr_http_head_free(head);
	}
	memset(text, 'X', 1000);
	memcpy(text + 1000, " / HTTP/1.1\r\nHost: a\r\n\r\n", 25);
	head = whole(text);
	assert_int_equal(fr_http_head_request(head)->method, FR_HTTP_OTHER);
	fr_http_head_free(head);
	head = whole("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(fr_http_head_request(head)->method, FR_HTTP_CONNECT);
	fr_http_head_free(head);
	head = whole("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_string_equal(fr_http_head_request(head)->path, "*");
	fr_http_head_free(head);
}

#define H        "Host: a\r\n"
#define END      "\r\n"
#define BYTES(s) s, sizeof(s) - 1

static const struct {
	const char *name, *bytes;
	size_t size;
	unsigned code;
} hostile[] = {
    /* What a library's reader executed, and nginx 1.22 refuses. */
    {"gzip, chunked", BYTES("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n" END),
        501},
    {"two lengths", BYTES("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n" END),
        400},
    {"two equal lengths",
        BYTES("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n" END), 400},
    {"length +5", BYTES("POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n" END), 400},
    {"length -1", BYTES("POST / HTTP/1.1\r\n" H "Content-Length: -1\r\n" END), 400},
    {"length 5, 5", BYTES("POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n" END), 400},
    {"length 0x5", BYTES("POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n" END), 400},
    {"length of nothing", BYTES("POST / HTTP/1.1\r\n" H "Content-Length:\r\n" END), 400},
    {"length 10^20", BYTES("POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n" END),
        400},
    {"space before colon", BYTES("GET / HTTP/1.1\r\nHost : a\r\n" END), 400},
    {"folded", BYTES("GET / HTTP/1.1\r\n" H "X: 1\r\n 2\r\n" END), 400},
    {"folded at first", BYTES("GET / HTTP/1.1\r\n X: 1\r\n" H END), 400},
    {"no Host", BYTES("GET / HTTP/1.1\r\n" END), 400},
    {"two Hosts", BYTES("GET / HTTP/1.1\r\n" H H END), 400},
    {"empty Host", BYTES("GET / HTTP/1.1\r\nHost:\r\n" END), 400},
    {"Host with a path", BYTES("GET / HTTP/1.1\r\nHost: a/b\r\n" END), 400},
    {"Host with a user", BYTES("GET / HTTP/1.1\r\nHost: u@a\r\n" END), 400},
    {"Hosts in one", BYTES("GET / HTTP/1.1\r\nHost: a, b\r\n" END), 400},
    {"two hosts", BYTES("GET http://b/ HTTP/1.1\r\n" H END), 400},
    {"NUL in a header", BYTES("GET / HTTP/1.1\r\n" H "X: a\0b\r\n" END), 400},
    {"NUL in the target", BYTES("GET /\0 HTTP/1.1\r\n" H END), 400},
    {"bell in a header", BYTES("GET / HTTP/1.1\r\n" H "X: \a\r\n" END), 400},
    {"up", BYTES("GET /../../etc/passwd HTTP/1.1\r\n" H END), 400},
    {"up, encoded", BYTES("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" H END), 400},
    {"up, in the middle", BYTES("GET /a/..%2fb HTTP/1.1\r\n" H END), 400},
    {"dot", BYTES("GET /./a HTTP/1.1\r\n" H END), 400},
    /* Two readers, two meanings. */
    {"length and chunked",
        BYTES("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END),
        400},
    {"chunked and length",
        BYTES("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" END),
        400},
    {"two codings",
        BYTES("POST / HTTP/1.1\r\n" H
              "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n" END),
        400},
    {"xchunked", BYTES("POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n" END), 501},
    {"chunked, chunked",
        BYTES("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked, chunked\r\n" END), 501},
    {"chunked with a tab inside",
        BYTES("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chu\tnked\r\n" END), 501},
    {"coding behind a tab", BYTES("POST / HTTP/1.1\r\n" H "Transfer-Encoding:\tchunked\r\n" END),
        501},
    {"length between tabs", BYTES("POST / HTTP/1.1\r\n" H "Content-Length: \t5\t\r\n" END), 400},
    {"coding before the colon",
        BYTES("POST / HTTP/1.1\r\n" H "Transfer-Encoding : chunked\r\n" END), 400},
    {"chunked in 1.0", BYTES("POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n" END), 400},
    {"bare LF", BYTES("GET / HTTP/1.1\n" H END), 400},
    {"bare LF at the end", BYTES("GET / HTTP/1.1\r\n" H "\n"), 400},
    {"bare CR", BYTES("GET / HTTP/1.1\r\n" H "X: a\rb\r\n" END), 400},
    {"no name", BYTES("GET / HTTP/1.1\r\n" H ": x\r\n" END), 400},
    {"no colon", BYTES("GET / HTTP/1.1\r\n" H "abc\r\n" END), 400},
    {"odd name", BYTES("GET / HTTP/1.1\r\n" H "a b: x\r\n" END), 400},
    {"high name", BYTES("GET / HTTP/1.1\r\n" H "a\xe9: x\r\n" END), 400},
    {"two Origins", BYTES("GET / HTTP/1.1\r\n" H "Origin: http://a\r\nOrigin: http://b\r\n" END),
        400},
    /* Request lines. */
    {"0.9", BYTES("GET /\r\n"), 505},
    {"1.2", BYTES("GET / HTTP/1.2\r\n" H END), 505},
    {"2.0", BYTES("GET / HTTP/2.0\r\n" H END), 505},
    {"9.9", BYTES("GET / HTTP/9.9\r\n" H END), 505},
    {"a version that overflows", BYTES("GET / HTTP/4294967295.255\r\n" H END), 505},
    {"the preface of HTTP/2", BYTES("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505},
    {"no version", BYTES("GET / HTTP\r\n" H END), 400},
    {"another protocol", BYTES("GET / RTSP/1.0\r\n" H END), 400},
    {"two spaces", BYTES("GET  / HTTP/1.1\r\n" H END), 400},
    {"space at the end", BYTES("GET / HTTP/1.1 \r\n" H END), 400},
    {"space in front", BYTES(" GET / HTTP/1.1\r\n" H END), 400},
    {"space in the target", BYTES("GET /a b HTTP/1.1\r\n" H END), 400},
    {"no target", BYTES("GET\r\n" H END), 400},
    {"odd method", BYTES("G@T / HTTP/1.1\r\n" H END), 400},
    {"no slash", BYTES("GET streams HTTP/1.1\r\n" H END), 400},
    {"another scheme", BYTES("GET ftp://a/ HTTP/1.1\r\n" H END), 400},
    {"a star for GET", BYTES("GET * HTTP/1.1\r\n" H END), 400},
    {"tab in the target", BYTES("GET /a\tb HTTP/1.1\r\n" H END), 400},
    {"no path, no star", BYTES("OPTIONS abc HTTP/1.1\r\n" H END), 400},
    {"a bad host in the target", BYTES("GET http://[x/ HTTP/1.1\r\n" H END), 400},
    {"upwards behind a host", BYTES("GET http://a/../b HTTP/1.1\r\nHost: a\r\n" END), 400},
    {"DEL", BYTES("GET / HTTP/1.1\r\n" H "X: \x7f\r\n" END), 400},
    {"folded by a tab", BYTES("GET / HTTP/1.1\r\n" H "X: 1\r\n\t2\r\n" END), 400},
    {"a brace in a name", BYTES("GET / HTTP/1.1\r\n" H "X{: 1\r\n" END), 400},
    {"fragment", BYTES("GET /a#b HTTP/1.1\r\n" H END), 400},
    {"high byte", BYTES("GET /\xe9 HTTP/1.1\r\n" H END), 400},
    {"%00", BYTES("GET /a%00 HTTP/1.1\r\n" H END), 400},
    {"%2f", BYTES("GET /a%2fb HTTP/1.1\r\n" H END), 400},
    {"%zz", BYTES("GET /a%zz HTTP/1.1\r\n" H END), 400},
    {"% at the end", BYTES("GET /a% HTTP/1.1\r\n" H END), 400},
    {"three empty lines", BYTES("\r\n\r\n\r\nGET / HTTP/1.1\r\n" H END), 400},
    {"unknown Expect", BYTES("POST / HTTP/1.1\r\n" H "Expect: 200-ok\r\n" END), 417},
    /* What looks odd and is not. */
    {"overlong UTF-8", BYTES("GET /%c0%ae HTTP/1.1\r\n" H END), 200},
    {"every sign in a name", BYTES("GET / HTTP/1.1\r\n" H "!#$%&'*+-.^_`|~zZ9: 1\r\n" END), 200},
    {"a length of nothing", BYTES("POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n" END), 200},
    {"Expect without a body", BYTES("GET / HTTP/1.1\r\n" H "Expect: 100-continue\r\n" END), 200},
    {"Expect in 1.0",
        BYTES("POST / HTTP/1.0\r\n" H "Expect: 100-continue\r\nContent-Length: 1\r\n" END), 200},
    {"backslash", BYTES("GET /..\\x HTTP/1.1\r\n" H END), 200},
    {"two slashes", BYTES("GET //a HTTP/1.1\r\n" H END), 200},
    {"Latin-1 in a value", BYTES("GET / HTTP/1.1\r\n" H "X: \xe9\r\n" END), 200},
    {"tab around a value", BYTES("GET / HTTP/1.1\r\n" H "X:\t1 \t\r\n" END), 200},
};

static void hostile_requests_are_refused_however_they_are_cut(void **state)
{
	struct fr_cause why;

	(void)state;
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		const unsigned code = verdict(hostile[i].bytes, hostile[i].size, &why);

		if (code != hostile[i].code)
			fail_msg("%s: %u, not %u (%s)", hostile[i].name, code, hostile[i].code,
			    why.text);
		assert_true(code == 200 || why.text[0] != '\0');
	}
}

/* GET /aaa… of so many bytes in its first line. */
static unsigned verdict_of_line(size_t size)
{
	char text[8192];
	struct fr_cause why;
	int n;

	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	n = snprintf(text + size - 9, 64, " HTTP/1.1\r\nHost: a\r\n\r\n");
	return verdict(text, size - 9 + (size_t)n, &why);
}

static void the_request_line_has_its_limit(void **state)
{
	(void)state;
	assert_int_equal(verdict_of_line(4096), 200);
	assert_int_equal(verdict_of_line(4097), 414);
}

static void header_lines_have_their_limits(void **state)
{
	struct fr_cause why;
	char text[64 * 1024];
	size_t n;

	(void)state;
	for (unsigned lines = 64; lines <= 65; lines++) {
		n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\n");
		for (unsigned i = 1; i < lines; i++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "X-%u: 1\r\n", i);
		memcpy(text + n, "\r\n", 2);
		assert_int_equal(verdict(text, n + 2, &why), lines == 64 ? 200 : 431);
	}
	for (size_t bytes = 16384; bytes <= 16385; bytes++) {
		n = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nX: ");
		memset(text + n, 'b', bytes - strlen("Host: aX: "));
		n += bytes - strlen("Host: aX: ");
		memcpy(text + n, "\r\n\r\n", 4);
		assert_int_equal(verdict(text, n + 4, &why), bytes == 16384 ? 200 : 431);
	}
}

static void what_follows_a_head_is_left(void **state)
{
	static const char text[] =
	    "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n";
	struct fr_http_head *head = fr_http_head_new(&limits);
	struct fr_http_head_event event;
	size_t taken;

	(void)state;
	assert_false(fr_http_head_has_begun(head));
	(void)fr_http_head_read(head, (const uint8_t *)"\r", 1, &event);
	assert_true(fr_http_head_has_begun(head));
	fr_http_head_reset(head);
	taken = fr_http_head_read(head, (const uint8_t *)text, sizeof(text) - 1, &event);
	assert_int_equal(event.state, FR_HTTP_HEAD_DONE);
	assert_int_equal(taken, (sizeof(text) - 1) / 2);
	assert_true(fr_http_head_has_begun(head));
	fr_http_head_reset(head);
	assert_false(fr_http_head_has_begun(head));
	taken = fr_http_head_read(
	    head, (const uint8_t *)text + taken, sizeof(text) - 1 - taken, &event);
	assert_string_equal(fr_http_head_request(head)->path, "/2");
	fr_http_head_free(head);
	fr_http_head_free(NULL);
}

static void the_first_and_the_last_of_a_name_are_found(void **state)
{
	struct fr_http_head *head =
	    whole("GET / HTTP/1.1\r\nHost: a\r\nVia:  1  \r\nX: 2\r\nVIA:3\r\n\r\n");

	(void)state;
	assert_string_equal(fr_http_head_field(head, "via"), "1");
	assert_string_equal(fr_http_head_last_field(head, "via"), "3");
	assert_string_equal(fr_http_head_last_field(head, "x"), "2");
	assert_null(fr_http_head_last_field(head, "y"));
	fr_http_head_free(head);
	assert_string_equal(fr_http_method_name(FR_HTTP_DELETE), "DELETE");
	assert_string_equal(fr_http_method_name(FR_HTTP_OTHER), "other");
}

static void without_limits_there_are_hard_ones(void **state)
{
	static const struct fr_http_head_limits rows[] = {
	    {0}, {.line_bytes = 1 << 30, .header_bytes = 1 << 30, .fields = 1 << 20}};
	enum {
		LINE = 64 * 1024
	};
	uint8_t *text = fr_xcalloc(LINE + 1, 1);
	struct fr_http_head_event event;

	(void)state;
	memset(text, 'a', LINE + 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fr_http_head *head = fr_http_head_new(&rows[i]);

		(void)fr_http_head_read(head, text, LINE, &event);
		assert_int_equal(event.state, FR_HTTP_HEAD_MORE);
		(void)fr_http_head_read(head, text, 1, &event);
		assert_int_equal(event.code, 414);
		fr_http_head_free(head);
	}
	free(text);
}

static void a_targets_host_has_at_most_255_characters(void **state)
{
	char text[512] = "GET http://";
	struct fr_cause why;
	size_t n = strlen(text);

	(void)state;
	memset(text + n, 'a', 256);
	(void)snprintf(text + n + 256, sizeof(text) - n - 256, "/ HTTP/1.1\r\nHost: a\r\n\r\n");
	assert_int_equal(verdict(text, strlen(text), &why), 400);
	assert_non_null(strstr(why.text, "255 characters in the target"));
}

static void a_host_has_at_most_255_characters(void **state)
{
	char text[512] = "GET / HTTP/1.1\r\nHost: ";
	struct fr_cause why;
	size_t n = strlen(text);

	(void)state;
	memset(text + n, 'a', 256);
	memcpy(text + n + 255, "\r\n\r\n", 5);
	assert_int_equal(verdict(text, strlen(text), &why), 200);
	memset(text + n, 'a', 256);
	memcpy(text + n + 256, "\r\n\r\n", 5);
	assert_int_equal(verdict(text, strlen(text), &why), 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_plain_request_is_told_apart),
	    cmocka_unit_test(an_absolute_target_says_the_host),
	    cmocka_unit_test(the_body_and_the_connection_are_told),
	    cmocka_unit_test(methods_are_known_by_their_exact_names),
	    cmocka_unit_test(hostile_requests_are_refused_however_they_are_cut),
	    cmocka_unit_test(the_request_line_has_its_limit),
	    cmocka_unit_test(header_lines_have_their_limits),
	    cmocka_unit_test(what_follows_a_head_is_left),
	    cmocka_unit_test(the_first_and_the_last_of_a_name_are_found),
	    cmocka_unit_test(without_limits_there_are_hard_ones),
	    cmocka_unit_test(a_targets_host_has_at_most_255_characters),
	    cmocka_unit_test(a_host_has_at_most_255_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
