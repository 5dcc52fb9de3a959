/* SPDX-License-Identifier: MIT */
/* Hello lines: what may be said, what is refused and with which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/media/hello.h"

static struct fr_hello good(const char *line)
{
	struct fr_hello hello;
	struct fr_cause why = {""};

	if (fr_hello_read(line, strlen(line), 64, &hello, &why) != 0)
		fail_msg("%s: %s", line, why.text);
	assert_string_equal(why.text, "");
	return hello;
}

static void bad(const char *line, const char *sentence)
{
	struct fr_hello hello;
	struct fr_cause why = {""};

	assert_true(fr_hello_read(line, strlen(line), 8, &hello, &why) < 0);
	assert_string_equal(why.text, sentence);
	assert_true(fr_hello_read(line, strlen(line), 8, &hello, NULL) < 0);
}

static void a_bare_hello_has_the_defaults(void **state)
{
	struct fr_hello hello = good("SUB cam-0_B");

	assert_int_equal(hello.verb, FR_HELLO_SUB);
	assert_string_equal(hello.stream, "cam-0_B");
	assert_string_equal(hello.token, "");
	assert_false(hello.records);
	assert_int_equal(hello.queue_frames, -1);
	assert_int_equal(hello.queue_age_ms, -1);
	assert_int_equal(hello.max_fps_milli, 0);
	assert_false(fr_rendition_is_any(&hello.rendition));

	hello = good("LIST");
	assert_int_equal(hello.verb, FR_HELLO_LIST);
	assert_string_equal(hello.stream, "");
	(void)state;
}

static void a_publisher_may_say_all_its_keys(void **state)
{
	struct fr_hello hello = good("PUB cam token=s3cret! records=1 id=0123456789ABCDEF "
	                             "takeover=no size=640x480 fps=29.97");

	assert_int_equal(hello.verb, FR_HELLO_PUB);
	assert_string_equal(hello.token, "s3cret!");
	assert_true(hello.records);
	assert_string_equal(hello.id, "0123456789abcdef");
	assert_true(hello.takeover_no);
	assert_int_equal(hello.width, 640);
	assert_int_equal(hello.height, 480);
	assert_int_equal(hello.fps_milli, 29970);
	(void)state;
}

static void a_subscriber_may_say_all_its_keys(void **state)
{
	struct fr_hello hello =
	    good("SUB cam token=a=b records=0 queue=64 age_ms=0 max_fps=0.2 gray=1 width=320 "
	         "height=240 quality=60 rotate=90 hflip=0 vflip=1");

	assert_string_equal(hello.token, "a=b");
	assert_false(hello.records);
	assert_int_equal(hello.queue_frames, 64);
	assert_int_equal(hello.queue_age_ms, 0);
	assert_int_equal(hello.max_fps_milli, 200);
	assert_true(hello.rendition.gray);
	assert_int_equal(hello.rendition.width, 320);
	assert_int_equal(hello.rendition.height, 240);
	assert_int_equal(hello.rendition.quality, 60);
	assert_int_equal(hello.rendition.rotate, 90);
	assert_false(hello.rendition.hflip);
	assert_true(hello.rendition.vflip);
	(void)state;
}

static void keys_that_change_nothing_ask_for_no_rendition(void **state)
{
	struct fr_hello hello = good("SUB cam gray=0 rotate=0 hflip=0 vflip=0");

	assert_false(fr_rendition_is_any(&hello.rendition));
	(void)state;
}

static void each_key_of_a_rendition_alone_asks_for_one(void **state)
{
	static const char *const keys[] = {
	    "gray=1", "width=1", "height=65535", "quality=100", "rotate=270", "hflip=1", "vflip=1"};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		struct fr_hello hello;
		char line[64];

		(void)snprintf(line, sizeof(line), "SUB cam %s", keys[i]);
		hello = good(line);
		assert_true(fr_rendition_is_any(&hello.rendition));
	}
	(void)state;
}

static void lines_that_do_not_parse_are_refused_with_a_sentence(void **state)
{
	bad("", "\"\" is not PUB, SUB or LIST");
	bad("pub cam", "\"pub\" is not PUB, SUB or LIST");
	bad("LISTEN", "\"LISTEN\" is not PUB, SUB or LIST");
	bad("PUB", "PUB needs a stream's name");
	bad("SUB a.b", "\"a.b\" is no stream's name: 1..64 letters, digits, _ and -, the first a "
	               "letter or digit");
	bad("SUB ", "\"\" is no stream's name: 1..64 letters, digits, _ and -, the first a letter "
	            "or digit");
	bad("SUB cam ", "one space stands between two words");
	bad("SUB cam  queue=1", "one space stands between two words");
	bad("SUB cam queue", "\"queue\" is not key=value");
	bad("SUB cam\tqueue=1", "byte 09 at 7 is no text");
	bad("SUB c\xc3\xa4m", "byte C3 at 5 is no text");
	(void)state;
}

static void a_name_of_65_characters_is_refused(void **state)
{
	char line[70] = "SUB ";
	struct fr_hello hello;

	memset(line + 4, 'a', 64);
	assert_int_equal(strlen(good(line).stream), 64);
	line[68] = 'a';
	assert_true(fr_hello_read(line, 69, 8, &hello, NULL) < 0);
	(void)state;
}

static void keys_that_do_not_belong_are_refused_with_a_sentence(void **state)
{
	bad("SUB cam colour=1", "there is no key \"colour\"");
	bad("SUB cam quue=1", "there is no key \"quue\"; did you mean queue=?");
	bad("PUB cam quue=1", "there is no key \"quue\"");
	bad("LIST fqs=1", "there is no key \"fqs\"");
	bad("SUB cam id=0123456789abcdef", "id= is no key of SUB");
	bad("PUB cam queue=2", "queue= is no key of PUB");
	bad("LIST records=1", "records= is no key of LIST");
	bad("SUB cam queue=1 queue=2", "queue= is there twice");
	bad("SUB cam =1", "there is no key \"\"");
	(void)state;
}

static void values_out_of_range_are_refused_with_the_range(void **state)
{
	bad("SUB cam queue=0", "queue=: 0 is not in 1..8");
	bad("SUB cam queue=9", "queue=: 9 is not in 1..8");
	bad("SUB cam queue=x", "queue=: \"x\" is not a whole number");
	bad("SUB cam age_ms=3600001", "age_ms=: 3600001 is not in 0..3600000");
	bad("SUB cam max_fps=1001", "max_fps=: 1001 is not in 0..1000");
	bad("SUB cam records=2", "records=: 2 is not in 0..1");
	bad("SUB cam gray=2", "gray=: 2 is not in 0..1");
	bad("SUB cam width=0", "width=: 0 is not in 1..65535");
	bad("SUB cam quality=101", "quality=: 101 is not in 1..100");
	bad("SUB cam rotate=45", "rotate=: must be 0, 90, 180 or 270");
	bad("SUB cam rotate=360", "rotate=: 360 is not in 0..270");
	bad("PUB cam fps=0", "fps=: 0 is not in 0.001..1000");
	bad("PUB cam size=640", "size=: \"640\" is not a picture's size such as \"640x480\"");
	bad("PUB cam takeover=yes", "takeover=: \"yes\" is not \"no\"");
	bad("PUB cam id=0123456789abcde", "id=: must be 16..64 hex digits");
	bad("PUB cam id=0123456789abcdeg", "id=: must be 16..64 hex digits");
	bad("PUB cam token=", "token=: must have 1..128 characters");
	(void)state;
}

static void values_that_are_too_long_are_refused(void **state)
{
	char line[400] = "PUB cam token=";

	memset(line + 14, 't', 128);
	assert_int_equal(strlen(good(line).token), 128);
	line[142] = 't';
	bad(line, "token=: must have 1..128 characters");

	memset(line, 'a', 76);
	line[76] = '\0';
	memcpy(line, "PUB cam id=", 11);
	bad(line, "id=: must be 16..64 hex digits");
	line[75] = '\0';
	assert_int_equal(strlen(good(line).id), 64);
	(void)state;
}

static void a_line_may_have_1023_bytes_without_its_end(void **state)
{
	char line[1100];
	struct fr_hello hello;
	struct fr_cause why = {""};

	memset(line, 'x', sizeof(line));
	memcpy(line, "SUB cam ", 8);
	assert_true(fr_hello_read(line, 1023, 8, &hello, &why) < 0);
	assert_non_null(strstr(why.text, "is not key=value"));
	assert_true(fr_hello_read(line, 1024, 8, &hello, &why) < 0);
	assert_string_equal(why.text, "the line is longer than 1024 bytes");
	(void)state;
}

static void no_limit_on_queues_is_64(void **state)
{
	struct fr_hello hello;

	assert_int_equal(fr_hello_read("SUB cam queue=64", 16, 0, &hello, NULL), 0);
	assert_true(fr_hello_read("SUB cam queue=65", 16, 0, &hello, NULL) < 0);
	assert_true(fr_hello_read("SUB cam queue=65", 16, 1000, &hello, NULL) < 0);
	(void)state;
}

/* --- Writing ---------------------------------------------------------------------------------- */

