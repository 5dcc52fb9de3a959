/* SPDX-License-Identifier: MIT */
/* WebSocket: the handshake's key, heads of frames, and a reader that everything wrong ends with its code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/media/websocket.h"

/* --- What a client sends ---------------------------------------------------------------------- */

struct log {
	struct fr_websocket *ws;
	char text[512]; /* "T5 " a text of five bytes, "B0 " binary, "9:4 " a PING of four */
	char last[256];
	bool stops;
};

static void on_message(
    void *arg, enum fr_websocket_opcode opcode, const uint8_t *bytes, size_t size)
{
	struct log *log = arg;

	(void)snprintf(log->text + strlen(log->text), sizeof(log->text) - strlen(log->text),
	    "%c%zu ", opcode == FR_WEBSOCKET_TEXT ? 'T' : 'B', size);
	if (size != 0 && size < sizeof(log->last)) {
		memcpy(log->last, bytes, size);
		log->last[size] = '\0';
	}
	if (log->stops)
		fr_websocket_stop(log->ws);
}

static void on_control(
    void *arg, enum fr_websocket_opcode opcode, const uint8_t *bytes, size_t size)
{
	struct log *log = arg;

	(void)bytes;
	(void)snprintf(log->text + strlen(log->text), sizeof(log->text) - strlen(log->text),
	    "%u:%zu ", opcode, size);
}

static const struct fr_websocket_ops ops = {.on_message = on_message, .on_control = on_control};
static const struct fr_websocket_limits limits = {.message_bytes = 1000, .fragments = 4};

/* Bytes of a client's frames. */
struct bytes {
	uint8_t at[4096];
	size_t size;
};

static void add(struct bytes *b, const void *from, size_t size)
{
	memcpy(b->at + b->size, from, size);
	b->size += size;
}

/* @param first  FIN, reserved bits and opcode */
static void add_frame(struct bytes *b, unsigned first, const void *payload, size_t size)
{
	static const uint8_t mask[4] = {0x37, 0xFA, 0x21, 0x3D};
	uint8_t head[FR_WEBSOCKET_HEAD_MAX];
	const size_t n = fr_websocket_head(head, FR_WEBSOCKET_TEXT, size);

	head[0] = (uint8_t)first;
	head[1] |= 0x80;
	add(b, head, n);
	add(b, mask, 4);
	for (size_t i = 0; i < size; i++)
		b->at[b->size++] = ((const uint8_t *)payload)[i] ^ mask[i % 4];
}

/* Reads it whole, then byte by byte: the outcome is the same. */
static struct fr_websocket_end read_both_ways(const struct bytes *b, struct log *ret, bool *over)
{
	struct log one = {0};
	bool went_on;

	*ret = (struct log){0};
	ret->ws = fr_websocket_new(&limits, &ops, ret);
	one.ws = fr_websocket_new(&limits, &ops, &one);
	went_on = fr_websocket_read(ret->ws, b->at, b->size);
	for (size_t i = 0; i < b->size && fr_websocket_read(one.ws, b->at + i, 1); i++)
		;
	const struct fr_websocket_end end = fr_websocket_end(ret->ws);

	assert_string_equal(ret->text, one.text);
	assert_int_equal(end.code, fr_websocket_end(one.ws).code);
	*over = !went_on;
	fr_websocket_free(ret->ws);
	fr_websocket_free(one.ws);
	return end;
}

/* --- Tests ------------------------------------------------------------------------------------ */

