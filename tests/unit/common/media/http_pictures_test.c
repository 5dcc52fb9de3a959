/* SPDX-License-Identifier: MIT */
/*
 * Answers that are pictures, or that are none. Each is read whole, byte by byte and in pieces, with and without receiving in
 * place, and the same comes out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/media/frame.h"
#include "common/media/http_pictures.h"
#include "common/media/http_response.h"
#include "tests/support/jpeg.h"
#include "tests/support/wire_bytes.h"

enum {
	MAX = 20000,
};

struct fixture {
	struct fr_frame_pool *pool;
	struct fr_test_jpeg a, b;
	struct wire_bytes in;
	struct fr_wire_limits limits;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->pool = fr_frame_pool_new(0);
	f->a = fr_test_jpeg(64, 48, 80, 1);
	f->b = fr_test_jpeg(640, 480, 80, 2); /* large enough to be received in place */
	assert_in_range(f->b.size, 9000, MAX);
	f->limits = (struct fr_wire_limits){.max_frame_bytes = MAX, .max_message_bytes = 1000};
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fr_test_jpeg_done(&f->a);
	fr_test_jpeg_done(&f->b);
	bytes_done(&f->in);
	assert_int_equal(fr_frame_pool_frames(f->pool), 0);
	fr_frame_pool_free(f->pool);
	free(f);
	return 0;
}

/* What came out, as text: `head 200`, `frame SIZE STAMP`, `end single`, `bad SENTENCE`. */
struct outcome {
	char text[600];
	struct wire_bytes body;
};

static void add(struct outcome *o, const char *word, long long a, long long b)
{
	const size_t n = strlen(o->text);

	(void)snprintf(o->text + n, sizeof(o->text) - n, "%s %lld %lld; ", word, a, b);
}

/* @return whether nothing more comes */
static bool take(
    struct outcome *o, struct fr_http_pictures *p, const struct fr_http_pictures_event *event)
{
	const size_t n = strlen(o->text);

	switch (event->type) {
	case FR_HTTP_PICTURES_MORE:
	case FR_HTTP_PICTURES_BEGIN:
		return false;
	case FR_HTTP_PICTURES_HEAD:
		add(o, "head", fr_http_response_code(fr_http_pictures_head(p)), 0);
		return false;
	case FR_HTTP_PICTURES_FRAME:
		add(o, "frame", (long long)event->size, event->stamp_us);
		bytes_add(&o->body, fr_frame_room(event->frame), event->size);
		fr_frame_unref(event->frame);
		return false;
	case FR_HTTP_PICTURES_SKIPPED:
		add(o, "skipped", (long long)event->size, 0);
		return false;
	case FR_HTTP_PICTURES_END:
		add(o, fr_http_pictures_was_single(p) ? "end single" : "end", 0, 0);
		fr_http_pictures_reset(p);
		return false;
	case FR_HTTP_PICTURES_BAD:
		(void)snprintf(o->text + n, sizeof(o->text) - n, "bad %s", event->why.text);
		return true;
	}
	return true;
}

static size_t fill(struct fr_http_pictures *p, const uint8_t *bytes, size_t size)
{
	uint8_t *room;
	size_t n = fr_http_pictures_room(p, &room);

	n = n < size ? n : size;
	if (n > 0) {
		memcpy(room, bytes, n);
		fr_http_pictures_filled(p, n);
	}
	return n;
}

static struct outcome read_in(struct fixture *f, size_t piece, bool in_place, bool is_closed)
{
	struct fr_http_pictures *p = fr_http_pictures_new(f->pool, &f->limits);
	struct fr_http_pictures_event event;
	struct outcome o = {.text = ""};
	bool over = false;

	for (size_t at = 0; at < f->in.size && !over;) {
		size_t left = f->in.size - at < piece ? f->in.size - at : piece;
		const size_t n = in_place ? fill(p, f->in.bytes + at, left) : 0;

		at += n;
		left -= n;
		do {
			const size_t taken =
			    fr_http_pictures_read(p, f->in.bytes + at, left, &event);

			assert_true(taken <= left);
			at += taken;
			left -= taken;
			over = take(&o, p, &event);
		} while (!over && event.type != FR_HTTP_PICTURES_MORE);
	}
	while (is_closed && !over) {
		fr_http_pictures_finish(p, &event);
		over = take(&o, p, &event) || event.type == FR_HTTP_PICTURES_END;
	}
	fr_http_pictures_free(p);
	return o;
}

