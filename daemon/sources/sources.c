/* SPDX-License-Identifier: MIT */
#include "daemon/sources/sources.h"

#include <string.h>

#define ROW_ALWAYS(name) &fr_source_##name,
#ifdef FR_HAVE_GRPC
#define ROW_GRPC(name) &fr_source_##name,
#else
#define ROW_GRPC(name)
#endif

#define SOURCE(name, needs) extern const struct fr_source_ops fr_source_##name;
#include "daemon/sources/sources.def"
#undef SOURCE

static const struct fr_source_ops *const rows[] = {
#define SOURCE(name, needs) ROW_##needs(name)
#include "daemon/sources/sources.def"
#undef SOURCE
};

const struct fr_source_ops *fr_source_at(size_t i)
{
	return i < sizeof(rows) / sizeof(rows[0]) ? rows[i] : NULL;
}

const struct fr_source_ops *fr_source_find(const char *kind)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i]->kind, kind) == 0)
			return rows[i];
	return NULL;
}
