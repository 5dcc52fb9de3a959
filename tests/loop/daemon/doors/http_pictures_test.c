/* SPDX-License-Identifier: MIT */
/* The http door on a real loop: pictures in by POST, pictures out by MJPEG and as snapshots, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/options.h"
#include "common/base/stats.h"
#include "common/media/frame.h"
#include "daemon/doors/door.h"
#include "daemon/relay/relay.h"
#include "tests/support/frames_scene.h"
#include "tests/support/loop_runner.h"

#define H   "Host: localhost\r\n"
#define END "\r\n"

/* A connection that has published the fixture's picture to `cam`; it stays open. */
static struct fr_test_peer *published(struct fr_test_frames *f)
{
	struct fr_test_peer *c = fr_test_client(f);
	char head[256];

	(void)snprintf(head, sizeof(head),
	    "PUT /streams/cam HTTP/1.1\r\n" H
	    "Content-Type: image/jpeg\r\nContent-Length: %zu\r\n" END,
	    f->picture.size);
	fr_test_say_line(c, head);
	fr_test_say(c, f->picture.bytes, f->picture.size);
	(void)fr_test_expect_text(c, "{\"published\":1}");
	return c;
}

static struct fr_test_peer *asking(struct fr_test_frames *f, const char *line, const char *more)
{
	struct fr_test_peer *c = fr_test_client(f);
	char text[512];

	(void)snprintf(text, sizeof(text), "%s HTTP/1.1\r\n" H "%s" END, line, more);
	fr_test_say_line(c, text);
	return c;
}

/* Asks on a connection of its own and waits for this in the answer. */
static void expect(struct fr_test_frames *f, const char *line, const char *more, const char *answer)
{
	struct fr_test_peer *c = asking(f, line, more);

	(void)fr_test_expect_text(c, answer);
	fr_test_leave(c);
}

static uint64_t sequence_of(struct fr_test_frames *f)
{
	struct fr_stream_info info;

	assert_true(fr_relay_stream(f->relay, "cam", fr_clock_now_us(), &info));
	return info.sequence;
}

/* Whether exactly this picture stands behind the head that ends at the first empty line. */
static bool has_picture(const struct fr_test_frames *f, const struct fr_test_peer *c)
{
	const uint8_t *body = memmem(c->got, c->size, "\r\n\r\n", 4);

	return body != NULL && c->size == (size_t)(body - c->got) + 4 + f->picture.size &&
	       memcmp(body + 4, f->picture.bytes, f->picture.size) == 0;
}

/* --- Snapshots -------------------------------------------------------------------------------- */

static void a_snapshot_is_the_newest_picture_byte_for_byte(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *pub, *c;
	char text[128];

	fr_test_frames_open(f);
	pub = published(f);
	c = asking(f, "GET /streams/cam.jpg?1699999999&_=1", "Connection: close\r\n");
	fr_test_expect_end(c, "HTTP/1.1 200 OK");
	assert_true(has_picture(f, c));
	(void)snprintf(
	    text, sizeof(text), "ETag: \"%llu\"\r\n", (unsigned long long)sequence_of(f));
	assert_non_null(strstr((char *)c->got, text));
	assert_non_null(strstr((char *)c->got, "Cross-Origin-Resource-Policy: cross-origin"));
	fr_test_leave(c);

	(void)snprintf(text, sizeof(text), "If-None-Match: \"1\", \"%llu\"\r\n",
	    (unsigned long long)sequence_of(f));
	expect(f, "GET /streams/cam.jpg", text, "HTTP/1.1 304 Not Modified\r\n");
	expect(f, "GET /streams/cam.jpg", "If-None-Match: \"1\"\r\n", "HTTP/1.1 200 OK\r\n");

	c = asking(f, "HEAD /streams/cam.jpg", "Connection: close\r\n");
	(void)snprintf(text, sizeof(text), "Content-Length: %zu\r\n", f->picture.size);
	fr_test_expect_end(c, text);
	assert_string_equal((char *)c->got + c->size - 4, "\r\n\r\n");
	fr_test_leave(c);
	fr_test_leave(pub);
}

