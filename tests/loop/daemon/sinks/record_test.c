/* SPDX-License-Identifier: MIT */
/* Recordings: what is written where, what is never touched, and what a bad disk does. */
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
#include "common/net/loop.h"
#include "daemon/sinks/sinks.h"
#include "tests/support/loop_runner.h"
#include "tests/support/test_bed.h"

/* "output=FOLDER/NAME", for the options; valid until the next four calls. */
static const char *in_folder(struct fr_bed *f, const char *option, const char *name)
{
	static char texts[4][400];
	static unsigned next;
	char *text = texts[next++ % 4];

	(void)snprintf(text, sizeof(texts[0]), "%s=%s", option, fr_bed_path(f, name));
	return text;
}

static const char *output(struct fr_bed *f, const char *name)
{
	return in_folder(f, "output", name);
}

/* As many as `wanted` of the near side says. */
static bool files_are_written(void *arg)
{
	return fr_stat_value(FR_STAT_files_written) >= ((struct fr_bed *)arg)->near.wanted;
}

static bool a_write_has_failed(void *arg)
{
	(void)arg;
	return fr_stat_value(FR_STAT_write_errors) > 0;
}

/* Sends pictures and waits until the recording has them. */
static void publish(struct fr_bed *f, unsigned count)
{
	f->near.wanted = (unsigned)fr_stat_value(FR_STAT_files_written);
	for (unsigned i = 0; i < count; i++) {
		fr_side_send(&f->near, &f->picture);
		f->near.wanted++;
		fr_test_until(f->loop, files_are_written, f);
	}
}

static void expect_file(struct fr_bed *f, const char *name, const void *bytes, size_t size)
{
	size_t got_size;
	uint8_t *got = fr_bed_read(f, name, &got_size);

	if (got == NULL)
		fail_msg("there is no %s", name);
	assert_int_equal(got_size, size);
	assert_memory_equal(got, bytes, size);
	free(got);
}

static void expect_picture(struct fr_bed *f, const char *name)
{
	expect_file(f, name, f->picture.bytes, f->picture.size);
}

/* --- Names ------------------------------------------------------------------------------------ */

static void each_picture_is_a_file_with_its_sequence(void **state)
{
	struct fr_bed *f = *state;
	char name[64];

	fr_side_publish(&f->near);
	fr_side_watch(&f->near);
	fr_bed_open_sink(f, "record", output(f, "deep/er/%n.jpg"), NULL);
	publish(f, 3);
	for (unsigned i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "deep/er/%llu.jpg",
		    (unsigned long long)f->near.sequence - i);
		expect_picture(f, name);
	}
	assert_int_equal(fr_bed_count(f, "deep/er"), 3); /* nothing temporary is left */
}

static void nothing_is_overwritten(void **state)
{
	struct fr_bed *f = *state;

	fr_side_publish(&f->near);
	fr_bed_open_sink(f, "record", output(f, "%Y.jpg"), NULL);
	publish(f, 3);
	assert_int_equal(fr_bed_count(f, ""), 3);
	fr_bed_close_sink(f);
	fr_bed_open_sink(f, "record", output(f, "%Y.jpg"), NULL);
	f->near.wanted = 4; /* the newest, at once */
	fr_test_until(f->loop, files_are_written, f);
	assert_int_equal(fr_bed_count(f, ""), 4);
}

static void a_copy_gets_the_next_number(void **state)
{
	struct fr_bed *f = *state;

	fr_side_publish(&f->near);
	fr_bed_write(f, "a.mjpeg", "mine", 4);
	fr_bed_open_sink(f, "record", output(f, "a.mjpeg"), NULL);
	publish(f, 1);
	expect_file(f, "a.mjpeg", "mine", 4);
	expect_picture(f, "a-2.mjpeg");
}

static void a_name_without_percent_always_shows_the_newest(void **state)
{
	struct fr_bed *f = *state;
	char got[8];
	int fd;

	fr_side_publish(&f->near);
	fr_bed_write(f, "now.jpg", "old", 3);
	fd = open(fr_bed_path(f, "now.jpg"), O_RDONLY | O_CLOEXEC);
	fr_bed_open_sink(f, "record", output(f, "now.jpg"), NULL);
	publish(f, 3);
	expect_picture(f, "now.jpg");
	assert_int_equal(fr_bed_count(f, ""), 1);
	/* Replaced, not written over: who has the old one open reads it to its end. */
	assert_int_equal(read(fd, got, sizeof(got)), 3);
	assert_memory_equal(got, "old", 3);
	assert_int_equal(close(fd), 0);
}

