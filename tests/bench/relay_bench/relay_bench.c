/* SPDX-License-Identifier: MIT */
/*
 * relay_bench: the relay against an ideal server that does nothing but move the bytes.
 *
 * Both get the same publisher and the same subscribers, in runs that take turns, each with a fresh
 * process, so that whatever else the machine does hits both. docs/performance.md says how to run it
 * and what its figures mean.
 */
#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "tests/bench/relay_bench/ideal.h"
#include "tests/bench/relay_bench/picture.h"
#include "tests/bench/relay_bench/report.h"

enum {
	POINTS_MAX = 32,
};

struct wishes {
	const char *relay, *flask;
	bool control;
	struct fr_bench_plan plan;   /* but for healthy */
	unsigned points[POINTS_MAX]; /* numbers of healthy subscribers */
	size_t point_count;
	size_t runs;
	bool age;
	unsigned idle;
	const char *json;
};

static const char usage[] =
    "usage: relay_bench --relay PROGRAM [options]     a framerelayd against the ideal server\n"
    "       relay_bench --control [options]           the ideal server against itself\n"
    "  --subscribers N[,N...]   healthy subscribers; a comparison for each number (10)\n"
    "  --size BYTES             of a picture (150000)\n"
    "  --fps X                  pictures a second; 0: as fast as the server takes them (30)\n"
    "  --seconds S              measured in each run (3)\n"
    "  --runs R                 of each server, in turns (5)\n"
    "  --queue N                the subscribers ask for queue=N\n"
    "  --slow N                 more subscribers that read --slow-rate bytes a second (1000000)\n"
    "  --stalled N              more subscribers that never read\n"
    "  --publish-mode MODE      plain or records (plain)\n"
    "  --mjpeg                  the subscribers are MJPEG viewers: GET /streams/bench.mjpg\n"
    "  --flask FILE.py          with --mjpeg: one more server beside the two\n"
    "  --age                    judge ages: every picture to all, p99 under 20 ms\n"
    "  --idle N                 only weigh N idle subscribers of the relay\n"
    "  --json FILE              write everything as JSON too\n";

_Noreturn static void misused(const char *what)
{
	fprintf(stderr, "relay_bench: %s\n%s", what, usage);
	exit(2);
}

/* A number of an option, or the end. */
static double number(const char *text, const char *option, double min, double max)
{
	char *end, said[160];
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= min && value <= max)) {
		(void)snprintf(said, sizeof(said), "--%s must be %g to %g", option, min, max);
		misused(said);
	}
	return value;
}

static void read_points(struct wishes *w, const char *text)
{
	char *copy = fr_xstrdup(text), *rest = NULL;

	w->point_count = 0;
	for (char *word = strtok_r(copy, ",", &rest); word != NULL;
	     word = strtok_r(NULL, ",", &rest)) {
		if (w->point_count == POINTS_MAX)
			misused("--subscribers: too many numbers");
		w->points[w->point_count++] = (unsigned)number(word, "subscribers", 1, 5000);
	}
	free(copy);
	if (w->point_count == 0)
		misused("--subscribers: no number");
}

/* --- Options -------------------------------------------------------------------------------- */

enum option_key {
	RELAY = 256,
	CONTROL,
	SUBSCRIBERS,
	SIZE,
	FPS,
	SECONDS,
	RUNS,
	QUEUE,
	SLOW,
	SLOW_RATE,
	STALLED,
	PUBLISH_MODE,
	MJPEG,
	FLASK,
	AGE,
	IDLE,
	JSON,
	HELP,
};

