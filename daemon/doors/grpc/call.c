/* SPDX-License-Identifier: MIT */
/* One call: its headers, the messages of its client, one reply at a time, its end. */
#include <protobuf-c/protobuf-c.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/media/credential.h"
#include "common/media/frame.h"
#include "daemon/doors/grpc/inside.h"
#include "daemon/doors/logins.h"

enum {
	SMALL_MAX = 4096,       /* bytes of a request that names something */
	FIRST_ROOM = 16 * 1024, /* of a message that is coming in; it grows as it comes */
};

#define FIELD(name, value)                                                                         \
	{                                                                                          \
		(uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name),         \
		    strlen(value), NGHTTP2_NV_FLAG_NONE                                            \
	}

int64_t fr_grpc_most_small(const struct fr_limits *limits)
{
	(void)limits;
	return SMALL_MAX;
}

/* --- Life ------------------------------------------------------------------------------------- */

struct grpc_call *fr_grpc_call_new(struct grpc_peer *p, int32_t id)
{
	struct grpc_call *c = fr_xcalloc(1, sizeof(*c));

	c->peer = p;
	c->id = id;
	c->since_us = fr_clock_now_us();
	LIST_INSERT_HEAD(&p->calls, c, entry);
	p->call_count++;
	p->idle_us = 0;
	return c;
}

static void forget_authorization(struct grpc_call *c)
{
	if (c->authorization != NULL)
		explicit_bzero(c->authorization, strlen(c->authorization));
	free(c->authorization);
	c->authorization = NULL;
}

void fr_grpc_call_free(struct grpc_call *c)
{
	struct grpc_peer *p = c->peer;
	const int64_t now_us = fr_clock_now_us();

	if (c->method != NULL && c->method->leave != NULL)
		c->method->leave(c, now_us);
	fr_ingest_free(c->ingest, now_us);
	fr_subscriber_free(c->sub, now_us);
	fr_frame_unref(c->in);
	fr_frame_unref(c->out);
	fr_text_done(&c->held);
	forget_authorization(c);
	free(c->forwarded_for);
	/* The connection's window is everybody's. */
	(void)nghttp2_session_consume_connection(p->session, c->unconsumed);
	LIST_REMOVE(c, entry);
	if (--p->call_count == 0)
		p->idle_us = now_us;
	free(c);
}

/* --- Out -------------------------------------------------------------------------------------- */

static void end_with_trailers(struct grpc_call *c)
{
	char status[4];
	size_t count = c->words[0] != '\0' ? 2 : 1;

	(void)snprintf(status, sizeof(status), "%d", (int)c->status);
	c->has_ended = true;
	(void)nghttp2_submit_trailer(c->peer->session, c->id,
	    (const nghttp2_nv[]){FIELD("grpc-status", status), FIELD("grpc-message", c->words)},
	    count);
}

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t room,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct grpc_call *c = source->ptr;
	size_t n = 0, part, size;

	(void)session;
	(void)id;
	(void)arg;
	if (!c->has_out) {
		if (!c->is_ending)
			return NGHTTP2_ERR_DEFERRED;
		*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
		end_with_trailers(c);
		return 0;
	}
	size = c->head_size + (c->out != NULL ? fr_frame_size(c->out) : 0);
	if (c->out_at < c->head_size) {
		n = c->head_size - c->out_at < room ? c->head_size - c->out_at : room;
		memcpy(to, c->head + c->out_at, n);
		c->out_at += n;
	}
	if (c->out_at >= c->head_size && c->out_at < size) {
		part = size - c->out_at < room - n ? size - c->out_at : room - n;
		memcpy(to + n, fr_frame_bytes(c->out) + (c->out_at - c->head_size), part);
		c->out_at += part;
		n += part;
	}
	c->moved_us = fr_clock_now_us();
	c->peer->starved_us = 0;
	if (c->out_at == size) {
		fr_frame_unref(c->out);
		c->out = NULL;
		c->has_out = false;
		c->out_is_whole = true;
	}
	return (ssize_t)n;
}

void fr_grpc_call_reply(
    struct grpc_call *c, const void *head, size_t head_size, struct fr_frame *frame)
{
	const size_t size = head_size + (frame != NULL ? fr_frame_size(frame) : 0);

