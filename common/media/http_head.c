/* SPDX-License-Identifier: MIT */
#include "common/media/http_head.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/xalloc.h"
#include "common/media/uri.h"

enum {
	LINE_HARD = 64 * 1024,
	HEADER_HARD = 1024 * 1024,
	FIELDS_HARD = 1024,
	HOST_MAX = 255,
	EMPTY_LINES_MAX = 2, /* in front of a request, RFC 9112 2.2 */
	LENGTH_DIGITS_MAX = 18,
};

enum state {
	REQUEST_LINE,
	HEADER_LINE,
	DONE,
};

/* Where a name and its value stand in the text, each ended by a NUL. */
struct field {
	size_t name, value;
};

struct fr_http_head {
	struct fr_http_head_limits limits;
	enum state state;
	bool has_cr; /* the last byte was CR: only LF may follow */
	unsigned empty_lines;
	char *text; /* the head so far, lines one behind the other without their ends */
	size_t size, capacity;
	size_t line;         /* where the line that comes in begins */
	size_t header_bytes; /* of header lines */
	struct field *fields;
	size_t field_count;
	size_t path, query, host; /* in the text */
	struct fr_http_request request;
};

static const char *const method_names[] = {
    "GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE", "PATCH", "TRACE", "CONNECT", "other"};

const char *fr_http_method_name(enum fr_http_method method)
{
	return method_names[method];
}

/* @return false, so that one statement refuses */
__attribute__((format(printf, 4, 5))) static bool bad(
    struct fr_http_head_event *ret, unsigned code, enum fr_reason reason, const char *fmt, ...)
{
	va_list ap;

	ret->state = FR_HTTP_HEAD_BAD;
	ret->code = code;
	ret->reason = reason;
	va_start(ap, fmt);
	(void)vsnprintf(ret->why.text, sizeof(ret->why.text), fmt, ap);
	va_end(ap);
	return false;
}

static bool malformed(struct fr_http_head_event *ret, const char *what)
{
	return bad(ret, 400, FR_REASON_http_malformed, "%s", what);
}

/* RFC 9110 5.6.2 */
static bool is_token_char(char c)
{
	static const char signs[] = "!#$%&'*+-.^_`|~";

	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       memchr(signs, c, sizeof(signs) - 1) != NULL;
}

/* Appends; the text always has room for a NUL. */
static void keep(struct fr_http_head *head, char c)
{
	if (head->size + 2 > head->capacity) {
		head->capacity = head->capacity == 0 ? 512 : head->capacity * 2;
		head->text = fr_xreallocarray(head->text, head->capacity, 1);
	}
	head->text[head->size++] = c;
}

/* --- The request line ------------------------------------------------------------------------- */

/* Reads Host's or an absolute target's authority into head->host. */
static bool take_host(struct fr_http_head *head, const char *at, struct fr_http_head_event *ret)
{
	char host[HOST_MAX + 1];
	size_t n = 0, i;

	if (strlen(at) > HOST_MAX)
		return malformed(ret, "a Host of more than 255 characters");
	if (!fr_uri_host(at, host))
		return malformed(ret, "a Host that is no name and no address");
	n = strlen(host);
	if (head->host != 0 && strcmp(head->text + head->host, host) != 0)
		return malformed(ret, "the target and Host name different hosts");
	head->host = head->size + 1; /* behind the NUL of what stands there */
	keep(head, '\0');
	for (i = 0; i <= n; i++)
		keep(head, host[i]);
	return true;
}

/* The path and the query. @param at  where the target's `/` or `?` is, or its end */
static bool take_path(struct fr_http_head *head, size_t at, struct fr_http_head_event *ret)
{
	char *path = head->text + at;
	char *query = strchr(path, '?');
	const char *why;

	if (query != NULL)
		*query++ = '\0';
	else
		query = path + strlen(path);
	if (path[0] == '\0')
		*--path = '/'; /* `http://host`, whose last character has been copied */
	why = fr_uri_decode_path(path);
	if (why != NULL)
		return malformed(ret, why);
	head->path = (size_t)(path - head->text);
	head->query = (size_t)(query - head->text);
	return true;
}

