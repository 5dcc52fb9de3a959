/* SPDX-License-Identifier: MIT */
/* The http door on a real loop: requests, refusals, deadlines, and the rules for browsers and proxies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>

#include <cmocka.h>

#include "common/media/frame.h"
#include "daemon/doors/door.h"
#include "daemon/relay/relay.h"
#include "tests/support/frames_scene.h"
#include "tests/support/loop_runner.h"

#define H   "Host: localhost\r\n"
#define END "\r\n"

/* One request on a connection of its own, ended by the answer. */
static void expect(struct fr_test_frames *f, const char *request, const char *answer)
{
	struct fr_test_peer *c = fr_test_client(f);

	fr_test_say_line(c, request);
	(void)shutdown(c->fd, SHUT_WR);
	fr_test_expect_end(c, answer);
	fr_test_leave(c);
}

static void requests_follow_each_other_on_one_connection(void **state)
{
	static const char request[] = "GET /healthz HTTP/1.1\r\n" H END;
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;
	const char *first;

	fr_test_frames_open(f);
	c = fr_test_client(f);
	fr_test_say_line(c, request);
	first = fr_test_expect_text(c, "\r\n\r\nok\n");
	assert_non_null(strstr((char *)c->got, "HTTP/1.1 200 OK\r\n"));
	c->size = 0;
	/* Three at once, the last one asks to end. */
	fr_test_say_line(c, "GET /healthz HTTP/1.1\r\n" H END "HEAD /healthz HTTP/1.1\r\n" H END
	                    "GET /healthz HTTP/1.1\r\nConnection: close\r\n" H END);
	fr_test_expect_end(c, "Connection: close");
	first = strstr((char *)c->got, "HTTP/1.1 200");
	first = strstr(first + 1, "HTTP/1.1 200");
	assert_non_null(strstr(first + 1, "HTTP/1.1 200"));
	fr_test_leave(c);
}

static void a_request_may_come_byte_by_byte(void **state)
{
	static const char request[] = "GET /healthz HTTP/1.1\r\n" H END;
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	c = fr_test_client(f);
	for (size_t i = 0; i < sizeof(request) - 1; i++) {
		fr_test_say(c, request + i, 1);
		fr_test_turn(f->loop, 1);
	}
	(void)fr_test_expect_text(c, "ok\n");
	fr_test_leave(c);
}

static void a_refused_request_is_the_last_of_its_connection(void **state)
{
	static const struct {
		const char *request, *answer;
		enum fr_reason reason;
	} rows[] = {
	    {"POST /healthz HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n" END,
	        "HTTP/1.1 501 ", FR_REASON_te_unsupported},
	    {"POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n" END,
	        "HTTP/1.1 400 ", FR_REASON_http_malformed},
	    {"GET / HTTP/1.1\r\n" END, "HTTP/1.1 400 ", FR_REASON_http_malformed},
	    {"GET /../etc HTTP/1.1\r\n" H END, "HTTP/1.1 400 ", FR_REASON_http_malformed},
	    {"GET / HTTP/3.0\r\n" H END, "HTTP/1.1 505 ", FR_REASON_http_version},
	    {"POST /streams/a HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END "0x5\r\n",
	        "HTTP/1.1 400 ", FR_REASON_http_malformed},
	    {"POST /streams/a HTTP/1.1\r\n" H
	     "Content-Type: text/plain\r\nContent-Length: 5\r\n" END "{\"a\"}",
	        "HTTP/1.1 415 ", FR_REASON_media_type},
	};
	struct fr_test_frames *f = *state;
	char text[512];

	fr_test_frames_open(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint64_t before = fr_test_rejected(rows[i].reason);
		struct fr_test_peer *c = fr_test_client(f);

		(void)snprintf(
		    text, sizeof(text), "%sGET /healthz HTTP/1.1\r\n" H END, rows[i].request);
		fr_test_say_line(c, text);
		fr_test_expect_end(c, rows[i].answer);
		assert_non_null(strstr((char *)c->got, "{\"error\":{\"code\":"));
		assert_null(strstr((char *)c->got, "ok\n"));
		assert_int_equal(fr_test_rejected(rows[i].reason), before + 1);
		fr_test_leave(c);
	}
}

