/* SPDX-License-Identifier: MIT */
/*
 * Heads of answers as cameras send them. Each is read whole and byte by byte, and the outcome is the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/media/http_response.h"

static enum fr_http_response_state read_in(struct fr_http_response *head, const char *text,
    size_t size, size_t step, struct fr_cause *why, size_t *ret_taken)
{
	enum fr_http_response_state state = FR_HTTP_RESPONSE_MORE;
	size_t at = 0;

	why->text[0] = '\0';
	while (at < size && state == FR_HTTP_RESPONSE_MORE) {
		const size_t n = size - at < step ? size - at : step;

		at += fr_http_response_read(head, (const uint8_t *)text + at, n, &state, why);
	}
	*ret_taken = at;
	return state;
}

static enum fr_http_response_state read_both(
    struct fr_http_response *head, const char *text, size_t size, struct fr_cause *why)
{
	struct fr_cause again;
	size_t taken, taken_again;
	enum fr_http_response_state state = read_in(head, text, size, size, why, &taken);

	fr_http_response_reset(head);
	assert_int_equal(read_in(head, text, size, 1, &again, &taken_again), state);
	assert_int_equal(taken, taken_again);
	assert_string_equal(why->text, again.text);
	return state;
}

/* A whole head; what is behind it is not taken. */
static struct fr_http_response *whole(const char *text)
{
	struct fr_http_response *head = fr_http_response_new();
	struct fr_cause why;

	if (read_both(head, text, strlen(text), &why) != FR_HTTP_RESPONSE_DONE)
		fail_msg("%s: %s", text, why.text);
	return head;
}

static void check_field(const char *text, const char *name, const char *value)
{
	struct fr_http_response *head = whole(text);

	if (value == NULL)
		assert_null(fr_http_response_field(head, name, 0));
	else
		assert_string_equal(fr_http_response_field(head, name, 0), value);
	fr_http_response_free(head);
}

static void a_plain_answer_is_told_apart(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n"
	                           "CONTENT-LENGTH: 17\r\nX-Empty:\r\n\r\nbody";
	struct fr_http_response *head = fr_http_response_new();
	struct fr_cause why;
	uint64_t length;
	size_t taken;

	(void)state;
	assert_int_equal(
	    read_in(head, text, strlen(text), 1000, &why, &taken), FR_HTTP_RESPONSE_DONE);
	assert_int_equal(taken, strlen(text) - 4);
	assert_int_equal(fr_http_response_code(head), 200);
	assert_string_equal(fr_http_response_reason(head), "OK");
	assert_string_equal(fr_http_response_field(head, "content-type", 0), "image/jpeg");
	assert_string_equal(fr_http_response_field(head, "x-empty", 0), "");
	assert_null(fr_http_response_field(head, "content-type", 1));
	assert_null(fr_http_response_field(head, "x-other", 0));
	assert_true(fr_http_response_length(head, &length));
	assert_int_equal(length, 17);
	assert_false(fr_http_response_is_chunked(head));
	assert_true(fr_http_response_keeps_alive(head));
	fr_http_response_free(head);
	fr_http_response_free(NULL);
}

static void status_lines_of_every_sort_are_read(void **state)
{
	static const struct {
		const char *line, *reason;
		unsigned code;
	} cases[] = {
	    {"HTTP/1.0 404 Not Found\r\n\r\n", "Not Found", 404},
	    {"http/1.1 200\r\n\r\n", "", 200},
	    {"HTTP/1.1  200   Very  well \n\n", "Very  well", 200},
	    {"HTTP/1 302 x\r\n\r\n", "x", 302},
	    {"HTTP/1.1\t999\ty\r\n\r\n", "y", 999},
	    {"\r\n\n\r\nHTTP/1.1 200 OK\r\n\r\n", "OK", 200},
	    {"HTTP/1.1 101 Switching\r\n\r\n", "Switching", 101},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fr_http_response *head = whole(cases[i].line);

		assert_int_equal(fr_http_response_code(head), cases[i].code);
		assert_string_equal(fr_http_response_reason(head), cases[i].reason);
		fr_http_response_free(head);
	}
}