/* @param pictures  their bytes, one behind the other; NULL: none */
static void check(
    struct fixture *f, bool is_closed, const char *text, const struct wire_bytes *pictures)
{
	for (size_t piece = 1; piece < 2 * f->in.size; piece = piece < 8 ? piece + 1 : 2 * piece) {
		for (int in_place = 0; in_place < 2; in_place++) {
			struct outcome o = read_in(f, piece, in_place == 1, is_closed);

			assert_string_equal(o.text, text);
			if (pictures != NULL) {
				assert_int_equal(o.body.size, pictures->size);
				assert_memory_equal(o.body.bytes, pictures->bytes, pictures->size);
			}
			bytes_done(&o.body);
		}
	}
	f->in.size = 0;
}

/* The picture `b`, chunked in pieces of 1,000. */
static void add_chunked(struct fixture *f, const struct wire_bytes *what)
{
	for (size_t at = 0; at < what->size; at += 1000) {
		const size_t n = what->size - at < 1000 ? what->size - at : 1000;
		char head[20];

		(void)snprintf(head, sizeof(head), "%zx\r\n", n);
		bytes_add_text(&f->in, head);
		bytes_add(&f->in, what->bytes + at, n);
		bytes_add_text(&f->in, "\r\n");
	}
	bytes_add_text(&f->in, "0\r\n\r\n");
}

static void add_part(struct wire_bytes *to, const struct fr_test_jpeg *jpeg, bool has_length)
{
	char head[100] = "--frame\r\n\r\n";

	if (has_length)
		(void)snprintf(head, sizeof(head),
		    "--frame\r\nX-Timestamp: 5.5\r\nContent-Length: %zu\r\n\r\n", jpeg->size);
	bytes_add_text(to, head);
	bytes_add(to, jpeg->bytes, jpeg->size);
	bytes_add_text(to, "\r\n");
}

static const char multipart[] =
    "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=\"frame\"\r\n";