/* Else a request could be hidden in another one's body. */
static void what_nobody_reads_is_no_request(void **state)
{
	static const char *const rows[][2] = {
	    {"GET /healthz HTTP/1.1\r\n" H "Content-Length: 42\r\n" END, "HTTP/1.1 200 "},
	    {"GET /healthz HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n" END, "HTTP/1.1 200 "},
	    {"GET /streams HTTP/1.1\r\n" H "Content-Length: 42\r\n" END, "HTTP/1.1 200 "},
	    {"OPTIONS / HTTP/1.1\r\n" H "Content-Length: 42\r\n" END, "HTTP/1.1 204 "},
	    {"get /healthz HTTP/1.1\r\n" H END, "HTTP/1.1 501 "},
	    {"CONNECT a:80 HTTP/1.1\r\n" H END, "HTTP/1.1 405 "},
	    {"TRACE / HTTP/1.1\r\n" H END, "HTTP/1.1 405 "},
	};
	struct fr_test_frames *f = *state;
	char text[256];

	fr_test_frames_open(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fr_test_peer *c = fr_test_client(f);

		(void)snprintf(text, sizeof(text), "%sGET /nothing HTTP/1.1\r\n" H END, rows[i][0]);
		fr_test_say_line(c, text);
		fr_test_expect_end(c, rows[i][1]);
		assert_non_null(strstr((char *)c->got, "Connection: close\r\n"));
		assert_null(strstr((char *)c->got, "HTTP/1.1 404 "));
		fr_test_leave(c);
	}
}

static void an_address_takes_its_methods_only(void **state)
{
	static const char *const rows[][2] = {
	    {"DELETE /streams HTTP/1.1\r\n", "HTTP/1.1 405 "},
	    {"TRACE / HTTP/1.1\r\n", "HTTP/1.1 405 "},
	    {"CONNECT a:1 HTTP/1.1\r\n", "HTTP/1.1 405 "},
	    {"POST /streams HTTP/1.1\r\n", "Allow: GET, HEAD, OPTIONS\r\n"},
	    {"DELETE /streams/a HTTP/1.1\r\n", "Allow: GET, HEAD, POST, PUT, OPTIONS\r\n"},
	    {"PUT /streams/a/messages HTTP/1.1\r\n", "Allow: GET, HEAD, POST, OPTIONS\r\n"},
	    {"PUT /streams/a.jpg HTTP/1.1\r\n", "HTTP/1.1 405 "},
	    {"BREW / HTTP/1.1\r\n", "HTTP/1.1 501 "},
	    {"get / HTTP/1.1\r\n", "HTTP/1.1 501 "},
	    {"POST /streams/a HTTP/1.1\r\n", "HTTP/1.1 411 "},
	    {"POST /streams/a/messages HTTP/1.1\r\n", "HTTP/1.1 411 "},
	    {"OPTIONS * HTTP/1.1\r\n", "HTTP/1.1 204 "},
	    {"GET /nothing HTTP/1.1\r\n", "HTTP/1.1 404 "},
	    {"GET /streams/a.gif HTTP/1.1\r\n", "HTTP/1.1 404 "},
	    {"GET /streams/-a HTTP/1.1\r\n", "HTTP/1.1 404 "},
	    {"GET /streams/nobody HTTP/1.1\r\n", "HTTP/1.1 404 "},
	    {"GET /streams/nobody.jpg HTTP/1.1\r\n", "HTTP/1.1 404 "},
	    {"GET /streams/nobody.mjpg HTTP/1.1\r\n", "HTTP/1.1 404 "},
	    {"GET /video_feed HTTP/1.1\r\n", "HTTP/1.1 404 "},
	    {"GET / HTTP/1.1\r\n", "Content-Security-Policy: default-src 'self'"},
	};
	struct fr_test_frames *f = *state;
	char text[256];

	fr_test_frames_open(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(text, sizeof(text), "%sConnection: close\r\n" H END, rows[i][0]);
		expect(f, text, rows[i][1]);
	}
}

