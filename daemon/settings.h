/* SPDX-License-Identifier: MIT */
/*
 * Everything that the program can be told, checked and typed: what a configuration file, the arguments
 * or both amount to.
 *
 * Settings are rows of options against tables (common/base/options.h); what a row's words mean stands in
 * the table of its door, source or sink.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/log.h"
#include "common/base/options.h"
#include "daemon/kinds.h"

struct fr_access;
struct fr_stream_config;
struct fr_text;

enum {
	FR_WHERE_MAX = 128,
};

/** One row: `{ kind = "frames"; … }`. */
struct fr_row {
	char *kind; /* "" in streams and access */
	struct fr_options *options;
	char where[FR_WHERE_MAX]; /* "relay.conf:12", "--publish" */
};

/** The rows of one section, in the order of the file. All zero: none. */
struct fr_rows {
	struct fr_row *items;
	size_t count;
};

struct fr_settings {
	struct fr_options *general; /* fr_general_specs */
	struct fr_options *log;     /* fr_log_specs */
	struct fr_options *limits;  /* fr_limit_specs */
	struct fr_options *tls;     /* fr_tls_specs */
	char tls_where[FR_WHERE_MAX];
	struct fr_rows doors, streams, sources, sinks, access;
};

/** The tables of the sections that belong to no door, source or sink. */
extern const struct fr_option_spec fr_general_specs[];
extern const struct fr_option_spec fr_log_specs[];
extern const struct fr_option_spec fr_tls_specs[];
extern const struct fr_option_spec fr_stream_specs[];
extern const struct fr_option_spec fr_access_specs[];

/** @return settings with every default and no row at all, never NULL; the caller frees */
struct fr_settings *fr_settings_new(void);

/** @return what an empty file means: a frames door, an http door, the default row of access; the caller frees */
struct fr_settings *fr_settings_default(void);

void fr_settings_free(struct fr_settings *settings); /* NULL is fine */

/**
 * Adds a row with every default.
 *
 * @param specs  must outlive the rows
 * @param where  whence it comes, for sentences; copied
 * @return       borrowed, until the next row is added
 */
struct fr_row *fr_rows_add(
    struct fr_rows *rows, const struct fr_option_spec *specs, const char *kind, const char *where);

/** Removes every row. */
void fr_rows_clear(struct fr_rows *rows);

/** @return whether both rows say the same; where they stand does not count */
bool fr_row_equal(const struct fr_row *a, const struct fr_row *b);

/** @return whether two doors cannot both be open, because of where they listen ([::] takes IPv4 too) */
bool fr_rows_collide(const struct fr_row *a, const struct fr_row *b);

/** @return whether both settings say the same, row by row */
bool fr_settings_equal(const struct fr_settings *a, const struct fr_settings *b);

/** Adds the row that holds where there is no section `access`. */
void fr_settings_add_default_access(struct fr_settings *settings);

/** Writes libconfig text that reads back equal. */
void fr_settings_print(const struct fr_settings *settings, struct fr_text *to);

/** @return the rules of the section `access`, for the relay; the caller owns them */
struct fr_access *fr_settings_access(const struct fr_settings *settings);

/** @return the rows of the section `streams`, for the relay, in malloc()ed memory that the caller owns */
struct fr_stream_config *fr_settings_streams(const struct fr_settings *settings, size_t *ret_count);

enum fr_log_level fr_settings_log_level(const struct fr_settings *settings);
enum fr_log_format fr_settings_log_format(const struct fr_settings *settings);

/** @return the rows of doors, sources or sinks */
struct fr_rows *fr_settings_rows(struct fr_settings *settings, enum fr_end end);
