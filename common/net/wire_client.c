/* SPDX-License-Identifier: MIT */
#include "common/net/wire_client.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/media/wire_write.h"
#include "common/net/dial.h"
#include "common/net/wire_client_parts.h"

enum {
	SILENT_INTERVALS = 3,
	REPLACED_WAIT_US = 10 * 1000 * 1000,
	RETRY_FIRST_US = 200 * 1000,
	RETRY_MOST_US = 2 * 1000 * 1000,
	LINGER_DEFAULT_MS = 1000,
};

static const char *const state_names[FR_WIRE_CLIENT_COUNT] = {
    "waiting", "dialing", "greeting", "up", "dropped", "over", "freed"};

#define BIT(state) (1U << (state))
static const unsigned state_steps[FR_WIRE_CLIENT_COUNT] = {
    [FR_WIRE_CLIENT_WAITING] = BIT(FR_WIRE_CLIENT_DIALING) | BIT(FR_WIRE_CLIENT_FREED),
    [FR_WIRE_CLIENT_DIALING] = BIT(FR_WIRE_CLIENT_WAITING) | BIT(FR_WIRE_CLIENT_GREETING) |
                               BIT(FR_WIRE_CLIENT_UP) | BIT(FR_WIRE_CLIENT_DROPPED) |
                               BIT(FR_WIRE_CLIENT_OVER) | BIT(FR_WIRE_CLIENT_FREED),
    [FR_WIRE_CLIENT_GREETING] = BIT(FR_WIRE_CLIENT_WAITING) | BIT(FR_WIRE_CLIENT_UP) |
                                BIT(FR_WIRE_CLIENT_DROPPED) | BIT(FR_WIRE_CLIENT_OVER) |
                                BIT(FR_WIRE_CLIENT_FREED),
    [FR_WIRE_CLIENT_UP] = BIT(FR_WIRE_CLIENT_WAITING) | BIT(FR_WIRE_CLIENT_DROPPED) |
                          BIT(FR_WIRE_CLIENT_OVER) | BIT(FR_WIRE_CLIENT_FREED),
    [FR_WIRE_CLIENT_DROPPED] =
        BIT(FR_WIRE_CLIENT_WAITING) | BIT(FR_WIRE_CLIENT_OVER) | BIT(FR_WIRE_CLIENT_FREED),
    [FR_WIRE_CLIENT_OVER] = BIT(FR_WIRE_CLIENT_FREED),
};

static void set_state(struct fr_wire_client *c, enum fr_wire_client_state state)
{
	assert((state_steps[c->state] & BIT(state)) != 0);
	if (fr_log_wants(FR_LOG_DEBUG))
		fr_log(FR_LOG_DEBUG, "wire-client", "state", "host=%s port=%u from=%s to=%s",
		    c->spec.host, c->spec.port, state_names[c->state], state_names[state]);
	c->state = state;
}

/* A time-out of 0 milliseconds is none. */
static void set_timer(struct fr_wire_client *c, int64_t us)
{
	const struct timeval tv = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

	(void)event_del(&c->timer);
	if (us > 0)
		(void)event_add(&c->timer, &tv);
}

static bool has_records(const struct fr_wire_client *c)
{
	return !c->spec.plain && c->spec.hello.records;
}

/* --- Down ------------------------------------------------------------------------------------- */

/* Lets go of the connection or the try to make one. */
static void let_go(struct fr_wire_client *c)
{
	(void)event_del(&c->timer);
	fr_dial_cancel(c->dial);
	c->dial = NULL;
	fr_conn_close(c->conn);
	c->conn = NULL;
	fr_wire_free(c->wire);
	c->wire = NULL;
	c->ping_us = 0;
}

/* Whether a new try may mend what this code says. */
static bool may_mend(unsigned code)
{
	return code != 400 && code != 401 && code != 403 && code != 415;
}

/*
 * How long the next try waits. Who was replaced does not replace in its turn, for ever; who was refused may ask again as
 * before, for the one that is in its place may be a dead connection of its own.
 */
