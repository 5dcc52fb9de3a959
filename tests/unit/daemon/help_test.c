/* SPDX-License-Identifier: MIT */
/* --help, --version and the generated parts of the documents. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/text.h"
#include "daemon/arguments.h"
#include "daemon/help.h"

static void assert_says(struct fr_arguments args, const char *part)
{
	struct fr_text t = {0};
	struct fr_cause why = {""};

	if (fr_help_print(&args, &t, &why) < 0)
		fail_msg("%s", why.text);
	if (strstr(t.text, part) == NULL)
		fail_msg("\"%s\" is not in: %s", part, t.text);
	fr_text_done(&t);
}

static void assert_refused(struct fr_arguments args, const char *sentence)
{
	struct fr_text t = {0};
	struct fr_cause why = {""};

	assert_int_equal(fr_help_print(&args, &t, &why), -EINVAL);
	assert_string_equal(why.text, sentence);
	fr_text_done(&t);
}

static void help_is_usage_a_list_or_a_table(void **state)
{
	(void)state;

	assert_says((struct fr_arguments){.action = FR_ACTION_HELP}, "framerelayd -c FILE");
	assert_says(
	    (struct fr_arguments){.action = FR_ACTION_HELP, .help_end = "sources"}, "pattern ");
	assert_says(
	    (struct fr_arguments){
	        .action = FR_ACTION_HELP, .help_end = "door", .help_kind = "frames"},
	    "\n  listen ");
	assert_refused((struct fr_arguments){.action = FR_ACTION_HELP, .help_end = "window"},
	    "--help: \"window\" is not one of door, source, sink");
	assert_refused((struct fr_arguments){.action = FR_ACTION_HELP, .help_end = "doorsx"},
	    "--help: \"doorsx\" is not one of door, source, sink");
	assert_refused(
	    (struct fr_arguments){
	        .action = FR_ACTION_HELP, .help_end = "sink", .help_kind = "recrd"},
	    "--help: unknown kind of sink \"recrd\"; \"record\" is meant?");
}

static void version_says_what_was_built_in(void **state)
{
	(void)state;

	assert_says((struct fr_arguments){.action = FR_ACTION_VERSION}, "framerelayd ");
	assert_says((struct fr_arguments){.action = FR_ACTION_VERSION}, "doors: frames");
	assert_says((struct fr_arguments){.action = FR_ACTION_VERSION}, "libevent: ");
}

static void every_generated_part_is_made_from_its_tables(void **state)
{
	struct fr_arguments args = {.action = FR_ACTION_DUMP_DOCS, .dump = "configuration"};
	(void)state;

	assert_says(args, "### `doors`: `kind = \"frames\"`\n");
	assert_says(args, "### `sources`: `kind = \"pattern\"`\n");
	assert_says(args, "### `sinks`: `kind = \"record\"`\n");
	assert_says(args, "| `stale_after_ms` | `5000` |");
	args.dump = "metrics";
	assert_says(args, "| `frames_sent` | counter |");
	args.dump = "limits";
	assert_says(args, "| `max_frame_bytes` | `\"8 MiB\"` |");
	args.dump = "sink record";
	assert_says(args, "| `keep_bytes` |");
	args.dump = "x";
	assert_refused(
	    args, "--dump-docs: \"x\" is not one of configuration, metrics, limits, END KIND");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(help_is_usage_a_list_or_a_table),
	    cmocka_unit_test(version_says_what_was_built_in),
	    cmocka_unit_test(every_generated_part_is_made_from_its_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
