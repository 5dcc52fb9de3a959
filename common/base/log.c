/* SPDX-License-Identifier: MIT */
#include "common/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>

#include "common/base/clock.h"
#include "common/base/stats.h"

enum {
	LINE_MAX_BYTES = PIPE_BUF, /* with its newline; see write_line() */
	FIELDS_MAX = 1600,
	KEYS = 256, /* repetitions that are remembered; a newer one takes the place of an older */
	SECOND_US = 1000 * 1000,
	SUMMARY_US = 60 * SECOND_US,
};

static const struct {
	const char *name;
	int priority; /* sd-daemon(3) */
} levels[] = {
    [FR_LOG_ERROR] = {"error", 3},
    [FR_LOG_WARNING] = {"warning", 4},
    [FR_LOG_INFO] = {"info", 6},
    [FR_LOG_DEBUG] = {"debug", 7},
};

/* The module's state; everything but `level` under `lock`. */
static struct {
	pthread_mutex_t lock;
	_Atomic enum fr_log_level level;
	enum fr_log_format format;
	bool to_journal;
	unsigned rate;     /* lines a second, 0: no limit */
	int64_t second_us; /* when the running second began */
	unsigned in_second;
	struct {
		uint64_t hash;
		int64_t until_us;
	} keys[KEYS];
	uint64_t limited, full;           /* lines left out since the start */
	uint64_t said_limited, said_full; /* as of the last summary */
	uint64_t counted;                 /* handed to the counter log_lines_lost */
	int64_t summary_us;               /* when the last one was, 0: never */
} state = {.lock = PTHREAD_MUTEX_INITIALIZER, .level = FR_LOG_INFO, .rate = 50};

/* ---- text ---- */

/* The length of the UTF-8 sequence at s, 0 when there is none. Source: RFC 3629 section 4. */
static size_t utf8_length(const char *s)
{
	const unsigned char *b = (const unsigned char *)s;
	unsigned char least = 0x80, most = 0xbf; /* of the second byte */
	size_t n;

	if (b[0] < 0x80)
		return 1;
	if (b[0] < 0xc2 || b[0] > 0xf4)
		return 0;
	n = b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : 4;
	if (b[0] == 0xe0)
		least = 0xa0;
	else if (b[0] == 0xed)
		most = 0x9f;
	else if (b[0] == 0xf0)
		least = 0x90;
	else if (b[0] == 0xf4)
		most = 0x8f;
	if (b[1] < least || b[1] > most)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (b[i] < 0x80 || b[i] > 0xbf)
			return 0;
	return n;
}

const char *fr_log_quote(struct fr_log_text *room, const char *value)
{
	size_t to = 1; /* behind a quote that may be needed */
	const size_t end = sizeof(room->text) - sizeof("...\"") - 4;
	bool quoted = value == NULL || value[0] == '\0';

	while (value != NULL && *value != '\0' && to < end) {
		const unsigned char c = (unsigned char)*value;
		const size_t n = utf8_length(value);
		const bool hex = (c < 0x20 && c != '\n') || c == 0x7f || n == 0;

		if (hex || c == '\n' || c == '"' || c == '\\') {
			to += (size_t)snprintf(room->text + to, sizeof(room->text) - to,
			    hex ? "\\x%02x" : "\\%c", !hex && c == '\n' ? 'n' : c);
			quoted = true;
			value++;
		} else {
			quoted = quoted || c == ' ' || c == '=';
			memcpy(room->text + to, value, n);
			to += n;
			value += n;
		}
	}
	if (value != NULL && *value != '\0') {
		memcpy(room->text + to, "...", 3);
		to += 3;
	}
	if (quoted) {
		room->text[0] = '"';
		room->text[to++] = '"';
	}
	room->text[to] = '\0';
	return quoted ? room->text : memmove(room->text, room->text + 1, to);
}

/* Makes what a caller forgot to quote harmless. */
static void clean(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

/* A line being made; what does not fit is left out from `length` on. */
struct line {
	char text[LINE_MAX_BYTES];
	size_t length;
	bool over;
};

__attribute__((format(printf, 2, 3))) static void add(struct line *line, const char *fmt, ...)
{
	const size_t room =
	    sizeof(line->text) - 4 - line->length; /* kept for the end of the line */
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line->text + line->length, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room)
		line->over = true;
	else
		line->length += (size_t)n;
}

/* Adds `n` bytes as the inside of a JSON string; `escaped`: they are the inside of a quoted value. */
static void add_json(struct line *line, const char *text, size_t n, bool escaped)
{
	for (const char *end = text + n; text < end; text++) {
		const unsigned char c = (unsigned char)*text;
		const size_t length = utf8_length(text);
		unsigned byte = c;

		if (escaped && c == '\\' && text + 1 < end) {
			text++;
			if (*text == 'x' && sscanf(text + 1, "%2x", &byte) == 1)
				text += 2;
			else if (*text == 'n')
				byte = '\n';
			else
				byte = (unsigned char)*text;
			add(line, byte == '"' || byte == '\\' ? "\\%c" : "\\u%04x", byte);
		} else if (c == '"' || c == '\\') {
			add(line, "\\%c", c);
		} else if (c < 0x20 || length == 0 || text + length > end) {
			add(line, "\\u%04x", byte);
		} else {
			add(line, "%.*s", (int)length, text);
			text += length - 1;
		}
	}
}

