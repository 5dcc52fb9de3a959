/* SPDX-License-Identifier: MIT */
/*
 * A figure of a side is the median of its runs. A ratio is taken within each pair of runs that
 * followed one another, and the median of these is given with the least and the greatest: on a shared
 * machine only that is worth quoting.
 */
#include "tests/bench/relay_bench/report.h"

#include <string.h>

/* The targets of docs/performance.md. */
#define CPU_RATIO_MAX       1.20
#define DELIVERED_RATIO_MIN 0.95
#define FLAT_OUT_RATIO_MIN  0.85
#define AGE_P99_MAX_MS      20.0
#define IDLE_MAX_KIB        8.0

typedef double figure_fn(const struct fr_bench_result *result);

static double pictures_per_s(const struct fr_bench_result *r)
{
	return (double)r->delivered / r->seconds;
}

static double megabytes_per_s(const struct fr_bench_result *r)
{
	return (double)r->bytes / 1e6 / r->seconds;
}

static double cpu_s_per_gb(const struct fr_bench_result *r)
{
	return r->bytes == 0 ? 0 : r->server_cpu_s / ((double)r->bytes / 1e9);
}

static double server_cpu_percent(const struct fr_bench_result *r)
{
	return 100 * r->server_cpu_s / r->seconds;
}

static double load_cpu_percent(const struct fr_bench_result *r)
{
	return 100 * r->load_cpu_s / r->seconds;
}

static double latency_p50(const struct fr_bench_result *r)
{
	return fr_bench_percentile_ms(&r->latency, 0.50);
}

static double latency_p90(const struct fr_bench_result *r)
{
	return fr_bench_percentile_ms(&r->latency, 0.90);
}

static double latency_p99(const struct fr_bench_result *r)
{
	return fr_bench_percentile_ms(&r->latency, 0.99);
}

static double latency_max(const struct fr_bench_result *r)
{
	return fr_bench_percentile_ms(&r->latency, 1);
}

static double slow_p50(const struct fr_bench_result *r)
{
	return fr_bench_percentile_ms(&r->slow_latency, 0.50);
}

static double slow_max(const struct fr_bench_result *r)
{
	return fr_bench_percentile_ms(&r->slow_latency, 1);
}

static double missed(const struct fr_bench_result *r)
{
	return (double)r->missed;
}

static double closed(const struct fr_bench_result *r)
{
	return r->closed;
}

static double peak_mib(const struct fr_bench_result *r)
{
	return (double)r->peak_kib / 1024;
}

static double anon_mib(const struct fr_bench_result *r)
{
	return (double)r->anon_kib / 1024;
}

static const struct figure {
	const char *key;   /* in JSON */
	const char *title; /* in the table; NULL: not there */
	int decimals;
	bool has_ratio;
	figure_fn *of;
} figures[] = {
    {"pictures_per_second", "pictures/s", 1, true, pictures_per_s},
    {"megabytes_per_second", "MB/s", 1, true, megabytes_per_s},
    {"missed", "missed", 0, false, missed},
    {"closed", "closed", 0, false, closed},
    {"cpu_seconds_per_gb", "CPU-s/GB", 4, true, cpu_s_per_gb},
    {"server_cpu_percent", "CPU %", 1, false, server_cpu_percent},
    {"load_cpu_percent", "load %", 1, false, load_cpu_percent},
    {"latency_p50_ms", "p50 ms", 2, true, latency_p50},
    {"latency_p90_ms", "p90 ms", 2, true, latency_p90},
    {"latency_p99_ms", "p99 ms", 2, true, latency_p99},
    {"latency_max_ms", "max ms", 1, false, latency_max},
    {"slow_latency_p50_ms", NULL, 1, false, slow_p50},
    {"slow_latency_max_ms", NULL, 1, false, slow_max},
    {"peak_mib", "peak MiB", 1, false, peak_mib},
    {"anonymous_mib", "anon MiB", 1, false, anon_mib},
};

enum {
	FIGURES = sizeof(figures) / sizeof(figures[0])
};

static const char *const side_names[FR_BENCH_SIDES] = {"ideal", "relay", "flask"};

static struct fr_bench_spread of_side(
    const struct fr_bench_comparison *c, enum fr_bench_side side, figure_fn *of)
{
	double values[FR_BENCH_RUNS_MAX];

	for (size_t i = 0; i < c->runs; i++)
		values[i] = of(&c->results[side][i]);
	return fr_bench_spread_of(values, c->runs);
}

