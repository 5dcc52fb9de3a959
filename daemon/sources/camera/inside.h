/* SPDX-License-Identifier: MIT */
/*
 * The camera as a source, in three files: camera.c begins and ends it, session.c opens and closes the camera as it is
 * wanted and as it comes and goes, pictures.c brings its pictures to the encoder and to the relay.
 *
 * One thread of a worker opens, encodes and closes, in this order of its jobs: so a camera is never closed under a picture
 * that is being encoded. The loop takes the pictures, a few a turn, and keeps the newest one for the encoder; what comes
 * too early, or before the encoder is ready, goes back to the camera unencoded and is counted.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event_struct.h>

#include "common/base/cause.h"
#include "common/base/log.h"
#include "common/net/retry.h"
#include "common/net/worker.h"
#include "daemon/sources/camera/camera.h"
#include "daemon/sources/camera/encode.h"
#include "daemon/sources/camera/pace.h"
#include "daemon/sources/on_demand.h"
#include "daemon/sources/source.h"

struct fr_options;

enum fr_camera_state {
	FR_CAMERA_RESTING, /* until pictures are wanted */
	FR_CAMERA_OPENING, /* until the worker has done it */
	FR_CAMERA_RUNNING, /* until nobody wants pictures, or there is trouble; `watch` guards it */
	FR_CAMERA_CLOSING, /* until the worker has done it */
	FR_CAMERA_WAITING, /* after trouble; until `again` */
	FR_CAMERA_USELESS, /* for good: what was asked for cannot be had */
};

/* The worker's while they are out. */
struct fr_camera_opening {
	struct fr_job job;
	struct fr_camera *camera;
	struct fr_camera_mode mode;
	int status;
	struct fr_cause why;
};

struct fr_camera_closing {
	struct fr_job job;
	struct fr_camera *camera; /* NULL: closed */
};

struct fr_camera_order {
	struct fr_job job;
	struct fr_camera_picture picture;
	int64_t captured_us; /* Unix time */
	struct fr_frame *frame;
	size_t size;
	struct fr_cause why;
};

struct fr_camera_source {
	struct fr_source source;
	struct fr_source_env env;
	const struct fr_camera_ops *ops;
	struct fr_on_demand *od;
	struct fr_worker *worker;
	struct fr_camera_encoder *encoder;

	struct fr_camera_wish wish;
	struct fr_options *options; /* what the wish borrows from */
	const char **controls;
	struct fr_turn turn; /* wanted in all */
	int quality;
	int64_t warmup_us, silent_us;

	enum fr_camera_state state;
	bool is_wanted, is_closing;
	bool has_failed;          /* the next try waits */
	struct fr_camera *camera; /* FR_CAMERA_RUNNING */
	struct fr_camera_mode mode;
	struct fr_turn rest_turn; /* what the camera does not do itself */
	int64_t warm_us;          /* pictures before this do not count */
	int64_t alive_us;         /* of the last sign of life */
	struct fr_pace pace;
	bool held[FR_CAMERA_BUFFERS]; /* given back when the next picture is due */
	bool has_newest, is_encoding;
	struct fr_camera_picture newest;
	int64_t newest_captured_us;
	struct event ready, watch, again, due;

	struct fr_retry retry;
	struct fr_log_again trouble, failing;
	struct fr_camera_opening opening;
	struct fr_camera_closing closing;
	struct fr_camera_order order;
};

/** The source that one of its jobs is in. */
#define FR_CAMERA_SOURCE_OF(job, member)                                                           \
	((struct fr_camera_source *)((char *)(job)-offsetof(struct fr_camera_source, member.job)))

const char *fr_camera_stream_of(const struct fr_camera_source *s);
void fr_camera_timer(struct event *timer, int64_t us);

/* ---- session.c ---- */

extern const struct fr_on_demand_ops fr_camera_demand_ops; /* with the source as arg */

/** Fills its jobs and timers. */
void fr_camera_session_init(struct fr_camera_source *s);

/** The camera fails: says it once, and tries again later. */
void fr_camera_trouble(struct fr_camera_source *s, const char *reason);

/** A picture of it is good. */
void fr_camera_works(struct fr_camera_source *s);

/* ---- pictures.c ---- */

/** Fills its job and timer. */
void fr_camera_pictures_init(struct fr_camera_source *s);

/** From now on the pictures of the camera, which is open, are taken. */
void fr_camera_pictures_begin(struct fr_camera_source *s);

/** No more of them; what the encoder has comes to nothing. */
void fr_camera_pictures_end(struct fr_camera_source *s);
