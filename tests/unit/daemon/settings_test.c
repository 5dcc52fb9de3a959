/* SPDX-License-Identifier: MIT */
/* The configuration file: what it means, what is refused and with which words, and printing it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/limits.h"
#include "common/base/text.h"
#include "daemon/relay/access.h"
#include "daemon/relay/relay.h"
#include "daemon/settings.h"
#include "daemon/settings_file.h"

static struct fr_settings *read_good(const char *text)
{
	struct fr_settings *settings = NULL;
	struct fr_text problems = {0};

	if (fr_settings_read_text("t", text, strlen(text), &settings, &problems) < 0)
		fail_msg("%s\n%s", text, problems.text);
	assert_int_equal(problems.length, 0);
	fr_text_done(&problems);
	return settings;
}

static void assert_problems(const char *text, const char *expected)
{
	struct fr_settings *settings = NULL;
	struct fr_text problems = {0};

	assert_int_equal(
	    fr_settings_read_text("t", text, strlen(text), &settings, &problems), -EINVAL);
	assert_null(settings);
	assert_string_equal(problems.text, expected);
	fr_text_done(&problems);
}

/* The same, where only a part of the sentence matters. */
static void assert_problem_has(const char *text, const char *part)
{
	struct fr_settings *settings = NULL;
	struct fr_text problems = {0};

	assert_int_equal(
	    fr_settings_read_text("t", text, strlen(text), &settings, &problems), -EINVAL);
	if (strstr(problems.text, part) == NULL)
		fail_msg("\"%s\" is not in: %s", part, problems.text);
	fr_text_done(&problems);
}

static void an_empty_file_is_every_door_for_private_networks(void **state)
{
	struct fr_settings *read = read_good("");
	struct fr_settings *made = fr_settings_default();
	(void)state;

	assert_true(fr_settings_equal(read, made));
	assert_int_equal(read->doors.count, 3);
	assert_string_equal(read->doors.items[0].kind, "frames");
	assert_string_equal(fr_options_text(read->doors.items[0].options, "listen"), "[::]:8000");
	assert_string_equal(read->doors.items[1].kind, "http");
	assert_string_equal(fr_options_text(read->doors.items[1].options, "listen"), "[::]:8080");
	assert_string_equal(read->doors.items[2].kind, "grpc");
	assert_string_equal(fr_options_text(read->doors.items[2].options, "listen"), "[::]:50051");
	assert_int_equal(read->access.count, 1);
	assert_int_equal(fr_options_count(read->access.items[0].options, "from"), 2);
	assert_true(fr_options_bool(read->access.items[0].options, "observe"));
	assert_int_equal(read->streams.count + read->sources.count + read->sinks.count, 0);
	assert_int_equal(fr_settings_log_level(read), FR_LOG_INFO);
	assert_int_equal(fr_settings_log_format(read), FR_LOG_TEXT);
	fr_settings_free(read);
	fr_settings_free(made);
	fr_settings_free(NULL);
}

static const char full[] =
    "# a comment\n"
    "default_stream = \"porch\";\n"
    "log = { level = \"debug\"; format = \"json\"; };\n"
    "limits = { max_frame_bytes = \"4 MiB\"; publisher_byte_rate = 5000000000L; queue_frames = 2; "
    "};\n"
    "doors = (\n"
    "  { kind = \"frames\"; listen = \"[::]:8000\"; role = \"publish\"; }, // another\n"
    "  { kind = \"frames\"; listen = \"127.0.0.1:8001\"; }\n"
    ");\n"
    "streams = ( { name = \"porch\"; title = \"\xed\x98\x84\xea\xb4\x80\"; number = 1; from = [ "
    "\"192.168.1.23\" ]; "
    "rotate = 0; stale_after_ms = 700; }, { name = \"b\"; } );\n"
    "sources = ( { kind = \"pattern\"; stream = \"test\"; size = \"1280x720\"; fps = 15; },\n"
    "            { kind = \"files\"; stream = \"slides\"; path = \"/srv/*.jpg\"; fps = 0.5; loop = "
    "false; } );\n"
    "sinks = ( { kind = \"record\"; stream = \"test\"; output = \"/x/%06n.jpg\"; } );\n"
    "access = ( { from = [ \"10.0.0.0/8\" ]; publish = [ \"porch\", \"b\" ]; message = [ ]; },\n"
    "           { subscribe = [ \"*\" ]; observe = true; admin = false; } );\n"
    "/* the end */\n";

