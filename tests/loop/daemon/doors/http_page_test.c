/* SPDX-License-Identifier: MIT */
/* The http door on a real loop: the viewer page, its files, and what a browser without scripts sees. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "daemon/doors/door.h"
#include "daemon/doors/http/page_files.h"
#include "daemon/relay/relay.h"
#include "tests/support/frames_scene.h"
#include "tests/support/loop_runner.h"

#define H    "Host: relay.local:8080\r\n"
#define LAST "Connection: close\r\n\r\n"

/* Asks on a connection of its own and waits for the end of the answer, which has this in it. */
static struct fr_test_peer *ask(struct fr_test_frames *f, const char *request, const char *answer)
{
	struct fr_test_peer *c = fr_test_client(f);

	fr_test_say_line(c, request);
	(void)shutdown(c->fd, SHUT_WR);
	fr_test_expect_end(c, answer);
	return c;
}

static void expect(struct fr_test_frames *f, const char *request, const char *answer)
{
	fr_test_leave(ask(f, request, answer));
}

static void announces(void *arg, struct fr_text *lines)
{
	(void)arg;
	fr_text_add(lines, "publish with: framerelayd --publish \"<here>\"/NAME\n");
}

static void each_file_has_its_type_its_tag_and_all_its_bytes(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;
	char text[512], length[64];

	fr_test_frames_open(f);
	for (size_t i = 0; i < fr_page_file_count; i++) {
		const struct fr_page_file *file = &fr_page_files[i];

		assert_int_equal(file->bytes[file->size], '\0');
		assert_int_equal(strlen(file->bytes), file->size);
		if (strcmp(file->name, "index.html") == 0)
			continue; /* that is `/`, with more in it */
		(void)snprintf(text, sizeof(text), "GET /page/%s HTTP/1.1\r\n" H LAST, file->name);
		c = ask(f, text, "HTTP/1.1 200 OK\r\n");
		(void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n", file->size);
		assert_non_null(strstr((char *)c->got, length));
		assert_non_null(strstr((char *)c->got, file->type));
		assert_non_null(strstr((char *)c->got, file->tag));
		assert_non_null(strstr((char *)c->got, "Cache-Control: no-cache\r\n"));
		assert_non_null(
		    strstr((char *)c->got, "Content-Security-Policy: default-src 'self'"));
		assert_memory_equal(c->got + c->size - file->size, file->bytes, file->size);
		fr_test_leave(c);
		(void)snprintf(text, sizeof(text),
		    "GET /page/%s HTTP/1.1\r\n" H "If-None-Match: %s\r\n" LAST, file->name,
		    file->tag);
		expect(f, text, "HTTP/1.1 304 Not Modified\r\n");
	}
}

static void there_is_nothing_else(void **state)
{
	static const char *const rows[][2] = {
	    {"GET /page/nothing.js HTTP/1.1\r\n", "HTTP/1.1 404 "},
	    {"GET /page/ HTTP/1.1\r\n", "HTTP/1.1 404 "},
	    {"GET /page/index.html HTTP/1.1\r\n", "HTTP/1.1 404 "},
	    {"GET /page/app.js/x HTTP/1.1\r\n", "HTTP/1.1 404 "},
	    {"GET /page/../page.c HTTP/1.1\r\n", "HTTP/1.1 400 "},
	    {"GET /page HTTP/1.1\r\n", "HTTP/1.1 404 "},
	    {"PUT /page/app.js HTTP/1.1\r\nContent-Length: 0\r\n", "HTTP/1.1 405 "},
	};
	struct fr_test_frames *f = *state;
	char text[256];

	fr_test_frames_open(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s" H LAST, rows[i][0]);
		expect(f, text, rows[i][1]);
	}
}

static void head_answers_with_the_head_alone(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	c = ask(f, "HEAD /page/app.js HTTP/1.1\r\n" H LAST, "HTTP/1.1 200 OK\r\n");
	assert_memory_equal(c->got + c->size - 4, "\r\n\r\n", 4);
	fr_test_leave(c);
}

static void the_policy_names_the_host_for_websockets_where_it_can(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	expect(f, "GET / HTTP/1.1\r\n" H LAST,
	    "connect-src 'self' ws://relay.local:8080 wss://relay.local:8080\r\n");
	c = ask(f, "GET / HTTP/1.1\r\nHost: [::1]:8080\r\n" LAST, "connect-src 'self'\r\n");
	assert_null(strstr((char *)c->got, "'unsafe-"));
	fr_test_leave(c);
	expect(f, "GET / HTTP/1.0\r\nAccept: text/html\r\n\r\n", "connect-src 'self'\r\n");
}

/* One stream that is known, whose title would like to be more than text. */
static void configure(struct fr_test_frames *f)
{
	struct fr_stream_config *row = fr_xcalloc(1, sizeof(*row));

	memcpy(row->name, "porch", 6);
	row->title = strdup("<script>alert(\"&\")</script>");
	row->stale_after_ms = -1;
	fr_relay_set_streams(f->relay, row, 1, fr_clock_now_us());
}

static void the_page_holds_what_a_browser_without_scripts_needs(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	f->announce = announces;
	fr_test_frames_open(f);
	c = ask(f, "GET / HTTP/1.1\r\n" H LAST, "</html>");
	assert_non_null(strstr((char *)c->got, "No stream yet. Publish one:"));
	assert_null(strstr((char *)c->got, "{doors}"));
	assert_non_null(strstr((char *)c->got,
	    "content=\"publish with: framerelayd --publish &quot;&lt;here&gt;&quot;/NAME\n\">"));
	fr_test_leave(c);
	configure(f);
	c = ask(f, "GET / HTTP/1.1\r\n" H LAST, "</html>");
	assert_null(strstr((char *)c->got, "No stream yet. Publish one:"));
	assert_null(strstr((char *)c->got, "<script>alert"));
	assert_non_null(strstr((char *)c->got,
	    "<b>&lt;script&gt;alert(&quot;&amp;&quot;)&lt;/script&gt;</b> offline"));
	assert_non_null(strstr((char *)c->got, "href=\"/streams/porch.mjpg\""));
	fr_test_leave(c);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fr_test_http_setup, fr_test_frames_teardown)
	const struct CMUnitTest tests[] = {
	    T(each_file_has_its_type_its_tag_and_all_its_bytes),
	    T(there_is_nothing_else),
	    T(head_answers_with_the_head_alone),
	    T(the_policy_names_the_host_for_websockets_where_it_can),
	    T(the_page_holds_what_a_browser_without_scripts_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
