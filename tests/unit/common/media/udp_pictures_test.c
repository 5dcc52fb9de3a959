/* SPDX-License-Identifier: MIT */
/* Pictures in datagrams: what is a header, what is a piece, what was lost, who waits, and how much is ever held. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/media/frame.h"
#include "common/media/udp_pictures.h"

enum {
	MS = 1000,
	MOST = 100000,
};

struct scene {
	struct fr_limits limits;
	struct fr_frame_pool *pool;
	struct fr_udp_pictures *pictures;
	struct fr_text told; /* a line an event, senders by their port */
	int64_t now_us;
	uint8_t bytes[MOST];
	size_t checked; /* size of a picture that must be as sent; 0: any */
	unsigned paid;
	bool owns;
};

static unsigned port(const struct fr_udp_sender *sender)
{
	return fr_udp_sender_addr(sender)->port;
}

static void on_begin(void *arg, struct fr_udp_sender *sender)
{
	struct scene *s = arg;

	fr_text_add(&s->told, "begin %u\n", port(sender));
	if (s->owns)
		fr_udp_sender_set_owner(sender, s);
}

static void on_picture(void *arg, struct fr_udp_sender *sender, struct fr_frame *frame, size_t size)
{
	struct scene *s = arg;

	if (s->checked != 0)
		assert_memory_equal(fr_frame_room(frame), s->bytes, size);
	fr_text_add(&s->told, "picture %u %zu\n", port(sender), size);
	s->paid += fr_udp_sender_pays(sender);
	fr_frame_unref(frame);
}

static void on_lost(
    void *arg, struct fr_udp_sender *sender, enum fr_reason reason, size_t got, size_t missing)
{
	fr_text_add(&((struct scene *)arg)->told, "lost %u %s %zu %zu\n", port(sender),
	    fr_reason_name(reason), got, missing);
}

static void on_waiting(void *arg, struct fr_udp_sender *sender)
{
	struct scene *s = arg;
	const bool pays = fr_udp_sender_pays(sender);

	fr_text_add(&s->told, "waiting %u %d\n", port(sender), pays);
}

static void on_gone(void *arg, struct fr_udp_sender *sender)
{
	fr_text_add(&((struct scene *)arg)->told, "gone %u\n", port(sender));
	assert_true(fr_udp_sender_owner(sender) == NULL || fr_udp_sender_owner(sender) == arg);
}

static const struct fr_udp_ops ops = {on_begin, on_picture, on_lost, on_waiting, on_gone};

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	s->limits = fr_limits_default();
	s->limits.max_frame_bytes = MOST;
	s->limits.stale_after_ms = 5000;
	s->pool = fr_frame_pool_new(0);
	s->pictures = fr_udp_pictures_new(s->pool, &s->limits, &ops, s);
	s->now_us = 1000;
	for (size_t i = 0; i < MOST; i++)
		s->bytes[i] = (uint8_t)(i * 7 + i / 251);
	memcpy(s->bytes, "\xff\xd8", 2);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	fr_udp_pictures_free(s->pictures);
	assert_int_equal(fr_frame_pool_frames(s->pool), 0);
	fr_frame_pool_free(s->pool);
	fr_text_done(&s->told);
	free(s);
	return 0;
}

static struct fr_addr at(unsigned host, unsigned number)
{
	struct fr_addr addr = {
	    .kind = FR_ADDR_IPV4, .port = (uint16_t)number, .bytes = {192, 168, 0, (uint8_t)host}};

	return addr;
}

/* From memory of just this size, so that a reader that goes too far is caught. @return 0, or the reason */
static int from(struct scene *s, unsigned host, unsigned number, const void *bytes, size_t size)
{
	const struct fr_addr addr = at(host, number), to = at(99, 9999);
	uint8_t *copy = malloc(size + (size == 0));
	enum fr_reason reason = FR_REASON_shutdown;
	int r;

	memcpy(copy, bytes, size);
	r = fr_udp_pictures_take(s->pictures, &addr, &to, copy, size, s->now_us, &reason);
	free(copy);
	assert_true(r == 0 || r == -EINVAL);
	return r == 0 ? 0 : (int)reason;
}

static int take(struct scene *s, unsigned number, const void *bytes, size_t size)
{
	return from(s, 1, number, bytes, size);
}

static int header(struct scene *s, unsigned number, int64_t length, size_t size)
{
	uint8_t bytes[9];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i < 8 ? (uint8_t)((uint64_t)length >> 8 * i) : 0;
	return take(s, number, bytes, size);
}