static void a_full_file_becomes_typed_settings(void **state)
{
	struct fr_settings *s = read_good(full);
	const struct fr_limits limits = fr_limits_from(s->limits);
	(void)state;

	assert_string_equal(fr_options_text(s->general, "default_stream"), "porch");
	assert_int_equal(fr_settings_log_level(s), FR_LOG_DEBUG);
	assert_int_equal(fr_settings_log_format(s), FR_LOG_JSON);
	assert_int_equal(limits.max_frame_bytes, 4 << 20);
	assert_true(limits.publisher_byte_rate == 5000000000);
	assert_int_equal(limits.queue_frames, 2);
	assert_int_equal(s->doors.count, 2);
	assert_string_equal(s->doors.items[1].where, "t:7");
	assert_int_equal(s->sources.count, 2);
	assert_int_equal(fr_options_int(s->sources.items[0].options, "fps"), 15000);
	assert_int_equal(fr_options_int(s->sources.items[1].options, "fps"), 500);
	assert_false(fr_options_bool(s->sources.items[1].options, "loop"));
	assert_int_equal(s->sinks.count, 1);
	assert_int_equal(fr_settings_rows(s, FR_END_DOOR)->count, 2);
	assert_int_equal(fr_settings_rows(s, FR_END_SOURCE)->count, 2);
	assert_int_equal(fr_settings_rows(s, FR_END_SINK)->count, 1);
	fr_settings_free(s);
}

#define CONTROLS(text) "sources = ( { kind = \"camera\"; stream = \"c\"; controls = " text "; } );"

static void controls_are_a_group_or_a_list(void **state)
{
	static const char *const expected[] = {"Brightness=0.1", "AeEnable=true", "AfMode=Manual",
	    "ExposureTime=-5", "ColourGains=1.5,2"};
	struct fr_settings *group =
	    read_good(CONTROLS("{ Brightness = 0.1; AeEnable = true; AfMode = "
	                       "\"Manual\"; ExposureTime = -5; ColourGains = "
	                       "( 1.5, 2 ); }"));
	struct fr_settings *list =
	    read_good(CONTROLS("[ \"Brightness=0.1\", \"AeEnable=true\", \"AfMode=Manual\", "
	                       "\"ExposureTime=-5\", \"ColourGains=1.5,2\" ]"));
	const struct fr_options *options = group->sources.items[0].options;
	(void)state;

	assert_int_equal(fr_options_count(options, "controls"), 5);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(fr_options_item(options, "controls", i), expected[i]);
	assert_true(fr_settings_equal(group, list));
	fr_settings_free(group);
	fr_settings_free(list);
	group = read_good(CONTROLS("{ }"));
	assert_int_equal(fr_options_count(group->sources.items[0].options, "controls"), 0);
	fr_settings_free(group);

	assert_problems(CONTROLS("{ A = { B = 1; }; }"),
	    "t:1: controls: A: must be a value, or a list of values\n");
	assert_problems(CONTROLS("{ A = ( ( 1 ) ); }"),
	    "t:1: controls: A: must be a value, or a list of values\n");
	assert_problems(CONTROLS("{ B = 1; A = ( ); }"),
	    "t:1: controls: A: must be a value, or a list of values\n");
	assert_problems(CONTROLS("[ \"A\" ]"), "t:1: controls: \"A\" is not NAME=VALUE\n");
	assert_problems(
	    CONTROLS("7"), "t:1: controls: must be a group such as { NAME = VALUE; }\n");
	assert_problem_has(
	    "sources = ( { kind = \"camera\"; stream = \"c\"; control = { A = 1; }; } );",
	    "unknown option \"control\"; \"controls\" is meant?");
}

static void what_is_printed_reads_back_equal(void **state)
{
	static const char *const texts[] = {"", full, "doors = ( ); access = ( );",
	    CONTROLS("{ A = 0.1; B = \"x\"; C = [ 1, 2 ]; D = true; }"),
	    "doors = [ ]; sources = ( { kind = \"files\"; stream = \"s\"; path = \"a\\\"b\\\\ c\"; "
	    "} );"};
	(void)state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct fr_settings *first = read_good(texts[i]);
		struct fr_settings *second;
		struct fr_text printed = {0};

		fr_settings_print(first, &printed);
		second = read_good(printed.text);
		assert_true(fr_settings_equal(first, second));
		fr_text_done(&printed);
		fr_settings_free(first);
		fr_settings_free(second);
	}
}

