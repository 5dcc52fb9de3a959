/* SPDX-License-Identifier: MIT */
#include "daemon/settings_file.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libconfig.h>
#include <openssl/crypto.h>

#include "common/base/cause.h"
#include "common/base/secret.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "daemon/settings.h"
#include "daemon/settings_check.h"
#include "daemon/settings_scan.h"

struct reading {
	const char *name;
	struct fr_settings *settings;
	struct fr_scan_lines wrapped;
	struct fr_text *problems;
};

/* The sections, and what fills them. */
struct section {
	const char *name;
	void (*read)(struct reading *reading, const struct section *section,
	    const config_setting_t *setting);
	enum fr_end end; /* of doors, sources, sinks */
};

/* What the documents speak of and this build lacks. Asked after the tables. */
static const char *const planned[] = {"url_key_file", "cluster", "client_certificate", NULL};

__attribute__((format(printf, 3, 4))) static void say(
    struct reading *reading, const config_setting_t *setting, const char *fmt, ...)
{
	struct fr_cause what;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what.text, sizeof(what.text), fmt, ap); /* a cut sentence is still one */
	va_end(ap);
	fr_text_add(reading->problems, "%s:%u: %s\n", reading->name,
	    config_setting_source_line(setting), what.text);
}

static bool is_planned(const char *name)
{
	for (size_t i = 0; planned[i] != NULL; i++)
		if (strcmp(planned[i], name) == 0)
			return true;
	return false;
}

/* ---- one option ---- */

/* 0.100000 is 0.1, and 2.000000 is 2.0. */
static void cut_zeros(char *fraction)
{
	size_t length = strlen(fraction);

	while (fraction[length - 1] == '0' && fraction[length - 2] != '.')
		fraction[--length] = '\0';
}

/* A scalar as the text that it was, or near enough; NULL for anything else. */
static const char *scalar(const config_setting_t *setting, char room[64], enum fr_value_kind *kind)
{
	double number;

	*kind = FR_VALUE_NUMBER;
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
		(void)snprintf(room, 64, "%d", config_setting_get_int(setting));
		return room;
	case CONFIG_TYPE_INT64:
		(void)snprintf(room, 64, "%lld", config_setting_get_int64(setting));
		return room;
	case CONFIG_TYPE_FLOAT:
		number = config_setting_get_float(setting);
		/* Six places, so that 0.29 is 290 thousandths and not 289. */
		(void)snprintf(room, 64, fabs(number) < 1e15 ? "%.6f" : "%g", number);
		if (strchr(room, '.') != NULL)
			cut_zeros(room);
		return room;
	case CONFIG_TYPE_BOOL:
		*kind = FR_VALUE_BOOL;
		return config_setting_get_bool(setting) != 0 ? "true" : "false";
	case CONFIG_TYPE_STRING:
		*kind = FR_VALUE_TEXT;
		return config_setting_get_string(setting);
	default:
		return NULL;
	}
}

static int set_list(
    struct fr_options *options, const config_setting_t *setting, struct fr_cause *why)
{
	const char *name = config_setting_name(setting);
	const size_t count = (size_t)config_setting_length(setting);
	const char **items = fr_xcalloc(count, sizeof(items[0]));
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		items[i] = config_setting_get_string_elem(setting, (int)i);
		if (items[i] == NULL)
			r = fr_cause_set(
			    why, EINVAL, "%.80s: every item must be a text, in quotes", name);
	}
	if (r == 0)
		r = fr_options_set_list(options, name, items, count, why);
	free(items);
	return r;
}

/* A value of a group of pairs: a scalar, or several, which become one text with commas. */
static int add_pair(struct fr_text *to, const config_setting_t *member, struct fr_cause *why)
{
	const bool is_one = config_setting_is_aggregate(member) == 0;
	const unsigned count = is_one ? 1 : (unsigned)config_setting_length(member);
	const char *text = NULL;
	enum fr_value_kind kind;
	char room[64];

	fr_text_add(to, "%s=", config_setting_name(member));
	for (unsigned i = 0; i < count && config_setting_is_group(member) == 0; i++) {
		text = scalar(is_one ? member : config_setting_get_elem(member, i), room, &kind);
		if (text == NULL)
			break;
		fr_text_add(to, "%s%s", i != 0 ? "," : "", text);
	}
	if (text != NULL)
		return 0;
	return fr_cause_set(why, EINVAL, "%.80s: must be a value, or a list of values",
	    config_setting_name(member));
}

