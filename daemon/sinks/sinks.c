/* SPDX-License-Identifier: MIT */
#include "daemon/sinks/sinks.h"

#include <string.h>

#define ROW_ALWAYS(name) &fr_sink_##name,

#define SINK(name, needs) extern const struct fr_sink_ops fr_sink_##name;
#include "daemon/sinks/sinks.def"
#undef SINK

static const struct fr_sink_ops *const rows[] = {
#define SINK(name, needs) ROW_##needs(name)
#include "daemon/sinks/sinks.def"
#undef SINK
};

const struct fr_sink_ops *fr_sink_at(size_t i)
{
	return i < sizeof(rows) / sizeof(rows[0]) ? rows[i] : NULL;
}

const struct fr_sink_ops *fr_sink_find(const char *kind)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i]->kind, kind) == 0)
			return rows[i];
	return NULL;
}
