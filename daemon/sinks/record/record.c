/* SPDX-License-Identifier: MIT */
/*
 * A stream's pictures as files, as one MJPEG file, on standard output, or only as numbers.
 *
 * A worker writes, one picture at a time; the subscription's queue holds what comes meanwhile. A disk that is full or
 * gone costs pictures, is said once, and is tried again with each picture.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/eventfd.h>
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
#include "common/net/worker.h"
#include "daemon/relay/relay.h"
#include "daemon/relay/subscriber.h"
#include "daemon/sinks/record/name.h"
#include "daemon/sinks/record/numbers.h"
#include "daemon/sinks/record/writer.h"
#include "daemon/sinks/sinks.h"

/* One picture to be written. The worker's while it is out. */
struct order {
	struct fr_job job;
	struct fr_writer *writer;
	struct fr_frame *frame;
	bool was_run;
	int result;
	struct fr_cause why;
};

struct record {
	struct fr_sink sink;
	struct fr_sink_env env;
	char stream[FR_NAME_MAX + 1];
	enum fr_name_kind kind;
	struct fr_subscriber *sub; /* NULL: takes no more */
	uint64_t dropped;          /* by the subscription, once it is gone */
	struct fr_worker *worker;
	int cancel_fd; /* eventfd: the worker need not wait any longer */
	struct order order;
	bool is_out, is_leaving, is_closing, has_ended;
	uint64_t written, most; /* most: 0 no end */
	int64_t bytes;
	bool has_numbers;
	struct fr_numbers numbers;
	struct event second, duration;
	struct fr_log_again failing;
};

static struct record *of_job(struct fr_job *job)
{
	return (struct record *)((char *)job - offsetof(struct record, order.job));
}

static uint64_t dropped(const struct record *s)
{
	return s->sub != NULL ? fr_subscriber_dropped(s->sub) : s->dropped;
}

/* Takes nothing more; what is with the worker is still written and counted. */
static void leave(struct record *s)
{
	if (s->sub == NULL)
		return;
	s->is_leaving = true;
	fr_subscriber_drain(s->sub);
	if (s->is_out)
		return; /* done() comes back to it */
	s->dropped = dropped(s);
	fr_subscriber_free(s->sub, fr_clock_now_us());
	s->sub = NULL;
}

static void end(struct record *s, int status, const char *reason)
{
	if (s->has_ended)
		return;
	s->has_ended = true;
	leave(s);
	(void)event_del(&s->second);
	(void)event_del(&s->duration);
	if (s->has_numbers) {
		fr_numbers_print(&s->numbers, dropped(s), fr_clock_now_us());
		fr_numbers_end(&s->numbers);
	}
	s->env.ended(s->env.arg, status, reason);
}

/* --- One picture after the other -------------------------------------------------------------- */

static void run(struct fr_job *job)
{
	struct order *o = &of_job(job)->order;

	o->was_run = true;
	o->result = fr_writer_write(o->writer, o->frame, &o->why);
}

static void take_next(struct record *s)
{
	struct fr_frame *frame;

	if (s->is_out || s->is_leaving)
		return;
	frame = fr_subscriber_next(s->sub, fr_clock_now_us());
	if (frame == NULL)
		return;
	s->is_out = true;
	s->order.frame = frame;
	s->order.was_run = false;
	s->order.result = -ECANCELED;
	fr_worker_submit(s->worker, &s->order.job);
}

static void on_written(struct record *s, const struct fr_frame *frame)
{
	const struct fr_frame_info *info = fr_frame_info(frame);

	s->written++;
	s->bytes += (int64_t)fr_frame_size(frame);
	fr_numbers_add(&s->numbers, fr_frame_size(frame), fr_clock_real_us() - info->captured_us);
	if (s->kind != FR_NAME_NONE)
		fr_stat_add(FR_STAT_files_written, 1);
	if (fr_log_again_end(&s->failing))
		fr_log(FR_LOG_INFO, "record", "writing again", "stream=%s", s->stream);
}

static void on_failed(struct record *s)
{
	struct fr_log_text text;

	if (s->order.result == -EPIPE || s->order.result == -ECANCELED)
		return;
	fr_stat_add(FR_STAT_write_errors, 1);
	if (s->kind == FR_NAME_OUTPUT)
		return; /* that is its end, and it is said there */
	/* Told by its cause: the sentence has the name of the file, which is another each time. */
	if (fr_log_again(&s->failing, strerrordesc_np(-s->order.result), fr_clock_now_us()))
		fr_log(FR_LOG_ERROR, "record", "picture not written, trying again with the next",
		    "stream=%s reason=%s", s->stream, fr_log_quote(&text, s->order.why.text));
}

