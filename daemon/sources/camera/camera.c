/* SPDX-License-Identifier: MIT */
/* A camera of this machine as a source, through the loadable module. */
#include "daemon/sources/camera/camera.h"

#include <stdlib.h>

#include <sys/time.h>

#include <event2/event.h>

#include "common/base/options.h"
#include "common/base/xalloc.h"
#include "daemon/sources/camera/inside.h"
#include "daemon/sources/camera/load.h"
#include "daemon/sources/sources.h"

const char *fr_camera_stream_of(const struct fr_camera_source *s)
{
	return fr_options_text(s->options, "stream");
}

void fr_camera_timer(struct event *timer, int64_t us)
{
	const struct timeval wait = {us / 1000000, us % 1000000};

	(void)event_add(timer, &wait);
}

static void camera_close(struct fr_source *source)
{
	struct fr_camera_source *s = (struct fr_camera_source *)source;

	s->is_closing = true;
	fr_worker_free(s->worker);
	if (s->state == FR_CAMERA_RUNNING)
		fr_camera_pictures_end(s);
	(void)event_del(&s->watch);
	(void)event_del(&s->again);
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

static void read_options(struct fr_camera_source *s, const struct fr_options *from)
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
	struct fr_camera_source *s = fr_xcalloc(1, sizeof(*s));
	struct fr_on_demand_spec spec = {
	    .kind = "camera",
	    .stream = fr_options_text(options, "stream"),
	    .always = !fr_options_bool(options, "on_demand"),
	    .fps_milli = (uint32_t)fr_options_int(options, "fps"),
	};
	int r;

	s->source.ops = fr_source_find("camera");
	s->env = *env;
	fr_camera_session_init(s);
	fr_camera_pictures_init(s);
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
	r = fr_on_demand_new(env, &spec, &fr_camera_demand_ops, s, &s->od, why);
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
        .type = FR_OPTION_PAIRS,
        .def = "",
        .help =
            "controls of the camera, as { NAME = VALUE; } or [ \"NAME=VALUE\" ]; a wrong name is "
            "answered with the list"},
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
