/* SPDX-License-Identifier: MIT */
#include "daemon/relay/subscriber.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hot.h"
#include "common/base/xalloc.h"
#include "daemon/relay/inside.h"

enum {
	MESSAGES_MAX = 16,     /* that wait for one subscriber; beyond that the oldest is dropped */
	PACING_STEP_US = 2000, /* what is held back is looked at no more often than this */
	JITTER_US = 100000,    /* how late a paced picture may be without moving the next ones */
};

/* Counting: each viewer's own figures, those of its stream and door, and the whole relay's move together. */

static void count(uint64_t *own, uint64_t *streams, enum fr_stat stat, uint64_t n)
{
	if (n == 0)
		return; /* most often nothing was dropped */
	*own += n;
	*streams += n;
	fr_stat_add(stat, (int64_t)n);
}

#define COUNT(sub, what, n)                                                                        \
	count(&(sub)->counts.what, &(sub)->traffic->counts[FR_TRAFFIC_frames_##what],              \
	    FR_STAT_frames_##what, (n))

static unsigned count_of(const struct fr_frame_queue *q)
{
	return q != NULL ? fr_frame_queue_length(q) : 0;
}

struct fr_subscriber_counts fr_subscriber_counts(const struct fr_subscriber *sub)
{
	struct fr_subscriber_counts counts = sub->counts;

	counts.queued = fr_frame_queue_length(&sub->queue);
	counts.held = sub->held != NULL;
	counts.in_flight = sub->flight == FLIGHT_PICTURE;
	return counts;
}

uint64_t fr_subscriber_dropped(const struct fr_subscriber *sub)
{
	const struct fr_subscriber_counts *c = &sub->counts;

	return c->dropped_newest + c->dropped_age + c->dropped_memory + c->dropped_paced +
	       c->dropped_frozen + c->dropped_unsent + c->dropped_closed;
}

bool fr_subscriber_adds_up(const struct fr_subscriber *sub)
{
	const struct fr_subscriber_counts c = fr_subscriber_counts(sub);

	return c.offered == c.sent + fr_subscriber_dropped(sub) + c.queued + c.held + c.in_flight;
}

/* Pictures in */

static void wake(struct fr_subscriber *sub)
{
	/* With something in flight the owner comes back by itself. */
	if (sub->flight == FLIGHT_NONE)
		fr_relay_make_ready(sub->relay, &sub->ready);
}

FR_HOT static void enqueue(struct fr_subscriber *sub, struct fr_frame *frame, int64_t now_us)
{
	COUNT(sub, dropped_newest, fr_frame_queue_push(&sub->queue, frame, now_us));
	wake(sub);
}

static int64_t gap_us(const struct fr_subscriber *sub)
{
	return 1000000000 / sub->max_fps_milli;
}

/*
 * A picture goes now, and the next one a gap later: after this one was due when it is but a little late, so
 * that jitter does not add up, else after now, so that pauses are not made up for.
 */
static void pace(struct fr_subscriber *sub, int64_t now_us)
{
	const int64_t gap = gap_us(sub);
	const int64_t jitter = gap / 2 < JITTER_US ? gap / 2 : JITTER_US;

	sub->due_us = (now_us - sub->due_us < jitter ? sub->due_us : now_us) + gap;
}

/* Gives up what is held back. @return pictures */
static unsigned unhold(struct fr_subscriber *sub)
{
	if (sub->held == NULL)
		return 0;
	LIST_REMOVE(sub, paced);
	fr_frame_unref(sub->held);
	sub->held = NULL;
	return 1;
}

static void hold(struct fr_subscriber *sub, struct fr_frame *frame)
{
	struct fr_relay *relay = sub->relay;

	COUNT(sub, dropped_paced, unhold(sub));
	sub->held = fr_frame_ref(frame);
	LIST_INSERT_HEAD(&relay->paced, sub, paced);
	fr_relay_wake_at(relay, sub->due_us);
}

FR_HOT void fr_subscriber_offer(struct fr_subscriber *sub, struct fr_frame *frame, int64_t now_us)
{
	if (sub->is_draining)
		return;
	COUNT(sub, offered, 1);
	if (sub->max_fps_milli != 0) {
		if (now_us < sub->due_us) {
			hold(sub, frame);
			return;
		}
		COUNT(
		    sub, dropped_paced, unhold(sub)); /* else it would come after this newer one */
		pace(sub, now_us);
	}
	enqueue(sub, frame, now_us);
}

int64_t fr_relay_tick_paced(struct fr_relay *relay, int64_t now_us)
{
	int64_t next = INT64_MAX;
	struct fr_subscriber *sub = LIST_FIRST(&relay->paced), *after;

	for (; sub != NULL; sub = after) {
		after = LIST_NEXT(sub, paced);
		if (now_us < sub->due_us) {
			next = sub->due_us < next ? sub->due_us : next;
			continue;
		}
		pace(sub, now_us);
		enqueue(sub, sub->held, now_us);
		(void)unhold(sub);
	}
	/* Many viewers with many due times cost one look every 2 ms, not one each. */
	return next > now_us + PACING_STEP_US ? next : now_us + PACING_STEP_US;
}

void fr_subscriber_set_rate(struct fr_subscriber *sub, uint32_t max_fps_milli, int64_t now_us)
{
	if (sub->max_fps_milli == max_fps_milli)
		return;
	sub->max_fps_milli = max_fps_milli;
	if (max_fps_milli != 0 && sub->due_us > now_us + gap_us(sub))
		sub->due_us = now_us + gap_us(sub);
	if (max_fps_milli != 0 && sub->held != NULL) {
		fr_relay_wake_at(sub->relay, sub->due_us);
	} else if (sub->held != NULL) {
		enqueue(sub, sub->held, now_us);
		(void)unhold(sub);
	}
	fr_stream_update_demand(sub->stream, now_us);
}

static void expire(struct fr_subscriber *sub, int64_t now_us)
{
	if (sub->queue_age_us != 0)
		COUNT(sub, dropped_age,
		    fr_frame_queue_expire(&sub->queue, now_us - sub->queue_age_us));
}

void fr_subscriber_tick(struct fr_subscriber *sub, int64_t now_us)
{
	expire(sub, now_us); /* a viewer that does not read must not pin old pictures */
}

void fr_subscriber_keep_newest(struct fr_subscriber *sub)
{
	COUNT(sub, dropped_memory, fr_frame_queue_trim(&sub->queue, 1));
}

void fr_subscriber_message(struct fr_subscriber *sub, struct fr_frame *message, int64_t now_us)
{
	if (sub->is_draining)
		return;
	if (sub->messages == NULL) {
		sub->messages = fr_xcalloc(1, sizeof(*sub->messages));
		fr_frame_queue_init(sub->messages, MESSAGES_MAX);
	}
	if (fr_frame_queue_push(sub->messages, message, now_us) != 0) {
		sub->counts.messages_dropped++;
		fr_stat_add(FR_STAT_messages_dropped, 1);
	}
	wake(sub);
}

/* Pictures out */

FR_HOT struct fr_frame *fr_subscriber_next(struct fr_subscriber *sub, int64_t now_us)
{
	struct fr_frame *frame;

	assert(sub->flight == FLIGHT_NONE);
	if (count_of(sub->messages) != 0) {
		sub->flight = FLIGHT_MESSAGE;
		return fr_frame_queue_pop(sub->messages);
	}
	expire(sub, now_us);
	frame = fr_frame_queue_pop(&sub->queue);
	if (frame != NULL) {
		sub->flight = FLIGHT_PICTURE;
		sub->flight_bytes = fr_frame_size(frame);
		sub->flight_age_us = now_us - fr_frame_info(frame)->received_us;
	}
	return frame;
}

FR_HOT void fr_subscriber_sent(struct fr_subscriber *sub)
{
	assert(sub->flight != FLIGHT_NONE);
	if (sub->flight == FLIGHT_MESSAGE) {
		sub->counts.messages_sent++;
		fr_stat_add(FR_STAT_messages_sent, 1);
	} else {
		COUNT(sub, sent, 1);
		sub->counts.bytes_sent += sub->flight_bytes;
		sub->traffic->counts[FR_TRAFFIC_bytes_sent] += sub->flight_bytes;
		fr_histogram_add(&sub->traffic->ages, sub->flight_age_us);
		fr_stat_add(FR_STAT_bytes_sent, (int64_t)sub->flight_bytes);
	}
	sub->flight = FLIGHT_NONE;
}

void fr_subscriber_hide(struct fr_subscriber *sub)
{
	assert(sub->flight == FLIGHT_PICTURE);
	COUNT(sub, dropped_frozen, 1);
	sub->flight = FLIGHT_NONE;
}

void fr_subscriber_give_up(struct fr_subscriber *sub)
{
	assert(sub->flight == FLIGHT_PICTURE);
	COUNT(sub, dropped_unsent, 1);
	sub->flight = FLIGHT_NONE;
}

/* Life */

FR_HOT static void run(struct fr_ready *ready, int64_t now_us)
{
	struct fr_subscriber *sub =
	    (struct fr_subscriber *)((char *)ready - offsetof(struct fr_subscriber, ready));

	(void)now_us;
	if (sub->stream == NULL)
		sub->ops->on_closed(sub->arg, &sub->refusal);
	else if (sub->flight == FLIGHT_NONE)
		sub->ops->on_ready(sub->arg);
}

static void drop_waiting(struct fr_subscriber *sub)
{
	COUNT(sub, dropped_closed, fr_frame_queue_length(&sub->queue));
	fr_frame_queue_trim(&sub->queue, 0);
	COUNT(sub, dropped_closed, unhold(sub));
	if (sub->messages == NULL)
		return;
	sub->counts.messages_dropped += count_of(sub->messages);
	fr_stat_add(FR_STAT_messages_dropped, count_of(sub->messages));
	fr_frame_queue_done(sub->messages);
	free(sub->messages);
	sub->messages = NULL;
}

void fr_subscriber_drain(struct fr_subscriber *sub)
{
	sub->is_draining = true;
	drop_waiting(sub);
}

static void leave(struct fr_subscriber *sub, int64_t now_us)
{
	struct fr_stream *stream = sub->stream;

	sub->stream = NULL;
	sub->traffic->subscribers--;
	sub->traffic = &sub->relay->nobodys; /* the stream may go */
	TAILQ_REMOVE(&stream->subscribers, sub, entry);
	stream->subscriber_count--;
	stream->viewer_count -= sub->takes_pictures;
	fr_stream_update_demand(stream, now_us);
	if (!fr_stream_may_forget(stream, now_us))
		return;
	if (stream->parent != NULL)
		fr_rendition_end(stream, now_us);
	else
		fr_stream_free(stream);
}

void fr_subscriber_send_away(
    struct fr_subscriber *sub, const struct fr_refusal *refusal, int64_t now_us)
{
	sub->refusal = *refusal;
	fr_stat_rejected(sub->door, refusal->reason);
	drop_waiting(sub);
	leave(sub, now_us);
	fr_relay_make_ready(sub->relay, &sub->ready);
}

void fr_subscriber_free(struct fr_subscriber *sub, int64_t now_us)
{
	if (sub == NULL)
		return;
	drop_waiting(sub);
	if (sub->flight == FLIGHT_PICTURE)
		COUNT(sub, dropped_closed, 1);
	if (sub->flight == FLIGHT_MESSAGE)
		fr_stat_add(FR_STAT_messages_dropped, 1);
	if (sub->stream != NULL)
		leave(sub, now_us);
	fr_relay_not_ready(sub->relay, &sub->ready);
	LIST_REMOVE(sub, all);
	fr_stat_add(FR_STAT_subscribers, -1);
	fr_frame_queue_done(&sub->queue);
	free(sub);
}

static int refuse(struct fr_refusal *refusal, const struct fr_subscribe_spec *spec, int err)
{
	fr_stat_rejected(spec->door, refusal->reason);
	return -err;
}

static unsigned queue_length(const struct fr_limits *limits, int asked)
{
	int64_t frames = asked > 0 ? asked : limits->queue_frames;
	const int64_t most =
	    limits->max_queue_frames != 0 ? limits->max_queue_frames : FR_QUEUE_MAX;

	if (frames == 0 || frames > most)
		frames = most;
	return frames > FR_QUEUE_MAX ? FR_QUEUE_MAX : (unsigned)frames;
}

/* @return the stream itself where nothing else is asked for; NULL: refused */
static struct fr_stream *find_rendition(struct fr_stream *stream,
    const struct fr_subscribe_spec *spec, int64_t now_us, struct fr_refusal *refusal)
{
	const struct fr_rendition canonical = fr_rendition_canonical(&spec->rendition);
	struct fr_stream *rendition;

	if (spec->no_pictures || !fr_rendition_is_any(&canonical))
		return stream;
	rendition = fr_rendition_find(stream, &canonical);
	if (rendition == NULL)
		rendition =
		    fr_rendition_begin(stream, &canonical, spec->max_fps_milli, now_us, refusal);
	/* It may have been made known for this one alone. */
	if (rendition == NULL && fr_stream_may_forget(stream, now_us))
		fr_stream_free(stream);
	return rendition;
}

int fr_relay_subscribe(struct fr_relay *relay, const struct fr_subscribe_spec *spec,
    const struct fr_subscriber_ops *ops, void *arg, int64_t now_us, struct fr_subscriber **ret,
    struct fr_refusal *refusal)
{
	const struct fr_limits *limits = relay->limits;
	struct fr_subscriber *sub;
	struct fr_stream *stream;

	if (!fr_access_allows(relay->access, &spec->who, FR_RIGHT_SUBSCRIBE, spec->stream, refusal))
		return refuse(refusal, spec, EACCES);
	if (fr_relay_is_short(relay) && !spec->who.ours) {
		fr_refusal_set(refusal, 503, FR_REASON_memory_budget,
		    "the memory for pictures is used up (memory_budget_bytes)");
		return refuse(refusal, spec, ENOMEM);
	}
	stream = fr_stream_need(relay, spec->stream, spec->who.ours, now_us);
	if (stream == NULL) {
		fr_refusal_set(refusal, 503, FR_REASON_stream_limit,
		    "the relay knows %lld streams already (max_streams)",
		    (long long)limits->max_streams);
		return refuse(refusal, spec, ENOSPC);
	}
	stream = find_rendition(stream, spec, now_us, refusal);
	if (stream == NULL)
		return refuse(refusal, spec, ENOSPC);
	if (limits->max_subscribers_per_stream != 0 &&
	    stream->subscriber_count >= limits->max_subscribers_per_stream && !spec->who.ours) {
		fr_refusal_set(refusal, 503, FR_REASON_subscriber_limit,
		    "%s has %u subscribers already (max_subscribers_per_stream)", stream->name,
		    stream->subscriber_count);
		return refuse(refusal, spec, ENOSPC);
	}

	sub = fr_xcalloc(1, sizeof(*sub));
	sub->relay = relay;
	sub->stream = stream;
	sub->traffic = fr_traffic_of(stream->parent != NULL ? stream->parent : stream, spec->door);
	sub->traffic->subscribers++;
	sub->id = ++relay->subscribed;
	sub->since_us = now_us;
	sub->ops = ops;
	sub->arg = arg;
	sub->door = spec->door;
	sub->who = spec->who;
	sub->ready.run = run;
	sub->kind = spec->kind != NULL ? spec->kind : spec->door;
	sub->takes_messages = spec->messages || spec->no_pictures;
	sub->takes_pictures = !spec->no_pictures;
	sub->max_fps_milli = spec->max_fps_milli;
	if (spec->only_next)
		sub->after = stream->parent != NULL ? stream->parent->sequence : stream->sequence;
	sub->queue_age_us =
	    (spec->queue_age_ms >= 0 ? spec->queue_age_ms : limits->queue_age_ms) * 1000;
	fr_frame_queue_init(&sub->queue, queue_length(limits, spec->queue_frames));
	TAILQ_INSERT_TAIL(&stream->subscribers, sub, entry);
	stream->subscriber_count++;
	stream->viewer_count += sub->takes_pictures;
	LIST_INSERT_HEAD(&relay->subscribers, sub, all);
	fr_stat_add(FR_STAT_subscribers, 1);
	if (sub->takes_pictures && !spec->only_next && stream->newest != NULL &&
	    (spec->even_old || fr_stream_has_fresh(stream, now_us)))
		fr_subscriber_offer(sub, stream->newest, now_us);
	fr_stream_update_demand(stream, now_us);
	*ret = sub;
	return 0;
}

/* Looking in */

void fr_relay_subscribers(const struct fr_relay *relay,
    void (*each)(void *arg, const struct fr_subscriber_info *info), void *arg)
{
	const struct fr_subscriber *sub;

	LIST_FOREACH (sub, &relay->subscribers, all) {
		const struct fr_subscriber_info info = {
		    .id = sub->id,
		    .stream = sub->stream != NULL ? sub->stream->name : NULL,
		    .door = sub->door,
		    .kind = sub->kind,
		    .who = sub->who,
		    .since_us = sub->since_us,
		    .counts = fr_subscriber_counts(sub),
		    .queue_frames = fr_frame_queue_capacity(&sub->queue),
		    .queue_age_us = sub->queue_age_us,
		    .oldest_us = fr_frame_queue_oldest_us(&sub->queue),
		    .max_fps_milli = sub->max_fps_milli,
		    .rendition = sub->stream != NULL && sub->stream->parent != NULL
		                     ? fr_rendition_asked(sub->stream)
		                     : NULL,
		    .pictures = sub->takes_pictures,
		    .messages = sub->takes_messages,
		};

		each(arg, &info);
	}
}
