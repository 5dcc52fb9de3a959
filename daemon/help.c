/* SPDX-License-Identifier: MIT */
#include "daemon/help.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <event2/event.h>
#include <libconfig.h>

#include "common/base/cause.h"
#include "common/base/limits.h"
#include "common/base/options_text.h"
#include "common/base/stats.h"
#include "common/base/text.h"
#include "daemon/arguments.h"
#include "daemon/doors/http/metrics.h"
#include "daemon/kinds.h"
#include "daemon/settings.h"

static const enum fr_end ends[] = {FR_END_DOOR, FR_END_SOURCE, FR_END_SINK};

enum {
	ENDS = sizeof(ends) / sizeof(ends[0]),
};

static const char usage[] =
    "framerelayd                            show what it can do: this machine's camera, else a "
    "moving\n"
    "                                       test picture; loopback only\n"
    "  --lan                                the same for private networks\n"
    "framerelayd --source KIND[:ARG]        a relay with that source, for private networks\n"
    "framerelayd -c FILE                    run a relay\n"
    "framerelayd -c FILE --check            say everything that is wrong with the file\n"
    "framerelayd --publish HOST[:PORT][/STREAM]    pictures to a relay\n"
    "framerelayd --subscribe HOST[:PORT][/STREAM]  a relay's stream to files, a pipe, or numbers;\n"
    "                                       without STREAM: list what there is\n"
    "framerelayd --print-config             the configuration that the other arguments amount to\n"
    "framerelayd --list-cameras             the cameras of this machine\n"
    "framerelayd --new-token NAME           a token to log in with, and its row of access\n"
    "framerelayd --hash-password USER       asks for a password; the user's row of access\n"
    "framerelayd --help [door|source|sink [KIND]] | --version\n"
    "\n"
    "of --publish and --source:\n"
    "  --source KIND[:ARG]  camera[:ID] (what --publish takes without it), pattern, files:GLOB,\n"
    "                       stdin, http://…\n"
    "  --size WxH           640x480\n"
    "  --fps N              pictures a second\n"
    "  --quality 1..100     of pictures that we encode\n"
    "  --hflip, --vflip, --rotate 90|180|270  where the source can\n"
    "  --control NAME=VALUE  a control of the camera, again for each\n"
    "  --warmup S           how long the camera runs before its pictures count\n"
    "  --duration S         stop cleanly after so long\n"
    "  --always             run the source although nobody watches\n"
    "  --plain              lengths and pictures alone, no hello\n"
    "of --subscribe:\n"
    "  --output PATTERN     pic-%06n.jpg, %Y%m%d/%H%M%S.jpg, one.mjpeg, newest.jpg, - (standard "
    "output)\n"
    "  --to frames:HOST:PORT   on to a program that speaks plain framing\n"
    "  --timestamps FILE    CSV: sequence, capture time, receive time, bytes, file\n"
    "  --count N, --duration S, --max-fps X\n"
    "  --stats              one line a second\n"
    "of both:\n"
    "  --no-retry           end when the relay goes away\n"
    "  --token-file FILE    log in with the token in it\n"
    "\n"
    "Exit status: 0 done, 2 arguments or configuration are wrong, 1 anything else.\n";

/* The word, its plural, and no word at all. */
static bool is_end(const char *word, enum fr_end end)
{
	const char *name = fr_end_name(end);
	const size_t length = strlen(name);

	return strncmp(word, name, length) == 0 &&
	       (word[length] == '\0' || strcmp(word + length, "s") == 0);
}

static int print_kind(enum fr_end end, const char *name, struct fr_text *to, struct fr_cause *why)
{
	struct fr_text what = {0};
	struct fr_kind kind;

	if (!fr_kind_find(end, name, &kind)) {
		fr_kind_unknown(end, name, &what);
		(void)fr_cause_set(why, EINVAL, "--help: %s", what.text);
		fr_text_done(&what);
		return -EINVAL;
	}
	fr_text_add(to, "%s %s: %s\n\n", fr_end_name(end), kind.name, kind.summary);
	fr_options_document(kind.options, false, to);
	return 0;
}

