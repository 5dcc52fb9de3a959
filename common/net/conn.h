/* SPDX-License-Identifier: MIT */
/*
 * One stream socket on plain events, made for pictures; with TLS inside it where that is asked for, which its owner
 * does not notice.
 *
 * Out: at most one frame is under way; its prefix and its bytes leave in one sendmsg(), straight away when the
 * socket is idle, and EV_WRITE is asked for only after a short write. Small control bytes (answers, records) wait
 * behind the frame that is under way, in a bounded buffer. In: the owner is told when there is something to
 * read and reads a bounded amount. Nothing frees itself inside its own callback: after fr_conn_close() or
 * fr_conn_finish() no callback comes any more and the memory goes at the end of the loop's turn.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>
#include <sys/uio.h>

#include "common/base/addr.h"

struct fr_conn;
struct fr_frame;
struct fr_loop;
struct fr_tls;
struct fr_tls_protocols;

struct fr_conn_ops {
	/**
	 * There is something to read (bytes, the end or an error): call fr_conn_read(). It comes again while something is left,
	 * but not after fr_conn_read() has told the end or an error.
	 */
	void (*on_readable)(void *arg);
	/**
	 * Nothing waits any more: the next frame may be given. Follows a FR_SEND_FULL, never from inside
	 * fr_conn_send_frame() or fr_conn_put().
	 */
	void (*on_drained)(void *arg);
	/**
	 * A write or the handshake of TLS failed: the peer is gone. The owner closes. `reason` is a text such as
	 * "connection reset by peer", which lasts until the turn of the loop is over.
	 */
	void (*on_gone)(void *arg, const char *reason);
};

/** How a conn begins with TLS. All zero: it does not. */
struct fr_conn_tls_options {
	const struct fr_tls *tls; /* NULL: plain. Borrowed for the call */
	const char
	    *host; /* NULL: we are the server; else who the other end's certificate must name */
	const struct fr_tls_protocols *protocols; /* NULL: none is named; lives for ever */
	int64_t handshake_ms;                     /* the handshake's absolute deadline; 0: none */
	bool
	    is_ticketless; /* a server's, whose peers may never read: a session ticket that lies unread when they
	                       close makes a reset of their end, and what was under way is lost */
	const char *
	    area; /* a server's, for the log and fr_stat_rejected(); lives for ever. NULL: neither */
};

struct fr_conn_options {
	int64_t notsent_lowat_bytes; /* 0: leave it to the kernel */
	int64_t keepalive_idle_ms;   /* 0: no keepalive */
	int64_t keepalive_interval_ms;
	int64_t user_timeout_ms; /* 0: leave it to the kernel */
	struct fr_conn_tls_options tls;
};

/**
 * Takes a connected non-blocking socket over. Sets TCP_NODELAY, keepalive and TCP_NOTSENT_LOWAT where the socket knows them.
 *
 * With TLS the handshake comes first: what is sent meanwhile waits, and nothing is read. A server whose handshake fails
 * counts and logs it under its area; a client that speaks plainly is told so in its own words (HTTP, a line), or by an alert.
 *
 * @param fd    taken, closed with the conn
 * @param peer  copied
 * @param ops   borrowed; a constant table
 * @return      never NULL; reading is on
 *
 * Source: tcp(7); limits measured in docs/performance.md.
 */
struct fr_conn *fr_conn_new(struct fr_loop *loop, int fd, const struct fr_addr *peer,
    const struct fr_conn_options *options, const struct fr_conn_ops *ops, void *arg);

/** Sets TCP_USER_TIMEOUT later, once it is known what the peer is. 0: the kernel's. */
void fr_conn_set_user_timeout(struct fr_conn *conn, int64_t ms);

/** Gives the conn to another owner, who hears of everything from now on. Nothing may wait. May be called in its callbacks. */
void fr_conn_set_owner(struct fr_conn *conn, const struct fr_conn_ops *ops, void *arg);

const struct fr_addr *fr_conn_peer(const struct fr_conn *conn);

