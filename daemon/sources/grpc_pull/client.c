/* SPDX-License-Identifier: MIT */
#include "daemon/sources/grpc_pull/client.h"

#include <mainserver.pb-c.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/media/base64.h"
#include "common/media/grpc_wire.h"
#include "common/media/protobuf.h"

enum {
	WINDOW_BYTES = 1024 * 1024, /* of the call; of the connection twice that */
	HEADERS_MAX = 8192,
	AROUND = 64, /* bytes of a reply besides its picture */
	FIRST_ROOM = 64 * 1024,
	STATUS_MAX = 16, /* of gRPC: the highest number */
	STATUS_UNKNOWN = 2,
};

struct fr_grpc_client {
	nghttp2_session *session;
	void (*on_picture)(void *arg, const uint8_t *bytes, size_t size);
	void *arg;
	int64_t most; /* bytes of a reply */
	char authority[320];

	int32_t call; /* its HTTP/2 stream; 0: none */
	bool is_due;  /* a request may go */
	uint8_t request[FR_GRPC_PREFIX_BYTES + 8 + FR_GRPC_CLIENT_MSG_MAX]; /* with its prefix */
	size_t request_size, request_at;
	unsigned replies; /* of this call */
	struct fr_grpc_reader reader;
	uint8_t *in; /* the reply that comes */
	size_t in_size, in_room;
	int status; /* -1: not said */
	bool has_said_goodbye;
	char words[200], down[400]; /* down[0]: it is over, for this */
};

void fr_grpc_client_fail(struct fr_grpc_client *c, const char *fmt, ...)
{
	va_list ap;

	if (c->down[0] != '\0')
		return;
	va_start(ap, fmt);
	(void)vsnprintf(c->down, sizeof(c->down), fmt, ap);
	va_end(ap);
}

const char *fr_grpc_client_down(const struct fr_grpc_client *c)
{
	return c->down[0] != '\0' ? c->down : NULL;
}

/* --- Replies ---------------------------------------------------------------------------------- */

static void take_picture(struct fr_grpc_client *c, uint8_t *bytes, size_t size)
{
	if (size >= 2 && !(bytes[0] == 0xff && bytes[1] == 0xd8) &&
	    fr_base64_decode(bytes, size, &size) < 0)
		fr_grpc_client_fail(c, "a reply that is neither a JPEG nor base64");
	else if (size == 0)
		fr_grpc_client_fail(c, "a reply without a picture");
	else
		c->on_picture(c->arg, bytes, size);
}

static void take_reply(struct fr_grpc_client *c)
{
	static const uint8_t nothing[1];
	Reply *reply =
	    fr_protobuf_unpack(&reply__descriptor, c->in_size != 0 ? c->in : nothing, c->in_size);

	c->replies++;
	c->is_due = true;
	if (reply == NULL)
		fr_grpc_client_fail(c, "a reply that is none");
	else
		take_picture(c, reply->datas.data, reply->datas.len);
	reply__free_unpacked(reply, NULL);
}

static void gather(struct fr_grpc_client *c, const uint8_t *bytes, size_t size)
{
	if (c->in_size + size > c->in_room) {
		while (c->in_size + size > c->in_room)
			c->in_room = c->in_room != 0 ? c->in_room * 2 : FIRST_ROOM;
		c->in = fr_xreallocarray(c->in, c->in_room, 1);
	}
	memcpy(c->in + c->in_size, bytes, size);
	c->in_size += size;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
    size_t size, void *arg)
{
	struct fr_grpc_client *c = arg;
	struct fr_grpc_event event;
	size_t n;

	(void)session;
	(void)flags;
	for (; size > 0 && c->down[0] == '\0' && id == c->call; bytes += n, size -= n) {
		n = fr_grpc_read(&c->reader, bytes, size, &event);
		if (event.type == FR_GRPC_BEGIN && event.is_compressed)
			fr_grpc_client_fail(c, "a compressed reply");
		else if (event.type == FR_GRPC_BEGIN && event.length > c->most)
			fr_grpc_client_fail(c, "a reply of %u bytes, at most %lld", event.length,
			    (long long)c->most);
		else if (event.type == FR_GRPC_BEGIN)
			c->in_size = 0;
		else if (event.type == FR_GRPC_BYTES)
			gather(c, event.bytes, event.size);
		if (event.is_whole && c->down[0] == '\0')
			take_reply(c);
	}
	return 0;
}

