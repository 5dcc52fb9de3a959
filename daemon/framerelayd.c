/* SPDX-License-Identifier: MIT */
/*
 * framerelayd: the newest picture of every camera to everyone who watches.
 *
 * Arguments become settings (presets.c), settings become open ends (program.c). Exit status: 0 done, 2 arguments or
 * configuration are wrong, 1 anything else, always with a sentence that says what to do.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/text.h"
#include "daemon/arguments.h"
#include "daemon/help.h"
#include "daemon/list_cameras.h"
#include "daemon/list_streams.h"
#include "daemon/presets.h"
#include "daemon/program.h"
#include "daemon/secrets.h"
#include "daemon/settings.h"

enum {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_WRONG = 2,
};

static int fail(int status, const char *sentence)
{
	(void)fprintf(stderr, "framerelayd: %s\n", sentence);
	return status;
}

/* Standard output may be a full disk or a closed pipe: then what was asked for was not said. */
static int print(struct fr_text *text)
{
	const int r = text->text != NULL ? fputs(text->text, stdout) : 0;

	fr_text_done(text);
	return r == EOF || fflush(stdout) == EOF
	           ? fail(EXIT_FAILED, "standard output cannot be written")
	           : EXIT_DONE;
}

static int help(const struct fr_arguments *args)
{
	struct fr_text text = {0};
	struct fr_cause why;

	if (fr_help_print(args, &text, &why) == 0)
		return print(&text);
	fr_text_done(&text);
	return fail(EXIT_WRONG, why.text);
}

static int list(const struct fr_arguments *args)
{
	struct fr_remote remote;
	struct fr_cause why;

	if (fr_remote_parse(args->subscribe, &remote, &why) < 0)
		return fail(EXIT_WRONG, why.text);
	return fr_list_streams(remote.host, remote.port, args->token_file, &why) == 0
	           ? EXIT_DONE
	           : fail(EXIT_FAILED, why.text);
}

static int list_cameras(void)
{
	struct fr_text text = {0};
	struct fr_cause why;

	if (fr_list_cameras(&text, &why) == 0)
		return print(&text);
	fr_text_done(&text);
	return fail(EXIT_FAILED, why.text);
}

/* @param make  fills the text, or says why not */
static int make_row(const struct fr_arguments *args,
    int (*make)(const char *name, struct fr_text *to, struct fr_cause *why))
{
	struct fr_text text = {0};
	struct fr_cause why;

	if (make(args->subject, &text, &why) == 0)
		return print(&text);
	fr_text_done(&text);
	return fail(EXIT_WRONG, why.text);
}

static int reload(void *arg, struct fr_settings **ret, struct fr_text *problems)
{
	return fr_presets_settings(arg, ret, problems);
}

static int run(struct fr_arguments *args, struct fr_settings *settings)
{
	const struct fr_program_spec spec = {
	    .settings = settings,
	    .reload = args->file != NULL ? reload : NULL,
	    .arg = args,
	    .file = args->file,
	    .ends_with_its_ends = args->publish != NULL || args->subscribe != NULL,
	    .duration_ms = args->duration_ms,
	};
	struct fr_cause why;

	return fr_program_run(&spec, &why) == 0 ? EXIT_DONE : fail(EXIT_FAILED, why.text);
}

int main(int argc, char **argv)
{
	struct fr_settings *settings;
	struct fr_text text = {0};
	struct fr_arguments args;
	struct fr_cause why;

	if (fr_arguments_parse(argc, argv, &args, &why) < 0)
		return fail(EXIT_WRONG, why.text);
	switch (args.action) {
	case FR_ACTION_HELP:
	case FR_ACTION_VERSION:
	case FR_ACTION_DUMP_DOCS:
		return help(&args);
	case FR_ACTION_LIST:
		return list(&args);
	case FR_ACTION_LIST_CAMERAS:
		return list_cameras();
	case FR_ACTION_NEW_TOKEN:
		return make_row(&args, fr_new_token);
	case FR_ACTION_HASH_PASSWORD:
		return make_row(&args, fr_hash_password);
	default:
		break;
	}

	if (fr_presets_settings(&args, &settings, &text) < 0) {
		(void)fputs(text.text != NULL ? text.text : "", stderr);
		fr_text_done(&text);
		return EXIT_WRONG;
	}
	fr_text_done(&text);
	if (args.action == FR_ACTION_RUN)
		return run(&args, settings);
	if (args.action == FR_ACTION_PRINT_CONFIG)
		fr_settings_print(settings, &text);
	else
		fr_text_add(&text, "%s: the configuration is good\n",
		    args.file != NULL ? args.file : "framerelayd");
	fr_settings_free(settings);
	return print(&text);
}
