/* SPDX-License-Identifier: MIT */
/* Logins in the loop: a worker looks at passwords, once for all who show the same one; what was right is known. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/xalloc.h"
#include "common/media/password.h"
#include "common/net/loop.h"
#include "daemon/doors/logins.h"
#include "tests/support/loop_runner.h"
#include "tests/support/relay_fixture.h"

enum {
	SECOND_US = 1000000,
};

struct one {
	struct fr_login_wait wait;
	struct fr_who who;
	unsigned told;
};

struct scene {
	struct fr_test_relay *f;
	struct fr_loop *loop;
	struct fr_logins *logins;
	struct one ones[64];
};

static void set_users(struct scene *s, const char *password)
{
	struct fr_access_row *row = fr_xcalloc(1, sizeof(*row));
	char hash[FR_PASSWORD_HASH_MAX];

	assert_int_equal(fr_password_hash(password, hash, NULL), 0);
	row->user = fr_xstrdup("ana");
	row->password = fr_xstrdup(hash);
	row->observe = true;
	fr_relay_set_access(s->f->relay, fr_access_new(row, 1), 0);
}

static int setup(void **state)
{
	struct scene *s = fr_xcalloc(1, sizeof(*s));
	void *f;

	assert_int_equal(fr_test_relay_setup(&f), 0);
	s->f = f;
	s->loop = fr_test_loop();
	s->logins = fr_logins_new(s->f->relay, &s->f->limits, s->loop);
	set_users(s, "open sesame");
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;
	void *f = s->f;

	fr_logins_free(s->logins);
	fr_loop_free(s->loop);
	assert_int_equal(fr_test_relay_teardown(&f), 0);
	free(s);
	return 0;
}

static void on_done(struct fr_login_wait *wait)
{
	((struct one *)wait)->told++;
}

static int show(struct scene *s, struct one *one, const char *from, const char *user,
    const char *password, int64_t now_us)
{
	one->told = 0;
	one->who = (struct fr_who){.addr = fr_test_addr(from)};
	one->wait.done = on_done;
	return fr_logins_password(
	    s->logins, user, password, &one->who.addr, &one->who, now_us, &one->wait);
}

static bool is_told(void *arg)
{
	return ((struct one *)arg)->told != 0;
}

static enum fr_login look(
    struct scene *s, const char *from, const char *user, const char *password, int64_t now_us)
{
	struct one *one = &s->ones[0];

	if (show(s, one, from, user, password, now_us) == -EINPROGRESS)
		fr_test_until(s->loop, is_told, one);
	return one->who.login;
}

static void what_was_right_is_known_for_a_minute_and_to_this_password(void **state)
{
	struct scene *s = *state;
	struct one *one = &s->ones[1];
	const int64_t now_us = SECOND_US;

	assert_int_equal(look(s, "10.0.0.1", "ana", "open sesame", now_us), FR_LOGIN_USER);
	assert_int_equal(show(s, one, "10.0.0.2", "ana", "open sesame", now_us), 0);
	assert_int_equal(one->who.login, FR_LOGIN_USER);
	assert_true(fr_access_knows(fr_relay_access(s->f->relay), &one->who));
	assert_int_equal(look(s, "10.0.0.1", "ana", "open sesam", now_us), FR_LOGIN_BAD);
	assert_int_equal(look(s, "10.0.0.1", "bob", "open sesame", now_us), FR_LOGIN_BAD);
	/* The clock of what is known is the real one: a year from now it is over. */
	assert_int_equal(
	    show(s, one, "10.0.0.1", "ana", "open sesame", INT64_MAX / 2), -EINPROGRESS);
	fr_test_until(s->loop, is_told, one);
	set_users(s, "another");
	assert_int_equal(look(s, "10.0.0.1", "ana", "open sesame", now_us), FR_LOGIN_BAD);
	assert_int_equal(look(s, "10.0.0.1", "ana", "another", now_us), FR_LOGIN_USER);
}

