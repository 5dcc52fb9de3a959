/* SPDX-License-Identifier: MIT */
#include "daemon/doors/look.h"

#include "common/net/timer.h"

enum {
	PARTS = 8, /* a deadline is kept to an eighth of it */
	LEAST_MS = 10,
	MOST_MS = 1000,
};

void fr_look_later(struct fr_timer *timer, const int64_t *deadlines_ms, size_t count)
{
	int64_t ms = MOST_MS;

	for (size_t i = 0; i < count; i++)
		if (deadlines_ms[i] != 0 && deadlines_ms[i] / PARTS < ms)
			ms = deadlines_ms[i] / PARTS;
	ms = ms < LEAST_MS ? LEAST_MS : ms;
	fr_timer_set(timer, ms * 1000);
}

void fr_look_at(struct fr_timer *timer, int64_t now_us, int64_t due_us, const int64_t *deadlines_ms,
    size_t count)
{
	int64_t wait_us = due_us != 0 ? due_us - now_us : INT64_MAX;

	for (size_t i = 0; i < count; i++)
		if (deadlines_ms[i] != 0 && deadlines_ms[i] < wait_us / 1000)
			wait_us = deadlines_ms[i] * 1000;
	if (wait_us == INT64_MAX) {
		fr_timer_clear(timer); /* there is no deadline at all */
		return;
	}
	wait_us = wait_us < LEAST_MS * 1000 ? LEAST_MS * 1000 : wait_us;
	fr_timer_set(timer, wait_us);
}
