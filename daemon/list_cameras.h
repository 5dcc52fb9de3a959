/* SPDX-License-Identifier: MIT */
/* `framerelayd --list-cameras`: the cameras of this machine. */
#pragma once

#include <stdbool.h>

struct fr_cause;
struct fr_text;

/**
 * Adds a line for each camera: number, id, model, where it is; and one with its sizes.
 *
 * @retval -errno  the module is not installed, or libcamera does not start; `why`
 *
 * Blocks for up to a second.
 */
int fr_list_cameras(struct fr_text *to, struct fr_cause *why);

/** @return whether there is a camera; without a word where there is no module. Blocks likewise */
bool fr_camera_is_there(void);