static const struct option options[] = {
    {"relay", required_argument, NULL, RELAY},
    {"control", no_argument, NULL, CONTROL},
    {"subscribers", required_argument, NULL, SUBSCRIBERS},
    {"size", required_argument, NULL, SIZE},
    {"fps", required_argument, NULL, FPS},
    {"seconds", required_argument, NULL, SECONDS},
    {"runs", required_argument, NULL, RUNS},
    {"queue", required_argument, NULL, QUEUE},
    {"slow", required_argument, NULL, SLOW},
    {"slow-rate", required_argument, NULL, SLOW_RATE},
    {"stalled", required_argument, NULL, STALLED},
    {"publish-mode", required_argument, NULL, PUBLISH_MODE},
    {"mjpeg", no_argument, NULL, MJPEG},
    {"flask", required_argument, NULL, FLASK},
    {"age", no_argument, NULL, AGE},
    {"idle", required_argument, NULL, IDLE},
    {"json", required_argument, NULL, JSON},
    {"help", no_argument, NULL, HELP},
    {NULL, 0, NULL, 0},
};

static void read_option(struct wishes *w, int key, const char *text)
{
	switch (key) {
	case RELAY:
		w->relay = text;
		break;
	case CONTROL:
		w->control = true;
		break;
	case SUBSCRIBERS:
		read_points(w, text);
		break;
	case SIZE:
		w->plan.size = (size_t)number(text, "size", FR_BENCH_PICTURE_MIN, 8 << 20);
		break;
	case FPS:
		w->plan.fps = number(text, "fps", 0, 1e5);
		break;
	case SECONDS:
		w->plan.seconds = number(text, "seconds", 0.1, 3600);
		break;
	case RUNS:
		w->runs = (size_t)number(text, "runs", 1, FR_BENCH_RUNS_MAX);
		break;
	case QUEUE:
		w->plan.queue = (unsigned)number(text, "queue", 0, 64);
		break;
	case SLOW:
		w->plan.slow = (unsigned)number(text, "slow", 0, 5000);
		break;
	case SLOW_RATE:
		w->plan.slow_rate = number(text, "slow-rate", 1000, 1e9);
		break;
	case STALLED:
		w->plan.stalled = (unsigned)number(text, "stalled", 0, 5000);
		break;
	case PUBLISH_MODE:
		w->plan.records = strcmp(text, "records") == 0;
		if (!w->plan.records && strcmp(text, "plain") != 0)
			misused("--publish-mode must be plain or records");
		break;
	case MJPEG:
		w->plan.mjpeg = true;
		break;
	case FLASK:
		w->flask = text;
		break;
	case AGE:
		w->age = true;
		break;
	case IDLE:
		w->idle = (unsigned)number(text, "idle", 1, 9000);
		break;
	case JSON:
		w->json = text;
		break;
	case HELP:
		fputs(usage, stdout);
		exit(0);
	default:
		misused("unknown option");
	}
}

static void read_options(struct wishes *w, int argc, char **argv)
{
	int key;

	*w = (struct wishes){
	    .plan = {.size = 150000, .fps = 30, .seconds = 3, .warm_up = 0.5, .slow_rate = 1e6},
	    .points = {10},
	    .point_count = 1,
	    .runs = 5,
	};
	while ((key = getopt_long(argc, argv, "", options, NULL)) != -1)
		read_option(w, key, optarg);
	if (optind != argc)
		misused("no arguments but options are taken");
	if ((w->relay != NULL) == w->control)
		misused("either --relay or --control");
	if (w->control && w->idle > 0)
		misused("--idle needs --relay");
	if (w->flask != NULL && !w->plan.mjpeg)
		misused("--flask needs --mjpeg");
}

/* --- Runs ----------------------------------------------------------------------------------- */

/* The first and the last core that we may use; -1 for both when there is only one. */
static void choose_cores(int *ret_server, int *ret_load)
{
	cpu_set_t set;

	*ret_server = *ret_load = -1;
	if (sched_getaffinity(0, sizeof(set), &set) != 0 || CPU_COUNT(&set) < 2)
		return;
	for (int core = 0; core < CPU_SETSIZE; core++) {
		if (!CPU_ISSET(core, &set))
			continue;
		if (*ret_server < 0)
			*ret_server = core;
		*ret_load = core;
	}
}

