/* SPDX-License-Identifier: MIT */
/* A bare multipart publisher, as the reader of the frames protocol sees it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/media/wire.h"
#include "tests/support/jpeg.h"
#include "tests/support/wire_bytes.h"
#include "tests/support/wire_log.h"

enum {
	MAX = 100000,
};

static const struct fr_wire_limits limits = {.max_frame_bytes = MAX, .max_message_bytes = 1000};

struct fixture {
	struct fr_frame_pool *pool;
	struct wire_bytes in;
	struct wire_log expected;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->pool = fr_frame_pool_new(0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	const int64_t left = fr_frame_pool_frames(f->pool);

	bytes_done(&f->in);
	free(f->expected.text);
	fr_frame_pool_free(f->pool);
	free(f);
	return left == 0 ? 0 : -1;
}

#define EXPECT(f, ...) wire_log_add(&(f)->expected, __VA_ARGS__)

static void expect_frame(struct fixture *f, size_t announced, const struct fr_test_jpeg *jpeg)
{
	EXPECT(f, "BEGIN size=%zu\nFRAME size=%zu hash=%08x sequence=0 time=0 flags=0\n", announced,
	    jpeg->size, wire_log_hash(jpeg->bytes, jpeg->size));
}

static void check(struct fixture *f, const char *inside)
{
	EXPECT(f, "%s\n", inside);
	for (int split = 0; split < SPLITS; split++) {
		struct wire_log log = wire_log_read(f->pool, &limits, FR_WIRE_UNKNOWN, f->in.bytes,
		    f->in.size, (enum wire_split)split, (uint32_t)f->in.size);

		assert_string_equal(log.text, f->expected.text);
		free(log.text);
	}
	bytes_done(&f->in);
	free(f->expected.text);
	f->expected = (struct wire_log){0};
	EXPECT(f, "PUBLISHER kind=%d\n", FR_WIRE_MULTIPART);
}

/* The delimiter and the header of a part; `length` 0: without one. */
static void add_head(struct fixture *f, size_t length)
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
	struct fixture *f = *state;

	EXPECT(f, "PUBLISHER kind=%d\n", FR_WIRE_MULTIPART);
	for (unsigned i = 0; i < 4; i++) {
		struct fr_test_jpeg jpeg = fr_test_jpeg(64 + 150 * i, 48 + 100 * i, 80, i);
		const size_t length = i % 2 == 0 ? jpeg.size : 0;

		add_head(f, length);
		bytes_add(&f->in, jpeg.bytes, jpeg.size);
		bytes_add_text(&f->in, "\r\n");
		expect_frame(f, length, &jpeg);
		fr_test_jpeg_done(&jpeg);
	}
	bytes_add_text(&f->in, "--ffmpeg--\r\n");
	EXPECT(f, "END size=0 hash=811c9dc5 channel=0\n");
	check(f, "inside=0 bytes=0");
}

static void what_is_inside_is_a_header_or_a_picture_but_no_delimiter(void **state)
{
	struct fixture *f = *state;
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 80, 1);

	EXPECT(f, "PUBLISHER kind=%d\n", FR_WIRE_MULTIPART);
	bytes_add_text(&f->in, "--b\r\n");
	check(f, "inside=0 bytes=0");
	bytes_add_text(&f->in, "--b\r\nContent");
	check(f, "inside=1 bytes=7");
	bytes_add_text(&f->in, "--b\r\nContent-Length: 100\r\n\r\n");
	check(f, "inside=0 bytes=0");
	bytes_add_text(&f->in, "--b\r\nContent-Length: 100\r\n\r\n\xff");
	EXPECT(f, "BEGIN size=100\n");
	check(f, "inside=1 bytes=1");

	add_head(f, 0);
	bytes_add(&f->in, jpeg.bytes, jpeg.size);
	bytes_add_text(&f->in, "\r\n--ffmpeg\r\n");
	expect_frame(f, 0, &jpeg);
	check(f, "inside=0 bytes=0");
	fr_test_jpeg_done(&jpeg);
}

static void empty_parts_are_no_pictures(void **state)
{
	struct fixture *f = *state;

	EXPECT(f, "PUBLISHER kind=%d\n", FR_WIRE_MULTIPART);
	bytes_add_text(&f->in, "--b\r\nContent-Length: 0\r\n\r\n\r\n--b\r\n\r\n--b\r\n");
	check(f, "inside=0 bytes=0");
}

static void parts_that_are_no_jpegs_are_refused(void **state)
{
	struct fixture *f = *state;

	EXPECT(f, "PUBLISHER kind=%d\n", FR_WIRE_MULTIPART);
	bytes_add_text(&f->in, "--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b\r\n");
	EXPECT(f,
	    "BEGIN size=0\nBAD reason=%d a picture must be a JPEG and begin with FF D8; this one "
	    "begins "
	    "with 68 65\n",
	    FR_REASON_not_jpeg);
	check(f, "inside=0 bytes=0");
	bytes_add_text(&f->in, "--b\r\n\r\nx--b\r\n");
	EXPECT(f,
	    "BEGIN size=0\nBAD reason=%d a picture must be a JPEG and begin with FF D8; this one "
	    "is the "
	    "byte 78\n",
	    FR_REASON_not_jpeg);
	check(f, "inside=0 bytes=0");
}

static void parts_over_the_limit_are_refused(void **state)
{
	struct fixture *f = *state;
	struct fr_test_jpeg jpeg = fr_test_jpeg(64, 48, 80, 1);
	uint8_t *zeros = calloc(1, MAX);

	EXPECT(f, "PUBLISHER kind=%d\n", FR_WIRE_MULTIPART);
	add_head(f, MAX + 1);
	EXPECT(f, "BAD reason=%d Content-Length 100001 is over the limit of 100000\n",
	    FR_REASON_length_over_max);
	check(f, "inside=0 bytes=0");

	add_head(f, 0);
	bytes_add(&f->in, jpeg.bytes, jpeg.size - 2);
	bytes_add(&f->in, zeros, MAX);
	EXPECT(f,
	    "BEGIN size=0\nBAD reason=%d a picture is longer than the limit of 100000 bytes\n",
	    FR_REASON_length_over_max);
	check(f, "inside=0 bytes=0");
	free(zeros);
	fr_test_jpeg_done(&jpeg);
}

static void what_cannot_be_cut_is_refused(void **state)
{
	struct fixture *f = *state;

	EXPECT(f, "PUBLISHER kind=%d\n", FR_WIRE_MULTIPART);
	bytes_add_text(&f->in, "-----\r\n");
	EXPECT(f, "BAD reason=%d the first line is no delimiter of a multipart body\n",
	    FR_REASON_bad_multipart);
	check(f, "inside=0 bytes=0");
}

static void a_part_without_memory_is_skipped(void **state)
{
	struct fixture *f = *state;
	struct fr_test_jpeg large = fr_test_jpeg_sized(50000, 1);
	struct fr_test_jpeg small = fr_test_jpeg(64, 48, 80, 2);

	fr_frame_pool_set_budget(f->pool, 20000);
	EXPECT(f, "PUBLISHER kind=%d\n", FR_WIRE_MULTIPART);
	add_head(f, large.size);
	bytes_add(&f->in, large.bytes, large.size);
	add_head(f, small.size);
	bytes_add(&f->in, small.bytes, small.size);
	EXPECT(f, "BEGIN size=50000\nSKIPPED size=50000\n");
	expect_frame(f, small.size, &small);
	check(f, "inside=0 bytes=0");
	fr_test_jpeg_done(&large);
	fr_test_jpeg_done(&small);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
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
