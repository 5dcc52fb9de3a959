/* SPDX-License-Identifier: MIT */
/*
 * The frames protocol's reader: first bytes, plain framing, hello lines, memory.
 *
 * Each case is read whole, byte by byte, in pieces and in place; the events must be the same each time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/media/wire.h"
#include "tests/support/jpeg.h"
#include "tests/support/wire_case.h"

enum {
	MAX = 1 << 20,
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

/* --- Plain framing ---------------------------------------------------------------------------- */

static void the_recipes_session_gives_each_picture_and_an_end(void **state)
{
	struct wire_case *f = *state;

	EXPECT(f, "PUBLISHER kind=%d\n", FR_WIRE_PLAIN);
	for (unsigned i = 0; i < 3; i++) {
		struct fr_test_jpeg jpeg = fr_test_jpeg(64 + 300 * i, 48 + 300 * i, 85, i);

		bytes_add_plain(&f->in, jpeg.bytes, jpeg.size);
		expect_frame(f, jpeg.size, jpeg.bytes, jpeg.size);
		fr_test_jpeg_done(&jpeg);
	}
	bytes_add_le(&f->in, 0, 4);
	EXPECT(f, "END size=0 hash=811c9dc5 channel=0\n");
	check(f, FR_WIRE_UNKNOWN);
}

static void a_length_of_zero_first_is_a_publisher_that_ends(void **state)
{
	struct wire_case *f = *state;

	bytes_add_le(&f->in, 0, 4);
	bytes_add_text(&f->in, "what comes behind is not looked at");
	EXPECT(f, "PUBLISHER kind=%d\nEND size=0 hash=811c9dc5 channel=0\n", FR_WIRE_PLAIN);
	check(f, FR_WIRE_UNKNOWN);
}

static void pictures_of_awkward_sizes_arrive_as_they_were(void **state)
{
	static const size_t sizes[] = {
	    4095, 4096, 4097, 8192, 65535, 65536, 65537, 131072, 131073, MAX - 1, MAX};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct wire_case *f = *state;
		struct fr_test_jpeg jpeg = fr_test_jpeg_sized(sizes[i], 1);

		bytes_add_plain(&f->in, jpeg.bytes, jpeg.size);
		expect_frame(f, jpeg.size, jpeg.bytes, jpeg.size);
		fr_test_jpeg_done(&jpeg);
		check(f, FR_WIRE_PLAIN);
	}
}

static void the_beginning_of_a_jpeg_is_a_whole_picture_for_the_reader(void **state)
{
	static const uint8_t beginning[] = {0xFF, 0xD8, 0xFF, 0xD9};

	for (size_t size = 1; size <= 4; size++) {
		struct wire_case *f = *state;

		for (unsigned i = 0; i < 2; i++) {
			bytes_add_plain(&f->in, beginning, size);
			expect_frame(f, size, beginning, size);
		}
		check(f, FR_WIRE_PLAIN);
	}
}

static void a_length_over_the_limit_is_told_at_its_fourth_byte(void **state)
{
	struct wire_case *f = *state;

	bytes_add_le(&f->in, MAX + 1, 4);
	EXPECT(f, "BAD reason=%d frame length %u is over the limit of %u\n",
	    FR_REASON_length_over_max, MAX + 1, MAX);
	check(f, FR_WIRE_PLAIN);
	assert_int_equal(fr_frame_pool_trim(f->pool), 0);
}

static void what_is_no_jpeg_is_refused_at_its_second_byte(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *sentence;
	} cases[] = {
	    {"\x89PNG", 50, "this one begins with 89 50 (PNG?)"},
	    {"hello", 5, "this one begins with 68 65"},
	    {"\0\0\0\0", 900,
	        "this one begins with 00 00 (the other half of a length of 8 bytes, or "
	        "video?)"},
	    {"\xff\xd9", 2, "this one begins with FF D9"},
	    {"x", 1, "this one is the byte 78"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_case *f = *state;

		bytes_add_le(&f->in, cases[i].length, 4);
		bytes_add(&f->in, cases[i].bytes, cases[i].length < 2 ? 1 : 2);
		EXPECT(f,
		    "BEGIN size=%zu\nBAD reason=%d a picture must be a JPEG and begin with FF D8; "
		    "%s\n",
		    cases[i].length, FR_REASON_not_jpeg, cases[i].sentence);
		check(f, FR_WIRE_PLAIN);
	}
}