/* Whether these characters are a JSON number: -12, 0.5. Leading zeros and signs stay text. */
static bool is_number(const char *text, size_t n)
{
	size_t i = n > 0 && text[0] == '-' ? 1 : 0;
	const size_t first = i;

	while (i < n && text[i] >= '0' && text[i] <= '9')
		i++;
	if (i == first || i - first > 18 || (text[first] == '0' && i - first > 1))
		return false;
	if (i == n)
		return true;
	return text[i] == '.' && i + 1 < n && strspn(text + i + 1, "0123456789") >= n - i - 1;
}

/* Adds `key=value` pairs as members; a pair that does not fit ends the line. */
static void add_members(struct line *line, const char *fields)
{
	while (*fields == ' ')
		fields++;
	while (*fields != '\0' && !line->over) {
		const size_t before = line->length;
		const size_t key = strcspn(fields, "= ");
		const char *value = fields + key + (fields[key] == '=' ? 1 : 0);
		const bool quoted = *value == '"';
		const char *end;

		if (quoted) {
			for (end = ++value; *end != '\0' && *end != '"'; end++)
				if (*end == '\\' && end[1] != '\0')
					end++;
		} else {
			end = value + strcspn(value, " ");
		}
		add(line, ",\"");
		add_json(line, fields, key, false);
		add(line, "\":");
		if (!quoted && is_number(value, (size_t)(end - value))) {
			add(line, "%.*s", (int)(end - value), value);
		} else {
			add(line, "\"");
			add_json(line, value, (size_t)(end - value), quoted);
			add(line, "\"");
		}
		if (line->over)
			line->length = before;
		fields = end + (quoted && *end == '"' ? 1 : 0);
		while (*fields == ' ')
			fields++;
	}
}

static void make_json(struct line *line, enum fr_log_level level, const char *area,
    const char *sentence, const char *fields)
{
	const int64_t now_us = fr_clock_real_us();
	const time_t seconds = (time_t)(now_us / SECOND_US);
	char text[32];
	struct tm tm;

	(void)gmtime_r(&seconds, &tm);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	add(line, "{\"time\":\"%s.%06dZ\",\"level\":\"%s\",\"area\":\"", text,
	    (int)(now_us % SECOND_US), levels[level].name);
	add_json(line, area, strnlen(area, 60), false);
	add(line, "\",\"text\":\"");
	add_json(line, sentence, strnlen(sentence, 300), false);
	add(line, "\"");
	add_members(line, fields);
	line->text[line->length++] = '}';
}

static void make_text(struct line *line, enum fr_log_level level, const char *area,
    const char *sentence, const char *fields)
{
	if (state.to_journal)
		add(line, "<%d>", levels[level].priority);
	add(line, "%-7s %.60s: %.300s%s%s", levels[level].name, area, sentence,
	    fields[0] != '\0' ? " " : "", fields);
	clean(line->text);
}

/* ---- writing ---- */

/*
 * Writes without ever waiting. O_NONBLOCK is no way to do this: standard error is shared with other
 * processes, and the flag belongs to all of them. A socket (the journal's) takes MSG_DONTWAIT. For the
 * rest poll() says whether there is room: a pipe that is writable has room for PIPE_BUF bytes at least,
 * and a line is never longer, so the write behind it does not wait and is not cut in two.
 * Source: poll(2), pipe(7) "PIPE_BUF"; Linux fs/pipe.c pipe_poll(): writable is a free page.
 */
static bool write_line(const char *text, size_t length)
{
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
	ssize_t n = send(STDERR_FILENO, text, length, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n >= 0 || errno != ENOTSOCK)
		return n == (ssize_t)length;
	if (poll(&fd, 1, 0) != 1 || (fd.revents & (POLLOUT | POLLERR)) != POLLOUT)
		return false;
	return write(STDERR_FILENO, text, length) == (ssize_t)length;
}

/* Under the lock. Writes the line and counts it when it is lost. */
static void put(enum fr_log_level level, const char *area, const char *sentence, const char *fields)
{
	struct line line = {.length = 0};

	if (state.format == FR_LOG_JSON)
		make_json(&line, level, area, sentence, fields);
	else
		make_text(&line, level, area, sentence, fields);
	line.text[line.length++] = '\n';
	if (!write_line(line.text, line.length))
		state.full++;
}

