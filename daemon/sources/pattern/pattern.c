/* SPDX-License-Identifier: MIT */
/*
 * The test picture as a source: a timer asks for a picture, a worker draws and encodes it.
 *
 * One picture is made at a time. When the worker is late, pictures are left out and none is made up for.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

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
#include "common/media/jpeg_encode.h"
#include "common/net/loop.h"
#include "common/net/worker.h"
#include "daemon/relay/relay.h"
#include "daemon/sources/on_demand.h"
#include "daemon/sources/pattern/picture.h"
#include "daemon/sources/sources.h"

enum {
	SIDE_MAX = 65500,       /* what libjpeg-turbo encodes */
	PIXELS_MAX = 100000000, /* 300 MB twice: beyond that a typing error is likelier */
};

/* One picture in the making: values in, values out. The worker's while it is out. */
struct order {
	struct fr_job job;
	struct fr_pattern_picture *picture;
	struct fr_jpeg_encoder *encoder;
	struct fr_frame_pool *pool;
	unsigned width, height;
	int quality;
	uint64_t number;

	int64_t drawn_us; /* Unix time */
	struct fr_frame *frame;
	size_t size;
	struct fr_cause why;
};

struct pattern_source {
	struct fr_source source;
	struct fr_on_demand *od;
	struct fr_worker *worker;
	struct event timer;
	int64_t interval_us, due_us; /* due_us: when the next picture is to be drawn */
	bool is_out, is_closing;
	struct fr_log_again failing;
	struct order order;
};

static struct pattern_source *of_job(struct fr_job *job)
{
	return (struct pattern_source *)((char *)job - offsetof(struct pattern_source, order.job));
}

static void run(struct fr_job *job)
{
	struct order *o = &of_job(job)->order;
	struct fr_image image = {.pixels = FR_PIXELS_RGB, .width = o->width, .height = o->height};

	o->drawn_us = fr_clock_real_us();
	image.planes[0] = fr_pattern_picture_draw(o->picture, o->drawn_us, o->number);
	o->frame = fr_jpeg_encode(o->encoder, o->pool, &image, o->quality, &o->size, &o->why);
}

static void publish(struct pattern_source *s, struct fr_frame *frame)
{
	struct fr_cause why = s->order.why;
	struct fr_log_text text;
	int r = -ENOMEM;

	if (frame != NULL) {
		fr_stat_add(FR_STAT_frames_encoded, 1);
		r = fr_on_demand_frame(s->od, frame, s->order.size, 0, s->order.drawn_us, &why);
	}
	if (r == 0)
		(void)fr_log_again_end(&s->failing);
	else if (fr_log_again(&s->failing, why.text, fr_clock_now_us()))
		fr_log(FR_LOG_WARNING, "pattern", "picture left out", "reason=%s",
		    fr_log_quote(&text, why.text));
}

static void done(struct fr_job *job)
{
	struct pattern_source *s = of_job(job);
	struct fr_frame *frame = s->order.frame;

	s->is_out = false;
	s->order.frame = NULL;
	if (s->is_closing || !fr_on_demand_is_running(s->od))
		fr_frame_unref(frame);
	else
		publish(s, frame);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct pattern_source *s = arg;
	const int64_t now_us = fr_clock_now_us();
	struct timeval wait;

	(void)fd;
	(void)what;
	s->due_us += s->interval_us;
	if (s->due_us <= now_us)
		s->due_us = now_us + s->interval_us;
	wait = (struct timeval){(s->due_us - now_us) / 1000000, (s->due_us - now_us) % 1000000};
	(void)event_add(&s->timer, &wait);
	if (s->is_out)
		return;
	s->is_out = true;
	s->order.number++;
	fr_worker_submit(s->worker, &s->order.job);
}

static void on_start(void *arg)
{
	struct pattern_source *s = arg;

	s->due_us = fr_clock_now_us();
	on_timer(-1, 0, s);
}

