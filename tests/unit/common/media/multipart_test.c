/* SPDX-License-Identifier: MIT */
/*
 * Multipart bodies as people's programs send them.
 *
 * The letters are those of a matrix of forms: what some sender does and some reader trips over. Each body is read
 * whole, in pieces of many sizes, and byte by byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/media/multipart.h"
#include "tests/support/jpeg.h"
#include "tests/support/wire_bytes.h"

enum {
	MAX = 100000,
};

struct fixture {
	struct fr_test_jpeg a, b;
	struct wire_bytes in;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->a = fr_test_jpeg(64, 48, 80, 1);
	f->b = fr_test_jpeg(80, 48, 80, 2);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fr_test_jpeg_done(&f->a);
	fr_test_jpeg_done(&f->b);
	bytes_done(&f->in);
	free(f);
	return 0;
}

/* What came out: the parts one after the other, the size of each, and the last word. */
struct result {
	struct wire_bytes body;
	size_t sizes[16];
	unsigned parts;
	enum fr_multipart_event_type last;
	struct fr_cause why;
};

static void take_event(struct result *r, const struct fr_multipart_event *event)
{
	switch (event->type) {
	case FR_MULTIPART_MORE:
		break;
	case FR_MULTIPART_PART:
		r->sizes[r->parts] = 0;
		break;
	case FR_MULTIPART_BODY:
		bytes_add(&r->body, event->bytes, event->size);
		r->sizes[r->parts] += event->size;
		break;
	case FR_MULTIPART_PART_END:
		r->parts++;
		assert_true(r->parts < 16);
		break;
	case FR_MULTIPART_BAD:
		r->why = event->why;
		break;
	case FR_MULTIPART_END:
		break;
	}
	if (event->type != FR_MULTIPART_MORE)
		r->last = event->type;
}

static struct result read_in_pieces(const struct wire_bytes *in, const char *boundary, size_t piece)
{
	struct fr_multipart *m = fr_multipart_new(boundary, MAX);
	struct result r = {.last = FR_MULTIPART_MORE};
	struct fr_multipart_event event;

	for (size_t at = 0; at < in->size; at += piece) {
		const size_t left = in->size - at;
		size_t size = left < piece ? left : piece;
		uint8_t *copy = malloc(size);
		const uint8_t *from = copy;

		memcpy(copy, in->bytes + at, size);
		do {
			size_t n = fr_multipart_read(m, from, size, &event);

			assert_true(n <= size);
			take_event(&r, &event);
			from += n;
			size -= n;
		} while (event.type != FR_MULTIPART_MORE);
		assert_int_equal(size, 0);
		free(copy);
	}
	fr_multipart_free(m);
	return r;
}

/* The body `in` must give these parts, one after the other, whatever the pieces. */
static void check_parts(struct fixture *f, const char *boundary, const struct fr_test_jpeg **parts,
    unsigned count, enum fr_multipart_event_type last)
{
	for (size_t piece = 1; piece < 2 * f->in.size; piece = piece < 8 ? piece + 1 : 2 * piece) {
		struct result r = read_in_pieces(&f->in, boundary, piece);
		size_t at = 0;

		if (r.parts != count)
			fail_msg("%u parts, not %u: %s\n", r.parts, count, r.why.text);
		for (unsigned i = 0; i < count; i++) {
			assert_int_equal(r.sizes[i], parts[i]->size);
			assert_memory_equal(r.body.bytes + at, parts[i]->bytes, parts[i]->size);
			at += r.sizes[i];
		}
		assert_int_equal(r.body.size, at);
		assert_int_equal(r.last, last);
		bytes_done(&r.body);
	}
	f->in.size = 0;
}

/* Two parts in a form: `%zu` in `head` is the length. What comes behind each picture is `tail`. */
static void add_form(
    struct fixture *f, const char *start, const char *head, bool has_length, const char *tail)
{
	const struct fr_test_jpeg *parts[] = {&f->a, &f->b};

	bytes_add_text(&f->in, start);
	for (unsigned i = 0; i < 2; i++) {
		char text[200];

		bytes_add_text(&f->in, head);
		if (has_length) {
			(void)snprintf(
			    text, sizeof(text), "Content-Length: %zu\r\n\r\n", parts[i]->size);
			bytes_add_text(&f->in, text);
		}
		bytes_add(&f->in, parts[i]->bytes, parts[i]->size);
		bytes_add_text(&f->in, tail);
	}
}

