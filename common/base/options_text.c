/* SPDX-License-Identifier: MIT */
#include "common/base/options_text.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/options.h"
#include "common/base/text.h"

static bool is_number(enum fr_option_type type)
{
	return type == FR_OPTION_UINT || type == FR_OPTION_MILLI || type == FR_OPTION_SIZE;
}

/* A choice is written like a number when all its choices are numbers: rotate = 90. */
static bool is_numeric_choice(const struct fr_option_spec *spec)
{
	return spec->type == FR_OPTION_CHOICE &&
	       strspn(spec->choices, "0123456789|") == strlen(spec->choices);
}

/* Source: libconfig manual 2.4 (strings): \\ \" and \xNN, which libconfig 1.5 reads too. */
static void print_quoted(const char *text, struct fr_text *to)
{
	fr_text_add(to, "\"");
	for (; *text != '\0'; text++) {
		const unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			fr_text_add(to, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fr_text_add(to, "\\x%02x", c);
		else
			fr_text_add(to, "%c", c);
	}
	fr_text_add(to, "\"");
}

static void print_number(int64_t number, enum fr_option_type type, struct fr_text *to)
{
	if (type != FR_OPTION_MILLI) {
		/* Without the L libconfig 1.5 wraps what is longer than 32 bits. */
		fr_text_add(to, "%" PRId64 "%s", number, number > INT32_MAX ? "L" : "");
		return;
	}
	fr_text_add(to, "%" PRId64 ".%03" PRId64, number / 1000, number % 1000);
	while (to->text[to->length - 1] == '0' && to->text[to->length - 2] != '.')
		to->text[--to->length] = '\0';
}

/* Whether the file may have it without quotes: true, false, or a number of no more digits than are kept. */
static bool is_bare(const char *text)
{
	const char *digits = text[0] == '-' ? text + 1 : text;
	const size_t whole = strspn(digits, "0123456789");
	const size_t part = digits[whole] == '.' ? 1 + strspn(digits + whole + 1, "0123456789") : 0;

	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return true;
	return whole >= 1 && whole <= 9 && part != 1 && part <= 7 && digits[whole + part] == '\0';
}

static void print_pairs(const struct fr_options *options, const char *name, struct fr_text *to)
{
	fr_text_add(to, "{ ");
	for (size_t i = 0; i < fr_options_count(options, name); i++) {
		const char *pair = fr_options_item(options, name, i);
		const char *value = strchr(pair, '=') + 1;

		fr_text_add(to, "%.*s = ", (int)(value - 1 - pair), pair);
		if (is_bare(value))
			fr_text_add(to, "%s", value);
		else
			print_quoted(value, to);
		fr_text_add(to, "; ");
	}
	fr_text_add(to, "}");
}

static void print_value(
    const struct fr_options *options, const struct fr_option_spec *spec, struct fr_text *to)
{
	switch (spec->type) {
	case FR_OPTION_BOOL:
		fr_text_add(to, fr_options_bool(options, spec->name) ? "true" : "false");
		break;
	case FR_OPTION_UINT:
	case FR_OPTION_MILLI:
	case FR_OPTION_SIZE:
		print_number(fr_options_int(options, spec->name), spec->type, to);
		break;
	case FR_OPTION_PAIRS:
		print_pairs(options, spec->name, to);
		break;
	case FR_OPTION_LIST:
	case FR_OPTION_NETWORKS:
		fr_text_add(to, "[");
		for (size_t i = 0; i < fr_options_count(options, spec->name); i++) {
			fr_text_add(to, i != 0 ? ", " : " ");
			print_quoted(fr_options_item(options, spec->name, i), to);
		}
		fr_text_add(to, " ]");
		break;
	default:
		if (is_numeric_choice(spec))
			fr_text_add(to, "%s", fr_options_text(options, spec->name));
		else
			print_quoted(fr_options_text(options, spec->name), to);
		break;
	}
}

void fr_options_print(const struct fr_options *options, struct fr_text *to)
{
	const char *space = "";

	for (const struct fr_option_spec *s = fr_options_specs(options); s->name != NULL; s++) {
		if (!fr_options_is_set(options, s->name))
			continue;
		fr_text_add(to, "%s%s = ", space, s->name);
		if (s->secret)
			fr_text_add(to, "\"***\"");
		else
			print_value(options, s, to);
		fr_text_add(to, ";");
		space = " ";
	}
}

/* What a value may be, in words. */
static void print_allowed(const struct fr_option_spec *spec, struct fr_text *to)
{
	static const char *const words[] = {
	    [FR_OPTION_BOOL] = "true, false",
	    [FR_OPTION_STRING] = "a text",
	    [FR_OPTION_NAME] = "a stream's name",
	    [FR_OPTION_LISTEN] = "ADDRESS:PORT, unix:PATH, systemd:NAME",
	    [FR_OPTION_LISTEN_UDP] = "ADDRESS:PORT, systemd:NAME",
	    [FR_OPTION_HOST] = "HOST[:PORT]",
	    [FR_OPTION_PIXELS] = "WIDTHxHEIGHT",
	    [FR_OPTION_LIST] = "a list of texts",
	    [FR_OPTION_PAIRS] = "any NAME = VALUE",
	    [FR_OPTION_NETWORKS] = "a list of networks",
	};

	if (spec->type == FR_OPTION_CHOICE) {
		for (const char *c = spec->choices; *c != '\0'; c++)
			fr_text_add(to, "%c%s", *c == '|' ? ',' : *c, *c == '|' ? " " : "");
	} else if (is_number(spec->type)) {
		if (spec->type == FR_OPTION_MILLI)
			fr_text_add(
			    to, "%g..%g", (double)spec->min / 1000, (double)spec->max / 1000);
		else
			fr_text_add(to, "%" PRId64 "..%" PRId64, spec->min, spec->max);
		if (spec->unit != NULL)
			fr_text_add(to, " %s", spec->unit);
		if (spec->zero_is_off)
			fr_text_add(to, ", or 0");
	} else {
		fr_text_add(to, "%s", words[spec->type]);
	}
}

/* The default as the file would have it. */
static void print_default(const struct fr_option_spec *spec, struct fr_text *to)
{
	const struct fr_option_spec one[2] = {*spec, {.name = NULL}};
	struct fr_options *options;

	if (spec->required) {
		fr_text_add(to, "required");
		return;
	}
	options = fr_options_new(one);
	if (spec->type == FR_OPTION_SIZE && spec->def != NULL && strchr(spec->def, ' ') != NULL)
		print_quoted(spec->def, to); /* "8 MiB" says more than its digits */
	else
		print_value(options, spec, to);
	fr_options_free(options);
}

void fr_options_document(const struct fr_option_spec *specs, bool markdown, struct fr_text *to)
{
	if (markdown)
		fr_text_add(to, "| option | default | allowed | meaning |\n|---|---|---|---|\n");
	for (; specs->name != NULL; specs++) {
		struct fr_text def = {0}, allowed = {0};

		print_default(specs, &def);
		print_allowed(specs, &allowed);
		if (markdown)
			fr_text_add(to, "| `%s` | %s%s%s | %s | %s |\n", specs->name,
			    specs->required ? "" : "`", def.text, specs->required ? "" : "`",
			    allowed.text, specs->help);
		else
			fr_text_add(to, "  %-18s %s\n  %-18s %s; default: %s\n", specs->name,
			    specs->help, "", allowed.text, def.text);
		fr_text_done(&def);
		fr_text_done(&allowed);
	}
}
