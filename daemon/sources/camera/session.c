/* SPDX-License-Identifier: MIT */
/* The camera is opened and closed: as pictures are wanted, and as it is unplugged and comes back. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/event.h>

#include "common/base/clock.h"
#include "common/net/loop.h"
#include "daemon/relay/ingest.h"
#include "daemon/sources/camera/inside.h"

enum {
	AGAIN_FIRST_US = 500000,
	AGAIN_MOST_US = 10000000,
};

static void steer(struct fr_camera_source *s);

/* ---- on the worker ---- */

static void run_open(struct fr_job *job)
{
	struct fr_camera_source *s = FR_CAMERA_SOURCE_OF(job, opening);
	struct fr_camera_opening *o = &s->opening;

	o->status = s->ops->open(&s->wish, &o->camera, &o->mode, &o->why);
}

static void run_close(struct fr_job *job)
{
	struct fr_camera_source *s = FR_CAMERA_SOURCE_OF(job, closing);

	s->ops->close(s->closing.camera);
	s->closing.camera = NULL;
}

/* ---- a camera that goes away, and comes again ---- */

static void close_camera(struct fr_camera_source *s)
{
	fr_camera_pictures_end(s);
	(void)event_del(&s->watch);
	s->closing.camera = s->camera;
	s->camera = NULL;
	s->state = FR_CAMERA_CLOSING;
	fr_worker_submit(s->worker, &s->closing.job);
}

void fr_camera_trouble(struct fr_camera_source *s, const char *reason)
{
	struct fr_ingest *ingest = fr_on_demand_ingest(s->od);
	const int64_t now_us = fr_clock_now_us();
	/* Unplugged, it then is not there to be opened: one trouble, one line. */
	const enum fr_log_level level = s->trouble.times == 0 ? FR_LOG_WARNING : FR_LOG_DEBUG;
	struct fr_log_text text;

	if (fr_log_again(&s->trouble, reason, now_us))
		fr_log(level, "camera", "camera does not work, it is tried again",
		    "stream=%s reason=%s", fr_camera_stream_of(s), fr_log_quote(&text, reason));
	if (ingest != NULL)
		fr_ingest_set_up(ingest, false, now_us);
	s->has_failed = true;
	if (s->state == FR_CAMERA_RUNNING)
		close_camera(s);
}

void fr_camera_works(struct fr_camera_source *s)
{
	struct fr_ingest *ingest = fr_on_demand_ingest(s->od);

	fr_retry_reset(&s->retry);
	if (!fr_log_again_end(&s->trouble))
		return;
	fr_log(FR_LOG_INFO, "camera", "camera works again", "stream=%s", fr_camera_stream_of(s));
	if (ingest != NULL)
		fr_ingest_set_up(ingest, true, fr_clock_now_us());
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct fr_camera_source *s = arg;

	(void)fd;
	(void)what;
	s->state = FR_CAMERA_RESTING;
	steer(s);
}

static void on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct fr_camera_source *s = arg;
	/* While every buffer is held for a slow rate, nothing can come. */
	const int64_t most_us = s->silent_us + 2 * s->wish.interval_us;
	const int64_t silent_us = fr_clock_now_us() - s->alive_us;
	char reason[100];

	(void)fd;
	(void)what;
	if (silent_us < most_us) {
		fr_camera_timer(&s->watch, most_us - silent_us);
		return;
	}
	(void)snprintf(reason, sizeof(reason), "the camera has given no picture for %lld ms",
	    (long long)(silent_us / 1000));
	fr_camera_trouble(s, reason);
}

/* ---- what the worker has done ---- */

static void give_up(struct fr_camera_source *s, const struct fr_cause *why)
{
	s->state = FR_CAMERA_USELESS;
	s->env.ended(s->env.arg, -EINVAL, why->text);
}

static void begin(struct fr_camera_source *s)
{
	const struct fr_camera_opening *o = &s->opening;
	const int64_t now_us = fr_clock_now_us();

	s->camera = o->camera;
	s->mode = o->mode;
	s->rest_turn = s->turn;
	s->rest_turn.hflip = s->turn.hflip != o->mode.hflip;
	s->rest_turn.vflip = s->turn.vflip != o->mode.vflip;
	s->state = FR_CAMERA_RUNNING;
	s->alive_us = now_us;
	s->warm_us = now_us + s->warmup_us;
	fr_camera_pictures_begin(s);
	fr_camera_timer(&s->watch, s->silent_us);
	fr_log(FR_LOG_INFO, "camera", "camera runs", "stream=%s camera=\"%s\" size=%ux%u %s",
	    fr_camera_stream_of(s), s->mode.id, s->mode.width, s->mode.height, s->ops->library);
}

static void done_open(struct fr_job *job)
{
	struct fr_camera_source *s = FR_CAMERA_SOURCE_OF(job, opening);
	const struct fr_camera_opening *o = &s->opening;

	if (o->status == 0)
		begin(s);
	else
		s->state = FR_CAMERA_RESTING;
	if (s->is_closing)
		return;
	if (o->status == -EINVAL) {
		give_up(s, &o->why);
		return;
	}
	if (o->status < 0)
		fr_camera_trouble(s, o->why.text);
	steer(s);
}

static void done_close(struct fr_job *job)
{
	struct fr_camera_source *s = FR_CAMERA_SOURCE_OF(job, closing);

	s->state = FR_CAMERA_RESTING;
	if (!s->is_closing)
		steer(s);
}

/* ---- demand ---- */

/* Goes one step towards what is wanted; whatever is under way calls it again. */
static void steer(struct fr_camera_source *s)
{
	if (s->state == FR_CAMERA_RUNNING && !s->is_wanted) {
		close_camera(s);
	} else if (s->state == FR_CAMERA_WAITING && !s->is_wanted) {
		(void)event_del(&s->again);
		s->state = FR_CAMERA_RESTING;
	} else if (s->state == FR_CAMERA_RESTING && s->is_wanted && s->has_failed) {
		s->has_failed = false;
		s->state = FR_CAMERA_WAITING;
		fr_camera_timer(&s->again, fr_retry_next_us(&s->retry, (uint32_t)random()));
	} else if (s->state == FR_CAMERA_RESTING && s->is_wanted) {
		s->state = FR_CAMERA_OPENING;
		s->opening.camera = NULL;
		s->opening.status = -ECANCELED;
		fr_worker_submit(s->worker, &s->opening.job);
	}
}

static void on_start(void *arg)
{
	struct fr_camera_source *s = arg;

	s->is_wanted = true;
	s->has_failed = false; /* who comes now does not wait for it */
	steer(s);
}

static void on_stop(void *arg)
{
	struct fr_camera_source *s = arg;

	s->is_wanted = false;
	steer(s);
}

const struct fr_on_demand_ops fr_camera_demand_ops = {on_start, on_stop};

void fr_camera_session_init(struct fr_camera_source *s)
{
	struct event_base *base = fr_loop_base(s->env.loop);

	s->retry = (struct fr_retry){.first_us = AGAIN_FIRST_US, .most_us = AGAIN_MOST_US};
	s->opening.job = (struct fr_job){.run = run_open, .done = done_open};
	s->closing.job = (struct fr_job){.run = run_close, .done = done_close};
	(void)evtimer_assign(&s->watch, base, on_watch, s);
	(void)evtimer_assign(&s->again, base, on_again, s);
}
