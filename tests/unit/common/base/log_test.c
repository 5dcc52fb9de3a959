/* SPDX-License-Identifier: MIT */
/*
 * The log, through standard error put onto a pipe, a socket or a file: what a line looks like, and
 * that nothing ever waits for a reader.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/stats.h"

enum {
	MINUTE_US = 60 * 1000 * 1000,
};

static int saved = -1; /* the true standard error */
static int reader = -1;
static char got[1 << 20];

static void capture(int writer, int from)
{
	saved = dup(STDERR_FILENO);
	assert_int_equal(dup2(writer, STDERR_FILENO), STDERR_FILENO);
	close(writer);
	reader = from;
	assert_int_equal(fcntl(reader, F_SETFL, O_NONBLOCK), 0);
}

static void capture_pipe(void)
{
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	capture(fds[1], fds[0]);
}

/* Everything that was written since; a pipe has it at once. */
static const char *written(void)
{
	size_t n = 0;
	ssize_t r;

	while (reader >= 0 && (r = read(reader, got + n, sizeof(got) - 1 - n)) > 0)
		n += (size_t)r;
	got[n] = '\0';
	return got;
}

static int restore(void **state)
{
	(void)state;
	if (saved >= 0) {
		(void)dup2(saved, STDERR_FILENO);
		close(saved);
	}
	if (reader >= 0)
		close(reader);
	saved = reader = -1;
	unsetenv("JOURNAL_STREAM");
	return 0;
}

static int fresh(void **state)
{
	(void)state;
	unsetenv("JOURNAL_STREAM");
	fr_log_setup(FR_LOG_INFO, FR_LOG_TEXT);
	fr_log_set_rate(0);
	return 0;
}

static void a_line_is_level_area_sentence_and_fields(void **state)
{
	(void)state;

	capture_pipe();
	fr_log(
	    FR_LOG_INFO, "frames", "subscriber connected", "peer=%s id=%d", "192.0.2.7:41822", 31);
	fr_log(FR_LOG_WARNING, "relay", "stream silent", "");
	fr_log(FR_LOG_ERROR, "relay", "a\nb", "c=%c", '\x1b');
	assert_string_equal(written(),
	    "info    frames: subscriber connected peer=192.0.2.7:41822 id=31\n"
	    "warning relay: stream silent\n"
	    "error   relay: a?b c=?\n");
}

static void lines_below_the_level_are_not_written(void **state)
{
	(void)state;

	capture_pipe();
	assert_true(fr_log_wants(FR_LOG_INFO));
	assert_false(fr_log_wants(FR_LOG_DEBUG));
	fr_log(FR_LOG_DEBUG, "relay", "step", "");
	fr_log_limited(FR_LOG_DEBUG, "relay", "step", "k", "");
	assert_string_equal(written(), "");
	fr_log_setup(FR_LOG_DEBUG, FR_LOG_TEXT);
	fr_log(FR_LOG_DEBUG, "relay", "step", "");
	assert_string_equal(written(), "debug   relay: step\n");
}

static void json_is_one_object_a_line(void **state)
{
	struct fr_log_text room;
	const char *line;
	(void)state;

	capture_pipe();
	fr_log_setup(FR_LOG_INFO, FR_LOG_JSON);
	fr_log(FR_LOG_INFO, "frames", "say \"hi\" \\",
	    "id=31 f=0.5 neg=-2 zero=007 peer=%s empty=%s ok=%s word x=",
	    fr_log_quote(&room, "a \"q\" \\ \n \x01 \xff \xc3\xbc="), "\"\"", "true");
	line = written();
	assert_memory_equal(line, "{\"time\":\"20", 11);
	assert_string_equal(strstr(line, "Z\",\"level\""),
	    "Z\",\"level\":\"info\",\"area\":\"frames\",\"text\":\"say \\\"hi\\\" "
	    "\\\\\",\"id\":31,\"f\":0.5,"
	    "\"neg\":-2,\"zero\":\"007\",\"peer\":\"a \\\"q\\\" \\\\ \\u000a \\u0001 \\u00ff "
	    "\xc3\xbc=\","
	    "\"empty\":\"\",\"ok\":\"true\",\"word\":\"\",\"x\":\"\"}\n");
}

