/* SPDX-License-Identifier: MIT */
/*
 * What goes out on a WebSocket, in the order of its weight: PONG and PING, states, then pictures and messages.
 *
 * A picture leaves in one sendmsg() from the memory that all viewers share. That is why its frame's head is rendered
 * here and not by wslay, which would copy it and could cut it: what a server sends is not masked, so a whole message
 * in one frame is a length and the bytes. Whatever else is said waits until the frame is with the conn, which keeps
 * the order; so nothing ever stands inside a frame.
 */
#include <endian.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/media/frame.h"
#include "daemon/doors/http/ws.h"

enum {
	RECORD_BYTES = FR_PREFIX_RECORD_BYTES - 4,     /* without the length: the message has one */
	CHANNEL_AT = 2,                                /* in these, docs/protocol.md 1.3 */
	SMALL_MAX = 6 * sizeof(struct fr_cause) + 128, /* each character of a reason as \u0000 */
};

/* --- Small things ----------------------------------------------------------------------------- */

static bool put_bytes(struct http_ws *ws, const void *bytes, size_t size)
{
	if (fr_conn_put(ws->peer->conn, bytes, size) != FR_SEND_GONE)
		return true;
	fr_http_peer_drop(ws->peer, "the peer does not read what it asked for");
	return false;
}

bool fr_http_ws_put(
    struct http_ws *ws, enum fr_websocket_opcode opcode, const void *bytes, size_t size)
{
	uint8_t all[FR_WEBSOCKET_HEAD_MAX + SMALL_MAX];
	const size_t head = fr_websocket_head(all, opcode, size);

	memcpy(all + head, bytes, size);
	return put_bytes(ws, all, head + size);
}

/* `"channel":N,` where there is more than one. */
static const char *channel_text(const struct http_ws *ws, int number, char to[24])
{
	to[0] = '\0';
	if (ws->is_many && number != WS_NO_CHANNEL)
		(void)snprintf(to, 24, "\"channel\":%d,", number);
	return to;
}

void fr_http_ws_refuse(
    struct http_ws *ws, int number, const struct fr_refusal *refusal, bool is_counted)
{
	json_t *reason = json_string(refusal->why.text);
	char *words = reason != NULL ? json_dumps(reason, JSON_ENCODE_ANY) : NULL;
	char text[SMALL_MAX], room[24];
	int n;

	json_decref(reason);
	if (!is_counted)
		fr_stat_rejected("http", refusal->reason);
	fr_http_peer_log_refusal(ws->peer, refusal);
	n = snprintf(text, sizeof(text), "{%s\"error\":{\"code\":%u,\"reason\":%s}}",
	    channel_text(ws, number, room), refusal->code, words != NULL ? words : "\"\"");
	if (n > 0 && (size_t)n < sizeof(text))
		(void)fr_http_ws_put(ws, FR_WEBSOCKET_TEXT, text, (size_t)n);
	free(words);
}

void fr_http_ws_complain(
    struct http_ws *ws, int number, unsigned code, enum fr_reason reason, const char *fmt, ...)
{
	struct fr_refusal refusal = {.code = code, .reason = reason};
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(refusal.why.text, sizeof(refusal.why.text), fmt, ap);
	va_end(ap);
	fr_http_ws_refuse(ws, number, &refusal, false);
}

/* --- States ----------------------------------------------------------------------------------- */

static void compare(struct ws_channel *channel, const struct fr_stream_info *info)
{
	if (info->state == channel->told && info->state_since_us == channel->told_us)
		return;
	channel->told = info->state;
	channel->told_us = info->state_since_us;
	channel->owes_state = true;
}

static void on_change(void *arg, const struct fr_stream_change *change)
{
	if (change->info != NULL)
		compare(arg, change->info);
}

void fr_http_ws_look(struct ws_channel *channel, int64_t now_us)
{
	struct fr_stream_info info;

	/*
	 * Between the moment at which a stream goes stale and the relay's own look at it, each look finds another
	 * "since": only another state is news here, or one viewer could be told for ever.
	 */
	if (fr_relay_stream(channel->ws->peer->door->env.relay, channel->stream, now_us, &info) &&
	    (channel->told_us == 0 || info.state != channel->told))
		compare(channel, &info);
}

static bool put_state(struct ws_channel *channel)
{
	struct http_ws *ws = channel->ws;
	const int64_t since_us = fr_clock_real_us() - (fr_clock_now_us() - channel->told_us);
	char text[256], room[24];
	const int n = snprintf(text, sizeof(text),
	    "{%s\"name\":\"%s\",\"state\":\"%s\",\"since\":%lld.%03lld}",
	    channel_text(ws, channel->number, room), channel->stream,
	    fr_stream_state_name(channel->told), (long long)(since_us / 1000000),
	    (long long)(since_us % 1000000 / 1000));

	channel->owes_state = false;
	return fr_http_ws_put(ws, FR_WEBSOCKET_TEXT, text, (size_t)n);
}