static void what_is_inside_is_a_length_or_a_body_that_has_begun(void **state)
{
	static const struct {
		size_t cut;
		const char *events;
		unsigned inside;
	} cases[] = {
	    {1, "", 1},
	    {3, "", 3},
	    {4, "", 0}, /* a whole length may wait for ever */
	    {5, "BEGIN size=100\n", 1},
	    {50, "BEGIN size=100\n", 46},
	    {103, "BEGIN size=100\n", 99},
	};
	uint8_t session[104] = {100, 0, 0, 0, 0xFF, 0xD8};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_case *f = *state;

		bytes_add(&f->in, session, cases[i].cut);
		EXPECT(f, "%s", cases[i].events);
		check_inside(f, FR_WIRE_PLAIN, cases[i].inside);
	}
}

/* --- First bytes ------------------------------------------------------------------------------ */

static void other_protocols_are_named(void **state)
{
	static const struct {
		const char *bytes;
		enum fr_reason reason;
		const char *what;
	} cases[] = {
	    {"\x16\x03\x01\x02", FR_REASON_wrong_protocol, "a TLS client on a plain port"},
	    {"SSH-2.0-x", FR_REASON_wrong_protocol, "an SSH client"},
	    {"\xffSMBr", FR_REASON_wrong_protocol, "an SMB client"},
	    {"\xfeSMB@", FR_REASON_wrong_protocol, "an SMB client"},
	    {"DELETE / HTTP/1.1", FR_REASON_wrong_protocol, "an HTTP client"},
	    {"DESCRIBE rtsp", FR_REASON_wrong_protocol, "an RTSP client"},
	    {"HTTP/1.1 200 OK", FR_REASON_wrong_protocol, "an HTTP server's answer"},
	    {"RIFF", FR_REASON_length_over_max, "an AVI or WebP file"},
	    {"\x89PNG", FR_REASON_length_over_max, "a PNG picture"},
	    {"\xff\xd8\xfe\x00", FR_REASON_length_over_max, "a damaged JPEG"},
	    {"Hi!\nyou", FR_REASON_length_over_max, "the text \"Hi!?\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct wire_case *f = *state;
		const uint8_t *b = (const uint8_t *)cases[i].bytes;
		const uint32_t length = b[0] | b[1] << 8 | b[2] << 16 | (uint32_t)b[3] << 24;

		bytes_add(&f->in, b, 4 + strlen(cases[i].bytes + 4));
		EXPECT(f,
		    "BAD reason=%d frame length %u is over the limit of %u; it looks like %s\n",
		    cases[i].reason, length, MAX, cases[i].what);
		check(f, FR_WIRE_UNKNOWN);
	}
}

static void video_and_swapped_lengths_are_named(void **state)
{
	struct wire_case *f = *state;

	bytes_add(&f->in, "\0\0\0\x01\x67", 5);
	EXPECT(f,
	    "BAD reason=%d frame length 16777216 is over the limit of %u; it looks like H.264 "
	    "video; "
	    "only JPEGs are taken here\n",
	    FR_REASON_wrong_protocol, MAX);
	check(f, FR_WIRE_UNKNOWN);

	bytes_add(&f->in, "\0\0\xc3\x50\xff\xd8", 6);
	EXPECT(f,
	    "BAD reason=%d frame length 1354956800 is over the limit of %u; it looks like 50000 "
	    "with "
	    "its bytes the wrong way round (it must be little-endian)\n",
	    FR_REASON_length_over_max, MAX);
	check(f, FR_WIRE_UNKNOWN);
}

static void a_length_of_all_ones_is_told_with_number_and_limit_and_takes_no_memory(void **state)
{
	struct wire_case *f = *state;

	bytes_add_le(&f->in, 0xFFFFFFFF, 4);
	EXPECT(f, "BAD reason=%d frame length 4294967295 is over the limit of %u\n",
	    FR_REASON_length_over_max, MAX);
	check(f, FR_WIRE_UNKNOWN);
	assert_int_equal(fr_frame_pool_trim(f->pool), 0);
}

static void random_first_bytes_never_cost_more_than_a_small_frame(void **state)
{
	struct wire_case *f = *state;
	uint32_t seed = 1;

	for (unsigned i = 0; i < 1000; i++) {
		uint8_t bytes[64];
		struct wire_log log;

		for (unsigned k = 0; k < sizeof(bytes); k++) {
			seed = seed * 1664525 + 1013904223;
			bytes[k] = (uint8_t)(seed >> 24);
		}
		fr_frame_pool_set_budget(f->pool, 65536);
		log = wire_log_read(
		    f->pool, &limits, FR_WIRE_UNKNOWN, bytes, sizeof(bytes), SPLIT_RANDOM, i);
		assert_non_null(log.text);
		assert_int_equal(fr_frame_pool_bytes(f->pool), 0);
		free(log.text);
	}
}

static void http_is_handed_over_with_the_bytes_that_were_read(void **state)
{
	static const char *const methods[] = {
	    "GET / HTTP/1.1", "HEAD /", "POST /", "PUT /x", "OPTIONS *"};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		struct wire_case *f = *state;

		bytes_add_text(&f->in, methods[i]);
		EXPECT(f, "HTTP\n");
		check(f, FR_WIRE_UNKNOWN);
	}
	bytes_add_text(&((struct wire_case *)*state)->in, "PRI * HTTP/2.0");
	EXPECT((struct wire_case *)*state, "HTTP2\n");
	check(*state, FR_WIRE_UNKNOWN);
}

