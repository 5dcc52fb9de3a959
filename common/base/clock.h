/* SPDX-License-Identifier: MIT */
/* The two clocks: one that never jumps, for every decision, and the wall's, for people. */
#pragma once

#include <stdint.h>

/** @return CLOCK_MONOTONIC in microseconds. Thread: any. */
int64_t fr_clock_now_us(void);

/** @return CLOCK_REALTIME in microseconds since the Unix epoch. Thread: any. */
int64_t fr_clock_real_us(void);

/** @return CPU time that the calling thread has used, us */
int64_t fr_clock_thread_us(void);
