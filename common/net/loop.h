/* SPDX-License-Identifier: MIT */
/*
 * The one event loop, and the two rules that keep it sound: nothing is freed inside its own callback
 * (fr_loop_defer), and nothing blocks (fr_worker).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <sys/queue.h>

struct event_base;
struct fr_cause;
struct fr_loop;

/** @return the loop, with its event base; NULL: `why` */
struct fr_loop *fr_loop_new(struct fr_cause *why);

/** Runs what is deferred, then frees. NULL is fine. */
void fr_loop_free(struct fr_loop *loop);

struct event_base *fr_loop_base(struct fr_loop *loop);

/** Runs until fr_loop_stop(). @retval -errno  the poller failed */
int fr_loop_run(struct fr_loop *loop);

/** Lets the present turn end and leaves. May be called from any callback. */
void fr_loop_stop(struct fr_loop *loop);

/** Embedded in what is to be freed later. */
struct fr_deferred {
	TAILQ_ENTRY(fr_deferred) entry;
	void (*run)(struct fr_deferred *deferred);
};

/** Calls `run` when the callbacks of this turn are over. Once added it cannot be taken back. */
void fr_loop_defer(
    struct fr_loop *loop, struct fr_deferred *deferred, void (*run)(struct fr_deferred *deferred));

/**
 * Memory that a callback may read into; nothing in it outlives the callback.
 *
 * @param ret_size  bytes, at least 64 KiB
 */
uint8_t *fr_loop_scratch(struct fr_loop *loop, size_t *ret_size);
