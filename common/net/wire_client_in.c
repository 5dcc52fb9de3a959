/* SPDX-License-Identifier: MIT */
/* What comes in: lines while it greets, then pictures and records, PINGs answered, each end turned into a sentence. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/media/wire_write.h"
#include "common/net/wire_client_parts.h"

enum {
	/* A readable turn's share, so that one connection cannot hold the others up. */
	TURN_BYTES = 256 * 1024,
	TURN_FRAMES = 16,
	/* Beside the picture under way; what lands here is copied, and is always read to its end. */
	SMALL_READ = 16 * 1024,
};

static void answer_ping(struct fr_wire_client *c, const struct fr_wire_event *event)
{
	uint8_t record[FR_WIRE_SMALL_MAX];
	const size_t n = fr_wire_write_pong(record, event->text, event->size, fr_clock_real_us());

	if (fr_conn_put(c->conn, record, n) == FR_SEND_GONE)
		fr_wire_client_down(c, 0, fr_conn_gone_reason(c->conn));
}

static int64_t read_le64(const uint8_t *bytes)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | bytes[i];
	return (int64_t)v;
}

/* Only the answer to the last PING tells how long its way was. */
static void take_pong(struct fr_wire_client *c, const struct fr_wire_event *event)
{
	if (c->ping_us == 0 || event->size < 16 || read_le64(event->text) != c->ping_real_us)
		return;
	fr_clock_offset_add(&c->clock, c->ping_real_us, fr_clock_now_us() - c->ping_us,
	    read_le64(event->text + event->size - 8));
	c->ping_us = 0;
}

/* A line: the answer to the hello, or without records what the relay says behind it (ERR 409 replaced). */
static void take_line(struct fr_wire_client *c, const struct fr_wire_event *event)
{
	const struct fr_hello *hello = &c->spec.hello;
	struct fr_hello_answer answer;
	struct fr_cause why = {""};

	if (fr_hello_answer_read((const char *)event->text, event->size, &answer, &why) < 0) {
		fr_wire_client_down(c, 0, why.text);
		return;
	}
	if (!answer.ok) {
		fr_wire_client_down(c, answer.code, answer.reason);
		return;
	}
	if (hello->records)
		fr_wire_set_kind(c->wire, FR_WIRE_RECORDS);
	else
		fr_wire_set_kind(
		    c->wire, hello->verb == FR_HELLO_SUB ? FR_WIRE_PLAIN : FR_WIRE_HELLO);
	if (c->state == FR_WIRE_CLIENT_GREETING)
		fr_wire_client_go_up(c, &answer);
}

/* "403 not allowed" as code and words. */
static void down_by_text(struct fr_wire_client *c, const uint8_t *text, size_t size)
{
	char words[400];
	unsigned code = 0;
	int skip = 0;

	(void)snprintf(words, sizeof(words), "%.*s", (int)size, (const char *)text);
	if (sscanf(words, "%3u %n", &code, &skip) < 1 || code < 400 || code > 599) {
		code = 0;
		skip = 0;
	}
	fr_wire_client_down(c, code, words + skip);
}

/* What the other end's line says, where it wrote text to a plain connection; else what is wrong with its bytes. */
static void down_by_bad(
    struct fr_wire_client *c, const struct fr_wire_event *event, const uint8_t *first, size_t size)
{
	char words[300] = "the other end says: ";
	size_t n = strlen(words), said = 0;

	while (said < size && n < sizeof(words) - 1 && isprint(first[said]))
		words[n++] = (char)first[said++];
	words[n] = '\0';
	fr_wire_client_down(c, 0, c->spec.plain && said >= 4 ? words : event->why.text);
}

static void down_by_end(struct fr_wire_client *c, const struct fr_wire_event *event)
{
	char words[400];

	if (event->size > 0 && event->text != NULL)
		(void)snprintf(words, sizeof(words), "the other end has ended it: %.*s",
		    (int)(event->size < 300 ? event->size : 300), (const char *)event->text);
	else
		(void)snprintf(words, sizeof(words), "the other end has ended it");
	c->ops->on_event(c->arg, event);
	if (c->state == FR_WIRE_CLIENT_UP)
		fr_wire_client_down(c, 0, words);
}

