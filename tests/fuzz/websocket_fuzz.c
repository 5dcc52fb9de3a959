/* SPDX-License-Identifier: MIT */
/*
 * What a viewer sends on a WebSocket: the first byte says how the rest is cut; whole, byte by byte and cut, the same
 * messages come out and it ends for the same reason. Texts are read as commands, too.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/limits.h"
#include "common/media/websocket.h"
#include "common/media/wire_write.h"
#include "daemon/doors/http/ws_command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	MESSAGE_MAX = 512,
	FRAGMENTS_MAX = 8,
};

struct outcome {
	struct fr_websocket *ws;
	uint64_t sum; /* over everything that came out */
	unsigned messages, controls;
	bool is_over;
};

static void mix(struct outcome *o, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		o->sum = (o->sum ^ bytes[i]) * 1099511628211U;
	o->sum = (o->sum ^ size) * 1099511628211U;
}

static void check_command(const uint8_t *text, size_t size)
{
	static struct fr_limits limits; /* read once: it takes longer than a command */
	struct ws_command c;
	struct fr_cause why;

	if (limits.max_frame_bytes == 0)
		limits = fr_limits_default();
	if (fr_http_ws_command_read(text, size, &limits, &c, &why) < 0) {
		assert(why.text[0] != '\0');
		return;
	}
	if (c.type == WS_MESSAGE) {
		assert(c.message >= text && c.message_size > 0);
		assert(c.message + c.message_size < text + size);
	} else {
		assert(c.has_channel);
	}
	assert(c.type != WS_SUBSCRIBE || fr_text_is_name(c.stream));
}

static void on_message(
    void *arg, enum fr_websocket_opcode opcode, const uint8_t *bytes, size_t size)
{
	struct outcome *o = arg;
	uint8_t pong[FR_WIRE_SMALL_MAX];

	assert(size <= MESSAGE_MAX);
	o->messages++;
	mix(o, bytes, size);
	if (opcode == FR_WEBSOCKET_TEXT)
		check_command(bytes, size);
	else
		assert(fr_wire_answer_ping(pong, bytes, size, 1) <= sizeof(pong));
}

static void on_control(
    void *arg, enum fr_websocket_opcode opcode, const uint8_t *bytes, size_t size)
{
	struct outcome *o = arg;

	assert(opcode == FR_WEBSOCKET_PING || opcode == FR_WEBSOCKET_PONG);
	assert(size <= FR_WEBSOCKET_PAYLOAD_MAX);
	o->controls++;
	mix(o, bytes, size);
}

static struct outcome read_in(const uint8_t *bytes, size_t size, size_t step)
{
	static const struct fr_websocket_ops ops = {
	    .on_message = on_message, .on_control = on_control};
	static const struct fr_websocket_limits limits = {
	    .message_bytes = MESSAGE_MAX, .fragments = FRAGMENTS_MAX};
	struct outcome o = {0};

	o.ws = fr_websocket_new(&limits, &ops, &o);
	for (size_t at = 0; at < size && !o.is_over; at += step)
		o.is_over =
		    !fr_websocket_read(o.ws, bytes + at, size - at < step ? size - at : step);
	return o;
}

static void check_same(const struct outcome *a, struct outcome *b)
{
	const struct fr_websocket_end x = fr_websocket_end(a->ws), y = fr_websocket_end(b->ws);

	assert(a->sum == b->sum && a->messages == b->messages && a->controls == b->controls);
	/* The reason of a CLOSE that comes in pieces is not read as well as one in one piece (websocket.c). */
	if (x.code != 1007 && y.code != 1007) {
		assert(a->is_over == b->is_over && x.code == y.code);
		assert(x.reason == y.reason && x.is_clean == y.is_clean);
	}
	assert(!a->is_over || x.is_clean || x.code == 1002 || (x.code >= 1007 && x.code <= 1009));
	assert(!a->is_over || x.why != NULL);
	fr_websocket_free(b->ws);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, one, cut;

	if (size < 2)
		return 0;
	whole = read_in(data + 1, size - 1, size);
	one = read_in(data + 1, size - 1, 1);
	cut = read_in(data + 1, size - 1, (size_t)data[0] + 1);
	check_same(&whole, &one);
	check_same(&whole, &cut);
	fr_websocket_free(whole.ws);
	return 0;
}
