/* SPDX-License-Identifier: MIT */
/* The frames door on a real loop, over 127.0.0.1: every answer, every deadline, every role. */
#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/text.h"
#include "common/media/frame.h"
#include "common/media/wire_write.h"
#include "common/net/admission.h"
#include "common/net/loop.h"
#include "daemon/doors/doors.h"
#include "daemon/relay/ingest.h"
#include "daemon/relay/relay.h"
#include "daemon/service.h"
#include "tests/support/jpeg.h"
#include "tests/support/loop_runner.h"

struct fixture {
	struct fr_limits limits;
	struct fr_loop *loop;
	struct fr_frame_pool *pool;
	struct fr_relay *relay;
	struct fr_admission *admission;
	struct fr_service *service;
	struct fr_options *options;
	struct fr_door *door;
	struct fr_test_jpeg picture;
	uint16_t port;
};

static void on_signal(void *arg)
{
	(void)arg;
}

static int setup(void **state)
{
	static const struct fr_service_ops ops = {.on_stop = on_signal, .on_reload = on_signal};
	struct fixture *f = calloc(1, sizeof(*f));

	fr_stats_reset();
	fr_log_setup(FR_LOG_ERROR, FR_LOG_TEXT);
	f->limits = fr_limits_default();
	f->limits.first_byte_timeout_ms = 300;
	f->limits.frame_timeout_ms = 300;
	f->limits.subscriber_stall_ms = 300;
	f->limits.takeover_ping_ms = 200;
	f->limits.linger_close_ms = 200;
	f->loop = fr_test_loop();
	f->pool = fr_frame_pool_new(0);
	f->relay = fr_relay_new(&f->limits, f->pool);
	f->admission = fr_admission_new(&f->limits);
	assert_int_equal(
	    fr_service_new(f->loop, f->relay, &f->limits, &ops, NULL, &f->service, NULL), 0);
	f->options = fr_options_new(fr_door_find("frames")->options);
	f->picture = fr_test_jpeg(64, 48, 80, 1);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->door != NULL)
		f->door->ops->close(f->door);
	assert_int_equal(fr_relay_check(f->relay, NULL), 0);
	assert_int_equal(fr_stat_value(FR_STAT_connections_open), 0);
	fr_service_free(f->service);
	fr_loop_free(f->loop);
	fr_relay_free(f->relay);
	fr_admission_free(f->admission);
	assert_int_equal(fr_frame_pool_frames(f->pool), 0);
	fr_frame_pool_free(f->pool);
	fr_options_free(f->options);
	fr_test_jpeg_done(&f->picture);
	free(f);
	return 0;
}

static void set(struct fixture *f, const char *name, const char *value)
{
	assert_int_equal(fr_options_set(f->options, name, FR_VALUE_WORD, value, NULL), 0);
}

static void open_door(struct fixture *f)
{
	const struct fr_door_env env = {f->loop, f->relay, f->admission, &f->limits};
	struct fr_text lines = {0};
	struct fr_cause why = {.text = ""};

	set(f, "listen", "127.0.0.1:0");
	if (fr_door_find("frames")->open(&env, f->options, &f->door, &why) < 0)
		fail_msg("%s", why.text);
	f->door->ops = fr_door_find("frames");
	f->door->ops->announce(f->door, &lines);
	f->port = (uint16_t)strtoul(strstr(lines.text, "127.0.0.1:") + 10, NULL, 10);
	fr_text_done(&lines);
}

/* A client: what came so far, and whether the door has closed. */
struct client {
	struct fixture *f;
	int fd;
	uint8_t got[256 * 1024];
	size_t size;
	bool closed;
	size_t want; /* for has_wanted() */
};

