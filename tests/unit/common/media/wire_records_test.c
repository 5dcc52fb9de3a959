/* SPDX-License-Identifier: MIT */
/* Records, both ways: what the writers make, the reader takes; what is malformed is refused with a sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/media/wire.h"
#include "common/media/wire_write.h"
#include "tests/support/jpeg.h"
#include "tests/support/wire_case.h"

enum {
	MAX = 100000,
	MAX_MESSAGE = 1000,
};

static const struct fr_wire_limits limits = {
    .max_frame_bytes = MAX, .max_message_bytes = MAX_MESSAGE};

static int setup(void **state)
{
	const int r = wire_case_setup(state);

	((struct wire_case *)*state)->limits = limits;
	return r;
}

/* --- Good records ----------------------------------------------------------------------------- */

static void pictures_keep_their_sequence_time_and_flags(void **state)
{
	struct wire_case *f = *state;

	for (unsigned i = 0; i < 4; i++) {
		struct fr_test_jpeg jpeg = fr_test_jpeg(64 + 100 * i, 48 + 100 * i, 85, i);

		bytes_add_record(&f->in, 1, 77 + i, jpeg.bytes, jpeg.size);
		EXPECT(f,
		    "BEGIN size=%zu\nFRAME size=%zu hash=%08x sequence=%u time=1700000000000000 "
		    "flags=1\n",
		    jpeg.size, jpeg.size, wire_log_hash(jpeg.bytes, jpeg.size), 77 + i);
		fr_test_jpeg_done(&jpeg);
	}
	check(f, FR_WIRE_RECORDS);
}

static void a_time_that_is_no_time_is_unknown(void **state)
{
	struct wire_case *f = *state;
	static const uint8_t jpeg[] = {0xFF, 0xD8};

	bytes_add_record(&f->in, 1, 1, jpeg, sizeof(jpeg));
	memset(f->in.bytes + 16, 0xFF, 8);
	EXPECT(f, "BEGIN size=2\nFRAME size=2 hash=%08x sequence=1 time=0 flags=1\n",
	    wire_log_hash(jpeg, 2));
	check(f, FR_WIRE_RECORDS);
}

static void messages_pings_and_pongs_give_their_payload(void **state)
{
	struct wire_case *f = *state;
	char text[MAX_MESSAGE];

	memset(text, 'm', sizeof(text));
	bytes_add_record(&f->in, 2, 0, text, 1);
	expect_text(f, "MESSAGE", text, 1, 0x0203);
	bytes_add_record(&f->in, 2, 0, text, sizeof(text));
	expect_text(f, "MESSAGE", text, sizeof(text), 0x0203);
	for (unsigned size = 8; size <= 64; size += 56) {
		bytes_add_record(&f->in, 4, 0, text, size);
		expect_text(f, "PING", text, size, 0x0203);
		bytes_add_record(&f->in, 5, 0, text, size + 8);
		expect_text(f, "PONG", text, size + 8, 0x0203);
	}
	check(f, FR_WIRE_RECORDS);
}

static void a_large_message_leaves_room_for_what_comes_behind(void **state)
{
	struct wire_case *f = *state;
	char *text = malloc(50000);

	memset(text, 'm', 50000);
	f->limits.max_message_bytes = 50000;
	bytes_add_record(&f->in, 2, 0, text, 50000);
	bytes_add_record(&f->in, 4, 0, text, 8);
	bytes_add_record(&f->in, 2, 0, text, 40000);
	expect_text(f, "MESSAGE", text, 50000, 0x0203);
	expect_text(f, "PING", text, 8, 0x0203);
	expect_text(f, "MESSAGE", text, 40000, 0x0203);
	check(f, FR_WIRE_RECORDS);
	free(text);
}

static void demand_is_read_and_what_more_it_says_ignored(void **state)
{
	struct wire_case *f = *state;

	bytes_add_record(&f->in, 3, 0, "\x05\0\0\0\x10\x27\0\0", 8);
	bytes_add_record(&f->in, 3, 0, "\0\0\0\0\0\0\0\0 and so on", 18);
	EXPECT(f, "DEMAND 5 10000\nDEMAND 0 0\n");
	check(f, FR_WIRE_RECORDS);
}