static void the_bytes_to_hand_over_are_those_of_earlier_calls(void **state)
{
	struct wire_case *f = *state;
	struct fr_wire *wire = fr_wire_new(f->pool, &limits, FR_WIRE_UNKNOWN);
	struct fr_wire_event event;
	const uint8_t *first;
	size_t size;

	assert_int_equal(fr_wire_read(wire, (const uint8_t *)"GE", 2, &event), 2);
	assert_int_equal(event.type, FR_WIRE_MORE);
	assert_int_equal(fr_wire_read(wire, (const uint8_t *)"T / HTTP", 8, &event), 0);
	assert_int_equal(event.type, FR_WIRE_IS_HTTP);
	first = fr_wire_first_bytes(wire, &size);

	assert_int_equal(size, 2);
	assert_memory_equal(first, "GE", 2);
	fr_wire_free(wire);
}

static void a_limit_of_nothing_is_the_hard_maximum(void **state)
{
	const struct fr_wire_limits none = {0};
	struct wire_case *f = *state;
	struct wire_log log = wire_log_read(f->pool, &none, FR_WIRE_UNKNOWN,
	    (const uint8_t *)"PUB x\n\x01\0\0\x04", 10, SPLIT_BYTES, 0);

	assert_non_null(strstr(log.text, "HELLO size=5"));
	assert_non_null(strstr(log.text, "67108865 is over the limit of 67108864"));
	free(log.text);
}

/* --- Hello lines ------------------------------------------------------------------------------ */

static void a_hello_line_is_cut_and_what_follows_is_read_as_was_said(void **state)
{
	struct wire_case *f = *state;
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 80, 1);

	bytes_add_text(&f->in, "PUB cam0 id=1234\r\n");
	bytes_add_plain(&f->in, jpeg.bytes, jpeg.size);
	bytes_add_le(&f->in, 0, 4);
	EXPECT(
	    f, "HELLO size=16 hash=%08x\n", wire_log_hash((const uint8_t *)"PUB cam0 id=1234", 16));
	expect_frame(f, jpeg.size, jpeg.bytes, jpeg.size);
	EXPECT(f, "END size=0 hash=811c9dc5 channel=0\n");
	check(f, FR_WIRE_UNKNOWN);

	bytes_add_text(&f->in, "SUB cam0\nnothing more is expected");
	EXPECT(f, "HELLO size=8 hash=%08x\n", wire_log_hash((const uint8_t *)"SUB cam0", 8));
	check(f, FR_WIRE_UNKNOWN);

	bytes_add_text(&f->in, "LIST\n");
	EXPECT(f, "HELLO size=4 hash=%08x\n", wire_log_hash((const uint8_t *)"LIST", 4));
	check(f, FR_WIRE_UNKNOWN);
	fr_test_jpeg_done(&jpeg);
}

static void half_a_hello_is_inside(void **state)
{
	struct wire_case *f = *state;

	bytes_add_text(&f->in, "SUB cam");
	check_inside(f, FR_WIRE_UNKNOWN, 7);
}