static void check_form(struct fixture *f, const char *boundary, const char *start, const char *head,
    bool has_length, const char *tail)
{
	const struct fr_test_jpeg *parts[] = {&f->a, &f->b};

	add_form(f, start, head, has_length, tail);
	check_parts(f, boundary, parts, 2, FR_MULTIPART_PART_END);
}

static const char type[] = "Content-Type: image/jpeg\r\n";

/* --- Forms ------------------------------------------------------------------------------------ */

static void parts_with_a_length_are_taken_A(void **state)
{
	check_form(*state, "frame", "--frame\r\n", type, true, "\r\n--frame\r\n");
	check_form(*state, NULL, "--frame\r\n", type, true, "\r\n--frame\r\n");
	check_form(*state, NULL, "", "--ffmpeg\r\nContent-type: image/jpeg\r\n", true, "\r\n");
}

static void parts_without_a_length_are_whole_with_their_end_mark_B_D(void **state)
{
	static const char head[] = "Content-Type: image/jpeg\r\n\r\n";

	check_form(*state, "frame", "--frame\r\n", head, false, "\r\n--frame\r\n");
	check_form(*state, NULL, "--frame\r\n", head, false, "\r\n--frame\r\n");
	check_form(*state, NULL, "--frame\r\n", head, false, "--frame\r\n");
	check_form(*state, NULL, "--frame\r\n", head, false, "zz padding-\r\n--frame\r\n");
}

static void a_picture_is_whole_before_the_next_delimiter_comes(void **state)
{
	struct fixture *f = *state;
	const struct fr_test_jpeg *parts[] = {&f->a};

	bytes_add_text(&f->in, "--frame\r\n\r\n");
	bytes_add(&f->in, f->a.bytes, f->a.size);
	check_parts(f, NULL, parts, 1, FR_MULTIPART_PART_END);
}

static void no_line_end_before_the_delimiter_is_needed_C(void **state)
{
	check_form(*state, "frame", "--frame\r\n", type, true, "--frame\r\n");
}

static void dashes_in_the_parameter_do_not_matter_F_G_H_R(void **state)
{
	static const char head[] = "Content-Type: image/jpeg\r\n\r\n";

	check_form(
	    *state, "--jpgboundary", "--jpgboundary\r\n", type, true, "\r\n--jpgboundary\r\n");
	check_form(
	    *state, "--jpgboundary", "--jpgboundary\r\n", head, false, "\r\n--jpgboundary\r\n");
	check_form(
	    *state, "--jpgboundary", "----jpgboundary\r\n", type, true, "\r\n----jpgboundary\r\n");
	check_form(
	    *state, "--jpgboundary", "----jpgboundary\r\n", head, false, "\r\n----jpgboundary\r\n");
	check_form(*state, "frame", "----frame\r\n", type, true, "\r\n----frame\r\n");
	check_form(*state, NULL, "----frame\r\n", type, true, "\r\n----frame\r\n");
}

static void a_header_glued_to_the_delimiter_is_read_I(void **state)
{
	static const char head[] = "--jpgboundaryContent-type: image/jpeg\r\n\r\n";

	check_form(*state, "--jpgboundary", "", head, false, "\r\n");
	check_form(*state, NULL, "", head, false, "\r\n");
	check_form(*state, NULL, "", "--bContent-Type: image/jpeg\r\n", true, "\r\n");
	check_form(*state, NULL, "", "--bCONTENT-LENGTH: 7x\r\n", true, "\r\n");
}

static void empty_lines_and_a_preamble_may_come_first_J(void **state)
{
	check_form(*state, "frame", "\r\n\r\n--frame\r\n", type, true, "\r\n--frame\r\n");
	check_form(
	    *state, "frame", "a preamble\r\n--fram --frame\r\n", type, true, "\r\n--frame\r\n");
	check_form(*state, NULL, "\r\n\n--frame\r\n", type, true, "\r\n--frame\r\n");
	check_form(*state, "", "--frame\r\n", type, true, "\r\n--frame\r\n");
	check_form(*state, "--", "--frame\r\n", type, true, "\r\n--frame\r\n");
}