static void a_key_is_answered_as_the_rfc_says(void **state)
{
	static const char *const bad[] = {"", "dGhlIHNhbXBsZSBub25j",
	    "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ==x",
	    "dGhlIHNhbXBsZSBub25jZTE=", "dGhl*HNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=a"};
	char accept[FR_WEBSOCKET_ACCEPT_CHARS + 1];

	(void)state;
	assert_true(fr_websocket_accept("dGhlIHNhbXBsZSBub25jZQ==", accept));
	assert_string_equal(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="); /* RFC 6455 1.3 */
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(fr_websocket_accept(bad[i], accept));
}

static void heads_have_the_shortest_length(void **state)
{
	static const struct {
		uint64_t size;
		size_t n;
		uint8_t bytes[10];
	} rows[] = {
	    {0, 2, {0x82, 0}},
	    {125, 2, {0x82, 125}},
	    {126, 4, {0x82, 126, 0, 126}},
	    {65535, 4, {0x82, 126, 0xFF, 0xFF}},
	    {65536, 10, {0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
	    {0x0102030405060708, 10, {0x82, 127, 1, 2, 3, 4, 5, 6, 7, 8}},
	};
	uint8_t head[FR_WEBSOCKET_HEAD_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
		    fr_websocket_head(head, FR_WEBSOCKET_BINARY, rows[i].size), rows[i].n);
		assert_memory_equal(head, rows[i].bytes, rows[i].n);
	}
}

static void a_close_has_its_reason_cut_between_characters(void **state)
{
	uint8_t frame[FR_WEBSOCKET_CONTROL_MAX];
	char reason[200];

	(void)state;
	assert_int_equal(fr_websocket_close(frame, 0, "not said"), 2);
	assert_memory_equal(frame, "\x88\x00", 2);
	assert_int_equal(fr_websocket_close(frame, 1001, "bye"), 7);
	assert_memory_equal(frame,
	    "\x88\x05\x03\xE9"
	    "bye",
	    7);
	memset(reason, 'a', sizeof(reason));
	reason[199] = '\0';
	assert_int_equal(fr_websocket_close(frame, 1001, reason), 127);
	memcpy(reason + 121, "\xE2\x82\xAC", 3); /* one character over the place of the cut */
	assert_int_equal(fr_websocket_close(frame, 1001, reason), 4 + 121);
}

static void whole_messages_and_fragments_come_out_as_messages(void **state)
{
	struct bytes b = {0};
	struct log log;
	bool over;

	(void)state;
	add_frame(&b, 0x81, "hello", 5);
	add_frame(&b, 0x82, "", 0);
	add_frame(&b, 0x01, "\xE2\x82", 2); /* a character over two fragments, and a PING between */
	add_frame(&b, 0x89, "ping", 4);
	add_frame(&b, 0x00, "\xAC!", 2);
	add_frame(&b, 0x80, "", 0);
	add_frame(&b, 0x8A, "", 0);
	(void)read_both_ways(&b, &log, &over);
	assert_false(over);
	assert_string_equal(log.text, "T5 B0 9:4 T4 10:0 ");
	assert_string_equal(log.last, "\xE2\x82\xAC!");
}

static void what_is_incomplete_is_known(void **state)
{
	struct log log = {0};
	struct bytes b = {0};

	(void)state;
	log.ws = fr_websocket_new(&limits, &ops, &log);
	add_frame(&b, 0x01, "he", 2);
	assert_false(fr_websocket_is_inside(log.ws));
	assert_true(fr_websocket_read(log.ws, b.at, b.size));
	assert_true(fr_websocket_is_inside(log.ws));
	b.size = 0;
	add_frame(&b, 0x80, "llo", 3);
	assert_true(fr_websocket_read(log.ws, b.at, b.size));
	assert_false(fr_websocket_is_inside(log.ws));
	assert_string_equal(log.last, "hello");
	fr_websocket_free(log.ws);
	fr_websocket_free(NULL);
}

static void whoever_stops_hears_nothing_more(void **state)
{
	struct log log = {.stops = true};
	struct bytes b = {0};

	(void)state;
	add_frame(&b, 0x81, "one", 3);
	add_frame(&b, 0x81, "two", 3);
	log.ws = fr_websocket_new(&limits, &ops, &log);
	assert_false(fr_websocket_read(log.ws, b.at, b.size));
	assert_false(fr_websocket_read(log.ws, b.at, b.size));
	assert_string_equal(log.text, "T3 ");
	fr_websocket_free(log.ws);
}

/* A row is one frame, given as its bytes but for mask and payload. */
static void everything_wrong_ends_with_its_code(void **state)
{
	static const struct {
		const char *what;
		uint8_t before; /* a first frame of another message's beginning, 0: none */
		uint8_t first;
		size_t size; /* of a payload of zeros, or of `payload` */
		const char *payload;
		unsigned code;
		enum fr_reason reason;
	} rows[] = {
	    {"RSV1", 0, 0xC1, 1, "a", 1002, FR_REASON_ws_protocol},
	    {"RSV2", 0, 0xA1, 1, "a", 1002, FR_REASON_ws_protocol},
	    {"RSV3", 0, 0x91, 1, "a", 1002, FR_REASON_ws_protocol},
	    {"opcode 3", 0, 0x83, 1, "a", 1002, FR_REASON_ws_protocol},
	    {"opcode 7", 0, 0x87, 0, "", 1002, FR_REASON_ws_protocol},
	    {"opcode 11", 0, 0x8B, 0, "", 1002, FR_REASON_ws_protocol},
	    {"opcode 15", 0, 0x8F, 0, "", 1002, FR_REASON_ws_protocol},
	    {"PING of 126", 0, 0x89, 126, NULL, 1002, FR_REASON_ws_protocol},
	    {"CLOSE of 126", 0, 0x88, 126, NULL, 1002, FR_REASON_ws_protocol},
	    {"PING in fragments", 0, 0x09, 1, "a", 1002, FR_REASON_ws_protocol},
	    {"continuation first", 0, 0x80, 1, "a", 1002, FR_REASON_ws_protocol},
	    {"text inside a message", 0x01, 0x81, 1, "a", 1002, FR_REASON_ws_protocol},
	    {"CLOSE of one byte", 0, 0x88, 1, "\x03", 1002, FR_REASON_ws_protocol},
	    {"CLOSE 0", 0, 0x88, 2, "\0\0", 1002, FR_REASON_ws_protocol},
	    {"CLOSE 999", 0, 0x88, 2, "\x03\xE7", 1002, FR_REASON_ws_protocol},
	    {"CLOSE 1004", 0, 0x88, 2, "\x03\xEC", 1002, FR_REASON_ws_protocol},
	    {"CLOSE 1005", 0, 0x88, 2, "\x03\xED", 1002, FR_REASON_ws_protocol},
	    {"CLOSE 1006", 0, 0x88, 2, "\x03\xEE", 1002, FR_REASON_ws_protocol},
	    {"CLOSE 1015", 0, 0x88, 2, "\x03\xF7", 1002, FR_REASON_ws_protocol},
	    {"CLOSE 2999", 0, 0x88, 2, "\x0B\xB7", 1002, FR_REASON_ws_protocol},
	    {"CLOSE 5000", 0, 0x88, 2, "\x13\x88", 1002, FR_REASON_ws_protocol},
	    {"CLOSE with a bad reason", 0, 0x88, 3, "\x03\xE8\xFF", 1007, FR_REASON_ws_utf8},
	    {"text that is not UTF-8", 0, 0x81, 1, "\xFF", 1007, FR_REASON_ws_utf8},
	    {"text that ends inside a character", 0, 0x81, 2, "\xE2\x82", 1007, FR_REASON_ws_utf8},
	    {"a surrogate", 0, 0x81, 3, "\xED\xA0\x80", 1007, FR_REASON_ws_utf8},
	    {"an overlong slash", 0, 0x81, 2, "\xC0\xAF", 1007, FR_REASON_ws_utf8},
	    {"over the limit", 0, 0x82, 1001, NULL, 1009, FR_REASON_ws_too_big},
	    {"over it in two fragments", 0x02, 0x80, 1000, NULL, 1009, FR_REASON_ws_too_big},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		static const uint8_t zeros[1001];
		struct bytes b = {0};
		struct log log;
		bool over;

		add_frame(&b, 0x89, "", 0);
		if (rows[i].before != 0)
			add_frame(&b, rows[i].before, "x", 1);
		add_frame(&b, rows[i].first,
		    rows[i].payload != NULL ? rows[i].payload : (const char *)zeros, rows[i].size);
		add_frame(&b, 0x81, "behind", 6);
		const struct fr_websocket_end end = read_both_ways(&b, &log, &over);

		if (!over || end.code != rows[i].code || end.reason != rows[i].reason ||
		    end.is_clean || end.why == NULL || strcmp(log.text, "9:0 ") != 0)
			fail_msg("%s: over %d, %u %s, \"%s\"", rows[i].what, over, end.code,
			    fr_reason_name(end.reason), log.text);
	}
}

static void frames_that_no_client_renders_end_with_1002(void **state)
{
	static const struct {
		const char *what;
		size_t size;
		uint8_t bytes[14];
	} rows[] = {
	    {"without a mask", 3, {0x81, 0x01, 'a'}},
	    {"a length of 2^63", 14, {0x82, 0xFF, 0x80}},
	    {"a length of 2^64-1", 14,
	        {0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF}},
	    {"125 in two bytes", 8, {0x82, 0xFE, 0, 125}},
	    {"65535 in eight bytes", 14, {0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes b = {0};
		struct log log;
		bool over;

		add(&b, rows[i].bytes, rows[i].size);
		const struct fr_websocket_end end = read_both_ways(&b, &log, &over);

		if (!over || end.code != 1002)
			fail_msg("%s: over %d, %u", rows[i].what, over, end.code);
	}
}

static void a_length_alone_takes_no_memory_and_is_refused(void **state)
{
	static const char *const rows[] = {"\x82\xFF\0\0\0\0\x7F\xFF\xFF\xFF\x01\x02\x03\x04"
	                                   "a",
	    "\x82\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x02\x03\x04"
	    "a"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes b = {0};
		struct log log;
		bool over;

		add(&b, rows[i], 15); /* with the first byte */
		assert_int_equal(read_both_ways(&b, &log, &over).code, 1009);
		assert_true(over);
	}
}

static void fragments_are_counted(void **state)
{
	struct bytes b = {0};
	struct log log;
	bool over;

	(void)state;
	add_frame(&b, 0x01, "a", 1);
	for (int i = 0; i < 4; i++)
		add_frame(&b, 0x00, "", 0);
	const struct fr_websocket_end end = read_both_ways(&b, &log, &over);

	assert_true(over);
	assert_int_equal(end.code, 1008);
	assert_int_equal(end.reason, FR_REASON_ws_fragments);
}

static void the_peers_close_is_clean_and_has_its_code(void **state)
{
	static const struct {
		unsigned code;
		size_t size;
		const char *payload;
	} rows[] = {{0, 0, ""}, {1000, 2, "\x03\xE8"},
	    {1001, 5,
	        "\x03\xE9"
	        "bye"},
	    {1011, 2, "\x03\xF3"}, {3000, 2, "\x0B\xB8"}, {4999, 2, "\x13\x87"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bytes b = {0};
		struct log log;
		bool over;

		add_frame(&b, 0x88, rows[i].payload, rows[i].size);
		add_frame(&b, 0x89, "behind", 6);
		const struct fr_websocket_end end = read_both_ways(&b, &log, &over);

		assert_true(over);
		if (!end.is_clean || end.code != rows[i].code)
			fail_msg("%u: clean %d, %u", rows[i].code, end.is_clean, end.code);
		assert_string_equal(log.text, "");
	}
}

static void a_limit_of_zero_is_none(void **state)
{
	static const struct fr_websocket_limits none = {0};
	static struct bytes b;
	struct log log = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		add_frame(&b, i == 0 ? 0x02 : 0x00, "0123456789", 10);
	add_frame(&b, 0x80, "", 0);
	log.ws = fr_websocket_new(&none, &ops, &log);
	assert_true(fr_websocket_read(log.ws, b.at, b.size));
	assert_string_equal(log.text, "B1000 ");
	fr_websocket_free(log.ws);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_key_is_answered_as_the_rfc_says),
	    cmocka_unit_test(heads_have_the_shortest_length),
	    cmocka_unit_test(a_close_has_its_reason_cut_between_characters),
	    cmocka_unit_test(whole_messages_and_fragments_come_out_as_messages),
	    cmocka_unit_test(what_is_incomplete_is_known),
	    cmocka_unit_test(whoever_stops_hears_nothing_more),
	    cmocka_unit_test(everything_wrong_ends_with_its_code),
	    cmocka_unit_test(frames_that_no_client_renders_end_with_1002),
	    cmocka_unit_test(a_length_alone_takes_no_memory_and_is_refused),
	    cmocka_unit_test(fragments_are_counted),
	    cmocka_unit_test(the_peers_close_is_clean_and_has_its_code),
	    cmocka_unit_test(a_limit_of_zero_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
