/* SPDX-License-Identifier: MIT */
/*
 * The server's side of WebSocket, without the socket: the handshake's key, the heads of frames that go out, and a
 * reader of what comes in. Pure: no I/O, no clock.
 *
 * The reader is wslay's, which joins fragments, undoes masks and checks UTF-8. It never speaks: what is to be
 * answered is told to the owner, who alone knows when a frame may be put between two others. No extension is known
 * here, so nothing is ever compressed.
 *
 * Source: RFC 6455.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/stats.h"

enum {
	FR_WEBSOCKET_ACCEPT_CHARS = 28,
	FR_WEBSOCKET_HEAD_MAX = 10,
	FR_WEBSOCKET_PAYLOAD_MAX = 125, /* of a control frame */
	FR_WEBSOCKET_CONTROL_MAX = 2 + FR_WEBSOCKET_PAYLOAD_MAX,
};

enum fr_websocket_opcode {
	FR_WEBSOCKET_TEXT = 1,
	FR_WEBSOCKET_BINARY = 2,
	FR_WEBSOCKET_CLOSE = 8,
	FR_WEBSOCKET_PING = 9,
	FR_WEBSOCKET_PONG = 10,
};

/* --- Out -------------------------------------------------------------------------------------- */

/**
 * The answer to a handshake's key.
 *
 * @param key  the value of Sec-WebSocket-Key
 * @param ret  Sec-WebSocket-Accept, with its NUL
 * @return     false: the key is not 16 bytes in base64
 */
bool fr_websocket_accept(const char *key, char ret[FR_WEBSOCKET_ACCEPT_CHARS + 1]);

/**
 * Renders the head of a whole message in one frame, for a payload that follows.
 *
 * A server's frames are not masked (RFC 6455 5.1), so the payload goes out as it is, and the head is the length and
 * nothing else: there is no state that a library would have to keep.
 *
 * @return bytes, 2 to FR_WEBSOCKET_HEAD_MAX
 */
size_t fr_websocket_head(
    uint8_t to[FR_WEBSOCKET_HEAD_MAX], enum fr_websocket_opcode opcode, uint64_t size);

/** Renders a PING or PONG. @param size  0 to FR_WEBSOCKET_PAYLOAD_MAX. @return bytes */
size_t fr_websocket_control(uint8_t to[FR_WEBSOCKET_CONTROL_MAX], enum fr_websocket_opcode opcode,
    const void *payload, size_t size);

/** Renders a CLOSE. @param code  0: none is said. @param reason  UTF-8, cut between characters. @return bytes */
size_t fr_websocket_close(uint8_t to[FR_WEBSOCKET_CONTROL_MAX], unsigned code, const char *reason);

/* --- In --------------------------------------------------------------------------------------- */

struct fr_websocket;

/** 0: as much as there may ever be (2 MiB, 1,048,576). A plain value. */
struct fr_websocket_limits {
	size_t message_bytes; /* a whole message */
	unsigned fragments;   /* frames that make up a message */
};

/** What came; the bytes are the reader's, until the call returns. Each may call fr_websocket_stop(). */
struct fr_websocket_ops {
	void (*on_message)(
	    void *arg, enum fr_websocket_opcode opcode, const uint8_t *bytes, size_t size);
	/** A PING or PONG; `size` is at most FR_WEBSOCKET_PAYLOAD_MAX. */
	void (*on_control)(
	    void *arg, enum fr_websocket_opcode opcode, const uint8_t *bytes, size_t size);
};

/** Why nothing more is read. A plain value. */
struct fr_websocket_end {
	unsigned code;         /* to be said in our CLOSE; 0: none */
	bool is_clean;         /* the peer said CLOSE; the rest does not count */
	enum fr_reason reason; /* the counter */
	const char *why;       /* constant text */
};

/** @param ops  borrowed; a constant table. @return never NULL */
struct fr_websocket *fr_websocket_new(
    const struct fr_websocket_limits *limits, const struct fr_websocket_ops *ops, void *arg);
void fr_websocket_free(struct fr_websocket *ws); /* NULL is fine; not from one of its calls */

/** Takes bytes, all of them unless it is over. @return false: over, by the peer, a mistake of its, or fr_websocket_stop() */
bool fr_websocket_read(struct fr_websocket *ws, const uint8_t *bytes, size_t size);

/** Reads nothing more. */
void fr_websocket_stop(struct fr_websocket *ws);

/** After fr_websocket_read() has returned false. */
struct fr_websocket_end fr_websocket_end(const struct fr_websocket *ws);

/** @return whether a message has begun and is not whole */
bool fr_websocket_is_inside(const struct fr_websocket *ws);
