/* SPDX-License-Identifier: MIT */
#include "common/net/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include <event2/event.h>

#include "common/base/cause.h"
#include "common/base/hot.h"
#include "common/base/xalloc.h"
#include "common/net/handed.h"

enum {
	SCRATCH_BYTES = 256 * 1024,
};

TAILQ_HEAD(deferred_list, fr_deferred);
TAILQ_HEAD(orphan_list, fr_orphan);

struct fr_loop {
	struct event_base *base;
	struct deferred_list deferred;
	unsigned turn; /* counts what run_deferred() has done; may wrap */
	bool is_stopped;
	struct orphan_list orphans;
	uint8_t *scratch;
	struct fr_handed *handed;
};

/* Runs what has been deferred so far, not what these runs defer in their turn. */
FR_HOT static void run_deferred(struct fr_loop *loop)
{
	const unsigned turn = loop->turn++;
	struct fr_deferred *d;

	while ((d = TAILQ_FIRST(&loop->deferred)) != NULL && d->turn == turn) {
		TAILQ_REMOVE(&loop->deferred, d, entry);
		d->run(d);
	}
}

struct fr_loop *fr_loop_new(struct fr_cause *why)
{
	struct fr_loop *loop = fr_xcalloc(1, sizeof(*loop));
	struct event_config *config = event_config_new();

	TAILQ_INIT(&loop->deferred);
	TAILQ_INIT(&loop->orphans);
	if (config == NULL)
		goto fail;
	/* One thread uses the base; others wake it through an eventfd (worker.c). */
	if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) != 0 ||
	    event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV) != 0)
		goto fail;
	loop->base = event_base_new_with_config(config);
	event_config_free(config);
	config = NULL;
	if (loop->base == NULL)
		goto fail;
	loop->scratch = fr_xcalloc(1, SCRATCH_BYTES);
	return loop;

fail:
	if (config != NULL)
		event_config_free(config);
	fr_loop_free(loop);
	(void)fr_cause_set(why, ENOMEM, "the event loop cannot be made (descriptors or memory)");
	return NULL;
}

void fr_loop_free(struct fr_loop *loop)
{
	struct fr_orphan *orphan;

	if (loop == NULL)
		return;
	while (!TAILQ_EMPTY(&loop->orphans) || !TAILQ_EMPTY(&loop->deferred)) {
		while ((orphan = TAILQ_FIRST(&loop->orphans)) != NULL) {
			orphan->close(orphan);
			assert(TAILQ_FIRST(&loop->orphans) != orphan);
		}
		run_deferred(loop);
	}
	if (loop->base != NULL)
		event_base_free(loop->base);
	fr_handed_free(loop->handed);
	free(loop->scratch);
	free(loop);
}

struct event_base *fr_loop_base(struct fr_loop *loop)
{
	return loop->base;
}

void fr_loop_set_handed(struct fr_loop *loop, struct fr_handed *handed)
{
	fr_handed_free(loop->handed);
	loop->handed = handed;
}

const struct fr_handed *fr_loop_handed(const struct fr_loop *loop)
{
	return loop->handed;
}

FR_HOT int fr_loop_turn(struct fr_loop *loop, bool waits)
{
	const bool is_due = !TAILQ_EMPTY(&loop->deferred);

	/* Without an event it still waits. */
	if (event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY |
	                                    (waits && !is_due ? 0 : EVLOOP_NONBLOCK)) < 0)
		return -EIO;
	run_deferred(loop);
	return 0;
}

int fr_loop_run(struct fr_loop *loop)
{
	int r = 0;

	loop->is_stopped = false;
	while (!loop->is_stopped && r == 0)
		r = fr_loop_turn(loop, true);
	return r;
}

void fr_loop_stop(struct fr_loop *loop)
{
	loop->is_stopped = true;
}

FR_HOT void fr_loop_defer(
    struct fr_loop *loop, struct fr_deferred *deferred, void (*run)(struct fr_deferred *deferred))
{
	deferred->run = run;
	deferred->turn = loop->turn;
	TAILQ_INSERT_TAIL(&loop->deferred, deferred, entry);
}

void fr_loop_undefer(struct fr_loop *loop, struct fr_deferred *deferred)
{
	TAILQ_REMOVE(&loop->deferred, deferred, entry);
}

void fr_loop_adopt(
    struct fr_loop *loop, struct fr_orphan *orphan, void (*close)(struct fr_orphan *orphan))
{
	orphan->close = close;
	TAILQ_INSERT_TAIL(&loop->orphans, orphan, entry);
}

void fr_loop_disown(struct fr_loop *loop, struct fr_orphan *orphan)
{
	TAILQ_REMOVE(&loop->orphans, orphan, entry);
}

struct fr_orphan *fr_loop_next_orphan(const struct fr_loop *loop, const struct fr_orphan *after,
    void (*close)(struct fr_orphan *orphan))
{
	struct fr_orphan *orphan =
	    after == NULL ? TAILQ_FIRST(&loop->orphans) : TAILQ_NEXT(after, entry);

	while (orphan != NULL && orphan->close != close)
		orphan = TAILQ_NEXT(orphan, entry);
	return orphan;
}

uint8_t *fr_loop_scratch(struct fr_loop *loop, size_t *ret_size)
{
	*ret_size = SCRATCH_BYTES;
	return loop->scratch;
}
