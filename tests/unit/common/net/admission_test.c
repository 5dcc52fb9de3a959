/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/limits.h"
#include "common/net/admission.h"

/* No limit unless a test sets one. */
static struct fr_limits limits;
static struct fr_admission *admission;
static enum fr_reason reason;
static unsigned code;
static struct fr_cause why;
static int64_t now_us;

static int setup(void **state)
{
	(void)state;
	memset(&limits, 0, sizeof(limits));
	admission = fr_admission_new(&limits);
	reason = FR_REASON_COUNT;
	code = 0;
	why.text[0] = '\0';
	now_us = 1000000000;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fr_admission_free(admission);
	fr_admission_free(NULL);
	return 0;
}

static struct fr_addr addr(const char *text)
{
	struct fr_addr a;

	assert_int_equal(fr_addr_parse(text, &a, NULL), 0);
	return a;
}

static int enter(const char *peer, struct fr_ticket *ticket)
{
	const struct fr_addr a = addr(peer);

	return fr_admission_enter(admission, &a, now_us, ticket, &reason, &code, &why);
}

static void leave(struct fr_ticket *ticket)
{
	fr_admission_leave(admission, ticket, now_us);
}

static void without_limits_everybody_comes_in(void **state)
{
	struct fr_ticket tickets[300] = {{0}};

	(void)state;
	for (size_t i = 0; i < 300; i++)
		assert_int_equal(enter("192.0.2.7:1", &tickets[i]), 0);
	assert_int_equal(fr_admission_connections(admission), 300);
	for (size_t i = 0; i < 300; i++)
		leave(&tickets[i]);
	assert_int_equal(fr_admission_connections(admission), 0);
}

static void the_limit_in_all_is_the_relays_fault(void **state)
{
	struct fr_ticket one = {0}, two = {0};

	(void)state;
	limits.max_connections = 1;
	assert_int_equal(enter("192.0.2.7:1", &one), 0);

	assert_int_equal(enter("192.0.2.8:1", &two), -EAGAIN);
	assert_int_equal(reason, FR_REASON_conn_limit);
	assert_int_equal(code, 503);
	assert_non_null(strstr(why.text, "max_connections = 1"));

	leave(&one);
	assert_int_equal(enter("192.0.2.8:1", &two), 0);
	leave(&two);
}

static void the_limit_of_an_address_is_its_own(void **state)
{
	struct fr_ticket one = {0}, two = {0}, other = {0};

	(void)state;
	limits.max_connections_per_address = 1;
	assert_int_equal(enter("192.0.2.7:1", &one), 0);

	assert_int_equal(enter("192.0.2.7:2", &two), -EAGAIN);
	assert_int_equal(reason, FR_REASON_conn_limit_addr);
	assert_int_equal(code, 429);
	assert_int_equal(enter("192.0.2.8:1", &other), 0);

	leave(&one);
	leave(&other);
}

static void an_ipv6_subnet_counts_as_one_address(void **state)
{
	struct fr_ticket one = {0}, same = {0}, other = {0};

	(void)state;
	limits.max_connections_per_address = 1;
	assert_int_equal(enter("[2001:db8:0:1::1]:1", &one), 0);

	assert_int_equal(enter("[2001:db8:0:1:ffff::2]:1", &same), -EAGAIN);
	assert_int_equal(enter("[2001:db8:0:2::1]:1", &other), 0);

	leave(&one);
	leave(&other);
}

static void unix_peers_know_no_limit_per_address(void **state)
{
	struct fr_ticket tickets[3] = {0};

	(void)state;
	limits.max_connections_per_address = 1;
	limits.max_pre_auth_per_address = 1;
	limits.accept_rate_per_address = 1;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(enter("unix:/run/x", &tickets[i]), 0);
	for (size_t i = 0; i < 3; i++)
		leave(&tickets[i]);
}

