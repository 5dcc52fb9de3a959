/* SPDX-License-Identifier: MIT */
/* The http door on a real loop: pictures out as snapshots, byte for byte. */
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
#include "tests/support/http_scene.h"
#include "tests/support/loop_runner.h"

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

static bool has_stopped(void *arg)
{
	struct fr_test_frames *f = arg;
	struct fr_stream_info info;

	return fr_relay_stream(f->relay, "cam", fr_clock_now_us(), &info) && !info.is_fresh;
}

static void a_time_that_is_asked_for_counts_when_the_stream_has_stopped_too(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	f->limits.stale_after_ms = 1;
	f->limits.snapshot_timeout_ms = 100;
	fr_test_frames_open(f);
	fr_test_leave(published(f));
	fr_test_until(f->loop, has_stopped, f);
	expect(f, "GET /streams/cam.jpg", "", "HTTP/1.1 503 ");
	expect(f, "GET /streams/cam.jpg?max_age=0", "", "HTTP/1.1 503 ");
	expect(f, "GET /streams/cam.jpg?max_age=3600000&wait=1", "", "HTTP/1.1 503 ");
	c = asking(f, "GET /streams/cam.jpg?max_age=3600000", "Connection: close\r\n");
	fr_test_expect_end(c, "HTTP/1.1 200 OK");
	assert_true(has_picture(f, c));
	fr_test_leave(c);
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

static void a_head_and_what_was_not_wanted_are_no_pictures_that_were_sent(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	f->limits.snapshot_timeout_ms = 20000;
	fr_test_frames_open(f);
	fr_test_leave(published(f));
	c = asking(f, "HEAD /streams/cam.jpg", "Connection: close\r\n");
	fr_test_expect_end(c, "HTTP/1.1 200 OK");
	fr_test_leave(c);
	assert_int_equal(fr_stat_value(FR_STAT_frames_dropped_unsent), 1);

	/* Far ahead of what there is: a camera that began anew will come to it some day. */
	c = asking(f, "GET /streams/cam.jpg?after=18446744073709551615", "");
	fr_test_turn(f->loop, 20);
	fr_test_leave(published(f));
	while (fr_stat_value(FR_STAT_frames_dropped_unsent) != 2)
		fr_test_turn(f->loop, 1);
	fr_test_leave(c);
	assert_int_equal(fr_stat_value(FR_STAT_frames_sent), 0);
	assert_int_equal(fr_stat_value(FR_STAT_bytes_sent), 0);
}

static void a_snapshot_without_a_picture_is_503_in_time(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	f->limits.snapshot_timeout_ms = 300;
	fr_test_frames_open(f);
	fr_test_leave(published(f));
	c = asking(f, "GET /streams/cam.jpg?wait=1",
	    "\r\nGET /healthz HTTP/1.1\r\n" H); /* what waits behind it is not forgotten */
	(void)fr_test_expect_text(c, "HTTP/1.1 503 ");
	(void)fr_test_expect_text(c, "Retry-After: 1\r\n");
	(void)fr_test_expect_text(c, "ok\n");
	/* The connection goes on. */
	fr_test_say_line(c, "GET /streams/cam.jpg HTTP/1.1\r\n" H END);
	(void)fr_test_expect_text(c, "Content-Type: image/jpeg\r\n");
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
	    {"/streams/cam.mjpg?gray=2", "\"gray: "},
	    {"/streams/cam.jpg?width=0", "\"width: "},
	    {"/streams/cam.mjpg?rotate=45", "\"rotate: must be 0, 90, 180 or 270"},
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
	    T(a_time_that_is_asked_for_counts_when_the_stream_has_stopped_too),
	    T(a_snapshot_fits_whatever_the_page_is_called),
	    T(a_snapshot_waits_for_the_picture_that_was_asked_for),
	    T(a_head_and_what_was_not_wanted_are_no_pictures_that_were_sent),
	    T(a_snapshot_without_a_picture_is_503_in_time),
	    T(a_bad_parameter_is_named),
	    T(a_stop_tells_viewers_and_publishers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
