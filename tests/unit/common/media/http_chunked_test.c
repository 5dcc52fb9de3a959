/* SPDX-License-Identifier: MIT */
/* Chunked bodies, good and bad; each is read whole and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/media/http_chunked.h"

struct result {
	enum fr_http_chunked_state state;
	char body[64];
	size_t size, taken;
	const char *why;
};

static struct result read_in(const char *bytes, size_t size, size_t step)
{
	struct fr_http_chunked chunked = {0};
	struct result r = {.state = FR_HTTP_CHUNKED_MORE};

	while (r.taken < size && r.state <= FR_HTTP_CHUNKED_DATA) {
		const size_t n = size - r.taken < step ? size - r.taken : step;
		struct fr_http_chunked_event event;

		r.taken +=
		    fr_http_chunked_read(&chunked, (const uint8_t *)bytes + r.taken, n, &event);
		r.state = event.state;
		r.why = event.state == FR_HTTP_CHUNKED_BAD ? event.why : "";
		if (event.state == FR_HTTP_CHUNKED_DATA) {
			assert_true(r.size + event.size < sizeof(r.body));
			memcpy(r.body + r.size, event.bytes, event.size);
			r.size += event.size;
		}
	}
	return r;
}

static struct result outcome(const char *bytes, size_t size)
{
	const struct result whole = read_in(bytes, size, size);
	const struct result one = read_in(bytes, size, 1);

	assert_int_equal(whole.state, one.state);
	assert_int_equal(whole.taken, one.taken);
	assert_int_equal(whole.size, one.size);
	assert_memory_equal(whole.body, one.body, one.size);
	return whole;
}

static void good_bodies_are_put_together(void **state)
{
	static const struct {
		const char *bytes, *body;
	} rows[] = {
	    {"0\r\n\r\n", ""},
	    {"5\r\nhello\r\n0\r\n\r\n", "hello"},
	    {"1\r\na\r\n00A\r\n0123456789\r\n000\r\n\r\n", "a0123456789"},
	    {"b\r\n01234567890\r\n0;\ta\r\n\r\n", "01234567890"},
	    {"2;name=\"x y\"\r\nab\r\n0;last\r\n\r\n", "ab"},
	    {"2\r\nab\r\n0\r\nHost: evil\r\nAuthorization: x\r\n\r\n", "ab"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct result r = outcome(rows[i].bytes, strlen(rows[i].bytes));

		assert_int_equal(r.state, FR_HTTP_CHUNKED_END);
		assert_int_equal(r.size, strlen(rows[i].body));
		assert_memory_equal(r.body, rows[i].body, r.size);
		assert_int_equal(r.taken, strlen(rows[i].bytes));
	}
}

static void what_follows_the_body_is_left(void **state)
{
	const char text[] = "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n";

	(void)state;
	assert_int_equal(outcome(text, strlen(text)).taken, 11);
}

static void behind_the_end_nothing_is_taken(void **state)
{
	static const char text[] = "0\r\n\r\n";
	struct fr_http_chunked chunked = {0};
	struct fr_http_chunked_event event;

	(void)state;
	(void)fr_http_chunked_read(&chunked, (const uint8_t *)text, sizeof(text) - 1, &event);
	assert_int_equal(event.state, FR_HTTP_CHUNKED_END);
	assert_int_equal(fr_http_chunked_read(&chunked, (const uint8_t *)text, 5, &event), 1);
	assert_int_equal(event.state, FR_HTTP_CHUNKED_BAD);
}

static void bad_bodies_are_refused(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} rows[] = {
#define BYTES(s) s, sizeof(s) - 1
	    {BYTES("0x5\r\nhello\r\n")},
	    {BYTES("-1\r\n")},
	    {BYTES("+5\r\n")},
	    {BYTES(" 5\r\n")},
	    {BYTES("5 \r\nhello\r\n")},
	    {BYTES("\r\n")},
	    {BYTES(";x\r\n")},
	    {BYTES("g\r\n")},
	    {BYTES("5G\r\n")},
	    {BYTES("5:\r\n")},
	    {BYTES("5 ;x\r\n")},
	    {BYTES("5;\x7f\r\n")},
	    {BYTES("10000000000000000\r\n")},
	    {BYTES("0000000000000001\r\n")},
	    {BYTES("5\nhello\n")},
	    {BYTES("5\r\nhello!\r\n")},
	    {BYTES("5\r\nhello\n0\r\n")},
	    {BYTES("5\r\nhello\r0\r\n")},
	    {BYTES("5;a\0b\r\n")},
	    {BYTES("5\rX")},
	    {BYTES("0\r\nX: a\n")},
	    {BYTES("0\r\nX: \0\r\n\r\n")},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct result r = outcome(rows[i].bytes, rows[i].size);

		if (r.state != FR_HTTP_CHUNKED_BAD)
			fail_msg("row %zu was taken", i);
		assert_true(r.why[0] != '\0');
	}
}

static void extensions_and_trailers_have_their_limits(void **state)
{
	char text[8192];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "1;", 2);
	memcpy(text + 2 + 256, "\r\na\r\n0\r\n\r\n", 10);
	assert_int_equal(outcome(text, 2 + 256 + 10).state, FR_HTTP_CHUNKED_END);
	memset(text + 2, 'x', 300);
	assert_int_equal(outcome(text, 300).state, FR_HTTP_CHUNKED_BAD);
	memset(text, 'x', sizeof(text));
	memcpy(text, "0\r\n", 3);
	memcpy(text + 3 + 4096, "\r\n\r\n", 4);
	assert_int_equal(outcome(text, 3 + 4096 + 4).state, FR_HTTP_CHUNKED_END);
	memset(text + 3, 'x', 4100);
	assert_int_equal(outcome(text, 4103).state, FR_HTTP_CHUNKED_BAD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(good_bodies_are_put_together),
	    cmocka_unit_test(what_follows_the_body_is_left),
	    cmocka_unit_test(behind_the_end_nothing_is_taken),
	    cmocka_unit_test(bad_bodies_are_refused),
	    cmocka_unit_test(extensions_and_trailers_have_their_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
