/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/media/frame.h"
#include "common/net/conn.h"
#include "common/net/loop.h"
#include "tests/support/loop_runner.h"

enum {
	BIG = 8 << 20, /* more than the buffers of a socket pair hold */
};

/* One conn with a bare socket at its other end. */
struct end {
	struct fr_loop *loop;
	struct fr_frame_pool *pool;
	struct fr_conn *conn;
	int fd;   /* the conn's */
	int peer; /* -1: closed */

	unsigned readable, drained, gone;
	const char *reason;
	uint8_t got[64];
	size_t got_size;
	ssize_t last_read;
	bool close_in_readable, close_in_drained, close_in_gone;

	uint8_t *came; /* at the peer */
	size_t came_size, came_capacity, read_at_once;
	int came_errno;
	bool came_end;
};

static void on_readable(void *arg)
{
	struct end *e = arg;
	struct iovec iov = {
	    .iov_base = e->got + e->got_size, .iov_len = sizeof(e->got) - e->got_size};

	e->readable++;
	e->last_read = fr_conn_read(e->conn, &iov, 1);
	if (e->last_read > 0)
		e->got_size += (size_t)e->last_read;
	if (e->close_in_readable) {
		fr_conn_close(e->conn);
		e->conn = NULL;
	}
}

static void on_drained(void *arg)
{
	struct end *e = arg;

	e->drained++;
	assert_true(fr_conn_is_idle(e->conn));
	assert_int_equal(fr_conn_frames(e->conn), 0);
	if (e->close_in_drained) {
		fr_conn_close(e->conn);
		e->conn = NULL;
	}
}

static void on_gone(void *arg, const char *reason)
{
	struct end *e = arg;

	e->gone++;
	e->reason = reason;
	if (e->close_in_gone) {
		fr_conn_close(e->conn);
		e->conn = NULL;
	}
}

static const struct fr_conn_ops ops = {
    .on_readable = on_readable,
    .on_drained = on_drained,
    .on_gone = on_gone,
};

static const struct fr_conn_options options = {
    .notsent_lowat_bytes = 16384,
    .keepalive_idle_ms = 30000,
    .keepalive_interval_ms = 10000,
    .user_timeout_ms = 30000,
};

static int setup(void **state)
{
	static const struct fr_addr nobody = {.kind = FR_ADDR_UNIX};
	struct end *e = calloc(1, sizeof(*e));
	int fds[2];

	fr_test_tcp_pair(fds);
	e->loop = fr_test_loop();
	e->pool = fr_frame_pool_new(0);
	e->fd = fds[0];
	e->peer = fds[1];
	e->conn = fr_conn_new(e->loop, fds[0], &nobody, &options, &ops, e);
	e->came_capacity = 2 * BIG;
	e->came = malloc(e->came_capacity);
	e->read_at_once = 65536;
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	struct end *e = *state;

	fr_conn_close(e->conn);
	if (e->peer >= 0)
		(void)close(e->peer);
	fr_loop_free(e->loop);
	assert_int_equal(fr_frame_pool_frames(e->pool), 0);
	fr_frame_pool_free(e->pool);
	free(e->came);
	free(e);
	return 0;
}

static struct fr_frame *frame(struct end *e, size_t size, unsigned seed)
{
	static const struct fr_frame_info info = {.type = FR_FRAME_PICTURE, .sequence = 1};
	struct fr_frame *f = fr_frame_begin(e->pool, size);

	assert_non_null(f);
	fr_test_fill(fr_frame_room(f), size, seed);
	fr_frame_finish(f, size, &info);
	return f;
}

static enum fr_send send_big(struct end *e, unsigned seed)
{
	struct fr_frame *f = frame(e, BIG, seed);
	const enum fr_send sent = fr_conn_send_frame(e->conn, "head", 4, f, "tail", 4);

	fr_frame_unref(f);
	return sent;
}

/* The peer takes one read's worth. */
static void peer_reads(struct end *e)
{
	size_t most = e->came_capacity - e->came_size;
	ssize_t n;

	if (most > e->read_at_once)
		most = e->read_at_once;
	n = read(e->peer, e->came + e->came_size, most);
	if (n > 0)
		e->came_size += (size_t)n;
	else if (n == 0)
		e->came_end = true;
	else if (errno != EAGAIN)
		e->came_errno = errno;
}