static void what_is_no_http_is_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
	    {"SSH-2.0-OpenSSH", "the answer does not begin HTTP/: that is no web server"},
	    {"HTTX/", "the answer does not begin HTTP/: that is no web server"},
	    {"\rX", "the answer does not begin HTTP/: that is no web server"},
	    {"ICY 200 OK\r\n", "the answer does not begin HTTP/: that is no web server"},
	    {"HTTP/\r\n", "the answer is no HTTP/1.0 or HTTP/1.1: HTTP/"},
	    {"HTTP/2.0 200 OK\r\n", "the answer is no HTTP/1.0 or HTTP/1.1: HTTP/2.0 200 OK"},
	    {"HTTP/99999999999.1 200\r\n",
	        "the answer is no HTTP/1.0 or HTTP/1.1: HTTP/99999999999.1 200"},
	    {"HTTP/1.1x 200 OK\r\n", "the answer is no HTTP/1.0 or HTTP/1.1: HTTP/1.1x 200 OK"},
	    {"HTTP/1.1 OK\r\n", "the answer has no status code: HTTP/1.1 OK"},
	    {"HTTP/1.1 99 OK\r\n", "the answer has no status code: HTTP/1.1 99 OK"},
	    {"HTTP/1.1 1000 OK\r\n", "the answer has no status code: HTTP/1.1 1000 OK"},
	    {"HTTP/1.1 200x OK\r\n", "the answer has no status code: HTTP/1.1 200x OK"},
	    {"HTTP/1.1 \r\n", "the answer is no HTTP/1.0 or HTTP/1.1: HTTP/1.1"},
	    {"\n\n\n\n\n", "the answer begins with empty lines"},
	    {"HTTP/1.1 100 Continue\r\n\r\nGET /",
	        "the answer does not begin HTTP/: that is no web server"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fr_http_response *head = fr_http_response_new();
		struct fr_cause why;

		assert_int_equal(read_both(head, cases[i].text, strlen(cases[i].text), &why),
		    FR_HTTP_RESPONSE_BAD);
		assert_string_equal(why.text, cases[i].why);
		fr_http_response_free(head);
	}
}

static void an_endless_head_is_refused(void **state)
{
	static const char *const endless[] = {"HTTP/1.1 200 OK\r\n",
	    "HTTP/1.1 200 OK\r\nX: y\r\nZ: ", "HTTP/1.1 100 Continue\r\n\r\n"};
	const size_t size = FR_HTTP_RESPONSE_MAX + 10;

	(void)state;
	for (size_t i = 0; i < sizeof(endless) / sizeof(endless[0]); i++) {
		struct fr_http_response *head = fr_http_response_new();
		char *text = calloc(1, size + 100);
		struct fr_cause why;

		for (size_t n = 0; n < size; n = strlen(text))
			(void)snprintf(text + n, 90, "%s",
			    n == 0 || i == 2 ? endless[i]
			    : i == 0         ? "X: y\r\n"
			                     : "yyyyyyyy");
		assert_int_equal(read_both(head, text, strlen(text), &why), FR_HTTP_RESPONSE_BAD);
		assert_string_equal(why.text, "the answer's head is longer than 32768 bytes");
		free(text);
		fr_http_response_free(head);
	}
}

static void half_a_head_waits_for_more(void **state)
{
	static const char *const halves[] = {
	    "", "H", "\r", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\nX: y\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
		struct fr_http_response *head = fr_http_response_new();
		struct fr_cause why;

		assert_int_equal(
		    read_both(head, halves[i], strlen(halves[i]), &why), FR_HTTP_RESPONSE_MORE);
		fr_http_response_free(head);
	}
}

static void interim_answers_are_passed_over(void **state)
{
	(void)state;
	check_field("HTTP/1.1 100 Continue\r\nA: 1\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
	            "HTTP/1.1 200 OK\r\nB: 2\r\n\r\n",
	    "b", "2");
	check_field(
	    "HTTP/1.1 100 Continue\r\nA: 1\r\n\r\nHTTP/1.1 200 OK\r\nB: 2\r\n\r\n", "a", NULL);
}

static void lines_that_miss_the_rules_are_taken_as_they_are_meant(void **state)
{
	(void)state;
	check_field("HTTP/1.0 200 OK\nSERVER : x y \t\n\n", "server", "x y");
	check_field("HTTP/1.1 200 OK\r\nA: 1\r\n  2\r\n\t3\r\nB: 4\r\n\r\n", "a", "1 2 3");
	check_field("HTTP/1.1 200 OK\r\nA: 1\r\n  2\r\n\t3\r\nB: 4\r\n\r\n", "b", "4");
	check_field("HTTP/1.1 200 OK\r\nA:\r\n 2\r\n\r\n", "a", "2");
	check_field("HTTP/1.1 200 OK\r\n folded: first\r\nA: 1\r\n\r\n", "a", "1");
	check_field("HTTP/1.1 200 OK\r\n folded: first\r\nA: 1\r\n\r\n", "folded", NULL);
	check_field("HTTP/1.1 200 OK\r\nno colon\r\nA: 1\r\n\r\n", "a", "1");
	check_field("HTTP/1.1 200 OK\r\n: nameless\r\nA: 1\r\n\r\n", "a", "1");
	check_field("HTTP/1.1 200 OK\r\nA: 1\r\nA: 2\r\n\r\n", "a", "1");
}

static void nul_bytes_are_blanks_and_fields_come_more_than_once(void **state)
{
	static const char text[] = "HTTP/1.1 401 No\r\nX:\0 1\r\nWWW-Authenticate: Basic\r\n"
	                           "www-authenticate: Digest\r\n\r\n";
	struct fr_http_response *head = fr_http_response_new();
	struct fr_cause why;

	(void)state;
	assert_int_equal(read_both(head, text, sizeof(text) - 1, &why), FR_HTTP_RESPONSE_DONE);
	assert_string_equal(fr_http_response_field(head, "x", 0), "1");
	assert_string_equal(fr_http_response_field(head, "www-authenticate", 0), "Basic");
	assert_string_equal(fr_http_response_field(head, "www-authenticate", 1), "Digest");
	assert_null(fr_http_response_field(head, "www-authenticate", 2));
	fr_http_response_free(head);
}

