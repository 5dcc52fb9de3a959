/* SPDX-License-Identifier: MIT */
/*
 * The files of conf/: each is loaded as it is, with each commented row in alone, and with all of them in; relay.conf
 * then has every option of every table, with its default. What the documents show is loaded too.
 *
 * A commented row is a `#` with no space behind it; it goes on until its brackets are closed. A `#` with a space
 * begins a sentence.
 */
#include <dirent.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/limits.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "daemon/settings.h"
#include "daemon/settings_file.h"

enum {
	FILE_MAX = 256 * 1024,
	ALL = -1,
	NONE = -2,
};

static char *read_file(const char *path)
{
	char *text = fr_xcalloc(FILE_MAX, 1);
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_true(fread(text, 1, FILE_MAX, file) < FILE_MAX);
	(void)fclose(file);
	return text;
}

/* Where the # of a commented row is, or NULL. */
static const char *mark_of(const char *line, bool inside)
{
	const char *mark = line + strspn(line, " \t");

	if (mark[0] != '#' || (!inside && strchr(" \n", mark[1]) != NULL))
		return NULL;
	return mark;
}

/* How many brackets more are open behind the line; a sentence at its end does not count. */
static int depth_of(const char *line, size_t length)
{
	int depth = 0;

	for (size_t i = 0; i < length && strncmp(line + i, " # ", 3) != 0; i++)
		depth += strchr("([{", line[i]) != NULL   ? 1
		         : strchr(")]}", line[i]) != NULL ? -1
		                                          : 0;
	return depth;
}

/* Copies the file with the given commented row in, or ALL, or NONE. Gives how many rows there are. */
static int with_row(const char *text, int row, struct fr_text *to)
{
	int rows = 0, depth = 0;

	while (*text != '\0') {
		const size_t length = strcspn(text, "\n");
		const char *mark = mark_of(text, depth > 0);

		if (mark != NULL && depth == 0)
			rows++;
		if (mark != NULL)
			depth += depth_of(mark, length - (size_t)(mark - text));
		if (mark != NULL && (row == ALL || row == rows - 1))
			fr_text_add(to, "%.*s %.*s\n", (int)(mark - text), text,
			    (int)(length - (size_t)(mark + 1 - text)), mark + 1);
		else
			fr_text_add(to, "%.*s\n", (int)length, text);
		text += length + (text[length] == '\n' ? 1 : 0);
	}
	assert_int_equal(depth, 0);
	return rows;
}

static struct fr_settings *load(const char *path, const char *text, int row, int *ret_rows)
{
	struct fr_settings *settings = NULL;
	struct fr_text changed = {0}, problems = {0};

	*ret_rows = with_row(text, row, &changed);
	if (fr_settings_read_text(path, changed.text, changed.length, &settings, &problems) < 0)
		fail_msg("with row %d: %s", row, problems.text);
	fr_text_done(&changed);
	return settings;
}

static void try_file(const char *path)
{
	char *text = read_file(path);
	int rows, again;

	fr_settings_free(load(path, text, NONE, &rows));
	assert_true(rows > 0);
	for (int row = 0; row < rows; row++)
		fr_settings_free(load(path, text, row, &again));
	fr_settings_free(load(path, text, ALL, &again));
	free(text);
}

static void every_file_loads_with_every_commented_row_in_and_out(void **state)
{
	DIR *folder = opendir("conf");
	const struct dirent *entry;
	int files = 0;
	(void)state;

	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL) {
		char path[300];

		if (strstr(entry->d_name, ".conf") == NULL)
			continue;
		(void)snprintf(path, sizeof(path), "conf/%s", entry->d_name);
		try_file(path);
		files++;
	}
	(void)closedir(folder);
	assert_true(files >= 3);
}

/* Loads a block of a document when it is a configuration: it begins like a section. */
static unsigned try_block(const char *path, struct fr_text *block)
{
	const char *first = block->text != NULL ? block->text + strspn(block->text, " ") : "";
	const size_t name = strcspn(first, " \n");
	struct fr_settings *settings = NULL;
	struct fr_text problems = {0};
	unsigned tried = 0;

	if (strncmp(first + name, " = (", 4) == 0 || strncmp(first + name, " = {", 4) == 0) {
		if (fr_settings_read_text(path, block->text, block->length, &settings, &problems) <
		    0)
			fail_msg("%s\n%s", block->text, problems.text);
		fr_settings_free(settings);
		tried = 1;
	}
	fr_text_done(block);
	return tried;
}

/* Tries every block of code of a document: between fences, or lines that begin with four spaces. */
static unsigned try_document(const char *path)
{
	char *text = read_file(path);
	struct fr_text block = {0};
	bool fenced = false;
	unsigned tried = 0;

	for (const char *line = text; *line != '\0';) {
		const size_t length = strcspn(line, "\n");
		const bool fence = strncmp(line, "```", 3) == 0;

		if (!fence && (fenced || strncmp(line, "    ", 4) == 0))
			fr_text_add(&block, "%.*s\n", (int)length, line);
		else
			tried += try_block(path, &block);
		fenced = fenced != fence;
		line += length + (line[length] == '\n' ? 1 : 0);
	}
	tried += try_block(path, &block);
	free(text);
	return tried;
}

