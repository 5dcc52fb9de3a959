/* SPDX-License-Identifier: MIT */
#include "daemon/relay/observer.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "daemon/relay/inside.h"

const char *fr_change_name(enum fr_change change)
{
	static const char *const names[FR_CHANGE_COUNT] = {
	    "new", "state", "viewers", "publisher", "config"};

	return names[change];
}

/* What happens */

/* @param name  a stream's, or "": those who follow every one */
static void wake_followers(struct fr_relay *relay, const char *name)
{
	struct fr_followers *followers;
	struct fr_observer *observer;

	HASH_FIND_STR(relay->followers, name, followers);
	if (followers == NULL)
		return;
	LIST_FOREACH (observer, &followers->observers, follows)
		fr_relay_make_ready(relay, &observer->ready);
}

static void wake(struct fr_relay *relay, const char *name)
{
	wake_followers(relay, "");
	wake_followers(relay, name);
}

void fr_stream_changed(struct fr_stream *stream, enum fr_change change)
{
	struct fr_relay *relay = stream->relay;

	stream->changes[change] = ++relay->change;
	TAILQ_REMOVE(&relay->changed, stream, changed);
	TAILQ_INSERT_TAIL(&relay->changed, stream, changed);
	wake(relay, stream->name);
}

void fr_stream_appeared(struct fr_stream *stream)
{
	TAILQ_INSERT_TAIL(&stream->relay->changed, stream, changed);
	fr_stream_changed(stream, FR_CHANGE_NEW);
}

void fr_stream_forgotten(struct fr_stream *stream)
{
	struct fr_relay *relay = stream->relay;
	struct fr_forgotten *place = &relay->forgotten[relay->forgotten_count++ % FORGOTTEN_MAX];

	TAILQ_REMOVE(&relay->changed, stream, changed);
	relay->forgotten_lost = place->change;
	place->change = ++relay->change;
	memcpy(place->name, stream->name, sizeof(place->name));
	wake(relay, stream->name);
}

/* Looking */

static uint64_t last_change(const struct fr_stream *stream)
{
	uint64_t last = 0;

	for (size_t i = 0; i < FR_CHANGE_COUNT; i++)
		if (stream->changes[i] > last)
			last = stream->changes[i];
	return last;
}

/* Who is told, and as of when. */
struct telling {
	int64_t now_us;
	void (*each)(void *arg, const struct fr_stream_change *change);
	void *arg;
};

static void tell(const struct telling *t, const struct fr_stream *stream, uint64_t seen)
{
	struct fr_stream_info info;
	struct fr_stream_change change = {.name = stream->name, .info = &info};

	for (unsigned i = 0; i < FR_CHANGE_COUNT; i++)
		if (stream->changes[i] > seen)
			change.what |= 1U << i;
	fr_stream_info_of(stream, t->now_us, &info);
	t->each(t->arg, &change);
}

static void tell_forgotten(const struct telling *t, const char *name)
{
	const struct fr_stream_change change = {.name = name};

	t->each(t->arg, &change);
}

static void take_one(struct fr_observer *observer, const struct telling *t)
{
	const struct fr_stream *stream = fr_stream_find(observer->relay, observer->spec.stream);

	if (stream != NULL && last_change(stream) > observer->seen)
		tell(t, stream, observer->seen);
	else if (stream == NULL && observer->knows)
		tell_forgotten(t, observer->spec.stream);
	observer->knows = stream != NULL;
}

/* The order in which streams changed ends with the newest; whoever is not known any more came before them. */
static void take_all(struct fr_observer *observer, const struct telling *t)
{
	const struct fr_relay *relay = observer->relay;
	const struct fr_stream *stream = TAILQ_LAST(&relay->changed, fr_changed_list),
	                       *first = NULL;

	for (size_t i = 0; i < FORGOTTEN_MAX; i++) {
		const struct fr_forgotten *gone =
		    &relay->forgotten[(relay->forgotten_count + i) % FORGOTTEN_MAX];

		if (gone->change > observer->seen)
			tell_forgotten(t, gone->name);
	}
	for (; stream != NULL && last_change(stream) > observer->seen;
	     stream = TAILQ_PREV(stream, fr_changed_list, changed))
		first = stream;
	for (; first != NULL; first = TAILQ_NEXT(first, changed))
		tell(t, first, observer->seen);
}

