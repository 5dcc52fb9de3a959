/* SPDX-License-Identifier: MIT */
/* A bare multipart publisher, as the reader of the frames protocol sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/media/wire.h"
#include "tests/support/jpeg.h"
#include "tests/support/wire_case.h"

enum {
	MAX = 100000,
};

static const struct fr_wire_limits limits = {.max_frame_bytes = MAX, .max_message_bytes = 1000};

static int setup(void **state)
{
	const int r = wire_case_setup(state);

	((struct wire_case *)*state)->limits = limits;
	return r;
}

/* What `in` gives behind the word that it is a publisher. */
static void check_publisher(struct wire_case *f, size_t inside)
{
	struct wire_log events = f->expected;

	f->expected = (struct wire_log){0};
	EXPECT(
	    f, "PUBLISHER kind=%d\n%s", FR_WIRE_MULTIPART, events.text == NULL ? "" : events.text);
	free(events.text);
	check_inside(f, FR_WIRE_UNKNOWN, inside);
}

/* The delimiter and the header of a part; `length` 0: without one. */
static void add_head(struct wire_case *f, size_t length)
{
	char text[100];

	bytes_add_text(&f->in, "--ffmpeg\r\nContent-type: image/jpeg\r\n");
	(void)snprintf(text, sizeof(text), "Content-length: %zu\r\n", length);
	if (length > 0)
		bytes_add_text(&f->in, text);
	bytes_add_text(&f->in, "\r\n");
}

static void parts_with_and_without_a_length_are_pictures(void **state)
{
	struct wire_case *f = *state;

	for (unsigned i = 0; i < 4; i++) {
		struct fr_test_jpeg jpeg = fr_test_jpeg(64 + 150 * i, 48 + 100 * i, 80, i);
		const size_t length = i % 2 == 0 ? jpeg.size : 0;

		add_head(f, length);
		bytes_add(&f->in, jpeg.bytes, jpeg.size);
		bytes_add_text(&f->in, "\r\n");
		expect_frame(f, length, jpeg.bytes, jpeg.size);
		fr_test_jpeg_done(&jpeg);
	}
	bytes_add_text(&f->in, "--ffmpeg--\r\n");
	EXPECT(f, "END size=0 hash=811c9dc5 channel=0\n");
	check_publisher(f, 0);
}

static void what_is_inside_is_a_header_or_a_picture_but_no_delimiter(void **state)
{
	struct wire_case *f = *state;
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 80, 1);

	bytes_add_text(&f->in, "--b\r\n");
	check_publisher(f, 0);
	bytes_add_text(&f->in, "--b\r\nContent");
	check_publisher(f, 7);
	bytes_add_text(&f->in, "--b\r\nContent-Length: 100\r\n\r\n");
	check_publisher(f, 0);
	bytes_add_text(&f->in, "--b\r\nContent-Length: 100\r\n\r\n\xff");
	EXPECT(f, "BEGIN size=100\n");
	check_publisher(f, 1);

	add_head(f, 0);
	bytes_add(&f->in, jpeg.bytes, jpeg.size);
	bytes_add_text(&f->in, "\r\n--ffmpeg\r\n");
	expect_frame(f, 0, jpeg.bytes, jpeg.size);
	check_publisher(f, 0);
	fr_test_jpeg_done(&jpeg);
}

static void empty_parts_are_no_pictures(void **state)
{
	struct wire_case *f = *state;

	bytes_add_text(&f->in, "--b\r\nContent-Length: 0\r\n\r\n\r\n--b\r\n\r\n--b\r\n");
	check_publisher(f, 0);
}

static void parts_that_are_no_jpegs_are_refused(void **state)
{
	struct wire_case *f = *state;

	bytes_add_text(&f->in, "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\n");
	EXPECT(f,
	    "BEGIN size=0\nBAD reason=%d a picture must be a JPEG and begin with FF D8; this one "
	    "begins "
	    "with 68 65\n",
	    FR_REASON_not_jpeg);
	check_publisher(f, 0);
	bytes_add_text(&f->in, "--b\r\n\r\nx--b\r\n");
	EXPECT(f,
	    "BEGIN size=0\nBAD reason=%d a picture must be a JPEG and begin with FF D8; this one "
	    "is the "
	    "byte 78\n",
	    FR_REASON_not_jpeg);
	check_publisher(f, 0);
}

static void parts_over_the_limit_are_refused(void **state)
{
	struct wire_case *f = *state;
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 80, 1);
	uint8_t *zeros = calloc(1, MAX);

	add_head(f, MAX + 1);
	EXPECT(f, "BAD reason=%d Content-Length 100001 is over the limit of 100000\n",
	    FR_REASON_length_over_max);
	check_publisher(f, 0);

	add_head(f, 0);
	bytes_add(&f->in, jpeg.bytes, jpeg.size - 2);
	bytes_add(&f->in, zeros, MAX);
	EXPECT(f,
	    "BEGIN size=0\nBAD reason=%d a picture is longer than the limit of 100000 bytes\n",
	    FR_REASON_length_over_max);
	check_publisher(f, 0);
	free(zeros);
	fr_test_jpeg_done(&jpeg);
}

static void what_cannot_be_cut_is_refused(void **state)
{
	struct wire_case *f = *state;

	bytes_add_text(&f->in, "-----\r\n");
	EXPECT(f, "BAD reason=%d the first line is no delimiter of a multipart body\n",
	    FR_REASON_bad_multipart);
	check_publisher(f, 0);
}

static void a_part_without_memory_is_skipped(void **state)
{
	struct wire_case *f = *state;
	struct fr_test_jpeg large = fr_test_jpeg_sized(50000, 1);
	struct fr_test_jpeg small = fr_test_jpeg(64, 48, 80, 2);

	fr_frame_pool_set_budget(f->pool, 20000);
	add_head(f, large.size);
	bytes_add(&f->in, large.bytes, large.size);
	add_head(f, small.size);
	bytes_add(&f->in, small.bytes, small.size);
	EXPECT(f, "BEGIN size=50000\nSKIPPED size=50000\n");
	expect_frame(f, small.size, small.bytes, small.size);
	check_publisher(f, 0);
	fr_test_jpeg_done(&large);
	fr_test_jpeg_done(&small);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, wire_case_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(parts_with_and_without_a_length_are_pictures),
	    TEST(what_is_inside_is_a_header_or_a_picture_but_no_delimiter),
	    TEST(empty_parts_are_no_pictures),
	    TEST(parts_that_are_no_jpegs_are_refused),
	    TEST(parts_over_the_limit_are_refused),
	    TEST(what_cannot_be_cut_is_refused),
	    TEST(a_part_without_memory_is_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
