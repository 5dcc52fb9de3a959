/* SPDX-License-Identifier: MIT */
/* The lines in front of a part's body. */
#include <string.h>
#include <strings.h>

#include "common/media/multipart_parts.h"

static const int64_t stamp_max_s = 100000000000; /* what is above is no time */

/* @return what stands behind `NAME:` when the line begins so; NULL: it is another one */
static const char *value_of(const char *line, const char *name)
{
	const size_t n = strlen(name);

	if (strncasecmp(line, name, n) != 0)
		return NULL;
	line += n + strspn(line + n, " \t");
	return *line == ':' ? line + 1 + strspn(line + 1, " \t") : NULL;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void read_length(struct fr_multipart *m, const char *at)
{
	m->has_length = true;
	for (m->length = 0; is_digit(*at); at++) {
		if (__builtin_mul_overflow(m->length, 10, &m->length) ||
		    __builtin_add_overflow(m->length, (uint64_t)(*at - '0'), &m->length)) {
			m->length = UINT64_MAX;
			break;
		}
	}
}

/* `seconds.fraction`, as mjpg-streamer began it */
static void read_stamp(struct fr_multipart *m, const char *at)
{
	int64_t seconds = 0, fraction = 0;

	for (; is_digit(*at) && seconds < stamp_max_s; at++)
		seconds = seconds * 10 + (*at - '0');
	if (seconds >= stamp_max_s)
		return;
	if (*at == '.')
		at++;
	for (int64_t unit = 100000; is_digit(*at); at++, unit /= 10)
		fraction += unit * (*at - '0');
	m->stamp_us = seconds * 1000000 + fraction;
}

void fr_multipart_read_header_line(struct fr_multipart *m)
{
	const char *length = value_of(m->line, "content-length");
	const char *stamp = value_of(m->line, "x-timestamp");

	if (length != NULL && is_digit(*length))
		read_length(m, length);
	else if (stamp != NULL)
		read_stamp(m, stamp);
	else if (value_of(m->line, "x-placeholder") != NULL)
		m->is_placeholder = true;
}

static void begin_body(struct fr_multipart *m, struct fr_multipart_event *ret)
{
	m->has_length = m->has_length && !m->no_lengths;
	m->state = m->has_length ? MULTIPART_BODY_EXACT : MULTIPART_BODY_SCAN;
	m->left = m->length;
	m->walk = (struct fr_jpeg_walk){0};
	m->has_body = false;
	m->walk_is_over = false;
	m->hides = m->is_placeholder;
	ret->type = FR_MULTIPART_PART;
	ret->has_length = m->has_length;
	ret->length = m->has_length ? m->length : 0;
	ret->stamp_us = m->stamp_us;
}

bool fr_multipart_take_line(struct fr_multipart *m, uint8_t byte, struct fr_multipart_event *ret)
{
	if (++m->head_size > MULTIPART_HEAD_MAX) {
		fr_multipart_bad(
		    m, ret, "a part's header is longer than %d bytes", (int)MULTIPART_HEAD_MAX);
		return false;
	}
	if (byte != '\n') {
		m->line[m->line_size++] = byte == '\0' ? ' ' : (char)byte;
		return false;
	}
	if (m->line_size > 0 && m->line[m->line_size - 1] == '\r')
		m->line_size--;
	m->line[m->line_size] = '\0';
	return true;
}

size_t fr_multipart_take_head(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	for (size_t i = 0; i < size; i++) {
		if (fr_multipart_take_line(m, bytes[i], ret)) {
			if (m->line_size == 0) {
				begin_body(m, ret);
				return i + 1;
			}
			fr_multipart_read_header_line(m);
			m->line_size = 0;
		}
		if (ret->type == FR_MULTIPART_BAD)
			return i + 1;
	}
	return size;
}
