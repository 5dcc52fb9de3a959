/* SPDX-License-Identifier: MIT */
/* Pictures without Huffman tables, as USB cameras make them, get the standard ones; others are left alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/stats.h"
#include "common/media/jpeg_decode.h"
#include "common/media/jpeg_huffman.h"
#include "tests/support/jpeg.h"

/* Takes every DHT segment out of the header. @return the new size */
static size_t without_tables(uint8_t *jpeg, size_t size)
{
	size_t at = 2;

	while (jpeg[at + 1] != 0xDA) {
		const size_t length = 2 + ((size_t)jpeg[at + 2] << 8 | jpeg[at + 3]);

		if (jpeg[at + 1] == 0xC4) {
			memmove(jpeg + at, jpeg + at + length, size - at - length);
			size -= length;
		} else {
			at += length;
		}
	}
	return size;
}

static void the_standard_tables_make_it_whole_again(void **state)
{
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 80, 1);
	const struct fr_jpeg_decode_limits limits = {0};
	const size_t size = without_tables(jpeg.bytes, jpeg.size);
	const size_t gap = fr_jpeg_huffman_gap(jpeg.bytes, size);
	uint8_t *whole = malloc(size + FR_JPEG_HUFFMAN_BYTES);
	enum fr_reason reason;
	struct fr_cause why;

	(void)state;
	assert_true(size < jpeg.size);
	assert_int_not_equal(gap, 0);
	assert_int_equal(jpeg.bytes[gap + 1], 0xDA);
	memcpy(whole, jpeg.bytes, gap);
	memcpy(whole + gap, fr_jpeg_huffman, FR_JPEG_HUFFMAN_BYTES);
	memcpy(whole + gap + FR_JPEG_HUFFMAN_BYTES, jpeg.bytes + gap, size - gap);
	assert_int_equal(
	    fr_jpeg_decode_check(whole, size + FR_JPEG_HUFFMAN_BYTES, &limits, &reason, &why), 0);
	assert_int_equal(fr_jpeg_huffman_gap(whole, size + FR_JPEG_HUFFMAN_BYTES), 0);
	free(whole);
	fr_test_jpeg_done(&jpeg);
}

static void what_has_tables_is_left_alone(void **state)
{
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 80, 1);

	(void)state;
	assert_int_equal(fr_jpeg_huffman_gap(jpeg.bytes, jpeg.size), 0);
	fr_test_jpeg_done(&jpeg);
}

static void what_is_cut_or_no_such_jpeg_is_left_alone(void **state)
{
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 80, 1);
	const size_t size = without_tables(jpeg.bytes, jpeg.size);
	const size_t gap = fr_jpeg_huffman_gap(jpeg.bytes, size);
	static const struct {
		uint8_t bytes[24];
		size_t size, gap;
	} rows[] = {
	    {{0xFF, 0xD8}, 2, 0},
	    {{0x00, 0xD8, 0xFF, 0xDA}, 4, 0},
	    {{0xFF, 0x00, 0xFF, 0xDA}, 4, 0},
	    {{0xFF, 0xD8, 0x00, 0xDA, 0, 4}, 6, 0},
	    {{0xFF, 0xD8, 0xFF, 0xDA, 0, 4}, 6, 0}, /* no frame header */
	    {{0xFF, 0xD8, 0xFF, 0xC0, 0, 2, 0xFF, 0xDA, 0, 4}, 10, 6},
	    {{0xFF, 0xD8, 0xFF, 0xC1, 0, 2, 0xFF, 0xDA, 0, 4}, 10, 6},
	    {{0xFF, 0xD8, 0xFF, 0xC2, 0, 2, 0xFF, 0xDA, 0, 4}, 10, 0},       /* progressive */
	    {{0xFF, 0xD8, 0xFF, 0xC0, 0, 2, 0xFF, 0xFF, 0xDA, 0, 4}, 11, 7}, /* a fill byte */
	    {{0xFF, 0xD8, 0xFF, 0xC0, 0, 1, 0xFF, 0xDA, 0, 4}, 10, 0},
	    {{0xFF, 0xD8, 0xFF, 0xC0, 0, 9, 0xFF, 0xDA, 0, 4}, 10, 0},
	    {{0xFF, 0xD8, 0xFF, 0xC0, 0, 2, 0xFF, 0xD9, 0, 4}, 10, 0},
	    {{0xFF, 0xD8, 0xFF, 0xC0, 0, 2, 0xFF, 0xD0, 0, 4}, 10, 0},
	    {{0xFF, 0xD8, 0xFF, 0xC0, 0, 2, 0xFF, 0x01, 0, 4}, 10, 0},
	    {{0xFF, 0xD8, 0xFF, 0xFF, 0xFF, 0xFF, 0xE0}, 7, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (fr_jpeg_huffman_gap(rows[i].bytes, rows[i].size) != rows[i].gap)
			fail_msg(
			    "row %zu: %zu", i, fr_jpeg_huffman_gap(rows[i].bytes, rows[i].size));
	for (size_t i = 0; i < gap + 4; i++)
		assert_int_equal(fr_jpeg_huffman_gap(jpeg.bytes, i), 0);
	fr_test_jpeg_done(&jpeg);
}

static void padding_is_cut_where_it_is_padding(void **state)
{
	static const uint8_t padded[] = {0xFF, 0xD8, 1, 0xFF, 0xD9, 0, 0, 0};
	static const uint8_t cut[] = {0xFF, 0xD8, 1, 0, 0, 0};
	static const uint8_t nothing[4] = {0};

	(void)state;
	assert_int_equal(fr_jpeg_unpadded(padded, 8), 5);
	assert_int_equal(fr_jpeg_unpadded(padded, 5), 5);
	assert_int_equal(fr_jpeg_unpadded(cut, 6), 6);
	assert_int_equal(fr_jpeg_unpadded(nothing, 4), 4);
	assert_int_equal(fr_jpeg_unpadded(nothing, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_standard_tables_make_it_whole_again),
	    cmocka_unit_test(what_has_tables_is_left_alone),
	    cmocka_unit_test(what_is_cut_or_no_such_jpeg_is_left_alone),
	    cmocka_unit_test(padding_is_cut_where_it_is_padding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
