/* SPDX-License-Identifier: MIT */
/* One of our streams to another relay through a real door, and to servers that a test writes out. */
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

#include "common/base/stats.h"
#include "common/net/loop.h"
#include "daemon/sinks/frames_push/publisher_id.h"
#include "daemon/sinks/sinks.h"
#include "tests/support/loop_runner.h"
#include "tests/support/test_bed.h"

static char *address(struct fr_bed *f)
{
	static char text[40];

	(void)snprintf(text, sizeof(text), "address=127.0.0.1:%u", (unsigned)f->port);
	return text;
}

static void wait_for_pictures(struct fr_bed *f, unsigned count)
{
	f->far.wanted = count;
	fr_test_until(f->loop, fr_side_has_pictures, &f->far);
}

/* --- To another relay ------------------------------------------------------------------------- */

static void the_source_here_sleeps_until_somebody_watches_there(void **state)
{
	struct fr_bed *f = *state;

	fr_bed_open_door(f);
	fr_side_publish(&f->near);
	fr_bed_open_sink(f, "frames-push", address(f), NULL);
	fr_test_until(f->loop, fr_side_has_publisher, &f->far);
	fr_test_turn(f->loop, 20);
	assert_int_equal(f->near.subscribers, 0);

	fr_side_watch(&f->far);
	fr_test_until(f->loop, fr_side_is_watched, &f->near);
	fr_side_send(&f->near, &f->picture);
	wait_for_pictures(f, 1);
	assert_memory_equal(f->far.last, f->picture.bytes, f->picture.size);
	assert_int_equal(f->far.last_size, f->picture.size);

	fr_side_unwatch(&f->far);
	fr_test_until(f->loop, fr_side_is_not_watched, &f->near);
	fr_side_watch(&f->far);
	fr_test_until(f->loop, fr_side_is_watched, &f->near);
}

static bool is_paced(void *arg)
{
	return ((struct fr_side *)arg)->rate_milli == 5000;
}

static void it_takes_no_more_pictures_than_the_fastest_viewer_there(void **state)
{
	static const struct fr_subscriber_ops ops = {NULL, NULL};
	const struct fr_subscribe_spec spec = {.door = "test",
	    .who = {.ours = true},
	    .stream = "cam",
	    .queue_frames = 1,
	    .max_fps_milli = 5000};
	struct fr_bed *f = *state;
	struct fr_refusal refusal;
	struct fr_subscriber *slow;

	fr_bed_open_door(f);
	fr_side_publish(&f->near);
	fr_bed_open_sink(f, "frames-push", address(f), NULL);
	assert_int_equal(
	    fr_relay_subscribe(f->far.relay, &spec, &ops, NULL, 0, &slow, &refusal), 0);
	fr_test_until(f->loop, is_paced, &f->near);
	assert_int_equal(f->near.subscribers, 1);

	/* One that wants all of them is heard too, and demand does not end in between. */
	fr_side_watch(&f->far);
	while (f->near.rate_milli != 0)
		fr_test_turn(f->loop, 1);
	assert_int_equal(f->near.subscribers, 1);
	fr_subscriber_free(slow, 0);
}

static void messages_go_both_ways_and_not_back(void **state)
{
	struct fr_bed *f = *state;

	fr_bed_open_door(f);
	fr_side_publish(&f->near);
	fr_bed_open_sink(f, "frames-push", address(f), NULL);
	fr_side_watch(&f->far);
	fr_side_watch(&f->near);
	while (f->near.subscribers < 1)
		fr_test_turn(f->loop, 1);
	fr_test_until(f->loop, fr_side_has_publisher, &f->far);
	fr_side_send(&f->near, &f->picture);
	wait_for_pictures(f, 1); /* so it has subscribed */
	fr_side_tell(&f->near, "[1]");
	f->far.wanted = 1;
	fr_test_until(f->loop, fr_side_has_messages, &f->far);

	assert_string_equal((char *)f->far.last, "[1]");
	assert_int_equal(f->near.messages, 1);
	fr_test_turn(f->loop, 50);
	assert_int_equal(f->near.messages, 1);
}

static void it_comes_back_when_the_other_relay_does(void **state)
{
	struct fr_bed *f = *state;

	fr_bed_open_door(f);
	fr_side_publish(&f->near);
	fr_bed_open_sink(f, "frames-push", address(f), NULL);
	fr_test_until(f->loop, fr_side_has_publisher, &f->far);
	fr_bed_close_door(f);
	fr_test_until(f->loop, fr_side_has_no_publisher, &f->far);
	fr_bed_open_door(f);
	fr_test_until(f->loop, fr_side_has_publisher, &f->far);
	assert_int_equal(f->ended, 0);
}

