/* SPDX-License-Identifier: MIT */
#include "daemon/settings_scan.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"

enum {
	DEPTH_MAX = 16,        /* brackets within brackets; the file needs three */
	LINES_MAX = UINT16_MAX /* libconfig counts them in an unsigned short */
};

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*";
static const char name_characters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789*_-";

enum token {
	TOKEN_END,
	TOKEN_NAME,
	TOKEN_NUMBER,
	TOKEN_STRING,
	TOKEN_CHARACTER, /* one of ( ) [ ] { } = : ; , or what means nothing */
};

struct scan {
	const char *name;
	const char *at; /* behind the token */
	unsigned line;
	enum token token;
	const char *text;    /* where the token begins */
	size_t length;       /* of the token */
	unsigned token_line; /* where it begins */
	bool again;          /* the next token is this one */
	const char *setting; /* the name whose value is being read */
	int setting_length;
	unsigned depth; /* brackets that are open, and the lines where they are */
	unsigned opened[DEPTH_MAX];
	char brackets[DEPTH_MAX];
	bool bad;
	struct fr_scan_lines *wrapped;
	struct fr_text *problems;
};

/* The first mistake is said; what follows it would be its consequence. Gives false. */
static bool say(struct scan *s, unsigned line, const char *sentence)
{
	if (!s->bad)
		fr_text_add(s->problems, "%s:%u: %s\n", s->name, line, sentence);
	s->bad = true;
	return false;
}

/* ---- tokens ---- */

/* Moves to `to`, counting lines. */
static void move_to(struct scan *s, const char *to)
{
	for (; s->at < to; s->at++)
		s->line += *s->at == '\n' ? 1 : 0;
}

/* Spaces and comments. */
static void skip(struct scan *s)
{
	for (;;) {
		const unsigned begin = s->line;

		move_to(s, s->at + strspn(s->at, " \t\r\n\f\v"));
		if (*s->at == '#' || strncmp(s->at, "//", 2) == 0) {
			s->at += strcspn(s->at, "\n");
		} else if (strncmp(s->at, "/*", 2) == 0) {
			const char *end = strstr(s->at + 2, "*/");

			if (end == NULL)
				(void)say(s, begin, "a comment begins with /* here and never ends");
			move_to(s, end != NULL ? end + 2 : s->at + strlen(s->at));
		} else {
			return;
		}
	}
}

static void scan_string(struct scan *s)
{
	const char *end = s->at + 1;

	while (*end != '\0' && *end != '"')
		end += *end == '\\' && end[1] != '\0' ? 2 : 1;
	if (*end == '\0')
		(void)say(s, s->line, "a text begins with \" here and never ends");
	move_to(s, *end != '\0' ? end + 1 : end);
}

/* Says that libconfig would read another number. */
static void say_wrapped(struct scan *s, const char *text, bool has_l)
{
	const int length = s->at - text > 40 ? 40 : (int)(s->at - text);

	fr_text_add(s->problems, "%s:%u: %.*s = %.*s: %s\n", s->name, s->line, s->setting_length,
	    s->setting != NULL ? s->setting : "", length, text,
	    has_l ? "too large for any integer"
	          : "an integer over 2147483647 needs an L behind it, or is written as a text such "
	            "as "
	            "\"8 GiB\" where it is a size");
	s->wrapped->lines = fr_xreallocarray(
	    s->wrapped->lines, s->wrapped->count + 1, sizeof(s->wrapped->lines[0]));
	s->wrapped->lines[s->wrapped->count++] = s->line;
}

/* A number as libconfig's scanner takes it; only integers are judged. */
static void scan_number(struct scan *s)
{
	const char *text = s->at;
	const char *digits = text + (*text == '-' || *text == '+' ? 1 : 0);
	const bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	unsigned long long value;
	char *end;
	bool has_l, fits;

	errno = 0;
	value = strtoull(digits, &end, hex ? 16 : 10);
	if (end == digits || *end == '.' || *end == 'e' || *end == 'E') {
		s->at = digits + strspn(digits, "0123456789.");
		if (*s->at == 'e' || *s->at == 'E')
			s->at += strspn(s->at, "eE+-");
		s->at += strspn(s->at, "0123456789");
		return;
	}
	has_l = *end == 'L';
	fits = errno == 0 && value <= (unsigned long long)INT64_MAX;
	if (!has_l)
		fits = fits && value <= (unsigned long long)INT32_MAX + (*text == '-' ? 1 : 0);
	s->at = end + strspn(end, "L");
	if (!fits)
		say_wrapped(s, text, has_l);
}

/* Reads the next token. */
static void next(struct scan *s)
{
	if (s->again) {
		s->again = false;
		return;
	}
	skip(s);
	s->text = s->at;
	s->token_line = s->line;
	if (*s->at == '\0') {
		s->token = TOKEN_END;
	} else if (*s->at == '"') {
		s->token = TOKEN_STRING;
		scan_string(s);
	} else if (strchr(letters, *s->at) != NULL) {
		s->token = TOKEN_NAME;
		s->at += strspn(s->at, name_characters);
	} else if (strchr("0123456789+-.", *s->at) != NULL) {
		s->token = TOKEN_NUMBER;
		scan_number(s);
	} else {
		s->token = TOKEN_CHARACTER;
		if (*s->at == '@')
			(void)say(s, s->line,
			    "@include is not followed: the whole configuration is one file");
		s->at++;
	}
	s->length = (size_t)(s->at - s->text);
}

