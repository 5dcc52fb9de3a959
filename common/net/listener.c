/* SPDX-License-Identifier: MIT */
#include "common/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "common/net/handed.h"
#include "common/net/loop.h"

enum {
	ACCEPTS_PER_TURN = 64,
	TOLD_PER_PAUSE =
	    256, /* closed with the spare descriptor at once; bounds the CPU of a flood */
	PAUSE_US = 100 * 1000,
	QUIET_FIRST_US = 1000 * 1000, /* so long without want of descriptors ends a flood */
	QUIET_MOST_US = 64 * 1000 * 1000,
	BACKLOG = 4096, /* cut by the kernel to net.core.somaxconn */
};

struct fr_listener {
	struct fr_loop *loop;
	struct fr_deferred deferred;
	const char *area;
	struct fr_addr addr;
	fr_accept_fn on_accept;
	void *arg;
	int fd;    /* -1: stopped */
	int spare; /* given up to tell those who wait; -1: not to be had */
	struct event readable;
	struct event pause; /* pending: listening is paused */
	dev_t file_dev;     /* of the unix socket's file, to remove no other */
	ino_t file_ino;

	bool flooded;          /* the warning is said, its end is not */
	int64_t short_us;      /* when descriptors were last short */
	int64_t flood_end_us;  /* when the last flood's end was said */
	int64_t quiet_us;      /* what ends this one; grows with floods that come and go */
	uint64_t flood_closed; /* peers closed in this one */
};

/* --- A flood ---------------------------------------------------------------------------------- */

/*
 * Says when it begins. common/ leaves the log to its callers; here no caller takes part: the peers in question
 * never reach one.
 */
static void flood_begins(struct fr_listener *l, int err, int64_t now_us)
{
	char text[FR_ADDR_TEXT_MAX];
	struct fr_log_text quoted;

	fr_stat_add(FR_STAT_accept_pauses, 1);
	l->short_us = now_us;
	if (l->flooded)
		return;
	/* Come and go would be two lines each time: the next end takes longer to be believed. */
	if (l->flood_end_us != 0 && now_us - l->flood_end_us < 10 * l->quiet_us)
		l->quiet_us = l->quiet_us * 2 > QUIET_MOST_US ? QUIET_MOST_US : l->quiet_us * 2;
	else
		l->quiet_us = QUIET_FIRST_US;
	l->flooded = true;
	l->flood_closed = 0;
	fr_log(FR_LOG_WARNING, l->area,
	    "connections are turned away for want of descriptors or memory", "listen=%s error=%s",
	    fr_addr_print(&l->addr, text), fr_log_quote(&quoted, strerrordesc_np(err)));
}

static void flood_may_end(struct fr_listener *l)
{
	const int64_t now_us = fr_clock_now_us();
	char text[FR_ADDR_TEXT_MAX];

	if (now_us - l->short_us < l->quiet_us)
		return;
	l->flooded = false;
	l->flood_end_us = now_us;
	fr_log(FR_LOG_INFO, l->area, "connections are accepted again", "listen=%s closed=%llu",
	    fr_addr_print(&l->addr, text), (unsigned long long)l->flood_closed);
}

static void take_spare(struct fr_listener *l)
{
	if (l->spare < 0)
		l->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Tells those who wait, by closing them, and comes back after a while: no spinning. */
static void relieve(struct fr_listener *l, int err)
{
	static const struct timeval pause = {.tv_usec = PAUSE_US};
	int fd;

	flood_begins(l, err, fr_clock_now_us());
	if (l->spare >= 0) {
		(void)close(l->spare);
		l->spare = -1;
	}
	for (unsigned i = 0; i < TOLD_PER_PAUSE; i++) {
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			break;
		(void)close(fd);
		l->flood_closed++;
		fr_stat_rejected(l->area, FR_REASON_accept_errno);
	}
	take_spare(l);
	(void)event_del(&l->readable);
	(void)event_add(&l->pause, &pause);
}

static void on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval pause = {.tv_usec = PAUSE_US};
	struct fr_listener *l = arg;

	(void)fd;
	(void)what;
	take_spare(l);
	if (event_add(&l->readable, NULL) != 0)
		(void)event_add(&l->pause, &pause);
}

