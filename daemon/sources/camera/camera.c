/* SPDX-License-Identifier: MIT */
/*
 * A camera of this machine as a source, through the loadable module.
 *
 * One thread of a worker opens, encodes and closes, in this order of its jobs: so a camera is never closed under a picture
 * that is being encoded. The loop takes the pictures, a few a turn, and keeps the newest one for the encoder; what comes
 * too early, or before the encoder is ready, goes back to the camera unencoded and is counted.
 */
#include "daemon/sources/camera/camera.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <sys/time.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/net/loop.h"
#include "common/net/retry.h"
#include "common/net/worker.h"
#include "daemon/relay/ingest.h"
#include "daemon/relay/relay.h"
#include "daemon/sources/camera/encode.h"
#include "daemon/sources/camera/load.h"
#include "daemon/sources/camera/pace.h"
#include "daemon/sources/on_demand.h"
#include "daemon/sources/sources.h"

enum {
	PICTURES_PER_TURN = 4, /* a camera that gives thousands at once does not keep the loop */
	AGAIN_FIRST_US = 500000,
	AGAIN_MOST_US = 10000000,
};

enum state {
	RESTING, /* until pictures are wanted */
	OPENING, /* until the worker has done it */
	RUNNING, /* until nobody wants pictures, or there is trouble; `watch` guards it */
	CLOSING, /* until the worker has done it */
	WAITING, /* after trouble; until `again` */
	USELESS, /* for good: what was asked for cannot be had */
};

/* The worker's while they are out. */
struct opening {
	struct fr_job job;
	struct fr_camera *camera;
	struct fr_camera_mode mode;
	int status;
	struct fr_cause why;
};

struct closing {
	struct fr_job job;
	struct fr_camera *camera; /* NULL: closed */
};

struct order {
	struct fr_job job;
	struct fr_camera_picture picture;
	int64_t captured_us; /* Unix time */
	struct fr_frame *frame;
	size_t size;
	struct fr_cause why;
};

struct camera_source {
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

	enum state state;
	bool is_wanted, is_closing;
	bool has_failed;          /* the next try waits */
	struct fr_camera *camera; /* RUNNING */
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
	struct opening opening;
	struct closing closing;
	struct order order;
};

#define OF(job, member)                                                                            \
	((struct camera_source *)((char *)(job)-offsetof(struct camera_source, member.job)))

static void steer(struct camera_source *s);

static const char *stream_of(const struct camera_source *s)
{
	return fr_options_text(s->options, "stream");
}

static void start_timer(struct event *timer, int64_t us)
{
	const struct timeval wait = {us / 1000000, us % 1000000};

	(void)event_add(timer, &wait);
}

/* ---- on the worker ---- */

static void run_open(struct fr_job *job)
{
	struct camera_source *s = OF(job, opening);
	struct opening *o = &s->opening;

	o->status = s->ops->open(&s->wish, &o->camera, &o->mode, &o->why);
}

static void run_close(struct fr_job *job)
{
	struct camera_source *s = OF(job, closing);

	s->ops->close(s->closing.camera);
	s->closing.camera = NULL;
}

static void run_encode(struct fr_job *job)
{
	struct camera_source *s = OF(job, order);
	struct order *o = &s->order;

	o->frame = fr_camera_encode(s->encoder, fr_relay_pool(s->env.relay), &o->picture, &s->mode,
	    s->rest_turn, s->quality, &o->size, &o->why);
}

/* ---- a camera that goes away, and comes again ---- */

static void close_camera(struct camera_source *s)
{
	(void)event_del(&s->ready);
	(void)event_del(&s->watch);
	(void)event_del(&s->due);
	s->has_newest = false;
	s->closing.camera = s->camera;
	s->camera = NULL;
	s->state = CLOSING;
	fr_worker_submit(s->worker, &s->closing.job);
}