static void an_mjpeg_file_holds_one_picture_after_the_other(void **state)
{
	struct fr_bed *f = *state;
	const size_t size = f->picture.size;
	size_t got_size;
	uint8_t *got;

	fr_side_publish(&f->near);
	fr_bed_open_sink(f, "record", output(f, "all.mjpeg"), NULL);
	publish(f, 3);
	got = fr_bed_read(f, "all.mjpeg", &got_size);
	assert_non_null(got);
	assert_int_equal(got_size, 3 * size);
	for (unsigned i = 0; i < 3; i++)
		assert_memory_equal(got + i * size, f->picture.bytes, size);
	free(got);
}

static void an_mjpeg_file_that_was_removed_is_begun_anew(void **state)
{
	struct fr_bed *f = *state;

	fr_side_publish(&f->near);
	fr_bed_open_sink(f, "record", output(f, "all.mjpeg"), NULL);
	publish(f, 2);
	assert_int_equal(unlink(fr_bed_path(f, "all.mjpeg")), 0);
	publish(f, 1);
	expect_picture(f, "all.mjpeg");
}

static void a_link_does_not_lead_out_of_the_folder(void **state)
{
	struct fr_bed *f = *state;

	fr_side_publish(&f->near);
	assert_int_equal(mkdir(fr_bed_path(f, "elsewhere"), 0700), 0);
	assert_int_equal(mkdir(fr_bed_path(f, "in"), 0700), 0);
	fr_bed_open_sink(f, "record", output(f, "in/x%w/x.jpg"), NULL);
	/* The folder of every day of the week is a link. */
	for (unsigned day = 0; day < 7; day++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "in/x%u", day);
		assert_int_equal(symlink(fr_bed_path(f, "elsewhere"), fr_bed_path(f, name)), 0);
	}
	fr_side_send(&f->near, &f->picture);
	fr_test_until(f->loop, a_write_has_failed, f);
	assert_int_equal(fr_bed_count(f, "elsewhere"), 0);
}

static void the_newest_replaces_a_link_and_not_what_it_leads_to(void **state)
{
	struct fr_bed *f = *state;
	struct stat st;

	fr_side_publish(&f->near);
	fr_bed_write(f, "secret", "secret", 6);
	assert_int_equal(symlink(fr_bed_path(f, "secret"), fr_bed_path(f, "now.jpg")), 0);
	fr_bed_open_sink(f, "record", output(f, "now.jpg"), NULL);
	publish(f, 1);
	expect_file(f, "secret", "secret", 6);
	assert_int_equal(lstat(fr_bed_path(f, "now.jpg"), &st), 0);
	assert_true(S_ISREG(st.st_mode));
}

static void what_is_no_output_is_refused(void **state)
{
	struct fr_bed *f = *state;

	fr_bed_refuse_sink(f, "record", "..", "output=/tmp/../etc/%n", NULL);
	fr_bed_refuse_sink(f, "record", "%D", "output=%D.jpg", NULL);
	fr_bed_refuse_sink(f, "record", "keep_bytes", "output=a.jpg", "keep_bytes=1 MB", NULL);
}

/* --- When to stop ----------------------------------------------------------------------------- */

static void it_ends_after_as_many_pictures_as_were_asked_for(void **state)
{
	struct fr_bed *f = *state;

	fr_side_publish(&f->near);
	fr_bed_open_sink(f, "record", output(f, "%n.jpg"), "count=2", NULL);
	for (unsigned i = 0; i < 5; i++)
		fr_side_send(&f->near, &f->picture);
	fr_test_until(f->loop, fr_bed_has_ended, f);
	fr_test_turn(f->loop, 20);
	assert_int_equal(f->status, 0);
	assert_int_equal(f->ended, 1);
	assert_int_equal(fr_bed_count(f, ""), 2);
	assert_int_equal(f->near.subscribers, 0);
}

static void it_ends_when_its_time_is_over(void **state)
{
	struct fr_bed *f = *state;

	fr_bed_open_sink(f, "record", "duration_ms=50", NULL);
	fr_test_until(f->loop, fr_bed_has_ended, f);
	assert_int_equal(f->status, 0);
}

