/* SPDX-License-Identifier: MIT */
/* A stream of another relay as one of ours: through a real door, and from servers that a test writes out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "common/net/loop.h"
#include "tests/support/loop_runner.h"
#include "tests/support/test_bed.h"
#include "tests/support/test_server.h"

static char *address(struct fr_bed *f)
{
	static char text[40];

	(void)snprintf(text, sizeof(text), "address=127.0.0.1:%u", (unsigned)f->port);
	return text;
}

static void wait_for_pictures(struct fr_bed *f, unsigned count)
{
	f->near.wanted = count;
	fr_test_until(f->loop, fr_side_has_pictures, &f->near);
}

static void it_is_there_only_while_somebody_watches(void **state)
{
	struct fr_bed *f = *state;

	fr_bed_open_door(f);
	fr_side_publish(&f->far);
	fr_bed_open_source(f, "frames-pull", address(f), NULL);
	fr_test_turn(f->loop, 20);
	assert_int_equal(f->far.subscribers, 0);
	assert_true(fr_side_is_asleep(&f->near));

	fr_side_watch(&f->near);
	fr_test_until(f->loop, fr_side_is_watched, &f->far);
	fr_side_send(&f->far, &f->picture);
	wait_for_pictures(f, 1);
	fr_side_unwatch(&f->near);
	fr_test_until(f->loop, fr_side_is_not_watched, &f->far);
	f->limits.stale_after_ms = 100; /* else the last picture counts for 5 s */
	fr_test_until(f->loop, fr_side_is_asleep, &f->near);
	assert_int_equal(f->ended, 0);
}

static void sequence_capture_time_and_bytes_are_the_other_relays(void **state)
{
	struct fr_bed *f = *state;

	fr_bed_open_door(f);
	fr_side_publish(&f->far);
	fr_side_watch(&f->far);
	fr_bed_open_source(f, "frames-pull", address(f), NULL);
	fr_side_watch(&f->near);
	fr_test_until(f->loop, fr_side_is_watched, &f->far);
	for (unsigned i = 1; i <= 3; i++) {
		fr_side_send(&f->far, &f->picture);
		wait_for_pictures(f, i);
	}

	assert_int_equal(f->near.sequence, f->far.sequence);
	assert_int_equal(f->near.captured_us, f->far.captured_us);
	assert_int_equal(f->near.last_size, f->picture.size);
	assert_memory_equal(f->near.last, f->picture.bytes, f->picture.size);
}

static void messages_of_the_stream_come_along(void **state)
{
	struct fr_bed *f = *state;

	fr_bed_open_door(f);
	fr_side_publish(&f->far);
	fr_bed_open_source(f, "frames-pull", address(f), NULL);
	fr_side_watch(&f->near);
	fr_test_until(f->loop, fr_side_is_watched, &f->far);
	fr_side_tell(&f->far, "{\"door\":\"open\"}");
	f->near.wanted = 1;
	fr_test_until(f->loop, fr_side_has_messages, &f->near);

	assert_string_equal((char *)f->near.last, "{\"door\":\"open\"}");
}

static void another_name_over_there_is_asked_for(void **state)
{
	struct fr_bed *f = *state;

	fr_bed_open_door(f);
	fr_side_publish(&f->far); /* as cam */
	fr_bed_open_source(f, "frames-pull", address(f), "remote_stream=other", NULL);
	fr_side_watch(&f->near);
	while (fr_relay_stream(f->far.relay, "other", 0, &(struct fr_stream_info){0}) == false)
		fr_test_turn(f->loop, 1);
	assert_int_equal(f->far.subscribers, 0);
}

static void the_stream_is_offline_while_the_other_end_is_away_and_back_with_it(void **state)
{
	struct fr_bed *f = *state;

	fr_bed_open_door(f);
	fr_side_publish(&f->far);
	fr_bed_open_source(f, "frames-pull", address(f), NULL);
	fr_side_watch(&f->near);
	fr_test_until(f->loop, fr_side_is_watched, &f->far);
	fr_side_send(&f->far, &f->picture);
	wait_for_pictures(f, 1);

	f->limits.stale_after_ms = 100; /* else the last picture counts for 5 s */
	fr_bed_close_door(f);
	fr_test_until(f->loop, fr_side_is_offline, &f->near);
	f->limits.stale_after_ms = 5000;
	fr_bed_open_door(f);
	fr_test_until(f->loop, fr_side_is_watched, &f->far);
	fr_side_send(&f->far, &f->picture);
	wait_for_pictures(f, f->near.pictures + 1);
	fr_test_until(f->loop, fr_side_is_live, &f->near);
	assert_true(fr_stat_value(FR_STAT_reconnects) > 0);
}

