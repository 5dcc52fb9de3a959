/* SPDX-License-Identifier: MIT */
/* The sources that make their pictures here: pattern, files, stdin. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "common/media/jpeg_info.h"
#include "common/net/loop.h"
#include "tests/support/loop_runner.h"
#include "tests/support/test_bed.h"

static void wait_for_pictures(struct fr_bed *f, unsigned count)
{
	f->near.wanted = count;
	fr_test_until(f->loop, fr_side_has_pictures, &f->near);
}

/* --- pattern ---------------------------------------------------------------------------------- */

static void pattern_sends_jpegs_of_its_size_while_somebody_watches(void **state)
{
	struct fr_bed *f = *state;
	struct fr_jpeg_info info;
	unsigned pictures;

	fr_bed_open_source(f, "pattern", "size=320x240", "fps=100", NULL);
	fr_test_turn(f->loop, 20);
	assert_int_equal(fr_stat_value(FR_STAT_frames_encoded), 0);
	fr_side_watch(&f->near);
	wait_for_pictures(f, 5);
	assert_int_equal(fr_jpeg_info_read(f->near.last, f->near.last_size, &info, NULL), 0);
	assert_int_equal(info.width, 320);
	assert_int_equal(info.height, 240);

	fr_side_unwatch(&f->near);
	fr_test_until(f->loop, fr_side_is_asleep, &f->near);
	pictures = f->near.pictures;
	fr_side_watch(&f->near);
	wait_for_pictures(f, pictures + 3);
}

static void pattern_can_be_closed_at_any_time(void **state)
{
	struct fr_bed *f = *state;

	fr_side_watch(&f->near);
	for (unsigned i = 0; i < 10; i++) {
		fr_bed_open_source(f, "pattern", "fps=1000", "on_demand=false", NULL);
		fr_test_turn(f->loop, i * 3);
		fr_bed_close_source(f);
	}
	fr_bed_open_source(f, "pattern", "fps=1000", NULL);
	wait_for_pictures(f, f->near.pictures + 1);
}

static void pattern_of_a_size_that_nobody_means_is_refused(void **state)
{
	struct fr_bed *f = *state;

	fr_bed_refuse_source(f, "pattern", "65535x16", "size=65535x16", NULL);
	fr_bed_refuse_source(f, "pattern", "at most", "size=65000x65000", NULL);
}

/* --- files ------------------------------------------------------------------------------------ */

/* Writes a picture whose number is in its comment. */
static void write_picture(struct fr_bed *f, const char *name, unsigned number)
{
	struct fr_test_jpeg jpeg = fr_test_jpeg(32, 32, 80, number);

	fr_bed_write(f, name, jpeg.bytes, jpeg.size);
	fr_test_jpeg_done(&jpeg);
}

static unsigned number_of(const struct fr_side *side)
{
	const char *at = memmem(side->last, side->last_size, "number=", 7);

	assert_non_null(at);
	return (unsigned)strtoul(at + 7, NULL, 10);
}

static void open_files(struct fr_bed *f, const char *loop)
{
	char path[300];

	(void)snprintf(path, sizeof(path), "path=%s", fr_bed_path(f, "*.jpg"));
	fr_bed_open_source(f, "files", path, "fps=100", loop, NULL);
}

static void files_are_shown_in_order_of_their_names_and_what_is_no_jpeg_is_left_out(void **state)
{
	struct fr_bed *f = *state;

	write_picture(f, "b.jpg", 2);
	write_picture(f, "a.jpg", 1);
	write_picture(f, "d.jpg", 3);
	fr_bed_write(f, "c.jpg", "this is text", 12);
	fr_bed_write(f, "e.jpg", "", 0);
	assert_int_equal(mkfifo(fr_bed_path(f, "f.jpg"), 0600), 0);
	assert_int_equal(mkdir(fr_bed_path(f, "g.jpg"), 0700), 0);
	open_files(f, "loop=true");
	fr_side_watch(&f->near);

	for (unsigned i = 0; i < 7; i++) {
		wait_for_pictures(f, i + 1);
		assert_int_equal(f->near.pictures, i + 1);
		assert_int_equal(number_of(&f->near), i % 3 + 1);
	}
	assert_int_equal(f->ended, 0);
}