static void what_is_written_is_read_again(void **state)
{
	static const char *const lines[] = {
	    "PUB cam records=1 id=0123456789abcdef takeover=no size=640x480 fps=29.970 token=t\n",
	    "SUB cam queue=3 age_ms=0 max_fps=5 gray=1 hflip=1\n",
	    "SUB cam\n",
	    "LIST token=t\n",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char written[FR_HELLO_MAX + 1];
		struct fr_hello hello;

		assert_int_equal(
		    fr_hello_read(lines[i], strlen(lines[i]) - 1, 64, &hello, NULL), 0);
		assert_int_equal(fr_hello_write(&hello, written), strlen(lines[i]));
		assert_string_equal(written, lines[i]);
	}
	(void)state;
}

static void the_longest_hello_fits(void **state)
{
	struct fr_hello hello = {.verb = FR_HELLO_SUB, .queue_frames = -1, .queue_age_ms = -1};
	char written[FR_HELLO_MAX + 1];

	memset(hello.stream, 's', 64);
	memset(hello.token, 't', 128);
	hello.rendition = (struct fr_rendition){65535, 65535, 270, 100, true, true, true};
	assert_int_equal(fr_hello_write(&hello, written), 4 + 64 + 1 + 70 + 7 + 128 + 1);
	(void)state;
}

