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
#include "tests/support/loop_runner.h"

#define PREFACE  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"

struct bytes {
	uint8_t bytes[1024];
	size_t size;
};

static void put(struct bytes *b, const void *bytes, size_t size)
{
	assert_true(b->size + size <= sizeof(b->bytes));
	memcpy(b->bytes + b->size, bytes, size);
	b->size += size;
}

static void put_frame(
    struct bytes *b, uint8_t type, uint8_t flags, uint32_t stream, const void *payload, size_t size)
{
	const uint8_t head[9] = {0, (uint8_t)(size >> 8), (uint8_t)size, type, flags, 0, 0,
	    (uint8_t)(stream >> 8), (uint8_t)stream};

	put(b, head, sizeof(head));
	put(b, payload, size);
}

static void put_field(struct bytes *b, const char *name, const char *value)
{
	const uint8_t sizes[2] = {(uint8_t)strlen(name), (uint8_t)strlen(value)};

	put(b, "\x10", 1); /* literal, never indexed */
	put(b, &sizes[0], 1);
	put(b, name, sizes[0]);
	put(b, &sizes[1], 1);
	put(b, value, sizes[1]);
}

/* A whole call with one request. */
static void put_call(
    struct bytes *b, uint32_t stream, const char *path, const void *request, uint8_t size)
{
	const uint8_t prefix[5] = {0, 0, 0, 0, size};
	struct bytes fields = {.size = 0}, data = {.size = 0};

	put_field(&fields, ":method", "POST");
	put_field(&fields, ":scheme", "http");
	put_field(&fields, ":path", path);
	put_field(&fields, ":authority", "x");
	put_field(&fields, "content-type", "application/grpc");
	put_frame(b, 1, 4, stream, fields.bytes, fields.size);
	put(&data, prefix, sizeof(prefix));
	put(&data, request, size);
	put_frame(b, 0, 1, stream, data.bytes, data.size);
}

static struct bytes hello(void)
{
	struct bytes b = {.size = 0};

	put(&b, PREFACE, sizeof(PREFACE) - 1);
	put(&b, SETTINGS, sizeof(SETTINGS) - 1);
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
	struct bytes b = hello();
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	c = fr_test_client(f);
	put_call(&b, 1, "/grpc.health.v1.Health/Check", "", 0);
	fr_test_say(c, b.bytes, b.size);
	fr_test_until(f->loop, has, c);
	fr_test_leave(c);
}

/* What has begun is given back, wherever the peer goes: the teardown looks for what is left. */
static void a_peer_may_leave_after_every_byte(void **state)
{
	static const char publish[] = "\x0a\x05\x0a\x03"
	                              "cam";
	struct fr_test_frames *f = *state;
	struct bytes b = hello();

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
}

static void a_door_that_closes_ends_every_call(void **state)
{
	struct fr_test_frames *f = *state;
	struct bytes b = hello();
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