static void on_stop(void *arg)
{
	struct pattern_source *s = arg;

	(void)event_del(&s->timer);
}

static const struct fr_on_demand_ops demand_ops = {on_start, on_stop};

static void pattern_close(struct fr_source *source)
{
	struct pattern_source *s = (struct pattern_source *)source;

	s->is_closing = true;
	fr_worker_free(s->worker);
	(void)event_del(&s->timer);
	fr_on_demand_free(s->od);
	fr_jpeg_encoder_free(s->order.encoder);
	fr_pattern_picture_free(s->order.picture);
	free(s);
}

static int make_picture(struct order *o, const char *name, struct fr_cause *why)
{
	if (o->width > SIDE_MAX || o->height > SIDE_MAX ||
	    (uint64_t)o->width * o->height > PIXELS_MAX)
		return fr_cause_set(why, EINVAL,
		    "size = \"%ux%u\": must be at most %d a side and %d pixels in all", o->width,
		    o->height, SIDE_MAX, PIXELS_MAX);
	o->picture = fr_pattern_picture_new(name, o->width, o->height);
	if (o->picture == NULL)
		return fr_cause_set(why, ENOMEM, "no memory for %ux%u pixels: take a smaller size",
		    o->width, o->height);
	return 0;
}

static int pattern_open(const struct fr_source_env *env, const struct fr_options *options,
    struct fr_source **ret, struct fr_cause *why)
{
	struct pattern_source *s = fr_xcalloc(1, sizeof(*s));
	struct order *o = &s->order;
	struct fr_on_demand_spec spec = {
	    .kind = "pattern",
	    .stream = fr_options_text(options, "stream"),
	    .always = !fr_options_bool(options, "on_demand"),
	    .fps_milli = (uint32_t)fr_options_int(options, "fps"),
	};
	int r;

	s->source.ops = fr_source_find("pattern");
	s->interval_us = 1000000000 / spec.fps_milli;
	fr_options_pixels(options, "size", &o->width, &o->height);
	spec.width = o->width;
	spec.height = o->height;
	o->quality = (int)fr_options_int(options, "quality");
	o->pool = fr_relay_pool(env->relay);
	o->job = (struct fr_job){.run = run, .done = done};
	o->encoder = fr_jpeg_encoder_new();
	(void)evtimer_assign(&s->timer, fr_loop_base(env->loop), on_timer, s);
	r = make_picture(o, spec.stream, why);
	if (r < 0)
		goto fail;
	r = fr_worker_new(env->loop, 1, "pattern", &s->worker, why);
	if (r < 0)
		goto fail;
	r = fr_on_demand_new(env, &spec, &demand_ops, s, &s->od, why);
	if (r < 0)
		goto fail;
	*ret = &s->source;
	return 0;

fail:
	pattern_close(&s->source);
	return r;
}

static const struct fr_option_spec specs[] = {
    {.name = "stream",
        .type = FR_OPTION_NAME,
        .required = true,
        .def = "test",
        .help = "the stream that the pictures go to; the picture shows its name"},
    {.name = "size",
        .type = FR_OPTION_PIXELS,
        .unit = "px",
        .def = "640x480",
        .help = "width and height of the picture"},
    {.name = "fps",
        .type = FR_OPTION_MILLI,
        .unit = "pictures/s",
        .min = 1,
        .max = 1000000,
        .def = "15",
        .help = "how many pictures a second are made"},
    {.name = "quality",
        .type = FR_OPTION_UINT,
        .min = 1,
        .max = 100,
        .def = "85",
        .help = "the quality of the JPEG"},
    {.name = "on_demand",
        .type = FR_OPTION_BOOL,
        .def = "true",
        .help = "make pictures only while somebody watches"},
    {.name = NULL},
};

const struct fr_source_ops fr_source_pattern = {
    .kind = "pattern",
    .summary = "a moving test picture with a clock and a running number",
    .options = specs,
    .open = pattern_open,
    .close = pattern_close,
};
