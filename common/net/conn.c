/* SPDX-License-Identifier: MIT */
#include "common/net/conn.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/base/clock.h"
#include "common/base/hot.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/net/conn_parts.h"
#include "common/net/loop.h"

enum {
	HEAD_MAX = 1024,
	TAIL_MAX = 128,
	CONTROL_MAX = 8 * 1024, /* small bytes that may wait, */
	CONTROL_MORE = 320,     /* beside a record's head and a part's tail */
	KEEPALIVE_PROBES = 3,   /* limits.def: "two of three probes" */
	LAST_WORDS_MS = 1000,   /* that a peer has to take an alert */
};

/* --- What waits ------------------------------------------------------------------------------- */

static size_t frame_size(const struct fr_conn *conn)
{
	return conn->frame == NULL ? 0 : fr_frame_size(conn->frame);
}

FR_HOT size_t fr_conn_waiting_bytes(const struct fr_conn *conn)
{
	return conn->small_size + frame_size(conn) - conn->sent;
}

FR_HOT bool fr_conn_is_idle(const struct fr_conn *conn)
{
	return fr_conn_waiting_bytes(conn) == 0;
}

unsigned fr_conn_frames(const struct fr_conn *conn)
{
	return conn->frame != NULL;
}

int64_t fr_conn_progress_us(const struct fr_conn *conn)
{
	return conn->progress_us;
}

const char *fr_conn_gone_reason(const struct fr_conn *conn)
{
	return conn->gone == NULL ? "" : conn->gone;
}

const struct fr_addr *fr_conn_peer(const struct fr_conn *conn)
{
	return &conn->peer;
}

bool fr_conn_is_secure(const struct fr_conn *conn)
{
	return conn->tls != NULL;
}

static void drop_waiting(struct fr_conn *conn)
{
	fr_frame_unref(conn->frame);
	conn->frame = NULL;
	free(conn->small);
	conn->small = NULL;
	conn->small_size = conn->small_capacity = conn->ahead = conn->sent = 0;
}

/* Forgets small bytes that are with the kernel, as far as those after them need not move over the frame. */
static void compact(struct fr_conn *conn)
{
	const size_t n = frame_size(conn);
	size_t gone;

	if (conn->sent < conn->ahead + n)
		return;
	gone = conn->sent - n;
	memmove(conn->small, conn->small + gone, conn->small_size - gone);
	conn->small_size -= gone;
	conn->ahead = 0;
	conn->sent = n;
}

void fr_conn_append(struct fr_conn *conn, const void *bytes, size_t size)
{
	if (size == 0)
		return;
	if (conn->sent > 0)
		compact(conn);
	if (conn->small_size + size > conn->small_capacity) {
		conn->small_capacity = conn->small_size + size + 128;
		conn->small = fr_xreallocarray(conn->small, conn->small_capacity, 1);
	}
	memcpy(conn->small + conn->small_size, bytes, size);
	conn->small_size += size;
}

/* Small bytes that wait, without those that are with the kernel. */
static size_t small_waiting(const struct fr_conn *conn)
{
	const size_t n = frame_size(conn);

	if (conn->sent <= conn->ahead)
		return conn->small_size - conn->sent;
	if (conn->sent <= conn->ahead + n)
		return conn->small_size - conn->ahead;
	return conn->small_size + n - conn->sent;
}

/* --- Out -------------------------------------------------------------------------------------- */

const char *fr_conn_error_text(int err)
{
	switch (err) {
	case ECONNRESET:
		return "connection reset by peer";
	case EPIPE:
		return "connection closed by peer";
	case ETIMEDOUT:
		return "peer does not answer";
	case ECONNREFUSED:
		return "connection refused";
	case EHOSTUNREACH:
	case ENETUNREACH:
		return "no route to host";
	default:
		return strerrordesc_np(err) != NULL ? strerrordesc_np(err) : "unknown error";
	}
}

const char *fr_conn_read_error(const struct fr_conn *conn, ssize_t n)
{
	return conn->gone != NULL ? conn->gone : fr_conn_error_text((int)-n);
}

