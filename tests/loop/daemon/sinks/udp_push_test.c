/* SPDX-License-Identifier: MIT */
/* One of our streams to servers by UDP that a test writes out, datagram by datagram. */
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

#include "common/base/stats.h"
#include "daemon/sinks/sinks.h"
#include "tests/support/loop_runner.h"
#include "tests/support/test_bed.h"

/* A server; has_one() leaves in `got` what take() hands out. */
struct server {
	struct fr_bed *f;
	int fd;
	char address[40];
	struct sockaddr_in from;
	uint8_t got[65536];
	ssize_t size; /* -1: nothing */
};

static struct server *server_new(struct fr_bed *f, uint16_t port)
{
	struct server *s = calloc(1, sizeof(*s));
	struct sockaddr_in sa = {.sin_family = AF_INET,
	    .sin_port = htons(port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(sa);

	s->f = f;
	s->size = -1;
	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&sa, &length), 0);
	(void)snprintf(
	    s->address, sizeof(s->address), "address=127.0.0.1:%u", (unsigned)ntohs(sa.sin_port));
	return s;
}

static void server_free(struct server *s)
{
	(void)close(s->fd);
	free(s);
}

static bool has_one(void *arg)
{
	struct server *s = arg;
	socklen_t length = sizeof(s->from);

	if (s->size < 0)
		s->size = recvfrom(
		    s->fd, s->got, sizeof(s->got), 0, (struct sockaddr *)&s->from, &length);
	return s->size >= 0;
}

/* @return the size of the next datagram; its bytes are in `got` */
static size_t take(struct server *s)
{
	size_t size;

	fr_test_until(s->f->loop, has_one, s);
	size = (size_t)s->size;
	s->size = -1;
	return size;
}

static void answer(const struct server *s, const char *text)
{
	(void)sendto(
	    s->fd, text, strlen(text), 0, (const struct sockaddr *)&s->from, sizeof(s->from));
}

/* Expects the fixture's picture behind a header of so many bytes. @return the last piece's size */
static size_t expect_picture(struct server *s, const struct fr_test_jpeg *jpeg, size_t header)
{
	uint64_t length = 0;
	size_t n = take(s);

	assert_int_equal(n, header);
	memcpy(&length, s->got, n);
	assert_int_equal(le64toh(length), jpeg->size);
	for (size_t at = 0; at < jpeg->size; at += n) {
		n = take(s);
		assert_in_range(n, 1, 1024);
		assert_memory_equal(s->got, jpeg->bytes + at, n);
	}
	return n;
}

static bool was_sent(void *arg)
{
	return fr_stat_value(FR_STAT_frames_sent) >= *(const int64_t *)arg;
}

static void wait_sent(struct fr_bed *f, int64_t count)
{
	fr_test_until(f->loop, was_sent, &count);
}

static void pictures_go_out_in_pieces_one_for_each_answer(void **state)
{
	struct fr_bed *f = *state;
	struct server *s = server_new(f, 0);
	struct fr_test_jpeg exact = fr_test_jpeg_sized(4096, 1);

	fr_side_publish(&f->near);
	fr_bed_open_sink(f, "udp-push", s->address, NULL);
	fr_side_send(&f->near, &f->picture);
	(void)expect_picture(s, &f->picture, 8);
	assert_int_equal(fr_stat_value(FR_STAT_frames_sent), 0);
	answer(s, "get message!!!");
	wait_sent(f, 1);
	fr_side_send(&f->near, &exact);
	assert_int_equal(expect_picture(s, &exact, 8), 1024);
	answer(s, "get message!!!");
	wait_sent(f, 2);
	fr_test_turn(f->loop, 50);
	assert_false(has_one(s)); /* no empty one behind it */
	fr_test_jpeg_done(&exact);
	server_free(s);
}

static void a_short_header_and_whole_pictures_are_options(void **state)
{
	struct fr_bed *f = *state;
	struct server *s = server_new(f, 0);
	struct fr_test_jpeg large = fr_test_jpeg_sized(65508, 1);

	fr_side_publish(&f->near);
	fr_bed_open_sink(f, "udp-push", s->address, "header=4", NULL);
	fr_side_send(&f->near, &f->picture);
	(void)expect_picture(s, &f->picture, 4);
	answer(s, "get message!!!");
	wait_sent(f, 1);
	fr_bed_close_sink(f);

	fr_bed_open_sink(f, "udp-push", s->address, "whole=true", NULL);
	assert_int_equal(take(s), f->picture.size);
	assert_memory_equal(s->got, f->picture.bytes, f->picture.size);
	answer(s, "get message!!!");
	wait_sent(f, 2);
	fr_side_send(&f->near, &large);
	while (fr_stat_rejected_count("udp-push", FR_REASON_udp_too_large) == 0)
		fr_test_turn(f->loop, 1);
	fr_side_send(&f->near, &f->picture);
	assert_int_equal(take(s), f->picture.size);
	fr_test_jpeg_done(&large);
	server_free(s);
}

