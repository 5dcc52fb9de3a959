/* SPDX-License-Identifier: MIT */
/* The http door on a real loop: MJPEG byte for byte, what is shown of streams that are not live, other programs' names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
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

/* --- MJPEG ------------------------------------------------------------------------------------ */

/* The part of the fixture's picture, from its head to the next delimiter. @return bytes */
static size_t write_part(struct fr_test_frames *f, const char *boundary, uint8_t *to)
{
	struct fr_frame *newest = fr_relay_newest(f->relay, "cam");
	const struct fr_frame_info *info = fr_frame_info(newest);
	int n = sprintf((char *)to,
	    "Content-Type: image/jpeg\r\nContent-Length: %zu\r\nX-Timestamp: %lld.%06lld\r\n"
	    "X-Sequence: %llu\r\n\r\n",
	    f->picture.size, (long long)(info->captured_us / 1000000),
	    (long long)(info->captured_us % 1000000), (unsigned long long)info->sequence);

	fr_frame_unref(newest);
	memcpy(to + n, f->picture.bytes, f->picture.size);
	n += (int)f->picture.size;
	return (size_t)n + (size_t)sprintf((char *)to + n, "\r\n--%s\r\n", boundary);
}

/* Every byte, from the first of the answer to the last of the delimiter behind the second picture. */
static void an_mjpeg_stream_is_made_as_its_readers_need_it(void **state)
{
	static const char head[] =
	    "HTTP/1.1 200 OK\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n"
	    "Cache-Control: no-store, no-cache, must-revalidate, private\r\nPragma: no-cache\r\n"
	    "Expires: 0\r\nX-Accel-Buffering: no\r\n"
	    "Cross-Origin-Resource-Policy: cross-origin\r\n"
	    "Content-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n--frame\r\n";
	/* What players and radios send, and old programs: nothing of it changes the answer. */
	static const char *const more[] = {
	    "", "Range: bytes=0-\r\nIcy-MetaData: 1\r\n", "Connection: keep-alive\r\n"};
	struct fr_test_frames *f = *state;
	static uint8_t expected[64 * 1024];
	struct fr_test_peer *c[3];
	size_t n = sizeof(head) - 1;

	fr_test_frames_set(f, "boundary", "frame");
	fr_test_frames_set(f, "repeat_ms", "0");
	fr_test_frames_open(f);
	fr_test_leave(published(f));
	memcpy(expected, head, n);
	n += write_part(f, "frame", expected + n);
	for (size_t i = 0; i < 3; i++) {
		c[i] = asking(f, "GET /streams/cam.mjpg", more[i]);
		fr_test_expect_bytes(c[i], n);
		assert_int_equal(c[i]->size, n);
	}
	fr_test_leave(published(f));
	n += write_part(f, "frame", expected + n);
	for (size_t i = 0; i < 3; i++) {
		fr_test_expect_bytes(c[i], n);
		assert_int_equal(c[i]->size, n);
		assert_memory_equal(c[i]->got, expected, n);
		fr_test_leave(c[i]);
	}
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

	fr_test_frames_set(f, "repeat_ms", "200");
	fr_test_frames_open(f);
	fr_test_leave(published(f));
	/* By then it is older than this viewer lets pictures wait. */
	c = asking(f, "GET /streams/cam.mjpg?age_ms=150", "");
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

static uint64_t placeholders_sent(void)
{
	return (uint64_t)fr_stat_value(FR_STAT_placeholders_sent);
}

static void without_placeholders_nothing_is_sent_of_what_is_not_live(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;
	size_t size;

	f->limits.stale_after_ms = 60;
	fr_test_frames_set(f, "repeat_ms", "200");
	fr_test_frames_set(f, "placeholder", "false");
	fr_test_frames_open(f);
	fr_test_leave(published(f));
	c = asking(f, "GET /streams/cam.mjpg", "");
	(void)fr_test_expect_text(c, "multipart/x-mixed-replace");
	fr_test_expect_bytes(c, f->picture.size + 300);
	(void)fr_test_is_closed(c);
	size = c->size;
	/* A snapshot that waits in vain passes the time. */
	f->limits.snapshot_timeout_ms = 500;
	expect(f, "GET /streams/cam.jpg?wait=1", "", "HTTP/1.1 503 ");
	assert_int_equal(fr_stat_value(FR_STAT_frames_repeated), 0);
	assert_int_equal(placeholders_sent(), 0);
	assert_false(fr_test_is_closed(c));
	assert_int_equal(c->size, size);
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

/* --- What is not live ------------------------------------------------------------------------- */

static bool two_were_sent(void *arg)
{
	(void)arg;
	return placeholders_sent() >= 2;
}

static void a_stale_stream_is_shown_greyed_made_once_for_all(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *a, *b;
	struct fr_test_jpeg other = fr_test_jpeg(64, 48, 80, 2);
	char number[64];

	f->limits.stale_after_ms = 100;
	fr_test_frames_set(f, "repeat_ms", "0");
	fr_test_frames_open(f);
	fr_test_leave(published(f));
	a = asking(f, "GET /streams/cam.mjpg", "");
	b = asking(f, "GET /streams/cam.mjpg", "");
	fr_test_until(f->loop, two_were_sent, f);
	(void)snprintf(number, sizeof(number), "X-Sequence: %llu\r\nX-Placeholder: 1\r\n",
	    (unsigned long long)sequence_of(f));
	(void)fr_test_expect_text(a, number);
	(void)fr_test_expect_text(b, number);
	assert_int_equal(fr_stat_value(FR_STAT_placeholders_made), 1);
	assert_int_equal(placeholders_sent(), 2);
	assert_int_equal(fr_stat_value(FR_STAT_frames_repeated), 0);

	/* Who comes later gets the same one; a snapshot does not. */
	expect(f, "GET /video_feed", "", number);
	assert_int_equal(fr_stat_value(FR_STAT_placeholders_made), 1);
	f->limits.snapshot_timeout_ms = 200;
	expect(f, "GET /streams/cam.jpg", "", "HTTP/1.1 503 ");

	/* The next real one comes at once. */
	fr_test_leave(published_this(f, &other));
	(void)snprintf(
	    number, sizeof(number), "X-Sequence: %llu\r\n\r\n", (unsigned long long)sequence_of(f));
	(void)fr_test_expect_text(a, number);
	(void)fr_test_expect_text(b, number);
	fr_test_jpeg_done(&other);
	fr_test_leave(a);
	fr_test_leave(b);
}

static void a_stream_that_never_had_a_picture_says_so(void **state)
{
	struct fr_stream_config *row = calloc(1, sizeof(*row));
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	(void)snprintf(row->name, sizeof(row->name), "cam");
	row->title = strdup("");
	row->stale_after_ms = -1;
	fr_relay_set_streams(f->relay, row, 1, fr_clock_now_us());
	fr_test_frames_set(f, "repeat_ms", "40"); /* a placeholder too is sent once more */
	fr_test_frames_open(f);
	c = asking(f, "GET /streams/cam.mjpg", "");
	(void)fr_test_expect_text(c, "X-Sequence: 0\r\nX-Placeholder: 1\r\n");
	fr_test_until(f->loop, two_were_sent, f);
	fr_test_leave(c);
}

static void the_same_picture_again_and_again_does_not_look_live(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_jpeg other = fr_test_jpeg(64, 48, 80, 2);
	struct fr_test_peer *c;
	char number[64];

	f->limits.frozen_after_ms = 100;
	f->limits.stale_after_ms = 15000;
	f->limits.accept_rate_per_address = 0;
	fr_test_frames_set(f, "repeat_ms", "20");
	fr_test_frames_open(f);
	fr_test_leave(published(f));
	c = asking(f, "GET /streams/cam.mjpg?fps=50", "");
	while (placeholders_sent() == 0 || fr_stat_value(FR_STAT_frames_dropped_frozen) == 0)
		fr_test_leave(published(f));
	(void)snprintf(
	    number, sizeof(number), "X-Sequence: %llu\r\n", (unsigned long long)sequence_of(f));
	(void)fr_test_is_closed(c);
	assert_null(memmem(c->got, c->size, number, strlen(number)));
	assert_int_equal(fr_stat_value(FR_STAT_placeholders_made), 1);

	fr_test_leave(published_this(f, &other));
	(void)snprintf(
	    number, sizeof(number), "X-Sequence: %llu\r\n\r\n", (unsigned long long)sequence_of(f));
	(void)fr_test_expect_text(c, number);
	fr_test_jpeg_done(&other);
	fr_test_leave(c);
}

static void a_viewer_may_go_while_its_placeholder_is_being_made(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_jpeg large = fr_test_jpeg(2000, 1500, 80, 1);
	struct fr_test_peer *c;

	f->limits.stale_after_ms = 10;
	fr_test_frames_set(f, "repeat_ms", "10");
	fr_test_frames_open(f);
	fr_test_leave(published_this(f, &large));
	for (unsigned i = 0; i < 5; i++) {
		c = asking(f, "GET /streams/cam.mjpg", "");
		(void)fr_test_expect_text(c, "multipart/x-mixed-replace");
		fr_test_turn(f->loop, 20 * i);
		fr_test_leave(c);
		fr_test_until(f->loop, nobody_watches, f);
	}
	/* And so may the door. */
	c = asking(f, "GET /streams/cam.mjpg", "");
	(void)fr_test_expect_text(c, "multipart/x-mixed-replace");
	f->door->ops->close(f->door);
	f->door = NULL;
	fr_test_leave(c);
	fr_test_jpeg_done(&large);
}

/* --- In uStreamer's words --------------------------------------------------------------------- */

static void the_parameters_of_ustreamer_are_understood(void **state)
{
	static const char *const lines[] = {"X-UStreamer-Online: true\r\n",
	    "X-UStreamer-Dropped: 0\r\n", "X-UStreamer-Width: 64\r\n", "X-UStreamer-Height: 48\r\n",
	    "X-UStreamer-Client-FPS: ", "X-UStreamer-Grab-Time: ",
	    "X-UStreamer-Encode-Begin-Time: ", "X-UStreamer-Encode-End-Time: ",
	    "X-UStreamer-Expose-Begin-Time: ", "X-UStreamer-Expose-Cmp-Time: ",
	    "X-UStreamer-Expose-End-Time: ", "X-UStreamer-Send-Time: ", "X-UStreamer-Latency: "};
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;
	const char *part;
	size_t size;

	fr_test_frames_set(f, "boundary", "frame");
	fr_test_frames_set(f, "repeat_ms", "0");
	fr_test_frames_open(f);
	fr_test_leave(published(f));

	c = asking(f, "GET /stream?key=abc&extra_headers=1&dual_final_frames=1", "");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		(void)fr_test_expect_text(c, lines[i]);
	(void)fr_test_expect_text(c, "Set-Cookie: stream_client=abc/");
	expect(f, "GET /state", "", "\"extra_headers\":true,");
	expect(f, "GET /state", "", "\"key\":\"abc\"}}");
	expect(f, "GET /state", "", "\"resolution\":{\"width\":64,\"height\":48},\"online\":true,");
	fr_test_leave(c);

	/* What is no word does not come back in a header line. */
	c = asking(f, "HEAD /stream?key=a%0d%0aX:%20y", "");
	fr_test_expect_end(c, "multipart/x-mixed-replace");
	assert_null(strstr((char *)c->got, "Set-Cookie"));
	fr_test_leave(c);

	/* The next head in advance, so that a browser paints at once; it cannot say a length. */
	c = asking(f, "GET /stream?advance_headers=1&extra_headers=0", "");
	part =
	    fr_test_expect_text(c, "\r\n\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8");
	size = (size_t)(part - (char *)c->got) + 41 + f->picture.size + 39;
	fr_test_expect_bytes(c, size);
	assert_int_equal(c->size, size);
	assert_memory_equal(
	    c->got + size - 39, "\r\n--frame\r\nContent-Type: image/jpeg\r\n\r\n", 39);
	fr_test_leave(c);

	c = asking(f, "GET /stream?zero_data=1", "");
	(void)fr_test_expect_text(c, "Content-Length: 0\r\nX-Timestamp: ");
	(void)fr_test_expect_text(c, "\r\n\r\n\r\n--frame\r\n");
	assert_true(c->size < 700);
	fr_test_leave(c);
	/* A head is no picture that was sent. */
	fr_test_turn(f->loop, 10);
	assert_true(fr_stat_value(FR_STAT_frames_dropped_unsent) > 0);
	assert_int_equal(fr_stat_value(FR_STAT_bytes_sent),
	    fr_stat_value(FR_STAT_frames_sent) * (int64_t)f->picture.size);

	c = asking(f, "GET /snapshot?extra_headers=1", "Connection: close\r\n");
	fr_test_expect_end(c, "X-UStreamer-Online: true\r\n");
	assert_non_null(strstr((char *)c->got, "X-UStreamer-Grab-Timestamp: "));
	assert_null(strstr((char *)c->got, "Latency"));
	fr_test_leave(c);
}

/* --- Names of other software ------------------------------------------------------------------ */

static void the_names_that_other_software_asks_for_are_answered(void **state)
{
	static const char *const streams[] = {"/video_feed", "/source.mjpg", "/stream",
	    "/stream?topic=cam", "/stream?topic=cam&type=mjpeg&quality=50&width=320&height=240",
	    "/stream?1699999999", "/stream?timestamp=1&bypassCache=2&cacheBust=3", "/stream.mjpg",
	    "/stream.mjpeg?fps=5&resolution=1x1&compression=3", "/video", "/video.mjpg", "/mjpeg",
	    "/mjpeg.cgi", "/videostream.cgi", "/mjpg/video.mjpg", "/mjpg/cam/video.mjpeg",
	    "/axis-cgi/mjpg/video.cgi", "/cam_1.mjpg", "/1/mjpg/stream", "/1/mjpg", "/1/stream",
	    "/api/stream.mjpeg?src=cam", "/?action=stream", "/?action=stream&1699999999",
	    "/?action=stream_0", "/webcam/?action=stream", "/webcam/stream",
	    "http://localhost/stream"};
	static const char *const pictures[] = {"/snapshot", "/snapshot?max_delay=5000",
	    "/snapshot?1699999999", "/snapshot?topic=cam", "/snapshot.jpg", "/snapshot.cgi",
	    "/shot.jpg", "/image.jpg", "/image/jpeg.cgi", "/jpeg", "/jpg", "/capture",
	    "/axis-cgi/jpg/image.cgi", "/cam_1.jpg", "/1/static/stream", "/1/current",
	    "/api/frame.jpeg?src=cam", "/?action=snapshot", "/?action=snapshot_0",
	    "/webcam/?action=snapshot", "/webcam/snapshot"};
	static const char *const others[][2] = {
	    {"/state", "{\"ok\":true,\"result\":{"},
	    {"/settings.json", "{\"controls\":[],\"modes\":[]}"},
	    {"/config.json", "\"properties\":[]"},
	    {"/input_0.json", "{\"controls\":[],\"formats\":[]}"},
	    {"/output_0.json", "{\"controls\":[]}"},
	    {"/program.json", "{\"inputs\":[],\"outputs\":[]}"},
	    {"/webcam/program.json", "{\"inputs\":[],\"outputs\":[]}"},
	    {"/metrics", "framerelayd_build_info{"},
	    {"/healthz", "ok\n"},
	};
	static const char *const nothing[] = {"/cam_2.mjpg", "/webcam2/?action=stream",
	    "/?action=stream_1", "/webcam3/stream", "/webcam5/stream",
	    "/api/stream.mjpeg?src=other", "/cam_.mjpg", "/webcamx/stream",
	    "/cam_99999999999999999999.jpg", "/?action=stream_9223372036854775807"};
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
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		(void)snprintf(line, sizeof(line), "GET %s", others[i][0]);
		expect(f, line, "", others[i][1]);
		(void)snprintf(line, sizeof(line), "POST %s", others[i][0]);
		expect(f, line, "", "HTTP/1.1 405 ");
	}
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		(void)snprintf(line, sizeof(line), "GET %s", nothing[i]);
		expect(f, line, "", "HTTP/1.1 404 ");
	}
	expect(f, "POST /stream", "", "multipart/x-mixed-replace");
	expect(f, "POST /api/stream.mjpeg?dst=cam",
	    "Content-Length: 3\r\nContent-Type: video/x\r\n" END "abc", "HTTP/1.1 4");
}

