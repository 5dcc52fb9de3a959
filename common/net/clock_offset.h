/* SPDX-License-Identifier: MIT */
/*
 * The other end's clock, estimated from PING and PONG. Pure.
 *
 * Of the last eight answers the one with the shortest way there and back counts: its error is at most half of that way
 * (RFC 5905 section 10, the clock filter).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FR_CLOCK_SAMPLES = 8,
};

/** A plain value; all zero knows nothing. The fields are its own. */
struct fr_clock_offset {
	struct {
		int64_t round_trip_us, offset_us;
	} samples[FR_CLOCK_SAMPLES];
	unsigned count, next;
};

/**
 * Takes one answer in.
 *
 * @param ping_real_us   our CLOCK_REALTIME as the PING said it
 * @param round_trip_us  from the PING to its PONG by CLOCK_MONOTONIC; negative: not taken
 * @param their_real_us  the answerer's clock, from the PONG
 */
void fr_clock_offset_add(struct fr_clock_offset *clock, int64_t ping_real_us, int64_t round_trip_us,
    int64_t their_real_us);

/** @return false when nothing is known. @param ret_offset_us  their CLOCK_REALTIME less ours, us */
bool fr_clock_offset_best(const struct fr_clock_offset *clock, int64_t *ret_offset_us);