static void files_played_once_come_to_a_clean_end(void **state)
{
	struct fr_bed *f = *state;

	write_picture(f, "a.jpg", 1);
	write_picture(f, "b.jpg", 2);
	open_files(f, "loop=false");
	fr_side_watch(&f->near);
	fr_test_until(f->loop, fr_bed_has_ended, f);
	fr_test_turn(f->loop, 5);

	assert_int_equal(f->status, 0);
	assert_int_equal(f->ended, 1);
	assert_int_equal(f->near.pictures, 2);
	assert_int_equal(number_of(&f->near), 2);
}

static void files_that_are_added_come_with_the_next_round(void **state)
{
	struct fr_bed *f = *state;

	write_picture(f, "a.jpg", 1);
	open_files(f, "loop=true");
	fr_side_watch(&f->near);
	wait_for_pictures(f, 2);
	write_picture(f, "z.jpg", 26);
	while (number_of(&f->near) != 26)
		wait_for_pictures(f, f->near.pictures + 1);
	assert_int_equal(unlink(fr_bed_path(f, "a.jpg")), 0);
	wait_for_pictures(f, f->near.pictures + 3);
	assert_int_equal(number_of(&f->near), 26);
}

static void files_that_are_not_there_yet_are_waited_for(void **state)
{
	struct fr_bed *f = *state;

	open_files(f, "loop=true");
	fr_side_watch(&f->near);
	fr_test_turn(f->loop, 20);
	assert_int_equal(f->ended, 0);
	write_picture(f, "a.jpg", 1);
	wait_for_pictures(f, 1);
}

static void no_file_at_all_is_an_error_when_they_are_played_once(void **state)
{
	struct fr_bed *f = *state;

	open_files(f, "loop=false");
	fr_side_watch(&f->near);
	fr_test_until(f->loop, fr_bed_has_ended, f);

	assert_int_equal(f->status, -ENOENT);
	assert_non_null(strstr(f->reason, "*.jpg"));
}

static void a_file_over_max_frame_bytes_is_left_out(void **state)
{
	struct fr_bed *f = *state;
	struct fr_test_jpeg big = fr_test_jpeg_sized(20000, 9);

	f->limits.max_frame_bytes = 10000;
	fr_bed_write(f, "a.jpg", big.bytes, big.size);
	fr_test_jpeg_done(&big);
	write_picture(f, "b.jpg", 2);
	open_files(f, "loop=false");
	fr_side_watch(&f->near);
	fr_test_until(f->loop, fr_bed_has_ended, f);

	assert_int_equal(f->status, 0);
	assert_int_equal(f->near.pictures, 1);
}

/* --- stdin ------------------------------------------------------------------------------------ */

