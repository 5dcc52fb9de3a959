/* SPDX-License-Identifier: MIT */
#include "common/base/options.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/addr.h"
#include "common/base/cause.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"

struct value {
	bool set;
	int64_t number; /* BOOL, UINT, MILLI, SIZE */
	unsigned width, height;
	char *text;   /* STRING, NAME, LISTEN, HOST, PIXELS, CHOICE; never NULL there */
	char **items; /* LIST, PAIRS, NETWORKS */
	size_t count;
};

struct fr_options {
	const struct fr_option_spec *specs;
	size_t count;
	struct value values[]; /* one a row of specs */
};

static bool is_list(enum fr_option_type type)
{
	return type == FR_OPTION_LIST || type == FR_OPTION_PAIRS || type == FR_OPTION_NETWORKS;
}

static bool is_number(enum fr_option_type type)
{
	return type == FR_OPTION_UINT || type == FR_OPTION_MILLI || type == FR_OPTION_SIZE;
}

static bool is_text(enum fr_option_type type)
{
	return !is_list(type) && !is_number(type) && type != FR_OPTION_BOOL;
}

/* A choice is written like a number when all its choices are numbers: rotate = 90. */
static bool is_numeric_choice(const struct fr_option_spec *spec)
{
	return spec->type == FR_OPTION_CHOICE &&
	       strspn(spec->choices, "0123456789|") == strlen(spec->choices);
}

static size_t count_rows(const struct fr_option_spec *specs)
{
	size_t n = 0;

	while (specs[n].name != NULL)
		n++;
	return n;
}

/* The row of this name, or the number of rows. */
static size_t find_row(const struct fr_options *options, const char *name)
{
	size_t i = 0;

	while (i < options->count && strcmp(options->specs[i].name, name) != 0)
		i++;
	return i;
}

/* ---- reading a value ---- */

static int check_kind(const struct fr_option_spec *spec, enum fr_value_kind kind, const char *text,
    struct fr_cause *why)
{
	const char *must = NULL;

	if (kind == FR_VALUE_WORD)
		return 0;
	if (spec->type == FR_OPTION_BOOL) {
		if (kind != FR_VALUE_BOOL)
			must = "true or false";
	} else if (spec->type == FR_OPTION_SIZE) {
		if (kind == FR_VALUE_BOOL)
			must = "a number of bytes or a text such as \"8 MiB\"";
	} else if (is_number(spec->type)) {
		if (kind != FR_VALUE_NUMBER)
			must = "a number, without quotes";
	} else if (kind != FR_VALUE_TEXT && !(kind == FR_VALUE_NUMBER && is_numeric_choice(spec))) {
		must = "a text, in quotes";
	}
	if (must == NULL)
		return 0;
	return fr_cause_set(why, EINVAL, "%s = %s%.60s%s: must be %s", spec->name,
	    kind == FR_VALUE_TEXT ? "\"" : "", text, kind == FR_VALUE_TEXT ? "\"" : "", must);
}

static int read_bool(const char *text, int64_t *ret, struct fr_cause *why)
{
	static const char *const yes[] = {"true", "yes", "on"};
	static const char *const no[] = {"false", "no", "off"};

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
			*ret = strcmp(text, yes[i]) == 0 ? 1 : 0;
			return 0;
		}
	}
	return fr_cause_set(why, EINVAL, "\"%.40s\" is not true or false", text);
}