static bool is_drained(void *arg)
{
	struct end *e = arg;

	peer_reads(e);
	return e->drained > 0;
}

static bool peer_saw_the_end(void *arg)
{
	struct end *e = arg;

	peer_reads(e);
	return e->came_end || e->came_errno != 0;
}

static bool owner_heard_of_the_end(void *arg)
{
	const struct end *e = arg;

	return e->gone > 0 || (e->readable > 0 && e->last_read <= 0);
}

static bool owner_read_something(void *arg)
{
	return ((struct end *)arg)->got_size > 0;
}

static bool nothing_finishes(void *arg)
{
	return fr_conn_finishing(((struct end *)arg)->loop) == 0;
}

/* The big frame between its head and tail, from `at`. */
static void assert_big(const struct end *e, size_t at, unsigned seed)
{
	uint8_t *expected = malloc(BIG);

	fr_test_fill(expected, BIG, seed);
	assert_memory_equal(e->came + at, "head", 4);
	assert_true(memcmp(e->came + at + 4, expected, BIG) == 0);
	assert_memory_equal(e->came + at + 4 + BIG, "tail", 4);
	free(expected);
}

/* --- Out -------------------------------------------------------------------------------------- */

static void an_idle_socket_takes_a_frame_at_once(void **state)
{
	struct end *e = *state;
	struct fr_frame *f = frame(e, 1000, 1);

	assert_int_equal(fr_conn_send_frame(e->conn, "head", 4, f, "tail", 4), FR_SEND_DONE);
	peer_reads(e);

	assert_int_equal(e->came_size, 1008);
	assert_memory_equal(e->came, "head", 4);
	assert_memory_equal(e->came + 4, fr_frame_bytes(f), 1000);
	assert_memory_equal(e->came + 1004, "tail", 4);
	assert_true(fr_conn_is_idle(e->conn));
	fr_test_turn(e->loop, 3);
	assert_int_equal(e->drained, 0);
	fr_frame_unref(f);
}

static void a_frame_needs_neither_head_nor_tail(void **state)
{
	struct end *e = *state;
	struct fr_frame *f = frame(e, 1000, 1);

	assert_int_equal(fr_conn_send_frame(e->conn, NULL, 0, f, NULL, 0), FR_SEND_DONE);
	peer_reads(e);
	assert_int_equal(e->came_size, 1000);
	fr_frame_unref(f);
}

static void a_short_write_is_resumed_to_the_byte(void **state)
{
	struct end *e = *state;

	e->read_at_once = 77777;
	assert_int_equal(send_big(e, 7), FR_SEND_FULL);
	assert_false(fr_conn_is_idle(e->conn));
	assert_int_equal(fr_conn_frames(e->conn), 1);
	fr_test_until(e->loop, is_drained, e);
	while (e->came_size < BIG + 8)
		peer_reads(e);

	assert_int_equal(e->came_size, BIG + 8);
	assert_big(e, 0, 7);
	assert_int_equal(e->drained, 1);
	assert_int_equal(fr_frame_pool_frames(e->pool), 0);
}

