/* SPDX-License-Identifier: MIT */
#include "common/net/handed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include "common/base/cause.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"

enum {
	NAME_MAX_BYTES = 256, /* with the NUL. Source: systemd.socket(5), FileDescriptorName= */
};

struct one {
	int fd;
	int type; /* SOCK_STREAM and the like; 0: no socket */
	char name[NAME_MAX_BYTES];
};

struct fr_handed {
	struct one items[FR_HANDED_MAX];
	size_t count;
};

/* Copies the next name and goes behind it. @return false: there is none */
static bool take_name(const char **at, char ret[NAME_MAX_BYTES])
{
	const size_t length = *at != NULL ? strcspn(*at, ":") : 0;

	if (*at == NULL || length >= NAME_MAX_BYTES)
		return false;
	memcpy(ret, *at, length);
	ret[length] = '\0';
	*at = (*at)[length] == ':' ? *at + length + 1 : NULL;
	return true;
}

static int option_of(int fd, int option)
{
	socklen_t length = sizeof(int);
	int value = 0;

	return getsockopt(fd, SOL_SOCKET, option, &value, &length) == 0 ? value : 0;
}

int fr_handed_new(
    int first, const char *count, const char *names, struct fr_handed **ret, struct fr_cause *why)
{
	const char *at = names;
	struct fr_handed *handed;
	char *end;
	const long n = strtol(count, &end, 10);

	if (end == count || *end != '\0' || n < 0 || n > FR_HANDED_MAX)
		return fr_cause_set(why, EINVAL,
		    "LISTEN_FDS=%.40s: must be a number of sockets, 0..%d", count, FR_HANDED_MAX);
	handed = fr_xcalloc(1, sizeof(*handed));
	for (handed->count = 0; handed->count < (size_t)n; handed->count++) {
		struct one *one = &handed->items[handed->count];

		one->fd = first + (int)handed->count;
		if (names == NULL)
			memcpy(one->name, "unknown", sizeof("unknown"));
		else if (!take_name(&at, one->name))
			break;
	}
	if (handed->count < (size_t)n || at != NULL) {
		free(handed);
		return fr_cause_set(why, EINVAL,
		    "LISTEN_FDNAMES has not as many names as LISTEN_FDS=%ld says, or one is too "
		    "long",
		    n);
	}
	for (size_t i = 0; i < handed->count; i++) {
		(void)fcntl(handed->items[i].fd, F_SETFD, FD_CLOEXEC);
		handed->items[i].type = option_of(handed->items[i].fd, SO_TYPE);
	}
	*ret = handed;
	return 0;
}

int fr_handed_from_environment(struct fr_handed **ret, struct fr_cause *why)
{
	static const char *const variables[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	int r = 0;

	*ret = NULL;
	if (pid != NULL && count != NULL && strtol(pid, NULL, 10) == (long)getpid())
		r = fr_handed_new(FR_HANDED_FIRST, count, getenv("LISTEN_FDNAMES"), ret, why);
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		(void)unsetenv(variables[i]);
	return r;
}

void fr_handed_free(struct fr_handed *handed)
{
	if (handed == NULL)
		return;
	for (size_t i = 0; i < handed->count; i++)
		(void)close(handed->items[i].fd);
	free(handed);
}

/* --- Looking ---------------------------------------------------------------------------------- */

static const char *type_name(int type)
{
	switch (type) {
	case 0:
		return "no socket";
	case SOCK_STREAM:
		return "a stream socket (ListenStream=)";
	case SOCK_DGRAM:
		return "a datagram socket (ListenDatagram=)";
	default:
		return "a socket of another type";
	}
}

static int say_what_there_is(const struct fr_handed *handed, const char *name, struct fr_cause *why)
{
	struct fr_text names = {0};
	int r;

	if (handed == NULL || handed->count == 0)
		return fr_cause_set(why, ENOENT,
		    "systemd:%s: no socket was handed over; the program must be started through "
		    "its .socket unit",
		    name);
	for (size_t i = 0; i < handed->count; i++)
		fr_text_add(&names, "%s%s", i != 0 ? ", " : "", handed->items[i].name);
	r = fr_cause_set(why, ENOENT,
	    "systemd:%s: no socket of this name was handed over (FileDescriptorName=); there are: "
	    "%s",
	    name, names.text);
	fr_text_done(&names);
	return r;
}

/* @return the one; NULL: `why` */
static const struct one *find(
    const struct fr_handed *handed, const char *name, int type, struct fr_cause *why)
{
	const struct one *found = NULL, *other = NULL;

	for (size_t i = 0; handed != NULL && i < handed->count; i++) {
		const struct one *one = &handed->items[i];

		if (strcmp(one->name, name) != 0)
			continue;
		if (one->type != type) {
			other = one;
		} else if (found != NULL) {
			(void)fr_cause_set(why, EEXIST,
			    "systemd:%s: several sockets of one kind have this name; a door takes "
			    "one: give each a .socket unit with a FileDescriptorName= of its own",
			    name);
			return NULL;
		} else {
			found = one;
		}
	}
	if (found == NULL && other != NULL)
		(void)fr_cause_set(why, EPROTOTYPE, "systemd:%s: it is %s, and this door needs %s",
		    name, type_name(other->type), type_name(type));
	else if (found == NULL)
		(void)say_what_there_is(handed, name, why);
	return found;
}

int fr_handed_open(const struct fr_handed *handed, const char *name, int type,
    struct fr_addr *ret_addr, struct fr_cause *why)
{
	struct sockaddr_storage sa;
	socklen_t length = sizeof(sa);
	const struct one *one;
	struct fr_addr addr;
	struct fr_cause what = {.text = ""};
	int fd, flags;

	one = find(handed, name, type, &what);
	if (one == NULL)
		return fr_cause_set(why, EINVAL, "%s", what.text);
	if (type == SOCK_STREAM && option_of(one->fd, SO_ACCEPTCONN) == 0)
		return fr_cause_set(why, EINVAL,
		    "systemd:%s: it is a connection, no listening socket (Accept=no is needed)",
		    name);
	if (getsockname(one->fd, (struct sockaddr *)&sa, &length) != 0 ||
	    !fr_addr_from_sockaddr(&addr, (struct sockaddr *)&sa, length))
		return fr_cause_set(
		    why, EINVAL, "systemd:%s: it is neither of IP nor a unix socket", name);
	fd = fcntl(one->fd, F_DUPFD_CLOEXEC, FR_HANDED_FIRST);
	if (fd < 0)
		return fr_cause_set(why, errno, "systemd:%s: %s", name, strerrordesc_np(errno));
	flags = fcntl(fd, F_GETFL);
	(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	*ret_addr = addr;
	return fd;
}
