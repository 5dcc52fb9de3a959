/* SPDX-License-Identifier: MIT */
#include "daemon/sources/live_names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/net/dial.h"
#include "common/net/loop.h"

enum {
	ANSWER_MAX = 64 * 1024, /* of a list; what is longer is read no further */
	NAMES_MAX = 300,        /* of what is said of it */
	WAIT_S = 5,
};

struct fr_live_names {
	struct fr_loop *loop;
	fr_live_names_fn done;
	void *arg;
	struct fr_dial *dial;  /* NULL: not dialling */
	int fd;                /* -1: not connected */
	struct event readable; /* while connected */
	struct fr_text answer;
	char wanted[FR_NAME_MAX + 1];
};

void fr_live_names_cancel(struct fr_live_names *live)
{
	fr_dial_cancel(live->dial);
	live->dial = NULL;
	if (live->fd >= 0) {
		(void)event_del(&live->readable);
		(void)close(live->fd);
	}
	live->fd = -1;
	fr_text_done(&live->answer);
}

/*
 * Adds the name in a line `name state widthxheight fps` if there are pictures to be had.
 *
 * @return whether it is the one that is wanted
 */
static bool add_name(char *names, const char *line, const char *wanted)
{
	const size_t used = strlen(names);
	char name[FR_NAME_MAX + 1], state[16];

	if (sscanf(line, "%64s %15s", name, state) != 2 || !fr_text_is_name(name) ||
	    (strcmp(state, "live") != 0 && strcmp(state, "asleep") != 0))
		return false;
	if (used + strlen(name) + 8 < NAMES_MAX)
		(void)snprintf(names + used, NAMES_MAX - used, "%s%s", used != 0 ? ", " : "", name);
	else if (used >= 3 && strcmp(names + used - 3, "...") != 0)
		(void)snprintf(names + used, NAMES_MAX - used, ", ...");
	return strcmp(name, wanted) == 0;
}

static void finish(struct fr_live_names *live)
{
	char names[NAMES_MAX] = "";
	char *save = NULL, *line;
	bool is_there = false;
	const bool is_list =
	    live->answer.text != NULL && strncmp(live->answer.text, "OK\n", 3) == 0;

	if (is_list) {
		line = strtok_r(live->answer.text + 3, "\n", &save);
		for (; line != NULL; line = strtok_r(NULL, "\n", &save))
			is_there = add_name(names, line, live->wanted) || is_there;
	}
	fr_live_names_cancel(live);
	if (is_list && !is_there)
		live->done(live->arg, names);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct fr_live_names *live = arg;
	char bytes[4096];
	ssize_t n;

	if ((what & EV_TIMEOUT) != 0) {
		fr_live_names_cancel(live);
		return;
	}
	n = recv(fd, bytes, sizeof(bytes), 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		fr_text_add(&live->answer, "%.*s", (int)n, bytes);
	if (n <= 0 || live->answer.length > ANSWER_MAX)
		finish(live);
}

static void on_dialled(void *arg, int fd, const struct fr_addr *peer, const char *reason)
{
	static const struct timeval wait = {.tv_sec = WAIT_S};
	struct fr_live_names *live = arg;

	(void)peer;
	(void)reason;
	live->dial = NULL;
	if (fd < 0)
		return;
	live->fd = fd;
	(void)event_assign(
	    &live->readable, fr_loop_base(live->loop), fd, EV_READ | EV_PERSIST, on_readable, live);
	if (send(fd, "LIST\n", 5, MSG_NOSIGNAL) != 5 || event_add(&live->readable, &wait) < 0)
		fr_live_names_cancel(live);
}

struct fr_live_names *fr_live_names_new(struct fr_loop *loop, fr_live_names_fn done, void *arg)
{
	struct fr_live_names *live = fr_xcalloc(1, sizeof(*live));

	live->loop = loop;
	live->done = done;
	live->arg = arg;
	live->fd = -1;
	return live;
}

void fr_live_names_free(struct fr_live_names *live)
{
	if (live == NULL)
		return;
	fr_live_names_cancel(live);
	free(live);
}

void fr_live_names_ask(
    struct fr_live_names *live, const char *host, uint16_t port, const char *wanted)
{
	fr_live_names_cancel(live);
	(void)snprintf(live->wanted, sizeof(live->wanted), "%s", wanted);
	live->dial = fr_dial_start(live->loop, host, port, on_dialled, live);
}