static int64_t wait_us(struct fr_wire_client *c, unsigned code, bool was_up)
{
	if (code != 409)
		return fr_retry_next_us(&c->retry, arc4random());
	if (was_up)
		c->spec.hello.takeover_no = true;
	return REPLACED_WAIT_US;
}

void fr_wire_client_down(struct fr_wire_client *c, unsigned code, const char *reason)
{
	const bool again = c->spec.retry && may_mend(code);
	const bool was_up = c->up_us != 0;

	/* Who lets us in and throws us out at once is not asked again at once, for ever. */
	if (was_up && fr_clock_now_us() - c->up_us >= c->retry.most_us)
		fr_retry_reset(&c->retry);
	c->up_us = 0;
	c->failed = true;
	let_go(c);
	if (again) {
		set_state(c, FR_WIRE_CLIENT_WAITING);
		set_timer(c, wait_us(c, code, was_up));
	} else {
		set_state(c, FR_WIRE_CLIENT_OVER);
	}
	c->ops->on_down(c->arg, code, reason, again);
}

static void on_drop(evutil_socket_t fd, short what, void *arg)
{
	struct fr_wire_client *c = arg;

	(void)fd;
	(void)what;
	if (c->state == FR_WIRE_CLIENT_DROPPED)
		fr_wire_client_down(c, 0, c->reason);
}

/* Down, but not from inside the owner's call. */
static void drop(struct fr_wire_client *c, const char *reason)
{
	(void)snprintf(c->reason, sizeof(c->reason), "%s", reason);
	let_go(c);
	set_state(c, FR_WIRE_CLIENT_DROPPED);
	event_active(&c->drop, EV_TIMEOUT, 0);
}

/* --- PING and PONG ---------------------------------------------------------------------------- */

static void send_ping(struct fr_wire_client *c)
{
	uint8_t record[FR_WIRE_SMALL_MAX];
	size_t n;

	c->ping_us = fr_clock_now_us();
	c->ping_real_us = fr_clock_real_us();
	n = fr_wire_write_ping(record, c->ping_real_us);
	if (fr_conn_put(c->conn, record, n) == FR_SEND_GONE)
		drop(c, fr_conn_gone_reason(c->conn));
}

/* A tick of ping_interval_ms. Ticks are counted, not time: a machine that slept has asked nobody meanwhile. */
static void on_ping_time(struct fr_wire_client *c)
{
	const int64_t interval_us = c->limits->ping_interval_ms * 1000;

	if (++c->silent_ticks >= SILENT_INTERVALS) {
		fr_wire_client_down(c, 0, "no answer: nothing came for three ping_interval_ms");
		return;
	}
	set_timer(c, interval_us);
	send_ping(c);
}

/* --- Up --------------------------------------------------------------------------------------- */

void fr_wire_client_go_up(struct fr_wire_client *c, const struct fr_hello_answer *answer)
{
	set_state(c, FR_WIRE_CLIENT_UP);
	c->up_us = fr_clock_now_us();
	if (c->failed)
		fr_stat_add(FR_STAT_reconnects, 1);
	c->failed = false;
	c->spec.hello.takeover_no = c->takeover_no;
	(void)event_del(&c->timer);
	if (has_records(c) && c->limits->ping_interval_ms > 0) {
		set_timer(c, c->limits->ping_interval_ms * 1000);
		send_ping(c);
	}
	if (c->state == FR_WIRE_CLIENT_UP)
		c->ops->on_up(c->arg, answer);
}

static void on_drained(void *arg)
{
	struct fr_wire_client *c = arg;

	if (c->state == FR_WIRE_CLIENT_UP)
		c->ops->on_drained(c->arg);
}

static void on_gone(void *arg, const char *reason)
{
	fr_wire_client_down(arg, 0, reason);
}

static const struct fr_conn_ops conn_ops = {
    .on_readable = fr_wire_client_on_readable,
    .on_drained = on_drained,
    .on_gone = on_gone,
};

