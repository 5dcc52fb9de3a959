/* SPDX-License-Identifier: MIT */
/* Publishers and subscribers with records at the frames door: takeover, messages, pings, clocks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "daemon/relay/relay.h"
#include "tests/support/frames_scene.h"
#include "tests/support/loop_runner.h"

static void the_incumbent_that_answers_keeps_its_stream(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *old, *new;
	size_t ok;

	f->limits.ping_interval_ms = 0; /* the only PING is the one that asks the incumbent */
	fr_test_frames_open(f);
	old = fr_test_welcomed(f, "PUB cam records=1 id=00112233445566778899aabbccddeeff\n");
	ok = strlen("OK cam live=0\n");
	fr_test_expect_bytes(old, ok + 32); /* DEMAND comes on accept */
	assert_int_equal(old->got[ok + 4], 3);
	old->size = 0;
	new = fr_test_client(f);
	fr_test_say_line(new, "PUB cam records=1 id=ffffffffffffffffffffffffffffffff\n");
	fr_test_expect_bytes(old, 32); /* the PING */
	assert_int_equal(old->got[4], 4);
	{
		uint8_t pong[64];

		fr_test_say(old, pong, fr_test_record(pong, 5, (uint8_t[16]){0}, 16));
	}
	fr_test_expect_end(new, "ERR 409 ");
	assert_int_equal(fr_test_rejected(FR_REASON_stream_busy), 1);
	fr_test_leave(old);
	fr_test_leave(new);
}

static void the_incumbent_that_is_silent_is_replaced_and_nothing_of_the_newcomer_is_lost(
    void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *old, *new, *sub;
	const size_t ok = strlen("OK cam live=0\n");
	uint8_t both[64 * 1024];
	size_t n;

	fr_test_frames_open(f);
	sub = fr_test_welcomed(f, "SUB cam\n");
	old = fr_test_welcomed(f, "PUB cam records=1 id=00112233445566778899aabbccddeeff\n");
	new = fr_test_client(f);
	/* Its first picture comes in the same breath as its hello, before anything is decided. */
	n = (size_t)sprintf(
	    (char *)both, "PUB cam records=1 id=ffffffffffffffffffffffffffffffff\n");
	n += fr_test_record(both + n, 1, f->picture.bytes, f->picture.size);
	fr_test_say(new, both, n);
	fr_test_expect_bytes(sub, ok + 4 + f->picture.size);
	assert_memory_equal(sub->got + ok + 4, f->picture.bytes, f->picture.size);
	fr_test_until(f->loop, fr_test_is_closed, old);
	assert_int_equal(fr_test_rejected(FR_REASON_replaced), 1);
	assert_int_equal(fr_stat_value(FR_STAT_takeovers), 1);
	fr_test_expect_line(new, "OK cam ");
	fr_test_leave(old);
	fr_test_leave(new);
	fr_test_leave(sub);
}

static bool one_bad_message(void *arg)
{
	(void)arg;
	return fr_test_rejected(FR_REASON_bad_message) == 1;
}

static void messages_go_to_subscribers_with_records(void **state)
{
	static const char json[] = "{\"boxes\":[1,2]}";
	struct fr_test_frames *f = *state;
	const size_t ok = strlen("OK cam live=0\n");
	struct fr_test_peer *pub, *sub, *plain;
	uint8_t bytes[256];

	fr_test_frames_open(f);
	sub = fr_test_welcomed(f, "SUB cam records=1\n");
	plain = fr_test_welcomed(f, "SUB cam\n");
	pub = fr_test_welcomed(f, "PUB cam records=1\n");
	fr_test_say(pub, bytes, fr_test_record(bytes, 2, json, sizeof(json) - 1));
	fr_test_expect_bytes(sub, ok + 24 + sizeof(json) - 1);
	assert_int_equal(sub->got[ok + 4], 2);
	assert_memory_equal(sub->got + ok + 24, json, sizeof(json) - 1);
	fr_test_say(
	    sub, bytes, fr_test_record(bytes, 2, json, sizeof(json) - 1)); /* a detector answers */
	fr_test_expect_bytes(sub, ok + 2 * (24 + sizeof(json) - 1));
	fr_test_say(pub, bytes, fr_test_record(bytes, 2, "{\"cut", 5));
	fr_test_send_picture(plain); /* does no harm: garbage below the limit */
	fr_test_until(f->loop, one_bad_message, NULL);
	assert_int_equal(plain->size, ok);
	fr_test_leave(pub);
	fr_test_leave(sub);
	fr_test_leave(plain);
}