static void done(struct fr_job *job)
{
	struct record *s = of_job(job);
	struct fr_frame *frame = s->order.frame;

	s->is_out = false;
	s->order.frame = NULL;
	if (s->sub != NULL)
		fr_subscriber_sent(s->sub);
	if (s->order.result == 0)
		on_written(s, frame);
	else if (s->order.was_run)
		on_failed(s);
	fr_frame_unref(frame);
	if (s->is_leaving)
		leave(s);
	if (s->is_closing)
		return;
	if (s->order.result == -EPIPE)
		end(s, 0, "whoever read standard output has gone");
	else if (s->kind == FR_NAME_OUTPUT && s->order.was_run && s->order.result < 0 &&
	         s->order.result != -ECANCELED)
		end(s, s->order.result, s->order.why.text); /* half a picture may be out already */
	else if (s->most != 0 && s->written >= s->most)
		end(s, 0, "all pictures that were asked for are there");
	else
		take_next(s);
}

static void on_ready(void *arg)
{
	take_next(arg);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	end(arg, -EACCES, refusal->why.text);
}

static const struct fr_subscriber_ops subscriber_ops = {on_ready, on_closed};

/* --- Timers ----------------------------------------------------------------------------------- */

static void on_second(evutil_socket_t fd, short what, void *arg)
{
	struct record *s = arg;

	(void)fd;
	(void)what;
	fr_numbers_print(&s->numbers, dropped(s), fr_clock_now_us());
}

static void on_duration(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	end(arg, 0, "the time is over");
}

static void start_timers(struct record *s, int64_t duration_ms)
{
	static const struct timeval second = {1, 0};
	const struct timeval wait = {duration_ms / 1000, duration_ms % 1000 * 1000};

	fr_numbers_init(&s->numbers, s->stream, STDERR_FILENO, fr_clock_now_us());
	if (s->has_numbers)
		(void)event_add(&s->second, &second);
	if (duration_ms != 0)
		(void)event_add(&s->duration, &wait);
}

/* --- Life ------------------------------------------------------------------------------------- */

static void record_drain(struct fr_sink *sink)
{
	leave((struct record *)sink);
}

static bool record_busy(const struct fr_sink *sink)
{
	return ((const struct record *)sink)->is_out;
}

static void record_close(struct fr_sink *sink)
{
	struct record *s = (struct record *)sink;
	const uint64_t one = 1;

	s->is_closing = true;
	/* An eventfd of our own that is 0 takes a 1. */
	if (s->cancel_fd >= 0)
		(void)!write(s->cancel_fd, &one, sizeof(one));
	fr_worker_free(s->worker);
	leave(s);
	(void)event_del(&s->second);
	(void)event_del(&s->duration);
	if (s->has_numbers && !s->has_ended)
		fr_numbers_end(&s->numbers);
	if (s->written != 0)
		fr_log(FR_LOG_INFO, "record", "recording ended",
		    "stream=%s pictures=%llu bytes=%lld dropped=%llu", s->stream,
		    (unsigned long long)s->written, (long long)s->bytes,
		    (unsigned long long)s->dropped);
	fr_writer_free(s->order.writer);
	if (s->cancel_fd >= 0)
		(void)close(s->cancel_fd);
	free(s);
}

static int record_check(const struct fr_options *options, struct fr_cause *why)
{
	const int64_t keep = fr_options_int(options, "keep_bytes");
	const char *timestamps = fr_options_text(options, "timestamps");

	enum fr_name_kind kind;

	if (fr_name_check(fr_options_text(options, "output"), &kind, why) < 0)
		return -EINVAL;
	if (keep != 0 && kind != FR_NAME_EACH)
		return fr_cause_set(why, EINVAL,
		    "keep_bytes needs an output with a file for each picture, such as %%06n.jpg");
	if (strlen(timestamps) >= FR_NAME_PATH_MAX / 2)
		return fr_cause_set(why, EINVAL, "timestamps: must be shorter than %d characters",
		    FR_NAME_PATH_MAX / 2);
	return 0;
}

static int subscribe(struct record *s, const struct fr_options *options, struct fr_cause *why)
{
	struct fr_subscribe_spec spec = {
	    .door = "record",
	    .who = {.ours = true},
	    .queue_frames = (int)fr_options_int(options, "queue_frames"),
	    .queue_age_ms = fr_options_int(options, "queue_age_ms"),
	    .max_fps_milli = (uint32_t)fr_options_int(options, "max_fps"),
	};
	struct fr_refusal refusal;
	int r;

	(void)snprintf(spec.stream, sizeof(spec.stream), "%s", s->stream);
	r = fr_relay_subscribe(
	    s->env.relay, &spec, &subscriber_ops, s, fr_clock_now_us(), &s->sub, &refusal);
	return r < 0 ? fr_cause_set(why, -r, "stream %s: %s", s->stream, refusal.why.text) : 0;
}

