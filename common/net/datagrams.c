/* SPDX-License-Identifier: MIT */
#include "common/net/datagrams.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/stats.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/net/handed.h"
#include "common/net/listener.h"
#include "common/net/loop.h"

enum {
	BATCH = 32,
	ROOM = 65536, /* a datagram has at most 65,507 bytes over IPv4, 65,527 over IPv6 */
	CONTROL = 128,
	REACHABLE = 3, /* addresses that the start of the log names */
};

struct fr_datagrams {
	struct fr_loop *loop;
	const char *area;
	struct fr_addr addr;
	const struct fr_datagrams_ops *ops;
	void *arg;
	int fd; /* -1: stopped */
	struct event readable;
	uint32_t dropped; /* as the kernel counts (SO_RXQ_OVFL) */
	struct mmsghdr heads[BATCH];
	struct iovec pieces[BATCH];
	struct sockaddr_storage from[BATCH];
	union {
		struct cmsghdr align;
		uint8_t bytes[CONTROL];
	} control[BATCH];
	uint8_t *room; /* BATCH times ROOM; pages that no datagram reaches are never touched */
};

/* --- In --------------------------------------------------------------------------------------- */

/* The count wraps; it comes with the first datagram behind those that were dropped. Source: socket(7), SO_RXQ_OVFL. */
static void count_dropped(struct fr_datagrams *d, uint32_t dropped)
{
	const uint32_t more = dropped - d->dropped;

	if (more == 0)
		return;
	d->dropped = dropped;
	fr_stat_add(FR_STAT_udp_datagrams_dropped, more);
	fr_log_limited(FR_LOG_WARNING, d->area, "the receive buffer was full", "",
	    "dropped=%u in_all=%u", more, dropped);
}

static void read_control(struct fr_datagrams *d, struct msghdr *head, struct fr_datagram_path *path)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	struct in6_pktinfo info6;
	struct in_pktinfo info;
	uint32_t dropped;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(head); c != NULL; c = CMSG_NXTHDR(head, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
			memcpy(&dropped, CMSG_DATA(c), sizeof(dropped));
			count_dropped(d, dropped);
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			four.sin_addr = info.ipi_spec_dst;
			four.sin_port = htons(d->addr.port);
			(void)fr_addr_from_sockaddr(
			    &path->to, (struct sockaddr *)&four, sizeof(four));
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info6, CMSG_DATA(c), sizeof(info6));
			six.sin6_addr = info6.ipi6_addr;
			six.sin6_port = htons(d->addr.port);
			(void)fr_addr_from_sockaddr(
			    &path->to, (struct sockaddr *)&six, sizeof(six));
		}
	}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct fr_datagrams *d = arg;
	int64_t now_us;
	int n;

	(void)what;
	for (size_t i = 0; i < BATCH; i++) {
		d->heads[i].msg_hdr.msg_namelen = sizeof(d->from[i]);
		d->heads[i].msg_hdr.msg_controllen = CONTROL;
	}
	n = recvmmsg(fd, d->heads, BATCH, MSG_DONTWAIT, NULL);
	if (n < 0) {
		/* An error of an answer that went before (ICMP) is nobody's here. */
		if (errno != EAGAIN && errno != EINTR && errno != ECONNREFUSED)
			fr_log_limited(FR_LOG_WARNING, d->area, "reading datagrams failed", "",
			    "error=%s", strerrorname_np(errno));
		return;
	}
	now_us = fr_clock_now_us();
	fr_stat_add(FR_STAT_udp_datagrams, n);
	for (int i = 0; i < n && d->fd >= 0; i++) {
		struct msghdr *head = &d->heads[i].msg_hdr;
		struct fr_datagram_path path = {.to = {.kind = FR_ADDR_NONE}};

		read_control(d, head, &path);
		if (fr_addr_from_sockaddr(&path.from, head->msg_name, head->msg_namelen))
			d->ops->on_datagram(
			    d->arg, &path, d->pieces[i].iov_base, d->heads[i].msg_len, now_us);
	}
	if (d->ops->on_batch_end != NULL)
		d->ops->on_batch_end(d->arg, now_us);
}

/* --- Out -------------------------------------------------------------------------------------- */

static socklen_t to_socket(
    const struct fr_datagrams *d, const struct fr_addr *addr, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};

	if (d->addr.kind != FR_ADDR_IPV6 || addr->kind != FR_ADDR_IPV4)
		return fr_addr_to_sockaddr(addr, ret);
	/* A socket of IPv6 names IPv4 addresses in its own way (RFC 4291 2.5.5.2). */
	six.sin6_port = htons(addr->port);
	six.sin6_addr.s6_addr[10] = 0xff;
	six.sin6_addr.s6_addr[11] = 0xff;
	memcpy(&six.sin6_addr.s6_addr[12], addr->bytes, 4);
	memcpy(ret, &six, sizeof(six));
	return sizeof(six);
}

