/* SPDX-License-Identifier: MIT */
/* Who keeps a stream when a second publisher comes for it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "tests/support/relay_fixture.h"

static const int64_t ms = 1000;

static struct fr_test_publisher *coming(
    struct fr_test_relay *f, const char *addr, const char *id, enum fr_takeover takeover)
{
	struct fr_test_publisher *p = fr_test_publisher(f, "cam");

	p->spec.who.addr = fr_test_addr(addr);
	p->spec.takeover = takeover;
	p->spec.can_ping = true;
	(void)snprintf(p->spec.id, sizeof(p->spec.id), "%s", id);
	return p;
}

static struct fr_test_publisher *incumbent(struct fr_test_relay *f, const char *id)
{
	struct fr_test_publisher *p = coming(f, "192.168.0.1", id, FR_TAKEOVER_SAME);

	assert_int_equal(fr_test_publisher_open(p), 0);
	return p;
}

/* The other one keeps the stream; the newcomer was told why not. */
static void assert_busy(struct fr_test_publisher *newcomer, struct fr_test_publisher *keeper)
{
	assert_int_equal(newcomer->refusal.code, 409);
	assert_int_equal(newcomer->refusal.reason, FR_REASON_stream_busy);
	fr_test_serve(keeper->f);
	assert_int_equal(keeper->closed, 0);
	fr_test_picture(keeper, 1);
}

static void assert_replaced(struct fr_test_publisher *p)
{
	fr_test_serve(p->f);
	assert_int_equal(p->closed, 1);
	assert_int_equal(p->refusal.code, 409);
	assert_int_equal(p->refusal.reason, FR_REASON_replaced);
}

/* same */

static void the_same_address_replaces_without_an_id(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "192.168.0.1", "", FR_TAKEOVER_SAME);

	assert_int_equal(fr_test_publisher_open(new), 0);
	assert_replaced(old);
	assert_non_null(strstr(old->refusal.why.text, "replaced by 192.168.0.1"));
	assert_int_equal(new->decided, 0);
	fr_test_picture(new, 1);
	assert_int_equal(fr_stat_value(FR_STAT_takeovers), 1);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_replaced), 1);
}

static void the_same_id_replaces_whatever_the_address(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, "0123456789abcdef"),
	                         *new = coming(f, "10.0.0.9", "0123456789abcdef", FR_TAKEOVER_SAME);

	assert_int_equal(fr_test_publisher_open(new), 0);
	assert_replaced(old);
}

static void another_id_does_not_replace_though_the_address_is_the_same(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, "0123456789abcdef"),
	                         *new =
	                             coming(f, "192.168.0.1", "ffffffffffffffff", FR_TAKEOVER_SAME);

	assert_int_equal(fr_test_publisher_open(new), -EINPROGRESS);
	fr_ingest_alive(old->ingest, f->now_us);
	fr_test_serve(f);
	assert_int_equal(new->decided, 1);
	assert_false(new->admitted);
	assert_busy(new, old);
}

static void an_incumbent_that_cannot_be_asked_keeps_the_stream(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = fr_test_publishing(f, "cam"),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME);

	assert_int_equal(fr_test_publisher_open(new), -EBUSY);
	assert_busy(new, old);
	assert_non_null(strstr(new->refusal.why.text, "cam has a live publisher, 192.168.0.1"));
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_stream_busy), 1);
}

static void log_in(struct fr_test_publisher *p, enum fr_login login, const char *text)
{
	p->spec.who.login = login;
	p->spec.who.identity = fr_digest_of(text, strlen(text));
}

static void the_same_login_is_the_same_publisher_wherever_it_comes_from(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = coming(f, "192.168.0.1", "", FR_TAKEOVER_SAME),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME);

	old->spec.can_ping = false;
	log_in(old, FR_LOGIN_TOKEN, "a");
	log_in(new, FR_LOGIN_TOKEN, "a");
	assert_int_equal(fr_test_publisher_open(old), 0);
	assert_int_equal(fr_test_publisher_open(new), 0);
	assert_int_equal(fr_stat_value(FR_STAT_takeovers), 1);
}

static void another_login_is_another_publisher_from_the_same_address_too(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME);

	old->spec.can_ping = false;
	log_in(old, FR_LOGIN_TOKEN, "a");
	assert_int_equal(fr_test_publisher_open(old), 0);
	for (unsigned i = 0; i < 2; i++) {
		struct fr_test_publisher *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME);

		log_in(new, i == 0 ? FR_LOGIN_TOKEN : FR_LOGIN_USER, i == 0 ? "b" : "a");
		assert_int_equal(fr_test_publisher_open(new), -EBUSY);
		assert_busy(new, old);
	}
}