	fr_grpc_write_prefix(c->head, (uint32_t)size);
	memcpy(c->head + FR_GRPC_PREFIX_BYTES, head, head_size);
	c->head_size = FR_GRPC_PREFIX_BYTES + head_size;
	c->out = frame != NULL ? fr_frame_ref(frame) : NULL;
	c->out_at = 0;
	c->has_out = true;
	c->moved_us = fr_clock_now_us();
	(void)nghttp2_session_resume_data(c->peer->session, c->id);
}

void fr_grpc_call_reply_message(struct grpc_call *c, const ProtobufCMessage *message)
{
	const size_t size = protobuf_c_message_get_packed_size(message);
	const struct fr_frame_info info = {.type = FR_FRAME_MESSAGE};
	struct fr_frame *frame;

	if (size == 0) {
		fr_grpc_call_reply(c, "", 0, NULL);
		return;
	}
	frame = fr_frame_begin(fr_relay_pool(c->peer->door->env.relay), size);
	if (frame == NULL) {
		fr_grpc_call_fail(c, FR_GRPC_RESOURCE_EXHAUSTED, FR_REASON_memory_budget,
		    "no room for the answer");
		return;
	}
	(void)protobuf_c_message_pack(message, fr_frame_room(frame));
	fr_frame_finish(frame, size, &info);
	fr_grpc_call_reply(c, "", 0, frame);
	fr_frame_unref(frame);
}

/* --- Its end ---------------------------------------------------------------------------------- */

static void end(struct grpc_call *c, enum fr_grpc_status status, const char *words)
{
	nghttp2_session *session = c->peer->session;
	char text[4];

	if (c->is_ending)
		return;
	c->is_ending = true;
	c->status = status;
	fr_grpc_encode_text(c->words, words);
	if (c->has_out && c->out_at == 0 && status != FR_GRPC_OK) {
		fr_frame_unref(c->out);
		c->out = NULL;
		c->has_out = false;
	}
	if (c->method != NULL) {
		(void)nghttp2_session_resume_data(session, c->id);
		return;
	}
	/* Nothing has been said yet: it is an answer of headers alone. */
	(void)snprintf(text, sizeof(text), "%d", (int)status);
	{
		const nghttp2_nv fields[] = {FIELD(":status", "200"),
		    FIELD("content-type", "application/grpc"), FIELD("grpc-status", text),
		    FIELD("grpc-message", c->words)};

		c->has_ended = true;
		(void)nghttp2_submit_response(
		    session, c->id, fields, sizeof(fields) / sizeof(fields[0]), NULL);
	}
}

void fr_grpc_call_end(struct grpc_call *c, enum fr_grpc_status status, const char *fmt, ...)
{
	struct fr_cause words;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(words.text, sizeof(words.text), fmt, ap);
	va_end(ap);
	end(c, status, words.text);
}

static void log_refusal(
    const struct grpc_call *c, enum fr_reason reason, enum fr_grpc_status status, const char *why)
{
	const struct fr_addr *peer = fr_conn_peer(c->peer->conn);
	char addr[FR_ADDR_TEXT_MAX], host[FR_ADDR_TEXT_MAX], key[FR_ADDR_TEXT_MAX + 64];
	struct fr_log_text room, path;

	if (reason == FR_REASON_shutdown)
		return;
	fr_addr_print(peer, addr);
	fr_addr_print_host(peer, host);
	(void)snprintf(key, sizeof(key), "%s %s", fr_reason_name(reason), host);
	fr_log_limited(status == FR_GRPC_NOT_FOUND || reason == FR_REASON_no_frame_yet
	                   ? FR_LOG_INFO
	                   : FR_LOG_WARNING,
	    "grpc", "rejected", key, "reason=%s peer=%s path=%s id=%llu status=%d why=%s",
	    fr_reason_name(reason), addr, fr_log_quote(&path, c->path),
	    (unsigned long long)c->peer->id, (int)status, fr_log_quote(&room, why));
}

void fr_grpc_call_fail(
    struct grpc_call *c, enum fr_grpc_status status, enum fr_reason reason, const char *fmt, ...)
{
	struct fr_cause words;
	va_list ap;

	if (c->is_ending)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(words.text, sizeof(words.text), fmt, ap);
	va_end(ap);
	fr_stat_rejected("grpc", reason);
	log_refusal(c, reason, status, words.text);
	end(c, status, words.text);
}

