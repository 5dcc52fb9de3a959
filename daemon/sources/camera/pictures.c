/* SPDX-License-Identifier: MIT */
/* From the camera's buffer to the relay: paced, encoded on the worker, the newest first. */
#include <errno.h>
#include <time.h>

#include <event2/event.h>

#include "common/base/clock.h"
#include "common/base/stats.h"
#include "common/media/frame.h"
#include "common/net/loop.h"
#include "daemon/relay/ingest.h"
#include "daemon/relay/relay.h"
#include "daemon/sources/camera/inside.h"

enum {
	PICTURES_PER_TURN = 4, /* a camera that gives thousands at once does not keep the loop */
};

static void run_encode(struct fr_job *job)
{
	struct fr_camera_source *s = FR_CAMERA_SOURCE_OF(job, order);
	struct fr_camera_order *o = &s->order;

	o->frame = fr_camera_encode(s->encoder, fr_relay_pool(s->env.relay), &o->picture, &s->mode,
	    s->rest_turn, s->quality, &o->size, &o->why);
}

static void give_back(struct fr_camera_source *s, unsigned buffer, enum fr_stat reason)
{
	fr_stat_add(reason, 1);
	s->ops->give_back(s->camera, buffer);
}

static void encode_newest(struct fr_camera_source *s)
{
	struct fr_camera_order *o = &s->order;

	if (!s->has_newest || s->is_encoding)
		return;
	s->has_newest = false;
	s->is_encoding = true;
	o->picture = s->newest;
	o->captured_us = s->newest_captured_us;
	o->frame = NULL;
	fr_worker_submit(s->worker, &o->job);
}

static void publish(struct fr_camera_source *s, struct fr_frame *frame)
{
	struct fr_camera_order *o = &s->order;
	struct fr_cause why = o->why;
	struct fr_log_text text;
	int r = -EINVAL;

	if (frame != NULL) {
		if (s->mode.format != FR_CAMERA_MJPEG)
			fr_stat_add(FR_STAT_frames_encoded, 1);
		fr_camera_works(s);
		r = fr_on_demand_frame(s->od, frame, o->size, 0, o->captured_us, &why);
	}
	if (r == 0)
		(void)fr_log_again_end(&s->failing);
	else if (fr_log_again(&s->failing, why.text, fr_clock_now_us()))
		fr_log(FR_LOG_WARNING, "camera", "picture left out", "stream=%s reason=%s",
		    fr_camera_stream_of(s), fr_log_quote(&text, why.text));
}

static void done_encode(struct fr_job *job)
{
	struct fr_camera_source *s = FR_CAMERA_SOURCE_OF(job, order);
	struct fr_frame *frame = s->order.frame;

	s->is_encoding = false;
	s->order.frame = NULL;
	if (s->is_closing || s->state != FR_CAMERA_RUNNING) {
		fr_stat_add(FR_STAT_camera_dropped_stopped, 1);
		fr_frame_unref(frame);
		return;
	}
	s->ops->give_back(s->camera, s->order.picture.buffer);
	publish(s, frame);
	encode_newest(s);
}

static void release_held(struct fr_camera_source *s)
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

static int64_t wanted_interval_us(const struct fr_camera_source *s)
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

static void on_picture(struct fr_camera_source *s, const struct fr_camera_picture *picture)
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
			fr_camera_timer(
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
	struct fr_camera_source *s = arg;
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
			fr_camera_trouble(s,
			    r == -ESTALE ? "another camera was unplugged, and libcamera begins anew"
			                 : "the camera is gone: was it unplugged?");
			return;
		} else {
			on_picture(s, &picture);
		}
	}
}

void fr_camera_pictures_init(struct fr_camera_source *s)
{
	s->order.job = (struct fr_job){.run = run_encode, .done = done_encode};
	(void)evtimer_assign(&s->due, fr_loop_base(s->env.loop), on_due, s);
}

void fr_camera_pictures_begin(struct fr_camera_source *s)
{
	s->pace = (struct fr_pace){0};
	for (unsigned i = 0; i < FR_CAMERA_BUFFERS; i++)
		s->held[i] = false;
	(void)event_assign(&s->ready, fr_loop_base(s->env.loop), s->ops->wait_fd(s->camera),
	    EV_READ | EV_PERSIST, on_ready, s);
	(void)event_add(&s->ready, NULL);
}

void fr_camera_pictures_end(struct fr_camera_source *s)
{
	unsigned waiting = s->has_newest ? 1 : 0;

	(void)event_del(&s->ready);
	(void)event_del(&s->due);
	for (unsigned i = 0; i < FR_CAMERA_BUFFERS; i++)
		waiting += s->held[i] ? 1 : 0;
	fr_stat_add(FR_STAT_camera_dropped_stopped, waiting);
	s->has_newest = false;
}
