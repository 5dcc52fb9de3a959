/* SPDX-License-Identifier: MIT */
#include "daemon/relay/relay.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hot.h"
#include "common/base/xalloc.h"
#include "daemon/relay/inside.h"

enum {
	SECOND_US = 1000000,
};

const char *fr_stream_state_name(enum fr_stream_state state)
{
	static const char *const names[] = {"live", "asleep", "stale", "offline"};

	return names[state];
}

struct fr_relay *fr_relay_new(const struct fr_limits *limits, struct fr_frame_pool *pool)
{
	struct fr_relay *relay = fr_xcalloc(1, sizeof(*relay));

	relay->limits = limits;
	relay->pool = pool;
	relay->access = fr_access_default();
	LIST_INIT(&relay->ingests);
	LIST_INIT(&relay->subscribers);
	LIST_INIT(&relay->paced);
	LIST_INIT(&relay->observers);
	TAILQ_INIT(&relay->changed);
	TAILQ_INIT(&relay->ready);
	TAILQ_INIT(&relay->to_render);
	return relay;
}

static void configs_free(struct fr_stream_config *configs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(configs[i].title);
		free(configs[i].from);
	}
	free(configs);
}

void fr_relay_free(struct fr_relay *relay)
{
	struct fr_stream *stream, *next;

	if (relay == NULL)
		return;
	assert(LIST_EMPTY(&relay->ingests) && LIST_EMPTY(&relay->subscribers));
	assert(LIST_EMPTY(&relay->observers));
	HASH_ITER(hh, relay->streams, stream, next)
	fr_stream_free(stream);
	configs_free(relay->configs, relay->config_count);
	fr_access_free(relay->access);
	free(relay);
}

struct fr_frame_pool *fr_relay_pool(const struct fr_relay *relay)
{
	return relay->pool;
}

void fr_refusal_set(
    struct fr_refusal *refusal, unsigned code, enum fr_reason reason, const char *fmt, ...)
{
	va_list ap;

	refusal->code = code;
	refusal->reason = reason;
	va_start(ap, fmt);
	(void)vsnprintf(refusal->why.text, sizeof(refusal->why.text), fmt, ap);
	va_end(ap);
}

/* The ready list */

void fr_relay_set_ready(struct fr_relay *relay, void (*on_ready)(void *arg), void *arg)
{
	relay->on_ready = on_ready;
	relay->on_ready_arg = arg;
	if (relay->told_ready && on_ready != NULL)
		on_ready(arg); /* somebody became ready while nobody listened */
}

static void notify(struct fr_relay *relay)
{
	if (relay->told_ready)
		return;
	relay->told_ready = true;
	if (relay->on_ready != NULL)
		relay->on_ready(relay->on_ready_arg);
}

FR_HOT void fr_relay_make_ready(struct fr_relay *relay, struct fr_ready *ready)
{
	if (ready->is_queued)
		return;
	ready->is_queued = true;
	TAILQ_INSERT_TAIL(&relay->ready, ready, entry);
	notify(relay);
}

void fr_relay_not_ready(struct fr_relay *relay, struct fr_ready *ready)
{
	if (!ready->is_queued)
		return;
	ready->is_queued = false;
	TAILQ_REMOVE(&relay->ready, ready, entry);
}

FR_HOT void fr_relay_serve(struct fr_relay *relay, int64_t now_us)
{
	struct fr_ready mark = {.is_queued = true};
	struct fr_ready *ready;

	assert(!relay->is_serving);
	/*
	 * Whoever becomes ready from here on stands behind the mark and has its turn in the next call: two who make
	 * each other ready cannot hold the loop up.
	 */
	TAILQ_INSERT_TAIL(&relay->ready, &mark, entry);
	relay->told_ready = true;
	relay->is_serving = true;
	relay->now_us = now_us;
	while ((ready = TAILQ_FIRST(&relay->ready)) != &mark) {
		TAILQ_REMOVE(&relay->ready, ready, entry);
		ready->is_queued = false;
		ready->run(ready, now_us);
	}
	TAILQ_REMOVE(&relay->ready, &mark, entry);
	relay->is_serving = false;
	relay->told_ready = false;
	if (!TAILQ_EMPTY(&relay->ready))
		notify(relay);
}

/* Rules and rows */

const struct fr_access *fr_relay_access(const struct fr_relay *relay)
{
	return relay->access;
}

