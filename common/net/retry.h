/* SPDX-License-Identifier: MIT */
/* Back-off with jitter: how long to wait before the next try. Pure. */
#pragma once

#include <stdint.h>

/** A plain value. */
struct fr_retry {
	int64_t first_us, most_us; /* 200,000 and 2,000,000 for our own protocol */
	unsigned tries;
};

/** @param random  any 32 bits. @return us to wait: first doubling to most, less up to a quarter by chance */
int64_t fr_retry_next_us(struct fr_retry *retry, uint32_t random);

/** It went well: the next wait is the first again. */
void fr_retry_reset(struct fr_retry *retry);
