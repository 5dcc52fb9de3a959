/* SPDX-License-Identifier: MIT */
#include "tests/camera-fake/fake.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/timerfd.h>

#include "common/base/cause.h"

struct fr_camera_fake fr_camera_fake;

struct fr_camera {
	int fd;
	enum fr_camera_format format;
	unsigned width, height, pad;
	unsigned beat_us; /* between two pictures, as the timer was set; 0: not by itself */
	bool lent[FR_FAKE_BUFFERS];
	uint8_t *memory[FR_FAKE_BUFFERS];
	struct fr_camera_picture pictures[FR_FAKE_BUFFERS];
};

/* ---- pixels ---- */

uint8_t fr_camera_fake_sample(unsigned c, unsigned x, unsigned y)
{
	return (uint8_t)(40 + 50 * c + (x * 3 + y * 5 + c * x) % 97);
}

static size_t up(size_t n)
{
	return (n + 1) / 2;
}

size_t fr_camera_fake_size(
    enum fr_camera_format format, unsigned width, unsigned height, unsigned pad)
{
	switch (format) {
	case FR_CAMERA_YUV420:
		return (width + (size_t)pad) * height + 2 * (up(width) + pad) * up(height);
	case FR_CAMERA_NV12:
		return (width + (size_t)pad) * height + (2 * up(width) + pad) * up(height);
	case FR_CAMERA_YUYV:
		return (4 * up(width) + pad) * height;
	default:
		return (3 * (size_t)width + pad) * height;
	}
}

/* Puts one component. */
static void put(uint8_t *to, size_t step, size_t stride, unsigned c, size_t columns, size_t rows)
{
	for (size_t y = 0; y < rows; y++)
		for (size_t x = 0; x < columns; x++)
			to[y * stride + x * step] =
			    fr_camera_fake_sample(c, (unsigned)x, (unsigned)y);
}

void fr_camera_fake_fill(uint8_t *bytes, enum fr_camera_format format, unsigned width,
    unsigned height, unsigned pad, struct fr_camera_picture *ret)
{
	const size_t w = width, h = height;
	struct fr_camera_picture p = {.planes = {bytes}};
	unsigned planes = 1;

	p.strides[0] = w + pad;
	switch (format) {
	case FR_CAMERA_YUV420:
		planes = 3;
		p.strides[1] = p.strides[2] = up(w) + pad;
		p.planes[1] = bytes + p.strides[0] * h;
		p.planes[2] = p.planes[1] + p.strides[1] * up(h);
		put(bytes, 1, p.strides[0], 0, w, h);
		put(bytes + p.strides[0] * h, 1, p.strides[1], 1, up(w), up(h));
		put(bytes + p.strides[0] * h + p.strides[1] * up(h), 1, p.strides[1], 2, up(w),
		    up(h));
		break;
	case FR_CAMERA_NV12:
		planes = 2;
		p.strides[1] = 2 * up(w) + pad;
		p.planes[1] = bytes + p.strides[0] * h;
		put(bytes, 1, p.strides[0], 0, w, h);
		put(bytes + p.strides[0] * h, 2, p.strides[1], 1, up(w), up(h));
		put(bytes + p.strides[0] * h + 1, 2, p.strides[1], 2, up(w), up(h));
		break;
	case FR_CAMERA_YUYV:
		p.strides[0] = 4 * up(w) + pad;
		put(bytes, 2, p.strides[0], 0, w, h);
		put(bytes + 1, 4, p.strides[0], 1, up(w), h);
		put(bytes + 3, 4, p.strides[0], 2, up(w), h);
		break;
	default:
		p.strides[0] = 3 * w + pad;
		for (unsigned c = 0; c < 3; c++)
			put(bytes + (format == FR_CAMERA_RGB ? c : 2 - c), 3, p.strides[0], c, w,
			    h);
		break;
	}
	/* The last line of a real buffer is whole too. */
	for (unsigned i = 0; i < planes; i++)
		p.sizes[i] =
		    fr_camera_fake_size(format, width, height, pad) - (size_t)(p.planes[i] - bytes);
	*ret = p;
}

/* ---- the module ---- */

static unsigned free_buffer(const struct fr_camera *camera)
{
	unsigned i = fr_camera_fake.swallowed;

	while (i < FR_FAKE_BUFFERS && camera->lent[i])
		i++;
	return i;
}

static struct timespec span(long ns)
{
	return (struct timespec){ns / 1000000000, ns % 1000000000};
}

/* Readable now, or after so long; or not. */
static void arm(struct fr_camera *camera, long ns)
{
	const struct itimerspec when = {.it_value = span(ns)};

	camera->beat_us = 0;
	(void)timerfd_settime(camera->fd, 0, &when, NULL);
}

/* A sensor has its own beat, whoever has its buffers. @return whether a picture is due */
static bool is_due(struct fr_camera *camera, unsigned interval_us)
{
	const struct itimerspec beat = {
	    .it_interval = span(interval_us * 1000L), .it_value = {0, 1}};
	uint64_t beats;

	if (camera->beat_us != interval_us)
		(void)timerfd_settime(camera->fd, 0, &beat, NULL);
	camera->beat_us = interval_us;
	return read(camera->fd, &beats, sizeof(beats)) == (ssize_t)sizeof(beats);
}