static void a_snapshot_fits_whatever_the_page_is_called(void **state)
{
	static const char *const all[] = {"*"};
	struct fr_test_frames *f = *state;
	char lines[1200], name[1100];

	assert_int_equal(fr_options_set_list(f->options, "allow_origins", all, 1, NULL), 0);
	fr_test_frames_open(f);
	fr_test_leave(published(f));
	for (size_t n = 290; n <= 310; n += 20) {
		struct fr_test_peer *c = fr_test_client(f);

		memset(name, 'a', n - 7);
		name[n - 7] = '\0';
		(void)snprintf(lines, sizeof(lines),
		    "GET /streams/cam.jpg HTTP/1.1\r\nConnection: close\r\n" H
		    "Origin: http://%s\r\n" END,
		    name);
		fr_test_say_line(c, lines);
		fr_test_expect_end(c, "HTTP/1.1 200 OK");
		assert_true(has_picture(f, c));
		assert_true(
		    (strstr((char *)c->got, "Allow-Origin: http://aaa") != NULL) == (n <= 300));
		fr_test_leave(c);
	}
}

static void a_snapshot_waits_for_the_picture_that_was_asked_for(void **state)
{
	static const char *const queries[] = {"wait=1", "max_age=0", "max_delay=0", "after=%llu"};
	struct fr_test_frames *f = *state;
	char line[128], after[64];

	f->limits.snapshot_timeout_ms = 20000;
	fr_test_frames_open(f);
	fr_test_leave(published(f));
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		const uint64_t before = sequence_of(f);
		struct fr_test_peer *c;

		(void)snprintf(after, sizeof(after), "after=%llu", (unsigned long long)before);
		(void)snprintf(
		    line, sizeof(line), "GET /streams/cam.jpg?%s", i == 3 ? after : queries[i]);
		c = asking(f, line, "Connection: close\r\n");
		fr_test_turn(f->loop, 20);
		(void)fr_test_is_closed(c);
		assert_int_equal(c->size, 0);
		fr_test_leave(published(f));
		fr_test_expect_end(c, "HTTP/1.1 200 OK");
		(void)snprintf(
		    after, sizeof(after), "X-Sequence: %llu\r\n", (unsigned long long)before + 1);
		assert_non_null(strstr((char *)c->got, after));
		assert_true(has_picture(f, c));
		fr_test_leave(c);
	}
}

static void a_snapshot_without_a_picture_is_503_in_time(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	f->limits.snapshot_timeout_ms = 300;
	fr_test_frames_open(f);
	fr_test_leave(published(f));
	c = asking(f, "GET /streams/cam.jpg?wait=1", "");
	(void)fr_test_expect_text(c, "HTTP/1.1 503 ");
	(void)fr_test_expect_text(c, "Retry-After: 1\r\n");
	/* The connection goes on. */
	fr_test_say_line(c, "GET /streams/cam.jpg HTTP/1.1\r\n" H END);
	(void)fr_test_expect_text(c, "HTTP/1.1 200 ");
	assert_int_equal(fr_test_rejected(FR_REASON_no_frame_yet), 1);
	fr_test_leave(c);
}

static void a_bad_parameter_is_named(void **state)
{
	static const char *const rows[][2] = {
	    {"/streams/cam.jpg?wait=2", "\"wait: "},
	    {"/streams/cam.jpg?after=x", "\"after: "},
	    {"/streams/cam.jpg?max_age=99999999999999999999", "\"max_age: "},
	    {"/streams/cam.mjpg?fps=1e999", "\"fps: "},
	    {"/streams/cam.mjpg?max_fps=-1", "\"max_fps: "},
	    {"/streams/cam.mjpg?queue=65", "\"queue: "},
	    {"/streams/cam.mjpg?age_ms=%zz", "\"age_ms: "},
	    {"/streams/cam.mjpg?gray=1", "no renditions (gray)"},
	};
	struct fr_test_frames *f = *state;
	char line[128];

	fr_test_frames_open(f);
	fr_test_leave(published(f));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)snprintf(line, sizeof(line), "GET %s", rows[i][0]);
		expect(f, line, "", rows[i][1]);
	}
}

