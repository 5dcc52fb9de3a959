/* SPDX-License-Identifier: MIT */
/* The frames door on a real loop, over 127.0.0.1: every answer, every deadline, every role. */
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/media/frame.h"
#include "daemon/doors/doors.h"
#include "daemon/relay/ingest.h"
#include "tests/support/frames_scene.h"
#include "tests/support/loop_runner.h"

static void a_picture_goes_from_a_plain_publisher_to_a_plain_and_a_recorded_subscriber(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *plain, *records, *pub;
	const size_t size = f->picture.size, line = strlen("OK cam-127-0-0-1 live=0\n");

	fr_test_frames_open(f);
	plain = fr_test_welcomed(f, "SUB cam-127-0-0-1\n");
	records = fr_test_welcomed(f, "SUB cam-127-0-0-1 records=1\r\n");
	pub = fr_test_client(f);
	fr_test_send_picture(pub);

	fr_test_expect_bytes(plain, line + 4 + size);
	fr_test_expect_bytes(records, line + 24 + size);
	assert_memory_equal(plain->got + line + 4, f->picture.bytes, size);
	assert_memory_equal(records->got + line + 24, f->picture.bytes, size);
	assert_int_equal(records->got[line + 4], 1); /* FRAME */
	assert_int_equal(records->got[line + 5], 1); /* the time is the relay's */

	fr_test_say(pub, "\0\0\0\0", 4);
	fr_test_until(f->loop, fr_test_is_closed, pub);
	assert_int_equal(pub->size, 0); /* a clean end has no words */
	fr_test_leave(plain);
	fr_test_leave(records);
	fr_test_leave(pub);
}

static void every_bad_beginning_gets_its_answer_and_its_counter(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t size;
		const char *answer;
		enum fr_reason reason;
	} rows[] = {
#define BYTES(s) s, sizeof(s) - 1
	    {"length ffffffff", BYTES("\xff\xff\xff\xff"), "ERR 413 ", FR_REASON_length_over_max},
	    {"one over", BYTES("\x01\x00\x80\x00"), "ERR 413 ", FR_REASON_length_over_max},
	    {"TLS", BYTES("\x16\x03\x01\x02"), "TLS", FR_REASON_wrong_protocol},
	    {"SSH", BYTES("SSH-2.0-x\r\n"), "SSH", FR_REASON_wrong_protocol},
	    {"HTTP", BYTES("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 400", FR_REASON_wrong_protocol},
	    {"HTTP/2", BYTES("PRI * HTTP/2.0\r\n\r\n"), "HTTP/1.1 400", FR_REASON_wrong_protocol},
	    {"text", BYTES("\x10\0\0\0no picture here!"), "ERR 415 ", FR_REASON_not_jpeg},
	    {"unknown key", BYTES("SUB cam bogus=1\n"), "ERR 400 ", FR_REASON_bad_hello},
	    {"bad name", BYTES("PUB ../etc\n"), "ERR 400 ", FR_REASON_bad_hello},
	    {"range", BYTES("SUB cam queue=65\n"), "ERR 400 ", FR_REASON_bad_hello},
	    {"rendition", BYTES("SUB cam rotate=45\n"), "ERR 400 ", FR_REASON_bad_hello},
	};
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint64_t before = fr_test_rejected(rows[i].reason);

		c = fr_test_client(f);
		fr_test_say(c, rows[i].bytes, rows[i].size);
		fr_test_expect_end(c, rows[i].answer);
		assert_int_equal(fr_test_rejected(rows[i].reason), before + 1);
		fr_test_leave(c);
	}
}

static void a_hello_without_an_end_is_refused_when_it_is_too_long(void **state)
{
	struct fr_test_frames *f = *state;
	char line[2000];
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	memset(line, 'a', sizeof(line));
	memcpy(line, "SUB ", 4);
	c = fr_test_client(f);
	fr_test_say(c, line, sizeof(line));
	fr_test_expect_end(c, "ERR 400 ");
	assert_int_equal(fr_test_rejected(FR_REASON_bad_hello), 1);
	fr_test_leave(c);
}

