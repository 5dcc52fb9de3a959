/* SPDX-License-Identifier: MIT */
/*
 * Pictures from standard input: JPEGs one after the other, as camera programs and FFmpeg write them to a pipe.
 *
 * One read for each time that there is something, so nothing blocks although the descriptor, which others share,
 * stays in blocking mode. Files and devices that cannot be waited for are read by a timer, a piece a turn. It
 * always reads: to hold the program before us up would only make its pictures old.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/time.h>

#include <event2/event.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/media/wire.h"
#include "common/net/loop.h"
#include "daemon/relay/ingest.h"
#include "daemon/sources/on_demand.h"
#include "daemon/sources/sources.h"

enum {
	BUFFER = 256 * 1024,
};

struct stdin_source {
	struct fr_source source;
	struct fr_source_env env;
	struct fr_on_demand *od;
	struct fr_wire *wire;
	int fd;
	bool is_file;         /* cannot be waited for: always readable */
	struct event *event;  /* readable, or the timer of a file */
	struct event *pacing; /* set: the next picture is not due yet, nothing is read */
	int64_t interval_us;  /* 0: as they come */
	int64_t due_us;
	uint64_t pictures;
	bool has_ended;

	uint8_t *buffer;
	size_t from, to; /* bytes that were read and not looked at */
};

static void end(struct stdin_source *s, int status, const char *reason)
{
	s->has_ended = true;
	(void)event_del(s->event);
	(void)event_del(s->pacing);
	fr_log(FR_LOG_INFO, "stdin", "standard input ended", "pictures=%llu reason=\"%s\"",
	    (unsigned long long)s->pictures, reason);
	s->env.ended(s->env.arg, status, reason);
}

static void await_input(struct stdin_source *s)
{
	static const struct timeval soon = {0, 1000};

	(void)event_add(s->event, s->is_file ? &soon : NULL);
}

/* --- In --------------------------------------------------------------------------------------- */

static void on_bad(struct stdin_source *s, const struct fr_wire_event *event)
{
	struct fr_ingest *ingest = fr_on_demand_ingest(s->od);
	struct fr_cause why = event->why;

	if (ingest != NULL && fr_ingest_counts(ingest).receiving != 0)
		fr_ingest_reject(ingest, event->reason, 0);
	(void)fr_cause_prefix(&why, 0, "standard input is no row of JPEGs: ");
	end(s, -EINVAL, why.text);
}

/* @return false: too many bad ones */
static bool on_frame(struct stdin_source *s, const struct fr_wire_event *event)
{
	struct fr_ingest *ingest = fr_on_demand_ingest(s->od);
	struct fr_refusal refusal = {0};
	int r;

	if (ingest == NULL || fr_ingest_counts(ingest).receiving == 0) {
		fr_frame_unref(event->frame); /* it began while another publisher had the stream */
		return true;
	}
	r = fr_ingest_frame(ingest, event->frame, event->size, 0, 0, fr_clock_now_us(),
	    fr_clock_real_us(), &refusal);
	if (r == 0) {
		s->pictures++;
		return true;
	}
	fr_log_limited(
	    FR_LOG_WARNING, "stdin", "picture refused", "", "reason=\"%s\"", refusal.why.text);
	if (refusal.code == 0)
		return true;
	end(s, -EINVAL, refusal.why.text);
	return false;
}

/* @return false: the rest has to wait, or it is over */
static bool on_event(struct stdin_source *s, const struct fr_wire_event *event)
{
	struct fr_ingest *ingest = fr_on_demand_ingest(s->od);

	switch (event->type) {
	case FR_WIRE_BEGIN:
		if (ingest != NULL)
			fr_ingest_begin(ingest);
		return true;
	case FR_WIRE_SKIPPED:
		if (ingest != NULL && fr_ingest_counts(ingest).receiving != 0)
			fr_ingest_reject(ingest, FR_REASON_memory_budget, event->size);
		return true;
	case FR_WIRE_BAD:
		on_bad(s, event);
		return false;
	case FR_WIRE_FRAME:
		break;
	default:
		return true;
	}
	if (!on_frame(s, event))
		return false;
	if (s->interval_us == 0)
		return true;
	s->due_us += s->interval_us;
	return s->due_us <= fr_clock_now_us();
}

/* Until the next picture is due, nobody reads. */
static void pause_until_due(struct stdin_source *s)
{
	const int64_t wait_us = s->due_us - fr_clock_now_us();
	const struct timeval wait = {
	    wait_us > 0 ? wait_us / 1000000 : 0, wait_us > 0 ? wait_us % 1000000 : 0};

	(void)event_add(s->pacing, &wait);
}

static void take(struct stdin_source *s)
{
	struct fr_wire_event event;

	while (s->from < s->to) {
		s->from += fr_wire_read(s->wire, s->buffer + s->from, s->to - s->from, &event);
		if (on_event(s, &event))
			continue;
		if (!s->has_ended)
			pause_until_due(s);
		return;
	}
	await_input(s);
}

static void on_pacing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	take(arg);
}

