/* SPDX-License-Identifier: MIT */
#include "common/net/dial.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/base/cause.h"
#include "common/base/xalloc.h"
#include "common/net/conn.h"
#include "common/net/loop.h"
#include "common/net/resolve.h"

enum {
	ADDRS_MAX = 16,
	CONNECT_TIMEOUT_S = 5,
};

/* One thing at a time is waited for: the first turn, the names, a connect. */
struct fr_dial {
	struct fr_loop *loop;
	int type; /* SOCK_STREAM, SOCK_DGRAM */
	fr_dial_fn done;
	void *arg;
	char host[256];
	uint16_t port;
	struct event event;
	struct fr_resolve *resolve;
	struct fr_addr addrs[ADDRS_MAX];
	size_t count, next;
	int fd;
	int error;
	char reason[400];
};

static void free_dial(struct fr_dial *d)
{
	(void)event_del(&d->event);
	fr_resolve_cancel(d->resolve);
	if (d->fd >= 0)
		(void)close(d->fd);
	free(d);
}

/* The one call of done(). */
static void end(struct fr_dial *d, int fd, const struct fr_addr *peer)
{
	static const struct fr_addr nobody;

	d->fd = -1;
	d->done(d->arg, fd, fd < 0 ? &nobody : peer, fd < 0 ? d->reason : "");
	free_dial(d);
}

/* Adds "ADDRESS: cause" to the sentence, as long as it has room. */
static void add_reason(struct fr_dial *d, const char *who, int err, const char *cause)
{
	const size_t n = strlen(d->reason);

	d->error = err;
	(void)snprintf(
	    d->reason + n, sizeof(d->reason) - n, "%s%s: %s", n == 0 ? "" : "; ", who, cause);
}

static void add_address_reason(struct fr_dial *d, const struct fr_addr *addr, int err)
{
	char text[FR_ADDR_TEXT_MAX], timeout[48];
	const char *cause = fr_conn_error_text(err);

	if (err == EAGAIN) { /* connect() of a unix socket */
		cause = "too many wait there to be accepted";
	} else if (err == ETIMEDOUT) {
		(void)snprintf(
		    timeout, sizeof(timeout), "no answer within %d s", CONNECT_TIMEOUT_S);
		cause = timeout;
	} else if (err == ENOENT) {
		cause = "no such socket";
	}
	add_reason(d, fr_addr_print(addr, text), err, cause);
}

/*
 * A connect() to a port of this machine at which nobody listens can meet itself, when the kernel chooses that very
 * port as its own (simultaneous open, RFC 9293 3.5).
 */
static bool is_self(int fd)
{
	struct sockaddr_storage own, other;
	socklen_t own_length = sizeof(own), other_length = sizeof(other);

	memset(&own, 0, sizeof(own));
	memset(&other, 0, sizeof(other));
	return getsockname(fd, (struct sockaddr *)&own, &own_length) == 0 &&
	       getpeername(fd, (struct sockaddr *)&other, &other_length) == 0 &&
	       own.ss_family != AF_UNIX && own_length == other_length &&
	       memcmp(&own, &other, own_length) == 0;
}

static void on_connected(evutil_socket_t fd, short what, void *arg);

/* Begins the next address's connect. @return 0: under way; 1: connected at once; -errno */
static int connect_next(struct fr_dial *d, const struct fr_addr *addr)
{
	static const struct timeval timeout = {.tv_sec = CONNECT_TIMEOUT_S};
	struct sockaddr_storage sa;
	const socklen_t length = fr_addr_to_sockaddr(addr, &sa);

	d->fd = socket(sa.ss_family, d->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd < 0)
		return -errno;
	if (connect(d->fd, (struct sockaddr *)&sa, length) == 0)
		return is_self(d->fd) ? -ECONNREFUSED : 1;
	if (errno != EINPROGRESS)
		return -errno;
	(void)event_assign(&d->event, fr_loop_base(d->loop), d->fd, EV_WRITE, on_connected, d);
	return event_add(&d->event, &timeout) == 0 ? 0 : -ENOMEM;
}