static void an_end_or_an_error_is_the_last_thing(void **state)
{
	struct wire_case *f = *state;

	bytes_add_record(&f->in, 6, 0, "", 0);
	bytes_add_text(&f->in, "not looked at");
	expect_text(f, "END", "", 0, 0x0203);
	check(f, FR_WIRE_RECORDS);

	bytes_add_record(&f->in, 7, 0, "409 replaced", 12);
	bytes_add_text(&f->in, "not looked at");
	expect_text(f, "ERROR", "409 replaced", 12, 0x0203);
	check(f, FR_WIRE_RECORDS);
}

static void a_reason_is_cut_at_a_thousand_bytes(void **state)
{
	struct wire_case *f = *state;
	char text[5000];

	memset(text, 'r', sizeof(text));
	bytes_add_record(&f->in, 6, 0, text, sizeof(text));
	expect_text(f, "END", text, 1000, 0x0203);
	check(f, FR_WIRE_RECORDS);
}

static void unknown_types_are_skipped(void **state)
{
	struct wire_case *f = *state;
	uint8_t *payload = calloc(1, MAX);

	bytes_add_record(&f->in, 0, 0, payload, MAX);
	bytes_add_record(&f->in, 8, 0, payload, 0);
	bytes_add_record(&f->in, 255, 0, payload, 3);
	bytes_add_record(&f->in, 4, 0, "12345678", 8);
	expect_text(f, "PING", "12345678", 8, 0x0203);
	check(f, FR_WIRE_RECORDS);
	assert_int_equal(fr_frame_pool_trim(f->pool), 0);
	free(payload);
}

static void a_picture_without_memory_is_skipped(void **state)
{
	struct wire_case *f = *state;
	struct fr_test_jpeg jpeg = fr_test_jpeg_sized(9000, 1);

	fr_frame_pool_set_budget(f->pool, 1000);
	bytes_add_record(&f->in, 1, 1, jpeg.bytes, jpeg.size);
	bytes_add_record(&f->in, 4, 0, "12345678", 8);
	EXPECT(f, "BEGIN size=9000\nSKIPPED size=9000\n");
	expect_text(f, "PING", "12345678", 8, 0x0203);
	check(f, FR_WIRE_RECORDS);
	fr_test_jpeg_done(&jpeg);
}

static void a_record_is_inside_from_its_first_byte_to_its_last(void **state)
{
	struct wire_case *f = *state;

	bytes_add_record(&f->in, 4, 0, "12345678", 8);
	f->in.size = 3;
	check_inside(f, FR_WIRE_RECORDS, 3);
	bytes_add_record(&f->in, 4, 0, "12345678", 8);
	f->in.size = 24;
	check_inside(f, FR_WIRE_RECORDS, 24);
	bytes_add_record(&f->in, 4, 0, "12345678", 8);
	f->in.size = 31;
	check_inside(f, FR_WIRE_RECORDS, 31);

	bytes_add_record(&f->in, 1, 0, "\xff\xd8pict", 6);
	f->in.size = 29;
	EXPECT(f, "BEGIN size=6\n");
	check_inside(f, FR_WIRE_RECORDS, 29);
}

/* --- Bad records ------------------------------------------------------------------------------ */