static void each_camera_of_a_port_map_has_its_number(void **state)
{
	static const char *const second[] = {"/webcam2/?action=stream", "/webcam2/stream",
	    "/?action=stream_1", "/cam_2.mjpg", "/2/stream", "/2/mjpg/stream"};
	static const char *const second_picture[] = {"/webcam2/?action=snapshot",
	    "/webcam2/snapshot", "/?action=snapshot_1", "/cam_2.jpg", "/2/current",
	    "/2/static/stream"};
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;
	char line[128], length[64];

	f->limits.accept_rate_per_address = 0;
	fr_test_frames_open(f);
	fr_test_leave(published(f));
	fr_test_jpeg_done(&f->picture);
	f->picture = fr_test_jpeg(128, 96, 90, 7);
	(void)snprintf(line, sizeof(line), "Content-Type: image/jpeg\r\nContent-Length: %zu\r\n",
	    f->picture.size);
	c = asking(f, "PUT /streams/second", line);
	fr_test_say(c, f->picture.bytes, f->picture.size);
	(void)fr_test_expect_text(c, "{\"published\":1}");
	fr_test_leave(c);
	(void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n", f->picture.size);
	for (size_t i = 0; i < sizeof(second) / sizeof(second[0]); i++) {
		(void)snprintf(line, sizeof(line), "GET %s", second[i]);
		expect(f, line, "", length);
		(void)snprintf(line, sizeof(line), "GET %s", second_picture[i]);
		expect(f, line, "", length);
	}
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

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fr_test_http_setup, fr_test_frames_teardown)
	const struct CMUnitTest tests[] = {
	    T(an_mjpeg_stream_is_made_as_its_readers_need_it),
	    T(the_newest_picture_is_sent_once_more),
	    T(without_placeholders_nothing_is_sent_of_what_is_not_live),
	    T(the_boundary_is_random_unless_it_is_given),
	    T(a_viewer_that_goes_is_noticed_without_a_picture),
	    T(a_viewer_that_goes_on_sending_is_closed),
	    T(a_stale_stream_is_shown_greyed_made_once_for_all),
	    T(a_stream_that_never_had_a_picture_says_so),
	    T(the_same_picture_again_and_again_does_not_look_live),
	    T(a_viewer_may_go_while_its_placeholder_is_being_made),
	    T(the_parameters_of_ustreamer_are_understood),
	    T(the_names_that_other_software_asks_for_are_answered),
	    T(each_camera_of_a_port_map_has_its_number),
	    T(an_old_client_at_the_root_gets_pictures_and_a_browser_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
