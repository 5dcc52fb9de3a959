/* SPDX-License-Identifier: MIT */
/* The table of sinks, made from sinks.def. */
#pragma once

#include <stddef.h>

#include "daemon/sinks/sink.h"

/** @return the sink of this kind, or NULL */
const struct fr_sink_ops *fr_sink_find(const char *kind);

/** @return the i-th row, or NULL behind the last */
const struct fr_sink_ops *fr_sink_at(size_t i);
