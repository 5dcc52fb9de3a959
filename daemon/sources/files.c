/* SPDX-License-Identifier: MIT */
/*
 * Pictures from a folder, one after the other in order of their names.
 *
 * Folder and files are read by a worker. A round is over when the last file was shown: then the folder is looked at anew, so
 * files that were added come with the next round. What is no JPEG is left out and said once.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>
#include <sys/time.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/media/jpeg_info.h"
#include "common/net/loop.h"
#include "common/net/worker.h"
#include "daemon/relay/relay.h"
#include "daemon/sources/on_demand.h"
#include "daemon/sources/sources.h"

enum {
	TRIES = 32,          /* files that one job looks at before it comes back */
	SKIPPED_MAX = 256,   /* names that are remembered, so that each is said once */
	LOOK_AGAIN_S = 1,    /* while there is nothing to show */
	FRAME_MAX = 67108864 /* bytes, where max_frame_bytes is off */
};

/* Files to be shown, and those that were found to be none. The worker's own while a job is out. */
struct round {
	char *pattern;
	size_t max_bytes;
	struct fr_frame_pool *pool;
	bool loop;
	glob_t files;
	size_t next; /* the file that is shown next */
	bool has_files, showed_any;
	char *skipped[SKIPPED_MAX];
	size_t skipped_count;
};

enum outcome {
	OUTCOME_NOTHING, /* looked, and come again */
	OUTCOME_PICTURE,
	OUTCOME_END,   /* the last one was shown, and no other round is wanted */
	OUTCOME_EMPTY, /* a whole round without a picture */
};

struct files_source {
	struct fr_source source;
	struct fr_source_env env;
	char stream[FR_NAME_MAX + 1];
	struct fr_on_demand *od;
	struct fr_worker *worker;
	struct event timer;
	int64_t interval_us, due_us;
	bool is_closing, is_out, has_ended; /* is_out: the job is with the worker */
	struct fr_log_again empty;

	struct fr_job job;
	struct round round;
	enum outcome outcome;
	struct fr_frame *frame;
	size_t frame_size;
};

/* --- On the worker ---------------------------------------------------------------------------- */

static bool was_skipped(const struct round *round, const char *path)
{
	for (size_t i = 0; i < round->skipped_count; i++)
		if (strcmp(round->skipped[i], path) == 0)
			return true;
	return false;
}

static void skip(struct round *round, const char *path, const char *reason)
{
	struct fr_log_text file, why;

	if (was_skipped(round, path) || round->skipped_count == SKIPPED_MAX)
		return;
	round->skipped[round->skipped_count++] = fr_xstrdup(path);
	fr_log(FR_LOG_WARNING, "files", "file left out", "file=%s reason=%s",
	    fr_log_quote(&file, path), fr_log_quote(&why, reason));
}

/* Reads a file whole. @return NULL with its reason */
static struct fr_frame *read_file(
    const struct round *round, int fd, size_t size, struct fr_cause *why)
{
	struct fr_frame *frame = fr_frame_begin(round->pool, size);
	size_t got = 0;

	if (frame == NULL) {
		(void)fr_cause_set(why, ENOMEM, "no memory for %zu bytes", size);
		return NULL;
	}
	while (got < size) {
		const ssize_t n = read(fd, fr_frame_room(frame) + got, size - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			(void)fr_cause_set(why, EIO, "%s",
			    n < 0 ? strerrordesc_np(errno) : "it became shorter while it was read");
			fr_frame_unref(frame);
			return NULL;
		}
		got += (size_t)n;
	}
	return frame;
}