static void the_last_piece_comes_again_until_there_is_an_answer_and_then_another_port(void **state)
{
	struct fr_bed *f = *state;
	struct server *s = server_new(f, 0);
	struct fr_test_jpeg jpeg = fr_test_jpeg_sized(3000, 1);
	in_port_t port;

	f->limits.udp_ack_timeout_ms = 10;
	fr_side_publish(&f->near);
	fr_bed_open_sink(f, "udp-push", s->address, NULL);
	fr_side_send(&f->near, &jpeg);
	assert_int_equal(expect_picture(s, &jpeg, 8), 952);
	port = s->from.sin_port;
	answer(s, "no answer");
	for (unsigned i = 0; i < 32; i++) {
		assert_int_equal(take(s), 952);
		assert_memory_equal(s->got, jpeg.bytes + 2048, 952);
	}
	while (fr_stat_rejected_count("udp-push", FR_REASON_udp_silent) == 0)
		fr_test_turn(f->loop, 1);
	assert_int_equal(fr_stat_value(FR_STAT_udp_resends), 32);
	assert_int_equal(fr_stat_rejected_count("udp-push", FR_REASON_udp_answer), 1);
	f->limits.udp_ack_timeout_ms = 0; /* 500 */
	fr_side_send(&f->near, &f->picture);
	(void)expect_picture(s, &f->picture, 8);
	assert_int_not_equal(s->from.sin_port, port);
	answer(s, "get message!!!");
	wait_sent(f, 1);
	fr_test_jpeg_done(&jpeg);
	server_free(s);
}

static void nobody_there_is_tried_again_and_a_drain_sends_the_rest(void **state)
{
	struct fr_bed *f = *state;
	struct server *s = server_new(f, 0);
	struct fr_test_jpeg jpeg = fr_test_jpeg_sized(200000, 1);
	char address[40];
	uint16_t port;
	size_t bytes = 0;

	memcpy(address, s->address, sizeof(address));
	port = (uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10);
	server_free(s);
	fr_side_publish(&f->near);
	fr_bed_open_sink(f, "udp-push", address, NULL);
	fr_side_send(&f->near, &f->picture);
	while (fr_stat_value(FR_STAT_frames_dropped_unsent) == 0)
		fr_test_turn(f->loop, 1);
	s = server_new(f, port);
	fr_side_send(&f->near, &jpeg);
	assert_int_equal(take(s), 8);
	f->sink->ops->drain(f->sink);
	assert_true(f->sink->ops->busy(f->sink));
	while (bytes < jpeg.size)
		bytes += take(s);
	fr_test_turn(f->loop, 10);
	assert_false(f->sink->ops->busy(f->sink));
	assert_int_equal(fr_stat_value(FR_STAT_frames_sent), 1);
	fr_test_jpeg_done(&jpeg);
	server_free(s);
}

static void a_drain_does_not_wait_for_an_answer_nor_a_close_for_anything(void **state)
{
	struct fr_bed *f = *state;
	struct server *s = server_new(f, 0);

	fr_side_publish(&f->near);
	fr_bed_open_sink(f, "udp-push", s->address, NULL);
	fr_side_send(&f->near, &f->picture);
	(void)expect_picture(s, &f->picture, 8);
	f->sink->ops->drain(f->sink);
	assert_false(f->sink->ops->busy(f->sink));
	fr_bed_close_sink(f);

	fr_bed_open_sink(f, "udp-push", s->address, NULL);
	(void)expect_picture(s, &f->picture, 8);
	fr_bed_close_sink(f);

	/* A name is still being looked for. */
	fr_bed_open_sink(f, "udp-push", "address=no-such-host.invalid", NULL);
	fr_test_turn(f->loop, 5);
	fr_bed_close_sink(f);
	server_free(s);
}

static void messages_are_sent_as_they_come(void **state)
{
	struct fr_bed *f = *state;
	struct server *s = server_new(f, 0);

	fr_side_publish(&f->near);
	fr_bed_open_sink(f, "udp-message-push", s->address, NULL);
	fr_side_tell(&f->near, "[0, 0, 0, 1]");
	assert_int_equal(take(s), 12);
	assert_memory_equal(s->got, "[0, 0, 0, 1]", 12);
	answer(s, "get the msg");
	fr_side_tell(&f->near, "[2]");
	assert_int_equal(take(s), 3);
	assert_int_equal(f->near.subscribers, 0); /* no camera runs for them */
	server_free(s);
	fr_side_tell(&f->near, "[3]"); /* nobody is there */
	fr_test_turn(f->loop, 20);
	fr_side_tell(&f->near, "[4]");
	fr_test_turn(f->loop, 20);
	f->sink->ops->drain(f->sink);
	assert_false(f->sink->ops->busy(f->sink));
}

static void bad_rows_are_refused(void **state)
{
	struct fr_bed *f = *state;

	fr_bed_refuse_sink(f, "udp-push", "must be 8 or 4", "address=127.0.0.1", "header=6", NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fr_bed_setup, fr_bed_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(pictures_go_out_in_pieces_one_for_each_answer),
	    TEST(a_short_header_and_whole_pictures_are_options),
	    TEST(the_last_piece_comes_again_until_there_is_an_answer_and_then_another_port),
	    TEST(nobody_there_is_tried_again_and_a_drain_sends_the_rest),
	    TEST(a_drain_does_not_wait_for_an_answer_nor_a_close_for_anything),
	    TEST(messages_are_sent_as_they_come),
	    TEST(bad_rows_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
