/* SPDX-License-Identifier: MIT */
/*
 * The states of a pull, and what guards each of them.
 *
 *     ASLEEP ──start──► DIALING ──► ASKED ──► READING ──one picture──► IDLE, or WAITING without a connection
 *                          ▲                     │                      │
 *                          └─────── WAITING ◄────┴─ any trouble         └──► ASKED
 *
 * Deadlines are absolute: a byte now and then moves none of them.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <sys/time.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/stats.h"
#include "daemon/sources/http_pull/inside.h"

enum {
	MILLION = 1000000,
	STEADY_S =
	    5, /* a connection that lasts so long was a good one: the next wait is short again */
	TICK_US = 250 * 1000,

	/*
	 * What the kernel may hold of what was not read yet (it doubles it). Enough for any camera; a generator that
	 * floods is held up soon, and what it sends next is young.
	 */
	RECEIVE_BYTES = 256 * 1024,
};

static const char *const state_names[HTTP_PULL_STATES] = {
    "asleep", "waiting", "dialing", "asked", "reading", "idle"};

static void set_state(struct http_pull *s, enum http_pull_state state, int64_t timer_us)
{
	const struct timeval wait = {timer_us / MILLION, timer_us % MILLION};

	if (state != s->state)
		fr_log(FR_LOG_DEBUG, "http-pull", "state", "stream=%s from=%s to=%s", s->stream,
		    state_names[s->state], state_names[state]);
	s->state = state;
	(void)event_del(&s->timer);
	if (timer_us >= 0)
		(void)event_add(&s->timer, &wait);
}

/* Closes whatever is open. */
static void let_go(struct http_pull *s)
{
	fr_dial_cancel(s->dial);
	s->dial = NULL;
	fr_conn_close(s->conn);
	s->conn = NULL;
	(void)event_del(&s->flood);
	s->inside_us = 0;
}

/* 0 in the limits is no limit. */
static int64_t first_byte_us(const struct http_pull *s)
{
	const int64_t ms = s->env.limits->first_byte_timeout_ms;

	return ms != 0 ? ms * 1000 : -1;
}

/* --- Trouble ---------------------------------------------------------------------------------- */

static void fail(struct http_pull *s, int64_t least_us, const char *reason)
{
	const int64_t now_us = fr_clock_now_us();
	char where[FR_HTTP_URL_TEXT_MAX];
	struct fr_log_text text, address;
	int64_t wait_us;

	if (s->connected_us != 0 && now_us - s->connected_us >= STEADY_S * (int64_t)MILLION)
		fr_retry_reset(&s->retry);
	let_go(s);
	fr_on_demand_set_up(s->od, false);
	if (fr_log_again(&s->away, reason, now_us))
		fr_log(FR_LOG_WARNING, "http-pull", "no pictures, trying again",
		    "url=%s stream=%s reason=%s",
		    fr_log_quote(&address, fr_http_url_print(&s->url, where)), s->stream,
		    fr_log_quote(&text, reason));
	fr_stat_add(FR_STAT_reconnects, 1);
	s->connected_us = 0;
	s->has_picture = false;
	wait_us = fr_retry_next_us(&s->retry, (uint32_t)random());
	set_state(s, HTTP_PULL_WAITING, wait_us > least_us ? wait_us : least_us);
}

void fr_http_pull_fail(struct http_pull *s, const char *fmt, ...)
{
	struct fr_cause why;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why.text, sizeof(why.text), fmt, ap);
	va_end(ap);
	fail(s, 0, why.text);
}

void fr_http_pull_fail_for(struct http_pull *s, int64_t least_us, const char *fmt, ...)
{
	struct fr_cause why;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why.text, sizeof(why.text), fmt, ap);
	va_end(ap);
	fail(s, least_us, why.text);
}

/* --- Asking ----------------------------------------------------------------------------------- */

static void on_gone(void *arg, const char *reason)
{
	fr_http_pull_fail(arg, "%s", reason);
}

static void on_drained(void *arg)
{
	(void)arg; /* the request was put down in one piece */
}

static const struct fr_conn_ops conn_ops = {
    .on_readable = fr_http_pull_on_readable,
    .on_drained = on_drained,
    .on_gone = on_gone,
};

static void ask(struct http_pull *s, bool is_reused)
{
	struct fr_text text = {0};
	enum fr_send sent = FR_SEND_DONE;
	const bool ok = fr_http_pull_request(s, &text);

	s->is_reused = is_reused;
	s->has_answer = false;
	s->asked_us = fr_clock_now_us();
	if (ok)
		sent = fr_conn_put(s->conn, text.text, text.length);
	fr_text_done(&text);
	if (!ok)
		fr_http_pull_fail(s, "this machine's OpenSSL does not know the login's hash");
	else if (sent == FR_SEND_GONE)
		fr_http_pull_fail(s, "%s", fr_conn_gone_reason(s->conn));
	else
		set_state(s, HTTP_PULL_ASKED, first_byte_us(s));
}

