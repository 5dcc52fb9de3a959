/* SPDX-License-Identifier: MIT */
/*
 * A source's place in the relay: publishes its stream, and says when pictures are wanted.
 *
 * Demand becomes start() and stop(): start() with the first subscriber, stop() demand_linger_ms after the last one.
 * A source that always runs gets start() alone. Where the stream has another publisher, or one has taken it
 * over, the source stops and tries again later; it never replaces anybody.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/stats.h"

struct fr_cause;
struct fr_frame;
struct fr_ingest;
struct fr_on_demand;
struct fr_source_env;

/** What a source wants. A plain value. */
struct fr_on_demand_spec {
	const char *kind;       /* for logs and counters; lives for ever */
	const char *stream;     /* copied */
	bool always;            /* runs although nobody watches */
	unsigned width, height; /* pixels, announced; 0 unknown */
	uint32_t fps_milli;     /* announced; 0 unknown */
};

/** From the loop, never from inside fr_on_demand_new(). Each may close the source. */
struct fr_on_demand_ops {
	void (*start)(void *arg);
	void (*stop)(void *arg);
};

/**
 * @param env       copied; what it points to outlives the source
 * @param ops, arg  borrowed until fr_on_demand_free()
 * @retval -errno   refused for good (a limit); `why`
 */
int fr_on_demand_new(const struct fr_source_env *env, const struct fr_on_demand_spec *spec,
    const struct fr_on_demand_ops *ops, void *arg, struct fr_on_demand **ret, struct fr_cause *why);

/** Leaves the stream; stop() is not called. NULL is fine. */
void fr_on_demand_free(struct fr_on_demand *od);

/** @return whether pictures are wanted: between start() and stop() */
bool fr_on_demand_is_running(const struct fr_on_demand *od);

/** @return the ingest, borrowed until the next callback; NULL while another publisher has the stream */
struct fr_ingest *fr_on_demand_ingest(const struct fr_on_demand *od);

/** Whether its other end can be reached; without a place in the stream nobody needs to know. */
void fr_on_demand_set_up(struct fr_on_demand *od, bool up);

/** Counts a picture of `size` bytes that came and cannot be published, for `reason`. */
void fr_on_demand_reject(struct fr_on_demand *od, enum fr_reason reason, size_t size);

/**
 * Publishes a whole picture; without a place in the stream it is forgotten.
 *
 * @param frame        taken; not finished
 * @param size         bytes of it
 * @param sequence     of a relay before us, else 0
 * @param captured_us  Unix time, 0 unknown
 * @retval 0
 * @retval -EINVAL     dropped and counted; `why`
 * @retval -EPROTO     likewise, and so were too many before it: the source should end
 */
int fr_on_demand_frame(struct fr_on_demand *od, struct fr_frame *frame, size_t size,
    uint64_t sequence, int64_t captured_us, struct fr_cause *why);