static void who_says_nothing_or_half_a_hello_is_closed_in_time(void **state)
{
	static const char *const beginnings[] = {"", "\x10\x00", "SUB ca"};
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	for (size_t i = 0; i < 3; i++) {
		c = fr_test_client(f);
		if (i == 1)
			fr_test_say(c, beginnings[i], 2);
		else
			fr_test_say_line(c, beginnings[i]);
		fr_test_expect_end(c, "ERR 400 ");
		assert_int_equal(fr_test_rejected(FR_REASON_first_byte_timeout), i + 1);
		fr_test_leave(c);
	}
}

static void a_picture_that_never_becomes_whole_ends_its_publisher(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	c = fr_test_client(f);
	fr_test_say(c, "\x00\x10\x00\x00\xff\xd8\xff", 7);
	fr_test_expect_end(c, "ERR 400 ");
	assert_int_equal(fr_test_rejected(FR_REASON_frame_timeout), 1);
	assert_int_equal(fr_stat_value(FR_STAT_frames_rejected), 1);
	fr_test_leave(c);
}

static void a_length_may_wait_for_its_picture_and_a_stream_between_pictures(void **state)
{
	struct fr_test_frames *f = *state;
	const uint32_t length = htole32((uint32_t)f->picture.size);
	struct fr_test_peer *pub, *late;

	f->limits.first_byte_timeout_ms = 0;
	fr_test_frames_open(f);
	pub = fr_test_client(f);
	fr_test_say(pub, &length, 4);
	late = fr_test_client(f);
	fr_test_say(late, "\x10", 1); /* its deadline is over when the other one's would be too */
	f->limits.first_byte_timeout_ms = 300;
	fr_test_until(f->loop, fr_test_is_closed, late);
	assert_false(fr_test_is_closed(pub));
	fr_test_say(pub, f->picture.bytes, f->picture.size);
	fr_test_say(pub, "\0\0\0\0", 4);
	fr_test_until(f->loop, fr_test_is_closed, pub);
	assert_int_equal(fr_stat_value(FR_STAT_frames_published), 1);
	fr_test_leave(pub);
	fr_test_leave(late);
}

static void a_bad_picture_is_dropped_and_the_tenth_in_a_row_ends_the_connection(void **state)
{
	static const uint8_t bad[] = {8, 0, 0, 0, 0xff, 0xd8, 0xff, 0xfe, 0, 2, 0xff, 0xd9};
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	c = fr_test_client(f);
	for (int i = 0; i < 9; i++)
		fr_test_say(c, bad, sizeof(bad));
	fr_test_send_picture(c); /* a good one begins the count anew */
	for (int i = 0; i < 10; i++)
		fr_test_say(c, bad, sizeof(bad));
	fr_test_expect_end(c, "ERR 415 ");
	assert_int_equal(fr_stat_value(FR_STAT_frames_published), 1);
	assert_int_equal(fr_test_rejected(FR_REASON_bad_jpeg), 19);
	assert_int_equal(fr_test_rejected(FR_REASON_bad_jpeg_repeated), 1);
	fr_test_leave(c);
}

static bool nobody_is_there(void *arg)
{
	(void)arg;
	return fr_stat_value(FR_STAT_connections_open) == 0;
}

static void a_publisher_that_dies_inside_a_picture_leaves_nothing_behind(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c, *sub;

	fr_test_frames_open(f);
	sub = fr_test_welcomed(f, "SUB cam-127-0-0-1\n");
	c = fr_test_client(f);
	fr_test_send_picture(c);
	fr_test_expect_bytes(sub, strlen("OK cam-127-0-0-1 live=0\n") + 4 + f->picture.size);
	fr_test_say(c, "\x00\x10\x00\x00\xff\xd8\xff\xe0", 8);
	fr_test_turn(f->loop, 20);
	fr_test_leave(c);
	fr_test_leave(sub);
	fr_test_until(f->loop, nobody_is_there, f);
	assert_int_equal(fr_stat_value(FR_STAT_frames_truncated), 1);
	assert_int_equal(fr_test_rejected(FR_REASON_truncated_frame), 1);
}