static int record_open(const struct fr_sink_env *env, const struct fr_options *options,
    struct fr_sink **ret, struct fr_cause *why)
{
	struct record *s = fr_xcalloc(1, sizeof(*s));
	struct event_base *base = fr_loop_base(env->loop);
	struct fr_writer_spec spec = {
	    .output = fr_options_text(options, "output"),
	    .timestamps = fr_options_text(options, "timestamps"),
	    .keep_bytes = fr_options_int(options, "keep_bytes"),
	    .output_fd = STDOUT_FILENO,
	};
	int r;

	s->sink.ops = fr_sink_find("record");
	s->env = *env;
	(void)snprintf(s->stream, sizeof(s->stream), "%s", fr_options_text(options, "stream"));
	s->most = (uint64_t)fr_options_int(options, "count");
	s->order.job = (struct fr_job){.run = run, .done = done};
	(void)event_assign(&s->second, base, -1, EV_PERSIST, on_second, s);
	(void)evtimer_assign(&s->duration, base, on_duration, s);
	s->cancel_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (s->cancel_fd < 0) {
		r = fr_cause_set(why, errno, "no descriptor is left: %s", strerrordesc_np(errno));
		goto fail;
	}
	r = fr_name_check(spec.output, &s->kind, why);
	if (r == 0)
		r = record_check(options, why);
	if (r == 0)
		r = fr_worker_new(env->loop, 1, "record", &s->worker, why);
	if (r < 0)
		goto fail;
	spec.kind = s->kind;
	spec.cancel_fd = s->cancel_fd;
	s->order.writer = fr_writer_new(&spec);
	s->has_numbers = fr_options_bool(options, "stats");
	r = subscribe(s, options, why);
	if (r < 0)
		goto fail;
	start_timers(s, fr_options_int(options, "duration_ms"));
	*ret = &s->sink;
	return 0;

fail:
	record_close(&s->sink);
	return r;
}

static const struct fr_option_spec specs[] = {
    {.name = "stream",
        .type = FR_OPTION_NAME,
        .required = true,
        .def = "door",
        .help = "the stream whose pictures are recorded"},
    {.name = "output",
        .type = FR_OPTION_STRING,
        .def = "",
        .help =
            "what the files are called: %n or %06n is the picture's sequence, %Y %m %d %H %M %S "
            "and others of strftime its capture time; a name without % is replaced by the newest "
            "picture; .mjpeg: one file; -: standard output; empty: no files"},
    {.name = "timestamps",
        .type = FR_OPTION_STRING,
        .def = "",
        .help =
            "a CSV file that gets a line for each picture: sequence, capture time, receive time, "
            "bytes, file; empty: none"},
    {.name = "keep_bytes",
        .type = FR_OPTION_SIZE,
        .unit = "bytes",
        .zero_is_off = true,
        .min = 1024,
        .max = INT64_C(1) << 50,
        .def = "0",
        .help = "how much the files may take together; beyond that the oldest are removed, earlier "
                "runs' "
                "of the same output too; 0: no limit"},
    {.name = "count",
        .type = FR_OPTION_UINT,
        .unit = "pictures",
        .zero_is_off = true,
        .min = 1,
        .max = INT64_C(1) << 50,
        .def = "0",
        .help = "stop after so many pictures; 0: never"},
    {.name = "duration_ms",
        .type = FR_OPTION_UINT,
        .unit = "ms",
        .zero_is_off = true,
        .min = 1,
        .max = INT64_C(365) * 86400 * 1000,
        .def = "0",
        .help = "stop after so long; 0: never"},
    {.name = "max_fps",
        .type = FR_OPTION_MILLI,
        .unit = "pictures/s",
        .zero_is_off = true,
        .min = 1,
        .max = 1000000,
        .def = "0",
        .help = "the most pictures a second that are taken, the newest each time; 0: all"},
    {.name = "queue_frames",
        .type = FR_OPTION_UINT,
        .unit = "frames",
        .min = 1,
        .max = 64,
        .def = "64",
        .help = "pictures that wait while the disk is slow, before the oldest is dropped"},
    {.name = "queue_age_ms",
        .type = FR_OPTION_UINT,
        .unit = "ms",
        .zero_is_off = true,
        .min = 1,
        .max = 3600000,
        .def = "5000",
        .help = "how old a waiting picture may get before it is dropped; 0: no limit"},
    {.name = "stats",
        .type = FR_OPTION_BOOL,
        .def = "false",
        .help = "one line a second on standard error: pictures/s, MB/s, age p50 and p99, dropped"},
    {.name = NULL},
};

const struct fr_sink_ops fr_sink_record = {
    .kind = "record",
    .summary = "a stream's pictures as files, as one MJPEG file, or on standard output",
    .options = specs,
    .check = record_check,
    .open = record_open,
    .drain = record_drain,
    .busy = record_busy,
    .close = record_close,
};
