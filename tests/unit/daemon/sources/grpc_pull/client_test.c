/* SPDX-License-Identifier: MIT */
/* The client's side of getStream: what servers say, byte by byte, and the words for what goes wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/sources/grpc_pull/client.h"
#include "tests/support/http2_bytes.h"

enum {
	PICTURE_MAX = 3000,
};

struct fixture {
	struct fr_grpc_client *client;
	struct wire_bytes said; /* by the client */
	struct wire_bytes got;  /* the last picture */
	unsigned pictures;
	const char *objection; /* on_picture() fails for it */
};

static void on_picture(void *arg, const uint8_t *bytes, size_t size)
{
	struct fixture *f = arg;

	f->pictures++;
	f->got.size = 0;
	bytes_add(&f->got, bytes, size);
	if (f->objection != NULL)
		fr_grpc_client_fail(f->client, "%s", f->objection);
}

static void drain(struct fixture *f)
{
	const uint8_t *bytes;
	size_t n;

	while ((n = fr_grpc_client_give(f->client, &bytes)) != 0)
		bytes_add(&f->said, bytes, n);
}

static void ask(struct fixture *f)
{
	assert_true(fr_grpc_client_is_due(f->client));
	fr_grpc_client_ask(f->client);
	drain(f);
	assert_false(fr_grpc_client_is_due(f->client));
}

static int setup(void **state)
{
	static struct fixture f;
	const struct fr_grpc_client_spec spec = {.authority = "server:50051",
	    .msg = "give me the stream!!",
	    .picture_bytes = PICTURE_MAX,
	    .on_picture = on_picture};

	f = (struct fixture){0};
	f.client = fr_grpc_client_new(&spec, &f);
	ask(&f);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fr_grpc_client_free(f->client);
	fr_grpc_client_free(NULL);
	bytes_done(&f->said);
	bytes_done(&f->got);
	return 0;
}

/* --- The server ------------------------------------------------------------------------------- */

static void put_settings(struct wire_bytes *b)
{
	http2_add_frame(b, HTTP2_SETTINGS, 0, 0, "", 0);
}

static void put_headers(struct wire_bytes *b, uint32_t stream, uint8_t flags, const char *name,
    const char *value, const char *other, const char *other_value)
{
	struct wire_bytes fields = {0};

	http2_add_field(&fields, name, value);
	if (other != NULL)
		http2_add_field(&fields, other, other_value);
	http2_add_frame(
	    b, HTTP2_HEADERS, HTTP2_END_HEADERS | flags, stream, fields.bytes, fields.size);
	bytes_done(&fields);
}

static void put_answer(struct wire_bytes *b, uint32_t stream)
{
	put_headers(b, stream, 0, ":status", "200", "content-type", "application/grpc");
}

static void put_data(
    struct wire_bytes *b, uint32_t stream, uint8_t flag, const void *message, size_t size)
{
	struct wire_bytes data = {0};

	http2_add_message(&data, flag, message, size);
	http2_add_frame(b, HTTP2_DATA, 0, stream, data.bytes, data.size);
	bytes_done(&data);
}

/* A reply: field 1, bytes. */
static void put_reply(struct wire_bytes *b, uint32_t stream, const void *datas, size_t size)
{
	struct wire_bytes message = {0};
	size_t left = size;

	http2_add_be(&message, 0x0a, 1);
	for (; left >= 0x80; left >>= 7)
		http2_add_be(&message, (uint32_t)(left & 0x7f) | 0x80, 1);
	http2_add_be(&message, (uint32_t)left, 1);
	bytes_add(&message, datas, size);
	put_data(b, stream, 0, message.bytes, message.size);
	bytes_done(&message);
}

static void put_text(struct wire_bytes *b, uint32_t stream, const char *datas)
{
	put_reply(b, stream, datas, strlen(datas));
}

static void put_trailers(struct wire_bytes *b, uint32_t stream, const char *status)
{
	put_headers(b, stream, HTTP2_END_STREAM, "grpc-status", status, "grpc-message", "why not");
}

static void take(struct fixture *f, struct wire_bytes *b)
{
	fr_grpc_client_take(f->client, b->bytes, b->size);
	bytes_done(b);
	drain(f);
}

/* --- Pictures --------------------------------------------------------------------------------- */

static void a_request_is_as_the_posts_client_makes_it(void **state)
{
	static const uint8_t request[] = "\0\0\0\0\x16\x0a\x14"
	                                 "give me the stream!!";
	struct fixture *f = *state;

	assert_memory_equal(f->said.bytes, HTTP2_PREFACE, sizeof(HTTP2_PREFACE) - 1);
	assert_non_null(memmem(f->said.bytes, f->said.size, request, sizeof(request) - 1));
	assert_null(fr_grpc_client_down(f->client));
}

