/* SPDX-License-Identifier: MIT */
/* HTTP/2, as nghttp2 tells it: frames become calls, and what nobody needs so often is counted. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "daemon/doors/grpc/inside.h"

enum {
	CONTINUATIONS_MAX = 8,
	TINY_WINDOW = 8,     /* bytes; no reply is so short that less room helps */
	UPDATES_A_FRAME = 4, /* of the window, that clients send for a frame of DATA: grpcio two */
	WINDOW_CREDIT_MAX = 400,
	LAST_STREAM_ID = 1 << 30,
	WINDOW_BYTES = 1024 * 1024, /* of a stream; of a connection twice that */
	MAX_FRAME_BYTES = 64 * 1024,
};

/* --- Floods ----------------------------------------------------------------------------------- */

static void stop_flood(struct grpc_peer *p, const char *what)
{
	p->is_flood = true;
	p->is_over = true;
	fr_log_limited(FR_LOG_WARNING, "grpc", "flood", what, "id=%llu what=\"%s\"",
	    (unsigned long long)p->id, what);
	(void)nghttp2_session_terminate_session(p->session, NGHTTP2_ENHANCE_YOUR_CALM);
}

static void pay(struct grpc_peer *p, enum grpc_toll toll)
{
	static const struct {
		const char *what;
		int at_once, a_second;
	} tolls[GRPC_TOLL_COUNT] = {
	    [GRPC_TOLL_RESET] = {"RST_STREAM", 200, 20},
	    [GRPC_TOLL_PING] = {"PING", 100, 10},
	    [GRPC_TOLL_SETTINGS] = {"SETTINGS", 20, 1},
	    [GRPC_TOLL_EMPTY] = {"empty frames", 100, 10},
	};
	const int64_t now_us = fr_clock_now_us(), step_us = 1000000 / tolls[toll].a_second;
	int64_t *paid_us = &p->tolls_us[toll];

	if (*paid_us < now_us)
		*paid_us = now_us;
	*paid_us += step_us;
	if (*paid_us - now_us > tolls[toll].at_once * step_us && !p->is_over)
		stop_flood(p, tolls[toll].what);
}

/* --- In --------------------------------------------------------------------------------------- */

static struct grpc_call *call_of(struct grpc_peer *p, int32_t id)
{
	return nghttp2_session_get_stream_user_data(p->session, id);
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *arg)
{
	struct grpc_peer *p = arg;

	(void)session;
	if (hd->type != NGHTTP2_CONTINUATION)
		p->continuations = 0;
	else if (++p->continuations > CONTINUATIONS_MAX && !p->is_over)
		stop_flood(p, "CONTINUATION");
	return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct grpc_peer *p = arg;
	struct grpc_call *c;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	c = fr_grpc_call_new(p, frame->hd.stream_id);
	return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, c);
}

static void copy(char *to, size_t room, const uint8_t *value, size_t size)
{
	const size_t n = size < room - 1 ? size : room - 1;

	memcpy(to, value, n);
	to[n] = '\0';
}

static bool is(const uint8_t *name, size_t size, const char *word)
{
	return size == strlen(word) && memcmp(name, word, size) == 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_size, const uint8_t *value, size_t size, uint8_t flags, void *arg)
{
	static const char type[] = "application/grpc";
	struct grpc_peer *p = arg;
	struct grpc_call *c = call_of(p, frame->hd.stream_id);

	(void)session;
	(void)flags;
	if (c == NULL || c->method != NULL || c->is_ending)
		return 0;
	c->header_bytes += name_size + size + 32; /* as HTTP/2 counts them */
	if (c->header_bytes > (size_t)p->door->env.limits->http2_header_bytes &&
	    p->door->env.limits->http2_header_bytes != 0) {
		fr_grpc_call_fail(c, FR_GRPC_RESOURCE_EXHAUSTED, FR_REASON_header_too_large,
		    "more than http2_header_bytes = %lld bytes of metadata",
		    (long long)p->door->env.limits->http2_header_bytes);
		return 0;
	}
	if (is(name, name_size, ":path"))
		copy(c->path, sizeof(c->path), value, size);
	else if (is(name, name_size, ":method"))
		c->is_post = is(value, size, "POST");
	else if (is(name, name_size, "content-type"))
		c->is_grpc = size >= sizeof(type) - 1 &&
		             memcmp(value, type, sizeof(type) - 1) == 0 &&
		             (size == sizeof(type) - 1 || value[sizeof(type) - 1] == '+' ||
		                 value[sizeof(type) - 1] == ';') &&
		             strncmp((const char *)value + sizeof(type) - 1, "+json", 5) != 0;
	else if (is(name, name_size, "grpc-timeout"))
		copy(c->timeout, sizeof(c->timeout), value, size);
	else if (is(name, name_size, "grpc-encoding"))
		c->is_encoded = !is(value, size, "identity");
	else if (is(name, name_size,
	             "authorization")) /* a NUL is behind it, as the library promises */
		fr_grpc_call_authorization(c, (const char *)value);
	else if (is(name, name_size, "x-forwarded-for"))
		fr_grpc_call_forwarded_for(c, (const char *)value);
	else if (is(name, name_size, "forwarded"))
		c->is_forwarded = true;
	return 0;
}