/* --- What is said around them ----------------------------------------------------------------- */

static bool is(const uint8_t *name, size_t size, const char *word)
{
	return size == strlen(word) && memcmp(name, word, size) == 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_size, const uint8_t *value, size_t size, uint8_t flags, void *arg)
{
	static const char type[] = "application/grpc";
	struct fr_grpc_client *c = arg;
	char text[sizeof(c->words)];
	int64_t number;

	(void)session;
	(void)flags;
	if (frame->hd.stream_id != c->call)
		return 0;
	(void)snprintf(text, sizeof(text), "%.*s",
	    (int)(size < sizeof(text) ? size : sizeof(text) - 1), (const char *)value);
	if (is(name, name_size, ":status") && strcmp(text, "200") != 0)
		fr_grpc_client_fail(c, "it answers with the status %s of HTTP", text);
	else if (is(name, name_size, "content-type") && strncmp(text, type, sizeof(type) - 1) != 0)
		fr_grpc_client_fail(c, "it answers with %s, which is not gRPC", text);
	else if (is(name, name_size, "grpc-status"))
		c->status = fr_text_int(text, 0, STATUS_MAX, &number, NULL) == 0 ? (int)number
		                                                                 : STATUS_UNKNOWN;
	else if (is(name, name_size, "grpc-message"))
		memcpy(c->words, text, sizeof(text));
	return 0;
}

static void end_call(struct fr_grpc_client *c, uint32_t error)
{
	c->call = 0;
	c->is_due = true;
	if (c->status > 0)
		fr_grpc_client_fail(c, "status %d %s", c->status, c->words);
	else if (error != NGHTTP2_NO_ERROR)
		fr_grpc_client_fail(c, "the call was reset (%s)", nghttp2_http2_strerror(error));
	else if (c->status < 0)
		fr_grpc_client_fail(c, "it ended the call without a status");
	else if (c->replies == 0)
		fr_grpc_client_fail(c, "it ended the call without a picture");
}

static int on_frame_recv(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct fr_grpc_client *c = arg;

	if (frame->hd.type == NGHTTP2_GOAWAY) {
		c->has_said_goodbye = true;
		if (frame->goaway.error_code != NGHTTP2_NO_ERROR)
			fr_grpc_client_fail(c, "it has said goodbye (%s)",
			    nghttp2_http2_strerror(frame->goaway.error_code));
	} else if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
	           (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0 &&
	           frame->hd.stream_id == c->call) {
		end_call(c, NGHTTP2_NO_ERROR);
		/* It need not hear more; our side of the stream ends in order. */
		(void)nghttp2_session_resume_data(session, frame->hd.stream_id);
	}
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
	struct fr_grpc_client *c = arg;

	(void)session;
	if (id == c->call)
		end_call(c, error);
	return 0;
}

/* --- Requests --------------------------------------------------------------------------------- */

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t room,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct fr_grpc_client *c = arg;
	const size_t left = c->request_size - c->request_at, n = left < room ? left : room;

	(void)session;
	(void)source;
	if (id != c->call) { /* it has ended */
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		return 0;
	}
	if (n == 0)
		return NGHTTP2_ERR_DEFERRED;
	memcpy(to, c->request + c->request_at, n);
	c->request_at += n;
	return (ssize_t)n;
}

