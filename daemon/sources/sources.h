/* SPDX-License-Identifier: MIT */
/* The table of sources, made from sources.def. */
#pragma once

#include <stddef.h>

#include "daemon/sources/source.h"

/** @return the source of this kind, or NULL */
const struct fr_source_ops *fr_source_find(const char *kind);

/** @return the i-th row, or NULL behind the last */
const struct fr_source_ops *fr_source_at(size_t i);
