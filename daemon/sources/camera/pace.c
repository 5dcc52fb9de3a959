/* SPDX-License-Identifier: MIT */
#include "daemon/sources/camera/pace.h"

enum {
	AGE_MAX_S = 10, /* an older picture is one with another clock's stamp */
};

enum fr_pace_verdict fr_pace(
    struct fr_pace *pace, int64_t asked_us, int64_t wanted_us, int64_t now_us)
{
	const int64_t interval_us = wanted_us > asked_us ? wanted_us : asked_us;
	const bool is_first = pace->came_us == 0;
	const int64_t since_us = now_us - pace->came_us;

	pace->came_us = now_us;
	if (is_first || now_us >= pace->due_us - interval_us / 2) {
		/* Late by more than one: none is made up for. */
		if (is_first || now_us > pace->due_us + interval_us)
			pace->due_us = now_us;
		pace->due_us += interval_us;
		return FR_PACE_TAKE;
	}
	return since_us < asked_us * 3 / 4 ? FR_PACE_HOLD : FR_PACE_SKIP;
}

static bool is_age(int64_t age_ns)
{
	return age_ns >= 0 && age_ns <= AGE_MAX_S * INT64_C(1000000000);
}

int64_t fr_camera_unix_us(int64_t taken_ns, int64_t boot_ns, int64_t monotonic_ns, int64_t real_us)
{
	if (taken_ns <= 0)
		return real_us;
	if (is_age(boot_ns - taken_ns))
		return real_us - (boot_ns - taken_ns) / 1000;
	if (is_age(monotonic_ns - taken_ns))
		return real_us - (monotonic_ns - taken_ns) / 1000;
	return real_us;
}
