/* SPDX-License-Identifier: MIT */
/*
 * A rendition: a stream made from another, while somebody subscribes to it.
 *
 * It is a subscriber of its parent: so its demand is the parent's, what it is too slow for is dropped and counted like any
 * viewer's, and one picture is in flight, with whoever makes it. Few may be in flight for all renditions together; the
 * others wait in line, each with its newest picture. Grey alone does not wait: it is made in a moment, and the programs
 * that ask for it want every picture.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/media/jpeg_transform.h"
#include "daemon/relay/inside.h"

struct fr_rendering {
	TAILQ_ENTRY(fr_rendering) entry; /* of those in line */
	bool is_in_line;
	struct fr_stream *stream;
	struct fr_rendition asked;
	struct fr_subscriber *feed;
	struct fr_render_job *job; /* that is out; NULL: none */
	uint64_t made, lossless, failed;
	bool is_lossless; /* the newest one */
};

struct fr_render_job {
	struct fr_relay *relay;
	struct fr_rendering *of; /* NULL: nobody subscribes any more. The loop's */
	bool is_prompt;          /* it has no slot */
	struct fr_frame *frame;
	struct fr_rendition rendition;
	char stream[FR_NAME_MAX + 1];
};

/* --- In line ---------------------------------------------------------------------------------- */

static bool is_prompt(const struct fr_rendering *r)
{
	static const struct fr_rendition grey = {.gray = true};

	return fr_rendition_is_same(&r->asked, &grey);
}

static void count_made(struct fr_rendering *r, bool is_lossless)
{
	r->made++;
	fr_stat_add(FR_STAT_renditions_made, 1);
	r->is_lossless = is_lossless;
	r->lossless += is_lossless;
	fr_stat_add(FR_STAT_renditions_lossless, is_lossless);
}

/* Whether there is nothing to do. Of a picture that nobody has looked into only the maker finds out. */
static bool is_as_asked(const struct fr_rendition *asked, const struct fr_frame_info *info)
{
	unsigned width, height;

	if (info->width == 0 || info->height == 0 || asked->quality != 0 || asked->gray ||
	    asked->rotate != 0 || asked->hflip)
		return false;
	fr_transform_size(asked, info->width, info->height, &width, &height);
	return width == info->width && height == info->height;
}

static void start(struct fr_rendering *r, int64_t now_us)
{
	struct fr_relay *relay = r->stream->relay;
	struct fr_frame *frame = fr_subscriber_next(r->feed, now_us);
	struct fr_render_job *job;

	if (frame == NULL)
		return; /* it grew too old, or there was none; on_ready() comes with the next */
	if (is_as_asked(&r->asked, fr_frame_info(frame))) {
		count_made(r, true);
		fr_subscriber_sent(r->feed);
		fr_stream_publish(r->stream, frame, now_us);
		return;
	}
	job = fr_xcalloc(1, sizeof(*job));
	job->relay = relay;
	job->of = r;
	job->frame = frame;
	job->rendition = r->asked;
	job->is_prompt = is_prompt(r);
	memcpy(job->stream, r->stream->name, sizeof(job->stream));
	r->job = job;
	relay->rendering += !job->is_prompt;
	relay->render(relay->render_arg, job);
}

static void go_on(struct fr_relay *relay, int64_t now_us)
{
	struct fr_rendering *r;

	while (relay->rendering < relay->render_slots &&
	       (r = TAILQ_FIRST(&relay->to_render)) != NULL) {
		TAILQ_REMOVE(&relay->to_render, r, entry);
		r->is_in_line = false;
		start(r, now_us);
	}
}

static void stand_in_line(struct fr_rendering *r, int64_t now_us)
{
	struct fr_relay *relay = r->stream->relay;

	if (is_prompt(r)) {
		if (relay->render != NULL)
			start(r, now_us);
		return;
	}
	if (!r->is_in_line) {
		r->is_in_line = true;
		TAILQ_INSERT_TAIL(&relay->to_render, r, entry);
	}
	go_on(relay, now_us);
}