static int read_number(
    const struct fr_option_spec *spec, const char *text, int64_t *ret, struct fr_cause *why)
{
	struct fr_cause detail;
	int64_t number;
	int r;

	/* First alone, for the one number below the least that has a meaning. */
	if (spec->type == FR_OPTION_MILLI)
		r = fr_text_milli(text, 0, INT64_MAX, &number, &detail);
	else if (spec->type == FR_OPTION_SIZE)
		r = fr_text_size(text, 0, INT64_MAX, &number, &detail);
	else
		r = fr_text_int(text, 0, INT64_MAX, &number, &detail);
	if (r < 0 && text[0] != '-')
		return fr_cause_set(why, EINVAL, "%s", detail.text);
	if (r == 0 &&
	    ((number >= spec->min && number <= spec->max) || (number == 0 && spec->zero_is_off))) {
		*ret = number;
		return 0;
	}
	if (spec->type == FR_OPTION_MILLI)
		return fr_cause_set(why, EINVAL, "%.40s: must be %g..%g%s%s%s", text,
		    (double)spec->min / 1000, (double)spec->max / 1000,
		    spec->unit != NULL ? " " : "", spec->unit != NULL ? spec->unit : "",
		    spec->zero_is_off ? ", or 0" : "");
	return fr_cause_set(why, EINVAL, "%.40s: must be %" PRId64 "..%" PRId64 "%s%s%s", text,
	    spec->min, spec->max, spec->unit != NULL ? " " : "",
	    spec->unit != NULL ? spec->unit : "", spec->zero_is_off ? ", or 0" : "");
}

/* Whether `choices`, separated by |, have this one. */
static bool has_choice(const char *choices, const char *word)
{
	const size_t length = strlen(word);

	for (const char *c = choices;; c++) {
		const size_t n = strcspn(c, "|");

		if (n == length && strncmp(c, word, n) == 0)
			return true;
		c += n;
		if (*c == '\0')
			return false;
	}
}

static int check_text(
    const struct fr_option_spec *spec, const char *text, struct value *value, struct fr_cause *why)
{
	struct fr_addr addr;
	char host[256];
	uint16_t port;

	switch (spec->type) {
	case FR_OPTION_NAME:
		if (text[0] != '\0' && !fr_text_is_name(text))
			return fr_cause_set(why, EINVAL,
			    "\"%.80s\" is not a stream's name: letters, digits, _ and -, at most "
			    "64, the first a letter or a digit",
			    text);
		return 0;
	case FR_OPTION_LISTEN:
		return fr_addr_parse(text, &addr, why);
	case FR_OPTION_LISTEN_UDP:
		if (strncmp(text, "unix:", 5) == 0)
			return fr_cause_set(why, EINVAL,
			    "\"%.100s\": a UDP door listens at ADDRESS:PORT or systemd:NAME", text);
		return fr_addr_parse(text, &addr, why);
	case FR_OPTION_HOST:
		return text[0] != '\0' ? fr_addr_split(text, 1, host, &port, why) : 0;
	case FR_OPTION_PIXELS:
		return fr_text_pixels(text, &value->width, &value->height, why);
	case FR_OPTION_CHOICE:
		if (!has_choice(spec->choices, text))
			return fr_cause_set(
			    why, EINVAL, "\"%.40s\" is not one of %.200s", text, spec->choices);
		return 0;
	default:
		return 0;
	}
}

static void value_done(struct value *value)
{
	for (size_t i = 0; i < value->count; i++)
		free(value->items[i]);
	free(value->items);
	free(value->text);
	*value = (struct value){0};
}

/* Items separated by `,`, of a table's default or a command line. */
static int read_words(struct fr_options *options, const struct fr_option_spec *spec,
    const char *text, struct fr_cause *why)
{
	char *copy = fr_xstrdup(text);
	const char **items = NULL;
	size_t count = 0;
	char *save = NULL;
	int r;

	for (char *word = strtok_r(copy, ",", &save); word != NULL;
	     word = strtok_r(NULL, ",", &save)) {
		items = fr_xreallocarray(items, count + 1, sizeof(*items));
		items[count++] = word;
	}
	r = fr_options_set_list(options, spec->name, items, count, why);
	free(items);
	free(copy);
	return r;
}

/* ---- life ---- */