/* --- MJPEG ------------------------------------------------------------------------------------ */

static void an_mjpeg_stream_is_made_as_its_readers_need_it(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *pub, *c;
	const char *body, *part;
	char text[512];
	size_t n;

	fr_test_frames_set(f, "boundary", "frame");
	fr_test_frames_set(f, "repeat_ms", "0");
	fr_test_frames_open(f);
	pub = published(f);
	c = asking(f, "GET /streams/cam.mjpg", "");
	body = fr_test_expect_text(c, "\r\n\r\n--frame\r\n");
	part =
	    fr_test_expect_text(c, "\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ");
	assert_true(part == body + 2); /* the body begins with the delimiter */
	(void)fr_test_expect_text(c, "boundary=frame\r\n\r\n");
	assert_null(strstr((char *)c->got, "Transfer-Encoding"));
	n = (size_t)snprintf(text, sizeof(text),
	    "--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %zu\r\nX-Timestamp: ",
	    f->picture.size);
	assert_memory_equal(body + 4, text, n);

	/* Behind the picture the next delimiter stands at once. */
	part = strstr(body + 4 + n, "\r\n\r\n");
	fr_test_expect_bytes(c, (size_t)(part - (char *)c->got) + 4 + f->picture.size + 11);
	assert_memory_equal(part + 4, f->picture.bytes, f->picture.size);
	assert_memory_equal(part + 4 + f->picture.size, "\r\n--frame\r\n", 11);
	assert_int_equal((char *)c->got + c->size - part, 4 + f->picture.size + 11);
	fr_test_leave(c);
	fr_test_leave(pub);
}

static bool was_repeated(void *arg)
{
	(void)arg;
	return fr_stat_value(FR_STAT_frames_repeated) > 0;
}

static void the_newest_picture_is_sent_once_more(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;
	char number[64];
	const char *first;

	fr_test_frames_set(f, "repeat_ms", "30");
	fr_test_frames_open(f);
	fr_test_leave(published(f));
	c = asking(f, "GET /streams/cam.mjpg", "");
	fr_test_until(f->loop, was_repeated, f);
	fr_test_expect_bytes(c, 2 * f->picture.size + 300);
	(void)snprintf(
	    number, sizeof(number), "X-Sequence: %llu\r\n", (unsigned long long)sequence_of(f));
	first = memmem(c->got, c->size, number, strlen(number));
	assert_non_null(first);
	first++;
	assert_non_null(
	    memmem(first, c->size - (size_t)(first - (char *)c->got), number, strlen(number)));
	assert_int_equal(fr_stat_value(FR_STAT_frames_sent), 1); /* a repeat is no picture more */
	fr_test_leave(c);
}

static void what_is_not_live_is_not_repeated(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;
	size_t size;

	f->limits.stale_after_ms = 60;
	fr_test_frames_set(f, "repeat_ms", "200");
	fr_test_frames_open(f);
	fr_test_leave(published(f));
	c = asking(f, "GET /streams/cam.mjpg", "");
	(void)fr_test_expect_text(c, "multipart/x-mixed-replace");
	(void)fr_test_is_closed(c);
	size = c->size;
	/* A snapshot that waits in vain passes the time. */
	f->limits.snapshot_timeout_ms = 500;
	expect(f, "GET /streams/cam.jpg?wait=1", "", "HTTP/1.1 503 ");
	assert_int_equal(fr_stat_value(FR_STAT_frames_repeated), 0);
	assert_true(size > 0);
	fr_test_leave(c);
}

