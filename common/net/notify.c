/* SPDX-License-Identifier: MIT */
#include "common/net/notify.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>

#include "common/base/xalloc.h"

enum {
	STATUS_MAX = 512,
	OWED_MAX = 256,
};

struct fr_notify {
	int fd;
	struct sockaddr_un to;
	socklen_t length;
	int64_t watchdog_us;
	char status[STATUS_MAX];
	char owed[OWED_MAX]; /* lines that were not taken yet and must be */
};

/* A path, or a name in the abstract space behind an @. @return false: neither */
static bool parse(const char *text, struct fr_notify *ret)
{
	const size_t length = strlen(text);

	if ((text[0] != '/' && text[0] != '@') || length < 2 || length >= sizeof(ret->to.sun_path))
		return false;
	ret->to.sun_family = AF_UNIX;
	memcpy(ret->to.sun_path, text, length);
	if (text[0] == '@')
		ret->to.sun_path[0] = '\0';
	ret->length =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (text[0] == '/' ? 1 : 0));
	return true;
}

/* Source: sd_watchdog_enabled(3). */
static int64_t watchdog_us(void)
{
	const char *text = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	char *end;
	int64_t us;

	if (text == NULL || (pid != NULL && strtol(pid, NULL, 10) != (long)getpid()))
		return 0;
	errno = 0;
	us = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0' && us > 0 ? us : 0;
}

struct fr_notify *fr_notify_from_environment(void)
{
	static const char *const variables[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};
	struct fr_notify *notify = fr_xcalloc(1, sizeof(*notify));
	const char *where = getenv("NOTIFY_SOCKET");

	notify->fd = -1;
	if (where != NULL && parse(where, notify))
		notify->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	notify->watchdog_us = watchdog_us();
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		(void)unsetenv(variables[i]);
	if (notify->fd >= 0)
		return notify;
	fr_notify_free(notify);
	return NULL;
}

void fr_notify_free(struct fr_notify *notify)
{
	if (notify == NULL)
		return;
	if (notify->fd >= 0)
		(void)close(notify->fd);
	free(notify);
}

int64_t fr_notify_watchdog_us(const struct fr_notify *notify)
{
	return notify != NULL ? notify->watchdog_us : 0;
}

/* @return whether it is no longer owed: taken, or nobody is there to take it */
static bool is_told(struct fr_notify *notify, const char *text)
{
	return sendto(notify->fd, text, strlen(text), MSG_NOSIGNAL,
	           (const struct sockaddr *)&notify->to, notify->length) >= 0 ||
	       (errno != EAGAIN && errno != ENOBUFS && errno != EINTR);
}

/* @return whether nothing is owed any more */
static bool settle(struct fr_notify *notify)
{
	if (notify->owed[0] != '\0' && is_told(notify, notify->owed))
		notify->owed[0] = '\0';
	return notify->owed[0] == '\0';
}

/* @param lines  each with its newline; later ones take the place of those that there is no room for */
static void must_tell(struct fr_notify *notify, const char *lines)
{
	const size_t owed = strlen(notify->owed);

	if (owed + strlen(lines) < OWED_MAX)
		memcpy(notify->owed + owed, lines, strlen(lines) + 1);
	else
		memcpy(notify->owed, lines, strlen(lines) + 1);
	(void)settle(notify);
}

void fr_notify_ready(struct fr_notify *notify)
{
	if (notify != NULL)
		must_tell(notify, "READY=1\n");
}

void fr_notify_reloading(struct fr_notify *notify, int64_t now_us)
{
	char lines[64];

	if (notify == NULL)
		return;
	(void)snprintf(lines, sizeof(lines), "RELOADING=1\nMONOTONIC_USEC=%" PRId64 "\n", now_us);
	must_tell(notify, lines);
}

void fr_notify_stopping(struct fr_notify *notify)
{
	if (notify != NULL)
		must_tell(notify, "STOPPING=1\n");
}

void fr_notify_status(struct fr_notify *notify, const char *line)
{
	char text[STATUS_MAX + 16];

	if (notify == NULL || strncmp(notify->status, line, STATUS_MAX - 1) == 0 || !settle(notify))
		return;
	(void)snprintf(text, sizeof(text), "STATUS=%.*s\n", STATUS_MAX - 1, line);
	if (is_told(notify, text))
		(void)snprintf(notify->status, STATUS_MAX, "%s", line);
}

void fr_notify_alive(struct fr_notify *notify)
{
	if (notify != NULL && settle(notify) && notify->watchdog_us != 0)
		(void)is_told(notify, "WATCHDOG=1\n");
}
