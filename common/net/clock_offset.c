/* SPDX-License-Identifier: MIT */
#include "common/net/clock_offset.h"

void fr_clock_offset_add(struct fr_clock_offset *clock, int64_t ping_real_us, int64_t round_trip_us,
    int64_t their_real_us)
{
	int64_t offset_us;

	/* The clock is a peer's bytes: any 64 bits. */
	if (round_trip_us < 0 || __builtin_sub_overflow(their_real_us, ping_real_us, &offset_us) ||
	    __builtin_sub_overflow(offset_us, round_trip_us / 2, &offset_us))
		return;
	clock->samples[clock->next].round_trip_us = round_trip_us;
	clock->samples[clock->next].offset_us = offset_us;
	clock->next = (clock->next + 1) % FR_CLOCK_SAMPLES;
	if (clock->count < FR_CLOCK_SAMPLES)
		clock->count++;
}

bool fr_clock_offset_best(const struct fr_clock_offset *clock, int64_t *ret_offset_us)
{
	unsigned best = 0;

	if (clock->count == 0)
		return false;
	for (unsigned i = 1; i < clock->count; i++)
		if (clock->samples[i].round_trip_us < clock->samples[best].round_trip_us)
			best = i;
	*ret_offset_us = clock->samples[best].offset_us;
	return true;
}
