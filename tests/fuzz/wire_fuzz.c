/* SPDX-License-Identifier: MIT */
/*
 * The frames protocol's reader: the events do not depend on how the bytes are cut, and no memory stays.
 *
 * Input: one byte that chooses who reads and how much memory there is, then the bytes of a peer.
 */
#include "tests/support/wire_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum fr_wire_kind kinds[] = {
	    FR_WIRE_UNKNOWN, FR_WIRE_RECORDS, FR_WIRE_PLAIN, FR_WIRE_HELLO};
	const struct fr_wire_limits limits = {.max_frame_bytes = 10000, .max_message_bytes = 1000};

	if (size == 0)
		return 0;
	/* Digits, so that seeds can be written by hand. */
	wire_log_compare(
	    (data[0] & 4) != 0 ? 3000 : 0, &limits, kinds[data[0] & 3], data + 1, size - 1);
	return 0;
}