static void pictures_come_raw_and_as_base64_on_one_call(void **state)
{
	struct fixture *f = *state;
	struct wire_bytes b = {0};

	put_settings(&b);
	put_answer(&b, 1);
	put_reply(&b, 1, "\xff\xd8raw", 5);
	take(f, &b);
	assert_int_equal(f->pictures, 1);
	assert_memory_equal(f->got.bytes, "\xff\xd8raw", 5);

	ask(f);
	put_text(&b, 1, "/9hiYXNl"); /* the same, as text */
	take(f, &b);
	assert_int_equal(f->pictures, 2);
	assert_int_equal(f->got.size, 6);
	assert_memory_equal(f->got.bytes,
	    "\xff\xd8"
	    "base",
	    6);
	assert_null(fr_grpc_client_down(f->client));
}

static void a_server_may_go_on_without_end(void **state)
{
	struct fixture *f = *state;
	struct wire_bytes b = {0};

	put_settings(&b);
	put_answer(&b, 1);
	for (int i = 0; i < 5; i++)
		put_text(&b, 1, "/9hhYmNk");
	take(f, &b);
	assert_int_equal(f->pictures, 5);
	ask(f);
	put_text(&b, 1, "/9hhYmNk");
	take(f, &b);
	assert_int_equal(f->pictures, 6);
}

static void a_call_that_ends_well_is_followed_by_another(void **state)
{
	struct fixture *f = *state;
	struct wire_bytes b = {0};

	put_settings(&b);
	for (uint32_t stream = 1; stream < 9; stream += 2) {
		put_answer(&b, stream);
		put_text(&b, stream, "/9hhYmNk");
		put_headers(&b, stream, HTTP2_END_STREAM, "grpc-status", "0", NULL, NULL);
		take(f, &b);
		ask(f);
	}
	assert_int_equal(f->pictures, 4);
	assert_null(fr_grpc_client_down(f->client));
	/* Our side of the first one has ended, too: an empty DATA with END_STREAM. */
	assert_non_null(memmem(f->said.bytes, f->said.size, "\0\0\0\0\1\0\0\0\1", 9));
}

static void who_takes_the_picture_may_end_it(void **state)
{
	struct fixture *f = *state;
	struct wire_bytes b = {0};

	f->objection = "no more";
	put_settings(&b);
	put_answer(&b, 1);
	for (int i = 0; i < 3; i++)
		put_text(&b, 1, "/9hhYmNk");
	take(f, &b);
	assert_int_equal(f->pictures, 1);
	assert_string_equal(fr_grpc_client_down(f->client), "no more");
	fr_grpc_client_fail(f->client, "later");
	assert_string_equal(fr_grpc_client_down(f->client), "no more");
	assert_false(fr_grpc_client_is_due(f->client));
}

/* --- What goes wrong -------------------------------------------------------------------------- */

static void reset(struct wire_bytes *b)
{
	put_answer(b, 1);
	http2_add_frame(b, HTTP2_RST_STREAM, 0, 1, "\0\0\0\x8", 4);
}

static void goodbye(struct wire_bytes *b)
{
	http2_add_frame(b, HTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8);
}

static void goodbye_in_anger(struct wire_bytes *b)
{
	http2_add_frame(b, HTTP2_GOAWAY, 0, 0, "\0\0\0\1\0\0\0\xb", 8);
}

static void goodbye_behind_the_last_picture(struct wire_bytes *b)
{
	put_answer(b, 1);
	http2_add_frame(b, HTTP2_GOAWAY, 0, 0, "\0\0\0\1\0\0\0\0", 8);
	put_text(b, 1, "/9hhYmNk");
	put_headers(b, 1, HTTP2_END_STREAM, "grpc-status", "0", NULL, NULL);
}

static void unknown_before_the_first_picture(struct wire_bytes *b)
{
	put_answer(b, 1);
	put_trailers(b, 1, "2");
}

static void trailers_only(struct wire_bytes *b)
{
	struct wire_bytes fields = {0};

	http2_add_field(&fields, ":status", "200");
	http2_add_field(&fields, "content-type", "application/grpc");
	http2_add_field(&fields, "grpc-status", "14");
	http2_add_field(&fields, "grpc-message", "asleep");
	http2_add_frame(
	    b, HTTP2_HEADERS, HTTP2_END_HEADERS | HTTP2_END_STREAM, 1, fields.bytes, fields.size);
	bytes_done(&fields);
}

static void a_status_that_is_none(struct wire_bytes *b)
{
	put_answer(b, 1);
	put_trailers(b, 1, "fine");
}

static void ok_without_a_picture(struct wire_bytes *b)
{
	put_answer(b, 1);
	put_trailers(b, 1, "0");
}

static void no_status(struct wire_bytes *b)
{
	put_answer(b, 1);
	http2_add_frame(b, HTTP2_DATA, HTTP2_END_STREAM, 1, "", 0);
}

static void huge(struct wire_bytes *b)
{
	put_answer(b, 1);
	http2_add_frame(b, HTTP2_DATA, 0, 1, "\0\x7f\xff\xff\xff", 5);
}

static void compressed(struct wire_bytes *b)
{
	put_answer(b, 1);
	put_data(b, 1, 1, "abc", 3);
}

static void another_type(struct wire_bytes *b)
{
	put_headers(b, 1, 0, ":status", "200", "content-type", "text/html");
}

static void not_found(struct wire_bytes *b)
{
	put_headers(b, 1, 0, ":status", "404", "content-type", "text/html");
}

