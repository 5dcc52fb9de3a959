/* SPDX-License-Identifier: MIT */
/* The http door on a real loop: pictures and messages in by POST and PUT, good ones and bad ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include <cmocka.h>

#include "common/base/options.h"
#include "common/base/stats.h"
#include "daemon/doors/door.h"
#include "daemon/verifier.h"
#include "tests/support/http_scene.h"
#include "tests/support/loop_runner.h"

/* Sends a body with these header lines. @return the connection, to be looked at */
static struct fr_test_peer *post(
    struct fr_test_frames *f, const char *lines, const void *body, size_t size, bool with_length)
{
	struct fr_test_peer *c = fr_test_client(f);
	char head[512];

	if (with_length)
		(void)snprintf(head, sizeof(head),
		    "POST /streams/cam HTTP/1.1\r\n" H "%sContent-Length: %zu\r\n" END, lines,
		    size);
	else
		(void)snprintf(head, sizeof(head),
		    "POST /streams/cam HTTP/1.1\r\n" H "%sTransfer-Encoding: chunked\r\n" END,
		    lines);
	fr_test_say_line(c, head);
	if (!with_length) {
		/* Two chunks, cut inside the first picture. */
		(void)snprintf(head, sizeof(head), "%x\r\n", 100);
		fr_test_say_line(c, head);
		fr_test_say(c, body, 100);
		(void)snprintf(head, sizeof(head), "\r\n%zX;x=y\r\n", size - 100);
		fr_test_say_line(c, head);
		fr_test_say(c, (const uint8_t *)body + 100, size - 100);
		fr_test_say_line(c, "\r\n0\r\n\r\n");
	} else {
		fr_test_say(c, body, size);
	}
	return c;
}

struct body {
	uint8_t bytes[64 * 1024];
	size_t size;
};

static void add(struct body *b, const void *bytes, size_t size)
{
	assert_true(b->size + size <= sizeof(b->bytes));
	memcpy(b->bytes + b->size, bytes, size);
	b->size += size;
}

static void add_line(struct body *b, const char *line)
{
	add(b, line, strlen(line));
}

static void every_form_of_a_body_publishes(void **state)
{
	struct fr_test_frames *f = *state;
	static struct body two, parts, form;
	const struct {
		const char *lines;
		const struct body *body;
		const char *answer;
	} rows[] = {
	    {"", &two, "{\"published\":2}"},
	    {"Content-Type: application/x-www-form-urlencoded\r\n", &two, "{\"published\":2}"},
	    {"Content-Type: video/x-motion-jpeg\r\n", &two, "{\"published\":2}"},
	    {"", &parts, "{\"published\":2}"},
	    {"Content-Type: multipart/x-mixed-replace; boundary=b\r\n", &parts,
	        "{\"published\":2}"},
	    {"Content-Type: multipart/form-data; boundary=b\r\n", &form, "{\"published\":1}"},
	};

	two.size = parts.size = form.size = 0;
	add(&two, f->picture.bytes, f->picture.size);
	add(&two, f->picture.bytes, f->picture.size);
	for (unsigned i = 0; i < 2; i++) {
		add_line(&parts, "--b\r\nContent-Type: image/jpeg\r\n\r\n");
		add(&parts, f->picture.bytes, f->picture.size);
		add_line(&parts, "\r\n");
	}
	add_line(
	    &form, "--b\r\nContent-Disposition: form-data; name=\"x\"; filename=\"a.jpg\"\r\n\r\n");
	add(&form, f->picture.bytes, f->picture.size);
	add_line(&form, "\r\n--b--\r\n");

	fr_test_frames_open(f);
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		struct fr_test_peer *c = post(f, rows[i / 2].lines, rows[i / 2].body->bytes,
		    rows[i / 2].body->size, i % 2 != 0);

		(void)fr_test_expect_text(c, rows[i / 2].answer);
		/* What was behind it is not lost. */
		fr_test_say_line(c, "GET /healthz HTTP/1.1\r\n" H END);
		(void)fr_test_expect_text(c, "ok\n");
		fr_test_leave(c);
	}
}

