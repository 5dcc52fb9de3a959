/* SPDX-License-Identifier: MIT */
/*
 * The http door on a real loop: what browsers are told, for every kind of page (Origin), of name (Host) and of request.
 *
 * What is expected is computed from the kinds in the tables, not by the door's own rules.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/options.h"
#include "tests/support/http_scene.h"
#include "tests/support/loop_runner.h"

enum kind {
	NOBODY, /* no Origin: no page, or one of ours that only reads */
	HOME,   /* a name or an address of a private network */
	LISTED, /* https://dash.example, where allow_origins has it */
	NAMED,  /* the name in `hosts` */
	PUBLIC, /* an address or a name of the world */
	OPAQUE, /* no host at all */
};

static const struct {
	const char *origin;
	enum kind kind;
} pages[] = {
    {"", NOBODY},
    {"http://localhost", HOME},
    {"http://cam.local:8123", HOME},
    {"https://homeassistant:8123", HOME},
    {"http://192.168.1.9", HOME},
    {"http://10.0.0.1:1", HOME},
    {"http://[fd00::1]:80", HOME},
    {"http://127.0.0.2", HOME},
    {"https://dash.example", LISTED},
    {"https://relay.example:8443", NAMED},
    {"http://8.8.8.8", PUBLIC},
    {"http://[2001:db8::1]", PUBLIC},
    {"https://evil.example", PUBLIC},
    {"http://localhost.evil.example", PUBLIC},
    {"http://192.168.1.9.nip.example", PUBLIC},
    {"https://dash.example.evil.example", PUBLIC},
    {"https://dash.example:444", PUBLIC},
    {"http://dash.example", PUBLIC},
    {"null", OPAQUE},
    {"file://", OPAQUE},
    {"chrome-extension://localhost", OPAQUE},
};

static const struct {
	const char *host;
	bool is_good;
} hosts[] = {
    {"localhost", true},
    {"192.168.1.9", true},
    {"8.8.8.8", true},
    {"relay.example:8443", true},
    {"evil.example", false},
};

static const struct {
	const char *const items[2];
	size_t count;
	bool home, listed, others;
} allowed[] = {
    {{"private"}, 1, true, false, false},
    {{NULL}, 0, false, false, false},
    {{"https://dash.example"}, 1, false, true, false},
    {{"private", "HTTPS://Dash.Example"}, 2, true, true, false},
    {{"*"}, 1, true, true, true},
};

static const struct {
	const char *line;
	const char *code; /* for who may */
	bool writes, is_picture;
} requests[] = {
    {"GET /healthz", "200", false, false},
    {"GET /streams", "200", false, false},
    {"GET /nothing", "404", false, false},
    {"GET /streams/cam.jpg", "200", false, true},
    {"HEAD /streams/cam.mjpg", "200", false, true},
    {"OPTIONS /streams/cam", "204", false, false},
    {"POST /streams/cam", "411", true, false},
    {"PUT /streams/cam", "411", true, false},
    {"POST /streams/cam/messages", "411", true, false},
    {"DELETE /streams/cam", "405", true, false},
};

/* Whether the page may read answers, and change something. */
static bool is_allowed(size_t rule, size_t page, size_t host)
{
	const char *at = strstr(pages[page].origin, "://");

	if (at != NULL && strcmp(at + 3, hosts[host].host) == 0)
		return true; /* our own page */
	switch (pages[page].kind) {
	case NOBODY:
		return false;
	case HOME:
	case NAMED:
		return allowed[rule].home || allowed[rule].others;
	case LISTED:
		return allowed[rule].listed || allowed[rule].others;
	case PUBLIC:
	case OPAQUE:
		break;
	}
	return allowed[rule].others;
}

static bool has(const struct fr_test_peer *c, const char *name, const char *value, const char *end)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "%s%s%s", name, value, end);
	return memmem(c->got, c->size, text, strlen(text)) != NULL;
}

static void check(struct fr_test_frames *f, size_t rule, size_t page, size_t host, size_t request)
{
	const bool may = is_allowed(rule, page, host), is_page = pages[page].kind != NOBODY;
	const bool is_good = hosts[host].is_good;
	const bool refused = requests[request].writes && is_page && !may;
	const bool is_picture = requests[request].is_picture && is_good;
	const char *code = !is_good ? "421" : refused ? "403" : requests[request].code;
	const bool is_preflight = is_good && strncmp(requests[request].line, "OPTIONS", 7) == 0;
	struct fr_test_peer *c = fr_test_client(f);
	char text[512];

	(void)snprintf(text, sizeof(text),
	    "%s HTTP/1.1\r\nConnection: close\r\nHost: %s\r\n%s%s%s\r\n", requests[request].line,
	    hosts[host].host, is_page ? "Origin: " : "", pages[page].origin, is_page ? "\r\n" : "");
	fr_test_say_line(c, text);
	fr_test_expect_end(c, "X-Content-Type-Options: nosniff\r\n");
	if (!has(c, "HTTP/1.1 ", code, " ") || has(c, "Vary: Origin", "", "\r\n") != is_page ||
	    has(c, "Access-Control-Allow-Origin: ", pages[page].origin, "\r\n") !=
	        (is_page && may) ||
	    has(c, "Access-Control-Allow-Origin", "", "") != (is_page && may) ||
	    has(c, "Access-Control-Allow-Methods: ", "GET, HEAD, POST, PUT", "\r\n") !=
	        (is_preflight && is_page && may) ||
	    has(c, "Access-Control-Allow-Credentials", "", "") ||
	    !has(c, "Cross-Origin-Resource-Policy: ", is_picture ? "cross-origin" : "same-origin",
	        "\r\n") ||
	    has(c, "Content-Security-Policy: default-src 'none'", "", ";") ==
	        (is_picture || is_preflight))
		fail_msg("rule %zu\n%s%s", rule, text, (char *)c->got);
	fr_test_leave(c);
}

static void pages_read_and_change_what_the_rules_say(void **state)
{
	static const char *const own[] = {"relay.example"};
	struct fr_test_frames *f = *state;

	f->limits.accept_rate = 0;
	f->limits.accept_rate_per_address = 0;
	f->limits.stale_after_ms = 3600 * 1000; /* the picture serves all the requests */
	assert_int_equal(fr_options_set_list(f->options, "hosts", own, 1, NULL), 0);
	for (size_t rule = 0; rule < sizeof(allowed) / sizeof(allowed[0]); rule++) {
		assert_int_equal(fr_options_set_list(f->options, "allow_origins",
		                     allowed[rule].items, allowed[rule].count, NULL),
		    0);
		fr_test_frames_open(f);
		fr_test_leave(published(f));
		for (size_t page = 0; page < sizeof(pages) / sizeof(pages[0]); page++)
			for (size_t host = 0; host < sizeof(hosts) / sizeof(hosts[0]); host++)
				for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
					check(f, rule, page, host, i);
		fr_test_frames_close(f);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fr_test_http_setup, fr_test_frames_teardown)
	const struct CMUnitTest tests[] = {
	    T(pages_read_and_change_what_the_rules_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
