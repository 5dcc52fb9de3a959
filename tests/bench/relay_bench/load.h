/* SPDX-License-Identifier: MIT */
/*
 * The load: one publisher and any number of subscribers, on one epoll in one thread, built to cost
 * little beside the server: a subscriber reads the first bytes of a picture and lets the kernel throw
 * the rest away.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>

#include "common/base/cause.h"
#include "tests/bench/relay_bench/samples.h"
#include "tests/bench/relay_bench/server.h"

struct fr_bench_plan {
	size_t size;      /* bytes of a picture */
	double fps;       /* pictures a second; 0: as fast as the server takes them */
	double seconds;   /* measured, after `warm_up` */
	double warm_up;   /* seconds */
	unsigned healthy; /* subscribers that read at once */
	unsigned slow;    /* that read at slow_rate */
	unsigned stalled; /* that never read a picture */
	double slow_rate; /* bytes a second */
	unsigned queue;   /* asked for with queue=; 0: not asked */
	bool records;     /* the publisher says PUB … records=1 */
	bool mjpeg;       /* subscribers are MJPEG viewers */
};

/** What came of it, over the measured time. */
struct fr_bench_result {
	double seconds;     /* as it was */
	uint64_t sent;      /* pictures by the publisher */
	uint64_t delivered; /* pictures, whole, to healthy and slow subscribers */
	uint64_t bytes;     /* to healthy and slow subscribers */
	uint64_t missed; /* pictures that healthy subscribers did not get, up to their last one */
	unsigned closed; /* subscribers that the server closed */
	double server_cpu_s;
	double load_cpu_s;
	int64_t peak_kib, anon_kib; /* of the server */
	struct fr_bench_samples
	    latency; /* healthy: from the first byte sent to the last received; sorted */
	struct fr_bench_samples slow_latency; /* the same of the slow ones */
};

/** Runs the plan against a server. @return 0 or negative errno */
int fr_bench_load_run(const struct fr_bench_plan *plan, const struct fr_bench_server *server,
    struct fr_bench_result *ret, struct fr_cause *why);

void fr_bench_result_free(struct fr_bench_result *result);

/** What idle subscribers cost the server, in KiB each. */
struct fr_bench_idle {
	unsigned count;
	double connected_kib; /* they have subscribed and wait */
	double served_kib;    /* each has had some pictures, and waits again */
};

/** Connects `count` subscribers and weighs the server before and after. @return 0 or negative errno */
int fr_bench_idle_run(unsigned count, size_t size, const struct fr_bench_server *server,
    struct fr_bench_idle *ret, struct fr_cause *why);
