/* SPDX-License-Identifier: MIT */
/* The table of doors, made from doors.def. */
#pragma once

#include <stddef.h>

#include "daemon/doors/door.h"

/** @return the door of this kind, or NULL */
const struct fr_door_ops *fr_door_find(const char *kind);

/** @return the i-th row, or NULL behind the last */
const struct fr_door_ops *fr_door_at(size_t i);