/* --- Answers ---------------------------------------------------------------------------------- */

static void an_ok_says_the_stream_and_whether_it_is_live(void **state)
{
	struct fr_hello_answer answer;

	assert_int_equal(fr_hello_answer_read("OK cam live=1 more=2", 20, &answer, NULL), 0);
	assert_true(answer.ok);
	assert_string_equal(answer.stream, "cam");
	assert_int_equal(answer.live, 1);
	assert_int_equal(fr_hello_answer_read("OK cam live=0", 13, &answer, NULL), 0);
	assert_int_equal(answer.live, 0);
	assert_int_equal(fr_hello_answer_read("OK cam live=maybe", 17, &answer, NULL), 0);
	assert_int_equal(answer.live, -1);
	assert_int_equal(fr_hello_answer_read("OK", 2, &answer, NULL), 0);
	assert_true(answer.ok);
	assert_string_equal(answer.stream, "");
	(void)state;
}

static void an_err_says_its_code_and_its_words(void **state)
{
	struct fr_hello_answer answer;

	assert_int_equal(
	    fr_hello_answer_read("ERR 409 replaced by 192.0.2.7", 29, &answer, NULL), 0);
	assert_false(answer.ok);
	assert_int_equal(answer.code, 409);
	assert_string_equal(answer.reason, "replaced by 192.0.2.7");
	assert_int_equal(fr_hello_answer_read("ERR 503", 7, &answer, NULL), 0);
	assert_string_equal(answer.reason, "");
	assert_int_equal(fr_hello_answer_read("ERR 400 a\0b", 11, &answer, NULL), 0);
	assert_string_equal(answer.reason, "a?b");
	(void)state;
}

static void other_answers_are_refused(void **state)
{
	static const char *const lines[] = {"", "OKAY cam", "HTTP/1.1 400", "ERR", "ERR x y",
	    "ERR 200 fine", "ERR 600 x", "OK a.b"};
	struct fr_hello_answer answer;
	char longest[2000];

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct fr_cause why = {""};

		assert_true(fr_hello_answer_read(lines[i], strlen(lines[i]), &answer, &why) < 0);
		assert_string_not_equal(why.text, "");
	}
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "ERR 400 ", 8);
	assert_int_equal(fr_hello_answer_read(longest, sizeof(longest), &answer, NULL), 0);
	assert_int_equal(strlen(answer.reason), sizeof(answer.reason) - 1);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_bare_hello_has_the_defaults),
	    cmocka_unit_test(a_publisher_may_say_all_its_keys),
	    cmocka_unit_test(a_subscriber_may_say_all_its_keys),
	    cmocka_unit_test(keys_that_change_nothing_ask_for_no_rendition),
	    cmocka_unit_test(each_key_of_a_rendition_alone_asks_for_one),
	    cmocka_unit_test(lines_that_do_not_parse_are_refused_with_a_sentence),
	    cmocka_unit_test(a_name_of_65_characters_is_refused),
	    cmocka_unit_test(keys_that_do_not_belong_are_refused_with_a_sentence),
	    cmocka_unit_test(values_out_of_range_are_refused_with_the_range),
	    cmocka_unit_test(values_that_are_too_long_are_refused),
	    cmocka_unit_test(a_line_may_have_1023_bytes_without_its_end),
	    cmocka_unit_test(no_limit_on_queues_is_64),
	    cmocka_unit_test(what_is_written_is_read_again),
	    cmocka_unit_test(the_longest_hello_fits),
	    cmocka_unit_test(an_ok_says_the_stream_and_whether_it_is_live),
	    cmocka_unit_test(an_err_says_its_code_and_its_words),
	    cmocka_unit_test(other_answers_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