static void a_listener_that_only_sends_needs_no_byte(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *sub, *talker;
	const struct fr_who ours = {.ours = true};
	const struct fr_publish_spec spec = {.door = "test", .who = ours, .stream = "porch"};
	static const struct fr_ingest_ops ops = {0};
	struct fr_ingest *ingest;
	struct fr_refusal refusal;
	struct fr_frame *frame = fr_frame_begin(f->pool, f->picture.size);
	const int64_t now_us = fr_clock_now_us();

	fr_test_frames_set(f, "role", "subscribe");
	fr_test_frames_set(f, "stream", "porch");
	fr_test_frames_open(f);
	sub = fr_test_client(f);
	talker = fr_test_client(f);
	fr_test_say_line(talker, "a newline too many does no harm\n");
	assert_int_equal(
	    fr_relay_publish(f->relay, &spec, &ops, NULL, now_us, &ingest, &refusal), 0);
	memcpy(fr_frame_room(frame), f->picture.bytes, f->picture.size);
	fr_ingest_received(ingest, f->picture.size);
	fr_ingest_begin(ingest);
	assert_int_equal(
	    fr_ingest_frame(ingest, frame, f->picture.size, 0, 0, now_us, 1, &refusal), 0);
	fr_test_expect_bytes(sub, 4 + f->picture.size);
	assert_memory_equal(sub->got + 4, f->picture.bytes, f->picture.size);

	f->door->ops->drain(f->door);
	fr_test_until(f->loop, fr_test_is_closed, sub);
	assert_int_equal(sub->size, 4 + f->picture.size + 4);
	assert_memory_equal(sub->got + 4 + f->picture.size, "\0\0\0\0", 4);
	fr_ingest_free(ingest, now_us);
	fr_test_leave(sub);
	fr_test_leave(talker);
}

static void a_listener_for_publishers_takes_no_subscribers(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_set(f, "role", "publish");
	fr_test_frames_open(f);
	c = fr_test_client(f);
	fr_test_say_line(c, "SUB cam\n");
	fr_test_expect_end(c, "ERR 403 ");
	assert_int_equal(fr_test_rejected(FR_REASON_role_denied), 1);
	fr_test_leave(c);
}

static void a_subscriber_that_goes_on_sending_is_closed(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;
	char garbage[5000];

	memset(garbage, 'x', sizeof(garbage));
	fr_test_frames_open(f);
	c = fr_test_welcomed(f, "SUB cam\n");
	fr_test_say(c, garbage, sizeof(garbage));
	fr_test_until(f->loop, fr_test_is_closed, c);
	assert_int_equal(fr_test_rejected(FR_REASON_garbage), 1);
	fr_test_leave(c);
}