static bool is(const struct scan *s, char c)
{
	return s->token == TOKEN_CHARACTER && *s->text == c;
}

/* ---- grammar ---- */

/* Says what is expected where the token stands. Gives false. */
static bool say_expected(struct scan *s, const char *what)
{
	char sentence[200];

	if (s->token == TOKEN_END && s->depth > 0) {
		(void)snprintf(sentence, sizeof(sentence), "the %c here is never closed",
		    s->brackets[s->depth - 1]);
		return say(s, s->opened[s->depth - 1], sentence);
	}
	if (s->token == TOKEN_END)
		(void)snprintf(
		    sentence, sizeof(sentence), "%s is expected, and the file ends", what);
	else
		(void)snprintf(sentence, sizeof(sentence), "%s is expected before %.*s", what,
		    (int)(s->length < 40 ? s->length : 40), s->text);
	return say(s, s->token_line, sentence);
}

static bool is_bool(const struct scan *s)
{
	return (s->length == 4 && strncasecmp(s->text, "true", 4) == 0) ||
	       (s->length == 5 && strncasecmp(s->text, "false", 5) == 0);
}

/* One value without brackets. */
static bool parse_scalar(struct scan *s)
{
	char sentence[160];

	if (s->token == TOKEN_NUMBER || (s->token == TOKEN_NAME && is_bool(s))) {
		next(s);
		return !s->bad;
	}
	if (s->token == TOKEN_STRING) {
		while (s->token == TOKEN_STRING) /* "a" "b" is one text */
			next(s);
		return !s->bad;
	}
	if (s->token != TOKEN_NAME)
		return say_expected(s, "a value");
	(void)snprintf(sentence, sizeof(sentence), "a text stands in quotes: \"%.*s\"",
	    (int)(s->length < 80 ? s->length : 80), s->text);
	return say(s, s->token_line, sentence);
}

static bool parse_settings(struct scan *s, char end);
static bool parse_value(struct scan *s);

/* The values of a list or an array up to its end. */
static bool parse_items(struct scan *s, bool (*parse)(struct scan *s), char end)
{
	char expected[40];

	next(s);
	if (is(s, end)) {
		next(s);
		return !s->bad;
	}
	for (;;) {
		if (!parse(s))
			return false;
		if (is(s, end))
			break;
		if (!is(s, ',')) {
			(void)snprintf(expected, sizeof(expected), "a , or a %c", end);
			return say_expected(s, expected);
		}
		next(s);
		if (is(s, end))
			return say(s, s->token_line,
			    "a comma stands before the end of a list; the last item has none "
			    "behind it");
	}
	next(s);
	return !s->bad;
}

static bool parse_brackets(struct scan *s)
{
	const char open = *s->text;
	bool good;

	if (s->depth == DEPTH_MAX)
		return say(s, s->token_line, "brackets within brackets, more than 16 deep");
	s->brackets[s->depth] = open;
	s->opened[s->depth++] = s->token_line;
	if (open == '(')
		good = parse_items(s, parse_value, ')');
	else if (open == '[')
		good = parse_items(s, parse_scalar, ']');
	else
		good = parse_settings(s, '}');
	s->depth--;
	return good;
}

static bool parse_value(struct scan *s)
{
	if (is(s, '(') || is(s, '[') || is(s, '{'))
		return parse_brackets(s);
	return parse_scalar(s);
}

/* `name = value;` up to `end`, which is the end of a group or (NUL) of the file. */
static bool parse_settings(struct scan *s, char end)
{
	for (;;) {
		next(s);
		if (s->bad)
			return false;
		if (end == '\0' ? s->token == TOKEN_END : is(s, end))
			break;
		if (s->token != TOKEN_NAME)
			return say_expected(s, "a name");
		s->setting = s->text;
		s->setting_length = s->length < 80 ? (int)s->length : 80;
		next(s);
		if (!is(s, '=') && !is(s, ':'))
			return say_expected(s, "a =");
		next(s);
		if (!parse_value(s))
			return false;
		s->again = !is(s, ';') && !is(s, ','); /* they may be left out */
	}
	if (end != '\0')
		next(s);
	return !s->bad;
}

int fr_settings_scan(const char *name, const char *text, size_t size, struct fr_scan_lines *wrapped,
    struct fr_text *problems)
{
	struct scan s = {
	    .name = name, .at = text, .line = 1, .wrapped = wrapped, .problems = problems};

	if (strlen(text) != size) {
		move_to(&s, text + strlen(text));
		(void)say(&s, s.line, "a NUL byte; the file must be text");
	} else if (parse_settings(&s, '\0') && s.line > LINES_MAX) {
		(void)say(&s, s.line, "more than 65535 lines");
	}
	return s.bad ? -EINVAL : 0;
}

void fr_scan_lines_done(struct fr_scan_lines *lines)
{
	free(lines->lines);
	*lines = (struct fr_scan_lines){0};
}

bool fr_scan_lines_have(const struct fr_scan_lines *lines, unsigned line)
{
	for (size_t i = 0; i < lines->count; i++)
		if (lines->lines[i] == line)
			return true;
	return false;
}
