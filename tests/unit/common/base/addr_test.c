/* SPDX-License-Identifier: MIT */
/* Addresses as plain values: read, printed, compared, looked up in networks. */
#include <errno.h>
#include <ifaddrs.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <cmocka.h>

#include "common/base/addr.h"
#include "common/base/cause.h"

static struct fr_addr addr_of(const char *text)
{
	struct fr_addr addr;
	struct fr_cause why = {""};

	if (fr_addr_parse(text, &addr, &why) < 0)
		fail_msg("%s: %s", text, why.text);
	return addr;
}

static bool in(const char *network, const char *addr)
{
	const struct fr_addr a = addr_of(addr);
	struct fr_network n;
	struct fr_cause why = {""};

	if (fr_network_parse(network, &n, &why) < 0)
		fail_msg("%s: %s", network, why.text);
	return fr_network_has(&n, &a);
}

static void where_to_listen_is_read_and_printed(void **state)
{
	static const struct {
		const char *text, *printed, *host;
	} good[] = {
	    {"[::]:8000", "[::]:8000", "::"},
	    {"0.0.0.0:9999", "0.0.0.0:9999", "0.0.0.0"},
	    {"127.0.0.1:0", "127.0.0.1:0", "127.0.0.1"},
	    {"[::ffff:192.0.2.1]:80", "192.0.2.1:80", "192.0.2.1"},
	    {"[2001:db8::1]:65535", "[2001:db8::1]:65535", "2001:db8::1"},
	    {"[fe80::1%lo]:80", "[fe80::1]:80", "fe80::1"},
	    {"unix:/run/x.sock", "unix:/run/x.sock", "local"},
	    {"systemd:frames", "systemd:frames", "systemd:frames"},
	};
	char text[FR_ADDR_TEXT_MAX];
	(void)state;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct fr_addr addr = addr_of(good[i].text);

		assert_string_equal(fr_addr_print(&addr, text), good[i].printed);
		assert_string_equal(fr_addr_print_host(&addr, text), good[i].host);
	}
	assert_int_equal(addr_of("[fe80::1%lo]:80").scope, if_nametoindex("lo"));
	assert_int_equal(addr_of("[2001:db8::1%lo]:80").scope, 0);
}

static void what_is_no_address_is_refused_with_a_sentence(void **state)
{
	static const char *const bad[] = {"", "8000", ":8000", "[::]", "[::]:", "[::]:x",
	    "[::]:65536", "::1:80", "localhost:8000", "[127.0.0.1.5]:80", "[fe80::1%nosuch]:80",
	    "1.2.3:80", "unix:", "unix:run/x", "systemd:", "[]:80", "*:80",
	    "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff]:80"};
	struct fr_addr addr = {.port = 7};
	char longer[200] = "unix:/";
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct fr_cause why = {""};

		assert_int_equal(fr_addr_parse(bad[i], &addr, &why), -EINVAL);
		assert_true(strlen(why.text) > 10);
	}
	assert_int_equal(addr.port, 7);
	memset(longer + 6, 'a', 107);
	assert_int_equal(fr_addr_parse(longer, &addr, NULL), -EINVAL); /* sun_path has 108 */
	longer[6 + 106] = '\0';
	assert_int_equal(fr_addr_parse(longer, &addr, NULL), 0);
}

static void where_to_connect_is_split(void **state)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
	} good[] = {
	    {"relay.local", "relay.local", 8000},
	    {"relay.local:81", "relay.local", 81},
	    {"[2001:db8::1]:82", "2001:db8::1", 82},
	    {"[2001:db8::1]", "2001:db8::1", 8000},
	    {"2001:db8::1", "2001:db8::1", 8000},
	    {"fe80::1%eth0", "fe80::1%eth0", 8000},
	    {"unix:/run/x.sock", "unix:/run/x.sock", 0},
	};
	static const char *const bad[] = {"", ":80", "[]:80", "[::1", "[::1]x", "a:0", "a:65536",
	    "a:b", "a:", "a b", "a/b", "http://a:80", "unix:x", "k\xc3\xbc:80"};
	char host[256] = "before", longer[300];
	uint16_t port = 1;
	struct fr_cause why;
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(fr_addr_split(bad[i], 8000, host, &port, &why), -EINVAL);
	memset(longer, 'a', 256);
	longer[256] = '\0';
	assert_int_equal(fr_addr_split(longer, 8000, host, &port, &why), -EINVAL);
	assert_string_equal(host, "before");
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(fr_addr_split(good[i].text, 8000, host, &port, &why), 0);
		assert_string_equal(host, good[i].host);
		assert_int_equal(port, good[i].port);
	}
}