static void json_survives_what_nobody_quoted_and_what_is_too_long(void **state)
{
	char long_text[3000];
	const char *line;
	(void)state;

	capture_pipe();
	fr_log_setup(FR_LOG_INFO, FR_LOG_JSON);
	memset(long_text, '\x02', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	fr_log(FR_LOG_INFO, "a", long_text, "k=1 bad=\x80\xe0\x80 big=%s", long_text);
	line = written();
	assert_int_equal(line[strlen(line) - 2], '}');
	assert_non_null(strstr(line, "\"k\":1,\"bad\":\"\\u0080\\u00e0\\u0080\"}"));
	fr_log(FR_LOG_INFO, "a", "open", "q=\"never closed");
	assert_non_null(strstr(written(), "\"q\":\"never closed\"}\n"));
	fr_log(FR_LOG_INFO, "a", "cut", "q=\"%s", "at a \\");
	assert_non_null(strstr(written(), "\"q\":\"at a \\\\\"}\n"));
	fr_log(FR_LOG_INFO, "a", "hex", "q=\"\\xzz\"");
	assert_non_null(strstr(written(), "zz\"}\n"));
}

static void values_are_quoted_when_they_need_it(void **state)
{
	static const struct {
		const char *value, *text;
	} rows[] = {
	    {"plain", "plain"},
	    {"", "\"\""},
	    {NULL, "\"\""},
	    {"a b", "\"a b\""},
	    {"a=b", "\"a=b\""},
	    {"a\"b\\", "\"a\\\"b\\\\\""},
	    {"a\nb\t\x7f", "\"a\\nb\\x09\\x7f\""},
	    {"\xc3\xbc\xed\x98\x84\xf0\x9f\x8e\xa5", "\xc3\xbc\xed\x98\x84\xf0\x9f\x8e\xa5"},
	    {"\xff\xc0\x80", "\"\\xff\\xc0\\x80\""},
	    {"\xed\xa0\x80", "\"\\xed\\xa0\\x80\""}, /* a surrogate */
	    {"\xf4\x90\x80\x80", "\"\\xf4\\x90\\x80\\x80\""},
	    {"\xe0\x80\x80", "\"\\xe0\\x80\\x80\""},
	    {"\xf0\x80\x80\x80", "\"\\xf0\\x80\\x80\\x80\""},
	    {"\xe2\x82", "\"\\xe2\\x82\""},
	    {"\xe2\x82(", "\"\\xe2\\x82(\""},
	};
	struct fr_log_text room;
	char longer[1000];
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(fr_log_quote(&room, rows[i].value), rows[i].text);
	memset(longer, '\x01', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	fr_log_quote(&room, longer);
	assert_true(strlen(room.text) < sizeof(room.text));
	assert_string_equal(room.text + strlen(room.text) - 8, "\\x01...\"");
}

static void the_journal_gets_a_priority_in_front(void **state)
{
	char stream[64];
	struct stat st;
	(void)state;

	capture_pipe();
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%" PRIu64 ":%" PRIu64, (uint64_t)st.st_dev,
	    (uint64_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	fr_log_setup(FR_LOG_DEBUG, FR_LOG_TEXT);
	fr_log(FR_LOG_ERROR, "a", "b", "");
	fr_log(FR_LOG_WARNING, "a", "b", "");
	fr_log(FR_LOG_INFO, "a", "b", "");
	fr_log(FR_LOG_DEBUG, "a", "b", "");
	assert_string_equal(
	    written(), "<3>error   a: b\n<4>warning a: b\n<6>info    a: b\n<7>debug   a: b\n");

	/* Inherited from a terminal's service, and standard error is something else. */
	setenv("JOURNAL_STREAM", "1:2", 1);
	fr_log_setup(FR_LOG_INFO, FR_LOG_TEXT);
	fr_log(FR_LOG_INFO, "a", "b", "");
	assert_string_equal(written(), "info    a: b\n");
	setenv("JOURNAL_STREAM", "x", 1);
	fr_log_setup(FR_LOG_INFO, FR_LOG_TEXT);
	fr_log(FR_LOG_INFO, "a", "b", "");
	assert_string_equal(written(), "info    a: b\n");
}

static void the_same_is_written_once_a_second_for_each_key(void **state)
{
	uint64_t lost;
	(void)state;

	capture_pipe();
	lost = fr_log_lost();
	for (int i = 0; i < 5; i++)
		fr_log_limited(FR_LOG_INFO, "a", "refused", "10.0.0.1", "i=%d", i);
	fr_log_limited(FR_LOG_INFO, "a", "refused", "10.0.0.2", "i=9");
	fr_log_limited(FR_LOG_INFO, "a", "closed", "10.0.0.1", "i=9");
	assert_string_equal(
	    written(), "info    a: refused i=0\ninfo    a: refused i=9\ninfo    a: closed i=9\n");
	assert_int_equal(fr_log_lost() - lost, 4);
}

static void everything_together_is_held_to_the_rate(void **state)
{
	uint64_t lost, tries = 0, lines = 0;
	int64_t start;
	(void)state;

	capture_pipe();
	lost = fr_log_lost();
	fr_log_set_rate(10);
	start = fr_clock_now_us();
	while (fr_clock_now_us() - start < 1100 * 1000) { /* a second passes: it begins anew */
		fr_log(FR_LOG_INFO, "a", "b", "");
		tries++;
		for (const char *c = written(); *c != '\0'; c++)
			lines += *c == '\n';
	}
	assert_in_range(lines, 11, 30);
	assert_int_equal(fr_log_lost() - lost, tries - lines);
}

static void what_was_left_out_is_summed_up_once_a_minute(void **state)
{
	static int64_t now_us = 1000 * (int64_t)MINUTE_US;
	int64_t counted;
	(void)state;

	capture_pipe();
	fr_log_tick(now_us); /* what other tests left */
	(void)written();
	now_us += MINUTE_US;
	fr_log_tick(now_us);
	assert_string_equal(written(), ""); /* nothing was left out */
	counted = fr_stat_value(FR_STAT_log_lines_lost);
	fr_log_limited(FR_LOG_INFO, "a", "summed", "k", "");
	fr_log_limited(FR_LOG_INFO, "a", "summed", "k", "");
	fr_log_tick(now_us);
	assert_string_equal(
	    written(), "info    a: summed\nwarning log: lines left out too_many=1 not_taken=0\n");
	assert_int_equal(fr_stat_value(FR_STAT_log_lines_lost), counted + 1);
	fr_log_limited(FR_LOG_INFO, "a", "summed", "k", "");
	fr_log_tick(now_us + MINUTE_US - 1);
	assert_string_equal(written(), "");
	assert_int_equal(fr_stat_value(FR_STAT_log_lines_lost), counted + 2);
	fr_log_tick(now_us + MINUTE_US);
	assert_string_equal(written(), "warning log: lines left out too_many=1 not_taken=0\n");
}

/* Logs until a line is lost; gives how many lines were taken. The test's time-out guards it. */
static unsigned fill(void)
{
	const uint64_t lost = fr_log_lost();
	unsigned n = 0;

	while (fr_log_lost() == lost) {
		fr_log(FR_LOG_INFO, "a", "a line of some length that fills the pipe", "n=%u", n);
		n++;
	}
	return n - 1;
}

static unsigned count_lines(const char *text)
{
	unsigned n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

static void a_full_pipe_loses_whole_lines_and_counts_them(void **state)
{
	uint64_t lost;
	unsigned taken;
	(void)state;

	capture_pipe();
	taken = fill();
	assert_true(taken > 10);
	lost = fr_log_lost();
	for (int i = 0; i < 1000; i++)
		fr_log(FR_LOG_INFO, "a", "lost", "");
	assert_int_equal(fr_log_lost() - lost, 1000);
	assert_int_equal(
	    fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0); /* the others' flag is theirs */
	assert_int_equal(count_lines(written()), taken);
	fr_log(FR_LOG_INFO, "a", "taken again", "");
	assert_string_equal(written(), "info    a: taken again\n");
}

static void a_full_socket_loses_lines_too(void **state)
{
	int fds[2];
	unsigned taken;
	(void)state;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	capture(fds[1], fds[0]);
	taken = fill();
	assert_in_range(count_lines(written()), taken, taken + 1);
}

static void a_reader_that_is_gone_costs_only_its_lines(void **state)
{
	uint64_t lost;
	(void)state;

	capture_pipe();
	close(reader);
	reader = -1;
	lost = fr_log_lost();
	fr_log(FR_LOG_INFO, "a", "b", ""); /* SIGPIPE would end the test */
	assert_int_equal(fr_log_lost() - lost, 1);
}

static void a_file_takes_every_line(void **state)
{
	FILE *f = tmpfile();
	char text[64] = "";
	(void)state;

	assert_non_null(f);
	capture(dup(fileno(f)), dup(fileno(f)));
	fr_log(FR_LOG_INFO, "a", "b", "");
	rewind(f);
	assert_non_null(fgets(text, sizeof(text), f));
	assert_string_equal(text, "info    a: b\n");
	(void)fclose(f);
}

static void *log_many(void *arg)
{
	for (int i = 0; i < 200; i++)
		fr_log_limited(FR_LOG_INFO, "thread", "writes", "", "n=%d text=%s", i, (char *)arg);
	for (int i = 0; i < 200; i++)
		fr_log(FR_LOG_INFO, "thread", "writes", "n=%d text=%s", i, (char *)arg);
	return NULL;
}

static void lines_of_many_threads_stay_whole(void **state)
{
	static char texts[4][301];
	FILE *f = tmpfile();
	pthread_t threads[4];
	char line[1000];
	unsigned lines = 0;
	(void)state;

	assert_non_null(f);
	capture(dup(fileno(f)), dup(fileno(f)));
	for (size_t i = 0; i < 4; i++) {
		memset(texts[i], 'a' + (int)i, 300);
		assert_int_equal(pthread_create(&threads[i], NULL, log_many, texts[i]), 0);
	}
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);

	rewind(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		const char *text = strstr(line, " text=");

		assert_non_null(text);
		assert_int_equal(strspn(text + 6, (char[]){text[6], '\0'}), 300);
		assert_string_equal(text + 306, "\n");
		lines++;
	}
	assert_in_range(lines, 4 * 200 + 1, 4 * 200 + 20);
	(void)fclose(f);
}

static void a_repeating_failure_is_said_when_it_begins_changes_and_ends(void **state)
{
	struct fr_log_again again = {.times = 0};
	char longer[300];
	(void)state;

	assert_false(fr_log_again_end(&again));
	assert_true(fr_log_again(&again, "refused", 5));
	assert_false(fr_log_again(&again, "refused", 6));
	assert_true(fr_log_again(&again, "timed out", 7));
	assert_false(fr_log_again(&again, "timed out", 8));
	assert_int_equal(again.since_us, 5);
	assert_int_equal(again.times, 4);
	assert_true(fr_log_again_end(&again));
	assert_false(fr_log_again_end(&again));
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_true(fr_log_again(&again, longer, 9));
	assert_false(fr_log_again(&again, longer, 9));
	assert_int_equal(again.since_us, 9);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fresh, restore)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_line_is_level_area_sentence_and_fields),
	    TEST(lines_below_the_level_are_not_written),
	    TEST(json_is_one_object_a_line),
	    TEST(json_survives_what_nobody_quoted_and_what_is_too_long),
	    TEST(values_are_quoted_when_they_need_it),
	    TEST(the_journal_gets_a_priority_in_front),
	    TEST(the_same_is_written_once_a_second_for_each_key),
	    TEST(everything_together_is_held_to_the_rate),
	    TEST(what_was_left_out_is_summed_up_once_a_minute),
	    TEST(a_full_pipe_loses_whole_lines_and_counts_them),
	    TEST(a_full_socket_loses_lines_too),
	    TEST(a_reader_that_is_gone_costs_only_its_lines),
	    TEST(a_file_takes_every_line),
	    TEST(lines_of_many_threads_stay_whole),
	    TEST(a_repeating_failure_is_said_when_it_begins_changes_and_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
