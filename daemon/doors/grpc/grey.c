/* SPDX-License-Identifier: MIT */
/* The grey pictures that getStream sends: made by a worker thread, once a picture for all who ask. */
#include <stdlib.h>

#include "common/base/cause.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/media/base64.h"
#include "common/media/frame.h"
#include "common/media/jpeg_decode.h"
#include "common/media/jpeg_info.h"
#include "common/media/jpeg_transform.h"
#include "common/media/rendition.h"
#include "common/net/worker.h"
#include "daemon/doors/grpc/inside.h"

enum {
	KEPT = 8, /* pictures; who asks for an older one makes it again */
};

struct grpc_grey {
	struct fr_job job;
	TAILQ_ENTRY(grpc_grey) entry;
	struct grpc_door *door;
	struct fr_frame_pool *pool;
	struct fr_frame *source, *made;
	struct fr_jpeg_decode_limits limits;
	struct fr_cause why;
	bool is_done;
	LIST_HEAD(, grpc_grey_wait) waits;
};

static void encode(struct grpc_grey *g, const uint8_t *bytes, size_t size)
{
	size_t length;

	g->made = fr_base64_encode(g->pool, bytes, size, &length);
	if (g->made != NULL)
		fr_frame_finish(g->made, length, fr_frame_info(g->source));
	else
		(void)fr_cause_set(&g->why, 0, "no room for a picture");
}

static void run(struct fr_job *job)
{
	static const struct fr_rendition gray = {.gray = true};
	struct grpc_grey *g = (struct grpc_grey *)job;
	const uint8_t *bytes = fr_frame_bytes(g->source);
	const size_t size = fr_frame_size(g->source);
	struct fr_transformed made;
	struct fr_jpeg_info info;
	enum fr_reason reason;

	if (fr_jpeg_info_read(bytes, size, &info, &g->why) == 0 && info.components == 1) {
		encode(g, bytes, size); /* it is grey already */
	} else if (fr_jpeg_transform(
	               g->pool, bytes, size, &gray, &g->limits, &made, &reason, &g->why) == 0) {
		encode(g, fr_frame_room(made.frame), made.size);
		fr_frame_unref(made.frame);
	}
}

static void free_grey(struct grpc_grey *g)
{
	TAILQ_REMOVE(&g->door->greys, g, entry);
	g->door->grey_count--;
	fr_frame_unref(g->source);
	fr_frame_unref(g->made);
	free(g);
}

/* The oldest that nobody waits for. */
static void trim(struct grpc_door *d)
{
	struct grpc_grey *g, *next;

	for (g = TAILQ_FIRST(&d->greys); g != NULL && d->grey_count > KEPT; g = next) {
		next = TAILQ_NEXT(g, entry);
		if (g->is_done)
			free_grey(g);
	}
}

static void done(struct fr_job *job)
{
	struct grpc_grey *g = (struct grpc_grey *)job;
	struct grpc_grey_wait *wait;
	struct fr_log_text room;

	g->is_done = true;
	if (g->made == NULL && g->why.text[0] != '\0')
		fr_log_limited(FR_LOG_WARNING, "grpc", "no grey picture", "grey", "why=%s",
		    fr_log_quote(&room, g->why.text));
	while ((wait = LIST_FIRST(&g->waits)) != NULL) {
		fr_grpc_grey_forget(wait);
		wait->done(wait, g->made);
	}
	trim(g->door);
}

void fr_grpc_grey_make(struct grpc_door *d, struct fr_frame *source, struct grpc_grey_wait *wait)
{
	struct grpc_grey *g;

	TAILQ_FOREACH (g, &d->greys, entry)
		if (g->source == source)
			break;
	if (g != NULL && g->is_done) {
		wait->done(wait, g->made);
		return;
	}
	if (g == NULL) {
		g = fr_xcalloc(1, sizeof(*g));
		g->job.run = run;
		g->job.done = done;
		g->door = d;
		g->pool = fr_relay_pool(d->env.relay);
		g->source = fr_frame_ref(source);
		g->limits = (struct fr_jpeg_decode_limits){
		    .pixels = d->env.limits->verify_pixels, .scans = d->env.limits->verify_scans};
		LIST_INIT(&g->waits);
		TAILQ_INSERT_TAIL(&d->greys, g, entry);
		d->grey_count++;
		fr_worker_submit(d->worker, &g->job);
	}
	wait->is_waiting = true;
	LIST_INSERT_HEAD(&g->waits, wait, entry);
}

void fr_grpc_grey_forget(struct grpc_grey_wait *wait)
{
	if (wait->is_waiting)
		LIST_REMOVE(wait, entry);
	wait->is_waiting = false;
}

void fr_grpc_greys_free(struct grpc_door *d)
{
	struct grpc_grey *g;

	fr_worker_free(d->worker); /* every job is done now */
	d->worker = NULL;
	while ((g = TAILQ_FIRST(&d->greys)) != NULL)
		free_grey(g);
}
