/* SPDX-License-Identifier: MIT */
/* The grpc door on a real loop: its answers byte by byte, and what is given back when a peer leaves at any point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/options.h"
#include "daemon/doors/door.h"
#include "daemon/doors/doors.h"
#include "daemon/relay/relay.h"
#include "tests/support/frames_scene.h"
#include "tests/support/http2_bytes.h"
#include "tests/support/loop_runner.h"

/* A whole call with one request. */
static void put_call(
    struct wire_bytes *b, uint32_t stream, const char *path, const void *request, size_t size)
{
	struct wire_bytes fields = {0}, data = {0};

	http2_add_field(&fields, ":method", "POST");
	http2_add_field(&fields, ":scheme", "http");
	http2_add_field(&fields, ":path", path);
	http2_add_field(&fields, ":authority", "x");
	http2_add_field(&fields, "content-type", "application/grpc");
	http2_add_frame(b, HTTP2_HEADERS, HTTP2_END_HEADERS, stream, fields.bytes, fields.size);
	http2_add_message(&data, 0, request, size);
	http2_add_frame(b, HTTP2_DATA, HTTP2_END_STREAM, stream, data.bytes, data.size);
	bytes_done(&fields);
	bytes_done(&data);
}

static struct wire_bytes hello(void)
{
	struct wire_bytes b = {0};

	bytes_add_text(&b, HTTP2_PREFACE);
	http2_add_frame(&b, HTTP2_SETTINGS, 0, 0, "", 0);
	return b;
}

static int setup(void **state)
{
	const int r = fr_test_frames_setup(state);
	struct fr_test_frames *f = *state;
	struct fr_stream_config *row = calloc(1, sizeof(*row));

	f->kind = "grpc";
	fr_options_free(f->options);
	f->options = fr_options_new(fr_door_find("grpc")->options);
	memcpy(row->name, "cam", 4);
	row->title = strdup("");
	row->stale_after_ms = -1;
	fr_relay_set_streams(f->relay, row, 1, fr_clock_now_us());
	return r;
}

/* Whether these bytes stand in what came. */
static bool has(void *arg)
{
	static const uint8_t serving[] = {0, 0, 0, 0, 2, 8, 1};
	struct fr_test_peer *c = arg;

	(void)fr_test_is_closed(c); /* which reads */
	return memmem(c->got, c->size, serving, sizeof(serving)) != NULL;
}

static void health_is_told(void **state)
{
	struct fr_test_frames *f = *state;
	struct wire_bytes b = hello();
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	c = fr_test_client(f);
	put_call(&b, 1, "/grpc.health.v1.Health/Check", "", 0);
	fr_test_say(c, b.bytes, b.size);
	fr_test_until(f->loop, has, c);
	fr_test_leave(c);
	bytes_done(&b);
}

/* What has begun is given back, wherever the peer goes: the teardown looks for what is left. */
static void a_peer_may_leave_after_every_byte(void **state)
{
	static const char publish[] = "\x0a\x05\x0a\x03"
	                              "cam";
	struct fr_test_frames *f = *state;
	struct wire_bytes b = hello();

	fr_test_frames_open(f);
	put_call(&b, 1, "/framerelay.v1.FrameRelay/Subscribe",
	    "\x0a\x03"
	    "cam",
	    5);
	put_call(&b, 3, "/framerelay.v1.FrameRelay/Publish", publish, sizeof(publish) - 1);
	put_call(&b, 5, "/MainServer/getStream",
	    "\x0a\x03"
	    "cam",
	    5);
	for (size_t n = 1; n <= b.size; n++) {
		struct fr_test_peer *c = fr_test_client(f);

		fr_test_say(c, b.bytes, n);
		fr_test_turn(f->loop, 3);
		fr_test_leave(c);
		fr_test_turn(f->loop, 3);
	}
	bytes_done(&b);
}

static void a_door_that_closes_ends_every_call(void **state)
{
	struct fr_test_frames *f = *state;
	struct wire_bytes b = hello();
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	c = fr_test_client(f);
	put_call(&b, 1, "/framerelay.v1.FrameRelay/Subscribe",
	    "\x0a\x03"
	    "cam",
	    5);
	put_call(&b, 3, "/MainServer/getStream", "", 0);
	put_call(&b, 5, "/grpc.health.v1.Health/Watch", "", 0);
	fr_test_say(c, b.bytes, b.size);
	fr_test_until(f->loop, has, c);
	fr_test_frames_close(f);
	fr_test_until(f->loop, fr_test_is_closed, c);
	fr_test_leave(c);
	bytes_done(&b);
}

static void another_protocol_is_closed(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	c = fr_test_client(f);
	fr_test_say_line(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
	fr_test_until(f->loop, fr_test_is_closed, c);
	assert_int_equal(fr_test_rejected(FR_REASON_wrong_protocol), 1);
	fr_test_leave(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(health_is_told, setup, fr_test_frames_teardown),
	    cmocka_unit_test_setup_teardown(
	        a_peer_may_leave_after_every_byte, setup, fr_test_frames_teardown),
	    cmocka_unit_test_setup_teardown(
	        a_door_that_closes_ends_every_call, setup, fr_test_frames_teardown),
	    cmocka_unit_test_setup_teardown(
	        another_protocol_is_closed, setup, fr_test_frames_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