/* The pieces of the scene's bytes in [begin, end). */
static void pieces(struct scene *s, unsigned number, size_t begin, size_t end)
{
	for (size_t i = begin; i < end; i += FR_UDP_CHUNK_BYTES)
		assert_int_equal(take(s, number, s->bytes + i,
		                     end - i < FR_UDP_CHUNK_BYTES ? end - i : FR_UDP_CHUNK_BYTES),
		    0);
}

static int64_t tick(struct scene *s, int64_t ms)
{
	s->now_us += ms * MS;
	return fr_udp_pictures_tick(s->pictures, s->now_us);
}

static void told(struct scene *s, const char *what)
{
	assert_string_equal(s->told.text != NULL ? s->told.text : "", what);
	fr_text_done(&s->told);
	s->told = (struct fr_text){0};
}

static size_t held(const struct scene *s)
{
	size_t bytes;

	(void)fr_udp_pictures_senders(s->pictures, &bytes);
	return bytes;
}

static size_t senders(const struct scene *s)
{
	size_t bytes;

	return fr_udp_pictures_senders(s->pictures, &bytes);
}

static void pictures_come_in_pieces_behind_both_kinds_of_header(void **state)
{
	static const size_t sizes[] = {1, 4, 8, 1000, 1023, 1024, 1025, 2048, 20000, 40960, MOST};
	struct scene *s = *state;
	char line[80];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (size_t kind = 4; kind <= 8; kind += 4) {
			s->checked = sizes[i];
			assert_int_equal(header(s, 7, (int64_t)sizes[i], kind), 0);
			pieces(s, 7, 0, sizes[i]);
			(void)snprintf(line, sizeof(line), "begin 7\npicture 7 %zu\n", sizes[i]);
			told(s, line);
			assert_int_equal(take(s, 7, "", 0), 0); /* what the post's client adds */
		}
	told(s, "");
	assert_int_equal(held(s), 0);
	/* Less than 14 bytes buy no answer of 14: of the first six pictures only 1 + 1 + 4 + 4 + 8. */
	assert_int_equal(s->paid, 1 + 2 * 8);
}

static void a_datagram_from_mark_to_mark_is_a_whole_picture(void **state)
{
	struct scene *s = *state;

	memcpy(s->bytes + 4998, "\xff\xd9", 2);
	s->checked = 5000;
	assert_int_equal(take(s, 7, s->bytes, 5000), 0);
	s->checked = 0;
	assert_int_equal(take(s, 7, "\xff\xd8\xff\xd9", 4), 0);
	told(s, "begin 7\npicture 7 5000\nbegin 7\npicture 7 4\n");

	/* In the middle of another it begins anew; where it fits as a piece it is one. */
	(void)header(s, 7, 9000, 8);
	assert_int_equal(take(s, 7, s->bytes, 5000), 0);
	told(s, "begin 7\nlost 7 udp_incomplete 0 9000\nbegin 7\npicture 7 5000\n");
	(void)header(s, 7, 4, 8);
	assert_int_equal(take(s, 7, "\xff\xd8\xff\xd9", 4), 0);
	told(s, "begin 7\npicture 7 4\n");

	/* Nearly. */
	assert_int_equal(take(s, 7, "\xff\xd8\xff", 3), FR_REASON_udp_bad_header);
	assert_int_equal(take(s, 7, "\xfe\xd8\xff\xd9", 4), FR_REASON_udp_bad_header);
	assert_int_equal(take(s, 7, "\xff\xd9\xff\xd9", 4), FR_REASON_udp_bad_header);
	assert_int_equal(take(s, 7, "\xff\xd8\xfe\xd9", 4), FR_REASON_udp_bad_header);
	assert_int_equal(take(s, 7, "\xff\xd8\xff\xd8", 4), FR_REASON_udp_bad_header);
	s->limits.max_frame_bytes = 4096;
	assert_int_equal(take(s, 7, s->bytes, 5000), FR_REASON_udp_bad_header);
	s->limits.max_frame_bytes = 0;
	assert_int_equal(take(s, 7, s->bytes, 5000), 0);
	memcpy(s->bytes + 59998, "\xff\xd9", 2); /* far larger than the ones before */
	assert_int_equal(take(s, 7, s->bytes, 60000), 0);
	told(s, "begin 7\npicture 7 5000\nbegin 7\npicture 7 60000\n");
}

