/* SPDX-License-Identifier: MIT */
/* The marker walk: what is a JPEG by its structure, and where it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/media/jpeg_info.h"
#include "tests/support/jpeg.h"
#include "tests/support/wire_bytes.h"

#define SOI                        "\xff\xd8"
#define EOI                        "\xff\xd9"
#define SOF(marker, height, width) "\xff" marker "\x00\x0b\x08" height width "\x01\x01\x11\x00"
#define SOS                        "\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00"

/* A literal with its length, zeros inside included. */
#define BYTES(literal) literal, sizeof(literal) - 1

static int read_info(const char *bytes, size_t size, struct fr_jpeg_info *ret, struct fr_cause *why)
{
	/* In memory of just that size, so that one byte read too many is seen. */
	uint8_t *copy = malloc(size == 0 ? 1 : size);
	int err;

	memcpy(copy, bytes, size);
	err = fr_jpeg_info_read(copy, size, ret, why);
	free(copy);
	return err;
}

static void assert_good(const char *bytes, size_t size, unsigned width, unsigned height)
{
	struct fr_jpeg_info info;
	struct fr_cause why = {"no reason"};

	if (read_info(bytes, size, &info, &why) != 0)
		fail_msg("refused: %s", why.text);
	assert_int_equal(info.width, width);
	assert_int_equal(info.height, height);
}

static void assert_bad(const char *bytes, size_t size, const char *sentence)
{
	struct fr_jpeg_info info;
	struct fr_cause why = {""};

	assert_true(read_info(bytes, size, &info, &why) < 0);
	assert_string_equal(why.text, sentence);
	assert_true(read_info(bytes, size, &info, NULL) < 0);
}

/* --- Whole pictures --------------------------------------------------------------------------- */

static void a_real_picture_is_judged_good(void **state)
{
	struct fr_test_jpeg jpeg = fr_test_jpeg(641, 479, 80, 5);
	struct fr_jpeg_info info;

	assert_int_equal(fr_jpeg_info_read(jpeg.bytes, jpeg.size, &info, NULL), 0);
	assert_int_equal(info.width, 641);
	assert_int_equal(info.height, 479);
	assert_int_equal(info.components, 3);
	assert_false(info.progressive);
	fr_test_jpeg_done(&jpeg);
	(void)state;
}

static void every_kind_of_frame_header_counts(void **state)
{
	static const char kinds[] = "\xc0\xc1\xc2\xc3\xc5\xc6\xc7\xc9\xca\xcb\xcd\xce\xcf";

	for (size_t i = 0; i < sizeof(kinds) - 1; i++) {
		char jpeg[] = SOI SOF("\xc0", "\x00\x08", "\x00\x10") SOS EOI;
		struct fr_jpeg_info info;

		jpeg[3] = kinds[i];
		assert_good(jpeg, sizeof(jpeg) - 1, 16, 8);
		(void)read_info(jpeg, sizeof(jpeg) - 1, &info, NULL);
		assert_int_equal(info.progressive, strchr("\xc2\xc6\xca\xce", kinds[i]) != NULL);
	}
	(void)state;
}

static void a_header_that_claims_65500_pixels_a_side_is_only_read(void **state)
{
	assert_good(BYTES(SOI SOF("\xc0", "\xff\xdc", "\xff\xdc") SOS EOI), 65500, 65500);
	assert_good(BYTES(SOI SOF("\xc2", "\xff\xff", "\xff\xff") SOS EOI), 65535, 65535);
	(void)state;
}

static void bytes_behind_the_end_and_marks_inside_a_comment_are_fine(void **state)
{
	struct fr_test_jpeg jpeg =
	    fr_test_jpeg_comment(64, 48, 80, BYTES("\xff\xd8\xff\xd9 thumbnail \xff\xd9"));
	struct wire_bytes in = {0};
	static const uint8_t zeros[5000];

	bytes_add(&in, jpeg.bytes, jpeg.size);
	assert_good((char *)in.bytes, in.size, 64, 48);
	bytes_add(&in, zeros, 4094);
	assert_good((char *)in.bytes, in.size, 64, 48);
	bytes_add(&in, zeros, 1);
	assert_bad((char *)in.bytes, in.size, "it is cut short: no FF D9 in its last 4096 bytes");

	in.size = 0;
	bytes_add(&in, jpeg.bytes, jpeg.size);
	bytes_add(&in, jpeg.bytes, jpeg.size);
	assert_good((char *)in.bytes, in.size, 64, 48);
	bytes_done(&in);
	fr_test_jpeg_done(&jpeg);
	(void)state;
}