static void different_settings_are_not_equal(void **state)
{
	static const char *const texts[] = {"", "default_stream = \"x\";",
	    "log = { level = \"debug\"; };", "limits = { drain_ms = 7; };", "doors = ( );",
	    "doors = ( { kind = \"frames\"; role = \"publish\"; } );",
	    "streams = ( { name = \"a\"; } );",
	    "sources = ( { kind = \"pattern\"; stream = \"a\"; } );",
	    "sources = ( { kind = \"stdin\"; stream = \"a\"; } );",
	    "sinks = ( { kind = \"record\"; stream = \"a\"; output = \"b\"; } );", "access = ( );"};
	enum {
		COUNT = sizeof(texts) / sizeof(texts[0])
	};
	(void)state;

	for (size_t i = 0; i < COUNT; i++) {
		struct fr_settings *a = read_good(texts[i]);

		for (size_t k = 0; k < COUNT; k++) {
			struct fr_settings *b = read_good(texts[k]);

			assert_int_equal(fr_settings_equal(a, b), i == k);
			fr_settings_free(b);
		}
		fr_settings_free(a);
	}
}

static void everything_that_is_wrong_is_said_with_its_line(void **state)
{
	(void)state;

	assert_problems("log = { level = \"loud\"; };\n"
	                "limits = { queue_frames = 99;\n"
	                "  max_frame = 5; };\n"
	                "doors = ( { kind = \"frames\"; listen = \"8000\"; roel = \"any\"; } );\n"
	                "streems = ( );\n",
	    "t:1: level = \"loud\" is not one of error|warning|info|debug\n"
	    "t:2: queue_frames = 99: must be 1..64 frames, or 0\n"
	    "t:3: unknown option \"max_frame\"; \"max_frame_bytes\" is meant?\n"
	    "t:4: listen = \"8000\" is not an address with a port such as [::]:8000\n"
	    "t:4: unknown option \"roel\"; \"role\" is meant?\n"
	    "t:5: unknown name \"streems\"; \"streams\" is meant?\n");
}

static void what_this_build_lacks_is_said_so(void **state)
{
	(void)state;

	assert_problems("url_key_file = \"x\";", "t:1: \"url_key_file\" is not in this build\n");
	assert_problems(
	    "cluster = { kind = \"nats\"; };", "t:1: \"cluster\" is not in this build\n");
	assert_problems("access = ( { client_certificate = \"x\"; } );",
	    "t:1: option \"client_certificate\" is not in this build\n");
}

static void tls_needs_its_certificate_and_key(void **state)
{
	(void)state;

	assert_problems("doors = ( { kind = \"frames\"; tls = true; } );",
	    "t:1: tls = true: the section tls = { certificate = \"FILE\"; key = \"FILE\"; }; is "
	    "missing\n");
	assert_problems("tls = { certificate = \"x\"; };",
	    "t:1: tls: certificate and key go together, and client_ca with both\n");
	assert_problems("tls = { key = \"x\"; };",
	    "t:1: tls: certificate and key go together, and client_ca with both\n");
	assert_problems("tls = { client_ca = \"x\"; };",
	    "t:1: tls: certificate and key go together, and client_ca with both\n");
	assert_problem_has("tls = { cert = \"x\"; };", "unknown option \"cert\"");
	assert_problem_has("tls = true;", "t:1: tls: must be a group");
	assert_problem_has(
	    "doors = ( { kind = \"udp\"; tls = true; } );", "unknown option \"tls\"");
}

static void unknown_kinds_name_the_nearest_or_all(void **state)
{
	(void)state;

	assert_problems("doors = ( { kind = \"frame\"; } );",
	    "t:1: unknown kind of door \"frame\"; \"frames\" is meant?\n");
	assert_problem_has("sources = ( { kind = \"xyzzy\"; } );",
	    "t:1: unknown kind of source \"xyzzy\"; there are pattern, camera, files, stdin");
	assert_problem_has("sinks = ( { } );", "t:1: kind is missing");
	assert_problem_has("sinks = ( { kind = 7; } );", "t:1: kind is missing");
	assert_problem_has(
	    "unheard_of = 1;", "t:1: unknown name \"unheard_of\"; there are default_stream");
}

