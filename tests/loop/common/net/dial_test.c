/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/net/dial.h"
#include "common/net/listener.h"
#include "common/net/loop.h"
#include "tests/support/loop_runner.h"

struct call {
	struct fr_loop *loop;
	struct fr_listener *listener;
	unsigned accepted;
	unsigned answers;
	int fd;
	struct fr_addr peer;
	char reason[500];
};

static void on_accept(void *arg, int fd, const struct fr_addr *peer)
{
	struct call *c = arg;

	(void)peer;
	(void)close(fd);
	c->accepted++;
}

static void on_dialed(void *arg, int fd, const struct fr_addr *peer, const char *reason)
{
	struct call *c = arg;

	c->answers++;
	c->fd = fd;
	c->peer = *peer;
	(void)snprintf(c->reason, sizeof(c->reason), "%s", reason);
}

static bool is_answered(void *arg)
{
	return ((struct call *)arg)->answers > 0;
}

static bool is_accepted(void *arg)
{
	return ((struct call *)arg)->accepted > 0;
}

static int setup(void **state)
{
	struct call *c = calloc(1, sizeof(*c));

	c->loop = fr_test_loop();
	c->fd = -1;
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	struct call *c = *state;

	fr_listener_free(c->listener);
	if (c->fd >= 0)
		(void)close(c->fd);
	fr_loop_free(c->loop);
	free(c);
	return 0;
}

static uint16_t listen_at(struct call *c, const char *text)
{
	struct fr_addr a;
	struct fr_cause why = {""};

	assert_int_equal(fr_addr_parse(text, &a, &why), 0);
	if (fr_listener_new(c->loop, "test", &a, on_accept, c, &c->listener, &why) < 0)
		fail_msg("%s", why.text);
	return fr_listener_addr(c->listener)->port;
}

/* A port of this machine at which nobody listens. */
static uint16_t free_port(struct call *c)
{
	const uint16_t port = listen_at(c, "127.0.0.1:0");

	fr_listener_free(c->listener);
	c->listener = NULL;
	return port;
}

