/* SPDX-License-Identifier: MIT */
/*
 * What the files of the load share; nobody else includes this.
 *
 *   load.c           a run: pictures at their times, and who is served meanwhile
 *   load_connect.c   who takes part: from the first connection to the last close
 *   load_read.c      subscribers: what they read, and how it is judged
 */
#pragma once

#include <time.h>

#include "tests/bench/relay_bench/load.h"
#include "tests/bench/relay_bench/picture.h"

#define BENCH_SECOND_NS INT64_C(1000000000)

enum {
	BENCH_HEAD =
	    4 + FR_BENCH_STAMP_BYTES, /* what is read of a picture; the rest is thrown away */
	BENCH_PART_HEAD =
	    448, /* the same of MJPEG: a delimiter, a part's header, the stamp, some more; never a whole part */
};

enum fr_bench_kind {
	BENCH_PUBLISHER,
	BENCH_HEALTHY,
	BENCH_SLOW,
	BENCH_STALLED,
};

struct fr_bench_peer {
	enum fr_bench_kind kind;
	int fd;
	size_t have;   /* bytes of the picture under way, length included */
	size_t size;   /* of the picture under way, length included; 0: the head is not whole yet */
	double credit; /* BENCH_SLOW: bytes it may read */
	uint64_t last; /* number of the newest picture it got; 0: none yet */
	int64_t sent_ns; /* stamp of the picture under way */
	uint64_t seq;
	uint8_t head[BENCH_PART_HEAD + 1];
};

struct fr_bench_load {
	const struct fr_bench_plan *plan;
	struct fr_bench_result *result;
	int epoll;
	struct fr_bench_peer publisher;
	struct fr_bench_peer *peers; /* subscribers: healthy, slow, stalled */
	unsigned count;
	struct fr_bench_picture picture;
	size_t to_send; /* bytes of the picture that the kernel has not taken */
	uint64_t seq;   /* of the newest picture begun; 0: none */
	uint64_t
	    first_seq; /* first and last picture whose delivery is judged; last 0: not known yet */
	uint64_t last_seq;
	unsigned waiting; /* healthy subscribers that do not have last_seq yet */
	bool measuring;
	uint8_t *trash; /* never written to */
	size_t trash_size;
};

static inline int64_t fr_bench_now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * BENCH_SECOND_NS + t.tv_nsec;
}

/* --- load_connect.c --- */

void fr_bench_load_begin(
    struct fr_bench_load *load, const struct fr_bench_plan *plan, struct fr_bench_result *result);

/* Connects everybody. @return 0 or negative errno */
int fr_bench_load_connect(
    struct fr_bench_load *load, const struct fr_bench_server *server, struct fr_cause *why);
void fr_bench_load_end(struct fr_bench_load *load);

/* @param operation  of epoll_ctl(2) */
void fr_bench_load_watch(
    struct fr_bench_load *load, int operation, struct fr_bench_peer *peer, uint32_t events);

/* --- load_read.c --- */

/* Reads up to `limit` bytes, at most to the end of one picture. @return what was read, or -1: lost */
ssize_t fr_bench_load_read(struct fr_bench_load *load, struct fr_bench_peer *peer, size_t limit);

/* Counts a subscriber that the server has closed. */
void fr_bench_load_lose(struct fr_bench_load *load, struct fr_bench_peer *peer);

/* Lets slow subscribers read what they may in this time. */
void fr_bench_load_serve_slow(struct fr_bench_load *load, double seconds);
