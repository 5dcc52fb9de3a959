/* SPDX-License-Identifier: MIT */
#include "common/base/process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/resource.h>

#include "common/base/clock.h"

static int64_t open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int64_t count = -3; /* `.`, `..` and the folder itself */

	if (folder == NULL)
		return -1;
	while (readdir(folder) != NULL)
		count++;
	(void)closedir(folder);
	return count;
}

static int64_t max_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == RLIM_INFINITY)
		return -1;
	return (int64_t)files.rlim_cur;
}

static int64_t cpu_us(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_SELF, &usage) < 0)
		return -1;
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * (int64_t)1000000 +
	       usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

/*
 * Source: proc(5), /proc/PID/stat: num_threads (20), starttime in ticks since the boot (22), vsize in bytes (23), rss in
 * pages (24). The name of the program (2), in brackets, may hold anything.
 */
static void read_stat(struct fr_process *ret)
{
	FILE *file = fopen("/proc/self/stat", "re");
	struct timespec boot;
	char line[1024] = "";
	long long ticks;
	const char *at;

	if (file == NULL)
		return;
	at = fgets(line, sizeof(line), file) != NULL ? strrchr(line, ')') : NULL;
	(void)fclose(file);
	/* NOLINTNEXTLINE(cert-err34-c): the kernel's own numbers */
	if (at == NULL ||
	    sscanf(at + 1,
	        " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %" SCNd64
	        " %*d %lld %" SCNd64 " %" SCNd64,
	        &ret->threads, &ticks, &ret->virtual_bytes, &ret->resident_bytes) != 4)
		return;
	ret->resident_bytes *= sysconf(_SC_PAGESIZE);
	if (clock_gettime(CLOCK_BOOTTIME, &boot) == 0)
		ret->started_us = fr_clock_real_us() -
		                  (boot.tv_sec * (int64_t)1000000 + boot.tv_nsec / 1000) +
		                  ticks * 1000000 / sysconf(_SC_CLK_TCK);
}

void fr_process_look(struct fr_process *ret)
{
	*ret = (struct fr_process){.resident_bytes = -1,
	    .virtual_bytes = -1,
	    .cpu_us = cpu_us(),
	    .open_files = open_files(),
	    .max_files = max_files(),
	    .threads = -1,
	    .started_us = -1};
	read_stat(ret);
}