static void sections_have_their_shape(void **state)
{
	(void)state;

	assert_problem_has("log = 7;", "t:1: log: must be a group: log = { ... };");
	assert_problem_has("limits = ( );", "t:1: limits: must be a group");
	assert_problem_has(
	    "doors = { };", "t:1: doors: must be a list of rows: doors = ( { ... } );");
	assert_problem_has("doors = ( 1 );", "t:1: doors: every row must be a group: { ... }");
	assert_problem_has("streams = [ 1 ];", "t:1: streams: every row must be a group");
	assert_problem_has("access = \"x\";", "t:1: access: must be a list of rows");
	assert_problem_has(
	    "default_stream = { };", "t:1: default_stream: must be a value, not { }");
	assert_problem_has(
	    "log = { levle = { }; };", "unknown option \"levle\"; \"level\" is meant?");
	assert_problem_has(
	    "default_stream = [ \"a\" ];", "default_stream: must be one value, not a list");
	assert_problem_has(
	    "access = ( { publish = \"*\"; } );", "publish: must be a list of texts");
	assert_problem_has(
	    "access = ( { publish = [ 1 ]; } );", "publish: every item must be a text");
	assert_problem_has("streams = ( { } );", "t:1: name is missing");
	assert_problem_has("streams = ( { name = \"\"; } );", "t:1: name is missing");
}

static void numbers_may_be_whole_where_fractions_are_meant_and_not_the_other_way(void **state)
{
	static const struct {
		const char *fps;
		int64_t milli;
	} rows[] = {
	    {"15", 15000}, {"0.29", 290}, {"29.97", 29970}, {"1.5e1", 15000}, {"15L", 15000}};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[100];
		struct fr_settings *s;

		(void)snprintf(text, sizeof(text),
		    "sources = ( { kind = \"pattern\"; stream = \"a\"; fps = %s; } );",
		    rows[i].fps);
		s = read_good(text);
		assert_int_equal(fr_options_int(s->sources.items[0].options, "fps"), rows[i].milli);
		fr_settings_free(s);
	}
	assert_problem_has("limits = { queue_frames = 2.5; };", "\"2.5\" is not a whole number");
	assert_problem_has("limits = { queue_frames = 1e300; };", "t:1: ");
	assert_problem_has("limits = { queue_frames = -1.5; };", "must be 1..64");
	assert_problem_has(
	    "limits = { queue_frames = true; };", "must be a number, without quotes");
	assert_problem_has(
	    "limits = { queue_frames = \"2\"; };", "must be a number, without quotes");
}

static void an_integer_over_32_bits_needs_an_l(void **state)
{
	struct fr_settings *s;
	(void)state;

	assert_problems("limits = {\n  publisher_byte_rate = 5000000000;\n};\n",
	    "t:2: publisher_byte_rate = 5000000000: an integer over 2147483647 needs an L behind "
	    "it, or is written as a "
	    "text "
	    "such as \"8 GiB\" where it is a size\n");
	assert_problem_has("limits = { max_frame_bytes = 0x100000400; };",
	    "t:1: max_frame_bytes = 0x100000400: an integer over");
	assert_problem_has("limits = { drain_ms = -2147483649; };",
	    "t:1: drain_ms = -2147483649: an integer over");
	assert_problem_has("limits = { drain_ms = 9223372036854775808L; };",
	    "t:1: drain_ms = 9223372036854775808L: too large");
	assert_problem_has("limits = { drain_ms = 99999999999999999999; };", "an integer over");
	s = read_good("limits = { publisher_byte_rate = 5000000000L; max_frame_bytes = 0x1000; "
	              "memory_budget_bytes = 2147483647; max_message_bytes = 4096LL; };");
	assert_true(fr_options_int(s->limits, "publisher_byte_rate") == 5000000000);
	assert_int_equal(fr_options_int(s->limits, "max_frame_bytes"), 4096);
	assert_int_equal(fr_options_int(s->limits, "max_message_bytes"), 4096);
	fr_settings_free(s);
	/* Where they are no numbers, digits mean nothing. */
	fr_settings_free(
	    read_good("# 5000000000\n// 5000000000\n/* 5000000000 */ streams = ( { name = "
	              "\"a5000000000\"; title = \"5000000000 \\\" @include (\"; } );"));
}

