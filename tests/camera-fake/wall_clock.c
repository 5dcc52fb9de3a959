/* SPDX-License-Identifier: MIT */
/*
 * Preloaded, the wall's clock of a program is off by as many seconds as the file WALL_CLOCK says at the moment: a clock that
 * is set, without touching this machine's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <sys/syscall.h>

static long seconds_off(void)
{
	const char *path = getenv("WALL_CLOCK");
	FILE *file = path != NULL ? fopen(path, "re") : NULL;
	long seconds = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%ld", &seconds) != 1)
		seconds = 0;
	(void)fclose(file);
	return seconds;
}

int clock_gettime(clockid_t clock, struct timespec *ret)
{
	const int r = (int)syscall(SYS_clock_gettime, clock, ret);

	if (r == 0 && clock == CLOCK_REALTIME)
		ret->tv_sec += seconds_off();
	return r;
}