/* Sends one more byte of a header line whenever the loop has turned. */
static bool trickles_until_closed(void *arg)
{
	struct fr_test_peer *c = arg;

	if (!fr_test_is_closed(c) && c->size == 0)
		(void)send(c->fd, "x", 1, MSG_NOSIGNAL);
	return c->closed;
}

static void a_head_that_is_not_whole_in_time_ends_with_408(void **state)
{
	static const char *const beginnings[] = {
	    "", "GET / HT", "GET / HTTP/1.1\r\nHost: localhost\r\n"};
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	f->limits.http_header_timeout_ms = 300;
	f->limits.http_header_bytes = 0; /* as much as there may ever be: time has to end it */
	fr_test_frames_open(f);
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++) {
		c = fr_test_client(f);
		fr_test_say_line(c, beginnings[i]);
		fr_test_expect_end(c, "HTTP/1.1 408 ");
		fr_test_leave(c);
	}
	c = fr_test_client(f);
	fr_test_say_line(c, "GET / HTTP/1.1\r\nX: ");
	fr_test_until(f->loop, trickles_until_closed, c);
	assert_non_null(strstr((char *)c->got, "HTTP/1.1 408 "));
	assert_int_equal(fr_test_rejected(FR_REASON_header_timeout), 4);
	fr_test_leave(c);
}

static void a_connection_that_asks_nothing_more_is_closed_without_a_word(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	f->limits.keep_alive_timeout_ms = 300;
	fr_test_frames_open(f);
	c = fr_test_client(f);
	fr_test_say_line(c, "GET /healthz HTTP/1.1\r\n" H END);
	fr_test_expect_end(c, "ok\n");
	assert_null(strstr((char *)c->got, "408"));
	fr_test_leave(c);
}

static void a_connection_has_so_many_requests(void **state)
{
	struct fr_test_frames *f = *state;

	f->limits.http_requests_per_connection = 2;
	fr_test_frames_open(f);
	expect(f, "GET /healthz HTTP/1.1\r\n" H END "GET /healthz HTTP/1.1\r\n" H END,
	    "Connection: close");
}

static void only_names_of_this_machine_are_answered(void **state)
{
	static const char *const good[] = {"127.0.0.1", "192.0.2.7:8080", "[2001:db8::1]:80",
	    "localhost", "cam", "cam.local", "CAM.Lan:8080", "x.home.arpa", "relay.internal",
	    "relay.example"};
	static const char *const bad[] = {
	    "evil.example", "local.evil.example", "xlocal.com", "127.0.0.1.nip.io"};
	struct fr_test_frames *f = *state;
	const char *const hosts[] = {"relay.example"};
	char text[256];

	assert_int_equal(fr_options_set_list(f->options, "hosts", hosts, 1, NULL), 0);
	fr_test_frames_open(f);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		(void)snprintf(
		    text, sizeof(text), "GET /healthz HTTP/1.1\r\nHost: %s\r\n" END, good[i]);
		expect(f, text, "HTTP/1.1 200 ");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)snprintf(
		    text, sizeof(text), "GET /healthz HTTP/1.1\r\nHost: %s\r\n" END, bad[i]);
		expect(f, text, "HTTP/1.1 421 ");
	}
	assert_int_equal(fr_test_rejected(FR_REASON_host_refused), sizeof(bad) / sizeof(bad[0]));
	expect(f, "GET /healthz HTTP/1.0\r\n" END, "HTTP/1.1 200 ");
}