static void syntax_errors_say_what_to_look_for(void **state)
{
	(void)state;

	assert_problems("doors = (\n  { kind = \"frames\"; },\n);",
	    "t:3: a comma stands before the end of a list; the last item has none behind it\n");
	assert_problem_has("access = ( { publish = [ \"a\", ]; } );", "t:1: a comma stands before");
	assert_problem_has("@include \"x\"\n", "t:1: @include is not followed");
	assert_problem_has(
	    "log = { level = \"debug;\n };\n", "t:1: a text begins with \" here and never ends");
	assert_problem_has("/* log", "t:1: a comment begins with /* here and never ends");
	assert_problems("doors = (\n\n{ )", "t:3: a name is expected before )\n");
	assert_problems("}", "t:1: a name is expected before }\n");
	assert_problems("a = 1;;", "t:1: a name is expected before ;\n");
	assert_problems("12 = 1", "t:1: a name is expected before 12\n");
	assert_problems("a", "t:1: a = is expected, and the file ends\n");
	assert_problems("a =", "t:1: a value is expected, and the file ends\n");
	assert_problems("a = ;", "t:1: a value is expected before ;\n");
	assert_problems("log = { level = debug; };", "t:1: a text stands in quotes: \"debug\"\n");
	assert_problems("doors = (\n { kind = \"frames\"; }\n { kind = \"frames\"; }\n);",
	    "t:3: a , or a ) is expected before {\n");
	assert_problems("a = [ 1 2 ]", "t:1: a , or a ] is expected before 2\n");
	assert_problems("a = [ ( 1 ) ]", "t:1: a value is expected before (\n");
	assert_problems("a = [ 1,", "t:1: the [ here is never closed\n");
	assert_problems("a = ( \"b\" \n\n", "t:1: the ( here is never closed\n");
	assert_problems("a = 1 /* b", "t:1: a comment begins with /* here and never ends\n");
	assert_problem_has("doors = (\n {\n", "t:2: the { here is never closed");
	assert_problem_has("a = ((((((((((((((((((1))))))))))))))))));", "more than 16 deep");
	assert_problem_has("log = { level = \"debug\" \n format = \"json\"; } log = 1;",
	    "t:2: a name stands twice");
	assert_problem_has("log { level }", "t:1: a = is expected before {\n");
	assert_problem_has(
	    "limits = { drain_ms = 1; drain_ms = 2; };", "t:1: a name stands twice in one group");
	assert_problem_has("access = ( { publish = [ \"a\", 1 ]; } );",
	    "t:1: the items between [ ] must all be of one kind\n");
	fr_settings_free(
	    read_good("log : { level : \"in\" /**/ \"fo\", format = \"text\" } limits = {}"
	              "access = ( { observe = TRUE } )"));
	assert_problem_has("log = \"\\\"", "never ends");
}

static void text_with_a_nul_byte_is_refused(void **state)
{
	static const char text[] = "log = { };\n\0doors = ( );";
	struct fr_settings *settings = NULL;
	struct fr_text problems = {0};
	(void)state;

	assert_int_equal(
	    fr_settings_read_text("t", text, sizeof(text) - 1, &settings, &problems), -EINVAL);
	assert_string_equal(problems.text, "t:2: a NUL byte; the file must be text\n");
	fr_text_done(&problems);
}

static void more_lines_than_can_be_counted_are_refused(void **state)
{
	struct fr_text text = {0};
	(void)state;

	for (int i = 0; i < 70000; i++)
		fr_text_add(&text, "\n");
	assert_problems(text.text, "t:70001: more than 65535 lines\n");
	fr_text_done(&text);
}

static void rows_must_not_contradict_each_other(void **state)
{
	(void)state;

	assert_problems("streams = ( { name = \"a\"; },\n { name = \"a\"; } );",
	    "t:2: name = \"a\": a stream has one row, see t:1\n");
	assert_problems(
	    "streams = ( { name = \"a\"; number = 3; },\n { name = \"b\"; number = 3; } );",
	    "t:2: number = 3: a stream's own, see t:1\n");
	assert_problems("sources = ( { kind = \"pattern\"; stream = \"a\"; },\n{ kind = \"stdin\"; "
	                "stream = \"a\"; } );",
	    "t:2: stream = \"a\": a stream has one source, see t:1\n");
	assert_problems(
	    "access = ( { publish = [ \"a b\" ]; subscribe = [ \"**\" ]; message = [ \"\" ]; } );",
	    "t:1: publish: \"a b\" is neither a stream's name nor *\n"
	    "t:1: subscribe: \"**\" is neither a stream's name nor *\n"
	    "t:1: message: \"\" is neither a stream's name nor *\n");
	assert_problems("doors = ( { kind = \"frames\"; role = \"subscribe\"; } );",
	    "t:1: role = \"subscribe\": stream is missing: which one it sends\n");
	assert_problem_has("sources = ( { kind = \"pattern\"; } );", "t:1: stream is missing");
	assert_problem_has(
	    "sinks = ( { kind = \"record\"; output = \"x\"; } );", "t:1: stream is missing");
}