/* The address to send from; the kernel would choose the nearest one, and not the one that was asked. */
static void write_control(
    const struct fr_datagrams *d, struct msghdr *head, const struct fr_datagram_path *path)
{
	struct cmsghdr *c = head->msg_control;
	struct sockaddr_storage from;
	struct in6_pktinfo info6 = {.ipi6_ifindex = 0};
	struct in_pktinfo info = {.ipi_ifindex = 0};

	if (path->to.kind == FR_ADDR_NONE) {
		head->msg_control = NULL;
		head->msg_controllen = 0;
		return;
	}
	(void)to_socket(d, &path->to, &from);
	if (from.ss_family == AF_INET6) {
		info6.ipi6_addr = ((struct sockaddr_in6 *)&from)->sin6_addr;
		if (IN6_IS_ADDR_LINKLOCAL(&info6.ipi6_addr))
			info6.ipi6_ifindex = path->from.scope;
		c->cmsg_level = IPPROTO_IPV6;
		c->cmsg_type = IPV6_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info6));
		memcpy(CMSG_DATA(c), &info6, sizeof(info6));
		head->msg_controllen = CMSG_SPACE(sizeof(info6));
	} else {
		info.ipi_spec_dst = ((struct sockaddr_in *)&from)->sin_addr;
		c->cmsg_level = IPPROTO_IP;
		c->cmsg_type = IP_PKTINFO;
		c->cmsg_len = CMSG_LEN(sizeof(info));
		memcpy(CMSG_DATA(c), &info, sizeof(info));
		head->msg_controllen = CMSG_SPACE(sizeof(info));
	}
}

void fr_datagrams_answer(
    struct fr_datagrams *d, const struct fr_datagram_path *path, const void *bytes, size_t size)
{
	struct iovec piece = {(void *)bytes, size};
	struct sockaddr_storage to;
	union {
		struct cmsghdr align;
		uint8_t bytes[CONTROL];
	} control = {.bytes = {0}};
	struct msghdr head = {.msg_name = &to,
	    .msg_namelen = to_socket(d, &path->from, &to),
	    .msg_iov = &piece,
	    .msg_iovlen = 1,
	    .msg_control = &control};

	if (d->fd < 0)
		return;
	write_control(d, &head, path);
	if (sendmsg(d->fd, &head, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)size)
		fr_stat_add(FR_STAT_udp_answers, 1);
	else
		fr_stat_add(FR_STAT_udp_send_errors, 1);
}

/* --- Opening ---------------------------------------------------------------------------------- */

static void prepare_socket(const struct fr_datagrams *d)
{
	static const int on = 1;

	(void)setsockopt(d->fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof(on));
	if (d->addr.kind == FR_ADDR_IPV6)
		(void)setsockopt(d->fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on));
	else
		(void)setsockopt(d->fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on));
}

static int bind_to(struct fr_datagrams *d, struct fr_cause *why)
{
	static const int off = 0;
	const bool six = d->addr.kind == FR_ADDR_IPV6;
	char text[FR_ADDR_TEXT_MAX];
	struct sockaddr_storage sa;
	socklen_t length = fr_addr_to_sockaddr(&d->addr, &sa);
	struct fr_addr bound;
	int err;

	d->fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd >= 0 && six)
		(void)setsockopt(d->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (d->fd < 0 || bind(d->fd, (struct sockaddr *)&sa, length) != 0) {
		err = errno;
		if (d->fd >= 0)
			(void)close(d->fd);
		d->fd = -1;
		(void)fr_addr_print(&d->addr, text);
		if (err == EADDRINUSE)
			return fr_cause_set(why, err, "%s: port %u is in use by another program",
			    text, d->addr.port);
		if (err == EACCES && d->addr.port < 1024)
			return fr_cause_set(why, err,
			    "%s: not allowed to listen here (ports below 1024 need a right, which "
			    "is "
			    "given up after the start)",
			    text);
		return fr_cause_set(why, err, "%s: %s", text, strerrordesc_np(err));
	}
	length = sizeof(sa);
	if (getsockname(d->fd, (struct sockaddr *)&sa, &length) == 0 &&
	    fr_addr_from_sockaddr(&bound, (struct sockaddr *)&sa, length))
		d->addr.port = bound.port;
	return 0;
}

