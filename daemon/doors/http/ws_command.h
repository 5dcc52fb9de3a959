/* SPDX-License-Identifier: MIT */
/* What a viewer may say on a WebSocket: one JSON object a text message (docs/protocol.md 2.4). Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"
#include "daemon/doors/http/inside.h"

struct fr_cause;
struct fr_limits;

enum ws_command_type {
	WS_SUBSCRIBE,
	WS_UNSUBSCRIBE,
	WS_ACK,
	WS_MESSAGE,
};

/* A plain value; the bytes of a message are those of the text. */
struct ws_command {
	enum ws_command_type type;
	bool has_channel; /* also where the text is refused, so that the answer can name it */
	uint16_t channel;
	uint64_t sequence; /* ACK */
	bool acks;         /* SUBSCRIBE: each picture waits for the ack of the one before */
	char stream[FR_NAME_MAX + 1]; /* SUBSCRIBE, MESSAGE: "" none */
	struct http_query query;      /* SUBSCRIBE: the keys of SUB */
	const uint8_t *message;       /* MESSAGE: one JSON text */
	size_t message_size;
};

/** @retval -EINVAL  no command; `why` says what is wrong, and ret->has_channel whether a channel was named */
int fr_http_ws_command_read(const uint8_t *text, size_t size, const struct fr_limits *limits,
    struct ws_command *ret, struct fr_cause *why);