/* Both came through proxies that are not trusted: nobody knows who they are. */
static void two_whom_nobody_knows_are_not_the_same(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_access_row *anybody = fr_xcalloc(1, sizeof(*anybody));
	struct fr_test_publisher *old = coming(f, "10.0.0.1", "", FR_TAKEOVER_SAME),
	                         *new = coming(f, "10.0.0.1", "", FR_TAKEOVER_SAME);

	anybody->publish.names = fr_xcalloc(1, sizeof(char *));
	anybody->publish.names[0] = fr_xstrdup("*");
	anybody->publish.count = 1;
	fr_relay_set_access(f->relay, fr_access_new(anybody, 1), f->now_us);
	old->spec.who.addr = new->spec.who.addr = (struct fr_addr){.kind = FR_ADDR_NONE};
	old->spec.can_ping = false;
	assert_int_equal(fr_test_publisher_open(old), 0);
	assert_int_equal(fr_test_publisher_open(new), -EBUSY);
	assert_busy(new, old);
}

/* Asking */

static void an_incumbent_that_does_not_answer_in_time_is_replaced(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME);

	assert_int_equal(fr_test_publisher_open(new), -EINPROGRESS);
	fr_test_pass(f, f->limits.takeover_ping_ms * ms - 1);
	assert_int_equal(old->pings, 1);
	assert_int_equal(new->decided, 0);
	assert_int_equal(old->closed, 0);

	fr_test_pass(f, 1);
	assert_replaced(old);
	assert_int_equal(new->decided, 1);
	assert_true(new->admitted);
	fr_test_serve(f);
	assert_int_equal(new->demands, 1);
	fr_test_picture(new, 1);
}

static void an_incumbent_that_answers_keeps_the_stream(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME);

	assert_int_equal(fr_test_publisher_open(new), -EINPROGRESS);
	fr_test_pass(f, 1000 * ms);
	fr_ingest_alive(old->ingest, f->now_us);
	fr_test_pass(f, 5000 * ms);

	assert_int_equal(new->decided, 1);
	assert_false(new->admitted);
	assert_busy(new, old);
	assert_non_null(strstr(new->refusal.why.text, "which answered"));
}

static void a_sign_of_life_when_nobody_asks_changes_nothing(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "192.168.0.1", "", FR_TAKEOVER_SAME);

	fr_ingest_alive(old->ingest, f->now_us);
	assert_int_equal(fr_test_publisher_open(new), 0);
	fr_ingest_alive(old->ingest, f->now_us);
	assert_replaced(old);
}

static void a_sign_of_life_of_the_one_who_waits_is_no_answer(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME);

	assert_int_equal(fr_test_publisher_open(new), -EINPROGRESS);
	fr_ingest_alive(new->ingest, f->now_us);
	fr_ingest_set_up(new->ingest, true, f->now_us);
	fr_test_pass(f, f->limits.takeover_ping_ms * ms);

	assert_true(new->admitted);
	assert_replaced(old);
}

static void only_one_newcomer_waits_at_a_time(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME),
	                         *third = coming(f, "10.0.0.10", "", FR_TAKEOVER_SAME);

	assert_int_equal(fr_test_publisher_open(new), -EINPROGRESS);
	assert_int_equal(fr_test_publisher_open(third), -EBUSY);
	assert_busy(third, old);
}

static void who_waits_has_the_stream_at_once_when_the_incumbent_leaves(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME);

	assert_int_equal(fr_test_publisher_open(new), -EINPROGRESS);
	fr_test_publisher_close(old);
	fr_test_serve(f);

	assert_true(new->admitted);
	assert_int_equal(fr_stat_value(FR_STAT_takeovers), 0);
	fr_test_picture(new, 1);
}

static void who_waits_may_leave(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME);

	assert_int_equal(fr_test_publisher_open(new), -EINPROGRESS);
	fr_test_publisher_close(new);
	fr_test_pass(f, 5000 * ms);

	assert_int_equal(new->decided, 0);
	assert_int_equal(old->closed, 0);
	fr_test_picture(old, 1);
}

static void who_waits_does_not_take_the_stream_from_one_who_came_back_meanwhile(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME),
	                         *again = coming(f, "192.168.0.1", "", FR_TAKEOVER_SAME);

	assert_int_equal(fr_test_publisher_open(new), -EINPROGRESS);
	assert_int_equal(fr_test_publisher_open(again), 0);
	fr_test_pass(f, 5000 * ms);

	assert_replaced(old);
	assert_int_equal(new->decided, 1);
	assert_false(new->admitted);
	assert_busy(new, again);
}

