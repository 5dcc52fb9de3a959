/* SPDX-License-Identifier: MIT */
/*
 * The frames protocol as the one who connects: dials, says hello (or not: plain), reads and answers PINGs, and comes
 * back with back-off when the other end goes away.
 *
 * It says nothing in the log above debug: the owner hears of every change and decides.
 *
 * A connection is down at its end (END, length 0, the socket's end), when it breaks the protocol, when the hello is not
 * answered within first_byte_timeout_ms, and with records when nothing came for three ping_interval_ms. A publisher that
 * was replaced (409) comes back after 10 s with takeover=no; one that was refused with 409 asks again after 10 s.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/media/hello.h"
#include "common/media/wire.h"
#include "common/net/conn.h"

struct fr_frame_pool;
struct fr_limits;
struct fr_loop;
struct fr_wire_client;

struct fr_wire_client_spec {
	char host[256];
	uint16_t port;
	bool
	    plain; /* no hello: the recipe's framing, towards a program that knows only that, or from one */
	struct fr_hello hello; /* else what to say, PUB or SUB; records=1 is usual */
	bool retry;            /* come back after a failure */
	int64_t retry_first_us, retry_most_us; /* 0: 0.2 s and 2 s */
};

struct fr_wire_client_ops {
	/** Connected, and welcomed when there was a hello: frames may be sent. `answer` is NULL when plain. */
	void (*on_up)(void *arg, const struct fr_hello_answer *answer);
	/**
	 * FRAME (the reference is the receiver's; not finished yet), SKIPPED, MESSAGE, DEMAND, PING, PONG, END came. A PING
	 * has been answered before; behind END comes on_down(); BAD and ERROR come as on_down() only.
	 */
	void (*on_event)(void *arg, const struct fr_wire_event *event);
	/** Nothing is under way any more (after FR_SEND_FULL). */
	void (*on_drained)(void *arg);
	/**
	 * The connection, or the try to make one, is over.
	 *
	 * @param code   the code of an ERR or ERROR, else 0
	 * @param reason a sentence; valid during the call
	 * @param again  whether another try follows by itself: false after fr_wire_client_spec.retry == false,
	 *               and after 400, 401, 403, 415 (which a new try would not mend)
	 */
	void (*on_down)(void *arg, unsigned code, const char *reason, bool again);
};

/** @param spec  copied. @return never NULL; the first try begins at once, no callback comes from inside this call */
struct fr_wire_client *fr_wire_client_new(struct fr_loop *loop, struct fr_frame_pool *pool,
    const struct fr_limits *limits, const struct fr_wire_client_spec *spec,
    const struct fr_wire_client_ops *ops, void *arg);

/** Closes at once; no callback comes any more. NULL is fine. May be called from its own callbacks. */
void fr_wire_client_free(struct fr_wire_client *client);

/**
 * Ends well: what is under way goes out, then length 0 (plain) or END (records), then it is freed. No callback comes any
 * more. Takes linger_close_ms at most; fr_conn_finishing() counts it until then. NULL is fine.
 */
void fr_wire_client_finish(struct fr_wire_client *client, const char *reason);

bool fr_wire_client_is_up(const struct fr_wire_client *client);

/** @return whether a frame may be sent now: up, and nothing under way */
bool fr_wire_client_is_idle(const struct fr_wire_client *client);

/**
 * Sends a frame with the prefix that this connection uses; only when it is idle.
 *
 * @return FR_SEND_GONE: on_down() follows from the loop
 */
enum fr_send fr_wire_client_send(struct fr_wire_client *client, struct fr_frame *frame);

/** Sends a small record that is already rendered (only with records, only when up). @return as above */
enum fr_send fr_wire_client_put(struct fr_wire_client *client, const void *bytes, size_t size);

/** @return as fr_conn_progress_us(); 0 when there is no connection */
int64_t fr_wire_client_progress_us(const struct fr_wire_client *client);

/**
 * Drops the connection, or the try to make one, and tries again after the back-off; on_down() comes from the loop with `reason`.
 * While it waits for its next try nothing happens.
 */
void fr_wire_client_reconnect(struct fr_wire_client *client, const char *reason);

/**
 * The other end's clock as estimated from PING and PONG.
 *
 * @param ret_offset_us  their CLOCK_REALTIME less ours, in microseconds
 * @return false when nothing is known yet
 */
bool fr_wire_client_clock_offset(const struct fr_wire_client *client, int64_t *ret_offset_us);

/** @return "192.0.2.7:8000" as last connected, else "HOST:PORT" as configured */
const char *fr_wire_client_peer(
    const struct fr_wire_client *client, char text[FR_ADDR_TEXT_MAX + 256]);
