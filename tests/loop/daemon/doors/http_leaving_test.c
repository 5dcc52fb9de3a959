/* SPDX-License-Identifier: MIT */
/*
 * The http door on a real loop: a viewer disappears, at every system call from its accept() to its first pictures.
 *
 * The program's own calls go through the wrappers below (the linker prefers them to the C library's): before the n-th
 * one the viewer closes, or resets, its connection. Whatever n is, nothing of it may stay: no subscriber, no
 * connection, no picture.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "tests/support/http_scene.h"
#include "tests/support/loop_runner.h"

static struct fr_test_peer *viewer; /* who will disappear; NULL: nobody */
static unsigned calls_left;         /* before it does */
static bool by_reset;

/* One more call. */
static void on_call(void)
{
	const struct linger at_once = {.l_onoff = 1, .l_linger = 0};

	if (viewer == NULL || --calls_left != 0)
		return;
	if (by_reset)
		(void)syscall(
		    SYS_setsockopt, viewer->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	fr_test_leave(viewer);
	viewer = NULL;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	on_call();
	return syscall(SYS_sendmsg, fd, msg, flags);
}

ssize_t readv(int fd, const struct iovec *iov, int count)
{
	on_call();
	return syscall(SYS_readv, fd, iov, count);
}

int accept4(int fd, struct sockaddr *addr, socklen_t *size, int flags)
{
	on_call();
	return (int)syscall(SYS_accept4, fd, addr, size, flags);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	on_call();
	return (int)syscall(SYS_setsockopt, fd, level, name, value, size);
}

int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
	on_call();
	return (int)syscall(SYS_epoll_ctl, epoll, what, fd, event);
}

int epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
	on_call();
	return (int)syscall(SYS_epoll_pwait, epoll, events, most, timeout_ms, NULL, 8);
}

static bool only_the_publisher_is_left(void *arg)
{
	(void)arg;
	return fr_stat_value(FR_STAT_subscribers) == 0 &&
	       fr_stat_value(FR_STAT_connections_open) == 1;
}

static void publish_again(struct fr_test_frames *f, struct fr_test_peer *publisher)
{
	char head[256];

	(void)snprintf(head, sizeof(head),
	    "PUT /streams/cam HTTP/1.1\r\n" H
	    "Content-Type: image/jpeg\r\nContent-Length: %zu\r\n" END,
	    f->picture.size);
	publisher->size = 0;
	fr_test_say_line(publisher, head);
	fr_test_say(publisher, f->picture.bytes, f->picture.size);
}

/* Watches until the n-th call. @return false: all went by before, the viewer saw what it asked for */
static bool disappears_at(struct fr_test_frames *f, struct fr_test_peer *publisher,
    const char *target, const char *more, unsigned n, size_t pictures)
{
	bool was_gone;

	calls_left = n;
	viewer = asking(f, target, more);
	fr_test_turn(f->loop, 1);
	publish_again(f, publisher);
	(void)fr_test_expect_text(publisher, "{\"published\":1}");
	for (unsigned i = 0; viewer != NULL && viewer->size < pictures * f->picture.size; i++) {
		assert_true(i < 1000);
		fr_test_turn(f->loop, 1);
		if (viewer != NULL)
			(void)fr_test_is_closed(viewer);
	}
	was_gone = viewer == NULL;
	if (!was_gone)
		fr_test_leave(viewer);
	viewer = NULL;
	fr_test_until(f->loop, only_the_publisher_is_left, NULL);
	return was_gone;
}

static void disappears(
    struct fr_test_frames *f, const char *target, const char *more, size_t pictures)
{
	struct fr_test_peer *publisher;
	unsigned n;

	f->limits.accept_rate = 0;
	f->limits.accept_rate_per_address = 0;
	fr_test_frames_open(f);
	publisher = published(f);
	for (unsigned how = 0; how < 2; how++) {
		by_reset = how == 1;
		for (n = 1; disappears_at(f, publisher, target, more, n, pictures); n++)
			assert_true(n < 1000);
		assert_true(n > 10); /* else nothing was wrapped */
	}
	fr_test_leave(publisher);
}

static void a_viewer_of_a_stream_disappears_at_every_call(void **state)
{
	disappears(*state, "GET /streams/cam.mjpg", "", 2);
}

static void who_waits_for_a_picture_disappears_at_every_call(void **state)
{
	disappears(*state, "GET /streams/cam.jpg?wait=1", "", 1);
}

static void a_viewer_by_web_socket_disappears_at_every_call(void **state)
{
	disappears(*state, "GET /streams/cam/ws",
	    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
	    2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fr_test_http_setup, fr_test_frames_teardown)
	const struct CMUnitTest tests[] = {
	    T(a_viewer_of_a_stream_disappears_at_every_call),
	    T(who_waits_for_a_picture_disappears_at_every_call),
	    T(a_viewer_by_web_socket_disappears_at_every_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
