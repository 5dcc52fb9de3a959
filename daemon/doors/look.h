/* SPDX-License-Identifier: MIT */
/* When a door looks at the deadlines of its connections: one timer for all of them, as seldom as they allow. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct fr_timer;

/**
 * Sets the timer for the next look: every one wakes the machine, so there are as few as the shortest deadline allows.
 *
 * @param deadlines_ms  0: no limit; a look comes after an eighth of the shortest, 10 to 1,000 ms
 */
void fr_look_later(struct fr_timer *timer, const int64_t *deadlines_ms, size_t count);

/** @return the earlier of two moments, of which 0 is none */
static inline int64_t fr_look_earlier(int64_t a_us, int64_t b_us)
{
	return a_us == 0 || (b_us != 0 && b_us < a_us) ? b_us : a_us;
}

/**
 * Sets the timer for the next look: at the earliest deadline of the connections that there are, but no later than one
 * that begins from now on could end. So every deadline is kept to the millisecond, and an idle door sleeps.
 *
 * @param due_us        the earliest deadline there is, CLOCK_MONOTONIC; 0: none
 * @param deadlines_ms  how long those are that may begin before the look; 0: no limit
 */
void fr_look_at(struct fr_timer *timer, int64_t now_us, int64_t due_us, const int64_t *deadlines_ms,
    size_t count);