static void line_feeds_alone_and_any_case_and_order_are_taken_N_O_P(void **state)
{
	check_form(*state, "frame", "--frame\n", "Content-Type: image/jpeg\n", true, "\n--frame\n");
	check_form(*state, "frame", "--frame\r\n", "x-timestamp: 5\r\nCONTENT-TYPE: image/jpeg\r\n",
	    true, "\r\n--frame\r\n");
	check_form(*state, "frame", "--frame \t\r\n", type, true, "\r\n--frame \r\n");
	check_form(
	    *state, "frame", "--frame\r\n", "content-length : 1\r\n", true, "\r\n--frame\r\n");
}

static void a_missing_first_delimiter_is_forgiven_where_the_boundary_is_known_Z(void **state)
{
	check_form(*state, "frame", "", type, true, "\r\n--frame\r\n");
}

static void delimiters_inside_a_picture_are_no_delimiters_X_Y(void **state)
{
	struct fixture *f = *state;

	fr_test_jpeg_done(&f->a);
	f->a = fr_test_jpeg_comment(64, 48, 80, "\r\n--frame\r\n\r\n\xff\xd9--frame--", 24);
	check_form(f, "frame", "--frame\r\n", type, true, "\r\n--frame\r\n");
	check_form(f, "frame", "--frame\r\n", "\r\n", false, "\r\n--frame\r\n");
}

static void boundaries_with_dashes_and_spaces_inside_are_found(void **state)
{
	static const char head[] = "Content-Type: image/jpeg\r\n\r\n";

	check_form(*state, "a-b--c", "--a-b--c\r\n", head, false, "\r\n--a-b-\r\n--a-b--c\r\n");
	check_form(*state, "a b", "--a b\r\n", type, true, "\r\n--a b\r\n");
	check_form(*state, NULL, "--a b \r\n", type, true, "\r\n--a b\r\n");
}

/* With and without its length, at the beginning, between two pictures and at the end. */
static void what_a_relay_made_up_is_passed_over(void **state)
{
	static const char made_up[] = "Content-Type: image/jpeg\r\nX-Placeholder: 1\r\n";
	struct fixture *f = *state;
	const struct fr_test_jpeg *parts[] = {&f->a, &f->b};
	char length[64];

	for (unsigned with_length = 0; with_length < 2; with_length++) {
		f->in.size = 0;
		for (unsigned i = 0; i < 5; i++) {
			const struct fr_test_jpeg *picture = i == 1 ? &f->a : &f->b;

			(void)snprintf(
			    length, sizeof(length), "Content-Length: %zu\r\n", picture->size);
			bytes_add_text(&f->in, "--frame\r\n");
			bytes_add_text(&f->in, i == 1 || i == 3 ? "X-Sequence: 7\r\n" : made_up);
			bytes_add_text(&f->in, with_length ? length : "");
			bytes_add_text(&f->in, "\r\n");
			bytes_add(&f->in, picture->bytes, picture->size);
			bytes_add_text(&f->in, "\r\n");
		}
		check_parts(f, "frame", parts, 2, FR_MULTIPART_PART_END);
		check_parts(f, NULL, parts, 2, FR_MULTIPART_PART_END);
	}
}

/* --- Ends and faults -------------------------------------------------------------------------- */

static void the_closing_delimiter_ends_the_body(void **state)
{
	struct fixture *f = *state;
	const struct fr_test_jpeg *parts[] = {&f->a, &f->b};

	add_form(f, "", "--frame\r\nContent-Type: image/jpeg\r\n", true, "\r\n");
	bytes_add_text(&f->in, "--frame--\r\nnothing of this is read --frame\r\n\r\nx");
	check_parts(f, "frame", parts, 2, FR_MULTIPART_END);
}

static void an_empty_part_is_a_part_without_bytes(void **state)
{
	struct fixture *f = *state;
	const struct fr_test_jpeg empty = {0};
	const struct fr_test_jpeg *parts[] = {&empty, &f->a};

	bytes_add_text(&f->in, "--f\r\nContent-Length: 0\r\n\r\n\r\n--f\r\n\r\n");
	bytes_add(&f->in, f->a.bytes, f->a.size);
	check_parts(f, NULL, parts, 2, FR_MULTIPART_PART_END);

	bytes_add_text(&f->in, "--f\r\n\r\n--f\r\n\r\n");
	bytes_add(&f->in, f->a.bytes, f->a.size);
	check_parts(f, NULL, parts, 2, FR_MULTIPART_PART_END);
}

