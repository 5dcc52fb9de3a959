/* SPDX-License-Identifier: MIT */
/* A camera that does what a test says, behind daemon/sources/camera/camera.h. Loaded as the module is, and told here. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>

#include "daemon/sources/camera/camera.h"

enum {
	FR_FAKE_BUFFERS = 4,
};

struct fr_camera_fake {
	/* What it does; set from the test at any time. */
	atomic_bool is_absent;      /* not there, or unplugged while it runs */
	atomic_bool is_stale;       /* another camera was unplugged while it runs */
	atomic_bool is_busy;        /* another program has it */
	atomic_bool is_silent;      /* gives nothing and says nothing */
	atomic_bool is_bad;         /* every picture is no good */
	atomic_bool has_no_control; /* refuses the controls it is given */
	atomic_bool flips;          /* hflip and vflip are done by the camera */
	atomic_uint swallowed;      /* buffers that never come back from it */
	atomic_uint interval_us;    /* between pictures; 0: as fast as it gets its buffers */
	atomic_uint burst;          /* so many at once whatever is given back, then as above */
	atomic_uint format;         /* enum fr_camera_format */
	atomic_uint width, height;  /* 0: as wished */
	atomic_uint pad;            /* bytes behind each line */

	/* What it has seen. */
	atomic_uint opens, closes, taken;
};

/** Its only one. */
extern struct fr_camera_fake fr_camera_fake;

/** Of every picture: the sample at x, y of component c (0 Y or red). Smooth, and different everywhere. */
uint8_t fr_camera_fake_sample(unsigned c, unsigned x, unsigned y);

/** Fills a picture of this format with those samples. `bytes` has room for what *ret says in sizes. */
void fr_camera_fake_fill(uint8_t *bytes, enum fr_camera_format format, unsigned width,
    unsigned height, unsigned pad, struct fr_camera_picture *ret);

/** @return bytes that it needs */
size_t fr_camera_fake_size(
    enum fr_camera_format format, unsigned width, unsigned height, unsigned pad);