/* --- Accepting -------------------------------------------------------------------------------- */

/* Errors that belong to the one connection (accept(2), "Error handling") or to nobody. */
static bool is_passing(int err)
{
	switch (err) {
	case EINTR:
	case ECONNABORTED:
	case EPROTO:
	case EPERM:
	case ENETDOWN:
	case ENOPROTOOPT:
	case EHOSTDOWN:
	case ENONET:
	case EHOSTUNREACH:
	case EOPNOTSUPP:
	case ENETUNREACH:
		return true;
	default:
		return false;
	}
}

/* What is left over keeps the socket readable: the next turn goes on. */
static void on_readable(evutil_socket_t listening, short what, void *arg)
{
	struct fr_listener *l = arg;

	(void)listening;
	(void)what;
	for (unsigned i = 0; i < ACCEPTS_PER_TURN && l->fd >= 0; i++) {
		struct sockaddr_storage sa;
		socklen_t length = sizeof(sa);
		struct fr_addr peer;
		const int fd =
		    accept4(l->fd, (struct sockaddr *)&sa, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0) {
			if (errno == EAGAIN)
				return;
			if (is_passing(errno))
				continue;
			relieve(l, errno);
			return;
		}
		if (l->flooded)
			flood_may_end(l);
		(void)fr_addr_from_sockaddr(&peer, (struct sockaddr *)&sa, length);
		l->on_accept(l->arg, fd, &peer);
	}
}

/* --- Binding ---------------------------------------------------------------------------------- */

static int bind_cause(const struct fr_addr *addr, int err, struct fr_cause *why)
{
	char text[FR_ADDR_TEXT_MAX];

	(void)fr_addr_print(addr, text);
	switch (err) {
	case EADDRINUSE:
		if (addr->kind == FR_ADDR_UNIX)
			return fr_cause_set(why, err, "%s is in use by another program", text);
		return fr_cause_set(
		    why, err, "%s: port %u is in use by another program", text, addr->port);
	case EADDRNOTAVAIL:
		return fr_cause_set(why, err, "%s: not an address of this machine", text);
	case EACCES:
		return fr_cause_set(why, err, "%s: not allowed to listen here%s", text,
		    addr->kind != FR_ADDR_UNIX && addr->port < 1024
		        ? " (ports below 1024 need a right, which is given up after the start)"
		        : "");
	case EAFNOSUPPORT:
		return fr_cause_set(
		    why, err, "%s: this machine has no such addresses (IPv6 is off)", text);
	default:
		return fr_cause_set(why, err, "%s: %s", text, strerrordesc_np(err));
	}
}

