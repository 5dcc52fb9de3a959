/* SPDX-License-Identifier: MIT */
#include "daemon/doors/doors.h"

#include <string.h>

#define ROW_ALWAYS(name) &fr_door_##name,
#ifdef FR_HAVE_GRPC
#define ROW_GRPC(name) &fr_door_##name,
#else
#define ROW_GRPC(name)
#endif

#define DOOR(name, needs) extern const struct fr_door_ops fr_door_##name;
#include "daemon/doors/doors.def"
#undef DOOR

static const struct fr_door_ops *const rows[] = {
#define DOOR(name, needs) ROW_##needs(name)
#include "daemon/doors/doors.def"
#undef DOOR
};

const struct fr_door_ops *fr_door_at(size_t i)
{
	return i < sizeof(rows) / sizeof(rows[0]) ? rows[i] : NULL;
}

const struct fr_door_ops *fr_door_find(const char *kind)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i]->kind, kind) == 0)
			return rows[i];
	return NULL;
}