static void without_a_limit_the_newcomer_waits_until_the_incumbent_answers_or_leaves(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME);

	f->limits.takeover_ping_ms = 0;
	assert_int_equal(fr_test_publisher_open(new), -EINPROGRESS);
	fr_test_pass(f, 3600 * (int64_t)FR_TEST_SECOND_US);
	assert_int_equal(new->decided, 0);
	assert_int_equal(old->closed, 0);

	fr_test_publisher_close(old);
	fr_test_serve(f);
	assert_true(new->admitted);
}

static void who_is_admitted_and_replaced_before_its_turn_hears_a_refusal(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME),
	                         *third = coming(f, "10.0.0.10", "", FR_TAKEOVER_REPLACE);

	assert_int_equal(fr_test_publisher_open(new), -EINPROGRESS);
	fr_test_publisher_close(old);
	assert_int_equal(fr_test_publisher_open(third), 0);
	fr_test_serve(f);
	fr_test_serve(f);

	assert_int_equal(new->decided, 1);
	assert_false(new->admitted);
	assert_int_equal(new->closed, 0);
	assert_int_equal(new->demands, 0);
	assert_int_equal(new->refusal.reason, FR_REASON_replaced);
}

static void who_is_admitted_and_asked_before_its_turn_hears_both(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME),
	                         *third = coming(f, "10.0.0.10", "", FR_TAKEOVER_SAME);

	assert_int_equal(fr_test_publisher_open(new), -EINPROGRESS);
	fr_test_publisher_close(old);
	assert_int_equal(fr_test_publisher_open(third), -EINPROGRESS);
	fr_test_serve(f);
	assert_true(new->admitted);
	fr_test_serve(f);
	assert_int_equal(new->pings, 1);
	fr_test_serve(f);
	assert_int_equal(new->demands, 1);
}

/* Access that changes */

static void who_waits_has_the_stream_at_once_when_the_incumbent_loses_its_right(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME);

	assert_int_equal(fr_test_publisher_open(new), -EINPROGRESS);
	fr_test_access(f, (const char *const[]){"10.0.0.0/8|*|*"}, 1);
	fr_test_serve(f);

	assert_int_equal(old->closed, 1);
	assert_int_equal(old->refusal.code, 403);
	assert_true(new->admitted);
	fr_test_picture(new, 1);
}

static void who_waits_and_loses_its_right_is_refused(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME);

	assert_int_equal(fr_test_publisher_open(new), -EINPROGRESS);
	fr_test_access(f, (const char *const[]){"192.168.0.0/16|*|*"}, 1);
	fr_test_serve(f);

	assert_int_equal(new->decided, 1);
	assert_false(new->admitted);
	assert_int_equal(new->refusal.code, 403);
	assert_int_equal(old->closed, 0);
}

static void both_may_lose_their_right_at_once(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_SAME);

	assert_int_equal(fr_test_publisher_open(new), -EINPROGRESS);
	fr_test_access(f, NULL, 0);
	fr_test_access(f, NULL, 0);
	fr_test_serve(f);

	assert_int_equal(old->closed, 1);
	assert_int_equal(new->decided, 1);
	assert_false(new->admitted);
	assert_int_equal(new->closed, 0);
	assert_false(fr_test_stream(f, "cam").has_publisher);
}

/* Other policies */

static void replace_takes_the_stream_from_anybody(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, "0123456789abcdef"),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_REPLACE);

	assert_int_equal(fr_test_publisher_open(new), 0);
	assert_replaced(old);
}

static void refuse_refuses_even_the_same_publisher(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, "0123456789abcdef"),
	                         *new = coming(
	                             f, "192.168.0.1", "0123456789abcdef", FR_TAKEOVER_REFUSE);

	assert_int_equal(fr_test_publisher_open(new), -EBUSY);
	assert_busy(new, old);
}

static void who_asks_not_to_replace_is_refused(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "192.168.0.1", "", FR_TAKEOVER_REPLACE);

	new->spec.takeover_no = true;
	assert_int_equal(fr_test_publisher_open(new), -EBUSY);
	assert_busy(new, old);
	assert_non_null(strstr(new->refusal.why.text, "you asked not to replace it"));
}

static void a_source_of_ours_is_never_replaced_and_replaces_nobody(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *ours = fr_test_publisher(f, "cam"),
	                         *new = coming(f, "10.0.0.9", "", FR_TAKEOVER_REPLACE),
	                         *second = fr_test_publisher(f, "cam");

	ours->spec.who = second->spec.who = (struct fr_who){.ours = true};
	ours->spec.door = "pattern";
	second->spec.takeover = FR_TAKEOVER_REPLACE;
	assert_int_equal(fr_test_publisher_open(ours), 0);

	assert_int_equal(fr_test_publisher_open(new), -EBUSY);
	assert_busy(new, ours);
	assert_non_null(strstr(new->refusal.why.text, "cam has a live publisher, pattern"));
	fr_test_publisher_close(ours);
	assert_int_equal(fr_test_publisher_open(new), 0);
	assert_int_equal(fr_test_publisher_open(second), -EBUSY);
	assert_busy(second, new);
}