/* @param first  the first bytes of the connection while they are at hand, else size 0 */
static void take_event(
    struct fr_wire_client *c, const struct fr_wire_event *event, const uint8_t *first, size_t size)
{
	switch (event->type) {
	case FR_WIRE_IS_HELLO:
		take_line(c, event);
		break;
	case FR_WIRE_PING:
		answer_ping(c, event);
		if (c->state == FR_WIRE_CLIENT_UP)
			c->ops->on_event(c->arg, event);
		break;
	case FR_WIRE_PONG:
		take_pong(c, event);
		c->ops->on_event(c->arg, event);
		break;
	case FR_WIRE_FRAME:
	case FR_WIRE_SKIPPED:
	case FR_WIRE_MESSAGE:
	case FR_WIRE_DEMAND:
		c->ops->on_event(c->arg, event);
		break;
	case FR_WIRE_END:
		down_by_end(c, event);
		break;
	case FR_WIRE_ERROR:
		down_by_text(c, event->text, event->size);
		break;
	case FR_WIRE_BAD:
		down_by_bad(c, event, first, size);
		break;
	case FR_WIRE_MORE:
	case FR_WIRE_BEGIN:
	case FR_WIRE_IS_PUBLISHER:
		break;
	case FR_WIRE_IS_HTTP:
	case FR_WIRE_IS_HTTP2:
		fr_wire_client_down(c, 0, "the other end does not speak the frames protocol");
		break;
	}
}

/* Reads what has come to its end. @return frames; the connection may be gone afterwards */
static unsigned take_bytes(
    struct fr_wire_client *c, const uint8_t *bytes, size_t size, bool is_first)
{
	const struct fr_conn *conn = c->conn;
	struct fr_wire_event event;
	unsigned frames = 0;
	size_t at = 0;

	do {
		at += fr_wire_read(c->wire, bytes + at, size - at, &event);
		frames += event.type == FR_WIRE_FRAME || event.type == FR_WIRE_SKIPPED;
		if (event.type != FR_WIRE_MORE)
			take_event(c, &event, bytes, is_first ? size : 0);
	} while (c->conn == conn && conn != NULL && event.type != FR_WIRE_MORE);
	return frames;
}

static const char *end_text(const struct fr_wire_client *c, ssize_t n)
{
	if (n < 0)
		return fr_conn_read_error(c->conn, n);
	if (c->state == FR_WIRE_CLIENT_GREETING)
		return "closed by the other end before it answered";
	if (fr_wire_is_inside(c->wire))
		return "closed by the other end in the middle of a picture";
	return "closed by the other end";
}

/* One read: the picture under way straight to its place, what comes behind it beside. */
static ssize_t read_once(struct fr_wire_client *c, unsigned *frames)
{
	const bool is_first = !c->has_read;
	const struct fr_conn *conn = c->conn;
	struct fr_frame *frame = NULL;
	struct iovec iov[2];
	uint8_t *place, *scratch;
	size_t scratch_size, room, into_room;
	int count = 0;
	ssize_t n;

	room = fr_wire_room(c->wire, &place);
	if (room != 0)
		iov[count++] = (struct iovec){place, room};
	else
		iov[0].iov_len = fr_wire_ahead(c->wire, &place, &frame);
	if (frame != NULL) {
		iov[count++].iov_base = place;
	} else {
		scratch = fr_loop_scratch(c->loop, &scratch_size);
		iov[count++] =
		    (struct iovec){scratch, scratch_size < SMALL_READ ? scratch_size : SMALL_READ};
	}
	n = fr_conn_read(c->conn, iov, count);
	if (n > 0) {
		c->has_read = true;
		c->silent_ticks = 0;
		into_room = (size_t)n < room ? (size_t)n : room;
		if (into_room != 0)
			fr_wire_filled(c->wire, into_room);
		*frames += take_bytes(c, iov[count - 1].iov_base, (size_t)n - into_room, is_first);
	}
	if (frame != NULL)
		fr_wire_ahead_done(c->conn == conn ? c->wire : NULL, frame);
	return n;
}

void fr_wire_client_on_readable(void *arg)
{
	struct fr_wire_client *c = arg;
	const struct fr_conn *conn = c->conn;
	size_t bytes = 0;
	unsigned frames = 0;
	ssize_t n;

	while (bytes < TURN_BYTES && frames < TURN_FRAMES) {
		n = read_once(c, &frames);
		if (n == -EAGAIN || c->conn != conn)
			return;
		if (n <= 0) {
			fr_wire_client_down(c, 0, end_text(c, n));
			return;
		}
		bytes += (size_t)n;
	}
}