/** @return whether what goes over it is encrypted */
bool fr_conn_is_secure(const struct fr_conn *conn);

/**
 * The certificate that the peer has shown and that is good, known before the first on_readable().
 *
 * @return SHA-256 of its DER form, 32 bytes, borrowed; NULL: it has shown none
 */
const uint8_t *fr_conn_certificate(const struct fr_conn *conn);

/**
 * Reads once, like readv(2).
 *
 * After the end the other direction still works (a half-closed peer): whether it is used is the owner's to decide.
 *
 * @return bytes > 0; 0: the peer has ended its side; -EAGAIN: nothing now; -errno: gone (fr_conn_error_text())
 */
ssize_t fr_conn_read(struct fr_conn *conn, const struct iovec *iov, int count);

/** Stops or resumes reading (a peer that must wait). While paused and with nothing to write, a peer that goes is not noticed. */
void fr_conn_pause(struct fr_conn *conn, bool paused);

enum fr_send {
	FR_SEND_DONE, /* all of it is with the kernel; the next one may be given at once */
	FR_SEND_FULL, /* a part waits in the conn; on_drained() or on_gone() follows */
	FR_SEND_GONE, /* the peer is gone: close. fr_conn_gone_reason() says why; on_gone() does not come */
};

/** @return whether nothing waits, neither a frame nor small bytes: fr_conn_send_frame() may be called */
bool fr_conn_is_idle(const struct fr_conn *conn);

/**
 * Sends head, picture and tail in one sendmsg().
 *
 * @param head  copied; 0..1024 bytes (a frame's prefix, a part's head, an answer's)
 * @param frame  the conn takes a reference of its own while it is under way
 * @param tail  0..128 bytes, copied; NULL when tail_size is 0
 */
enum fr_send fr_conn_send_frame(struct fr_conn *conn, const void *head, size_t head_size,
    struct fr_frame *frame, const void *tail, size_t tail_size);

/**
 * Sends small bytes in order, behind what is under way; copied.
 *
 * @return FR_SEND_GONE also when more than 8 KiB wait: the peer does not read and asks for answers
 */
enum fr_send fr_conn_put(struct fr_conn *conn, const void *bytes, size_t size);

/** @return why FR_SEND_GONE was returned, constant text */
const char *fr_conn_gone_reason(const struct fr_conn *conn);

/** @return why fr_conn_read() gave `n` < 0, in plain words; lasts until the turn of the loop is over */
const char *fr_conn_read_error(const struct fr_conn *conn, ssize_t n);

/** @param err  a positive errno value. @return constant text in plain words, such as "connection reset by peer" */
const char *fr_conn_error_text(int err);

/** @return CLOCK_MONOTONIC us at which the kernel last took a byte, or something was given while nothing waited */
int64_t fr_conn_progress_us(const struct fr_conn *conn);

/** @return bytes that wait in the conn (not in the kernel) */
size_t fr_conn_waiting_bytes(const struct fr_conn *conn);

/** @return frames under way: 0 or 1; a frame is under way until everything that waits is with the kernel */
unsigned fr_conn_frames(const struct fr_conn *conn);

/** Closes now; what waits is thrown away, with a RST when bytes are queued here or in the kernel. NULL is fine. */
void fr_conn_close(struct fr_conn *conn);

/**
 * Ends well: lets what is under way and `last` out, then FIN, then reads and forgets until the peer closes too, at
 * most `linger_ms` in all, then RST. The owner hears nothing more and must not use the conn again.
 *
 * @param last  last words, copied; may be empty
 */
void fr_conn_finish(struct fr_conn *conn, const void *last, size_t size, int64_t linger_ms);

/** @return conns of this loop that are finishing, for a clean stop */
size_t fr_conn_finishing(const struct fr_loop *loop);

/** @return those of them whose last words the peer's side has not got yet: what a clean stop must wait for */
size_t fr_conn_undelivered(const struct fr_loop *loop);