static void greet(struct fr_wire_client *c)
{
	char line[FR_HELLO_MAX + 1];
	const size_t n = fr_hello_write(&c->spec.hello, line);

	set_state(c, FR_WIRE_CLIENT_GREETING);
	if (n == 0) {
		fr_wire_client_down(c, 400, "the hello is too long");
		return;
	}
	set_timer(c, c->limits->first_byte_timeout_ms * 1000);
	if (fr_conn_put(c->conn, line, n) == FR_SEND_GONE)
		fr_wire_client_down(c, 0, fr_conn_gone_reason(c->conn));
}

static void on_dialed(void *arg, int fd, const struct fr_addr *peer, const char *reason)
{
	struct fr_wire_client *c = arg;
	const struct fr_limits *l = c->limits;
	const struct fr_conn_options options = {
	    .notsent_lowat_bytes = l->notsent_lowat_bytes,
	    .keepalive_idle_ms = l->keepalive_idle_ms,
	    .keepalive_interval_ms = l->keepalive_interval_ms,
	    .user_timeout_ms = l->tcp_user_timeout_ms,
	};
	const struct fr_wire_limits wire_limits = {
	    .max_frame_bytes = (size_t)l->max_frame_bytes,
	    .max_message_bytes = (size_t)l->max_message_bytes,
	};

	c->dial = NULL;
	if (fd < 0) {
		fr_wire_client_down(c, 0, reason);
		return;
	}
	(void)fr_addr_print(peer, c->peer);
	c->conn = fr_conn_new(c->loop, fd, peer, &options, &conn_ops, c);
	c->wire = fr_wire_new(c->pool, &wire_limits, c->spec.plain ? FR_WIRE_PLAIN : FR_WIRE_HELLO);
	c->has_read = false;
	c->silent_ticks = 0;
	if (c->spec.plain)
		fr_wire_client_go_up(c, NULL);
	else
		greet(c);
}

static void dial(struct fr_wire_client *c)
{
	set_state(c, FR_WIRE_CLIENT_DIALING);
	c->dial = fr_dial_start(c->loop, c->spec.host, c->spec.port, on_dialed, c);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct fr_wire_client *c = arg;

	(void)fd;
	(void)what;
	switch (c->state) {
	case FR_WIRE_CLIENT_WAITING:
		dial(c);
		break;
	case FR_WIRE_CLIENT_GREETING:
		fr_wire_client_down(c, 0, "no answer to the hello within first_byte_timeout_ms");
		break;
	case FR_WIRE_CLIENT_UP:
		on_ping_time(c);
		break;
	default: /* let_go() has stopped it */
		break;
	}
}

/* --- For the owner ---------------------------------------------------------------------------- */

struct fr_wire_client *fr_wire_client_new(struct fr_loop *loop, struct fr_frame_pool *pool,
    const struct fr_limits *limits, const struct fr_wire_client_spec *spec,
    const struct fr_wire_client_ops *ops, void *arg)
{
	struct fr_wire_client *c = fr_xcalloc(1, sizeof(*c));

	assert(spec->plain || spec->hello.verb != FR_HELLO_LIST);
	c->loop = loop;
	c->pool = pool;
	c->limits = limits;
	c->spec = *spec;
	c->takeover_no = spec->hello.takeover_no;
	c->ops = ops;
	c->arg = arg;
	c->retry.first_us = spec->retry_first_us != 0 ? spec->retry_first_us : RETRY_FIRST_US;
	c->retry.most_us = spec->retry_most_us != 0 ? spec->retry_most_us : RETRY_MOST_US;
	(void)event_assign(&c->timer, fr_loop_base(loop), -1, 0, on_timer, c);
	(void)event_assign(&c->drop, fr_loop_base(loop), -1, 0, on_drop, c);
	dial(c);
	return c;
}

static void free_client(struct fr_deferred *deferred)
{
	free((char *)deferred - offsetof(struct fr_wire_client, deferred));
}

