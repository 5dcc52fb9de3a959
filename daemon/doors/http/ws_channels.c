/* SPDX-License-Identifier: MIT */
/* What a viewer asks for on a WebSocket: subscriptions come and go, acks and messages come in. */
#include <stdlib.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "daemon/doors/http/ws.h"
#include "daemon/doors/http/ws_command.h"

/* --- Channels --------------------------------------------------------------------------------- */

static struct ws_channel *find(const struct http_ws *ws, uint16_t number)
{
	struct ws_channel *channel;

	TAILQ_FOREACH (channel, &ws->channels, entry)
		if (channel->number == number)
			return channel;
	return NULL;
}

static void on_ready(void *arg)
{
	struct ws_channel *channel = arg;

	channel->is_ready = true;
	fr_http_ws_continue(channel->ws);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	struct ws_channel *channel = arg;
	struct http_ws *ws = channel->ws;
	const uint16_t number = channel->number;
	const struct fr_refusal said = *refusal; /* the subscriber's, which goes */

	if (!ws->is_many) {
		fr_http_ws_send_away(ws->peer, &said);
		return;
	}
	fr_http_ws_remove(channel, fr_clock_now_us());
	fr_http_ws_refuse(ws, number, &said, true);
}

static const struct fr_subscriber_ops subscriber_ops = {
    .on_ready = on_ready,
    .on_closed = on_closed,
};

static void on_news(void *arg)
{
	struct ws_channel *channel = arg;

	channel->has_news = true;
	fr_http_ws_continue(channel->ws);
}

/* Nobody who may watch a stream is kept from its state: the right is asked for, and withdrawn, once. */
static const struct fr_observer_ops observer_ops = {.on_ready = on_news};

/* @return false: refused; what is there is given back */
static bool begin(struct ws_channel *channel, const struct fr_subscribe_spec *spec, int64_t now_us,
    struct fr_refusal *refusal)
{
	struct fr_relay *relay = channel->ws->peer->door->env.relay;
	struct fr_observe_spec observe = {.door = spec->door, .who = {.ours = true}};

	memcpy(observe.stream, spec->stream, sizeof(observe.stream));
	if (fr_relay_subscribe(
	        relay, spec, &subscriber_ops, channel, now_us, &channel->sub, refusal) < 0)
		return false;
	if (fr_relay_observe(
	        relay, &observe, &observer_ops, channel, &channel->observer, refusal) == 0)
		return true;
	fr_subscriber_free(channel->sub, now_us);
	return false;
}

struct ws_channel *fr_http_ws_add(struct http_ws *ws, const struct http_query *query,
    uint16_t number, bool acks, struct fr_refusal *refusal)
{
	const int64_t now_us = fr_clock_now_us();
	struct ws_channel *channel = fr_xcalloc(1, sizeof(*channel));
	struct fr_subscribe_spec spec = query->spec;

	spec.who = ws->peer->who;
	spec.kind = "ws";
	spec.messages = true;
	channel->ws = ws;
	if (!begin(channel, &spec, now_us, refusal)) {
		free(channel);
		return NULL;
	}
	channel->number = number;
	channel->acks = acks;
	memcpy(channel->stream, spec.stream, sizeof(channel->stream));
	fr_http_ws_look(channel, now_us);
	TAILQ_INSERT_HEAD(&ws->channels, channel, entry);
	ws->count++;
	return channel;
}

void fr_http_ws_remove(struct ws_channel *channel, int64_t now_us)
{
	struct http_ws *ws = channel->ws;

	ws->sent += fr_subscriber_counts(channel->sub).sent;
	ws->dropped += fr_subscriber_dropped(channel->sub);
	if (ws->flying == channel)
		ws->flying = NULL; /* its frame goes out all the same: a message cannot be cut */
	TAILQ_REMOVE(&ws->channels, channel, entry);
	ws->count--;
	fr_observer_free(channel->observer);
	fr_subscriber_free(channel->sub, now_us);
	free(channel);
}

/* --- Commands --------------------------------------------------------------------------------- */