static int set_pairs(
    struct fr_options *options, const config_setting_t *group, struct fr_cause *why)
{
	const size_t count = (size_t)config_setting_length(group);
	struct fr_text *texts = fr_xcalloc(count, sizeof(texts[0]));
	const char **items = fr_xcalloc(count, sizeof(items[0]));
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++) {
		r = add_pair(&texts[i], config_setting_get_elem(group, (unsigned)i), why);
		items[i] = texts[i].text;
	}
	if (r == 0)
		r = fr_options_set_list(options, config_setting_name(group), items, count, why);
	else
		r = fr_cause_prefix(why, r, "%s: ", config_setting_name(group));
	for (size_t i = 0; i < count; i++)
		fr_text_done(&texts[i]);
	free(texts);
	free(items);
	return r;
}

static void read_option(
    struct reading *reading, struct fr_options *options, const config_setting_t *setting)
{
	const char *name = config_setting_name(setting);
	enum fr_value_kind kind;
	struct fr_cause why;
	const char *text;
	char room[64];
	int r;

	if (!fr_options_has(options, name) && is_planned(name)) {
		say(reading, setting, "option \"%s\" is not in this build", name);
		return;
	}
	text = scalar(setting, room, &kind);
	if (text != NULL)
		r = fr_options_set(options, name, kind, text, &why);
	else if (config_setting_is_group(setting) != 0 && fr_options_has_pairs(options, name))
		r = set_pairs(options, setting, &why);
	else if (config_setting_is_group(setting) != 0)
		r = fr_options_has(options, name)
		        ? fr_cause_set(&why, EINVAL, "%.80s: must be a value, not { }", name)
		        : fr_options_set(
		              options, name, FR_VALUE_TEXT, "", &why); /* says the nearest */
	else
		r = set_list(options, setting, &why);
	/* A number that libconfig wrapped was said to be too large already. */
	if (r < 0 &&
	    !(kind == FR_VALUE_NUMBER && text != NULL &&
	        fr_scan_lines_have(&reading->wrapped, config_setting_source_line(setting))))
		say(reading, setting, "%s", why.text);
}

/* Every member of a group but `kind`. */
static void read_members(
    struct reading *reading, struct fr_options *options, const config_setting_t *group)
{
	const unsigned count = (unsigned)config_setting_length(group);

	for (unsigned i = 0; i < count; i++) {
		const config_setting_t *member = config_setting_get_elem(group, i);

		if (strcmp(config_setting_name(member), "kind") != 0 ||
		    fr_options_has(options, "kind"))
			read_option(reading, options, member);
	}
}

/* ---- sections ---- */

static void read_group(
    struct reading *reading, struct fr_options *options, const config_setting_t *setting)
{
	if (config_setting_is_group(setting) == 0) {
		say(reading, setting, "%s: must be a group: %s = { ... };",
		    config_setting_name(setting), config_setting_name(setting));
		return;
	}
	read_members(reading, options, setting);
}

static void read_general(
    struct reading *reading, const struct section *section, const config_setting_t *setting)
{
	(void)section;
	read_option(reading, reading->settings->general, setting);
}

static void read_log(
    struct reading *reading, const struct section *section, const config_setting_t *setting)
{
	(void)section;
	read_group(reading, reading->settings->log, setting);
}

static void read_limits(
    struct reading *reading, const struct section *section, const config_setting_t *setting)
{
	(void)section;
	read_group(reading, reading->settings->limits, setting);
}

static void read_tls(
    struct reading *reading, const struct section *section, const config_setting_t *setting)
{
	(void)section;
	(void)snprintf(reading->settings->tls_where, sizeof(reading->settings->tls_where),
	    "%.100s:%u", reading->name, config_setting_source_line(setting));
	read_group(reading, reading->settings->tls, setting);
}

/* The i-th row of a list of groups; NULL, and said, when it is none. */
static const config_setting_t *row_at(
    struct reading *reading, const config_setting_t *list, unsigned i)
{
	const config_setting_t *row = config_setting_get_elem(list, i);

	if (config_setting_is_group(row) != 0)
		return row;
	say(reading, list, "%s: every row must be a group: { ... }", config_setting_name(list));
	return NULL;
}