static void on_headers(struct grpc_peer *p, const nghttp2_frame *frame)
{
	struct grpc_call *c = call_of(p, frame->hd.stream_id);

	if (c == NULL)
		return;
	if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
		fr_grpc_call_begin(c);
	if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
		fr_grpc_call_half_closed(c);
	if (frame->hd.stream_id >= LAST_STREAM_ID && !p->is_over && p->has_begun) {
		/* The numbers come to their end: the client begins again on another connection. */
		p->has_begun = false;
		(void)nghttp2_submit_goaway(
		    p->session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR, NULL, 0);
	}
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct grpc_peer *p = arg;
	const bool is_ack = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
	struct grpc_call *c;

	(void)session;
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		on_headers(p, frame);
		break;
	case NGHTTP2_DATA:
		c = call_of(p, frame->hd.stream_id);
		if ((frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
			if (c != NULL)
				fr_grpc_call_half_closed(c);
		} else if (frame->hd.length == 0) {
			pay(p, GRPC_TOLL_EMPTY);
		}
		break;
	case NGHTTP2_RST_STREAM:
		pay(p, GRPC_TOLL_RESET);
		break;
	case NGHTTP2_PING:
		if (is_ack && p->pinged_us != 0)
			p->pinged_us = 0;
		else
			pay(p, GRPC_TOLL_PING);
		break;
	case NGHTTP2_SETTINGS:
		pay(p, GRPC_TOLL_SETTINGS);
		break;
	case NGHTTP2_WINDOW_UPDATE:
		if (frame->window_update.window_size_increment >= TINY_WINDOW)
			break;
		if (p->window_credit != 0)
			p->window_credit--;
		else
			pay(p, GRPC_TOLL_EMPTY);
		break;
	case NGHTTP2_PRIORITY:
		pay(p, GRPC_TOLL_EMPTY);
		break;
	default:
		break;
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
    size_t size, void *arg)
{
	struct grpc_call *c = call_of(arg, id);

	(void)flags;
	if (c != NULL && c->is_held)
		fr_text_put(
		    &c->held, bytes, size); /* at most a window of it: nothing is consumed */
	else if (c != NULL)
		fr_grpc_call_bytes(c, bytes, size);
	if (c != NULL && c->is_held)
		c->unconsumed += size; /* what was held, and what led to it */
	else
		(void)nghttp2_session_consume(session, id, size);
	return 0;
}

static int on_invalid(nghttp2_session *session, const nghttp2_frame *frame, int error, void *arg)
{
	struct grpc_peer *p = arg;

	(void)session;
	(void)frame;
	(void)error;
	fr_stat_rejected("grpc", FR_REASON_h2_protocol);
	/* A stream that is reset for it costs as much as one that the peer resets. */
	pay(p, GRPC_TOLL_RESET);
	return 0;
}

/* --- Out -------------------------------------------------------------------------------------- */

static int on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct grpc_peer *p = arg;
	struct grpc_call *c;

	/* The library notices some floods by itself (entries of SETTINGS), and ends the session so. */
	if (frame->hd.type == NGHTTP2_GOAWAY && frame->goaway.error_code != NGHTTP2_NO_ERROR)
		fr_stat_rejected(
		    "grpc", p->is_flood || frame->goaway.error_code == NGHTTP2_ENHANCE_YOUR_CALM
		                ? FR_REASON_h2_flood
		                : FR_REASON_h2_protocol);
	if (frame->hd.type == NGHTTP2_DATA && p->window_credit < WINDOW_CREDIT_MAX)
		p->window_credit += UPDATES_A_FRAME;
	if (frame->hd.type != NGHTTP2_HEADERS || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
		return 0;
	c = call_of(p, frame->hd.stream_id);
	if (c != NULL && !c->half_closed) /* it need not send the rest */
		(void)nghttp2_submit_rst_stream(
		    session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
	struct grpc_call *c = call_of(arg, id);

	(void)session;
	(void)error;
	if (c != NULL)
		fr_grpc_call_free(c);
	return 0;
}

/* --- Its life --------------------------------------------------------------------------------- */

nghttp2_session *fr_grpc_session_new(struct grpc_peer *p)
{
	const struct fr_limits *limits = p->door->env.limits;
	const nghttp2_settings_entry settings[] = {
	    {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
	        limits->http2_streams != 0 ? (uint32_t)limits->http2_streams : INT32_MAX},
	    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES},
	    {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, MAX_FRAME_BYTES},
	    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
	        limits->http2_header_bytes != 0 ? (uint32_t)limits->http2_header_bytes : INT32_MAX},
	};
	nghttp2_session_callbacks *callbacks;
	nghttp2_session *session;
	nghttp2_option *option;

	if (nghttp2_session_callbacks_new(&callbacks) != 0 || nghttp2_option_new(&option) != 0)
		abort(); /* no memory: as fr_xcalloc() */
	nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_option_set_no_closed_streams(option, 1);
	nghttp2_option_set_max_outbound_ack(option, 200);
	if (nghttp2_session_server_new2(&session, callbacks, p, option) != 0)
		abort();
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_option_del(option);
	(void)nghttp2_submit_settings(
	    session, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(settings[0]));
	/* SETTINGS does not move the window of the connection. */
	(void)nghttp2_session_set_local_window_size(
	    session, NGHTTP2_FLAG_NONE, 0, 2 * WINDOW_BYTES);
	return session;
}
