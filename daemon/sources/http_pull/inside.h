/* SPDX-License-Identifier: MIT */
/*
 * What the files of this source share; nobody else includes this.
 *
 *   http_pull.c  the options, the place in the relay
 *   fetch.c      the states: dialing, asking, reading, waiting; what guards each of them
 *   request.c    what is asked
 *   answer.c     what comes: pictures, logins, redirects, refusals
 */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/base/addr.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/media/http_auth.h"
#include "common/media/http_pictures.h"
#include "common/media/http_response.h"
#include "common/media/http_url.h"
#include "common/net/conn.h"
#include "common/net/dial.h"
#include "common/net/loop.h"
#include "common/net/retry.h"
#include "daemon/relay/ingest.h"
#include "daemon/sources/on_demand.h"
#include "daemon/sources/sources.h"

enum {
	HTTP_PULL_VALIDATOR_MAX = 255, /* bytes of an ETag, a Last-Modified */
};

enum http_pull_state {
	HTTP_PULL_ASLEEP, /* nobody watches; on_start() ends it */
	HTTP_PULL_WAITING, /* without a connection, for the next try or the next picture; the timer ends it */
	HTTP_PULL_DIALING, /* fr_dial ends it, or first_byte_timeout_ms */
	HTTP_PULL_ASKED, /* the request is out; the answer's head ends it, or first_byte_timeout_ms */
	HTTP_PULL_READING, /* the body comes; its end ends it, or one of the deadlines of the tick */
	HTTP_PULL_IDLE, /* the connection is kept for the next picture; the timer ends it, or the origin */
	HTTP_PULL_STATES
};

struct http_pull {
	struct fr_source source;
	struct fr_source_env env;
	char stream[FR_NAME_MAX + 1];
	struct fr_on_demand *od;

	struct fr_http_url home; /* as configured, with the login */
	struct fr_http_url url;  /* where redirects have led */
	int64_t poll_us, silence_us;

	enum http_pull_state state;
	struct event timer; /* of the state */
	struct event flood; /* reading is paused until then */
	struct fr_retry retry;
	struct fr_log_again away;
	struct fr_dial *dial;
	struct fr_conn *conn;
	struct fr_http_pictures *pictures;
	char peer[FR_ADDR_TEXT_MAX];

	/* The request under way. */
	bool is_reused;  /* on a connection that served another one before */
	bool has_answer; /* a byte of the answer has come */
	bool is_logged_in, is_conditional;
	int64_t asked_us, connected_us;

	/* What was learned. */
	bool is_single;             /* one picture an answer: it is asked again and again */
	bool was_up;                /* its connection was told since it was started */
	bool has_picture;           /* the stream's newest is this connection's */
	unsigned redirects, logins; /* of this try */
	struct fr_http_challenge challenge;
	bool login_works; /* an answer to this challenge was taken */
	uint32_t nonce_count;
	char etag[HTTP_PULL_VALIDATOR_MAX + 1], modified[HTTP_PULL_VALIDATOR_MAX + 1];

	/* The picture under way, and the last whole one. */
	int64_t inside_us; /* its first byte; 0: none */
	int64_t heard_us;  /* the last whole one; 0: none since the head */
	int64_t head_us;

	/* Pictures that are the same as the one before, in the present window. */
	int64_t window_us;
	unsigned same;
	size_t same_bytes;
};

/* --- fetch.c --- */

/** Begins anew at the address that is configured. */
void fr_http_pull_begin(struct http_pull *s);

/** Asks s->url on a new connection, at once: a redirect, a login. */
void fr_http_pull_again(struct http_pull *s);

/** Nobody watches. */
void fr_http_pull_stop(struct http_pull *s);

/** It went wrong: closes, tells, and tries again after a while. */
__attribute__((format(printf, 2, 3))) void fr_http_pull_fail(
    struct http_pull *s, const char *fmt, ...);

/** The same, after at least so long. */
__attribute__((format(printf, 3, 4))) void fr_http_pull_fail_for(
    struct http_pull *s, int64_t least_us, const char *fmt, ...);

/** The answer of one picture is whole: the next one, when it is time. */
void fr_http_pull_next(struct http_pull *s);

/** The head of an answer with pictures has come. */
void fr_http_pull_up(struct http_pull *s);

/** Event callbacks. @param arg  the source */
void fr_http_pull_on_timer(evutil_socket_t fd, short what, void *arg);
void fr_http_pull_on_flood(evutil_socket_t fd, short what, void *arg);

/* --- request.c --- */

/** Writes the request. @return false: the login cannot be answered by this machine's library */
bool fr_http_pull_request(struct http_pull *s, struct fr_text *to);

/* --- answer.c --- */

/** fr_conn_ops.on_readable. @param arg  the source */
void fr_http_pull_on_readable(void *arg);