static int print_help(const struct fr_arguments *args, struct fr_text *to, struct fr_cause *why)
{
	struct fr_kind kind;

	if (args->help_end == NULL) {
		fr_text_add(to, "%s", usage);
		return 0;
	}
	for (size_t e = 0; e < ENDS; e++) {
		if (!is_end(args->help_end, ends[e]))
			continue;
		if (args->help_kind != NULL)
			return print_kind(ends[e], args->help_kind, to, why);
		for (size_t i = 0; fr_kind_at(ends[e], i, &kind); i++)
			fr_text_add(to, "%-12s %s\n", kind.name, kind.summary);
		return 0;
	}
	return fr_cause_set(
	    why, EINVAL, "--help: \"%.40s\" is not one of door, source, sink", args->help_end);
}

static void print_version(struct fr_text *to)
{
	struct fr_kind kind;

	fr_text_add(to, "framerelayd %s\n", FR_VERSION);
	for (size_t e = 0; e < ENDS; e++) {
		fr_text_add(to, "%ss:", fr_end_name(ends[e]));
		for (size_t i = 0; fr_kind_at(ends[e], i, &kind); i++)
			fr_text_add(to, " %s", kind.name);
		fr_text_add(to, "\n");
	}
	fr_text_add(to, "libevent: %s\nlibconfig: %d.%d.%d\n", event_get_version(),
	    LIBCONFIG_VER_MAJOR, LIBCONFIG_VER_MINOR, LIBCONFIG_VER_REVISION);
}

/* ---- documents ---- */

static void document_table(
    const char *title, const struct fr_option_spec *specs, struct fr_text *to)
{
	fr_text_add(to, "### %s\n\n", title);
	fr_options_document(specs, true, to);
	fr_text_add(to, "\n");
}

static void document_configuration(struct fr_text *to)
{
	document_table("At the top", fr_general_specs, to);
	document_table("`log`", fr_log_specs, to);
	for (size_t e = 0; e < ENDS; e++) {
		struct fr_kind kind;

		for (size_t i = 0; fr_kind_at(ends[e], i, &kind); i++) {
			fr_text_add(to, "### `%ss`: `kind = \"%s\"`\n\n%s.\n\n",
			    fr_end_name(ends[e]), kind.name, kind.summary);
			fr_options_document(kind.options, true, to);
			fr_text_add(to, "\n");
		}
	}
	document_table("`streams`", fr_stream_specs, to);
	document_table("`access`", fr_access_specs, to);
	document_table("`tls`", fr_tls_specs, to);
}

static void document_metrics(struct fr_text *to)
{
	fr_http_metrics_document(to);
	fr_stats_document(to);
}

/* "source pattern": the options of one kind. @return false: no such kind */
static bool document_kind(const char *name, struct fr_text *to)
{
	for (size_t e = 0; e < ENDS; e++) {
		const size_t length = strlen(fr_end_name(ends[e]));
		struct fr_kind kind;

		if (strncmp(name, fr_end_name(ends[e]), length) != 0 || name[length] != ' ' ||
		    !fr_kind_find(ends[e], name + length + 1, &kind))
			continue;
		fr_options_document(kind.options, true, to);
		return true;
	}
	return false;
}

static int dump_docs(const char *name, struct fr_text *to, struct fr_cause *why)
{
	if (strcmp(name, "configuration") == 0)
		document_configuration(to);
	else if (strcmp(name, "metrics") == 0)
		document_metrics(to);
	else if (strcmp(name, "limits") == 0)
		fr_options_document(fr_limit_specs, true, to);
	else if (!document_kind(name, to))
		return fr_cause_set(why, EINVAL,
		    "--dump-docs: \"%.40s\" is not one of configuration, metrics, limits, END KIND",
		    name);
	return 0;
}

int fr_help_print(const struct fr_arguments *args, struct fr_text *to, struct fr_cause *why)
{
	switch (args->action) {
	case FR_ACTION_VERSION:
		print_version(to);
		return 0;
	case FR_ACTION_DUMP_DOCS:
		return dump_docs(args->dump, to, why);
	default:
		return print_help(args, to, why);
	}
}
