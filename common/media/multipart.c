/* SPDX-License-Identifier: MIT */
#include "common/media/multipart.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/xalloc.h"
#include "common/media/jpeg_info.h"

enum {
	HEAD_MAX = 2048,  /* bytes of a part's header, delimiter's line end included */
	DASHES_MAX = 128, /* that may stand in front of a boundary */
};

static const int64_t stamp_max_s = 100000000000; /* what is above is no time */

enum state {
	LEARN, /* the first line: it is the given boundary's delimiter, or says which one it is */
	START, /* before anything, the boundary is given */
	PREAMBLE,   /* up to the first delimiter; what comes is not looked at */
	AFTER,      /* behind a part: line ends, then a delimiter */
	RESYNC,     /* likewise, after something else was there */
	DELIMITER,  /* behind `--boundary` */
	CLOSING,    /* behind `--boundary-` */
	HEAD,       /* a part's header */
	BODY_EXACT, /* with a length */
	BODY_SCAN,  /* without */
	BODY_OVER,  /* all of it was delivered */
	DONE,
};

struct fr_multipart {
	enum state state;
	size_t max_bytes, junk; /* junk: bytes since the last part or the start */
	bool no_lengths;        /* a length was wrong once */

	char boundary[FR_BOUNDARY_MAX + 1]; /* without its dashes */
	size_t boundary_size;
	bool insists;  /* on the given boundary */
	bool is_other; /* LEARN: the first line is not the given boundary's delimiter */

	/* What may be a delimiter: dashes, then `matched` characters of the boundary. */
	size_t dashes, matched;
	uint8_t held[DASHES_MAX + FR_BOUNDARY_MAX];
	size_t held_size; /* bytes in `held`, that are not delivered */

	char line[HEAD_MAX + 1];
	size_t line_size, head_size;
	bool has_length;
	bool is_placeholder; /* what the head says */
	bool hides;          /* the present part is none of ours to tell */
	uint64_t length, left;
	int64_t stamp_us;

	struct fr_jpeg_walk walk;
	bool has_body;     /* a first byte went through the walk */
	bool walk_is_over; /* what comes is no JPEG: only a delimiter ends the part */
};

struct fr_multipart *fr_multipart_new(const char *boundary, size_t max_bytes)
{
	struct fr_multipart *m = fr_xcalloc(1, sizeof(*m));