static void check_parts(struct fixture *f, bool is_chunked, const char *end)
{
	struct wire_bytes body = {0}, pictures = {0};
	char text[200];

	add_part(&body, &f->b, true);
	add_part(&body, &f->a, false);
	bytes_add_text(&body, end);
	bytes_add(&pictures, f->b.bytes, f->b.size);
	bytes_add(&pictures, f->a.bytes, f->a.size);
	bytes_add_text(&f->in, multipart);
	bytes_add_text(&f->in,
	    is_chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: 3\r\n\r\n");
	if (is_chunked)
		add_chunked(f, &body);
	else
		bytes_add(&f->in, body.bytes, body.size);
	(void)snprintf(text, sizeof(text), "head 200 0; frame %zu 5500000; frame %zu 0; end 0 0; ",
	    f->b.size, f->a.size);
	if (is_chunked)
		check(f, false, text, &pictures);
	else
		check(f, true, text, &pictures);
	bytes_done(&body);
	bytes_done(&pictures);
}

static void multipart_is_cut_chunked_or_not_and_its_length_is_not_believed(void **state)
{
	check_parts(*state, true, "");
	check_parts(*state, true, "--frame--\r\n and more");
	check_parts(*state, false, "");
	check_parts(*state, false, "--frame--\r\n and more");
}

/* One picture in an answer, twice on a connection, in every framing. */
static void one_picture_an_answer_is_told_apart(void **state)
{
	static const char *const types[] = {"Content-Type: image/jpeg\r\n",
	    "Content-Type: IMAGE/jpg\r\n", "Content-Type: application/octet-stream\r\n", ""};
	struct fixture *f = *state;
	struct wire_bytes one = {0}, two = {0};
	char text[200];

	bytes_add(&one, f->b.bytes, f->b.size);
	bytes_add(&two, f->b.bytes, f->b.size);
	bytes_add(&two, f->b.bytes, f->b.size);
	for (size_t i = 0; i < 2 * sizeof(types) / sizeof(types[0]); i++) {
		char head[200];

		(void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n%s%s: ", types[i / 2],
		    i % 2 == 0 ? "Content-Length" : "Transfer-Encoding");
		for (int answer = 0; answer < 2; answer++) {
			bytes_add_text(&f->in, head);
			if (i % 2 == 0) {
				char size[20];

				(void)snprintf(size, sizeof(size), "%zu\r\n\r\n", f->b.size);
				bytes_add_text(&f->in, size);
				bytes_add(&f->in, f->b.bytes, f->b.size);
			} else {
				bytes_add_text(&f->in, "chunked\r\n\r\n");
				add_chunked(f, &one);
			}
		}
		(void)snprintf(text, sizeof(text),
		    "head 200 0; frame %zu 0; end single 0 0; head 200 0; frame %zu 0; "
		    "end single 0 0; ",
		    f->b.size, f->b.size);
		check(f, false, text, &two);
	}
	bytes_add_text(&f->in, "HTTP/1.0 200 OK\r\nContent-Type: image/jpeg\r\n\r\n");
	bytes_add(&f->in, f->b.bytes, f->b.size);
	(void)snprintf(text, sizeof(text), "head 200 0; frame %zu 0; end single 0 0; ", f->b.size);
	check(f, true, text, &one);
	bytes_done(&one);
	bytes_done(&two);
}

static void jpegs_one_after_the_other_are_a_stream(void **state)
{
	struct fixture *f = *state;
	char text[200];

	bytes_add_text(&f->in, "HTTP/1.1 200 OK\r\nContent-Type: video/x-motion-jpeg\r\n\r\n");
	bytes_add(&f->in, f->a.bytes, f->a.size);
	bytes_add(&f->in, f->b.bytes, f->b.size);
	(void)snprintf(text, sizeof(text), "head 200 0; frame %zu 0; frame %zu 0; end 0 0; ",
	    f->a.size, f->b.size);
	check(f, true, text, NULL);
}

static void multipart_that_does_not_say_so_is_seen(void **state)
{
	struct fixture *f = *state;
	struct wire_bytes body = {0};
	char text[200];

	add_part(&body, &f->a, true);
	bytes_add_text(
	    &f->in, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n");
	bytes_add(&f->in, body.bytes, body.size);
	(void)snprintf(text, sizeof(text), "head 200 0; frame %zu 5500000; end 0 0; ", f->a.size);
	check(f, true, text, NULL);
	bytes_done(&body);
}

static void answers_without_pictures_end_or_are_refused(void **state)
{
	static const struct {
		const char *answer, *text;
	} cases[] = {
	    {"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n",
	        "head 304 0; end 0 0; head 304 0; end 0 0; bad closed by the other end before it "
	        "has answered"},
	    {"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello", "head 404 0; end 0 0; "},
	    {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>",
	        "head 200 0; bad the answer is text/html, and neither a JPEG nor multipart"},
	    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n<html>\r\n",
	        "head 200 0; bad the answer is without a Content-Type, and neither a JPEG nor "
	        "multipart"},
	    {"HTTP/1.1 200 OK\r\n\r\n", "head 200 0; bad the answer has no picture"},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
	        "head 200 0; bad the answer has no picture"},
	    {"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 0\r\n\r\n",
	        "head 200 0; bad the answer ends inside a picture"},
	    {"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n",
	        "head 200 0; bad the answer ends inside a picture"},
	    {"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: "
	     "50\r\n\r\n\xFF\xD8\xFF",
	        "head 200 0; bad closed by the other end inside its answer"},
	    {"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 50\r\n\r\nGIF89a",
	        "head 200 0; bad a picture must be a JPEG and begin with FF D8; this one begins "
	        "with 47 49 (GIF?)"},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n\xFF",
	        "head 200 0; bad closed by the other end inside its answer"},
	    {"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\n",
	        "head 200 0; bad closed by the other end inside its answer"},
	    {"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\nx",
	        "head 200 0; bad a chunk of the answer: a chunk's size that is no hexadecimal "
	        "number"},
	    {"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 20001\r\n\r\n\xFF\xD8",
	        "bad a picture of 20001 bytes is over the limit of 20000"},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 20001\r\n\r\n\xFF\xD8",
	        "head 200 0; bad a picture of 20001 bytes is over the limit of 20000"},
	    {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
	        "bad the answer is coded (Content-Encoding: gzip), which was not asked for"},
	    {"HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\n\r\n",
	        "head 200 0; bad the answer has no picture"},
	    {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xFF\xD8",
	        "head 200 0; frame 2 0; end single 0 0; bad closed by the other end before it "
	        "has answered"},
	    {"HTTP/1.1 200 OK\r\n\r\n\xFF\xD9", "head 200 0; bad the answer is without a "
	                                        "Content-Type, and neither a JPEG nor multipart"},
	    {"HTTP/1.1 200 OK\r\n\r\n-x",
	        "head 200 0; bad the answer is without a Content-Type, and "
	        "neither a JPEG nor multipart"},
	    {"HTTP/1.1 200 OK\r\n\r\n--f\r\n", "head 200 0; end 0 0; "},
	    {"HTTP/1.1 200 OK\r\nContent-Type: multipart/x\r\n\r\n--f\r\n",
	        "head 200 0; end 0 0; "},
	    {"FTP", "bad the answer does not begin HTTP/: that is no web server"},
	    {"HTTP/1.1 20", "bad closed by the other end before it has answered"},
	    {"HTTP/1.1 200 OK\r\nContent-Type: multipart/x; boundary=f\r\nTransfer-Encoding: "
	     "chunked\r\n\r\n5\r\n--f\r\n",
	        "head 200 0; end 0 0; "},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bytes_add_text(&f->in, cases[i].answer);
		check(f, true, cases[i].text, NULL);
	}
}