void fr_grpc_call_refuse(struct grpc_call *c, const struct fr_refusal *refusal)
{
	const enum fr_grpc_status status =
	    fr_grpc_status_of(refusal->code, refusal->reason == FR_REASON_shutdown);

	if (c->is_ending)
		return;
	log_refusal(c, refusal->reason, status, refusal->why.text);
	end(c, status, refusal->why.text);
}

/* --- In: headers ------------------------------------------------------------------------------ */

/* Not gRPC at all: an answer of HTTP. */
static void answer_http(struct grpc_call *c, const char *status)
{
	const nghttp2_nv fields[] = {FIELD(":status", status)};

	c->is_ending = c->has_ended = true;
	fr_stat_rejected("grpc", FR_REASON_media_type);
	log_refusal(c, FR_REASON_media_type, FR_GRPC_INTERNAL, "not a call of gRPC");
	(void)nghttp2_submit_response(c->peer->session, c->id, fields, 1, NULL);
}

static bool headers_are_good(struct grpc_call *c)
{
	struct grpc_peer *p = c->peer;
	int64_t us;

	if (c->is_ending)
		return false;
	if (!c->is_post || !c->is_grpc) {
		answer_http(c, c->is_post ? "415" : "405");
		return false;
	}
	if (c->timeout[0] != '\0' && fr_grpc_timeout(c->timeout, &us) < 0) {
		fr_grpc_call_fail(c, FR_GRPC_INVALID_ARGUMENT, FR_REASON_bad_parameter,
		    "grpc-timeout \"%s\" is none", c->timeout);
		return false;
	}
	if (c->timeout[0] != '\0')
		fr_grpc_look(p->door, c->deadline_us = c->since_us + us);
	if (p->door->is_draining) {
		fr_grpc_call_end(c, FR_GRPC_UNAVAILABLE, "the relay is stopping");
		return false;
	}
	return true;
}

void fr_grpc_call_authorization(struct grpc_call *c, const char *value)
{
	forget_authorization(c);
	c->authorization = fr_xstrdup(value);
}

void fr_grpc_call_forwarded_for(struct grpc_call *c, const char *value)
{
	free(c->forwarded_for);
	c->forwarded_for = fr_xstrdup(value);
	c->is_forwarded = true;
}

static void login(struct grpc_call *c)
{
	struct fr_logins *logins = c->peer->door->env.logins;
	const struct fr_addr *peer = fr_conn_peer(c->peer->conn);
	const int64_t now_us = fr_clock_now_us();
	struct fr_credential credential;

	fr_credential_read(c->authorization, &credential);
	if (credential.kind == FR_CREDENTIAL_TOKEN)
		fr_logins_token(logins, credential.token, peer, &c->who, now_us);
	else
		fr_logins_bad(logins, peer, &c->who, now_us);
	fr_credential_wipe(&credential);
	forget_authorization(c);
}

/* When all fields are there: a wrong login counts against the address that a proxy names. */
static void find_who(struct grpc_call *c)
{
	const struct fr_proxies *proxies = &c->peer->door->proxies;
	const struct fr_addr *peer = fr_conn_peer(c->peer->conn);

	c->who.proxied = c->is_forwarded;
	c->who.addr = *peer;
	/* Who is behind a proxy that we do not trust matches no address: the cameras stay closed. */
	if (c->is_forwarded && !(fr_proxies_have(proxies, peer) && c->forwarded_for != NULL &&
	                           fr_proxies_client(proxies, c->forwarded_for, &c->who.addr)))
		c->who.addr = (struct fr_addr){.kind = FR_ADDR_NONE};
	if (c->authorization != NULL)
		login(c);
}

void fr_grpc_call_begin(struct grpc_call *c)
{
	const nghttp2_nv fields[] = {
	    FIELD(":status", "200"), FIELD("content-type", "application/grpc")};
	const nghttp2_data_provider provider = {.source.ptr = c, .read_callback = on_read};
	struct grpc_peer *p = c->peer;
	const struct grpc_method *method;

	if (!p->has_begun)
		fr_admission_settle(p->door->env.admission, &p->ticket);
	p->has_begun = true;
	p->calls_begun++;
	if (!headers_are_good(c))
		return;
	method = fr_grpc_method_find(c->path);
	if (method == NULL) {
		fr_grpc_call_fail(
		    c, FR_GRPC_UNIMPLEMENTED, FR_REASON_grpc_path, "there is no %s here", c->path);
		return;
	}
	find_who(c);
	c->method = method;
	(void)nghttp2_submit_response(
	    p->session, c->id, fields, sizeof(fields) / sizeof(fields[0]), &provider);
	if (method->begin != NULL)
		method->begin(c);
}

