/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "common/media/base64.h"
#include "common/media/frame.h"

static void bytes_become_text_and_bytes_again(void **state)
{
	static const char *const rows[][2] = {{"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
	    {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
	    {"\xfb\xff\xbf", "+/+/"}, {"", ""}};
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	uint8_t text[16];
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fr_frame *frame =
		    fr_base64_encode(pool, (const uint8_t *)rows[i][0], strlen(rows[i][0]), &size);

		assert_non_null(frame);
		assert_int_equal(size, strlen(rows[i][1]));
		assert_memory_equal(fr_frame_room(frame), rows[i][1], size);
		memcpy(text, rows[i][1], size);
		assert_int_equal(fr_base64_decode(text, size, &size), 0);
		assert_int_equal(size, strlen(rows[i][0]));
		assert_memory_equal(text, rows[i][0], size);
		fr_frame_unref(frame);
	}
	fr_frame_pool_free(pool);
}

static void what_is_no_base64_is_refused(void **state)
{
	static const char *const rows[] = {
	    "Zg=", "Zg", "Zg=a", "Z\n==", "Z===", "-_-_", "Zm9v\n", "Zm=v", "@@@@", "[[[[", "{{{{"};
	uint8_t text[16];
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(text, rows[i], strlen(rows[i]));
		assert_int_equal(fr_base64_decode(text, strlen(rows[i]), &size), -EINVAL);
	}
}

static void without_room_there_is_none(void **state)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(100);
	size_t size;

	(void)state;
	assert_null(fr_base64_encode(pool, (const uint8_t *)"foo", 3, &size));
	assert_null(fr_base64_encode(pool, (const uint8_t *)"foo", SIZE_MAX / 2, &size));
	fr_frame_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_become_text_and_bytes_again),
	    cmocka_unit_test(what_is_no_base64_is_refused),
	    cmocka_unit_test(without_room_there_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
