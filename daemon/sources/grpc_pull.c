/* SPDX-License-Identifier: MIT */
/*
 * The pictures of another machine's MainServer/getStream: a request for each, on one call, while somebody watches.
 *
 * A reply is base64 or a raw JPEG; a server may give one a request, or go on without end. One that repeats its picture
 * is heard, and the picture is left out. What goes wrong ends the connection, and it comes back later.
 */
#include <errno.h>
#include <mainserver.pb-c.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "common/base/addr.h"
#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "common/media/base64.h"
#include "common/media/frame.h"
#include "common/media/grpc_wire.h"
#include "common/net/conn.h"
#include "common/net/dial.h"
#include "common/net/loop.h"
#include "common/net/retry.h"
#include "common/net/timer.h"
#include "daemon/relay/ingest.h"
#include "daemon/sources/on_demand.h"
#include "daemon/sources/sources.h"

enum {
	PORT = 50051,
	RETRY_FIRST_US = 200 * 1000,
	RETRY_MOST_US = 10 * 1000 * 1000,
	ANSWER_US = 10 * 1000 * 1000, /* a server that says nothing for so long is given up */
	WINDOW_BYTES = 1024 * 1024,
	AROUND = 64, /* bytes of a reply besides its picture */
	FIRST_ROOM = 64 * 1024,
	PATH_MAX_BYTES = 200,
};

struct grpc_pull {
	struct fr_source source;
	struct fr_source_env env;
	struct fr_on_demand *od;
	char stream[FR_NAME_MAX + 1], host[300], authority[320];
	uint16_t port;
	const char *msg;
	int64_t gap_us; /* between two requests, at least */

	struct fr_dial *dial;
	struct fr_conn *conn; /* NULL: not connected */
	nghttp2_session *session;
	struct fr_timer *timer;
	struct fr_retry retry;
	struct fr_log_again away;

	int32_t call; /* 0: none */
	bool is_due;  /* a request may go */
	bool is_running;
	uint8_t request[256]; /* with its prefix */
	size_t request_size, request_at;
	int64_t asked_us, heard_us;
	unsigned replies; /* of this call */
	struct fr_grpc_reader reader;
	uint8_t *in;
	size_t in_size, in_room;
	int status;                 /* -1: not said */
	char words[200], down[400]; /* down[0]: it is over, for this */
};

static void connect_later(struct grpc_pull *s);

/* --- Ends ------------------------------------------------------------------------------------- */

struct dead_session {
	struct fr_deferred deferred;
	nghttp2_session *session;
};

static void free_session(struct fr_deferred *deferred)
{
	struct dead_session *dead = (struct dead_session *)deferred;

	nghttp2_session_del(dead->session);
	free(dead);
}

static void disconnect(struct grpc_pull *s)
{
	struct dead_session *dead;

	fr_dial_cancel(s->dial);
	s->dial = NULL;
	fr_timer_clear(s->timer);
	if (s->conn == NULL)
		return;
	fr_conn_close(s->conn);
	s->conn = NULL;
	dead = fr_xcalloc(1, sizeof(*dead)); /* it may be on the stack above us */
	dead->session = s->session;
	s->session = NULL;
	fr_loop_defer(s->env.loop, &dead->deferred, free_session);
	free(s->in);
	s->in = NULL;
	s->in_size = s->in_room = 0;
	s->call = 0;
}

static void set_up(struct grpc_pull *s, bool up)
{
	struct fr_ingest *ingest = fr_on_demand_ingest(s->od);

	if (ingest != NULL)
		fr_ingest_set_up(ingest, up, fr_clock_now_us());
}

static void go_down(struct grpc_pull *s, const char *reason)
{
	struct fr_log_text text;

	disconnect(s);
	set_up(s, false);
	if (fr_log_again(&s->away, reason, fr_clock_now_us()))
		fr_log(FR_LOG_WARNING, "grpc-pull", "the other end is away, trying again",
		    "peer=%s stream=%s reason=%s", s->authority, s->stream,
		    fr_log_quote(&text, reason));
	fr_stat_add(FR_STAT_reconnects, 1);
	connect_later(s);
}