static struct client *connect_client(struct fixture *f)
{
	const struct sockaddr_in sa = {.sin_family = AF_INET,
	    .sin_port = htons(f->port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct client *c = calloc(1, sizeof(*c));

	c->f = f;
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(c->fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	return c;
}

static void say(struct client *c, const void *bytes, size_t size)
{
	assert_int_equal(send(c->fd, bytes, size, MSG_NOSIGNAL), size);
}

static void say_line(struct client *c, const char *line)
{
	say(c, line, strlen(line));
}

static void leave(struct client *c)
{
	(void)close(c->fd);
	free(c);
}

static void receive(struct client *c)
{
	ssize_t n;

	while ((n = recv(c->fd, c->got + c->size, sizeof(c->got) - 1 - c->size, MSG_DONTWAIT)) > 0)
		c->size += (size_t)n;
	if (n == 0 || (n < 0 && errno != EAGAIN))
		c->closed = true;
	c->got[c->size] = '\0';
}

static bool is_closed(void *arg)
{
	struct client *c = arg;

	receive(c);
	return c->closed;
}

static bool has_wanted(void *arg)
{
	struct client *c = arg;

	receive(c);
	return c->size >= c->want;
}

/* Waits for so many bytes in all since the connection began. */
static void expect_bytes(struct client *c, size_t size)
{
	c->want = size;
	fr_test_until(c->f->loop, has_wanted, c);
}

static bool has_line(void *arg)
{
	struct client *c = arg;

	receive(c);
	return strchr((char *)c->got, '\n') != NULL;
}

static void expect_line(struct client *c, const char *line)
{
	fr_test_until(c->f->loop, has_line, c);
	assert_memory_equal(c->got, line, strlen(line));
}

static void expect_end(struct client *c, const char *answer)
{
	fr_test_until(c->f->loop, is_closed, c);
	if (strstr((char *)c->got, answer) == NULL)
		fail_msg("the answer was \"%s\", not \"%s\"", c->got, answer);
}

static uint64_t rejected(enum fr_reason reason)
{
	return fr_stat_rejected_count("frames", reason);
}

static struct client *publisher(struct fixture *f, const char *hello)
{
	struct client *c = connect_client(f);

	say_line(c, hello);
	expect_line(c, "OK ");
	return c;
}

static void send_picture(struct client *c)
{
	const uint32_t length = htole32((uint32_t)c->f->picture.size);

	say(c, &length, 4);
	say(c, c->f->picture.bytes, c->f->picture.size);
}

static size_t record(uint8_t *to, uint8_t type, const void *payload, size_t size)
{
	const uint32_t length = htole32((uint32_t)(20 + size));

	memset(to, 0, 24);
	memcpy(to, &length, 4);
	to[4] = type;
	memcpy(to + 24, payload, size);
	return 24 + size;
}

/* ---- tests ---- */

static void a_picture_goes_from_a_plain_publisher_to_a_plain_and_a_recorded_subscriber(void **state)
{
	struct fixture *f = *state;
	struct client *plain, *records, *pub;
	const size_t size = f->picture.size, line = strlen("OK cam-127-0-0-1 live=0\n");

	open_door(f);
	plain = publisher(f, "SUB cam-127-0-0-1\n");
	records = publisher(f, "SUB cam-127-0-0-1 records=1\r\n");
	pub = connect_client(f);
	send_picture(pub);

	expect_bytes(plain, line + 4 + size);
	expect_bytes(records, line + 24 + size);
	assert_memory_equal(plain->got + line + 4, f->picture.bytes, size);
	assert_memory_equal(records->got + line + 24, f->picture.bytes, size);
	assert_int_equal(records->got[line + 4], 1); /* FRAME */
	assert_int_equal(records->got[line + 5], 1); /* the time is the relay's */

	say(pub, "\0\0\0\0", 4);
	fr_test_until(f->loop, is_closed, pub);
	assert_int_equal(pub->size, 0); /* a clean end has no words */
	leave(plain);
	leave(records);
	leave(pub);
}

static void every_bad_beginning_gets_its_answer_and_its_counter(void **state)
{
	static const struct {
		const char *name, *bytes;
		size_t size;
		const char *answer;
		enum fr_reason reason;
	} rows[] = {
#define BYTES(s) s, sizeof(s) - 1
	    {"length ffffffff", BYTES("\xff\xff\xff\xff"), "ERR 413 ", FR_REASON_length_over_max},
	    {"one over", BYTES("\x01\x00\x80\x00"), "ERR 413 ", FR_REASON_length_over_max},
	    {"TLS", BYTES("\x16\x03\x01\x02"), "TLS", FR_REASON_wrong_protocol},
	    {"SSH", BYTES("SSH-2.0-x\r\n"), "SSH", FR_REASON_wrong_protocol},
	    {"HTTP", BYTES("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 400", FR_REASON_wrong_protocol},
	    {"HTTP/2", BYTES("PRI * HTTP/2.0\r\n\r\n"), "HTTP/1.1 400", FR_REASON_wrong_protocol},
	    {"text", BYTES("\x10\0\0\0no picture here!"), "ERR 415 ", FR_REASON_not_jpeg},
	    {"unknown key", BYTES("SUB cam bogus=1\n"), "ERR 400 ", FR_REASON_bad_hello},
	    {"bad name", BYTES("PUB ../etc\n"), "ERR 400 ", FR_REASON_bad_hello},
	    {"range", BYTES("SUB cam queue=65\n"), "ERR 400 ", FR_REASON_bad_hello},
	    {"rendition", BYTES("SUB cam gray=1\n"), "ERR 400 ", FR_REASON_not_implemented},
	};
	struct fixture *f = *state;
	struct client *c;

	open_door(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const uint64_t before = rejected(rows[i].reason);

		c = connect_client(f);
		say(c, rows[i].bytes, rows[i].size);
		expect_end(c, rows[i].answer);
		assert_int_equal(rejected(rows[i].reason), before + 1);
		leave(c);
	}
}

static void a_hello_without_an_end_is_refused_when_it_is_too_long(void **state)
{
	struct fixture *f = *state;
	char line[2000];
	struct client *c;

	open_door(f);
	memset(line, 'a', sizeof(line));
	memcpy(line, "SUB ", 4);
	c = connect_client(f);
	say(c, line, sizeof(line));
	expect_end(c, "ERR 400 ");
	assert_int_equal(rejected(FR_REASON_bad_hello), 1);
	leave(c);
}

static void who_says_nothing_or_half_a_hello_is_closed_in_time(void **state)
{
	static const char *const beginnings[] = {"", "\x10\x00", "SUB ca"};
	struct fixture *f = *state;
	struct client *c;

	open_door(f);
	for (size_t i = 0; i < 3; i++) {
		c = connect_client(f);
		if (i == 1)
			say(c, beginnings[i], 2);
		else
			say_line(c, beginnings[i]);
		expect_end(c, "ERR 400 ");
		assert_int_equal(rejected(FR_REASON_first_byte_timeout), i + 1);
		leave(c);
	}
}

static void a_picture_that_never_becomes_whole_ends_its_publisher(void **state)
{
	struct fixture *f = *state;
	struct client *c;

	open_door(f);
	c = connect_client(f);
	say(c, "\x00\x10\x00\x00\xff\xd8\xff", 7);
	expect_end(c, "ERR 400 ");
	assert_int_equal(rejected(FR_REASON_frame_timeout), 1);
	assert_int_equal(fr_stat_value(FR_STAT_frames_rejected), 1);
	leave(c);
}

static void a_length_may_wait_for_its_picture_and_a_stream_between_pictures(void **state)
{
	struct fixture *f = *state;
	const uint32_t length = htole32((uint32_t)f->picture.size);
	struct client *pub, *late;

	f->limits.first_byte_timeout_ms = 0;
	open_door(f);
	pub = connect_client(f);
	say(pub, &length, 4);
	late = connect_client(f);
	say(late, "\x10", 1); /* its deadline is over when the other one's would be too */
	f->limits.first_byte_timeout_ms = 300;
	fr_test_until(f->loop, is_closed, late);
	assert_false(is_closed(pub));
	say(pub, f->picture.bytes, f->picture.size);
	say(pub, "\0\0\0\0", 4);
	fr_test_until(f->loop, is_closed, pub);
	assert_int_equal(fr_stat_value(FR_STAT_frames_published), 1);
	leave(pub);
	leave(late);
}

static void a_bad_picture_is_dropped_and_the_tenth_in_a_row_ends_the_connection(void **state)
{
	static const uint8_t bad[] = {8, 0, 0, 0, 0xff, 0xd8, 0xff, 0xfe, 0, 2, 0xff, 0xd9};
	struct fixture *f = *state;
	struct client *c;

	open_door(f);
	c = connect_client(f);
	for (int i = 0; i < 9; i++)
		say(c, bad, sizeof(bad));
	send_picture(c); /* a good one begins the count anew */
	for (int i = 0; i < 10; i++)
		say(c, bad, sizeof(bad));
	expect_end(c, "ERR 415 ");
	assert_int_equal(fr_stat_value(FR_STAT_frames_published), 1);
	assert_int_equal(rejected(FR_REASON_bad_jpeg), 19);
	assert_int_equal(rejected(FR_REASON_bad_jpeg_repeated), 1);
	leave(c);
}

static bool nobody_is_there(void *arg)
{
	(void)arg;
	return fr_stat_value(FR_STAT_connections_open) == 0;
}

static void a_publisher_that_dies_inside_a_picture_leaves_nothing_behind(void **state)
{
	struct fixture *f = *state;
	struct client *c, *sub;

	open_door(f);
	sub = publisher(f, "SUB cam-127-0-0-1\n");
	c = connect_client(f);
	send_picture(c);
	expect_bytes(sub, strlen("OK cam-127-0-0-1 live=0\n") + 4 + f->picture.size);
	say(c, "\x00\x10\x00\x00\xff\xd8\xff\xe0", 8);
	fr_test_turn(f->loop, 20);
	leave(c);
	leave(sub);
	fr_test_until(f->loop, nobody_is_there, f);
	assert_int_equal(fr_stat_value(FR_STAT_frames_truncated), 1);
	assert_int_equal(rejected(FR_REASON_truncated_frame), 1);
}

static void a_listener_that_only_sends_needs_no_byte(void **state)
{
	struct fixture *f = *state;
	struct client *sub, *talker;
	const struct fr_who ours = {.ours = true};
	const struct fr_publish_spec spec = {.door = "test", .who = ours, .stream = "porch"};
	static const struct fr_ingest_ops ops = {0};
	struct fr_ingest *ingest;
	struct fr_refusal refusal;
	struct fr_frame *frame = fr_frame_begin(f->pool, f->picture.size);
	const int64_t now_us = fr_clock_now_us();

	set(f, "role", "subscribe");
	set(f, "stream", "porch");
	open_door(f);
	sub = connect_client(f);
	talker = connect_client(f);
	say_line(talker, "a newline too many does no harm\n");
	assert_int_equal(
	    fr_relay_publish(f->relay, &spec, &ops, NULL, now_us, &ingest, &refusal), 0);
	memcpy(fr_frame_room(frame), f->picture.bytes, f->picture.size);
	fr_ingest_received(ingest, f->picture.size);
	fr_ingest_begin(ingest);
	assert_int_equal(
	    fr_ingest_frame(ingest, frame, f->picture.size, 0, 0, now_us, 1, &refusal), 0);
	expect_bytes(sub, 4 + f->picture.size);
	assert_memory_equal(sub->got + 4, f->picture.bytes, f->picture.size);

	f->door->ops->drain(f->door);
	fr_test_until(f->loop, is_closed, sub);
	assert_int_equal(sub->size, 4 + f->picture.size + 4);
	assert_memory_equal(sub->got + 4 + f->picture.size, "\0\0\0\0", 4);
	fr_ingest_free(ingest, now_us);
	leave(sub);
	leave(talker);
}

static void a_listener_for_publishers_takes_no_subscribers(void **state)
{
	struct fixture *f = *state;
	struct client *c;

	set(f, "role", "publish");
	open_door(f);
	c = connect_client(f);
	say_line(c, "SUB cam\n");
	expect_end(c, "ERR 403 ");
	assert_int_equal(rejected(FR_REASON_role_denied), 1);
	leave(c);
}

static void a_subscriber_that_goes_on_sending_is_closed(void **state)
{
	struct fixture *f = *state;
	struct client *c;
	char garbage[5000];

	memset(garbage, 'x', sizeof(garbage));
	open_door(f);
	c = publisher(f, "SUB cam\n");
	say(c, garbage, sizeof(garbage));
	fr_test_until(f->loop, is_closed, c);
	assert_int_equal(rejected(FR_REASON_garbage), 1);
	leave(c);
}

static void a_subscriber_that_takes_nothing_is_cut_after_its_deadline(void **state)
{
	struct fixture *f = *state;
	struct fr_test_jpeg big = fr_test_jpeg_sized(4000000, 1);
	const uint32_t length = htole32((uint32_t)big.size);
	struct client *sub, *pub;
	size_t sent = 0;

	open_door(f);
	sub = publisher(f, "SUB cam\n");
	pub = publisher(f, "PUB cam\n");
	say(pub, &length, 4);
	while (sent < big.size) {
		const ssize_t n =
		    send(pub->fd, big.bytes + sent, big.size - sent, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		fr_test_turn(f->loop, 1);
	}
	for (int i = 0; i < 2000 && rejected(FR_REASON_slow_subscriber) == 0; i++) {
		fr_test_turn(f->loop, 1);
		(void)usleep(10000); /* bounded: the deadline under test is 300 ms away */
	}
	assert_int_equal(rejected(FR_REASON_slow_subscriber), 1);
	assert_int_equal(fr_stat_value(FR_STAT_frames_dropped_closed), 1);
	leave(sub);
	leave(pub);
	fr_test_jpeg_done(&big);
}

static void the_incumbent_that_answers_keeps_its_stream(void **state)
{
	struct fixture *f = *state;
	struct client *old, *new;
	size_t ok;

	f->limits.ping_interval_ms = 0; /* the only PING is the one that asks the incumbent */
	open_door(f);
	old = publisher(f, "PUB cam records=1 id=00112233445566778899aabbccddeeff\n");
	ok = strlen("OK cam live=0\n");
	expect_bytes(old, ok + 32); /* DEMAND comes on accept */
	assert_int_equal(old->got[ok + 4], 3);
	old->size = 0;
	new = connect_client(f);
	say_line(new, "PUB cam records=1 id=ffffffffffffffffffffffffffffffff\n");
	expect_bytes(old, 32); /* the PING */
	assert_int_equal(old->got[4], 4);
	{
		uint8_t pong[64];

		say(old, pong, record(pong, 5, (uint8_t[16]){0}, 16));
	}
	expect_end(new, "ERR 409 ");
	assert_int_equal(rejected(FR_REASON_stream_busy), 1);
	leave(old);
	leave(new);
}

static void the_incumbent_that_is_silent_is_replaced_and_nothing_of_the_newcomer_is_lost(
    void **state)
{
	struct fixture *f = *state;
	struct client *old, *new, *sub;
	const size_t ok = strlen("OK cam live=0\n");
	uint8_t both[64 * 1024];
	size_t n;

	open_door(f);
	sub = publisher(f, "SUB cam\n");
	old = publisher(f, "PUB cam records=1 id=00112233445566778899aabbccddeeff\n");
	new = connect_client(f);
	/* Its first picture comes in the same breath as its hello, before anything is decided. */
	n = (size_t)sprintf(
	    (char *)both, "PUB cam records=1 id=ffffffffffffffffffffffffffffffff\n");
	n += record(both + n, 1, f->picture.bytes, f->picture.size);
	say(new, both, n);
	expect_bytes(sub, ok + 4 + f->picture.size);
	assert_memory_equal(sub->got + ok + 4, f->picture.bytes, f->picture.size);
	fr_test_until(f->loop, is_closed, old);
	assert_int_equal(rejected(FR_REASON_replaced), 1);
	assert_int_equal(fr_stat_value(FR_STAT_takeovers), 1);
	expect_line(new, "OK cam ");
	leave(old);
	leave(new);
	leave(sub);
}

static bool one_bad_message(void *arg)
{
	(void)arg;
	return rejected(FR_REASON_bad_message) == 1;
}

static void messages_go_to_subscribers_with_records(void **state)
{
	static const char json[] = "{\"boxes\":[1,2]}";
	struct fixture *f = *state;
	const size_t ok = strlen("OK cam live=0\n");
	struct client *pub, *sub, *plain;
	uint8_t bytes[256];

	open_door(f);
	sub = publisher(f, "SUB cam records=1\n");
	plain = publisher(f, "SUB cam\n");
	pub = publisher(f, "PUB cam records=1\n");
	say(pub, bytes, record(bytes, 2, json, sizeof(json) - 1));
	expect_bytes(sub, ok + 24 + sizeof(json) - 1);
	assert_int_equal(sub->got[ok + 4], 2);
	assert_memory_equal(sub->got + ok + 24, json, sizeof(json) - 1);
	say(sub, bytes, record(bytes, 2, json, sizeof(json) - 1)); /* a detector answers */
	expect_bytes(sub, ok + 2 * (24 + sizeof(json) - 1));
	say(pub, bytes, record(bytes, 2, "{\"cut", 5));
	send_picture(plain); /* does no harm: garbage below the limit */
	fr_test_until(f->loop, one_bad_message, NULL);
	assert_int_equal(plain->size, ok);
	leave(pub);
	leave(sub);
	leave(plain);
}

static void a_subscriber_may_not_send_pictures(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[64 * 1024];
	struct client *sub;

	open_door(f);
	sub = publisher(f, "SUB cam records=1\n");
	say(sub, bytes, record(bytes, 1, f->picture.bytes, f->picture.size));
	fr_test_until(f->loop, is_closed, sub);
	assert_int_equal(rejected(FR_REASON_bad_record), 1);
	leave(sub);
}

static void a_ping_is_answered_with_its_payload_and_our_clock(void **state)
{
	struct fixture *f = *state;
	const size_t ok = strlen("OK cam live=0\n");
	uint8_t bytes[64];
	struct client *sub;

	f->limits.ping_interval_ms = 0;
	open_door(f);
	sub = publisher(f, "SUB cam records=1\n");
	say(sub, bytes, record(bytes, 4, "12345678more", 12));
	expect_bytes(sub, ok + 24 + 20);
	assert_int_equal(sub->got[ok + 4], 5);
	assert_memory_equal(sub->got + ok + 24, "12345678more", 12);
	leave(sub);
}

static bool clock_is_known(void *arg)
{
	struct fixture *f = arg;
	struct fr_stream_info info;

	return fr_relay_stream(f->relay, "cam", fr_clock_now_us(), &info) && info.has_clock;
}

static void a_publishers_clock_is_learned_from_its_pongs(void **state)
{
	struct fixture *f = *state;
	const size_t ok = strlen("OK cam live=0\n");
	struct fr_stream_info info;
	uint8_t bytes[64], payload[16];
	struct client *pub;
	uint64_t clock;

	f->limits.ping_interval_ms = 50;
	open_door(f);
	pub = publisher(f, "PUB cam records=1\n");
	expect_bytes(pub, ok + 32 + 32); /* DEMAND, PING */
	assert_int_equal(pub->got[ok + 32 + 4], 4);
	memcpy(payload, pub->got + ok + 32 + 24, 8);
	memcpy(&clock, payload, 8);
	clock = htole64(le64toh(clock) + 5000000); /* ours is five seconds behind */
	memcpy(payload + 8, &clock, 8);
	f->limits.ping_interval_ms = 0; /* no newer question overtakes the answer */
	say(pub, bytes, record(bytes, 5, payload, 16));
	fr_test_until(f->loop, clock_is_known, f);
	assert_true(fr_relay_stream(f->relay, "cam", fr_clock_now_us(), &info));
	assert_in_range(info.clock_offset_us, 0, 5000000);
	leave(pub);
}

static void one_connection_too_many_hears_which_limit_it_met(void **state)
{
	struct fixture *f = *state;
	struct client *a, *b, *c;

	f->limits.max_connections_per_address = 1;
	open_door(f);
	a = publisher(f, "SUB cam\n");
	b = connect_client(f);
	expect_end(b, "ERR 429 ");
	f->limits.max_connections_per_address = 0;
	f->limits.max_connections = 1;
	c = connect_client(f);
	expect_end(c, "ERR 503 ");
	assert_int_equal(rejected(FR_REASON_conn_limit_addr), 1);
	assert_int_equal(rejected(FR_REASON_conn_limit), 1);
	leave(a);
	leave(b);
	leave(c);
}

static void a_picture_without_room_is_skipped_and_the_next_one_comes_through(void **state)
{
	struct fixture *f = *state;
	struct fr_test_jpeg big = fr_test_jpeg_sized(60000, 1);
	const uint32_t length = htole32((uint32_t)big.size);
	struct client *pub;

	fr_frame_pool_set_budget(f->pool, 50000);
	open_door(f);
	pub = connect_client(f);
	say(pub, &length, 4);
	say(pub, big.bytes, big.size);
	send_picture(pub);
	say(pub, "\0\0\0\0", 4);
	fr_test_until(f->loop, is_closed, pub);
	assert_int_equal(rejected(FR_REASON_memory_budget), 1);
	assert_int_equal(fr_stat_value(FR_STAT_frames_published), 1);
	fr_test_jpeg_done(&big);
	leave(pub);
}

static bool one_is_published(void *arg)
{
	(void)arg;
	return fr_stat_value(FR_STAT_frames_published) == 1;
}

static void a_list_says_what_there_is_and_closes(void **state)
{
	struct fixture *f = *state;
	struct client *pub, *list;

	open_door(f);
	pub = publisher(f, "PUB porch\n");
	send_picture(pub);
	fr_test_until(f->loop, one_is_published, NULL);
	list = connect_client(f);
	say_line(list, "LIST\n");
	fr_test_until(f->loop, is_closed, list);
	assert_memory_equal(list->got, "OK\nporch live 64x48 ", 20);
	assert_memory_equal(list->got + list->size - 2, "\n\n", 2);
	leave(pub);
	leave(list);
}

static bool is_not_busy(void *arg)
{
	const struct fr_door *door = arg;

	return door->ops->busy(door) == 0;
}

static void a_drained_door_tells_everybody_in_their_own_words(void **state)
{
	struct fixture *f = *state;
	const size_t ok = strlen("OK cam live=0\n");
	struct client *plain, *records, *pub;

	open_door(f);
	plain = publisher(f, "SUB cam\n");
	records = publisher(f, "SUB cam records=1\n");
	pub = publisher(f, "PUB cam\n");
	f->door->ops->drain(f->door);
	fr_test_until(f->loop, is_closed, plain);
	fr_test_until(f->loop, is_closed, records);
	expect_end(pub, "ERR 503 the relay is stopping");
	assert_int_equal(plain->size, ok + 4);
	assert_int_equal(records->got[ok + 4], 6); /* END */
	fr_test_until(f->loop, is_not_busy, f->door);
	leave(plain);
	leave(records);
	leave(pub);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_picture_goes_from_a_plain_publisher_to_a_plain_and_a_recorded_subscriber),
	    TEST(every_bad_beginning_gets_its_answer_and_its_counter),
	    TEST(a_hello_without_an_end_is_refused_when_it_is_too_long),
	    TEST(who_says_nothing_or_half_a_hello_is_closed_in_time),
	    TEST(a_picture_that_never_becomes_whole_ends_its_publisher),
	    TEST(a_length_may_wait_for_its_picture_and_a_stream_between_pictures),
	    TEST(a_bad_picture_is_dropped_and_the_tenth_in_a_row_ends_the_connection),
	    TEST(a_publisher_that_dies_inside_a_picture_leaves_nothing_behind),
	    TEST(a_listener_that_only_sends_needs_no_byte),
	    TEST(a_listener_for_publishers_takes_no_subscribers),
	    TEST(a_subscriber_that_goes_on_sending_is_closed),
	    TEST(a_subscriber_that_takes_nothing_is_cut_after_its_deadline),
	    TEST(the_incumbent_that_answers_keeps_its_stream),
	    TEST(the_incumbent_that_is_silent_is_replaced_and_nothing_of_the_newcomer_is_lost),
	    TEST(messages_go_to_subscribers_with_records),
	    TEST(a_subscriber_may_not_send_pictures),
	    TEST(a_ping_is_answered_with_its_payload_and_our_clock),
	    TEST(a_publishers_clock_is_learned_from_its_pongs),
	    TEST(one_connection_too_many_hears_which_limit_it_met),
	    TEST(a_picture_without_room_is_skipped_and_the_next_one_comes_through),
	    TEST(a_list_says_what_there_is_and_closes),
	    TEST(a_drained_door_tells_everybody_in_their_own_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