static void a_hello_of_1024_bytes_is_taken_and_a_longer_one_refused(void **state)
{
	struct wire_case *f = *state;
	char line[1025];

	memset(line, 'x', sizeof(line));
	memcpy(line, "SUB ", 4);
	line[1023] = '\n';
	bytes_add(&f->in, line, 1024);
	EXPECT(f, "HELLO size=1023 hash=%08x\n", wire_log_hash((const uint8_t *)line, 1023));
	check(f, FR_WIRE_UNKNOWN);

	line[1023] = 'x';
	for (unsigned i = 0; i < 10; i++)
		bytes_add(&f->in, line, 1024);
	EXPECT(f, "BAD reason=%d the hello is longer than 1024 bytes\n", FR_REASON_bad_hello);
	check(f, FR_WIRE_UNKNOWN);
}

static void an_answer_line_is_read_by_the_other_side(void **state)
{
	struct wire_case *f = *state;

	bytes_add_text(&f->in, "OK cam0 live=1\n");
	EXPECT(
	    f, "HELLO size=14 hash=%08x\n", wire_log_hash((const uint8_t *)"OK cam0 live=1", 14));
	check(f, FR_WIRE_HELLO);
}

static void a_second_line_is_read_where_nobody_said_otherwise(void **state)
{
	struct wire_case *f = *state;
	struct fr_wire *wire = fr_wire_new(f->pool, &limits, FR_WIRE_HELLO);
	struct fr_wire_event event;

	assert_int_equal(fr_wire_read(wire, (const uint8_t *)"one\ntwo\n", 8, &event), 4);
	assert_int_equal(event.type, FR_WIRE_IS_HELLO);
	assert_memory_equal(event.text, "one", 3);
	assert_false(fr_wire_is_inside(wire));
	assert_int_equal(fr_wire_read(wire, (const uint8_t *)"two\n", 4, &event), 4);
	assert_int_equal(event.type, FR_WIRE_IS_HELLO);
	assert_int_equal(event.size, 3);
	assert_memory_equal(event.text, "two", 3);
	fr_wire_free(wire);
}

static void nothing_is_expected_of_a_plain_subscriber(void **state)
{
	struct wire_case *f = *state;

	bytes_add_text(&f->in, "GET / and whatever else it says");
	check(f, FR_WIRE_SILENT);
}

/* --- Memory ----------------------------------------------------------------------------------- */

static void memory_grows_with_the_bytes_that_come(void **state)
{
	struct wire_case *f = *state;
	struct fr_wire *wire = fr_wire_new(f->pool, &limits, FR_WIRE_PLAIN);
	uint8_t *picture = calloc(1, MAX);
	struct fr_wire_event event;
	size_t at = 2;

	picture[0] = 0xFF;
	picture[1] = 0xD8;
	assert_int_equal(fr_wire_read(wire, (const uint8_t *)"\0\0\x10\0\xff", 5, &event), 5);
	assert_int_equal(event.type, FR_WIRE_BEGIN);
	assert_int_equal(fr_wire_read(wire, picture + 1, 1, &event), 1);
	assert_int_equal(fr_frame_pool_bytes(f->pool), 65536);
	while (at < 900000) {
		assert_int_equal(fr_wire_read(wire, picture + at, 1000, &event), 1000);
		at += 1000;
		assert_true(fr_frame_pool_bytes(f->pool) <= 65536 ||
		            fr_frame_pool_bytes(f->pool) <= 2 * (int64_t)at);
	}

	fr_wire_free(wire);
	assert_int_equal(fr_frame_pool_bytes(f->pool), 0);
	free(picture);
}

static void a_picture_without_memory_is_skipped_and_the_next_taken(void **state)
{
	struct wire_case *f = *state;
	struct fr_test_jpeg large = fr_test_jpeg_sized(200000, 1);
	struct fr_test_jpeg small = fr_test_jpeg(64, 48, 80, 2);

	fr_frame_pool_set_budget(f->pool, 100000);
	bytes_add_plain(&f->in, large.bytes, large.size);
	bytes_add_plain(&f->in, small.bytes, small.size);
	EXPECT(f, "BEGIN size=200000\nSKIPPED size=200000\n");
	expect_frame(f, small.size, small.bytes, small.size);
	check(f, FR_WIRE_PLAIN);

	fr_frame_pool_set_budget(f->pool, 10);
	bytes_add(&f->in, small.bytes, small.size);
	EXPECT(f, "BEGIN size=0\nSKIPPED size=%zu\n", small.size);
	check(f, FR_WIRE_MJPEG);

	fr_test_jpeg_done(&large);
	fr_test_jpeg_done(&small);
}

