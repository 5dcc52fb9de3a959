/* SPDX-License-Identifier: MIT */
/*
 * Somebody who follows what becomes of the streams: a page, a dashboard, another machine. Not their pictures: that is
 * a subscriber.
 *
 * Nothing queues up for an observer. The relay numbers its changes and each stream remembers the numbers of its last
 * ones; an observer knows up to which number it has seen. So one that looks seldom gets the newest state of each stream
 * that changed meanwhile, once, and a change costs the same however many look on.
 */
#pragma once

#include <stdint.h>

#include "daemon/relay/relay.h"

struct fr_observer;

/** What may happen to a stream. Rows of fr_change_name(). */
enum fr_change {
	FR_CHANGE_NEW,       /* came to be known */
	FR_CHANGE_STATE,     /* live, asleep, stale, offline */
	FR_CHANGE_VIEWERS,   /* the first one came or the last one left */
	FR_CHANGE_PUBLISHER, /* one came, left or was replaced */
	FR_CHANGE_CONFIG,    /* the configuration was read again: title, number */
	FR_CHANGE_COUNT
};

/** @return one word in lower case, as in the events of docs/protocol.md */
const char *fr_change_name(enum fr_change change);

/** What happened to one stream since the last look. A plain value; pointers are borrowed for the call. */
struct fr_stream_change {
	const char *name; /* NULL: everything may be different, look at all streams */
	const struct fr_stream_info
	    *info;     /* as it is now; NULL: it was forgotten (or name is NULL) */
	unsigned what; /* bits 1 << enum fr_change; 0 when info is NULL */
};

/** Both come from fr_relay_serve() alone, so each may call anything, fr_observer_free() included. */
struct fr_observer_ops {
	/** Something happened: call fr_observer_take(), now or when there is room for what it says. */
	void (*on_ready)(void *arg);
	/** Sent away: access was withdrawn. The owner tells the peer and frees. */
	void (*on_closed)(void *arg, const struct fr_refusal *refusal);
};

/** Whom an observer is. A plain value; strings are copied. */
struct fr_observe_spec {
	const char *door; /* the kind, for counters; lives for ever */
	struct fr_who who;
	/**
	 * "": every stream, which needs the right OBSERVE; the first look says name NULL.
	 * Else this one alone, which needs SUBSCRIBE on it; the first look says what it is, when it is known.
	 */
	char stream[FR_NAME_MAX + 1];
};

/**
 * Begins. on_ready() comes for what is there already.
 *
 * @param ops, arg  borrowed until fr_observer_free()
 * @retval -EACCES  *refusal says why; *ret is not set
 */
int fr_relay_observe(struct fr_relay *relay, const struct fr_observe_spec *spec,
    const struct fr_observer_ops *ops, void *arg, struct fr_observer **ret,
    struct fr_refusal *refusal);

/** NULL is fine. */
void fr_observer_free(struct fr_observer *observer);

/**
 * Calls `each` once for each stream that changed since the last look, those that were forgotten first. `each` may look
 * at streams but change nothing. Without news it is not called.
 */
void fr_observer_take(struct fr_observer *observer, int64_t now_us,
    void (*each)(void *arg, const struct fr_stream_change *change), void *arg);
