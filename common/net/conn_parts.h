/* SPDX-License-Identifier: MIT */
/* What conn.c, conn_tls.c and conn_finish.c share; nobody else's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/net/conn.h"
#include "common/net/loop.h"

/* What fr_conn_finish() adds. */
struct fr_conn_end {
	struct fr_orphan orphan;
	struct fr_conn *conn;
	struct event timer; /* the deadline, or a look before it */
	int64_t deadline_us;
	bool fin_sent, peer_ended;
	bool looks; /* all is said and the peer has ended: only its acknowledgement is missing */
};

struct fr_conn_tls; /* conn_tls.c */

/*
 * What waits is one row of bytes: small[0..ahead), the frame, small[ahead..small_size), of which the first `sent`
 * are with the kernel. Nothing waits when both small_size and frame are zero.
 */
struct fr_conn {
	struct fr_loop *loop;
	const struct fr_conn_ops *ops;
	void *arg;
	int fd;      /* -1: closed, waits for its end */
	bool ended;  /* reading is over */
	bool paused; /* by its owner, which the handshake of TLS does not heed */
	struct event readable;
	struct event writable; /* added only while something waits */

	struct fr_frame *frame;
	uint8_t *small;
	size_t small_size, small_capacity;
	size_t ahead;
	size_t sent;
	int64_t progress_us;
	const char *gone;

	struct fr_conn_tls *tls; /* NULL: plain */
	struct fr_conn_end *finish;
	struct fr_deferred deferred;
	struct fr_addr peer;
};

/** Puts bytes behind what waits, without a bound. */
void fr_conn_append(struct fr_conn *conn, const void *bytes, size_t size);

/** Sends what waits. A full socket takes less than it is given, so one sendmsg() is enough. */
enum fr_send fr_conn_flush(struct fr_conn *conn);

/** Asks for EV_WRITE; where even that fails the conn is told to be gone, from the loop. @return FR_SEND_FULL */
enum fr_send fr_conn_wait_writable(struct fr_conn *conn);

/** Asks for EV_READ, unless the end was read; failures as above. */
void fr_conn_start_reading(struct fr_conn *conn);

/** @return bytes that the peer has not acknowledged; a FIN counts as one. Source: SIOCOUTQ, tcp(7) */
int fr_conn_unacknowledged(int fd);

/* --- conn_tls.c; only where conn->tls is there --- */

/** Begins as the options say. What fails is told from the loop. */
void fr_conn_tls_begin(struct fr_conn *conn, const struct fr_conn_tls_options *options);

/** Stops every event of its own; its memory lasts until fr_conn_tls_free(). */
void fr_conn_tls_stop(struct fr_conn *conn);
void fr_conn_tls_free(struct fr_conn *conn);

/** The socket is readable: goes on with the handshake, or calls the owner. */
void fr_conn_tls_on_readable(struct fr_conn *conn);

/** The socket is writable. @return false: it is for what waits in the conn */
bool fr_conn_tls_on_writable(struct fr_conn *conn);

/** @return whether what waits may be waited for by EV_WRITE now */
bool fr_conn_tls_may_write(const struct fr_conn *conn);

/** As one sendmsg(). @return bytes taken, 0 when nothing more can be; -1: gone, conn->gone says why */
ssize_t fr_conn_tls_send(struct fr_conn *conn, const struct iovec *iov, size_t count);

/** As fr_conn_read(). */
ssize_t fr_conn_tls_read(struct fr_conn *conn, const struct iovec *iov, int count);

/** Reading goes on: what was decrypted already comes by itself. */
void fr_conn_tls_resume(struct fr_conn *conn);

/** Says that nothing more comes (close_notify), as far as the socket takes it. */
void fr_conn_tls_say_end(struct fr_conn *conn);

/** @return whether the handshake is over: the owner may read and be called */
bool fr_conn_tls_is_open(const struct fr_conn *conn);

/** @return whether the handshake failed with words that the peer should get before the socket closes; TLS is over then */
bool fr_conn_tls_lingers(const struct fr_conn *conn);

/* --- conn.c --- */

/** Ends everything: no callback comes any more. @param reset  with a RST */
void fr_conn_close_now(struct fr_conn *conn, bool reset);