static void the_body_is_framed_as_the_head_says(void **state)
{
	static const struct {
		const char *head;
		bool chunked, has_length, keeps_alive;
		uint64_t length;
	} cases[] = {
	    {"1.1 200 OK\r\n", false, false, false, 0},
	    {"1.1 200 OK\r\nContent-Length: 5\r\n", false, true, true, 5},
	    {"1.1 200 OK\r\nContent-Length: 5\r\nConnection: Close\r\n", false, true, false, 5},
	    {"1.1 200 OK\r\nContent-Length: 5\r\nConnection: te, close\r\n", false, true, false, 5},
	    {"1.1 200 OK\r\nContent-Length: 5\r\nConnection: closely\r\n", false, true, true, 5},
	    {"1.0 200 OK\r\nContent-Length: 5\r\n", false, true, false, 5},
	    {"1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n", false, true, true, 5},
	    {"1.1 200 OK\r\nContent-Length: 5, 5\r\n", false, false, false, 0},
	    {"1.1 200 OK\r\nContent-Length: -5\r\n", false, false, false, 0},
	    {"1.1 200 OK\r\nContent-Length: 1234567890123456789\r\n", false, false, false, 0},
	    {"1.1 200 OK\r\nContent-Length: 123456789012345678\r\n", false, true, true,
	        123456789012345678},
	    {"1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n", true, false, true, 0},
	    {"1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 5\r\n", true, false,
	        true, 0},
	    {"1.1 200 OK\r\nTransfer-Encoding: ,\r\n", false, false, false, 0},
	    {"1.1 204 No\r\nContent-Length: 5\r\n", false, true, true, 0},
	    {"1.1 304 Not Modified\r\nContent-Length: 5\r\n", false, true, true, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fr_http_response *head;
		uint64_t length = 0;
		char text[300];

		(void)snprintf(text, sizeof(text), "HTTP/%s\r\n", cases[i].head);
		head = whole(text);
		assert_int_equal(fr_http_response_is_chunked(head), cases[i].chunked);
		assert_int_equal(fr_http_response_length(head, &length), cases[i].has_length);
		assert_int_equal(length, cases[i].length);
		assert_int_equal(fr_http_response_keeps_alive(head), cases[i].keeps_alive);
		fr_http_response_free(head);
	}
}

static void parameters_are_found_in_every_spelling(void **state)
{
	static const struct {
		const char *value, *found;
	} cases[] = {
	    {"multipart/x-mixed-replace; boundary=frame", "frame"},
	    {"multipart/x-mixed-replace;boundary=\"frame\"", "frame"},
	    {"multipart/x-mixed-replace; charset=utf-8; BOUNDARY = frame ; x=y", "frame"},
	    {"multipart/x-mixed-replace; charset=\"a;boundary=b\"; boundary=\"c\\\"d\"", "c\"d"},
	    {"multipart/x-mixed-replace; boundary=--jpg", "--jpg"},
	    {"multipart/x-mixed-replace; flag; boundary=f", "f"},
	    {"multipart/x-mixed-replace;;; boundary=f;", "f"},
	    {"multipart/x-mixed-replace; boundary=\"open", "open"},
	    {"multipart/x-mixed-replace; boundary=\"end\\", "end\\"},
	    {"multipart/x-mixed-replace; boundary=0123456789abcdefgh", "0123456789abcde"},
	    {"multipart/x-mixed-replace; boundary=", NULL},
	    {"multipart/x-mixed-replace; boundary=\"\"", NULL},
	    {"multipart/x-mixed-replace; boundary", NULL},
	    {"multipart/x-mixed-replace; xboundary=f", NULL},
	    {"multipart/x-mixed-replace; boundery=f", NULL},
	    {"multipart/x-mixed-replace", NULL},
	    {"boundary=f", NULL},
	    {"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char room[16] = "untouched";
		const bool found =
		    fr_http_parameter(cases[i].value, "boundary", room, sizeof(room));

		assert_int_equal(found, cases[i].found != NULL);
		if (found)
			assert_string_equal(room, cases[i].found);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_plain_answer_is_told_apart),
	    cmocka_unit_test(status_lines_of_every_sort_are_read),
	    cmocka_unit_test(what_is_no_http_is_refused_with_a_sentence),
	    cmocka_unit_test(an_endless_head_is_refused),
	    cmocka_unit_test(half_a_head_waits_for_more),
	    cmocka_unit_test(interim_answers_are_passed_over),
	    cmocka_unit_test(lines_that_miss_the_rules_are_taken_as_they_are_meant),
	    cmocka_unit_test(nul_bytes_are_blanks_and_fields_come_more_than_once),
	    cmocka_unit_test(the_body_is_framed_as_the_head_says),
	    cmocka_unit_test(parameters_are_found_in_every_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