/* One sendmsg(). @return bytes taken, 0 when the socket is full; -1: gone, conn->gone says why */
FR_HOT static ssize_t send_once(struct fr_conn *conn, struct iovec *iov, size_t count)
{
	const struct msghdr msg = {.msg_iov = iov, .msg_iovlen = count};
	ssize_t n;

	if (conn->tls != NULL)
		return fr_conn_tls_send(conn, iov, count);
	/* A piece alone has the shorter way through the kernel. */
	do
		n = count == 1
		        ? send(conn->fd, iov->iov_base, iov->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT)
		        : sendmsg(conn->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n > 0) {
		conn->progress_us = fr_clock_now_us();
		return n;
	}
	/* ENOBUFS, ENOMEM: the kernel is short; the poller brings us back when it is not. */
	if (n == 0 || errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)
		return 0;
	conn->gone = fr_conn_error_text(errno);
	return -1;
}

/* Adds a part of the row behind the first `*skip` bytes. */
FR_HOT static void add_part(
    struct iovec *iov, size_t *count, const uint8_t *bytes, size_t size, size_t *skip)
{
	const size_t n = *skip < size ? *skip : size;

	*skip -= n;
	if (size == n)
		return;
	/* A frame's plain prefix lies right before it. */
	if (*count > 0 &&
	    (const uint8_t *)iov[*count - 1].iov_base + iov[*count - 1].iov_len == bytes + n) {
		iov[*count - 1].iov_len += size - n;
		return;
	}
	iov[*count].iov_base = (void *)(uintptr_t)(bytes + n); /* sendmsg() only reads it */
	iov[*count].iov_len = size - n;
	(*count)++;
}

/* Sends what waits. A full socket takes less than it is given, so one sendmsg() is enough. */
enum fr_send fr_conn_flush(struct fr_conn *conn)
{
	struct iovec iov[3];
	size_t skip = conn->sent, count = 0;
	ssize_t n;

	if (fr_conn_is_idle(conn))
		return FR_SEND_DONE;
	add_part(iov, &count, conn->small, conn->ahead, &skip);
	if (conn->frame != NULL)
		add_part(iov, &count, fr_frame_bytes(conn->frame), frame_size(conn), &skip);
	if (conn->small_size > conn->ahead)
		add_part(
		    iov, &count, conn->small + conn->ahead, conn->small_size - conn->ahead, &skip);
	n = send_once(conn, iov, count);
	if (n < 0)
		return FR_SEND_GONE;
	conn->sent += (size_t)n;
	if (!fr_conn_is_idle(conn))
		return FR_SEND_FULL;
	drop_waiting(conn);
	return FR_SEND_DONE;
}

/* Asks for EV_WRITE; where even that fails the conn is told to be gone, from the loop. */
enum fr_send fr_conn_wait_writable(struct fr_conn *conn)
{
	if (conn->tls != NULL && !fr_conn_tls_may_write(conn))
		return FR_SEND_FULL; /* it is asked for when that has changed */
	if (event_add(&conn->writable, NULL) != 0) {
		conn->gone = "no memory to wait for the socket";
		event_active(&conn->writable, EV_WRITE, 0);
	}
	return FR_SEND_FULL;
}

FR_HOT enum fr_send fr_conn_send_frame(struct fr_conn *conn, const void *head, size_t head_size,
    struct fr_frame *frame, const void *tail, size_t tail_size)
{
	const size_t total = head_size + fr_frame_size(frame) + tail_size;
	struct iovec iov[3];
	size_t skip = 0, count = 0;
	ssize_t n;

	if (conn->fd < 0 || conn->gone != NULL)
		return FR_SEND_GONE;
	assert(fr_conn_is_idle(conn) && head_size <= HEAD_MAX && tail_size <= TAIL_MAX);
	if (head_size > 0)
		add_part(iov, &count, head, head_size, &skip);
	add_part(iov, &count, fr_frame_bytes(frame), fr_frame_size(frame), &skip);
	if (tail_size > 0)
		add_part(iov, &count, tail, tail_size, &skip);
	n = send_once(conn, iov, count);
	if (n < 0)
		return FR_SEND_GONE;
	if ((size_t)n == total)
		return FR_SEND_DONE;
	if (n == 0)
		conn->progress_us = fr_clock_now_us(); /* the waiting begins now */
	fr_conn_append(conn, head, head_size);
	conn->ahead = head_size;
	fr_conn_append(conn, tail, tail_size);
	conn->frame = fr_frame_ref(frame);
	conn->sent = (size_t)n;
	return fr_conn_wait_writable(conn);
}