static void a_picture_without_memory_is_passed_over(void **state)
{
	struct fixture *f = *state;
	char text[200];

	fr_frame_pool_set_budget(f->pool, 1000);
	bytes_add_text(&f->in, "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n");
	bytes_add(&f->in, f->b.bytes, f->b.size);
	(void)snprintf(
	    text, sizeof(text), "head 200 0; skipped %zu 0; end single 0 0; ", f->b.size);
	check(f, true, text, NULL);
}

static void what_has_come_of_a_picture_is_told(void **state)
{
	struct fixture *f = *state;
	struct fr_http_pictures *p;
	struct fr_http_pictures_event event;
	size_t at = 0;

	f->limits.max_frame_bytes = 0;
	p = fr_http_pictures_new(f->pool, &f->limits);
	assert_int_equal(fr_http_pictures_inside_bytes(p), 0);
	bytes_add_text(&f->in, multipart);
	bytes_add_text(&f->in, "\r\n--frame\r\nContent-Length: 500\r\n\r\n");
	bytes_add(&f->in, f->b.bytes, 300);
	do {
		at += fr_http_pictures_read(p, f->in.bytes + at, f->in.size - at, &event);
	} while (event.type != FR_HTTP_PICTURES_MORE);
	assert_int_equal(fr_http_pictures_inside_bytes(p), 300);
	assert_int_equal(fr_http_pictures_read(p, NULL, 0, &event), 0);
	assert_int_equal(event.type, FR_HTTP_PICTURES_MORE);
	fr_http_pictures_free(p);

	/* Without a limit of ours there is still one, and what was refused is no picture under way. */
	p = fr_http_pictures_new(f->pool, &f->limits);
	f->in.size = 0;
	bytes_add_text(&f->in,
	    "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 67108865\r\n\r\n");
	assert_int_equal(fr_http_pictures_read(p, f->in.bytes, f->in.size, &event), f->in.size);
	assert_int_equal(event.type, FR_HTTP_PICTURES_BAD);
	fr_http_pictures_reset(p);
	f->in.size = 0;
	bytes_add_text(&f->in, "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\nGIF89a");
	at = fr_http_pictures_read(p, f->in.bytes, f->in.size, &event);
	assert_int_equal(event.type, FR_HTTP_PICTURES_HEAD);
	(void)fr_http_pictures_read(p, f->in.bytes + at, f->in.size - at, &event);
	assert_int_equal(event.type, FR_HTTP_PICTURES_BAD);
	assert_int_equal(fr_http_pictures_inside_bytes(p), 0);
	fr_http_pictures_free(p);
	fr_http_pictures_free(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(multipart_is_cut_chunked_or_not_and_its_length_is_not_believed),
	    TEST(one_picture_an_answer_is_told_apart),
	    TEST(jpegs_one_after_the_other_are_a_stream),
	    TEST(multipart_that_does_not_say_so_is_seen),
	    TEST(answers_without_pictures_end_or_are_refused),
	    TEST(a_picture_without_memory_is_passed_over),
	    TEST(what_has_come_of_a_picture_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