static void on_ready(void *arg)
{
	struct fr_rendering *r = arg;

	stand_in_line(r, r->stream->relay->now_us);
}

static void send_subscribers_away(
    struct fr_stream *stream, const struct fr_refusal *refusal, int64_t now_us)
{
	/* With the last one the rendition ends. */
	for (unsigned left = stream->subscriber_count; left > 0; left--)
		fr_subscriber_send_away(TAILQ_FIRST(&stream->subscribers), refusal, now_us);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	struct fr_rendering *r = arg;
	const struct fr_refusal why = *refusal; /* the feed's, which goes */

	send_subscribers_away(r->stream, &why, r->stream->relay->now_us);
}

static const struct fr_subscriber_ops ops = {
    .on_ready = on_ready,
    .on_closed = on_closed,
};

/* --- Pictures --------------------------------------------------------------------------------- */

const struct fr_frame *fr_render_job_frame(const struct fr_render_job *job)
{
	return job->frame;
}

const struct fr_rendition *fr_render_job_rendition(const struct fr_render_job *job)
{
	return &job->rendition;
}

bool fr_render_job_is_prompt(const struct fr_render_job *job)
{
	return job->is_prompt;
}

const char *fr_render_job_stream(const struct fr_render_job *job)
{
	return job->stream;
}

static void publish(struct fr_rendering *r, const struct fr_frame *from,
    const struct fr_transformed *made, int64_t now_us)
{
	struct fr_frame_info info = *fr_frame_info(from);

	info.width = made->width;
	info.height = made->height;
	count_made(r, made->way == FR_TRANSFORM_LOSSLESS);
	fr_frame_finish(made->frame, made->size, &info);
	fr_stream_publish(r->stream, made->frame, now_us);
}

/* Who waits for a first picture that does not come is told so. */
static void fail(
    struct fr_rendering *r, enum fr_reason reason, const struct fr_cause *why, int64_t now_us)
{
	struct fr_refusal refusal;

	r->failed++;
	fr_stat_add(FR_STAT_renditions_failed, 1);
	fr_stat_rejected("rendition", reason);
	if (r->made != 0)
		return;
	fr_refusal_set(&refusal, 415, reason, "no rendition can be made of %s: %s", r->stream->name,
	    why->text);
	send_subscribers_away(r->stream, &refusal, now_us);
}

void fr_render_job_done(struct fr_render_job *job, const struct fr_transformed *made,
    enum fr_reason reason, const struct fr_cause *why, int64_t now_us)
{
	struct fr_relay *relay = job->relay;
	struct fr_rendering *r = job->of;

	relay->rendering -= !job->is_prompt;
	if (r != NULL) {
		r->job = NULL;
		fr_subscriber_sent(r->feed);
		/* Before the next one, which may need no making. */
		if (made != NULL)
			publish(r, job->frame, made, now_us);
		stand_in_line(r, now_us);
		if (made == NULL)
			fail(r, reason, why, now_us);
	} else if (made != NULL) {
		fr_frame_unref(made->frame);
	}
	fr_frame_unref(job->frame);
	free(job);
	go_on(relay, now_us);
}

/* --- Life ------------------------------------------------------------------------------------- */

struct fr_stream *fr_rendition_find(
    const struct fr_stream *parent, const struct fr_rendition *canonical)
{
	struct fr_stream *stream;

	LIST_FOREACH (stream, &parent->renditions, entry)
		if (fr_rendition_is_same(&stream->render->asked, canonical))
			return stream;
	return NULL;
}

static struct fr_stream *stream_new(struct fr_stream *parent, const struct fr_rendition *canonical)
{
	struct fr_stream *stream = fr_xcalloc(1, sizeof(*stream));
	struct fr_rendering *r = fr_xcalloc(1, sizeof(*r));

	stream->relay = parent->relay;
	stream->parent = parent;
	stream->render = r;
	memcpy(stream->name, parent->name, sizeof(stream->name));
	TAILQ_INIT(&stream->subscribers);
	r->stream = stream;
	r->asked = *canonical;
	return stream;
}

