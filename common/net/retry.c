/* SPDX-License-Identifier: MIT */
#include "common/net/retry.h"

int64_t fr_retry_next_us(struct fr_retry *retry, uint32_t random)
{
	int64_t wait = retry->first_us;

	for (unsigned i = 0; i < retry->tries && wait < retry->most_us; i++)
		wait *= 2;
	if (wait >= retry->most_us)
		wait = retry->most_us;
	else
		retry->tries++;
	/* A quarter of at most some minutes times 2^32 fits 63 bits. */
	return wait - (int64_t)(((uint64_t)(wait / 4) * random) >> 32);
}

void fr_retry_reset(struct fr_retry *retry)
{
	retry->tries = 0;
}
