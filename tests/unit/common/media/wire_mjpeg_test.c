/* SPDX-License-Identifier: MIT */
/* A publisher of bare JPEGs, one after the other without lengths: where each picture ends. */
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
};

static const struct fr_wire_limits limits = {.max_frame_bytes = MAX, .max_message_bytes = 1000};

static int setup(void **state)
{
	const int r = wire_case_setup(state);

	((struct wire_case *)*state)->limits = limits;
	return r;
}

static void bare_jpegs_are_cut_with_padding_between_them(void **state)
{
	struct wire_case *f = *state;

	EXPECT(f, "PUBLISHER kind=%d\n", FR_WIRE_MJPEG);
	for (unsigned i = 0; i < 4; i++) {
		struct fr_test_jpeg jpeg = fr_test_jpeg(320, 240, 85, i);

		bytes_add(&f->in, jpeg.bytes, jpeg.size);
		bytes_add(&f->in, "\0\r\n\xff\xff", i + 1);
		expect_frame(f, 0, jpeg.bytes, jpeg.size);
		fr_test_jpeg_done(&jpeg);
	}
	check(f, FR_WIRE_UNKNOWN);
}

static void an_end_mark_inside_a_comment_does_not_cut_a_bare_jpeg(void **state)
{
	struct wire_case *f = *state;
	struct fr_test_jpeg jpeg =
	    fr_test_jpeg_comment(64, 48, 80, "\xff\xd9 \xff\xd8 thumbnail \xff\xd9", 17);

	bytes_add(&f->in, jpeg.bytes, jpeg.size);
	expect_frame(f, 0, jpeg.bytes, jpeg.size);
	check(f, FR_WIRE_MJPEG);
	fr_test_jpeg_done(&jpeg);
}

static void a_bare_jpeg_that_was_cut_short_ends_where_the_next_begins(void **state)
{
	struct wire_case *f = *state;
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 80, 1);

	bytes_add(&f->in, jpeg.bytes, jpeg.size - 100);
	bytes_add(&f->in, jpeg.bytes, jpeg.size);
	expect_frame(f, 0, jpeg.bytes, jpeg.size - 100);
	expect_frame(f, 0, jpeg.bytes, jpeg.size);
	check(f, FR_WIRE_MJPEG);
	fr_test_jpeg_done(&jpeg);
}

static void what_is_no_picture_between_bare_jpegs_is_refused(void **state)
{
	struct wire_case *f = *state;

	bytes_add(&f->in, "\0\0x", 3);
	EXPECT(f, "BAD reason=%d where the next picture should begin with FF D8 came 78\n",
	    FR_REASON_not_jpeg);
	check(f, FR_WIRE_MJPEG);

	bytes_add(&f->in, "\xff\xd7", 2);
	EXPECT(f, "BAD reason=%d where the next picture should begin with FF D8 came FF D7\n",
	    FR_REASON_not_jpeg);
	check(f, FR_WIRE_MJPEG);

	bytes_add(&f->in, "\xff\xd8\xff\x02", 4);
	EXPECT(f,
	    "BEGIN size=0\nBAD reason=%d a picture is damaged at byte 3: its end cannot be found\n",
	    FR_REASON_not_jpeg);
	check(f, FR_WIRE_MJPEG);
}

static void endless_padding_is_refused(void **state)
{
	struct wire_case *f = *state;
	static const uint8_t zeros[65537];

	bytes_add(&f->in, zeros, 65536);
	check(f, FR_WIRE_MJPEG);

	bytes_add(&f->in, zeros, 65537);
	EXPECT(f, "BAD reason=%d more than 65536 bytes of padding between two pictures\n",
	    FR_REASON_not_jpeg);
	check(f, FR_WIRE_MJPEG);
}

/* A picture whose entropy-coded data goes on to `size` bytes before EOI. */
static void add_long_jpeg(struct wire_case *f, size_t size)
{
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 80, 1);
	uint8_t *zeros = calloc(1, size);

	bytes_add(&f->in, jpeg.bytes, jpeg.size - 2);
	bytes_add(&f->in, zeros, size - jpeg.size);
	bytes_add(&f->in, "\xff\xd9", 2);
	free(zeros);
	fr_test_jpeg_done(&jpeg);
}

static void a_bare_jpeg_may_have_the_most_bytes_and_not_one_more(void **state)
{
	struct wire_case *f = *state;

	add_long_jpeg(f, MAX);
	expect_frame(f, 0, f->in.bytes, MAX);
	check(f, FR_WIRE_MJPEG);

	add_long_jpeg(f, MAX + 1);
	EXPECT(f, "BEGIN size=0\nBAD reason=%d a picture is longer than the limit of %u bytes\n",
	    FR_REASON_length_over_max, MAX);
	check(f, FR_WIRE_MJPEG);
}

static void a_bare_jpeg_under_way_is_inside(void **state)
{
	struct wire_case *f = *state;
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 80, 1);

	bytes_add(&f->in, jpeg.bytes, 100);
	EXPECT(f, "BEGIN size=0\n");
	check_inside(f, FR_WIRE_MJPEG, 100);
	fr_test_jpeg_done(&jpeg);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, wire_case_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(bare_jpegs_are_cut_with_padding_between_them),
	    TEST(an_end_mark_inside_a_comment_does_not_cut_a_bare_jpeg),
	    TEST(a_bare_jpeg_that_was_cut_short_ends_where_the_next_begins),
	    TEST(what_is_no_picture_between_bare_jpegs_is_refused),
	    TEST(endless_padding_is_refused),
	    TEST(a_bare_jpeg_may_have_the_most_bytes_and_not_one_more),
	    TEST(a_bare_jpeg_under_way_is_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
