/* SPDX-License-Identifier: MIT */
/* Finds the camera module, which is a package of its own: a relay without a camera needs neither it nor libcamera. */
#pragma once

struct fr_camera_ops;
struct fr_cause;

/**
 * Loads framerelayd-camera.so: the file that the environment's FRAMERELAYD_CAMERA names, else the one beside the program, else the
 * installed one. It stays loaded.
 *
 * @param ret       lives for ever
 * @retval -ENOENT  it is not installed; `why` says what to install
 * @retval -ELIBACC it is there and cannot be used; `why`
 */
int fr_camera_load(const struct fr_camera_ops **ret, struct fr_cause *why);
