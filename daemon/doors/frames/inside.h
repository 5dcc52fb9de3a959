/* SPDX-License-Identifier: MIT */
/* What the files of the frames door share with each other. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sys/queue.h>

#include "common/media/hello.h"
#include "common/media/wire.h"
#include "common/net/admission.h"
#include "common/net/clock_offset.h"
#include "common/net/conn.h"
#include "daemon/doors/door.h"
#include "daemon/relay/ingest.h"
#include "daemon/relay/subscriber.h"

struct fr_listener;
struct fr_timer;

enum frames_role {
	FRAMES_ANY,
	FRAMES_PUBLISH,
	FRAMES_SUBSCRIBE,
};

struct frames_door {
	struct fr_door door;
	struct fr_door_env env;
	struct fr_listener *listener;
	struct fr_timer *tick;
	const char *plain_stream; /* template, borrowed from the options */
	const char *stream;       /* of a listener whose role is subscribe */
	enum frames_role role;
	enum fr_takeover takeover;
	enum fr_verify verify;
	const struct fr_tls *tls; /* NULL: plain */
	bool is_draining;
	TAILQ_HEAD(, frames_peer) peers;
};

/*
 * One connection. The drawing is in docs/doors/frames.md.
 *
 *   HELLO ──► ASKING ──► PUBLISHING
 *     │  └─────────────────┘ (closed)
 *     └─────► SUBSCRIBED     (closed)
 */
enum frames_state {
	FRAMES_HELLO, /* the first bytes, a hello; guarded by first_byte_timeout_ms */
	FRAMES_ASKING, /* waits for the incumbent publisher; guarded by takeover_ping_ms (the relay's) */
	FRAMES_PUBLISHING, /* guarded by frame_timeout_ms, frame_min_rate_bytes, publisher_timeout_ms, keepalive */
	FRAMES_SUBSCRIBED, /* guarded by subscriber_stall_ms, keepalive */
	FRAMES_CLOSED,     /* out of the list; freed by the loop after this turn */
};

struct frames_peer {
	TAILQ_ENTRY(frames_peer) entry;
	struct frames_door *door;
	struct fr_conn *conn;
	struct fr_wire *wire; /* NULL: a plain subscriber, of whom nothing is expected */
	struct fr_ticket ticket;
	enum fr_login login; /* by the hello's token */
	struct fr_digest identity;
	struct fr_ingest *ingest;
	struct fr_subscriber *sub;
	enum frames_state state;
	bool records;
	bool in_flight;    /* a frame of `sub` is with the conn */
	bool took_hello;   /* answers are records or lines rather than the plain end */
	uint64_t id;       /* never repeats; for the log */
	int64_t since_us;  /* accepted */
	int64_t heard_us;  /* last byte from the peer */
	int64_t inside_us; /* since when a length, a head or a picture is incomplete; 0: none is */
	bool in_picture;   /* what is incomplete is a picture's body */
	int64_t ping_us;   /* when the next PING is due */
	int64_t pinged_us; /* when the last PING was sent */
	int64_t pinged_real_us;       /* what it said */
	struct fr_clock_offset clock; /* the peer's, from its PONGs */
	size_t early_bytes;           /* that came before there was an ingest to count them */
	uint32_t unwanted_bytes;      /* that a plain subscriber has sent */
	uint8_t *leftover;            /* bytes behind a hello that waits for its decision */
	size_t leftover_size;
	char stream[FR_NAME_MAX + 1];
};

/* peer.c */
void fr_frames_on_accept(void *arg, int fd, const struct fr_addr *addr);

/** Ends one connection for good; `refusal` NULL is a clean end, with `words` for the log. */
void fr_frames_peer_end(struct frames_peer *p, const struct fr_refusal *refusal, const char *words);

/** Ends it with these last words. */
void fr_frames_peer_finish(struct frames_peer *p, const void *last, size_t size, const char *words);

/** Ends it without last words (the peer is gone, or must not get any). */
void fr_frames_peer_drop(struct frames_peer *p, const char *words);

/** Ends what is ours of it; the connection and its place live on. */
void fr_frames_peer_release(struct frames_peer *p, struct fr_handover *ret);

/** Ends it because the peer broke the protocol; counts the reason, once. */
void fr_frames_peer_end_bad(
    struct frames_peer *p, unsigned code, enum fr_reason reason, const char *why);

/** One line in the log, at most one a second for each reason and address. */
void fr_frames_peer_log_refusal(const struct frames_peer *p, const struct fr_refusal *refusal);

/** Takes the role that was decided; from here on it counts as settled. */
void fr_frames_peer_settle(struct frames_peer *p, enum frames_state state);

/** Reads on with what was left over while the peer waited. */
void fr_frames_peer_resume(struct frames_peer *p);

/** Answers a line; closes when the peer does not read. @return false: closed */
bool fr_frames_peer_answer(struct frames_peer *p, const char *line);

struct fr_who fr_frames_peer_who(const struct frames_peer *p);

/* deadlines.c */

/** Sends a PING. @return false: the peer is gone, and closed */
bool fr_frames_peer_ping(struct frames_peer *p, int64_t now_us);

/** Ends what is over, pings what is due. @return when it wants the next tick at the latest; 0: does not matter */
int64_t fr_frames_peer_tick(struct frames_peer *p, int64_t now_us);

/* publish.c */
void fr_frames_publish_begin(struct frames_peer *p, const struct fr_hello *hello);
void fr_frames_publish_event(struct frames_peer *p, struct fr_wire_event *event, int64_t now_us);

/* subscribe.c */
void fr_frames_subscribe_begin(struct frames_peer *p, const struct fr_hello *hello);
void fr_frames_subscribe_continue(struct frames_peer *p);
void fr_frames_subscribe_drained(struct frames_peer *p);

/* handover.c */

/**
 * Gives the connection to the door of this kind, or refuses in HTTP's words.
 *
 * @param bytes  what came behind the bytes that the reader holds
 */
void fr_frames_hand_over(
    struct frames_peer *p, const char *kind, const uint8_t *bytes, size_t size);

/* list.c */
void fr_frames_list(struct frames_peer *p);
