/* SPDX-License-Identifier: MIT */
#include "daemon/doors/look.h"

#include <event2/event.h>

enum {
	PARTS = 8, /* a deadline is kept to an eighth of it */
	LEAST_MS = 10,
	MOST_MS = 1000,
};

void fr_look_later(struct event *timer, const int64_t *deadlines_ms, size_t count)
{
	int64_t ms = MOST_MS;
	struct timeval wait;

	for (size_t i = 0; i < count; i++)
		if (deadlines_ms[i] != 0 && deadlines_ms[i] / PARTS < ms)
			ms = deadlines_ms[i] / PARTS;
	ms = ms < LEAST_MS ? LEAST_MS : ms;
	wait = (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
	(void)event_add(timer, &wait);
}

void fr_look_at(
    struct event *timer, int64_t now_us, int64_t due_us, const int64_t *deadlines_ms, size_t count)
{
	int64_t wait_us = due_us != 0 ? due_us - now_us : INT64_MAX;
	struct timeval wait;

	for (size_t i = 0; i < count; i++)
		if (deadlines_ms[i] != 0 && deadlines_ms[i] < wait_us / 1000)
			wait_us = deadlines_ms[i] * 1000;
	if (wait_us == INT64_MAX) {
		(void)event_del(timer); /* there is no deadline at all */
		return;
	}
	wait_us = wait_us < LEAST_MS * 1000 ? LEAST_MS * 1000 : wait_us;
	wait = (struct timeval){.tv_sec = wait_us / 1000000, .tv_usec = wait_us % 1000000};
	(void)event_add(timer, &wait);
}