static void a_drain_lets_the_picture_that_is_being_written_be_written(void **state)
{
	struct fr_bed *f = *state;

	fr_side_publish(&f->near);
	fr_bed_open_sink(f, "record", output(f, "%n.jpg"), NULL);
	fr_side_send(&f->near, &f->picture);
	while (!f->sink->ops->busy(f->sink))
		fr_test_turn(f->loop, 1);
	f->sink->ops->drain(f->sink);
	while (f->sink->ops->busy(f->sink))
		fr_test_turn(f->loop, 1);
	assert_int_equal(fr_bed_count(f, ""), 1);
	assert_int_equal(fr_stat_value(FR_STAT_frames_dropped_closed), 0);
	fr_side_send(&f->near, &f->picture);
	fr_test_turn(f->loop, 20);
	assert_int_equal(fr_bed_count(f, ""), 1);
}

/* --- Disks ------------------------------------------------------------------------------------ */

static void a_folder_that_cannot_be_made_costs_pictures_until_it_can(void **state)
{
	struct fr_bed *f = *state;

	fr_side_publish(&f->near);
	fr_bed_write(f, "file", "x", 1);
	fr_bed_open_sink(f, "record", output(f, "file/%n.jpg"), NULL);
	fr_side_send(&f->near, &f->picture);
	fr_test_until(f->loop, a_write_has_failed, f);
	assert_int_equal(f->ended, 0);
	assert_int_equal(fr_stat_value(FR_STAT_files_written), 0);

	assert_int_equal(unlink(fr_bed_path(f, "file")), 0);
	publish(f, 1);
	assert_int_equal(fr_bed_count(f, "file"), 1);
}

static void a_folder_that_is_removed_is_made_again(void **state)
{
	struct fr_bed *f = *state;
	char name[64];

	fr_side_publish(&f->near);
	fr_side_watch(&f->near);
	fr_bed_open_sink(f, "record", output(f, "in/%n.jpg"), NULL);
	publish(f, 1);
	(void)snprintf(name, sizeof(name), "in/%llu.jpg", (unsigned long long)f->near.sequence);
	assert_int_equal(unlink(fr_bed_path(f, name)), 0);
	assert_int_equal(rmdir(fr_bed_path(f, "in")), 0);
	publish(f, 1);
	assert_int_equal(fr_bed_count(f, "in"), 1);
}

/* --- Keeping ---------------------------------------------------------------------------------- */

static void the_oldest_go_when_there_is_too_much_and_nobody_elses(void **state)
{
	struct fr_bed *f = *state;
	char keep[40];

	fr_side_publish(&f->near);
	fr_bed_write(f, "holiday.jpg", "mine", 4);
	(void)mkdir(fr_bed_path(f, "1"), 0700);
	fr_bed_write(f, "1/1.jpg", "of an earlier run", 17);
	(void)snprintf(keep, sizeof(keep), "keep_bytes=%zu", f->picture.size * 3 + 1);
	fr_bed_open_sink(f, "record", output(f, "%n/%n.jpg"), keep, NULL);
	publish(f, 6);
	/* One write later the list is in force for sure: it is the worker's, after each picture. */
	fr_bed_close_sink(f);

	assert_int_equal(fr_bed_count(f, ""), 1 + 3); /* empty folders go too */
	expect_file(f, "holiday.jpg", "mine", 4);
}

/* --- Standard output -------------------------------------------------------------------------- */

/* Puts a pipe in the place of standard output while the sink is opened. */
static int open_on_pipe(struct fr_bed *f, int *ret_old)
{
	int fds[2];

	assert_int_equal(fflush(stdout), 0);
	*ret_old = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 10);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(dup2(fds[1], STDOUT_FILENO), STDOUT_FILENO);
	assert_int_equal(close(fds[1]), 0);
	fr_bed_open_sink(f, "record", "output=-", NULL);
	return fds[0];
}

static void restore_output(int old)
{
	assert_int_equal(dup2(old, STDOUT_FILENO), STDOUT_FILENO);
	assert_int_equal(close(old), 0);
}

