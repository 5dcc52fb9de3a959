/* SPDX-License-Identifier: MIT */
/*
 * Everything at once, by chance: whatever publishers, viewers, reloads and limits do, in whatever order and also from
 * within their callbacks, the accounts add up after every step, no viewer ever goes back in time, and whoever follows the
 * changes knows what there is.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/media/frame.h"
#include "daemon/relay/observer.h"
#include "tests/support/relay_fixture.h"

enum {
	STEPS = 20000,
	SEEDS = 8,
	PUBLISHERS = 8,
	VIEWERS = 16,
	NAMES = 5,   /* `a` and so on */
	SELDOM = 97, /* steps between two looks of an observer that looks seldom */
	JOBS_MAX = 64,
};

/* What is known of a stream. */
struct known {
	bool is_there, has_publisher, is_watched;
};

struct follower {
	struct play *play;
	struct fr_observer *observer;
	struct known streams[NAMES];
	unsigned told;
};

struct play {
	struct fr_test_relay *f;
	uint64_t random;
	struct fr_test_publisher *publishers[PUBLISHERS];
	bool waits[PUBLISHERS]; /* for a decision */
	struct fr_test_viewer *viewers[VIEWERS];
	uint64_t seen[VIEWERS]; /* the last number that each got */
	struct fr_verify_job *jobs[JOBS_MAX];
	unsigned job_count;
	unsigned got;
	struct follower often, seldom;
};

/* xorshift64: the same seed is the same play. */
static unsigned chance(struct play *play, unsigned sides)
{
	play->random ^= play->random << 13;
	play->random ^= play->random >> 7;
	play->random ^= play->random << 17;
	return (unsigned)(play->random >> 33) % sides;
}

static void on_submit(void *arg, struct fr_verify_job *job)
{
	struct play *play = arg;

	assert_true(play->job_count < JOBS_MAX);
	play->jobs[play->job_count++] = job;
}

static void judge(struct play *play, unsigned i)
{
	const struct fr_cause why = {"by chance"};
	struct fr_verify_job *job = play->jobs[i];

	play->jobs[i] = play->jobs[--play->job_count];
	fr_verify_job_done(
	    job, chance(play, 4) != 0, FR_REASON_bad_jpeg, &why, play->f->now_us, play->f->real_us);
}

static void name_by_chance(struct play *play, char name[FR_NAME_MAX + 1])
{
	(void)snprintf(name, FR_NAME_MAX + 1, "%c", 'a' + (char)chance(play, NAMES));
}

/* Publishers */

static void come_or_go(struct play *play, unsigned i)
{
	static const char *const addrs[] = {"10.0.0.1", "10.0.0.2", "192.168.0.1"};
	static const char *const ids[] = {"", "", "0123456789abcdef"};
	struct fr_test_publisher *p = play->publishers[i];

	play->waits[i] = false;
	if (p->ingest != NULL) {
		fr_test_publisher_close(p);
		return;
	}
	name_by_chance(play, p->spec.stream);
	p->spec.who.addr = fr_test_addr(addrs[chance(play, 3)]);
	p->spec.who.ours = chance(play, 10) == 0;
	(void)snprintf(p->spec.id, sizeof(p->spec.id), "%s", ids[chance(play, 3)]);
	p->spec.takeover = chance(play, 3);
	p->spec.takeover_no = chance(play, 5) == 0;
	p->spec.can_ping = chance(play, 3) != 0;
	p->spec.on_demand = chance(play, 2) == 0;
	p->spec.verify = chance(play, 6) == 0 ? FR_VERIFY_FULL : FR_VERIFY_NONE;
	p->decided = p->closed = 0;
	play->waits[i] = fr_test_publisher_open(p) == -EINPROGRESS;
}

static void bring(struct play *play, unsigned i)
{
	/* As small as the walk over the markers takes it: SOI, SOF0 of 1x1, SOS, EOI. */
	static const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1, 1, 1, 0x11, 0,
	    0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 42, 0xff, 0xd9};
	struct fr_test_publisher *p = play->publishers[i];

	if (p->decided != 0)
		play->waits[i] = false;
	if (p->ingest == NULL || play->waits[i])
		return;
	if (p->closed != 0 || (p->decided != 0 && !p->admitted)) {
		come_or_go(play, i);
		return;
	}
	switch (chance(play, 12)) {
	case 0:
		(void)fr_test_send(p, "text", 4);
		break;
	case 1:
		fr_ingest_begin(p->ingest);
		fr_ingest_reject(p->ingest, FR_REASON_memory_budget, 0);
		break;
	case 2:
		fr_ingest_begin(p->ingest);
		come_or_go(play, i);
		break;
	case 3:
		fr_ingest_set_up(p->ingest, chance(play, 2) == 0, play->f->now_us);
		break;
	default:
		p->sequence = chance(play, 3) == 0 ? chance(play, 1000) : 0;
		(void)fr_test_send(p, jpeg, sizeof(jpeg));
	}
}

