/* SPDX-License-Identifier: MIT */
#include "common/base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/xalloc.h"

enum {
	WORD_MAX = 63, /* characters of a word that fr_text_nearest() compares */
};

/* The C locale's, whatever setlocale() says: names go over the wire. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter_or_digit(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool fr_text_is_name(const char *name)
{
	size_t n;

	if (!is_letter_or_digit(name[0]))
		return false;
	for (n = 1; name[n] != '\0'; n++)
		if (n == FR_NAME_MAX ||
		    (!is_letter_or_digit(name[n]) && name[n] != '_' && name[n] != '-'))
			return false;
	return true;
}

void fr_text_to_name(char to[FR_NAME_MAX + 1], const char *from)
{
	size_t n;

	for (n = 0; n < FR_NAME_MAX && from[n] != '\0'; n++) {
		const char c = from[n];

		to[n] = is_letter_or_digit(c) || c == '_' || c == '-' ? c : '-';
	}
	to[n] = '\0';
}

/*
 * Reads digits into *value; at INT64_MAX it stays there, so that "too large" needs no second path.
 * Returns what follows, NULL when there is no digit.
 */
static const char *read_digits(const char *text, int64_t *value)
{
	if (!is_digit(*text))
		return NULL;
	for (*value = 0; is_digit(*text); text++)
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, *text - '0', value))
			*value = INT64_MAX;
	return text;
}

int fr_text_int(const char *text, int64_t min, int64_t max, int64_t *ret, struct fr_cause *why)
{
	const bool minus = min < 0 && text[0] == '-';
	const char *rest;
	int64_t value;

	rest = read_digits(text + (minus ? 1 : 0), &value);
	if (rest == NULL || *rest != '\0')
		return fr_cause_set(why, EINVAL, "\"%.40s\" is not a whole number", text);
	if (minus)
		value = -value;
	if (value < min || value > max)
		return fr_cause_set(why, EINVAL, "%.40s is not in %lld..%lld", text, (long long)min,
		    (long long)max);
	*ret = value;
	return 0;
}

/* Prints thousandths as people write them: 200 is 0.2, 30000 is 30. */
static const char *print_milli(char to[32], int64_t milli)
{
	int n =
	    snprintf(to, 32, "%lld.%03lld", (long long)(milli / 1000), (long long)(milli % 1000));

	while (to[n - 1] == '0')
		to[--n] = '\0';
	if (to[n - 1] == '.')
		to[n - 1] = '\0';
	return to;
}

int fr_text_milli(
    const char *text, int64_t min_milli, int64_t max_milli, int64_t *ret, struct fr_cause *why)
{
	char least[32], most[32];
	int64_t value;
	int64_t scale = 100;
	const char *rest = read_digits(text, &value);

	if (rest == NULL)
		return fr_cause_set(why, EINVAL, "\"%.40s\" is not a number", text);
	if (__builtin_mul_overflow(value, 1000, &value))
		value = INT64_MAX;
	if (*rest == '.') {
		if (!is_digit(*++rest))
			return fr_cause_set(why, EINVAL, "\"%.40s\" is not a number", text);
		for (; is_digit(*rest); rest++, scale /= 10)
			if (__builtin_add_overflow(value, (*rest - '0') * scale, &value))
				value = INT64_MAX;
	}
	if (*rest != '\0')
		return fr_cause_set(why, EINVAL, "\"%.40s\" is not a number", text);
	if (value < min_milli || value > max_milli)
		return fr_cause_set(why, EINVAL, "%.40s is not in %s..%s", text,
		    print_milli(least, min_milli), print_milli(most, max_milli));
	*ret = value;
	return 0;
}

