/* SPDX-License-Identifier: MIT */
/* What the client says and hears, against a server that is written out byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/stats.h"
#include "common/media/frame.h"
#include "common/media/wire_write.h"
#include "tests/support/loop_runner.h"
#include "tests/support/wire_scene.h"

/* --- Plain ------------------------------------------------------------------------------------ */

static void a_plain_client_sends_the_recipe_and_ends_with_length_0(void **state)
{
	static const uint8_t length_0[4];
	struct fr_scene *s = *state;
	struct fr_frame *f = fr_scene_picture(s, 1000);

	fr_scene_start_plain(s);
	assert_int_equal(s->live, -2); /* no answer there */
	assert_true(fr_wire_client_is_idle(s->client));
	assert_int_equal(fr_wire_client_send(s->client, f), FR_SEND_DONE);
	fr_wire_client_finish(s->client, "done");
	s->client = NULL;
	fr_test_until(s->loop, fr_scene_server_saw_the_end, s);

	assert_int_equal(s->came_size, 4 + 1000 + 4);
	assert_memory_equal(s->came, "\xe8\x03\0\0", 4);
	assert_memory_equal(s->came + 4, fr_frame_bytes(f), 1000);
	assert_memory_equal(s->came + 1004, length_0, 4);
	assert_int_equal(s->downs, 0);
	fr_frame_unref(f);
}

static void a_picture_under_way_goes_out_before_the_end(void **state)
{
	struct fr_scene *s = *state;
	struct fr_frame *f = fr_scene_picture(s, 4 << 20);

	fr_scene_start_plain(s);
	assert_int_equal(fr_wire_client_send(s->client, f), FR_SEND_FULL);
	assert_false(fr_wire_client_is_idle(s->client));
	fr_wire_client_finish(s->client, "done");
	s->client = NULL;
	fr_test_until(s->loop, fr_scene_server_saw_the_end, s);
	assert_int_equal(s->came_size, 4 + (4 << 20) + 4);
	assert_true(memcmp(s->came + 4, fr_frame_bytes(f), 4 << 20) == 0);
	fr_frame_unref(f);
}

static void a_full_socket_is_told_when_it_is_drained(void **state)
{
	struct fr_scene *s = *state;
	struct fr_frame *f = fr_scene_picture(s, 8 << 20);

	fr_scene_start_plain(s);
	assert_int_equal(fr_wire_client_send(s->client, f), FR_SEND_FULL);
	fr_frame_unref(f);
	assert_true(fr_wire_client_progress_us(s->client) > 0);
	fr_test_until(s->loop, fr_scene_is_drained, s);
	assert_true(fr_wire_client_is_idle(s->client));
}

static void a_plain_server_is_read(void **state)
{
	struct fr_scene *s = *state;

	fr_scene_start_plain(s);
	fr_scene_server_says(s, "\x05\0\0\0\xff\xd8one\x05\0\0\0\xff\xd8two\0\0\0\0", 22);
	s->spec.retry = false;
	fr_test_until(s->loop, fr_scene_is_down, s);

	assert_int_equal(s->frames, 2);
	assert_memory_equal(s->picture, "\xff\xd8two", 5);
	assert_int_equal(s->ends, 1);
	assert_non_null(strstr(s->reason, "ended"));
	assert_true(s->again);
}

static void what_a_plain_server_says_in_words_is_the_reason(void **state)
{
	struct fr_scene *s = *state;

	fr_scene_start_plain(s);
	fr_scene_server_says(s, "this is no JPEG: it begins 41 41\n", 33);
	fr_test_until(s->loop, fr_scene_is_down, s);
	assert_non_null(strstr(s->reason, "says: this is no JPEG: it begins 41 41"));
}

static void the_end_of_a_server_that_never_writes_is_noticed(void **state)
{
	struct fr_scene *s = *state;

	fr_scene_start_plain(s);
	fr_scene_server_hang_up(s);
	fr_test_until(s->loop, fr_scene_is_down, s);
	assert_int_equal(s->code, 0);
	assert_non_null(strstr(s->reason, "closed by the other end"));
}