/* Fills fd and addr. */
static int open_socket(struct fr_datagrams *d, const struct fr_addr *addr, struct fr_cause *why)
{
	int r;

	d->addr = *addr;
	if (addr->kind == FR_ADDR_SYSTEMD) {
		d->fd =
		    fr_handed_open(fr_loop_handed(d->loop), addr->path, SOCK_DGRAM, &d->addr, why);
		if (d->fd < 0)
			return d->fd;
		return d->addr.kind == FR_ADDR_UNIX
		           ? fr_cause_set(why, EINVAL,
		                 "systemd:%s: it is a unix socket, and this door needs one of IP",
		                 addr->path)
		           : 0;
	}
	if (addr->kind != FR_ADDR_IPV4 && addr->kind != FR_ADDR_IPV6)
		return fr_cause_set(why, EINVAL, "datagrams need an address and a port");
	r = bind_to(d, why);
	if ((r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL) && addr->kind == FR_ADDR_IPV6 &&
	    memcmp(addr->bytes, &in6addr_any, sizeof(in6addr_any)) == 0) {
		d->addr.kind = FR_ADDR_IPV4;
		r = bind_to(d, why);
	}
	return r;
}

/* Asks for a receive buffer and says what was given: the kernel's own count of it is doubled (socket(7)). */
static void ask_for_buffer(struct fr_datagrams *d, int64_t wanted)
{
	const int asked = (int)wanted;
	char text[FR_ADDR_TEXT_MAX];
	socklen_t length = sizeof(int);
	int given = 0;

	if (asked != 0)
		(void)setsockopt(d->fd, SOL_SOCKET, SO_RCVBUF, &asked, sizeof(asked));
	(void)getsockopt(d->fd, SOL_SOCKET, SO_RCVBUF, &given, &length);
	given /= 2;
	fr_log(FR_LOG_INFO, d->area, "listening", "address=%s receive_buffer=%d asked=%d",
	    fr_addr_print(&d->addr, text), given, asked);
	if (given < asked)
		fr_log(FR_LOG_WARNING, d->area, "the kernel gives a smaller receive buffer",
		    "asked=%d given=%d help=\"sysctl -w net.core.rmem_max=%d\"", asked, given,
		    asked);
}

static void prepare(struct fr_datagrams *d)
{
	d->room = fr_xcalloc(BATCH, ROOM);
	for (size_t i = 0; i < BATCH; i++) {
		d->pieces[i] = (struct iovec){d->room + i * ROOM, ROOM};
		d->heads[i].msg_hdr = (struct msghdr){.msg_name = &d->from[i],
		    .msg_iov = &d->pieces[i],
		    .msg_iovlen = 1,
		    .msg_control = &d->control[i]};
	}
}

int fr_datagrams_new(struct fr_loop *loop, const char *area, const struct fr_addr *addr,
    int64_t buffer_bytes, const struct fr_datagrams_ops *ops, void *arg, struct fr_datagrams **ret,
    struct fr_cause *why)
{
	struct fr_datagrams *d = fr_xcalloc(1, sizeof(*d));
	int r;

	d->loop = loop;
	d->area = area;
	d->ops = ops;
	d->arg = arg;
	d->fd = -1;
	(void)event_assign(&d->readable, fr_loop_base(loop), -1, EV_READ, on_readable, d);
	r = open_socket(d, addr, why);
	if (r < 0)
		goto fail;
	prepare_socket(d);
	prepare(d);
	ask_for_buffer(d, buffer_bytes);
	(void)event_assign(
	    &d->readable, fr_loop_base(loop), d->fd, EV_READ | EV_PERSIST, on_readable, d);
	if (event_add(&d->readable, NULL) != 0) {
		r = fr_cause_set(why, ENOMEM, "no place in the event loop");
		goto fail;
	}
	*ret = d;
	return 0;

fail:
	fr_datagrams_free(d);
	return r;
}

void fr_datagrams_stop(struct fr_datagrams *d)
{
	(void)event_del(&d->readable);
	if (d->fd >= 0)
		(void)close(d->fd);
	d->fd = -1;
}

void fr_datagrams_free(struct fr_datagrams *d)
{
	if (d == NULL)
		return;
	fr_datagrams_stop(d);
	free(d->room);
	free(d);
}

const struct fr_addr *fr_datagrams_addr(const struct fr_datagrams *d)
{
	return &d->addr;
}

void fr_datagrams_announce(
    const struct fr_datagrams *d, const char *sentence, struct fr_text *lines)
{
	struct fr_addr reachable[REACHABLE];
	const size_t count = fr_reachable(&d->addr, reachable, REACHABLE);
	char text[FR_ADDR_TEXT_MAX];

	for (size_t i = 0; i < count; i++)
		fr_text_add(lines, "%s: %s\n", sentence, fr_addr_print(&reachable[i], text));
}
