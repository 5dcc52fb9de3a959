/* SPDX-License-Identifier: MIT */
/* Pictures of MainServer/getStream, from servers that a test writes out: what each does wrong, and that it comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <sys/socket.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/stats.h"
#include "tests/support/http2_bytes.h"
#include "tests/support/loop_runner.h"
#include "tests/support/test_bed.h"
#include "tests/support/test_server.h"

struct fixture {
	struct fr_bed *bed;
	struct fr_test_server server;
	uint8_t heard[64 * 1024];
	size_t heard_size;
};

static void begin(struct fixture *f, void **state, const char *option)
{
	char address[64];

	*f = (struct fixture){.bed = *state};
	fr_test_server_open(&f->server);
	(void)snprintf(address, sizeof(address), "address=127.0.0.1:%u", (unsigned)f->server.port);
	fr_bed_open_source(f->bed, "grpc-pull", address, option, NULL);
	fr_side_watch(&f->bed->near);
}

/* For fr_test_until(): a request has come since it was last forgotten. */
static bool is_asked(void *arg)
{
	static const char text[] = "give me the stream!!";
	struct fixture *f = arg;
	ssize_t n;

	if (!fr_test_server_has_one(&f->server))
		return false;
	n = recv(
	    f->server.fd, f->heard + f->heard_size, sizeof(f->heard) - f->heard_size, MSG_DONTWAIT);
	if (n > 0)
		f->heard_size += (size_t)n;
	return memmem(f->heard, f->heard_size, text, sizeof(text) - 1) != NULL;
}

/* For the next request, on this connection or the next one. */
static void wait_for_request(struct fixture *f)
{
	f->heard_size = 0;
	fr_test_until(f->bed->loop, is_asked, f);
}

static void send_bytes(struct fixture *f, struct wire_bytes *b)
{
	fr_test_server_send(&f->server, b->bytes, b->size);
	bytes_done(b);
}

static void put_headers(struct wire_bytes *b, const char *type)
{
	struct wire_bytes fields = {0};

	http2_add_frame(b, HTTP2_SETTINGS, 0, 0, "", 0);
	http2_add_field(&fields, ":status", "200");
	http2_add_field(&fields, "content-type", type);
	http2_add_frame(b, HTTP2_HEADERS, HTTP2_END_HEADERS, 1, fields.bytes, fields.size);
	bytes_done(&fields);
}

static void put_trailers(struct wire_bytes *b, const char *status)
{
	struct wire_bytes fields = {0};

	http2_add_field(&fields, "grpc-status", status);
	http2_add_frame(
	    b, HTTP2_HEADERS, HTTP2_END_HEADERS | HTTP2_END_STREAM, 1, fields.bytes, fields.size);
	bytes_done(&fields);
}

/* A reply that holds the picture as it is. */
static void put_reply(struct wire_bytes *b, const struct fr_test_jpeg *jpeg)
{
	struct wire_bytes message = {0}, data = {0};

	assert_in_range(jpeg->size, 0x80, 0x3fff);
	http2_add_be(&message, 0x0a, 1);
	http2_add_be(&message, (uint32_t)(jpeg->size & 0x7f) | 0x80, 1);
	http2_add_be(&message, (uint32_t)(jpeg->size >> 7), 1);
	bytes_add(&message, jpeg->bytes, jpeg->size);
	http2_add_message(&data, 0, message.bytes, message.size);
	http2_add_frame(b, HTTP2_DATA, 0, 1, data.bytes, data.size);
	bytes_done(&message);
	bytes_done(&data);
}

static void wait_for_pictures(struct fixture *f, unsigned count)
{
	f->bed->near.wanted = count;
	fr_test_until(f->bed->loop, fr_side_has_pictures, &f->bed->near);
}

/* One that works, after all: the stream is live again. */
static void serve(struct fixture *f)
{
	struct wire_bytes b = {0};

	wait_for_request(f);
	put_headers(&b, "application/grpc");
	put_reply(&b, &f->bed->picture);
	send_bytes(f, &b);
	fr_test_until(f->bed->loop, fr_side_is_live, &f->bed->near);
}

static void end(struct fixture *f)
{
	fr_test_server_close(&f->server);
}

/* --- What works ------------------------------------------------------------------------------- */

static void each_picture_is_asked_for_on_one_call(void **state)
{
	struct fr_test_jpeg other = fr_test_jpeg(80, 48, 80, 3);
	struct wire_bytes b = {0};
	struct fixture f;

	begin(&f, state, NULL);
	serve(&f);
	wait_for_pictures(&f, 1);
	wait_for_request(&f);
	put_reply(&b, &f.bed->picture); /* the same again is left out */
	send_bytes(&f, &b);
	wait_for_request(&f);
	put_reply(&b, &other);
	send_bytes(&f, &b);
	wait_for_pictures(&f, 2);

	assert_memory_equal(f.bed->near.last, other.bytes, other.size);
	fr_test_jpeg_done(&other);
	end(&f);
}

static void it_is_left_when_nobody_watches_any_more(void **state)
{
	struct fixture f;

	begin(&f, state, NULL);
	serve(&f);
	fr_side_unwatch(&f.bed->near);
	fr_test_until(f.bed->loop, fr_test_server_was_left, &f.server);
	fr_side_watch(&f.bed->near);
	serve(&f);
	end(&f);
}

/* --- What does not ---------------------------------------------------------------------------- */

static void put_reset(struct wire_bytes *b)
{
	put_headers(b, "application/grpc");
	http2_add_frame(b, HTTP2_RST_STREAM, 0, 1, "\0\0\0\x2", 4);
}