static void standard_output_gets_pictures_and_its_end_is_a_clean_end(void **state)
{
	struct fr_bed *f = *state;
	uint8_t *got = calloc(2, f->picture.size);
	size_t size = 0;
	int fd, old;

	fr_side_publish(&f->near);
	fd = open_on_pipe(f, &old);
	fr_side_send(&f->near, &f->picture);
	fr_side_send(&f->near, &f->picture);
	while (size < 2 * f->picture.size) {
		ssize_t n;

		fr_test_turn(f->loop, 2);
		(void)fcntl(fd, F_SETFL, O_NONBLOCK);
		n = read(fd, got + size, 2 * f->picture.size - size);
		size += n > 0 ? (size_t)n : 0;
	}
	assert_int_equal(close(fd), 0);
	fr_side_send(&f->near, &f->picture);
	fr_test_until(f->loop, fr_bed_has_ended, f);
	fr_bed_close_sink(f);
	restore_output(old);

	assert_memory_equal(got, f->picture.bytes, f->picture.size);
	assert_memory_equal(got + f->picture.size, f->picture.bytes, f->picture.size);
	assert_int_equal(f->status, 0);
	free(got);
}

static void a_reader_that_does_not_read_holds_nobody_up(void **state)
{
	struct fr_bed *f = *state;
	struct fr_test_jpeg big = fr_test_jpeg_sized(500000, 1);
	int fd, old;

	fr_side_publish(&f->near);
	fr_side_watch(&f->near);
	fd = open_on_pipe(f, &old);
	for (unsigned i = 0; i < 10; i++)
		fr_side_send(&f->near, &big);
	f->near.wanted = 10;
	fr_test_until(f->loop, fr_side_has_pictures, &f->near); /* the others get theirs */
	assert_true(f->sink->ops->busy(f->sink));
	fr_bed_close_sink(f); /* and this returns */
	restore_output(old);
	assert_int_equal(close(fd), 0);
	fr_test_jpeg_done(&big);
}

/* --- Timestamps ------------------------------------------------------------------------------- */

static void timestamps_have_a_line_for_each_picture(void **state)
{
	struct fr_bed *f = *state;
	char expected[512];
	size_t size;
	char *csv;

	fr_side_publish(&f->near);
	fr_side_watch(&f->near);
	fr_bed_write(f, "t.csv", "mine", 4);
	fr_bed_open_sink(
	    f, "record", output(f, "a,b-%n.jpg"), in_folder(f, "timestamps", "t.csv"), NULL);
	publish(f, 2);
	fr_bed_close_sink(f);

	expect_file(f, "t.csv", "mine", 4);
	csv = (char *)fr_bed_read(f, "t-2.csv", &size);
	assert_non_null(csv);
	assert_memory_equal(csv, "sequence,captured,received,bytes,file\n", 38);
	(void)snprintf(expected, sizeof(expected), "\n%llu,%lld.%06lld,",
	    (unsigned long long)f->near.sequence, (long long)f->near.captured_us / 1000000,
	    (long long)f->near.captured_us % 1000000);
	assert_non_null(strstr(csv, expected));
	(void)snprintf(expected, sizeof(expected), ",%zu,\"%s/a,b-%llu.jpg\"\n", f->picture.size,
	    f->folder, (unsigned long long)f->near.sequence);
	assert_non_null(strstr(csv, expected));
	free(csv);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fr_bed_setup, fr_bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_picture_is_a_file_with_its_sequence),
	    TEST(nothing_is_overwritten),
	    TEST(a_copy_gets_the_next_number),
	    TEST(a_name_without_percent_always_shows_the_newest),
	    TEST(an_mjpeg_file_holds_one_picture_after_the_other),
	    TEST(an_mjpeg_file_that_was_removed_is_begun_anew),
	    TEST(a_link_does_not_lead_out_of_the_folder),
	    TEST(the_newest_replaces_a_link_and_not_what_it_leads_to),
	    TEST(what_is_no_output_is_refused),
	    TEST(it_ends_after_as_many_pictures_as_were_asked_for),
	    TEST(it_ends_when_its_time_is_over),
	    TEST(a_drain_lets_the_picture_that_is_being_written_be_written),
	    TEST(a_folder_that_cannot_be_made_costs_pictures_until_it_can),
	    TEST(a_folder_that_is_removed_is_made_again),
	    TEST(the_oldest_go_when_there_is_too_much_and_nobody_elses),
	    TEST(standard_output_gets_pictures_and_its_end_is_a_clean_end),
	    TEST(a_reader_that_does_not_read_holds_nobody_up),
	    TEST(timestamps_have_a_line_for_each_picture),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