static void a_picture_that_is_cut_short_ends_at_the_delimiter(void **state)
{
	struct fixture *f = *state;
	struct fr_test_jpeg cut = {.bytes = f->b.bytes, .size = f->b.size - 50};
	const struct fr_test_jpeg *parts[] = {&cut, &f->a};

	bytes_add_text(&f->in, "--f\r\n\r\n");
	bytes_add(&f->in, cut.bytes, cut.size);
	bytes_add_text(&f->in, "--f\r\n\r\n");
	bytes_add(&f->in, f->a.bytes, f->a.size);
	check_parts(f, NULL, parts, 2, FR_MULTIPART_PART_END);
}

static void what_is_no_jpeg_ends_at_the_delimiter_with_every_near_miss_in_it(void **state)
{
	struct fixture *f = *state;
	char text[] = "text --fo --frame-les ---------------------------------------- x----f y";
	const struct fr_test_jpeg part = {.bytes = (uint8_t *)text, .size = strlen(text)};
	const struct fr_test_jpeg *parts[] = {&part};

	bytes_add_text(&f->in, "--frames\r\n\r\n");
	bytes_add_text(&f->in, text);
	bytes_add_text(&f->in, "--frames\r\n");
	check_parts(f, NULL, parts, 1, FR_MULTIPART_PART_END);
}

static void a_run_of_dashes_longer_than_any_delimiters_is_no_delimiter_until_its_end(void **state)
{
	struct fixture *f = *state;
	struct fr_multipart *m;
	struct result r;
	char dashes[301];

	memset(dashes, '-', 300);
	dashes[300] = '\0';
	bytes_add_text(&f->in, "--f\r\n\r\n");
	bytes_add_text(&f->in, dashes);
	bytes_add_text(&f->in, "f\r\n\r\n");
	r = read_in_pieces(&f->in, NULL, 1);
	assert_int_equal(r.parts, 1);
	assert_int_equal(r.sizes[0], 256);
	bytes_done(&r.body);
	m = fr_multipart_new("x", MAX);
	fr_multipart_free(m);
	fr_multipart_free(NULL);
}

/* A length that lies: the part is given, the rest passed over, and lengths are not believed again. */
static void a_length_that_is_too_short_costs_one_picture(void **state)
{
	struct fixture *f = *state;
	const struct fr_test_jpeg cut = {.bytes = f->a.bytes, .size = 100};
	const struct fr_test_jpeg *parts[] = {&cut, &f->b, &f->a};

	bytes_add_text(&f->in, "--f\r\nContent-Length: 100\r\n\r\n");
	bytes_add(&f->in, f->a.bytes, f->a.size);
	bytes_add_text(&f->in, "\r\n--f\r\nContent-Length: 100\r\n\r\n");
	bytes_add(&f->in, f->b.bytes, f->b.size);
	bytes_add_text(&f->in, "\r\n--f\r\nContent-Length: 100\r\n\r\n");
	bytes_add(&f->in, f->a.bytes, f->a.size);
	check_parts(f, NULL, parts, 3, FR_MULTIPART_PART_END);
}

/* What cameras say of their boundary and what they send are two things. */
static void a_body_that_begins_with_another_delimiter_has_that_one(void **state)
{
	static const char head[] = "Content-Type: image/jpeg\r\n\r\n";

	check_form(*state, "frame", "--other\r\n", type, true, "\r\n--other\r\n");
	check_form(*state, "frame", "--fram\r\n", head, false, "--fram\r\n");
	check_form(*state, "b", "", "--aContent-Type: image/jpeg\r\n", true, "\r\n");
	check_form(
	    *state, "frame", "-- no\tdelimiter\r\n--frame\r\n", type, true, "\r\n--frame\r\n");
}

