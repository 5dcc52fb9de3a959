/* SPDX-License-Identifier: MIT */
/*
 * The pictures of another machine's MainServer/getStream: a request for each, on one call, while somebody watches.
 *
 * What is said is client.c's; this is the place in the relay, the connection, and when it is asked. A picture that is
 * repeated is heard and left out. What goes wrong ends the connection, and it comes back later.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/addr.h"
#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/net/conn.h"
#include "common/net/dial.h"
#include "common/net/loop.h"
#include "common/net/retry.h"
#include "common/net/timer.h"
#include "daemon/relay/ingest.h"
#include "daemon/sources/grpc_pull/client.h"
#include "daemon/sources/on_demand.h"
#include "daemon/sources/sources.h"

enum {
	PORT = 50051,
	RETRY_FIRST_US = 200 * 1000,
	RETRY_MOST_US = 10 * 1000 * 1000,
	ANSWER_US = 10 * 1000 * 1000, /* a server that says nothing for so long is given up */
};

struct grpc_pull {
	struct fr_source source;
	struct fr_source_env env;
	struct fr_on_demand *od;
	char stream[FR_NAME_MAX + 1], host[300], authority[320];
	uint16_t port;
	const char *msg;
	int64_t gap_us; /* between two requests, at least */

	struct fr_dial *dial;
	struct fr_conn *conn; /* NULL: not connected */
	struct fr_grpc_client *client;
	struct fr_timer *timer;
	struct fr_retry retry;
	struct fr_log_again away;
	bool is_running;
	int64_t asked_us, heard_us;
};

static void connect_later(struct grpc_pull *s)
{
	if (s->is_running)
		fr_timer_set(s->timer,
		    fr_retry_next_us(&s->retry, (uint32_t)fr_clock_now_us() * 2654435761U));
}

static void disconnect(struct grpc_pull *s)
{
	fr_dial_cancel(s->dial);
	s->dial = NULL;
	fr_timer_clear(s->timer);
	if (s->conn == NULL)
		return;
	fr_conn_close(s->conn);
	s->conn = NULL;
	fr_grpc_client_free(s->client);
	s->client = NULL;
}

static void go_down(struct grpc_pull *s, const char *reason)
{
	struct fr_log_text text;

	fr_on_demand_set_up(s->od, false);
	if (fr_log_again(&s->away, reason, fr_clock_now_us()))
		fr_log(FR_LOG_WARNING, "grpc-pull", "the other end is away, trying again",
		    "peer=%s stream=%s reason=%s", s->authority, s->stream,
		    fr_log_quote(&text, reason));
	fr_stat_add(FR_STAT_reconnects, 1);
	disconnect(s); /* which `reason` may belong to */
	connect_later(s);
}

/* --- Pictures --------------------------------------------------------------------------------- */

static void take_picture(struct grpc_pull *s, const uint8_t *bytes, size_t size)
{
	struct fr_frame *frame = fr_frame_begin(fr_relay_pool(s->env.relay), size);
	struct fr_cause why;

	if (frame == NULL) {
		fr_on_demand_reject(s->od, FR_REASON_memory_budget, size);
		return;
	}
	memcpy(fr_frame_room(frame), bytes, size);
	if (fr_on_demand_frame(s->od, frame, size, 0, 0, &why) < 0)
		fr_log_limited(FR_LOG_WARNING, "grpc-pull", "picture refused", s->stream,
		    "stream=%s reason=\"%s\"", s->stream, why.text);
}

static void on_picture(void *arg, const uint8_t *bytes, size_t size)
{
	struct grpc_pull *s = arg;
	struct fr_ingest *ingest = fr_on_demand_ingest(s->od);
	const int64_t now_us = fr_clock_now_us();

	s->heard_us = now_us;
	if (ingest == NULL || !fr_ingest_same(ingest, bytes, size, now_us))
		take_picture(s, bytes, size);
	if (fr_log_again_end(&s->away) || s->retry.tries != 0)
		fr_log(FR_LOG_INFO, "grpc-pull", "pictures come", "peer=%s stream=%s", s->authority,
		    s->stream);
	fr_retry_reset(&s->retry);
	fr_on_demand_set_up(s->od, true);
}

/* --- The connection --------------------------------------------------------------------------- */

static void pump(struct grpc_pull *s)
{
	const int64_t now_us = fr_clock_now_us();
	const uint8_t *bytes;
	int64_t wait_us;
	size_t n;

	if (fr_grpc_client_is_due(s->client) && now_us >= s->asked_us + s->gap_us) {
		s->asked_us = s->heard_us = now_us;
		fr_grpc_client_ask(s->client);
	}
	while (fr_grpc_client_down(s->client) == NULL && fr_conn_is_idle(s->conn) &&
	       (n = fr_grpc_client_give(s->client, &bytes)) != 0)
		if (fr_conn_put(s->conn, bytes, n) == FR_SEND_GONE)
			fr_grpc_client_fail(s->client, "the other end closed");
	if (fr_grpc_client_down(s->client) != NULL) {
		go_down(s, fr_grpc_client_down(s->client));
		return;
	}
	wait_us = s->heard_us + ANSWER_US - now_us;
	if (fr_grpc_client_is_due(s->client) && s->asked_us + s->gap_us - now_us < wait_us)
		wait_us = s->asked_us + s->gap_us - now_us;
	fr_timer_set(s->timer, wait_us);
}

static void on_readable(void *arg)
{
	struct grpc_pull *s = arg;
	size_t room;
	uint8_t *into = fr_loop_scratch(s->env.loop, &room);
	struct iovec iov = {into, room};
	const ssize_t n = fr_conn_read(s->conn, &iov, 1);

	if (n == -EAGAIN)
		return;
	if (n > 0)
		fr_grpc_client_take(s->client, into, (size_t)n);
	else
		fr_grpc_client_fail(s->client, "%s",
		    n < 0 ? fr_conn_read_error(s->conn, n) : "the other end closed");
	pump(s);
}