static nghttp2_nv field(const char *name, const char *value)
{
	return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
	    strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static void call(struct fr_grpc_client *c)
{
	const nghttp2_nv fields[] = {field(":method", "POST"), field(":scheme", "http"),
	    field(":path", "/MainServer/getStream"), field(":authority", c->authority),
	    field("content-type", "application/grpc"), field("te", "trailers"),
	    field("user-agent", "framerelayd/" FR_VERSION)};
	const nghttp2_data_provider provider = {.read_callback = on_read};

	c->replies = 0;
	c->status = -1;
	c->words[0] = '\0';
	c->reader = (struct fr_grpc_reader){0};
	c->call = nghttp2_submit_request(
	    c->session, NULL, fields, sizeof(fields) / sizeof(fields[0]), &provider, NULL);
	if (c->call < 0) { /* no numbers left, or it has said GOAWAY */
		c->call = 0;
		fr_grpc_client_fail(c, "it takes no more calls");
	}
}

bool fr_grpc_client_is_due(const struct fr_grpc_client *c)
{
	return c->is_due && c->down[0] == '\0';
}

void fr_grpc_client_ask(struct fr_grpc_client *c)
{
	c->is_due = false;
	/* One that has not wholly gone is this one. */
	if (c->request_at == c->request_size || c->call == 0)
		c->request_at = 0;
	if (c->call == 0)
		call(c);
	else
		(void)nghttp2_session_resume_data(c->session, c->call);
}

/* --- Bytes ------------------------------------------------------------------------------------ */

static void look(struct fr_grpc_client *c)
{
	if (nghttp2_session_want_read(c->session) == 0)
		fr_grpc_client_fail(
		    c, c->has_said_goodbye ? "it has said goodbye" : "it does not speak HTTP/2");
}

void fr_grpc_client_take(struct fr_grpc_client *c, const uint8_t *bytes, size_t size)
{
	const ssize_t n = nghttp2_session_mem_recv(c->session, bytes, size);

	if (n < 0)
		fr_grpc_client_fail(c, "it does not speak HTTP/2 (%s)", nghttp2_strerror((int)n));
	look(c);
}

size_t fr_grpc_client_give(struct fr_grpc_client *c, const uint8_t **ret)
{
	const ssize_t n = nghttp2_session_mem_send(c->session, ret);

	if (n < 0)
		fr_grpc_client_fail(c, "%s", nghttp2_strerror((int)n));
	else if (n == 0)
		look(c);
	return n > 0 ? (size_t)n : 0;
}

/* --- Life ------------------------------------------------------------------------------------- */

static void write_request(struct fr_grpc_client *c, const char *msg)
{
	Request request = REQUEST__INIT;

	request.msg = (char *)(uintptr_t)msg;
	c->request_size = request__get_packed_size(&request);
	fr_grpc_write_prefix(c->request, (uint32_t)c->request_size);
	(void)request__pack(&request, c->request + FR_GRPC_PREFIX_BYTES);
	c->request_size += FR_GRPC_PREFIX_BYTES;
	c->request_at = c->request_size;
}

struct fr_grpc_client *fr_grpc_client_new(const struct fr_grpc_client_spec *spec, void *arg)
{
	static const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
	    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES},
	    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADERS_MAX}};
	struct fr_grpc_client *c = fr_xcalloc(1, sizeof(*c));
	nghttp2_session_callbacks *callbacks;

	c->on_picture = spec->on_picture;
	c->arg = arg;
	c->most = spec->picture_bytes != 0 ? (spec->picture_bytes + 2) / 3 * 4 + AROUND : INT32_MAX;
	c->is_due = true;
	c->status = -1;
	(void)snprintf(c->authority, sizeof(c->authority), "%s", spec->authority);
	write_request(c, spec->msg);
	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		abort(); /* no memory: as fr_xcalloc() */
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	if (nghttp2_session_client_new(&c->session, callbacks, c) != 0)
		abort();
	nghttp2_session_callbacks_del(callbacks);
	(void)nghttp2_submit_settings(
	    c->session, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(settings[0]));
	(void)nghttp2_session_set_local_window_size(
	    c->session, NGHTTP2_FLAG_NONE, 0, 2 * WINDOW_BYTES);
	return c;
}

void fr_grpc_client_free(struct fr_grpc_client *c)
{
	if (c == NULL)
		return;
	nghttp2_session_del(c->session);
	free(c->in);
	free(c);
}
