/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/xalloc.h"
#include "common/media/multipart_parts.h"

struct fr_multipart *fr_multipart_new(const char *boundary, size_t max_bytes)
{
	struct fr_multipart *m = fr_xcalloc(1, sizeof(*m));

	m->max_bytes = max_bytes;
	if (boundary != NULL) {
		boundary += strspn(boundary, "-");
		m->boundary_size = strnlen(boundary, FR_BOUNDARY_MAX);
		memcpy(m->boundary, boundary, m->boundary_size);
		m->state = m->boundary_size == 0 ? MULTIPART_LEARN : MULTIPART_START;
	}
	return m;
}

void fr_multipart_insist(struct fr_multipart *m)
{
	m->insists = true;
}

void fr_multipart_free(struct fr_multipart *m)
{
	free(m);
}

uint64_t fr_multipart_left(const struct fr_multipart *m)
{
	return m->state == MULTIPART_BODY_EXACT && !m->hides ? m->left : 0;
}

void fr_multipart_skip(struct fr_multipart *m, uint64_t n)
{
	assert(m->state == MULTIPART_BODY_EXACT && n <= m->left);
	m->left -= n;
}

size_t fr_multipart_head_bytes(const struct fr_multipart *m)
{
	if (m->state == MULTIPART_PREAMBLE)
		return m->junk;
	return m->state == MULTIPART_HEAD || m->state == MULTIPART_LEARN ? m->head_size : 0;
}

/* RFC 2046 5.1.1, and what programs send beside it (`[]`, `"`-less everything). */
static bool is_boundary_char(char c)
{
	return c > 0x20 && c < 0x7F && c != '"' && c != ';' && c != '\\';
}

enum fr_multipart_boundary fr_multipart_boundary(
    const char *content_type, char ret[FR_BOUNDARY_MAX + 1])
{
	static const char name[] = "boundary=";
	const char *at = strchr(content_type, ';');
	size_t n = 0;
	bool quoted;

	while (at != NULL) {
		at++;
		at += strspn(at, " \t");
		if (strncasecmp(at, name, sizeof(name) - 1) == 0)
			break;
		at = strchr(at, ';');
	}
	if (at == NULL)
		return FR_BOUNDARY_NONE;
	at += sizeof(name) - 1;
	quoted = *at == '"';
	at += quoted;
	while (is_boundary_char(at[n]) || (quoted && at[n] == ' '))
		n++;
	if (n == 0 || n > FR_BOUNDARY_MAX || at[n] == '\\' || (quoted && at[n] != '"') ||
	    (!quoted && at[n] != '\0' && strchr("; \t", at[n]) == NULL))
		return FR_BOUNDARY_BAD;
	memcpy(ret, at, n);
	ret[n] = '\0';
	return FR_BOUNDARY_FOUND;
}

__attribute__((format(printf, 3, 4))) void fr_multipart_bad(
    struct fr_multipart *m, struct fr_multipart_event *ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(ret->why.text, sizeof(ret->why.text), fmt, ap);
	va_end(ap);
	ret->type = FR_MULTIPART_BAD;
	m->state = MULTIPART_DONE;
}

/* --- Bodies ----------------------------------------------------------------------------------- */

static size_t deliver(
    struct fr_multipart_event *ret, const uint8_t *bytes, size_t size, size_t taken)
{
	ret->type = FR_MULTIPART_BODY;
	ret->bytes = bytes;
	ret->size = size;
	return taken;
}

static size_t end_part(struct fr_multipart *m, enum multipart_state state,
    struct fr_multipart_event *ret, size_t taken)
{
	ret->type = FR_MULTIPART_PART_END;
	m->state = state;
	m->junk = 0;
	return taken;
}

static size_t take_exact(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	if (m->left == 0)
		return end_part(m, MULTIPART_AFTER, ret, 0);
	if (size == 0)
		return 0;
	if (size > m->left)
		size = (size_t)m->left;
	m->left -= size;
	return deliver(ret, bytes, size, size);
}

