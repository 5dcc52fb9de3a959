/* SPDX-License-Identifier: MIT */
#include "common/media/http_response.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/xalloc.h"

enum {
	EMPTY_LINES_MAX = 4, /* in front of an answer */
	LENGTH_DIGITS_MAX = 18,
};

static const char magic[] = "HTTP/";

/*
 * The text is what came, line behind line, each ended by a NUL; of a header line the name is in lower case and ended
 * by a NUL too, so fields are pairs of strings.
 */
struct fr_http_response {
	bool has_status; /* the status line is whole */
	unsigned empty_lines;
	char *text;
	size_t size, capacity;
	size_t line;   /* where the line that comes in begins */
	size_t taken;  /* bytes, interim answers included */
	size_t fields; /* where the first field begins */
	unsigned major, minor, code;
	size_t reason; /* in the text */
};

struct fr_http_response *fr_http_response_new(void)
{
	return fr_xcalloc(1, sizeof(struct fr_http_response));
}

void fr_http_response_free(struct fr_http_response *head)
{
	if (head == NULL)
		return;
	free(head->text);
	free(head);
}

/* Ready for a status line; the memory and the count of bytes stay. */
static void begin_again(struct fr_http_response *head)
{
	head->has_status = false;
	head->empty_lines = 0;
	head->size = 0;
	head->line = 0;
}

void fr_http_response_reset(struct fr_http_response *head)
{
	begin_again(head);
	head->taken = 0;
}

static void keep(struct fr_http_response *head, char c)
{
	if (head->size == head->capacity) {
		head->capacity = head->capacity == 0 ? 512 : head->capacity * 2;
		head->text = fr_xreallocarray(head->text, head->capacity, 1);
	}
	head->text[head->size++] = c;
}

/* --- Lines ------------------------------------------------------------------------------------ */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Takes the space off the end of what the text ends with, down to `from`, and puts a NUL there. */
static void end_string(struct fr_http_response *head, size_t from)
{
	while (head->size > from &&
	       (is_blank(head->text[head->size - 1]) || head->text[head->size - 1] == '\r'))
		head->size--;
	keep(head, '\0');
}

static unsigned read_digits(const char **at)
{
	unsigned value = 0;

	while (isdigit((unsigned char)**at) && value < 10000)
		value = value * 10 + (unsigned)(*(*at)++ - '0');
	return value;
}

/* `HTTP/1.1 200 OK`, whose first five characters were looked at. @return false: refused */
static bool take_status(struct fr_http_response *head, struct fr_cause *why)
{
	const char *at = head->text + sizeof(magic) - 1;

	head->major = read_digits(&at);
	head->minor = 0;
	if (*at == '.') {
		at++;
		head->minor = read_digits(&at);
	}
	if (head->major != 1 || !is_blank(*at)) {
		(void)fr_cause_set(
		    why, EPROTO, "the answer is no HTTP/1.0 or HTTP/1.1: %.40s", head->text);
		return false;
	}
	at += strspn(at, " \t");
	head->code = read_digits(&at);
	if (head->code < 100 || head->code > 999 || (*at != '\0' && !is_blank(*at))) {
		(void)fr_cause_set(why, EPROTO, "the answer has no status code: %.40s", head->text);
		return false;
	}
	head->reason = (size_t)(at + strspn(at, " \t") - head->text);
	head->has_status = true;
	head->fields = head->size;
	return true;
}

/* A whole header line, which ends the text with its NUL. */
static void take_field(struct fr_http_response *head)
{
	char *line = head->text + head->line;
	char *colon = strchr(line, ':');
	const size_t size = strlen(line) + 1;
	size_t name, value;

	if (is_blank(*line) && head->line > head->fields) {
		/* The line before goes on: its NUL becomes a space. */
		value = strspn(line, " \t");
		head->text[head->line - 1] = ' ';
		memmove(line, line + value, size - value);
		head->size -= value;
		return;
	}
	if (colon == NULL || is_blank(*line)) {
		head->size = head->line; /* it says nothing */
		return;
	}
	for (name = (size_t)(colon - line); name > 0 && is_blank(line[name - 1]); name--)
		;
	value = (size_t)(colon - line) + 1;
	value += strspn(line + value, " \t");
	for (size_t i = 0; i < name; i++)
		line[i] = (char)tolower((unsigned char)line[i]);
	line[name] = '\0';
	memmove(line + name + 1, line + value, size - value);
	head->size = head->line + name + 1 + size - value;
}

/* A line has come, without its LF. @return what it makes of the head */
static enum fr_http_response_state take_line(struct fr_http_response *head, struct fr_cause *why)
{
	end_string(head, head->line);
	if (head->size - head->line > 1) {
		if (!head->has_status) {
			if (!take_status(head, why))
				return FR_HTTP_RESPONSE_BAD;
		} else {
			take_field(head);
		}
		head->line = head->size;
		return FR_HTTP_RESPONSE_MORE;
	}
	head->size = head->line;
	if (!head->has_status) {
		if (++head->empty_lines <= EMPTY_LINES_MAX)
			return FR_HTTP_RESPONSE_MORE;
		(void)fr_cause_set(why, EPROTO, "the answer begins with empty lines");
		return FR_HTTP_RESPONSE_BAD;
	}
	if (head->code >= 200 || head->code == 101)
		return FR_HTTP_RESPONSE_DONE;
	begin_again(head);
	return FR_HTTP_RESPONSE_MORE;
}

