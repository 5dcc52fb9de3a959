/* SPDX-License-Identifier: MIT */
#include "daemon/relay/ingest.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hot.h"
#include "common/base/xalloc.h"
#include "common/media/jpeg_info.h"
#include "daemon/relay/inside.h"

enum {
	MILLION = 1000000,
	BURST_SECONDS = 2, /* what the token buckets hold */
};

/* News for the owner */

static void come_again(struct fr_ingest *ingest)
{
	if (ingest->news.ping || ingest->news.demand || ingest->news.verified)
		fr_relay_make_ready(ingest->relay, &ingest->ready);
}

static void run(struct fr_ready *ready, int64_t now_us)
{
	struct fr_ingest *ingest =
	    (struct fr_ingest *)((char *)ready - offsetof(struct fr_ingest, ready));

	(void)now_us;
	/* One piece of news a turn: the callback may free the ingest. */
	if (ingest->news.closed) {
		ingest->news.closed = false;
		ingest->ops->on_closed(ingest->arg, &ingest->refusal);
	} else if (ingest->news.decided) {
		ingest->news.decided = false;
		come_again(ingest);
		ingest->ops->on_decided(
		    ingest->arg, ingest->state == INGEST_ADMITTED ? NULL : &ingest->refusal);
	} else if (ingest->news.ping) {
		ingest->news.ping = false;
		come_again(ingest);
		ingest->ops->on_ping(ingest->arg);
	} else if (ingest->news.verified) {
		ingest->news.verified = false;
		come_again(ingest);
		ingest->ops->on_verified(
		    ingest->arg, ingest->verdict_is_bad ? &ingest->refusal : NULL);
	} else if (ingest->news.demand) {
		ingest->news.demand = false;
		ingest->was_told = true;
		ingest->told_subscribers = ingest->stream->viewer_count;
		ingest->told_rate_milli = ingest->stream->demand_rate_milli;
		ingest->ops->on_demand(
		    ingest->arg, ingest->told_subscribers, ingest->told_rate_milli);
	}
}

void fr_ingest_news_demand(struct fr_ingest *ingest)
{
	const struct fr_stream *stream = ingest->stream;

	if (ingest->ops->on_demand == NULL)
		return;
	/* Against what the owner was told last: what came and went before its turn is no news. */
	ingest->news.demand = !ingest->was_told ||
	                      (ingest->told_subscribers == 0) != (stream->viewer_count == 0) ||
	                      ingest->told_rate_milli != stream->demand_rate_milli;
	if (ingest->news.demand)
		fr_relay_make_ready(ingest->relay, &ingest->ready);
}

uint32_t fr_ingest_demand(const struct fr_ingest *ingest, uint32_t *ret_rate_milli)
{
	const struct fr_stream *stream = ingest->stream;

	*ret_rate_milli = stream != NULL ? stream->demand_rate_milli : 0;
	return stream != NULL ? stream->viewer_count : 0;
}

/* Counting */

struct fr_ingest_counts fr_ingest_counts(const struct fr_ingest *ingest)
{
	struct fr_ingest_counts counts = ingest->counts;

	counts.receiving = ingest->receiving;
	counts.verifying =
	    (uint64_t)(ingest->verifying != NULL) + (uint64_t)(ingest->to_verify != NULL);
	return counts;
}

bool fr_ingest_adds_up(const struct fr_ingest *ingest)
{
	const struct fr_ingest_counts c = fr_ingest_counts(ingest);

	return c.begun == c.published + c.rejected + c.truncated + c.receiving + c.verifying &&
	       c.bytes_published <= c.bytes_received;
}

FR_HOT void fr_ingest_received(struct fr_ingest *ingest, size_t bytes)
{
	ingest->counts.bytes_received += bytes;
	fr_stat_add(FR_STAT_bytes_received, (int64_t)bytes);
}

FR_HOT void fr_ingest_begin(struct fr_ingest *ingest)
{
	assert(!ingest->receiving && ingest->state != INGEST_WAITING);
	ingest->receiving = true;
	ingest->counts.begun++;
	fr_stat_add(FR_STAT_frames_begun, 1);
}

static void count_rejected(struct fr_ingest *ingest, enum fr_reason reason)
{
	ingest->counts.rejected++;
	fr_stat_add(FR_STAT_frames_rejected, 1);
	fr_stat_rejected(ingest->spec.door, reason);
}

void fr_ingest_reject(struct fr_ingest *ingest, enum fr_reason reason, size_t bytes)
{
	(void)bytes; /* they are in bytes_received already */
	assert(ingest->receiving);
	ingest->receiving = false;
	count_rejected(ingest, reason);
	if (reason == FR_REASON_memory_budget)
		fr_relay_empty_queues(ingest->relay);
}