static void subscribe(struct http_ws *ws, struct ws_command *c)
{
	const struct fr_limits *limits = ws->peer->door->env.limits;
	struct fr_relay *relay = ws->peer->door->env.relay;
	struct fr_refusal refusal;
	struct fr_stream_info info;

	if (!ws->is_many)
		fr_http_ws_complain(ws, c->channel, 400, FR_REASON_ws_command,
		    "this socket shows %s alone; /ws shows many", ws->peer->stream);
	else if (find(ws, c->channel) != NULL)
		fr_http_ws_complain(
		    ws, c->channel, 409, FR_REASON_ws_command, "channel %u is in use", c->channel);
	else if (limits->ws_subscriptions != 0 && ws->count >= limits->ws_subscriptions)
		fr_http_ws_complain(ws, c->channel, 429, FR_REASON_ws_subscription_limit,
		    "%u streams on this socket already (ws_subscriptions)", ws->count);
	else if (!fr_access_allows(fr_relay_access(relay), &ws->peer->who, FR_RIGHT_SUBSCRIBE,
	             c->stream, &refusal))
		fr_http_ws_refuse(ws, c->channel, &refusal, false);
	else if (!fr_relay_stream(relay, c->stream, fr_clock_now_us(), &info))
		fr_http_ws_complain(ws, c->channel, 404, FR_REASON_no_such_stream,
		    "no stream is called %s", c->stream);
	else {
		memcpy(c->query.spec.stream, c->stream, sizeof(c->stream));
		if (fr_http_ws_add(ws, &c->query, c->channel, c->acks, &refusal) == NULL)
			fr_http_ws_refuse(ws, c->channel, &refusal, true);
		else
			fr_http_ws_continue(ws);
	}
}

static void acknowledge(struct http_ws *ws, const struct ws_command *c)
{
	struct ws_channel *channel = find(ws, c->channel);

	/* One that nobody waits for may be late, or is a flood. */
	if (channel == NULL || !channel->waits_for_ack || c->sequence != channel->sequence) {
		(void)fr_http_ws_pay_command(ws);
		return;
	}
	channel->waits_for_ack = false;
	fr_http_ws_continue(ws);
}

/* The stream that a message is for. @return NULL: none was named */
static const char *stream_of(const struct http_ws *ws, const struct ws_command *c)
{
	const struct ws_channel *channel = c->has_channel ? find(ws, c->channel) : NULL;

	if (c->stream[0] != '\0')
		return c->stream;
	if (channel != NULL)
		return channel->stream;
	return ws->is_many ? NULL : ws->peer->stream;
}

static void message(struct http_ws *ws, const struct ws_command *c)
{
	const int number = c->has_channel ? c->channel : WS_NO_CHANNEL;
	const char *stream = stream_of(ws, c);
	struct fr_refusal refusal;

	if (stream == NULL)
		fr_http_ws_complain(ws, number, 400, FR_REASON_ws_command,
		    "a message needs its stream, or the channel of a subscription");
	else if (fr_relay_message(ws->peer->door->env.relay, stream, &ws->peer->who, "http",
	             c->message, c->message_size, fr_clock_now_us(), fr_clock_real_us(),
	             &refusal) < 0)
		fr_http_ws_refuse(ws, number, &refusal, true);
}

void fr_http_ws_text(struct http_ws *ws, const uint8_t *text, size_t size)
{
	struct ws_channel *channel;
	struct ws_command c;
	struct fr_cause why;
	const int r = fr_http_ws_command_read(text, size, ws->peer->door->env.limits, &c, &why);

	if (r == 0 && c.type == WS_ACK) {
		acknowledge(ws, &c);
		return;
	}
	if (!fr_http_ws_pay_command(ws))
		return;
	if (r < 0) {
		fr_http_ws_complain(ws, c.has_channel ? c.channel : WS_NO_CHANNEL, 400,
		    FR_REASON_ws_command, "%s", why.text);
	} else if (c.type == WS_SUBSCRIBE) {
		subscribe(ws, &c);
	} else if (c.type == WS_MESSAGE) {
		message(ws, &c);
	} else {
		channel = ws->is_many ? find(ws, c.channel) : NULL;
		if (channel != NULL)
			fr_http_ws_remove(channel, fr_clock_now_us());
	}
}
