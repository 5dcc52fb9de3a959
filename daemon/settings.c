/* SPDX-License-Identifier: MIT */
#include "daemon/settings.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/addr.h"
#include "common/base/limits.h"
#include "common/base/options_text.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "daemon/relay/access.h"
#include "daemon/relay/relay.h"
#include "daemon/user.h"

const struct fr_option_spec fr_general_specs[] = {
    {.name = "default_stream",
        .type = FR_OPTION_NAME,
        .def = "",
        .help = "the stream of whoever names none; empty: the first that was ever live"},
    {.name = "user",
        .type = FR_OPTION_STRING,
        .def = FR_USER_DEFAULT,
        .help = "who the relay becomes when it was started as root and its doors are open; root: "
                "it stays root"},
    {.name = NULL},
};

const struct fr_option_spec fr_log_specs[] = {
    {.name = "level",
        .type = FR_OPTION_CHOICE,
        .choices = "error|warning|info|debug",
        .def = "info",
        .help = "the least important lines that are written"},
    {.name = "format",
        .type = FR_OPTION_CHOICE,
        .choices = "text|json",
        .def = "text",
        .help = "text: `level area: sentence key=value`; json: one object a line"},
    {.name = NULL},
};

const struct fr_option_spec fr_tls_specs[] = {
    {.name = "certificate",
        .type = FR_OPTION_STRING,
        .def = "",
        .help = "a file in PEM form: this machine's certificate, then those that lead to its CA"},
    {.name = "key",
        .type = FR_OPTION_STRING,
        .def = "",
        .help = "a file in PEM form: the certificate's private key, without a passphrase; others "
                "may not read it"},
    {.name = "client_ca",
        .type = FR_OPTION_STRING,
        .def = "",
        .help = "a file in PEM form: who signs the certificates that clients must show at every "
                "door with TLS; empty: they need none"},
    {.name = NULL},
};

const struct fr_option_spec fr_stream_specs[] = {
    {.name = "name",
        .type = FR_OPTION_NAME,
        .required = true,
        .def = "porch",
        .help = "the stream's name"},
    {.name = "title", .type = FR_OPTION_STRING, .def = "", .help = "a name for people"},
    {.name = "number",
        .type = FR_OPTION_UINT,
        .min = 0,
        .max = 100000,
        .def = "0",
        .help = "its number where programs ask for a camera by number; 0: none"},
    {.name = "from",
        .type = FR_OPTION_NETWORKS,
        .def = "",
        .help = "publishers at these addresses that cannot say a name are this stream"},
    {.name = "rotate",
        .type = FR_OPTION_CHOICE,
        .choices = "0|90|180|270",
        .def = "0",
        .help = "turns the stream for everybody, clockwise"},
    {.name = "stale_after_ms",
        .type = FR_OPTION_UINT,
        .zero_is_off = true,
        .unit = "ms",
        .min = 10,
        .max = 86400000,
        .def = "5000",
        .help =
            "without a picture for so long it is stale; where it is not set, the limit of the same "
            "name holds"},
    {.name = NULL},
};

const struct fr_option_spec fr_access_specs[] = {
    {.name = "name",
        .type = FR_OPTION_STRING,
        .def = "",
        .help = "whose row it is, for people who read it"},
    {.name = "token_sha256",
        .type = FR_OPTION_STRING,
        .def = "",
        .help = "whoever shows the token with this SHA-256, 64 hex digits; --new-token makes both"},
    {.name = "from",
        .type = FR_OPTION_NETWORKS,
        .def = "",
        .help =
            "whom the row is for: networks, `private`, `link`, `any`, `local`; empty: everybody"},
    {.name = "user",
        .type = FR_OPTION_STRING,
        .def = "",
        .help = "whoever shows this name and its password"},
    {.name = "password",
        .type = FR_OPTION_STRING,
        .secret = true,
        .def = "",
        .help = "the user's, as crypt(3) keeps it; --hash-password makes it"},
    {.name = "publish",
        .type = FR_OPTION_LIST,
        .def = "",
        .help = "streams that they may publish; `*`: all"},
    {.name = "subscribe",
        .type = FR_OPTION_LIST,
        .def = "",
        .help = "streams that they may watch; `*`: all"},
    {.name = "message",
        .type = FR_OPTION_LIST,
        .def = "",
        .help = "streams that they may send MESSAGEs to; where it is not set: as publish"},
    {.name = "observe",
        .type = FR_OPTION_BOOL,
        .def = "false",
        .help = "whether they may see which streams there are"},
    {.name = "admin",
        .type = FR_OPTION_BOOL,
        .def = "false",
        .help = "whether they may see everything; where it is not set: loopback may"},
    {.name = NULL},
};

/* ---- life ---- */