static void a_first_line_too_long_for_a_delimiter_is_passed_over(void **state)
{
	struct fixture *f = *state;
	char line[3100];

	memset(line, '-', sizeof(line) - 1);
	memcpy(line + sizeof(line) - 12, "\r\n--frame\r\n", 12);
	line[2] = 'x';
	check_form(f, "frame", line, type, true, "\r\n--frame\r\n");
}

static void the_time_of_a_part_comes_with_it(void **state)
{
	static const struct {
		const char *line;
		int64_t stamp_us;
	} cases[] = {
	    {"X-Timestamp: 1700000000.250000", 1700000000250000},
	    {"x-TIMESTAMP :1700000000", 1700000000000000},
	    {"X-Timestamp: 12.3456789", 12345678},
	    {"X-Timestamp: .5", 500000},
	    {"X-Timestamp: 99999999999", 99999999999000000},
	    {"X-Timestamp: 100000000000", 0},
	    {"X-Timestamp: 99999999999999999999999.5", 0},
	    {"X-Timestamp: now", 0},
	    {"X-Timestamp 5", 0},
	    {"X-Timestamps: 5", 0},
	    {"X-Other: 5", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fr_multipart *m = fr_multipart_new("f", MAX);
		struct fr_multipart_event event = {.type = FR_MULTIPART_MORE};
		char text[200];
		const int n = snprintf(text, sizeof(text), "--f\r\n%s\r\n\r\n", cases[i].line);

		assert_int_equal(fr_multipart_read(m, (const uint8_t *)text, (size_t)n, &event), n);
		assert_int_equal(event.type, FR_MULTIPART_PART);
		assert_int_equal(event.stamp_us, cases[i].stamp_us);
		fr_multipart_free(m);
	}
}

static void check_bad(struct fixture *f, const char *boundary, const char *sentence)
{
	for (size_t piece = 1; piece < 2 * f->in.size; piece = piece < 8 ? piece + 1 : 2 * piece) {
		struct result r = read_in_pieces(&f->in, boundary, piece);

		assert_int_equal(r.last, FR_MULTIPART_BAD);
		assert_string_equal(r.why.text, sentence);
		bytes_done(&r.body);
	}
	f->in.size = 0;
}

static void first_lines_that_are_no_delimiters_are_refused(void **state)
{
	static const char *const lines[] = {"--\r\n", "------\r\n", "-x\r\n", "hello\r\n",
	    "--b\tc\r\n", "--Content-Type: image/jpeg\r\n",
	    "--12345678901234567890123456789012345678901234567890123456789012345678901\r\n"};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		bytes_add_text(&((struct fixture *)*state)->in, lines[i]);
		check_bad(*state, NULL, "the first line is no delimiter of a multipart body");
	}
}

static void a_boundary_of_70_characters_is_learned(void **state)
{
	static const char line[] =
	    "--1234567890123456789012345678901234567890123456789012345678901234567890\r\n";

	check_form(*state, NULL, line, type, true, line);
}

static void heads_that_do_not_end_are_refused(void **state)
{
	struct fixture *f = *state;
	char spaces[3001];

	memset(spaces, 'x', 3000);
	spaces[3000] = '\0';
	bytes_add_text(&f->in, "--f\r\n");
	bytes_add_text(&f->in, spaces);
	check_bad(f, NULL, "a part's header is longer than 2048 bytes");
	bytes_add_text(&f->in, "--");
	bytes_add_text(&f->in, spaces);
	check_bad(f, NULL, "a part's header is longer than 2048 bytes");
	bytes_add_text(&f->in, "--f\r\n");
	for (unsigned i = 0; i < 400; i++)
		bytes_add_text(&f->in, "x: y\r\n");
	check_bad(f, NULL, "a part's header is longer than 2048 bytes");
}

static void what_never_comes_to_a_delimiter_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t *zeros = calloc(1, MAX + 10);

	bytes_add(&f->in, zeros, MAX + 1);
	check_bad(f, "frame", "100001 bytes without a delimiter --frame");
	memset(zeros, ' ', MAX + 10);
	bytes_add_text(&f->in, "--frame");
	bytes_add(&f->in, zeros, MAX + 1);
	check_bad(f, "frame", "100001 blanks behind a delimiter");
	bytes_add_text(&f->in, "--frame-x");
	check_bad(f, "frame", "a - that is out of place behind --frame");
	free(zeros);
}

