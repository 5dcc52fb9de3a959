/* SPDX-License-Identifier: MIT */
/*
 * Server-Sent Events: what becomes of all streams (/events), and the MESSAGEs of one (docs/protocol.md 2).
 *
 * Nothing piles up for a reader: while one write is under way the observer remembers, and of MESSAGEs the newest wait.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/media/frame.h"
#include "daemon/doors/http/inside.h"

/* Something was sent: a comment is due only when nothing more happens. */
static void comment_later(struct http_peer *p)
{
	p->again_us = fr_clock_now_us() + p->door->events_keep_alive_ms * 1000;
}

/* @return whether the peer is still there */
static bool send_text(struct http_peer *p, const void *text, size_t size)
{
	const enum fr_send sent = fr_http_send(p, NULL, 0, text, size);

	comment_later(p);
	if (sent == FR_SEND_GONE)
		fr_http_peer_drop(p, "the peer closed");
	return sent != FR_SEND_GONE;
}

/* --- What becomes of streams ------------------------------------------------------------------- */

static void add_event(struct fr_text *to, const char *event, json_t *json)
{
	char *text = json != NULL ? fr_http_json_text(json) : NULL;

	json_decref(json);
	if (text != NULL)
		fr_text_add(to, "event: %s\ndata: %s\n\n", event, text);
	free(text);
}

static json_t *changes_json(unsigned what)
{
	json_t *array = json_array();

	for (unsigned i = 0; i < FR_CHANGE_COUNT; i++)
		if ((what & 1U << i) != 0)
			(void)json_array_append_new(array, json_string(fr_change_name(i)));
	return array;
}

struct writing {
	struct http_peer *p;
	struct fr_text text;
};

static void write_change(void *arg, const struct fr_stream_change *change)
{
	struct writing *w = arg;
	json_t *json;

	if (change->name == NULL) {
		add_event(&w->text, "streams", fr_http_streams_json(w->p->door->env.relay));
	} else if (change->info == NULL) {
		add_event(&w->text, "forgotten", json_pack("{s:s}", "name", change->name));
	} else {
		json = fr_http_stream_json(w->p->door->env.relay, change->info);
		(void)json_object_set_new(json, "changes", changes_json(change->what));
		add_event(&w->text, "stream", json);
	}
}

static void continue_states(struct http_peer *p)
{
	struct writing w = {.p = p};

	fr_observer_take(p->observer, fr_clock_now_us(), write_change, &w);
	if (w.text.length != 0)
		(void)send_text(p, w.text.text, w.text.length);
	fr_text_done(&w.text);
}

/* --- MESSAGEs ---------------------------------------------------------------------------------- */

/* A line end inside the JSON text, which may stand between two of its words, begins a data line of its own. */
static void add_message(struct fr_text *to, const struct fr_frame *message)
{
	const char *at = (const char *)fr_frame_bytes(message), *end = at + fr_frame_size(message);
	const char *line;

	fr_text_add(to, "event: message\n");
	for (; at < end; at = line + 1) {
		line = at;
		while (line < end && *line != '\n' && *line != '\r')
			line++;
		fr_text_add(to, "data: %.*s\n", (int)(line - at), at);
	}
	fr_text_add(to, "\n");
}

static void continue_messages(struct http_peer *p)
{
	struct fr_frame *message;
	struct fr_text text = {0};
	bool is_there = true;

	while (is_there && !p->in_flight && fr_conn_is_idle(p->conn)) {
		message = fr_subscriber_next(p->sub, fr_clock_now_us());
		if (message == NULL)
			return; /* the ready list brings us back */
		p->in_flight = true;
		add_message(&text, message);
		fr_frame_unref(message);
		is_there = send_text(p, text.text, text.length);
		fr_text_done(&text);
		if (is_there && fr_conn_is_idle(p->conn)) {
			p->in_flight = false;
			fr_subscriber_sent(p->sub);
		}
	}
}

/* --- Both -------------------------------------------------------------------------------------- */

static void go_on(struct http_peer *p)
{
	if (!fr_conn_is_idle(p->conn))
		return; /* on_drained brings us back */
	if (p->sub != NULL)
		continue_messages(p);
	else
		continue_states(p);
}

