/* SPDX-License-Identifier: MIT */
/*
 * What the loadable module framerelayd-camera.so gives the daemon: this machine's cameras, in plain C.
 *
 * The module is the only place that knows libcamera and C++; no exception leaves it, and nothing of the daemon is
 * needed to link it. A camera is opened for one stream of pictures in a format that we can encode. Buffers go round:
 * take() lends one, give_back() lets the camera fill it again; a camera whose buffers are all lent waits.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_cause;
struct fr_camera;

enum {
	FR_CAMERA_ABI = 2,      /* grows with every change to this header */
	FR_CAMERA_BUFFERS = 16, /* a camera never has more than these */
};

/** How pixels lie in memory. */
enum fr_camera_format {
	FR_CAMERA_YUV420, /* three planes, 4:2:0 */
	FR_CAMERA_NV12,   /* two planes, 4:2:0, the second Cb Cr alternating */
	FR_CAMERA_YUYV,   /* one plane, 4:2:2, Y Cb Y Cr */
	FR_CAMERA_RGB,    /* one plane, bytes R G B (libcamera: BGR888) */
	FR_CAMERA_BGR,    /* one plane, bytes B G R (libcamera: RGB888) */
	FR_CAMERA_MJPEG,  /* finished pictures */
};

/** A camera that is there. Texts are borrowed for the call. */
struct fr_camera_info {
	const char *id;       /* what fr_camera_wish.id takes */
	const char *model;    /* "" unknown */
	const char *location; /* "front", "back", "external" or "" */
	const char
	    *modes; /* "1280x720-MJPEG 640x480-YUYV", largest first; "" when it cannot be asked */
};

/** What is wanted of a camera. */
struct fr_camera_wish {
	const char *
	    id; /* an id, the beginning or the end of one, a model, or a number from 0; "": the first */
	unsigned width, height;      /* pixels; the camera may have others */
	int64_t interval_us;         /* between two pictures; 0: as the camera likes */
	bool hflip, vflip;           /* wanted of the camera, which may be unable to */
	const char *const *controls; /* "NAME=VALUE" */
	size_t control_count;
};

/** What came of it. A plain value. */
struct fr_camera_mode {
	enum fr_camera_format format;
	unsigned width, height; /* pixels */
	bool hflip, vflip;      /* done by the camera */
	char id[200];           /* of the camera that it is */
};

/** A picture that was taken, in a buffer that is lent until give_back(). */
struct fr_camera_picture {
	unsigned buffer;          /* below FR_CAMERA_BUFFERS */
	const uint8_t *planes[3]; /* as the format has them */
	size_t strides[3];        /* bytes from line to line */
	size_t sizes[3];          /* bytes that may be read; MJPEG: of the picture */
	int64_t taken_ns; /* CLOCK_BOOTTIME or, from some drivers, CLOCK_MONOTONIC; 0 unknown */
};

/** What fr_camera_module() gives. */
struct fr_camera_ops {
	unsigned abi;        /* FR_CAMERA_ABI of its making */
	const char *library; /* "libcamera 0.7.1" */

	/**
	 * Tells of every camera that is there.
	 *
	 * @retval -errno  `why`
	 *
	 * Thread: any that is not in another call of the module for the same camera. May take a second.
	 */
	int (*list)(void (*each)(void *arg, const struct fr_camera_info *info), void *arg,
	    struct fr_cause *why);

	/**
	 * Opens and starts a camera. May take seconds: not for the loop's thread.
	 *
	 * @retval -ENODEV  there is none, or not this one
	 * @retval -EBUSY   another program has it
	 * @retval -EINVAL  it has no such control, or gives no format that we know: trying again does not help
	 * @retval -errno   anything else
	 */
	int (*open)(const struct fr_camera_wish *wish, struct fr_camera **ret,
	    struct fr_camera_mode *ret_mode, struct fr_cause *why);

	/** @return a descriptor that is readable while take() has something to say. Borrowed */
	int (*wait_fd)(const struct fr_camera *camera);

	/**
	 * Takes the oldest picture that waits.
	 *
	 * @retval 0        *ret, to be given back
	 * @retval -EAGAIN  none waits
	 * @retval -EIO     one came that is no good; its buffer is with the camera again
	 * @retval -ENODEV  the camera is gone; said each time
	 * @retval -ESTALE  another camera is gone, for which all that are open have to be closed; said each time
	 *
	 * Thread: the loop's.
	 */
	int (*take)(struct fr_camera *camera, struct fr_camera_picture *ret);

	/** The camera may fill it again. Thread: the loop's. */
	void (*give_back)(struct fr_camera *camera, unsigned buffer);

	/** Stops and frees; what was lent is gone. May take a second. NULL is fine. */
	void (*close)(struct fr_camera *camera);
};

#ifdef __cplusplus
extern "C" {
#endif

/** The one symbol of the module. @return lives for ever */
__attribute__((visibility("default"))) const struct fr_camera_ops *fr_camera_module(void);

#ifdef __cplusplus
}
#endif
