/* SPDX-License-Identifier: MIT */
/*
 * WebSockets of the http door on a real loop, byte by byte: what comes behind the 101, frames that stay whole whatever
 * happens meanwhile, and ends.
 */
#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/stats.h"
#include "common/media/websocket.h"
#include "daemon/doors/door.h"
#include "daemon/relay/access.h"
#include "daemon/relay/relay.h"
#include "tests/support/http_scene.h"
#include "tests/support/loop_runner.h"

#define UPGRADE                                                                                    \
	"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"               \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

enum {
	RECORD = 20,
};

/* --- A viewer --------------------------------------------------------------------------------- */

/* One frame, with a mask of zeros: the payload stays readable here. */
static void say(
    struct fr_test_peer *c, enum fr_websocket_opcode opcode, const void *payload, size_t size)
{
	uint8_t frame[FR_WEBSOCKET_HEAD_MAX + 4 + 4096];
	const size_t n = fr_websocket_head(frame, opcode, size);

	assert_true(size <= 4096);
	frame[1] |= 0x80;
	memset(frame + n, 0, 4);
	memcpy(frame + n + 4, payload, size);
	fr_test_say(c, frame, n + 4 + size);
}

static void say_text(struct fr_test_peer *c, const char *text)
{
	say(c, FR_WEBSOCKET_TEXT, text, strlen(text));
}

static struct fr_test_peer *opened(struct fr_test_frames *f, const char *path)
{
	char line[128];
	struct fr_test_peer *c;

	(void)snprintf(line, sizeof(line), "GET %s", path);
	c = asking(f, line, UPGRADE);
	(void)fr_test_expect_text(c, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	                             "Connection: Upgrade\r\n"
	                             "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
	return c;
}

/* One frame of what came. */
struct frame {
	unsigned opcode;
	const uint8_t *payload;
	size_t size;
};

/* Cuts the next frame; waits for it, where it is not whole yet. @param at  moved behind it */
static struct frame next_frame(struct fr_test_peer *c, size_t *at)
{
	struct frame frame;
	size_t head = 2;

