/* SPDX-License-Identifier: MIT */
#include "common/media/websocket.h"

#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include <openssl/evp.h>

#include "common/base/xalloc.h"

enum {
	KEY_CHARS = 24, /* 16 bytes: 22 characters and two `=` */
	MESSAGE_HARD = 2 * 1024 * 1024,
	FRAGMENTS_HARD = 1 << 20,
	LEAST_ROOM = 512,
};

/* --- Out -------------------------------------------------------------------------------------- */

bool fr_websocket_accept(const char *key, char ret[FR_WEBSOCKET_ACCEPT_CHARS + 1])
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	static const char suffix[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
	char text[KEY_CHARS + sizeof(suffix)];
	unsigned char digest[20];
	unsigned n = 0;

	if (strlen(key) != KEY_CHARS || strspn(key, letters) != KEY_CHARS - 2 ||
	    strcmp(key + KEY_CHARS - 2, "==") != 0)
		return false;
	(void)snprintf(text, sizeof(text), "%s%s", key, suffix);
	if (EVP_Digest(text, strlen(text), digest, &n, EVP_sha1(), NULL) != 1 ||
	    n != sizeof(digest))
		return false;
	(void)EVP_EncodeBlock((unsigned char *)ret, digest, sizeof(digest));
	return true;
}

size_t fr_websocket_head(
    uint8_t to[FR_WEBSOCKET_HEAD_MAX], enum fr_websocket_opcode opcode, uint64_t size)
{
	const size_t n = size < 126 ? 0 : size <= UINT16_MAX ? 2 : 8;

	to[0] = (uint8_t)(0x80U | opcode); /* the last frame of its message, and the first */
	to[1] = (uint8_t)(n == 0 ? size : n == 2 ? 126 : 127);
	for (size_t i = 0; i < n; i++)
		to[2 + i] = (uint8_t)(size >> (8 * (n - 1 - i)));
	return 2 + n;
}

size_t fr_websocket_control(uint8_t to[FR_WEBSOCKET_CONTROL_MAX], enum fr_websocket_opcode opcode,
    const void *payload, size_t size)
{
	uint8_t head[FR_WEBSOCKET_HEAD_MAX] = {0};

	assert(size <= FR_WEBSOCKET_PAYLOAD_MAX);
	(void)fr_websocket_head(head, opcode, size);
	memcpy(to, head, 2);
	if (size != 0)
		memcpy(to + 2, payload, size);
	return 2 + size;
}

size_t fr_websocket_close(uint8_t to[FR_WEBSOCKET_CONTROL_MAX], unsigned code, const char *reason)
{
	uint8_t payload[FR_WEBSOCKET_PAYLOAD_MAX];
	size_t n = strlen(reason);

	if (code == 0)
		return fr_websocket_control(to, FR_WEBSOCKET_CLOSE, NULL, 0);
	if (n > sizeof(payload) - 2)
		for (n = sizeof(payload) - 2; ((uint8_t)reason[n] & 0xC0U) == 0x80U; n--)
			;
	payload[0] = (uint8_t)(code >> 8);
	payload[1] = (uint8_t)code;
	memcpy(payload + 2, reason, n); /* NOLINT: its length says where a reason ends */
	return fr_websocket_control(to, FR_WEBSOCKET_CLOSE, payload, 2 + n);
}

/* --- In --------------------------------------------------------------------------------------- */

struct fr_websocket {
	wslay_event_context_ptr event;
	const struct fr_websocket_ops *ops;
	void *arg;
	struct fr_websocket_limits limits;
	const uint8_t *bytes; /* that wslay has not asked for yet */
	size_t size;

	uint8_t *message; /* what has come of it: memory grows with bytes, not with a length */
	size_t message_size, message_room;
	unsigned fragments;
	bool in_control; /* the frame that is coming in is one */
	bool is_over;
	struct fr_websocket_end end;
};

static void end(struct fr_websocket *ws, unsigned code, enum fr_reason reason, const char *why)
{
	if (!ws->is_over)
		ws->end = (struct fr_websocket_end){.code = code, .reason = reason, .why = why};
	fr_websocket_stop(ws);
}

