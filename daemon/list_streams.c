/* SPDX-License-Identifier: MIT */
#include "daemon/list_streams.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "common/base/cause.h"
#include "common/base/text.h"
#include "common/media/credential.h"
#include "common/media/hello.h"

enum {
	WAIT_SECONDS = 5,
	ANSWER_MAX = 1024 * 1024, /* a relay knows some hundred streams */
};

static int connect_one(int family, const struct sockaddr *sa, socklen_t length)
{
	const struct timeval wait = {.tv_sec = WAIT_SECONDS};
	const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	/* The send timeout bounds connect(2) too: socket(7). */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (connect(fd, sa, length) == 0)
		return fd;
	err = errno == EINPROGRESS ? ETIMEDOUT : errno;
	(void)close(fd);
	return -err;
}

static int connect_unix(const char *path, struct fr_cause *why)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(sa.sun_path))
		return fr_cause_set(why, ENAMETOOLONG, "%s: the path is too long", path);
	memcpy(sa.sun_path, path, strlen(path) + 1);
	fd = connect_one(AF_UNIX, (const struct sockaddr *)&sa, sizeof(sa));
	return fd >= 0 ? fd : fr_cause_set(why, -fd, "unix:%s: %s", path, strerror(-fd));
}

static int connect_host(const char *host, uint16_t port, struct fr_cause *why)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found, *a;
	char service[8];
	int fd = -ENOENT, r;

	if (strncmp(host, "unix:", 5) == 0)
		return connect_unix(host + 5, why);
	(void)snprintf(service, sizeof(service), "%u", port);
	r = getaddrinfo(host, service, &hints, &found);
	if (r != 0)
		return fr_cause_set(why, ENOENT, "%s: %s", host, gai_strerror(r));
	for (a = found; a != NULL && fd < 0; a = a->ai_next)
		fd = connect_one(a->ai_family, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(found);
	return fd >= 0 ? fd
	               : fr_cause_set(why, -fd, "%s:%u: %s; is a relay running there?", host, port,
	                     strerror(-fd));
}

static int read_answer(int fd, struct fr_text *answer, struct fr_cause *why)
{
	char bytes[4096];
	ssize_t n;

	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0) {
		fr_text_add(answer, "%.*s", (int)n, bytes);
		if (answer->length > ANSWER_MAX)
			return fr_cause_set(why, EMSGSIZE, "the answer is too long");
	}
	if (n < 0)
		return fr_cause_set(why, errno, "no answer: %s",
		    errno == EAGAIN ? "nothing came within 5 s" : strerror(errno));
	return 0;
}

/* The answer: `OK`, a line a stream (`name state widthxheight fps`), an empty line. */
static int print_answer(char *text, struct fr_cause *why)
{
	char *save = NULL, *line = text != NULL ? strtok_r(text, "\n", &save) : NULL;
	char name[FR_NAME_MAX + 1], state[16], size[16], fps[16];
	unsigned streams = 0;

	if (line == NULL || strcmp(line, "OK") != 0)
		return fr_cause_set(
		    why, EPROTO, "the relay answered: %.200s", line != NULL ? line : "nothing");
	while ((line = strtok_r(NULL, "\n", &save)) != NULL) {
		if (sscanf(line, "%64s %15s %15s %15s", name, state, size, fps) != 4)
			return fr_cause_set(why, EPROTO, "not a line of a list: %.200s", line);
		if (streams++ == 0)
			(void)printf("%-24s %-8s %-11s %s\n", "STREAM", "STATE", "PIXELS", "FPS");
		(void)printf("%-24s %-8s %-11s %.1f\n", name, state, size, strtod(fps, NULL));
	}
	if (streams == 0)
		(void)printf("no streams yet\n");
	return 0;
}

int fr_list_streams(const char *host, uint16_t port, const char *token_file, struct fr_cause *why)
{
	struct fr_hello hello = {.verb = FR_HELLO_LIST};
	struct fr_text answer = {0};
	char line[FR_HELLO_MAX + 1];
	size_t size;
	int fd, r;

	r = fr_token_read(token_file != NULL ? token_file : "", hello.token, why);
	if (r < 0)
		return r;
	size = fr_hello_write(&hello, line);
	fd = connect_host(host, port, why);
	if (fd < 0)
		return fd;
	if (send(fd, line, size, MSG_NOSIGNAL) != (ssize_t)size)
		r = fr_cause_set(why, errno, "the relay does not listen: %s", strerror(errno));
	else
		r = read_answer(fd, &answer, why);
	if (r == 0)
		r = print_answer(answer.text, why);
	fr_text_done(&answer);
	(void)close(fd);
	return r;
}