struct fr_settings *fr_settings_new(void)
{
	struct fr_settings *settings = fr_xcalloc(1, sizeof(*settings));

	settings->general = fr_options_new(fr_general_specs);
	settings->log = fr_options_new(fr_log_specs);
	settings->limits = fr_options_new(fr_limit_specs);
	settings->tls = fr_options_new(fr_tls_specs);
	return settings;
}

struct fr_settings *fr_settings_default(void)
{
	struct fr_settings *settings = fr_settings_new();
	static const char *const doors[] = {"frames", "http", "grpc"};
	struct fr_kind kind;

	for (size_t i = 0; i < sizeof(doors) / sizeof(doors[0]); i++)
		if (fr_kind_find(FR_END_DOOR, doors[i], &kind))
			(void)fr_rows_add(&settings->doors, kind.options, kind.name, "default");
	fr_settings_add_default_access(settings);
	return settings;
}

void fr_rows_clear(struct fr_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->items[i].kind);
		fr_options_free(rows->items[i].options);
	}
	free(rows->items);
	*rows = (struct fr_rows){0};
}

void fr_settings_free(struct fr_settings *settings)
{
	if (settings == NULL)
		return;
	fr_options_free(settings->general);
	fr_options_free(settings->log);
	fr_options_free(settings->limits);
	fr_options_free(settings->tls);
	fr_rows_clear(&settings->doors);
	fr_rows_clear(&settings->streams);
	fr_rows_clear(&settings->sources);
	fr_rows_clear(&settings->sinks);
	fr_rows_clear(&settings->access);
	free(settings);
}

struct fr_row *fr_rows_add(
    struct fr_rows *rows, const struct fr_option_spec *specs, const char *kind, const char *where)
{
	struct fr_row *row;

	rows->items = fr_xreallocarray(rows->items, rows->count + 1, sizeof(rows->items[0]));
	row = &rows->items[rows->count++];
	*row = (struct fr_row){.kind = fr_xstrdup(kind), .options = fr_options_new(specs)};
	(void)snprintf(row->where, sizeof(row->where), "%s", where);
	return row;
}

void fr_settings_add_default_access(struct fr_settings *settings)
{
	static const char *const from[] = {"private", "link"}, *const all[] = {"*"};
	struct fr_row *row = fr_rows_add(&settings->access, fr_access_specs, "", "default");
	int r = fr_options_set_list(row->options, "from", from, 2, NULL);

	r |= fr_options_set_list(row->options, "publish", all, 1, NULL);
	r |= fr_options_set_list(row->options, "subscribe", all, 1, NULL);
	r |= fr_options_set(row->options, "observe", FR_VALUE_BOOL, "true", NULL);
	assert(r == 0);
}

struct fr_rows *fr_settings_rows(struct fr_settings *settings, enum fr_end end)
{
	switch (end) {
	case FR_END_DOOR:
		return &settings->doors;
	case FR_END_SOURCE:
		return &settings->sources;
	case FR_END_SINK:
		return &settings->sinks;
	}
	return NULL;
}

/* ---- comparing ---- */

bool fr_row_equal(const struct fr_row *a, const struct fr_row *b)
{
	return strcmp(a->kind, b->kind) == 0 && fr_options_equal(a->options, b->options);
}

static bool same_rows(const struct fr_rows *a, const struct fr_rows *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!fr_row_equal(&a->items[i], &b->items[i]))
			return false;
	return true;
}

bool fr_settings_equal(const struct fr_settings *a, const struct fr_settings *b)
{
	return fr_options_equal(a->general, b->general) && fr_options_equal(a->log, b->log) &&
	       fr_options_equal(a->limits, b->limits) && fr_options_equal(a->tls, b->tls) &&
	       same_rows(&a->doors, &b->doors) && same_rows(&a->streams, &b->streams) &&
	       same_rows(&a->sources, &b->sources) && same_rows(&a->sinks, &b->sinks) &&
	       same_rows(&a->access, &b->access);
}

/* ---- printing ---- */

static void print_group(const char *name, const struct fr_options *options, struct fr_text *to)
{
	struct fr_text set = {0};

	fr_options_print(options, &set);
	if (set.length != 0)
		fr_text_add(to, "%s = { %s };\n", name, set.text);
	fr_text_done(&set);
}

static void print_rows(const char *name, const struct fr_rows *rows, struct fr_text *to)
{
	fr_text_add(to, "%s = (", name);
	for (size_t i = 0; i < rows->count; i++) {
		const struct fr_row *row = &rows->items[i];
		struct fr_text set = {0};

		fr_options_print(row->options, &set);
		fr_text_add(to, "%s\n  {", i == 0 ? "" : ",");
		if (row->kind[0] != '\0')
			fr_text_add(to, " kind = \"%s\";", row->kind);
		fr_text_add(
		    to, "%s%s }", set.length != 0 ? " " : "", set.length != 0 ? set.text : "");
		fr_text_done(&set);
	}
	fr_text_add(to, "%s);\n", rows->count == 0 ? " " : "\n");
}

