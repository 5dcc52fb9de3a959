/* SPDX-License-Identifier: MIT */
/* How the client loses its connection, comes back, and ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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

/* --- Going and coming back -------------------------------------------------------------------- */

static void a_relay_that_goes_and_comes_back_is_found_again(void **state)
{
	struct fr_scene *s = *state;

	fr_scene_start_up(s);
	fr_scene_server_close(s);
	s->wanted_downs = 4; /* and tries in vain */
	fr_test_until(s->loop, fr_scene_is_down, s);
	assert_true(s->again);
	assert_non_null(strstr(s->reason, "connection refused"));

	s->ups = 0;
	fr_scene_server_open(s);
	fr_scene_server_waits_for(s, "SUB cam records=1\n");
	fr_scene_server_says(s, "OK cam live=0\n", 14);
	fr_test_until(s->loop, fr_scene_is_up, s);
	assert_int_equal(s->live, 0);
	assert_int_equal(fr_stat_value(FR_STAT_reconnects), 1);
}

static void without_retry_one_failure_is_the_end(void **state)
{
	struct fr_scene *s = *state;

	s->spec.retry = false;
	fr_scene_server_close(s);
	fr_scene_start(s);
	fr_test_until(s->loop, fr_scene_is_down, s);
	assert_false(s->again);
	fr_scene_server_open(s);
	fr_test_turn(s->loop, 50);
	assert_false(fr_scene_server_has_a_connection(s));
}

static void who_was_replaced_comes_back_after_10_seconds_and_replaces_nobody(void **state)
{
	struct fr_scene *s = *state;
	uint8_t bytes[FR_WIRE_SMALL_MAX];
	int64_t begin_us;

	s->spec.hello.verb = FR_HELLO_PUB;
	fr_scene_start_up(s);
	fr_scene_server_says(s, bytes, fr_wire_write_error(bytes, 409, "replaced by 192.0.2.9:5"));
	fr_test_until(s->loop, fr_scene_is_down, s);
	begin_us = fr_clock_now_us();
	assert_int_equal(s->code, 409);
	assert_true(s->again);
	assert_string_equal(s->reason, "replaced by 192.0.2.9:5");

	fr_scene_server_hang_up(s);
	fr_scene_server_waits_for(s, "\n");
	assert_in_range(fr_clock_now_us() - begin_us, 9900000, 19000000);
	assert_non_null(memmem(s->came, s->came_size, "takeover=no", 11));
	s->ups = 0;
	fr_scene_server_says(s, "OK cam live=0\n", 14);
	fr_test_until(s->loop, fr_scene_is_up, s);

	/* Once it is back, its next hello is the owner's again. */
	fr_scene_server_hang_up(s);
	fr_scene_server_waits_for(s, "\n");
	assert_null(memmem(s->came, s->came_size, "takeover=no", 11));
}

static void a_plain_publisher_with_a_name_hears_that_it_was_replaced(void **state)
{
	struct fr_scene *s = *state;

	s->spec.hello.verb = FR_HELLO_PUB;
	s->spec.hello.records = false;
	fr_scene_start_up(s);
	fr_scene_server_says(s, "ERR 409 replaced by 192.0.2.9:5\n", 32);
	fr_test_until(s->loop, fr_scene_is_down, s);
	assert_int_equal(s->code, 409);
	assert_true(s->again);
}

static void a_reconnect_is_told_from_the_loop(void **state)
{
	struct fr_scene *s = *state;

	fr_scene_start_up(s);
	fr_wire_client_reconnect(s->client, "stalled");
	fr_wire_client_reconnect(s->client, "said twice");
	assert_int_equal(s->downs, 0);
	assert_false(fr_wire_client_is_up(s->client));
	fr_test_until(s->loop, fr_scene_is_down, s);
	assert_string_equal(s->reason, "stalled");
	assert_true(s->again);
	fr_scene_server_hang_up(s);
	fr_scene_server_waits_for(s, "SUB cam");
	assert_int_equal(s->downs, 1);
}