	m->max_bytes = max_bytes;
	if (boundary != NULL) {
		boundary += strspn(boundary, "-");
		m->boundary_size = strnlen(boundary, FR_BOUNDARY_MAX);
		memcpy(m->boundary, boundary, m->boundary_size);
		m->state = m->boundary_size == 0 ? LEARN : START;
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
	return m->state == BODY_EXACT && !m->hides ? m->left : 0;
}

void fr_multipart_skip(struct fr_multipart *m, uint64_t n)
{
	assert(m->state == BODY_EXACT && n <= m->left);
	m->left -= n;
}

size_t fr_multipart_head_bytes(const struct fr_multipart *m)
{
	if (m->state == PREAMBLE)
		return m->junk;
	return m->state == HEAD || m->state == LEARN ? m->head_size : 0;
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

__attribute__((format(printf, 3, 4))) static void bad(
    struct fr_multipart *m, struct fr_multipart_event *ret, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(ret->why.text, sizeof(ret->why.text), fmt, ap);
	va_end(ap);
	ret->type = FR_MULTIPART_BAD;
	m->state = DONE;
}

/* --- Delimiters ------------------------------------------------------------------------------- */

static void forget_match(struct fr_multipart *m)
{
	m->dashes = 0;
	m->matched = 0;
}

/* Takes one byte into the match. @return whether it may still be, or is, a delimiter */
static bool match(struct fr_multipart *m, uint8_t byte)
{
	if (m->dashes >= 2 && byte == (uint8_t)m->boundary[m->matched]) {
		m->matched++;
		return true;
	}
	if (byte == '-' && m->matched == 0 && m->dashes < DASHES_MAX) {
		m->dashes++;
		return true;
	}
	return false;
}

static bool is_matched(const struct fr_multipart *m)
{
	return m->matched == m->boundary_size;
}

static void begin_head(struct fr_multipart *m)
{
	forget_match(m);
	m->held_size = 0;
	m->junk = 0;
	m->line_size = 0;
	m->head_size = 0;
	m->has_length = false;
	m->stamp_us = 0;
	m->is_placeholder = false;
	m->state = DELIMITER;
}

/* PREAMBLE, AFTER, RESYNC: looks for a delimiter, nothing is kept. */
static size_t find_delimiter(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	for (size_t i = 0; i < size; i++) {
		const uint8_t byte = bytes[i];

		if (!match(m, byte)) {
			const bool is_space = byte == '\r' || byte == '\n';

			/* A run of dashes that did not fit goes on as a shorter one. */
			if (m->state == AFTER && (!is_space || m->dashes > 0)) {
				m->no_lengths = m->no_lengths || m->has_length;
				m->state = RESYNC;
			}
			forget_match(m);
			(void)match(m, byte);
		} else if (is_matched(m)) {
			begin_head(m);
			return i + 1;
		}
		if (++m->junk > m->max_bytes) {
			bad(m, ret, "%zu bytes without a delimiter --%s", m->junk, m->boundary);
			return i + 1;
		}
	}
	return size;
}

/* --- Heads ------------------------------------------------------------------------------------ */

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

static void read_header_line(struct fr_multipart *m)
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
	m->state = m->has_length ? BODY_EXACT : BODY_SCAN;
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

/* Takes one byte of a head into its line. @return whether the line is whole (without its end) */
static bool take_line(struct fr_multipart *m, uint8_t byte, struct fr_multipart_event *ret)
{
	if (++m->head_size > HEAD_MAX) {
		bad(m, ret, "a part's header is longer than %d bytes", (int)HEAD_MAX);
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

static size_t take_head(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	for (size_t i = 0; i < size; i++) {
		if (take_line(m, bytes[i], ret)) {
			if (m->line_size == 0) {
				begin_body(m, ret);
				return i + 1;
			}
			read_header_line(m);
			m->line_size = 0;
		}
		if (ret->type == FR_MULTIPART_BAD)
			return i + 1;
	}
	return size;
}

/* The byte behind a delimiter. */
static size_t take_delimiter(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	(void)ret;
	for (size_t i = 0; i < size; i++) {
		const uint8_t byte = bytes[i];

		if (byte == ' ' || byte == '\t' || byte == '\r') {
			if (++m->junk > m->max_bytes) {
				bad(m, ret, "%zu blanks behind a delimiter", m->junk);
				return i + 1;
			}
			continue;
		}
		if (byte == '-') {
			m->state = CLOSING;
			return i + 1;
		}
		/* Anything but a line's end is a header that was glued to the delimiter. */
		m->state = HEAD;
		return byte == '\n' ? i + 1 : i;
	}
	return size;
}

static size_t take_closing(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	if (size == 0)
		return 0;
	if (bytes[0] != '-') {
		bad(m, ret, "a - that is out of place behind --%s", m->boundary);
	} else {
		ret->type = FR_MULTIPART_END;
		m->state = DONE;
	}
	return 1;
}

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
			m->state = PREAMBLE;
		else
			bad(m, ret, "the first line is no delimiter of a multipart body");
		return;
	}
	m->state = HEAD;
	m->head_size = strlen(glued);
	memmove(m->line, glued, m->head_size + 1);
	read_header_line(m);
	m->line_size = 0;
}

static size_t take_first_line(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	for (size_t i = 0; i < size; i++) {
		if (m->boundary_size > 0 && m->head_size == HEAD_MAX) {
			m->state = PREAMBLE; /* too long for a delimiter */
			return i;
		}
		if (m->boundary_size > 0 && !m->is_other) {
			m->is_other = !match(m, bytes[i]);
			if (m->is_other) {
				forget_match(m);
			} else if (is_matched(m)) {
				begin_head(m);
				return i + 1;
			}
		}
		if (take_line(m, bytes[i], ret) && m->line_size > 0) {
			read_first_line(m, ret);
			return i + 1;
		}
		if (ret->type == FR_MULTIPART_BAD)
			return i + 1;
	}
	return size;
}

/*
 * Before a given boundary: a body may begin with a part's header (the first delimiter left out), and with a delimiter
 * that is not the given one.
 */
static size_t take_start(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret)
{
	size_t i = 0;

	(void)ret;
	while (i < size && (bytes[i] == '\r' || bytes[i] == '\n'))
		i++;
	if (i == size)
		return size;
	if (bytes[i] == '-' && !m->insists)
		m->state = LEARN;
	else
		m->state = strchr("CcXx", bytes[i]) != NULL && bytes[i] != '\0' ? HEAD : PREAMBLE;
	return i;
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

static size_t end_part(
    struct fr_multipart *m, enum state state, struct fr_multipart_event *ret, size_t taken)
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
		return end_part(m, AFTER, ret, 0);
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
		m->state = BODY_OVER;
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
		if (!match(m, bytes[i])) {
			const size_t held = m->held_size;

			forget_match(m);
			m->held_size = 0;
			(void)follow_jpeg(m, m->held, held);
			return deliver(ret, m->held, held, i);
		}
		m->held[m->held_size++] = bytes[i];
		if (is_matched(m)) {
			begin_head(m);
			return end_part(m, DELIMITER, ret, i + 1);
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
	while (i < size && m->state == BODY_SCAN) {
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
	case LEARN:
		return take_first_line(m, bytes, size, ret);
	case START:
		return take_start(m, bytes, size, ret);
	case PREAMBLE:
	case AFTER:
	case RESYNC:
		return find_delimiter(m, bytes, size, ret);
	case DELIMITER:
		return take_delimiter(m, bytes, size, ret);
	case CLOSING:
		return take_closing(m, bytes, size, ret);
	case HEAD:
		return take_head(m, bytes, size, ret);
	case BODY_EXACT:
		return take_exact(m, bytes, size, ret);
	case BODY_SCAN:
		return take_scan(m, bytes, size, ret);
	case BODY_OVER:
		return end_part(m, AFTER, ret, 0);
	case DONE:
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
	} while (ret->type == FR_MULTIPART_MORE && (at < size || m->state == BODY_OVER));
	return at;
}
