/* SPDX-License-Identifier: MIT */
/* Who a publisher of ours is: an id that stays the same over restarts, so that a relay knows it again. */
#pragma once

enum {
	FR_PUBLISHER_ID_CHARS = 32, /* hex digits */
};

/**
 * Makes the id from the machine's own (/etc/machine-id) and the stream by a keyed hash, so that nothing of the
 * machine's can be told from it; random where the machine has none.
 */
void fr_publisher_id(const char *stream, char ret[FR_PUBLISHER_ID_CHARS + 1]);
