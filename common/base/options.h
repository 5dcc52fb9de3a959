/* SPDX-License-Identifier: MIT */
/*
 * Options as table rows: name, type, unit, range, default and a sentence.
 *
 * A door, a source, a sink has a table; settings and the command line fill values against it, --help
 * and the documents are made from it. So a default, a range or a name stands in one place.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_cause;

enum fr_option_type {
	FR_OPTION_BOOL,   /* true, false */
	FR_OPTION_UINT,   /* a whole number within min..max */
	FR_OPTION_MILLI,  /* a decimal fraction; kept in thousandths; min and max in thousandths */
	FR_OPTION_SIZE,   /* bytes: a whole number or "8 MiB" */
	FR_OPTION_STRING, /* any text */
	FR_OPTION_NAME,   /* a stream's name, or empty */
	FR_OPTION_LISTEN, /* where to listen: fr_addr_parse() */
	FR_OPTION_LISTEN_UDP, /* the same without unix: */
	FR_OPTION_HOST,       /* where to connect: HOST[:PORT] */
	FR_OPTION_PIXELS,     /* "640x480" */
	FR_OPTION_CHOICE,     /* one of `choices` */
	FR_OPTION_LIST,       /* a list of texts */
	FR_OPTION_PAIRS,      /* a list of "NAME=VALUE"; in the file a group may stand for it */
	FR_OPTION_NETWORKS    /* a list of fr_network_parse() texts */
};

/** One row. A table ends with a row whose name is NULL. */
struct fr_option_spec {
	const char *name;
	enum fr_option_type type;
	bool zero_is_off; /* numbers: 0 is allowed below min and means "no limit" */
	bool secret;      /* never printed */
	bool required; /* a row without it is refused; `def` is then an example for the documents */
	const char *unit;    /* "frames", "ms", "bytes", "px"; NULL: none */
	int64_t min, max;    /* numbers only */
	const char *choices; /* CHOICE: "same|replace|refuse" */
	const char *def;     /* as it would be written; lists: items separated by `,` */
	const char *help;    /* what it does, a sentence without its full stop */
};

/** The values of one configured thing, against its table. */
struct fr_options;

/** @param specs  must outlive the options. @return all defaults, never NULL */
struct fr_options *fr_options_new(const struct fr_option_spec *specs);
void fr_options_free(struct fr_options *options); /* NULL is fine */
struct fr_options *fr_options_copy(const struct fr_options *options);

/** What the configuration file wrote, so that a text where a number is meant is an error. */
enum fr_value_kind {
	FR_VALUE_TEXT,   /* "…" */
	FR_VALUE_NUMBER, /* 12 or 0.5 */
	FR_VALUE_BOOL,
	FR_VALUE_WORD, /* from a command line: the type decides */
};

/**
 * Sets one scalar option.
 *
 * @param text      the value as written
 * @retval -ENOENT  no such option; `why` names the nearest
 * @retval -EINVAL  the value is not allowed; `why` says what is
 */
int fr_options_set(struct fr_options *options, const char *name, enum fr_value_kind kind,
    const char *text, struct fr_cause *why);

/** Sets a LIST, PAIRS or NETWORKS option. Errors as above. */
int fr_options_set_list(struct fr_options *options, const char *name, const char *const *items,
    size_t count, struct fr_cause *why);

/** @retval -EINVAL  an option that is required was never set */
int fr_options_check(const struct fr_options *options, struct fr_cause *why);

/* Values. Asking for an option that the table does not have, or by the wrong type, is our own mistake. */
bool fr_options_bool(const struct fr_options *options, const char *name);
int64_t fr_options_int(const struct fr_options *options, const char *name); /* UINT, MILLI, SIZE */
const char *fr_options_text(const struct fr_options *options, const char *name);
size_t fr_options_count(const struct fr_options *options, const char *name); /* of a list */
const char *fr_options_item(const struct fr_options *options, const char *name, size_t i);
void fr_options_pixels(
    const struct fr_options *options, const char *name, unsigned *ret_width, unsigned *ret_height);

/** @return whether the table has such an option */
bool fr_options_has(const struct fr_options *options, const char *name);

/** @return whether the table has such an option, of type PAIRS */
bool fr_options_has_pairs(const struct fr_options *options, const char *name);

/** @return whether it was set (and not only defaulted) */
bool fr_options_is_set(const struct fr_options *options, const char *name);

/** @return whether both have the same table and the same values */
bool fr_options_equal(const struct fr_options *a, const struct fr_options *b);

/** @return the table */
const struct fr_option_spec *fr_options_specs(const struct fr_options *options);