/* No half pictures */

static void what_the_old_one_still_sends_after_a_takeover_is_counted_and_not_shown(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");
	struct fr_test_publisher *old = incumbent(f, ""),
	                         *new = coming(f, "192.168.0.1", "", FR_TAKEOVER_SAME);
	static const uint8_t bytes[] = {0xff, 0xd8, 66};

	assert_int_equal(fr_test_publisher_open(new), 0);
	assert_int_equal(fr_test_send(old, bytes, sizeof(bytes)), -EINVAL);
	assert_int_equal(old->refusal.code, 0);
	assert_int_equal(old->refusal.reason, FR_REASON_replaced);
	fr_test_picture(new, 1);
	fr_test_serve(f);

	fr_test_got(v, 1);
	assert_int_equal(fr_ingest_counts(old->ingest).rejected, 1);
}

static void a_thousand_takeovers_lose_nothing_and_mix_nothing(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_test_viewer *v = fr_test_viewing(f, "cam");
	struct fr_test_publisher *p[2] = {coming(f, "192.168.0.1", "", FR_TAKEOVER_SAME),
	    coming(f, "192.168.0.1", "", FR_TAKEOVER_SAME)};
	uint64_t sequence = 0;
	struct fr_cause why;

	for (unsigned i = 0; i < 1000; i++) {
		struct fr_test_publisher *new = p[i % 2], *old = p[(i + 1) % 2];

		fr_test_publisher_close(new);
		if (old->ingest != NULL)
			fr_ingest_begin(old->ingest); /* is cut off in the middle of a picture */
		assert_int_equal(fr_test_publisher_open(new), 0);
		fr_test_picture(new, (uint8_t)i);
		fr_test_pass(f, 10 * ms);
		assert_int_equal(fr_relay_check(f->relay, &why), 0);
		assert_int_equal(v->got_count, 1);
		assert_int_equal(v->got[0].tag, (uint8_t)i);
		assert_true(v->got[0].sequence > sequence);
		sequence = v->got[0].sequence;
		v->got_count = 0;
	}

	assert_int_equal(fr_stat_value(FR_STAT_takeovers), 999);
	assert_int_equal(fr_stat_value(FR_STAT_frames_truncated), 998);
	assert_int_equal(fr_test_stream(f, "cam").frames_received, 1000);
}

#define TEST(name)                                                                                 \
	cmocka_unit_test_setup_teardown(name, fr_test_relay_setup, fr_test_relay_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_same_address_replaces_without_an_id),
	    TEST(the_same_id_replaces_whatever_the_address),
	    TEST(another_id_does_not_replace_though_the_address_is_the_same),
	    TEST(an_incumbent_that_cannot_be_asked_keeps_the_stream),
	    TEST(the_same_login_is_the_same_publisher_wherever_it_comes_from),
	    TEST(another_login_is_another_publisher_from_the_same_address_too),
	    TEST(two_whom_nobody_knows_are_not_the_same),
	    TEST(an_incumbent_that_does_not_answer_in_time_is_replaced),
	    TEST(an_incumbent_that_answers_keeps_the_stream),
	    TEST(a_sign_of_life_when_nobody_asks_changes_nothing),
	    TEST(a_sign_of_life_of_the_one_who_waits_is_no_answer),
	    TEST(only_one_newcomer_waits_at_a_time),
	    TEST(who_waits_has_the_stream_at_once_when_the_incumbent_leaves),
	    TEST(who_waits_may_leave),
	    TEST(who_waits_does_not_take_the_stream_from_one_who_came_back_meanwhile),
	    TEST(without_a_limit_the_newcomer_waits_until_the_incumbent_answers_or_leaves),
	    TEST(who_is_admitted_and_replaced_before_its_turn_hears_a_refusal),
	    TEST(who_is_admitted_and_asked_before_its_turn_hears_both),
	    TEST(who_waits_has_the_stream_at_once_when_the_incumbent_loses_its_right),
	    TEST(who_waits_and_loses_its_right_is_refused),
	    TEST(both_may_lose_their_right_at_once),
	    TEST(replace_takes_the_stream_from_anybody),
	    TEST(refuse_refuses_even_the_same_publisher),
	    TEST(who_asks_not_to_replace_is_refused),
	    TEST(a_source_of_ours_is_never_replaced_and_replaces_nobody),
	    TEST(what_the_old_one_still_sends_after_a_takeover_is_counted_and_not_shown),
	    TEST(a_thousand_takeovers_lose_nothing_and_mix_nothing),
	};

	return cmocka_run_group_tests_name("takeover", tests, NULL, NULL);
}