static void a_subscriber_may_not_send_pictures(void **state)
{
	struct fr_test_frames *f = *state;
	uint8_t bytes[64 * 1024];
	struct fr_test_peer *sub;

	fr_test_frames_open(f);
	sub = fr_test_welcomed(f, "SUB cam records=1\n");
	fr_test_say(sub, bytes, fr_test_record(bytes, 1, f->picture.bytes, f->picture.size));
	fr_test_until(f->loop, fr_test_is_closed, sub);
	assert_int_equal(fr_test_rejected(FR_REASON_bad_record), 1);
	fr_test_leave(sub);
}

static void a_ping_is_answered_with_its_payload_and_our_clock(void **state)
{
	struct fr_test_frames *f = *state;
	const size_t ok = strlen("OK cam live=0\n");
	uint8_t bytes[64];
	struct fr_test_peer *sub;

	f->limits.ping_interval_ms = 0;
	fr_test_frames_open(f);
	sub = fr_test_welcomed(f, "SUB cam records=1\n");
	fr_test_say(sub, bytes, fr_test_record(bytes, 4, "12345678more", 12));
	fr_test_expect_bytes(sub, ok + 24 + 20);
	assert_int_equal(sub->got[ok + 4], 5);
	assert_memory_equal(sub->got + ok + 24, "12345678more", 12);
	fr_test_leave(sub);
}

static bool clock_is_known(void *arg)
{
	struct fr_test_frames *f = arg;
	struct fr_stream_info info;

	return fr_relay_stream(f->relay, "cam", fr_clock_now_us(), &info) && info.has_clock;
}

static void a_publishers_clock_is_learned_from_its_pongs(void **state)
{
	struct fr_test_frames *f = *state;
	const size_t ok = strlen("OK cam live=0\n");
	struct fr_stream_info info;
	uint8_t bytes[64], payload[16];
	struct fr_test_peer *pub;
	uint64_t clock;

	f->limits.ping_interval_ms = 50;
	fr_test_frames_open(f);
	pub = fr_test_welcomed(f, "PUB cam records=1\n");
	fr_test_expect_bytes(pub, ok + 32 + 32); /* DEMAND, PING */
	assert_int_equal(pub->got[ok + 32 + 4], 4);
	memcpy(payload, pub->got + ok + 32 + 24, 8);
	memcpy(&clock, payload, 8);
	clock = htole64(le64toh(clock) + 5000000); /* ours is five seconds behind */
	memcpy(payload + 8, &clock, 8);
	f->limits.ping_interval_ms = 0; /* no newer question overtakes the answer */
	fr_test_say(pub, bytes, fr_test_record(bytes, 5, payload, 16));
	fr_test_until(f->loop, clock_is_known, f);
	assert_true(fr_relay_stream(f->relay, "cam", fr_clock_now_us(), &info));
	assert_in_range(info.clock_offset_us, 0, 5000000);
	fr_test_leave(pub);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fr_test_frames_setup, fr_test_frames_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(the_incumbent_that_answers_keeps_its_stream),
	    TEST(the_incumbent_that_is_silent_is_replaced_and_nothing_of_the_newcomer_is_lost),
	    TEST(messages_go_to_subscribers_with_records),
	    TEST(a_subscriber_may_not_send_pictures),
	    TEST(a_ping_is_answered_with_its_payload_and_our_clock),
	    TEST(a_publishers_clock_is_learned_from_its_pongs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
