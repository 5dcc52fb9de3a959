/* SPDX-License-Identifier: MIT */
/* What the files of the grpc door share with each other. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sys/queue.h>

#include <nghttp2/nghttp2.h>

#include "common/base/text.h"
#include "common/media/grpc_wire.h"
#include "common/net/admission.h"
#include "common/net/conn.h"
#include "daemon/doors/door.h"
#include "daemon/doors/proxies.h"
#include "daemon/relay/ingest.h"
#include "daemon/relay/subscriber.h"

struct fr_frame;
struct fr_listener;
struct fr_timer;
struct ProtobufCMessage;

enum {
	GRPC_HOLD_MS = 1000, /* getStream: a reply waits so long for a newer picture */
	GRPC_WAIT_MS = 5000, /* getStream: and so long for a stream */
	GRPC_PATH_MAX = 128,
	GRPC_HEAD_MAX = 128, /* what stands before a picture: the length, the small fields */
	GRPC_TEXTS = 4,      /* base64 that is kept for who asks next */
};

/* A picture's base64 (get_stream.c). */
struct grpc_text {
	struct fr_frame *of, *made; /* NULL: none */
};

struct grpc_door {
	struct fr_door door;
	struct fr_door_env env;
	struct fr_listener *listener;
	struct fr_timer *tick;
	int64_t look_us; /* when the next tick is due */
	struct fr_proxies proxies;
	enum fr_takeover takeover;
	enum fr_verify verify;
	const struct fr_tls *tls; /* NULL: plain */
	int64_t max_reply_bytes;  /* 0: no limit */
	struct grpc_text texts[GRPC_TEXTS];
	unsigned text_count; /* that were ever made */
	unsigned view_count;
	bool is_draining;
	TAILQ_HEAD(grpc_peer_list, grpc_peer) peers;
};

/* What there may be only so much of; each is paid for. */
enum grpc_toll {
	GRPC_TOLL_RESET,
	GRPC_TOLL_PING,
	GRPC_TOLL_SETTINGS,
	GRPC_TOLL_EMPTY, /* frames that bring nothing */
	GRPC_TOLL_COUNT
};

/* One connection: an HTTP/2 session and its calls. */
struct grpc_peer {
	TAILQ_ENTRY(grpc_peer) entry;
	struct grpc_door *door;
	struct fr_conn *conn; /* NULL: it has ended; freed by the loop after this turn */
	nghttp2_session *session;
	struct fr_ticket ticket;
	struct fr_who who; /* of the call that is being begun */
	uint64_t id;       /* never repeats; for the log */
	int64_t since_us;
	int64_t heard_us;   /* last byte from the peer */
	int64_t idle_us;    /* since when there is no call; 0: there is one */
	int64_t starved_us; /* since when data waits and the window lets none go; 0: not so */
	int64_t pinged_us;  /* a ping of ours is out; 0: none is */
	int64_t tolls_us[GRPC_TOLL_COUNT];
	unsigned window_credit; /* small WINDOW_UPDATEs that answer what was sent */
	unsigned continuations; /* of the headers that come in now */
	uint64_t calls_begun;
	unsigned call_count;
	LIST_HEAD(, grpc_call) calls;
	LIST_HEAD(, grpc_view) views;
	bool is_busy;  /* inside the session or a pump: no other begins */
	bool is_over;  /* it only sends what it has to, then ends */
	bool is_flood; /* why */
	bool has_begun;
};

/* What getStream shows of one stream on one connection (get_stream.c). */
struct grpc_view;

/* What a path leads to. All but `path` and `message` may be NULL. */
struct grpc_method {
	const char *path;
	/* How long a request may be, bytes. */
	int64_t (*most)(const struct fr_limits *limits);
	bool is_unary;    /* one request; a second one is an error */
	bool opens_small; /* until the call publishes, its messages are short */
	void (*begin)(struct grpc_call *c);
	/* A whole message. */
	void (*message)(struct grpc_call *c, const uint8_t *bytes, size_t size, int64_t now_us);
	/* The first byte of one. */
	void (*inside)(struct grpc_call *c);
	/* The client has ended its side. */
	void (*half_closed)(struct grpc_call *c, int64_t now_us);
	/* Nothing is under way and the window is open: the next reply may be given. */
	void (*go_on)(struct grpc_call *c, int64_t now_us);
	/* The reply is with the kernel. */
	void (*sent)(struct grpc_call *c);
	void (*tick)(struct grpc_call *c, int64_t now_us);
	void (*leave)(struct grpc_call *c, int64_t now_us);
};

struct grpc_call {
	LIST_ENTRY(grpc_call) entry;
	struct grpc_peer *peer;
	const struct grpc_method *method; /* NULL: it has not begun, or was refused at once */
	struct fr_who who;
	int64_t since_us, deadline_us; /* 0: none */
	int32_t id;                    /* of its HTTP/2 stream */

	/* In */
	unsigned messages;
	struct fr_grpc_reader reader;
	struct fr_frame *in; /* the message that comes; NULL: none */
	size_t in_size, in_wanted;
	int64_t inside_us;   /* since when a message is incomplete; 0: none is */
	struct fr_text held; /* bytes that wait for a decision */
	size_t unconsumed;   /* bytes that the window was not given back for */

