/* SPDX-License-Identifier: MIT */
/* The client against a server that is written out here byte by byte. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/stats.h"
#include "common/media/frame.h"
#include "common/media/wire_write.h"
#include "common/net/loop.h"
#include "common/net/wire_client.h"
#include "tests/support/loop_runner.h"

enum {
	CAME_MAX = 16 << 20,
	PICTURE = 20000,
};

struct scene {
	struct fr_loop *loop;
	struct fr_frame_pool *pool;
	struct fr_limits limits;
	struct fr_wire_client *client;
	struct fr_wire_client_spec spec;

	/* The server. */
	int listening, fd;
	uint16_t port;
	uint8_t *came;
	size_t came_size;
	bool ended;
	unsigned connections;
	const char *wanted; /* text that is waited for at the server */

	/* The client's events. */
	unsigned ups, downs, drained, frames, pings, pongs, ends, messages, demands;
	unsigned wanted_downs, wanted_frames;
	int live;
	unsigned code;
	bool again;
	char reason[400], text[400];
	uint64_t sequence;
	int64_t time_us;
	uint8_t picture[PICTURE];
	size_t picture_size;
	uint32_t subscribers, rate_milli;
	unsigned free_in; /* a letter: in which callback */
};

static void free_here(struct scene *s, unsigned letter)
{
	if (s->free_in != letter)
		return;
	fr_wire_client_free(s->client);
	s->client = NULL;
}

static void on_up(void *arg, const struct fr_hello_answer *answer)
{
	struct scene *s = arg;

	s->ups++;
	s->live = answer == NULL ? -2 : answer->live;
	assert_true(fr_wire_client_is_up(s->client));
	free_here(s, 'u');
}

static void take_frame(struct scene *s, const struct fr_wire_event *event)
{
	s->frames++;
	s->sequence = event->sequence;
	s->time_us = event->time_us;
	s->picture_size = event->size;
	if (event->size <= sizeof(s->picture))
		memcpy(s->picture, fr_frame_room(event->frame), event->size);
	fr_frame_unref(event->frame);
}

static void on_event(void *arg, const struct fr_wire_event *event)
{
	struct scene *s = arg;

	switch (event->type) {
	case FR_WIRE_FRAME:
		take_frame(s, event);
		break;
	case FR_WIRE_PING:
		s->pings++;
		break;
	case FR_WIRE_PONG:
		s->pongs++;
		break;
	case FR_WIRE_DEMAND:
		s->demands++;
		s->subscribers = event->subscribers;
		s->rate_milli = event->rate_milli;
		break;
	case FR_WIRE_END:
		s->ends++;
		break;
	case FR_WIRE_MESSAGE:
		s->messages++;
		(void)snprintf(
		    s->text, sizeof(s->text), "%.*s", (int)event->size, (const char *)event->text);
		break;
	default:
		fail_msg("event %d", (int)event->type);
	}
	free_here(s, 'e');
}

static void on_drained(void *arg)
{
	struct scene *s = arg;

	s->drained++;
	assert_true(fr_wire_client_is_idle(s->client));
	free_here(s, 'd');
}

static void on_down(void *arg, unsigned code, const char *reason, bool again)
{
	struct scene *s = arg;

	s->downs++;
	s->code = code;
	s->again = again;
	(void)snprintf(s->reason, sizeof(s->reason), "%s", reason);
	assert_false(fr_wire_client_is_up(s->client));
	free_here(s, 'o');
}

static const struct fr_wire_client_ops ops = {
    .on_up = on_up,
    .on_event = on_event,
    .on_drained = on_drained,
    .on_down = on_down,
};

/* --- The server ------------------------------------------------------------------------------- */

static void server_open(struct scene *s)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(s->port)};
	socklen_t length = sizeof(sa);
	const int on = 1;

	s->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)setsockopt(s->listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(s->listening, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(s->listening, 16), 0);
	assert_int_equal(getsockname(s->listening, (struct sockaddr *)&sa, &length), 0);
	s->port = ntohs(sa.sin_port);
}

static void server_hang_up(struct scene *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
	s->ended = false;
	s->came_size = 0;
}

static void server_close(struct scene *s)
{
	server_hang_up(s);
	if (s->listening >= 0)
		(void)close(s->listening);
	s->listening = -1;
}

