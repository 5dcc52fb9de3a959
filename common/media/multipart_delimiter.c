/* SPDX-License-Identifier: MIT */
/* What stands between parts: a delimiter, what is glued to it, what may be in its place. */
#include <string.h>

#include "common/media/multipart_parts.h"

void fr_multipart_forget_match(struct fr_multipart *m)
{
	m->dashes = 0;
	m->matched = 0;
}

bool fr_multipart_match(struct fr_multipart *m, uint8_t byte)
{
	if (m->dashes >= 2 && byte == (uint8_t)m->boundary[m->matched]) {
		m->matched++;
		return true;
	}
	if (byte == '-' && m->matched == 0 && m->dashes < MULTIPART_DASHES_MAX) {
		m->dashes++;
		return true;
	}
	return false;
}

bool fr_multipart_is_matched(const struct fr_multipart *m)
{
	return m->matched == m->boundary_size;
}

void fr_multipart_begin_head(struct fr_multipart *m)
{
	fr_multipart_forget_match(m);
	m->held_size = 0;
	m->junk = 0;
	m->line_size = 0;
	m->head_size = 0;
	m->has_length = false;
	m->stamp_us = 0;
	m->is_placeholder = false;
	m->state = MULTIPART_DELIMITER;
}

size_t fr_multipart_find_delimiter(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	for (size_t i = 0; i < size; i++) {
		const uint8_t byte = bytes[i];

		if (!fr_multipart_match(m, byte)) {
			const bool is_space = byte == '\r' || byte == '\n';

			/* A run of dashes that did not fit goes on as a shorter one. */
			if (m->state == MULTIPART_AFTER && (!is_space || m->dashes > 0)) {
				m->no_lengths = m->no_lengths || m->has_length;
				m->state = MULTIPART_RESYNC;
			}
			fr_multipart_forget_match(m);
			(void)fr_multipart_match(m, byte);
		} else if (fr_multipart_is_matched(m)) {
			fr_multipart_begin_head(m);
			return i + 1;
		}
		if (++m->junk > m->max_bytes) {
			fr_multipart_bad(
			    m, ret, "%zu bytes without a delimiter --%s", m->junk, m->boundary);
			return i + 1;
		}
	}
	return size;
}

size_t fr_multipart_take_delimiter(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	(void)ret;
	for (size_t i = 0; i < size; i++) {
		const uint8_t byte = bytes[i];

		if (byte == ' ' || byte == '\t' || byte == '\r') {
			if (++m->junk > m->max_bytes) {
				fr_multipart_bad(m, ret, "%zu blanks behind a delimiter", m->junk);
				return i + 1;
			}
			continue;
		}
		if (byte == '-') {
			m->state = MULTIPART_CLOSING;
			return i + 1;
		}
		/* Anything but a line's end is a header that was glued to the delimiter. */
		m->state = MULTIPART_HEAD;
		return byte == '\n' ? i + 1 : i;
	}
	return size;
}

size_t fr_multipart_take_closing(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	if (size == 0)
		return 0;
	if (bytes[0] != '-') {
		fr_multipart_bad(m, ret, "a - that is out of place behind --%s", m->boundary);
	} else {
		ret->type = FR_MULTIPART_END;
		m->state = MULTIPART_DONE;
	}
	return 1;
}

/* --- The beginning ---------------------------------------------------------------------------- */

/* Reads the boundary off the first line. @return what is glued to it; NULL: the line is no delimiter */
static const char *learn_boundary(struct fr_multipart *m)
{
	const char *at = m->line + strspn(m->line, "-");
	const char *glued = strcasestr(at, "content-");
	size_t size = glued == NULL ? strlen(at) : (size_t)(glued - at);

	while (size > 0 && (at[size - 1] == ' ' || at[size - 1] == '\t' || at[size - 1] == '\r'))
		size--;
	if (at - m->line < 2 || size == 0 || size > FR_BOUNDARY_MAX)
		return NULL;
	for (size_t i = 0; i < size; i++)
		if (at[i] < 0x20 || at[i] > 0x7E)
			return NULL;
	memcpy(m->boundary, at, size);
	m->boundary_size = size;
	return glued == NULL ? at + strlen(at) : glued;
}

/* The first line is whole: a delimiter, and perhaps the first header behind it. */
static void read_first_line(struct fr_multipart *m, struct fr_multipart_event *ret)
{
	const bool is_given = m->boundary_size > 0;
	const char *glued = learn_boundary(m);

	if (glued == NULL) {
		if (is_given)
			m->state = MULTIPART_PREAMBLE;
		else
			fr_multipart_bad(
			    m, ret, "the first line is no delimiter of a multipart body");
		return;
	}
	m->state = MULTIPART_HEAD;
	m->head_size = strlen(glued);
	memmove(m->line, glued, m->head_size + 1);
	fr_multipart_read_header_line(m);
	m->line_size = 0;
}

size_t fr_multipart_take_first_line(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	for (size_t i = 0; i < size; i++) {
		if (m->boundary_size > 0 && m->head_size == MULTIPART_HEAD_MAX) {
			m->state = MULTIPART_PREAMBLE; /* too long for a delimiter */
			return i;
		}
		if (m->boundary_size > 0 && !m->is_other) {
			m->is_other = !fr_multipart_match(m, bytes[i]);
			if (m->is_other) {
				fr_multipart_forget_match(m);
			} else if (fr_multipart_is_matched(m)) {
				fr_multipart_begin_head(m);
				return i + 1;
			}
		}
		if (fr_multipart_take_line(m, bytes[i], ret) && m->line_size > 0) {
			read_first_line(m, ret);
			return i + 1;
		}
		if (ret->type == FR_MULTIPART_BAD)
			return i + 1;
	}
	return size;
}

size_t fr_multipart_take_start(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	size_t i = 0;

	(void)ret;
	while (i < size && (bytes[i] == '\r' || bytes[i] == '\n'))
		i++;
	if (i == size)
		return size;
	if (bytes[i] == '-' && !m->insists)
		m->state = MULTIPART_LEARN;
	else
		m->state = strchr("CcXx", bytes[i]) != NULL && bytes[i] != '\0'
		               ? MULTIPART_HEAD
		               : MULTIPART_PREAMBLE;
	return i;
}