static void a_drain_ends_it_well(void **state)
{
	struct fr_bed *f = *state;

	fr_bed_open_door(f);
	fr_side_publish(&f->near);
	fr_side_watch(&f->far);
	fr_bed_open_sink(f, "frames-push", address(f), NULL);
	fr_test_until(f->loop, fr_side_is_watched, &f->near);
	fr_side_send(&f->near, &f->picture);
	wait_for_pictures(f, 1);
	f->sink->ops->drain(f->sink);
	fr_test_until(f->loop, fr_side_has_no_publisher, &f->far);

	assert_false(f->sink->ops->busy(f->sink));
	assert_int_equal(f->near.subscribers, 0);
	assert_int_equal(fr_stat_value(FR_STAT_frames_truncated), 0);
	assert_int_equal(fr_stat_value(FR_STAT_reconnects), 0);
}

/* --- To a server of its own kind -------------------------------------------------------------- */

struct server {
	struct fr_bed *f;
	int listening, fd;
	uint8_t *came;
	size_t size, wanted;
	bool ended;
	unsigned connections;
};

static void server_open(struct fr_bed *f, struct server *s)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(sa);

	*s = (struct server){.f = f, .fd = -1};
	s->listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->listening, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(s->listening, 4), 0);
	assert_int_equal(getsockname(s->listening, (struct sockaddr *)&sa, &length), 0);
	f->port = ntohs(sa.sin_port);
}

static void server_hang_up(struct server *s)
{
	if (s->fd >= 0)
		assert_int_equal(close(s->fd), 0);
	s->fd = -1;
	s->size = 0;
	s->ended = false;
}

static void server_close(struct server *s)
{
	server_hang_up(s);
	assert_int_equal(close(s->listening), 0);
	free(s->came);
}