static void pages_of_other_hosts_read_nothing_and_change_nothing(void **state)
{
	static const struct {
		const char *origin;
		bool allowed;
	} rows[] = {
	    {"http://localhost", true},
	    {"http://cam.local:8123", true},
	    {"https://192.168.1.9", true},
	    {"http://[fd00::1]:80", true},
	    {"https://dash.example", true},
	    {"https://DASH.example", true},
	    {"http://dash.example", false},
	    {"https://evil.example", false},
	    {"http://192.0.2.7", false},
	    {"http://[2001:db8::1]", false},
	    {"null", false},
	    {"file://", false},
	    {"chrome-extension://localhost", false},
	};
	static const char *const origins[] = {"private", "https://dash.example"};
	struct fr_test_frames *f = *state;
	char text[512];

	assert_int_equal(fr_options_set_list(f->options, "allow_origins", origins, 2, NULL), 0);
	fr_test_frames_open(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fr_test_peer *c = fr_test_client(f);

		(void)snprintf(text, sizeof(text),
		    "GET /healthz HTTP/1.1\r\nHost: 10.0.0.1\r\nConnection: close\r\nOrigin: "
		    "%s\r\n" END,
		    rows[i].origin);
		fr_test_say_line(c, text);
		fr_test_expect_end(c, "Vary: Origin\r\n");
		(void)snprintf(
		    text, sizeof(text), "Access-Control-Allow-Origin: %s\r\n", rows[i].origin);
		if ((strstr((char *)c->got, text) != NULL) != rows[i].allowed)
			fail_msg("%s", rows[i].origin);
		fr_test_leave(c);
		(void)snprintf(text, sizeof(text),
		    "POST /streams/a HTTP/1.1\r\nHost: 10.0.0.1\r\nConnection: close\r\nOrigin: "
		    "%s\r\n" END,
		    rows[i].origin);
		expect(f, text, rows[i].allowed ? "HTTP/1.1 411 " : "HTTP/1.1 403 ");
	}
	expect(f, "POST /streams/a HTTP/1.1\r\nHost: 192.0.2.7\r\nOrigin: http://192.0.2.7\r\n" END,
	    "HTTP/1.1 411 "); /* our own page */
	expect(f, "OPTIONS /streams HTTP/1.1\r\n" H "Origin: https://dash.example\r\n" END,
	    "Access-Control-Allow-Methods: GET");
}

static void who_comes_through_a_proxy_is_not_the_proxy(void **state)
{
	static const char *const rows[][2] = {
	    {"", "HTTP/1.1 200 "},
	    {"X-Forwarded-For: 192.168.1.2\r\n", "HTTP/1.1 200 "},
	    {"X-Forwarded-For: 192.168.1.2, 203.0.113.9\r\n", "HTTP/1.1 403 "},
	    {"X-Forwarded-For: 203.0.113.9, 192.168.1.2:4711, 127.0.0.1\r\n", "HTTP/1.1 200 "},
	    {"X-Forwarded-For: 192.168.1.2\r\nX-Forwarded-For: 203.0.113.9\r\n", "HTTP/1.1 403 "},
	    {"X-Forwarded-For: unknown\r\n", "HTTP/1.1 403 "},
	    {"X-Forwarded-For: \r\n", "HTTP/1.1 403 "},
	    {"Forwarded: for=192.168.1.2\r\n", "HTTP/1.1 403 "},
	};
	struct fr_test_frames *f = *state;
	const char *const proxies[] = {"127.0.0.1"};
	char text[256];

	assert_int_equal(fr_options_set_list(f->options, "trusted_proxies", proxies, 1, NULL), 0);
	fr_test_frames_open(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(
		    text, sizeof(text), "GET /streams HTTP/1.1\r\n" H "%s" END, rows[i][0]);
		expect(f, text, rows[i][1]);
	}
}

static struct fr_test_peer *asking_for(struct fr_test_frames *f, const char *client)
{
	struct fr_test_peer *c = fr_test_client(f);
	char text[256];