static void missing_tables_are_no_matter_of_structure(void **state)
{
	assert_good(BYTES(SOI SOF("\xc0", "\x00\x08", "\x00\x08") SOS EOI), 8, 8);
	(void)state;
}

static void fill_bytes_and_markers_without_length_are_passed_over(void **state)
{
	assert_good(BYTES(SOI "\xff\xff\xff\x01\xff\xd0" SOF(
	                "\xc0", "\x00\x08", "\x00\x08") "\xff" SOS EOI),
	    8, 8);
	(void)state;
}

static void the_first_frame_header_counts(void **state)
{
	assert_good(BYTES(SOI SOF("\xc0", "\x00\x08", "\x00\x08")
	                    SOF("\xc0", "\x00\x10", "\x00\x10") SOS EOI),
	    8, 8);
	(void)state;
}

static void what_is_no_jpeg_is_refused_with_a_sentence(void **state)
{
	assert_bad(BYTES(""), "it does not begin with FF D8");
	assert_bad(BYTES("\xff"), "it does not begin with FF D8");
	assert_bad(BYTES("GIF89a"), "it does not begin with FF D8");
	assert_bad(BYTES(SOI), "it is cut short in its header");
	assert_bad(BYTES(SOI "\xff"), "it is cut short in its header");
	assert_bad(BYTES(SOI "\xff\xff"), "it is cut short in its header");
	assert_bad(BYTES(SOI "\x00"), "a marker is missing at byte 2");
	assert_bad(BYTES(SOI EOI), "marker FF D9 at byte 2 is out of place");
	assert_bad(BYTES(SOI SOI), "marker FF D8 at byte 2 is out of place");
	assert_bad(BYTES(SOI "\xff\x00"), "marker FF 00 at byte 2 is out of place");
	assert_bad(BYTES(SOI "\xff\xc8\x00\x02"), "marker FF C8 at byte 2 is out of place");
	assert_bad(BYTES(SOI "\xff\x40\x00\x02"), "marker FF 40 at byte 2 is out of place");
	(void)state;
}

static void segments_that_are_cut_short_are_refused(void **state)
{
	assert_bad(BYTES(SOI "\xff\xfe"), "segment FF FE at byte 2 is cut short");
	assert_bad(BYTES(SOI "\xff\xfe\x00"), "segment FF FE at byte 2 is cut short");
	assert_bad(BYTES(SOI "\xff\xfe\x00\x01"), "segment FF FE at byte 2 is cut short");
	assert_bad(BYTES(SOI "\xff\xfe\x00\x03"), "segment FF FE at byte 2 is cut short");
	assert_bad(BYTES(SOI "\xff\xfe\x00\x03x"), "it is cut short in its header");
	(void)state;
}

static void frame_headers_that_cannot_be_are_refused(void **state)
{
	assert_bad(BYTES(SOI SOF("\xc0", "\x00\x00", "\x00\x08") SOS EOI),
	    "its frame header says 8x0 pixels");
	assert_bad(BYTES(SOI SOF("\xc0", "\x00\x08", "\x00\x00") SOS EOI),
	    "its frame header says 0x8 pixels");
	assert_bad(
	    BYTES(SOI "\xff\xc0\x00\x07\x08\x00\x08\x00\x08"), "its frame header has only 7 bytes");
	assert_bad(BYTES(SOI "\xff\xc0\x00\x08\x08\x00\x08\x00\x08\x00"),
	    "its frame header says 0 components, not 1..4");
	assert_bad(BYTES(SOI "\xff\xc0\x00\x08\x08\x00\x08\x00\x08\x05"),
	    "its frame header says 5 components, not 1..4");
	assert_bad(BYTES(SOI "\xff\xc0\x00\x0b\x08\x00\x08\x00\x08\x03\x01\x11\x00"),
	    "its frame header has only 11 bytes");
	(void)state;
}

