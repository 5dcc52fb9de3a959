/* SPDX-License-Identifier: MIT */
/* Blocking, with a deadline: nothing is measured yet. */
#include "tests/bench/relay_bench/dial.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
	ANSWER_S = 10,
};

int fr_bench_dial(uint16_t port, struct fr_cause *why)
{
	const struct sockaddr_in addr = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timeval patience = {.tv_sec = ANSWER_S};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0) {
		int err = errno;

		if (fd >= 0)
			(void)close(fd);
		return fr_cause_set(why, err, "connect: %s", strerror(err));
	}
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

int fr_bench_say(int fd, const char *line, struct fr_cause *why)
{
	size_t size = strlen(line);

	if (send(fd, line, size, MSG_NOSIGNAL) != (ssize_t)size)
		return fr_cause_set(why, EPIPE, "the server does not take a hello");
	return 0;
}

/* Byte by byte: what follows the line is not ours yet. @return its length, without its end; negative errno */
static int hear_line(int fd, char *line, size_t room, struct fr_cause *why)
{
	size_t size = 0;

	while (size < room - 1) {
		if (recv(fd, line + size, 1, 0) != 1)
			return fr_cause_set(why, EPROTO, "no answer to a hello");
		if (line[size] == '\n')
			break;
		size += line[size] != '\r';
	}
	line[size] = '\0';
	return (int)size;
}

int fr_bench_hear_200(int fd, struct fr_cause *why)
{
	char first[256], line[1024];
	int n = hear_line(fd, first, sizeof(first), why);

	while (n > 0)
		n = hear_line(fd, line, sizeof(line), why);
	if (n == 0 && (strncmp(first, "HTTP/1.", 7) != 0 || strncmp(first + 8, " 200", 4) != 0))
		return fr_cause_set(why, EPROTO, "a request was answered with: %s", first);
	return n;
}

int fr_bench_hear_ok(int fd, struct fr_cause *why)
{
	char line[256];
	const int n = hear_line(fd, line, sizeof(line), why);

	if (n < 0)
		return n;
	if (strncmp(line, "OK", 2) != 0)
		return fr_cause_set(why, EPROTO, "a hello was answered with: %s", line);
	return 0;
}