/* Says it once, and tries again later. */
static void on_trouble(struct camera_source *s, const char *reason)
{
	struct fr_ingest *ingest = fr_on_demand_ingest(s->od);
	const int64_t now_us = fr_clock_now_us();
	struct fr_log_text text;

	if (fr_log_again(&s->trouble, reason, now_us))
		fr_log(FR_LOG_WARNING, "camera", "camera does not work, it is tried again",
		    "stream=%s reason=%s", stream_of(s), fr_log_quote(&text, reason));
	if (ingest != NULL)
		fr_ingest_set_up(ingest, false, now_us);
	s->has_failed = true;
	if (s->state == RUNNING)
		close_camera(s);
}

static void on_works(struct camera_source *s)
{
	struct fr_ingest *ingest = fr_on_demand_ingest(s->od);

	fr_retry_reset(&s->retry);
	if (!fr_log_again_end(&s->trouble))
		return;
	fr_log(FR_LOG_INFO, "camera", "camera works again", "stream=%s", stream_of(s));
	if (ingest != NULL)
		fr_ingest_set_up(ingest, true, fr_clock_now_us());
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct camera_source *s = arg;

	(void)fd;
	(void)what;
	s->state = RESTING;
	steer(s);
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct camera_source *s = arg;
	/* While every buffer is held for a slow rate, nothing can come. */
	const int64_t most_us = s->silent_us + 2 * s->wish.interval_us;
	const int64_t silent_us = fr_clock_now_us() - s->alive_us;
	char reason[100];

	(void)fd;
	(void)what;
	if (silent_us < most_us) {
		start_timer(&s->watch, most_us - silent_us);
		return;
	}
	(void)snprintf(reason, sizeof(reason), "the camera has given no picture for %lld ms",
	    (long long)(silent_us / 1000));
	on_trouble(s, reason);
}

/* ---- pictures ---- */

static void give_back(struct camera_source *s, unsigned buffer, enum fr_stat reason)
{
	fr_stat_add(reason, 1);
	s->ops->give_back(s->camera, buffer);
}

static void encode_newest(struct camera_source *s)
{
	struct order *o = &s->order;

	if (!s->has_newest || s->is_encoding)
		return;
	s->has_newest = false;
	s->is_encoding = true;
	o->picture = s->newest;
	o->captured_us = s->newest_captured_us;
	o->frame = NULL;
	fr_worker_submit(s->worker, &o->job);
}

static void publish(struct camera_source *s, struct fr_frame *frame)
{
	struct order *o = &s->order;
	struct fr_cause why = o->why;
	struct fr_log_text text;
	int r = -EINVAL;

	if (frame != NULL) {
		if (s->mode.format != FR_CAMERA_MJPEG)
			fr_stat_add(FR_STAT_frames_encoded, 1);
		on_works(s);
		r = fr_on_demand_frame(s->od, frame, o->size, 0, o->captured_us, &why);
	}
	if (r == 0)
		(void)fr_log_again_end(&s->failing);
	else if (fr_log_again(&s->failing, why.text, fr_clock_now_us()))
		fr_log(FR_LOG_WARNING, "camera", "picture left out", "stream=%s reason=%s",
		    stream_of(s), fr_log_quote(&text, why.text));
}

static void done_encode(struct fr_job *job)
{
	struct camera_source *s = OF(job, order);
	struct fr_frame *frame = s->order.frame;

	s->is_encoding = false;
	s->order.frame = NULL;
	if (s->is_closing || s->state != RUNNING) {
		fr_frame_unref(frame);
		return;
	}
	s->ops->give_back(s->camera, s->order.picture.buffer);
	publish(s, frame);
	encode_newest(s);
}

static void release_held(struct camera_source *s)
{
	(void)event_del(&s->due);
	for (unsigned i = 0; i < FR_CAMERA_BUFFERS; i++) {
		if (s->held[i])
			give_back(s, i, FR_STAT_camera_dropped_paced);
		s->held[i] = false;
	}
}

static void on_due(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	release_held(arg);
}