static void room_is_given_inside_a_known_picture_of_which_much_is_left(void **state)
{
	struct wire_case *f = *state;
	struct fr_wire *wire = fr_wire_new(f->pool, &limits, FR_WIRE_PLAIN);
	struct fr_test_jpeg jpeg = fr_test_jpeg_sized(10000, 1);
	struct fr_wire_event event;
	uint8_t *room;

	bytes_add_plain(&f->in, jpeg.bytes, jpeg.size);
	assert_int_equal(fr_wire_room(wire, &room), 0);
	(void)fr_wire_read(wire, f->in.bytes, 5, &event);
	assert_int_equal(event.type, FR_WIRE_BEGIN);
	assert_int_equal(fr_wire_room(wire, &room), 0);
	(void)fr_wire_read(wire, f->in.bytes + 5, 1, &event);
	assert_int_equal(event.type, FR_WIRE_MORE);

	assert_int_equal(fr_wire_room(wire, &room), 9998);
	memcpy(room, jpeg.bytes + 2, 5000);
	fr_wire_filled(wire, 5000);
	assert_int_equal(fr_wire_inside_bytes(wire), 5002);
	assert_int_equal(fr_wire_room(wire, &room), 4998);
	memcpy(room, jpeg.bytes + 5002, 4998);
	fr_wire_filled(wire, 4998);
	assert_int_equal(fr_wire_room(wire, &room), 0);
	assert_int_equal(fr_wire_read(wire, NULL, 0, &event), 0);

	assert_int_equal(event.type, FR_WIRE_FRAME);
	assert_memory_equal(fr_frame_room(event.frame), jpeg.bytes, jpeg.size);
	fr_frame_unref(event.frame);
	assert_int_equal(fr_wire_room(wire, &room), 0);
	fr_wire_free(wire);
	fr_wire_free(NULL);
	fr_test_jpeg_done(&jpeg);
}

static void no_room_is_given_for_a_picture_that_is_skipped(void **state)
{
	struct wire_case *f = *state;
	struct fr_wire *wire = fr_wire_new(f->pool, &limits, FR_WIRE_PLAIN);
	uint8_t picture[65536] = {0xFF, 0xD8};
	struct fr_wire_event event;
	uint8_t *room;

	fr_frame_pool_set_budget(f->pool, 70000);
	(void)fr_wire_read(wire, (const uint8_t *)"\0\0\x10\0\xff", 5, &event);
	(void)fr_wire_read(wire, picture + 1, 65535 - 4000, &event);
	(void)fr_wire_read(wire, NULL, 0, &event);

	assert_int_equal(fr_wire_room(wire, &room), 0);
	assert_int_equal(fr_frame_pool_bytes(f->pool), 0);
	fr_wire_free(wire);
}

/* A reader that has had one plain picture of this size. */
static struct fr_wire *after_one(struct wire_case *f, size_t size)
{
	struct fr_wire *wire = fr_wire_new(f->pool, &limits, FR_WIRE_PLAIN);
	struct fr_test_jpeg jpeg = fr_test_jpeg_sized(size, 1);
	struct fr_wire_event event;
	size_t at;

	f->in.size = 0;
	bytes_add_plain(&f->in, jpeg.bytes, jpeg.size);
	at = fr_wire_read(wire, f->in.bytes, f->in.size, &event);
	assert_int_equal(event.type, FR_WIRE_BEGIN);
	at += fr_wire_read(wire, f->in.bytes + at, f->in.size - at, &event);
	assert_int_equal(event.type, FR_WIRE_FRAME);
	assert_int_equal(at, f->in.size);
	fr_frame_unref(event.frame);
	fr_test_jpeg_done(&jpeg);
	f->in.size = 0;
	return wire;
}