static void the_boundary_is_random_unless_it_is_given(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;
	const char *boundary;

	fr_test_frames_open(f);
	fr_test_leave(published(f));
	c = asking(f, "HEAD /streams/cam.mjpg", "");
	fr_test_expect_end(c, "boundary=");
	boundary = strstr((char *)c->got, "boundary=") + 9;
	assert_int_equal(strspn(boundary, "0123456789abcdef"), 32);
	assert_string_equal(boundary + 32, "\r\n\r\n");
	fr_test_leave(c);
}

static bool nobody_watches(void *arg)
{
	(void)arg;
	return fr_stat_value(FR_STAT_subscribers) == 0;
}

static void a_viewer_that_goes_is_noticed_without_a_picture(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	fr_test_leave(published(f));
	c = asking(f, "GET /streams/cam.mjpg", "");
	(void)fr_test_expect_text(c, "multipart/x-mixed-replace");
	assert_int_equal(fr_stat_value(FR_STAT_subscribers), 1);
	fr_test_leave(c);
	fr_test_until(f->loop, nobody_watches, f);
}

static void a_viewer_that_goes_on_sending_is_closed(void **state)
{
	struct fr_test_frames *f = *state;
	char bytes[5000] = "";
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	fr_test_leave(published(f));
	c = asking(f, "GET /streams/cam.mjpg", "");
	(void)fr_test_expect_text(c, "multipart/x-mixed-replace");
	fr_test_say(c, bytes, sizeof(bytes));
	fr_test_until(f->loop, fr_test_is_closed, c);
	assert_int_equal(fr_test_rejected(FR_REASON_garbage), 1);
	fr_test_leave(c);
}

/* --- Publishing ------------------------------------------------------------------------------- */

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

/* --- Names of other software ------------------------------------------------------------------ */

static void the_names_that_other_software_asks_for_are_answered(void **state)
{
	static const char *const streams[] = {"/video_feed", "/source.mjpg", "/stream",
	    "/stream?topic=cam", "/stream.mjpg", "/stream.mjpeg?fps=5&resolution=1x1&compression=3",
	    "/video", "/video.mjpg", "/mjpeg", "/mjpeg.cgi", "/videostream.cgi", "/mjpg/video.mjpg",
	    "/mjpg/cam/video.mjpeg", "/axis-cgi/mjpg/video.cgi", "/cam_1.mjpg", "/1/mjpg/stream",
	    "/1/mjpg", "/1/stream", "/api/stream.mjpeg?src=cam", "/?action=stream",
	    "/?action=stream&1699999999", "/?action=stream_0", "/webcam/?action=stream",
	    "/webcam/stream", "http://localhost/stream"};
	static const char *const pictures[] = {"/snapshot", "/snapshot?max_delay=5000",
	    "/snapshot?topic=cam", "/snapshot.jpg", "/snapshot.cgi", "/shot.jpg", "/image.jpg",
	    "/image/jpeg.cgi", "/jpeg", "/jpg", "/capture", "/axis-cgi/jpg/image.cgi", "/cam_1.jpg",
	    "/1/static/stream", "/1/current", "/api/frame.jpeg?src=cam", "/?action=snapshot",
	    "/?action=snapshot_0", "/webcam/?action=snapshot", "/webcam/snapshot"};
	static const char *const nothing[] = {"/cam_2.mjpg", "/webcam2/?action=stream",
	    "/?action=stream_1", "/api/stream.mjpeg?src=other", "/cam_.mjpg", "/webcamx/stream",
	    "/cam_99999999999999999999.jpg"};
	struct fr_test_frames *f = *state;
	char line[128];

	f->limits.accept_rate_per_address = 0;
	fr_test_frames_open(f);
	fr_test_leave(published(f));
	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		(void)snprintf(line, sizeof(line), "GET %s", streams[i]);
		expect(f, line, "", "Content-Type: image/jpeg\r\nContent-Length: ");
		(void)snprintf(line, sizeof(line), "HEAD %s", streams[i]);
		expect(f, line, "", "Content-Type: multipart/x-mixed-replace; boundary=");
	}
	for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++) {
		(void)snprintf(line, sizeof(line), "GET %s", pictures[i]);
		expect(f, line, "", "Content-Type: image/jpeg\r\nContent-Length: ");
	}
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		(void)snprintf(line, sizeof(line), "GET %s", nothing[i]);
		expect(f, line, "", "HTTP/1.1 404 ");
	}
	expect(f, "POST /stream", "", "multipart/x-mixed-replace");
	expect(f, "POST /api/stream.mjpeg?dst=cam",
	    "Content-Length: 3\r\nContent-Type: video/x\r\n" END "abc", "HTTP/1.1 4");
}

