/* SPDX-License-Identifier: MIT */
/*
 * The contract of a source: pictures that we make or fetch ourselves, published to one stream.
 *
 * A source is one file (or folder) and one row in sources.def. It publishes through the relay's ingest
 * like any other publisher and hears there when nobody watches.
 */
#pragma once

#include <stdint.h>

struct fr_cause;
struct fr_limits;
struct fr_loop;
struct fr_option_spec;
struct fr_options;
struct fr_relay;

/** What every source is opened with; all of it outlives the source. */
struct fr_source_env {
	struct fr_loop *loop;
	struct fr_relay *relay;
	const struct fr_limits *limits;

	/**
	 * A source that comes to its end by itself (standard input closed, files played once, --duration over)
	 * calls this once, from the loop, and waits to be closed.
	 *
	 * @param status  0: a clean end; -errno: `reason` says what went wrong
	 */
	void (*ended)(void *arg, int status, const char *reason);
	void *arg;
};

/** The first member of each source's own struct. */
struct fr_source {
	const struct fr_source_ops *ops;
};

struct fr_source_ops {
	const char *kind;     /* as in the configuration: "pattern", "frames-pull" */
	const char *summary;  /* a sentence for --help */
	const char *argument; /* the option that ARG of `--source KIND:ARG` sets; NULL: none */
	const struct fr_option_spec *options; /* `stream` among them */

	/**
	 * Looks at what the table of options cannot say, for --check and before anything is opened. Pure. May be NULL.
	 *
	 * @retval -EINVAL  `why` says what is allowed
	 */
	int (*check)(const struct fr_options *options, struct fr_cause *why);

	/** Starts it. @retval -errno  nothing is left; `why` says what the operator can do */
	int (*open)(const struct fr_source_env *env, const struct fr_options *options,
	    struct fr_source **ret, struct fr_cause *why);

	/** Stops and frees it. */
	void (*close)(struct fr_source *source);
};
