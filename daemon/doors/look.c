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
