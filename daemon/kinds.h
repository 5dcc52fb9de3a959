/* SPDX-License-Identifier: MIT */
/* Doors, sources and sinks seen alike: what settings, --help and the documents need of their tables. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct fr_cause;
struct fr_option_spec;
struct fr_options;
struct fr_text;

enum fr_end {
	FR_END_DOOR,
	FR_END_SOURCE,
	FR_END_SINK,
};

/** One row of a table of doors, sources or sinks. A plain value; everything in it is constant. */
struct fr_kind {
	const char *name;    /* "frames", "frames-pull" */
	const char *summary; /* a sentence */
	const char
	    *argument; /* sources: the option that ARG of --source KIND:ARG sets; NULL: none */
	const struct fr_option_spec *options;
	/* What the options' table cannot say: -EINVAL and `why`. NULL: nothing */
	int (*check)(const struct fr_options *options, struct fr_cause *why);
};

/** @return the word for people: "door", "source", "sink" */
const char *fr_end_name(enum fr_end end);

/** @return false behind the last row */
bool fr_kind_at(enum fr_end end, size_t i, struct fr_kind *ret);

/** @return false when this build has no such kind */
bool fr_kind_find(enum fr_end end, const char *name, struct fr_kind *ret);

/** Says that there is no such kind: the nearest, that it is not in this build, or which there are. */
void fr_kind_unknown(enum fr_end end, const char *name, struct fr_text *to);