/* Under the lock. Whether everything together is within the rate. */
static bool within_rate(int64_t now_us)
{
	if (state.rate == 0)
		return true;
	if (now_us - state.second_us >= SECOND_US) {
		state.second_us = now_us;
		state.in_second = 0;
	}
	return state.in_second++ < state.rate;
}

static uint64_t hash_of(uint64_t hash, const char *text)
{
	/* FNV-1a with the final NUL, so that "ab" "c" and "a" "bc" differ. */
	do
		hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
	while (*text++ != '\0');
	return hash;
}

/* Under the lock. Whether the same was written in the second before. */
static bool is_repeated(const char *area, const char *sentence, const char *key, int64_t now_us)
{
	const uint64_t hash =
	    hash_of(hash_of(hash_of(UINT64_C(0xcbf29ce484222325), area), sentence), key);
	const size_t i = hash % KEYS;

	if (state.keys[i].hash == hash && now_us < state.keys[i].until_us)
		return true;
	state.keys[i].hash = hash;
	state.keys[i].until_us = now_us + SECOND_US;
	return false;
}

__attribute__((format(printf, 5, 0))) static void log_va(enum fr_log_level level, const char *area,
    const char *sentence, const char *key, const char *fmt, va_list ap)
{
	const int64_t now_us = fr_clock_now_us();
	char fields[FIELDS_MAX];

	(void)vsnprintf(fields, sizeof(fields), fmt, ap); /* a cut line is still one */
	(void)pthread_mutex_lock(&state.lock);
	if ((key != NULL && is_repeated(area, sentence, key, now_us)) || !within_rate(now_us))
		state.limited++;
	else
		put(level, area, sentence, fields);
	(void)pthread_mutex_unlock(&state.lock);
}

/* ---- public ---- */

/* Source: systemd.exec(5), $JOURNAL_STREAM: device and inode of the stream, to be compared. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uint64_t device, inode;
	struct stat st;

	return stream != NULL && sscanf(stream, "%" SCNu64 ":%" SCNu64, &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

void fr_log_setup(enum fr_log_level level, enum fr_log_format format)
{
	(void)pthread_mutex_lock(&state.lock);
	state.level = level;
	state.format = format;
	state.to_journal = is_journal();
	(void)pthread_mutex_unlock(&state.lock);
}

void fr_log_set_rate(unsigned lines_per_second)
{
	(void)pthread_mutex_lock(&state.lock);
	state.rate = lines_per_second;
	(void)pthread_mutex_unlock(&state.lock);
}

bool fr_log_wants(enum fr_log_level level)
{
	return level <= state.level;
}

void fr_log(
    enum fr_log_level level, const char *area, const char *sentence, const char *fields, ...)
{
	va_list ap;

	if (!fr_log_wants(level))
		return;
	va_start(ap, fields);
	log_va(level, area, sentence, NULL, fields, ap);
	va_end(ap);
}

void fr_log_limited(enum fr_log_level level, const char *area, const char *sentence,
    const char *key, const char *fields, ...)
{
	va_list ap;

	if (!fr_log_wants(level))
		return;
	va_start(ap, fields);
	log_va(level, area, sentence, key, fields, ap);
	va_end(ap);
}

uint64_t fr_log_lost(void)
{
	uint64_t lost;

	(void)pthread_mutex_lock(&state.lock);
	lost = state.limited + state.full;
	(void)pthread_mutex_unlock(&state.lock);
	return lost;
}

void fr_log_tick(int64_t now_us)
{
	char fields[80];
	uint64_t limited, full;

	(void)pthread_mutex_lock(&state.lock);
	fr_stat_add(FR_STAT_log_lines_lost, (int64_t)(state.limited + state.full - state.counted));
	state.counted = state.limited + state.full;
	limited = state.limited - state.said_limited;
	full = state.full - state.said_full;
	if (limited + full != 0 &&
	    (state.summary_us == 0 || now_us - state.summary_us >= SUMMARY_US)) {
		(void)snprintf(fields, sizeof(fields), "too_many=%" PRIu64 " not_taken=%" PRIu64,
		    limited, full);
		state.said_limited = state.limited;
		state.said_full = state.full;
		state.summary_us = now_us;
		put(FR_LOG_WARNING, "log", "lines left out", fields);
	}
	(void)pthread_mutex_unlock(&state.lock);
}

bool fr_log_again(struct fr_log_again *again, const char *reason, int64_t now_us)
{
	char now[sizeof(again->reason)];

	(void)snprintf(now, sizeof(now), "%s", reason); /* compared as it is kept: cut */
	if (again->times == 0)
		again->since_us = now_us;
	if (again->times++ != 0 && strcmp(again->reason, now) == 0)
		return false;
	memcpy(again->reason, now, sizeof(now));
	return true;
}

bool fr_log_again_end(struct fr_log_again *again)
{
	const bool was = again->times != 0;

	*again = (struct fr_log_again){.times = 0};
	return was;
}