/* How many rows; 0, and said, when it is no list. An empty list may be written [ ] too. */
static unsigned count_rows(struct reading *reading, const config_setting_t *setting)
{
	if (config_setting_is_list(setting) == 0 && config_setting_is_array(setting) == 0) {
		say(reading, setting, "%s: must be a list of rows: %s = ( { ... } );",
		    config_setting_name(setting), config_setting_name(setting));
		return 0;
	}
	return (unsigned)config_setting_length(setting);
}

static struct fr_row *add_row(struct reading *reading, struct fr_rows *rows,
    const struct fr_option_spec *specs, const char *kind, const config_setting_t *setting)
{
	char where[FR_WHERE_MAX];

	(void)snprintf(
	    where, sizeof(where), "%.100s:%u", reading->name, config_setting_source_line(setting));
	return fr_rows_add(rows, specs, kind, where);
}

static void read_row(struct reading *reading, struct fr_rows *rows,
    const struct fr_option_spec *specs, const char *kind, const config_setting_t *group)
{
	struct fr_row *row = add_row(reading, rows, specs, kind, group);
	const size_t before = reading->problems->length;
	struct fr_cause why;

	read_members(reading, row->options, group);
	if (reading->problems->length == before && fr_options_check(row->options, &why) < 0)
		say(reading, group, "%s", why.text);
}

static void read_ends(
    struct reading *reading, const struct section *section, const config_setting_t *setting)
{
	struct fr_rows *rows = fr_settings_rows(reading->settings, section->end);
	const unsigned count = count_rows(reading, setting);

	for (unsigned i = 0; i < count; i++) {
		const config_setting_t *group = row_at(reading, setting, i);
		const char *name = NULL;
		struct fr_kind kind;

		if (group == NULL)
			continue;
		if (config_setting_lookup_string(group, "kind", &name) == CONFIG_FALSE) {
			say(reading, group,
			    "kind is missing: the first thing that a row of %s says is kind = "
			    "\"...\"",
			    section->name);
		} else if (!fr_kind_find(section->end, name, &kind)) {
			struct fr_text what = {0};

			fr_kind_unknown(section->end, name, &what);
			say(reading, group, "%s", what.text);
			fr_text_done(&what);
		} else {
			read_row(reading, rows, kind.options, kind.name, group);
		}
	}
}

static void read_plain_rows(struct reading *reading, struct fr_rows *rows,
    const struct fr_option_spec *specs, const config_setting_t *setting)
{
	const unsigned count = count_rows(reading, setting);

	for (unsigned i = 0; i < count; i++) {
		const config_setting_t *group = row_at(reading, setting, i);

		if (group != NULL)
			read_row(reading, rows, specs, "", group);
	}
}

static void read_streams(
    struct reading *reading, const struct section *section, const config_setting_t *setting)
{
	(void)section;
	read_plain_rows(reading, &reading->settings->streams, fr_stream_specs, setting);
}

static void read_access(
    struct reading *reading, const struct section *section, const config_setting_t *setting)
{
	(void)section;
	read_plain_rows(reading, &reading->settings->access, fr_access_specs, setting);
}

static const struct section sections[] = {
    {.name = "default_stream", .read = read_general},
    {.name = "user", .read = read_general},
    {.name = "log", .read = read_log},
    {.name = "limits", .read = read_limits},
    {.name = "doors", .read = read_ends, .end = FR_END_DOOR},
    {.name = "streams", .read = read_streams},
    {.name = "sources", .read = read_ends, .end = FR_END_SOURCE},
    {.name = "sinks", .read = read_ends, .end = FR_END_SINK},
    {.name = "access", .read = read_access},
    {.name = "tls", .read = read_tls},
};

enum {
	SECTIONS = sizeof(sections) / sizeof(sections[0]),
};

static void read_section(struct reading *reading, const config_setting_t *setting)
{
	const char *names[SECTIONS + 1] = {NULL};
	const char *name = config_setting_name(setting);
	const char *nearest;

	for (size_t i = 0; i < SECTIONS; i++) {
		names[i] = sections[i].name;
		if (strcmp(name, names[i]) == 0) {
			sections[i].read(reading, &sections[i], setting);
			return;
		}
	}
	nearest = fr_text_nearest(name, names);
	if (is_planned(name))
		say(reading, setting, "\"%s\" is not in this build", name);
	else if (nearest != NULL)
		say(reading, setting, "unknown name \"%.80s\"; \"%s\" is meant?", name, nearest);
	else
		say(reading, setting,
		    "unknown name \"%.80s\"; there are default_stream, user, log, limits, doors, "
		    "streams, "
		    "sources, sinks, access and tls",
		    name);
}

