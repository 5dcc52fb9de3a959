/* SPDX-License-Identifier: MIT */
/* Names: only what the hosts file knows, or what no name server needs to be asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/addr.h"
#include "common/net/loop.h"
#include "common/net/resolve.h"
#include "tests/support/loop_runner.h"

struct asked {
	unsigned answers;
	size_t count;
	struct fr_addr first;
	char reason[200];
};

static void on_resolved(void *arg, const struct fr_addr *addrs, size_t count, const char *reason)
{
	struct asked *a = arg;

	a->answers++;
	a->count = count;
	if (count > 0)
		a->first = addrs[0];
	(void)snprintf(a->reason, sizeof(a->reason), "%s", reason);
}

static bool is_answered(void *arg)
{
	return ((struct asked *)arg)->answers > 0;
}

static void localhost_is_an_address_of_this_machine(void **state)
{
	struct fr_loop *loop = fr_test_loop();
	struct asked a = {0};

	(void)state;
	(void)fr_resolve_start(loop, "localhost", 8000, on_resolved, &a);
	assert_int_equal(a.answers, 0);
	fr_test_until(loop, is_answered, &a);

	assert_true(a.count >= 1);
	assert_true(fr_addr_is_loopback(&a.first));
	assert_int_equal(a.first.port, 8000);
	fr_loop_free(loop);
}

static void what_is_no_name_is_said_in_words(void **state)
{
	struct fr_loop *loop = fr_test_loop();
	struct asked a = {0};

	(void)state;
	(void)fr_resolve_start(loop, "two words", 8000, on_resolved, &a);
	fr_test_until(loop, is_answered, &a);

	assert_int_equal(a.count, 0);
	assert_true(strlen(a.reason) > 0);
	fr_loop_free(loop);
}

static void a_hundred_at_once_are_all_answered(void **state)
{
	enum {
		COUNT = 100
	};
	struct fr_loop *loop = fr_test_loop();
	struct asked a[COUNT] = {0};

	(void)state;
	for (size_t i = 0; i < COUNT; i++)
		(void)fr_resolve_start(loop, "localhost", 1, on_resolved, &a[i]);
	for (size_t i = 0; i < COUNT; i++) {
		fr_test_until(loop, is_answered, &a[i]);
		assert_int_equal(a[i].answers, 1);
	}
	fr_loop_free(loop);
}

static void who_gives_up_hears_nothing(void **state)
{
	struct fr_loop *loop = fr_test_loop();
	struct asked given_up = {0}, other = {0};
	struct fr_resolve *r = fr_resolve_start(loop, "localhost", 1, on_resolved, &given_up);

	(void)state;
	fr_resolve_cancel(r);
	fr_resolve_cancel(NULL);
	(void)fr_resolve_start(loop, "localhost", 1, on_resolved, &other);
	fr_test_until(loop, is_answered, &other);
	fr_test_turn(loop, 3);
	assert_int_equal(given_up.answers, 0);
	fr_loop_free(loop);
}

static void the_loop_may_end_while_names_are_looked_up(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		struct fr_loop *loop = fr_test_loop();
		struct asked a[40] = {0};

		for (size_t k = 0; k < 40; k++)
			(void)fr_resolve_start(loop, "localhost", 1, on_resolved, &a[k]);
		if (i % 2 == 1)
			fr_test_until(loop, is_answered, &a[0]);
		for (size_t k = 0; k < 40; k++)
			a[k].answers = 0;
		fr_loop_free(loop);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(localhost_is_an_address_of_this_machine),
	    cmocka_unit_test(what_is_no_name_is_said_in_words),
	    cmocka_unit_test(a_hundred_at_once_are_all_answered),
	    cmocka_unit_test(who_gives_up_hears_nothing),
	    cmocka_unit_test(the_loop_may_end_while_names_are_looked_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