static void who_has_settled_makes_room_for_the_next(void **state)
{
	struct fr_ticket one = {0}, two = {0};

	(void)state;
	limits.max_pre_auth = 1;
	assert_int_equal(enter("192.0.2.7:1", &one), 0);
	assert_int_equal(enter("192.0.2.8:1", &two), -EAGAIN);
	assert_int_equal(reason, FR_REASON_conn_limit);

	fr_admission_settle(admission, &one);
	fr_admission_settle(admission, &one); /* said twice counts once */
	assert_int_equal(enter("192.0.2.8:1", &two), 0);

	leave(&one);
	leave(&two);
	assert_int_equal(enter("192.0.2.8:1", &two), 0);
	leave(&two);
}

static void an_address_may_hold_only_so_many_unsettled(void **state)
{
	struct fr_ticket one = {0}, two = {0};

	(void)state;
	limits.max_pre_auth_per_address = 1;
	assert_int_equal(enter("192.0.2.7:1", &one), 0);
	assert_int_equal(enter("192.0.2.7:1", &two), -EAGAIN);
	assert_int_equal(code, 429);
	leave(&one);
	assert_int_equal(enter("192.0.2.7:1", &two), 0);
	leave(&two);
}

/* Comes and goes at once. @return how many of `tries` were let in */
static unsigned storm(const char *peer, unsigned tries)
{
	unsigned in = 0;

	for (unsigned i = 0; i < tries; i++) {
		struct fr_ticket ticket = {0};

		if (enter(peer, &ticket) == 0)
			in++;
		leave(&ticket);
	}
	return in;
}

static void a_storm_gets_two_seconds_worth_and_then_the_rate(void **state)
{
	(void)state;
	limits.accept_rate = 10;
	assert_int_equal(storm("192.0.2.7:1", 100), 20);
	assert_int_equal(reason, FR_REASON_accept_rate);
	assert_int_equal(code, 503);

	now_us += 500000;
	assert_int_equal(storm("192.0.2.7:1", 100), 5);
	now_us += 3600LL * 1000000;
	assert_int_equal(storm("192.0.2.7:1", 100), 20);
}

static void one_that_storms_leaves_the_others_their_rate(void **state)
{
	(void)state;
	limits.accept_rate = 100;
	limits.accept_rate_per_address = 10;
	assert_int_equal(storm("192.0.2.7:1", 1000), 20);
	assert_int_equal(code, 429);
	assert_int_equal(storm("192.0.2.8:1", 1000), 20);
}

static void coming_and_going_does_not_renew_an_addresss_rate(void **state)
{
	(void)state;
	limits.accept_rate_per_address = 2;
	assert_int_equal(storm("192.0.2.7:1", 100), 4);
	now_us += 1000000;
	assert_int_equal(storm("192.0.2.7:1", 100), 2);
}

static void a_changed_limit_holds_at_once(void **state)
{
	struct fr_ticket one = {0}, two = {0};

	(void)state;
	limits.max_connections = 1;
	assert_int_equal(enter("192.0.2.7:1", &one), 0);
	limits.max_connections = 2;
	assert_int_equal(enter("192.0.2.7:1", &two), 0);
	leave(&one);
	leave(&two);
}

static void a_hundred_thousand_addresses_take_bounded_memory(void **state)
{
	unsigned in = 0;

	(void)state;
	limits.accept_rate_per_address = 1;
	for (unsigned i = 0; i < 100000; i++) {
		char peer[64];

		(void)snprintf(peer, sizeof(peer), "10.%u.%u.%u:1", i >> 16, i >> 8 & 255, i & 255);
		in +=
		    storm(peer, 1); /* what is kept beyond 4,096 would be seen by a profiler only */
	}
	assert_int_equal(in, 100000);
}

static void handshakes_have_a_rate_of_their_own(void **state)
{
	struct fr_ticket tickets[6] = {{0}}, plain = {0};
	(void)state;

	limits.tls_handshake_rate = 2;
	for (int i = 0; i < 6; i++) {
		tickets[i].is_tls = true;
		assert_int_equal(enter("192.0.2.7:1", &tickets[i]), i < 4 ? 0 : -EAGAIN);
	}
	assert_int_equal(reason, FR_REASON_tls_rate);
	assert_non_null(strstr(why.text, "tls_handshake_rate = 2"));
	assert_int_equal(enter("192.0.2.7:1", &plain), 0);
	now_us += 500 * 1000;
	assert_int_equal(enter("192.0.2.7:1", &tickets[4]), 0);
	assert_int_equal(enter("192.0.2.7:1", &tickets[5]), -EAGAIN);
	leave(&plain);
	for (int i = 0; i < 5; i++)
		leave(&tickets[i]);
}

