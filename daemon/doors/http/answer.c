/* SPDX-License-Identifier: MIT */
/* Answers: their heads, their bodies, and refusals in one form. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/limits.h"
#include "common/media/frame.h"
#include "daemon/doors/http/inside.h"

enum {
	PUT_MAX = 8 * 1024, /* what a conn holds beside a frame */
};

static const char *phrase_of(unsigned code)
{
	static const struct {
		unsigned code;
		const char *phrase;
	} rows[] = {{200, "OK"}, {204, "No Content"}, {304, "Not Modified"}, {400, "Bad Request"},
	    {401, "Unauthorized"}, {403, "Forbidden"}, {404, "Not Found"},
	    {405, "Method Not Allowed"}, {408, "Request Timeout"}, {409, "Conflict"},
	    {411, "Length Required"}, {413, "Content Too Large"}, {414, "URI Too Long"},
	    {415, "Unsupported Media Type"}, {417, "Expectation Failed"},
	    {421, "Misdirected Request"}, {426, "Upgrade Required"}, {429, "Too Many Requests"},
	    {431, "Request Header Fields Too Large"}, {501, "Not Implemented"},
	    {503, "Service Unavailable"}, {505, "HTTP Version Not Supported"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].code == code)
			return rows[i].phrase;
	return "Refused";
}

static void add_cors(const struct http_peer *p, struct fr_text *to)
{
	const char *origin = p->head != NULL ? fr_http_head_field(p->head, "origin") : NULL;

	if (origin == NULL)
		return;
	fr_text_add(to, "Vary: Origin\r\n");
	if (fr_http_origin_is_allowed(p, origin))
		fr_text_add(to,
		    "Access-Control-Allow-Origin: %s\r\n"
		    "Access-Control-Expose-Headers: ETag, X-Sequence, X-Timestamp\r\n",
		    origin);
}

void fr_http_answer_head(struct http_peer *p, unsigned code, struct fr_text *to)
{
	/* Where bytes of this request may still come, only a close tells where it ends. */
	p->closes = p->closes || p->door->is_draining || !p->body_is_over;
	fr_text_add(
	    to, "HTTP/1.1 %u %s\r\nX-Content-Type-Options: nosniff\r\n", code, phrase_of(code));
	add_cors(p, to);
	if (p->closes)
		fr_text_add(to, "Connection: close\r\n");
	else if (p->head != NULL && fr_http_head_field(p->head, "connection") != NULL)
		fr_text_add(to,
		    "Connection: keep-alive\r\n"); /* HTTP/1.0 asks for it and wants to hear it */
}

/* Bytes that are more than a conn holds travel as a frame does, so the budget of memory counts them. */
static enum fr_send send_large(
    struct http_peer *p, const void *head, size_t head_size, const void *body, size_t size)
{
	const struct fr_frame_info info = {.type = FR_FRAME_MESSAGE};
	struct fr_frame *frame =
	    fr_frame_begin(fr_relay_pool(p->door->env.relay), head_size + size);
	enum fr_send sent;

	if (frame == NULL)
		return FR_SEND_GONE;
	if (head_size != 0)
		memcpy(fr_frame_room(frame), head, head_size);
	memcpy(fr_frame_room(frame) + head_size, body, size);
	fr_frame_finish(frame, head_size + size, &info);
	sent = fr_conn_send_frame(p->conn, NULL, 0, frame, NULL, 0);
	fr_frame_unref(frame);
	return sent;
}

enum fr_send fr_http_send(
    struct http_peer *p, const void *head, size_t head_size, const void *body, size_t size)
{
	enum fr_send sent = FR_SEND_DONE;

	if (head_size + size > PUT_MAX && fr_conn_is_idle(p->conn))
		return send_large(p, head, head_size, body, size);
	if (head_size != 0)
		sent = fr_conn_put(p->conn, head, head_size);
	if (sent != FR_SEND_GONE && size != 0)
		sent = fr_conn_put(p->conn, body, size);
	return sent;
}

static void go_on(struct http_peer *p, enum fr_send sent)
{
	if (sent == FR_SEND_GONE)
		fr_http_peer_drop(p, "the peer does not read");
	else if (sent == FR_SEND_DONE)
		fr_http_peer_answered(p);
	else
		fr_http_peer_enter(p, HTTP_SENDING, 0);
}

/* @return whether it is for programs: a browser that is sent there shall run and show nothing out of it */
static bool is_data(const char *type)
{
	return type != NULL &&
	       (strncmp(type, "application/json", 16) == 0 || strncmp(type, "text/plain", 10) == 0);
}