/* ---- the whole ---- */

/* What libconfig alone finds: the grammar was looked at before. */
static void say_parse_error(struct reading *reading, const config_t *config)
{
	const char *text = config_error_text(config);

	if (text == NULL)
		text = "cannot be understood";
	else if (strstr(text, "duplicate") != NULL)
		text = "a name stands twice in one group";
	else if (strstr(text, "mismatch") != NULL)
		text = "the items between [ ] must all be of one kind";
	fr_text_add(
	    reading->problems, "%s:%d: %s\n", reading->name, config_error_line(config), text);
}

static void read_config(struct reading *reading, const config_t *config)
{
	const config_setting_t *root = config_root_setting(config);
	const unsigned count = (unsigned)config_setting_length(root);
	struct fr_settings *defaults;

	for (unsigned i = 0; i < count; i++)
		read_section(reading, config_setting_get_elem(root, i));
	if (config_setting_get_member(root, "doors") == NULL) {
		defaults = fr_settings_default();
		reading->settings->doors = defaults->doors;
		defaults->doors = (struct fr_rows){0};
		fr_settings_free(defaults);
	}
	if (config_setting_get_member(root, "access") == NULL)
		fr_settings_add_default_access(reading->settings);
}

int fr_settings_read_text(const char *name, const char *text, size_t size, struct fr_settings **ret,
    struct fr_text *problems)
{
	struct reading reading = {.name = name, .problems = problems};
	const size_t before = problems->length;
	config_t config;

	reading.settings = fr_settings_new();
	config_init(&config);
	if (fr_settings_scan(name, text, size, &reading.wrapped, problems) == 0) {
		if (config_read_string(&config, text) == CONFIG_TRUE) {
			read_config(&reading, &config);
			(void)fr_settings_check(
			    reading.settings, problems); /* it says what it finds */
		} else {
			say_parse_error(&reading, &config);
		}
	}
	config_destroy(&config);
	fr_scan_lines_done(&reading.wrapped);
	if (problems->length != before) {
		fr_settings_free(reading.settings);
		return -EINVAL;
	}
	*ret = reading.settings;
	return 0;
}

/* The file's text with a NUL behind it, NULL when it cannot be read; the caller frees. */
static char *read_file(const char *path, size_t *ret_size, struct fr_text *problems)
{
	FILE *file = fopen(path, "re");
	char *text;

	if (file == NULL) {
		fr_text_add(problems, "%s: %s\n", path, strerror(errno));
		return NULL;
	}
	text = fr_xcalloc(FR_SETTINGS_FILE_MAX + 2, 1);
	*ret_size = fread(text, 1, FR_SETTINGS_FILE_MAX + 1, file);
	if (ferror(file) != 0)
		fr_text_add(
		    problems, "%s: %s\n", path, strerror(errno)); /* EISDIR for a directory */
	else if (*ret_size > FR_SETTINGS_FILE_MAX)
		fr_text_add(problems, "%s: more than 1 MiB; this is no configuration file\n", path);
	else
		path = NULL;
	(void)fclose(file);
	if (path == NULL)
		return text;
	free(text);
	return NULL;
}

/* Whoever can read a hash can try passwords and tokens at home; whoever can write one lets himself in. */
static bool has_secrets(const struct fr_settings *settings)
{
	for (size_t i = 0; i < settings->access.count; i++)
		if (fr_options_is_set(settings->access.items[i].options, "password") ||
		    fr_options_is_set(settings->access.items[i].options, "token_sha256"))
			return true;
	return false;
}

int fr_settings_read(const char *path, struct fr_settings **ret, struct fr_text *problems)
{
	size_t size;
	char *text = read_file(path, &size, problems);
	struct fr_cause why;
	int r, fd;

	if (text == NULL)
		return -EINVAL;
	r = fr_settings_read_text(path, text, size, ret, problems);
	if (r == 0 && has_secrets(*ret)) {
		fd = fr_secret_open(path, &why);
		if (fd >= 0) {
			(void)close(fd);
		} else {
			fr_text_add(problems, "%s; access has logins\n", why.text);
			fr_settings_free(*ret);
			r = -EINVAL;
		}
	}
	OPENSSL_cleanse(text, size);
	free(text);
	return r;
}
