/* SPDX-License-Identifier: MIT */
#include "daemon/arguments.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/cause.h"
#include "common/base/text.h"

/* What an option belongs to. */
enum {
	OF_ANY = 0,
	OF_PUBLISH = 1, /* --publish and --source */
	OF_SUBSCRIBE = 2,
	OF_EITHER = OF_PUBLISH | OF_SUBSCRIBE,
	LATER = 4, /* documented, not in this build */
};

struct argument {
	const char *name;
	int has_arg;
	unsigned of;
	size_t field;          /* of struct fr_arguments: a text, or a bool without an argument */
	enum fr_action action; /* where there is no field */
};

#define TEXT(name, of, field)                                                                      \
	{                                                                                          \
		name, required_argument, of, offsetof(struct fr_arguments, field), 0               \
	}
#define FLAG(name, of, field)                                                                      \
	{                                                                                          \
		name, no_argument, of, offsetof(struct fr_arguments, field), 0                     \
	}
#define ACTION(name, action)                                                                       \
	{                                                                                          \
		name, no_argument, OF_ANY, NO_FIELD, action                                        \
	}
/* An action with a value, which is args->subject. */
#define NAMED(name, action)                                                                        \
	{                                                                                          \
		name, required_argument, OF_ANY, NO_FIELD, action                                  \
	}
#define NOT_YET(name, has_arg)                                                                     \
	{                                                                                          \
		name, has_arg, LATER, NO_FIELD, 0                                                  \
	}

enum {
	NO_FIELD = -1,
	FIRST = 256, /* behind the characters */
};

static const struct argument arguments[] = {
    TEXT("source", OF_ANY, source),
    TEXT("publish", OF_ANY, publish),
    TEXT("subscribe", OF_ANY, subscribe),
    FLAG("lan", OF_ANY, lan),
    TEXT("size", OF_PUBLISH, size),
    TEXT("fps", OF_PUBLISH, fps),
    TEXT("quality", OF_PUBLISH, quality),
    FLAG("hflip", OF_PUBLISH, hflip),
    FLAG("vflip", OF_PUBLISH, vflip),
    TEXT("rotate", OF_PUBLISH, rotate),
    TEXT("warmup", OF_PUBLISH, warmup),
    TEXT("control", OF_PUBLISH, controls), /* the first; take() adds the others */
    FLAG("always", OF_PUBLISH, always),
    FLAG("plain", OF_PUBLISH, plain),
    TEXT("output", OF_SUBSCRIBE, output),
    TEXT("to", OF_SUBSCRIBE, to),
    TEXT("timestamps", OF_SUBSCRIBE, timestamps),
    TEXT("count", OF_SUBSCRIBE, count),
    TEXT("max-fps", OF_SUBSCRIBE, max_fps),
    FLAG("stats", OF_SUBSCRIBE, stats),
    TEXT("duration", OF_EITHER, duration),
    FLAG("no-retry", OF_EITHER, no_retry),
    TEXT("token-file", OF_EITHER, token_file),
    ACTION("check", FR_ACTION_CHECK),
    ACTION("print-config", FR_ACTION_PRINT_CONFIG),
    ACTION("list-cameras", FR_ACTION_LIST_CAMERAS),
    NAMED("new-token", FR_ACTION_NEW_TOKEN),
    NAMED("hash-password", FR_ACTION_HASH_PASSWORD),
    ACTION("help", FR_ACTION_HELP),
    ACTION("version", FR_ACTION_VERSION),
    TEXT("dump-docs", OF_ANY, dump),
    NOT_YET("tls", no_argument),
    NOT_YET("ca", required_argument),
    NOT_YET("sign-url", required_argument),
    NOT_YET("for", required_argument),
};

enum {
	COUNT = sizeof(arguments) / sizeof(arguments[0]),
};

/* The option that getopt_long() stumbled over. */
static int refuse(int argc, char **argv, int result, struct fr_cause *why)
{
	const char *names[COUNT + 1] = {NULL};
	const char *word = optind > 0 && optind <= argc ? argv[optind - 1] : "";
	char name[64];
	const char *nearest;

	if (optopt >= FIRST)
		return fr_cause_set(why, EINVAL,
		    result == ':' ? "--%s needs a value behind it" : "--%s takes no value",
		    arguments[optopt - FIRST].name);
	if (result == ':')
		return fr_cause_set(why, EINVAL, "-%c needs a value behind it", optopt);
	if (optopt != 0)
		return fr_cause_set(
		    why, EINVAL, "unknown option -%c; --help names the options there are", optopt);
	for (size_t i = 0; i < COUNT; i++)
		names[i] = arguments[i].name;
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	nearest = fr_text_nearest(name, names);
	if (nearest == NULL)
		return fr_cause_set(
		    why, EINVAL, "unknown option --%s; --help names the options there are", name);
	return fr_cause_set(why, EINVAL, "unknown option --%s; --%s is meant?", name, nearest);
}

static void set_field(struct fr_arguments *args, size_t field, char *value)
{
	if (value != NULL)
		memcpy((char *)args + field, &value, sizeof(value));
	else
		*((bool *)args + field) = true;
}

static int add_control(struct fr_arguments *args, const char *control, struct fr_cause *why)
{
	const char *equals = strchr(control, '=');

	if (equals == NULL || equals == control)
		return fr_cause_set(why, EINVAL,
		    "--control: \"%.80s\" is not NAME=VALUE; a wrong NAME is answered with the "
		    "camera's own",
		    control);
	if (args->control_count == FR_CONTROLS_MAX)
		return fr_cause_set(
		    why, EINVAL, "--control: at most %d are taken", (int)FR_CONTROLS_MAX);
	args->controls[args->control_count++] = control;
	return 0;
}