	/* Out: one message at a time */
	struct fr_frame *out;     /* may be NULL: then it is the head alone */
	size_t head_size, out_at; /* out_at: bytes that have gone */
	int64_t moved_us;         /* when a byte of it went, or it was given */
	enum fr_grpc_status status;

	/* What it does */
	unsigned owed; /* replies */
	struct fr_subscriber *sub;
	struct fr_ingest *ingest;
	struct grpc_view *view;
	int64_t asked_us;

	/* Its headers */
	size_t header_bytes;
	char *authorization; /* NULL: none came, or it has been looked at */
	char *forwarded_for; /* the last of them; NULL: none came */
	int health;          /* what Watch has said last */
	bool is_post, is_grpc, is_forwarded, is_encoded;

	bool is_held, half_closed;  /* in */
	bool has_out, out_is_whole; /* out */
	bool is_ending, has_ended;
	bool in_flight;
	bool is_asking; /* the incumbent */
	bool carries;   /* the view's picture is in its reply for the first time */
	uint8_t head[GRPC_HEAD_MAX];
	char words[FR_GRPC_TEXT_MAX];
	char stream[FR_NAME_MAX + 1];
	char path[GRPC_PATH_MAX];
	char timeout[16];
};

/* grpc.c */

/** The door looks at its calls no later than then. */
void fr_grpc_look(struct grpc_door *d, int64_t due_us);

/* peer.c */
void fr_grpc_on_accept(void *arg, int fd, const struct fr_addr *addr);
struct grpc_peer *fr_grpc_peer_begin(
    struct grpc_door *d, struct fr_conn *conn, const struct fr_ticket *ticket);
void fr_grpc_peer_take(struct grpc_peer *p, const uint8_t *bytes, size_t size);

/** Sends what can be sent. It may end the connection. */
void fr_grpc_peer_pump(struct grpc_peer *p);

/** Ends it now. */
void fr_grpc_peer_drop(struct grpc_peer *p, const char *words);

/** Tells every call, lets what is under way out, then ends. */
void fr_grpc_peer_drain(struct grpc_peer *p, const char *why);

/** @return when to look again, 0: no need */
int64_t fr_grpc_peer_tick(struct grpc_peer *p, int64_t now_us);

/* session.c */
nghttp2_session *fr_grpc_session_new(struct grpc_peer *p);

/* call.c */
struct grpc_call;
struct grpc_call *fr_grpc_call_new(struct grpc_peer *p, int32_t id);
void fr_grpc_call_free(struct grpc_call *c);

/** Its headers are there. */
void fr_grpc_call_begin(struct grpc_call *c);
void fr_grpc_call_bytes(struct grpc_call *c, const uint8_t *bytes, size_t size);
void fr_grpc_call_half_closed(struct grpc_call *c);

/** Keeps a field until all have come. */
void fr_grpc_call_authorization(struct grpc_call *c, const char *value);
void fr_grpc_call_forwarded_for(struct grpc_call *c, const char *value);

/** Takes what was held back. */
void fr_grpc_call_release(struct grpc_call *c);

/** @return when to look again, 0: no need */
int64_t fr_grpc_call_tick(struct grpc_call *c, int64_t now_us);

/** Gives a reply; nothing may be under way. @param head  what stands before `frame`. @param frame  NULL: nothing more; a reference is taken */
void fr_grpc_call_reply(
    struct grpc_call *c, const void *head, size_t head_size, struct fr_frame *frame);
void fr_grpc_call_reply_message(struct grpc_call *c, const struct ProtobufCMessage *message);

/** Ends it, behind the reply that is under way. */
__attribute__((format(printf, 3, 4))) void fr_grpc_call_end(
    struct grpc_call *c, enum fr_grpc_status status, const char *fmt, ...);

/** The same for what is the client's fault; counted and logged. */
__attribute__((format(printf, 4, 5))) void fr_grpc_call_fail(
    struct grpc_call *c, enum fr_grpc_status status, enum fr_reason reason, const char *fmt, ...);

/** Ends it with what the relay says. */
void fr_grpc_call_refuse(struct grpc_call *c, const struct fr_refusal *refusal);

/** @return whether c->stream is what is meant by `name`, "" the default one, and the right is there; else it was refused */
bool fr_grpc_call_find_stream(struct grpc_call *c, const char *name, enum fr_right right);

/* methods.c */
const struct grpc_method *fr_grpc_method_find(const char *path);

/* get_stream.c, watch.c, publish.c, answers.c */
extern const struct grpc_method fr_grpc_get_stream, fr_grpc_subscribe, fr_grpc_messages,
    fr_grpc_publish, fr_grpc_send_message, fr_grpc_list_streams, fr_grpc_health_check,
    fr_grpc_health_watch;

/** A request of ordinary size. */
int64_t fr_grpc_most_small(const struct fr_limits *limits);
void fr_grpc_views_free(struct grpc_peer *p, int64_t now_us);
int64_t fr_grpc_views_tick(struct grpc_peer *p, int64_t now_us);