	fr_test_expect_bytes(c, *at + 2);
	assert_int_equal(c->got[*at] & 0xF0, 0x80); /* whole, nothing reserved */
	frame.opcode = c->got[*at] & 0x0F;
	frame.size = c->got[*at + 1];
	assert_true(frame.size <= 127); /* not masked */
	if (frame.size >= 126) {
		const size_t n = frame.size == 126 ? 2 : 8;

		head += n;
		fr_test_expect_bytes(c, *at + head);
		frame.size = 0;
		for (size_t i = 0; i < n; i++)
			frame.size = frame.size << 8 | c->got[*at + 2 + i];
	}
	fr_test_expect_bytes(c, *at + head + frame.size);
	frame.payload = c->got + *at + head;
	*at += head + frame.size;
	return frame;
}

static size_t behind_head(const struct fr_test_peer *c)
{
	return (size_t)(strstr((const char *)c->got, "\r\n\r\n") + 4 - (const char *)c->got);
}

static void assert_text(const struct frame *frame, const char *begin)
{
	assert_int_equal(frame->opcode, FR_WEBSOCKET_TEXT);
	if (frame->size < strlen(begin) || memcmp(frame->payload, begin, strlen(begin)) != 0)
		fail_msg("%.*s", (int)frame->size, (const char *)frame->payload);
}

static void assert_picture(
    const struct frame *frame, unsigned channel, const struct fr_test_jpeg *picture)
{
	assert_int_equal(frame->opcode, FR_WEBSOCKET_BINARY);
	assert_int_equal(frame->size, RECORD + picture->size);
	assert_int_equal(frame->payload[0], 1);
	assert_int_equal(frame->payload[2] | frame->payload[3] << 8, channel);
	assert_memory_equal(frame->payload + RECORD, picture->bytes, picture->size);
}

static void assert_close(const struct frame *frame, unsigned code)
{
	assert_int_equal(frame->opcode, FR_WEBSOCKET_CLOSE);
	assert_int_equal(frame->payload[0] << 8 | frame->payload[1], code);
}

/* --- Order ------------------------------------------------------------------------------------ */

static void the_state_comes_first_and_then_the_newest_picture(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *publisher, *c;
	struct frame frame;
	size_t at;

	f->limits.stale_after_ms = 2000;
	fr_test_frames_open(f);
	publisher = published(f);
	c = opened(f, "/streams/cam/ws");
	at = behind_head(c);
	frame = next_frame(c, &at);
	assert_text(&frame, "{\"name\":\"cam\",\"state\":\"live\",\"since\":");
	frame = next_frame(c, &at);
	assert_picture(&frame, 0, &f->picture);
	fr_test_leave(publisher);
	frame = next_frame(c, &at);
	assert_text(&frame, "{\"name\":\"cam\",\"state\":\"offline\",\"since\":");
	publisher = published(f);
	frame = next_frame(c, &at);
	assert_text(&frame, "{\"name\":\"cam\",\"state\":\"live\",\"since\":");
	frame = next_frame(c, &at);
	assert_picture(&frame, 0, &f->picture);
	fr_test_leave(c);
	fr_test_leave(publisher);
}

static void what_came_with_the_handshake_counts(void **state)
{
	static const char more[] = UPGRADE END "\x89\x82\0\0\0\0hi";
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;
	struct frame frame;
	size_t at;

	fr_test_frames_open(f);
	c = fr_test_client(f);
	fr_test_say_line(c, "GET /ws HTTP/1.1\r\n" H);
	fr_test_say(c, more, sizeof(more) - 1);
	(void)fr_test_expect_text(c, "\r\n\r\n");
	at = behind_head(c);
	frame = next_frame(c, &at);
	assert_int_equal(frame.opcode, FR_WEBSOCKET_PONG);
	assert_int_equal(frame.size, 2);
	assert_memory_equal(frame.payload, "hi", 2);
	fr_test_leave(c);
}

static bool has_ended(void *arg)
{
	struct fr_test_frames *f = arg;
	struct fr_stream_info info;

	return fr_relay_stream(f->relay, "cam", fr_clock_now_us(), &info) &&
	       info.state != FR_STREAM_LIVE;
}

/* What the relay itself has noticed began at one moment, however often one looks. */
static bool has_ended_for_the_relay(void *arg)
{
	struct fr_test_frames *f = arg;
	const int64_t now_us = fr_clock_now_us();
	struct fr_stream_info info;

	return fr_relay_stream(f->relay, "cam", now_us, &info) && info.state != FR_STREAM_LIVE &&
	       info.state_since_us != now_us;
}

enum {
	STATES_MAX =
	    4, /* one or two, and more where a loaded machine lets the stream end in between */
};

static void publish_once(struct fr_test_frames *f)
{
	fr_test_leave(published(f));
}

/* Passes over what is told of states. @return the first frame that is none; fails after `most` states */
static struct frame behind_states(struct fr_test_peer *c, size_t *at, unsigned most)
{
	struct frame frame = next_frame(c, at);

