/* SPDX-License-Identifier: MIT */
/* The life of a WebSocket: what comes in, what keeps it alive, how it ends. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/media/wire_write.h"
#include "daemon/doors/http/ws.h"

enum {
	WRAP_BYTES = 1024, /* that a command has around its message */
	UNANSWERED_MAX = 3,
	PINGS_AT_ONCE = 4, /* seconds of them, as limits.def says */
	COMMANDS_AT_ONCE = 10,
};

/* --- The end ---------------------------------------------------------------------------------- */

/* Ends it with a CLOSE; behind what is under way, so no frame is cut by it. */
static void finish(struct http_peer *p, unsigned code, const char *why, const char *words)
{
	uint8_t last[FR_WEBSOCKET_CONTROL_MAX];

	fr_http_peer_finish(p, last, fr_websocket_close(last, code, why), words);
}

void fr_http_ws_fail(struct http_ws *ws, unsigned code, enum fr_reason reason, const char *why)
{
	struct fr_refusal refusal = {.code = code, .reason = reason};

	if (ws->peer->state != HTTP_SOCKET)
		return;
	(void)fr_cause_set(&refusal.why, 0, "%s", why);
	fr_stat_rejected("http", reason);
	fr_http_peer_log_refusal(ws->peer, &refusal);
	finish(ws->peer, code, why, why);
}

void fr_http_ws_send_away(struct http_peer *p, const struct fr_refusal *refusal)
{
	unsigned code = 1008;

	if (refusal->reason == FR_REASON_shutdown)
		code = 1001;
	else if (refusal->code >= 500)
		code = 1013; /* try again later */
	fr_http_peer_log_refusal(p, refusal);
	finish(p, code, refusal->why.text, refusal->why.text);
}

void fr_http_ws_leave(struct http_peer *p, const char *words, int64_t now_us)
{
	struct http_ws *ws = p->ws;
	const double seconds = (double)(now_us - p->since_us) / 1e6;
	char addr[FR_ADDR_TEXT_MAX];
	struct fr_log_text room;

	fr_websocket_stop(ws->reader);
	while (!TAILQ_EMPTY(&ws->channels))
		fr_http_ws_remove(TAILQ_FIRST(&ws->channels), now_us);
	fr_log(FR_LOG_INFO, "http", ws->is_many ? "socket closed" : "subscriber closed",
	    "peer=%s stream=%s id=%llu reason=%s sent=%llu dropped=%llu seconds=%.1f",
	    fr_addr_print(fr_conn_peer(p->conn), addr), ws->is_many ? "-" : p->stream,
	    (unsigned long long)p->id, fr_log_quote(&room, words), (unsigned long long)ws->sent,
	    (unsigned long long)ws->dropped, seconds);
}

void fr_http_ws_free(struct http_ws *ws)
{
	if (ws == NULL)
		return;
	fr_websocket_free(ws->reader);
	free(ws);
}

/* --- In --------------------------------------------------------------------------------------- */

/*
 * A bucket that holds one number: until when what came would have been spread evenly.
 *
 * @param rate  a second; 0: no limit
 */
static bool pay(int64_t *until_us, int64_t rate, int at_once, int64_t now_us)
{
	if (rate == 0)
		return true;
	if (*until_us < now_us)
		*until_us = now_us;
	if (*until_us - now_us >= (int64_t)at_once * 1000000)
		return false;
	*until_us += 1000000 / rate;
	return true;
}

static bool pay_ping(struct http_ws *ws)
{
	const int64_t rate = ws->peer->door->env.limits->ws_pings_per_second;

	if (pay(&ws->pings_us, rate, PINGS_AT_ONCE, fr_clock_now_us()))
		return true;
	fr_http_ws_fail(ws, 1008, FR_REASON_ws_flood, "too many pings (ws_pings_per_second)");
	return false;
}

bool fr_http_ws_pay_command(struct http_ws *ws)
{
	const int64_t rate = ws->peer->door->env.limits->ws_commands_per_second;

	if (pay(&ws->commands_us, rate, COMMANDS_AT_ONCE, fr_clock_now_us()))
		return true;
	fr_http_ws_fail(ws, 1008, FR_REASON_ws_flood, "too many commands (ws_commands_per_second)");
	return false;
}