/* Makes a socket that listens. @return it, or -errno */
static int listen_at(const struct fr_addr *addr)
{
	static const int on = 1, off = 0;
	struct sockaddr_storage sa;
	const socklen_t length = fr_addr_to_sockaddr(addr, &sa);
	int fd, r;

	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (addr->kind == FR_ADDR_UNIX)
		(void)fchmod(fd, 0666); /* the file's mode, less the umask: unix_bind() */
	else
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (addr->kind == FR_ADDR_IPV6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&sa, length) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

static bool is_wildcard(const struct fr_addr *addr)
{
	static const uint8_t zero[16];

	return (addr->kind == FR_ADDR_IPV6 && memcmp(addr->bytes, zero, 16) == 0) ||
	       (addr->kind == FR_ADDR_IPV4 && memcmp(addr->bytes, zero, 4) == 0);
}

/* Removes a socket's file that nobody listens behind. */
static int remove_stale(const struct fr_addr *addr, struct fr_cause *why)
{
	struct sockaddr_storage sa;
	const socklen_t length = fr_addr_to_sockaddr(addr, &sa);
	struct stat st;
	int fd, err;

	if (lstat(addr->path, &st) != 0)
		return 0; /* bind() says what is wrong, if anything is */
	if (!S_ISSOCK(st.st_mode))
		return fr_cause_set(
		    why, EEXIST, "unix:%s: a file that is no socket is in the way", addr->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return bind_cause(addr, errno, why);
	err = connect(fd, (struct sockaddr *)&sa, length) == 0 ? 0 : errno;
	(void)close(fd);
	if (err == 0 || err == EAGAIN)
		return bind_cause(addr, EADDRINUSE, why);
	if (err != ECONNREFUSED && err != ENOENT)
		return bind_cause(addr, err, why);
	if (unlink(addr->path) != 0 && errno != ENOENT)
		return bind_cause(addr, errno, why);
	return 0;
}

/* Fills fd and addr. */
static int open_socket(struct fr_listener *l, const struct fr_addr *addr, struct fr_cause *why)
{
	struct sockaddr_storage sa;
	struct fr_addr bound;
	socklen_t length = sizeof(sa);
	struct stat st;
	int r;

	l->addr = *addr;
	if (addr->kind == FR_ADDR_SYSTEMD) {
		l->fd =
		    fr_handed_open(fr_loop_handed(l->loop), addr->path, SOCK_STREAM, &l->addr, why);
		return l->fd < 0 ? l->fd : 0;
	}
	if (addr->kind == FR_ADDR_UNIX) {
		r = remove_stale(addr, why);
		if (r < 0)
			return r;
	}
	r = listen_at(addr);
	if ((r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL) && addr->kind == FR_ADDR_IPV6 &&
	    is_wildcard(addr)) {
		l->addr.kind = FR_ADDR_IPV4;
		r = listen_at(&l->addr);
	}
	if (r < 0)
		return bind_cause(&l->addr, -r, why);
	l->fd = r;
	if (addr->kind == FR_ADDR_UNIX) {
		if (stat(addr->path, &st) == 0) {
			l->file_dev = st.st_dev;
			l->file_ino = st.st_ino;
		}
	} else if (getsockname(l->fd, (struct sockaddr *)&sa, &length) == 0 &&
	           fr_addr_from_sockaddr(&bound, (struct sockaddr *)&sa, length)) {
		l->addr.port = bound.port;
	}
	return 0;
}

/* @return whether a file may be made beside this one */
static bool may_make(const char *path)
{
	char folder[sizeof(((struct fr_addr *)NULL)->path)];
	char *slash;

	(void)snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (slash == NULL)
		return true; /* bind() says what is wrong */
	slash[slash == folder ? 1 : 0] = '\0';
	return access(folder, W_OK | X_OK) == 0 || errno != EACCES;
}

bool fr_listener_may(const struct fr_addr *addr)
{
	struct sockaddr_storage sa;
	const socklen_t length = fr_addr_to_sockaddr(addr, &sa);
	bool may;
	int fd;

	if (addr->kind == FR_ADDR_UNIX)
		return may_make(addr->path);
	if (length == 0)
		return true;
	/* The kernel asks for the right before it looks whether the port is free. */
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return true;
	may = bind(fd, (struct sockaddr *)&sa, length) == 0 || errno != EACCES;
	(void)close(fd);
	return may;
}

/* --- Life ------------------------------------------------------------------------------------- */

int fr_listener_new(struct fr_loop *loop, const char *area, const struct fr_addr *addr,
    fr_accept_fn on_accept, void *arg, struct fr_listener **ret, struct fr_cause *why)
{
	struct fr_listener *l = fr_xcalloc(1, sizeof(*l));
	int r;

	l->loop = loop;
	l->area = area;
	l->on_accept = on_accept;
	l->arg = arg;
	l->fd = -1;
	l->spare = -1;
	(void)event_assign(&l->pause, fr_loop_base(loop), -1, EV_TIMEOUT, on_pause_over, l);
	(void)event_assign(&l->readable, fr_loop_base(loop), -1, EV_READ, on_readable, l);
	r = open_socket(l, addr, why);
	if (r < 0)
		goto fail;
	take_spare(l);
	(void)event_assign(
	    &l->readable, fr_loop_base(loop), l->fd, EV_READ | EV_PERSIST, on_readable, l);
	if (event_add(&l->readable, NULL) != 0) {
		r = bind_cause(&l->addr, ENOMEM, why);
		goto fail;
	}
	*ret = l;
	return 0;

fail:
	fr_listener_free(l);
	return r;
}

void fr_listener_stop(struct fr_listener *listener)
{
	struct stat st;

	if (listener->fd < 0)
		return;
	(void)event_del(&listener->readable);
	(void)event_del(&listener->pause);
	if (listener->addr.kind == FR_ADDR_UNIX && listener->file_ino != 0 &&
	    lstat(listener->addr.path, &st) == 0 && st.st_dev == listener->file_dev &&
	    st.st_ino == listener->file_ino)
		(void)unlink(listener->addr.path);
	(void)close(listener->fd);
	listener->fd = -1;
	if (listener->spare >= 0)
		(void)close(listener->spare);
	listener->spare = -1;
}

static void free_listener(struct fr_deferred *deferred)
{
	free((char *)deferred - offsetof(struct fr_listener, deferred));
}

void fr_listener_free(struct fr_listener *listener)
{
	if (listener == NULL)
		return;
	fr_listener_stop(listener);
	fr_loop_defer(listener->loop, &listener->deferred, free_listener);
}

const struct fr_addr *fr_listener_addr(const struct fr_listener *listener)
{
	return &listener->addr;
}

/* --- Where others reach it -------------------------------------------------------------------- */

/* Bridges and tunnels of virtual machines and containers: seldom what another machine reaches. */
static bool is_virtual(const char *interface)
{
	static const char *const prefixes[] = {
	    "docker", "br-", "veth", "virbr", "vnet", "lxc", "cni"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(interface, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* Lower is better; -1: not reachable from another machine by an address that can be passed on. */
static int rank(const struct ifaddrs *entry, const struct fr_addr *addr)
{
	const bool link_local = addr->kind == FR_ADDR_IPV6
	                            ? addr->bytes[0] == 0xfe && (addr->bytes[1] & 0xc0) == 0x80
	                            : addr->bytes[0] == 169 && addr->bytes[1] == 254;

	if ((entry->ifa_flags & IFF_UP) == 0 || fr_addr_is_loopback(addr))
		return -1;
	if (link_local && addr->kind == FR_ADDR_IPV6)
		return -1; /* needs the viewer's own scope */
	return (addr->kind == FR_ADDR_IPV6 ? 1 : 0) + (link_local ? 2 : 0) +
	       (is_virtual(entry->ifa_name) ? 4 : 0);
}

size_t fr_listener_reachable(const struct fr_listener *listener, struct fr_addr *ret, size_t most)
{
	return fr_reachable(&listener->addr, ret, most);
}

size_t fr_reachable(const struct fr_addr *own, struct fr_addr *ret, size_t most)
{
	enum {
		RANKS = 8
	};
	struct ifaddrs *all = NULL;
	struct fr_addr addr;
	size_t count = 0;

	if (most == 0)
		return 0;
	if (!is_wildcard(own)) {
		ret[0] = *own;
		return 1;
	}
	if (getifaddrs(&all) != 0)
		all = NULL;
	for (int wanted = 0; wanted < RANKS; wanted++)
		for (const struct ifaddrs *entry = all; entry != NULL && count < most;
		     entry = entry->ifa_next) {
			if (entry->ifa_addr == NULL ||
			    !fr_addr_from_sockaddr(&addr, entry->ifa_addr,
			        entry->ifa_addr->sa_family == AF_INET
			            ? sizeof(struct sockaddr_in)
			            : sizeof(struct sockaddr_in6)) ||
			    (own->kind == FR_ADDR_IPV4 && addr.kind != FR_ADDR_IPV4) ||
			    rank(entry, &addr) != wanted)
				continue;
			addr.port = own->port;
			ret[count++] = addr;
		}
	if (all != NULL)
		freeifaddrs(all);
	if (count == 0) {
		memset(&ret[0], 0, sizeof(ret[0]));
		ret[0].kind = FR_ADDR_IPV4;
		ret[0].port = own->port;
		memcpy(ret[0].bytes, "\x7f\0\0\1", 4);
		count = 1;
	}
	return count;
}
