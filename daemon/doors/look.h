/* SPDX-License-Identifier: MIT */
/* When a door looks at the deadlines of its connections: one timer for all of them, as seldom as they allow. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct event;

/**
 * Sets the timer for the next look: every one wakes the machine, so there are as few as the shortest deadline allows.
 *
 * @param timer         a timer event that is not persistent
 * @param deadlines_ms  0: no limit; a look comes after an eighth of the shortest, 10 to 1,000 ms
 */
void fr_look_later(struct event *timer, const int64_t *deadlines_ms, size_t count);

/** @return the earlier of two moments, of which 0 is none */
static inline int64_t fr_look_earlier(int64_t a_us, int64_t b_us)
{
	return a_us == 0 || (b_us != 0 && b_us < a_us) ? b_us : a_us;
}

/**
 * Sets the timer for the next look: at the earliest deadline of the connections that there are, but no later than one
 * that begins from now on could end. So every deadline is kept to the millisecond, and an idle door sleeps.
 *
 * @param timer         a timer event that is not persistent
 * @param due_us        the earliest deadline there is, CLOCK_MONOTONIC; 0: none
 * @param deadlines_ms  how long those are that may begin before the look; 0: no limit
 */
void fr_look_at(
    struct event *timer, int64_t now_us, int64_t due_us, const int64_t *deadlines_ms, size_t count);
