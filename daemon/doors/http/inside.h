/* SPDX-License-Identifier: MIT */
/* What the files of the http door share with each other. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sys/queue.h>

#include "common/base/text.h"
#include "common/media/http_chunked.h"
#include "common/media/http_head.h"
#include "common/media/wire.h"
#include "common/net/admission.h"
#include "common/net/conn.h"
#include "daemon/doors/door.h"
#include "daemon/doors/logins.h"
#include "daemon/doors/proxies.h"
#include "daemon/relay/ingest.h"
#include "daemon/relay/observer.h"
#include "daemon/relay/subscriber.h"

struct json_t; /* of jansson */
struct fr_listener;
struct fr_timer;

enum {
	HTTP_BOUNDARY_MAX = 70,
	HTTP_AGAIN_MS = 5000, /* between repeats after the first one */
	HTTP_KEY_MAX = 64,
};

/* Any page may show pictures. */
#define HTTP_PAGE_POLICY "Cross-Origin-Resource-Policy: cross-origin\r\n"

/* What stands before and behind the picture that went out last: viewers of a stream get it one after the other. */
struct http_part {
	size_t
	    picture_bytes; /* of that picture; so are the next two. They say all that the texts do */
	int64_t captured_us;
	uint64_t sequence;
	size_t head_size, tail_size; /* 0: there was none yet */
	char head[256], tail[HTTP_BOUNDARY_MAX + 8];
};

struct http_door {
	struct fr_door door;
	struct fr_door_env env;
	struct fr_listener *listener;
	struct fr_timer *tick;
	const struct fr_options *options;
	char machine[256]; /* this machine's name, lower case */
	char boundary[HTTP_BOUNDARY_MAX + 1];
	struct http_part part;
	int64_t repeat_ms, events_keep_alive_ms;
	enum fr_takeover takeover;
	enum fr_verify verify;
	const struct fr_tls *tls; /* NULL: plain */
	struct fr_proxies proxies;
	struct fr_worker *worker; /* makes placeholders; NULL: there are none */
	LIST_HEAD(, http_placeholder) placeholders;
	struct fr_frame *metrics; /* the text that scrapers get for a while; NULL: none yet */
	int64_t metrics_us;       /* when it was made */
	bool is_draining;
	TAILQ_HEAD(http_peer_list, http_peer) peers;
};

/* How somebody wants the parts of MJPEG, in uStreamer's words. A plain value. */
struct http_parts {
	bool extra_headers; /* X-UStreamer-… in each */
	bool
	    advance_headers; /* each one's head right behind the one before it, without its length */
	bool zero_data;      /* heads without pictures */
	char key[HTTP_KEY_MAX + 1]; /* by which the viewer finds itself in /state; "" none */
};

/*
 * One connection. The drawing is in docs/doors/http.md.
 *
 *   HEAD ──► LOGIN ──► as from HEAD
 *   HEAD ──► BODY ──────► SENDING ──► HEAD
 *     ├────► ASKING ──► PUBLISHING ──► VERIFYING ──► SENDING
 *     ├────► WAITING ───► SENDING
 *     └────► STREAMING, SOCKET
 */
enum http_state {
	HTTP_HEAD, /* guarded by http_header_timeout_ms, between requests by keep_alive_timeout_ms */
	HTTP_LOGIN, /* a password is being looked at; the worker always answers */
	HTTP_BODY,  /* a small body is gathered; guarded by http_body_timeout_ms */
	HTTP_ASKING, /* waits for the incumbent publisher; guarded by takeover_ping_ms (the relay's) */
	HTTP_PUBLISHING, /* guarded by first_byte_timeout_ms, frame_timeout_ms, frame_min_rate_bytes, publisher_timeout_ms, keepalive */
	HTTP_VERIFYING,  /* the body is over; its last picture is guarded by verify_timeout_ms */
	HTTP_WAITING,    /* for a snapshot's picture; guarded by snapshot_timeout_ms */
	HTTP_SENDING,    /* an answer is under way; guarded by subscriber_stall_ms */
	HTTP_STREAMING,  /* MJPEG or events; guarded by subscriber_stall_ms, keepalive */
	HTTP_SOCKET, /* WebSocket; guarded by subscriber_stall_ms, ping_interval_ms, http_body_timeout_ms, keepalive */
	HTTP_CLOSED, /* out of the list; freed by the loop after this turn */
};

