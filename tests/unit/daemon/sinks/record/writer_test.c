/* SPDX-License-Identifier: MIT */
/* The writer against a disk that is full, and the numbers of a recording. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/media/frame.h"
#include "daemon/sinks/record/numbers.h"
#include "daemon/sinks/record/writer.h"

enum {
	SIZE = 5000,
};

struct bed {
	struct fr_frame_pool *pool;
	struct fr_frame *frame;
	char path[200];
	char folder[64];
};

static int setup(void **state)
{
	static const struct fr_frame_info info = {
	    .type = FR_FRAME_PICTURE, .sequence = 7, .captured_us = 1795250411000000};
	struct bed *b = calloc(1, sizeof(*b));
	uint8_t bytes[SIZE];

	memset(bytes, 'x', sizeof(bytes));
	b->pool = fr_frame_pool_new(0);
	b->frame = fr_frame_copy(b->pool, bytes, SIZE, &info);
	(void)snprintf(b->folder, sizeof(b->folder), "/tmp/framerelayd-test-XXXXXX");
	assert_non_null(mkdtemp(b->folder));
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bed *b = *state;

	fr_frame_unref(b->frame);
	fr_frame_pool_free(b->pool);
	(void)rmdir(b->folder);
	free(b);
	return 0;
}

static struct fr_writer *writer(struct bed *b, const char *name)
{
	struct fr_writer_spec spec = {.timestamps = "", .output_fd = -1, .cancel_fd = -1};
	struct fr_cause why;

	(void)snprintf(b->path, sizeof(b->path), "%s/%s", b->folder, name);
	spec.output = b->path;
	assert_int_equal(fr_name_check(b->path, &spec.kind, &why), 0);
	return fr_writer_new(&spec);
}

/* As a full disk does, a limit of the size of files ends a write in the middle. */
static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void half_a_picture_is_never_left_in_a_row_of_pictures(void **state)
{
	struct bed *b = *state;
	struct fr_writer *w = writer(b, "row.mjpeg");
	struct fr_cause why = {""};
	struct stat st;

	assert_int_equal(fr_writer_write(w, b->frame, &why), 0);
	limit_files(SIZE + SIZE / 2);
	assert_int_equal(fr_writer_write(w, b->frame, &why), -EFBIG);
	assert_non_null(strstr(why.text, "row.mjpeg"));
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_size, SIZE);

	limit_files(RLIM_INFINITY);
	assert_int_equal(fr_writer_write(w, b->frame, &why), 0);
	assert_int_equal(stat(b->path, &st), 0);
	assert_int_equal(st.st_size, 2 * SIZE);
	fr_writer_free(w);
	assert_int_equal(unlink(b->path), 0);
}

static void half_a_file_never_appears(void **state)
{
	struct bed *b = *state;
	struct fr_writer *w = writer(b, "%n.jpg");
	struct fr_cause why = {""};

	limit_files(SIZE / 2);
	assert_int_equal(fr_writer_write(w, b->frame, &why), -EFBIG);
	limit_files(RLIM_INFINITY);
	assert_int_equal(rmdir(b->folder), 0); /* nothing is left, not even hidden */
	fr_writer_free(w);
}

static void a_full_device_is_an_error_with_its_name(void **state)
{
	struct bed *b = *state;
	struct fr_writer_spec spec = {
	    .output = "-", .kind = FR_NAME_OUTPUT, .timestamps = "", .cancel_fd = -1};
	struct fr_cause why = {""};
	struct fr_writer *w;

	spec.output_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(spec.output_fd >= 0);
	w = fr_writer_new(&spec);
	assert_int_equal(fr_writer_write(w, b->frame, &why), -ENOSPC);
	assert_non_null(strstr(why.text, "standard output"));
	fr_writer_free(w);
	assert_int_equal(close(spec.output_fd), 0);
}

static void a_write_that_waits_for_its_reader_can_be_given_up(void **state)
{
	struct bed *b = *state;
	struct fr_writer_spec spec = {.output = "-", .kind = FR_NAME_OUTPUT, .timestamps = ""};
	struct fr_cause why;
	struct fr_writer *w;
	int out[2], cancel[2];

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(cancel, O_CLOEXEC), 0);
	assert_int_equal(write(cancel[1], "x", 1), 1);
	spec.output_fd = out[1];
	spec.cancel_fd = cancel[0];
	w = fr_writer_new(&spec);
	assert_int_equal(fr_writer_write(w, b->frame, &why), -ECANCELED);
	fr_writer_free(w);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(close(out[i]), 0);
		assert_int_equal(close(cancel[i]), 0);
	}
}

static void the_numbers_of_a_second_are_one_line(void **state)
{
	static struct fr_numbers numbers;
	char line[300] = "";
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	fr_numbers_init(&numbers, "cam", fds[1], 1000000);
	for (int i = 1; i <= 100; i++)
		fr_numbers_add(&numbers, 20000, i * 1000);
	fr_numbers_print(&numbers, 5, 3000000);
	assert_true(read(fds[0], line, sizeof(line) - 1) > 0);
	assert_string_equal(line,
	    "cam: 50.0 pictures/s  1.00 MB/s  age p50 51 ms, p99 99 ms  dropped 5"
	    "  in all 100\n");

	/* A second without pictures has no ages. */
	memset(line, 0, sizeof(line));
	fr_numbers_print(&numbers, 5, 4000000);
	assert_true(read(fds[0], line, sizeof(line) - 1) > 0);
	assert_string_equal(line, "cam: 0.0 pictures/s  0.00 MB/s  dropped 5  in all 100\n");
	assert_int_equal(close(fds[0]), 0);
	assert_int_equal(close(fds[1]), 0);
	(void)state;
}

/* Writes over the limit, and to a pipe without a reader, are errors here and not signals. */
static int without_signals(void **state)
{
	(void)state;
	return signal(SIGXFSZ, SIG_IGN) == SIG_ERR || signal(SIGPIPE, SIG_IGN) == SIG_ERR;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
	        half_a_picture_is_never_left_in_a_row_of_pictures, setup, teardown),
	    cmocka_unit_test_setup_teardown(half_a_file_never_appears, setup, teardown),
	    cmocka_unit_test_setup_teardown(
	        a_full_device_is_an_error_with_its_name, setup, teardown),
	    cmocka_unit_test_setup_teardown(
	        a_write_that_waits_for_its_reader_can_be_given_up, setup, teardown),
	    cmocka_unit_test(the_numbers_of_a_second_are_one_line),
	};

	return cmocka_run_group_tests(tests, without_signals, NULL);
}
