/* SPDX-License-Identifier: MIT */
/* A stream: a name, its newest frame, its subscribers; the fan-out; demand. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hot.h"
#include "common/base/xalloc.h"
#include "daemon/relay/inside.h"

/* Life */

struct fr_stream *fr_stream_find(const struct fr_relay *relay, const char *name)
{
	struct fr_stream *stream;

	HASH_FIND(hh, relay->streams, name, strlen(name), stream);
	return stream;
}

static int by_name(const struct fr_stream *a, const struct fr_stream *b)
{
	return strcmp(a->name, b->name);
}

static const struct fr_stream_config *config_of(const struct fr_relay *relay, const char *name)
{
	for (size_t i = 0; i < relay->config_count; i++)
		if (strcmp(relay->configs[i].name, name) == 0)
			return &relay->configs[i];
	return NULL;
}

/*
 * Nobody needs it, or only subscribers know it: then it is but a name. A sink of ours is as good as a row of the
 * configuration.
 */
static bool gives_way(const struct fr_stream *stream, int64_t now_us)
{
	const struct fr_subscriber *sub;

	if (stream->config != NULL || stream->publisher != NULL)
		return false;
	if (stream->subscriber_count == 0)
		return fr_stream_state(stream, now_us) != FR_STREAM_LIVE;
	TAILQ_FOREACH (sub, &stream->subscribers, entry)
		if (sub->who.ours && !sub->feeds)
			return false;
	return stream->newest == NULL;
}

/* Those who subscribe to it or to a rendition of it; renditions come and go with theirs. */
static unsigned people_of(const struct fr_stream *stream)
{
	const struct fr_stream *rendition;
	unsigned n = stream->subscriber_count;

	LIST_FOREACH (rendition, &stream->renditions, entry)
		n += rendition->subscriber_count - 1;
	return n;
}

static struct fr_subscriber *anybody_of(const struct fr_stream *stream)
{
	const struct fr_stream *rendition = LIST_FIRST(&stream->renditions);

	return TAILQ_FIRST(&(rendition != NULL ? rendition : stream)->subscribers);
}

/* Sends whoever waits for it away, and with the last one it ends. */
static void give_up(struct fr_stream *stream, int64_t now_us)
{
	struct fr_refusal refusal;

	if (stream->subscriber_count == 0) {
		fr_stream_free(stream);
		return;
	}
	fr_refusal_set(&refusal, 503, FR_REASON_stream_limit,
	    "a publisher needs the place of %s, which nobody has published (max_streams)",
	    stream->name);
	for (unsigned left = people_of(stream); left > 0; left--)
		fr_subscriber_send_away(anybody_of(stream), &refusal, now_us);
}

/* The less watched, among equals the one that was live longer ago. */
static bool is_needed_less(const struct fr_stream *a, const struct fr_stream *b)
{
	if (a->subscriber_count != b->subscriber_count)
		return a->subscriber_count < b->subscriber_count;
	return a->last_live_us < b->last_live_us;
}

/* A publisher needs the place. */
static bool make_room(struct fr_relay *relay, int64_t now_us)
{
	struct fr_stream *least = NULL;

	for (struct fr_stream *s = relay->streams; s != NULL; s = s->hh.next)
		if (gives_way(s, now_us) && (least == NULL || is_needed_less(s, least)))
			least = s;
	if (least == NULL)
		return false;
	give_up(least, now_us);
	return true;
}

struct fr_stream *fr_stream_need(
    struct fr_relay *relay, const char *name, bool for_publisher, int64_t now_us)
{
	struct fr_stream *stream = fr_stream_find(relay, name);
	const int64_t most = relay->limits->max_streams;

	if (stream != NULL)
		return stream;
	if (most != 0 && HASH_COUNT(relay->streams) >= (unsigned)most &&
	    !(for_publisher && make_room(relay, now_us)))
		return NULL;
	stream = fr_xcalloc(1, sizeof(*stream));
	stream->relay = relay;
	stream->appeared = ++relay->appeared;
	memcpy(stream->name, name, strlen(name) + 1);
	TAILQ_INIT(&stream->subscribers);
	stream->state = FR_STREAM_OFFLINE;
	stream->state_since_us = now_us;
	fr_stream_configure(stream);
	HASH_ADD_INORDER(hh, relay->streams, name, strlen(stream->name), stream, by_name);
	fr_stream_appeared(stream);
	fr_stat_add(FR_STAT_streams, 1);
	return stream;
}