struct http_peer {
	TAILQ_ENTRY(http_peer) entry;
	struct http_door *door;
	struct fr_conn *conn;
	struct fr_ticket ticket;
	uint64_t id; /* never repeats; for the log */
	int64_t since_us;
	int64_t deadline_us; /* of this state, CLOCK_MONOTONIC; 0: another guard */
	int64_t heard_us;    /* last byte from the peer */

	/* The request */
	struct fr_http_head *head; /* NULL: what it said is not needed any more */
	uint8_t *leftover;         /* bytes behind the request, while it is being answered */
	size_t leftover_size;

	/* Its body */
	uint64_t body_left;
	struct fr_http_chunked chunked;
	struct fr_text body; /* BODY */

	/* Publishing */
	struct fr_wire *wire;
	size_t head_bytes; /* of the request: they came before there was an ingest to count them */
	struct fr_ingest *ingest;
	int64_t inside_us; /* since when a head or a picture is incomplete; 0: none is */

	/* Watching */
	struct fr_subscriber *sub;
	struct fr_observer *observer; /* of /events */
	struct fr_frame *last; /* of an MJPEG stream: what was sent last, and is sent again */
	bool is_greyed;        /* it was a placeholder */
	int64_t again_us;      /* when; of events: when a comment is due */
	struct http_placeholder *placeholder; /* of its stream; NULL: it wants none */
	struct http_parts parts;
	int64_t rate_second;       /* for `rate`: the second that is being counted */
	unsigned rate_parts, rate; /* parts in it, and in the one before */
	uint64_t after;            /* WAITING: only a picture with a higher number */
	struct http_ws *ws;        /* SOCKET: its subscriptions are there, not in `sub` */

	struct fr_refusal last_refusal; /* of a picture that was dropped */
	struct fr_who who;
	struct fr_login_wait login; /* LOGIN */
	enum http_state state;
	unsigned requests;
	uint32_t unwanted_bytes; /* STREAMING: that came all the same */
	const char *allow;       /* with 405: the methods that the address takes; constant text */
	bool is_proxied;         /* by one that is not trusted */
	bool is_events;          /* STREAMING: Server-Sent Events */
	bool is_head;            /* HEAD: the answer has no body */
	bool closes;             /* after the answer */
	bool body_is_chunked, body_is_over;
	bool publish_is_over; /* a closing delimiter came; the rest is not looked at */
	bool in_flight;       /* a frame of `sub` is with the conn */
	char stream[FR_NAME_MAX + 1];
};

/* What a query says about a subscription. A plain value. */
struct http_query {
	struct fr_subscribe_spec spec; /* stream and who are not filled */
	struct http_parts parts;
	bool wait;
	bool has_after, has_max_age;
	uint64_t after;
	int64_t max_age_ms;
};

/* http.c */

/** Sets the timer for the next look at the connections' deadlines, unless it is set or there are none. */
void fr_http_look_later(struct http_door *d);

/* peer.c */

/** Begins a connection. @param conn  taken. @param ticket  its place, taken */
void fr_http_peer_begin(struct http_door *d, struct fr_conn *conn, const struct fr_ticket *ticket);
void fr_http_on_accept(void *arg, int fd, const struct fr_addr *addr);

/** Takes bytes as if they had just come. */
void fr_http_peer_take(struct http_peer *p, const uint8_t *bytes, size_t size);
void fr_http_peer_tick(struct http_peer *p, int64_t now_us);

/** The answer is with the kernel: the next request, or the end. */
void fr_http_peer_answered(struct http_peer *p);

/** Answers the request of somebody of whom is known who it is. */
void fr_http_peer_ask(struct http_peer *p);

/** Goes on with what was left over while an answer was under way. */
void fr_http_peer_resume(struct http_peer *p);

/** The state, and its absolute deadline in milliseconds from now (0: none). */
void fr_http_peer_enter(struct http_peer *p, enum http_state state, int64_t deadline_ms);

/* end.c */

/** Ends it without last words. */
void fr_http_peer_drop(struct http_peer *p, const char *words);

/** Ends it with these last words. */
void fr_http_peer_finish(struct http_peer *p, const void *last, size_t size, const char *words);

