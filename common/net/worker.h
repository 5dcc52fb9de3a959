/* SPDX-License-Identifier: MIT */
/*
 * Threads for what would hold the loop up: names, files, pixels. A job gets values and gives back values and
 * touches nothing else; its end is called on the loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct fr_cause;
struct fr_loop;
struct fr_worker;

struct fr_job {
	void (*run)(struct fr_job *job); /* on a worker thread */
	void (*done)(struct fr_job
	        *job);       /* on the loop, in the order of submission when there is one thread */
	struct fr_job *next; /* the worker's own */
};

/**
 * @param threads  1..64
 * @param name     of the threads, at most 15 characters
 * @retval -errno  threads or descriptors are used up
 */
int fr_worker_new(struct fr_loop *loop, unsigned threads, const char *name, struct fr_worker **ret,
    struct fr_cause *why);

/**
 * Waits for the jobs that run; every job that was submitted gets its done(), here at the latest. A job that has
 * not begun is not run any more: it gets its done() without run(), so its result must be sensible from the start.
 * May be called from a done(). NULL is fine.
 */
void fr_worker_free(struct fr_worker *worker);

/**
 * @param job  lives until its done(), which may free it; not after fr_worker_free()
 *
 * Thread: the loop's.
 */
void fr_worker_submit(struct fr_worker *worker, struct fr_job *job);

/** @return jobs submitted whose done() has not been called */
size_t fr_worker_pending(const struct fr_worker *worker);