static void sockaddrs_go_out_and_come_back(void **state)
{
	static const char *const all[] = {
	    "192.0.2.7:41822", "[2001:db8::1]:8000", "unix:/run/x.sock"};
	struct sockaddr_storage sa;
	struct fr_addr back;
	char text[FR_ADDR_TEXT_MAX];
	(void)state;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		const struct fr_addr addr = addr_of(all[i]);
		const socklen_t length = fr_addr_to_sockaddr(&addr, &sa);

		assert_true(length > 0);
		assert_true(fr_addr_from_sockaddr(&back, (struct sockaddr *)&sa, length));
		assert_string_equal(fr_addr_print(&back, text), all[i]);
	}
	back = addr_of("systemd:x");
	assert_int_equal(fr_addr_to_sockaddr(&back, &sa), 0);
	back = (struct fr_addr){0};
	assert_int_equal(fr_addr_to_sockaddr(&back, &sa), 0);
	assert_string_equal(fr_addr_print(&back, text), "none");
}

static void mapped_peers_are_ipv4_and_nameless_ones_local(void **state)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(5)};
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "\0abstract"};
	struct sockaddr_storage other = {.ss_family = AF_PACKET};
	struct fr_addr addr;
	char text[FR_ADDR_TEXT_MAX];
	(void)state;

	inet_pton(AF_INET6, "::ffff:10.1.2.3", &in6.sin6_addr);
	assert_true(fr_addr_from_sockaddr(&addr, (struct sockaddr *)&in6, sizeof(in6)));
	assert_string_equal(fr_addr_print(&addr, text), "10.1.2.3:5");
	assert_true(fr_addr_from_sockaddr(&addr, (struct sockaddr *)&un, 2)); /* unnamed: unix(7) */
	assert_string_equal(fr_addr_print(&addr, text), "local");
	assert_true(fr_addr_from_sockaddr(&addr, (struct sockaddr *)&un, 11));
	assert_string_equal(fr_addr_print(&addr, text), "local");
	memset(un.sun_path, 'p', sizeof(un.sun_path)); /* the longest has no NUL */
	assert_true(fr_addr_from_sockaddr(&addr, (struct sockaddr *)&un, sizeof(un)));
	assert_int_equal(strlen(fr_addr_print(&addr, text)), 5 + 107);

	assert_false(fr_addr_from_sockaddr(&addr, (struct sockaddr *)&other, sizeof(other)));
	assert_int_equal(addr.kind, FR_ADDR_NONE);
	assert_false(fr_addr_from_sockaddr(&addr, (struct sockaddr *)&in6, sizeof(in6) - 1));
	other.ss_family = AF_INET;
	assert_false(fr_addr_from_sockaddr(&addr, (struct sockaddr *)&other, 8));
	assert_false(fr_addr_from_sockaddr(&addr, (struct sockaddr *)&other, 1));
}

static bool same(const char *a, const char *b)
{
	const struct fr_addr left = addr_of(a), right = addr_of(b);

	return fr_addr_same_host(&left, &right);
}

static void same_host_is_all_but_the_port(void **state)
{
	const struct fr_addr none = {0};
	(void)state;

	assert_true(same("10.0.0.1:1", "10.0.0.1:2"));
	assert_false(same("10.0.0.1:1", "10.0.0.2:1"));
	assert_true(same("[2001:db8::1]:1", "[2001:db8::1]:2"));
	assert_false(same("[2001:db8::1]:1", "[2001:db8::2]:1"));
	assert_false(same("[fe80::1%lo]:1", "[fe80::1]:1"));
	assert_false(same("0.0.0.0:1", "[::]:1"));
	assert_true(same("unix:/a", "unix:/b")); /* both are this machine */
	assert_true(same("systemd:a", "systemd:a"));
	assert_false(same("systemd:a", "systemd:b"));
	assert_true(fr_addr_same_host(&none, &none));
}

static void loopback_and_private_are_what_the_standards_say(void **state)
{
	static const struct {
		const char *text;
		bool loopback, private;
	} rows[] = {
	    {"127.0.0.1:1", true, true},
	    {"127.255.255.255:1", true, true},
	    {"[::1]:1", true, true},
	    {"unix:/x", true, true},
	    {"[::2]:1", false, false},
	    {"126.0.0.1:1", false, false},
	    {"10.255.0.1:1", false, true},
	    {"11.0.0.1:1", false, false},
	    {"172.15.0.1:1", false, false},
	    {"172.16.0.1:1", false, true},
	    {"172.31.9.1:1", false, true},
	    {"172.32.0.1:1", false, false},
	    {"192.168.0.1:1", false, true},
	    {"192.169.0.1:1", false, false},
	    {"169.254.3.3:1", false, true},
	    {"[fe80::9]:1", false, true},
	    {"[febf::9]:1", false, true},
	    {"[fec0::9]:1", false, false},
	    {"[fc00::1]:1", false, true},
	    {"[fdff::1]:1", false, true},
	    {"[fe00::1]:1", false, false},
	    {"[2001:db8::1]:1", false, false},
	    {"8.8.8.8:1", false, false},
	    {"systemd:x", false, false},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct fr_addr addr = addr_of(rows[i].text);

		assert_int_equal(fr_addr_is_loopback(&addr), rows[i].loopback);
		assert_int_equal(fr_addr_is_private(&addr), rows[i].private);
	}
}