/* Pictures */

FR_HOT void fr_ingest_alive(struct fr_ingest *ingest, int64_t now_us)
{
	if (ingest->stream != NULL && ingest->stream->publisher == ingest &&
	    ingest->stream->waiting != NULL)
		fr_takeover_alive(ingest->stream, now_us);
}

void fr_ingest_set_up(struct fr_ingest *ingest, bool up, int64_t now_us)
{
	const bool is_back = up && !ingest->is_up;

	ingest->is_up = up;
	if (ingest->state != INGEST_ADMITTED)
		return;
	if (is_back)
		ingest->stream->arrived_us = now_us;
	fr_stream_look(ingest->stream, now_us);
}

/* Fills a bucket up, to two seconds' worth. Divides rather than multiplies: a pause may be as long as it likes. */
static void refill(int64_t *credit, int64_t rate, int64_t gone_us)
{
	const int64_t full = BURST_SECONDS * MILLION * rate;

	if (rate == 0 || gone_us >= (full - *credit) / rate)
		*credit = full;
	else
		*credit += gone_us * rate;
}

void fr_ingest_set_clock_offset(struct fr_ingest *ingest, int64_t offset_us)
{
	ingest->has_clock = true;
	ingest->clock_offset_us = offset_us;
}

/*
 * Two token buckets; credits are in millionths of a frame or byte. A picture may be larger than its bucket: it
 * passes, and the next ones wait until the debt is paid, so that the average holds.
 */
static bool within_rate(struct fr_ingest *ingest, size_t size, int64_t now_us)
{
	const struct fr_limits *limits = ingest->relay->limits;
	const int64_t frames = limits->publisher_frame_rate, bytes = limits->publisher_byte_rate;
	const int64_t gone_us = ingest->credit_us == 0 ? INT64_MAX : now_us - ingest->credit_us;

	if (frames == 0 && bytes == 0)
		return true;
	ingest->credit_us = now_us;
	refill(&ingest->frame_credit, frames, gone_us);
	refill(&ingest->byte_credit, bytes, gone_us);
	if ((frames != 0 && ingest->frame_credit < MILLION) ||
	    (bytes != 0 && ingest->byte_credit <= 0))
		return false;
	ingest->frame_credit -= frames != 0 ? MILLION : 0;
	ingest->byte_credit -= bytes != 0 ? (int64_t)size * MILLION : 0;
	return true;
}

void fr_ingest_bad(struct fr_ingest *ingest, enum fr_reason reason, const char *why, size_t size,
    struct fr_refusal *refusal)
{
	const int64_t most = ingest->relay->limits->bad_frames;

	count_rejected(ingest, reason);
	fr_refusal_set(refusal, 0, reason, "%s (%zu bytes)", why, size);
	if (reason == FR_REASON_rate_limit || reason == FR_REASON_verify_busy)
		return;
	ingest->bad_in_a_row++;
	if (most == 0 || ingest->bad_in_a_row < most)
		return;
	fr_refusal_set(refusal, 415, FR_REASON_bad_jpeg_repeated,
	    "%u pictures in a row were no good, the last one: %s", ingest->bad_in_a_row, why);
}

FR_HOT void fr_ingest_publish(struct fr_ingest *ingest, struct fr_frame *frame, size_t size,
    struct fr_frame_info *info, int64_t now_us, int64_t real_us)
{
	struct fr_stream *stream = ingest->stream;
	/* What it brought is counted, not what was made of it. */
	const size_t came = ingest->original != NULL ? ingest->original_size : size;

	ingest->bad_in_a_row = 0;
	ingest->counts.published++;
	ingest->counts.bytes_published += came;
	fr_stat_add(FR_STAT_frames_published, 1);
	fr_stat_add(FR_STAT_bytes_published, (int64_t)came);
	ingest->traffic->counts[FR_TRAFFIC_frames_received]++;
	ingest->traffic->counts[FR_TRAFFIC_bytes_received] += came;
	info->sequence = fr_stream_number(stream, info->sequence, real_us);
	fr_frame_finish(frame, size, info);
	fr_stream_publish(stream, frame, now_us);
}

void fr_ingest_still_same(struct fr_ingest *ingest, int64_t now_us)
{
	if (ingest->state != INGEST_ADMITTED || ingest->stream->newest == NULL)
		return;
	fr_stat_add(FR_STAT_frames_same, 1);
	ingest->stream->again_us = now_us;
	fr_stream_look(ingest->stream, now_us);
}