int fr_text_size(const char *text, int64_t min, int64_t max, int64_t *ret, struct fr_cause *why)
{
	static const struct {
		const char *name;
		int64_t bytes;
	} units[] = {
	    {"", 1},
	    {"B", 1},
	    {"kB", 1000},
	    {"MB", 1000 * 1000},
	    {"GB", 1000 * 1000 * 1000},
	    {"KiB", INT64_C(1) << 10},
	    {"MiB", INT64_C(1) << 20},
	    {"GiB", INT64_C(1) << 30},
	};
	int64_t value;
	const char *rest = read_digits(text, &value);

	if (rest == NULL)
		return fr_cause_set(
		    why, EINVAL, "\"%.40s\" is not a size such as 8388608 or \"8 MiB\"", text);
	if (*rest == ' ' && rest[1] != '\0')
		rest++;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(rest, units[i].name) != 0)
			continue;
		if (__builtin_mul_overflow(value, units[i].bytes, &value))
			value = INT64_MAX;
		if (value < min || value > max)
			return fr_cause_set(why, EINVAL, "%.40s is not in %lld..%lld bytes", text,
			    (long long)min, (long long)max);
		*ret = value;
		return 0;
	}
	return fr_cause_set(
	    why, EINVAL, "\"%.40s\": the unit is not one of B, kB, MB, GB, KiB, MiB, GiB", text);
}

int fr_text_pixels(
    const char *text, unsigned *ret_width, unsigned *ret_height, struct fr_cause *why)
{
	int64_t width, height;
	const char *rest = read_digits(text, &width);

	if (rest != NULL && *rest == 'x')
		rest = read_digits(rest + 1, &height);
	else
		rest = NULL;
	if (rest == NULL || *rest != '\0')
		return fr_cause_set(
		    why, EINVAL, "\"%.40s\" is not a picture's size such as \"640x480\"", text);
	if (width < 1 || width > UINT16_MAX || height < 1 || height > UINT16_MAX)
		return fr_cause_set(
		    why, EINVAL, "%.40s: width and height must be 1..65535 pixels", text);
	*ret_width = (unsigned)width;
	*ret_height = (unsigned)height;
	return 0;
}

/* Levenshtein's distance of two words of at most WORD_MAX characters. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1];
	const size_t b_length = strlen(b);

	for (size_t j = 0; j <= b_length; j++)
		row[j] = j;
	for (size_t i = 0; a[i] != '\0'; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 1; j <= b_length; j++) {
			size_t best = diagonal + (a[i] != b[j - 1] ? 1 : 0);

			diagonal = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_length];
}

const char *fr_text_nearest(const char *word, const char *const *candidates)
{
	const size_t length = strlen(word);
	const char *nearest = NULL;
	size_t best = length / 3 + 1; /* what differs more than this is another word */

	if (length == 0 || length > WORD_MAX)
		return NULL;
	for (; *candidates != NULL; candidates++) {
		size_t d;

		if (strlen(*candidates) > WORD_MAX)
			continue;
		d = distance(word, *candidates);
		if (length >= 3 && d > 1 && strncmp(*candidates, word, length) == 0)
			d = 1; /* the beginning of it */
		if (d < best || (d == best && nearest == NULL)) {
			best = d;
			nearest = *candidates;
		}
	}
	return nearest;
}

/* Makes room for `size` more characters and the final NUL. */
static void reserve(struct fr_text *t, size_t size)
{
	if (t->length + size + 1 <= t->capacity)
		return;
	t->capacity = 2 * (t->length + size + 1);
	t->text = fr_xreallocarray(t->text, t->capacity, 1);
}

void fr_text_add(struct fr_text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	reserve(t, 0);
	va_start(ap, fmt);
	n = vsnprintf(t->text + t->length, t->capacity - t->length, fmt, ap);
	va_end(ap);
	if (n < 0) {
		t->text[t->length] = '\0';
		return; /* an encoding error: only %ls can cause it */
	}
	if ((size_t)n >= t->capacity - t->length) {
		reserve(t, (size_t)n);
		va_start(ap, fmt);
		(void)vsnprintf(
		    t->text + t->length, t->capacity - t->length, fmt, ap); /* it fits */
		va_end(ap);
	}
	t->length += (size_t)n;
}

void fr_text_put(struct fr_text *t, const void *bytes, size_t size)
{
	reserve(t, size);
	if (size != 0)
		memcpy(t->text + t->length, bytes, size);
	t->length += size;
	t->text[t->length] = '\0';
}

void fr_text_done(struct fr_text *t)
{
	free(t->text);
	*t = (struct fr_text){0};
}