static void set_default(struct fr_options *options, size_t i)
{
	const struct fr_option_spec *spec = &options->specs[i];
	const char *def = spec->required || spec->def == NULL ? "" : spec->def;
	int r = 0;

	if (def[0] != '\0' || is_list(spec->type))
		r = fr_options_set(options, spec->name, FR_VALUE_WORD, def, NULL);
	else if (is_text(spec->type))
		options->values[i].text = fr_xstrdup("");
	assert(r == 0); /* a default in a table of ours is allowed by the same table */
	options->values[i].set = false;
}

struct fr_options *fr_options_new(const struct fr_option_spec *specs)
{
	const size_t count = count_rows(specs);
	struct fr_options *options =
	    fr_xcalloc(1, sizeof(*options) + count * sizeof(options->values[0]));

	options->specs = specs;
	options->count = count;
	for (size_t i = 0; i < count; i++)
		set_default(options, i);
	return options;
}

void fr_options_free(struct fr_options *options)
{
	if (options == NULL)
		return;
	for (size_t i = 0; i < options->count; i++)
		value_done(&options->values[i]);
	free(options);
}

struct fr_options *fr_options_copy(const struct fr_options *options)
{
	const size_t bytes = sizeof(*options) + options->count * sizeof(options->values[0]);
	struct fr_options *copy = fr_xcalloc(1, bytes);

	memcpy(copy, options, bytes);
	for (size_t i = 0; i < copy->count; i++) {
		struct value *value = &copy->values[i];

		value->text = fr_xstrdup(value->text);
		value->items = fr_xcalloc(value->count, sizeof(value->items[0]));
		for (size_t k = 0; k < value->count; k++)
			value->items[k] = fr_xstrdup(options->values[i].items[k]);
	}
	return copy;
}

/* ---- setting ---- */

static int no_such_option(const struct fr_options *options, const char *name, struct fr_cause *why)
{
	const char **names = fr_xcalloc(options->count + 1, sizeof(names[0]));
	const char *nearest;

	for (size_t i = 0; i < options->count; i++)
		names[i] = options->specs[i].name;
	nearest = fr_text_nearest(name, names);
	free(names);
	if (nearest != NULL)
		return fr_cause_set(
		    why, ENOENT, "unknown option \"%.80s\"; \"%s\" is meant?", name, nearest);
	return fr_cause_set(why, ENOENT, "unknown option \"%.80s\"", name);
}

int fr_options_set(struct fr_options *options, const char *name, enum fr_value_kind kind,
    const char *text, struct fr_cause *why)
{
	const size_t i = find_row(options, name);
	const struct fr_option_spec *spec = &options->specs[i];
	struct value value = {.set = true};
	int r;

	if (i == options->count)
		return no_such_option(options, name, why);
	if (is_list(spec->type)) {
		if (kind == FR_VALUE_WORD)
			return read_words(options, spec, text, why);
		return fr_cause_set(why, EINVAL,
		    spec->type == FR_OPTION_PAIRS
		        ? "%s: must be a group such as { NAME = VALUE; }"
		        : "%s: must be a list of texts such as [ \"...\" ]",
		    name);
	}
	r = check_kind(spec, kind, text, why);
	if (r < 0)
		return r;
	if (spec->type == FR_OPTION_BOOL)
		r = read_bool(text, &value.number, why);
	else if (is_number(spec->type))
		r = read_number(spec, text, &value.number, why);
	else
		r = check_text(spec, text, &value, why);
	if (r < 0)
		return fr_cause_prefix(why, r, "%s = ", name);
	if (is_text(spec->type))
		value.text = fr_xstrdup(text); /* before the old one goes: it may be the same */
	value_done(&options->values[i]);
	options->values[i] = value;
	return 0;
}

/* The name is one that the file could have before its `=`. */
static bool is_pair(const char *item)
{
	static const char allowed[] = "0123456789_-"
	                              "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	const size_t name = strspn(item, allowed);

	return name > 0 && strchr(allowed, item[0]) >= allowed + 12 && item[name] == '=';
}