static void what_is_no_header_is_left_out_and_the_next_picture_is_right(void **state)
{
	static const struct {
		int64_t length;
		size_t size;
	} rows[] = {{0, 8}, {0, 4}, {-1, 8}, {-1, 4}, {MOST + 1, 8}, {MOST + 1, 4}, {1LL << 31, 8},
	    {1LL << 31, 4}, {1LL << 62, 8}, {INT64_MIN, 8}, {1000, 7}, {1000, 9}, {1000, 1}};
	struct scene *s = *state;

	s->checked = 3000;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    header(s, 7, rows[i].length, rows[i].size), FR_REASON_udp_bad_header);
	told(s, "");
	(void)header(s, 7, 3000, 8);
	pieces(s, 7, 0, 3000);
	told(s, "begin 7\npicture 7 3000\n");
	s->limits.max_frame_bytes = 0; /* no limit, but that of the format */
	assert_int_equal(header(s, 7, 1LL << 31, 8), FR_REASON_udp_bad_header);
	assert_int_equal(header(s, 7, INT32_MAX, 8), 0);
	told(s, "begin 7\n");
}

static void a_header_inside_a_picture_begins_a_new_one_unless_it_completes_it(void **state)
{
	struct scene *s = *state;

	(void)header(s, 7, 3000, 8);
	pieces(s, 7, 0, 2048);
	(void)header(s, 7, 1032, 8);
	pieces(s, 7, 0, 1024);
	(void)header(s, 7, 3000, 8); /* the last eight bytes of 1,032 */
	told(s, "begin 7\nlost 7 udp_incomplete 2048 952\nbegin 7\npicture 7 1032\n");

	/* Eight bytes that would be no valid length are data. */
	(void)header(s, 7, 3000, 8);
	assert_int_equal(header(s, 7, -5, 8), 0);
	(void)tick(s, 600);
	told(s, "begin 7\nlost 7 udp_incomplete 8 2992\nwaiting 7 0\ngone 7\n");
}

static void a_picture_that_does_not_go_on_is_given_up_and_its_sender_told(void **state)
{
	struct scene *s = *state;

	(void)header(s, 7, 3000, 8);
	pieces(s, 7, 0, 1024);
	assert_int_equal(tick(s, 0), s->now_us + 500 * MS);
	(void)tick(s, 499);
	told(s, "begin 7\n");
	(void)tick(s, 1);
	told(s, "lost 7 udp_incomplete 1024 1976\nwaiting 7 1\ngone 7\n");

	/* A header alone earns nothing, nor do many. */
	for (unsigned i = 0; i < 10; i++)
		(void)header(s, 7, 3000, 8);
	fr_text_done(&s->told);
	s->told = (struct fr_text){0};
	(void)tick(s, 500);
	told(s, "lost 7 udp_incomplete 0 3000\nwaiting 7 0\ngone 7\n");
	assert_int_equal(tick(s, 0), INT64_MAX);
}

static void pieces_without_a_header_are_answered_after_a_silence(void **state)
{
	struct scene *s = *state;

	assert_int_equal(take(s, 7, s->bytes, 1024), FR_REASON_udp_bad_header);
	(void)tick(s, 300);
	assert_int_equal(take(s, 7, s->bytes, 1024), FR_REASON_udp_bad_header);
	(void)tick(s, 300);
	assert_int_equal(tick(s, 0), s->now_us + 200 * MS);
	told(s, "");
	(void)tick(s, 200);
	told(s, "waiting 7 1\ngone 7\n");

	/* What looks like nothing of ours is not answered. */
	assert_int_equal(take(s, 7, s->bytes, 1000), FR_REASON_udp_bad_header);
	(void)tick(s, 500);
	told(s, "gone 7\n");
}

static void a_piece_too_much_ends_the_picture_and_the_rest_is_left_out(void **state)
{
	struct scene *s = *state;

	(void)header(s, 7, 1500, 8);
	pieces(s, 7, 0, 1024);
	assert_int_equal(take(s, 7, s->bytes, 1024), FR_REASON_udp_bad_header); /* it came twice */
	assert_int_equal(take(s, 7, s->bytes, 476), FR_REASON_udp_bad_header);
	told(s, "begin 7\nlost 7 udp_incomplete 1024 476\n");
	(void)header(s, 7, 1500, 8);
	pieces(s, 7, 0, 1500);
	told(s, "begin 7\npicture 7 1500\n");

	(void)header(s, 7, 5000, 8);
	assert_int_equal(take(s, 7, s->bytes, 1025), FR_REASON_udp_bad_header);
	(void)tick(s, 500);
	told(s, "begin 7\nlost 7 udp_incomplete 0 5000\nwaiting 7 1\ngone 7\n");
}