/* Whether what came of the first line may become a status line. */
static bool is_http(const struct fr_http_response *head)
{
	const size_t n = head->size < sizeof(magic) - 1 ? head->size : sizeof(magic) - 1;

	return head->has_status || strncasecmp(head->text, magic, n) == 0 ||
	       (head->size == 1 && head->text[0] == '\r');
}

size_t fr_http_response_read(struct fr_http_response *head, const uint8_t *bytes, size_t size,
    enum fr_http_response_state *ret, struct fr_cause *why)
{
	*ret = FR_HTTP_RESPONSE_MORE;
	for (size_t i = 0; i < size; i++) {
		if (++head->taken > FR_HTTP_RESPONSE_MAX) {
			(void)fr_cause_set(why, EPROTO, "the answer's head is longer than %d bytes",
			    (int)FR_HTTP_RESPONSE_MAX);
			*ret = FR_HTTP_RESPONSE_BAD;
			return i;
		}
		if (bytes[i] == '\n') {
			*ret = take_line(head, why);
			if (*ret != FR_HTTP_RESPONSE_MORE)
				return i + 1;
			continue;
		}
		keep(head, bytes[i] == '\0' ? ' ' : (char)bytes[i]);
		if (!is_http(head)) {
			(void)fr_cause_set(
			    why, EPROTO, "the answer does not begin HTTP/: that is no web server");
			*ret = FR_HTTP_RESPONSE_BAD;
			return i + 1;
		}
	}
	return size;
}

/* --- What it says ----------------------------------------------------------------------------- */

unsigned fr_http_response_code(const struct fr_http_response *head)
{
	return head->code;
}

const char *fr_http_response_reason(const struct fr_http_response *head)
{
	return head->text + head->reason;
}

const char *fr_http_response_field(
    const struct fr_http_response *head, const char *name, unsigned n)
{
	const char *end = head->text + head->size;

	for (const char *at = head->text + head->fields; at < end;) {
		const char *value = at + strlen(at) + 1;

		if (strcmp(at, name) == 0 && n-- == 0)
			return value + strspn(value, " \t"); /* one that began folded */
		at = value + strlen(value) + 1;
	}
	return NULL;
}

/* Whether a list such as `close, te` has the word. */
static bool lists(const char *list, const char *word)
{
	const size_t n = strlen(word);

	while (list != NULL && *list != '\0') {
		list += strspn(list, " \t,");
		if (strncasecmp(list, word, n) == 0 && strchr(" \t,;", list[n]) != NULL)
			return true;
		list += strcspn(list, ",");
	}
	return false;
}

bool fr_http_response_is_chunked(const struct fr_http_response *head)
{
	return lists(fr_http_response_field(head, "transfer-encoding", 0), "chunked");
}

bool fr_http_response_length(const struct fr_http_response *head, uint64_t *ret)
{
	const char *text = fr_http_response_field(head, "content-length", 0);
	size_t digits;

	if (head->code == 204 || head->code == 304) {
		*ret = 0;
		return true;
	}
	if (text == NULL || fr_http_response_is_chunked(head))
		return false;
	digits = strspn(text, "0123456789");
	if (digits == 0 || digits > LENGTH_DIGITS_MAX || text[digits] != '\0')
		return false;
	*ret = strtoull(text, NULL, 10);
	return true;
}

bool fr_http_response_keeps_alive(const struct fr_http_response *head)
{
	const char *connection = fr_http_response_field(head, "connection", 0);
	uint64_t length;

	if (lists(connection, "close") || (head->minor == 0 && !lists(connection, "keep-alive")))
		return false;
	return fr_http_response_is_chunked(head) || fr_http_response_length(head, &length);
}

/* --- Parameters ------------------------------------------------------------------------------- */

/* Copies a value, quoted (RFC 9110 5.6.4) or up to `;`. @return where it ends */
static const char *copy_value(const char *at, char *ret, size_t capacity)
{
	const bool is_quoted = *at == '"';
	size_t n = 0;

	if (is_quoted)
		at++;
	while (*at != '\0' && *at != (is_quoted ? '"' : ';')) {
		if (is_quoted && at[0] == '\\' && at[1] != '\0')
			at++;
		if (n + 1 < capacity)
			ret[n++] = *at;
		at++;
	}
	while (!is_quoted && n > 0 && is_blank(ret[n - 1]))
		n--;
	ret[n] = '\0';
	return is_quoted && *at == '"' ? at + 1 : at;
}

bool fr_http_parameter(const char *value, const char *name, char *ret, size_t capacity)
{
	const size_t n = strlen(name);
	const char *at = value + strcspn(value, ";");

	while (*at != '\0') {
		const char *key;
		bool is_it;

		at += strspn(at, "; \t");
		key = at;
		at += strcspn(at, "=; \t");
		is_it = (size_t)(at - key) == n && strncasecmp(key, name, n) == 0;
		at += strspn(at, " \t");
		if (*at == '=') {
			at++;
			at += strspn(at, " \t");
			at = copy_value(at, ret, capacity);
			if (is_it)
				return ret[0] != '\0';
		}
	}
	return false;
}