	while (frame.opcode == FR_WEBSOCKET_TEXT) {
		assert_text(&frame, "{\"channel\":1,\"name\":\"cam\",\"state\":");
		assert_true(most-- > 0);
		frame = next_frame(c, at);
	}
	return frame;
}

/*
 * The relay looks at its streams once a second: until then each look at one that has ended finds another moment at which
 * it did. Meanwhile a picture waits for an ack, and something else makes the relay tell of the stream.
 */
static void an_end_that_the_relay_has_not_noticed_is_told_once(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;
	struct frame frame;
	char ack[64];
	uint64_t sequence;
	size_t at;

	f->limits.stale_after_ms = 50;
	f->limits.queue_age_ms = 0;
	fr_test_frames_open(f);
	publish_once(f);
	fr_test_until(f->loop, has_ended_for_the_relay, f); /* the next look is a second away */
	c = opened(f, "/ws");
	at = behind_head(c);
	say_text(c, "{\"subscribe\":\"cam\",\"channel\":1,\"ack\":true}");
	publish_once(f);
	frame = behind_states(c, &at, STATES_MAX);
	assert_picture(&frame, 1, &f->picture);
	memcpy(&sequence, frame.payload + 4, sizeof(sequence));
	publish_once(f);
	fr_test_until(f->loop, has_ended, f);
	fr_relay_set_streams(f->relay, NULL, 0, fr_clock_now_us());
	fr_test_turn(f->loop, 5);
	(void)snprintf(ack, sizeof(ack), "{\"ack\":1,\"sequence\":%llu}",
	    (unsigned long long)le64toh(sequence));
	say_text(c, ack);
	frame = behind_states(c, &at, STATES_MAX);
	assert_picture(&frame, 1, &f->picture);
	fr_test_leave(c);
}

/* --- While a picture is under way ------------------------------------------------------------- */

enum {
	LARGE = 230000, /* more than the kernel holds for a viewer that does not read */
};

static bool nobody_subscribes(void *arg)
{
	(void)arg;
	return fr_stat_value(FR_STAT_subscribers) == 0;
}

static bool somebody_subscribes(void *arg)
{
	(void)arg;
	return fr_stat_value(FR_STAT_subscribers) == 1;
}

/* A viewer that does not read, with a part of a large picture in its hands. */
static struct fr_test_peer *opened_and_busy(
    struct fr_test_frames *f, const char *path, const char *command)
{
	const int small = 32768;
	struct fr_test_peer *c = fr_test_client(f);
	char text[512];

	assert_int_equal(setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
	(void)snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\n" H UPGRADE END, path);
	fr_test_say_line(c, text);
	if (command != NULL)
		say_text(c, command);
	fr_test_until(f->loop, somebody_subscribes, NULL);
	fr_test_turn(f->loop, 20);
	assert_int_equal(fr_stat_value(FR_STAT_frames_sent), 0);
	return c;
}

static void a_picture_whose_channel_is_left_goes_out_whole(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_jpeg large = fr_test_jpeg_sized(LARGE, 1);
	struct fr_test_peer *publisher, *c;
	struct frame frame;
	size_t at;

	fr_test_frames_open(f);
	publisher = published_this(f, &large);
	c = opened_and_busy(f, "/ws", "{\"subscribe\":\"cam\",\"channel\":513}");
	say_text(c, "{\"unsubscribe\":513}");
	say(c, FR_WEBSOCKET_PING, "1", 1);
	say(c, FR_WEBSOCKET_PING, "2", 1);
	fr_test_until(f->loop, nobody_subscribes, NULL);
	fr_test_turn(f->loop, 20);
	assert_int_equal(fr_stat_value(FR_STAT_frames_dropped_closed), 1);

	(void)fr_test_expect_text(c, "\r\n\r\n");
	at = behind_head(c);
	frame = next_frame(c, &at);
	assert_text(&frame, "{\"channel\":513,\"name\":\"cam\",\"state\":\"live\",");
	frame = next_frame(c, &at);
	assert_picture(&frame, 513, &large);
	frame = next_frame(c, &at); /* one for both: RFC 6455 5.5.3 */
	assert_int_equal(frame.opcode, FR_WEBSOCKET_PONG);
	assert_memory_equal(frame.payload, "2", 1);
	say_text(c, "{\"subscribe\":\"cam\",\"channel\":1}");
	frame = next_frame(c, &at);
	assert_text(&frame, "{\"channel\":1,\"name\":\"cam\",");
	fr_test_leave(c);
	fr_test_leave(publisher);
	fr_test_jpeg_done(&large);
}

/* @param how  withdraws what the viewer has */
static void ends_behind_the_picture(
    struct fr_test_frames *f, void (*how)(struct fr_test_frames *f), unsigned code)
{
	struct fr_test_jpeg large = fr_test_jpeg_sized(LARGE, 1);
	struct fr_test_peer *publisher, *c;
	struct frame frame;
	size_t at;