static bool server_has_one(void *arg)
{
	struct server *s = arg;

	if (s->fd < 0) {
		s->fd = accept4(s->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		s->connections += s->fd >= 0;
	}
	return s->fd >= 0;
}

static bool server_is_done(void *arg)
{
	struct server *s = arg;
	ssize_t n;

	s->came = realloc(s->came, s->size + 65536);
	n = recv(s->fd, s->came + s->size, 65536, 0);
	if (n > 0)
		s->size += (size_t)n;
	s->ended = s->ended || n == 0;
	return s->ended || (s->wanted != 0 && s->size >= s->wanted);
}

/* Expects exactly these pictures in plain framing, and length 0 behind them or nothing. */
static void expect_plain(struct server *s, unsigned pictures, bool has_end)
{
	const struct fr_test_jpeg *p = &s->f->picture;
	const uint8_t head[] = {(uint8_t)p->size, (uint8_t)(p->size >> 8), 0, 0};

	assert_int_equal(s->size, pictures * (p->size + 4) + (has_end ? 4 : 0));
	for (unsigned i = 0; i < pictures; i++) {
		assert_memory_equal(s->came + i * (p->size + 4), head, 4);
		assert_memory_equal(s->came + i * (p->size + 4) + 4, p->bytes, p->size);
	}
	if (has_end)
		assert_memory_equal(s->came + s->size - 4, "\0\0\0\0", 4);
}

static void open_plain(struct fr_bed *f, struct server *s)
{
	server_open(f, s);
	fr_side_publish(&f->near);
	fr_bed_open_sink(f, "frames-push", address(f), "hello=false", NULL);
	fr_test_until(f->loop, server_has_one, s);
	fr_test_until(f->loop, fr_side_is_watched, &f->near);
}

static void the_recipes_server_gets_whole_pictures_and_length_0_at_the_end(void **state)
{
	struct fr_bed *f = *state;
	struct server s;

	open_plain(f, &s);
	for (unsigned i = 1; i <= 3; i++) {
		fr_side_send(&f->near, &f->picture);
		s.wanted = i * (f->picture.size + 4);
		fr_test_until(f->loop, server_is_done, &s);
	}
	s.wanted = 0;
	f->sink->ops->drain(f->sink);
	fr_test_until(f->loop, server_is_done, &s);

	assert_true(s.ended);
	expect_plain(&s, 3, true);
	server_close(&s);
}

static void a_server_that_goes_away_gets_a_new_connection_that_begins_with_a_whole_picture(
    void **state)
{
	struct fr_bed *f = *state;
	struct server s;

	open_plain(f, &s);
	fr_side_send(&f->near, &f->picture);
	s.wanted = 10;
	fr_test_until(f->loop, server_is_done, &s);
	server_hang_up(&s);
	fr_test_until(f->loop, server_has_one, &s);
	s.wanted = f->picture.size + 4; /* the newest, at once */
	fr_test_until(f->loop, server_is_done, &s);

	expect_plain(&s, 1, false);
	assert_int_equal(f->ended, 0);
	server_close(&s);
}

static bool is_left(void *arg)
{
	struct server *s = arg;
	const int fd = accept4(s->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		s->connections++;
		assert_int_equal(close(fd), 0);
	}
	return s->connections > 1;
}

static void a_server_that_takes_nothing_is_left_after_its_deadline(void **state)
{
	struct fr_bed *f = *state;
	struct fr_test_jpeg big = fr_test_jpeg_sized(6000000, 1);
	struct server s;

	open_plain(f, &s);
	fr_side_send(&f->near, &big);
	fr_test_until(f->loop, is_left, &s); /* it comes anew */

	assert_int_equal(fr_stat_rejected_count("frames-push", FR_REASON_slow_subscriber), 1);
	assert_true(fr_stat_value(FR_STAT_reconnects) >= 1);
	fr_test_jpeg_done(&big);
	server_close(&s);
}

static void without_retry_a_refused_connection_is_the_end(void **state)
{
	struct fr_bed *f = *state;
	struct server s;

	server_open(f, &s);
	assert_int_equal(close(s.listening), 0);
	fr_bed_open_sink(f, "frames-push", address(f), "hello=false", "retry=false", NULL);
	fr_test_until(f->loop, fr_bed_has_ended, f);

	assert_int_equal(f->status, -EIO);
	assert_non_null(strstr(f->reason, "refused"));
}

static void a_relay_that_refuses_for_good_is_the_end(void **state)
{
	struct fr_bed *f = *state;
	struct server s;

	server_open(f, &s);
	fr_bed_open_sink(f, "frames-push", address(f), NULL);
	fr_test_until(f->loop, server_has_one, &s);
	s.wanted = 4;
	fr_test_until(f->loop, server_is_done, &s);
	assert_memory_equal(s.came, "PUB cam ", 8);
	assert_non_null(memmem(s.came, s.size, " records=1", 10));
	assert_non_null(memmem(s.came, s.size, " id=", 4));
	assert_int_equal(write(s.fd, "ERR 403 not from here\n", 22), 22);
	fr_test_until(f->loop, fr_bed_has_ended, f);

	assert_int_equal(f->status, -EACCES);
	assert_non_null(strstr(f->reason, "not from here"));
	server_close(&s);
}

/* A MESSAGE record. */
static void server_tells(const struct server *s, const char *json)
{
	uint8_t record[100] = {(uint8_t)(20 + strlen(json)), 0, 0, 0, 2};

	memcpy(record + 24, json, strlen(json));
	assert_int_equal(write(s->fd, record, 24 + strlen(json)), 24 + strlen(json));
}

static void a_message_from_there_is_told_here_and_not_sent_back(void **state)
{
	static const uint8_t demand[] = {
	    28, 0, 0, 0, 3, [24] = 1, [31] = 0}; /* one subscriber, any rate */
	struct fr_bed *f = *state;
	struct server s;

	server_open(f, &s);
	fr_side_publish(&f->near);
	fr_side_watch(&f->near);
	fr_bed_open_sink(f, "frames-push", address(f), NULL);
	fr_test_until(f->loop, server_has_one, &s);
	assert_int_equal(write(s.fd, "OK cam live=0\n", 14), 14);
	assert_int_equal(write(s.fd, demand, sizeof(demand)), sizeof(demand));
	server_tells(&s, "[2]");
	f->near.wanted = 1;
	fr_test_until(f->loop, fr_side_has_messages, &f->near);
	assert_string_equal((char *)f->near.last, "[2]");

	fr_side_tell(&f->near, "[3]");
	s.wanted = SIZE_MAX;
	while (s.came == NULL || memmem(s.came, s.size, "[3]", 3) == NULL) {
		fr_test_turn(f->loop, 1);
		assert_false(server_is_done(&s));
	}
	assert_null(memmem(s.came, s.size, "[2]", 3));
	server_close(&s);
}

/* --- Its id ----------------------------------------------------------------------------------- */

static void an_id_is_32_hex_digits_of_its_own_for_each_stream(void **state)
{
	char a[FR_PUBLISHER_ID_CHARS + 1], b[FR_PUBLISHER_ID_CHARS + 1];

	fr_publisher_id("cam", a);
	fr_publisher_id("cam2", b);

	assert_int_equal(strspn(a, "0123456789abcdef"), FR_PUBLISHER_ID_CHARS);
	assert_int_equal(strlen(b), FR_PUBLISHER_ID_CHARS);
	assert_string_not_equal(a, b);
	if (access("/etc/machine-id", R_OK) == 0) {
		fr_publisher_id("cam", b);
		assert_string_equal(a, b);
	}
	(void)state;
}

static void an_id_that_is_none_is_refused(void **state)
{
	struct fr_bed *f = *state;

	fr_bed_refuse_sink(f, "frames-push", "16 to 64", "address=127.0.0.1:1", "id=xyz", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fr_bed_setup, fr_bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_source_here_sleeps_until_somebody_watches_there),
	    TEST(it_takes_no_more_pictures_than_the_fastest_viewer_there),
	    TEST(messages_go_both_ways_and_not_back),
	    TEST(it_comes_back_when_the_other_relay_does),
	    TEST(a_drain_ends_it_well),
	    TEST(the_recipes_server_gets_whole_pictures_and_length_0_at_the_end),
	    TEST(a_server_that_goes_away_gets_a_new_connection_that_begins_with_a_whole_picture),
	    TEST(a_server_that_takes_nothing_is_left_after_its_deadline),
	    TEST(without_retry_a_refused_connection_is_the_end),
	    TEST(a_relay_that_refuses_for_good_is_the_end),
	    TEST(a_message_from_there_is_told_here_and_not_sent_back),
	    TEST(an_id_is_32_hex_digits_of_its_own_for_each_stream),
	    TEST(an_id_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