/* Accepts and reads what is there. */
static void server_turn(struct scene *s)
{
	ssize_t n;

	if (s->fd < 0 && s->listening >= 0) {
		s->fd = accept4(s->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		s->connections += s->fd >= 0;
	}
	if (s->fd < 0)
		return;
	n = read(s->fd, s->came + s->came_size, CAME_MAX - s->came_size);
	if (n > 0)
		s->came_size += (size_t)n;
	else if (n == 0 || errno != EAGAIN)
		s->ended = true;
}

static void server_says(struct scene *s, const void *bytes, size_t size)
{
	assert_int_equal(send(s->fd, bytes, size, MSG_NOSIGNAL), size);
}

static bool server_got_it(void *arg)
{
	struct scene *s = arg;

	server_turn(s);
	return memmem(s->came, s->came_size, s->wanted, strlen(s->wanted)) != NULL;
}

static void server_waits_for(struct scene *s, const char *text)
{
	s->wanted = text;
	fr_test_until(s->loop, server_got_it, s);
}

static bool server_saw_the_end(void *arg)
{
	struct scene *s = arg;

	server_turn(s);
	return s->ended;
}

static bool server_has_a_connection(void *arg)
{
	struct scene *s = arg;

	server_turn(s);
	return s->fd >= 0;
}

/* A FRAME record around a picture. @return its size */
static size_t frame_record(struct scene *s, uint8_t *to, size_t size, uint64_t sequence)
{
	const struct fr_frame_info info = {
	    .type = FR_FRAME_PICTURE, .sequence = sequence, .captured_us = 1700000000000000};
	uint8_t *picture = malloc(size);
	struct fr_frame *f;

	fr_test_fill(picture, size, (unsigned)sequence);
	picture[0] = 0xff;
	picture[1] = 0xd8;
	f = fr_frame_copy(s->pool, picture, size, &info);
	memcpy(to, fr_frame_record_prefix(f), FR_PREFIX_RECORD_BYTES);
	memcpy(to + FR_PREFIX_RECORD_BYTES, picture, size);
	fr_frame_unref(f);
	free(picture);
	return FR_PREFIX_RECORD_BYTES + size;
}

/* --- Scenes ----------------------------------------------------------------------------------- */

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	s->loop = fr_test_loop();
	s->pool = fr_frame_pool_new(0);
	s->limits = fr_limits_default();
	s->limits.ping_interval_ms = 0; /* unless a test is about it */
	s->came = malloc(CAME_MAX);
	s->fd = -1;
	server_open(s);
	(void)snprintf(s->spec.host, sizeof(s->spec.host), "127.0.0.1");
	s->spec.port = s->port;
	s->spec.retry = true;
	s->spec.retry_first_us = 20000;
	s->spec.retry_most_us = 50000;
	s->spec.hello = (struct fr_hello){.verb = FR_HELLO_SUB,
	    .stream = "cam",
	    .records = true,
	    .queue_frames = -1,
	    .queue_age_ms = -1};
	fr_stats_reset();
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	fr_wire_client_free(s->client);
	fr_wire_client_free(NULL);
	server_close(s);
	fr_loop_free(s->loop);
	assert_int_equal(fr_frame_pool_frames(s->pool), 0);
	fr_frame_pool_free(s->pool);
	free(s->came);
	free(s);
	return 0;
}

static void start(struct scene *s)
{
	s->client = fr_wire_client_new(s->loop, s->pool, &s->limits, &s->spec, &ops, s);
}

static bool is_up(void *arg)
{
	server_turn(arg);
	return ((struct scene *)arg)->ups > 0;
}

static bool is_down(void *arg)
{
	struct scene *s = arg;

	server_turn(s);
	return s->downs >= (s->wanted_downs == 0 ? 1 : s->wanted_downs);
}

static bool has_frames(void *arg)
{
	struct scene *s = arg;

	return s->frames >= s->wanted_frames;
}

static bool has_demand(void *arg)
{
	return ((struct scene *)arg)->demands > 0;
}

static bool has_message(void *arg)
{
	return ((struct scene *)arg)->messages > 0;
}

static bool is_drained(void *arg)
{
	struct scene *s = arg;

	server_turn(s);
	return s->drained > 0;
}

static bool is_freed(void *arg)
{
	struct scene *s = arg;

	server_turn(s);
	return s->client == NULL;
}