void fr_wire_client_free(struct fr_wire_client *client)
{
	if (client == NULL)
		return;
	let_go(client);
	(void)event_del(&client->drop);
	set_state(client, FR_WIRE_CLIENT_FREED);
	fr_loop_defer(client->loop, &client->deferred, free_client);
}

void fr_wire_client_finish(struct fr_wire_client *client, const char *reason)
{
	static const uint8_t length_0[4];
	uint8_t record[FR_WIRE_SMALL_MAX];
	const void *last = length_0;
	size_t size = sizeof(length_0);
	int64_t linger_ms;

	if (client == NULL)
		return;
	if (client->state == FR_WIRE_CLIENT_UP) {
		if (has_records(client)) {
			size = fr_wire_write_end(record, reason);
			last = record;
		} else if (!client->spec.plain && client->spec.hello.verb == FR_HELLO_SUB) {
			size = 0; /* the relay expects nothing of a plain subscription */
		}
		linger_ms = client->limits->linger_close_ms;
		fr_conn_finish(
		    client->conn, last, size, linger_ms == 0 ? LINGER_DEFAULT_MS : linger_ms);
		client->conn = NULL;
	}
	fr_wire_client_free(client);
}

bool fr_wire_client_is_up(const struct fr_wire_client *client)
{
	return client->state == FR_WIRE_CLIENT_UP;
}

bool fr_wire_client_is_idle(const struct fr_wire_client *client)
{
	return client->state == FR_WIRE_CLIENT_UP && fr_conn_is_idle(client->conn);
}

/* What a failed send means for the connection. */
static enum fr_send sent(struct fr_wire_client *c, enum fr_send result)
{
	if (result == FR_SEND_GONE)
		drop(c, fr_conn_gone_reason(c->conn));
	return result;
}

enum fr_send fr_wire_client_send(struct fr_wire_client *client, struct fr_frame *frame)
{
	if (client->state != FR_WIRE_CLIENT_UP)
		return FR_SEND_GONE;
	if (has_records(client))
		return sent(client, fr_conn_send_frame(client->conn, fr_frame_record_prefix(frame),
		                        FR_PREFIX_RECORD_BYTES, frame, NULL, 0));
	return sent(client, fr_conn_send_frame(client->conn, fr_frame_plain_prefix(frame),
	                        FR_PREFIX_PLAIN_BYTES, frame, NULL, 0));
}

enum fr_send fr_wire_client_put(struct fr_wire_client *client, const void *bytes, size_t size)
{
	assert(has_records(client));
	if (client->state != FR_WIRE_CLIENT_UP)
		return FR_SEND_GONE;
	return sent(client, fr_conn_put(client->conn, bytes, size));
}

int64_t fr_wire_client_progress_us(const struct fr_wire_client *client)
{
	return client->conn == NULL ? 0 : fr_conn_progress_us(client->conn);
}

void fr_wire_client_reconnect(struct fr_wire_client *client, const char *reason)
{
	if (client->state == FR_WIRE_CLIENT_DIALING || client->state == FR_WIRE_CLIENT_GREETING ||
	    client->state == FR_WIRE_CLIENT_UP)
		drop(client, reason);
}

bool fr_wire_client_clock_offset(const struct fr_wire_client *client, int64_t *ret_offset_us)
{
	return fr_clock_offset_best(&client->clock, ret_offset_us);
}

const char *fr_wire_client_peer(
    const struct fr_wire_client *client, char text[FR_ADDR_TEXT_MAX + 256])
{
	const char *const host = client->spec.host;
	const bool is_ipv6 = strchr(host, ':') != NULL;

	if (client->peer[0] != '\0')
		(void)snprintf(text, FR_ADDR_TEXT_MAX + 256, "%s", client->peer);
	else if (strncmp(host, "unix:", 5) == 0)
		(void)snprintf(text, FR_ADDR_TEXT_MAX + 256, "%s", host);
	else
		(void)snprintf(text, FR_ADDR_TEXT_MAX + 256, "%s%s%s:%u", is_ipv6 ? "[" : "", host,
		    is_ipv6 ? "]" : "", client->spec.port);
	return text;
}