static struct fr_bench_spread ratio_of(const struct fr_bench_comparison *c, figure_fn *of)
{
	double values[FR_BENCH_RUNS_MAX];

	for (size_t i = 0; i < c->runs; i++) {
		const double ideal = of(&c->results[FR_BENCH_IDEAL][i]);

		values[i] = ideal == 0 ? 0 : of(&c->results[FR_BENCH_RELAY][i]) / ideal;
	}
	return fr_bench_spread_of(values, c->runs);
}

/* --- The table ------------------------------------------------------------------------------ */

static void print_plan(const struct fr_bench_plan *plan)
{
	printf("\n%u subscriber%s, %zu byte pictures", plan->healthy, plan->healthy == 1 ? "" : "s",
	    plan->size);
	if (plan->fps > 0)
		printf(" at %g fps", plan->fps);
	else
		printf(", flat out");
	if (plan->queue > 0)
		printf(", queue=%u", plan->queue);
	if (plan->slow > 0)
		printf(", %u more at %g kB/s", plan->slow, plan->slow_rate / 1e3);
	if (plan->stalled > 0)
		printf(", %u more that never read%s", plan->stalled, plan->stalled == 1 ? "s" : "");
	printf(
	    "%s%s\n", plan->records ? ", published as records" : "", plan->mjpeg ? ", MJPEG" : "");
}

static void print_side(const struct fr_bench_comparison *c, enum fr_bench_side side)
{
	printf("%-6s", side_names[side]);
	for (size_t i = 0; i < FIGURES; i++) {
		if (figures[i].title != NULL)
			printf(
			    " %10.*f", figures[i].decimals, of_side(c, side, figures[i].of).median);
	}
	printf("\n");
}

/* A verdict counts as missed only where no run at all was good enough. */
static void judge(const char *what, struct fr_bench_spread s, double bound, bool at_most)
{
	const double worst = at_most ? s.max : s.min, best = at_most ? s.min : s.max;
	const bool median_good = at_most ? s.median <= bound : s.median >= bound;
	const bool best_good = at_most ? best <= bound : best >= bound;
	const bool worst_good = at_most ? worst <= bound : worst >= bound;
	const char *verdict = worst_good    ? "met, in every run"
	                      : median_good ? "met"
	                      : best_good   ? "not met by the median, but by some runs"
	                                    : "MISSED";

	printf("  target: %s %s %g: %.3f [%.3f .. %.3f]: %s\n", what,
	    at_most ? "at most" : "at least", bound, s.median, s.min, s.max, verdict);
}

static void judge_all(const struct fr_bench_comparison *c)
{
	if (c->judge_age) {
		judge("relay: pictures missed by healthy subscribers",
		    of_side(c, FR_BENCH_RELAY, missed), 0, true);
		judge("relay: p99 age of a picture in ms", of_side(c, FR_BENCH_RELAY, latency_p99),
		    AGE_P99_MAX_MS, true);
		return;
	}
	if (c->plan.slow > 0 || c->plan.stalled > 0)
		return; /* the ideal server does less for them, and worse: no target compares that */
	if (c->plan.fps > 0) {
		judge("CPU per GB to ideal", ratio_of(c, cpu_s_per_gb), CPU_RATIO_MAX, true);
		judge("delivered rate to ideal", ratio_of(c, pictures_per_s), DELIVERED_RATIO_MIN,
		    false);
	} else {
		judge(
		    "throughput to ideal", ratio_of(c, megabytes_per_s), FLAT_OUT_RATIO_MIN, false);
	}
}

void fr_bench_print(const struct fr_bench_comparison *c)
{
	print_plan(&c->plan);
	printf("%-6s", "");
	for (size_t i = 0; i < FIGURES; i++) {
		if (figures[i].title != NULL)
			printf(" %10s", figures[i].title);
	}
	printf("\n");
	print_side(c, FR_BENCH_IDEAL);
	print_side(c, FR_BENCH_RELAY);
	if (c->has_flask)
		print_side(c, FR_BENCH_FLASK);
	for (size_t i = 0; i < FIGURES; i++) {
		const struct fr_bench_spread s = ratio_of(c, figures[i].of);

		if (figures[i].has_ratio)
			printf("  relay / ideal: %-10s %.3f [%.3f .. %.3f]\n", figures[i].title,
			    s.median, s.min, s.max);
	}
	if (c->plan.slow > 0)
		printf(
		    "  age at the slow ones, p50 / max ms: ideal %.0f / %.0f, relay %.0f / %.0f\n",
		    of_side(c, FR_BENCH_IDEAL, slow_p50).median,
		    of_side(c, FR_BENCH_IDEAL, slow_max).median,
		    of_side(c, FR_BENCH_RELAY, slow_p50).median,
		    of_side(c, FR_BENCH_RELAY, slow_max).median);
	judge_all(c);
	(void)fflush(stdout);
}