enum fr_send fr_conn_put(struct fr_conn *conn, const void *bytes, size_t size)
{
	const bool idle = fr_conn_is_idle(conn);
	struct iovec iov;
	ssize_t n = 0;

	if (conn->fd < 0 || conn->gone != NULL)
		return FR_SEND_GONE;
	if (size == 0)
		return idle ? FR_SEND_DONE : FR_SEND_FULL;
	if (idle) {
		iov.iov_base = (void *)(uintptr_t)bytes;
		iov.iov_len = size;
		n = send_once(conn, &iov, 1);
		if (n < 0)
			return FR_SEND_GONE;
		if ((size_t)n == size)
			return FR_SEND_DONE;
		if (n == 0)
			conn->progress_us = fr_clock_now_us();
	}
	if (small_waiting(conn) + size - (size_t)n > CONTROL_MAX + CONTROL_MORE) {
		conn->gone = "peer asks for answers and does not read them";
		(void)event_del(&conn->writable);
		return FR_SEND_GONE;
	}
	fr_conn_append(conn, (const uint8_t *)bytes + n, size - (size_t)n);
	return idle ? fr_conn_wait_writable(conn) : FR_SEND_FULL;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct fr_conn *conn = arg;

	(void)fd;
	(void)what;
	if (conn->gone == NULL && conn->tls != NULL && fr_conn_tls_on_writable(conn))
		return;
	if (conn->gone == NULL) {
		switch (fr_conn_flush(conn)) {
		case FR_SEND_DONE:
			(void)event_del(&conn->writable);
			conn->ops->on_drained(conn->arg);
			return;
		case FR_SEND_FULL:
			return;
		case FR_SEND_GONE:
			break;
		}
	}
	(void)event_del(&conn->writable);
	conn->ops->on_gone(conn->arg, conn->gone);
}

/* --- In --------------------------------------------------------------------------------------- */

FR_HOT ssize_t fr_conn_read(struct fr_conn *conn, const struct iovec *iov, int count)
{
	ssize_t n;

	if (conn->fd < 0)
		return -EBADF;
	if (conn->tls != NULL && !fr_conn_tls_lingers(conn)) {
		n = fr_conn_tls_read(conn, iov, count);
		if (n > 0 || n == -EAGAIN)
			return n;
		goto ended;
	}
	do
		n = count == 1 ? recv(conn->fd, iov->iov_base, iov->iov_len, MSG_DONTWAIT)
		               : readv(conn->fd, iov, count);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		return n;
	if (n < 0 && errno == EAGAIN)
		return -EAGAIN;
	n = n < 0 ? -errno : 0;
ended:
	/* The poller would tell the end again and again. */
	conn->ended = true;
	(void)event_del(&conn->readable);
	return n;
}

FR_HOT static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct fr_conn *conn = arg;

	(void)fd;
	(void)what;
	if (conn->tls != NULL)
		fr_conn_tls_on_readable(conn);
	else
		conn->ops->on_readable(conn->arg);
}

void fr_conn_start_reading(struct fr_conn *conn)
{
	if (conn->tls != NULL)
		fr_conn_tls_resume(conn);
	if (conn->ended || event_add(&conn->readable, NULL) == 0)
		return;
	conn->gone = "no memory to wait for the socket";
	event_active(&conn->writable, EV_WRITE, 0);
}

void fr_conn_pause(struct fr_conn *conn, bool paused)
{
	if (conn->fd < 0)
		return;
	conn->paused = paused;
	if (conn->tls != NULL && !fr_conn_tls_is_open(conn))
		return;
	if (paused)
		(void)event_del(&conn->readable);
	else
		fr_conn_start_reading(conn);
}

/* --- Life ------------------------------------------------------------------------------------- */

/* Options that a socket does not know (unix) or that are out of the kernel's range are left out. */
static void set_option(int fd, int level, int name, int64_t value)
{
	const int v = value > INT32_MAX ? INT32_MAX : (int)value;

	(void)setsockopt(fd, level, name, &v, sizeof(v));
}