/* `http://host/path`, RFC 9112 3.2.2 */
static bool take_absolute(struct fr_http_head *head, size_t at, struct fr_http_head_event *ret)
{
	char authority[HOST_MAX + 2];
	size_t n;

	at += strlen("http://");
	n = strcspn(head->text + at, "/?");
	if (n > HOST_MAX)
		return malformed(ret, "a host of more than 255 characters in the target");
	memcpy(authority, head->text + at, n);
	authority[n] = '\0';
	return take_host(head, authority, ret) && take_path(head, at + n, ret);
}

static bool take_target(struct fr_http_head *head, size_t at, struct fr_http_head_event *ret)
{
	const char *target = head->text + at;

	for (const char *c = target; *c != '\0'; c++)
		if ((unsigned char)*c <= 0x20 || (unsigned char)*c >= 0x7F || *c == '#')
			return malformed(ret, "a character in the target that may not be there");
	if (target[0] == '/')
		return take_path(head, at, ret);
	if (strncasecmp(target, "http://", 7) == 0)
		return take_absolute(head, at, ret);
	if (head->request.method == FR_HTTP_CONNECT ||
	    (head->request.method == FR_HTTP_OPTIONS && strcmp(target, "*") == 0)) {
		head->path = at;
		head->query = at + strlen(target);
		return true;
	}
	return malformed(ret, "a target that is neither a path nor an http:// address");
}

static bool take_version(
    struct fr_http_head *head, const char *version, struct fr_http_head_event *ret)
{
	const bool is_http = strncmp(version, "HTTP/", 5) == 0;
	const size_t digits = is_http ? strspn(version + 5, "0123456789.") : 0;

	if (strcmp(version, "HTTP/1.1") == 0 || strcmp(version, "HTTP/1.0") == 0) {
		head->request.minor = version[7] == '1' ? 1 : 0;
		return true;
	}
	if (digits == 0 || version[5 + digits] != '\0')
		return malformed(ret, "a request line that does not end with HTTP/1.1 or HTTP/1.0");
	return bad(ret, 505, FR_REASON_http_version,
	    "HTTP/1.1 and HTTP/1.0 are spoken here, not %.40s", version);
}

static enum fr_http_method method_of(const char *name)
{
	int method = FR_HTTP_GET;

	while (method != FR_HTTP_OTHER && strcmp(method_names[method], name) != 0)
		method++;
	return (enum fr_http_method)method;
}

static bool take_request_line(struct fr_http_head *head, struct fr_http_head_event *ret)
{
	char *line = head->text, *target = strchr(line, ' '), *version;

	if (target == NULL)
		return malformed(ret, "a request line without a target");
	*target++ = '\0';
	version = strchr(target, ' ');
	if (target == line + 1)
		return malformed(ret, "a request line without a method");
	for (const char *c = line; *c != '\0'; c++)
		if (!is_token_char(*c))
			return malformed(ret, "a method that is no token");
	if (version == NULL)
		return bad(ret, 505, FR_REASON_http_version, "HTTP/0.9 is not spoken here");
	*version++ = '\0';
	if (!take_version(head, version, ret))
		return false;
	head->request.method = method_of(line);
	return take_target(head, (size_t)(target - line), ret);
}

/* --- Header lines ----------------------------------------------------------------------------- */

static bool take_header_line(struct fr_http_head *head, struct fr_http_head_event *ret)
{
	char *line = head->text + head->line, *colon = strchr(line, ':'), *end;
	struct field *field;

	if (*line == ' ' || *line == '\t')
		return malformed(ret, "a header line that goes on in the next one");
	if (colon == NULL || colon == line)
		return malformed(ret, "a header line without a name");
	for (char *c = line; c != colon; c++) {
		if (!is_token_char(*c))
			return malformed(ret, "a header's name that is no token");
		*c = (char)tolower((unsigned char)*c);
	}
	if (head->field_count == head->limits.fields)
		return bad(ret, 431, FR_REASON_header_too_large, "more than %zu header lines",
		    head->limits.fields);
	*colon++ = '\0';
	/* Tabs stay, so `Transfer-Encoding:<tab>chunked` is no chunked: nginx, too, strips spaces alone. */
	colon += strspn(colon, " ");
	end = colon + strlen(colon);
	while (end > colon && end[-1] == ' ')
		end--;
	*end = '\0';
	if (head->fields == NULL)
		head->fields = fr_xcalloc(head->limits.fields, sizeof(*head->fields));
	field = &head->fields[head->field_count++];
	field->name = head->line;
	field->value = (size_t)(colon - head->text);
	return true;
}

