/* SPDX-License-Identifier: MIT */
#include "common/base/clock.h"

#include <time.h>

#include "common/base/hot.h"

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts); /* cannot fail for these on Linux */
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

FR_HOT int64_t fr_clock_now_us(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

FR_HOT int64_t fr_clock_real_us(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t fr_clock_thread_us(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}