static void try_next(struct fr_dial *d)
{
	while (d->next < d->count) {
		const struct fr_addr *addr = &d->addrs[d->next];
		const int r = connect_next(d, addr);

		if (r == 0)
			return;
		if (r > 0) {
			end(d, d->fd, addr);
			return;
		}
		if (d->fd >= 0)
			(void)close(d->fd);
		d->fd = -1;
		add_address_reason(d, addr, -r);
		d->next++;
	}
	end(d, -d->error, NULL);
}

static void on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct fr_dial *d = arg;
	socklen_t length = sizeof(int);
	int err = 0;

	if ((what & EV_TIMEOUT) != 0)
		err = ETIMEDOUT;
	else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &length) != 0)
		err = errno;
	if (err == 0 && is_self(fd))
		err = ECONNREFUSED;
	if (err == 0) {
		end(d, fd, &d->addrs[d->next]);
		return;
	}
	(void)event_del(&d->event);
	(void)close(fd);
	d->fd = -1;
	add_address_reason(d, &d->addrs[d->next], err);
	d->next++;
	try_next(d);
}

/* --- Addresses -------------------------------------------------------------------------------- */

static void on_resolved(void *arg, const struct fr_addr *addrs, size_t count, const char *reason)
{
	struct fr_dial *d = arg;

	d->resolve = NULL;
	if (count == 0)
		add_reason(d, d->host, EHOSTUNREACH, reason);
	for (size_t i = 0; i < count && i < ADDRS_MAX; i++)
		d->addrs[d->count++] = addrs[i];
	try_next(d);
}

/* A numeric address needs no thread; with a scope (%eth0) too. */
static bool take_numeric(struct fr_dial *d)
{
	static const struct addrinfo hints = {
	    .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
	struct addrinfo *found;

	if (getaddrinfo(d->host, NULL, &hints, &found) != 0)
		return false;
	if (fr_addr_from_sockaddr(&d->addrs[0], found->ai_addr, found->ai_addrlen)) {
		d->addrs[0].port = d->port;
		d->count = 1;
	}
	freeaddrinfo(found);
	return d->count == 1;
}

static void on_begin(evutil_socket_t fd, short what, void *arg)
{
	struct fr_dial *d = arg;
	struct fr_cause why = {""};
	int r;

	(void)fd;
	(void)what;
	if (strncmp(d->host, "unix:", 5) == 0) {
		r = fr_addr_parse(d->host, &d->addrs[0], &why);
		if (r < 0)
			add_reason(d, d->host, -r, why.text);
		d->count = r == 0;
		try_next(d);
	} else if (take_numeric(d)) {
		try_next(d);
	} else {
		d->resolve = fr_resolve_start(d->loop, d->host, d->port, on_resolved, d);
	}
}

static struct fr_dial *start(
    struct fr_loop *loop, int type, const char *host, uint16_t port, fr_dial_fn done, void *arg)
{
	struct fr_dial *d = fr_xcalloc(1, sizeof(*d));

	d->loop = loop;
	d->type = type;
	d->done = done;
	d->arg = arg;
	d->port = port;
	d->fd = -1;
	d->error = EHOSTUNREACH;
	(void)snprintf(d->host, sizeof(d->host), "%s", host);
	(void)event_assign(&d->event, fr_loop_base(loop), -1, 0, on_begin, d);
	event_active(&d->event, EV_TIMEOUT, 0);
	return d;
}

struct fr_dial *fr_dial_start(
    struct fr_loop *loop, const char *host, uint16_t port, fr_dial_fn done, void *arg)
{
	return start(loop, SOCK_STREAM, host, port, done, arg);
}

struct fr_dial *fr_dial_start_datagrams(
    struct fr_loop *loop, const char *host, uint16_t port, fr_dial_fn done, void *arg)
{
	return start(loop, SOCK_DGRAM, host, port, done, arg);
}

void fr_dial_cancel(struct fr_dial *dial)
{
	if (dial != NULL)
		free_dial(dial);
}