/* Puts another descriptor in the place of standard input. @return what was there */
static int replace_stdin(int fd)
{
	const int old = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);

	assert_true(fd >= 0);
	assert_int_equal(dup2(fd, STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(close(fd), 0);
	return old;
}

static void restore_stdin(int old)
{
	if (old < 0) {
		assert_int_equal(close(STDIN_FILENO), 0);
		return;
	}
	assert_int_equal(dup2(old, STDIN_FILENO), STDIN_FILENO);
	assert_int_equal(close(old), 0);
}

/* Opens the source on a pipe. @return its other end */
static int open_pipe(struct fr_bed *f, const char *fps)
{
	int fds[2], old;

	assert_int_equal(pipe(fds), 0);
	old = replace_stdin(fds[0]);
	fr_bed_open_source(f, "stdin", fps, NULL);
	restore_stdin(old);
	return fds[1];
}

static void put(int fd, const void *bytes, size_t size)
{
	assert_int_equal(write(fd, bytes, size), size);
}

static void stdin_cuts_pictures_however_they_come_and_ends_with_its_writer(void **state)
{
	struct fr_bed *f = *state;
	const int fd = open_pipe(f, "fps=0");
	const struct fr_test_jpeg *p = &f->picture;

	fr_side_watch(&f->near);
	put(fd, p->bytes, p->size);
	wait_for_pictures(f, 1); /* at once, without the next one */
	put(fd, p->bytes, 10);
	fr_test_turn(f->loop, 5);
	put(fd, p->bytes + 10, p->size - 10);
	put(fd, p->bytes, p->size);
	wait_for_pictures(f, 3);
	assert_int_equal(f->near.last_size, p->size);
	assert_memory_equal(f->near.last, p->bytes, p->size);
	assert_int_equal(f->ended, 0);

	put(fd, p->bytes, 20); /* and is cut off */
	assert_int_equal(close(fd), 0);
	fr_test_until(f->loop, fr_bed_has_ended, f);
	assert_int_equal(f->status, 0);
	fr_bed_close_source(f);
	assert_int_equal(fr_stat_value(FR_STAT_frames_truncated), 1);
}

static void stdin_that_is_no_row_of_jpegs_is_an_error(void **state)
{
	struct fr_bed *f = *state;
	const int fd = open_pipe(f, "fps=0");

	put(fd, "hello, this is text", 19);
	fr_test_until(f->loop, fr_bed_has_ended, f);

	assert_int_equal(f->status, -EINVAL);
	assert_non_null(strstr(f->reason, "FF D8"));
	assert_int_equal(close(fd), 0);
}

static void stdin_that_ends_before_a_picture_is_an_error(void **state)
{
	struct fr_bed *f = *state;
	const int old = replace_stdin(open("/dev/null", O_RDONLY | O_CLOEXEC));

	fr_bed_open_source(f, "stdin", NULL);
	restore_stdin(old);
	fr_test_until(f->loop, fr_bed_has_ended, f);

	assert_int_equal(f->status, -ENODATA);
}

static void stdin_may_be_a_file_and_is_read_at_the_pace_that_is_wanted(void **state)
{
	struct fr_bed *f = *state;
	FILE *file = fopen(fr_bed_path(f, "row.mjpeg"), "we");
	int old;

	assert_non_null(file);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(fwrite(f->picture.bytes, f->picture.size, 1, file), 1);
	assert_int_equal(fclose(file), 0);
	old = replace_stdin(open(fr_bed_path(f, "row.mjpeg"), O_RDONLY | O_CLOEXEC));
	fr_side_watch(&f->near);
	fr_bed_open_source(f, "stdin", "fps=50", NULL);
	restore_stdin(old);
	wait_for_pictures(f, 2);
	assert_int_equal(f->ended, 0);
	assert_true(f->near.pictures < 10); /* they do not come all at once */
	fr_test_until(f->loop, fr_bed_has_ended, f);

	assert_int_equal(f->status, 0);
	wait_for_pictures(f, 10);
}

static void stdin_ends_after_too_many_pictures_that_are_none(void **state)
{
	/* By its markers a picture, but without a frame header. */
	static const uint8_t bad[] = {0xff, 0xd8, 0xff, 0xda, 0, 2, 1, 0xff, 0xd9};
	struct fr_bed *f = *state;
	const int fd = open_pipe(f, "fps=0");

	for (int64_t i = 0; i < f->limits.bad_frames; i++)
		put(fd, bad, sizeof(bad));
	fr_test_until(f->loop, fr_bed_has_ended, f);

	assert_int_equal(f->status, -EINVAL);
	assert_int_equal(fr_stat_rejected_count("stdin", FR_REASON_bad_jpeg), f->limits.bad_frames);
	assert_int_equal(close(fd), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fr_bed_setup, fr_bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(pattern_sends_jpegs_of_its_size_while_somebody_watches),
	    TEST(pattern_can_be_closed_at_any_time),
	    TEST(pattern_of_a_size_that_nobody_means_is_refused),
	    TEST(files_are_shown_in_order_of_their_names_and_what_is_no_jpeg_is_left_out),
	    TEST(files_played_once_come_to_a_clean_end),
	    TEST(files_that_are_added_come_with_the_next_round),
	    TEST(files_that_are_not_there_yet_are_waited_for),
	    TEST(no_file_at_all_is_an_error_when_they_are_played_once),
	    TEST(a_file_over_max_frame_bytes_is_left_out),
	    TEST(stdin_cuts_pictures_however_they_come_and_ends_with_its_writer),
	    TEST(stdin_that_is_no_row_of_jpegs_is_an_error),
	    TEST(stdin_that_ends_before_a_picture_is_an_error),
	    TEST(stdin_may_be_a_file_and_is_read_at_the_pace_that_is_wanted),
	    TEST(stdin_ends_after_too_many_pictures_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