static void lengths_that_are_no_numbers_are_ignored_or_too_large(void **state)
{
	static const struct {
		const char *head;
		bool has_length;
		uint64_t length;
	} cases[] = {
	    {"Content-Length: abc", false, 0},
	    {"Content-Length: -5", false, 0},
	    {"Content-Length 5", false, 0},
	    {"Content-Lengthy: 5", false, 0},
	    {"Content-Length:7", true, 7},
	    {"Content-Length:\t 8 bytes", true, 8},
	    {"Content-Length: 18446744073709551615", true, UINT64_MAX},
	    {"Content-Length: 18446744073709551616", true, UINT64_MAX},
	    {"Content-Length: 99999999999999999999999999", true, UINT64_MAX},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fr_multipart *m = fr_multipart_new("f", MAX);
		struct fr_multipart_event event;
		char text[200];

		(void)snprintf(text, sizeof(text), "--f\r\n%s\r\n\r\n", cases[i].head);
		(void)fr_multipart_read(m, (const uint8_t *)text, strlen(text), &event);
		assert_int_equal(event.type, FR_MULTIPART_PART);
		assert_int_equal(event.has_length, cases[i].has_length);
		assert_true(event.length == cases[i].length);
		assert_true(fr_multipart_left(m) == cases[i].length);
		fr_multipart_free(m);
	}
	(void)state;
}

static void bytes_may_be_taken_past_the_reader(void **state)
{
	struct fr_multipart *m = fr_multipart_new(NULL, MAX);
	static const char head[] = "--f\r\nContent-Length: 10000\r\n\r\n";
	struct fr_multipart_event event;

	assert_int_equal(fr_multipart_read(m, (const uint8_t *)head, 10, &event), 10);
	assert_int_equal(fr_multipart_head_bytes(m), 5);
	assert_int_equal(
	    fr_multipart_read(m, (const uint8_t *)head + 10, sizeof(head) - 11, &event),
	    sizeof(head) - 11);
	assert_int_equal(event.type, FR_MULTIPART_PART);
	assert_int_equal(fr_multipart_head_bytes(m), 0);
	assert_int_equal(fr_multipart_left(m), 10000);
	fr_multipart_skip(m, 4000);
	assert_int_equal(fr_multipart_left(m), 6000);
	fr_multipart_skip(m, 6000);

	assert_int_equal(fr_multipart_read(m, (const uint8_t *)"", 0, &event), 0);
	assert_int_equal(event.type, FR_MULTIPART_PART_END);
	assert_int_equal(fr_multipart_left(m), 0);
	fr_multipart_free(m);
	(void)state;
}

static void the_boundary_of_a_type_is_read_with_and_without_quotes(void **state)
{
#define SEVENTY "0123456789012345678901234567890123456789012345678901234567890123456789"
	static const struct {
		const char *type, *boundary; /* NULL: bad; "": none */
	} rows[] = {
	    {"multipart/form-data", ""},
	    {"multipart/form-data; charset=x", ""},
	    {"multipart/form-data; xboundary=y", ""},
	    {"multipart/form-data;boundary=b", "b"},
	    {"multipart/x-mixed-replace; Boundary=--frame", "--frame"},
	    {"multipart/x-mixed-replace;\t boundary=b ; x=y", "b"},
	    {"multipart/x-mixed-replace; boundary=b\tc", "b"},
	    {"multipart/x-mixed-replace; x=y;boundary=\"a b\"; z", "a b"},
	    {"multipart/form-data; boundary=" SEVENTY, SEVENTY},
	    {"multipart/form-data; boundary=\"" SEVENTY "\"", SEVENTY},
	    {"multipart/form-data; boundary=" SEVENTY "x", NULL},
	    {"multipart/form-data; boundary=\"" SEVENTY "x\"", NULL},
	    {"multipart/form-data; boundary=", NULL},
	    {"multipart/form-data; boundary=\"\"", NULL},
	    {"multipart/form-data; boundary=\"b", NULL},
	    {"multipart/form-data; boundary=b\"", NULL},
	    {"multipart/form-data; boundary=b\\", NULL},
	    {"multipart/form-data; boundary=\"b\\\"\"", NULL},
	    {"multipart/form-data; boundary=\xc3\xa4", NULL},
	};
	char boundary[FR_BOUNDARY_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const enum fr_multipart_boundary found =
		    fr_multipart_boundary(rows[i].type, boundary);

		if (found != (rows[i].boundary == NULL         ? FR_BOUNDARY_BAD
		                 : rows[i].boundary[0] == '\0' ? FR_BOUNDARY_NONE
		                                               : FR_BOUNDARY_FOUND))
			fail_msg("%s", rows[i].type);
		if (found == FR_BOUNDARY_FOUND)
			assert_string_equal(boundary, rows[i].boundary);
	}
}

