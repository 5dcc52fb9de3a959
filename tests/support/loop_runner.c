/* SPDX-License-Identifier: MIT */
#include "tests/support/loop_runner.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cmocka.h>
#include <event2/event.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/net/loop.h"

enum {
	DEADLINE_US = 60 * 1000 * 1000,
};

struct fr_loop *fr_test_loop(void)
{
	struct fr_cause why = {""};
	struct fr_loop *loop = fr_loop_new(&why);

	if (loop == NULL)
		fail_msg("%s", why.text);
	return loop;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
}

void fr_test_run_until(
    struct fr_loop *loop, fr_test_is_fn is, void *arg, const char *name, const char *file, int line)
{
	static const struct timeval often = {.tv_usec = 5000};
	const int64_t end_us = fr_clock_now_us() + DEADLINE_US;
	/* What is waited for may be the other end's, which has no event here. */
	struct event *tick = event_new(fr_loop_base(loop), -1, EV_PERSIST, on_tick, NULL);

	assert_non_null(tick);
	assert_int_equal(event_add(tick, &often), 0);
	while (!is(arg) && fr_clock_now_us() < end_us)
		assert_int_equal(fr_loop_turn(loop, true), 0);
	event_free(tick);
	if (!is(arg)) {
		print_error("%s:%d: waited in vain for %s\n", file, line, name);
		fail();
	}
}

void fr_test_turn(struct fr_loop *loop, unsigned turns)
{
	for (unsigned i = 0; i < turns; i++)
		assert_int_equal(fr_loop_turn(loop, false), 0);
}

void fr_test_tcp_pair(int fds[2])
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(sa);
	const int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(listening, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&sa, &length), 0);
	fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&sa, sizeof(sa)), 0);
	fds[0] = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	assert_true(fds[0] >= 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(close(listening), 0);
}

void fr_test_fill(uint8_t *to, size_t size, unsigned seed)
{
	uint32_t x = 2463534242U + seed * 2654435761U;

	for (size_t i = 0; i < size; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		to[i] = (uint8_t)x;
	}
}

unsigned fr_test_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count - 3; /* ".", ".." and the one that was opened to look */
}