/* Viewers */

static void join_or_leave(struct play *play, unsigned i)
{
	static const uint32_t rates[] = {0, 0, 200, 5000, 100000};
	struct fr_test_viewer *v = play->viewers[i];

	if (v->sub != NULL) {
		fr_test_viewer_close(v);
		return;
	}
	name_by_chance(play, v->spec.stream);
	v->spec.who.addr = fr_test_addr(chance(play, 2) == 0 ? "10.0.0.1" : "192.168.0.1");
	v->spec.who.ours = chance(play, 10) == 0;
	v->spec.queue_frames = (int)chance(play, 6) - 1;
	v->spec.queue_age_ms = (int64_t)chance(play, 3000) - 1;
	v->spec.max_fps_milli = rates[chance(play, 5)];
	v->spec.messages = chance(play, 2) == 0;
	v->spec.no_pictures = chance(play, 8) == 0;
	v->reads = chance(play, 3) != 0;
	play->seen[i] = 0; /* the newest comes again, and a stream that was forgotten begins anew */
	(void)fr_test_viewer_open(v);
}

static void say(struct play *play)
{
	const struct fr_who who = {.ours = true};
	struct fr_refusal refusal;
	char name[FR_NAME_MAX + 1];

	name_by_chance(play, name);
	assert_int_equal(fr_relay_message(play->f->relay, name, &who, "test", (const uint8_t *)"1",
	                     1, play->f->now_us, play->f->real_us, &refusal),
	    0);
}

/* While somebody watches a stream, its numbers go forward. */
static void look_at_what_came(struct play *play)
{
	for (unsigned i = 0; i < VIEWERS; i++) {
		struct fr_test_viewer *v = play->viewers[i];

		for (unsigned k = 0; k < v->got_count; k++) {
			if (v->got[k].tag >= 256)
				continue;
			assert_true(v->got[k].sequence > play->seen[i]);
			play->seen[i] = v->got[k].sequence;
			play->got++;
		}
		v->got_count = 0;
	}
}

/* Those who follow */

static void know(void *arg, const struct fr_stream_info *info)
{
	struct known *streams = arg;

	streams[info->name[0] - 'a'] = (struct known){.is_there = true,
	    .has_publisher = info->has_publisher,
	    .is_watched = info->subscribers != 0};
}

static void hear(void *arg, const struct fr_stream_change *change)
{
	struct follower *follower = arg;

	follower->told++;
	if (change->name == NULL) {
		memset(follower->streams, 0, sizeof(follower->streams));
		fr_relay_streams(
		    follower->play->f->relay, follower->play->f->now_us, know, follower->streams);
	} else if (change->info == NULL) {
		follower->streams[change->name[0] - 'a'] = (struct known){0};
	} else {
		assert_true(change->what != 0);
		know(follower->streams, change->info);
	}
}

static void check_follower(struct follower *follower)
{
	const struct play *play = follower->play;
	struct known streams[NAMES] = {0};

	fr_observer_take(follower->observer, play->f->now_us, hear, follower);
	fr_relay_streams(play->f->relay, play->f->now_us, know, streams);
	for (unsigned i = 0; i < NAMES; i++) {
		assert_int_equal(follower->streams[i].is_there, streams[i].is_there);
		assert_int_equal(follower->streams[i].has_publisher, streams[i].has_publisher);
		assert_int_equal(follower->streams[i].is_watched, streams[i].is_watched);
	}
}

static void on_news(void *arg)
{
	struct follower *follower = arg;

	if (follower == &follower->play->often)
		fr_observer_take(follower->observer, follower->play->f->now_us, hear, follower);
}

static void on_withdrawn(void *arg, const struct fr_refusal *refusal)
{
	(void)arg;
	fail_msg("one of ours was sent away: %s", refusal->why.text);
}