/** Ends what goes on, in the words of its kind (a stop, a subscription withdrawn). */
void fr_http_peer_send_away(struct http_peer *p, const struct fr_refusal *refusal);

/** One line in the log, at most one a second for each reason and address. */
void fr_http_peer_log_refusal(const struct http_peer *p, const struct fr_refusal *refusal);

/* answer.c */

/**
 * The first lines of an answer: status, what every answer says, and CORS where it is due; without the empty line.
 * It is the last one of a connection where nobody reads the request's body to its end.
 */
void fr_http_answer_head(struct http_peer *p, unsigned code, struct fr_text *to);

/** Answers with a body. @param more  further header lines, each with its end; "" none */
void fr_http_answer(struct http_peer *p, unsigned code, const char *type, const char *more,
    const void *body, size_t size);

/** Answers with a frame that others may be getting too. */
void fr_http_answer_frame(struct http_peer *p, const char *type, struct fr_frame *frame);

/** Answers `{"error":{…}}`, logs it and, unless the relay has done so, counts it. */
void fr_http_refuse(struct http_peer *p, const struct fr_refusal *refusal, bool is_counted);
__attribute__((format(printf, 4, 5))) void fr_http_fail(
    struct http_peer *p, unsigned code, enum fr_reason reason, const char *fmt, ...);

/**
 * Sends head and body in one piece; more than a conn holds travels as a frame, which the memory for pictures must have room
 * for. Larger ones need an idle conn.
 */
enum fr_send fr_http_send(
    struct http_peer *p, const void *head, size_t head_size, const void *body, size_t size);

/* routes.c */
void fr_http_route(struct http_peer *p);

/* browser.c */

/** @return whether the request's Host may be ours; else it was refused */
bool fr_http_host_is_good(struct http_peer *p);

/** @return whether pages of this origin may read our answers */
bool fr_http_origin_is_allowed(const struct http_peer *p, const char *origin);

/** @return whether the request comes from a page of ours, an allowed one, or none; else it was refused */
bool fr_http_origin_is_good(struct http_peer *p);

/**
 * Finds out who asks: the peer, or whom a trusted proxy names. The connection counts as his then.
 *
 * @return false: he has too many; refused
 */
bool fr_http_find_who(struct http_peer *p);

/* login.c */

/** Reads the login that the request shows into `who`. @return false: it was refused, or is not known yet: HTTP_LOGIN */
bool fr_http_login(struct http_peer *p);

/** @return header lines for 401: which logins there are */
const char *fr_http_challenge(const struct http_peer *p);

/* query.c */

/** @return what a query without a parameter says; `who` is not filled */
struct http_query fr_http_query_empty(void);

/**
 * Takes one parameter.
 *
 * @param value     NULL: it was too long, or badly encoded
 * @retval -ENOENT  there is none of this name
 * @retval -EINVAL  the value is not good; `why` names the key
 */
int fr_http_query_set(struct http_query *query, const struct fr_limits *limits, const char *key,
    const char *value, struct fr_cause *why);

/** @return false: refused */
bool fr_http_query_read(struct http_peer *p, struct http_query *ret);

/* watch.c */

/** Reads the query and looks the stream up. @return false: refused */
bool fr_http_watch_prepare(
    struct http_peer *p, struct http_query *query, struct fr_stream_info *info);

/** @return false: refused */
bool fr_http_watch_subscribe(
    struct http_peer *p, const struct http_query *query, const struct fr_subscriber_ops *ops);

/** For those `ops`: sent away. */
void fr_http_watch_closed(void *arg, const struct fr_refusal *refusal);

/** Writes the header lines of a picture's time and number. */
void fr_http_watch_times(const struct fr_frame *frame, char *to, size_t size);
/** The answer to a picture in flight is wholly handed over, with the picture or without. */
void fr_http_watch_delivered(struct http_peer *p);
void fr_http_watch_drained(struct http_peer *p);
void fr_http_snapshot(struct http_peer *p);

/* mjpeg.c */
void fr_http_mjpeg(struct http_peer *p);

/** The socket is idle: sends what waits, picture by picture, until one does not fit or none is left. */
void fr_http_mjpeg_continue(struct http_peer *p);
void fr_http_mjpeg_tick(struct http_peer *p, int64_t now_us);

/* placeholder.c */