void fr_relay_set_access(struct fr_relay *relay, struct fr_access *access, int64_t now_us)
{
	struct fr_refusal refusal;
	struct fr_observer *observer;
	struct fr_subscriber *sub;
	struct fr_ingest *ingest;

	fr_access_free(relay->access);
	relay->access = access;
	/* Sending away leaves these lists as they are: the owners free, later. */
	LIST_FOREACH (ingest, &relay->ingests, entry)
		if (ingest->stream != NULL && !fr_access_allows(access, &ingest->spec.who,
		                                  FR_RIGHT_PUBLISH, ingest->stream->name, &refusal))
			fr_ingest_send_away(ingest, &refusal, now_us);
	LIST_FOREACH (sub, &relay->subscribers, all)
		if (sub->stream != NULL && !fr_access_allows(access, &sub->who, FR_RIGHT_SUBSCRIBE,
		                               sub->stream->name, &refusal))
			fr_subscriber_send_away(sub, &refusal, now_us);
	LIST_FOREACH (observer, &relay->observers, entry)
		fr_observer_check(observer);
}

void fr_relay_set_streams(
    struct fr_relay *relay, struct fr_stream_config *rows, size_t count, int64_t now_us)
{
	configs_free(relay->configs, relay->config_count);
	relay->configs = rows;
	relay->config_count = count;
	/* Those that are known first: a new row must not take the place of one that stays. */
	for (struct fr_stream *s = relay->streams; s != NULL; s = s->hh.next) {
		fr_stream_configure(s);
		fr_stream_changed(s, FR_CHANGE_CONFIG);
	}
	for (size_t i = 0; i < count; i++)
		(void)fr_stream_need(relay, rows[i].name, true, now_us);
}

static bool config_lists(const struct fr_stream_config *config, const struct fr_addr *peer)
{
	for (size_t i = 0; i < config->from_count; i++)
		if (fr_network_has(&config->from[i], peer))
			return true;
	return false;
}

void fr_relay_name_for(const struct fr_relay *relay, const struct fr_addr *peer, const char *model,
    char ret[FR_NAME_MAX + 1])
{
	char text[512], addr[FR_ADDR_TEXT_MAX];
	size_t n = 0;

	for (size_t i = 0; i < relay->config_count; i++)
		if (config_lists(&relay->configs[i], peer)) {
			memcpy(ret, relay->configs[i].name, sizeof(relay->configs[i].name));
			return;
		}
	for (; *model != '\0' && n < sizeof(text) - FR_ADDR_TEXT_MAX; model++) {
		if (model[0] == '%' && model[1] == 'h') {
			n += (size_t)snprintf(
			    text + n, sizeof(text) - n, "%s", fr_addr_print_host(peer, addr));
			model++;
		} else if (model[0] == '%' && model[1] == 'p') {
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%u", peer->port);
			model++;
		} else {
			text[n++] = *model;
		}
	}
	text[n] = '\0';
	fr_text_to_name(ret, text);
}

/* Time */

void fr_relay_wake_at(struct fr_relay *relay, int64_t when_us)
{
	if (when_us >= relay->next_tick_us)
		return;
	relay->next_tick_us = when_us;
	notify(relay); /* so that the timer is set anew */
}

FR_HOT int64_t fr_relay_next_tick(const struct fr_relay *relay)
{
	return relay->next_tick_us;
}

static void tick_second(struct fr_relay *relay, int64_t now_us)
{
	struct fr_stream *stream, *next;
	struct fr_subscriber *sub;

	LIST_FOREACH (sub, &relay->subscribers, all)
		fr_subscriber_tick(sub, now_us);
	HASH_ITER(hh, relay->streams, stream, next)
	{
		fr_stream_look(stream, now_us);
		if (fr_stream_may_forget(stream, now_us))
			fr_stream_free(stream);
	}
	fr_relay_relieve(relay);
	fr_stat_set(FR_STAT_memory_bytes, fr_frame_pool_bytes(relay->pool));
	fr_stat_set(FR_STAT_frames_alive, fr_frame_pool_frames(relay->pool));
}

int64_t fr_relay_tick(struct fr_relay *relay, int64_t now_us)
{
	int64_t due;

	if (now_us >= relay->second_us) {
		relay->second_us = now_us + SECOND_US;
		tick_second(relay, now_us);
	}
	relay->next_tick_us = relay->second_us;
	due = fr_relay_tick_paced(relay, now_us);
	if (due < relay->next_tick_us)
		relay->next_tick_us = due;
	for (struct fr_stream *s = relay->streams; s != NULL; s = s->hh.next) {
		due = fr_takeover_tick(s, now_us);
		if (due < relay->next_tick_us)
			relay->next_tick_us = due;
	}
	return relay->next_tick_us;
}