static void malformed_records_are_refused_with_a_sentence(void **state)
{
	static const struct {
		uint8_t type;
		size_t payload;
		enum fr_reason reason;
		const char *sentence;
	} cases[] = {
	    {1, 0, FR_REASON_bad_record, "a FRAME cannot have 0 bytes"},
	    {1, MAX + 1, FR_REASON_length_over_max,
	        "a record of 100001 bytes is over the limit of 100000"},
	    {2, 0, FR_REASON_bad_message, "a MESSAGE must have 1..1000 bytes, not 0"},
	    {2, 1001, FR_REASON_bad_message, "a MESSAGE must have 1..1000 bytes, not 1001"},
	    {3, 7, FR_REASON_bad_record, "a DEMAND cannot have 7 bytes"},
	    {4, 7, FR_REASON_bad_record, "a PING cannot have 7 bytes"},
	    {4, 65, FR_REASON_bad_record, "a PING cannot have 65 bytes"},
	    {5, 15, FR_REASON_bad_record, "a PONG cannot have 15 bytes"},
	    {5, 73, FR_REASON_bad_record, "a PONG cannot have 73 bytes"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_case *f = *state;

		bytes_add_record(&f->in, cases[i].type, 0, "", 0);
		f->in.bytes[0] = (uint8_t)(20 + cases[i].payload);
		f->in.bytes[1] = (uint8_t)((20 + cases[i].payload) >> 8);
		f->in.bytes[2] = (uint8_t)((20 + cases[i].payload) >> 16);
		EXPECT(f, "BAD reason=%d %s\n", cases[i].reason, cases[i].sentence);
		check(f, FR_WIRE_RECORDS);
	}
}

static void a_length_that_cannot_be_is_told_at_its_fourth_byte(void **state)
{
	struct wire_case *f = *state;

	bytes_add_le(&f->in, 19, 4);
	EXPECT(f, "BAD reason=%d a record's length is 19, less than its head of 20 bytes\n",
	    FR_REASON_bad_record);
	check(f, FR_WIRE_RECORDS);

	bytes_add_le(&f->in, 0, 4);
	EXPECT(f, "BAD reason=%d a record's length is 0, less than its head of 20 bytes\n",
	    FR_REASON_bad_record);
	check(f, FR_WIRE_RECORDS);

	bytes_add_le(&f->in, 0xFFFFFFFF, 4);
	EXPECT(f, "BAD reason=%d a record of 4294967275 bytes is over the limit of 100000\n",
	    FR_REASON_length_over_max);
	check(f, FR_WIRE_RECORDS);
}

static void a_type_that_may_not_be_so_long_is_refused_where_messages_may(void **state)
{
	const struct fr_wire_limits wide = {.max_frame_bytes = 100, .max_message_bytes = 1000};
	struct wire_case *f = *state;
	struct wire_log log;

	bytes_add_record(&f->in, 9, 0, "", 0);
	f->in.bytes[0] = 20 + 101;
	log =
	    wire_log_read(f->pool, &wide, FR_WIRE_RECORDS, f->in.bytes, f->in.size, SPLIT_WHOLE, 0);
	assert_non_null(strstr(log.text, "a record of 101 bytes is over the limit of 100\n"));
	free(log.text);
}

static void a_record_that_holds_no_jpeg_is_refused_at_its_second_byte(void **state)
{
	struct wire_case *f = *state;

	bytes_add_record(&f->in, 1, 0, "GIF89a", 6);
	f->in.size = 26;
	EXPECT(f,
	    "BEGIN size=6\nBAD reason=%d a picture must be a JPEG and begin with FF D8; this one "
	    "begins "
	    "with 47 49 (GIF?)\n",
	    FR_REASON_not_jpeg);
	check(f, FR_WIRE_RECORDS);
}

/* --- Writing ---------------------------------------------------------------------------------- */

static void what_is_written_is_read_again(void **state)
{
	struct wire_case *f = *state;
	uint8_t record[FR_WIRE_SMALL_MAX];

	bytes_add(&f->in, record, fr_wire_write_demand(record, 3, 12500));
	EXPECT(f, "DEMAND 3 12500\n");
	bytes_add(&f->in, record, fr_wire_write_ping(record, 0x0102030405060708));
	expect_text(f, "PING", "\x08\x07\x06\x05\x04\x03\x02\x01", 8, 0);
	bytes_add(&f->in, record, fr_wire_write_pong(record, (const uint8_t *)"12345678", 8, 1));
	expect_text(f, "PONG", "12345678\x01\0\0\0\0\0\0\0", 16, 0);
	bytes_add(&f->in, record, fr_wire_write_end(record, "the camera stopped"));
	expect_text(f, "END", "the camera stopped", 18, 0);
	check(f, FR_WIRE_RECORDS);

	bytes_add(&f->in, record, fr_wire_write_error(record, 409, "replaced by 192.0.2.7"));
	expect_text(f, "ERROR", "409 replaced by 192.0.2.7", 25, 0);
	check(f, FR_WIRE_RECORDS);
}

static void a_written_record_is_what_the_protocol_says(void **state)
{
	static const uint8_t expected[] = {28, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	    0, 0, 0, 0, 0, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
	uint8_t record[FR_WIRE_SMALL_MAX];

	memset(record, 0xAA, sizeof(record));
	assert_int_equal(fr_wire_write_ping(record, -2), sizeof(expected));
	assert_memory_equal(record, expected, sizeof(expected));
	(void)state;
}

static void the_longest_pong_and_reasons_fit(void **state)
{
	uint8_t record[FR_WIRE_SMALL_MAX];
	uint8_t payload[64] = {0};
	char reason[3000];

	memset(reason, 'x', sizeof(reason));
	reason[sizeof(reason) - 1] = '\0';
	assert_int_equal(fr_wire_write_pong(record, payload, 64, 0), 24 + 72);
	assert_int_equal(fr_wire_write_end(record, reason), 24 + 1000);
	assert_int_equal(fr_wire_write_error(record, 503, reason), 24 + 1000);
	assert_int_equal(fr_wire_write_end(record, ""), 24);
	(void)state;
}

static void a_reason_is_not_cut_inside_a_character(void **state)
{
	uint8_t record[FR_WIRE_SMALL_MAX];
	char reason[1100];

	memset(reason, 'x', sizeof(reason));
	memcpy(reason + 998, "\xe2\x82\xac", 3);
	reason[1099] = '\0';

	assert_int_equal(fr_wire_write_end(record, reason), 24 + 998);
	(void)state;
}

static void a_frames_own_prefix_is_a_record_that_is_read(void **state)
{
	struct wire_case *f = *state;
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 80, 1);
	const struct fr_frame_info info = {
	    .type = FR_FRAME_PICTURE, .sequence = 99, .captured_us = 123456789};
	struct fr_frame *frame = fr_frame_copy(f->pool, jpeg.bytes, jpeg.size, &info);

	bytes_add(&f->in, fr_frame_record_prefix(frame), FR_PREFIX_RECORD_BYTES);
	bytes_add(&f->in, fr_frame_bytes(frame), fr_frame_size(frame));
	fr_frame_unref(frame);
	EXPECT(f, "BEGIN size=%zu\nFRAME size=%zu hash=%08x sequence=99 time=123456789 flags=0\n",
	    jpeg.size, jpeg.size, wire_log_hash(jpeg.bytes, jpeg.size));
	check(f, FR_WIRE_RECORDS);
	fr_test_jpeg_done(&jpeg);
}

static void a_ping_without_its_length_is_answered_so(void **state)
{
	uint8_t ping[24 + 72] = {0}, pong[FR_WIRE_SMALL_MAX], whole[FR_WIRE_SMALL_MAX];
	const size_t n = fr_wire_write_ping(ping, 7);

	(void)state;
	assert_int_equal(fr_wire_answer_ping(pong, ping + 4, n - 4, 9), 20 + 16);
	(void)fr_wire_write_pong(whole, ping + 24, 8, 9);
	assert_memory_equal(pong, whole + 4, 20 + 16);
	assert_int_equal(fr_wire_answer_ping(pong, ping + 4, 20 + 64, 9), 20 + 72);
	assert_int_equal(fr_wire_answer_ping(pong, ping + 4, 20 + 65, 9), 0);
	assert_int_equal(fr_wire_answer_ping(pong, ping + 4, 20 + 7, 9), 0);
	assert_int_equal(fr_wire_answer_ping(pong, ping + 4, 0, 9), 0);
	ping[4] = 5; /* a PONG */
	assert_int_equal(fr_wire_answer_ping(pong, ping + 4, n - 4, 9), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, wire_case_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(pictures_keep_their_sequence_time_and_flags),
	    TEST(a_time_that_is_no_time_is_unknown),
	    TEST(messages_pings_and_pongs_give_their_payload),
	    TEST(a_large_message_leaves_room_for_what_comes_behind),
	    TEST(demand_is_read_and_what_more_it_says_ignored),
	    TEST(an_end_or_an_error_is_the_last_thing),
	    TEST(a_reason_is_cut_at_a_thousand_bytes),
	    TEST(unknown_types_are_skipped),
	    TEST(a_picture_without_memory_is_skipped),
	    TEST(a_record_is_inside_from_its_first_byte_to_its_last),
	    TEST(malformed_records_are_refused_with_a_sentence),
	    TEST(a_length_that_cannot_be_is_told_at_its_fourth_byte),
	    TEST(a_type_that_may_not_be_so_long_is_refused_where_messages_may),
	    TEST(a_record_that_holds_no_jpeg_is_refused_at_its_second_byte),
	    TEST(what_is_written_is_read_again),
	    TEST(a_written_record_is_what_the_protocol_says),
	    TEST(the_longest_pong_and_reasons_fit),
	    TEST(a_reason_is_not_cut_inside_a_character),
	    TEST(a_frames_own_prefix_is_a_record_that_is_read),
	    TEST(a_ping_without_its_length_is_answered_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