static void on_end(struct stdin_source *s)
{
	struct fr_cause why;

	if (s->pictures == 0) {
		(void)fr_cause_set(&why, ENODATA,
		    "standard input ended before the first picture: pipe JPEGs into it");
		end(s, -ENODATA, why.text);
	} else {
		end(s, 0,
		    fr_wire_is_inside(s->wire) ? "standard input ended inside a picture"
		                               : "standard input ended");
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct stdin_source *s = arg;
	const int64_t now_us = fr_clock_now_us();
	const ssize_t n = read((int)fd >= 0 ? (int)fd : s->fd, s->buffer, BUFFER);
	struct fr_cause why;

	(void)what;
	if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
		await_input(s);
		return;
	}
	if (n < 0) {
		(void)fr_cause_set(
		    &why, errno, "standard input cannot be read: %s", strerrordesc_np(errno));
		end(s, -EIO, why.text);
		return;
	}
	if (n == 0) {
		on_end(s);
		return;
	}
	if (fr_on_demand_ingest(s->od) != NULL)
		fr_ingest_received(fr_on_demand_ingest(s->od), (size_t)n);
	if (s->due_us < now_us - s->interval_us)
		s->due_us = now_us - s->interval_us;
	s->from = 0;
	s->to = (size_t)n;
	take(s);
}

/* --- Life ------------------------------------------------------------------------------------- */

static void on_start(void *arg)
{
	struct stdin_source *s = arg;

	/* After a publisher that had the stream is gone, reading has never stopped. */
	if (!s->has_ended && !event_pending(s->pacing, EV_TIMEOUT, NULL))
		await_input(s);
}

/* What comes while another publisher has the stream is read and forgotten. */
static void on_stop(void *arg)
{
	(void)arg;
}

static const struct fr_on_demand_ops demand_ops = {on_start, on_stop};

static void stdin_close(struct fr_source *source)
{
	struct stdin_source *s = (struct stdin_source *)source;

	if (s->event != NULL)
		event_free(s->event);
	if (s->pacing != NULL)
		event_free(s->pacing);
	fr_on_demand_free(s->od);
	fr_wire_free(s->wire);
	free(s->buffer);
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s);
}

/* Takes a descriptor of our own, so that nobody else's closing of 0 concerns us. */
static int open_input(struct stdin_source *s, struct fr_cause *why)
{
	struct stat st;

	s->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (s->fd < 0 || fstat(s->fd, &st) < 0)
		return fr_cause_set(why, errno, "standard input is closed: pipe JPEGs into it");
	if (isatty(s->fd))
		return fr_cause_set(
		    why, EINVAL, "standard input is a terminal: pipe JPEGs into it");
	/* epoll refuses what is always ready: files, directories, /dev/null. */
	s->is_file = S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISBLK(st.st_mode) ||
	             S_ISCHR(st.st_mode);
	return 0;
}

static int stdin_open(const struct fr_source_env *env, const struct fr_options *options,
    struct fr_source **ret, struct fr_cause *why)
{
	struct stdin_source *s = fr_xcalloc(1, sizeof(*s));
	struct event_base *base = fr_loop_base(env->loop);
	const int64_t fps_milli = fr_options_int(options, "fps");
	const struct fr_on_demand_spec spec = {
	    .kind = "stdin",
	    .stream = fr_options_text(options, "stream"),
	    .always = true,
	    .fps_milli = (uint32_t)fps_milli,
	};
	const struct fr_wire_limits limits = {
	    .max_frame_bytes = (size_t)env->limits->max_frame_bytes,
	    .max_message_bytes = (size_t)env->limits->max_message_bytes,
	};
	int r;

	s->source.ops = fr_source_find("stdin");
	s->env = *env;
	s->interval_us = fps_milli != 0 ? 1000000000 / fps_milli : 0;
	r = open_input(s, why);
	if (r < 0)
		goto fail;
	s->buffer = fr_xcalloc(1, BUFFER);
	s->wire = fr_wire_new(fr_relay_pool(env->relay), &limits, FR_WIRE_MJPEG);
	s->event =
	    event_new(base, s->is_file ? -1 : s->fd, s->is_file ? 0 : EV_READ, on_readable, s);
	s->pacing = evtimer_new(base, on_pacing, s);
	if (s->event == NULL || s->pacing == NULL) {
		r = fr_cause_set(why, ENOMEM, "no memory for the events of standard input");
		goto fail;
	}
	r = fr_on_demand_new(env, &spec, &demand_ops, s, &s->od, why);
	if (r < 0)
		goto fail;
	*ret = &s->source;
	return 0;

fail:
	stdin_close(&s->source);
	return r;
}

static const struct fr_option_spec specs[] = {
    {.name = "stream",
        .type = FR_OPTION_NAME,
        .required = true,
        .def = "pipe",
        .help = "the stream that the pictures go to"},
    {.name = "fps",
        .type = FR_OPTION_MILLI,
        .unit = "pictures/s",
        .zero_is_off = true,
        .min = 1,
        .max = 1000000,
        .def = "0",
        .help = "take at most so many pictures a second and let the writer wait; 0: as they come"},
    {.name = NULL},
};

const struct fr_source_ops fr_source_stdin = {
    .kind = "stdin",
    .summary = "JPEGs from standard input, one after the other (rpicam-vid, ffmpeg -f mjpeg -)",
    .options = specs,
    .open = stdin_open,
    .close = stdin_close,
};
