/* SPDX-License-Identifier: MIT */
/* What no table can check: the rows of the settings against each other. */
#pragma once

struct fr_settings;
struct fr_text;

/**
 * Checks what no table can: rows against each other.
 *
 * @param problems  one line for everything that is wrong
 * @retval -EINVAL  there was something
 */
int fr_settings_check(const struct fr_settings *settings, struct fr_text *problems);