void fr_settings_print(const struct fr_settings *settings, struct fr_text *to)
{
	struct fr_text general = {0};

	fr_options_print(settings->general, &general);
	if (general.length != 0)
		fr_text_add(to, "%s\n", general.text);
	fr_text_done(&general);
	print_group("log", settings->log, to);
	print_group("limits", settings->limits, to);
	print_group("tls", settings->tls, to);
	print_rows("doors", &settings->doors, to);
	if (settings->streams.count != 0)
		print_rows("streams", &settings->streams, to);
	if (settings->sources.count != 0)
		print_rows("sources", &settings->sources, to);
	if (settings->sinks.count != 0)
		print_rows("sinks", &settings->sinks, to);
	print_rows("access", &settings->access, to);
}

/* ---- for the relay ---- */

static struct fr_network *copy_networks(
    const struct fr_options *options, const char *name, size_t *ret_count)
{
	const size_t count = fr_options_count(options, name);
	struct fr_network *networks = fr_xcalloc(count, sizeof(*networks));

	for (size_t i = 0; i < count; i++) {
		const int r =
		    fr_network_parse(fr_options_item(options, name, i), &networks[i], NULL);

		assert(r == 0); /* it was parsed when it was set */
	}
	*ret_count = count;
	return networks;
}

static struct fr_access_names copy_names(const struct fr_options *options, const char *name)
{
	struct fr_access_names names = {.count = fr_options_count(options, name)};

	names.names = fr_xcalloc(names.count, sizeof(names.names[0]));
	for (size_t i = 0; i < names.count; i++)
		names.names[i] = fr_xstrdup(fr_options_item(options, name, i));
	return names;
}

struct fr_access *fr_settings_access(const struct fr_settings *settings)
{
	const size_t count = settings->access.count;
	struct fr_access_row *rows = fr_xcalloc(count, sizeof(*rows));

	for (size_t i = 0; i < count; i++) {
		const struct fr_options *options = settings->access.items[i].options;
		struct fr_access_row *row = &rows[i];

		row->from = copy_networks(options, "from", &row->from_count);
		row->has_token =
		    fr_digest_read(fr_options_text(options, "token_sha256"), &row->token);
		if (fr_options_is_set(options, "user")) {
			row->user = fr_xstrdup(fr_options_text(options, "user"));
			row->password = fr_xstrdup(fr_options_text(options, "password"));
		}
		row->publish = copy_names(options, "publish");
		row->subscribe = copy_names(options, "subscribe");
		row->message = copy_names(options, "message");
		row->message_is_set = fr_options_is_set(options, "message");
		row->observe = fr_options_bool(options, "observe");
		row->admin = fr_options_bool(options, "admin");
		row->admin_is_set = fr_options_is_set(options, "admin");
	}
	return fr_access_new(rows, count);
}

struct fr_stream_config *fr_settings_streams(const struct fr_settings *settings, size_t *ret_count)
{
	const size_t count = settings->streams.count;
	struct fr_stream_config *rows = fr_xcalloc(count, sizeof(*rows));

	for (size_t i = 0; i < count; i++) {
		const struct fr_options *options = settings->streams.items[i].options;
		struct fr_stream_config *row = &rows[i];

		(void)snprintf(
		    row->name, sizeof(row->name), "%s", fr_options_text(options, "name"));
		row->title = fr_xstrdup(fr_options_text(options, "title"));
		row->number = fr_options_int(options, "number");
		row->from = copy_networks(options, "from", &row->from_count);
		row->rotate = (uint16_t)strtoul(fr_options_text(options, "rotate"), NULL, 10);
		row->stale_after_ms = fr_options_is_set(options, "stale_after_ms")
		                          ? fr_options_int(options, "stale_after_ms")
		                          : -1;
	}
	*ret_count = count;
	return rows;
}

enum fr_log_level fr_settings_log_level(const struct fr_settings *settings)
{
	static const char *const names[] = {[FR_LOG_ERROR] = "error",
	    [FR_LOG_WARNING] = "warning",
	    [FR_LOG_INFO] = "info",
	    [FR_LOG_DEBUG] = "debug"};
	const char *text = fr_options_text(settings->log, "level");
	enum fr_log_level level = FR_LOG_ERROR;

	while (strcmp(names[level], text) != 0)
		level++; /* a choice is one of them */
	return level;
}

enum fr_log_format fr_settings_log_format(const struct fr_settings *settings)
{
	return strcmp(fr_options_text(settings->log, "format"), "json") == 0 ? FR_LOG_JSON
	                                                                     : FR_LOG_TEXT;
}
