/* SPDX-License-Identifier: MIT */
/* The http door on a real loop: Server-Sent Events of streams and of MESSAGEs, and readers that do not read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "daemon/doors/door.h"
#include "daemon/relay/access.h"
#include "daemon/relay/relay.h"
#include "daemon/relay/subscriber.h"
#include "tests/support/frames_scene.h"
#include "tests/support/loop_runner.h"

#define H   "Host: localhost\r\n"
#define END "\r\n"

static struct fr_test_peer *asking(struct fr_test_frames *f, const char *line)
{
	struct fr_test_peer *c = fr_test_client(f);
	char text[512];

	(void)snprintf(text, sizeof(text), "%s HTTP/1.1\r\n" H END, line);
	fr_test_say_line(c, text);
	return c;
}

/* A publisher of `cam` that has sent no picture yet. */
static struct fr_test_peer *publishing(struct fr_test_frames *f)
{
	struct fr_test_peer *c = fr_test_client(f);

	fr_test_say_line(c, "POST /streams/cam HTTP/1.1\r\n" H
	                    "Content-Type: image/jpeg\r\nContent-Length: 100000\r\n" END);
	return c;
}

static void nothing(void *arg)
{
	(void)arg;
}

static void nothing_more(void *arg, const struct fr_refusal *refusal)
{
	(void)arg;
	(void)refusal;
}

/* A viewer in this process, who is told nothing. */
static struct fr_subscriber *watching(struct fr_test_frames *f, const char *stream)
{
	static const struct fr_subscriber_ops ops = {
	    .on_ready = nothing, .on_closed = nothing_more};
	struct fr_subscribe_spec spec = {.door = "test", .who = {.ours = true}, .queue_frames = -1};
	struct fr_refusal refusal;
	struct fr_subscriber *sub;

	(void)snprintf(spec.stream, sizeof(spec.stream), "%s", stream);
	assert_int_equal(
	    fr_relay_subscribe(f->relay, &spec, &ops, NULL, fr_clock_now_us(), &sub, &refusal), 0);
	return sub;
}

static void tell(struct fr_test_frames *f, const char *json)
{
	const struct fr_who who = {.ours = true};
	struct fr_refusal refusal;

	assert_int_equal(fr_relay_message(f->relay, "cam", &who, "test", (const uint8_t *)json,
	                     strlen(json), fr_clock_now_us(), fr_clock_real_us(), &refusal),
	    0);
}

/* --- What becomes of streams ------------------------------------------------------------------ */

