/* SPDX-License-Identifier: MIT */
/* The command line: what is taken, and the sentence for what is not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "daemon/arguments.h"

enum {
	WORDS_MAX = 20,
};

/* Parses "a b c" as the arguments; the words live until the next call. */
static int parse(const char *line, struct fr_arguments *args, struct fr_cause *why)
{
	static char copy[500];
	char *argv[WORDS_MAX + 2] = {(char[]){"framerelayd"}};
	char *save = NULL;
	int argc = 1;

	assert_true(strlen(line) < sizeof(copy));
	(void)strncpy(copy, line, sizeof(copy) - 1);
	for (char *w = strtok_r(copy, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		assert_true(argc <= WORDS_MAX);
		argv[argc++] = w;
	}
	return fr_arguments_parse(argc, argv, args, why);
}

static struct fr_arguments good(const char *line)
{
	struct fr_arguments args;
	struct fr_cause why = {""};

	if (parse(line, &args, &why) < 0)
		fail_msg("%s: %s", line, why.text);
	return args;
}

static void assert_refused(const char *line, const char *sentence)
{
	struct fr_arguments args;
	struct fr_cause why = {""};

	assert_int_equal(parse(line, &args, &why), -EINVAL);
	assert_string_equal(why.text, sentence);
}

static void nothing_means_show_what_it_can_do(void **state)
{
	const struct fr_arguments args = good("");
	(void)state;

	assert_int_equal(args.action, FR_ACTION_RUN);
	assert_null(args.file);
	assert_null(args.source);
	assert_false(args.lan);
	assert_true(good("--lan").lan);
}

static void every_option_of_publish_arrives(void **state)
{
	const struct fr_arguments args = good(
	    "--publish host:81/porch --source files:/x/*.jpg --size 320x240 --fps 2.5 --quality=70 "
	    "--hflip --vflip --rotate 90 --duration 1.5 --always --plain --no-retry -c f");
	(void)state;

	assert_int_equal(args.action, FR_ACTION_RUN);
	assert_string_equal(args.publish, "host:81/porch");
	assert_string_equal(args.source, "files:/x/*.jpg");
	assert_string_equal(args.size, "320x240");
	assert_string_equal(args.fps, "2.5");
	assert_string_equal(args.quality, "70");
	assert_string_equal(args.rotate, "90");
	assert_string_equal(args.file, "f");
	assert_true(args.hflip && args.vflip && args.always && args.plain && args.no_retry);
	assert_int_equal(args.duration_ms, 1500);
	assert_null(args.subscribe);
}

static void every_option_of_subscribe_arrives(void **state)
{
	const struct fr_arguments args = good("--subscribe h/s --output p-%06n.jpg --to frames:a:1 "
	                                      "--timestamps t.csv --count 5 --max-fps 0.2 --stats "
	                                      "--duration 3 --no-retry");
	(void)state;

	assert_int_equal(args.action, FR_ACTION_RUN);
	assert_string_equal(args.subscribe, "h/s");
	assert_string_equal(args.output, "p-%06n.jpg");
	assert_string_equal(args.to, "frames:a:1");
	assert_string_equal(args.timestamps, "t.csv");
	assert_string_equal(args.count, "5");
	assert_string_equal(args.max_fps, "0.2");
	assert_true(args.stats && args.no_retry);
	assert_int_equal(args.duration_ms, 3000);
	assert_string_equal(good("--subscribe h/s --output -").output, "-");
}

static void actions_are_recognised(void **state)
{
	struct fr_arguments args;
	(void)state;

	assert_int_equal(good("-c f --check").action, FR_ACTION_CHECK);
	assert_int_equal(good("--print-config").action, FR_ACTION_PRINT_CONFIG);
	assert_int_equal(good("--version").action, FR_ACTION_VERSION);
	assert_int_equal(good("--subscribe host").action, FR_ACTION_LIST);
	assert_int_equal(good("--subscribe host --check").action, FR_ACTION_CHECK);
	args = good("--new-token porch");
	assert_int_equal(args.action, FR_ACTION_NEW_TOKEN);
	assert_string_equal(args.subject, "porch");
	assert_int_equal(good("--hash-password ana").action, FR_ACTION_HASH_PASSWORD);
	assert_string_equal(good("--publish h --token-file f").token_file, "f");
	assert_int_equal(good("--help").action, FR_ACTION_HELP);
	assert_int_equal(good("-h").action, FR_ACTION_HELP);
	args = good("--help door frames");
	assert_string_equal(args.help_end, "door");
	assert_string_equal(args.help_kind, "frames");
	assert_null(good("--help sink").help_kind);
	args = good("--dump-docs limits");
	assert_int_equal(args.action, FR_ACTION_DUMP_DOCS);
	assert_string_equal(args.dump, "limits");
}

static void wrong_options_are_refused_with_the_nearest(void **state)
{
	(void)state;

	assert_refused("--hflp", "unknown option --hflp; --hflip is meant?");
	assert_refused("--publsh=x", "unknown option --publsh; --publish is meant?");
	assert_refused("--xyzzy", "unknown option --xyzzy; --help names the options there are");
	assert_refused("-q", "unknown option -q; --help names the options there are");
	assert_refused("--publish", "--publish needs a value behind it");
	assert_refused("-c", "-c needs a value behind it");
	assert_refused("--lan=yes", "--lan takes no value");
	assert_refused("relay.conf",
	    "\"relay.conf\" is not expected; a configuration file is given with -c FILE");
	assert_refused("--help a b c", "--help takes door, source or sink and a KIND, and no more");
	assert_refused("--check --version",
	    "--version does not go with another of --check, --print-config, --list-cameras, "
	    "--new-token, --hash-password, --help, --version");
}

static void what_this_build_lacks_is_said_so(void **state)
{
	(void)state;

	assert_refused("--publish h --tls", "--tls is not in this build");
	assert_refused("--sign-url x", "--sign-url is not in this build");
}

static void controls_are_collected(void **state)
{
	const struct fr_arguments args =
	    good("--source camera --control AeEnable=true --control Gain=1=2 --warmup 0.5");

	(void)state;
	assert_int_equal(args.control_count, 2);
	assert_string_equal(args.controls[0], "AeEnable=true");
	assert_string_equal(args.controls[1], "Gain=1=2");
	assert_int_equal(args.warmup_ms, 500);
	assert_refused("--source camera --control Gain",
	    "--control: \"Gain\" is not NAME=VALUE; a wrong NAME "
	    "is answered with the camera's own");
	assert_refused("--source camera --control =1",
	    "--control: \"=1\" is not NAME=VALUE; a wrong NAME is answered with the camera's own");
	assert_refused(
	    "--control a=b", "--control goes with --publish or --source, which is not given");
	assert_refused(
	    "--source camera --warmup soon", "--warmup, in seconds: \"soon\" is not a number");
}

static void options_go_with_their_mode(void **state)
{
	(void)state;

	assert_refused(
	    "--publish a --subscribe b", "--publish and --subscribe are two programs: start both");
	assert_refused("--subscribe b --source pattern",
	    "--source does not go with --subscribe: its pictures come from there");
	assert_refused("--lan -c f", "--lan is for a relay without a file; in a file, the rows of "
	                             "doors say where it listens");
	assert_refused("--lan --publish h", "--lan is for a relay without a file; in a file, the "
	                                    "rows of doors say where it listens");
	assert_refused("--lan --subscribe h", "--lan is for a relay without a file; in a file, the "
	                                      "rows of doors say where it listens");
	assert_refused("--output x", "--output goes with --subscribe, which is not given");
	assert_refused("--publish h --stats", "--stats goes with --subscribe, which is not given");
	assert_refused(
	    "--subscribe h/s --fps 3", "--fps goes with --publish or --source, which is not given");
	assert_refused("--always", "--always goes with --publish or --source, which is not given");
	assert_refused("--duration 3",
	    "--duration goes with --publish, --source or --subscribe, which is not given");
	assert_refused("--publish h --duration x", "--duration, in seconds: \"x\" is not a number");
	assert_refused(
	    "--publish h --duration 0", "--duration, in seconds: 0 is not in 0.001..31536000");
}

static void parsing_again_begins_anew(void **state)
{
	struct fr_arguments args;
	struct fr_cause why;
	(void)state;

	assert_int_equal(parse("--help a --xyzzy", &args, &why), -EINVAL);
	assert_int_equal(good("--count 1 --subscribe h/s").action, FR_ACTION_RUN);
	assert_int_equal(good("").action, FR_ACTION_RUN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(nothing_means_show_what_it_can_do),
	    cmocka_unit_test(every_option_of_publish_arrives),
	    cmocka_unit_test(every_option_of_subscribe_arrives),
	    cmocka_unit_test(actions_are_recognised),
	    cmocka_unit_test(wrong_options_are_refused_with_the_nearest),
	    cmocka_unit_test(what_this_build_lacks_is_said_so),
	    cmocka_unit_test(controls_are_collected),
	    cmocka_unit_test(options_go_with_their_mode),
	    cmocka_unit_test(parsing_again_begins_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