static bool knows_the_clock(void *arg)
{
	const struct scene *s = arg;
	int64_t offset_us;

	return fr_wire_client_clock_offset(s->client, &offset_us);
}

/* Connected and welcomed, with records. */
static void start_up(struct scene *s)
{
	start(s);
	server_waits_for(s, "\n");
	server_says(s, "OK cam live=1\n", 14);
	fr_test_until(s->loop, is_up, s);
}

static void start_plain(struct scene *s)
{
	s->spec.plain = true;
	start(s);
	fr_test_until(s->loop, is_up, s);
	fr_test_until(s->loop, server_has_a_connection, s);
}

static struct fr_frame *picture(struct scene *s, size_t size)
{
	const struct fr_frame_info info = {.type = FR_FRAME_PICTURE, .sequence = 7};
	struct fr_frame *f = fr_frame_begin(s->pool, size);

	fr_test_fill(fr_frame_room(f), size, 7);
	fr_frame_finish(f, size, &info);
	return f;
}

/* --- Plain ------------------------------------------------------------------------------------ */

static void a_plain_client_sends_the_recipe_and_ends_with_length_0(void **state)
{
	static const uint8_t length_0[4];
	struct scene *s = *state;
	struct fr_frame *f = picture(s, 1000);

	start_plain(s);
	assert_int_equal(s->live, -2); /* no answer there */
	assert_true(fr_wire_client_is_idle(s->client));
	assert_int_equal(fr_wire_client_send(s->client, f), FR_SEND_DONE);
	fr_wire_client_finish(s->client, "done");
	s->client = NULL;
	fr_test_until(s->loop, server_saw_the_end, s);

	assert_int_equal(s->came_size, 4 + 1000 + 4);
	assert_memory_equal(s->came, "\xe8\x03\0\0", 4);
	assert_memory_equal(s->came + 4, fr_frame_bytes(f), 1000);
	assert_memory_equal(s->came + 1004, length_0, 4);
	assert_int_equal(s->downs, 0);
	fr_frame_unref(f);
}

static void a_picture_under_way_goes_out_before_the_end(void **state)
{
	struct scene *s = *state;
	struct fr_frame *f = picture(s, 8 << 20);

	start_plain(s);
	assert_int_equal(fr_wire_client_send(s->client, f), FR_SEND_FULL);
	assert_false(fr_wire_client_is_idle(s->client));
	fr_wire_client_finish(s->client, "done");
	s->client = NULL;
	fr_test_until(s->loop, server_saw_the_end, s);
	assert_int_equal(s->came_size, 4 + (8 << 20) + 4);
	assert_true(memcmp(s->came + 4, fr_frame_bytes(f), 8 << 20) == 0);
	fr_frame_unref(f);
}

static void a_full_socket_is_told_when_it_is_drained(void **state)
{
	struct scene *s = *state;
	struct fr_frame *f = picture(s, 8 << 20);

	start_plain(s);
	assert_int_equal(fr_wire_client_send(s->client, f), FR_SEND_FULL);
	fr_frame_unref(f);
	assert_true(fr_wire_client_progress_us(s->client) > 0);
	fr_test_until(s->loop, is_drained, s);
	assert_true(fr_wire_client_is_idle(s->client));
}

static void a_plain_server_is_read(void **state)
{
	struct scene *s = *state;

	start_plain(s);
	server_says(s, "\x05\0\0\0\xff\xd8one\x05\0\0\0\xff\xd8two\0\0\0\0", 22);
	s->spec.retry = false;
	fr_test_until(s->loop, is_down, s);

	assert_int_equal(s->frames, 2);
	assert_memory_equal(s->picture, "\xff\xd8two", 5);
	assert_int_equal(s->ends, 1);
	assert_non_null(strstr(s->reason, "ended"));
	assert_true(s->again);
}

static void what_a_plain_server_says_in_words_is_the_reason(void **state)
{
	struct scene *s = *state;

	start_plain(s);
	server_says(s, "this is no JPEG: it begins 41 41\n", 33);
	fr_test_until(s->loop, is_down, s);
	assert_non_null(strstr(s->reason, "says: this is no JPEG: it begins 41 41"));
}