static void without_retry_a_failure_is_the_end(void **state)
{
	struct fr_bed *f = *state;

	fr_bed_open_door(f);
	fr_bed_close_door(f); /* now the port is nobody's */
	fr_bed_open_source(f, "frames-pull", address(f), "retry=false", "on_demand=false", NULL);
	fr_test_until(f->loop, fr_bed_has_ended, f);

	assert_int_equal(f->status, -EIO);
	assert_non_null(strstr(f->reason, "refused"));
	assert_int_equal(f->ended, 1);
}

static void an_address_that_is_none_is_refused(void **state)
{
	struct fr_bed *f = *state;

	assert_int_equal(f->ended, 0);
	fr_bed_open_source(
	    f, "frames-pull", "address=nobody.invalid", "retry=false", "on_demand=false", NULL);
	fr_test_until(f->loop, fr_bed_has_ended, f);
	assert_int_equal(f->status, -EIO);
	assert_non_null(strstr(f->reason, "nobody.invalid"));
}

/* --- A program that sends plain framing to whoever connects ----------------------------------- */

static void server_sends(const struct fr_test_server *s, const struct fr_test_jpeg *p)
{
	const uint8_t head[] = {(uint8_t)p->size, (uint8_t)(p->size >> 8), 0, 0};

	fr_test_server_send(s, head, 4);
	fr_test_server_send(s, p->bytes, p->size);
}

static void plain_framing_is_read_without_a_word(void **state)
{
	struct fr_bed *f = *state;
	struct fr_test_server s;
	char got;

	fr_test_server_open(&s);
	f->port = s.port;
	fr_bed_open_source(f, "frames-pull", address(f), "hello=false", NULL);
	fr_side_watch(&f->near);
	fr_test_until(f->loop, fr_test_server_has_one, &s);
	server_sends(&s, &f->picture);
	server_sends(&s, &f->picture);
	wait_for_pictures(f, 2);

	assert_int_equal(recv(s.fd, &got, 1, MSG_DONTWAIT), -1);
	assert_memory_equal(f->near.last, f->picture.bytes, f->picture.size);
	fr_test_server_close(&s);
}

static void half_a_picture_is_shown_to_nobody(void **state)
{
	struct fr_bed *f = *state;
	struct fr_test_server s;

	fr_test_server_open(&s);
	f->port = s.port;
	fr_bed_open_source(f, "frames-pull", address(f), "hello=false", NULL);
	fr_side_watch(&f->near);
	fr_test_until(f->loop, fr_test_server_has_one, &s);
	fr_test_server_send(&s, "\x00\x10\x00\x00\xff\xd8half", 10);
	fr_test_turn(f->loop, 5);
	fr_test_server_drop(&s);
	fr_test_until(f->loop, fr_test_server_has_one, &s);
	server_sends(&s, &f->picture);
	wait_for_pictures(f, 1);

	assert_int_equal(f->near.pictures, 1);
	assert_memory_equal(f->near.last, f->picture.bytes, f->picture.size);
	fr_test_server_close(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fr_bed_setup, fr_bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(it_is_there_only_while_somebody_watches),
	    TEST(sequence_capture_time_and_bytes_are_the_other_relays),
	    TEST(messages_of_the_stream_come_along),
	    TEST(another_name_over_there_is_asked_for),
	    TEST(the_stream_is_offline_while_the_other_end_is_away_and_back_with_it),
	    TEST(without_retry_a_failure_is_the_end),
	    TEST(an_address_that_is_none_is_refused),
	    TEST(plain_framing_is_read_without_a_word),
	    TEST(half_a_picture_is_shown_to_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