static int64_t wanted_interval_us(const struct camera_source *s)
{
	const struct fr_ingest *ingest = fr_on_demand_ingest(s->od);
	uint32_t rate_milli = 0;

	if (ingest != NULL)
		(void)fr_ingest_demand(ingest, &rate_milli);
	return rate_milli != 0 ? INT64_C(1000000000) / rate_milli : 0;
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	(void)clock_gettime(clock, &ts); /* cannot fail for these */
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void on_picture(struct camera_source *s, const struct fr_camera_picture *picture)
{
	const int64_t now_us = fr_clock_now_us();
	const int64_t wanted_us = wanted_interval_us(s);

	fr_stat_add(FR_STAT_camera_pictures, 1);
	s->alive_us = now_us;
	switch (fr_pace(&s->pace, s->wish.interval_us, wanted_us, now_us)) {
	case FR_PACE_TAKE:
		break;
	case FR_PACE_SKIP:
		give_back(s, picture->buffer, FR_STAT_camera_dropped_paced);
		return;
	case FR_PACE_HOLD:
		s->held[picture->buffer] = true;
		if (!event_pending(&s->due, EV_TIMEOUT, NULL))
			start_timer(
			    &s->due, s->pace.due_us - now_us > 0 ? s->pace.due_us - now_us : 0);
		return;
	}
	release_held(s);
	if (now_us < s->warm_us) {
		give_back(s, picture->buffer, FR_STAT_camera_dropped_warmup);
		return;
	}
	if (s->has_newest)
		give_back(s, s->newest.buffer, FR_STAT_camera_dropped_newest);
	s->newest = *picture;
	s->newest_captured_us = fr_camera_unix_us(picture->taken_ns, clock_ns(CLOCK_BOOTTIME),
	    clock_ns(CLOCK_MONOTONIC), fr_clock_real_us());
	s->has_newest = true;
	encode_newest(s);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct camera_source *s = arg;
	struct fr_camera_picture picture;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < PICTURES_PER_TURN; i++) {
		const int r = s->ops->take(s->camera, &picture);

		if (r == -EAGAIN)
			return;
		if (r == -EIO) {
			fr_stat_add(FR_STAT_camera_dropped_bad, 1);
		} else if (r < 0) {
			on_trouble(s, "the camera is gone: was it unplugged?");
			return;
		} else {
			on_picture(s, &picture);
		}
	}
}

/* ---- what the worker has done ---- */

static void give_up(struct camera_source *s, const struct fr_cause *why)
{
	s->state = USELESS;
	s->env.ended(s->env.arg, -EINVAL, why->text);
}

static void run(struct camera_source *s)
{
	const struct opening *o = &s->opening;
	const int64_t now_us = fr_clock_now_us();

	s->camera = o->camera;
	s->mode = o->mode;
	s->rest_turn = s->turn;
	s->rest_turn.hflip = s->turn.hflip != o->mode.hflip;
	s->rest_turn.vflip = s->turn.vflip != o->mode.vflip;
	s->state = RUNNING;
	s->alive_us = now_us;
	s->warm_us = now_us + s->warmup_us;
	s->pace = (struct fr_pace){0};
	for (unsigned i = 0; i < FR_CAMERA_BUFFERS; i++)
		s->held[i] = false;
	(void)event_assign(&s->ready, fr_loop_base(s->env.loop), s->ops->wait_fd(s->camera),
	    EV_READ | EV_PERSIST, on_ready, s);
	(void)event_add(&s->ready, NULL);
	start_timer(&s->watch, s->silent_us);
	fr_log(FR_LOG_INFO, "camera", "camera runs", "stream=%s camera=\"%s\" size=%ux%u %s",
	    stream_of(s), s->mode.id, s->mode.width, s->mode.height, s->ops->library);
}

static void done_open(struct fr_job *job)
{
	struct camera_source *s = OF(job, opening);
	const struct opening *o = &s->opening;

	if (o->status == 0)
		run(s);
	else
		s->state = RESTING;
	if (s->is_closing)
		return;
	if (o->status == -EINVAL) {
		give_up(s, &o->why);
		return;
	}
	if (o->status < 0)
		on_trouble(s, o->why.text);
	steer(s);
}