static void the_next_picture_is_received_in_its_place(void **state)
{
	struct wire_case *f = *state;
	struct fr_wire *wire = after_one(f, 10000);
	struct fr_test_jpeg jpeg = fr_test_jpeg_sized(10600, 2);
	struct fr_wire_event event;
	struct fr_frame *frame;
	uint8_t *place;
	size_t at;

	bytes_add_plain(&f->in, jpeg.bytes, jpeg.size);
	assert_int_equal(fr_wire_ahead(wire, &place, &frame), 4 + 10625);
	memcpy(place, f->in.bytes, f->in.size);
	at = fr_wire_read(wire, place, f->in.size, &event);
	assert_int_equal(event.type, FR_WIRE_BEGIN);
	(void)fr_wire_read(wire, place + at, f->in.size - at, &event);
	fr_wire_ahead_done(wire, frame);

	assert_int_equal(event.type, FR_WIRE_FRAME);
	assert_int_equal(event.size, jpeg.size);
	assert_ptr_equal(event.frame, frame);
	assert_ptr_equal(fr_frame_room(event.frame), place + 4); /* nothing was moved */
	assert_memory_equal(fr_frame_room(event.frame), jpeg.bytes, jpeg.size);
	fr_frame_unref(event.frame);
	fr_wire_free(wire);
	assert_int_equal(fr_frame_pool_frames(f->pool), 0);
	fr_test_jpeg_done(&jpeg);
}

static void what_came_behind_a_picture_in_its_place_is_read_from_there(void **state)
{
	struct wire_case *f = *state;
	struct fr_wire *wire = after_one(f, 10000);
	struct fr_test_jpeg shorter = fr_test_jpeg_sized(5000, 3),
	                    longer = fr_test_jpeg_sized(20000, 4);
	struct fr_wire_event event;
	struct fr_frame *frame;
	size_t place_size, at, frames = 0;
	uint8_t *place;

	bytes_add_plain(&f->in, shorter.bytes, shorter.size);
	bytes_add_plain(&f->in, longer.bytes, longer.size);
	place_size = fr_wire_ahead(wire, &place, &frame);
	memcpy(place, f->in.bytes, place_size);
	for (at = 0; at < place_size;) {
		at += fr_wire_read(wire, place + at, place_size - at, &event);
		if (event.type != FR_WIRE_FRAME)
			continue;
		frames++;
		assert_memory_equal(fr_frame_room(event.frame), shorter.bytes, shorter.size);
		fr_frame_unref(event.frame);
	}
	fr_wire_ahead_done(wire, frame);
	(void)fr_wire_read(wire, f->in.bytes + at, f->in.size - at, &event);

	assert_int_equal(frames, 1);
	assert_int_equal(event.type, FR_WIRE_FRAME);
	assert_int_equal(event.size, longer.size);
	assert_memory_equal(fr_frame_room(event.frame), longer.bytes, longer.size);
	fr_frame_unref(event.frame);
	fr_wire_free(wire);
	fr_test_jpeg_done(&shorter);
	fr_test_jpeg_done(&longer);
}

static void a_picture_longer_than_its_place_goes_on_elsewhere(void **state)
{
	struct wire_case *f = *state;
	struct fr_wire *wire = after_one(f, 10000);
	struct fr_test_jpeg jpeg = fr_test_jpeg_sized(40000, 5);
	struct fr_wire_event event;
	struct fr_frame *frame;
	size_t place_size, at;
	uint8_t *place;

	bytes_add_plain(&f->in, jpeg.bytes, jpeg.size);
	place_size = fr_wire_ahead(wire, &place, &frame);
	memcpy(place, f->in.bytes, place_size);
	at = fr_wire_read(wire, place, place_size, &event);
	assert_int_equal(event.type, FR_WIRE_BEGIN);
	at += fr_wire_read(wire, place + at, place_size - at, &event);
	assert_int_equal(event.type, FR_WIRE_MORE);
	fr_wire_ahead_done(wire, frame);
	(void)fr_wire_read(wire, f->in.bytes + at, f->in.size - at, &event);

	assert_int_equal(event.type, FR_WIRE_FRAME);
	assert_memory_equal(fr_frame_room(event.frame), jpeg.bytes, jpeg.size);
	fr_frame_unref(event.frame);
	fr_wire_free(wire);
	fr_test_jpeg_done(&jpeg);
}