/* --- Hello ------------------------------------------------------------------------------------ */

static void a_hello_is_said_and_its_answer_told(void **state)
{
	struct fr_scene *s = *state;
	char text[FR_ADDR_TEXT_MAX + 256], expected[64];

	fr_scene_start(s);
	assert_int_equal(s->connections, 0); /* nothing happens inside new */
	fr_scene_server_waits_for(s, "SUB cam records=1\n");
	assert_int_equal(s->ups, 0);
	assert_false(fr_wire_client_is_up(s->client));
	fr_scene_server_says(s, "OK cam live=1\n", 14);
	fr_test_until(s->loop, fr_scene_is_up, s);

	assert_int_equal(s->live, 1);
	(void)snprintf(expected, sizeof(expected), "127.0.0.1:%u", s->port);
	assert_string_equal(fr_wire_client_peer(s->client, text), expected);
}

static void a_picture_right_behind_the_answer_is_not_lost(void **state)
{
	struct fr_scene *s = *state;
	uint8_t bytes[14 + 24 + FR_SCENE_PICTURE];
	uint8_t expected[FR_SCENE_PICTURE];
	size_t n = 14;

	memcpy(bytes, "OK cam live=1\n", 14);
	n += fr_scene_frame_record(s, bytes + n, FR_SCENE_PICTURE, 41);
	fr_scene_start(s);
	fr_scene_server_waits_for(s, "\n");
	fr_scene_server_says(s, bytes, n);
	s->wanted_frames = 1;
	fr_test_until(s->loop, fr_scene_has_frames, s);

	assert_int_equal(s->ups, 1);
	assert_int_equal(s->sequence, 41);
	assert_int_equal(s->time_us, 1700000000000000);
	assert_int_equal(s->picture_size, FR_SCENE_PICTURE);
	memcpy(expected, bytes + n - FR_SCENE_PICTURE, FR_SCENE_PICTURE);
	assert_memory_equal(s->picture, expected, FR_SCENE_PICTURE);
}

static void records_of_every_kind_come_through(void **state)
{
	struct fr_scene *s = *state;
	uint8_t bytes[FR_WIRE_SMALL_MAX];

	fr_scene_start_up(s);
	fr_scene_server_says(s, bytes, fr_wire_write_demand(bytes, 3, 15000));
	fr_test_until(s->loop, fr_scene_has_demand, s);
	assert_int_equal(s->subscribers, 3);
	assert_int_equal(s->rate_milli, 15000);
	fr_scene_server_says(s,
	    "\x1b\0\0\0\x02\0\0\0"
	    "\0\0\0\0\0\0\0\0"
	    "\0\0\0\0\0\0\0\0"
	    "{\"a\":1}",
	    24 + 7);
	fr_test_until(s->loop, fr_scene_has_message, s);
	assert_string_equal(s->text, "{\"a\":1}");
	fr_scene_server_says(s, bytes, fr_wire_write_end(bytes, "the relay stops"));
	fr_test_until(s->loop, fr_scene_is_down, s);
	assert_int_equal(s->ends, 1);
	assert_non_null(strstr(s->reason, "the relay stops"));
	assert_true(s->again);
}

static void records_go_out_and_end_with_end(void **state)
{
	struct fr_scene *s = *state;
	uint8_t bytes[FR_WIRE_SMALL_MAX];
	struct fr_frame *f = fr_scene_picture(s, 100);
	size_t n, before;

	s->spec.hello.verb = FR_HELLO_PUB;
	fr_scene_start_up(s);
	before = s->came_size;
	assert_int_equal(fr_wire_client_send(s->client, f), FR_SEND_DONE);
	n = fr_wire_write_demand(bytes, 1, 0);
	assert_int_equal(fr_wire_client_put(s->client, bytes, n), FR_SEND_DONE);
	fr_wire_client_finish(s->client, "enough");
	s->client = NULL;
	fr_test_until(s->loop, fr_scene_server_saw_the_end, s);

	assert_memory_equal(s->came + before, fr_frame_record_prefix(f), FR_PREFIX_RECORD_BYTES);
	assert_memory_equal(s->came + before + FR_PREFIX_RECORD_BYTES, fr_frame_bytes(f), 100);
	assert_memory_equal(s->came + before + 124, bytes, n);
	n = fr_wire_write_end(bytes, "enough");
	assert_memory_equal(s->came + s->came_size - n, bytes, n);
	fr_frame_unref(f);
}