static int run_once(const struct fr_bench_findings *f, const struct fr_bench_plan *plan,
    enum fr_bench_side side, struct fr_bench_result *result, struct fr_cause *why)
{
	static const char *const names[] = {"ideal", "relay", "flask"};
	const char *const programs[] = {NULL, f->relay, f->flask};
	struct fr_bench_server server;
	int r = fr_bench_server_start(&server, programs[side], f->server_core, why);

	if (r == 0) {
		r = fr_bench_load_run(plan, &server, result, why);
		fr_bench_server_stop(&server);
	}
	return r < 0 ? fr_cause_prefix(why, r, "%s: ", names[side]) : 0;
}

/* Runs take turns, and who begins takes turns too. */
static int compare(
    const struct fr_bench_findings *f, struct fr_bench_comparison *c, struct fr_cause *why)
{
	const size_t sides = c->has_flask ? 3 : 2;
	int r = 0;

	for (size_t i = 0; i < sides * c->runs && r == 0; i++) {
		const size_t run = i / sides;
		const enum fr_bench_side side = (enum fr_bench_side)((i + run) % sides);

		r = run_once(f, &c->plan, side, &c->results[side][run], why);
	}
	return r;
}

static int weigh_idle(struct fr_bench_findings *f, const struct wishes *w, struct fr_cause *why)
{
	struct fr_bench_server server;
	int r = fr_bench_server_start(&server, f->relay, f->server_core, why);

	if (r == 0) {
		r = fr_bench_idle_run(w->idle, w->plan.size, &server, &f->idle, why);
		fr_bench_server_stop(&server);
	}
	if (r == 0)
		fr_bench_print_idle(&f->idle);
	return r;
}

static int run_all(struct fr_bench_findings *f, const struct wishes *w, struct fr_cause *why)
{
	int r = 0;

	fr_bench_print_head(f);
	if (w->idle > 0)
		return weigh_idle(f, w, why);
	for (size_t i = 0; i < w->point_count && r == 0; i++) {
		struct fr_bench_comparison *c = &f->comparisons[i];

		c->plan = w->plan;
		c->plan.healthy = w->points[i];
		c->runs = w->runs;
		c->has_flask = w->flask != NULL;
		c->judge_age = w->age;
		r = compare(f, c, why);
		if (r == 0) {
			f->count++;
			fr_bench_print(c);
		}
	}
	return r;
}

static int write_json(const char *path, const struct fr_bench_findings *f, struct fr_cause *why)
{
	FILE *to = fopen(path, "we");

	if (to == NULL)
		return fr_cause_set(why, errno, "%s: %s", path, strerror(errno));
	fr_bench_write_json(to, f);
	if (fclose(to) != 0)
		return fr_cause_set(why, errno, "%s: %s", path, strerror(errno));
	return 0;
}

static void findings_free(struct fr_bench_findings *f)
{
	for (size_t i = 0; i < POINTS_MAX; i++) {
		for (size_t run = 0; run < FR_BENCH_RUNS_MAX; run++) {
			for (int side = 0; side < FR_BENCH_SIDES; side++)
				fr_bench_result_free(&f->comparisons[i].results[side][run]);
		}
	}
	free(f->comparisons);
}

int main(int argc, char **argv)
{
	struct fr_bench_findings findings = {0};
	struct fr_cause why = {0};
	struct wishes wishes;
	int r;

	if (argc == 2 && strcmp(argv[1], "--ideal-server") == 0)
		return fr_bench_ideal_main();
	(void)signal(SIGPIPE, SIG_IGN);
	read_options(&wishes, argc, argv);
	findings.relay = wishes.relay;
	findings.flask = wishes.flask;
	findings.comparisons = fr_xcalloc(POINTS_MAX, sizeof(*findings.comparisons));
	choose_cores(&findings.server_core, &findings.load_core);
	fr_bench_pin(findings.load_core);

	r = run_all(&findings, &wishes, &why);
	if (r == 0 && wishes.json != NULL)
		r = write_json(wishes.json, &findings, &why);
	if (r < 0)
		fprintf(stderr, "relay_bench: %s\n", why.text);
	findings_free(&findings);
	return r < 0 ? 1 : 0;
}
