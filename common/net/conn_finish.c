/* SPDX-License-Identifier: MIT */
/* The end of a conn that nobody owns any more: what waits, the FIN, the peer's end or the deadline. */
#include <assert.h>
#include <stddef.h>

#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/net/conn_parts.h"

enum {
	FORGET_BYTES_PER_TURN = 1 << 20, /* of a peer that sends although it was told the end */
	LOOK_US = 20 * 1000,
};

static const struct fr_conn_end *end_of(const struct fr_orphan *orphan)
{
	return (const struct fr_conn_end *)((const char *)orphan -
	                                    offsetof(struct fr_conn_end, orphan));
}

/* The deadline, or nothing is left to wait for. */
static void end_finish(struct fr_conn *conn)
{
	const int fin = conn->finish->fin_sent ? 1 : 0;

	fr_conn_close_now(conn, !fr_conn_is_idle(conn) || fr_conn_unacknowledged(conn->fd) > fin);
}

static void wait_at_most(struct fr_conn *conn, int64_t us)
{
	struct fr_conn_end *f = conn->finish;
	const int64_t left_us = f->deadline_us - fr_clock_now_us();
	const int64_t wait_us = left_us < 0 ? 0 : left_us < us ? left_us : us;
	const struct timeval tv = {.tv_sec = wait_us / 1000000, .tv_usec = wait_us % 1000000};

	(void)event_add(&f->timer, &tv);
}

/*
 * A peer that has ended its side may still read. What it acknowledges then makes no event, so a look is taken every
 * now and then; the deadline stays.
 */
static void continue_finish(struct fr_conn *conn)
{
	struct fr_conn_end *f = conn->finish;

	if (fr_conn_is_idle(conn) && !f->fin_sent) {
		f->fin_sent = true;
		if (conn->tls != NULL)
			fr_conn_tls_say_end(conn);
		(void)shutdown(conn->fd, SHUT_WR);
	}
	if (!f->fin_sent || !f->peer_ended)
		return;
	if (fr_conn_unacknowledged(conn->fd) <= 1) {
		end_finish(conn);
		return;
	}
	f->looks = true;
	wait_at_most(conn, LOOK_US);
}

static void finish_on_readable(void *arg)
{
	struct fr_conn *conn = arg;
	struct iovec iov;
	ssize_t n;

	iov.iov_base = fr_loop_scratch(conn->loop, &iov.iov_len);
	for (size_t taken = 0; taken < FORGET_BYTES_PER_TURN; taken += (size_t)n) {
		n = fr_conn_read(conn, &iov, 1);
		if (n == -EAGAIN)
			return;
		if (n < 0) {
			end_finish(conn);
			return;
		}
		if (n == 0) {
			conn->finish->peer_ended = true;
			continue_finish(conn);
			return;
		}
	}
}

static void finish_on_gone(void *arg, const char *reason)
{
	(void)reason;
	fr_conn_close_now(arg, true);
}

static void finish_on_drained(void *arg)
{
	continue_finish(arg);
}

static void finish_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct fr_conn *conn = arg;

	(void)fd;
	(void)what;
	/* libevent's clock is a coarse one: its deadline may come before ours. */
	if (!conn->finish->looks || fr_clock_now_us() >= conn->finish->deadline_us)
		end_finish(conn);
	else
		continue_finish(conn);
}

static void finish_on_loop_end(struct fr_orphan *orphan)
{
	end_finish(end_of(orphan)->conn);
}

static const struct fr_conn_ops finish_ops = {
    .on_readable = finish_on_readable,
    .on_drained = finish_on_drained,
    .on_gone = finish_on_gone,
};

void fr_conn_finish(struct fr_conn *conn, const void *last, size_t size, int64_t linger_ms)
{
	struct fr_conn_end *f;

	assert(conn->finish == NULL);
	if (conn->fd < 0)
		return;
	conn->ops = &finish_ops;
	conn->arg = conn;
	conn->paused = false;
	f = conn->finish = fr_xcalloc(1, sizeof(*f));
	f->conn = conn;
	f->peer_ended = conn->ended;
	fr_loop_adopt(conn->loop, &f->orphan, finish_on_loop_end);
	(void)event_assign(
	    &f->timer, fr_loop_base(conn->loop), -1, EV_TIMEOUT, finish_on_timer, conn);
	f->deadline_us = fr_clock_now_us() + linger_ms * 1000;
	wait_at_most(conn, linger_ms * 1000);
	if (conn->gone != NULL) {
		fr_conn_close_now(conn, true);
		return;
	}
	fr_conn_append(conn, last, size);
	if (fr_conn_flush(conn) == FR_SEND_GONE) {
		fr_conn_close_now(conn, true);
		return;
	}
	if (!fr_conn_is_idle(conn))
		(void)fr_conn_wait_writable(conn);
	fr_conn_start_reading(conn); /* also where the owner had paused it */
	continue_finish(conn);
}

size_t fr_conn_finishing(const struct fr_loop *loop)
{
	const struct fr_orphan *orphan = NULL;
	size_t count = 0;

	while ((orphan = fr_loop_next_orphan(loop, orphan, finish_on_loop_end)) != NULL)
		count++;
	return count;
}

size_t fr_conn_undelivered(const struct fr_loop *loop)
{
	const struct fr_orphan *orphan = NULL;
	size_t count = 0;

	while ((orphan = fr_loop_next_orphan(loop, orphan, finish_on_loop_end)) != NULL) {
		const struct fr_conn_end *f = end_of(orphan);

		if (!f->fin_sent || fr_conn_unacknowledged(f->conn->fd) > 1)
			count++;
	}
	return count;
}