void fr_observer_take(struct fr_observer *observer, int64_t now_us,
    void (*each)(void *arg, const struct fr_stream_change *change), void *arg)
{
	const struct fr_relay *relay = observer->relay;
	const struct telling t = {.now_us = now_us, .each = each, .arg = arg};

	if (observer->spec.stream[0] != '\0') {
		take_one(observer, &t);
	} else if (!observer->knows || observer->seen < relay->forgotten_lost) {
		/* It has just come, or more were forgotten since its last look than are remembered. */
		observer->knows = true;
		tell_forgotten(&t, NULL);
	} else {
		take_all(observer, &t);
	}
	observer->seen = relay->change;
}

/* Life */

static void follow(struct fr_observer *observer)
{
	struct fr_relay *relay = observer->relay;
	struct fr_followers *followers;

	HASH_FIND_STR(relay->followers, observer->spec.stream, followers);
	if (followers == NULL) {
		followers = fr_xcalloc(1, sizeof(*followers));
		memcpy(followers->name, observer->spec.stream, sizeof(followers->name));
		HASH_ADD_STR(relay->followers, name, followers);
	}
	observer->followers = followers;
	LIST_INSERT_HEAD(&followers->observers, observer, follows);
}

static void unfollow(struct fr_observer *observer)
{
	struct fr_followers *followers = observer->followers;

	LIST_REMOVE(observer, follows);
	if (!LIST_EMPTY(&followers->observers))
		return;
	HASH_DEL(observer->relay->followers, followers);
	free(followers);
}

static void run(struct fr_ready *ready, int64_t now_us)
{
	struct fr_observer *observer =
	    (struct fr_observer *)((char *)ready - offsetof(struct fr_observer, ready));

	(void)now_us;
	if (observer->is_closed)
		observer->ops->on_closed(observer->arg, &observer->refusal);
	else
		observer->ops->on_ready(observer->arg);
}

static bool is_allowed(
    const struct fr_relay *relay, const struct fr_observe_spec *spec, struct fr_refusal *refusal)
{
	const bool one = spec->stream[0] != '\0';

	if (fr_access_allows(relay->access, &spec->who, one ? FR_RIGHT_SUBSCRIBE : FR_RIGHT_OBSERVE,
	        one ? spec->stream : NULL, refusal))
		return true;
	fr_stat_rejected(spec->door, refusal->reason);
	return false;
}

void fr_observer_check(struct fr_observer *observer)
{
	if (observer->is_closed || is_allowed(observer->relay, &observer->spec, &observer->refusal))
		return;
	observer->is_closed = true;
	fr_relay_make_ready(observer->relay, &observer->ready);
}

int fr_relay_observe(struct fr_relay *relay, const struct fr_observe_spec *spec,
    const struct fr_observer_ops *ops, void *arg, struct fr_observer **ret,
    struct fr_refusal *refusal)
{
	struct fr_observer *observer;

	if (!is_allowed(relay, spec, refusal))
		return -EACCES;
	observer = fr_xcalloc(1, sizeof(*observer));
	observer->relay = relay;
	observer->spec = *spec;
	observer->ops = ops;
	observer->arg = arg;
	observer->ready.run = run;
	LIST_INSERT_HEAD(&relay->observers, observer, entry);
	follow(observer);
	fr_stat_add(FR_STAT_observers, 1);
	fr_relay_make_ready(relay, &observer->ready);
	*ret = observer;
	return 0;
}

void fr_observer_free(struct fr_observer *observer)
{
	if (observer == NULL)
		return;
	fr_relay_not_ready(observer->relay, &observer->ready);
	LIST_REMOVE(observer, entry);
	unfollow(observer);
	fr_stat_add(FR_STAT_observers, -1);
	free(observer);
}
