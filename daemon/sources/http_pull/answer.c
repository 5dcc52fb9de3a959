/* SPDX-License-Identifier: MIT */
/*
 * What comes: pictures, and answers that lead elsewhere or want a login.
 *
 * A generator that does not wait sends the same picture thousands of times a second. Such neighbours are left out, and
 * when many come, reading pauses: TCP then slows the sender, and what costs is bounded.
 */
#include <stdio.h>
#include <string.h>

#include <sys/time.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/stats.h"
#include "common/media/frame.h"
#include "common/media/http_response.h"
#include "daemon/sources/http_pull/inside.h"

enum {
	REDIRECTS_MAX = 5,
	LOGINS_MAX = 3,

	/* A readable turn's share, so that one origin cannot hold the others up. */
	TURN_BYTES = 256 * 1024,
	SMALL_READ = 16 * 1024,

	/* The same picture again: at most so many, or so many bytes, in each window. */
	WINDOW_US = 20 * 1000,
	SAME_MAX = 16,
	SAME_BYTES_MAX = 1024 * 1024,

	/* An X-Timestamp further from our clock is of another one (since boot, without NTP). */
	STAMP_PAST_S = 60,
	STAMP_FUTURE_S = 5,
};

/* After a login that was refused: cameras lock out who tries too often. */
static const int64_t login_wait_us = 60 * 1000 * 1000;

/* --- Pictures --------------------------------------------------------------------------------- */

static int64_t capture_time(int64_t stamp_us)
{
	const int64_t now_us = fr_clock_real_us();

	return stamp_us >= now_us - STAMP_PAST_S * (int64_t)1000000 &&
	               stamp_us <= now_us + STAMP_FUTURE_S * (int64_t)1000000
	           ? stamp_us
	           : 0;
}

/* @return whether the picture is the one before; then it has been counted as having come */
static bool is_same(struct http_pull *s, const void *bytes, size_t size, int64_t now_us)
{
	struct fr_ingest *ingest = fr_on_demand_ingest(s->od);

	if (!s->has_picture || ingest == NULL || !fr_ingest_same(ingest, bytes, size, now_us))
		return false;
	if (now_us - s->window_us >= WINDOW_US) {
		s->window_us = now_us;
		s->same = 0;
		s->same_bytes = 0;
	}
	s->same++;
	s->same_bytes += size;
	return true;
}

static void take_picture(struct http_pull *s, const struct fr_http_pictures_event *event)
{
	const int64_t now_us = fr_clock_now_us();
	struct fr_cause why;
	int r;

	s->heard_us = now_us;
	s->inside_us = 0;
	if (is_same(s, fr_frame_room(event->frame), event->size, now_us)) {
		fr_frame_unref(event->frame);
		return;
	}
	r = fr_on_demand_frame(
	    s->od, event->frame, event->size, 0, capture_time(event->stamp_us), &why);
	s->has_picture = r == 0;
	if (r == 0)
		return;
	/* Without these the next answer could be "still the same". */
	s->etag[0] = '\0';
	s->modified[0] = '\0';
	fr_log_limited(FR_LOG_WARNING, "http-pull", "picture refused", s->stream,
	    "stream=%s reason=\"%s\"", s->stream, why.text);
	if (r == -EPROTO)
		fr_http_pull_fail(s, "%s", why.text);
}

/* Many of the same have come: no more of them in this window. */
static bool is_flooded(const struct http_pull *s)
{
	return s->same >= SAME_MAX || s->same_bytes >= SAME_BYTES_MAX;
}

static void pause_flood(struct http_pull *s)
{
	const int64_t left_us = s->window_us + WINDOW_US - fr_clock_now_us();
	const struct timeval wait = {.tv_usec = left_us > 1000 ? left_us : 1000};

	s->same = 0;
	s->same_bytes = 0;
	fr_conn_pause(s->conn, true);
	(void)event_add(&s->flood, &wait);
}

/* --- Heads ------------------------------------------------------------------------------------ */