static void a_failed_send_is_told_from_the_loop(void **state)
{
	struct fr_scene *s = *state;
	const struct linger at_once = {.l_onoff = 1};
	struct fr_frame *f = fr_scene_picture(s, 100);
	enum fr_send r = FR_SEND_DONE;

	fr_scene_start_up(s);
	(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	fr_scene_server_hang_up(s);
	while (r == FR_SEND_DONE)
		r = fr_wire_client_send(s->client, f);
	fr_frame_unref(f);
	assert_int_equal(r, FR_SEND_GONE);
	assert_int_equal(s->downs, 0);
	fr_test_until(s->loop, fr_scene_is_down, s);
	assert_true(strlen(s->reason) > 0);
}

static void a_broken_record_is_a_reason(void **state)
{
	struct fr_scene *s = *state;

	fr_scene_start_up(s);
	fr_scene_server_says(s, "\x03\0\0\0", 4);
	fr_test_until(s->loop, fr_scene_is_down, s);
	assert_non_null(strstr(s->reason, "length is 3"));
	assert_true(s->again);
}

/* --- PING ------------------------------------------------------------------------------------- */

static bool server_has_a_pong(void *arg)
{
	struct fr_scene *s = arg;

	fr_scene_server_turn(s);
	return s->came_size >= 24 + 16;
}

static void a_ping_is_answered_at_once(void **state)
{
	struct fr_scene *s = *state;
	uint8_t bytes[FR_WIRE_SMALL_MAX];

	fr_scene_start_up(s);
	s->came_size = 0;
	fr_scene_server_says(s, bytes, fr_wire_write_ping(bytes, 0x1122334455667788));
	fr_test_until(s->loop, server_has_a_pong, s);
	assert_int_equal(s->came[4], 5);
	assert_memory_equal(s->came + 24, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
	assert_int_equal(s->pings, 1);
}

static void the_other_ends_clock_is_known_from_its_pong(void **state)
{
	struct fr_scene *s = *state;
	uint8_t bytes[FR_WIRE_SMALL_MAX];
	int64_t offset_us;

	s->limits.ping_interval_ms = 60000;
	fr_scene_start_up(s);
	assert_false(fr_wire_client_clock_offset(s->client, &offset_us));
	fr_scene_server_waits_for(s, "\x04"); /* the PING that follows the welcome */
	while (s->came_size < 18 + 32)
		fr_scene_server_turn(s);
	fr_scene_server_says(s, bytes,
	    fr_wire_write_pong(bytes, s->came + s->came_size - 8, 8, fr_clock_real_us() + 5000000));
	fr_test_until(s->loop, fr_scene_knows_the_clock, s);

	assert_true(fr_wire_client_clock_offset(s->client, &offset_us));
	assert_in_range(offset_us, 4000000, 6000000);
	assert_int_equal(s->pongs, 1);
}

static void a_relay_that_falls_silent_is_left(void **state)
{
	struct fr_scene *s = *state;

	s->limits.ping_interval_ms = 30;
	fr_scene_start_up(s);
	fr_test_until(s->loop, fr_scene_is_down, s);
	assert_non_null(strstr(s->reason, "no answer"));
	assert_true(s->came_size >= 18 + 2 * 32); /* it was asked */
}

/* --- Shares and ends -------------------------------------------------------------------------- */

static void a_turn_takes_a_bounded_share(void **state)
{
	enum {
		COUNT = 200,
		SIZE = 5000
	};
	struct fr_scene *s = *state;
	uint8_t *bytes = malloc(COUNT * (24 + SIZE));
	size_t n = 0, at = 0;
	unsigned before, most = 0;

	for (uint64_t i = 0; i < COUNT; i++)
		n += fr_scene_frame_record(s, bytes + n, SIZE, i + 1);
	fr_scene_start_up(s);
	while (s->frames < COUNT) {
		while (at < n) {
			const ssize_t w = send(s->fd, bytes + at, n - at, MSG_NOSIGNAL);

			if (w < 0)
				break;
			at += (size_t)w;
		}
		before = s->frames;
		fr_test_turn(s->loop, 1);
		if (s->frames - before > most)
			most = s->frames - before;
	}
	assert_in_range(most, 1, 16 + 4); /* and those that came with the last read */
	assert_int_equal(s->sequence, COUNT);
	free(bytes);
}

static void it_may_be_freed_from_each_of_its_callbacks(void **state)
{
	struct fr_scene *s = *state;
	uint8_t bytes[2 * FR_WIRE_SMALL_MAX];
	size_t n;

	for (const char *letter = "ueo"; *letter != '\0'; letter++) {
		s->free_in = (unsigned)*letter;
		fr_scene_start(s);
		fr_scene_server_waits_for(s, "\n");
		memcpy(bytes, "OK cam live=1\n", 14);
		n = 14 + fr_wire_write_demand(bytes + 14, 1, 0);
		n += fr_wire_write_error(bytes + n, 503, "full");
		fr_scene_server_says(s, bytes, n);
		fr_test_until(s->loop, fr_scene_is_freed, s);
		fr_scene_server_hang_up(s);
	}
	s->free_in = 'd';
	s->ups = 0;
	fr_scene_start_plain(s);
	{
		struct fr_frame *f = fr_scene_picture(s, 8 << 20);

		assert_int_equal(fr_wire_client_send(s->client, f), FR_SEND_FULL);
		fr_frame_unref(f);
	}
	fr_test_until(s->loop, fr_scene_is_freed, s);
	assert_int_equal(s->downs, 1);
}

static void it_may_be_freed_or_finished_at_every_stage(void **state)
{
	struct fr_scene *s = *state;
	const unsigned before = fr_test_descriptors();

	for (unsigned turns = 0; turns < 6; turns++) {
		fr_scene_start(s);
		fr_test_turn(s->loop, turns);
		fr_wire_client_free(s->client);
		fr_scene_start(s);
		fr_test_turn(s->loop, turns);
		fr_wire_client_finish(s->client, "enough");
		s->client = NULL;
	}
	fr_test_turn(s->loop, 3);
	fr_wire_client_finish(NULL, "nothing");
	assert_int_equal(s->downs, 0);
	assert_int_equal(fr_test_descriptors(), before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fr_scene_setup, fr_scene_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_relay_that_goes_and_comes_back_is_found_again),
	    TEST(without_retry_one_failure_is_the_end),
	    TEST(who_was_replaced_comes_back_after_10_seconds_and_replaces_nobody),
	    TEST(a_plain_publisher_with_a_name_hears_that_it_was_replaced),
	    TEST(a_reconnect_is_told_from_the_loop),
	    TEST(a_failed_send_is_told_from_the_loop),
	    TEST(a_broken_record_is_a_reason),
	    TEST(a_ping_is_answered_at_once),
	    TEST(the_other_ends_clock_is_known_from_its_pong),
	    TEST(a_relay_that_falls_silent_is_left),
	    TEST(a_turn_takes_a_bounded_share),
	    TEST(it_may_be_freed_from_each_of_its_callbacks),
	    TEST(it_may_be_freed_or_finished_at_every_stage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
