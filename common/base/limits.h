/* SPDX-License-Identifier: MIT */
/* The limits: one struct, one table (limits.def), used by the file, the documents and the code. */
#pragma once

#include <stdint.h>

#include "common/base/options.h"

/** What holds when a limit is set to 0: lengths above would be other protocols' first bytes. */
enum {
	FR_FRAME_BYTES_HARD = 64 * 1024 * 1024,
	FR_MESSAGE_BYTES_HARD = 1024 * 1024,
};

/** Values as in the file: bytes, counts, milliseconds; 0 = no limit. A plain value. */
struct fr_limits {
#define LIMIT(name, type, unit, min, max, def, help) int64_t name;
#include "common/base/limits.def"
#undef LIMIT
};

/** The table, for settings and documents. */
extern const struct fr_option_spec fr_limit_specs[];

/** @return the values of an options object over fr_limit_specs */
struct fr_limits fr_limits_from(const struct fr_options *options);

/** @return the defaults */
struct fr_limits fr_limits_default(void);
