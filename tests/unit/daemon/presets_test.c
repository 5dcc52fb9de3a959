/* SPDX-License-Identifier: MIT */
/* Modes as configurations: which rows the arguments become, and what is said when they cannot. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/text.h"
#include "daemon/arguments.h"
#include "daemon/presets.h"
#include "daemon/settings.h"
#include "daemon/settings_file.h"

static struct fr_settings *good(struct fr_arguments args)
{
	struct fr_settings *settings = NULL, *back = NULL;
	struct fr_text problems = {0}, printed = {0};

	if (fr_presets_settings(&args, &settings, &problems) < 0)
		fail_msg("%s", problems.text);
	/* --print-config shows it, ready to be saved. */
	fr_settings_print(settings, &printed);
	if (fr_settings_read_text("p", printed.text, printed.length, &back, &problems) < 0)
		fail_msg("%s", problems.text);
	assert_true(fr_settings_equal(settings, back));
	fr_settings_free(back);
	fr_text_done(&printed);
	return settings;
}

static void assert_refused(struct fr_arguments args, const char *sentence)
{
	struct fr_settings *settings = NULL;
	struct fr_text problems = {0};

	assert_int_equal(fr_presets_settings(&args, &settings, &problems), -EINVAL);
	assert_null(settings);
	if (strstr(problems.text, sentence) == NULL)
		fail_msg("\"%s\" is not in: %s", sentence, problems.text);
	fr_text_done(&problems);
}

static const char *text(const struct fr_rows *rows, size_t i, const char *name)
{
	return fr_options_text(rows->items[i].options, name);
}

static void nothing_is_a_test_picture_on_loopback(void **state)
{
	struct fr_settings *s = good((struct fr_arguments){.lan = false});
	(void)state;

	assert_int_equal(s->doors.count, 2);
	assert_string_equal(text(&s->doors, 0, "listen"), "127.0.0.1:8000");
	assert_string_equal(s->doors.items[1].kind, "http");
	assert_string_equal(text(&s->doors, 1, "listen"), "127.0.0.1:8080");
	assert_int_equal(s->sources.count, 1);
	assert_string_equal(s->sources.items[0].kind, "pattern");
	assert_string_equal(text(&s->sources, 0, "stream"), "test");
	assert_true(fr_options_bool(s->sources.items[0].options, "on_demand"));
	assert_int_equal(s->sinks.count, 0);
	assert_int_equal(s->access.count, 1);
	fr_settings_free(s);
	s = good((struct fr_arguments){.lan = true});
	assert_string_equal(text(&s->doors, 0, "listen"), "[::]:8000");
	assert_string_equal(text(&s->doors, 1, "listen"), "[::]:8080");
	fr_settings_free(s);
}

static void source_is_a_relay_on_all_addresses_with_the_name_of_this_machine(void **state)
{
	struct fr_settings *s = good((struct fr_arguments){
	    .source = "pattern", .size = "320x240", .fps = "5", .quality = "50", .always = true});
	unsigned w, h;
	(void)state;

	assert_string_equal(text(&s->doors, 0, "listen"), "[::]:8000");
	assert_true(fr_text_is_name(text(&s->sources, 0, "stream")));
	fr_options_pixels(s->sources.items[0].options, "size", &w, &h);
	assert_int_equal(w, 320);
	assert_int_equal(h, 240);
	assert_int_equal(fr_options_int(s->sources.items[0].options, "fps"), 5000);
	assert_int_equal(fr_options_int(s->sources.items[0].options, "quality"), 50);
	assert_false(fr_options_bool(s->sources.items[0].options, "on_demand"));
	fr_settings_free(s);
	s = good((struct fr_arguments){.source = "files:/srv/a:b/*.jpg"});
	assert_string_equal(text(&s->sources, 0, "path"), "/srv/a:b/*.jpg");
	fr_settings_free(s);
	s = good((struct fr_arguments){.source = "stdin"});
	assert_string_equal(s->sources.items[0].kind, "stdin");
	fr_settings_free(s);
}

static void publish_is_a_source_and_a_frames_push(void **state)
{
	struct fr_settings *s =
	    good((struct fr_arguments){.publish = "relay.local/porch", .source = "pattern"});
	(void)state;

	assert_int_equal(s->doors.count, 0);
	assert_int_equal(s->sources.count, 1);
	assert_string_equal(text(&s->sources, 0, "stream"), "porch");
	assert_int_equal(s->sinks.count, 1);
	assert_string_equal(s->sinks.items[0].kind, "frames-push");
	assert_string_equal(text(&s->sinks, 0, "stream"), "porch");
	assert_string_equal(text(&s->sinks, 0, "address"), "relay.local:8000");
	assert_true(fr_options_bool(s->sinks.items[0].options, "hello"));
	assert_true(fr_options_bool(s->sinks.items[0].options, "retry"));
	fr_settings_free(s);

	s = good((struct fr_arguments){.publish = "[2001:db8::1]:81",
	    .source = "stdin",
	    .plain = true,
	    .no_retry = true,
	    .always = true});
	assert_string_equal(text(&s->sinks, 0, "address"), "[2001:db8::1]:81");
	assert_true(fr_text_is_name(text(&s->sinks, 0, "stream"))); /* this machine's name */
	assert_false(fr_options_bool(s->sinks.items[0].options, "hello"));
	assert_false(fr_options_bool(s->sinks.items[0].options, "retry"));
	fr_settings_free(s);

	s = good((struct fr_arguments){.publish = "unix:/run/frames.sock", .source = "stdin"});
	assert_string_equal(text(&s->sinks, 0, "address"), "unix:/run/frames.sock");
	fr_settings_free(s);
}

