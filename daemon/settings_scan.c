/* SPDX-License-Identifier: MIT */
#include "daemon/settings_scan.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"

enum {
	DEPTH_MAX = 16,        /* brackets within brackets; the file needs three */
	LINES_MAX = UINT16_MAX /* libconfig counts them in an unsigned short */
};

static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ*";
static const char name_characters[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789*_-";

struct scan {
	const char *name;
	const char *at;
	unsigned line;
	unsigned opened[DEPTH_MAX]; /* lines of the brackets that are open */
	char brackets[DEPTH_MAX];
	size_t depth;
	char before; /* the last character that was no space and no comment */
	bool bad;
	struct fr_scan_lines *wrapped;
	struct fr_text *problems;
};

static void say(struct scan *s, unsigned line, const char *sentence)
{
	fr_text_add(s->problems, "%s:%u: %s\n", s->name, line, sentence);
	s->bad = true;
}

/* Moves behind `end`, counting lines; false when it never comes. */
static bool skip_to(struct scan *s, const char *end)
{
	const char *found = strstr(s->at, end);
	const char *to = found != NULL ? found + strlen(end) : s->at + strlen(s->at);

	for (; s->at < to; s->at++)
		s->line += *s->at == '\n' ? 1 : 0;
	return found != NULL;
}

static void skip_string(struct scan *s)
{
	const unsigned begin = s->line;

	for (s->at++; *s->at != '\0' && *s->at != '"'; s->at++) {
		if (*s->at == '\\' && s->at[1] != '\0')
			s->at++;
		s->line += *s->at == '\n' ? 1 : 0;
	}
	if (*s->at == '\0')
		say(s, begin, "a text begins with \" here and never ends");
	else
		s->at++;
}

/* Whether it is a comment; then it is behind it. */
static bool skip_comment(struct scan *s)
{
	const unsigned begin = s->line;

	if (*s->at == '#' || strncmp(s->at, "//", 2) == 0) {
		s->at += strcspn(s->at, "\n");
		return true;
	}
	if (strncmp(s->at, "/*", 2) != 0)
		return false;
	s->at += 2;
	if (!skip_to(s, "*/"))
		say(s, begin, "a comment begins with /* here and never ends");
	return true;
}

/* A number as libconfig's scanner takes it; only integers are judged. */
static void scan_number(struct scan *s)
{
	const char *text = s->at;
	const bool minus = *text == '-';
	const char *digits = text + (*text == '-' || *text == '+' ? 1 : 0);
	const bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	unsigned long long value;
	char *end;
	bool fits;

	errno = 0;
	value = strtoull(digits, &end, hex ? 16 : 10);
	s->at = end > text ? end : text + 1;
	if (end == digits || *end == '.' || *end == 'e' || *end == 'E') {
		s->at += strspn(s->at, "0123456789.eE+-");
		return;
	}
	fits = errno == 0 && value <= (unsigned long long)INT64_MAX;
	if (*end != 'L') {
		fits = fits && value <= (unsigned long long)INT32_MAX + (minus ? 1 : 0);
	} else {
		s->at += strspn(s->at, "L");
	}
	if (fits)
		return;
	fr_text_add(s->problems, "%s:%u: %.*s: %s\n", s->name, s->line,
	    (int)(s->at - text > 40 ? 40 : s->at - text), text,
	    *end == 'L' ? "too large for any integer"
	                : "an integer over 2147483647 needs an L behind it, or is written as a "
	                  "text such as "
	                  "\"8 GiB\" where it is a size");
	s->wrapped->lines = fr_xreallocarray(
	    s->wrapped->lines, s->wrapped->count + 1, sizeof(s->wrapped->lines[0]));
	s->wrapped->lines[s->wrapped->count++] = s->line;
}

static void open_bracket(struct scan *s)
{
	if (s->depth == DEPTH_MAX) {
		say(s, s->line, "brackets within brackets, more than 16 deep");
		return;
	}
	s->brackets[s->depth] = *s->at;
	s->opened[s->depth++] = s->line;
}

static void close_bracket(struct scan *s)
{
	static const char pairs[] = "(){}[]";
	const char open = strchr(pairs, *s->at)[-1];

	if (s->before == ',' && *s->at != '}')
		say(s, s->line,
		    "a comma stands before the end of a list; the last item has none behind it");
	if (s->depth == 0 || s->brackets[s->depth - 1] != open) {
		fr_text_add(s->problems, "%s:%u: a %c closes what was not opened", s->name, s->line,
		    *s->at);
		if (s->depth != 0)
			fr_text_add(s->problems, "; open is the %c of line %u",
			    s->brackets[s->depth - 1], s->opened[s->depth - 1]);
		fr_text_add(s->problems, "\n");
		s->bad = true;
	} else {
		s->depth--;
	}
}

static void scan_character(struct scan *s)
{
	switch (*s->at) {
	case '(':
	case '[':
	case '{':
		open_bracket(s);
		break;
	case ')':
	case ']':
	case '}':
		close_bracket(s);
		break;
	case '@':
		say(s, s->line, "@include is not followed: the whole configuration is one file");
		break;
	default:
		break;
	}
	s->before = *s->at++;
}

int fr_settings_scan(const char *name, const char *text, size_t size, struct fr_scan_lines *wrapped,
    struct fr_text *problems)
{
	struct scan s = {
	    .name = name, .at = text, .line = 1, .wrapped = wrapped, .problems = problems};

	while (*s.at != '\0' && !s.bad) {
		if (strchr(" \t\r\n\f\v", *s.at) != NULL) {
			s.line += *s.at == '\n' ? 1 : 0;
			s.at++;
		} else if (skip_comment(&s)) {
			continue;
		} else if (*s.at == '"') {
			skip_string(&s);
			s.before = '"';
		} else if (strchr(letters, *s.at) != NULL) {
			s.at += strspn(s.at, name_characters);
			s.before = 'a';
		} else if (strchr("0123456789+-.", *s.at) != NULL) {
			scan_number(&s);
			s.before = '0';
		} else {
			scan_character(&s);
		}
	}
	if (!s.bad && s.at != text + size)
		say(&s, s.line, "a NUL byte; the file must be text");
	if (!s.bad && s.line > LINES_MAX)
		say(&s, s.line, "more than 65535 lines");
	if (!s.bad && s.depth != 0) {
		fr_text_add(problems, "%s:%u: the %c here is never closed\n", name,
		    s.opened[s.depth - 1], s.brackets[s.depth - 1]);
		s.bad = true;
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
