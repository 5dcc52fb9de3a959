/* SPDX-License-Identifier: MIT */
/* What is said of a comparison: a table, ratios with their spread, a verdict on each target, JSON. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "tests/bench/relay_bench/load.h"

/** Who is compared; FLASK only where it was asked for. */
enum fr_bench_side {
	FR_BENCH_IDEAL,
	FR_BENCH_RELAY,
	FR_BENCH_FLASK,
};

enum {
	FR_BENCH_SIDES = 3,
	FR_BENCH_RUNS_MAX = 99,
};

/** One plan, run several times by both sides in turn. */
struct fr_bench_comparison {
	struct fr_bench_plan plan;
	size_t runs;    /* 1..FR_BENCH_RUNS_MAX */
	bool has_flask; /* else there are no results of it */
	struct fr_bench_result results[FR_BENCH_SIDES][FR_BENCH_RUNS_MAX];
	bool judge_age; /* every picture to every healthy subscriber, and young */
};

/** Everything one call of the bench found out. */
struct fr_bench_findings {
	const char *relay;          /* the program; NULL: the ideal server against itself */
	const char *flask;          /* the program; NULL: not asked for */
	int server_core, load_core; /* -1: not bound */
	struct fr_bench_comparison *comparisons;
	size_t count;
	struct fr_bench_idle idle; /* count 0: not asked for */
};

/** Prints the line above the tables: what is measured, how and where. */
void fr_bench_print_head(const struct fr_bench_findings *findings);

/** Prints one comparison and the verdicts on its targets. */
void fr_bench_print(const struct fr_bench_comparison *comparison);

void fr_bench_print_idle(const struct fr_bench_idle *idle);

/** Writes everything as one JSON object. */
void fr_bench_write_json(FILE *to, const struct fr_bench_findings *findings);
