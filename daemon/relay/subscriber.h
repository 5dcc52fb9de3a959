/* SPDX-License-Identifier: MIT */
/*
 * One viewer's way out: a bounded queue that drops its oldest picture and counts it, pacing, and a wake-up.
 *
 * Every picture offered is counted exactly once:
 *
 *     offered == sent + dropped (newest, age, memory, paced, frozen, closed) + queued + held back by pacing + in flight (0 or 1)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/media/rendition.h"
#include "daemon/relay/relay.h"

struct fr_subscriber;

/** What a viewer wants. A plain value. */
struct fr_subscribe_spec {
	const char *door; /* the kind, for logs and counters; lives for ever */
	const char *
	    kind; /* of subscription, where a door has several ("mjpeg"); lives for ever; NULL: as the door */
	struct fr_who who;
	char stream[FR_NAME_MAX + 1];
	int queue_frames;              /* 1…max_queue_frames; -1: the limit's default */
	int64_t queue_age_ms;          /* 0: no limit; -1: the limit's default */
	uint32_t max_fps_milli;        /* pictures per 1,000 s; 0: all */
	struct fr_rendition rendition; /* of its pictures; all zero: as published */
	bool messages;                 /* takes MESSAGEs too */
	bool no_pictures;              /* takes MESSAGEs alone: no demand for pictures */
	bool
	    only_next; /* not the newest picture, if it is there already: the one that comes next */
	bool even_old; /* the newest picture at once, of a stream that is not live as well */
};

/** Both come from fr_relay_serve() alone, so each may call anything, fr_subscriber_free() included. */
struct fr_subscriber_ops {
	/** Something waits and nothing is in flight: call fr_subscriber_next(). */
	void (*on_ready)(void *arg);
	/** Sent away (access withdrawn, a publisher needs the name's place). The owner tells the peer and frees. */
	void (*on_closed)(void *arg, const struct fr_refusal *refusal);
};

/**
 * Waits for a stream that may not be there yet; while it is live its newest picture comes at once.
 *
 * A rendition is made while somebody subscribes to it, once for all who ask for the same; its pictures have the numbers
 * and times of those that they are made from. Rights are those of the stream. Who subscribes to one that cannot be made
 * is sent away with 415.
 *
 * @retval 0
 * @retval -EACCES, -ENOSPC, -ENOMEM  refused, *refusal says why; *ret is not set
 */
int fr_relay_subscribe(struct fr_relay *relay, const struct fr_subscribe_spec *spec,
    const struct fr_subscriber_ops *ops, void *arg, int64_t now_us, struct fr_subscriber **ret,
    struct fr_refusal *refusal);

/** The viewer leaves. NULL is fine. */
void fr_subscriber_free(struct fr_subscriber *sub, int64_t now_us);

/**
 * Takes the next thing to deliver: a MESSAGE if one waits, else the oldest picture that is not too old.
 *
 * Nothing may be in flight. The frame is in flight from here until fr_subscriber_sent(), _hide() or _give_up().
 *
 * @return with its reference, or NULL: on_ready() comes when there is something again
 */
struct fr_frame *fr_subscriber_next(struct fr_subscriber *sub, int64_t now_us);

/** What was in flight is wholly handed over (to the kernel, to a file). */
void fr_subscriber_sent(struct fr_subscriber *sub);

/** What was in flight, a picture, is not sent: its stream is frozen or has stopped, and the viewer sees that instead. */
void fr_subscriber_hide(struct fr_subscriber *sub);

/** What was in flight, a picture, is not sent for a reason of its owner's: too large, not wanted after all, no answer. */
void fr_subscriber_give_up(struct fr_subscriber *sub);

/** Takes no new picture any more, for a clean stop; what waits is dropped. */
void fr_subscriber_drain(struct fr_subscriber *sub);

/** The counts of one viewer. A plain value. */
struct fr_subscriber_counts {
	uint64_t offered, sent, bytes_sent;
	uint64_t dropped_newest, dropped_age, dropped_memory, dropped_paced, dropped_frozen,
	    dropped_unsent, dropped_closed;
	uint64_t messages_sent, messages_dropped;
	unsigned queued, held, in_flight;
};

struct fr_subscriber_counts fr_subscriber_counts(const struct fr_subscriber *sub);

/** @return all that were dropped, whatever the cause */
uint64_t fr_subscriber_dropped(const struct fr_subscriber *sub);

/** One viewer as others see it. A plain value; pointers are borrowed for the call. */
struct fr_subscriber_info {
	uint64_t id;        /* never repeats */
	const char *stream; /* NULL: sent away */
	const char *door, *kind;
	struct fr_who who;
	int64_t since_us;
	struct fr_subscriber_counts counts;
	unsigned queue_frames;                /* the most that may wait */
	int64_t queue_age_us;                 /* the longest that one may wait; 0: no limit */
	int64_t oldest_us;                    /* since when the oldest waits; 0: none waits */
	uint32_t max_fps_milli;               /* 0: all */
	const struct fr_rendition *rendition; /* canonical; NULL: as published */
	bool pictures, messages;              /* what it takes */
};

/** Calls `each` for every subscriber, the newest first. It must not call back into the relay. */
void fr_relay_subscribers(const struct fr_relay *relay,
    void (*each)(void *arg, const struct fr_subscriber_info *info), void *arg);