static void the_end_of_a_server_that_never_writes_is_noticed(void **state)
{
	struct scene *s = *state;

	start_plain(s);
	server_hang_up(s);
	fr_test_until(s->loop, is_down, s);
	assert_int_equal(s->code, 0);
	assert_non_null(strstr(s->reason, "closed by the other end"));
}

/* --- Hello ------------------------------------------------------------------------------------ */

static void a_hello_is_said_and_its_answer_told(void **state)
{
	struct scene *s = *state;
	char text[FR_ADDR_TEXT_MAX + 256], expected[64];

	start(s);
	assert_int_equal(s->connections, 0); /* nothing happens inside new */
	server_waits_for(s, "SUB cam records=1\n");
	assert_int_equal(s->ups, 0);
	assert_false(fr_wire_client_is_up(s->client));
	server_says(s, "OK cam live=1\n", 14);
	fr_test_until(s->loop, is_up, s);

	assert_int_equal(s->live, 1);
	(void)snprintf(expected, sizeof(expected), "127.0.0.1:%u", s->port);
	assert_string_equal(fr_wire_client_peer(s->client, text), expected);
}

static void a_picture_right_behind_the_answer_is_not_lost(void **state)
{
	struct scene *s = *state;
	uint8_t bytes[14 + 24 + PICTURE];
	uint8_t expected[PICTURE];
	size_t n = 14;

	memcpy(bytes, "OK cam live=1\n", 14);
	n += frame_record(s, bytes + n, PICTURE, 41);
	start(s);
	server_waits_for(s, "\n");
	server_says(s, bytes, n);
	s->wanted_frames = 1;
	fr_test_until(s->loop, has_frames, s);

	assert_int_equal(s->ups, 1);
	assert_int_equal(s->sequence, 41);
	assert_int_equal(s->time_us, 1700000000000000);
	assert_int_equal(s->picture_size, PICTURE);
	memcpy(expected, bytes + n - PICTURE, PICTURE);
	assert_memory_equal(s->picture, expected, PICTURE);
}

static void records_of_every_kind_come_through(void **state)
{
	struct scene *s = *state;
	uint8_t bytes[FR_WIRE_SMALL_MAX];

	start_up(s);
	server_says(s, bytes, fr_wire_write_demand(bytes, 3, 15000));
	fr_test_until(s->loop, has_demand, s);
	assert_int_equal(s->subscribers, 3);
	assert_int_equal(s->rate_milli, 15000);
	server_says(s,
	    "\x1b\0\0\0\x02\0\0\0"
	    "\0\0\0\0\0\0\0\0"
	    "\0\0\0\0\0\0\0\0"
	    "{\"a\":1}",
	    24 + 7);
	fr_test_until(s->loop, has_message, s);
	assert_string_equal(s->text, "{\"a\":1}");
	server_says(s, bytes, fr_wire_write_end(bytes, "the relay stops"));
	fr_test_until(s->loop, is_down, s);
	assert_int_equal(s->ends, 1);
	assert_non_null(strstr(s->reason, "the relay stops"));
	assert_true(s->again);
}

static void records_go_out_and_end_with_end(void **state)
{
	struct scene *s = *state;
	uint8_t bytes[FR_WIRE_SMALL_MAX];
	struct fr_frame *f = picture(s, 100);
	size_t n, before;

	s->spec.hello.verb = FR_HELLO_PUB;
	start_up(s);
	before = s->came_size;
	assert_int_equal(fr_wire_client_send(s->client, f), FR_SEND_DONE);
	n = fr_wire_write_demand(bytes, 1, 0);
	assert_int_equal(fr_wire_client_put(s->client, bytes, n), FR_SEND_DONE);
	fr_wire_client_finish(s->client, "enough");
	s->client = NULL;
	fr_test_until(s->loop, server_saw_the_end, s);

	assert_memory_equal(s->came + before, fr_frame_record_prefix(f), FR_PREFIX_RECORD_BYTES);
	assert_memory_equal(s->came + before + FR_PREFIX_RECORD_BYTES, fr_frame_bytes(f), 100);
	assert_memory_equal(s->came + before + 124, bytes, n);
	n = fr_wire_write_end(bytes, "enough");
	assert_memory_equal(s->came + s->came_size - n, bytes, n);
	fr_frame_unref(f);
}