	(void)snprintf(
	    text, sizeof(text), "GET /healthz HTTP/1.1\r\nX-Forwarded-For: %s\r\n" H END, client);
	fr_test_say_line(c, text);
	return c;
}

static void the_limits_of_an_address_are_those_of_a_proxys_client(void **state)
{
	struct fr_test_frames *f = *state;
	const char *const proxies[] = {"127.0.0.1"};
	struct fr_test_peer *two[2], *c;

	assert_int_equal(fr_options_set_list(f->options, "trusted_proxies", proxies, 1, NULL), 0);
	f->limits.max_connections_per_address = 2;
	fr_test_frames_open(f);
	for (size_t i = 0; i < 2; i++) {
		two[i] = asking_for(f, "192.168.1.2");
		(void)fr_test_expect_text(two[i], "ok\n");
	}
	c = asking_for(f, "192.168.1.2");
	fr_test_expect_end(c, "HTTP/1.1 429 ");
	assert_non_null(strstr((char *)c->got, "max_connections_per_address = 2"));
	assert_int_equal(fr_test_rejected(FR_REASON_conn_limit_addr), 1);
	fr_test_leave(c);
	c = asking_for(f, "192.168.1.3");
	(void)fr_test_expect_text(c, "ok\n");
	/* The next request on it is the other one's, who has two already. */
	fr_test_say_line(c, "GET /healthz HTTP/1.1\r\nX-Forwarded-For: 192.168.1.2\r\n" H END);
	fr_test_expect_end(c, "HTTP/1.1 429 ");
	fr_test_leave(c);
	fr_test_leave(two[0]);
	fr_test_leave(two[1]);
	/* One that names nobody, or nobody who could be known, is its own client. */
	for (size_t i = 0; i < 2; i++) {
		two[i] = asking_for(f, i == 0 ? "127.0.0.1" : "unknown");
		(void)fr_test_expect_text(two[i], "ok\n");
	}
	c = fr_test_client(f);
	fr_test_say_line(c, "GET /healthz HTTP/1.1\r\n" H END);
	fr_test_expect_end(c, "HTTP/1.1 429 ");
	fr_test_leave(c);
	fr_test_leave(two[0]);
	fr_test_leave(two[1]);
}

static void a_proxy_that_is_not_trusted_opens_nothing(void **state)
{
	struct fr_test_frames *f = *state;

	fr_test_frames_open(f);
	expect(f, "GET /streams HTTP/1.1\r\n" H "X-Forwarded-For: 192.168.1.2\r\n" END,
	    "trusted_proxies = [ \\\"127.0.0.1\\\" ]");
	expect(f, "GET /streams HTTP/1.1\r\n" H END, "HTTP/1.1 200 ");
}

/* Fifty scrapers get the same text while it is fresh; it is made anew afterwards. */
static void metrics_are_made_once_for_all(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	expect(f, "GET /metrics HTTP/1.1\r\n" H END, "framerelayd_connections_accepted_total 1\n");
	c = fr_test_client(f);
	for (unsigned i = 0; i < 50; i++)
		fr_test_say_line(c, "GET /metrics HTTP/1.1\r\n" H END);
	(void)fr_test_expect_text(c, "framerelayd_connections_accepted_total 1\n");
	assert_int_equal(fr_frame_pool_frames(f->pool), 1);
	fr_test_leave(c);
	expect(f, "HEAD /metrics HTTP/1.1\r\n" H END, "Content-Type: text/plain; version=0.0.4");
}

static void without_memory_there_are_no_metrics(void **state)
{
	struct fr_test_frames *f = *state;

	fr_test_frames_open(f);
	fr_frame_pool_set_budget(f->pool, 1);
	expect(f, "GET /metrics HTTP/1.1\r\n" H END, "HTTP/1.1 503 ");
}