static void subscribe_is_a_pull_and_a_record(void **state)
{
	struct fr_settings *s = good((struct fr_arguments){.subscribe = "relay/porch",
	    .output = "pic-%06n.jpg",
	    .timestamps = "t.csv",
	    .count = "7",
	    .max_fps = "0.5",
	    .duration_ms = 2500,
	    .no_retry = true,
	    .terminal = true});
	const struct fr_options *o = s->sinks.items[0].options;
	(void)state;

	assert_int_equal(s->doors.count, 0);
	assert_string_equal(s->sources.items[0].kind, "frames-pull");
	assert_string_equal(text(&s->sources, 0, "stream"), "porch");
	assert_string_equal(text(&s->sources, 0, "address"), "relay:8000");
	assert_int_equal(fr_options_int(s->sources.items[0].options, "max_fps"), 500);
	assert_false(fr_options_bool(s->sources.items[0].options, "retry"));
	assert_int_equal(s->sinks.count, 1);
	assert_string_equal(s->sinks.items[0].kind, "record");
	assert_string_equal(text(&s->sinks, 0, "output"), "pic-%06n.jpg");
	assert_string_equal(text(&s->sinks, 0, "timestamps"), "t.csv");
	assert_int_equal(fr_options_int(o, "count"), 7);
	assert_int_equal(fr_options_int(o, "duration_ms"), 2500);
	assert_true(fr_options_bool(o, "stats"));
	fr_settings_free(s);
}

static void numbers_are_shown_where_nothing_else_is_asked_for(void **state)
{
	static const struct {
		struct fr_arguments args;
		size_t sinks;
		bool stats; /* of the last */
	} rows[] = {
	    {{.subscribe = "r/s"}, 1, true},
	    {{.subscribe = "r/s", .output = "x.mjpeg"}, 1, false},
	    {{.subscribe = "r/s", .output = "x.mjpeg", .terminal = true}, 1, true},
	    {{.subscribe = "r/s", .output = "-", .terminal = true}, 1, false},
	    {{.subscribe = "r/s", .output = "-", .stats = true}, 1, true},
	    {{.subscribe = "r/s", .to = "frames:h:1", .stats = true}, 2, true},
	    {{.subscribe = "r/s", .to = "frames:h:1", .count = "3"}, 2, false},
	};
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fr_settings *s = good(rows[i].args);
		const struct fr_row *last = &s->sinks.items[s->sinks.count - 1];

		assert_int_equal(s->sinks.count, rows[i].sinks);
		assert_string_equal(last->kind, "record");
		assert_int_equal(fr_options_bool(last->options, "stats"), rows[i].stats);
		fr_settings_free(s);
	}
}

static void to_is_plain_framing_to_another_program(void **state)
{
	struct fr_settings *s = good((struct fr_arguments){
	    .subscribe = "r/s", .to = "frames:10.0.0.1:9000", .no_retry = true});
	(void)state;

	assert_int_equal(s->sinks.count, 1);
	assert_string_equal(s->sinks.items[0].kind, "frames-push");
	assert_string_equal(text(&s->sinks, 0, "address"), "10.0.0.1:9000");
	assert_false(fr_options_bool(s->sinks.items[0].options, "hello"));
	assert_false(fr_options_bool(s->sinks.items[0].options, "retry"));
	fr_settings_free(s);
}

static void a_camera_is_what_publish_takes(void **state)
{
	struct fr_settings *s = good((struct fr_arguments){.publish = "10.0.0.1/porch",
	    .rotate = "90",
	    .vflip = true,
	    .warmup = "1.5",
	    .warmup_ms = 1500,
	    .controls = {"AeEnable=false", "Gain=2"},
	    .control_count = 2});
	const struct fr_options *options = s->sources.items[0].options;

	(void)state;
	assert_string_equal(s->sources.items[0].kind, "camera");
	assert_string_equal(fr_options_text(options, "rotate"), "90");
	assert_true(fr_options_bool(options, "vflip"));
	assert_int_equal(fr_options_int(options, "warmup_ms"), 1500);
	assert_int_equal(fr_options_count(options, "controls"), 2);
	assert_string_equal(fr_options_item(options, "controls", 1), "Gain=2");
	fr_settings_free(s);

	s = good((struct fr_arguments){.source = "camera:imx219"});
	assert_string_equal(fr_options_text(s->sources.items[0].options, "camera"), "imx219");
	fr_settings_free(s);
}

