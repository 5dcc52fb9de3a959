/* SPDX-License-Identifier: MIT */
/* Wrong logins by address: blocked, forgiven, forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/addr.h"
#include "common/base/limits.h"
#include "common/net/failures.h"

enum {
	SECOND_US = 1000000,
};

static struct fr_limits limits = {.auth_failures = 10, .auth_block_ms = 60000};

static struct fr_addr addr(const char *text)
{
	struct fr_network network;

	assert_int_equal(fr_network_parse(text, &network, NULL), 0);
	return network.addr;
}

static void add_many(struct fr_failures *f, const char *from, unsigned times, int64_t now_us)
{
	const struct fr_addr peer = addr(from);

	for (unsigned i = 0; i < times; i++)
		fr_failures_add(f, &peer, now_us);
}

static bool blocked(struct fr_failures *f, const char *from, int64_t now_us)
{
	const struct fr_addr peer = addr(from);

	return fr_failures_block(f, &peer, now_us);
}

static void ten_within_a_minute_block_for_a_minute(void **state)
{
	struct fr_failures *f = fr_failures_new(&limits);

	(void)state;
	add_many(f, "192.0.2.7", 9, SECOND_US);
	assert_false(blocked(f, "192.0.2.7", SECOND_US));
	add_many(f, "192.0.2.7", 1, 60 * SECOND_US);
	assert_true(blocked(f, "192.0.2.7", 60 * SECOND_US));
	assert_true(blocked(f, "192.0.2.7", 120 * (int64_t)SECOND_US - 1));
	assert_false(blocked(f, "192.0.2.8", 60 * SECOND_US));
	assert_false(blocked(f, "192.0.2.7", 120 * (int64_t)SECOND_US));
	assert_int_equal(fr_failures_count(f), 0);
	fr_failures_free(f);
}

static void those_of_a_minute_ago_do_not_count(void **state)
{
	struct fr_failures *f = fr_failures_new(&limits);

	(void)state;
	add_many(f, "192.0.2.7", 9, SECOND_US);
	add_many(f, "192.0.2.7", 1, 61 * (int64_t)SECOND_US);
	assert_false(blocked(f, "192.0.2.7", 61 * (int64_t)SECOND_US));
	add_many(f, "192.0.2.7", 9, 62 * (int64_t)SECOND_US);
	assert_true(blocked(f, "192.0.2.7", 62 * (int64_t)SECOND_US));
	fr_failures_free(f);
}

static void a_network_of_ipv6_is_one_and_unix_peers_are_trusted(void **state)
{
	struct fr_failures *f = fr_failures_new(&limits);

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "2001:db8::%x", i + 1);
		add_many(f, text, 1, SECOND_US);
	}
	assert_true(blocked(f, "2001:db8::99", SECOND_US));
	assert_false(blocked(f, "2001:db8:0:1::1", SECOND_US));
	add_many(f, "local", 20, SECOND_US);
	assert_false(blocked(f, "local", SECOND_US));
	fr_failures_free(f);
}

static void what_was_right_after_all_is_taken_back(void **state)
{
	struct fr_failures *f = fr_failures_new(&limits);
	const struct fr_addr peer = addr("192.0.2.7");

	(void)state;
	add_many(f, "192.0.2.7", 10, SECOND_US);
	assert_true(blocked(f, "192.0.2.7", SECOND_US));
	fr_failures_take_back(f, &peer);
	assert_false(blocked(f, "192.0.2.7", SECOND_US));
	add_many(f, "192.0.2.7", 2, SECOND_US);
	fr_failures_take_back(f, &peer);
	assert_true(blocked(f, "192.0.2.7", SECOND_US)); /* ten are left */
	for (unsigned i = 0; i < 10; i++)
		fr_failures_take_back(f, &peer);
	assert_int_equal(fr_failures_count(f), 0);
	fr_failures_take_back(f, &peer); /* nobody is there */
	fr_failures_free(f);
}

static void the_table_has_its_bound(void **state)
{
	struct fr_failures *f = fr_failures_new(&limits);

	(void)state;
	add_many(f, "192.0.2.7", 10, SECOND_US);
	for (unsigned i = 0; i < 10000; i++) {
		char text[32];

		(void)snprintf(text, sizeof(text), "10.0.%u.%u", i / 256, i % 256);
		add_many(f, text, 1, SECOND_US);
		if (i == 4000)
			add_many(f, "192.0.2.7", 1,
			    SECOND_US); /* still at it: the last to be forgotten */
	}
	assert_int_equal(fr_failures_count(f), FR_FAILURES_MAX);
	assert_false(blocked(f, "192.0.2.7", SECOND_US));
	fr_failures_free(f);
}

static void without_the_limits_nothing_is_blocked(void **state)
{
	struct fr_limits none = {.auth_failures = 0, .auth_block_ms = 60000};
	struct fr_failures *f = fr_failures_new(&none);

	(void)state;
	add_many(f, "192.0.2.7", 100, SECOND_US);
	assert_int_equal(fr_failures_count(f), 0);
	none.auth_failures = 1;
	none.auth_block_ms = 0;
	add_many(f, "192.0.2.7", 100, SECOND_US);
	assert_false(blocked(f, "192.0.2.7", SECOND_US));
	fr_failures_free(f);
	fr_failures_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(ten_within_a_minute_block_for_a_minute),
	    cmocka_unit_test(those_of_a_minute_ago_do_not_count),
	    cmocka_unit_test(a_network_of_ipv6_is_one_and_unix_peers_are_trusted),
	    cmocka_unit_test(what_was_right_after_all_is_taken_back),
	    cmocka_unit_test(the_table_has_its_bound),
	    cmocka_unit_test(without_the_limits_nothing_is_blocked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