/* --- In: messages ----------------------------------------------------------------------------- */

static void begin_message(struct grpc_call *c, const struct fr_grpc_event *event)
{
	const struct fr_limits *limits = c->peer->door->env.limits;
	const int64_t most = c->method->opens_small && c->ingest == NULL
	                         ? fr_grpc_most_small(limits)
	                         : c->method->most(limits);

	if (event->is_compressed) {
		fr_grpc_call_fail(c, FR_GRPC_UNIMPLEMENTED, FR_REASON_grpc_encoding,
		    "compressed messages are not taken");
	} else if (most != 0 && event->length > most) {
		fr_grpc_call_fail(c, FR_GRPC_RESOURCE_EXHAUSTED, FR_REASON_grpc_too_big,
		    "a message of %u bytes, at most %lld", event->length, (long long)most);
	} else if (c->method->is_unary && c->messages != 0) {
		fr_grpc_call_fail(
		    c, FR_GRPC_INVALID_ARGUMENT, FR_REASON_grpc_message, "more than one request");
	} else {
		c->messages++;
		c->in_size = 0;
		c->in_wanted = event->length;
		c->inside_us = fr_clock_now_us();
		if (c->method->inside != NULL)
			c->method->inside(c);
	}
}

/* @return false: no room, refused */
static bool gather(struct grpc_call *c, const uint8_t *bytes, size_t size)
{
	const size_t wanted = c->in_size + size;
	size_t room = c->in != NULL ? fr_frame_capacity(c->in) : FIRST_ROOM;

	while (room < wanted)
		room *= 2;
	if (c->in == NULL)
		c->in = fr_frame_begin(fr_relay_pool(c->peer->door->env.relay), room);
	if (c->in == NULL || !fr_frame_grow(c->in, c->in_size, room)) {
		fr_grpc_call_fail(c, FR_GRPC_RESOURCE_EXHAUSTED, FR_REASON_memory_budget,
		    "no room for a message of %zu bytes", c->in_wanted);
		return false;
	}
	memcpy(fr_frame_room(c->in) + c->in_size, bytes, size);
	c->in_size = wanted;
	return true;
}

static void end_message(struct grpc_call *c)
{
	static const uint8_t nothing[1];
	struct fr_frame *in = c->in;

	c->in = NULL;
	c->inside_us = 0;
	c->method->message(
	    c, in != NULL ? fr_frame_room(in) : nothing, c->in_size, fr_clock_now_us());
	fr_frame_unref(in);
}

void fr_grpc_call_bytes(struct grpc_call *c, const uint8_t *bytes, size_t size)
{
	struct fr_grpc_event event;
	size_t n;

	for (; size > 0 && !c->is_ending; bytes += n, size -= n) {
		if (c->is_held) {
			fr_text_put(&c->held, bytes, size);
			return;
		}
		n = fr_grpc_read(&c->reader, bytes, size, &event);
		if (event.type == FR_GRPC_BEGIN)
			begin_message(c, &event);
		else if (event.type == FR_GRPC_BYTES && !gather(c, event.bytes, event.size))
			return;
		if (event.is_whole && !c->is_ending)
			end_message(c);
	}
}

/* All that the client had to say has been read. */
static void end_requests(struct grpc_call *c)
{
	if (fr_grpc_is_inside(&c->reader))
		fr_grpc_call_fail(c, FR_GRPC_INVALID_ARGUMENT, FR_REASON_grpc_message,
		    "the call ended inside a message");
	else if (c->method->is_unary && c->messages == 0)
		fr_grpc_call_fail(
		    c, FR_GRPC_INVALID_ARGUMENT, FR_REASON_grpc_message, "no request");
	else if (c->method->half_closed != NULL)
		c->method->half_closed(c, fr_clock_now_us());
}