static void on_dialed(void *arg, int fd, const struct fr_addr *peer, const char *reason)
{
	struct http_pull *s = arg;
	const struct fr_limits *limits = s->env.limits;
	const struct fr_wire_limits wire_limits = {
	    .max_frame_bytes = (size_t)limits->max_frame_bytes,
	    .max_message_bytes = (size_t)limits->max_message_bytes,
	};
	const struct fr_conn_options options = {
	    .keepalive_idle_ms = limits->keepalive_idle_ms,
	    .keepalive_interval_ms = limits->keepalive_interval_ms,
	    .user_timeout_ms = limits->tcp_user_timeout_ms,
	};
	const int bytes = RECEIVE_BYTES;

	s->dial = NULL;
	if (fd < 0) {
		fr_http_pull_fail(s, "%s", reason);
		return;
	}
	/* Where it is refused, the kernel's own size has to do. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	(void)fr_addr_print(peer, s->peer);
	s->connected_us = fr_clock_now_us();
	s->conn = fr_conn_new(s->env.loop, fd, peer, &options, &conn_ops, s);
	fr_http_pictures_free(s->pictures);
	s->pictures = fr_http_pictures_new(fr_relay_pool(s->env.relay), &wire_limits);
	ask(s, false);
}

void fr_http_pull_again(struct http_pull *s)
{
	let_go(s);
	set_state(s, HTTP_PULL_DIALING, first_byte_us(s));
	s->dial = fr_dial_start(s->env.loop, s->url.host, s->url.port, on_dialed, s);
}

void fr_http_pull_begin(struct http_pull *s)
{
	s->url = s->home;
	s->redirects = 0;
	s->logins = 0;
	fr_http_pull_again(s);
}

void fr_http_pull_stop(struct http_pull *s)
{
	let_go(s);
	set_state(s, HTTP_PULL_ASLEEP, -1);
	s->was_up = false;
	s->has_picture = false;
	s->connected_us = 0;
	fr_retry_reset(&s->retry);
	(void)fr_log_again_end(&s->away);
	fr_on_demand_set_up(s->od, true);
}

/* --- Reading ---------------------------------------------------------------------------------- */

void fr_http_pull_up(struct http_pull *s)
{
	char where[FR_HTTP_URL_TEXT_MAX];
	struct fr_log_text address;

	fr_on_demand_set_up(s->od, true);
	if (fr_log_again_end(&s->away) || !s->was_up)
		fr_log(FR_LOG_INFO, "http-pull", "connected",
		    "url=%s peer=%s stream=%s login=\"%s\"",
		    fr_log_quote(&address, fr_http_url_print(&s->url, where)), s->peer, s->stream,
		    fr_http_scheme_name(s->is_logged_in ? s->challenge.scheme : FR_HTTP_AUTH_NONE));
	s->was_up = true;
	s->redirects = 0;
	s->logins = 0;
	s->login_works = s->login_works || s->is_logged_in;
	s->heard_us = 0;
	s->head_us = fr_clock_now_us();
	set_state(s, HTTP_PULL_READING, TICK_US);
}

void fr_http_pull_next(struct http_pull *s)
{
	const int64_t now_us = fr_clock_now_us();
	const int64_t left_us = s->asked_us + s->poll_us - now_us;
	const int64_t wait_us = left_us > 0 ? left_us : 0;

	fr_retry_reset(&s->retry);
	if (s->state == HTTP_PULL_READING &&
	    fr_http_response_keeps_alive(fr_http_pictures_head(s->pictures))) {
		fr_http_pictures_reset(s->pictures);
		set_state(s, HTTP_PULL_IDLE, wait_us);
		return;
	}
	let_go(s);
	set_state(s, HTTP_PULL_WAITING, wait_us);
}

/* Looks at the deadlines of what is being read. */
static void on_tick(struct http_pull *s)
{
	const struct fr_limits *limits = s->env.limits;
	const int64_t now_us = fr_clock_now_us();
	const int64_t inside_ms = s->inside_us != 0 ? (now_us - s->inside_us) / 1000 : 0;
	const int64_t come = (int64_t)fr_http_pictures_inside_bytes(s->pictures);
	const int64_t first_us = first_byte_us(s);
	const int64_t silent_us = now_us - (s->heard_us != 0 ? s->heard_us : s->head_us);

	if (limits->frame_timeout_ms != 0 && inside_ms > limits->frame_timeout_ms)
		fr_http_pull_fail(s, "a picture is not whole after frame_timeout_ms");
	else if (limits->frame_min_rate_after_ms != 0 &&
	         inside_ms > limits->frame_min_rate_after_ms && inside_ms > 0 &&
	         come * 1000 / inside_ms < limits->frame_min_rate_bytes)
		fr_http_pull_fail(s, "a picture comes in slower than frame_min_rate_bytes");
	else if (s->heard_us == 0 && s->inside_us == 0 && first_us >= 0 && silent_us > first_us)
		fr_http_pull_fail(s, "no picture begins within first_byte_timeout_ms");
	else if (s->silence_us != 0 && silent_us > s->silence_us)
		fr_http_pull_fail(s, "no whole picture within silence_timeout_ms");
	else
		set_state(s, HTTP_PULL_READING, TICK_US);
}

void fr_http_pull_on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct http_pull *s = arg;

	(void)fd;
	(void)what;
	switch (s->state) {
	case HTTP_PULL_WAITING:
		if (s->is_single && s->has_picture)
			fr_http_pull_again(s); /* the next picture, where the last one was */
		else
			fr_http_pull_begin(s);
		break;
	case HTTP_PULL_DIALING:
		fr_http_pull_fail(s, "no connection within first_byte_timeout_ms");
		break;
	case HTTP_PULL_ASKED:
		fr_http_pull_fail(s, "no answer within first_byte_timeout_ms");
		break;
	case HTTP_PULL_READING:
		on_tick(s);
		break;
	case HTTP_PULL_IDLE:
		ask(s, true);
		break;
	case HTTP_PULL_ASLEEP: /* it has no timer */
	case HTTP_PULL_STATES:
		break;
	}
}

void fr_http_pull_on_flood(evutil_socket_t fd, short what, void *arg)
{
	struct http_pull *s = arg;

	(void)fd;
	(void)what;
	if (s->conn != NULL)
		fr_conn_pause(s->conn, false);
}