static struct fr_frame *open_picture(
    const struct round *round, const char *path, size_t *ret_size, struct fr_cause *why)
{
	/* Without O_NONBLOCK the open of a FIFO would wait for its writer. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct fr_frame *frame = NULL;
	struct fr_jpeg_info info;
	struct stat st;

	if (fd < 0) {
		(void)fr_cause_set(why, errno, "%s", strerrordesc_np(errno));
		return NULL;
	}
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size <= 0)
		(void)fr_cause_set(why, EINVAL, "it is no file with something in it");
	else if ((uint64_t)st.st_size > round->max_bytes)
		(void)fr_cause_set(
		    why, EFBIG, "%lld bytes are more than max_frame_bytes", (long long)st.st_size);
	else
		frame = read_file(round, fd, (size_t)st.st_size, why);
	(void)close(fd);
	if (frame == NULL)
		return NULL;
	*ret_size = (size_t)st.st_size;
	if (fr_jpeg_info_read(fr_frame_room(frame), *ret_size, &info, why) == 0)
		return frame;
	fr_frame_unref(frame);
	return NULL;
}

/* Begins a round. @return false: nothing is there */
static bool look(struct round *round)
{
	if (round->has_files)
		globfree(&round->files);
	round->next = 0;
	round->showed_any = false;
	round->has_files = glob(round->pattern, 0, NULL, &round->files) == 0;
	return round->has_files;
}

static enum outcome next_picture(struct files_source *s)
{
	struct round *round = &s->round;

	if (!round->has_files && !look(round))
		return round->loop ? OUTCOME_EMPTY : OUTCOME_END;
	for (unsigned i = 0; i < TRIES; i++) {
		struct fr_cause why;
		const char *path;

		if (round->next == round->files.gl_pathc) {
			if (!round->loop)
				return OUTCOME_END;
			if (!round->showed_any) {
				globfree(&round->files);
				round->has_files = false;
				return OUTCOME_EMPTY;
			}
			if (!look(round))
				return OUTCOME_EMPTY;
		}
		path = round->files.gl_pathv[round->next++];
		s->frame = open_picture(round, path, &s->frame_size, &why);
		if (s->frame != NULL) {
			round->showed_any = true;
			return OUTCOME_PICTURE;
		}
		skip(round, path, why.text);
	}
	return OUTCOME_NOTHING;
}

static void run(struct fr_job *job)
{
	struct files_source *s =
	    (struct files_source *)((char *)job - offsetof(struct files_source, job));

	s->outcome = next_picture(s);
}

/* --- On the loop ------------------------------------------------------------------------------ */

static void wait_for(struct files_source *s, int64_t wait_us)
{
	const struct timeval wait = {wait_us / 1000000, wait_us % 1000000};

	(void)event_add(&s->timer, &wait);
}

static void submit(struct files_source *s)
{
	s->is_out = true;
	s->outcome = OUTCOME_NOTHING;
	fr_worker_submit(s->worker, &s->job);
}

static void end(struct files_source *s)
{
	struct fr_cause why;

	s->has_ended = true;
	if (s->round.showed_any) {
		s->env.ended(s->env.arg, 0, "all files were shown");
		return;
	}
	(void)fr_cause_set(&why, ENOENT, "no JPEG file matches %s", s->round.pattern);
	s->env.ended(s->env.arg, -ENOENT, why.text);
}

/* Nothing to show: said once, and looked for again. */
static void on_empty(struct files_source *s)
{
	struct fr_log_text text;

	if (fr_log_again(&s->empty, "no JPEG file matches", fr_clock_now_us()))
		fr_log(FR_LOG_WARNING, "files", "no JPEG file matches, looking again", "path=%s",
		    fr_log_quote(&text, s->round.pattern));
	wait_for(s, LOOK_AGAIN_S * 1000000LL);
}

static void on_picture(struct files_source *s)
{
	const int64_t now_us = fr_clock_now_us();
	struct fr_cause why = {""};

	if (fr_log_again_end(&s->empty))
		fr_log(FR_LOG_INFO, "files", "there are pictures again", "stream=%s", s->stream);
	if (fr_on_demand_frame(s->od, s->frame, s->frame_size, 0, 0, &why) < 0)
		fr_log_limited(
		    FR_LOG_WARNING, "files", "picture refused", "", "reason=\"%s\"", why.text);
	s->due_us = s->due_us + s->interval_us > now_us ? s->due_us + s->interval_us
	                                                : now_us + s->interval_us;
	wait_for(s, s->due_us - now_us);
}

static void done(struct fr_job *job)
{
	struct files_source *s =
	    (struct files_source *)((char *)job - offsetof(struct files_source, job));
	struct fr_frame *frame = s->frame;

	s->is_out = false;
	s->frame = NULL;
	if (s->is_closing || !fr_on_demand_is_running(s->od)) {
		if (frame != NULL)
			s->round.next--; /* it is shown when the source goes on */
		fr_frame_unref(frame);
		return;
	}
	switch (s->outcome) {
	case OUTCOME_PICTURE:
		s->frame = frame;
		on_picture(s);
		s->frame = NULL;
		break;
	case OUTCOME_NOTHING:
		wait_for(s, 0);
		break;
	case OUTCOME_EMPTY:
		on_empty(s);
		break;
	case OUTCOME_END:
		end(s);
		break;
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct files_source *s = arg;

	(void)fd;
	(void)what;
	if (!s->is_out)
		submit(s);
}

static void on_start(void *arg)
{
	struct files_source *s = arg;

	if (!s->has_ended)
		wait_for(s, 0);
}

static void on_stop(void *arg)
{
	struct files_source *s = arg;

	(void)event_del(&s->timer);
}

static const struct fr_on_demand_ops demand_ops = {on_start, on_stop};

/* --- Life ------------------------------------------------------------------------------------- */

static void files_close(struct fr_source *source)
{
	struct files_source *s = (struct files_source *)source;

	s->is_closing = true;
	fr_worker_free(s->worker);
	(void)event_del(&s->timer);
	fr_on_demand_free(s->od);
	if (s->round.has_files)
		globfree(&s->round.files);
	for (size_t i = 0; i < s->round.skipped_count; i++)
		free(s->round.skipped[i]);
	free(s->round.pattern);
	free(s);
}

static int files_open(const struct fr_source_env *env, const struct fr_options *options,
    struct fr_source **ret, struct fr_cause *why)
{
	struct files_source *s = fr_xcalloc(1, sizeof(*s));
	const int64_t fps_milli = fr_options_int(options, "fps");
	const struct fr_on_demand_spec spec = {
	    .kind = "files",
	    .stream = fr_options_text(options, "stream"),
	    .always = !fr_options_bool(options, "on_demand"),
	    .fps_milli = (uint32_t)fps_milli,
	};
	int r;

	s->source.ops = fr_source_find("files");
	s->env = *env;
	(void)snprintf(s->stream, sizeof(s->stream), "%s", spec.stream);
	s->interval_us = 1000000000 / fps_milli;
	s->round.pattern = fr_xstrdup(fr_options_text(options, "path"));
	s->round.loop = fr_options_bool(options, "loop");
	s->round.pool = fr_relay_pool(env->relay);
	s->round.max_bytes =
	    env->limits->max_frame_bytes != 0 ? (size_t)env->limits->max_frame_bytes : FRAME_MAX;
	s->job = (struct fr_job){.run = run, .done = done};
	(void)evtimer_assign(&s->timer, fr_loop_base(env->loop), on_timer, s);
	r = fr_worker_new(env->loop, 1, "files", &s->worker, why);
	if (r < 0)
		goto fail;
	r = fr_on_demand_new(env, &spec, &demand_ops, s, &s->od, why);
	if (r < 0)
		goto fail;
	*ret = &s->source;
	return 0;

fail:
	files_close(&s->source);
	return r;
}

static const struct fr_option_spec specs[] = {
    {.name = "stream",
        .type = FR_OPTION_NAME,
        .required = true,
        .def = "slides",
        .help = "the stream that the pictures go to"},
    {.name = "path",
        .type = FR_OPTION_STRING,
        .required = true,
        .def = "/srv/pictures/*.jpg",
        .help = "which files: a name with *, ? and [ ]; they are shown in order of their names"},
    {.name = "fps",
        .type = FR_OPTION_MILLI,
        .unit = "pictures/s",
        .min = 1,
        .max = 1000000,
        .def = "1",
        .help = "how many pictures a second are shown"},
    {.name = "loop",
        .type = FR_OPTION_BOOL,
        .def = "true",
        .help = "begin anew after the last file; new files come with the next round"},
    {.name = "on_demand",
        .type = FR_OPTION_BOOL,
        .def = "true",
        .help = "show pictures only while somebody watches"},
    {.name = NULL},
};

const struct fr_source_ops fr_source_files = {
    .kind = "files",
    .summary = "the JPEG files of a folder, one after the other",
    .argument = "path",
    .options = specs,
    .open = files_open,
    .close = files_close,
};