/* From inside the session: it ends when that has returned. */
__attribute__((format(printf, 2, 3))) static void fail(struct grpc_pull *s, const char *fmt, ...)
{
	va_list ap;

	if (s->down[0] != '\0')
		return;
	va_start(ap, fmt);
	(void)vsnprintf(s->down, sizeof(s->down), fmt, ap);
	va_end(ap);
}

/* --- Replies ---------------------------------------------------------------------------------- */

static void take_picture(struct grpc_pull *s, uint8_t *bytes, size_t size)
{
	struct fr_ingest *ingest = fr_on_demand_ingest(s->od);
	const int64_t now_us = fr_clock_now_us();
	struct fr_frame *frame;
	struct fr_cause why;

	if (size >= 2 && !(bytes[0] == 0xff && bytes[1] == 0xd8) &&
	    fr_base64_decode(bytes, size, &size) < 0) {
		fail(s, "a reply that is neither a JPEG nor base64");
		return;
	}
	if (size == 0) {
		fail(s, "a reply without a picture");
		return;
	}
	if (ingest != NULL && fr_ingest_same(ingest, bytes, size, now_us))
		return;
	frame = fr_frame_begin(fr_relay_pool(s->env.relay), size);
	if (frame == NULL) {
		if (ingest != NULL) {
			fr_ingest_received(ingest, size);
			fr_ingest_begin(ingest);
			fr_ingest_reject(ingest, FR_REASON_memory_budget, size);
		}
		return;
	}
	memcpy(fr_frame_room(frame), bytes, size);
	if (fr_on_demand_frame(s->od, frame, size, 0, 0, &why) < 0)
		fr_log_limited(FR_LOG_WARNING, "grpc-pull", "picture refused", s->stream,
		    "stream=%s reason=\"%s\"", s->stream, why.text);
}

static void take_reply(struct grpc_pull *s)
{
	Reply *reply = reply__unpack(NULL, s->in_size, s->in != NULL ? s->in : s->request);

	s->replies++;
	s->heard_us = fr_clock_now_us();
	if (reply == NULL)
		fail(s, "a reply that is none");
	else
		take_picture(s, reply->datas.data, reply->datas.len);
	reply__free_unpacked(reply, NULL);
	if (s->down[0] != '\0')
		return;
	if (fr_log_again_end(&s->away) || s->retry.tries != 0)
		fr_log(FR_LOG_INFO, "grpc-pull", "pictures come", "peer=%s stream=%s", s->authority,
		    s->stream);
	fr_retry_reset(&s->retry);
	set_up(s, true);
}