static void what_cannot_be_is_said_with_the_argument(void **state)
{
	(void)state;

	assert_refused(
	    (struct fr_arguments){.source = "pattern", .controls = {"a=b"}, .control_count = 1},
	    "--control: kind \"pattern\" cannot do this in this build");
	assert_refused(
	    (struct fr_arguments){.source = "camera", .rotate = "45"}, "--rotate: rotate = \"45\"");
	assert_refused((struct fr_arguments){.source = "patern"},
	    "--source: unknown kind of source \"patern\"; \"pattern\" is meant?");
	assert_refused((struct fr_arguments){.source = "pattern:x"},
	    "--source pattern takes nothing behind it, and \"x\" is there");
	assert_refused(
	    (struct fr_arguments){.source = "files"}, "--source files:ARG: path is missing");
	assert_refused((struct fr_arguments){.source = "pattern", .fps = "fast"},
	    "--fps: fps = \"fast\" is not a number");
	assert_refused((struct fr_arguments){.source = "pattern", .hflip = true},
	    "--hflip: kind \"pattern\" cannot do this in this build");
	assert_refused((struct fr_arguments){.source = "files:x", .size = "1x1"},
	    "--size: kind \"files\" cannot do this in this build");
	assert_refused((struct fr_arguments){.publish = "h/a.b", .source = "pattern"},
	    "--publish: \"a.b\" is not a stream's name");
	assert_refused(
	    (struct fr_arguments){.publish = "http://h/a", .source = "pattern"}, "is a URL");
	assert_refused((struct fr_arguments){.publish = ":80/a", .source = "pattern"},
	    "is not a HOST or HOST:PORT");
	assert_refused((struct fr_arguments){.subscribe = "h:0/a"},
	    "--subscribe: \"h:0\": the port is not in 1..65535");
	assert_refused((struct fr_arguments){.subscribe = "h"},
	    "--subscribe h: the stream is missing: HOST[:PORT]/STREAM");
	assert_refused((struct fr_arguments){.subscribe = "h/a", .to = "udp:h:1"},
	    "--to: \"udp:h:1\" is not frames:HOST:PORT");
	assert_refused((struct fr_arguments){.subscribe = "h/a", .to = "frames:h:x"},
	    "--to: address = \"h:x\": the port");
	assert_refused((struct fr_arguments){.subscribe = "h/a", .count = "x"},
	    "--count: count = \"x\" is not a whole number");
	assert_refused((struct fr_arguments){.file = "/nonexistent"},
	    "/nonexistent: No such file or directory");
}

static void listing_needs_no_rows(void **state)
{
	struct fr_settings *s =
	    good((struct fr_arguments){.subscribe = "h", .action = FR_ACTION_LIST});
	(void)state;

	assert_int_equal(s->sources.count + s->sinks.count + s->doors.count, 0);
	fr_settings_free(s);
}

static void the_arguments_come_on_top_of_the_file(void **state)
{
	static const char file[] = "doors = ( { kind = \"frames\"; listen = \"127.0.0.1:0\"; } );\n"
	                           "sources = ( { kind = \"pattern\"; stream = \"one\"; } );\n";
	char path[] = "/tmp/presets-test-XXXXXX";
	const int fd = mkstemp(path);
	struct fr_settings *s;
	(void)state;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, file, sizeof(file) - 1), sizeof(file) - 1);
	s = good((struct fr_arguments){.file = path});
	assert_int_equal(s->sources.count, 1);
	fr_settings_free(s);
	s = good((struct fr_arguments){.file = path, .publish = "h/two", .source = "pattern"});
	assert_string_equal(text(&s->doors, 0, "listen"), "127.0.0.1:0");
	assert_int_equal(s->sources.count, 2);
	assert_int_equal(s->sinks.count, 1);
	fr_settings_free(s);
	assert_refused((struct fr_arguments){.file = path, .publish = "h/one", .source = "pattern"},
	    "--source: stream = \"one\": a stream has one source, see /tmp/presets-test-");
	close(fd);
	(void)unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_is_a_test_picture_on_loopback),
	    cmocka_unit_test(source_is_a_relay_on_all_addresses_with_the_name_of_this_machine),
	    cmocka_unit_test(publish_is_a_source_and_a_frames_push),
	    cmocka_unit_test(subscribe_is_a_pull_and_a_record),
	    cmocka_unit_test(numbers_are_shown_where_nothing_else_is_asked_for),
	    cmocka_unit_test(to_is_plain_framing_to_another_program),
	    cmocka_unit_test(a_camera_is_what_publish_takes),
	    cmocka_unit_test(what_cannot_be_is_said_with_the_argument),
	    cmocka_unit_test(listing_needs_no_rows),
	    cmocka_unit_test(the_arguments_come_on_top_of_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
