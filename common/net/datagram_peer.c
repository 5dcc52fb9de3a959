/* SPDX-License-Identifier: MIT */
#include "common/net/datagram_peer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sys/random.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "common/net/dial.h"
#include "common/net/loop.h"
#include "common/net/retry.h"

enum {
	ANSWERS_PER_TURN = 32,
	RETRY_FIRST_US = 200 * 1000,
	RETRY_MOST_US = 10 * 1000 * 1000,
};

struct fr_datagram_peer {
	struct fr_loop *loop;
	const struct fr_datagram_peer_ops *ops;
	void *arg;
	char host[256];
	uint16_t port;
	struct fr_dial *dial; /* NULL: none is under way */
	struct fr_retry retry;
	int fd; /* -1: not up */
	struct event readable, again;
};

static void hang_up(struct fr_datagram_peer *p)
{
	(void)event_del(&p->readable);
	if (p->fd >= 0)
		(void)close(p->fd);
	p->fd = -1;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct fr_datagram_peer *p = arg;
	size_t room;
	uint8_t *bytes = fr_loop_scratch(p->loop, &room);

	(void)what;
	for (unsigned i = 0; i < ANSWERS_PER_TURN && p->fd == fd; i++) {
		const ssize_t n = recv(fd, bytes, room, 0);

		if (n >= 0)
			p->ops->on_answer(p->arg, bytes, (size_t)n);
		else if (errno == ECONNREFUSED)
			p->ops->on_refused(p->arg);
		else
			return;
	}
}

static void begin(struct fr_datagram_peer *p);

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	begin(arg);
}

static void on_dialled(void *arg, int fd, const struct fr_addr *addr, const char *reason)
{
	struct fr_datagram_peer *p = arg;
	struct timeval wait;
	uint32_t random = 0;
	int64_t us;

	(void)addr;
	p->dial = NULL;
	if (fd >= 0) {
		p->fd = fd;
		fr_retry_reset(&p->retry);
		(void)event_assign(
		    &p->readable, fr_loop_base(p->loop), fd, EV_READ | EV_PERSIST, on_readable, p);
		(void)event_add(&p->readable, NULL);
		p->ops->on_up(p->arg);
		return;
	}
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = 0; /* only the jitter is missing then */
	us = fr_retry_next_us(&p->retry, random);
	wait = (struct timeval){us / 1000000, us % 1000000};
	(void)event_add(&p->again, &wait);
	p->ops->on_down(p->arg, reason);
}

static void begin(struct fr_datagram_peer *p)
{
	p->dial = fr_dial_start_datagrams(p->loop, p->host, p->port, on_dialled, p);
}

struct fr_datagram_peer *fr_datagram_peer_new(struct fr_loop *loop, const char *host, uint16_t port,
    const struct fr_datagram_peer_ops *ops, void *arg)
{
	struct fr_datagram_peer *p = fr_xcalloc(1, sizeof(*p));

	p->loop = loop;
	p->ops = ops;
	p->arg = arg;
	p->port = port;
	p->fd = -1;
	p->retry = (struct fr_retry){.first_us = RETRY_FIRST_US, .most_us = RETRY_MOST_US};
	(void)snprintf(p->host, sizeof(p->host), "%s", host);
	(void)evtimer_assign(&p->again, fr_loop_base(loop), on_again, p);
	(void)event_assign(&p->readable, fr_loop_base(loop), -1, EV_READ, on_readable, p);
	begin(p);
	return p;
}

void fr_datagram_peer_free(struct fr_datagram_peer *p)
{
	if (p == NULL)
		return;
	hang_up(p);
	(void)event_del(&p->again);
	fr_dial_cancel(p->dial);
	free(p);
}

bool fr_datagram_peer_is_up(const struct fr_datagram_peer *p)
{
	return p->fd >= 0;
}

int fr_datagram_peer_send(struct fr_datagram_peer *p, const void *bytes, size_t size)
{
	int err;

	if (p->fd >= 0 && send(p->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return 0;
	err = p->fd >= 0 ? errno : ENOTCONN;
	fr_stat_add(FR_STAT_udp_send_errors, 1);
	return -err;
}

void fr_datagram_peer_renew(struct fr_datagram_peer *p)
{
	if (p->fd < 0)
		return; /* it is on its way */
	hang_up(p);
	begin(p);
}