static void put_goodbye(struct wire_bytes *b)
{
	http2_add_frame(b, HTTP2_SETTINGS, 0, 0, "", 0);
	http2_add_frame(b, HTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
}

static void put_unknown(struct wire_bytes *b)
{
	put_headers(b, "application/grpc");
	put_trailers(b, "2");
}

static void put_huge(struct wire_bytes *b)
{
	put_headers(b, "application/grpc");
	http2_add_frame(b, HTTP2_DATA, 0, 1, "\0\x7f\xff\xff\xff", 5);
}

static void put_compressed(struct wire_bytes *b)
{
	put_headers(b, "application/grpc");
	http2_add_frame(b, HTTP2_DATA, 0, 1, "\1\0\0\0\1x", 6);
}

static void put_page(struct wire_bytes *b)
{
	put_headers(b, "text/html");
}

static void put_http1(struct wire_bytes *b)
{
	bytes_add_text(b, "HTTP/1.1 400 Bad Request\r\n\r\n");
}

static void put_half_a_reply(struct wire_bytes *b)
{
	put_headers(b, "application/grpc");
	http2_add_frame(b, HTTP2_DATA, 0, 1, "\0\0\0\1\0\x0a", 6);
	put_trailers(b, "0");
}

/* Each ends the connection; it is offline, backs off, comes back, and works. */
static void what_goes_wrong_ends_the_connection_and_it_comes_back(void **state)
{
	static void (*const faults[])(struct wire_bytes *) = {put_reset, put_goodbye, put_unknown,
	    put_huge, put_compressed, put_page, put_http1, put_half_a_reply};
	struct wire_bytes b = {0};
	struct fixture f;
	unsigned open = 0;

	begin(&f, state, "on_demand=false");
	f.bed->limits.stale_after_ms = 50; /* else the last picture counts for 5 s */
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		int64_t again;

		wait_for_request(&f);
		again = fr_stat_value(FR_STAT_reconnects);
		faults[i](&b);
		send_bytes(&f, &b);
		fr_test_until(f.bed->loop, fr_test_server_was_left, &f.server);
		assert_int_equal(fr_stat_value(FR_STAT_reconnects), again + 1);
		fr_test_until(f.bed->loop, fr_side_is_offline, &f.bed->near);
		serve(&f);
		if (i == 0)
			open = fr_test_descriptors();
		assert_int_equal(fr_test_descriptors(), open); /* nothing stays behind */
		fr_test_server_drop(&f.server);
	}
	end(&f);
}

/* The waits grow while it does not work: first 0.2 s less up to a quarter, then twice that. */
static void it_backs_off_while_it_does_not_work(void **state)
{
	struct wire_bytes b = {0};
	struct fixture f;
	int64_t began_us = fr_clock_now_us();

	begin(&f, state, NULL);
	for (int i = 0; i < 3; i++) {
		wait_for_request(&f);
		put_unknown(&b);
		send_bytes(&f, &b);
		fr_test_until(f.bed->loop, fr_test_server_was_left, &f.server);
	}
	wait_for_request(&f);
	assert_true(fr_clock_now_us() - began_us > (200 + 400 + 800) * 1000 * 3 / 4);
	end(&f);
}

/* It takes the connection, opens no window, says nothing. */
static void one_that_never_answers_is_given_up_after_ten_seconds(void **state)
{
	static const uint8_t no_window[] = {0, 4, 0, 0, 0, 0};
	struct wire_bytes b = {0};
	struct fixture f;
	const int64_t began_us = fr_clock_now_us();

	begin(&f, state, NULL);
	fr_test_until(f.bed->loop, fr_test_server_has_one, &f.server);
	http2_add_frame(&b, HTTP2_SETTINGS, 0, 0, no_window, sizeof(no_window));
	send_bytes(&f, &b);
	fr_test_until(f.bed->loop, fr_test_server_was_left, &f.server);
	assert_true(fr_clock_now_us() - began_us > 9500000);
	serve(&f);
	end(&f);
}

static void it_may_be_closed_in_every_state(void **state)
{
	static void (*const states[])(struct wire_bytes *) = {
	    put_half_a_reply, put_reset, put_huge};
	struct wire_bytes b = {0};
	struct fixture f;

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		begin(&f, state, "on_demand=false");
		wait_for_request(&f);
		states[i](&b);
		fr_test_server_send(&f.server, b.bytes, b.size / 2);
		bytes_done(&b);
		fr_test_turn(f.bed->loop, 10);
		fr_bed_close_source(f.bed);
		fr_test_until(f.bed->loop, fr_test_server_was_left, &f.server);
		fr_side_unwatch(&f.bed->near);
		end(&f);
	}
}

static void what_cannot_be_is_refused(void **state)
{
	char msg[300] = "msg=";

	memset(msg + 4, 'x', sizeof(msg) - 5);
	fr_bed_refuse_source(
	    *state, "grpc-pull", "msg: at most 200 bytes", "address=127.0.0.1", msg, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fr_bed_setup, fr_bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_picture_is_asked_for_on_one_call),
	    TEST(it_is_left_when_nobody_watches_any_more),
	    TEST(what_goes_wrong_ends_the_connection_and_it_comes_back),
	    TEST(it_backs_off_while_it_does_not_work),
	    TEST(one_that_never_answers_is_given_up_after_ten_seconds),
	    TEST(it_may_be_closed_in_every_state),
	    TEST(what_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