static void follow(struct http_pull *s, const char *location)
{
	struct fr_http_url url;
	struct fr_cause why;

	if (location == NULL) {
		fr_http_pull_fail(s, "redirected to nowhere: the answer has no Location");
		return;
	}
	if (++s->redirects > REDIRECTS_MAX) {
		fr_http_pull_fail(s, "redirected more than %d times", (int)REDIRECTS_MAX);
		return;
	}
	if (fr_http_url_follow(&s->url, location, &url, &why) < 0) {
		fr_http_pull_fail(s, "redirected to where it cannot follow: %s", why.text);
		return;
	}
	s->url = url;
	fr_http_pull_again(s);
}

static void log_in(struct http_pull *s, const struct fr_http_response *head)
{
	const bool was_refused = s->is_logged_in && !s->login_works;
	struct fr_http_challenge challenge = {.scheme = FR_HTTP_AUTH_NONE};
	const char *value;

	for (unsigned i = 0; (value = fr_http_response_field(head, "www-authenticate", i)) != NULL;
	     i++)
		fr_http_challenge_read(value, &challenge);
	if (!s->home.has_user) {
		fr_http_pull_fail_for(
		    s, login_wait_us, "the origin wants a login: set user and password_file");
	} else if (!fr_http_url_same_host(&s->home, &s->url)) {
		fr_http_pull_fail_for(s, login_wait_us,
		    "redirected to another host, which wants a login; it does not get this one");
	} else if (challenge.scheme == FR_HTTP_AUTH_NONE) {
		fr_http_pull_fail_for(s, login_wait_us,
		    "the origin wants a login that is neither Basic nor Digest with MD5 or "
		    "SHA-256");
	} else if ((was_refused && !challenge.is_stale) || ++s->logins > LOGINS_MAX) {
		s->challenge.scheme = FR_HTTP_AUTH_NONE;
		fr_http_pull_fail_for(
		    s, login_wait_us, "the origin refuses the login: wrong user or password");
	} else {
		s->challenge = challenge;
		s->login_works = false;
		s->nonce_count = 0;
		fr_http_pull_again(s);
	}
}

static void keep_validator(char *to, const struct fr_http_response *head, const char *name)
{
	const char *value = fr_http_response_field(head, name, 0);

	/* One that is too long is none: the picture comes whole each time. */
	if (value != NULL && strlen(value) <= HTTP_PULL_VALIDATOR_MAX)
		memcpy(to, value, strlen(value) + 1);
	else
		to[0] = '\0';
}

static void take_head(struct http_pull *s)
{
	const struct fr_http_response *head = fr_http_pictures_head(s->pictures);
	const unsigned code = fr_http_response_code(head);
	struct fr_ingest *ingest = fr_on_demand_ingest(s->od);

	if (code == 200) {
		keep_validator(s->etag, head, "etag");
		keep_validator(s->modified, head, "last-modified");
		fr_http_pull_up(s);
	} else if (code == 304 && s->is_conditional) {
		if (ingest != NULL)
			fr_ingest_still_same(ingest, fr_clock_now_us());
		fr_http_pull_up(s);
	} else if (code == 401) {
		log_in(s, head);
	} else if (code == 301 || code == 302 || code == 303 || code == 307 || code == 308) {
		follow(s, fr_http_response_field(head, "location", 0));
	} else {
		fr_http_pull_fail(
		    s, "the origin answers %u %.60s", code, fr_http_response_reason(head));
	}
}

/* --- Reading ---------------------------------------------------------------------------------- */

static void take_end(struct http_pull *s, bool is_closed)
{
	if (fr_http_pictures_was_single(s->pictures) ||
	    (s->is_conditional &&
	        fr_http_response_code(fr_http_pictures_head(s->pictures)) == 304)) {
		s->is_single = true;
		fr_http_pull_next(s);
	} else {
		fr_http_pull_fail(
		    s, is_closed ? "closed by the origin" : "the origin has ended it");
	}
}

