/* SPDX-License-Identifier: MIT */
/*
 * Read by clang-tidy in front of every source: what the analyzer cannot see from there.
 *
 * That fr_cause_set() gives -err is what tells it that a function which failed did not go on.
 */
#pragma once

#include "common/base/cause.h"

#define fr_cause_set(why, err, ...)    (fr_cause_set(why, err, __VA_ARGS__), -(err))
#define fr_cause_prefix(why, err, ...) (fr_cause_prefix(why, err, __VA_ARGS__), (err))