void fr_bench_print_head(const struct fr_bench_findings *f)
{
	printf("relay_bench: %s against the ideal server; medians over interleaved runs",
	    f->relay != NULL ? "the relay" : "the ideal server itself (control)");
	if (f->server_core >= 0)
		printf("; server on core %d, load on core %d\n", f->server_core, f->load_core);
	else
		printf("; one core for all: only CPU-s/GB means something\n");
	(void)fflush(stdout);
}

void fr_bench_print_idle(const struct fr_bench_idle *idle)
{
	const double worst =
	    idle->connected_kib > idle->served_kib ? idle->connected_kib : idle->served_kib;

	printf(
	    "\n%u idle subscribers: %.2f KiB each when they have connected, %.2f when each has had "
	    "pictures\n",
	    idle->count, idle->connected_kib, idle->served_kib);
	judge("KiB of the process per idle subscriber",
	    (struct fr_bench_spread){worst, worst, worst}, IDLE_MAX_KIB, true);
}

/* --- JSON ----------------------------------------------------------------------------------- */

static void write_spread(FILE *to, const char *key, struct fr_bench_spread s)
{
	fprintf(
	    to, "\"%s\":{\"median\":%.6g,\"min\":%.6g,\"max\":%.6g}", key, s.median, s.min, s.max);
}

static void write_side(FILE *to, const struct fr_bench_comparison *c, enum fr_bench_side side)
{
	fprintf(to, "\"%s\":{", side_names[side]);
	for (size_t i = 0; i < FIGURES; i++) {
		fprintf(to, "%s", i == 0 ? "" : ",");
		write_spread(to, figures[i].key, of_side(c, side, figures[i].of));
	}
	fprintf(to, "},");
}

static void write_comparison(FILE *to, const struct fr_bench_comparison *c)
{
	bool first = true;

	fprintf(to,
	    "{\"subscribers\":%u,\"slow\":%u,\"stalled\":%u,\"queue\":%u,\"size\":%zu,\"fps\":%g,"
	    "\"seconds\":%g,\"runs\":%zu,\"records\":%s,\"mjpeg\":%s,",
	    c->plan.healthy, c->plan.slow, c->plan.stalled, c->plan.queue, c->plan.size,
	    c->plan.fps, c->plan.seconds, c->runs, c->plan.records ? "true" : "false",
	    c->plan.mjpeg ? "true" : "false");
	write_side(to, c, FR_BENCH_IDEAL);
	write_side(to, c, FR_BENCH_RELAY);
	if (c->has_flask)
		write_side(to, c, FR_BENCH_FLASK);
	fprintf(to, "\"ratio\":{");
	for (size_t i = 0; i < FIGURES; i++) {
		if (!figures[i].has_ratio)
			continue;
		fprintf(to, "%s", first ? "" : ",");
		write_spread(to, figures[i].key, ratio_of(c, figures[i].of));
		first = false;
	}
	fprintf(to, "}}");
}

void fr_bench_write_json(FILE *to, const struct fr_bench_findings *f)
{
	fprintf(to, "{\"control\":%s,\"server_core\":%d,\"load_core\":%d,\"comparisons\":[",
	    f->relay == NULL ? "true" : "false", f->server_core, f->load_core);
	for (size_t i = 0; i < f->count; i++) {
		fprintf(to, "%s", i == 0 ? "" : ",");
		write_comparison(to, &f->comparisons[i]);
	}
	fprintf(to, "]");
	if (f->idle.count > 0)
		fprintf(to,
		    ",\"idle\":{\"subscribers\":%u,\"connected_kib\":%.3f,\"served_kib\":%.3f}",
		    f->idle.count, f->idle.connected_kib, f->idle.served_kib);
	fprintf(to, "}\n");
}