/* Bytes that cannot begin a delimiter, and go through the walk in one piece; 0: the first may begin one. */
static size_t plain_run(const struct fr_multipart *m, const uint8_t *bytes, size_t size)
{
	const uint8_t *dash;

	if (!m->walk_is_over && !fr_jpeg_walk_in_scan(&m->walk)) {
		const size_t stride = fr_jpeg_walk_stride(&m->walk);

		if (!m->has_body && bytes[0] == '-')
			return 0; /* an empty part */
		return stride < size ? stride : size;
	}
	dash = memchr(bytes, '-', size);
	return dash == NULL ? size : (size_t)(dash - bytes);
}

/* Feeds the walk. @return bytes up to and with EOI; `size` when it did not come */
static size_t follow_jpeg(struct fr_multipart *m, const uint8_t *bytes, size_t size)
{
	size_t taken;

	m->has_body = true;
	if (m->walk_is_over)
		return size;
	switch (fr_jpeg_walk_feed(&m->walk, bytes, size, &taken)) {
	case FR_JPEG_MORE:
		break;
	case FR_JPEG_END:
		m->state = MULTIPART_BODY_OVER;
		return taken;
	case FR_JPEG_CUT:
	case FR_JPEG_BAD:
		m->walk_is_over = true;
		break;
	}
	return size;
}

/* Takes what may be a delimiter; it is delivered when it turns out to be none. */
static size_t take_match(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	for (size_t i = 0; i < size; i++) {
		if (!fr_multipart_match(m, bytes[i])) {
			const size_t held = m->held_size;

			fr_multipart_forget_match(m);
			m->held_size = 0;
			(void)follow_jpeg(m, m->held, held);
			return deliver(ret, m->held, held, i);
		}
		m->held[m->held_size++] = bytes[i];
		if (fr_multipart_is_matched(m)) {
			fr_multipart_begin_head(m);
			return end_part(m, MULTIPART_DELIMITER, ret, i + 1);
		}
	}
	return size;
}

static size_t take_scan(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	size_t i = 0;

	if (m->held_size > 0)
		return take_match(m, bytes, size, ret);
	while (i < size && m->state == MULTIPART_BODY_SCAN) {
		const size_t run = plain_run(m, bytes + i, size - i);

		if (run == 0)
			break;
		i += follow_jpeg(m, bytes + i, run);
	}
	if (i > 0)
		return deliver(ret, bytes, i, i);
	return take_match(m, bytes, size, ret);
}

/* --- In --------------------------------------------------------------------------------------- */

static size_t take(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	switch (m->state) {
	case MULTIPART_LEARN:
		return fr_multipart_take_first_line(m, bytes, size, ret);
	case MULTIPART_START:
		return fr_multipart_take_start(m, bytes, size, ret);
	case MULTIPART_PREAMBLE:
	case MULTIPART_AFTER:
	case MULTIPART_RESYNC:
		return fr_multipart_find_delimiter(m, bytes, size, ret);
	case MULTIPART_DELIMITER:
		return fr_multipart_take_delimiter(m, bytes, size, ret);
	case MULTIPART_CLOSING:
		return fr_multipart_take_closing(m, bytes, size, ret);
	case MULTIPART_HEAD:
		return fr_multipart_take_head(m, bytes, size, ret);
	case MULTIPART_BODY_EXACT:
		return take_exact(m, bytes, size, ret);
	case MULTIPART_BODY_SCAN:
		return take_scan(m, bytes, size, ret);
	case MULTIPART_BODY_OVER:
		return end_part(m, MULTIPART_AFTER, ret, 0);
	case MULTIPART_DONE:
		break;
	}
	return size;
}

/* What a relay made up for viewers while there was no picture is no picture: nobody hears of that part. */
static void hide(struct fr_multipart *m, struct fr_multipart_event *ret)
{
	if (!m->hides)
		return;
	if (ret->type == FR_MULTIPART_PART_END)
		m->hides = false;
	else if (ret->type != FR_MULTIPART_PART && ret->type != FR_MULTIPART_BODY)
		return;
	ret->type = FR_MULTIPART_MORE;
}

size_t fr_multipart_read(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	size_t at = 0;

	ret->type = FR_MULTIPART_MORE;
	do {
		at += take(m, bytes + at, size - at, ret);
		hide(m, ret);
	} while (ret->type == FR_MULTIPART_MORE && (at < size || m->state == MULTIPART_BODY_OVER));
	return at;
}