static void an_old_client_at_the_root_gets_pictures_and_a_browser_the_page(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	fr_test_leave(published(f));
	c = fr_test_client(f);
	fr_test_say_line(c, "GET / HTTP/1.0\r\n\r\n");
	(void)fr_test_expect_text(c, "multipart/x-mixed-replace");
	fr_test_leave(c);
	c = fr_test_client(f);
	fr_test_say_line(c, "GET / HTTP/1.0\r\nAccept: text/html, */*\r\n\r\n");
	(void)fr_test_expect_text(c, "src=\"/streams/cam.mjpg\"");
	fr_test_leave(c);
	expect(f, "GET /streams/cam", "", "\"state\":\"live\"");
	expect(f, "GET /metrics", "", "framerelayd_stream_live{stream=\"cam\"} 1\n");
}

static void a_stop_tells_viewers_and_publishers(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *viewer, *waiting, *pub;

	f->limits.snapshot_timeout_ms = 20000;
	fr_test_frames_open(f);
	fr_test_leave(published(f));
	viewer = asking(f, "GET /streams/cam.mjpg", "");
	(void)fr_test_expect_text(viewer, "multipart/x-mixed-replace");
	waiting = asking(f, "GET /streams/cam.jpg?wait=1", "");
	pub = asking(
	    f, "POST /streams/other", "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n");
	(void)fr_test_expect_text(pub, "100 Continue");
	f->door->ops->drain(f->door);
	fr_test_until(f->loop, fr_test_is_closed, viewer);
	fr_test_expect_end(waiting, "HTTP/1.1 503 ");
	fr_test_expect_end(pub, "HTTP/1.1 503 ");
	fr_test_leave(viewer);
	fr_test_leave(waiting);
	fr_test_leave(pub);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fr_test_http_setup, fr_test_frames_teardown)
	const struct CMUnitTest tests[] = {
	    T(a_snapshot_is_the_newest_picture_byte_for_byte),
	    T(a_snapshot_fits_whatever_the_page_is_called),
	    T(a_snapshot_waits_for_the_picture_that_was_asked_for),
	    T(a_snapshot_without_a_picture_is_503_in_time),
	    T(a_bad_parameter_is_named),
	    T(an_mjpeg_stream_is_made_as_its_readers_need_it),
	    T(the_newest_picture_is_sent_once_more),
	    T(what_is_not_live_is_not_repeated),
	    T(the_boundary_is_random_unless_it_is_given),
	    T(a_viewer_that_goes_is_noticed_without_a_picture),
	    T(a_viewer_that_goes_on_sending_is_closed),
	    T(every_form_of_a_body_publishes),
	    T(one_picture_may_hold_what_ends_others),
	    T(a_bad_body_is_told_what_is_wrong),
	    T(a_body_that_stops_ends_in_time),
	    T(a_client_that_asks_before_it_sends_is_told_to_go_on),
	    T(messages_are_json_and_short),
	    T(the_names_that_other_software_asks_for_are_answered),
	    T(an_old_client_at_the_root_gets_pictures_and_a_browser_the_page),
	    T(a_stop_tells_viewers_and_publishers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