static void a_head_alone_can_be_cut_too(void **state)
{
	static const struct fr_addr nobody = {.kind = FR_ADDR_UNIX};
	struct end *e = *state;
	uint8_t head[256], expected[1 << 16];
	struct fr_frame *f = frame(e, 50, 3);
	size_t sent = 0;
	int fds[2], small = 1;

	/* A socket with the least buffer: short writes come at every place. */
	fr_conn_close(e->conn);
	(void)close(e->peer);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	(void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	e->peer = fds[1];
	e->read_at_once = 61;
	e->conn = fr_conn_new(e->loop, fds[0], &nobody, &options, &ops, e);
	fr_test_fill(head, sizeof(head), 9);
	for (unsigned i = 0; i < 100; i++) {
		enum fr_send r = fr_conn_send_frame(e->conn, head, sizeof(head), f, "tail", 4);

		memcpy(expected + sent, head, sizeof(head));
		memcpy(expected + sent + sizeof(head), fr_frame_bytes(f), 50);
		memcpy(expected + sent + sizeof(head) + 50, "tail", 4);
		sent += sizeof(head) + 54;
		if (r == FR_SEND_FULL) {
			e->drained = 0;
			fr_test_until(e->loop, is_drained, e);
		}
	}
	fr_frame_unref(f);
	while (e->came_size < sent)
		peer_reads(e);
	assert_memory_equal(e->came, expected, sent);
}

static void small_bytes_go_right_behind_the_frame_under_way(void **state)
{
	struct end *e = *state;

	assert_int_equal(fr_conn_put(e->conn, "first.", 6), FR_SEND_DONE);
	assert_int_equal(send_big(e, 5), FR_SEND_FULL);
	assert_int_equal(fr_conn_put(e->conn, "second.", 7), FR_SEND_FULL);
	assert_int_equal(fr_conn_put(e->conn, "third.", 6), FR_SEND_FULL);
	fr_test_until(e->loop, is_drained, e);
	while (e->came_size < 6 + BIG + 8 + 13)
		peer_reads(e);

	assert_memory_equal(e->came, "first.", 6);
	assert_big(e, 6, 5);
	assert_memory_equal(e->came + 6 + BIG + 8, "second.third.", 13);
	assert_int_equal(e->came_size, 6 + BIG + 8 + 13);
	assert_int_equal(e->drained, 1);
}

static void small_bytes_may_be_given_all_along(void **state)
{
	struct end *e = *state;
	char text[16], expected[16];
	size_t at = BIG + 8;
	unsigned given = 0;

	e->read_at_once = 3000;
	assert_int_equal(send_big(e, 5), FR_SEND_FULL);
	while (e->came_size < BIG + 8) {
		if (given * 400000 < e->came_size) {
			(void)snprintf(text, sizeof(text), "put %06u.", given++);
			assert_true(fr_conn_put(e->conn, text, 11) != FR_SEND_GONE);
		}
		peer_reads(e);
		fr_test_turn(e->loop, 1);
	}
	while (e->came_size < BIG + 8 + 11 * (size_t)given) {
		peer_reads(e);
		fr_test_turn(e->loop, 1);
	}
	assert_big(e, 0, 5);
	assert_true(given > 10);
	for (unsigned i = 0; i < given; i++, at += 11) {
		(void)snprintf(expected, sizeof(expected), "put %06u.", i);
		assert_memory_equal(e->came + at, expected, 11);
	}
}

static void who_asks_for_answers_and_does_not_read_is_gone(void **state)
{
	struct end *e = *state;
	uint8_t answer[512] = {0};
	enum fr_send r = FR_SEND_FULL;
	size_t given = 0;

	assert_int_equal(send_big(e, 1), FR_SEND_FULL);
	while (r == FR_SEND_FULL && given < 1 << 20) {
		r = fr_conn_put(e->conn, answer, sizeof(answer));
		given += sizeof(answer);
	}
	assert_int_equal(r, FR_SEND_GONE);
	assert_in_range(given, 8192, 8192 + 1024);
	assert_non_null(strstr(fr_conn_gone_reason(e->conn), "does not read"));
	assert_int_equal(send_big(e, 1), FR_SEND_GONE);
	fr_test_turn(e->loop, 3);
	assert_int_equal(e->gone, 0); /* told once */
}

static void a_peer_that_never_reads_makes_no_progress(void **state)
{
	struct end *e = *state;
	int64_t given_us = fr_clock_now_us(), progress_us;
	size_t waiting;

	assert_int_equal(send_big(e, 1), FR_SEND_FULL);
	assert_true(fr_conn_progress_us(e->conn) >= given_us);
	/* The kernel's buffers fill up, then nothing moves. */
	do {
		waiting = fr_conn_waiting_bytes(e->conn);
		(void)usleep(20000);
		fr_test_turn(e->loop, 20);
	} while (fr_conn_waiting_bytes(e->conn) != waiting);
	progress_us = fr_conn_progress_us(e->conn);
	(void)usleep(20000);
	fr_test_turn(e->loop, 20);

	assert_true(fr_conn_progress_us(e->conn) == progress_us);
	assert_true(progress_us < fr_clock_now_us());
	assert_true(waiting > 1 << 20);
	assert_int_equal(e->drained, 0);
}

static void what_is_given_to_an_idle_socket_counts_as_progress(void **state)
{
	struct end *e = *state;
	const int64_t before_us = fr_conn_progress_us(e->conn);

	(void)usleep(1000);
	assert_int_equal(fr_conn_put(e->conn, "x", 1), FR_SEND_DONE);
	assert_true(fr_conn_progress_us(e->conn) > before_us);
}

/* --- The peer goes ---------------------------------------------------------------------------- */

static void reset_by_peer(struct end *e)
{
	const struct linger at_once = {.l_onoff = 1};

	assert_int_equal(setsockopt(e->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
	assert_int_equal(close(e->peer), 0);
	e->peer = -1;
}

static void a_reset_while_a_frame_is_under_way_is_told(void **state)
{
	struct end *e = *state;

	assert_int_equal(send_big(e, 1), FR_SEND_FULL);
	reset_by_peer(e);
	fr_test_until(e->loop, owner_heard_of_the_end, e);

	fr_conn_close(e->conn);
	e->conn = NULL;
	fr_test_turn(e->loop, 2);
	assert_int_equal(fr_frame_pool_frames(e->pool), 0);
}

static void a_reset_of_a_paused_peer_is_told_when_something_waits(void **state)
{
	struct end *e = *state;

	fr_conn_pause(e->conn, true);
	assert_int_equal(send_big(e, 1), FR_SEND_FULL);
	reset_by_peer(e);
	fr_test_until(e->loop, owner_heard_of_the_end, e);

	assert_int_equal(e->gone, 1);
	assert_non_null(strstr(e->reason, "peer"));
}

static void an_end_without_a_reader_is_told_once(void **state)
{
	struct end *e = *state;

	assert_int_equal(shutdown(e->peer, SHUT_WR), 0);
	fr_test_until(e->loop, owner_heard_of_the_end, e);
	fr_test_turn(e->loop, 5);

	assert_int_equal(e->last_read, 0);
	assert_int_equal(e->readable, 1);
	/* The other direction goes on. */
	assert_int_equal(fr_conn_put(e->conn, "still here", 10), FR_SEND_DONE);
	peer_reads(e);
	assert_memory_equal(e->came, "still here", 10);
}

static void sending_to_a_peer_that_is_gone_says_so(void **state)
{
	struct end *e = *state;

	reset_by_peer(e);
	fr_test_until(e->loop, owner_heard_of_the_end, e);
	assert_int_equal(fr_conn_put(e->conn, "x", 1), FR_SEND_GONE);
	assert_int_equal(send_big(e, 1), FR_SEND_GONE);
	assert_true(strlen(fr_conn_gone_reason(e->conn)) > 0);
}

static bool is_closed(void *arg)
{
	peer_reads(arg);
	return ((struct end *)arg)->conn == NULL;
}

static void it_may_be_closed_from_on_readable(void **state)
{
	struct end *e = *state;

	e->close_in_readable = true;
	assert_int_equal(write(e->peer, "x", 1), 1);
	fr_test_until(e->loop, is_closed, e);
	fr_test_turn(e->loop, 2);
	assert_int_equal(e->readable, 1);
}

static void it_may_be_closed_from_on_drained(void **state)
{
	struct end *e = *state;

	e->close_in_drained = true;
	assert_int_equal(send_big(e, 1), FR_SEND_FULL);
	fr_test_until(e->loop, is_closed, e);
	fr_test_turn(e->loop, 2);
	assert_int_equal(e->drained, 1);
}

static void it_may_be_closed_from_on_gone(void **state)
{
	struct end *e = *state;

	e->close_in_gone = true;
	fr_conn_pause(e->conn, true);
	assert_int_equal(send_big(e, 1), FR_SEND_FULL);
	reset_by_peer(e);
	e->peer = -1;
	while (e->conn != NULL)
		fr_test_turn(e->loop, 1);
	fr_test_turn(e->loop, 2);
	assert_int_equal(e->gone, 1);
}

static void a_close_while_both_directions_are_ready_calls_nobody_again(void **state)
{
	struct end *e = *state;

	e->close_in_readable = true;
	assert_int_equal(send_big(e, 1), FR_SEND_FULL);
	assert_int_equal(write(e->peer, "x", 1), 1);
	for (unsigned i = 0; i < 50; i++)
		peer_reads(e); /* now readable and writable in one turn */
	fr_test_until(e->loop, is_closed, e);
	fr_test_turn(e->loop, 3);
	assert_int_equal(e->readable, 1);
	assert_int_equal(e->gone, 0);
}

static void closing_with_bytes_queued_resets(void **state)
{
	struct end *e = *state;

	assert_int_equal(send_big(e, 1), FR_SEND_FULL);
	fr_conn_close(e->conn);
	e->conn = NULL;
	fr_test_until(e->loop, peer_saw_the_end, e);
	assert_int_equal(e->came_errno, ECONNRESET);
}

/* --- In --------------------------------------------------------------------------------------- */

static void a_paused_conn_reads_when_it_is_resumed(void **state)
{
	struct end *e = *state;

	fr_conn_pause(e->conn, true);
	assert_int_equal(write(e->peer, "hello", 5), 5);
	fr_test_turn(e->loop, 5);
	assert_int_equal(e->readable, 0);

	fr_conn_pause(e->conn, false);
	fr_test_until(e->loop, owner_read_something, e);
	assert_memory_equal(e->got, "hello", 5);
}

static void a_conn_goes_on_with_another_owner(void **state)
{
	struct end *e = *state;
	struct end other = {.loop = e->loop, .conn = e->conn, .read_at_once = 65536};

	fr_conn_set_owner(e->conn, &ops, &other);
	assert_int_equal(write(e->peer, "yours", 5), 5);
	fr_test_until(e->loop, owner_read_something, &other);
	assert_memory_equal(other.got, "yours", 5);
	assert_int_equal(e->readable, 0);
}

/* --- Finishing -------------------------------------------------------------------------------- */

static void finishing_lets_the_frame_and_the_last_words_out(void **state)
{
	struct end *e = *state;

	assert_int_equal(send_big(e, 2), FR_SEND_FULL);
	fr_conn_finish(e->conn, "bye", 3, 10000);
	e->conn = NULL;
	assert_int_equal(fr_conn_finishing(e->loop), 1);
	assert_int_equal(fr_conn_undelivered(e->loop), 1);
	fr_test_until(e->loop, peer_saw_the_end, e);

	assert_true(e->came_end);
	assert_int_equal(e->came_size, BIG + 8 + 3);
	assert_big(e, 0, 2);
	assert_memory_equal(e->came + BIG + 8, "bye", 3);
	(void)close(e->peer);
	e->peer = -1;
	fr_test_until(e->loop, nothing_finishes, e);
	assert_int_equal(e->drained + e->gone + e->readable, 0); /* the owner heard nothing more */
}

static void finishing_an_idle_one_without_words_ends_when_the_peer_does(void **state)
{
	struct end *e = *state;

	fr_conn_finish(e->conn, NULL, 0, 10000);
	e->conn = NULL;
	fr_test_until(e->loop, peer_saw_the_end, e);
	assert_true(e->came_end);
	assert_int_equal(fr_conn_finishing(e->loop), 1);
	assert_int_equal(fr_conn_undelivered(e->loop), 0);
	(void)close(e->peer);
	e->peer = -1;
	fr_test_until(e->loop, nothing_finishes, e);
}

static void a_peer_that_never_reads_ends_after_the_linger(void **state)
{
	struct end *e = *state;
	const int64_t begin_us = fr_clock_now_us();

	assert_int_equal(send_big(e, 2), FR_SEND_FULL);
	fr_conn_finish(e->conn, "bye", 3, 200);
	e->conn = NULL;
	fr_test_until(e->loop, nothing_finishes, e);

	assert_true(fr_clock_now_us() - begin_us >= 190000); /* libevent's clock is a coarse one */
	fr_test_until(e->loop, peer_saw_the_end, e);
	assert_int_equal(e->came_errno, ECONNRESET);
	assert_int_equal(fr_frame_pool_frames(e->pool), 0);
}

static bool peer_saw_the_end_while_sending(void *arg)
{
	static const uint8_t zeros[65536];
	struct end *e = arg;

	(void)!send(e->peer, zeros, sizeof(zeros), MSG_NOSIGNAL);
	peer_reads(e);
	return e->came_end || e->came_errno != 0;
}

static void the_last_words_reach_a_peer_that_is_still_sending(void **state)
{
	struct end *e = *state;

	assert_false(peer_saw_the_end_while_sending(e));
	fr_conn_pause(e->conn, true); /* as an owner that reads no more does */
	fr_conn_finish(e->conn, "no pictures here", 16, 10000);
	e->conn = NULL;
	fr_test_until(e->loop, peer_saw_the_end_while_sending, e);

	assert_true(e->came_end);
	assert_int_equal(e->came_size, 16);
	assert_memory_equal(e->came, "no pictures here", 16);
}

static void finishing_behind_a_peer_that_ended_its_side_still_delivers(void **state)
{
	struct end *e = *state;
	const int64_t begin_us = fr_clock_now_us();

	assert_int_equal(shutdown(e->peer, SHUT_WR), 0);
	fr_test_until(e->loop, owner_heard_of_the_end, e);
	assert_int_equal(send_big(e, 4), FR_SEND_FULL);
	fr_conn_finish(e->conn, "bye", 3, 10000);
	e->conn = NULL;
	fr_test_until(e->loop, peer_saw_the_end, e);

	assert_true(e->came_end);
	assert_int_equal(e->came_size, BIG + 8 + 3);
	fr_test_until(e->loop, nothing_finishes, e);
	assert_true(fr_clock_now_us() - begin_us < 10000000); /* not by the deadline */
}

static void the_loops_end_closes_who_is_finishing(void **state)
{
	struct end *e = *state;
	const unsigned before = fr_test_descriptors();

	assert_int_equal(send_big(e, 2), FR_SEND_FULL);
	fr_conn_finish(e->conn, "bye", 3, 60000);
	e->conn = NULL;
	fr_loop_free(e->loop);
	e->loop = NULL;
	assert_true(fr_test_descriptors() < before);
	assert_int_equal(fr_frame_pool_frames(e->pool), 0);
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t length = sizeof(value);

	assert_int_equal(getsockopt(fd, level, name, &value, &length), 0);
	return value;
}

static void a_socket_is_told_to_hold_little_and_to_look_for_the_dead(void **state)
{
	struct end *e = *state;
	const int fd = e->fd;

	fr_conn_set_user_timeout(e->conn, 12000);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_NODELAY), 1);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT), 16384);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT), 12000);
	assert_int_equal(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 30);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 10);
	assert_int_equal(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 3);
}