static void assert_connected(struct call *c)
{
	assert_int_equal(c->answers, 0); /* never from inside fr_dial_start() */
	fr_test_until(c->loop, is_answered, c);
	if (c->fd < 0)
		fail_msg("%s", c->reason);
	assert_int_equal(fcntl(c->fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(fcntl(c->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	fr_test_until(c->loop, is_accepted, c);
	assert_int_equal(c->answers, 1);
}

static void a_numeric_address_is_connected_to(void **state)
{
	struct call *c = *state;
	const uint16_t port = listen_at(c, "127.0.0.1:0");

	(void)fr_dial_start(c->loop, "127.0.0.1", port, on_dialed, c);
	assert_connected(c);
	assert_int_equal(c->peer.kind, FR_ADDR_IPV4);
	assert_int_equal(c->peer.port, port);
}

static void a_name_is_connected_to(void **state)
{
	struct call *c = *state;
	const uint16_t port = listen_at(c, "[::]:0");

	(void)fr_dial_start(c->loop, "localhost", port, on_dialed, c);
	assert_connected(c);
	assert_true(fr_addr_is_loopback(&c->peer));
}

static void the_next_address_is_tried_when_one_refuses(void **state)
{
	struct call *c = *state;
	/* localhost is ::1 and 127.0.0.1, where the hosts file has both; only one of them answers. */
	const uint16_t port = listen_at(c, "127.0.0.1:0");

	(void)fr_dial_start(c->loop, "localhost", port, on_dialed, c);
	assert_connected(c);
	assert_int_equal(c->peer.kind, FR_ADDR_IPV4);
}

static void a_socket_file_is_connected_to(void **state)
{
	struct call *c = *state;
	char folder[] = "/tmp/fr-dial-XXXXXX", text[64];

	assert_non_null(mkdtemp(folder));
	(void)snprintf(text, sizeof(text), "unix:%s/s", folder);
	(void)listen_at(c, text);
	(void)fr_dial_start(c->loop, text, 0, on_dialed, c);
	assert_connected(c);
	assert_int_equal(c->peer.kind, FR_ADDR_UNIX);
	fr_listener_free(c->listener);
	c->listener = NULL;

	c->answers = 0;
	(void)close(c->fd);
	(void)fr_dial_start(c->loop, text, 0, on_dialed, c);
	fr_test_until(c->loop, is_answered, c);
	assert_true(c->fd < 0);
	assert_non_null(strstr(c->reason, "no such socket"));
	assert_int_equal(rmdir(folder), 0);
}

static void a_refusal_names_the_address_and_the_cause(void **state)
{
	struct call *c = *state;
	const uint16_t port = free_port(c);
	char expected[64];

	(void)fr_dial_start(c->loop, "127.0.0.1", port, on_dialed, c);
	fr_test_until(c->loop, is_answered, c);
	(void)snprintf(expected, sizeof(expected), "127.0.0.1:%u: connection refused", port);
	assert_int_equal(c->fd, -ECONNREFUSED);
	assert_string_equal(c->reason, expected);
}

static void a_name_that_is_not_known_is_named(void **state)
{
	struct call *c = *state;

	(void)fr_dial_start(c->loop, "two words", 8000, on_dialed, c);
	fr_test_until(c->loop, is_answered, c);
	assert_true(c->fd < 0);
	assert_memory_equal(c->reason, "two words: ", 11);
	assert_true(strlen(c->reason) > 11);
}

/* A port whose queue is full: Linux drops what else comes, like an address where nobody is. */
struct hole {
	int listening, waiting[8];
	uint16_t port;
};

static void make_hole(struct hole *h)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(sa);

	h->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(h->listening, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(h->listening, 0), 0);
	assert_int_equal(getsockname(h->listening, (struct sockaddr *)&sa, &length), 0);
	h->port = ntohs(sa.sin_port);
	for (size_t i = 0; i < 8; i++) {
		h->waiting[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)connect(h->waiting[i], (struct sockaddr *)&sa, sizeof(sa));
	}
}

static void close_hole(struct hole *h)
{
	for (size_t i = 0; i < 8; i++)
		(void)close(h->waiting[i]);
	(void)close(h->listening);
}

static void a_black_hole_is_given_up_after_5_seconds(void **state)
{
	struct call *c = *state;
	struct hole h;
	int64_t begin_us;

	make_hole(&h);
	begin_us = fr_clock_now_us();
	(void)fr_dial_start(c->loop, "127.0.0.1", h.port, on_dialed, c);
	fr_test_until(c->loop, is_answered, c);
	assert_int_equal(c->fd, -ETIMEDOUT);
	assert_non_null(strstr(c->reason, "no answer within 5 s"));
	assert_in_range(fr_clock_now_us() - begin_us, 4900000, 15000000);
	close_hole(&h);
}

static void it_may_be_given_up_at_every_stage(void **state)
{
	struct call *c = *state;
	const unsigned before = fr_test_descriptors();
	struct hole h;

	make_hole(&h);
	fr_dial_cancel(fr_dial_start(c->loop, "127.0.0.1", h.port, on_dialed, c));
	for (unsigned turns = 1; turns < 4; turns++) {
		struct fr_dial *d = fr_dial_start(c->loop, "127.0.0.1", h.port, on_dialed, c);

		fr_test_turn(c->loop, turns);
		fr_dial_cancel(d);
	}
	fr_dial_cancel(NULL);
	close_hole(&h);
	assert_int_equal(fr_test_descriptors(), before);
	for (unsigned turns = 0; turns < 4; turns++) {
		struct fr_dial *d = fr_dial_start(c->loop, "two words", 1, on_dialed, c);

		fr_test_turn(c->loop, turns);
		if (c->answers == 0)
			fr_dial_cancel(d);
		c->answers = 0;
	}
	fr_test_turn(c->loop, 3);
	assert_int_equal(c->answers, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_numeric_address_is_connected_to),
	    TEST(a_name_is_connected_to),
	    TEST(the_next_address_is_tried_when_one_refuses),
	    TEST(a_socket_file_is_connected_to),
	    TEST(a_refusal_names_the_address_and_the_cause),
	    TEST(a_name_that_is_not_known_is_named),
	    TEST(a_black_hole_is_given_up_after_5_seconds),
	    TEST(it_may_be_given_up_at_every_stage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
