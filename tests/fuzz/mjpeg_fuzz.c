/* SPDX-License-Identifier: MIT */
/* Bare JPEGs one after the other: the cuts do not depend on how the bytes come. */
#include "tests/support/wire_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fr_wire_limits limits = {.max_frame_bytes = 3000, .max_message_bytes = 1000};

	wire_log_compare(0, &limits, FR_WIRE_MJPEG, data, size);
	return 0;
}