static void no_place_is_given_where_nothing_is_expected(void **state)
{
	struct wire_case *f = *state;
	struct fr_wire *first = fr_wire_new(f->pool, &limits, FR_WIRE_PLAIN);
	struct fr_wire *unknown = fr_wire_new(f->pool, &limits, FR_WIRE_UNKNOWN);
	struct fr_wire *small = after_one(f, 2000), *wire = after_one(f, 10000);
	struct fr_wire_event event;
	struct fr_frame *frame;
	uint8_t *place;

	assert_int_equal(fr_wire_ahead(first, &place, &frame), 0);
	assert_int_equal(fr_wire_ahead(unknown, &place, &frame), 0);
	assert_int_equal(fr_wire_ahead(small, &place, &frame), 0);

	assert_int_not_equal(fr_wire_ahead(wire, &place, &frame), 0);
	fr_wire_ahead_done(NULL, frame); /* as when the reader went with the reading */
	assert_int_not_equal(fr_wire_ahead(wire, &place, &frame), 0);
	fr_wire_ahead_done(wire, frame);
	assert_int_equal(fr_frame_pool_frames(f->pool), 0);

	fr_frame_pool_set_budget(f->pool, 100);
	assert_int_equal(fr_wire_ahead(wire, &place, &frame), 0);
	fr_frame_pool_set_budget(f->pool, 0);
	(void)fr_wire_read(wire, (const uint8_t *)"\x10\x27", 2, &event);
	assert_int_equal(fr_wire_ahead(wire, &place, &frame), 0); /* inside a length, */
	(void)fr_wire_read(wire, (const uint8_t *)"\0\0", 2, &event);
	assert_int_equal(fr_wire_ahead(wire, &place, &frame), 0); /* before its picture */

	fr_wire_free(wire);
	wire = after_one(f, 10000);
	(void)fr_wire_read(wire, (const uint8_t *)"\0\0\0\0", 4, &event);
	assert_int_equal(event.type, FR_WIRE_END);
	assert_int_equal(fr_wire_ahead(wire, &place, &frame), 0);
	fr_wire_free(wire);
	fr_wire_free(small);
	fr_wire_free(unknown);
	fr_wire_free(first);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, wire_case_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(the_recipes_session_gives_each_picture_and_an_end),
	    TEST(a_length_of_zero_first_is_a_publisher_that_ends),
	    TEST(pictures_of_awkward_sizes_arrive_as_they_were),
	    TEST(the_beginning_of_a_jpeg_is_a_whole_picture_for_the_reader),
	    TEST(a_length_over_the_limit_is_told_at_its_fourth_byte),
	    TEST(what_is_no_jpeg_is_refused_at_its_second_byte),
	    TEST(what_is_inside_is_a_length_or_a_body_that_has_begun),
	    TEST(other_protocols_are_named),
	    TEST(video_and_swapped_lengths_are_named),
	    TEST(a_length_of_all_ones_is_told_with_number_and_limit_and_takes_no_memory),
	    TEST(random_first_bytes_never_cost_more_than_a_small_frame),
	    TEST(http_is_handed_over_with_the_bytes_that_were_read),
	    TEST(the_bytes_to_hand_over_are_those_of_earlier_calls),
	    TEST(a_limit_of_nothing_is_the_hard_maximum),
	    TEST(a_hello_line_is_cut_and_what_follows_is_read_as_was_said),
	    TEST(half_a_hello_is_inside),
	    TEST(a_hello_of_1024_bytes_is_taken_and_a_longer_one_refused),
	    TEST(an_answer_line_is_read_by_the_other_side),
	    TEST(a_second_line_is_read_where_nobody_said_otherwise),
	    TEST(nothing_is_expected_of_a_plain_subscriber),
	    TEST(memory_grows_with_the_bytes_that_come),
	    TEST(a_picture_without_memory_is_skipped_and_the_next_taken),
	    TEST(room_is_given_inside_a_known_picture_of_which_much_is_left),
	    TEST(no_room_is_given_for_a_picture_that_is_skipped),
	    TEST(the_next_picture_is_received_in_its_place),
	    TEST(what_came_behind_a_picture_in_its_place_is_read_from_there),
	    TEST(a_picture_longer_than_its_place_goes_on_elsewhere),
	    TEST(no_place_is_given_where_nothing_is_expected),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
