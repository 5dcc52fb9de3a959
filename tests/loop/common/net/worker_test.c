/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/net/loop.h"
#include "common/net/worker.h"
#include "tests/support/loop_runner.h"

struct sum {
	struct fr_job job;
	uint64_t n, result;
	pthread_t thread;
	bool ran;
	sem_t *gate; /* waited for before it runs */
	struct tally *tally;
};

struct tally {
	struct fr_worker *worker;
	size_t done, wanted;
	uint64_t last; /* n of the last one that was done */
	bool in_order;
	bool free_in_done;
};

static void run(struct fr_job *job)
{
	struct sum *s = (struct sum *)job;

	if (s->gate != NULL)
		(void)sem_wait(s->gate);
	for (uint64_t i = 1; i <= s->n; i++)
		s->result += i;
	s->thread = pthread_self();
	s->ran = true;
}

static void done(struct fr_job *job)
{
	struct sum *s = (struct sum *)job;
	struct tally *t = s->tally;

	t->done++;
	t->in_order = t->in_order && s->n == t->last + 1;
	t->last = s->n;
	if (t->free_in_done) {
		t->free_in_done = false;
		fr_worker_free(t->worker);
		t->worker = NULL;
	}
}

static bool all_done(void *arg)
{
	const struct tally *t = arg;

	return t->done == t->wanted;
}

static struct fr_worker *worker(struct fr_loop *loop, unsigned threads)
{
	struct fr_worker *w;
	struct fr_cause why = {""};

	if (fr_worker_new(loop, threads, "test", &w, &why) < 0)
		fail_msg("%s", why.text);
	return w;
}

static void submit(struct fr_worker *w, struct sum *s, uint64_t n, struct tally *t)
{
	*s = (struct sum){.job = {.run = run, .done = done}, .n = n, .gate = s->gate, .tally = t};
	fr_worker_submit(w, &s->job);
}

static void a_job_runs_elsewhere_and_ends_on_the_loop(void **state)
{
	struct fr_loop *loop = fr_test_loop();
	struct tally t = {.wanted = 1};
	struct sum s = {0};

	(void)state;
	t.worker = worker(loop, 2);
	submit(t.worker, &s, 100, &t);
	assert_int_equal(fr_worker_pending(t.worker), 1);
	fr_test_until(loop, all_done, &t);

	assert_int_equal(s.result, 5050);
	assert_false(pthread_equal(s.thread, pthread_self()));
	assert_int_equal(fr_worker_pending(t.worker), 0);
	fr_worker_free(t.worker);
	fr_loop_free(loop);
}

static void one_thread_ends_a_thousand_jobs_in_their_order(void **state)
{
	enum {
		COUNT = 1000
	};
	struct fr_loop *loop = fr_test_loop();
	struct tally t = {.wanted = COUNT, .in_order = true};
	struct sum *sums = calloc(COUNT, sizeof(*sums));

	(void)state;
	t.worker = worker(loop, 1);
	for (uint64_t i = 0; i < COUNT; i++)
		submit(t.worker, &sums[i], i + 1, &t);
	fr_test_until(loop, all_done, &t);

	assert_true(t.in_order);
	fr_worker_free(t.worker);
	fr_loop_free(loop);
	free(sums);
}

static void many_threads_end_every_job_once(void **state)
{
	enum {
		COUNT = 2000
	};
	struct fr_loop *loop = fr_test_loop();
	struct tally t = {.wanted = COUNT};
	struct sum *sums = calloc(COUNT, sizeof(*sums));

	(void)state;
	t.worker = worker(loop, 8);
	for (uint64_t i = 0; i < COUNT; i++)
		submit(t.worker, &sums[i], i + 1, &t);
	fr_test_until(loop, all_done, &t);

	for (uint64_t i = 0; i < COUNT; i++)
		assert_int_equal(sums[i].result, (i + 1) * (i + 2) / 2);
	fr_worker_free(t.worker);
	fr_loop_free(loop);
	free(sums);
}

static void a_turn_ends_at_most_64_jobs(void **state)
{
	enum {
		COUNT = 200
	};
	struct fr_loop *loop = fr_test_loop();
	struct tally t = {.wanted = COUNT};
	struct sum sums[COUNT] = {0};
	sem_t all_ran;
	struct sum last = {.gate = &all_ran};
	size_t before;

	(void)state;
	(void)sem_init(&all_ran, 0, 0);
	t.worker = worker(loop, 1);
	for (uint64_t i = 0; i < COUNT; i++)
		submit(t.worker, &sums[i], i + 1, &t);
	submit(t.worker, &last, 1, &t);
	while (t.done < COUNT) {
		before = t.done;
		fr_test_turn(loop, 1);
		assert_true(t.done - before <= 64);
	}
	(void)sem_post(&all_ran);
	fr_worker_free(t.worker);
	assert_int_equal(t.done, COUNT + 1);
	fr_loop_free(loop);
	(void)sem_destroy(&all_ran);
}

static void free_waits_for_the_running_and_ends_the_rest_without_running_it(void **state)
{
	enum {
		COUNT = 50
	};
	struct fr_loop *loop = fr_test_loop();
	struct tally t = {.wanted = COUNT};
	struct sum sums[COUNT] = {0};
	size_t ran = 0;
	sem_t all_wait;

	(void)state;
	assert_int_equal(sem_init(&all_wait, 0, 0), 0);
	sums[0].gate = &all_wait;
	t.worker = worker(loop, 1);
	for (uint64_t i = 0; i < COUNT; i++)
		submit(t.worker, &sums[i], 1000000, &t);
	(void)sem_post(&all_wait);
	fr_worker_free(t.worker);

	assert_int_equal(t.done, COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		ran += sums[i].ran;
		assert_int_equal(sums[i].result, sums[i].ran ? 500000500000 : 0);
	}
	assert_true(ran < COUNT);
	fr_loop_free(loop);
	(void)sem_destroy(&all_wait);
}

static void a_worker_may_be_freed_by_a_jobs_end(void **state)
{
	enum {
		COUNT = 20
	};
	struct fr_loop *loop = fr_test_loop();
	struct tally t = {.wanted = COUNT, .free_in_done = true};
	struct sum sums[COUNT] = {0};

	(void)state;
	t.worker = worker(loop, 2);
	for (uint64_t i = 0; i < COUNT; i++)
		submit(t.worker, &sums[i], 10, &t);
	fr_test_until(loop, all_done, &t);

	assert_null(t.worker);
	fr_loop_free(loop);
}

static void the_end_leaves_no_descriptor(void **state)
{
	const unsigned before = fr_test_descriptors();
	struct fr_loop *loop = fr_test_loop();

	(void)state;
	fr_worker_free(worker(loop, 64));
	fr_worker_free(NULL);
	fr_loop_free(loop);
	assert_int_equal(fr_test_descriptors(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_job_runs_elsewhere_and_ends_on_the_loop),
	    cmocka_unit_test(one_thread_ends_a_thousand_jobs_in_their_order),
	    cmocka_unit_test(many_threads_end_every_job_once),
	    cmocka_unit_test(a_turn_ends_at_most_64_jobs),
	    cmocka_unit_test(free_waits_for_the_running_and_ends_the_rest_without_running_it),
	    cmocka_unit_test(a_worker_may_be_freed_by_a_jobs_end),
	    cmocka_unit_test(the_end_leaves_no_descriptor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
