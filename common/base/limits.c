/* SPDX-License-Identifier: MIT */
#include "common/base/limits.h"

#include <stddef.h>

const struct fr_option_spec fr_limit_specs[] = {
#define LIMIT(row, kind, of, least, most, value, sentence)                                         \
	{.name = #row,                                                                             \
	    .type = FR_OPTION_##kind,                                                              \
	    .zero_is_off = true,                                                                   \
	    .unit = of,                                                                            \
	    .min = least,                                                                          \
	    .max = most,                                                                           \
	    .def = value,                                                                          \
	    .help = sentence},
#include "common/base/limits.def"
#undef LIMIT
    {.name = NULL},
};

struct fr_limits fr_limits_from(const struct fr_options *options)
{
	const struct fr_limits limits = {
#define LIMIT(name, type, unit, min, max, def, help) .name = fr_options_int(options, #name),
#include "common/base/limits.def"
#undef LIMIT
	};

	return limits;
}

struct fr_limits fr_limits_default(void)
{
	struct fr_options *options = fr_options_new(fr_limit_specs);
	const struct fr_limits limits = fr_limits_from(options);

	fr_options_free(options);
	return limits;
}
