/* SPDX-License-Identifier: MIT */
/*
 * The one event loop, and the two rules that keep it sound: nothing is freed inside its own callback
 * (fr_loop_defer), and nothing blocks (fr_worker).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/queue.h>

struct event_base;
struct fr_cause;
struct fr_handed;
struct fr_loop;

/** @return the loop, with its event base; NULL: `why` */
struct fr_loop *fr_loop_new(struct fr_cause *why);

/** Closes orphans, runs what is deferred, then frees. NULL is fine. */
void fr_loop_free(struct fr_loop *loop);

struct event_base *fr_loop_base(struct fr_loop *loop);

/** Whoever listens at "systemd:NAME" finds its socket here. @param handed  taken; NULL: none */
void fr_loop_set_handed(struct fr_loop *loop, struct fr_handed *handed);
const struct fr_handed *fr_loop_handed(const struct fr_loop *loop);

/**
 * One turn: the callbacks of what has happened, then what was deferred.
 *
 * @param waits  for something to happen, unless something is deferred already
 * @retval -errno  the poller failed
 */
int fr_loop_turn(struct fr_loop *loop, bool waits);

/** Turns until fr_loop_stop(). @retval -errno  the poller failed */
int fr_loop_run(struct fr_loop *loop);

/** Lets the present turn end and leaves. May be called from any callback of fr_loop_run(). */
void fr_loop_stop(struct fr_loop *loop);

/** Embedded in what is to be freed later. */
struct fr_deferred {
	TAILQ_ENTRY(fr_deferred) entry;
	void (*run)(struct fr_deferred *deferred);
	unsigned turn; /* the loop's */
};

/**
 * Calls `run` when the callbacks of this turn are over, in the order in which it was asked for.
 *
 * What is deferred from inside a `run` comes a turn later, so that it cannot hold the loop up.
 */
void fr_loop_defer(
    struct fr_loop *loop, struct fr_deferred *deferred, void (*run)(struct fr_deferred *deferred));

/** Takes back what has been deferred and has not run. */
void fr_loop_undefer(struct fr_loop *loop, struct fr_deferred *deferred);

/**
 * Embedded in what has no owner but the loop: what ends by itself, at the latest with the loop.
 */
struct fr_orphan {
	TAILQ_ENTRY(fr_orphan) entry;
	void (*close)(struct fr_orphan *orphan);
};

/** @param close  called by fr_loop_free(); it must fr_loop_disown() and may fr_loop_defer() */
void fr_loop_adopt(
    struct fr_loop *loop, struct fr_orphan *orphan, void (*close)(struct fr_orphan *orphan));

/** The orphan has ended. */
void fr_loop_disown(struct fr_loop *loop, struct fr_orphan *orphan);

/** @return one that was adopted with this `close` and comes after `after` (NULL: the first); NULL: no more */
struct fr_orphan *fr_loop_next_orphan(const struct fr_loop *loop, const struct fr_orphan *after,
    void (*close)(struct fr_orphan *orphan));

/**
 * Memory that a callback may read into; nothing in it outlives the callback.
 *
 * @param ret_size  bytes, at least 64 KiB
 */
uint8_t *fr_loop_scratch(struct fr_loop *loop, size_t *ret_size);