static void what_a_new_try_would_not_mend_is_not_tried_again(void **state)
{
	struct fr_scene *s = *state;

	fr_scene_start(s);
	fr_scene_server_waits_for(s, "\n");
	fr_scene_server_says(s, "ERR 403 127.0.0.1 may not watch cam\n", 36);
	fr_test_until(s->loop, fr_scene_is_down, s);

	assert_int_equal(s->code, 403);
	assert_false(s->again);
	assert_string_equal(s->reason, "127.0.0.1 may not watch cam");
	fr_scene_server_hang_up(s);
	fr_test_turn(s->loop, 20);
	assert_false(fr_scene_server_has_a_connection(s));
}

static void a_busy_relay_is_asked_again(void **state)
{
	struct fr_scene *s = *state;

	fr_scene_start(s);
	fr_scene_server_waits_for(s, "\n");
	fr_scene_server_says(s, "ERR 503 it is full\n", 19);
	fr_test_until(s->loop, fr_scene_is_down, s);
	assert_int_equal(s->code, 503);
	assert_true(s->again);
	fr_scene_server_hang_up(s);
	fr_scene_server_waits_for(s, "SUB cam records=1\n");
	assert_int_equal(s->connections, 2);
}

static void an_answer_that_is_none_is_a_reason(void **state)
{
	struct fr_scene *s = *state;

	fr_scene_start(s);
	fr_scene_server_waits_for(s, "\n");
	fr_scene_server_says(s, "HTTP/1.1 400 Bad Request\r\n", 26);
	fr_test_until(s->loop, fr_scene_is_down, s);
	assert_true(strlen(s->reason) > 0);
	assert_int_equal(s->ups, 0);
}

static void a_hello_without_an_answer_is_given_up(void **state)
{
	struct fr_scene *s = *state;

	s->limits.first_byte_timeout_ms = 50;
	fr_scene_start(s);
	fr_test_until(s->loop, fr_scene_is_down, s);
	assert_non_null(strstr(s->reason, "no answer to the hello"));
	assert_true(s->again);
}

static void a_relay_that_closes_before_it_answers_is_a_reason(void **state)
{
	struct fr_scene *s = *state;

	fr_scene_start(s);
	fr_scene_server_waits_for(s, "\n");
	fr_scene_server_hang_up(s);
	fr_test_until(s->loop, fr_scene_is_down, s);
	assert_non_null(strstr(s->reason, "before it answered"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fr_scene_setup, fr_scene_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_plain_client_sends_the_recipe_and_ends_with_length_0),
	    TEST(a_picture_under_way_goes_out_before_the_end),
	    TEST(a_full_socket_is_told_when_it_is_drained),
	    TEST(a_plain_server_is_read),
	    TEST(what_a_plain_server_says_in_words_is_the_reason),
	    TEST(the_end_of_a_server_that_never_writes_is_noticed),
	    TEST(a_hello_is_said_and_its_answer_told),
	    TEST(a_picture_right_behind_the_answer_is_not_lost),
	    TEST(records_of_every_kind_come_through),
	    TEST(records_go_out_and_end_with_end),
	    TEST(what_a_new_try_would_not_mend_is_not_tried_again),
	    TEST(a_busy_relay_is_asked_again),
	    TEST(an_answer_that_is_none_is_a_reason),
	    TEST(a_hello_without_an_answer_is_given_up),
	    TEST(a_relay_that_closes_before_it_answers_is_a_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