static ssize_t on_recv(
    wslay_event_context_ptr event, uint8_t *to, size_t size, int flags, void *user)
{
	struct fr_websocket *ws = user;
	const size_t n = size < ws->size ? size : ws->size;

	(void)flags;
	if (n == 0) {
		wslay_event_set_error(event, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	memcpy(to, ws->bytes, n);
	ws->bytes += n;
	ws->size -= n;
	return (ssize_t)n;
}

/* wslay's own PONGs and CLOSEs: the owner sends his. */
static ssize_t on_send(
    wslay_event_context_ptr event, const uint8_t *bytes, size_t size, int flags, void *user)
{
	(void)event;
	(void)bytes;
	(void)flags;
	(void)user;
	return (ssize_t)size;
}

static void on_frame_start(wslay_event_context_ptr event,
    const struct wslay_event_on_frame_recv_start_arg *arg, void *user)
{
	struct fr_websocket *ws = user;

	(void)event;
	ws->in_control = wslay_is_ctrl_frame(arg->opcode);
	if (ws->in_control)
		return;
	if (++ws->fragments > ws->limits.fragments)
		end(ws, 1008, FR_REASON_ws_fragments, "a message in too many fragments");
	else if (arg->payload_length > ws->limits.message_bytes - ws->message_size)
		end(ws, 1009, FR_REASON_ws_too_big, "a message that is too long");
}

static void on_frame_chunk(wslay_event_context_ptr event,
    const struct wslay_event_on_frame_recv_chunk_arg *arg, void *user)
{
	struct fr_websocket *ws = user;

	(void)event;
	if (ws->in_control || ws->is_over || arg->data_length == 0)
		return;
	if (ws->message_size + arg->data_length > ws->message_room) {
		ws->message_room = 2 * (ws->message_size + arg->data_length) + LEAST_ROOM;
		ws->message = fr_xreallocarray(ws->message, ws->message_room, 1);
	}
	memcpy(ws->message + ws->message_size, arg->data, arg->data_length);
	ws->message_size += arg->data_length;
}

/*
 * wslay has looked at the code. It takes half a code for none; and of a reason that comes in pieces it skips two bytes
 * of each, so it may miss bad UTF-8, which is looked for here, or see some where none is: then the answer to the peer's
 * CLOSE says 1007, and that is all.
 */
static void on_close(struct fr_websocket *ws, const struct wslay_event_on_msg_recv_arg *arg)
{
	json_t *reason = arg->msg_length > 2
	                     ? json_stringn((const char *)arg->msg + 2, arg->msg_length - 2)
	                     : NULL;

	if (arg->msg_length == 1) {
		end(ws, 1002, FR_REASON_ws_protocol, "half a close code");
	} else if (arg->msg_length > 2 && reason == NULL) {
		end(ws, 1007, FR_REASON_ws_utf8, "a reason that is not UTF-8");
	} else {
		end(ws, arg->status_code, FR_REASON_ws_protocol, "the peer closed");
		ws->end.is_clean = true;
	}
	json_decref(reason);
}

static void on_message(
    wslay_event_context_ptr event, const struct wslay_event_on_msg_recv_arg *arg, void *user)
{
	struct fr_websocket *ws = user;
	uint8_t *message = ws->message;
	const size_t size = ws->message_size;

	(void)event;
	if (ws->is_over)
		return;
	if (arg->opcode == WSLAY_CONNECTION_CLOSE) {
		on_close(ws, arg);
	} else if (wslay_is_ctrl_frame(arg->opcode)) {
		ws->ops->on_control(
		    ws->arg, (enum fr_websocket_opcode)arg->opcode, arg->msg, arg->msg_length);
	} else {
		ws->message = NULL; /* an idle socket holds no memory for messages */
		ws->message_size = ws->message_room = 0;
		ws->fragments = 0;
		ws->ops->on_message(ws->arg, (enum fr_websocket_opcode)arg->opcode, message, size);
		free(message);
	}
}

struct fr_websocket *fr_websocket_new(
    const struct fr_websocket_limits *limits, const struct fr_websocket_ops *ops, void *arg)
{
	static const struct wslay_event_callbacks callbacks = {
	    .recv_callback = on_recv,
	    .send_callback = on_send,
	    .on_frame_recv_start_callback = on_frame_start,
	    .on_frame_recv_chunk_callback = on_frame_chunk,
	    .on_msg_recv_callback = on_message,
	};
	struct fr_websocket *ws = fr_xcalloc(1, sizeof(*ws));

	ws->ops = ops;
	ws->arg = arg;
	ws->limits = *limits;
	if (ws->limits.message_bytes == 0 || ws->limits.message_bytes > MESSAGE_HARD)
		ws->limits.message_bytes = MESSAGE_HARD;
	if (ws->limits.fragments == 0 || ws->limits.fragments > FRAGMENTS_HARD)
		ws->limits.fragments = FRAGMENTS_HARD;
	if (wslay_event_context_server_init(&ws->event, &callbacks, ws) != 0)
		abort(); /* no memory, as in xalloc */
	wslay_event_config_set_no_buffering(ws->event, 1);
	return ws;
}

void fr_websocket_free(struct fr_websocket *ws)
{
	if (ws == NULL)
		return;
	wslay_event_context_free(ws->event);
	free(ws->message);
	free(ws);
}

void fr_websocket_stop(struct fr_websocket *ws)
{
	ws->is_over = true;
	ws->size = 0;
	wslay_event_shutdown_read(ws->event);
}

/* wslay found something wrong: what it wanted to say tells what. */
static void end_by_wslay(struct fr_websocket *ws, int r)
{
	const unsigned code = wslay_event_get_status_code_sent(ws->event);

	if (r == WSLAY_ERR_NOMEM)
		end(ws, 1011, FR_REASON_ws_protocol, "no memory to read a frame");
	else if (code == WSLAY_CODE_INVALID_FRAME_PAYLOAD_DATA)
		end(ws, code, FR_REASON_ws_utf8, "text that is not UTF-8");
	else if (code == WSLAY_CODE_MESSAGE_TOO_BIG)
		end(ws, code, FR_REASON_ws_too_big, "a message that is too long");
	else
		end(ws, WSLAY_CODE_PROTOCOL_ERROR, FR_REASON_ws_protocol,
		    "a frame that RFC 6455 does not allow");
}

bool fr_websocket_read(struct fr_websocket *ws, const uint8_t *bytes, size_t size)
{
	int r;

	if (ws->is_over)
		return false;
	ws->bytes = bytes;
	ws->size = size;
	r = wslay_event_recv(ws->event);
	(void)wslay_event_send(ws->event); /* to nobody; it forgets what it wanted to say */
	if (!ws->is_over && (r != 0 || !wslay_event_get_read_enabled(ws->event)))
		end_by_wslay(ws, r);
	return !ws->is_over;
}

struct fr_websocket_end fr_websocket_end(const struct fr_websocket *ws)
{
	return ws->end;
}

bool fr_websocket_is_inside(const struct fr_websocket *ws)
{
	return ws->fragments != 0;
}
