/* SPDX-License-Identifier: MIT */
/*
 * What the files of the client share; nobody else includes this.
 *
 *   wire_client.c     the states: dialing, greeting, up, waiting for the next try; the public functions
 *   wire_client_in.c  what comes in while it greets and while it is up
 */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/net/clock_offset.h"
#include "common/net/loop.h"
#include "common/net/retry.h"
#include "common/net/wire_client.h"

enum fr_wire_client_state {
	FR_WIRE_CLIENT_WAITING,  /* for the next try; the back-off timer ends it */
	FR_WIRE_CLIENT_DIALING,  /* fr_dial ends it; its own deadlines guard it */
	FR_WIRE_CLIENT_GREETING, /* the hello is out; the answer or first_byte_timeout_ms ends it */
	FR_WIRE_CLIENT_UP,      /* the other end, or silence (with records: the PING timer looks) */
	FR_WIRE_CLIENT_DROPPED, /* no connection any more; on_down() comes in this turn of the loop */
	FR_WIRE_CLIENT_OVER,    /* no try follows; the owner frees it */
	FR_WIRE_CLIENT_FREED,   /* the end of the turn frees it */
	FR_WIRE_CLIENT_COUNT
};

struct fr_wire_client {
	struct fr_loop *loop;
	struct fr_frame_pool *pool;
	const struct fr_limits *limits;
	struct fr_wire_client_spec spec;
	const struct fr_wire_client_ops *ops;
	void *arg;
	struct fr_deferred deferred;

	enum fr_wire_client_state state;
	struct event timer; /* of the state: back-off, answer, PING */
	struct event drop;  /* activated: on_down() from the loop */
	struct fr_retry retry;
	bool failed;      /* since it was last up */
	bool takeover_no; /* as the owner has it; after a 409 the hello says it in any case */
	struct fr_dial *dial;
	struct fr_conn *conn;
	struct fr_wire *wire;
	char peer[FR_ADDR_TEXT_MAX]; /* as last connected, or "" */

	bool has_read; /* any byte of this connection */
	int64_t up_us;
	unsigned silent_ticks;         /* of the PING timer, since its last byte came */
	int64_t ping_real_us, ping_us; /* the PING that is not answered yet; 0: none */
	struct fr_clock_offset clock;
	char reason[400]; /* DROPPED */
};

/** The hello is answered, or there is none to say. The owner may free the client in its on_up(). */
void fr_wire_client_go_up(struct fr_wire_client *c, const struct fr_hello_answer *answer);

/** The connection is over: lets it go, sees to the next try and tells the owner. Only from the loop. */
void fr_wire_client_down(struct fr_wire_client *c, unsigned code, const char *reason);

/** fr_conn_ops.on_readable. @param arg  the client */
void fr_wire_client_on_readable(void *arg);