	f->limits.drain_ms = f->limits.linger_close_ms = 20000;
	fr_test_frames_open(f);
	publisher = published_this(f, &large);
	c = opened_and_busy(f, "/streams/cam/ws", NULL);
	how(f);
	fr_test_until(f->loop, nobody_subscribes, NULL);
	(void)fr_test_expect_text(c, "\r\n\r\n");
	at = behind_head(c);
	(void)next_frame(c, &at);
	frame = next_frame(c, &at);
	assert_picture(&frame, 0, &large);
	frame = next_frame(c, &at);
	assert_close(&frame, code);
	fr_test_until(f->loop, fr_test_is_closed, c);
	assert_int_equal(at, c->size);
	fr_test_leave(c);
	fr_test_leave(publisher);
	fr_test_jpeg_done(&large);
}

static void drain(struct fr_test_frames *f)
{
	f->door->ops->drain(f->door);
}

static void forbid(struct fr_test_frames *f)
{
	fr_relay_set_access(f->relay, fr_access_new(NULL, 0), fr_clock_now_us());
}

static void a_relay_that_stops_says_so_behind_the_picture(void **state)
{
	ends_behind_the_picture(*state, drain, 1001);
}

static void who_may_no_longer_hears_so_behind_the_picture(void **state)
{
	ends_behind_the_picture(*state, forbid, 1008);
	assert_int_equal(fr_test_rejected(FR_REASON_access_denied), 1);
}

static void who_asks_and_never_reads_is_dropped(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_jpeg large = fr_test_jpeg_sized(LARGE, 1);
	struct fr_test_peer *publisher, *c;

	f->limits.ws_commands_per_second = 0;
	fr_test_frames_open(f);
	publisher = published_this(f, &large);
	c = opened_and_busy(f, "/streams/cam/ws", NULL);
	for (unsigned i = 0; i < 300; i++)
		say_text(c, "{}");
	fr_test_until(f->loop, nobody_subscribes, NULL);
	fr_test_leave(c);
	fr_test_leave(publisher);
	fr_test_jpeg_done(&large);
}

/* --- Time ------------------------------------------------------------------------------------- */

static void a_silent_viewer_is_asked_three_times_and_left(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;
	struct frame frame;
	size_t at;

	f->limits.ping_interval_ms = 30;
	fr_test_frames_open(f);
	c = opened(f, "/ws");
	at = behind_head(c);
	for (unsigned i = 0; i < 5; i++) {
		frame = next_frame(c, &at);
		assert_int_equal(frame.opcode, FR_WEBSOCKET_PING);
		if (i < 2)
			say(c, FR_WEBSOCKET_PONG, "", 0);
	}
	frame = next_frame(c, &at);
	assert_close(&frame, 1008);
	assert_int_equal(fr_test_rejected(FR_REASON_ws_silent), 1);
	fr_test_leave(c);
}

static void a_viewer_that_ends_its_side_is_gone(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *publisher, *c;

	fr_test_frames_open(f);
	publisher = published(f);
	c = opened(f, "/streams/cam/ws");
	fr_test_say(c, "\x81\xFE", 2); /* half a head */
	(void)shutdown(c->fd, SHUT_WR);
	fr_test_until(f->loop, nobody_subscribes, NULL);
	fr_test_leave(c);
	fr_test_leave(publisher);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, fr_test_http_setup, fr_test_frames_teardown)
	const struct CMUnitTest tests[] = {
	    T(the_state_comes_first_and_then_the_newest_picture),
	    T(what_came_with_the_handshake_counts),
	    T(an_end_that_the_relay_has_not_noticed_is_told_once),
	    T(a_picture_whose_channel_is_left_goes_out_whole),
	    T(a_relay_that_stops_says_so_behind_the_picture),
	    T(who_may_no_longer_hears_so_behind_the_picture),
	    T(who_asks_and_never_reads_is_dropped),
	    T(a_silent_viewer_is_asked_three_times_and_left),
	    T(a_viewer_that_ends_its_side_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