static void only_who_may_see_everything_does(void **state)
{
	static const char *const paths[] = {"/status", "/subscribers"};
	struct fr_test_frames *f = *state;
	const char *const proxies[] = {"127.0.0.1"};
	char text[256];

	assert_int_equal(fr_options_set_list(f->options, "trusted_proxies", proxies, 1, NULL), 0);
	fr_test_frames_open(f);
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		(void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" H END, paths[i]);
		expect(f, text, "HTTP/1.1 200 ");
		(void)snprintf(text, sizeof(text),
		    "GET %s HTTP/1.1\r\n" H "X-Forwarded-For: 192.168.1.2\r\n" END, paths[i]);
		expect(f, text, "HTTP/1.1 403 ");
		(void)snprintf(text, sizeof(text),
		    "POST %s HTTP/1.1\r\n" H "Content-Length: 0\r\n" END, paths[i]);
		expect(f, text, "HTTP/1.1 405 ");
	}
	expect(f, "GET /subscribers HTTP/1.1\r\n" H END, "\r\n\r\n[]");
}

static void metrics_are_text_for_prometheus(void **state)
{
	struct fr_test_frames *f = *state;

	fr_test_frames_open(f);
	expect(f, "GET /nothing HTTP/1.1\r\n" H END, "404");
	expect(f, "GET /metrics HTTP/1.1\r\n" H END,
	    "# TYPE framerelayd_connections_accepted_total counter\n");
	expect(f, "GET /metrics HTTP/1.1\r\n" H END,
	    "framerelayd_rejected_total{door=\"http\",reason=\"no_such_path\"} 1\n");
}

static void whoever_asks_and_never_reads_is_closed(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;
	unsigned sent = 0;

	f->limits.http_requests_per_connection = 0;
	f->limits.subscriber_stall_ms = 300;
	fr_test_frames_open(f);
	c = fr_test_client(f);
	/* Until the door reads no more, and then until it has closed. */
	while (
	    send(c->fd, "GET /metrics HTTP/1.1\r\n" H END, 42, MSG_NOSIGNAL | MSG_DONTWAIT) > 0 ||
	    sent < 100) {
		fr_test_turn(f->loop, 1);
		if (++sent > 2000000 || fr_test_rejected(FR_REASON_slow_subscriber) != 0)
			break;
	}
	assert_true(fr_frame_pool_bytes(f->pool) < 256 * 1024);
	while (fr_test_rejected(FR_REASON_slow_subscriber) == 0)
		fr_test_turn(f->loop, 1);
	fr_test_leave(c);
}

static void a_stop_ends_idle_connections_at_once(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	c = fr_test_client(f);
	fr_test_say_line(c, "GET /healthz HTTP/1.1\r\n" H END);
	(void)fr_test_expect_text(c, "ok\n");
	f->door->ops->drain(f->door);
	fr_test_until(f->loop, fr_test_is_closed, c);
	fr_test_leave(c);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fr_test_http_setup, fr_test_frames_teardown)
	const struct CMUnitTest tests[] = {
	    T(requests_follow_each_other_on_one_connection),
	    T(a_request_may_come_byte_by_byte),
	    T(a_refused_request_is_the_last_of_its_connection),
	    T(what_nobody_reads_is_no_request),
	    T(an_address_takes_its_methods_only),
	    T(a_head_that_is_not_whole_in_time_ends_with_408),
	    T(a_connection_that_asks_nothing_more_is_closed_without_a_word),
	    T(a_connection_has_so_many_requests),
	    T(only_names_of_this_machine_are_answered),
	    T(pages_of_other_hosts_read_nothing_and_change_nothing),
	    T(who_comes_through_a_proxy_is_not_the_proxy),
	    T(the_limits_of_an_address_are_those_of_a_proxys_client),
	    T(a_proxy_that_is_not_trusted_opens_nothing),
	    T(metrics_are_text_for_prometheus),
	    T(metrics_are_made_once_for_all),
	    T(without_memory_there_are_no_metrics),
	    T(only_who_may_see_everything_does),
	    T(whoever_asks_and_never_reads_is_closed),
	    T(a_stop_ends_idle_connections_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