/** @return the one of this stream, made when there is none; NULL: the door has none */
struct http_placeholder *fr_http_placeholder_join(struct http_door *d, const char *stream);
void fr_http_placeholder_leave(struct http_placeholder *ph); /* NULL is fine */

/** Looks at the streams that are watched; before the viewers have their ticks. */
void fr_http_placeholders_tick(struct http_door *d, int64_t now_us);

/** @return what is to be shown instead of a picture, borrowed; NULL: nothing */
struct fr_frame *fr_http_placeholder_frame(const struct http_placeholder *ph);

/** @return whether a picture shows nothing new (a frozen stream) or is not of now (it waited until the stream was stale): the placeholder stays */
bool fr_http_placeholder_hides(struct http_placeholder *ph, int64_t now_us);

/* ustreamer.c */

/**
 * Writes the header lines X-UStreamer-….
 *
 * @param rate  parts a second to this viewer, for a part of MJPEG; NULL: for a snapshot
 * @return bytes; 0: they do not fit
 */
size_t fr_http_ustreamer_headers(const struct fr_frame *frame, bool is_online, const unsigned *rate,
    int64_t now_us, char *to, size_t size);

/** @return what uStreamer answers to `/state`, of the stream that `p` asks for; with its reference */
struct json_t *fr_http_ustreamer_state(
    const struct http_peer *p, const struct fr_stream_info *info);

/* ws_open.c */

/** Makes it a WebSocket, or refuses. @param is_many  not of p->stream alone, but of those that are asked for on it */
void fr_http_ws(struct http_peer *p, bool is_many);

/* ws_peer.c */
void fr_http_ws_bytes(struct http_peer *p, const uint8_t *bytes, size_t size);
void fr_http_ws_drained(struct http_peer *p);
void fr_http_ws_tick(struct http_peer *p, int64_t now_us);
void fr_http_ws_send_away(struct http_peer *p, const struct fr_refusal *refusal);

/** One line in the log, then gives back what it has of the relay. */
void fr_http_ws_leave(struct http_peer *p, const char *words, int64_t now_us);
void fr_http_ws_free(struct http_ws *ws); /* NULL is fine */

/* publish.c */
void fr_http_publish(struct http_peer *p);
void fr_http_publish_bytes(struct http_peer *p, const uint8_t *bytes, size_t size, int64_t now_us);
void fr_http_publish_end(struct http_peer *p);

/** No byte of the body came in time, or no end of it behind the last picture. */
void fr_http_publish_deadline(struct http_peer *p);
void fr_http_publish_tick(struct http_peer *p, int64_t now_us);

/** Bytes were received straight into the picture. */
void fr_http_publish_filled(struct http_peer *p, size_t n, int64_t now_us);
void fr_http_message(struct http_peer *p);
void fr_http_message_end(struct http_peer *p);

/* observe.c */
void fr_http_health(struct http_peer *p);
void fr_http_streams(struct http_peer *p);
void fr_http_stream(struct http_peer *p);
/** @return whether who asks has the right; else it was refused. @param stream  NULL for OBSERVE and ADMIN */
bool fr_http_may(struct http_peer *p, enum fr_right right, const char *stream);

/** docs/protocol.md 2.2. @return new, or NULL without memory */
struct json_t *fr_http_stream_json(const struct fr_relay *relay, const struct fr_stream_info *info);
struct json_t *fr_http_streams_json(const struct fr_relay *relay);

/** Answers with it; NULL, for want of memory, with 503. @param json  taken */
void fr_http_answer_json(struct http_peer *p, struct json_t *json);

/** @return malloc()ed text on one line, or NULL */
char *fr_http_json_text(const struct json_t *json);

/* metrics.c */
void fr_http_metrics(struct http_peer *p);

/* status.c */
void fr_http_status(struct http_peer *p);
void fr_http_subscribers(struct http_peer *p);

/* events.c */
void fr_http_events(struct http_peer *p);
void fr_http_messages(struct http_peer *p);
void fr_http_events_drained(struct http_peer *p);
void fr_http_events_tick(struct http_peer *p, int64_t now_us);
/** uStreamer's `/state`. */
void fr_http_state(struct http_peer *p);

/* page.c */
void fr_http_page(struct http_peer *p);

/** Answers with a file of the page. @param name  what follows /page/ */
void fr_http_page_file(struct http_peer *p, const char *name);
