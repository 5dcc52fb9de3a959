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
	const char *token, *user, *password, *certificate;
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

static struct fr_digest digest(const char *text)
{
	return fr_digest_of(text, strlen(text));
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
		if (rows[i].token != NULL) {
			ret[i].has_token = true;
			ret[i].token = digest(rows[i].token);
		}
		if (rows[i].user != NULL) {
			ret[i].user = fr_xstrdup(rows[i].user);
			ret[i].password = fr_xstrdup(rows[i].password);
		}
		if (rows[i].certificate != NULL) {
			ret[i].has_certificate = true;
			ret[i].certificate = digest(rows[i].certificate);
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
	struct fr_refusal refusal;

	return fr_access_allows(access, &who, right, stream, &refusal);
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
	struct fr_refusal refusal;

	(void)state;
	for (enum fr_right right = FR_RIGHT_PUBLISH; right <= FR_RIGHT_ADMIN; right++)
		assert_true(fr_access_allows(access, &ours, right, "cam", &refusal));
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
	struct fr_refusal refusal;

	(void)state;
	assert_true(may(access, "127.0.0.1", FR_RIGHT_ADMIN, NULL));
	assert_false(may(access, "10.0.0.1", FR_RIGHT_ADMIN, NULL));
	assert_false(fr_access_allows(access, &proxied, FR_RIGHT_ADMIN, NULL, &refusal));
	assert_false(may(access, "::1", FR_RIGHT_ADMIN, NULL));
	assert_true(may(access, "10.0.0.2", FR_RIGHT_ADMIN, NULL));
	fr_access_free(access);
}

static void a_refusal_names_the_address_and_the_row_that_would_allow_it(void **state)
{
	struct fr_access *access = fr_access_default();
	const struct fr_who who = {.addr = fr_test_addr("203.0.113.9")};
	struct fr_refusal refusal;

	(void)state;
	assert_false(fr_access_allows(access, &who, FR_RIGHT_PUBLISH, "cam", &refusal));
	assert_non_null(strstr(refusal.why.text, "203.0.113.9 may not publish cam"));
	assert_non_null(
	    strstr(refusal.why.text, "{ from = [ \"203.0.113.9\" ]; publish = [ \"cam\" ]; }"));

	assert_false(fr_access_allows(access, &who, FR_RIGHT_OBSERVE, NULL, &refusal));
	assert_non_null(
	    strstr(refusal.why.text, "{ from = [ \"203.0.113.9\" ]; observe = true; }"));

	assert_false(fr_access_allows(access, &who, FR_RIGHT_ADMIN, NULL, &refusal));
	assert_non_null(strstr(refusal.why.text, "{ from = [ \"203.0.113.9\" ]; admin = true; }"));
	fr_access_free(access);
}

/* Logins */

static struct fr_who somebody(const char *addr)
{
	return (struct fr_who){.addr = fr_test_addr(addr)};
}

static struct fr_who with_token(const char *addr, const char *token)
{
	return (struct fr_who){
	    .addr = fr_test_addr(addr), .login = FR_LOGIN_TOKEN, .identity = digest(token)};
}

static struct fr_who with_password(const char *addr, const char *user, const char *password_hash)
{
	return (struct fr_who){.addr = fr_test_addr(addr),
	    .login = FR_LOGIN_USER,
	    .identity = fr_access_user_identity(user, password_hash)};
}

static void assert_allowed(
    const struct fr_access *access, struct fr_who who, enum fr_right right, const char *stream)
{
	struct fr_refusal refusal;

	assert_true(fr_access_allows(access, &who, right, stream, &refusal));
}

static void assert_refused(const struct fr_access *access, struct fr_who who, enum fr_right right,
    const char *stream, unsigned code, enum fr_reason reason, const char *words)
{
	struct fr_refusal refusal = {.code = 0};

	assert_false(fr_access_allows(access, &who, right, stream, &refusal));
	assert_int_equal(refusal.code, code);
	assert_string_equal(fr_reason_name(refusal.reason), fr_reason_name(reason));
	assert_non_null(strstr(refusal.why.text, words));
}

static void a_token_is_let_in_from_anywhere_and_does_what_its_row_says(void **state)
{
	const struct row row = {.token = "open", .publish = {"porch"}};
	struct fr_access *access = access_of(&row, 1);

	(void)state;
	assert_allowed(access, with_token("203.0.113.9", "open"), FR_RIGHT_PUBLISH, "porch");
	assert_refused(access, with_token("203.0.113.9", "open"), FR_RIGHT_PUBLISH, "door", 403,
	    FR_REASON_auth_denied,
	    "this login does not allow it: 203.0.113.9 may not publish door");
	assert_refused(access, with_token("203.0.113.9", "open"), FR_RIGHT_OBSERVE, NULL, 403,
	    FR_REASON_auth_denied, "may not observe");
	fr_access_free(access);
}

static void no_token_another_and_nearly_the_right_one_are_401(void **state)
{
	const struct row row = {.token = "open", .publish = {"porch"}};
	static const char *const wrong[] = {"ope", "openn", "Open", "", "open ", "nepo"};
	struct fr_access *access = access_of(&row, 1);

	(void)state;
	assert_refused(access, somebody("203.0.113.9"), FR_RIGHT_PUBLISH, "porch", 401,
	    FR_REASON_auth_missing, "a login is needed: 203.0.113.9 may not publish porch");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_refused(access, with_token("203.0.113.9", wrong[i]), FR_RIGHT_PUBLISH,
		    "porch", 401, FR_REASON_auth_bad, "this login is not known here");
	/* A user is no token, whatever it is made of. */
	assert_refused(access,
	    (struct fr_who){.addr = fr_test_addr("10.0.0.1"),
	        .login = FR_LOGIN_USER,
	        .identity = digest("open")},
	    FR_RIGHT_PUBLISH, "porch", 401, FR_REASON_auth_bad, "not known");
	fr_access_free(access);
}

static void where_no_login_would_help_it_is_403(void **state)
{
	const struct row row = {.token = "open", .publish = {"porch"}};
	struct fr_access *access = access_of(&row, 1);

	(void)state;
	assert_refused(access, somebody("203.0.113.9"), FR_RIGHT_SUBSCRIBE, "porch", 403,
	    FR_REASON_access_denied, "203.0.113.9 may not subscribe porch");
	fr_access_free(access);
}

static void every_condition_of_a_row_must_hold(void **state)
{
	const struct row row = {.from = {"10.0.0.0/8"}, .token = "open", .publish = {"*"}};
	struct fr_access *access = access_of(&row, 1);

	(void)state;
	assert_allowed(access, with_token("10.1.2.3", "open"), FR_RIGHT_PUBLISH, "cam");
	assert_refused(access, with_token("11.1.2.3", "open"), FR_RIGHT_PUBLISH, "cam", 403,
	    FR_REASON_auth_denied, "11.1.2.3 may not");
	assert_refused(access, somebody("10.1.2.3"), FR_RIGHT_PUBLISH, "cam", 401,
	    FR_REASON_auth_missing, "a login is needed");
	assert_refused(access, somebody("11.1.2.3"), FR_RIGHT_PUBLISH, "cam", 403,
	    FR_REASON_access_denied, "11.1.2.3 may not");
	fr_access_free(access);
}

static void a_wrong_login_harms_nobody_whose_address_is_enough(void **state)
{
	const struct row rows[] = {
	    {.from = {"private"}, .subscribe = {"*"}},
	    {.token = "open", .subscribe = {"*"}},
	};
	struct fr_access *access = access_of(rows, 2);
	struct fr_who blocked = somebody("192.168.1.7"), bad = blocked;

	(void)state;
	blocked.login = FR_LOGIN_BLOCKED;
	bad.login = FR_LOGIN_BAD;
	assert_allowed(access, with_token("192.168.1.7", "wrong"), FR_RIGHT_SUBSCRIBE, "cam");
	assert_allowed(access, blocked, FR_RIGHT_SUBSCRIBE, "cam");
	assert_allowed(access, bad, FR_RIGHT_SUBSCRIBE, "cam");
	blocked.addr = bad.addr = fr_test_addr("203.0.113.9");
	assert_refused(access, blocked, FR_RIGHT_SUBSCRIBE, "cam", 429, FR_REASON_auth_blocked,
	    "auth_block_ms");
	assert_refused(
	    access, bad, FR_RIGHT_SUBSCRIBE, "cam", 401, FR_REASON_auth_bad, "the login is wrong");
	fr_access_free(access);
}

static void a_user_is_known_by_name_and_password_together(void **state)
{
	const struct row row = {
	    .user = "ana", .password = "$y$1", .subscribe = {"*"}, .observe = true};
	struct fr_access *access = access_of(&row, 1);

	(void)state;
	assert_allowed(
	    access, with_password("203.0.113.9", "ana", "$y$1"), FR_RIGHT_SUBSCRIBE, "cam");
	assert_refused(access, with_password("203.0.113.9", "ana", "$y$2"), FR_RIGHT_SUBSCRIBE,
	    "cam", 401, FR_REASON_auth_bad, "not known");
	assert_refused(access, with_password("203.0.113.9", "ann", "$y$1"), FR_RIGHT_SUBSCRIBE,
	    "cam", 401, FR_REASON_auth_bad, "not known");
	assert_string_equal(fr_access_password(access, "ana"), "$y$1");
	assert_string_equal(fr_access_password(access, NULL), "$y$1");
	assert_null(fr_access_password(access, "ann"));
	fr_access_free(access);
}

static void a_certificate_is_a_condition_like_any_other(void **state)
{
	const struct row rows[] = {{.certificate = "c", .publish = {"*"}},
	    {.certificate = "c", .token = "t", .admin_is_set = true, .admin = true}};
	struct fr_access *access = access_of(rows, 2);
	struct fr_who who = somebody("203.0.113.9");

	(void)state;
	who.certificate = digest("c");
	assert_refused(
	    access, who, FR_RIGHT_PUBLISH, "cam", 401, FR_REASON_auth_missing, "a login is needed");
	who.has_certificate = true;
	assert_allowed(access, who, FR_RIGHT_PUBLISH, "cam");
	assert_refused(
	    access, who, FR_RIGHT_SUBSCRIBE, "cam", 403, FR_REASON_auth_denied, "may not");
	assert_refused(access, who, FR_RIGHT_ADMIN, NULL, 403, FR_REASON_auth_denied, "may not");
	who.login = FR_LOGIN_TOKEN;
	who.identity = digest("t");
	assert_allowed(access, who, FR_RIGHT_ADMIN, NULL);
	who.certificate = digest("d");
	assert_refused(access, who, FR_RIGHT_PUBLISH, "cam", 401, FR_REASON_auth_bad, "not known");
	fr_access_free(access);
}

static void what_logins_there_are_and_whose_is_known(void **state)
{
	const struct row rows[] = {
	    {.from = {"any"}}, {.token = "t"}, {.user = "ana", .password = "x"}};
	struct fr_access *none = access_of(rows, 1), *all = access_of(rows, 3);
	const struct fr_digest token = digest("t"), other = digest("u"), zero = {{0}};
	const struct fr_who known = with_token("10.0.0.1", "t"), nobody = somebody("10.0.0.1");

	(void)state;
	assert_false(fr_access_has_logins(none, FR_LOGIN_TOKEN));
	assert_false(fr_access_has_logins(none, FR_LOGIN_USER));
	assert_true(fr_access_has_logins(all, FR_LOGIN_TOKEN));
	assert_true(fr_access_has_logins(all, FR_LOGIN_USER));
	assert_true(fr_access_knows_token(all, &token));
	assert_false(fr_access_knows_token(all, &other));
	assert_false(fr_access_knows_token(all, &zero)); /* rows without a token have this one */
	assert_true(fr_access_knows(all, &known));
	assert_false(fr_access_knows(all, &nobody));
	assert_null(fr_access_password(none, NULL));
	fr_access_free(none);
	fr_access_free(all);
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
	    TEST(a_token_is_let_in_from_anywhere_and_does_what_its_row_says),
	    TEST(no_token_another_and_nearly_the_right_one_are_401),
	    TEST(where_no_login_would_help_it_is_403),
	    TEST(every_condition_of_a_row_must_hold),
	    TEST(a_wrong_login_harms_nobody_whose_address_is_enough),
	    TEST(a_user_is_known_by_name_and_password_together),
	    TEST(a_certificate_is_a_condition_like_any_other),
	    TEST(what_logins_there_are_and_whose_is_known),
	};

	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