static void an_address_belongs_to_one_stream(void **state)
{
	static const struct {
		const char *a, *b;
		bool clash;
	} rows[] = {
	    {"192.168.1.23", "192.168.1.23", true},
	    {"192.168.1.0/24", "192.168.1.23", true},
	    {"192.168.1.23", "192.168.1.0/24", true},
	    {"192.168.1.23", "192.168.1.24", false},
	    {"private", "private", true},
	    {"private", "10.0.0.1", true},
	    {"8.8.8.8", "private", false},
	    {"any", "private", true},
	    {"link", "10.0.0.1", false},
	    {"link", "link", true},
	    {"local", "any", true},
	    {"local", "10.0.0.1", false},
	    {"link", "any", false},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[200];

		(void)snprintf(text, sizeof(text),
		    "streams = ( { name = \"a\"; from = [ \"%s\" ]; },\n { name = \"b\"; from = [ "
		    "\"%s\" ]; } );",
		    rows[i].a, rows[i].b);
		if (rows[i].clash)
			assert_problem_has(text, "t:2: from \"");
		else
			fr_settings_free(read_good(text));
	}
}

static void two_doors_do_not_listen_at_one_place(void **state)
{
	static const struct {
		const char *a, *b;
		bool clash;
	} rows[] = {
	    {"[::]:8000", "[::]:8000", true},
	    {"[::]:8000", "0.0.0.0:8000", true},
	    {"127.0.0.1:8000", "[::]:8000", true},
	    {"0.0.0.0:8000", "127.0.0.1:8000", true},
	    {"127.0.0.1:8000", "127.0.0.2:8000", false},
	    {"0.0.0.0:8000", "[::1]:8000", false},
	    {"[::]:8000", "[::]:8001", false},
	    {"[::]:0", "[::]:0", false},
	    {"unix:/run/a", "unix:/run/a", true},
	    {"unix:/run/a", "unix:/run/b", false},
	    {"systemd:a", "systemd:a", true},
	    {"systemd:a", "[::]:8000", false},
	    {"[::]:8000", "unix:/run/a", false},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[200];

		(void)snprintf(text, sizeof(text),
		    "doors = ( { kind = \"frames\"; listen = \"%s\"; },\n { kind = \"frames\"; "
		    "listen = \"%s\"; } );",
		    rows[i].a, rows[i].b);
		if (rows[i].clash)
			assert_problem_has(text, "t:2: listen = \"");
		else
			fr_settings_free(read_good(text));
	}
}

static void a_door_of_udp_listens_at_no_file(void **state)
{
	(void)state;

	assert_problem_has("doors = ( { kind = \"udp\"; listen = \"unix:/run/a\"; } );",
	    "a UDP door listens at ADDRESS:PORT or systemd:NAME");
	assert_problem_has("doors = ( { kind = \"udp-messages\"; listen = \"unix:/run/a\"; } );",
	    "a UDP door listens at ADDRESS:PORT or systemd:NAME");
	fr_settings_free(read_good("doors = ( { kind = \"udp\"; listen = \"systemd:a\"; } );"));
}

static bool may(
    const struct fr_access *access, const char *addr, enum fr_right right, const char *stream)
{
	struct fr_who who = {.ours = false};
	struct fr_refusal refusal;

	assert_int_equal(fr_addr_parse(addr, &who.addr, &refusal.why), 0);
	return fr_access_allows(access, &who, right, stream, &refusal);
}

