/* SPDX-License-Identifier: MIT */
/* Who a proxy's client is, by X-Forwarded-For: what a trusted proxy wrote is believed, and nothing before that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/options.h"
#include "daemon/doors/proxies.h"

static const struct fr_option_spec specs[] = {
    {.name = "trusted_proxies", .type = FR_OPTION_NETWORKS, .def = "", .help = ""},
    {.name = NULL},
};

static struct fr_proxies proxies(const char *const *networks, size_t count)
{
	struct fr_options *options = fr_options_new(specs);
	struct fr_proxies ret;

	assert_int_equal(fr_options_set_list(options, "trusted_proxies", networks, count, NULL), 0);
	assert_int_equal(fr_proxies_read(&ret, options, NULL), 0);
	fr_options_free(options);
	return ret;
}

static void the_client_is_the_last_one_that_is_no_proxy(void **state)
{
	static const char *const networks[] = {"10.0.0.0/8", "2001:db8::/32"};
	static const struct {
		const char *list, *client; /* NULL: nobody */
	} rows[] = {
	    {"192.0.2.7", "192.0.2.7"},
	    {"192.0.2.7:4711", "192.0.2.7"},
	    {" 203.0.113.9 ,\t192.0.2.7 , 10.1.2.3", "192.0.2.7"},
	    {"[2001:db9::1]:80, 2001:db8::7,10.0.0.1", "2001:db9::1"},
	    {"2001:db9::1", "2001:db9::1"},
	    {"192.0.2.7, unknown", NULL},
	    {"192.0.2.7.1", NULL},
	    {"192.0.2.7.", "192.0.2.7"},
	    {"::ffff:192.0.2.7, ::ffff:10.0.0.1", "192.0.2.7"},
	    {"[::ffff:192.0.2.7]:80", "192.0.2.7"},
	    {"10.0.0.1, 10.0.0.2", NULL},
	    {"", NULL},
	    {",", NULL},
	    {"192.0.2.7.1", NULL},
	};
	const struct fr_proxies trusted = proxies(networks, 2);
	char text[FR_ADDR_TEXT_MAX], longest[2000];
	struct fr_addr client;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const bool is = fr_proxies_client(&trusted, rows[i].list, &client);

		if (is != (rows[i].client != NULL))
			fail_msg("\"%s\"", rows[i].list);
		if (is)
			assert_string_equal(fr_addr_print_host(&client, text), rows[i].client);
	}
	memset(longest, '1', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_false(fr_proxies_client(&trusted, longest, &client));
}

static void there_are_no_more_than_sixteen(void **state)
{
	struct fr_options *options = fr_options_new(specs);
	const char *networks[FR_PROXIES_MAX + 1];
	struct fr_proxies none = {.count = 0}, many;
	struct fr_cause why;
	struct fr_addr addr;

	(void)state;
	for (size_t i = 0; i <= FR_PROXIES_MAX; i++)
		networks[i] = "127.0.0.1";
	many = proxies(networks, FR_PROXIES_MAX);
	assert_true(fr_addr_from_host(&addr, "127.0.0.1"));
	assert_true(fr_proxies_have(&many, &addr));
	assert_false(fr_proxies_have(&none, &addr));
	assert_int_equal(
	    fr_options_set_list(options, "trusted_proxies", networks, FR_PROXIES_MAX + 1, NULL), 0);
	assert_true(fr_proxies_read(&many, options, &why) < 0);
	assert_string_equal(why.text, "trusted_proxies: at most 16");
	fr_options_free(options);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_client_is_the_last_one_that_is_no_proxy),
	    cmocka_unit_test(there_are_no_more_than_sixteen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
