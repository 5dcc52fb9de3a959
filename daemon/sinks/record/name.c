/* SPDX-License-Identifier: MIT */
#include "daemon/sinks/record/name.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/cause.h"

/* What strftime may be asked for, and how what comes of it looks: digits, or a word. None makes a `/`. */
static const struct conversion {
	char letter;
	const char *shape; /* `0` a digit, `w` a word, others stand for themselves */
} conversions[] = {
    {'Y', "0000"},
    {'m', "00"},
    {'d', "00"},
    {'H', "00"},
    {'M', "00"},
    {'S', "00"},
    {'F', "0000-00-00"},
    {'T', "00:00:00"},
    {'R', "00:00"},
    {'j', "000"},
    {'y', "00"},
    {'I', "00"},
    {'s', "n"},
    {'u', "0"},
    {'w', "0"},
    {'U', "00"},
    {'V', "00"},
    {'W', "00"},
    {'G', "0000"},
    {'a', "w"},
    {'A', "w"},
    {'b', "w"},
    {'B', "w"},
    {'p', "w"},
    {'Z', "w"},
    {'z', "w"},
};

/* One step through a pattern: a character, a conversion, or the sequence. */
struct part {
	char text; /* a character that stands for itself; 0: a conversion */
	const struct conversion *conversion; /* NULL: the sequence */
	int width;                           /* of the sequence: at least so many digits */
	size_t length;                       /* of the pattern's characters */
};

static const struct conversion *conversion_of(char letter)
{
	for (size_t i = 0; i < sizeof(conversions) / sizeof(conversions[0]); i++)
		if (conversions[i].letter == letter)
			return &conversions[i];
	return NULL;
}

/* @return false: not a conversion that may be used */
static bool next_part(const char *at, struct part *ret)
{
	size_t digits;

	*ret = (struct part){.text = at[0], .length = 1};
	if (at[0] != '%')
		return true;
	ret->length = 2;
	ret->text = at[1] == '%' ? '%' : '\0';
	ret->conversion = conversion_of(at[1]);
	if (at[1] == '%' || ret->conversion != NULL)
		return true;
	digits = strspn(at + 1, "0123456789");
	ret->width = digits <= 2 ? atoi(at + 1) : 99;
	ret->length = digits + 2;
	return at[1 + digits] == 'n' && ret->width <= 20 && (digits == 0 || at[1] == '0');
}

static bool ends_with(const char *text, const char *end)
{
	const size_t length = strlen(text), tail = strlen(end);

	return length >= tail && strcmp(text + length - tail, end) == 0;
}

static bool has_dots(const char *pattern)
{
	const char *at = pattern;

	while (at != NULL) {
		if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0'))
			return true;
		at = strchr(at, '/');
		at = at != NULL ? at + 1 : NULL;
	}
	return false;
}

int fr_name_check(const char *pattern, enum fr_name_kind *ret, struct fr_cause *why)
{
	struct part part;
	bool varies = false;

	*ret = pattern[0] == '\0' ? FR_NAME_NONE : FR_NAME_OUTPUT;
	if (pattern[0] == '\0' || strcmp(pattern, "-") == 0)
		return 0;
	if (strlen(pattern) >= FR_NAME_PATH_MAX / 2)
		return fr_cause_set(why, EINVAL, "output: must be shorter than %d characters",
		    FR_NAME_PATH_MAX / 2);
	if (strncmp(pattern, "/dev/", 5) == 0) /* a file must not take the place of /dev/stdout */
		return fr_cause_set(why, EINVAL,
		    "output = \"%.200s\": no pictures in /dev; - is standard output", pattern);
	if (has_dots(pattern))
		return fr_cause_set(
		    why, EINVAL, "output = \"%.200s\": must not hold \"..\"", pattern);
	if (ends_with(pattern, "/"))
		return fr_cause_set(
		    why, EINVAL, "output = \"%.200s\": is a folder, add %%06n.jpg", pattern);
	for (const char *at = pattern; *at != '\0'; at += part.length) {
		if (!next_part(at, &part))
			return fr_cause_set(why, EINVAL,
			    "output = \"%.150s\": %.*s is not known: %%n is the picture's "
			    "sequence, "
			    "%%Y %%m %%d %%H %%M %%S the time, %%%% a %%",
			    pattern, at[1] != '\0' ? 2 : 1, at);
		varies = varies || part.text == '\0';
	}
	*ret = ends_with(pattern, ".mjpeg") ? FR_NAME_MJPEG
	       : varies                     ? FR_NAME_EACH
	                                    : FR_NAME_NEWEST;
	return 0;
}

size_t fr_name_fixed(const char *pattern)
{
	const char *percent = strchr(pattern, '%');
	size_t length = percent != NULL ? (size_t)(percent - pattern) : strlen(pattern);

	while (length > 0 && pattern[length - 1] != '/')
		length--;
	return length;
}

/* Where the ending of the file's name begins: its last dot, but not one that it begins with. */
static size_t ending_of(const char *path)
{
	const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
	const char *dot = strrchr(name, '.');

	return dot != NULL && dot != name ? (size_t)(dot - path) : strlen(path);
}