void fr_grpc_call_release(struct grpc_call *c)
{
	struct fr_text held = c->held;
	const size_t unconsumed = c->unconsumed;

	c->unconsumed = 0;
	c->held = (struct fr_text){0};
	c->is_held = false;
	fr_grpc_call_bytes(c, (const uint8_t *)held.text, held.length);
	(void)nghttp2_session_consume(c->peer->session, c->id, unconsumed);
	fr_text_done(&held);
	if (c->half_closed && !c->is_held && !c->is_ending)
		end_requests(c);
}

void fr_grpc_call_half_closed(struct grpc_call *c)
{
	if (c->half_closed)
		return;
	c->half_closed = true;
	if (!c->is_ending && c->method != NULL && !c->is_held)
		end_requests(c);
}

bool fr_grpc_call_find_stream(struct grpc_call *c, const char *name, enum fr_right right)
{
	struct fr_relay *relay = c->peer->door->env.relay;
	struct fr_stream_info info;
	struct fr_refusal refusal;

	if (name[0] == '\0') {
		if (fr_relay_default_stream(relay, c->stream))
			return true;
		fr_grpc_call_fail(
		    c, FR_GRPC_NOT_FOUND, FR_REASON_no_such_stream, "there is no stream yet");
		return false;
	}
	if (!fr_text_is_name(name)) {
		fr_grpc_call_fail(c, FR_GRPC_INVALID_ARGUMENT, FR_REASON_bad_parameter,
		    "\"%.80s\" is not a stream's name", name);
		return false;
	}
	(void)snprintf(c->stream, sizeof(c->stream), "%s", name);
	/* First of all: who may not have it does not hear either whether there is such a stream. */
	if (!fr_access_allows(fr_relay_access(relay), &c->who, right, c->stream, &refusal)) {
		fr_stat_rejected("grpc", refusal.reason);
		fr_grpc_call_refuse(c, &refusal);
		return false;
	}
	if (fr_relay_stream(relay, c->stream, fr_clock_now_us(), &info))
		return true;
	fr_grpc_call_fail(
	    c, FR_GRPC_NOT_FOUND, FR_REASON_no_such_stream, "no stream is called %s", c->stream);
	return false;
}

/* --- Deadlines -------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a_us, int64_t b_us)
{
	return a_us == 0 || (b_us != 0 && b_us < a_us) ? b_us : a_us;
}

int64_t fr_grpc_call_tick(struct grpc_call *c, int64_t now_us)
{
	const struct fr_limits *limits = c->peer->door->env.limits;
	const int64_t stall_us = limits->subscriber_stall_ms * 1000,
	              whole_us = limits->frame_timeout_ms * 1000;
	int64_t due_us = 0;

	if (c->deadline_us != 0 && now_us >= c->deadline_us && !c->is_ending)
		fr_grpc_call_end(c, FR_GRPC_DEADLINE_EXCEEDED, "the call's time is over");
	if (c->inside_us != 0 && whole_us != 0 && now_us - c->inside_us >= whole_us)
		fr_grpc_call_fail(c, FR_GRPC_DEADLINE_EXCEEDED, FR_REASON_frame_timeout,
		    "a message took longer than frame_timeout_ms");
	if (c->method != NULL && c->method->tick != NULL && !c->is_ending)
		c->method->tick(c, now_us);
	if (!c->is_ending) {
		due_us = c->deadline_us;
		if (c->inside_us != 0 && whole_us != 0)
			due_us = earlier(due_us, c->inside_us + whole_us);
		if (c->asked_us != 0)
			due_us = earlier(due_us, now_us + 100000);
	}
	if (!c->has_out || stall_us == 0)
		return due_us;
	if (now_us - c->moved_us < stall_us)
		return earlier(due_us, c->moved_us + stall_us);
	/* It opens no window, in the middle of a message. */
	fr_stat_rejected("grpc", FR_REASON_slow_subscriber);
	log_refusal(c, FR_REASON_slow_subscriber, FR_GRPC_CANCELLED,
	    "no window for the rest of a message within subscriber_stall_ms");
	if (c->peer->starved_us == 0 &&
	    nghttp2_session_get_remote_window_size(c->peer->session) <= 0)
		c->peer->starved_us = c->moved_us;
	(void)nghttp2_submit_rst_stream(c->peer->session, NGHTTP2_FLAG_NONE, c->id, NGHTTP2_CANCEL);
	c->moved_us = now_us; /* the stream closes when that has gone */
	return due_us;
}
