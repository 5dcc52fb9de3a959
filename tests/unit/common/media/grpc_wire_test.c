/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/media/grpc_wire.h"

static const uint8_t two[] = {0, 0, 0, 0, 3, 'a', 'b', 'c', 0, 0, 0, 0, 0};

static void messages_are_cut_wherever_the_pieces_end(void **state)
{
	(void)state;
	for (size_t step = 1; step <= sizeof(two); step++) {
		struct fr_grpc_reader r = {0};
		struct fr_grpc_event event;
		unsigned begun = 0, whole = 0;
		char got[8] = "";
		size_t n;

		for (size_t at = 0; at < sizeof(two); at += step) {
			const uint8_t *bytes = two + at;
			size_t size = sizeof(two) - at < step ? sizeof(two) - at : step;

			for (; size > 0; bytes += n, size -= n) {
				n = fr_grpc_read(&r, bytes, size, &event);
				begun += event.type == FR_GRPC_BEGIN;
				whole += event.is_whole;
				if (event.type == FR_GRPC_BYTES)
					strncat(got, (const char *)event.bytes, event.size);
			}
		}
		assert_int_equal(begun, 2);
		assert_int_equal(whole, 2);
		assert_string_equal(got, "abc");
		assert_false(fr_grpc_is_inside(&r));
	}
}

static void a_message_says_its_length_and_whether_it_is_compressed(void **state)
{
	static const uint8_t bytes[] = {1, 0x80, 0, 1, 2};
	struct fr_grpc_reader r = {0};
	struct fr_grpc_event event;

	(void)state;
	assert_int_equal(fr_grpc_read(&r, bytes, 2, &event), 2);
	assert_int_equal(event.type, FR_GRPC_MORE);
	assert_true(fr_grpc_is_inside(&r));
	assert_int_equal(fr_grpc_read(&r, bytes + 2, 3, &event), 3);
	assert_int_equal(event.type, FR_GRPC_BEGIN);
	assert_true(event.is_compressed);
	assert_false(event.is_whole);
	assert_true(event.length == 0x80000102);
}

static void a_prefix_is_written_as_it_is_read(void **state)
{
	uint8_t prefix[FR_GRPC_PREFIX_BYTES];
	struct fr_grpc_reader r = {0};
	struct fr_grpc_event event;

	(void)state;
	fr_grpc_write_prefix(prefix, 0x12345678);
	assert_int_equal(fr_grpc_read(&r, prefix, sizeof(prefix), &event), sizeof(prefix));
	assert_int_equal(event.length, 0x12345678);
	assert_false(event.is_compressed);
}

static void timeouts_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t us; /* -1: none */
	} rows[] = {{"1n", 1}, {"0n", 0}, {"1001n", 2}, {"7u", 7}, {"100m", 100000},
	    {"5S", 5000000}, {"2M", 120000000}, {"1H", 3600000000}, {"99999999H", 86400000000},
	    {"99999999n", 100000}, {"", -1}, {"5", -1}, {"S", -1}, {"5s", -1}, {"5SS", -1},
	    {"-5S", -1}, {"123456789S", -1}, {" 5S", -1}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t us = -1;

		assert_int_equal(fr_grpc_timeout(rows[i].text, &us), rows[i].us < 0 ? -EINVAL : 0);
		assert_int_equal(us, rows[i].us);
	}
}

static void sentences_are_encoded(void **state)
{
	char to[FR_GRPC_TEXT_MAX], most[400];

	(void)state;
	fr_grpc_encode_text(to, "100 % of ~ \xc3\xa9\n");
	assert_string_equal(to, "100 %25 of ~ %C3%A9%0A");
	memset(most, '\n', sizeof(most) - 1);
	most[sizeof(most) - 1] = '\0';
	fr_grpc_encode_text(to, most);
	assert_int_equal(strlen(to) % 3, 0);
	assert_in_range(strlen(to), FR_GRPC_TEXT_MAX - 6, FR_GRPC_TEXT_MAX - 1);
}

static void codes_have_a_status(void **state)
{
	static const struct {
		unsigned code;
		enum fr_grpc_status status;
	} rows[] = {{0, FR_GRPC_OK}, {400, FR_GRPC_INVALID_ARGUMENT},
	    {401, FR_GRPC_UNAUTHENTICATED}, {403, FR_GRPC_PERMISSION_DENIED},
	    {404, FR_GRPC_NOT_FOUND}, {409, FR_GRPC_ALREADY_EXISTS},
	    {413, FR_GRPC_RESOURCE_EXHAUSTED}, {415, FR_GRPC_INVALID_ARGUMENT},
	    {429, FR_GRPC_RESOURCE_EXHAUSTED}, {503, FR_GRPC_RESOURCE_EXHAUSTED}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(fr_grpc_status_of(rows[i].code, false), rows[i].status);
	assert_int_equal(fr_grpc_status_of(503, true), FR_GRPC_UNAVAILABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(messages_are_cut_wherever_the_pieces_end),
	    cmocka_unit_test(a_message_says_its_length_and_whether_it_is_compressed),
	    cmocka_unit_test(a_prefix_is_written_as_it_is_read),
	    cmocka_unit_test(timeouts_are_read),
	    cmocka_unit_test(sentences_are_encoded),
	    cmocka_unit_test(codes_have_a_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