static void the_same_password_is_looked_at_once_and_who_left_is_not_told(void **state)
{
	struct scene *s = *state;

	for (unsigned i = 0; i < 20; i++)
		assert_int_equal(
		    show(s, &s->ones[i], "10.0.0.1", "ana", "wrong", SECOND_US), -EINPROGRESS);
	fr_logins_cancel(&s->ones[7].wait);
	fr_logins_cancel(&s->ones[7].wait);
	for (unsigned i = 0; i < 20; i++) {
		if (i == 7)
			continue;
		fr_test_until(s->loop, is_told, &s->ones[i]);
		assert_int_equal(s->ones[i].who.login, FR_LOGIN_BAD);
	}
	assert_int_equal(s->ones[7].told, 0);
	/* It was one mistake, not twenty. */
	assert_int_equal(look(s, "10.0.0.1", "ana", "open sesame", SECOND_US), FR_LOGIN_USER);
}

static void right_ones_cost_no_mistakes(void **state)
{
	struct scene *s = *state;

	for (unsigned i = 0; i < 15; i++)
		assert_int_equal(
		    look(s, "10.0.0.1", "ana", "open sesame", INT64_MAX / 2 + i), FR_LOGIN_USER);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(look(s, "10.0.0.1", "ana", "wrong", SECOND_US), FR_LOGIN_BAD);
	assert_int_equal(look(s, "10.0.0.1", "ana", "open sesame", SECOND_US), FR_LOGIN_BLOCKED);
	assert_int_equal(look(s, "10.0.0.2", "ana", "open sesame", SECOND_US), FR_LOGIN_USER);
}

static void more_than_are_looked_at_are_sent_away(void **state)
{
	struct scene *s = *state;
	char from[16];
	unsigned busy = 0;

	for (unsigned i = 0; i < 64; i++) {
		(void)snprintf(from, sizeof(from), "10.0.0.%u", i);
		busy += show(s, &s->ones[i], from, "ana", "wrong", SECOND_US) == -EBUSY;
	}
	assert_int_equal(busy, 32);
	for (unsigned i = 0; i < 32; i++)
		fr_test_until(s->loop, is_told, &s->ones[i]);
}

static void whoever_waits_at_the_end_is_told(void **state)
{
	struct scene *s = *state;

	for (unsigned i = 0; i < 10; i++) {
		char password[16];

		(void)snprintf(password, sizeof(password), "%u", i);
		assert_int_equal(
		    show(s, &s->ones[i], "local", "ana", password, SECOND_US), -EINPROGRESS);
	}
	fr_logins_free(s->logins);
	s->logins = NULL;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(s->ones[i].told, 1);
}

static void tokens_and_without_any_user_passwords_are_looked_at_at_once(void **state)
{
	struct scene *s = *state;
	struct fr_who who = {.addr = fr_test_addr("10.0.0.1")};
	const struct fr_addr proxy = fr_test_addr("10.0.0.9");

	fr_relay_set_access(s->f->relay, fr_access_new(NULL, 0), 0);
	assert_int_equal(show(s, &s->ones[0], "10.0.0.1", "ana", "open sesame", SECOND_US), 0);
	assert_int_equal(s->ones[0].who.login, FR_LOGIN_BAD);
	fr_logins_token(s->logins, "x", &proxy, &who, SECOND_US);
	assert_int_equal(who.login, FR_LOGIN_TOKEN);
	fr_logins_bad(NULL, &proxy, &who, SECOND_US);
	assert_int_equal(who.login, FR_LOGIN_BAD);
	/* Who is behind a proxy that is not trusted is as many as come through it. */
	who.addr = (struct fr_addr){.kind = FR_ADDR_NONE};
	for (unsigned i = 0; i < 10; i++)
		fr_logins_token(s->logins, "x", &proxy, &who, SECOND_US);
	fr_logins_bad(s->logins, &proxy, &who, SECOND_US);
	assert_int_equal(who.login, FR_LOGIN_BLOCKED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(what_was_right_is_known_for_a_minute_and_to_this_password),
	    TEST(the_same_password_is_looked_at_once_and_who_left_is_not_told),
	    TEST(right_ones_cost_no_mistakes),
	    TEST(more_than_are_looked_at_are_sent_away),
	    TEST(whoever_waits_at_the_end_is_told),
	    TEST(tokens_and_without_any_user_passwords_are_looked_at_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