/* What a part becomes. @return characters, 0 when there is no room */
static size_t make_part(
    const struct part *part, uint64_t sequence, const struct tm *tm, char *to, size_t room)
{
	const char format[] = {
	    '%', part->conversion != NULL ? part->conversion->letter : '\0', '\0'};
	int n;

/* The format is one of the table's. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	if (part->conversion != NULL)
		return strftime(to, room, format, tm);
#pragma GCC diagnostic pop
	n = part->text != '\0' ? snprintf(to, room, "%c", part->text)
	                       : snprintf(to, room, "%0*" PRIu64, part->width, sequence);
	return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

int fr_name_copy(const char *path, unsigned copy, char ret[FR_NAME_PATH_MAX])
{
	const size_t ending = ending_of(path);
	const int n = copy > 1 ? snprintf(ret, FR_NAME_PATH_MAX, "%.*s-%u%s", (int)ending, path,
	                             copy, path + ending)
	                       : snprintf(ret, FR_NAME_PATH_MAX, "%s", path);

	return n > 0 && n < FR_NAME_PATH_MAX ? 0 : -ENAMETOOLONG;
}

int fr_name_make(
    const char *pattern, uint64_t sequence, int64_t captured_us, char ret[FR_NAME_PATH_MAX])
{
	const time_t seconds = (time_t)(captured_us / 1000000);
	size_t length = 0;
	struct part part;
	struct tm tm;

	if (localtime_r(&seconds, &tm) == NULL)
		memset(&tm, 0, sizeof(tm)); /* a time of a peer's that no calendar knows */
	for (const char *at = pattern; *at != '\0'; at += part.length) {
		size_t n;

		if (!next_part(at, &part))
			return -EINVAL;
		n = make_part(&part, sequence, &tm, ret + length, FR_NAME_PATH_MAX - length);
		if (n == 0 && part.conversion != NULL && part.conversion->shape[0] == 'w')
			continue; /* %p and %Z may be empty */
		if (n == 0)
			return -ENAMETOOLONG;
		/* A name of a zone or of a month comes from outside. */
		for (size_t i = length; i < length + n && part.text == '\0'; i++)
			if (ret[i] == '/')
				ret[i] = '-';
		length += n;
	}
	ret[length] = '\0';
	return 0;
}

/* --- Which files are ours --------------------------------------------------------------------- */

/* How much of `path` looks like the part, longest first. @return SIZE_MAX: it does not */
static size_t longest(const struct part *part, const char *path)
{
	const size_t digits = strspn(path, "0123456789");
	const char *shape = part->conversion != NULL ? part->conversion->shape : "n";
	const size_t least = part->width > 1 ? (size_t)part->width : 1;

	if (part->text != '\0')
		return *path == part->text ? 1 : SIZE_MAX;
	if (shape[0] == 'n')
		return digits >= least ? digits : SIZE_MAX;
	if (shape[0] == 'w')
		return strcspn(path, "/");
	for (size_t i = 0; shape[i] != '\0'; i++)
		if (shape[i] == '0' ? !isdigit((unsigned char)path[i]) : path[i] != shape[i])
			return SIZE_MAX;
	return strlen(shape);
}

static size_t shortest(const struct part *part, size_t most)
{
	const bool is_number = part->conversion == NULL || part->conversion->shape[0] == 'n';

	if (part->text != '\0')
		return most;
	if (is_number)
		return part->width > 1 ? (size_t)part->width : 1;
	return part->conversion->shape[0] == 'w' ? 0 : most;
}

/* Recursion goes as deep as the pattern is long, which fr_name_check() bounds. */
static bool matches(const char *at, const char *path)
{
	struct part part;
	size_t most;

	if (*at == '\0')
		return *path == '\0';
	if (!next_part(at, &part))
		return false;
	most = longest(&part, path);
	if (most == SIZE_MAX)
		return false;
	for (size_t n = most + 1; n-- > shortest(&part, most);)
		if (matches(at + part.length, path + n))
			return true;
	return false;
}

/* Takes a "-2" off again. @return false: there is none */
static bool without_copy(const char *path, char ret[FR_NAME_PATH_MAX])
{
	const size_t ending = ending_of(path);
	size_t dash = ending;

	while (dash > 0 && isdigit((unsigned char)path[dash - 1]))
		dash--;
	if (dash == ending || dash == 0 || path[dash - 1] != '-' || path[dash] == '0')
		return false;
	(void)snprintf(ret, FR_NAME_PATH_MAX, "%.*s%s", (int)(dash - 1), path, path + ending);
	return true;
}

bool fr_name_matches(const char *pattern, const char *path)
{
	char plain[FR_NAME_PATH_MAX];

	if (strlen(path) >= FR_NAME_PATH_MAX)
		return false;
	return matches(pattern, path) || (without_copy(path, plain) && matches(pattern, plain));
}

int fr_name_glob(const char *pattern, char ret[FR_NAME_PATH_MAX])
{
	const size_t ending = ending_of(pattern);
	size_t length = 0;
	struct part part;

	for (const char *at = pattern; *at != '\0'; at += part.length) {
		if (length + 4 >= FR_NAME_PATH_MAX || !next_part(at, &part))
			return -ENAMETOOLONG;
		if ((size_t)(at - pattern) == ending)
			ret[length++] = '*';
		if (part.text == '\0') {
			ret[length++] = '*';
			continue;
		}
		if (strchr("*?[\\", part.text) != NULL)
			ret[length++] = '\\';
		ret[length++] = part.text;
	}
	if (ending == strlen(pattern))
		ret[length++] = '*';
	ret[length] = '\0';
	return 0;
}