static void access_rows_become_the_rules_of_the_relay(void **state)
{
	struct fr_settings *s = read_good(full);
	struct fr_access *access = fr_settings_access(s);
	(void)state;

	assert_true(may(access, "10.1.2.3:5", FR_RIGHT_PUBLISH, "porch"));
	assert_true(may(access, "10.1.2.3:5", FR_RIGHT_PUBLISH, "b"));
	assert_false(may(access, "10.1.2.3:5", FR_RIGHT_PUBLISH, "c"));
	assert_false(may(access, "11.1.2.3:5", FR_RIGHT_PUBLISH, "porch"));
	assert_false(may(access, "10.1.2.3:5", FR_RIGHT_MESSAGE, "porch")); /* message = [ ] */
	assert_true(may(access, "11.1.2.3:5", FR_RIGHT_SUBSCRIBE, "c"));
	assert_true(may(access, "11.1.2.3:5", FR_RIGHT_OBSERVE, NULL));
	fr_access_free(access);
	fr_settings_free(s);
}

static void stream_rows_become_what_the_relay_knows(void **state)
{
	struct fr_settings *s = read_good(full);
	size_t count;
	struct fr_stream_config *rows = fr_settings_streams(s, &count);
	(void)state;

	assert_int_equal(count, 2);
	assert_string_equal(rows[0].name, "porch");
	assert_string_equal(rows[0].title, "\xed\x98\x84\xea\xb4\x80");
	assert_int_equal(rows[0].number, 1);
	assert_int_equal(rows[0].from_count, 1);
	assert_int_equal(rows[0].stale_after_ms, 700);
	assert_int_equal(rows[1].stale_after_ms, -1); /* the limit's */
	assert_int_equal(rows[1].from_count, 0);
	for (size_t i = 0; i < count; i++) {
		free(rows[i].title);
		free(rows[i].from);
	}
	free(rows);
	fr_settings_free(s);
}

static void assert_unreadable(const char *path, const char *sentence)
{
	struct fr_settings *settings = NULL;
	struct fr_text problems = {0};

	assert_int_equal(fr_settings_read(path, &settings, &problems), -EINVAL);
	assert_string_equal(problems.text, sentence);
	fr_text_done(&problems);
}

static void a_file_that_cannot_be_read_is_said_so(void **state)
{
	char path[] = "/tmp/settings-test-XXXXXX", sentence[200];
	const int fd = mkstemp(path);
	struct fr_settings *settings = NULL;
	struct fr_text problems = {0};
	(void)state;

	assert_unreadable("/nonexistent/x", "/nonexistent/x: No such file or directory\n");
	assert_unreadable("/tmp", "/tmp: Is a directory\n");
	assert_unreadable(
	    "/dev/zero", "/dev/zero: more than 1 MiB; this is no configuration file\n");
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "log = 1;", 8), 8);
	(void)snprintf(
	    sentence, sizeof(sentence), "%s:1: log: must be a group: log = { ... };\n", path);
	assert_unreadable(path, sentence);
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(fr_settings_read(path, &settings, &problems), 0);
	fr_settings_free(settings);
	fr_text_done(&problems);
	close(fd);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_empty_file_is_every_door_for_private_networks),
	    cmocka_unit_test(a_full_file_becomes_typed_settings),
	    cmocka_unit_test(controls_are_a_group_or_a_list),
	    cmocka_unit_test(what_is_printed_reads_back_equal),
	    cmocka_unit_test(different_settings_are_not_equal),
	    cmocka_unit_test(everything_that_is_wrong_is_said_with_its_line),
	    cmocka_unit_test(what_this_build_lacks_is_said_so),
	    cmocka_unit_test(tls_needs_its_certificate_and_key),
	    cmocka_unit_test(unknown_kinds_name_the_nearest_or_all),
	    cmocka_unit_test(sections_have_their_shape),
	    cmocka_unit_test(numbers_may_be_whole_where_fractions_are_meant_and_not_the_other_way),
	    cmocka_unit_test(an_integer_over_32_bits_needs_an_l),
	    cmocka_unit_test(syntax_errors_say_what_to_look_for),
	    cmocka_unit_test(text_with_a_nul_byte_is_refused),
	    cmocka_unit_test(more_lines_than_can_be_counted_are_refused),
	    cmocka_unit_test(rows_must_not_contradict_each_other),
	    cmocka_unit_test(an_address_belongs_to_one_stream),
	    cmocka_unit_test(two_doors_do_not_listen_at_one_place),
	    cmocka_unit_test(a_door_of_udp_listens_at_no_file),
	    cmocka_unit_test(access_rows_become_the_rules_of_the_relay),
	    cmocka_unit_test(stream_rows_become_what_the_relay_knows),
	    cmocka_unit_test(a_file_that_cannot_be_read_is_said_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