static bool same_key(const char *a, const char *b)
{
	const struct fr_addr left = addr_of(a), right = addr_of(b);
	const struct fr_addr_key l = fr_addr_key(&left), r = fr_addr_key(&right);

	return memcmp(&l, &r, sizeof(l)) == 0;
}

static void limits_count_by_ipv4_address_and_ipv6_64(void **state)
{
	(void)state;

	assert_true(same_key("10.0.0.1:1", "10.0.0.1:9"));
	assert_false(same_key("10.0.0.1:1", "10.0.0.2:1"));
	assert_true(same_key("[2001:db8:0:1::1]:1", "[2001:db8:0:1:ffff::2]:1"));
	assert_false(same_key("[2001:db8:0:1::1]:1", "[2001:db8:0:2::1]:1"));
	assert_false(same_key("0.0.0.0:1", "[::]:1"));
	assert_true(same_key("unix:/a", "unix:/b"));
}

static void networks_hold_what_their_prefix_says(void **state)
{
	(void)state;

	assert_true(in("192.168.1.0/24", "192.168.1.255:1"));
	assert_false(in("192.168.1.0/24", "192.168.2.0:1"));
	assert_true(in("192.168.1.23", "192.168.1.23:5"));
	assert_false(in("192.168.1.23", "192.168.1.22:5"));
	assert_true(in("10.0.0.0/9", "10.127.0.1:1"));
	assert_false(in("10.0.0.0/9", "10.128.0.1:1"));
	assert_true(in("0.0.0.0/0", "8.8.8.8:1"));
	assert_false(in("0.0.0.0/0", "[::1]:1"));
	assert_true(in("2001:db8::/32", "[2001:db8:9::1]:1"));
	assert_false(in("2001:db8::/32", "[2001:db9::1]:1"));
	assert_true(in("::ffff:10.0.0.0/104", "10.9.9.9:1"));
	assert_true(in("::ffff:10.0.0.7", "10.0.0.7:1"));
	assert_true(in("local", "unix:/x"));
	assert_false(in("local", "127.0.0.1:1"));
	assert_true(in("private", "10.0.0.1:1"));
	assert_false(in("private", "8.8.8.8:1"));
	assert_true(in("any", "8.8.8.8:1"));
	assert_true(in("any", "unix:/x"));
	assert_false(
	    fr_network_has(&(struct fr_network){.kind = FR_NETWORK_ANY}, &(struct fr_addr){0}));
}

static void what_is_no_network_is_refused(void **state)
{
	static const char *const bad[] = {"", "privat", "10.0.0", "10.0.0.0/33", "10.0.0.0/",
	    "10.0.0.0/x", "2001:db8::/129", "::ffff:10.0.0.0/95", "/8",
	    "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee"};
	struct fr_network n;
	struct fr_cause why;
	(void)state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(fr_network_parse(bad[i], &n, &why), -EINVAL);
}

static void link_is_the_64_of_each_address_that_this_machine_has(void **state)
{
	struct ifaddrs *all;
	(void)state;

	assert_false(in("link", "10.0.0.1:1"));
	assert_false(in("link", "[2001:db8:dead:beef::1]:1"));
	assert_int_equal(getifaddrs(&all), 0);
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		struct fr_network link = {.kind = FR_NETWORK_LINK};
		struct fr_addr addr;

		if (i->ifa_addr == NULL || i->ifa_addr->sa_family != AF_INET6)
			continue;
		assert_true(fr_addr_from_sockaddr(&addr, i->ifa_addr, sizeof(struct sockaddr_in6)));
		addr.bytes[15] ^= 0x55; /* a neighbour */
		assert_int_equal(fr_network_has(&link, &addr), (i->ifa_flags & IFF_LOOPBACK) == 0);
	}
	freeifaddrs(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(where_to_listen_is_read_and_printed),
	    cmocka_unit_test(what_is_no_address_is_refused_with_a_sentence),
	    cmocka_unit_test(where_to_connect_is_split),
	    cmocka_unit_test(sockaddrs_go_out_and_come_back),
	    cmocka_unit_test(mapped_peers_are_ipv4_and_nameless_ones_local),
	    cmocka_unit_test(same_host_is_all_but_the_port),
	    cmocka_unit_test(loopback_and_private_are_what_the_standards_say),
	    cmocka_unit_test(limits_count_by_ipv4_address_and_ipv6_64),
	    cmocka_unit_test(networks_hold_what_their_prefix_says),
	    cmocka_unit_test(what_is_no_network_is_refused),
	    cmocka_unit_test(link_is_the_64_of_each_address_that_this_machine_has),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