static int move(const char *client, struct fr_ticket *ticket)
{
	const struct fr_addr a = addr(client);

	return fr_admission_move(admission, ticket, &a, now_us, &reason, &code, &why);
}

static void a_proxys_connections_count_as_its_clients(void **state)
{
	struct fr_ticket tickets[4] = {{0}}, direct = {0};

	(void)state;
	limits.max_connections_per_address = 2;
	limits.max_pre_auth_per_address = 1;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(enter("unix:/proxy", &tickets[i]), 0);
	assert_int_equal(move("192.0.2.7:1", &tickets[0]), 0);
	/* It has not said yet what it wants. */
	assert_int_equal(move("192.0.2.7:1", &tickets[1]), -EAGAIN);
	assert_int_equal(code, 429);
	fr_admission_settle(admission, &tickets[0]);
	assert_int_equal(move("192.0.2.7:99", &tickets[0]), 0); /* his already */
	assert_int_equal(move("192.0.2.7:1", &tickets[1]), 0);
	fr_admission_settle(admission, &tickets[1]);
	assert_int_equal(move("192.0.2.7:1", &tickets[2]), -EAGAIN);
	assert_int_equal(reason, FR_REASON_conn_limit_addr);
	assert_int_equal(enter("192.0.2.7:1", &direct), -EAGAIN);
	/* The next request on one of his is somebody else's. */
	assert_int_equal(move("192.0.2.8:1", &tickets[1]), 0);
	assert_int_equal(enter("192.0.2.7:1", &direct), 0);
	assert_int_equal(fr_admission_connections(admission), 5);
	leave(&direct);
	for (size_t i = 0; i < 4; i++)
		leave(&tickets[i]);
	assert_int_equal(enter("192.0.2.7:1", &tickets[0]), 0);
	fr_admission_settle(admission, &tickets[0]);
	assert_int_equal(enter("192.0.2.7:1", &tickets[1]), 0);
	leave(&tickets[0]);
	leave(&tickets[1]);
}

static void a_proxys_client_has_the_rate_of_an_address(void **state)
{
	struct fr_ticket ticket = {0};

	(void)state;
	limits.accept_rate_per_address = 1;
	assert_int_equal(enter("unix:/proxy", &ticket), 0);
	assert_int_equal(move("192.0.2.7:1", &ticket), 0);
	assert_int_equal(move("192.0.2.8:1", &ticket), 0);
	assert_int_equal(move("192.0.2.7:1", &ticket), 0);
	assert_int_equal(move("192.0.2.8:1", &ticket), 0);
	assert_int_equal(move("192.0.2.7:1", &ticket), -EAGAIN);
	assert_int_equal(reason, FR_REASON_accept_rate);
	assert_int_equal(code, 429);
	leave(&ticket);
}

static void a_zero_ticket_may_leave(void **state)
{
	struct fr_ticket none = {0};

	(void)state;
	leave(&none);
	fr_admission_settle(admission, &none);
	assert_int_equal(fr_admission_connections(admission), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(without_limits_everybody_comes_in),
	    TEST(handshakes_have_a_rate_of_their_own),
	    TEST(the_limit_in_all_is_the_relays_fault),
	    TEST(the_limit_of_an_address_is_its_own),
	    TEST(an_ipv6_subnet_counts_as_one_address),
	    TEST(unix_peers_know_no_limit_per_address),
	    TEST(who_has_settled_makes_room_for_the_next),
	    TEST(an_address_may_hold_only_so_many_unsettled),
	    TEST(a_storm_gets_two_seconds_worth_and_then_the_rate),
	    TEST(one_that_storms_leaves_the_others_their_rate),
	    TEST(coming_and_going_does_not_renew_an_addresss_rate),
	    TEST(a_changed_limit_holds_at_once),
	    TEST(a_hundred_thousand_addresses_take_bounded_memory),
	    TEST(a_proxys_connections_count_as_its_clients),
	    TEST(a_proxys_client_has_the_rate_of_an_address),
	    TEST(a_zero_ticket_may_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