static void gather(struct grpc_pull *s, const uint8_t *bytes, size_t size)
{
	if (s->in_size + size > s->in_room) {
		while (s->in_size + size > s->in_room)
			s->in_room = s->in_room != 0 ? s->in_room * 2 : FIRST_ROOM;
		s->in = fr_xreallocarray(s->in, s->in_room, 1);
	}
	memcpy(s->in + s->in_size, bytes, size);
	s->in_size += size;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
    size_t size, void *arg)
{
	struct grpc_pull *s = arg;
	const int64_t picture = s->env.limits->max_frame_bytes;
	const int64_t most = picture != 0 ? picture / 3 * 4 + AROUND : INT32_MAX;
	struct fr_grpc_event event;
	size_t n;

	(void)session;
	(void)flags;
	for (; size > 0 && s->down[0] == '\0' && id == s->call; bytes += n, size -= n) {
		n = fr_grpc_read(&s->reader, bytes, size, &event);
		if (event.type == FR_GRPC_BEGIN && event.is_compressed)
			fail(s, "a compressed reply");
		else if (event.type == FR_GRPC_BEGIN && event.length > most)
			fail(s, "a reply of %u bytes, at most %lld", event.length, (long long)most);
		else if (event.type == FR_GRPC_BEGIN)
			s->in_size = 0;
		else if (event.type == FR_GRPC_BYTES)
			gather(s, event.bytes, event.size);
		if (event.is_whole && s->down[0] == '\0') {
			take_reply(s);
			s->is_due = true;
		}
	}
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
    size_t name_size, const uint8_t *value, size_t size, uint8_t flags, void *arg)
{
	struct grpc_pull *s = arg;
	char text[200];

	(void)session;
	(void)frame;
	(void)flags;
	(void)snprintf(text, sizeof(text), "%.*s", (int)(size < 199 ? size : 199), value);
	if (name_size == 7 && memcmp(name, ":status", 7) == 0 && strcmp(text, "200") != 0)
		fail(s, "it answers with the status %s of HTTP", text);
	else if (name_size == 11 && memcmp(name, "grpc-status", 11) == 0)
		s->status = atoi(text);
	else if (name_size == 12 && memcmp(name, "grpc-message", 12) == 0)
		memcpy(s->words, text, sizeof(text));
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
	struct grpc_pull *s = arg;

	(void)session;
	if (id != s->call)
		return 0;
	s->call = 0;
	if (s->status > 0)
		fail(s, "status %d %s", s->status, s->words);
	else if (s->status < 0)
		fail(s, "the call was reset (%s)", nghttp2_http2_strerror(error));
	else if (s->replies == 0)
		fail(s, "it ended the call without a picture");
	return 0;
}

/* --- Requests --------------------------------------------------------------------------------- */

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *to, size_t room,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct grpc_pull *s = arg;
	const size_t left = s->request_size - s->request_at, n = left < room ? left : room;

	(void)session;
	(void)id;
	(void)flags;
	(void)source;
	if (n == 0)
		return NGHTTP2_ERR_DEFERRED;
	memcpy(to, s->request + s->request_at, n);
	s->request_at += n;
	return (ssize_t)n;
}