static void a_reader_is_told_of_all_streams_and_then_of_each_change(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_subscriber *sub;
	struct fr_test_peer *c, *pub;

	fr_test_frames_open(f);
	c = asking(f, "GET /events");
	(void)fr_test_expect_text(c, "\r\n\r\nretry: 2000\n\nevent: streams\ndata: []\n\n");
	assert_non_null(strstr((char *)c->got, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr((char *)c->got, "Content-Type: text/event-stream\r\n"));
	assert_non_null(strstr((char *)c->got, "Connection: close\r\n"));
	assert_non_null(strstr((char *)c->got, "Cross-Origin-Resource-Policy: same-origin\r\n"));
	assert_null(strstr((char *)c->got, "Transfer-Encoding"));
	pub = publishing(f);
	(void)fr_test_expect_text(c, "event: stream\ndata: {\"name\":\"cam\",");
	(void)fr_test_expect_text(c, "\"changes\":[\"new\",\"state\",\"publisher\"]}\n\n");
	sub = watching(f, "cam");
	(void)fr_test_expect_text(c, "\"changes\":[\"viewers\"]}\n\n");
	fr_subscriber_free(sub, fr_clock_now_us());
	fr_test_leave(pub);
	(void)fr_test_expect_text(c, "event: forgotten\ndata: {\"name\":\"cam\"}\n\n");
	fr_test_leave(c);
}

static void an_old_client_reads_events_too(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	c = fr_test_client(f);
	fr_test_say_line(c, "GET /events?anything HTTP/1.0\r\nAccept: text/event-stream\r\n"
	                    "Last-Event-ID: 7\r\n" END);
	(void)fr_test_expect_text(c, "\r\n\r\nretry: 2000\n\nevent: streams\ndata: []\n\n");
	fr_test_leave(c);
}

/* What a viewer of events may not do: go on sending. */
static void a_reader_that_goes_on_sending_is_closed(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;
	char text[8192] = {0};

	fr_test_frames_open(f);
	c = asking(f, "GET /events");
	(void)fr_test_expect_text(c, "event: streams");
	fr_test_say(c, text, sizeof(text));
	fr_test_until(f->loop, fr_test_is_closed, c);
	assert_int_equal(fr_test_rejected(FR_REASON_garbage), 1);
	fr_test_leave(c);
}

static void a_stop_ends_readers(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	c = asking(f, "GET /events");
	(void)fr_test_expect_text(c, "event: streams");
	f->door->ops->drain(f->door);
	fr_test_expect_end(c, "event: streams");
	fr_test_leave(c);
}

static void head_is_answered_at_once_and_nothing_is_taken(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c, *pub;

	fr_test_frames_open(f);
	pub = publishing(f);
	c = asking(f, "HEAD /events");
	fr_test_expect_end(c, "Content-Type: text/event-stream\r\n");
	assert_string_equal((char *)c->got + c->size - 4, "\r\n\r\n");
	fr_test_leave(c);
	c = asking(f, "HEAD /streams/cam/messages");
	fr_test_expect_end(c, "Content-Type: text/event-stream\r\n");
	assert_string_equal((char *)c->got + c->size - 4, "\r\n\r\n");
	fr_test_leave(c);
	c = asking(f, "PUT /events");
	(void)fr_test_expect_text(c, "Allow: GET, HEAD, OPTIONS\r\n");
	fr_test_leave(c);
	fr_test_leave(pub);
}

static void nobody_hears_who_may_not(void **state)
{
	static const char *const asked[] = {
	    "GET /events", "HEAD /events", "GET /streams/cam/messages"};
	struct fr_test_frames *f = *state;
	struct fr_test_peer *pub;

	fr_test_frames_open(f);
	pub = publishing(f);
	fr_test_turn(f->loop, 3);
	fr_relay_set_access(f->relay, fr_access_new(NULL, 0), fr_clock_now_us());
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct fr_test_peer *c = asking(f, asked[i]);

		(void)fr_test_expect_text(c, "HTTP/1.1 403 Forbidden\r\n");
		fr_test_leave(c);
	}
	fr_test_leave(pub);
}

static void who_may_no_longer_is_sent_away(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	c = asking(f, "GET /events");
	(void)fr_test_expect_text(c, "event: streams");
	fr_relay_set_access(f->relay, fr_access_new(NULL, 0), fr_clock_now_us());
	fr_test_expect_end(c, "event: streams");
	fr_test_leave(c);
}

/*
 * Twenty streams change a thousand times while a reader does not read. What it has got at the end is what the kernel held,
 * one batch that was under way, and the newest of each: not four megabytes.
 */
static void a_reader_that_does_not_read_gets_the_newest_and_no_backlog(void **state)
{
	enum {
		STREAMS = 20,
		ROUNDS = 1000
	};
	struct fr_stream_config *rows = fr_xcalloc(STREAMS, sizeof(*rows));
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	for (unsigned i = 0; i < STREAMS; i++) {
		(void)snprintf(rows[i].name, sizeof(rows[i].name), "cam%u", i);
		rows[i].title = fr_xstrdup("a camera");
		rows[i].stale_after_ms = -1;
	}
	fr_relay_set_streams(f->relay, rows, STREAMS, fr_clock_now_us());
	f->limits.notsent_lowat_bytes = 4096;
	fr_test_frames_open(f);
	c = asking(f, "GET /events");
	(void)fr_test_expect_text(c, "event: streams");
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct fr_subscriber *subs[STREAMS];
		char name[16];

		for (unsigned i = 0; i < STREAMS; i++) {
			(void)snprintf(name, sizeof(name), "cam%u", i);
			subs[i] = watching(f, name);
		}
		fr_test_turn(f->loop, 1);
		for (unsigned i = 0; i < STREAMS; i++)
			fr_subscriber_free(subs[i], fr_clock_now_us());
		fr_test_turn(f->loop, 1);
	}
	assert_true(fr_stat_value(FR_STAT_memory_bytes) < 1024 * 1024);
	fr_relay_set_streams(f->relay, NULL, 0, fr_clock_now_us());
	for (unsigned i = 0; i < STREAMS; i++) {
		char text[64];

		(void)snprintf(
		    text, sizeof(text), "event: forgotten\ndata: {\"name\":\"cam%u\"}", i);
		(void)fr_test_expect_text(c, text);
	}
	fr_test_leave(c);
}

