/* SPDX-License-Identifier: MIT */
/* The command line as a plain value: which mode, and what was said about it. What it means is in presets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_cause;

enum {
	FR_CONTROLS_MAX = 32, /* of --control */
};

enum fr_action {
	FR_ACTION_RUN,
	FR_ACTION_CHECK,         /* --check: exit 0 or 2 */
	FR_ACTION_PRINT_CONFIG,  /* --print-config */
	FR_ACTION_LIST_CAMERAS,  /* --list-cameras */
	FR_ACTION_NEW_TOKEN,     /* --new-token NAME */
	FR_ACTION_HASH_PASSWORD, /* --hash-password USER */
	FR_ACTION_LIST,          /* --subscribe without a STREAM: say what there is */
	FR_ACTION_HELP,          /* these three: fr_help_print() */
	FR_ACTION_VERSION,
	FR_ACTION_DUMP_DOCS,
};

/** Texts are argv's, NULL where nothing was said. */
struct fr_arguments {
	enum fr_action action;
	bool lan;
	const char *file;      /* -c */
	const char *source;    /* KIND[:ARG] */
	const char *publish;   /* HOST[:PORT][/STREAM] */
	const char *subscribe; /* HOST[:PORT][/STREAM] */

	/* of --publish and --source */
	const char *size, *fps, *quality, *rotate, *warmup;
	int64_t warmup_ms;                     /* the same, read */
	const char *controls[FR_CONTROLS_MAX]; /* "NAME=VALUE" */
	size_t control_count;
	bool hflip, vflip, always, plain;

	/* of --subscribe */
	const char *output, *to, *timestamps, *count, *max_fps;
	bool stats;

	/* of all three */
	bool no_retry;
	const char *token_file;
	const char *duration;
	int64_t duration_ms; /* the same, read; 0: for ever */

	const char *help_end, *help_kind; /* --help door frames */
	const char *subject;              /* of --new-token, --hash-password */
	const char *dump;                 /* --dump-docs NAME */
	bool terminal;                    /* whether a person watches standard error */
};

/**
 * Reads the command line.
 *
 * @param argv  may be reordered; borrowed by *ret
 * @retval -EINVAL  an argument is wrong; `why` says what to do. The exit status is 2
 *
 * Not to be called by two threads at once: getopt_long() has state of its own.
 */
int fr_arguments_parse(int argc, char **argv, struct fr_arguments *ret, struct fr_cause *why);