static void done_close(struct fr_job *job)
{
	struct camera_source *s = OF(job, closing);

	s->state = RESTING;
	if (!s->is_closing)
		steer(s);
}

/* ---- demand ---- */

/* Goes one step towards what is wanted; whatever is under way calls it again. */
static void steer(struct camera_source *s)
{
	if (s->state == RUNNING && !s->is_wanted) {
		close_camera(s);
	} else if (s->state == WAITING && !s->is_wanted) {
		(void)event_del(&s->again);
		s->state = RESTING;
	} else if (s->state == RESTING && s->is_wanted && s->has_failed) {
		s->has_failed = false;
		s->state = WAITING;
		start_timer(&s->again, fr_retry_next_us(&s->retry, (uint32_t)random()));
	} else if (s->state == RESTING && s->is_wanted) {
		s->state = OPENING;
		s->opening.camera = NULL;
		s->opening.status = -ECANCELED;
		fr_worker_submit(s->worker, &s->opening.job);
	}
}

static void on_start(void *arg)
{
	struct camera_source *s = arg;

	s->is_wanted = true;
	s->has_failed = false; /* who comes now does not wait for it */
	steer(s);
}

static void on_stop(void *arg)
{
	struct camera_source *s = arg;

	s->is_wanted = false;
	steer(s);
}

static const struct fr_on_demand_ops demand_ops = {on_start, on_stop};

/* ---- life ---- */

static void camera_close(struct fr_source *source)
{
	struct camera_source *s = (struct camera_source *)source;

	s->is_closing = true;
	fr_worker_free(s->worker);
	if (s->state == RUNNING)
		(void)event_del(&s->ready);
	(void)event_del(&s->watch);
	(void)event_del(&s->again);
	(void)event_del(&s->due);
	if (s->ops != NULL) {
		s->ops->close(s->camera);
		s->ops->close(s->closing.camera); /* not NULL: the worker did not come to it */
	}
	fr_on_demand_free(s->od);
	fr_camera_encoder_free(s->encoder);
	fr_options_free(s->options);
	free(s->controls);
	free(s);
}

static void read_options(struct camera_source *s, const struct fr_options *from)
{
	const struct fr_options *options = s->options = fr_options_copy(from);
	const int64_t fps_milli = fr_options_int(options, "fps");
	const size_t count = fr_options_count(options, "controls");

	s->controls = fr_xcalloc(count + 1, sizeof(*s->controls));
	for (size_t i = 0; i < count; i++)
		s->controls[i] = fr_options_item(options, "controls", i);
	s->turn = fr_turn_of(fr_options_bool(options, "hflip"), fr_options_bool(options, "vflip"),
	    (unsigned)strtoul(fr_options_text(options, "rotate"), NULL, 10));
	s->quality = (int)fr_options_int(options, "quality");
	s->warmup_us = fr_options_int(options, "warmup_ms") * 1000;
	s->silent_us = fr_options_int(options, "silent_ms") * 1000;
	s->wish = (struct fr_camera_wish){
	    .id = fr_options_text(options, "camera"),
	    .interval_us = INT64_C(1000000000) / fps_milli,
	    .hflip = s->turn.hflip,
	    .vflip = s->turn.vflip,
	    .controls = s->controls,
	    .control_count = count,
	};
	fr_options_pixels(options, "size", &s->wish.width, &s->wish.height);
}

static int camera_open(const struct fr_source_env *env, const struct fr_options *options,
    struct fr_source **ret, struct fr_cause *why)
{
	struct camera_source *s = fr_xcalloc(1, sizeof(*s));
	struct event_base *base = fr_loop_base(env->loop);
	struct fr_on_demand_spec spec = {
	    .kind = "camera",
	    .stream = fr_options_text(options, "stream"),
	    .always = !fr_options_bool(options, "on_demand"),
	    .fps_milli = (uint32_t)fr_options_int(options, "fps"),
	};
	int r;