/* Looking in */

void fr_stream_info_of(const struct fr_stream *stream, int64_t now_us, struct fr_stream_info *ret)
{
	const struct fr_frame_info *newest =
	    stream->newest != NULL ? fr_frame_info(stream->newest) : NULL;
	const struct fr_ingest *publisher = stream->publisher;

	memset(ret, 0, sizeof(*ret));
	ret->name = stream->name;
	ret->title = stream->config != NULL ? stream->config->title : "";
	ret->number = stream->config != NULL ? stream->config->number : 0;
	ret->state = fr_stream_state(stream, now_us);
	ret->state_since_us = ret->state == stream->state ? stream->state_since_us : now_us;
	ret->has_publisher = publisher != NULL;
	ret->width = newest != NULL ? newest->width : 0;
	ret->height = newest != NULL ? newest->height : 0;
	if (publisher != NULL) {
		ret->publisher_door = publisher->spec.door;
		ret->publisher = publisher->spec.who.addr;
		ret->publisher_since_us = publisher->since_us;
		ret->has_clock = publisher->has_clock;
		ret->clock_offset_us = publisher->clock_offset_us;
		if (ret->width == 0) {
			ret->width = publisher->spec.width;
			ret->height = publisher->spec.height;
		}
	}
	ret->fps_milli = fr_stream_fps_milli(stream);
	ret->bytes_per_second = fr_stream_bytes_per_second(stream);
	ret->frames_received = stream->frames_received;
	ret->sequence = stream->sequence;
	ret->newest_us = fr_stream_came_us(stream);
	ret->subscribers = stream->viewer_count;
	ret->is_fresh = fr_stream_has_fresh(stream, now_us);
	ret->seen_us = fr_stream_is_frozen(stream) ? stream->changed_us : ret->newest_us;
	ret->demand_rate_milli = stream->demand_rate_milli;
}

void fr_relay_streams(const struct fr_relay *relay, int64_t now_us,
    void (*each)(void *arg, const struct fr_stream_info *info), void *arg)
{
	struct fr_stream_info info;

	for (const struct fr_stream *s = relay->streams; s != NULL; s = s->hh.next) {
		fr_stream_info_of(s, now_us, &info);
		each(arg, &info);
	}
}

bool fr_relay_stream(
    const struct fr_relay *relay, const char *name, int64_t now_us, struct fr_stream_info *ret)
{
	const struct fr_stream *stream = fr_stream_find(relay, name);

	if (stream == NULL)
		return false;
	fr_stream_info_of(stream, now_us, ret);
	return true;
}

struct fr_frame *fr_relay_newest(const struct fr_relay *relay, const char *name)
{
	const struct fr_stream *stream = fr_stream_find(relay, name);

	return stream != NULL && stream->newest != NULL ? fr_frame_ref(stream->newest) : NULL;
}

unsigned fr_relay_check(const struct fr_relay *relay, struct fr_cause *why)
{
	const struct fr_subscriber *sub;
	const struct fr_ingest *ingest;
	unsigned wrong = 0;

	LIST_FOREACH (ingest, &relay->ingests, entry)
		if (!fr_ingest_adds_up(ingest)) {
			fr_cause_set(why, 1, "the publisher of %s", ingest->spec.stream);
			wrong++;
		}
	LIST_FOREACH (sub, &relay->subscribers, all)
		if (!fr_subscriber_adds_up(sub)) {
			fr_cause_set(why, 1, "a subscriber of %s",
			    sub->stream != NULL ? sub->stream->name : "no stream any more");
			wrong++;
		}
	if (wrong != 0)
		fr_stat_add(FR_STAT_accounting_error, wrong);
	return wrong;
}

void fr_relay_set_verifier(struct fr_relay *relay, fr_verify_fn submit, void *arg)
{
	relay->verify = submit;
	relay->verify_arg = arg;
}

bool fr_relay_is_quiet(const struct fr_relay *relay)
{
	const struct fr_subscriber *sub;

	LIST_FOREACH (sub, &relay->subscribers, all) {
		const struct fr_subscriber_counts c = fr_subscriber_counts(sub);

		if (c.queued + c.held + c.in_flight != 0)
			return false;
	}
	return true;
}
