/* SPDX-License-Identifier: MIT */
/* What the process takes from the system, against what the test knows of itself. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <sys/resource.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/process.h"

static void descriptors_are_counted(void **state)
{
	struct fr_process before, after;
	struct rlimit files;
	int fd;

	(void)state;
	fr_process_look(&before);
	assert_true(before.open_files >= 1);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	fr_process_look(&after);
	assert_int_equal(after.open_files, before.open_files + 1);
	close(fd);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
	if (files.rlim_cur == RLIM_INFINITY)
		assert_int_equal(after.max_files, -1);
	else
		assert_int_equal(after.max_files, files.rlim_cur);
}

static void time_and_memory_are_in_their_units(void **state)
{
	const int64_t now_us = fr_clock_real_us();
	struct fr_process p;

	(void)state;
	fr_process_look(&p);
	assert_true(p.resident_bytes > 256 * 1024);
	assert_true(p.virtual_bytes >= p.resident_bytes);
	assert_true(p.cpu_us >= 0);
	assert_true(p.threads >= 1);
	/* This test has not run for an hour, nor does it begin in the future. */
	assert_in_range(p.started_us, now_us - 3600 * (int64_t)1000000, now_us + 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(descriptors_are_counted),
	    cmocka_unit_test(time_and_memory_are_in_their_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
