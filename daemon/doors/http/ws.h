/* SPDX-License-Identifier: MIT */
/*
 * What the files of WebSockets share (docs/protocol.md 2.4). A socket of one stream is a socket of many with one
 * channel, whose number is never said.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sys/queue.h>

#include "common/media/websocket.h"
#include "daemon/doors/http/inside.h"
#include "daemon/relay/observer.h"

enum {
	WS_NO_CHANNEL = -1,
};

/* One subscription on a socket. */
struct ws_channel {
	TAILQ_ENTRY(ws_channel) entry;
	struct http_ws *ws;
	struct fr_subscriber *sub;
	struct fr_observer *observer; /* of the stream's state */
	uint64_t sequence;            /* of the last picture that was sent */
	int64_t told_us;              /* since when the state is so that the viewer was told last */
	enum fr_stream_state told;
	uint16_t number;
	bool is_ready;      /* something waits, as far as is known */
	bool acks;          /* the viewer acknowledges pictures, */
	bool waits_for_ack; /* and has not done so with the last one */
	bool has_news;      /* of the stream, at which nobody has looked */
	bool owes_state;    /* the viewer is to be told */
	char stream[FR_NAME_MAX + 1];
};

struct http_ws {
	struct http_peer *peer;
	struct fr_websocket *reader;
	TAILQ_HEAD(ws_channel_list, ws_channel) channels; /* who was served longest ago first */
	unsigned count;
	struct ws_channel *flying; /* whose picture or message is under way; NULL: none's */
	bool is_many;

	/* What a busy socket owes: one of each, whatever the peer does. */
	bool owes_ping;
	bool owes_pong;
	uint8_t pong[FR_WEBSOCKET_PAYLOAD_MAX]; /* the payload of the newest PING */
	size_t pong_size;

	int64_t pinged_us;             /* when the last PING was sent */
	unsigned unanswered;           /* PINGs since the last byte from the peer */
	int64_t message_us;            /* since when a message is incomplete; 0: none is */
	int64_t looked_us;             /* when states were looked at */
	int64_t pings_us, commands_us; /* until when what came would have been spread evenly */
	uint64_t sent, dropped;        /* of channels that are over */
};

/* ws_peer.c */

/** @return a socket without channels; its peer has it freed */
struct http_ws *fr_http_ws_new(struct http_peer *p, bool is_many);

/** Ends it because the peer broke a rule; counts and logs it. */
void fr_http_ws_fail(struct http_ws *ws, unsigned code, enum fr_reason reason, const char *why);

/** A command costs. @return false: too many; it is over */
bool fr_http_ws_pay_command(struct http_ws *ws);

/* ws_channels.c */

/**
 * Adds a subscription; its state is owed.
 *
 * @param query  with the stream; who asks is filled in here
 * @return       NULL: refused, and counted by the relay
 */
struct ws_channel *fr_http_ws_add(struct http_ws *ws, const struct http_query *query,
    uint16_t number, bool acks, struct fr_refusal *refusal);
void fr_http_ws_remove(struct ws_channel *channel, int64_t now_us);

/** A text message came. */
void fr_http_ws_text(struct http_ws *ws, const uint8_t *text, size_t size);

/* ws_out.c */

/** Sends what is owed and what waits, as long as the socket takes it. The peer may be gone afterwards. */
void fr_http_ws_continue(struct http_ws *ws);

/** Looks at the stream; a state that the viewer does not know is owed. */
void fr_http_ws_look(struct ws_channel *channel, int64_t now_us);

/** Tells what was refused. @param number  the channel, or WS_NO_CHANNEL. @param is_counted  by the relay */
void fr_http_ws_refuse(
    struct http_ws *ws, int number, const struct fr_refusal *refusal, bool is_counted);
__attribute__((format(printf, 5, 6))) void fr_http_ws_complain(
    struct http_ws *ws, int number, unsigned code, enum fr_reason reason, const char *fmt, ...);

/** Sends a small message. @return false: the peer is gone, and closed */
bool fr_http_ws_put(
    struct http_ws *ws, enum fr_websocket_opcode opcode, const void *bytes, size_t size);