	s->source.ops = fr_source_find("camera");
	s->env = *env;
	s->retry = (struct fr_retry){.first_us = AGAIN_FIRST_US, .most_us = AGAIN_MOST_US};
	s->opening.job = (struct fr_job){.run = run_open, .done = done_open};
	s->closing.job = (struct fr_job){.run = run_close, .done = done_close};
	s->order.job = (struct fr_job){.run = run_encode, .done = done_encode};
	(void)evtimer_assign(&s->watch, base, on_watch, s);
	(void)evtimer_assign(&s->again, base, on_again, s);
	(void)evtimer_assign(&s->due, base, on_due, s);
	read_options(s, options);
	spec.width = s->turn.right ? s->wish.height : s->wish.width;
	spec.height = s->turn.right ? s->wish.width : s->wish.height;
	s->encoder = fr_camera_encoder_new();
	r = fr_camera_load(&s->ops, why);
	if (r < 0)
		goto fail;
	r = fr_worker_new(env->loop, 1, "camera", &s->worker, why);
	if (r < 0)
		goto fail;
	r = fr_on_demand_new(env, &spec, &demand_ops, s, &s->od, why);
	if (r < 0)
		goto fail;
	*ret = &s->source;
	return 0;

fail:
	camera_close(&s->source);
	return r;
}

static const struct fr_option_spec specs[] = {
    {.name = "stream",
        .type = FR_OPTION_NAME,
        .required = true,
        .def = "bench",
        .help = "the stream that the pictures go to"},
    {.name = "camera",
        .type = FR_OPTION_STRING,
        .def = "",
        .help = "which one, as --list-cameras names it: an id or an end of one, a model, or a "
                "number from 0; empty: the first"},
    {.name = "size",
        .type = FR_OPTION_PIXELS,
        .unit = "px",
        .def = "640x480",
        .help = "width and height of the picture before it is turned; the camera takes the "
                "nearest that it has"},
    {.name = "fps",
        .type = FR_OPTION_MILLI,
        .unit = "pictures/s",
        .min = 1,
        .max = 1000000,
        .def = "30",
        .help = "how many pictures a second are taken; fewer while nobody wants as many"},
    {.name = "quality",
        .type = FR_OPTION_UINT,
        .min = 1,
        .max = 100,
        .def = "85",
        .help = "the quality of the JPEG; pictures that the camera itself makes are left as "
                "they are"},
    {.name = "hflip",
        .type = FR_OPTION_BOOL,
        .def = "false",
        .help = "change left and right, in the camera where it can"},
    {.name = "vflip", .type = FR_OPTION_BOOL, .def = "false", .help = "change top and bottom"},
    {.name = "rotate",
        .type = FR_OPTION_CHOICE,
        .unit = "degrees",
        .choices = "0|90|180|270",
        .def = "0",
        .help = "turn to the right, before the flips"},
    {.name = "controls",
        .type = FR_OPTION_LIST,
        .def = "",
        .help = "controls of the camera, each \"NAME=VALUE\"; a wrong name is answered with the "
                "list"},
    {.name = "warmup_ms",
        .type = FR_OPTION_UINT,
        .unit = "ms",
        .max = 60000,
        .def = "2000",
        .help = "the camera runs so long before its pictures count: exposure and colours settle"},
    {.name = "silent_ms",
        .type = FR_OPTION_UINT,
        .unit = "ms",
        .min = 500,
        .max = 600000,
        .def = "5000",
        .help = "a camera that gives no picture for so long is closed and opened again"},
    {.name = "on_demand",
        .type = FR_OPTION_BOOL,
        .def = "true",
        .help = "run the camera only while somebody watches"},
    {.name = NULL},
};

const struct fr_source_ops fr_source_camera = {
    .kind = "camera",
    .summary = "a camera of this machine, through libcamera",
    .argument = "camera",
    .options = specs,
    .open = camera_open,
    .close = camera_close,
};