void fr_stream_free(struct fr_stream *stream)
{
	assert(stream->subscriber_count == 0 && stream->publisher == NULL);
	fr_stream_forgotten(stream);
	HASH_DEL(stream->relay->streams, stream);
	fr_traffic_free(stream->traffic);
	fr_frame_unref(stream->newest);
	free(stream);
	fr_stat_add(FR_STAT_streams, -1);
}

void fr_stream_configure(struct fr_stream *stream)
{
	stream->config = config_of(stream->relay, stream->name);
}

bool fr_stream_may_forget(const struct fr_stream *stream, int64_t now_us)
{
	const int64_t after_us = stream->relay->limits->forget_after_ms * 1000;

	if (stream->config != NULL || stream->publisher != NULL || stream->subscriber_count != 0)
		return false;
	if (stream->parent != NULL)
		return true;
	return stream->newest_us == 0 ||
	       (after_us != 0 && now_us - stream->last_live_us >= after_us);
}

/* State */

static int64_t stale_after_us(const struct fr_stream *stream)
{
	int64_t ms = stream->relay->limits->stale_after_ms;

	if (stream->config != NULL && stream->config->stale_after_ms >= 0)
		ms = stream->config->stale_after_ms;
	if (ms == 0)
		return INT64_MAX;
	return ms * 1000 > 3 * stream->usual_gap_us ? ms * 1000 : 3 * stream->usual_gap_us;
}

FR_HOT int64_t fr_stream_came_us(const struct fr_stream *stream)
{
	return stream->again_us > stream->newest_us ? stream->again_us : stream->newest_us;
}

static bool is_connected(const struct fr_stream *stream)
{
	return stream->publisher != NULL && stream->publisher->is_up;
}

FR_HOT bool fr_stream_is_frozen(const struct fr_stream *stream)
{
	const int64_t frozen_us = stream->relay->limits->frozen_after_ms * 1000;

	return frozen_us != 0 && fr_stream_came_us(stream) - stream->changed_us >= frozen_us;
}

FR_HOT bool fr_stream_has_fresh(const struct fr_stream *stream, int64_t now_us)
{
	const int64_t stale_us = stale_after_us(stream);

	if (stream->parent != NULL)
		return stream->newest != NULL && stream->sequence == stream->parent->sequence &&
		       fr_stream_has_fresh(stream->parent, now_us);
	if (stream->newest == NULL || now_us - fr_stream_came_us(stream) >= stale_us)
		return false;
	if (stale_us == INT64_MAX && !is_connected(stream))
		return false; /* without a time only the publisher keeps it live */
	return !fr_stream_is_frozen(stream);
}

FR_HOT enum fr_stream_state fr_stream_state(const struct fr_stream *stream, int64_t now_us)
{
	const struct fr_ingest *publisher = stream->publisher;

	if (fr_stream_has_fresh(stream, now_us))
		return FR_STREAM_LIVE;
	if (publisher != NULL && publisher->spec.on_demand && stream->viewer_count == 0)
		return FR_STREAM_ASLEEP;
	if (!is_connected(stream))
		return FR_STREAM_OFFLINE;
	/* Just connected or woken: it has as long for its first picture. */
	if (fr_stream_came_us(stream) < stream->arrived_us &&
	    now_us - stream->arrived_us < stale_after_us(stream))
		return FR_STREAM_LIVE;
	return FR_STREAM_STALE;
}

FR_HOT void fr_stream_look(struct fr_stream *stream, int64_t now_us)
{
	enum fr_stream_state state;

	if (stream->parent != NULL)
		return;
	state = fr_stream_state(stream, now_us);
	if (state == FR_STREAM_LIVE)
		stream->last_live_us = now_us;
	if (state == stream->state)
		return;
	stream->state = state;
	stream->state_since_us = now_us;
	fr_stream_changed(stream, FR_CHANGE_STATE);
}

/* The fan-out */

FR_HOT uint64_t fr_stream_number(const struct fr_stream *stream, uint64_t sequence, int64_t real_us)
{
	/* A number of a relay before us is kept while it goes forward; half the range is room enough for ever. */
	if (sequence > stream->sequence && sequence <= INT64_MAX)
		return sequence;
	if (stream->sequence == 0 && real_us > 0)
		return (uint64_t)real_us;
	return stream->sequence + 1;
}