static void every_configuration_in_the_documents_loads(void **state)
{
	glob_t found = {0};
	unsigned tried = try_document("README.md");
	(void)state;

	assert_int_equal(glob("docs/*.md", 0, NULL, &found), 0);
	assert_int_equal(glob("docs/*/*.md", GLOB_APPEND, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		tried += try_document(found.gl_pathv[i]);
	globfree(&found);
	assert_true(tried >= 2);
}

/* Whether the options have every row of the table set, to its default where that is one. */
static bool has_all(
    const struct fr_options *options, const struct fr_option_spec *specs, bool defaults)
{
	struct fr_options *expected;
	bool equal;

	for (const struct fr_option_spec *s = specs; s->name != NULL; s++)
		if (!fr_options_is_set(options, s->name))
			return false;
	if (!defaults)
		return true;
	expected = fr_options_new(specs);
	for (const struct fr_option_spec *s = specs; s->name != NULL; s++)
		if (s->required)
			assert_int_equal(fr_options_set(expected, s->name, FR_VALUE_WORD,
			                     fr_options_text(options, s->name), NULL),
			    0);
	equal = fr_options_equal(options, expected);
	fr_options_free(expected);
	return equal;
}

static bool any_has_all(
    const struct fr_rows *rows, const char *kind, const struct fr_option_spec *specs, bool defaults)
{
	for (size_t i = 0; i < rows->count; i++)
		if (strcmp(rows->items[i].kind, kind) == 0 &&
		    has_all(rows->items[i].options, specs, defaults))
			return true;
	return false;
}

static void relay_conf_has_every_option_with_its_default(void **state)
{
	static const enum fr_end ends[] = {FR_END_DOOR, FR_END_SOURCE, FR_END_SINK};
	char *text = read_file("conf/relay.conf");
	int rows;
	struct fr_settings *s = load("conf/relay.conf", text, ALL, &rows);
	(void)state;

	assert_true(has_all(s->general, fr_general_specs, true));
	assert_true(has_all(s->log, fr_log_specs, true));
	assert_true(has_all(s->limits, fr_limit_specs, true));
	assert_true(has_all(s->tls, fr_tls_specs, true));
	assert_true(any_has_all(&s->streams, "", fr_stream_specs, false));
	for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++) {
		struct fr_kind kind;

		for (size_t i = 0; fr_kind_at(ends[e], i, &kind); i++)
			if (!any_has_all(
			        fr_settings_rows(s, ends[e]), kind.name, kind.options, true))
				fail_msg("conf/relay.conf: no %s \"%s\" with every option at its "
				         "default",
				    fr_end_name(ends[e]), kind.name);
	}
	for (const struct fr_option_spec *spec = fr_access_specs; spec->name != NULL; spec++) {
		bool found = false;

		for (size_t i = 0; i < s->access.count; i++)
			found = found || fr_options_is_set(s->access.items[i].options, spec->name);
		assert_true(found);
	}
	fr_settings_free(s);
	free(text);
}

/* Words with one space between them; a # is none. */
static struct fr_text words_of(const char *text)
{
	struct fr_text words = {0};

	while (*(text += strspn(text, " \t\n#")) != '\0') {
		const size_t length = strcspn(text, " \t\n#");

		fr_text_add(&words, "%s%.*s", words.length != 0 ? " " : "", (int)length, text);
		text += length;
	}
	return words;
}

/* @return how many sentences of the table are not in the file, word by word */
static unsigned count_missing(const char *file, const struct fr_option_spec *specs)
{
	unsigned missing = 0;

	for (const struct fr_option_spec *s = specs; s->name != NULL; s++) {
		struct fr_text help = words_of(s->help);

		if (strstr(file, help.text) == NULL) {
			print_error(
			    "conf/relay.conf: %s: the program says: %s\n", s->name, s->help);
			missing++;
		}
		fr_text_done(&help);
	}
	return missing;
}

static void relay_conf_says_of_each_option_what_the_program_says(void **state)
{
	static const enum fr_end ends[] = {FR_END_DOOR, FR_END_SOURCE, FR_END_SINK};
	char *text = read_file("conf/relay.conf");
	struct fr_text file = words_of(text);
	unsigned missing = 0;
	struct fr_kind kind;
	(void)state;

	missing += count_missing(file.text, fr_general_specs);
	missing += count_missing(file.text, fr_log_specs);
	missing += count_missing(file.text, fr_limit_specs);
	missing += count_missing(file.text, fr_stream_specs);
	missing += count_missing(file.text, fr_access_specs);
	for (size_t e = 0; e < sizeof(ends) / sizeof(ends[0]); e++)
		for (size_t i = 0; fr_kind_at(ends[e], i, &kind); i++)
			missing += count_missing(file.text, kind.options);
	assert_int_equal(missing, 0);
	fr_text_done(&file);
	free(text);
}

static void relay_conf_as_it_is_means_what_an_empty_file_means(void **state)
{
	char *text = read_file("conf/relay.conf");
	struct fr_settings *empty = fr_settings_default();
	int rows;
	struct fr_settings *s = load("conf/relay.conf", text, NONE, &rows);
	(void)state;

	assert_true(fr_settings_equal(s, empty));
	fr_settings_free(s);
	fr_settings_free(empty);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_file_loads_with_every_commented_row_in_and_out),
	    cmocka_unit_test(every_configuration_in_the_documents_loads),
	    cmocka_unit_test(relay_conf_has_every_option_with_its_default),
	    cmocka_unit_test(relay_conf_says_of_each_option_what_the_program_says),
	    cmocka_unit_test(relay_conf_as_it_is_means_what_an_empty_file_means),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