static void on_drained(void *arg)
{
	pump(arg);
}

static void on_gone(void *arg, const char *reason)
{
	struct grpc_pull *s = arg;

	fr_grpc_client_fail(s->client, "%s", reason);
	pump(s);
}

static void on_dialed(void *arg, int fd, const struct fr_addr *peer, const char *reason)
{
	static const struct fr_conn_ops ops = {
	    .on_readable = on_readable, .on_drained = on_drained, .on_gone = on_gone};
	struct grpc_pull *s = arg;
	const struct fr_conn_options options = {
	    .keepalive_idle_ms = s->env.limits->keepalive_idle_ms,
	    .keepalive_interval_ms = s->env.limits->keepalive_interval_ms,
	};
	const struct fr_grpc_client_spec spec = {
	    .authority = s->authority,
	    .msg = s->msg,
	    .picture_bytes = s->env.limits->max_frame_bytes,
	    .on_picture = on_picture,
	};

	s->dial = NULL;
	if (fd < 0) {
		go_down(s, reason);
		return;
	}
	s->asked_us = 0;
	s->conn = fr_conn_new(s->env.loop, fd, peer, &options, &ops, s);
	s->client = fr_grpc_client_new(&spec, s);
	pump(s);
}

static void on_time(void *arg)
{
	struct grpc_pull *s = arg;

	if (s->conn == NULL) {
		s->dial = fr_dial_start(s->env.loop, s->host, s->port, on_dialed, s);
		return;
	}
	if (fr_clock_now_us() - s->heard_us >= ANSWER_US)
		fr_grpc_client_fail(s->client, "no picture for 10 s");
	pump(s);
}

/* --- Life ------------------------------------------------------------------------------------- */

static void on_start(void *arg)
{
	struct grpc_pull *s = arg;

	s->is_running = true;
	fr_retry_reset(&s->retry);
	fr_timer_set(s->timer, 0);
}

static void on_stop(void *arg)
{
	struct grpc_pull *s = arg;

	s->is_running = false;
	disconnect(s);
	(void)fr_log_again_end(&s->away);
	fr_on_demand_set_up(s->od, true);
}

static const struct fr_on_demand_ops demand_ops = {on_start, on_stop};

static void pull_close(struct fr_source *source)
{
	struct grpc_pull *s = (struct grpc_pull *)source;

	if (s->timer != NULL)
		disconnect(s);
	fr_timer_free(s->timer);
	fr_on_demand_free(s->od);
	free(s);
}

static int pull_open(const struct fr_source_env *env, const struct fr_options *options,
    struct fr_source **ret, struct fr_cause *why)
{
	struct grpc_pull *s = fr_xcalloc(1, sizeof(*s));
	const struct fr_on_demand_spec spec = {
	    .kind = "grpc-pull",
	    .stream = fr_options_text(options, "stream"),
	    .always = !fr_options_bool(options, "on_demand"),
	};
	int r = -EINVAL;

	s->source.ops = fr_source_find("grpc-pull");
	s->env = *env;
	s->retry = (struct fr_retry){.first_us = RETRY_FIRST_US, .most_us = RETRY_MOST_US};
	s->gap_us = INT64_C(1000000000) / fr_options_int(options, "max_fps");
	(void)snprintf(s->stream, sizeof(s->stream), "%s", spec.stream);
	s->msg = fr_options_text(options, "msg");
	if (strlen(s->msg) > FR_GRPC_CLIENT_MSG_MAX) {
		(void)fr_cause_set(why, EINVAL, "msg: at most %d bytes", FR_GRPC_CLIENT_MSG_MAX);
		goto fail;
	}
	r = fr_addr_split(fr_options_text(options, "address"), PORT, s->host, &s->port, why);
	if (r == 0)
		r = fr_timer_new(env->loop, on_time, s, &s->timer, why);
	if (r < 0)
		goto fail;
	(void)snprintf(s->authority, sizeof(s->authority),
	    strchr(s->host, ':') != NULL ? "[%s]:%u" : "%s:%u", s->host, s->port);
	r = fr_on_demand_new(env, &spec, &demand_ops, s, &s->od, why);
	if (r < 0)
		goto fail;
	*ret = &s->source;
	return 0;

fail:
	pull_close(&s->source);
	return r;
}

static const struct fr_option_spec specs[] = {
    {.name = "stream",
        .type = FR_OPTION_NAME,
        .required = true,
        .def = "lab",
        .help = "the stream here that the pictures go to"},
    {.name = "address",
        .type = FR_OPTION_HOST,
        .required = true,
        .def = "192.168.1.50:50051",
        .help = "the server: HOST or HOST:PORT, port 50051 if none is said, or unix:/path"},
    {.name = "msg",
        .type = FR_OPTION_STRING,
        .def = "give me the stream!!",
        .help = "the text of each request; a relay takes a stream's name"},
    {.name = "max_fps",
        .type = FR_OPTION_MILLI,
        .unit = "pictures/s",
        .min = 1,
        .max = 1000000,
        .def = "60",
        .help = "the most requests a second: a server that answers at once would be asked as fast "
                "as it can"},
    {.name = "on_demand",
        .type = FR_OPTION_BOOL,
        .def = "true",
        .help = "connect only while somebody here watches"},
    {.name = NULL},
};

const struct fr_source_ops fr_source_grpc_pull = {
    .kind = "grpc-pull",
    .summary = "MainServer/getStream of another machine, asked while somebody watches",
    .argument = "address",
    .options = specs,
    .open = pull_open,
    .close = pull_close,
};