static void what_a_new_try_would_not_mend_is_not_tried_again(void **state)
{
	struct scene *s = *state;

	start(s);
	server_waits_for(s, "\n");
	server_says(s, "ERR 403 127.0.0.1 may not watch cam\n", 36);
	fr_test_until(s->loop, is_down, s);

	assert_int_equal(s->code, 403);
	assert_false(s->again);
	assert_string_equal(s->reason, "127.0.0.1 may not watch cam");
	server_hang_up(s);
	fr_test_turn(s->loop, 20);
	assert_false(server_has_a_connection(s));
}

static void a_busy_relay_is_asked_again(void **state)
{
	struct scene *s = *state;

	start(s);
	server_waits_for(s, "\n");
	server_says(s, "ERR 503 it is full\n", 19);
	fr_test_until(s->loop, is_down, s);
	assert_int_equal(s->code, 503);
	assert_true(s->again);
	server_hang_up(s);
	server_waits_for(s, "SUB cam records=1\n");
	assert_int_equal(s->connections, 2);
}

static void an_answer_that_is_none_is_a_reason(void **state)
{
	struct scene *s = *state;

	start(s);
	server_waits_for(s, "\n");
	server_says(s, "HTTP/1.1 400 Bad Request\r\n", 26);
	fr_test_until(s->loop, is_down, s);
	assert_true(strlen(s->reason) > 0);
	assert_int_equal(s->ups, 0);
}

static void a_hello_without_an_answer_is_given_up(void **state)
{
	struct scene *s = *state;

	s->limits.first_byte_timeout_ms = 50;
	start(s);
	fr_test_until(s->loop, is_down, s);
	assert_non_null(strstr(s->reason, "no answer to the hello"));
	assert_true(s->again);
}

static void a_relay_that_closes_before_it_answers_is_a_reason(void **state)
{
	struct scene *s = *state;

	start(s);
	server_waits_for(s, "\n");
	server_hang_up(s);
	fr_test_until(s->loop, is_down, s);
	assert_non_null(strstr(s->reason, "before it answered"));
}

/* --- Going and coming back -------------------------------------------------------------------- */

static void a_relay_that_goes_and_comes_back_is_found_again(void **state)
{
	struct scene *s = *state;

	start_up(s);
	server_close(s);
	s->wanted_downs = 4; /* and tries in vain */
	fr_test_until(s->loop, is_down, s);
	assert_true(s->again);
	assert_non_null(strstr(s->reason, "connection refused"));

	s->ups = 0;
	server_open(s);
	server_waits_for(s, "SUB cam records=1\n");
	server_says(s, "OK cam live=0\n", 14);
	fr_test_until(s->loop, is_up, s);
	assert_int_equal(s->live, 0);
	assert_int_equal(fr_stat_value(FR_STAT_reconnects), 1);
}

static void without_retry_one_failure_is_the_end(void **state)
{
	struct scene *s = *state;

	s->spec.retry = false;
	server_close(s);
	start(s);
	fr_test_until(s->loop, is_down, s);
	assert_false(s->again);
	server_open(s);
	fr_test_turn(s->loop, 50);
	assert_false(server_has_a_connection(s));
}

static void who_was_replaced_comes_back_after_10_seconds_and_replaces_nobody(void **state)
{
	struct scene *s = *state;
	uint8_t bytes[FR_WIRE_SMALL_MAX];
	int64_t begin_us;

	s->spec.hello.verb = FR_HELLO_PUB;
	start_up(s);
	server_says(s, bytes, fr_wire_write_error(bytes, 409, "replaced by 192.0.2.9:5"));
	fr_test_until(s->loop, is_down, s);
	begin_us = fr_clock_now_us();
	assert_int_equal(s->code, 409);
	assert_true(s->again);
	assert_string_equal(s->reason, "replaced by 192.0.2.9:5");

	server_hang_up(s);
	server_waits_for(s, "\n");
	assert_in_range(fr_clock_now_us() - begin_us, 9900000, 19000000);
	assert_non_null(memmem(s->came, s->came_size, "takeover=no", 11));
	s->ups = 0;
	server_says(s, "OK cam live=0\n", 14);
	fr_test_until(s->loop, is_up, s);

	/* Once it is back, its next hello is the owner's again. */
	server_hang_up(s);
	server_waits_for(s, "\n");
	assert_null(memmem(s->came, s->came_size, "takeover=no", 11));
}