/* --- Pictures and messages -------------------------------------------------------------------- */

static enum fr_send send_picture(const struct ws_channel *channel, struct fr_frame *frame)
{
	uint8_t head[FR_WEBSOCKET_HEAD_MAX + RECORD_BYTES];
	const uint16_t number = htole16(channel->number);
	const size_t n =
	    fr_websocket_head(head, FR_WEBSOCKET_BINARY, RECORD_BYTES + fr_frame_size(frame));

	memcpy(head + n, fr_frame_record_prefix(frame) + 4, RECORD_BYTES);
	memcpy(head + n + CHANNEL_AT, &number, sizeof(number));
	return fr_conn_send_frame(channel->ws->peer->conn, head, n + RECORD_BYTES, frame, NULL, 0);
}

/* The message's own bytes, with words around them. */
static enum fr_send send_message(const struct ws_channel *channel, struct fr_frame *frame)
{
	char head[FR_WEBSOCKET_HEAD_MAX + 48], words[48], room[24];
	const int m = snprintf(words, sizeof(words),
	    "{%s\"message\":", channel_text(channel->ws, channel->number, room));
	const size_t n = fr_websocket_head(
	    (uint8_t *)head, FR_WEBSOCKET_TEXT, (size_t)m + fr_frame_size(frame) + 1);

	memcpy(head + n, words, (size_t)m);
	return fr_conn_send_frame(channel->ws->peer->conn, head, n + (size_t)m, frame, "}", 1);
}

/* @return false: nothing waits there */
static bool serve(struct ws_channel *channel)
{
	struct http_ws *ws = channel->ws;
	struct fr_frame *frame = fr_subscriber_next(channel->sub, fr_clock_now_us());
	bool is_picture;
	enum fr_send sent;

	if (frame == NULL) {
		channel->is_ready = false; /* the ready list brings us back */
		return false;
	}
	is_picture = fr_frame_info(frame)->type == FR_FRAME_PICTURE;
	ws->flying = channel;
	TAILQ_REMOVE(&ws->channels, channel, entry);
	TAILQ_INSERT_TAIL(&ws->channels, channel, entry);
	if (is_picture) {
		channel->sequence = fr_frame_info(frame)->sequence;
		channel->waits_for_ack = channel->acks;
	}
	sent = is_picture ? send_picture(channel, frame) : send_message(channel, frame);
	fr_frame_unref(frame);
	if (sent == FR_SEND_GONE) {
		fr_http_peer_drop(ws->peer, "the peer closed");
	} else if (sent == FR_SEND_DONE) {
		ws->flying = NULL;
		fr_subscriber_sent(channel->sub);
	}
	return true;
}

/* The first one in the list is the one that was served longest ago. @return false: nothing was sent */
static bool serve_next(struct http_ws *ws)
{
	struct ws_channel *channel, *next;

	for (channel = TAILQ_FIRST(&ws->channels); channel != NULL; channel = next) {
		next = TAILQ_NEXT(channel, entry);
		if (channel->is_ready && !channel->waits_for_ack && serve(channel))
			return true;
	}
	return false;
}

/* Nothing queues up: of many changes while the socket is busy the viewer hears the last one. */
static bool put_next_state(struct http_ws *ws)
{
	const int64_t now_us = fr_clock_now_us();
	struct ws_channel *channel;

	TAILQ_FOREACH (channel, &ws->channels, entry) {
		if (channel->has_news)
			fr_observer_take(channel->observer, now_us, on_change, channel);
		channel->has_news = false;
		if (channel->is_ready && channel->told != FR_STREAM_LIVE)
			fr_http_ws_look(channel, now_us); /* before the picture that says it */
		if (channel->owes_state)
			return put_state(channel);
	}
	return false;
}

static bool put_control(struct http_ws *ws)
{
	if (ws->owes_pong) {
		ws->owes_pong = false;
		return fr_http_ws_put(ws, FR_WEBSOCKET_PONG, ws->pong, ws->pong_size);
	}
	if (!ws->owes_ping)
		return false;
	ws->owes_ping = false;
	ws->unanswered++;
	ws->pinged_us = fr_clock_now_us();
	return fr_http_ws_put(ws, FR_WEBSOCKET_PING, "", 0);
}

void fr_http_ws_continue(struct http_ws *ws)
{
	struct http_peer *p = ws->peer;

	while (p->state == HTTP_SOCKET && fr_conn_is_idle(p->conn))
		if (!put_control(ws) && p->state == HTTP_SOCKET && !put_next_state(ws) &&
		    p->state == HTTP_SOCKET && !serve_next(ws))
			return;
}
