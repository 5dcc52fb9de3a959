/* SPDX-License-Identifier: MIT */
/*
 * The contract of a sink: one stream's pictures that we deliver ourselves, to a program or to files.
 *
 * A sink is one file (or folder) and one row in sinks.def. It is a subscriber like any other: bounded
 * queue, newest first.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_cause;
struct fr_limits;
struct fr_loop;
struct fr_option_spec;
struct fr_options;
struct fr_relay;

/** What every sink is opened with; all of it outlives the sink. */
struct fr_sink_env {
	struct fr_loop *loop;
	struct fr_relay *relay;
	const struct fr_limits *limits;

	/** A sink that comes to its end (a count reached, no retry wanted) calls this once and waits to be closed. */
	void (*ended)(void *arg, int status, const char *reason);
	void *arg;
};

/** The first member of each sink's own struct. */
struct fr_sink {
	const struct fr_sink_ops *ops;
};

struct fr_sink_ops {
	const char *kind;                     /* as in the configuration: "frames-push", "record" */
	const char *summary;                  /* a sentence for --help */
	const struct fr_option_spec *options; /* `stream` among them */

	/**
	 * Looks at what the table of options cannot say, for --check and before anything is opened. Pure. May be NULL.
	 *
	 * @retval -EINVAL  `why` says what is allowed
	 */
	int (*check)(const struct fr_options *options, struct fr_cause *why);

	int (*open)(const struct fr_sink_env *env, const struct fr_options *options,
	    struct fr_sink **ret, struct fr_cause *why);

	/** Takes no new picture; what is under way goes on, then a clean end is sent (length 0, END). */
	void (*drain)(struct fr_sink *sink);

	/** @return whether something is still under way after drain() */
	bool (*busy)(const struct fr_sink *sink);

	/** Stops and frees it. */
	void (*close)(struct fr_sink *sink);
};
