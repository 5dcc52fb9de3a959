/* SPDX-License-Identifier: MIT */
/*
 * A timer for what is always waited for: looks at deadlines, the relay's second.
 *
 * It is a descriptor that becomes readable (timerfd), not a time-out of the event base: while the base has none, the
 * kernel sets no timer at every wait and clears none at every picture. What is waited for now and then (a connection
 * that is being made, a back-off) is better off with the base's own timers, which need no descriptor.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct fr_cause;
struct fr_loop;
struct fr_timer;

/**
 * @param on_time  called once for each time it was set; it may set it again or free it
 * @retval -errno  `why`: no descriptor, no memory
 */
int fr_timer_new(struct fr_loop *loop, void (*on_time)(void *arg), void *arg, struct fr_timer **ret,
    struct fr_cause *why);
void fr_timer_free(struct fr_timer *timer); /* NULL is fine */

/** Sets it, whatever it was set to. @param wait_us  from now, CLOCK_MONOTONIC; 0 and less: at the next turn */
void fr_timer_set(struct fr_timer *timer, int64_t wait_us);
void fr_timer_clear(struct fr_timer *timer);

/** @return microseconds until it is due, 0 when it is or is about to be told; -1: it is not set */
int64_t fr_timer_left_us(const struct fr_timer *timer);