/*
 * A program that cannot be told otherwise is told by its environment: it has the camera while the file that FAKE_CAMERA
 * names is there, a picture every FAKE_CAMERA_US, which is what the file FAKE_CAMERA_PICTURE holds, as it lies in memory.
 */
static void read_environment(struct fr_camera *camera)
{
	const char *interval = getenv("FAKE_CAMERA_US");
	const char *file = getenv("FAKE_CAMERA_PICTURE");
	const size_t size =
	    fr_camera_fake_size(camera->format, camera->width, camera->height, camera->pad);

	if (interval != NULL)
		fr_camera_fake.interval_us = (unsigned)strtoul(interval, NULL, 10);
	for (unsigned i = 0; i < FR_FAKE_BUFFERS && file != NULL; i++) {
		FILE *f = fopen(file, "re");

		if (f == NULL || fread(camera->memory[i], 1, size, f) != size)
			abort(); /* the test's own mistake */
		(void)fclose(f);
	}
}

static bool is_absent(void)
{
	const char *file = getenv("FAKE_CAMERA");

	return fr_camera_fake.is_absent || (file != NULL && access(file, F_OK) != 0);
}

static int list(
    void (*each)(void *arg, const struct fr_camera_info *info), void *arg, struct fr_cause *why)
{
	const struct fr_camera_info info = {"fake0", "Fake", "external", "640x480-YUV420"};

	(void)why;
	if (!is_absent())
		each(arg, &info);
	return 0;
}

static int say(struct fr_cause *why, int err, const char *text)
{
	(void)snprintf(why->text, sizeof(why->text), "%s", text);
	return -err;
}

static void close_fake(struct fr_camera *camera)
{
	if (camera == NULL)
		return;
	fr_camera_fake.closes++;
	(void)close(camera->fd);
	for (unsigned i = 0; i < FR_FAKE_BUFFERS; i++)
		free(camera->memory[i]);
	free(camera);
}

static int open_fake(const struct fr_camera_wish *wish, struct fr_camera **ret,
    struct fr_camera_mode *ret_mode, struct fr_cause *why)
{
	struct fr_camera_fake *f = &fr_camera_fake;
	struct fr_camera *c;

	if (is_absent())
		return say(why, ENODEV, "no camera is there");
	if (f->is_busy)
		return say(why, EBUSY, "camera fake0 is in use by another program");
	if (wish->control_count > 0 && f->has_no_control)
		return say(why, EINVAL, "this camera has no control; it has: none");
	c = calloc(1, sizeof(*c));
	f->opens++;
	c->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	c->format = f->format;
	c->width = f->width != 0 ? f->width : wish->width;
	c->height = f->height != 0 ? f->height : wish->height;
	c->pad = f->pad;
	for (unsigned i = 0; i < FR_FAKE_BUFFERS; i++) {
		c->memory[i] = malloc(fr_camera_fake_size(c->format, c->width, c->height, c->pad));
		fr_camera_fake_fill(
		    c->memory[i], c->format, c->width, c->height, c->pad, &c->pictures[i]);
		c->pictures[i].buffer = i;
	}
	read_environment(c);
	*ret_mode = (struct fr_camera_mode){.format = c->format,
	    .width = c->width,
	    .height = c->height,
	    .hflip = f->flips && wish->hflip,
	    .vflip = f->flips && wish->vflip,
	    .id = "fake0"};
	*ret = c;
	arm(c, 1);
	return 0;
}

static int wait_fd(const struct fr_camera *camera)
{
	return camera->fd;
}

static int take(struct fr_camera *camera, struct fr_camera_picture *ret)
{
	struct fr_camera_fake *f = &fr_camera_fake;
	/* In a burst, buffers do not count. */
	const bool is_burst = f->burst > 0;
	const unsigned i = is_burst ? f->taken % FR_FAKE_BUFFERS : free_buffer(camera);
	struct timespec now;

	if (is_absent())
		return -ENODEV;
	if (f->is_stale)
		return -ESTALE;
	if (f->is_silent) {
		arm(camera, 1000000); /* looks whether it still is */
		return -EAGAIN;
	}
	if (!is_burst && f->interval_us != 0 && !is_due(camera, f->interval_us))
		return -EAGAIN;
	if (i == FR_FAKE_BUFFERS) {
		if (f->interval_us == 0)
			arm(camera, 0);
		return -EAGAIN;
	}
	if (is_burst)
		f->burst--;
	if (is_burst || f->interval_us == 0)
		arm(camera, 1);
	f->taken++;
	if (f->is_bad)
		return -EIO;
	camera->lent[i] = true;
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	camera->pictures[i].taken_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	*ret = camera->pictures[i];
	return 0;
}

static void give_back(struct fr_camera *camera, unsigned buffer)
{
	const bool was_full = free_buffer(camera) == FR_FAKE_BUFFERS;

	camera->lent[buffer] = false;
	if (was_full && camera->beat_us == 0)
		arm(camera, 1);
}

const struct fr_camera_ops *fr_camera_module(void)
{
	static const struct fr_camera_ops ops = {
	    .abi = FR_CAMERA_ABI,
	    .library = "fake",
	    .list = list,
	    .open = open_fake,
	    .wait_fd = wait_fd,
	    .take = take,
	    .give_back = give_back,
	    .close = close_fake,
	};

	return &ops;
}