static void an_idle_conn_takes_less_than_a_kibibyte(void **state)
{
	struct end *e = *state;

	assert_true(malloc_usable_size(e->conn) < 1024);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(an_idle_socket_takes_a_frame_at_once),
	    TEST(a_frame_needs_neither_head_nor_tail),
	    TEST(a_short_write_is_resumed_to_the_byte),
	    TEST(a_head_alone_can_be_cut_too),
	    TEST(small_bytes_go_right_behind_the_frame_under_way),
	    TEST(small_bytes_may_be_given_all_along),
	    TEST(who_asks_for_answers_and_does_not_read_is_gone),
	    TEST(a_peer_that_never_reads_makes_no_progress),
	    TEST(what_is_given_to_an_idle_socket_counts_as_progress),
	    TEST(a_reset_while_a_frame_is_under_way_is_told),
	    TEST(a_reset_of_a_paused_peer_is_told_when_something_waits),
	    TEST(an_end_without_a_reader_is_told_once),
	    TEST(sending_to_a_peer_that_is_gone_says_so),
	    TEST(it_may_be_closed_from_on_readable),
	    TEST(it_may_be_closed_from_on_drained),
	    TEST(it_may_be_closed_from_on_gone),
	    TEST(a_close_while_both_directions_are_ready_calls_nobody_again),
	    TEST(closing_with_bytes_queued_resets),
	    TEST(a_paused_conn_reads_when_it_is_resumed),
	    TEST(a_conn_goes_on_with_another_owner),
	    TEST(finishing_lets_the_frame_and_the_last_words_out),
	    TEST(finishing_an_idle_one_without_words_ends_when_the_peer_does),
	    TEST(a_peer_that_never_reads_ends_after_the_linger),
	    TEST(the_last_words_reach_a_peer_that_is_still_sending),
	    TEST(finishing_behind_a_peer_that_ended_its_side_still_delivers),
	    TEST(the_loops_end_closes_who_is_finishing),
	    TEST(a_socket_is_told_to_hold_little_and_to_look_for_the_dead),
	    TEST(an_idle_conn_takes_less_than_a_kibibyte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
