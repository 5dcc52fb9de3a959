/* SPDX-License-Identifier: MIT */
/* What went through the relay, by stream and by the door, source or sink that it came or left through. */
#pragma once

#include <stdint.h>

#include "common/base/histogram.h"
#include "daemon/relay/relay.h"

enum fr_traffic_row {
#define TRAFFIC(name, unit, help) FR_TRAFFIC_##name,
#include "daemon/relay/traffic.def"
#undef TRAFFIC
	FR_TRAFFIC_COUNT
};

struct fr_traffic_spec {
	const char *name;
	const char *unit;
	const char *help;
};

extern const struct fr_traffic_spec fr_traffic_specs[FR_TRAFFIC_COUNT];

/** One stream through one door. Borrowed; the fields are the relay's to write. */
struct fr_traffic {
	struct fr_traffic *next; /* another door of the same stream */
	const char *door;
	unsigned subscribers; /* now */
	uint64_t counts[FR_TRAFFIC_COUNT];
	struct fr_histogram
	    ages; /* of the pictures sent: from their coming to the beginning of their leaving */
};

/** Calls `each` for every stream, in order of name, and every door that it was reached through. It changes nothing. */
void fr_relay_traffic(const struct fr_relay *relay,
    void (*each)(void *arg, const char *stream, const struct fr_traffic *traffic), void *arg);