static void a_picture_may_not_take_for_ever(void **state)
{
	struct scene *s = *state;

	(void)header(s, 7, 100000, 8);
	for (unsigned i = 0; i < 7; i++) {
		pieces(s, 7, 0, 1024);
		(void)tick(s, 300);
	}
	told(s, "begin 7\nlost 7 udp_incomplete 7168 92832\n");
	(void)tick(s, 300);
	told(s, "waiting 7 1\ngone 7\n");

	s->limits.udp_gap_ms = 0;
	s->limits.udp_frame_timeout_ms = 0;
	(void)header(s, 7, 100000, 8);
	assert_int_equal(tick(s, 3600 * 1000), INT64_MAX);
	told(s, "begin 7\n");
}

static void senders_do_not_mix(void **state)
{
	struct scene *s = *state;

	s->checked = 3000;
	(void)header(s, 7, 3000, 8);
	(void)header(s, 8, 3000, 4);
	for (size_t i = 0; i < 3000; i += 1000) {
		(void)take(s, 7, s->bytes + i, 1000);
		(void)take(s, 8, s->bytes + i, 1000);
		(void)from(s, 2, 7, "x", 1);
	}
	told(s, "begin 7\nbegin 8\npicture 7 3000\npicture 8 3000\n");
	assert_int_equal(senders(s), 3);
	fr_udp_pictures_free(NULL);
}

static void the_same_link_local_address_at_two_interfaces_is_two_senders(void **state)
{
	struct scene *s = *state;
	struct fr_addr addr = {.kind = FR_ADDR_IPV6, .port = 7, .bytes = {0xfe, 0x80, [15] = 1}};

	for (addr.scope = 1; addr.scope <= 2; addr.scope++) {
		enum fr_reason reason;

		assert_int_equal(fr_udp_pictures_take(s->pictures, &addr, &addr,
		                     (const uint8_t *)"\x64\0\0\0", 4, s->now_us, &reason),
		    0);
	}
	told(s, "begin 7\nbegin 7\n");
	assert_int_equal(senders(s), 2);
}

static void an_owner_keeps_its_sender_until_it_is_stale(void **state)
{
	struct scene *s = *state;
	const struct fr_addr addr = at(1, 7), other = at(1, 8);

	s->owns = true;
	(void)header(s, 7, 100, 8);
	pieces(s, 7, 0, 100);
	assert_int_equal(tick(s, 0), s->now_us + 5000 * MS);
	assert_true(fr_udp_pictures_knows(s->pictures, &addr));
	assert_false(fr_udp_pictures_knows(s->pictures, &other));
	(void)tick(s, 4999);
	told(s, "begin 7\npicture 7 100\n");
	(void)tick(s, 1);
	told(s, "gone 7\n");
	assert_false(fr_udp_pictures_knows(s->pictures, &addr));

	s->limits.stale_after_ms = 0;
	(void)header(s, 7, 100, 8);
	pieces(s, 7, 0, 100);
	assert_int_equal(tick(s, 3600 * 1000), INT64_MAX);
	told(s, "begin 7\npicture 7 100\n");
}

static void a_crowd_makes_way_oldest_first_and_spares_who_sent_a_whole_picture(void **state)
{
	struct scene *s = *state;

	s->limits.udp_senders = 3;
	s->limits.udp_senders_per_address = 0;
	s->owns = true;
	(void)header(s, 1, 100, 8);
	pieces(s, 1, 0, 100);
	(void)header(s, 2, 100, 8);
	(void)header(s, 3, 100, 8);
	(void)header(s, 2, 100, 8);
	fr_text_done(&s->told);
	s->told = (struct fr_text){0};
	(void)header(s, 4, 100, 8); /* 3 was silent longest */
	told(s, "lost 3 udp_slot_full 0 100\ngone 3\nbegin 4\n");
	assert_int_equal(senders(s), 3);

	/* Where all have, the longest silent goes. */
	pieces(s, 2, 0, 100);
	pieces(s, 4, 0, 100);
	(void)take(s, 5, "x", 1);
	told(s, "picture 2 100\npicture 4 100\ngone 1\n");

	/* "No limit" is one all the same. */
	s->limits.udp_senders = 0;
	for (unsigned i = 0; i < 5000; i++)
		(void)from(s, i / 250, 10000 + i, "x", 1);
	assert_int_equal(senders(s), 4096);
}

static void one_address_has_only_so_many(void **state)
{
	struct scene *s = *state;

	for (unsigned i = 1; i <= 4; i++)
		assert_int_equal(header(s, i, 100, 8), 0);
	assert_int_equal(header(s, 5, 100, 8), FR_REASON_udp_slot_full);
	assert_int_equal(from(s, 2, 5, "\x64\0\0\0", 4), 0);
	assert_int_equal(senders(s), 5);
	(void)tick(s, 500); /* silent ones make room */
	assert_int_equal(senders(s), 0);
	assert_int_equal(header(s, 5, 100, 8), 0);
}