bool fr_ingest_same(struct fr_ingest *ingest, const void *bytes, size_t size, int64_t now_us)
{
	const struct fr_stream *stream = ingest->stream;
	struct fr_frame *before = ingest->original;

	if (ingest->state != INGEST_ADMITTED || stream->newest == NULL)
		return false;
	/* The bytes themselves: a digest of both would cost more, and could be wrong. */
	if ((before != NULL ? ingest->original_size : fr_frame_size(stream->newest)) != size ||
	    memcmp(before != NULL ? fr_frame_room(before) : fr_frame_bytes(stream->newest), bytes,
	        size) != 0)
		return false;
	fr_ingest_received(ingest, size);
	fr_ingest_still_same(ingest, now_us);
	return true;
}

/* Looks at a picture. @return false when it is no good, *reason and *why say how */
static bool inspect(const struct fr_ingest *ingest, struct fr_frame *frame, size_t size,
    struct fr_frame_info *info, enum fr_reason *reason, struct fr_cause *why)
{
	const int64_t most = ingest->relay->limits->max_pixels;
	const uint8_t *bytes = fr_frame_room(frame);
	struct fr_jpeg_info jpeg;

	/* What ends before it can be told from a JPEG is a bad one: its publisher may go on. */
	if (size == 0 || bytes[0] != 0xff || (size > 1 && bytes[1] != 0xd8)) {
		*reason = FR_REASON_not_jpeg;
		fr_cause_set(why, EINVAL, "not a JPEG: it does not begin FF D8");
		return false;
	}
	if (ingest->spec.verify == FR_VERIFY_NONE && size > 1)
		return true;
	if (fr_jpeg_info_read(bytes, size, &jpeg, why) < 0) {
		*reason = FR_REASON_bad_jpeg;
		return false;
	}
	info->width = jpeg.width;
	info->height = jpeg.height;
	if (most == 0 || (int64_t)jpeg.width * jpeg.height <= most)
		return true;
	*reason = FR_REASON_too_many_pixels;
	fr_cause_set(why, EINVAL, "%ux%u are more than max_pixels = %lld", jpeg.width, jpeg.height,
	    (long long)most);
	return false;
}

FR_HOT /* Behind one that is out, all go the same way: they must not overtake it. */
    static bool
    needs_worker(const struct fr_ingest *ingest)
{
	const struct fr_stream_config *config = ingest->stream->config;

	return ingest->relay->verify != NULL &&
	       (ingest->spec.verify == FR_VERIFY_FULL || ingest->verifying != NULL ||
	           (config != NULL && config->rotate != 0));
}

int fr_ingest_frame(struct fr_ingest *ingest, struct fr_frame *frame, size_t size,
    uint64_t sequence, int64_t captured_us, int64_t now_us, int64_t real_us,
    struct fr_refusal *refusal)
{
	struct fr_frame_info info = {
	    .type = FR_FRAME_PICTURE,
	    .sequence = sequence,
	    .captured_us = captured_us != 0 ? captured_us : real_us,
	    .received_us = now_us,
	    .captured_is_received = captured_us == 0,
	};
	enum fr_reason reason;
	struct fr_cause why;

	assert(ingest->receiving);
	ingest->receiving = false;
	if (ingest->state != INGEST_ADMITTED) {
		/* Sent away a moment ago: its owner has not been told yet. */
		count_rejected(ingest, ingest->refusal.reason);
		*refusal = ingest->refusal;
		refusal->code = 0;
		fr_frame_unref(frame);
		return -EINVAL;
	}
	if (!within_rate(ingest, size, now_us)) {
		fr_ingest_bad(ingest, FR_REASON_rate_limit,
		    "over publisher_frame_rate or publisher_byte_rate", size, refusal);
		fr_frame_unref(frame);
		return -EINVAL;
	}
	if (!inspect(ingest, frame, size, &info, &reason, &why)) {
		fr_ingest_bad(ingest, reason, why.text, size, refusal);
		if (refusal->code != 0)
			fr_stat_rejected(ingest->spec.door, refusal->reason);
		fr_frame_unref(frame);
		return -EINVAL;
	}
	if (needs_worker(ingest)) {
		fr_verify_start(ingest, frame, size, &info);
		return 0;
	}
	fr_frame_unref(ingest->original);
	ingest->original = NULL;
	fr_ingest_publish(ingest, frame, size, &info, now_us, real_us);
	return 0;
}

/* Life */