static void each_of_several_requests_in_a_row_counts_its_own_bytes(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;
	static struct body all;
	char head[256];

	(void)snprintf(head, sizeof(head),
	    "PUT /streams/cam HTTP/1.1\r\n" H
	    "Content-Type: image/jpeg\r\nContent-Length: %zu\r\n" END,
	    f->picture.size);
	all.size = 0;
	for (unsigned i = 0; i < 3; i++) {
		add_line(&all, head);
		add(&all, f->picture.bytes, f->picture.size);
		add_line(&all, "GET /healthz HTTP/1.1\r\n" H END);
	}
	fr_test_frames_open(f);
	c = fr_test_client(f);
	fr_test_say(c, all.bytes, all.size);
	while (fr_stat_value(FR_STAT_frames_published) != 3)
		fr_test_turn(f->loop, 1);
	assert_int_equal(
	    fr_stat_value(FR_STAT_bytes_received), 3 * (int64_t)(strlen(head) + f->picture.size));
	fr_test_leave(c);
}

static void one_picture_may_hold_what_ends_others(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_jpeg odd = fr_test_jpeg_comment(32, 32, 80, "\xff\xd9\r\n--b--\r\n", 11);
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	c = post(f, "Content-Type: image/jpeg\r\n", odd.bytes, odd.size, true);
	(void)fr_test_expect_text(c, "{\"published\":1}");
	fr_test_leave(c);
	c = asking(f, "GET /streams/cam.jpg", "Connection: close\r\n");
	fr_test_expect_end(c, "200 OK");
	assert_memory_equal(c->got + c->size - odd.size, odd.bytes, odd.size);
	fr_test_leave(c);
	fr_test_jpeg_done(&odd);
}

static void a_bad_body_is_told_what_is_wrong(void **state)
{
	struct fr_test_frames *f = *state;
	static uint8_t text[4096];
	static struct body half;
	const struct {
		const char *lines;
		const void *bytes;
		size_t size;
		const char *answer;
	} rows[] = {
	    {"Content-Type: image/jpeg\r\n", text, 200, "HTTP/1.1 415 "},
	    {"", text, 200, "HTTP/1.1 4"},
	    {"", "PUB cam records=1\n", 18, "HTTP/1.1 415 "},
	    {"", "GET / HTTP/1.1\r\n\r\n", 18, "HTTP/1.1 415 "},
	    {"Content-Type: application/json\r\n", "{}", 2, "HTTP/1.1 415 "},
	    {"Content-Encoding: gzip\r\n", text, 200, "HTTP/1.1 415 "},
	    {"Content-Type: multipart/form-data; boundary=b\r\n", text, 200, "HTTP/1.1 400 "},
	    {"", half.bytes, f->picture.size + 100, "HTTP/1.1 400 "},
	    {"", half.bytes, f->picture.size + 100, "\"published\":1}"},
	};

	memset(text, 'x', sizeof(text));
	half.size = 0;
	add(&half, f->picture.bytes, f->picture.size);
	add(&half, f->picture.bytes, 100);
	fr_test_frames_open(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fr_test_peer *c = post(f, rows[i].lines, rows[i].bytes, rows[i].size, true);

		(void)fr_test_expect_text(c, rows[i].answer);
		fr_test_leave(c);
	}
	f->limits.max_frame_bytes = 1024;
	expect(f, "PUT /streams/cam", "Content-Type: image/jpeg\r\nContent-Length: 1025\r\n",
	    "HTTP/1.1 413 ");
}