static void memory_follows_the_data_and_the_longest_silent_gives_it_up(void **state)
{
	struct scene *s = *state;

	s->limits.udp_bytes = 80 * 1024;
	for (unsigned i = 1; i <= 4; i++)
		(void)header(s, i, MOST, 8);
	assert_int_equal(held(s), 0); /* a header reserves nothing */
	pieces(s, 1, 0, 1024);
	pieces(s, 2, 0, 1024);
	assert_true(held(s) < 40 * 1024);
	pieces(s, 2, 1024, 60 * 1024);
	fr_text_done(&s->told);
	s->told = (struct fr_text){0};
	pieces(s, 3, 0, 1024);
	assert_true(held(s) <= 100 * 1024);
	pieces(s, 4, 0, 20 * 1024);
	told(s, "lost 1 memory_budget 1024 98976\nlost 2 memory_budget 61440 38560\n");
	(void)tick(s, 500);
	assert_int_equal(held(s), 0);
	fr_text_done(&s->told);
	s->told = (struct fr_text){0};

	/* Nobody else has any: its own is given up. */
	s->limits.udp_bytes = 65536;
	(void)header(s, 1, MOST, 8);
	for (size_t i = 0; i < 70; i++)
		(void)take(s, 1, s->bytes, 1024);
	told(s, "begin 1\nlost 1 memory_budget 65536 34464\n");
	s->limits.udp_bytes = 0;
	(void)header(s, 1, MOST, 8);
	pieces(s, 1, 0, MOST);
	told(s, "begin 1\npicture 1 100000\n");
}

static void a_picture_for_which_the_budget_has_no_room_is_given_up(void **state)
{
	struct scene *s = *state;

	fr_frame_pool_set_budget(s->pool, 1);
	(void)header(s, 1, 3000, 8);
	(void)take(s, 1, s->bytes, 1024);
	told(s, "begin 1\nlost 1 memory_budget 0 3000\n");
	fr_frame_pool_set_budget(s->pool, 48 * 1024);
	(void)header(s, 1, MOST, 8);
	for (size_t i = 0; i < 70; i++)
		(void)take(s, 1, s->bytes, 1024);
	told(s, "begin 1\nlost 1 memory_budget 32768 67232\n");
	(void)tick(s, 500);
	told(s, "waiting 1 1\ngone 1\n");
}

static void a_sender_that_sends_too_much_is_held_to_its_rate(void **state)
{
	struct scene *s = *state;
	unsigned taken = 0;

	s->limits.udp_datagrams_per_second = 100;
	for (unsigned i = 0; i < 150; i++)
		taken += header(s, 1, 100, 8) == 0;
	assert_int_equal(taken, 100);
	assert_int_equal(header(s, 1, 100, 8), FR_REASON_rate_limit);
	s->now_us += 1000 * MS;
	assert_int_equal(header(s, 1, 100, 8), 0);
	s->limits.udp_datagrams_per_second = 0;
	for (unsigned i = 0; i < 150; i++)
		assert_int_equal(header(s, 1, 100, 8), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(pictures_come_in_pieces_behind_both_kinds_of_header),
	    TEST(a_datagram_from_mark_to_mark_is_a_whole_picture),
	    TEST(what_is_no_header_is_left_out_and_the_next_picture_is_right),
	    TEST(a_header_inside_a_picture_begins_a_new_one_unless_it_completes_it),
	    TEST(a_picture_that_does_not_go_on_is_given_up_and_its_sender_told),
	    TEST(pieces_without_a_header_are_answered_after_a_silence),
	    TEST(a_piece_too_much_ends_the_picture_and_the_rest_is_left_out),
	    TEST(a_picture_may_not_take_for_ever),
	    TEST(senders_do_not_mix),
	    TEST(the_same_link_local_address_at_two_interfaces_is_two_senders),
	    TEST(an_owner_keeps_its_sender_until_it_is_stale),
	    TEST(a_crowd_makes_way_oldest_first_and_spares_who_sent_a_whole_picture),
	    TEST(one_address_has_only_so_many),
	    TEST(memory_follows_the_data_and_the_longest_silent_gives_it_up),
	    TEST(a_picture_for_which_the_budget_has_no_room_is_given_up),
	    TEST(a_sender_that_sends_too_much_is_held_to_its_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