/* Out of its stream; who waits for its place has it at once. */
static void leave(struct fr_ingest *ingest, int64_t now_us)
{
	struct fr_stream *stream = ingest->stream;

	ingest->stream = NULL;
	if (stream->publisher != ingest) {
		stream->waiting = NULL; /* it was this one that waited */
		return;
	}
	stream->publisher = NULL;
	fr_stream_changed(stream, FR_CHANGE_PUBLISHER);
	fr_stream_look(stream, now_us);
	if (stream->waiting != NULL)
		fr_takeover_give(stream, now_us);
}

void fr_ingest_send_away(struct fr_ingest *ingest, const struct fr_refusal *refusal, int64_t now_us)
{
	/* Whoever waits for a decision hears one, also when it was about to hear another. */
	const bool is_undecided = ingest->state == INGEST_WAITING || ingest->news.decided;

	ingest->refusal = *refusal;
	ingest->state = INGEST_CLOSED;
	ingest->news = (struct fr_ingest_news){.decided = is_undecided, .closed = !is_undecided};
	fr_verify_forget(ingest);
	leave(ingest, now_us);
	fr_stat_rejected(ingest->spec.door, refusal->reason);
	fr_relay_make_ready(ingest->relay, &ingest->ready);
}

static int refuse(struct fr_refusal *refusal, const struct fr_publish_spec *spec, int err)
{
	fr_stat_rejected(spec->door, refusal->reason);
	return -err;
}

static struct fr_ingest *ingest_new(struct fr_relay *relay, const struct fr_publish_spec *spec,
    struct fr_stream *stream, const struct fr_ingest_ops *ops, void *arg)
{
	struct fr_ingest *ingest = fr_xcalloc(1, sizeof(*ingest));

	ingest->relay = relay;
	ingest->stream = stream;
	ingest->spec = *spec;
	ingest->ops = ops;
	ingest->arg = arg;
	ingest->ready.run = run;
	ingest->is_up = true;
	LIST_INSERT_HEAD(&relay->ingests, ingest, entry);
	relay->ingest_count++;
	fr_stat_add(FR_STAT_publishers, 1);
	return ingest;
}

void fr_ingest_free(struct fr_ingest *ingest, int64_t now_us)
{
	struct fr_stream *stream;

	if (ingest == NULL)
		return;
	if (ingest->receiving) {
		ingest->counts.truncated++;
		fr_stat_add(FR_STAT_frames_truncated, 1);
		fr_stat_rejected(ingest->spec.door, FR_REASON_truncated_frame);
	}
	fr_verify_forget(ingest);
	fr_frame_unref(ingest->original);
	fr_relay_not_ready(ingest->relay, &ingest->ready);
	LIST_REMOVE(ingest, entry);
	ingest->relay->ingest_count--;
	fr_stat_add(FR_STAT_publishers, -1);
	stream = ingest->stream;
	if (stream != NULL) {
		leave(ingest, now_us);
		if (fr_stream_may_forget(stream, now_us))
			fr_stream_free(stream);
	}
	free(ingest);
}

int fr_relay_publish(struct fr_relay *relay, const struct fr_publish_spec *spec,
    const struct fr_ingest_ops *ops, void *arg, int64_t now_us, struct fr_ingest **ret,
    struct fr_refusal *refusal)
{
	const struct fr_limits *limits = relay->limits;
	struct fr_ingest *ingest;
	struct fr_stream *stream;
	int r;

	if (!fr_access_allows(relay->access, &spec->who, FR_RIGHT_PUBLISH, spec->stream, refusal))
		return refuse(refusal, spec, EACCES);
	stream = fr_stream_find(relay, spec->stream);
	if (limits->max_publishers != 0 && (stream == NULL || stream->publisher == NULL) &&
	    !spec->who.ours && relay->ingest_count >= (size_t)limits->max_publishers) {
		fr_refusal_set(refusal, 503, FR_REASON_publisher_limit,
		    "%zu publishers are connected already (max_publishers)", relay->ingest_count);
		return refuse(refusal, spec, ENOSPC);
	}
	stream = fr_stream_need(relay, spec->stream, true, now_us);
	if (stream == NULL) {
		fr_refusal_set(refusal, 503, FR_REASON_stream_limit,
		    "the relay knows %lld streams already (max_streams)",
		    (long long)limits->max_streams);
		return refuse(refusal, spec, ENOSPC);
	}
	ingest = ingest_new(relay, spec, stream, ops, arg);
	r = fr_takeover_decide(stream, ingest, now_us, refusal);
	if (r < 0 && r != -EINPROGRESS) {
		ingest->stream = NULL;
		fr_ingest_free(ingest, now_us);
		return refuse(refusal, spec, -r);
	}
	*ret = ingest;
	return r;
}