/* Milliseconds as the whole seconds, at least 1, that tcp(7) takes. */
static int64_t seconds(int64_t ms)
{
	return ms < 1000 ? 1 : ms / 1000;
}

static void set_options(int fd, const struct fr_conn_options *options)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (options->notsent_lowat_bytes > 0)
		set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, options->notsent_lowat_bytes);
	if (options->user_timeout_ms > 0)
		set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, options->user_timeout_ms);
	if (options->keepalive_idle_ms > 0) {
		set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
		set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds(options->keepalive_idle_ms));
		set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds(options->keepalive_interval_ms));
		set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
	}
}

void fr_conn_set_user_timeout(struct fr_conn *conn, int64_t ms)
{
	if (conn->fd >= 0)
		set_option(conn->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, ms);
}

struct fr_conn *fr_conn_new(struct fr_loop *loop, int fd, const struct fr_addr *peer,
    const struct fr_conn_options *options, const struct fr_conn_ops *ops, void *arg)
{
	struct fr_conn *conn = fr_xcalloc(1, sizeof(*conn));

	conn->loop = loop;
	conn->fd = fd;
	conn->peer = *peer;
	conn->ops = ops;
	conn->arg = arg;
	conn->progress_us = fr_clock_now_us();
	set_options(fd, options);
	(void)event_assign(
	    &conn->readable, fr_loop_base(loop), fd, EV_READ | EV_PERSIST, on_readable, conn);
	(void)event_assign(
	    &conn->writable, fr_loop_base(loop), fd, EV_WRITE | EV_PERSIST, on_writable, conn);
	if (options->tls.tls != NULL)
		fr_conn_tls_begin(conn, &options->tls);
	fr_conn_start_reading(conn);
	return conn;
}

static void free_conn(struct fr_deferred *deferred)
{
	struct fr_conn *conn =
	    (struct fr_conn *)((char *)deferred - offsetof(struct fr_conn, deferred));

	if (conn->tls != NULL)
		fr_conn_tls_free(conn);
	free(conn->finish);
	free(conn);
}

/* Ends everything but the socket: no callback comes any more. */
static int detach(struct fr_conn *conn)
{
	const int fd = conn->fd;

	if (conn->tls != NULL)
		fr_conn_tls_stop(conn);
	(void)event_del(&conn->readable);
	(void)event_del(&conn->writable);
	if (conn->finish != NULL) {
		(void)event_del(&conn->finish->timer);
		fr_loop_disown(conn->loop, &conn->finish->orphan);
	}
	drop_waiting(conn);
	conn->fd = -1;
	fr_loop_defer(conn->loop, &conn->deferred, free_conn);
	return fd;
}

/* Bytes that the peer has not acknowledged; a FIN counts as one (tcp_ioctl()). */
int fr_conn_unacknowledged(int fd)
{
	int n = 0;

	return ioctl(fd, SIOCOUTQ, &n) == 0 ? n : 0;
}

void fr_conn_close_now(struct fr_conn *conn, bool reset)
{
	static const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
	int fd;

	if (conn->tls != NULL && !reset)
		fr_conn_tls_say_end(conn);
	fd = detach(conn);
	/* Without it the kernel would keep megabytes for a peer that may never read them. */
	if (reset)
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	(void)close(fd);
}

void fr_conn_close(struct fr_conn *conn)
{
	if (conn == NULL || conn->fd < 0)
		return;
	if (conn->tls != NULL && conn->finish == NULL && fr_conn_tls_lingers(conn)) {
		conn->gone = NULL;
		drop_waiting(conn); /* it was meant for the other side of a handshake */
		fr_conn_finish(conn, "", 0, LAST_WORDS_MS);
		return;
	}
	fr_conn_close_now(conn, !fr_conn_is_idle(conn) || fr_conn_unacknowledged(conn->fd) > 0);
}

void fr_conn_set_owner(struct fr_conn *conn, const struct fr_conn_ops *ops, void *arg)
{
	assert(fr_conn_is_idle(conn) && conn->finish == NULL);
	conn->ops = ops;
	conn->arg = arg;
}