static void a_subscriber_that_takes_nothing_is_cut_after_its_deadline(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_jpeg big = fr_test_jpeg_sized(4000000, 1);
	const uint32_t length = htole32((uint32_t)big.size);
	struct fr_test_peer *sub, *pub;
	size_t sent = 0;

	fr_test_frames_open(f);
	sub = fr_test_welcomed(f, "SUB cam\n");
	pub = fr_test_welcomed(f, "PUB cam\n");
	fr_test_say(pub, &length, 4);
	while (sent < big.size) {
		const ssize_t n =
		    send(pub->fd, big.bytes + sent, big.size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		fr_test_turn(f->loop, 1);
	}
	for (int i = 0; i < 2000 && fr_test_rejected(FR_REASON_slow_subscriber) == 0; i++) {
		fr_test_turn(f->loop, 1);
		(void)usleep(10000); /* bounded: the deadline under test is 300 ms away */
	}
	assert_int_equal(fr_test_rejected(FR_REASON_slow_subscriber), 1);
	assert_int_equal(fr_stat_value(FR_STAT_frames_dropped_closed), 1);
	fr_test_leave(sub);
	fr_test_leave(pub);
	fr_test_jpeg_done(&big);
}

static void one_connection_too_many_hears_which_limit_it_met(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *a, *b, *c;

	f->limits.max_connections_per_address = 1;
	fr_test_frames_open(f);
	a = fr_test_welcomed(f, "SUB cam\n");
	b = fr_test_client(f);
	fr_test_expect_end(b, "ERR 429 ");
	f->limits.max_connections_per_address = 0;
	f->limits.max_connections = 1;
	c = fr_test_client(f);
	fr_test_expect_end(c, "ERR 503 ");
	assert_int_equal(fr_test_rejected(FR_REASON_conn_limit_addr), 1);
	assert_int_equal(fr_test_rejected(FR_REASON_conn_limit), 1);
	fr_test_leave(a);
	fr_test_leave(b);
	fr_test_leave(c);
}

static void a_picture_without_room_is_skipped_and_the_next_one_comes_through(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_jpeg big = fr_test_jpeg_sized(60000, 1);
	const uint32_t length = htole32((uint32_t)big.size);
	struct fr_test_peer *pub;

	fr_frame_pool_set_budget(f->pool, 50000);
	fr_test_frames_open(f);
	pub = fr_test_client(f);
	fr_test_say(pub, &length, 4);
	fr_test_say(pub, big.bytes, big.size);
	fr_test_send_picture(pub);
	fr_test_say(pub, "\0\0\0\0", 4);
	fr_test_until(f->loop, fr_test_is_closed, pub);
	assert_int_equal(fr_test_rejected(FR_REASON_memory_budget), 1);
	assert_int_equal(fr_stat_value(FR_STAT_frames_published), 1);
	fr_test_jpeg_done(&big);
	fr_test_leave(pub);
}

static bool one_is_published(void *arg)
{
	(void)arg;
	return fr_stat_value(FR_STAT_frames_published) == 1;
}

static void a_list_says_what_there_is_and_closes(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *pub, *list;

	fr_test_frames_open(f);
	pub = fr_test_welcomed(f, "PUB porch\n");
	fr_test_send_picture(pub);
	fr_test_until(f->loop, one_is_published, NULL);
	list = fr_test_client(f);
	fr_test_say_line(list, "LIST\n");
	fr_test_until(f->loop, fr_test_is_closed, list);
	assert_memory_equal(list->got, "OK\nporch live 64x48 ", 20);
	assert_memory_equal(list->got + list->size - 2, "\n\n", 2);
	fr_test_leave(pub);
	fr_test_leave(list);
}

static bool is_not_busy(void *arg)
{
	const struct fr_door *door = arg;

	return door->ops->busy(door) == 0;
}

static void a_drained_door_tells_everybody_in_their_own_words(void **state)
{
	struct fr_test_frames *f = *state;
	const size_t ok = strlen("OK cam live=0\n");
	struct fr_test_peer *plain, *records, *pub;

	fr_test_frames_open(f);
	plain = fr_test_welcomed(f, "SUB cam\n");
	records = fr_test_welcomed(f, "SUB cam records=1\n");
	pub = fr_test_welcomed(f, "PUB cam\n");
	f->door->ops->drain(f->door);
	fr_test_until(f->loop, fr_test_is_closed, plain);
	fr_test_until(f->loop, fr_test_is_closed, records);
	fr_test_expect_end(pub, "ERR 503 the relay is stopping");
	assert_int_equal(plain->size, ok + 4);
	assert_int_equal(records->got[ok + 4], 6); /* END */
	fr_test_until(f->loop, is_not_busy, f->door);
	fr_test_leave(plain);
	fr_test_leave(records);
	fr_test_leave(pub);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fr_test_frames_setup, fr_test_frames_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_picture_goes_from_a_plain_publisher_to_a_plain_and_a_recorded_subscriber),
	    TEST(every_bad_beginning_gets_its_answer_and_its_counter),
	    TEST(a_hello_without_an_end_is_refused_when_it_is_too_long),
	    TEST(who_says_nothing_or_half_a_hello_is_closed_in_time),
	    TEST(a_picture_that_never_becomes_whole_ends_its_publisher),
	    TEST(a_length_may_wait_for_its_picture_and_a_stream_between_pictures),
	    TEST(a_bad_picture_is_dropped_and_the_tenth_in_a_row_ends_the_connection),
	    TEST(a_publisher_that_dies_inside_a_picture_leaves_nothing_behind),
	    TEST(a_listener_that_only_sends_needs_no_byte),
	    TEST(a_listener_for_publishers_takes_no_subscribers),
	    TEST(a_subscriber_that_goes_on_sending_is_closed),
	    TEST(a_subscriber_that_takes_nothing_is_cut_after_its_deadline),
	    TEST(one_connection_too_many_hears_which_limit_it_met),
	    TEST(a_picture_without_room_is_skipped_and_the_next_one_comes_through),
	    TEST(a_list_says_what_there_is_and_closes),
	    TEST(a_drained_door_tells_everybody_in_their_own_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
