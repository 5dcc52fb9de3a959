/* SPDX-License-Identifier: MIT */
/* The server under test as a process of its own: started on one core, observed through /proc, stopped. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sys/types.h>

#include "common/base/cause.h"

struct fr_bench_server {
	pid_t pid;
	uint16_t port;    /* on 127.0.0.1 */
	bool takes_posts; /* a publisher's pictures are the body of a request */
	char folder[128]; /* temporary: its configuration and what it says */
};

/** What a process has used so far. */
struct fr_bench_usage {
	int64_t cpu_ns;   /* all its threads, as the scheduler counts it */
	int64_t rss_kib;  /* memory in RAM now */
	int64_t anon_kib; /* of these: neither code nor files */
	int64_t peak_kib; /* the most that rss has ever been */
};

/**
 * Starts a server and waits until it listens.
 *
 * @param program  a framerelayd, started with a configuration of ours, without limits; NULL: the ideal server;
 *                 FILE.py: a Python program that is given no arguments
 * @param core     the one core it may run on; -1: any
 * @return         0 or negative errno
 */
int fr_bench_server_start(
    struct fr_bench_server *server, const char *program, int core, struct fr_cause *why);

/** Ends it, by SIGTERM first, and removes its folder. */
void fr_bench_server_stop(struct fr_bench_server *server);

/** @return zeros when the process is gone. Source: proc(5), /proc/PID/status and task/TID/schedstat. */
struct fr_bench_usage fr_bench_usage_of(pid_t pid);

/** Binds the caller to one core. @param core  -1: leaves it where it is */
void fr_bench_pin(int core);