/* Records: a PING is answered, so that a page can tell how far its clock is from ours; the others are nothing to us. */
static void on_record(struct http_ws *ws, const uint8_t *bytes, size_t size)
{
	uint8_t pong[FR_WIRE_SMALL_MAX];
	size_t n;

	if (!pay_ping(ws))
		return;
	n = fr_wire_answer_ping(pong, bytes, size, fr_clock_real_us());
	if (n != 0)
		(void)fr_http_ws_put(ws, FR_WEBSOCKET_BINARY, pong, n);
}

static void on_message(
    void *arg, enum fr_websocket_opcode opcode, const uint8_t *bytes, size_t size)
{
	struct http_ws *ws = arg;

	ws->message_us = 0;
	if (opcode == FR_WEBSOCKET_TEXT)
		fr_http_ws_text(ws, bytes, size);
	else
		on_record(ws, bytes, size);
}

/* A flood of PINGs while the socket is busy is answered once: RFC 6455 5.5.3 asks for no more. */
static void on_control(
    void *arg, enum fr_websocket_opcode opcode, const uint8_t *bytes, size_t size)
{
	struct http_ws *ws = arg;

	if (!pay_ping(ws) || opcode != FR_WEBSOCKET_PING)
		return;
	ws->owes_pong = true;
	ws->pong_size = size;
	if (size != 0)
		memcpy(ws->pong, bytes, size);
	fr_http_ws_continue(ws);
}

static const struct fr_websocket_ops reader_ops = {
    .on_message = on_message,
    .on_control = on_control,
};

struct http_ws *fr_http_ws_new(struct http_peer *p, bool is_many)
{
	const struct fr_limits *limits = p->door->env.limits;
	const struct fr_websocket_limits reader_limits = {
	    .message_bytes =
	        limits->max_message_bytes != 0 ? (size_t)limits->max_message_bytes + WRAP_BYTES : 0,
	    .fragments = (unsigned)limits->ws_fragments,
	};
	struct http_ws *ws = fr_xcalloc(1, sizeof(*ws));

	ws->peer = p;
	ws->is_many = is_many;
	ws->reader = fr_websocket_new(&reader_limits, &reader_ops, ws);
	ws->pinged_us = p->heard_us = fr_clock_now_us();
	TAILQ_INIT(&ws->channels);
	return ws;
}

void fr_http_ws_bytes(struct http_peer *p, const uint8_t *bytes, size_t size)
{
	struct http_ws *ws = p->ws;
	struct fr_websocket_end end;

	if (fr_websocket_read(ws->reader, bytes, size)) {
		if (!fr_websocket_is_inside(ws->reader))
			ws->message_us = 0;
		else if (ws->message_us == 0)
			ws->message_us = fr_clock_now_us();
		return;
	}
	if (p->state != HTTP_SOCKET)
		return; /* it ended over what came */
	end = fr_websocket_end(ws->reader);
	if (end.is_clean)
		finish(p, end.code, "", end.why);
	else
		fr_http_ws_fail(ws, end.code, end.reason, end.why);
}

/* --- Time ------------------------------------------------------------------------------------- */

/* Proxies and gateways forget a connection on which nothing moves. @return false: it is over */
static bool tick_ping(struct http_ws *ws, int64_t now_us)
{
	const int64_t interval_us = ws->peer->door->env.limits->ping_interval_ms * 1000;

	if (ws->peer->heard_us > ws->pinged_us)
		ws->unanswered = 0;
	if (interval_us == 0 || ws->owes_ping || now_us - ws->pinged_us < interval_us)
		return true;
	if (ws->unanswered >= UNANSWERED_MAX) {
		fr_http_ws_fail(ws, 1008, FR_REASON_ws_silent, "no ping was answered");
		return false;
	}
	ws->owes_ping = true;
	return true;
}

void fr_http_ws_tick(struct http_peer *p, int64_t now_us)
{
	const int64_t body_ms = p->door->env.limits->http_body_timeout_ms;
	struct http_ws *ws = p->ws;

	if (body_ms != 0 && ws->message_us != 0 && now_us - ws->message_us > body_ms * 1000) {
		fr_http_ws_fail(
		    ws, 1008, FR_REASON_header_timeout, "a message was not whole in time");
		return;
	}
	if (!tick_ping(ws, now_us))
		return;
	fr_http_ws_continue(ws);
}

void fr_http_ws_drained(struct http_peer *p)
{
	struct http_ws *ws = p->ws;

	if (ws->flying != NULL)
		fr_subscriber_sent(ws->flying->sub);
	ws->flying = NULL;
	fr_http_ws_continue(ws);
}