static void a_plain_publisher_with_a_name_hears_that_it_was_replaced(void **state)
{
	struct scene *s = *state;

	s->spec.hello.verb = FR_HELLO_PUB;
	s->spec.hello.records = false;
	start_up(s);
	server_says(s, "ERR 409 replaced by 192.0.2.9:5\n", 32);
	fr_test_until(s->loop, is_down, s);
	assert_int_equal(s->code, 409);
	assert_true(s->again);
}

static void a_reconnect_is_told_from_the_loop(void **state)
{
	struct scene *s = *state;

	start_up(s);
	fr_wire_client_reconnect(s->client, "stalled");
	fr_wire_client_reconnect(s->client, "said twice");
	assert_int_equal(s->downs, 0);
	assert_false(fr_wire_client_is_up(s->client));
	fr_test_until(s->loop, is_down, s);
	assert_string_equal(s->reason, "stalled");
	assert_true(s->again);
	server_hang_up(s);
	server_waits_for(s, "SUB cam");
	assert_int_equal(s->downs, 1);
}

static void a_failed_send_is_told_from_the_loop(void **state)
{
	struct scene *s = *state;
	const struct linger at_once = {.l_onoff = 1};
	struct fr_frame *f = picture(s, 100);
	enum fr_send r = FR_SEND_DONE;

	start_up(s);
	(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	server_hang_up(s);
	while (r == FR_SEND_DONE)
		r = fr_wire_client_send(s->client, f);
	fr_frame_unref(f);
	assert_int_equal(r, FR_SEND_GONE);
	assert_int_equal(s->downs, 0);
	fr_test_until(s->loop, is_down, s);
	assert_true(strlen(s->reason) > 0);
}

static void a_broken_record_is_a_reason(void **state)
{
	struct scene *s = *state;

	start_up(s);
	server_says(s, "\x03\0\0\0", 4);
	fr_test_until(s->loop, is_down, s);
	assert_non_null(strstr(s->reason, "length is 3"));
	assert_true(s->again);
}

/* --- PING ------------------------------------------------------------------------------------- */

static bool server_has_a_pong(void *arg)
{
	struct scene *s = arg;

	server_turn(s);
	return s->came_size >= 24 + 16;
}

static void a_ping_is_answered_at_once(void **state)
{
	struct scene *s = *state;
	uint8_t bytes[FR_WIRE_SMALL_MAX];

	start_up(s);
	s->came_size = 0;
	server_says(s, bytes, fr_wire_write_ping(bytes, 0x1122334455667788));
	fr_test_until(s->loop, server_has_a_pong, s);
	assert_int_equal(s->came[4], 5);
	assert_memory_equal(s->came + 24, "\x88\x77\x66\x55\x44\x33\x22\x11", 8);
	assert_int_equal(s->pings, 1);
}

static void the_other_ends_clock_is_known_from_its_pong(void **state)
{
	struct scene *s = *state;
	uint8_t bytes[FR_WIRE_SMALL_MAX];
	int64_t offset_us;

	s->limits.ping_interval_ms = 60000;
	start_up(s);
	assert_false(fr_wire_client_clock_offset(s->client, &offset_us));
	server_waits_for(s, "\x04"); /* the PING that follows the welcome */
	while (s->came_size < 18 + 32)
		server_turn(s);
	server_says(s, bytes,
	    fr_wire_write_pong(bytes, s->came + s->came_size - 8, 8, fr_clock_real_us() + 5000000));
	fr_test_until(s->loop, knows_the_clock, s);

	assert_true(fr_wire_client_clock_offset(s->client, &offset_us));
	assert_in_range(offset_us, 4000000, 6000000);
	assert_int_equal(s->pongs, 1);
}

static void a_relay_that_falls_silent_is_left(void **state)
{
	struct scene *s = *state;

	s->limits.ping_interval_ms = 30;
	start_up(s);
	fr_test_until(s->loop, is_down, s);
	assert_non_null(strstr(s->reason, "no answer"));
	assert_true(s->came_size >= 18 + 2 * 32); /* it was asked */
}

/* --- Shares and ends -------------------------------------------------------------------------- */

static void a_turn_takes_a_bounded_share(void **state)
{
	enum {
		COUNT = 200,
		SIZE = 5000
	};
	struct scene *s = *state;
	uint8_t *bytes = malloc(COUNT * (24 + SIZE));
	size_t n = 0, at = 0;
	unsigned before, most = 0;

	for (uint64_t i = 0; i < COUNT; i++)
		n += frame_record(s, bytes + n, SIZE, i + 1);
	start_up(s);
	while (s->frames < COUNT) {
		while (at < n) {
			const ssize_t w = send(s->fd, bytes + at, n - at, MSG_NOSIGNAL);

			if (w < 0)
				break;
			at += (size_t)w;
		}
		before = s->frames;
		fr_test_turn(s->loop, 1);
		if (s->frames - before > most)
			most = s->frames - before;
	}
	assert_in_range(most, 1, 16 + 4); /* and those that came with the last read */
	assert_int_equal(s->sequence, COUNT);
	free(bytes);
}

static void it_may_be_freed_from_each_of_its_callbacks(void **state)
{
	struct scene *s = *state;
	uint8_t bytes[2 * FR_WIRE_SMALL_MAX];
	size_t n;

	for (const char *letter = "ueo"; *letter != '\0'; letter++) {
		s->free_in = (unsigned)*letter;
		start(s);
		server_waits_for(s, "\n");
		memcpy(bytes, "OK cam live=1\n", 14);
		n = 14 + fr_wire_write_demand(bytes + 14, 1, 0);
		n += fr_wire_write_error(bytes + n, 503, "full");
		server_says(s, bytes, n);
		fr_test_until(s->loop, is_freed, s);
		server_hang_up(s);
	}
	s->free_in = 'd';
	s->ups = 0;
	start_plain(s);
	{
		struct fr_frame *f = picture(s, 8 << 20);

		assert_int_equal(fr_wire_client_send(s->client, f), FR_SEND_FULL);
		fr_frame_unref(f);
	}
	fr_test_until(s->loop, is_freed, s);
	assert_int_equal(s->downs, 1);
}

static void it_may_be_freed_or_finished_at_every_stage(void **state)
{
	struct scene *s = *state;
	const unsigned before = fr_test_descriptors();

	for (unsigned turns = 0; turns < 6; turns++) {
		start(s);
		fr_test_turn(s->loop, turns);
		fr_wire_client_free(s->client);
		start(s);
		fr_test_turn(s->loop, turns);
		fr_wire_client_finish(s->client, "enough");
		s->client = NULL;
	}
	fr_test_turn(s->loop, 3);
	fr_wire_client_finish(NULL, "nothing");
	assert_int_equal(s->downs, 0);
	assert_int_equal(fr_test_descriptors(), before);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_plain_client_sends_the_recipe_and_ends_with_length_0),
	    TEST(a_picture_under_way_goes_out_before_the_end),
	    TEST(a_full_socket_is_told_when_it_is_drained),
	    TEST(a_plain_server_is_read),
	    TEST(what_a_plain_server_says_in_words_is_the_reason),
	    TEST(the_end_of_a_server_that_never_writes_is_noticed),
	    TEST(a_hello_is_said_and_its_answer_told),
	    TEST(a_picture_right_behind_the_answer_is_not_lost),
	    TEST(records_of_every_kind_come_through),
	    TEST(records_go_out_and_end_with_end),
	    TEST(what_a_new_try_would_not_mend_is_not_tried_again),
	    TEST(a_busy_relay_is_asked_again),
	    TEST(an_answer_that_is_none_is_a_reason),
	    TEST(a_hello_without_an_answer_is_given_up),
	    TEST(a_relay_that_closes_before_it_answers_is_a_reason),
	    TEST(a_relay_that_goes_and_comes_back_is_found_again),
	    TEST(without_retry_one_failure_is_the_end),
	    TEST(who_was_replaced_comes_back_after_10_seconds_and_replaces_nobody),
	    TEST(a_plain_publisher_with_a_name_hears_that_it_was_replaced),
	    TEST(a_reconnect_is_told_from_the_loop),
	    TEST(a_failed_send_is_told_from_the_loop),
	    TEST(a_broken_record_is_a_reason),
	    TEST(a_ping_is_answered_at_once),
	    TEST(the_other_ends_clock_is_known_from_its_pong),
	    TEST(a_relay_that_falls_silent_is_left),
	    TEST(a_turn_takes_a_bounded_share),
	    TEST(it_may_be_freed_from_each_of_its_callbacks),
	    TEST(it_may_be_freed_or_finished_at_every_stage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