static void scan_headers_that_cannot_be_are_refused(void **state)
{
	assert_bad(BYTES(SOI SOS EOI), "it has no frame header");
	assert_bad(BYTES(SOI SOF("\xc0", "\x00\x08", "\x00\x08") "\xff\xda\x00\x02" EOI),
	    "its scan header is damaged");
	assert_bad(
	    BYTES(SOI SOF("\xc0", "\x00\x08", "\x00\x08") "\xff\xda\x00\x06\x00\x00\x3f\x00" EOI),
	    "its scan header is damaged");
	assert_bad(BYTES(SOI SOF(
	               "\xc0", "\x00\x08", "\x00\x08") "\xff\xda\x00\x07\x01\x01\x00\x00\x3f" EOI),
	    "its scan header is damaged");
	assert_bad(BYTES(SOI SOF("\xc0", "\x00\x08",
	               "\x00\x08") "\xff\xda\x00\x08\x05\x01\x00\x00\x3f\x00" EOI),
	    "its scan header is damaged");
	(void)state;
}

static void an_end_mark_before_the_picture_data_does_not_count(void **state)
{
	assert_bad(BYTES(SOI "\xff\xfe\x00\x04" EOI SOF("\xc0", "\x00\x08", "\x00\x08") SOS "data"),
	    "it is cut short: no FF D9 in its last 4 bytes");
	assert_bad(BYTES(SOI SOF("\xc0", "\x00\x08", "\x00\x08") SOS),
	    "it is cut short: no FF D9 in its last 0 bytes");
	(void)state;
}

static void every_cut_of_a_real_picture_is_refused(void **state)
{
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 80, 5);

	for (size_t size = 0; size < jpeg.size; size++) {
		struct fr_jpeg_info info;

		assert_true(read_info((char *)jpeg.bytes, size, &info, NULL) < 0);
	}
	fr_test_jpeg_done(&jpeg);
	(void)state;
}

static void a_header_that_never_ends_is_given_up(void **state)
{
	struct wire_bytes in = {0};

	bytes_add(&in, BYTES(SOI));
	for (unsigned i = 0; i < 70000; i++)
		bytes_add(&in, BYTES("\xff"));
	assert_bad((char *)in.bytes, in.size, "its header does not end");

	in.size = 2;
	for (unsigned i = 0; i < 70000; i++)
		bytes_add(&in, BYTES("\xff\xfe\x00\x02"));
	assert_bad((char *)in.bytes, in.size, "its header does not end");
	bytes_done(&in);
	(void)state;
}

/* --- The walk --------------------------------------------------------------------------------- */

struct walked {
	enum fr_jpeg_step step;
	size_t taken;
};

static struct walked walk_in_pieces(const char *bytes, size_t size, size_t piece)
{
	struct fr_jpeg_walk walk = {0};
	struct walked walked = {.step = FR_JPEG_MORE};

	while (walked.taken < size && walked.step == FR_JPEG_MORE) {
		const size_t left = size - walked.taken;
		size_t taken;

		walked.step = fr_jpeg_walk_feed(&walk, (const uint8_t *)bytes + walked.taken,
		    left < piece ? left : piece, &taken);
		walked.taken += taken;
	}
	return walked;
}

static void assert_walk(const char *bytes, size_t size, enum fr_jpeg_step step, size_t taken)
{
	for (size_t piece = 1; piece <= size; piece = piece < 5 ? piece + 1 : 2 * piece) {
		struct walked walked = walk_in_pieces(bytes, size, piece);

		assert_int_equal(walked.step, step);
		assert_int_equal(walked.taken, taken);
	}
	assert_int_equal(walk_in_pieces(bytes, size, size).taken, taken);
}

static void the_walk_ends_with_the_picture(void **state)
{
	struct fr_test_jpeg jpeg =
	    fr_test_jpeg_comment(200, 100, 90, BYTES("\xff\xd9\xff\xd8 inside"));
	struct wire_bytes in = {0};

	bytes_add(&in, jpeg.bytes, jpeg.size);
	bytes_add(&in, jpeg.bytes, jpeg.size);
	assert_walk((char *)in.bytes, in.size, FR_JPEG_END, jpeg.size);
	assert_walk((char *)in.bytes, jpeg.size - 1, FR_JPEG_MORE, jpeg.size - 1);
	bytes_done(&in);
	fr_test_jpeg_done(&jpeg);
	(void)state;
}