static void a_body_that_stops_ends_in_time(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	f->limits.first_byte_timeout_ms = 300;
	f->limits.http_body_timeout_ms = 300;
	f->limits.frame_timeout_ms = 300;
	fr_test_frames_open(f);
	c = asking(f, "POST /streams/cam", "Content-Length: 1000\r\nContent-Type: image/jpeg\r\n");
	fr_test_say(c, f->picture.bytes, 500);
	fr_test_expect_end(c, "HTTP/1.1 408 ");
	assert_int_equal(fr_test_rejected(FR_REASON_frame_timeout), 1);
	fr_test_leave(c);

	/* Nor may it begin never, or not end behind the last delimiter. */
	c = asking(f, "POST /streams/cam", "Content-Length: 1000\r\n");
	fr_test_expect_end(c, "HTTP/1.1 408 ");
	assert_int_equal(fr_test_rejected(FR_REASON_first_byte_timeout), 1);
	fr_test_leave(c);
	c = asking(f, "POST /streams/cam", "Content-Length: 100000\r\n");
	fr_test_say_line(c, "--b\r\n\r\n");
	fr_test_say(c, f->picture.bytes, f->picture.size);
	fr_test_say_line(c, "\r\n--b--\r\nGET /healthz HTTP/1.1\r\n" H END);
	fr_test_expect_end(c, "{\"published\":1}");
	assert_null(strstr((char *)c->got, "ok\n"));
	fr_test_leave(c);

	/* A peer that is gone inside a picture leaves no half one. */
	c = asking(f, "POST /streams/cam", "Content-Length: 1000\r\nContent-Type: image/jpeg\r\n");
	fr_test_say(c, f->picture.bytes, 500);
	(void)shutdown(c->fd, SHUT_WR);
	fr_test_until(f->loop, fr_test_is_closed, c);
	assert_int_equal(fr_test_rejected(FR_REASON_truncated_frame), 1);
	fr_test_leave(c);
}

/* The cases of a multipart body: parts that were good stay published, and the answer says how many. */
static void a_bad_multipart_says_what_was_published_before(void **state)
{
	static const char nested[] =
	    "--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n"
	    "Content-Type: text/plain\r\n\r\nno picture\r\n--c--\r\n--b--\r\n";
	static const char part[] = "--b\r\nContent-Type: image/jpeg\r\n\r\n";
	enum {
		MIXED,
		WRONG,
		TOO_LONG,
		EMPTY,
		QUOTED,
		DASHES
	};
	static const char *const types[] = {
	    [MIXED] = "Content-Type: multipart/x-mixed-replace; boundary=b\r\n",
	    [WRONG] = "Content-Type: multipart/x-mixed-replace; boundary=other\r\n",
	    [TOO_LONG] =
	        ("Content-Type: multipart/form-data; boundary="
	         "0123456789012345678901234567890123456789012345678901234567890123456789x\r\n"),
	    [EMPTY] = "Content-Type: multipart/form-data; boundary=\r\n",
	    [QUOTED] = "Content-Type: Multipart/Form-Data; x=\"y\"; Boundary=\"b\"; z\r\n",
	    [DASHES] = "Content-Type: multipart/x-mixed-replace;boundary=--b\r\n",
	};
	struct fr_test_frames *f = *state;
	static struct body good, head, large, over, more, deep;
	const struct {
		const char *lines;
		const struct body *body;
		const char *answer, *published;
	} rows[] = {
	    {types[MIXED], &good, "200 OK", "{\"published\":2}"},
	    {types[QUOTED], &good, "200 OK", "{\"published\":2}"},
	    {types[DASHES], &good, "200 OK", "{\"published\":2}"},
	    {"Content-Type: multipart/form-data\r\n", &good, "200 OK", "{\"published\":2}"},
	    {types[MIXED], &more, "200 OK", "{\"published\":2}"},
	    {types[WRONG], &good, "400 ", "\"published\":0}"},
	    {types[TOO_LONG], &good, "400 ", "characters"},
	    {types[EMPTY], &good, "400 ", "is empty"},
	    {types[MIXED], &head, "400 ", "\"published\":2}"},
	    {types[MIXED], &large, "413 ", "\"published\":2}"},
	    {types[MIXED], &over, "413 ", "\"published\":2}"},
	    {types[MIXED], &deep, "415 ", "\"published\":0}"},
	};

	f->limits.max_frame_bytes = 20000;
	assert_true(f->picture.size < 20000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		((struct body *)rows[i].body)->size = 0;
	for (unsigned i = 0; i < 2; i++) {
		add_line(&good, part);
		add(&good, f->picture.bytes, f->picture.size);
		add_line(&good, "\r\n");
	}
	head = large = over = good;
	add_line(&good, "--b--\r\n");
	more = good;
	add_line(&more, "GET /nothing HTTP/1.1\r\n" H END);
	add_line(&head, "--b\r\nX: ");
	for (unsigned i = 0; i < 300; i++)
		add_line(&head, "0123456789");
	add_line(&large, "--b\r\nContent-Length: 20001\r\n\r\n");
	add_line(&over, part);
	add(&over, f->picture.bytes, f->picture.size - 2); /* no end, so that it goes on */
	while (over.size < 2 * f->picture.size + 25000)
		add_line(&over, "0123456789");
	add_line(&deep, nested);

	fr_test_frames_open(f);
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		struct fr_test_peer *c = post(f, rows[i / 2].lines, rows[i / 2].body->bytes,
		    rows[i / 2].body->size, i % 2 != 0);

		(void)fr_test_expect_text(c, rows[i / 2].answer);
		(void)fr_test_expect_text(c, rows[i / 2].published);
		assert_null(strstr((char *)c->got, "HTTP/1.1 404 "));
		fr_test_leave(c);
	}
}

