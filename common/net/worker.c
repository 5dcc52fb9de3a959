/* SPDX-License-Identifier: MIT */
#include "common/net/worker.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/eventfd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/base/cause.h"
#include "common/base/xalloc.h"
#include "common/net/loop.h"

enum {
	DONE_PER_TURN = 64,
};

/* Jobs in order; all zero is empty. */
struct job_list {
	struct fr_job *first, *last;
};

struct fr_worker {
	struct fr_loop *loop;
	struct fr_deferred deferred;
	struct event wake;
	int wake_fd; /* readable while `done` is not empty, or soon */
	size_t pending;

	pthread_t *threads;
	unsigned thread_count;
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t work;
	struct job_list waiting, done;
	bool stop;
};

static void push(struct job_list *list, struct fr_job *job)
{
	job->next = NULL;
	if (list->last == NULL)
		list->first = job;
	else
		list->last->next = job;
	list->last = job;
}

static struct fr_job *pop(struct job_list *list)
{
	struct fr_job *job = list->first;

	if (job == NULL)
		return NULL;
	list->first = job->next;
	if (list->first == NULL)
		list->last = NULL;
	job->next = NULL;
	return job;
}

/* --- On a thread of ours ---------------------------------------------------------------------- */

static void *thread_main(void *arg)
{
	static const uint64_t one = 1;
	struct fr_worker *w = arg;
	struct fr_job *job;
	bool is_first;

	(void)pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->stop && w->waiting.first == NULL)
			(void)pthread_cond_wait(&w->work, &w->lock);
		if (w->stop)
			break; /* what waits gets its done() without run() */
		job = pop(&w->waiting);
		(void)pthread_mutex_unlock(&w->lock);
		job->run(job);
		(void)pthread_mutex_lock(&w->lock);
		is_first = w->done.first == NULL;
		push(&w->done, job);
		if (!is_first)
			continue;
		/* Without the lock, for which the loop would wait as soon as it is awake. An eventfd that is read
		 * whenever nothing is left takes a 1. */
		(void)pthread_mutex_unlock(&w->lock);
		(void)!write(w->wake_fd, &one, sizeof(one));
		(void)pthread_mutex_lock(&w->lock);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* --- On the loop ------------------------------------------------------------------------------ */

/* The next job that is done. Where there is none the eventfd becomes unreadable; it may have been written behind the job. */
static struct fr_job *take_done(struct fr_worker *w)
{
	struct fr_job *job;
	uint64_t ignored;

	(void)pthread_mutex_lock(&w->lock);
	job = pop(&w->done);
	if (job == NULL)
		(void)!read(w->wake_fd, &ignored, sizeof(ignored));
	(void)pthread_mutex_unlock(&w->lock);
	return job;
}

/* What is left over after DONE_PER_TURN keeps the eventfd readable: the next turn goes on. */
static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct fr_worker *w = arg;
	struct fr_job *job;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < DONE_PER_TURN && !w->stop; i++) {
		job = take_done(w);
		if (job == NULL)
			return;
		w->pending--;
		job->done(job);
	}
}

void fr_worker_submit(struct fr_worker *worker, struct fr_job *job)
{
	assert(!worker->stop);
	worker->pending++;
	(void)pthread_mutex_lock(&worker->lock);
	push(&worker->waiting, job);
	(void)pthread_mutex_unlock(&worker->lock);
	(void)pthread_cond_signal(&worker->work); /* whoever it wakes finds the lock free */
}

size_t fr_worker_pending(const struct fr_worker *worker)
{
	return worker->pending;
}

/* --- Life ------------------------------------------------------------------------------------- */

/* Signals stay with the loop's thread. */
static int start_threads(struct fr_worker *w, unsigned threads, const char *name)
{
	sigset_t all, old;
	int r = 0;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	while (r == 0 && w->thread_count < threads) {
		r = pthread_create(&w->threads[w->thread_count], NULL, thread_main, w);
		if (r == 0) {
			/* The name is for people. */
			(void)pthread_setname_np(w->threads[w->thread_count], name);
			w->thread_count++;
		}
	}
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

int fr_worker_new(struct fr_loop *loop, unsigned threads, const char *name, struct fr_worker **ret,
    struct fr_cause *why)
{
	struct fr_worker *w = fr_xcalloc(1, sizeof(*w));
	int err;

	assert(threads >= 1 && threads <= 64 && strlen(name) <= 15);
	w->loop = loop;
	w->threads = fr_xcalloc(threads, sizeof(*w->threads));
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_cond_init(&w->work, NULL);
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->wake_fd < 0) {
		err = errno;
		goto fail;
	}
	(void)event_assign(
	    &w->wake, fr_loop_base(loop), w->wake_fd, EV_READ | EV_PERSIST, on_done, w);
	if (event_add(&w->wake, NULL) != 0) {
		err = ENOMEM;
		goto fail;
	}
	err = start_threads(w, threads, name);
	if (err != 0)
		goto fail;
	*ret = w;
	return 0;

fail:
	fr_worker_free(w);
	return fr_cause_set(
	    why, err, "threads for %s cannot be started: %s", name, strerrordesc_np(err));
}

static void free_worker(struct fr_deferred *deferred)
{
	struct fr_worker *w =
	    (struct fr_worker *)((char *)deferred - offsetof(struct fr_worker, deferred));

	(void)pthread_cond_destroy(&w->work);
	(void)pthread_mutex_destroy(&w->lock);
	free(w->threads);
	free(w);
}

void fr_worker_free(struct fr_worker *worker)
{
	struct fr_job *job;

	if (worker == NULL)
		return;
	(void)pthread_mutex_lock(&worker->lock);
	worker->stop = true;
	(void)pthread_cond_broadcast(&worker->work);
	(void)pthread_mutex_unlock(&worker->lock);
	for (unsigned i = 0; i < worker->thread_count; i++)
		(void)pthread_join(worker->threads[i], NULL);
	if (event_initialized(&worker->wake))
		(void)event_del(&worker->wake);
	if (worker->wake_fd >= 0)
		(void)close(worker->wake_fd);
	/* The threads are gone: no lock is needed any more. */
	while ((job = pop(&worker->done)) != NULL || (job = pop(&worker->waiting)) != NULL) {
		worker->pending--;
		job->done(job);
	}
	fr_loop_defer(worker->loop, &worker->deferred, free_worker);
}
