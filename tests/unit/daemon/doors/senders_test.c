/* SPDX-License-Identifier: MIT */
/* Who may send datagrams to a door: addresses, ports that are not answered, and what is an answer itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/options.h"
#include "common/net/datagrams.h"
#include "daemon/doors/doors.h"
#include "daemon/doors/senders.h"

struct fixture {
	struct fr_options *options;
	struct fr_senders senders;
};

static int setup(void **state)
{
	static struct fixture f;

	f.options = fr_options_new(fr_door_find("udp")->options); /* allow = [ "private" ] */
	fr_senders_init(&f.senders, f.options);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fr_senders_done(&f->senders);
	fr_options_free(f->options);
	return 0;
}

static bool may(void **state, const char *from, const char *to)
{
	const struct fixture *f = *state;
	struct fr_datagram_path path;

	assert_int_equal(fr_addr_parse(from, &path.from, NULL), 0);
	assert_int_equal(fr_addr_parse(to, &path.to, NULL), 0);
	return fr_senders_may(&f->senders, &path);
}

static void only_allowed_networks(void **state)
{
	assert_true(may(state, "192.168.1.23:40000", "192.168.1.1:9999"));
	assert_true(may(state, "127.0.0.1:40000", "127.0.0.1:9999"));
	assert_true(may(state, "[fe80::1]:40000", "[fe80::2]:9999"));
	assert_true(may(state, "[fd00::1]:40000", "[fd00::2]:9999"));
	assert_false(may(state, "192.0.2.1:40000", "192.168.1.1:9999"));
	assert_false(may(state, "[2001:db8::1]:40000", "[2001:db8::2]:9999"));
}

static void no_port_of_a_service_that_answers(void **state)
{
	static const char *const ports[] = {
	    "0", "7", "13", "17", "19", "53", "123", "161", "389", "1900", "5353", "11211"};
	char from[64];

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		(void)snprintf(from, sizeof(from), "192.168.1.23:%s", ports[i]);
		assert_false(may(state, from, "192.168.1.1:9999"));
		(void)snprintf(from, sizeof(from), "[fd00::1]:%s", ports[i]);
		assert_false(may(state, from, "[fd00::2]:9999"));
	}
	assert_true(may(state, "192.168.1.23:8", "192.168.1.1:9999"));
	assert_true(may(state, "192.168.1.23:11212", "192.168.1.1:9999"));
}

static void nobody_who_is_many(void **state)
{
	assert_false(may(state, "224.0.0.1:40000", "192.168.1.1:9999"));
	assert_false(may(state, "239.255.255.250:40000", "192.168.1.1:9999"));
	assert_false(may(state, "255.255.255.255:40000", "192.168.1.1:9999"));
	assert_false(may(state, "[ff02::1]:40000", "[fe80::2]:9999"));
}

static void not_the_door_itself(void **state)
{
	assert_false(may(state, "127.0.0.1:9999", "127.0.0.1:9999"));
	assert_false(may(state, "[fd00::1]:9999", "[fd00::1]:9999"));
	assert_true(may(state, "127.0.0.1:9998", "127.0.0.1:9999"));
	assert_true(may(state, "127.0.0.2:9999", "127.0.0.1:9999"));
}

static void answers_are_known(void **state)
{
	static const char words[] = "get message!!!!";

	(void)state;
	assert_true(fr_senders_is_answer((const uint8_t *)"get message!!!", 14));
	assert_true(fr_senders_is_answer((const uint8_t *)"get the msg", 11));
	for (size_t size = 0; size < sizeof(words); size++)
		assert_int_equal(fr_senders_is_answer((const uint8_t *)words, size), size == 14);
	assert_false(fr_senders_is_answer((const uint8_t *)"get the msG", 11));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(only_allowed_networks, setup, teardown),
	    cmocka_unit_test_setup_teardown(no_port_of_a_service_that_answers, setup, teardown),
	    cmocka_unit_test_setup_teardown(nobody_who_is_many, setup, teardown),
	    cmocka_unit_test_setup_teardown(not_the_door_itself, setup, teardown),
	    cmocka_unit_test(answers_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