static nghttp2_nv field(const char *name, const char *value)
{
	return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
	    strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static void ask(struct grpc_pull *s)
{
	const nghttp2_nv fields[] = {field(":method", "POST"), field(":scheme", "http"),
	    field(":path", "/MainServer/getStream"), field(":authority", s->authority),
	    field("content-type", "application/grpc"), field("te", "trailers"),
	    field("user-agent", "framerelayd/" FR_VERSION)};
	const nghttp2_data_provider provider = {.read_callback = on_read};

	s->is_due = false;
	s->asked_us = s->heard_us = fr_clock_now_us();
	if (s->request_at == s->request_size || s->call == 0)
		s->request_at = 0;
	if (s->call != 0) {
		(void)nghttp2_session_resume_data(s->session, s->call);
		return;
	}
	s->replies = 0;
	s->status = -1;
	s->words[0] = '\0';
	s->reader = (struct fr_grpc_reader){0};
	s->call = nghttp2_submit_request(
	    s->session, NULL, fields, sizeof(fields) / sizeof(fields[0]), &provider, NULL);
	if (s->call < 0) { /* no numbers left, or it has said GOAWAY */
		s->call = 0;
		fail(s, "it takes no more calls");
	}
}

/* --- The connection --------------------------------------------------------------------------- */

static void pump(struct grpc_pull *s)
{
	const int64_t now_us = fr_clock_now_us();
	const uint8_t *bytes;
	int64_t wait_us;
	ssize_t n;

	if (s->conn == NULL)
		return;
	if (s->down[0] == '\0' && (s->is_due || s->call == 0) && now_us >= s->asked_us + s->gap_us)
		ask(s);
	while (s->down[0] == '\0' && fr_conn_is_idle(s->conn) &&
	       (n = nghttp2_session_mem_send(s->session, &bytes)) != 0) {
		if (n < 0 || fr_conn_put(s->conn, bytes, (size_t)n) == FR_SEND_GONE)
			fail(s, "the other end closed");
	}
	if (s->down[0] == '\0' && nghttp2_session_want_read(s->session) == 0)
		fail(s, "it has said goodbye");
	if (s->down[0] != '\0') {
		go_down(s, s->down);
		return;
	}
	wait_us = s->heard_us + ANSWER_US - now_us;
	if ((s->is_due || s->call == 0) && s->asked_us + s->gap_us - now_us < wait_us)
		wait_us = s->asked_us + s->gap_us - now_us;
	fr_timer_set(s->timer, wait_us);
}

static void on_readable(void *arg)
{
	struct grpc_pull *s = arg;
	size_t room;
	uint8_t *into = fr_loop_scratch(s->env.loop, &room);
	struct iovec iov = {into, room};
	const ssize_t n = fr_conn_read(s->conn, &iov, 1);

	if (n == -EAGAIN)
		return;
	if (n <= 0)
		fail(s, "%s", n < 0 ? fr_conn_error_text((int)-n) : "the other end closed");
	else if (nghttp2_session_mem_recv(s->session, into, (size_t)n) < 0)
		fail(s, "it does not speak HTTP/2");
	pump(s);
}

static void on_drained(void *arg)
{
	pump(arg);
}

static void on_gone(void *arg, const char *reason)
{
	fail(arg, "%s", reason);
	pump(arg);
}

static void begin_session(struct grpc_pull *s)
{
	static const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
	    {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, WINDOW_BYTES},
	    {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 8192}};
	nghttp2_session_callbacks *callbacks;

	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		abort(); /* no memory: as fr_xcalloc() */
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	if (nghttp2_session_client_new(&s->session, callbacks, s) != 0)
		abort();
	nghttp2_session_callbacks_del(callbacks);
	(void)nghttp2_submit_settings(
	    s->session, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(settings[0]));
	(void)nghttp2_session_set_local_window_size(
	    s->session, NGHTTP2_FLAG_NONE, 0, 2 * WINDOW_BYTES);
}

static void on_dialed(void *arg, int fd, const struct fr_addr *peer, const char *reason)
{
	static const struct fr_conn_ops ops = {
	    .on_readable = on_readable, .on_drained = on_drained, .on_gone = on_gone};
	struct grpc_pull *s = arg;
	const struct fr_conn_options options = {
	    .keepalive_idle_ms = s->env.limits->keepalive_idle_ms,
	    .keepalive_interval_ms = s->env.limits->keepalive_interval_ms,
	};

	s->dial = NULL;
	if (fd < 0) {
		go_down(s, reason);
		return;
	}
	s->down[0] = '\0';
	s->asked_us = 0;
	s->is_due = true;
	s->conn = fr_conn_new(s->env.loop, fd, peer, &options, &ops, s);
	begin_session(s);
	pump(s);
}

static void on_time(void *arg)
{
	struct grpc_pull *s = arg;

	if (s->conn == NULL) {
		s->dial = fr_dial_start(s->env.loop, s->host, s->port, on_dialed, s);
		return;
	}
	if (fr_clock_now_us() - s->heard_us >= ANSWER_US)
		fail(s, "no picture for 10 s");
	pump(s);
}

static void connect_later(struct grpc_pull *s)
{
	if (s->is_running)
		fr_timer_set(s->timer,
		    fr_retry_next_us(&s->retry, (uint32_t)fr_clock_now_us() * 2654435761U));
}

/* --- Life ------------------------------------------------------------------------------------- */

static void on_start(void *arg)
{
	struct grpc_pull *s = arg;

	s->is_running = true;
	fr_retry_reset(&s->retry);
	fr_timer_set(s->timer, 0);
}

static void on_stop(void *arg)
{
	struct grpc_pull *s = arg;

	s->is_running = false;
	disconnect(s);
	(void)fr_log_again_end(&s->away);
	set_up(s, true);
}