/* Fields of which a second one would be another meaning. */
static bool is_single(const char *name)
{
	static const char *const names[] = {"authorization", "content-encoding", "content-length",
	    "content-type", "expect", "host", "origin", "sec-websocket-key",
	    "sec-websocket-version", "transfer-encoding"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool has_no_doubles(const struct fr_http_head *head, struct fr_http_head_event *ret)
{
	for (size_t i = 0; i < head->field_count; i++) {
		const char *name = head->text + head->fields[i].name;

		if (!is_single(name))
			continue;
		for (size_t j = 0; j < i; j++)
			if (strcmp(head->text + head->fields[j].name, name) == 0)
				return bad(
				    ret, 400, FR_REASON_http_malformed, "two %s fields", name);
	}
	return true;
}

/* How long the body is, RFC 9112 6.3 */
static bool take_body(struct fr_http_head *head, struct fr_http_head_event *ret)
{
	const char *length = fr_http_head_field(head, "content-length");
	const char *coding = fr_http_head_field(head, "transfer-encoding");
	struct fr_http_request *r = &head->request;

	if (coding != NULL && length != NULL)
		return malformed(ret, "Content-Length beside Transfer-Encoding");
	if (coding != NULL && r->minor == 0)
		return malformed(ret, "Transfer-Encoding in HTTP/1.0");
	if (coding != NULL && strcasecmp(coding, "chunked") != 0)
		return bad(
		    ret, 501, FR_REASON_te_unsupported, "a Transfer-Encoding other than chunked");
	if (coding != NULL)
		r->body = FR_HTTP_CHUNKED;
	if (length == NULL)
		return true;
	if (*length == '\0' || strspn(length, "0123456789") != strlen(length) ||
	    strlen(length) > LENGTH_DIGITS_MAX)
		return malformed(ret, "a Content-Length that is no number of bytes");
	r->content_length = strtoull(length, NULL, 10);
	r->body = r->content_length != 0 ? FR_HTTP_LENGTH : FR_HTTP_NO_BODY;
	return true;
}

static bool take_whole(struct fr_http_head *head, struct fr_http_head_event *ret)
{
	const char *host = fr_http_head_field(head, "host");
	const char *expect = fr_http_head_field(head, "expect");
	struct fr_http_request *r = &head->request;

	if (!has_no_doubles(head, ret) || !take_body(head, ret))
		return false;
	if (host == NULL && r->minor == 1)
		return malformed(ret, "no Host");
	if (host != NULL) {
		/* A copy: what it stands in moves as the text grows. */
		char *copy = fr_xstrdup(host);
		const bool ok = take_host(head, copy, ret);

		free(copy);
		if (!ok)
			return false;
	}
	if (expect != NULL && strcasecmp(expect, "100-continue") != 0)
		return bad(ret, 417, FR_REASON_http_malformed, "an Expect other than 100-continue");
	r->expects_continue = expect != NULL && r->minor == 1 && r->body != FR_HTTP_NO_BODY;
	r->keeps_alive = r->minor == 1 ? !fr_http_head_lists(head, "connection", "close")
	                               : fr_http_head_lists(head, "connection", "keep-alive");
	r->path = head->text + head->path;
	r->query = head->text + head->query;
	r->host = head->host != 0 ? head->text + head->host : "";
	r->origin = fr_http_head_field(head, "origin");
	ret->state = FR_HTTP_HEAD_DONE;
	head->state = DONE;
	return true;
}

/* --- Bytes ------------------------------------------------------------------------------------ */

static bool take_line(struct fr_http_head *head, struct fr_http_head_event *ret)
{
	const bool is_empty = head->size == head->line;

	if (head->state == REQUEST_LINE && is_empty)
		return ++head->empty_lines <= EMPTY_LINES_MAX
		           ? true
		           : malformed(ret, "empty lines in front of a request");
	if (head->state == HEADER_LINE && is_empty)
		return take_whole(head, ret);
	keep(head, '\0');
	if (head->state == REQUEST_LINE) {
		head->state = HEADER_LINE;
		if (!take_request_line(head, ret))
			return false;
	} else if (!take_header_line(head, ret)) {
		return false;
	}
	head->line = head->size;
	return true;
}

static bool is_within(struct fr_http_head *head, struct fr_http_head_event *ret)
{
	if (head->state == REQUEST_LINE)
		return head->size - head->line < head->limits.line_bytes
		           ? true
		           : bad(ret, 414, FR_REASON_uri_too_long,
		                 "a request line of more than %zu bytes", head->limits.line_bytes);
	return ++head->header_bytes <= head->limits.header_bytes
	           ? true
	           : bad(ret, 431, FR_REASON_header_too_large,
	                 "header lines of more than %zu bytes", head->limits.header_bytes);
}

static bool take(struct fr_http_head *head, uint8_t byte, struct fr_http_head_event *ret)
{
	if (head->has_cr) {
		head->has_cr = false;
		return byte == '\n' ? take_line(head, ret)
		                    : malformed(ret, "a carriage return inside a line");
	}
	if (byte == '\n')
		return malformed(ret, "a line that ends without a carriage return");
	if (byte == '\r') {
		head->has_cr = true;
		return true;
	}
	if ((byte < 0x20 && byte != '\t') || byte == 0x7F)
		return malformed(ret, "a control character");
	if (!is_within(head, ret))
		return false;
	keep(head, (char)byte);
	return true;
}

size_t fr_http_head_read(
    struct fr_http_head *head, const uint8_t *bytes, size_t size, struct fr_http_head_event *ret)
{
	assert(head->state != DONE);
	ret->state = FR_HTTP_HEAD_MORE;
	ret->why.text[0] = '\0';
	for (size_t i = 0; i < size; i++) {
		if (!take(head, bytes[i], ret))
			return i + 1;
		if (ret->state == FR_HTTP_HEAD_DONE)
			return i + 1;
	}
	return size;
}

bool fr_http_head_has_begun(const struct fr_http_head *head)
{
	return head->size > 0 || head->has_cr;
}

/* --- What it says ----------------------------------------------------------------------------- */

const struct fr_http_request *fr_http_head_request(const struct fr_http_head *head)
{
	assert(head->state == DONE);
	return &head->request;
}

const char *fr_http_head_field(const struct fr_http_head *head, const char *name)
{
	for (size_t i = 0; i < head->field_count; i++)
		if (strcmp(head->text + head->fields[i].name, name) == 0)
			return head->text + head->fields[i].value;
	return NULL;
}

const char *fr_http_head_last_field(const struct fr_http_head *head, const char *name)
{
	for (size_t i = head->field_count; i-- > 0;)
		if (strcmp(head->text + head->fields[i].name, name) == 0)
			return head->text + head->fields[i].value;
	return NULL;
}

static bool lists(const char *value, const char *word)
{
	while (*value != '\0') {
		size_t n;

		value += strspn(value, ", \t");
		n = strcspn(value, ",; \t");
		if (n == strlen(word) && strncasecmp(value, word, n) == 0)
			return true;
		value += strcspn(value, ",");
	}
	return false;
}

bool fr_http_head_lists(const struct fr_http_head *head, const char *name, const char *word)
{
	for (size_t i = 0; i < head->field_count; i++)
		if (strcmp(head->text + head->fields[i].name, name) == 0 &&
		    lists(head->text + head->fields[i].value, word))
			return true;
	return false;
}

/* --- Life ------------------------------------------------------------------------------------- */

static size_t at_most(size_t limit, size_t hard)
{
	return limit == 0 || limit > hard ? hard : limit;
}

struct fr_http_head *fr_http_head_new(const struct fr_http_head_limits *limits)
{
	struct fr_http_head *head = fr_xcalloc(1, sizeof(*head));

	head->limits.line_bytes = at_most(limits->line_bytes, LINE_HARD);
	head->limits.header_bytes = at_most(limits->header_bytes, HEADER_HARD);
	head->limits.fields = at_most(limits->fields, FIELDS_HARD);
	return head;
}

void fr_http_head_reset(struct fr_http_head *head)
{
	const struct fr_http_head_limits limits = head->limits;

	free(head->text);
	free(head->fields);
	*head = (struct fr_http_head){.limits = limits};
}

void fr_http_head_free(struct fr_http_head *head)
{
	if (head == NULL)
		return;
	fr_http_head_reset(head);
	free(head);
}