static int take(
    struct fr_arguments *args, const struct argument *argument, char *value, struct fr_cause *why)
{
	if ((argument->of & LATER) != 0)
		return fr_cause_set(why, EINVAL, "--%s is not in this build", argument->name);
	if (argument->field == offsetof(struct fr_arguments, controls))
		return add_control(args, value, why);
	if (argument->field != (size_t)NO_FIELD) {
		set_field(args, argument->field, value);
		if (args->dump != NULL)
			args->action = FR_ACTION_DUMP_DOCS;
		return 0;
	}
	if (args->action != FR_ACTION_RUN && args->action != argument->action)
		return fr_cause_set(why, EINVAL,
		    "--%s does not go with another of --check, --print-config, --list-cameras, "
		    "--new-token, --hash-password, --help, --version",
		    argument->name);
	args->action = argument->action;
	if (argument->has_arg == required_argument)
		args->subject = value;
	return 0;
}

/* ---- what goes with what ---- */

static bool is_given(const struct fr_arguments *args, const struct argument *argument)
{
	const char *text;

	if (argument->field == (size_t)NO_FIELD)
		return false;
	if (argument->has_arg == no_argument)
		return *((const bool *)args + argument->field);
	memcpy(&text, (const char *)args + argument->field, sizeof(text));
	return text != NULL;
}

static int check_modes(const struct fr_arguments *args, struct fr_cause *why)
{
	const unsigned modes = (args->publish != NULL || args->source != NULL ? OF_PUBLISH : 0U) |
	                       (args->subscribe != NULL ? OF_SUBSCRIBE : 0U);

	if (args->subscribe != NULL && args->publish != NULL)
		return fr_cause_set(
		    why, EINVAL, "--publish and --subscribe are two programs: start both");
	if (args->subscribe != NULL && args->source != NULL)
		return fr_cause_set(why, EINVAL,
		    "--source does not go with --subscribe: its pictures come from there");
	if (args->lan && (args->publish != NULL || args->subscribe != NULL || args->file != NULL))
		return fr_cause_set(why, EINVAL,
		    "--lan is for a relay without a file; in a file, the rows of doors say where "
		    "it listens");
	for (size_t i = 0; i < COUNT; i++) {
		const unsigned of = arguments[i].of & OF_EITHER;

		if (of == OF_ANY || (of & modes) != 0 || !is_given(args, &arguments[i]))
			continue;
		return fr_cause_set(why, EINVAL, "--%s goes with %s, which is not given",
		    arguments[i].name,
		    of == OF_PUBLISH     ? "--publish or --source"
		    : of == OF_SUBSCRIBE ? "--subscribe"
		                         : "--publish, --source or --subscribe");
	}
	return 0;
}

/* Words that are no options: only --help takes any. */
static int take_words(struct fr_arguments *args, int count, char **words, struct fr_cause *why)
{
	if (count == 0)
		return 0;
	if (args->action != FR_ACTION_HELP)
		return fr_cause_set(why, EINVAL,
		    "\"%.80s\" is not expected; a configuration file is given with -c FILE",
		    words[0]);
	if (count > 2)
		return fr_cause_set(
		    why, EINVAL, "--help takes door, source or sink and a KIND, and no more");
	args->help_end = words[0];
	args->help_kind = count == 2 ? words[1] : NULL;
	return 0;
}

static int finish(struct fr_arguments *args, struct fr_cause *why)
{
	const bool has_stream = args->subscribe == NULL || strchr(args->subscribe, '/') != NULL;
	int r = check_modes(args, why);

	if (r == 0 && args->duration != NULL &&
	    fr_text_milli(args->duration, 1, INT64_C(365) * 86400 * 1000, &args->duration_ms, why) <
	        0)
		r = fr_cause_prefix(why, -EINVAL, "--duration, in seconds: ");
	if (r == 0 && args->warmup != NULL &&
	    fr_text_milli(args->warmup, 0, 60000, &args->warmup_ms, why) < 0)
		r = fr_cause_prefix(why, -EINVAL, "--warmup, in seconds: ");
	if (r == 0 && args->action == FR_ACTION_RUN && !has_stream)
		args->action = FR_ACTION_LIST;
	return r;
}

int fr_arguments_parse(int argc, char **argv, struct fr_arguments *ret, struct fr_cause *why)
{
	struct fr_arguments args = {.terminal = isatty(STDERR_FILENO) == 1};
	struct option options[COUNT + 1] = {{0}};
	int r = 0, c;

	for (int i = 0; i < COUNT; i++)
		options[i] =
		    (struct option){arguments[i].name, arguments[i].has_arg, NULL, FIRST + i};
	optind = 0; /* getopt(3): begins anew, its GNU state too */
	opterr = 0;
	while (r == 0 && (c = getopt_long(argc, argv, ":c:h", options, NULL)) != -1) {
		if (c == 'c')
			args.file = optarg;
		else if (c == 'h')
			args.action = FR_ACTION_HELP;
		else if (c < FIRST)
			r = refuse(argc, argv, c, why);
		else
			r = take(&args, &arguments[c - FIRST], optarg, why);
	}
	if (r == 0)
		r = take_words(&args, argc - optind, argv + optind, why);
	if (r == 0)
		r = finish(&args, why);
	if (r == 0)
		*ret = args;
	return r;
}