static void take_event(
    struct http_pull *s, const struct fr_http_pictures_event *event, bool is_closed)
{
	switch (event->type) {
	case FR_HTTP_PICTURES_HEAD:
		take_head(s);
		break;
	case FR_HTTP_PICTURES_FRAME:
		take_picture(s, event);
		break;
	case FR_HTTP_PICTURES_SKIPPED:
		s->inside_us = 0;
		s->heard_us = fr_clock_now_us();
		s->has_picture = false;
		fr_on_demand_reject(s->od, FR_REASON_memory_budget, event->size);
		break;
	case FR_HTTP_PICTURES_END:
		if (fr_http_pictures_inside_bytes(s->pictures) > 0)
			fr_on_demand_reject(s->od, FR_REASON_truncated_frame, 0);
		take_end(s, is_closed);
		break;
	case FR_HTTP_PICTURES_BAD:
		fr_on_demand_reject(s->od, event->reason, 0);
		fr_http_pull_fail(s, "%s", event->why.text);
		break;
	case FR_HTTP_PICTURES_BEGIN:
	case FR_HTTP_PICTURES_MORE:
		break;
	}
}

/* Reads what has come to its end; the connection may be gone afterwards, or kept for the next request. */
static void take_bytes(struct http_pull *s, const uint8_t *bytes, size_t size)
{
	const struct fr_conn *conn = s->conn;
	struct fr_http_pictures_event event;
	size_t at = 0;

	do {
		at += fr_http_pictures_read(s->pictures, bytes + at, size - at, &event);
		take_event(s, &event, false);
	} while (
	    s->conn == conn && s->state != HTTP_PULL_IDLE && event.type != FR_HTTP_PICTURES_MORE);
	if (s->conn != conn || s->state == HTTP_PULL_IDLE)
		return;
	if (fr_http_pictures_inside_bytes(s->pictures) == 0)
		s->inside_us = 0;
	else if (s->inside_us == 0)
		s->inside_us = fr_clock_now_us();
}

static ssize_t read_once(struct http_pull *s)
{
	struct iovec iov[2];
	uint8_t *room, *scratch;
	size_t scratch_size, behind;
	int count = 0;
	ssize_t n;

	iov[0].iov_len = fr_http_pictures_room(s->pictures, &room);
	if (iov[0].iov_len > 0)
		iov[count++].iov_base = room;
	scratch = fr_loop_scratch(s->env.loop, &scratch_size);
	iov[count].iov_base = scratch;
	iov[count++].iov_len = scratch_size < SMALL_READ ? scratch_size : SMALL_READ;
	n = fr_conn_read(s->conn, iov, count);
	if (n <= 0)
		return n;
	behind = (size_t)n;
	if (count == 2) {
		behind = (size_t)n > iov[0].iov_len ? (size_t)n - iov[0].iov_len : 0;
		fr_http_pictures_filled(s->pictures, (size_t)n - behind);
	}
	s->has_answer = true;
	take_bytes(s, scratch, behind);
	return n;
}

/* The origin has closed. */
static void take_close(struct http_pull *s, ssize_t n)
{
	struct fr_http_pictures_event event;
	struct fr_conn *conn = s->conn;

	if (s->is_reused && !s->has_answer) {
		fr_http_pull_again(s); /* it did not want to keep the connection, and may */
	} else if (n < 0) {
		fr_http_pull_fail(s, "%s", fr_conn_read_error(conn, n));
	} else {
		do {
			fr_http_pictures_finish(s->pictures, &event);
			take_event(s, &event, true);
		} while (s->conn == conn && event.type < FR_HTTP_PICTURES_END);
	}
}

void fr_http_pull_on_readable(void *arg)
{
	struct http_pull *s = arg;
	const struct fr_conn *conn = s->conn;
	size_t bytes = 0;
	ssize_t n;

	if (s->state == HTTP_PULL_IDLE) {
		fr_http_pull_next(s); /* closed, or out of turn: the next request has a new one */
		return;
	}
	while (bytes < TURN_BYTES) {
		n = read_once(s);
		if (n == -EAGAIN || s->conn != conn)
			return;
		if (n <= 0) {
			take_close(s, n);
			return;
		}
		if (s->state == HTTP_PULL_IDLE)
			return;
		if (is_flooded(s)) {
			pause_flood(s);
			return;
		}
		bytes += (size_t)n;
	}
}