static bool is_same_picture(const struct fr_frame *a, const struct fr_frame *b)
{
	return a != NULL && fr_frame_size(a) == fr_frame_size(b) &&
	       memcmp(fr_frame_bytes(a), fr_frame_bytes(b), fr_frame_size(a)) == 0;
}

/*
 * Moving averages over some eight pictures. A gap of sleep says nothing about the rate, and of a long pause only the
 * part counts that makes a stream stale: else one pause would make it look live for long afterwards.
 */
static void learn_rate(struct fr_stream *stream, const struct fr_frame *frame, int64_t now_us)
{
	const int64_t most_us = stale_after_us(stream);
	int64_t gap_us = now_us - stream->newest_us;
	const int64_t size = (int64_t)fr_frame_size(frame);

	if (stream->newest_us != 0 && stream->newest_us >= stream->arrived_us) {
		if (stream->usual_gap_us == 0)
			stream->usual_gap_us = gap_us;
		else if (gap_us > most_us)
			gap_us = most_us;
		stream->usual_gap_us += (gap_us - stream->usual_gap_us) / 8;
		if (stream->usual_gap_us < 1)
			stream->usual_gap_us = 1;
	}
	stream->usual_bytes = stream->usual_bytes == 0
	                          ? size
	                          : stream->usual_bytes + (size - stream->usual_bytes) / 8;
}

uint32_t fr_stream_fps_milli(const struct fr_stream *stream)
{
	return stream->usual_gap_us > 0 ? (uint32_t)(1000000000 / stream->usual_gap_us) : 0;
}

int64_t fr_stream_bytes_per_second(const struct fr_stream *stream)
{
	return stream->usual_gap_us > 0 ? stream->usual_bytes * 1000000 / stream->usual_gap_us : 0;
}

FR_HOT void fr_stream_publish(struct fr_stream *stream, struct fr_frame *frame, int64_t now_us)
{
	struct fr_subscriber *sub;

	learn_rate(stream, frame, now_us);
	if (!is_same_picture(stream->newest, frame))
		stream->changed_us = now_us;
	fr_frame_unref(stream->newest);
	stream->newest = frame;
	stream->sequence = fr_frame_info(frame)->sequence;
	stream->newest_us = now_us;
	if (stream->frames_received++ == 0 && stream->parent == NULL)
		stream->lived = ++stream->relay->lived;
	fr_stream_look(stream, now_us);

	TAILQ_FOREACH (sub, &stream->subscribers, entry)
		if (sub->takes_pictures && stream->sequence > sub->after)
			fr_subscriber_offer(sub, frame, now_us);
	fr_relay_relieve(stream->relay);

	/* Who was first is last the next time, so that nobody always pays for all the others. */
	sub = TAILQ_FIRST(&stream->subscribers);
	if (sub != NULL) {
		TAILQ_REMOVE(&stream->subscribers, sub, entry);
		TAILQ_INSERT_TAIL(&stream->subscribers, sub, entry);
	}
}

/* Demand */

void fr_stream_update_demand(struct fr_stream *stream, int64_t now_us)
{
	const struct fr_subscriber *sub;
	uint32_t rate = 0;
	bool all = false;
	const bool is_wanted = stream->viewer_count > 0;
	const bool is_woken = !stream->is_wanted && is_wanted;

	TAILQ_FOREACH (sub, &stream->subscribers, entry) {
		if (!sub->takes_pictures)
			continue;
		if (sub->max_fps_milli == 0)
			all = true;
		else if (sub->max_fps_milli > rate)
			rate = sub->max_fps_milli;
	}
	stream->demand_rate_milli = all ? 0 : rate;
	if (stream->parent != NULL) {
		fr_rendition_demand(stream, now_us);
		return;
	}
	if (stream->is_wanted != is_wanted)
		fr_stream_changed(stream, FR_CHANGE_VIEWERS);
	stream->is_wanted = is_wanted;
	if (stream->publisher != NULL) {
		if (is_woken && stream->publisher->spec.on_demand)
			stream->arrived_us = now_us;
		fr_ingest_news_demand(stream->publisher);
	}
	fr_stream_look(stream, now_us);
}