static void on_ready(void *arg)
{
	go_on(arg);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	fr_http_peer_send_away(arg, refusal);
}

void fr_http_events_drained(struct http_peer *p)
{
	if (p->in_flight) {
		p->in_flight = false;
		fr_subscriber_sent(p->sub);
	}
	go_on(p);
}

void fr_http_events_tick(struct http_peer *p, int64_t now_us)
{
	static const char comment[] = ": still here\n\n";

	if (p->door->events_keep_alive_ms != 0 && now_us >= p->again_us && fr_conn_is_idle(p->conn))
		(void)send_text(p, comment, sizeof(comment) - 1);
}

static void begin(struct http_peer *p, const char *kind)
{
	static const char more[] = "Content-Type: text/event-stream\r\nCache-Control: no-store\r\n"
	                           "Cross-Origin-Resource-Policy: same-origin\r\n"
	                           "X-Accel-Buffering: no\r\n\r\n";
	char addr[FR_ADDR_TEXT_MAX];
	struct fr_text text = {0};
	enum fr_send sent;

	p->closes = true;
	fr_http_answer_head(p, 200, &text);
	fr_text_add(&text, "%s%s", more, p->is_head ? "" : "retry: 2000\n\n");
	sent = fr_conn_put(p->conn, text.text, text.length);
	fr_text_done(&text);
	if (sent == FR_SEND_GONE) {
		fr_http_peer_drop(p, "the peer closed");
		return;
	}
	if (p->is_head) {
		if (sent == FR_SEND_DONE)
			fr_http_peer_answered(p);
		else
			fr_http_peer_enter(p, HTTP_SENDING, 0);
		return;
	}
	p->is_events = true;
	comment_later(p);
	fr_http_peer_enter(p, HTTP_STREAMING, 0);
	fr_conn_set_user_timeout(p->conn, p->door->env.limits->tcp_user_timeout_ms);
	fr_log(FR_LOG_INFO, "http", "reader connected", "peer=%s stream=%s id=%llu kind=%s",
	    fr_addr_print(fr_conn_peer(p->conn), addr), p->stream[0] != '\0' ? p->stream : "-",
	    (unsigned long long)p->id, kind);
	fr_http_head_free(p->head); /* it has nothing more to ask */
	p->head = NULL;
}

void fr_http_events(struct http_peer *p)
{
	static const struct fr_observer_ops ops = {.on_ready = on_ready, .on_closed = on_closed};
	const struct fr_observe_spec spec = {.door = "http", .who = p->who};
	struct fr_refusal refusal;

	if (p->is_head) {
		if (fr_http_may(p, FR_RIGHT_OBSERVE, NULL))
			begin(p, "events");
		return;
	}
	if (fr_relay_observe(p->door->env.relay, &spec, &ops, p, &p->observer, &refusal) < 0)
		fr_http_refuse(p, &refusal, true);
	else
		begin(p, "events");
}

void fr_http_messages(struct http_peer *p)
{
	static const struct fr_subscriber_ops ops = {.on_ready = on_ready, .on_closed = on_closed};
	struct fr_subscribe_spec spec = {.door = "http",
	    .kind = "messages",
	    .who = p->who,
	    .no_pictures = true,
	    .queue_frames = -1,
	    .queue_age_ms = -1};
	struct fr_relay *relay = p->door->env.relay;
	struct fr_stream_info info;
	struct fr_refusal refusal;

	memcpy(spec.stream, p->stream, sizeof(p->stream));
	if (!fr_http_may(p, FR_RIGHT_SUBSCRIBE, p->stream))
		return;
	if (!fr_relay_stream(relay, p->stream, fr_clock_now_us(), &info))
		fr_http_fail(p, 404, FR_REASON_no_such_stream, "no stream is called %s", p->stream);
	else if (!p->is_head && fr_relay_subscribe(relay, &spec, &ops, p, fr_clock_now_us(),
	                            &p->sub, &refusal) < 0)
		fr_http_refuse(p, &refusal, true);
	else
		begin(p, "messages");
}