static void no_reply(struct wire_bytes *b)
{
	put_answer(b, 1);
	put_data(b, 1, 0, "\x0a\x7f", 2);
}

static void empty_reply(struct wire_bytes *b)
{
	put_answer(b, 1);
	put_data(b, 1, 0, "", 0);
}

static void neither_jpeg_nor_base64(struct wire_bytes *b)
{
	put_answer(b, 1);
	put_text(b, 1, "this is no picture!!");
}

/* Two bytes each, of which protobuf-c would make some ninety. */
static void unknown_fields(struct wire_bytes *b)
{
	char many[3000];

	for (size_t i = 0; i < sizeof(many); i += 2)
		memcpy(many + i, "\x78", 2);
	put_answer(b, 1);
	put_data(b, 1, 0, many, sizeof(many));
}

static void push(struct wire_bytes *b)
{
	http2_add_frame(b, HTTP2_SETTINGS, 1, 0, "", 0); /* it has heard that we want none */
	http2_add_frame(b, HTTP2_PUSH_PROMISE, HTTP2_END_HEADERS, 1, "\0\0\0\2\x82\x86\x84", 7);
}

static void web_server(struct wire_bytes *b)
{
	b->size = 0;
	bytes_add_text(b, "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
}

static void pings(struct wire_bytes *b)
{
	for (int i = 0; i < 2000; i++)
		http2_add_frame(b, HTTP2_PING, 0, 0, "12345678", 8);
}

static const struct {
	void (*put)(struct wire_bytes *b);
	const char *words;
	unsigned pictures;
} faults[] = {
    {reset, "the call was reset (CANCEL)", 0},
    {goodbye, "the call was reset (REFUSED_STREAM)", 0},
    {goodbye_in_anger, "it has said goodbye (ENHANCE_YOUR_CALM)", 0},
    {goodbye_behind_the_last_picture, "it has said goodbye", 1},
    {unknown_before_the_first_picture, "status 2 why not", 0},
    {trailers_only, "status 14 asleep", 0},
    {a_status_that_is_none, "status 2 why not", 0},
    {ok_without_a_picture, "it ended the call without a picture", 0},
    {no_status, "it ended the call without a status", 0},
    {huge, "a reply of 2147483647 bytes, at most 4064", 0},
    {compressed, "a compressed reply", 0},
    {another_type, "it answers with text/html, which is not gRPC", 0},
    {not_found, "it answers with the status 404 of HTTP", 0},
    {no_reply, "a reply that is none", 0},
    {empty_reply, "a reply without a picture", 0},
    {neither_jpeg_nor_base64, "a reply that is neither a JPEG nor base64", 0},
    {unknown_fields, "a reply that is none", 0},
    {push, "it does not speak HTTP/2", 0},
    {web_server, "it does not speak HTTP/2", 0},
    {pings,
        "it does not speak HTTP/2 (Flooding was detected in this HTTP/2 session, and it must be "
        "closed)",
        0},
};

/* In one piece, or byte by byte; after it is down nothing is heard any more. */
static void run(struct fixture *f, size_t fault, size_t step)
{
	struct wire_bytes b = {0};

	put_settings(&b);
	faults[fault].put(&b);
	for (size_t at = 0; at < b.size; at += step)
		fr_grpc_client_take(
		    f->client, b.bytes + at, b.size - at < step ? b.size - at : step);
	bytes_done(&b);
	drain(f);
	if (fr_grpc_client_down(f->client) == NULL)
		fail_msg("not told: %zu %s", fault, faults[fault].words);
	assert_string_equal(fr_grpc_client_down(f->client), faults[fault].words);
	assert_int_equal(f->pictures, faults[fault].pictures);
	put_answer(&b, 1);
	put_text(&b, 1, "/9hhYmNk");
	take(f, &b);
	assert_int_equal(f->pictures, faults[fault].pictures);
	assert_false(fr_grpc_client_is_due(f->client));
}

static void each_fault_is_told_in_words(void **state)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		run(*state, i, SIZE_MAX / 2);
		teardown(state);
		setup(state);
		if (faults[i].put != pings) /* whose bytes leave as they come */
			run(*state, i, 1);
		teardown(state);
		setup(state);
	}
}

static void one_that_takes_no_more_calls_is_left(void **state)
{
	struct fixture *f = *state;
	struct wire_bytes b = {0};

	put_settings(&b);
	put_answer(&b, 1);
	put_text(&b, 1, "/9hhYmNk");
	http2_add_frame(&b, HTTP2_RST_STREAM, 0, 1, "\0\0\0\0", 4);
	take(f, &b);
	assert_string_equal(fr_grpc_client_down(f->client), "it ended the call without a status");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_request_is_as_the_posts_client_makes_it),
	    TEST(pictures_come_raw_and_as_base64_on_one_call),
	    TEST(a_server_may_go_on_without_end),
	    TEST(a_call_that_ends_well_is_followed_by_another),
	    TEST(who_takes_the_picture_may_end_it),
	    TEST(each_fault_is_told_in_words),
	    TEST(one_that_takes_no_more_calls_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