static const struct fr_on_demand_ops demand_ops = {on_start, on_stop};

static void pull_close(struct fr_source *source)
{
	struct grpc_pull *s = (struct grpc_pull *)source;

	if (s->timer != NULL)
		disconnect(s);
	fr_timer_free(s->timer);
	fr_on_demand_free(s->od);
	free(s);
}

static void write_request(struct grpc_pull *s)
{
	Request request = REQUEST__INIT;

	request.msg = (char *)(uintptr_t)s->msg;
	s->request_size = request__get_packed_size(&request);
	fr_grpc_write_prefix(s->request, (uint32_t)s->request_size);
	(void)request__pack(&request, s->request + FR_GRPC_PREFIX_BYTES);
	s->request_size += FR_GRPC_PREFIX_BYTES;
	s->request_at = s->request_size;
}

static int pull_open(const struct fr_source_env *env, const struct fr_options *options,
    struct fr_source **ret, struct fr_cause *why)
{
	struct grpc_pull *s = fr_xcalloc(1, sizeof(*s));
	const struct fr_on_demand_spec spec = {
	    .kind = "grpc-pull",
	    .stream = fr_options_text(options, "stream"),
	    .always = !fr_options_bool(options, "on_demand"),
	};
	int r = -EINVAL;

	s->source.ops = fr_source_find("grpc-pull");
	s->env = *env;
	s->retry = (struct fr_retry){.first_us = RETRY_FIRST_US, .most_us = RETRY_MOST_US};
	s->gap_us = INT64_C(1000000000) / fr_options_int(options, "max_fps");
	(void)snprintf(s->stream, sizeof(s->stream), "%s", spec.stream);
	s->msg = fr_options_text(options, "msg");
	if (strlen(s->msg) > PATH_MAX_BYTES) {
		(void)fr_cause_set(why, EINVAL, "msg: at most %d bytes", PATH_MAX_BYTES);
		goto fail;
	}
	write_request(s);
	r = fr_addr_split(fr_options_text(options, "address"), PORT, s->host, &s->port, why);
	if (r == 0)
		r = fr_timer_new(env->loop, on_time, s, &s->timer, why);
	if (r < 0)
		goto fail;
	(void)snprintf(s->authority, sizeof(s->authority),
	    strchr(s->host, ':') != NULL ? "[%s]:%u" : "%s:%u", s->host, s->port);
	r = fr_on_demand_new(env, &spec, &demand_ops, s, &s->od, why);
	if (r < 0)
		goto fail;
	*ret = &s->source;
	return 0;

fail:
	pull_close(&s->source);
	return r;
}

static const struct fr_option_spec specs[] = {
    {.name = "stream",
        .type = FR_OPTION_NAME,
        .required = true,
        .def = "lab",
        .help = "the stream here that the pictures go to"},
    {.name = "address",
        .type = FR_OPTION_HOST,
        .required = true,
        .def = "192.168.1.50:50051",
        .help = "the server: HOST or HOST:PORT, port 50051 if none is said, or unix:/path"},
    {.name = "msg",
        .type = FR_OPTION_STRING,
        .def = "give me the stream!!",
        .help = "the text of each request; a relay takes a stream's name"},
    {.name = "max_fps",
        .type = FR_OPTION_MILLI,
        .unit = "pictures/s",
        .min = 1,
        .max = 1000000,
        .def = "60",
        .help = "the most requests a second: a server that answers at once would be asked as fast "
                "as it can"},
    {.name = "on_demand",
        .type = FR_OPTION_BOOL,
        .def = "true",
        .help = "connect only while somebody here watches"},
    {.name = NULL},
};

const struct fr_source_ops fr_source_grpc_pull = {
    .kind = "grpc-pull",
    .summary = "MainServer/getStream of another machine, asked while somebody watches",
    .argument = "address",
    .options = specs,
    .open = pull_open,
    .close = pull_close,
};