static int check_item(enum fr_option_type type, const char *item, struct fr_cause *why)
{
	struct fr_network network;

	if (type == FR_OPTION_NETWORKS)
		return fr_network_parse(item, &network, why);
	if (type == FR_OPTION_PAIRS && !is_pair(item))
		return fr_cause_set(why, EINVAL, "\"%.80s\" is not NAME=VALUE", item);
	return 0;
}

int fr_options_set_list(struct fr_options *options, const char *name, const char *const *items,
    size_t count, struct fr_cause *why)
{
	const size_t row = find_row(options, name);
	struct value value = {.set = true, .count = count};

	if (row == options->count)
		return no_such_option(options, name, why);
	if (!is_list(options->specs[row].type))
		return fr_cause_set(why, EINVAL, "%s: must be one value, not a list", name);
	for (size_t i = 0; i < count; i++)
		if (check_item(options->specs[row].type, items[i], why) < 0)
			return fr_cause_prefix(why, -EINVAL, "%s: ", name);
	value.items = fr_xcalloc(count, sizeof(value.items[0]));
	for (size_t i = 0; i < count; i++)
		value.items[i] = fr_xstrdup(items[i]);
	value_done(&options->values[row]);
	options->values[row] = value;
	return 0;
}

int fr_options_check(const struct fr_options *options, struct fr_cause *why)
{
	for (size_t i = 0; i < options->count; i++) {
		const struct value *value = &options->values[i];

		if (options->specs[i].required &&
		    (!value->set || (value->text != NULL && value->text[0] == '\0')))
			return fr_cause_set(why, EINVAL, "%s is missing: %.200s",
			    options->specs[i].name, options->specs[i].help);
	}
	return 0;
}

/* ---- values ---- */

static const struct value *find_value(
    const struct fr_options *options, const char *name, bool (*is_type)(enum fr_option_type))
{
	const size_t i = find_row(options, name);

	assert(i < options->count);
	assert(is_type(options->specs[i].type));
	return &options->values[i];
}

static bool is_bool(enum fr_option_type type)
{
	return type == FR_OPTION_BOOL;
}

static bool is_pixels(enum fr_option_type type)
{
	return type == FR_OPTION_PIXELS;
}

bool fr_options_bool(const struct fr_options *options, const char *name)
{
	return find_value(options, name, is_bool)->number != 0;
}

int64_t fr_options_int(const struct fr_options *options, const char *name)
{
	return find_value(options, name, is_number)->number;
}

const char *fr_options_text(const struct fr_options *options, const char *name)
{
	return find_value(options, name, is_text)->text;
}

size_t fr_options_count(const struct fr_options *options, const char *name)
{
	return find_value(options, name, is_list)->count;
}

const char *fr_options_item(const struct fr_options *options, const char *name, size_t i)
{
	const struct value *value = find_value(options, name, is_list);

	assert(i < value->count);
	return value->items[i];
}

void fr_options_pixels(
    const struct fr_options *options, const char *name, unsigned *ret_width, unsigned *ret_height)
{
	const struct value *value = find_value(options, name, is_pixels);

	*ret_width = value->width;
	*ret_height = value->height;
}

bool fr_options_has(const struct fr_options *options, const char *name)
{
	return find_row(options, name) < options->count;
}

bool fr_options_has_pairs(const struct fr_options *options, const char *name)
{
	const size_t i = find_row(options, name);

	return i < options->count && options->specs[i].type == FR_OPTION_PAIRS;
}

bool fr_options_is_set(const struct fr_options *options, const char *name)
{
	const size_t i = find_row(options, name);

	assert(i < options->count);
	return options->values[i].set;
}

static bool same_value(const struct value *a, const struct value *b)
{
	if (a->number != b->number || a->count != b->count)
		return false;
	if (a->text != NULL && strcmp(a->text, b->text) != 0)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

bool fr_options_equal(const struct fr_options *a, const struct fr_options *b)
{
	if (a->specs != b->specs)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!same_value(&a->values[i], &b->values[i]))
			return false;
	return true;
}

const struct fr_option_spec *fr_options_specs(const struct fr_options *options)
{
	return options->specs;
}