static void write_head(struct http_peer *p, unsigned code, const char *type, const char *more,
    size_t size, struct fr_text *to)
{
	fr_http_answer_head(p, code, to);
	fr_text_add(to, "%s", more);
	if (type != NULL)
		fr_text_add(to, "Content-Type: %s\r\n", type);
	if (code != 304 && code != 204)
		fr_text_add(to, "Content-Length: %zu\r\n", size);
	if (code != 304) /* that is a picture's, which any page may show */
		fr_text_add(to, "Cross-Origin-Resource-Policy: same-origin\r\n");
	if (is_data(type))
		fr_text_add(to, "Content-Security-Policy: default-src 'none'; frame-ancestors "
		                "'self'\r\n");
	if (strstr(more, "Cache-Control:") == NULL)
		fr_text_add(to, "Cache-Control: no-store\r\n");
	fr_text_add(to, "\r\n");
}

void fr_http_answer_frame(struct http_peer *p, const char *type, struct fr_frame *frame)
{
	struct fr_text text = {0};

	write_head(p, 200, type, "", fr_frame_size(frame), &text);
	go_on(p, p->is_head ? fr_conn_put(p->conn, text.text, text.length)
	                    : fr_conn_send_frame(p->conn, text.text, text.length, frame, NULL, 0));
	fr_text_done(&text);
}

void fr_http_answer(struct http_peer *p, unsigned code, const char *type, const char *more,
    const void *body, size_t size)
{
	struct fr_text text = {0};

	write_head(p, code, type, more, size, &text);
	if (p->is_head)
		size = 0;
	if (size != 0 && text.length + size <= PUT_MAX) {
		/* One segment rather than two. */
		fr_text_add(&text, "%.*s", (int)size, (const char *)body);
		size = 0;
	}
	go_on(p, fr_http_send(p, text.text, text.length, body, size));
	fr_text_done(&text);
}

/* @param room  for what is made here */
static const char *more_of(const struct http_peer *p, const struct fr_refusal *said, char room[64])
{
	switch (said->code) {
	case 401:
		return fr_http_challenge(p);
	case 405:
		return p->allow;
	case 426:
		return "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
	case 429:
	case 503:
		(void)snprintf(room, 64, "Retry-After: %lld\r\n",
		    said->reason == FR_REASON_auth_blocked
		        ? (long long)(p->door->env.limits->auth_block_ms + 999) / 1000
		        : 1LL);
		return room;
	default:
		return "";
	}
}

/* Who comes through a proxy that is not trusted matches no address; the reason is not the row of access that is missing. */
static struct fr_cause words_of(const struct http_peer *p, const struct fr_refusal *refusal)
{
	char addr[FR_ADDR_TEXT_MAX];
	struct fr_cause why = refusal->why;

	if (p->is_proxied && (refusal->reason == FR_REASON_access_denied ||
	                         refusal->reason == FR_REASON_auth_missing))
		(void)fr_cause_set(&why, 0,
		    "%sthis came through a proxy, and its client is not known: trusted_proxies = [ "
		    "\"%s\" ] "
		    "in the http door's row would believe its X-Forwarded-For",
		    refusal->code == 401 ? "a login is needed: " : "",
		    fr_addr_print_host(fr_conn_peer(p->conn), addr));
	return why;
}

void fr_http_refuse(struct http_peer *p, const struct fr_refusal *refusal, bool is_counted)
{
	const struct fr_refusal said = {
	    .code = refusal->code, .reason = refusal->reason, .why = words_of(p, refusal)};
	json_t *error =
	    json_pack("{s:{s:i,s:s}}", "error", "code", (int)said.code, "reason", said.why.text);
	uint64_t published = p->ingest != NULL ? fr_ingest_counts(p->ingest).published : 0;
	char *text, room[64];

	if (!is_counted)
		fr_stat_rejected("http", said.reason);
	fr_http_peer_log_refusal(p, &said);
	if (error != NULL && p->ingest != NULL)
		(void)json_object_set_new(error, "published", json_integer((json_int_t)published));
	text = error != NULL ? json_dumps(error, JSON_COMPACT) : NULL;
	json_decref(error);
	fr_http_answer(p, said.code, text != NULL ? "application/json" : NULL,
	    more_of(p, &said, room), text != NULL ? text : "", text != NULL ? strlen(text) : 0);
	free(text);
}

void fr_http_fail(struct http_peer *p, unsigned code, enum fr_reason reason, const char *fmt, ...)
{
	struct fr_refusal refusal = {.code = code, .reason = reason};
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(refusal.why.text, sizeof(refusal.why.text), fmt, ap);
	va_end(ap);
	fr_http_refuse(p, &refusal, false);
}
