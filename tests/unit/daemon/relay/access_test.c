/* SPDX-License-Identifier: MIT */
/* Who may do what: rows of conditions and rights. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/xalloc.h"
#include "tests/support/relay_fixture.h"

enum {
	NAMES_MAX = 4,
};

/* A row as a test writes it; turned into one that can be taken over. */
struct row {
	const char *from[NAMES_MAX], *publish[NAMES_MAX], *subscribe[NAMES_MAX],
	    *message[NAMES_MAX];
	bool message_is_set, observe, admin, admin_is_set;
};

static struct fr_access_names names_of(const char *const from[NAMES_MAX])
{
	struct fr_access_names names = {.names = fr_xcalloc(NAMES_MAX, sizeof(char *))};

	while (names.count < NAMES_MAX && from[names.count] != NULL) {
		names.names[names.count] = fr_xstrdup(from[names.count]);
		names.count++;
	}
	return names;
}

static struct fr_access *access_of(const struct row *rows, size_t count)
{
	struct fr_access_row *ret = fr_xcalloc(count + 1, sizeof(*ret));
	struct fr_cause why;

	for (size_t i = 0; i < count; i++) {
		ret[i].from = fr_xcalloc(NAMES_MAX, sizeof(*ret[i].from));
		while (ret[i].from_count < NAMES_MAX && rows[i].from[ret[i].from_count] != NULL) {
			assert_int_equal(fr_network_parse(rows[i].from[ret[i].from_count],
			                     &ret[i].from[ret[i].from_count], &why),
			    0);
			ret[i].from_count++;
		}
		ret[i].publish = names_of(rows[i].publish);
		ret[i].subscribe = names_of(rows[i].subscribe);
		ret[i].message = names_of(rows[i].message);
		ret[i].message_is_set = rows[i].message_is_set;
		ret[i].observe = rows[i].observe;
		ret[i].admin = rows[i].admin;
		ret[i].admin_is_set = rows[i].admin_is_set;
	}
	return fr_access_new(ret, count);
}

static bool may(
    const struct fr_access *access, const char *addr, enum fr_right right, const char *stream)
{
	const struct fr_who who = {.addr = fr_test_addr(addr)};
	struct fr_cause why;

	return fr_access_allows(access, &who, right, stream, &why);
}

static void without_rows_private_networks_may_publish_watch_and_observe(void **state)
{
	struct fr_access *access = fr_access_default();

	(void)state;
	assert_true(may(access, "192.168.1.7", FR_RIGHT_PUBLISH, "cam"));
	assert_true(may(access, "10.0.0.1", FR_RIGHT_SUBSCRIBE, "cam"));
	assert_true(may(access, "127.0.0.1", FR_RIGHT_MESSAGE, "cam"));
	assert_true(may(access, "fe80::1", FR_RIGHT_OBSERVE, NULL));
	assert_true(may(access, "local", FR_RIGHT_ADMIN, NULL));
	fr_access_free(access);
}

static void without_rows_strangers_may_do_nothing(void **state)
{
	struct fr_access *access = fr_access_default();

	(void)state;
	for (enum fr_right right = FR_RIGHT_PUBLISH; right <= FR_RIGHT_ADMIN; right++) {
		assert_false(may(access, "203.0.113.9", right, "cam"));
		assert_false(may(access, "2001:db8::9", right, "cam"));
	}
	assert_false(may(access, "192.168.1.7", FR_RIGHT_ADMIN, NULL));
	fr_access_free(access);
}

static void with_no_row_at_all_nobody_may_do_anything(void **state)
{
	struct fr_access *access = access_of(NULL, 0);

	(void)state;
	for (enum fr_right right = FR_RIGHT_PUBLISH; right <= FR_RIGHT_ADMIN; right++)
		assert_false(may(access, "127.0.0.1", right, "cam"));
	fr_access_free(access);
}

static void ends_of_our_own_may_do_everything(void **state)
{
	struct fr_access *access = access_of(NULL, 0);
	const struct fr_who ours = {.ours = true};
	struct fr_cause why;

	(void)state;
	for (enum fr_right right = FR_RIGHT_PUBLISH; right <= FR_RIGHT_ADMIN; right++)
		assert_true(fr_access_allows(access, &ours, right, "cam", &why));
	fr_access_free(access);
}

static void a_row_grants_the_streams_that_it_names(void **state)
{
	const struct row row = {.from = {"any"},
	    .publish = {"porch", "door"},
	    .subscribe = {"porch"},
	    .message_is_set = true,
	    .message = {"door"}};
	struct fr_access *access = access_of(&row, 1);

	(void)state;
	assert_true(may(access, "203.0.113.9", FR_RIGHT_PUBLISH, "porch"));
	assert_true(may(access, "203.0.113.9", FR_RIGHT_PUBLISH, "door"));
	assert_false(may(access, "203.0.113.9", FR_RIGHT_PUBLISH, "porc"));
	assert_false(may(access, "203.0.113.9", FR_RIGHT_PUBLISH, "porch2"));
	assert_true(may(access, "203.0.113.9", FR_RIGHT_SUBSCRIBE, "porch"));
	assert_false(may(access, "203.0.113.9", FR_RIGHT_SUBSCRIBE, "door"));
	assert_true(may(access, "203.0.113.9", FR_RIGHT_MESSAGE, "door"));
	assert_false(may(access, "203.0.113.9", FR_RIGHT_MESSAGE, "porch"));
	assert_false(may(access, "203.0.113.9", FR_RIGHT_OBSERVE, NULL));
	fr_access_free(access);
}