static void one_that_never_begins_a_part_is_ended_in_time(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	f->limits.frame_timeout_ms = 300;
	fr_test_frames_open(f);
	c = asking(f, "POST /streams/cam",
	    "Content-Type: multipart/x-mixed-replace; boundary=b\r\nContent-Length: 1000\r\n");
	fr_test_say_line(c, "what stands in front of the first delimiter");
	fr_test_expect_end(c, "HTTP/1.1 408 ");
	assert_int_equal(fr_test_rejected(FR_REASON_frame_timeout), 1);
	fr_test_leave(c);
}

static void the_door_says_who_may_take_a_stream_over(void **state)
{
	static const struct {
		const char *takeover, *answer;
	} rows[] = {
	    {"same", "HTTP/1.1 409 "},
	    {"replace", "{\"published\":1}"},
	    {"refuse", "HTTP/1.1 409 "},
	};
	struct fr_test_frames *f = *state;
	const char *const proxies[] = {"127.0.0.1"};
	char lines[256];

	assert_int_equal(fr_options_set_list(f->options, "trusted_proxies", proxies, 1, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fr_test_peer *first, *second;

		fr_test_frames_set(f, "takeover", rows[i].takeover);
		fr_test_frames_open(f);
		first = asking(f, "POST /streams/cam",
		    "X-Forwarded-For: 192.168.1.2\r\nExpect: 100-continue\r\nContent-Length: "
		    "999999\r\n");
		(void)fr_test_expect_text(first, "100 Continue");
		(void)snprintf(lines, sizeof(lines),
		    "X-Forwarded-For: 192.168.1.3\r\nContent-Type: image/jpeg\r\nContent-Length: "
		    "%zu\r\n",
		    f->picture.size);
		second = asking(f, "PUT /streams/cam", lines);
		fr_test_say(second, f->picture.bytes, f->picture.size);
		(void)fr_test_expect_text(second, rows[i].answer);
		fr_test_leave(second);
		/* The same client of the proxy, not the proxy, is the same publisher. */
		lines[strlen("X-Forwarded-For: 192.168.1.")] = '2';
		if (i == 0) {
			second = asking(f, "PUT /streams/cam", lines);
			fr_test_say(second, f->picture.bytes, f->picture.size);
			(void)fr_test_expect_text(second, "{\"published\":1}");
			fr_test_leave(second);
		}
		fr_test_leave(first);
		fr_test_frames_close(f);
	}
}

static void what_is_verified_is_answered_when_it_was_decoded(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_verifier *verifier;
	struct fr_test_jpeg cut = fr_test_jpeg(640, 480, 85, 1);
	struct fr_test_peer *c;

	assert_int_equal(fr_verifier_new(f->loop, f->relay, &f->limits, &verifier, NULL), 0);
	fr_test_frames_set(f, "verify", "full");
	fr_test_frames_open(f);
	c = published(f);
	/* It passes the walk over its markers, not the decode. The next request waits behind it. */
	memcpy(cut.bytes + cut.size / 2, "\xff\xd9", 2);
	fr_test_leave(c);
	c = post(f, "Content-Type: image/jpeg\r\n", cut.bytes, cut.size / 2 + 2, true);
	fr_test_say_line(c, "GET /healthz HTTP/1.1\r\n" H END);
	(void)fr_test_expect_text(c, "HTTP/1.1 415 ");
	(void)fr_test_expect_text(c, "\"published\":0}");
	(void)fr_test_expect_text(c, "ok\n");
	assert_int_equal(fr_test_rejected(FR_REASON_bad_jpeg), 1);
	fr_test_leave(c);
	fr_test_jpeg_done(&cut);
	fr_test_frames_close(f);
	fr_verifier_free(verifier);
}

static void a_client_that_asks_before_it_sends_is_told_to_go_on(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;
	char lines[128];

	fr_test_frames_open(f);
	(void)snprintf(lines, sizeof(lines), "Expect: 100-continue\r\nContent-Length: %zu\r\n",
	    f->picture.size);
	c = asking(f, "PUT /streams/cam", lines);
	(void)fr_test_expect_text(c, "HTTP/1.1 100 Continue\r\n\r\n");
	fr_test_say(c, f->picture.bytes, f->picture.size);
	(void)fr_test_expect_text(c, "{\"published\":1}");
	fr_test_leave(c);
}

static void messages_are_json_and_short(void **state)
{
	static const char *const rows[][2] = {
	    {"Content-Type: application/json\r\nContent-Length: 7\r\n" END "{\"a\":1}",
	        "{\"published\":1}"},
	    {"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n" END
	     "1\r\n1\r\n0\r\n\r\n",
	        "{\"published\":1}"},
	    {"Content-Type: application/json\r\nContent-Length: 3\r\n" END "{a}", "HTTP/1.1 400 "},
	    {"Content-Type: text/plain\r\nContent-Length: 2\r\n" END "{}", "HTTP/1.1 415 "},
	    {"Content-Type: application/json\r\nContent-Length: 9\r\n" END "123456789",
	        "HTTP/1.1 413 "},
	    {"Content-Type: application/json\r\nContent-Length: 8\r\n" END "12", "HTTP/1.1 408 "},
	};
	struct fr_test_frames *f = *state;
	char text[256];

	f->limits.max_message_bytes = 8;
	f->limits.http_body_timeout_ms = 300;
	fr_test_frames_open(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fr_test_peer *c = fr_test_client(f);

		(void)snprintf(text, sizeof(text), "POST /streams/cam/messages HTTP/1.1\r\n" H "%s",
		    rows[i][0]);
		fr_test_say_line(c, text);
		(void)fr_test_expect_text(c, rows[i][1]);
		fr_test_leave(c);
	}
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fr_test_http_setup, fr_test_frames_teardown)
	const struct CMUnitTest tests[] = {
	    T(every_form_of_a_body_publishes),
	    T(each_of_several_requests_in_a_row_counts_its_own_bytes),
	    T(one_picture_may_hold_what_ends_others),
	    T(a_bad_body_is_told_what_is_wrong),
	    T(a_body_that_stops_ends_in_time),
	    T(a_bad_multipart_says_what_was_published_before),
	    T(one_that_never_begins_a_part_is_ended_in_time),
	    T(the_door_says_who_may_take_a_stream_over),
	    T(what_is_verified_is_answered_when_it_was_decoded),
	    T(a_client_that_asks_before_it_sends_is_told_to_go_on),
	    T(messages_are_json_and_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
