/* SPDX-License-Identifier: MIT */
/*
 * What MJPEG viewers see while a stream shows nothing new (docs/protocol.md 2.1): its last picture, greyed.
 *
 * There is one for each stream that somebody watches, made by a worker thread, once for all who watch and for each time
 * that the stream goes stale or offline.
 */
#include "common/media/placeholder.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/net/worker.h"
#include "daemon/doors/http/inside.h"

struct making;

struct http_placeholder {
	LIST_ENTRY(http_placeholder) entry;
	struct http_door *door;
	char stream[FR_NAME_MAX + 1];
	unsigned viewers;       /* it ends with the last one */
	bool is_due;            /* nothing new comes: there is to be one */
	int64_t waits_since_us; /* live, and no picture yet: since when; 0: not so */
	int64_t seen_us;  /* of the picture that `frame` was made from, or is being made from */
	int64_t since_us; /* Unix time of that one; 0: there was none */
	char text[FR_PLACEHOLDER_TEXT_MAX]; /* that stands on it */
	struct fr_frame *frame;             /* NULL: none is due, or it is not ready yet */
	struct making *making;              /* NULL: no thread is at it */
	int64_t again_us;                   /* after a failure: not before */
};

/* --- Making one ------------------------------------------------------------------------------- */

/* Values in, a picture out. */
struct making {
	struct fr_job job;
	struct http_placeholder *owner; /* NULL: nobody watches any more. The loop's */
	struct fr_frame_pool *pool;
	struct fr_frame *last;
	unsigned width, height;
	int64_t seen_us;
	char text[FR_PLACEHOLDER_TEXT_MAX];
	struct fr_frame *made;
};

static void run(struct fr_job *job)
{
	struct making *m = (struct making *)job;

	m->made = fr_placeholder_make(m->pool, m->last, m->width, m->height, m->text);
}

static bool is_for(const struct http_placeholder *ph, int64_t seen_us, const char *text)
{
	return ph->seen_us == seen_us && strcmp(ph->text, text) == 0;
}

static void done(struct fr_job *job)
{
	struct making *m = (struct making *)job;
	struct http_placeholder *ph = m->owner;

	fr_frame_unref(m->last);
	if (ph != NULL)
		ph->making = NULL;
	if (m->made != NULL)
		fr_stat_add(FR_STAT_placeholders_made, 1);
	else if (ph != NULL)
		ph->again_us = fr_clock_now_us() + HTTP_AGAIN_MS * (int64_t)1000;
	if (ph != NULL && ph->is_due && is_for(ph, m->seen_us, m->text))
		ph->frame = m->made;
	else
		fr_frame_unref(m->made); /* the world went on */
	free(m);
}

static void make(struct http_placeholder *ph, const struct fr_stream_info *info)
{
	struct making *m = fr_xcalloc(1, sizeof(*m));

	m->job.run = run;
	m->job.done = done;
	m->owner = ph;
	m->pool = fr_relay_pool(ph->door->env.relay);
	m->last = fr_relay_newest(ph->door->env.relay, ph->stream);
	m->width = info->width;
	m->height = info->height;
	m->seen_us = ph->seen_us;
	memcpy(m->text, ph->text, sizeof(m->text));
	ph->making = m;
	fr_worker_submit(ph->door->worker, &m->job);
}

/* --- When there is to be one ------------------------------------------------------------------ */

/* Who has just come or been woken has a while for his first picture, but no viewer is left without any for long. */
static bool find_due(struct http_placeholder *ph, const struct fr_stream_info *info, int64_t now_us)
{
	if (info->is_fresh) {
		ph->waits_since_us = 0;
		return false;
	}
	if (ph->is_due || info->state != FR_STREAM_LIVE)
		return true;
	if (ph->waits_since_us == 0)
		ph->waits_since_us = now_us;
	return now_us - ph->waits_since_us >= HTTP_AGAIN_MS * (int64_t)1000;
}

static void drop_frame(struct http_placeholder *ph)
{
	fr_frame_unref(ph->frame);
	ph->frame = NULL;
}

static void look(struct http_placeholder *ph, int64_t now_us)
{
	const int64_t real_us = fr_clock_real_us();
	struct fr_stream_info info;
	char text[FR_PLACEHOLDER_TEXT_MAX];

	/* With a viewer it is known. */
	if (!fr_relay_stream(ph->door->env.relay, ph->stream, now_us, &info))
		return;
	ph->is_due = find_due(ph, &info, now_us);
	if (!ph->is_due) {
		drop_frame(ph);
		return;
	}
	/* Once: two clocks read one after the other must not make it another minute. */
	if (info.seen_us != ph->seen_us)
		ph->since_us = real_us - (now_us - info.seen_us);
	fr_placeholder_words(ph->since_us, info.seen_us != info.newest_us, real_us, text);
	if (!is_for(ph, info.seen_us, text)) {
		drop_frame(ph);
		ph->seen_us = info.seen_us;
		memcpy(ph->text, text, sizeof(text));
		ph->again_us = 0;
	}
	if (ph->frame == NULL && ph->making == NULL && now_us >= ph->again_us)
		make(ph, &info);
}

void fr_http_placeholders_tick(struct http_door *d, int64_t now_us)
{
	struct http_placeholder *ph;

	LIST_FOREACH (ph, &d->placeholders, entry)
		look(ph, now_us);
}

struct fr_frame *fr_http_placeholder_frame(const struct http_placeholder *ph)
{
	return ph != NULL ? ph->frame : NULL;
}

bool fr_http_placeholder_hides(struct http_placeholder *ph, int64_t now_us)
{
	/* Only while it is shown this costs a look. */
	if (ph == NULL || !ph->is_due)
		return false;
	look(ph, now_us);
	return ph->is_due;
}

/* --- Life ------------------------------------------------------------------------------------- */

struct http_placeholder *fr_http_placeholder_join(struct http_door *d, const char *stream)
{
	struct http_placeholder *ph;

	if (d->worker == NULL)
		return NULL;
	LIST_FOREACH (ph, &d->placeholders, entry)
		if (strcmp(ph->stream, stream) == 0)
			break;
	if (ph == NULL) {
		ph = fr_xcalloc(1, sizeof(*ph));
		ph->door = d;
		memcpy(ph->stream, stream, strlen(stream) + 1);
		LIST_INSERT_HEAD(&d->placeholders, ph, entry);
	}
	ph->viewers++;
	return ph;
}

void fr_http_placeholder_leave(struct http_placeholder *ph)
{
	if (ph == NULL || --ph->viewers != 0)
		return;
	if (ph->making != NULL)
		ph->making->owner = NULL;
	drop_frame(ph);
	LIST_REMOVE(ph, entry);
	free(ph);
}