static void whoever_may_publish_may_send_messages_unless_the_row_says_otherwise(void **state)
{
	const struct row rows[] = {
	    {.from = {"10.0.0.1"}, .publish = {"*"}},
	    {.from = {"10.0.0.2"}, .publish = {"*"}, .message_is_set = true},
	};
	struct fr_access *access = access_of(rows, 2);

	(void)state;
	assert_true(may(access, "10.0.0.1", FR_RIGHT_MESSAGE, "cam"));
	assert_false(may(access, "10.0.0.2", FR_RIGHT_MESSAGE, "cam"));
	fr_access_free(access);
}

static void a_row_without_networks_is_about_everybody(void **state)
{
	const struct row row = {.publish = {"*"}};
	struct fr_access *access = access_of(&row, 1);

	(void)state;
	assert_true(may(access, "203.0.113.9", FR_RIGHT_PUBLISH, "cam"));
	assert_true(may(access, "local", FR_RIGHT_PUBLISH, "cam"));
	fr_access_free(access);
}

static void any_network_of_a_row_and_any_row_will_do(void **state)
{
	const struct row rows[] = {
	    {.from = {"10.0.0.0/8", "192.168.7.0/24"}, .publish = {"*"}},
	    {.from = {"any"}, .subscribe = {"*"}, .observe = true},
	};
	struct fr_access *access = access_of(rows, 2);

	(void)state;
	assert_true(may(access, "192.168.7.1", FR_RIGHT_PUBLISH, "cam"));
	assert_false(may(access, "192.168.8.1", FR_RIGHT_PUBLISH, "cam"));
	assert_true(may(access, "192.168.7.1", FR_RIGHT_SUBSCRIBE, "cam"));
	assert_true(may(access, "192.168.8.1", FR_RIGHT_OBSERVE, NULL));
	fr_access_free(access);
}

static void admin_is_loopback_where_a_row_does_not_say(void **state)
{
	const struct row rows[] = {
	    {.from = {"127.0.0.0/8", "10.0.0.1"}},
	    {.from = {"::1"}, .admin_is_set = true, .admin = false},
	    {.from = {"10.0.0.2"}, .admin_is_set = true, .admin = true},
	};
	/* Loopback of another machine, by what its proxy says. */
	const struct fr_who proxied = {.addr = fr_test_addr("127.0.0.1"), .proxied = true};
	struct fr_access *access = access_of(rows, 3);
	struct fr_cause why;

	(void)state;
	assert_true(may(access, "127.0.0.1", FR_RIGHT_ADMIN, NULL));
	assert_false(may(access, "10.0.0.1", FR_RIGHT_ADMIN, NULL));
	assert_false(fr_access_allows(access, &proxied, FR_RIGHT_ADMIN, NULL, &why));
	assert_false(may(access, "::1", FR_RIGHT_ADMIN, NULL));
	assert_true(may(access, "10.0.0.2", FR_RIGHT_ADMIN, NULL));
	fr_access_free(access);
}

static void a_refusal_names_the_address_and_the_row_that_would_allow_it(void **state)
{
	struct fr_access *access = fr_access_default();
	const struct fr_who who = {.addr = fr_test_addr("203.0.113.9")};
	struct fr_cause why;

	(void)state;
	assert_false(fr_access_allows(access, &who, FR_RIGHT_PUBLISH, "cam", &why));
	assert_non_null(strstr(why.text, "203.0.113.9 may not publish cam"));
	assert_non_null(strstr(why.text, "{ from = [ \"203.0.113.9\" ]; publish = [ \"cam\" ]; }"));

	assert_false(fr_access_allows(access, &who, FR_RIGHT_OBSERVE, NULL, &why));
	assert_non_null(strstr(why.text, "{ from = [ \"203.0.113.9\" ]; observe = true; }"));

	assert_false(fr_access_allows(access, &who, FR_RIGHT_ADMIN, NULL, &why));
	assert_non_null(strstr(why.text, "{ from = [ \"203.0.113.9\" ]; admin = true; }"));
	fr_access_free(access);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(without_rows_private_networks_may_publish_watch_and_observe),
	    TEST(without_rows_strangers_may_do_nothing),
	    TEST(with_no_row_at_all_nobody_may_do_anything),
	    TEST(ends_of_our_own_may_do_everything),
	    TEST(a_row_grants_the_streams_that_it_names),
	    TEST(whoever_may_publish_may_send_messages_unless_the_row_says_otherwise),
	    TEST(a_row_without_networks_is_about_everybody),
	    TEST(any_network_of_a_row_and_any_row_will_do),
	    TEST(admin_is_loopback_where_a_row_does_not_say),
	    TEST(a_refusal_names_the_address_and_the_row_that_would_allow_it),
	};

	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
