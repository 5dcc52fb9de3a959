/* SPDX-License-Identifier: MIT */
#include "tests/support/test_server.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

void fr_test_server_open(struct fr_test_server *s)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(sa);

	s->fd = -1;
	s->listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listening, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(s->listening, 4), 0);
	assert_int_equal(getsockname(s->listening, (struct sockaddr *)&sa, &length), 0);
	s->port = ntohs(sa.sin_port);
}

void fr_test_server_drop(struct fr_test_server *s)
{
	if (s->fd >= 0)
		assert_int_equal(close(s->fd), 0);
	s->fd = -1;
}

void fr_test_server_close(struct fr_test_server *s)
{
	fr_test_server_drop(s);
	assert_int_equal(close(s->listening), 0);
}

bool fr_test_server_has_one(void *arg)
{
	struct fr_test_server *s = arg;

	if (s->fd < 0)
		s->fd = accept(s->listening, NULL, NULL);
	return s->fd >= 0;
}

bool fr_test_server_was_left(void *arg)
{
	struct fr_test_server *s = arg;
	char forgotten[4096];
	ssize_t n;

	do {
		n = recv(s->fd, forgotten, sizeof(forgotten), MSG_DONTWAIT);
	} while (n > 0);
	if (n < 0 && errno == EAGAIN)
		return false;
	fr_test_server_drop(s);
	return true;
}

void fr_test_server_send(const struct fr_test_server *s, const void *bytes, size_t size)
{
	assert_int_equal(send(s->fd, bytes, size, MSG_NOSIGNAL), size);
}
