/* SPDX-License-Identifier: MIT */
/* When a camera's picture is wanted, and when it was taken. Pure: the times are handed in. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/** Lets every so-manieth picture through; all zero is "nothing came yet". A plain value. */
struct fr_pace {
	int64_t due_us;  /* of the next picture */
	int64_t came_us; /* the last one, taken or not */
};

enum fr_pace_verdict {
	FR_PACE_TAKE,
	FR_PACE_SKIP, /* nobody wants so many: the camera may have its buffer at once */
	FR_PACE_HOLD, /* faster than the camera was asked for: it gets its buffer when the next picture is due */
};

/**
 * A picture came.
 *
 * @param asked_us   between two pictures, as the camera was asked; 0: as it likes
 * @param wanted_us  as they are wanted now, asked_us or more; 0: all
 *
 * Half an interval early is in time: the mean is right all the same.
 */
enum fr_pace_verdict fr_pace(
    struct fr_pace *pace, int64_t asked_us, int64_t wanted_us, int64_t now_us);

/**
 * A driver's stamp as Unix time.
 *
 * @param taken_ns      by the clock since the start of the machine, with or without its sleep (libcamera says with, some
 *                      drivers stamp without); 0 unknown
 * @param boot_ns       CLOCK_BOOTTIME now
 * @param monotonic_ns  CLOCK_MONOTONIC now
 * @param real_us       CLOCK_REALTIME now
 * @return us since the Unix epoch; now where the stamp says nothing
 */
int64_t fr_camera_unix_us(int64_t taken_ns, int64_t boot_ns, int64_t monotonic_ns, int64_t real_us);