struct fr_stream *fr_rendition_begin(struct fr_stream *parent, const struct fr_rendition *canonical,
    uint32_t rate_milli, int64_t now_us, struct fr_refusal *refusal)
{
	struct fr_relay *relay = parent->relay;
	const int64_t most = relay->limits->max_renditions;
	struct fr_subscribe_spec spec = {
	    .door = "rendition",
	    .who = {.ours = true},
	    .queue_frames = 1,
	    .queue_age_ms = -1,
	    .max_fps_milli = rate_milli,
	};
	struct fr_stream *stream;
	int r;

	if (relay->render == NULL) {
		fr_refusal_set(
		    refusal, 400, FR_REASON_not_implemented, "nobody makes renditions here");
		return NULL;
	}
	if (most != 0 && relay->rendition_count >= most) {
		fr_refusal_set(refusal, 503, FR_REASON_rendition_limit,
		    "%u renditions are being made already (max_renditions)",
		    relay->rendition_count);
		return NULL;
	}
	stream = stream_new(parent, canonical);
	memcpy(spec.stream, parent->name, sizeof(spec.stream));
	/* Nothing refuses what is ours, of a stream that is known. */
	r = fr_relay_subscribe(
	    relay, &spec, &ops, stream->render, now_us, &stream->render->feed, refusal);
	assert(r == 0);
	(void)r;
	stream->render->feed->feeds = true;
	LIST_INSERT_HEAD(&parent->renditions, stream, entry);
	relay->rendition_count++;
	fr_stat_add(FR_STAT_renditions, 1);
	return stream;
}

void fr_rendition_end(struct fr_stream *stream, int64_t now_us)
{
	struct fr_rendering *r = stream->render;

	assert(stream->subscriber_count == 0);
	LIST_REMOVE(stream, entry);
	stream->relay->rendition_count--;
	fr_stat_add(FR_STAT_renditions, -1);
	if (r->is_in_line)
		TAILQ_REMOVE(&stream->relay->to_render, r, entry);
	if (r->job != NULL)
		r->job->of = NULL;
	fr_frame_unref(stream->newest);
	fr_subscriber_free(r->feed, now_us); /* the parent may end by it */
	free(r);
	free(stream);
}

void fr_rendition_demand(struct fr_stream *stream, int64_t now_us)
{
	if (stream->viewer_count != 0) /* else it ends, and with it all that it wants */
		fr_subscriber_set_rate(stream->render->feed, stream->demand_rate_milli, now_us);
}

const struct fr_rendition *fr_rendition_asked(const struct fr_stream *stream)
{
	return &stream->render->asked;
}

/* --- Outside ---------------------------------------------------------------------------------- */

void fr_relay_set_maker(struct fr_relay *relay, fr_render_fn submit, unsigned slots, void *arg)
{
	relay->render = submit;
	relay->render_slots = slots;
	relay->render_arg = arg;
}

void fr_relay_renditions(const struct fr_relay *relay, const char *name,
    void (*each)(void *arg, const struct fr_rendition_info *info), void *arg)
{
	const struct fr_stream *parent = fr_stream_find(relay, name), *stream;

	if (parent == NULL)
		return;
	LIST_FOREACH (stream, &parent->renditions, entry) {
		const struct fr_rendering *r = stream->render;
		const struct fr_frame_info *newest =
		    stream->newest != NULL ? fr_frame_info(stream->newest) : NULL;
		const struct fr_rendition_info info = {
		    .rendition = &r->asked,
		    .subscribers = stream->subscriber_count,
		    .width = newest != NULL ? newest->width : 0,
		    .height = newest != NULL ? newest->height : 0,
		    .fps_milli = fr_stream_fps_milli(stream),
		    .bytes_per_second = fr_stream_bytes_per_second(stream),
		    .made = r->made,
		    .lossless = r->lossless,
		    .failed = r->failed,
		    .skipped = fr_subscriber_dropped(r->feed),
		    .is_lossless = r->is_lossless,
		};

		each(arg, &info);
	}
}