static void follow(struct play *play, struct follower *follower)
{
	static const struct fr_observer_ops ops = {.on_ready = on_news, .on_closed = on_withdrawn};
	const struct fr_observe_spec spec = {.door = "test", .who = {.ours = true}};
	struct fr_refusal refusal;

	follower->play = play;
	assert_int_equal(
	    fr_relay_observe(play->f->relay, &spec, &ops, follower, &follower->observer, &refusal),
	    0);
}

/* Reloads and limits */

static void reload(struct play *play)
{
	static const char *const rows[] = {"any|*|*", "10.0.0.1|*|a,b", "192.168.0.0/16|a,b,c|*"};
	static const char *const names[] = {"c", "a"};
	struct fr_limits *limits = &play->f->limits;

	switch (chance(play, 4)) {
	case 0:
		fr_test_access(play->f, rows + chance(play, 2), 1 + chance(play, 2));
		break;
	case 1:
		fr_test_streams(play->f, names, chance(play, 3));
		break;
	case 2:
		limits->max_streams = chance(play, 6);
		limits->max_publishers = chance(play, 6);
		limits->max_subscribers_per_stream = chance(play, 6);
		break;
	default:
		limits->publisher_frame_rate = chance(play, 2) * 20;
		limits->stale_after_ms = chance(play, 3) * 1000;
		limits->bad_frames = chance(play, 4);
		limits->takeover_ping_ms = chance(play, 3) * 700;
		limits->memory_budget_bytes = chance(play, 3) * 4096;
	}
}

static void step(struct play *play)
{
	struct fr_test_viewer *v = play->viewers[chance(play, VIEWERS)];
	const unsigned publisher = chance(play, PUBLISHERS);

	switch (chance(play, 24)) {
	case 0:
	case 1:
		come_or_go(play, publisher);
		break;
	case 2:
	case 3:
		join_or_leave(play, chance(play, VIEWERS));
		break;
	case 4:
		if (v->sub != NULL && v->got_count < FR_TEST_GOT_MAX)
			(void)fr_test_take(v);
		break;
	case 5:
		if (v->sub != NULL && chance(play, 8) == 0)
			fr_subscriber_drain(v->sub);
		break;
	case 6:
		say(play);
		break;
	case 7:
		if (chance(play, 10) == 0)
			reload(play);
		break;
	case 8:
		if (play->job_count > 0)
			judge(play, chance(play, play->job_count));
		break;
	default:
		bring(play, publisher);
	}
}

/* Within a callback too anything may happen, but for serving. */
static void on_callback(void *arg)
{
	struct play *play = arg;

	if (chance(play, 6) == 0)
		step(play);
}

static void whatever_happens_the_accounts_add_up_and_time_goes_forward(void **state)
{
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		struct play play = {.random = seed * 0x9e3779b97f4a7c15u};
		struct fr_cause why;
		void *f;

		(void)state;
		assert_int_equal(fr_test_relay_setup(&f), 0);
		play.f = f;
		fr_relay_set_verifier(play.f->relay, on_submit, &play);
		for (unsigned i = 0; i < PUBLISHERS; i++) {
			play.publishers[i] = fr_test_publisher(f, "a");
			play.publishers[i]->then = on_callback;
			play.publishers[i]->then_arg = &play;
		}
		for (unsigned i = 0; i < VIEWERS; i++) {
			play.viewers[i] = fr_test_viewer(f, "a");
			play.viewers[i]->then = on_callback;
			play.viewers[i]->then_arg = &play;
		}
		follow(&play, &play.often);
		follow(&play, &play.seldom);
		for (unsigned i = 0; i < STEPS; i++) {
			const int64_t gone_us = chance(&play, 20000);

			step(&play);
			assert_int_equal(fr_relay_check(play.f->relay, &why), 0);
			fr_test_pass(play.f, gone_us);
			play.f->real_us += gone_us + 1000;
			assert_int_equal(fr_relay_check(play.f->relay, &why), 0);
			look_at_what_came(&play);
			check_follower(&play.often);
			if (i % SELDOM == 0)
				check_follower(&play.seldom);
		}
		assert_true(play.often.told > play.seldom.told && play.seldom.told > 100);
		fr_observer_free(play.often.observer);
		fr_observer_free(play.seldom.observer);
		while (play.job_count > 0)
			judge(&play, 0);
		assert_true(play.got > 300); /* else the play says little */
		assert_int_equal(fr_test_relay_teardown(&f), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(whatever_happens_the_accounts_add_up_and_time_goes_forward),
	};

	return cmocka_run_group_tests_name("chance", tests, NULL, NULL);
}