static void while_nothing_happens_a_comment_comes(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_set(f, "events_keep_alive_ms", "10");
	fr_test_frames_open(f);
	c = asking(f, "GET /events");
	(void)fr_test_expect_text(c, "data: []\n\n: still here\n\n: still here\n\n");
	fr_test_leave(c);
}

/* --- MESSAGEs --------------------------------------------------------------------------------- */

static void messages_come_as_events_whatever_their_line_ends(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c, *pub;
	struct fr_stream_info info;

	fr_test_frames_open(f);
	pub = publishing(f);
	c = asking(f, "GET /streams/cam/messages");
	(void)fr_test_expect_text(c, "retry: 2000\n\n");
	assert_true(fr_relay_stream(f->relay, "cam", fr_clock_now_us(), &info));
	assert_int_equal(info.subscribers, 0); /* nobody wants pictures */
	tell(f, "{\"a\":1}");
	(void)fr_test_expect_text(c, "event: message\ndata: {\"a\":1}\n\n");
	tell(f, "[1,\n2,\r3\r\n]");
	(void)fr_test_expect_text(
	    c, "event: message\ndata: [1,\ndata: 2,\ndata: 3\ndata: \ndata: ]\n\n");
	fr_test_leave(c);
	fr_test_leave(pub);
}

static void a_long_message_comes_whole(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c, *pub;
	char *json = fr_xcalloc(1, 60001);

	memset(json, '7', 60000);
	json[0] = json[59999] = '"';
	fr_test_frames_open(f);
	pub = publishing(f);
	c = asking(f, "GET /streams/cam/messages");
	(void)fr_test_expect_text(c, "retry: 2000\n\n");
	tell(f, json);
	tell(f, "[]");
	(void)fr_test_expect_text(c, "data: []\n\n");
	assert_non_null(strstr((char *)c->got, json));
	assert_int_equal(fr_stat_value(FR_STAT_messages_sent), 2);
	free(json);
	fr_test_leave(c);
	fr_test_leave(pub);
}

static void messages_of_a_stream_that_is_not_known_are_404(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_peer *c;

	fr_test_frames_open(f);
	c = asking(f, "GET /streams/cam/messages");
	(void)fr_test_expect_text(c, "HTTP/1.1 404 Not Found\r\n");
	c->size = 0;
	fr_test_say_line(c, "PUT /streams/cam/messages HTTP/1.1\r\n" H "Content-Length: 0\r\n" END);
	(void)fr_test_expect_text(c, "Allow: GET, HEAD, POST, OPTIONS\r\n");
	fr_test_leave(c);
}

#define TEST(name)                                                                                 \
	cmocka_unit_test_setup_teardown(name, fr_test_http_setup, fr_test_frames_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_reader_is_told_of_all_streams_and_then_of_each_change),
	    TEST(an_old_client_reads_events_too),
	    TEST(a_reader_that_goes_on_sending_is_closed),
	    TEST(a_stop_ends_readers),
	    TEST(head_is_answered_at_once_and_nothing_is_taken),
	    TEST(nobody_hears_who_may_not),
	    TEST(who_may_no_longer_is_sent_away),
	    TEST(a_reader_that_does_not_read_gets_the_newest_and_no_backlog),
	    TEST(while_nothing_happens_a_comment_comes),
	    TEST(messages_come_as_events_whatever_their_line_ends),
	    TEST(a_long_message_comes_whole),
	    TEST(messages_of_a_stream_that_is_not_known_are_404),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