static void the_walk_passes_stuffed_bytes_restarts_and_further_scans(void **state)
{
	static const char jpeg[] =
	    SOI "\xff\xfe\x00\x02\xff\xff\x01" SOS "ab\xff\x00\xff\xd0\xff\xd7\xff\x01\xff\xff\x00"
	        "\xff\xc4\x00\x04" EOI SOS "cd\xff\x50" EOI "rest";

	assert_walk(BYTES(jpeg), FR_JPEG_END, sizeof(jpeg) - 5);
	(void)state;
}

static void the_walk_refuses_what_is_no_jpeg_at_that_byte(void **state)
{
	assert_walk(BYTES("x"), FR_JPEG_BAD, 0);
	assert_walk(BYTES("\xff\xd9"), FR_JPEG_BAD, 1);
	assert_walk(BYTES(SOI "x"), FR_JPEG_BAD, 2);
	assert_walk(BYTES(SOI "\xff\xfe\x00\x01"), FR_JPEG_BAD, 5);
	assert_walk(BYTES(SOI "\xff\xfe\x00\x03?x"), FR_JPEG_BAD, 7);
	(void)state;
}

static void a_new_beginning_inside_picture_data_says_cut(void **state)
{
	assert_walk(BYTES(SOI SOS "ab" SOI "\xff\xfe"), FR_JPEG_CUT, 16);
	(void)state;
}

static void after_an_end_or_a_cut_the_walk_goes_on_with_the_next_picture(void **state)
{
	static const char flow[] = SOI SOS "ab" EOI SOI SOS "cd" SOI SOS EOI;
	struct fr_jpeg_walk walk = {0};
	const uint8_t *at = (const uint8_t *)flow;
	size_t taken;

	assert_int_equal(fr_jpeg_walk_feed(&walk, at, sizeof(flow) - 1, &taken), FR_JPEG_END);
	at += taken;
	assert_int_equal(fr_jpeg_walk_feed(&walk, at, 18, &taken), FR_JPEG_CUT);
	at += taken;
	assert_int_equal(fr_jpeg_walk_feed(&walk, at, 12, &taken), FR_JPEG_END);
	assert_int_equal(taken, 12);
	(void)state;
}

static void the_walk_says_where_picture_data_begins(void **state)
{
	static const char jpeg[] = SOI "\xff\xfe\x00\x05xyz" SOS "data";
	struct fr_jpeg_walk walk = {0};
	size_t at = 0;

	while (!fr_jpeg_walk_in_scan(&walk)) {
		size_t taken;

		assert_int_equal(fr_jpeg_walk_feed(&walk, (const uint8_t *)jpeg + at,
		                     fr_jpeg_walk_stride(&walk), &taken),
		    FR_JPEG_MORE);
		at += taken;
	}
	assert_string_equal(jpeg + at, "data");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_real_picture_is_judged_good),
	    cmocka_unit_test(every_kind_of_frame_header_counts),
	    cmocka_unit_test(a_header_that_claims_65500_pixels_a_side_is_only_read),
	    cmocka_unit_test(bytes_behind_the_end_and_marks_inside_a_comment_are_fine),
	    cmocka_unit_test(missing_tables_are_no_matter_of_structure),
	    cmocka_unit_test(fill_bytes_and_markers_without_length_are_passed_over),
	    cmocka_unit_test(the_first_frame_header_counts),
	    cmocka_unit_test(what_is_no_jpeg_is_refused_with_a_sentence),
	    cmocka_unit_test(segments_that_are_cut_short_are_refused),
	    cmocka_unit_test(frame_headers_that_cannot_be_are_refused),
	    cmocka_unit_test(scan_headers_that_cannot_be_are_refused),
	    cmocka_unit_test(an_end_mark_before_the_picture_data_does_not_count),
	    cmocka_unit_test(every_cut_of_a_real_picture_is_refused),
	    cmocka_unit_test(a_header_that_never_ends_is_given_up),
	    cmocka_unit_test(the_walk_ends_with_the_picture),
	    cmocka_unit_test(the_walk_passes_stuffed_bytes_restarts_and_further_scans),
	    cmocka_unit_test(the_walk_refuses_what_is_no_jpeg_at_that_byte),
	    cmocka_unit_test(a_new_beginning_inside_picture_data_says_cut),
	    cmocka_unit_test(after_an_end_or_a_cut_the_walk_goes_on_with_the_next_picture),
	    cmocka_unit_test(the_walk_says_where_picture_data_begins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