static void who_insists_takes_no_other_boundary(void **state)
{
	static const char body[] = "--other\r\n\r\n--b\r\n\r\n";
	struct fr_multipart_event event;

	(void)state;
	for (size_t insists = 0; insists < 2; insists++) {
		struct fr_multipart *m = fr_multipart_new("b", MAX);

		if (insists == 1)
			fr_multipart_insist(m);
		assert_int_equal(
		    fr_multipart_read(m, (const uint8_t *)body, sizeof(body) - 1, &event),
		    insists == 1 ? sizeof(body) - 1 : strlen("--other\r\n\r\n"));
		assert_int_equal(event.type, FR_MULTIPART_PART);
		fr_multipart_free(m);
	}
}

static void what_stands_in_front_of_the_first_delimiter_is_counted(void **state)
{
	struct fr_multipart *m = fr_multipart_new("b", MAX);
	struct fr_multipart_event event;

	(void)state;
	assert_int_equal(fr_multipart_head_bytes(m), 0);
	(void)fr_multipart_read(m, (const uint8_t *)"text\r\n", 6, &event);
	assert_int_equal(event.type, FR_MULTIPART_MORE);
	assert_int_equal(fr_multipart_head_bytes(m), 6);
	(void)fr_multipart_read(m, (const uint8_t *)"--b", 3, &event);
	assert_int_equal(fr_multipart_head_bytes(m), 0);
	fr_multipart_free(m);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(parts_with_a_length_are_taken_A),
	    TEST(parts_without_a_length_are_whole_with_their_end_mark_B_D),
	    TEST(a_picture_is_whole_before_the_next_delimiter_comes),
	    TEST(no_line_end_before_the_delimiter_is_needed_C),
	    TEST(dashes_in_the_parameter_do_not_matter_F_G_H_R),
	    TEST(a_header_glued_to_the_delimiter_is_read_I),
	    TEST(empty_lines_and_a_preamble_may_come_first_J),
	    TEST(line_feeds_alone_and_any_case_and_order_are_taken_N_O_P),
	    TEST(a_missing_first_delimiter_is_forgiven_where_the_boundary_is_known_Z),
	    TEST(a_body_that_begins_with_another_delimiter_has_that_one),
	    TEST(a_first_line_too_long_for_a_delimiter_is_passed_over),
	    TEST(the_time_of_a_part_comes_with_it),
	    TEST(delimiters_inside_a_picture_are_no_delimiters_X_Y),
	    TEST(boundaries_with_dashes_and_spaces_inside_are_found),
	    TEST(what_a_relay_made_up_is_passed_over),
	    TEST(the_closing_delimiter_ends_the_body),
	    TEST(an_empty_part_is_a_part_without_bytes),
	    TEST(a_picture_that_is_cut_short_ends_at_the_delimiter),
	    TEST(what_is_no_jpeg_ends_at_the_delimiter_with_every_near_miss_in_it),
	    TEST(a_run_of_dashes_longer_than_any_delimiters_is_no_delimiter_until_its_end),
	    TEST(a_length_that_is_too_short_costs_one_picture),
	    TEST(first_lines_that_are_no_delimiters_are_refused),
	    TEST(a_boundary_of_70_characters_is_learned),
	    TEST(heads_that_do_not_end_are_refused),
	    TEST(what_never_comes_to_a_delimiter_is_refused),
	    TEST(lengths_that_are_no_numbers_are_ignored_or_too_large),
	    TEST(bytes_may_be_taken_past_the_reader),
	    TEST(the_boundary_of_a_type_is_read_with_and_without_quotes),
	    TEST(who_insists_takes_no_other_boundary),
	    TEST(what_stands_in_front_of_the_first_delimiter_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
