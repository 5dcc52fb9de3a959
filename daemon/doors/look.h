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
