/* SPDX-License-Identifier: MIT */
/* What the files of this folder share with each other and with nobody else. */
#pragma once

#include <uthash.h>

#include <sys/queue.h>

#include "common/base/limits.h"
#include "common/media/frame.h"
#include "common/media/frame_queue.h"
#include "common/media/rendition.h"
#include "daemon/relay/ingest.h"
#include "daemon/relay/observer.h"
#include "daemon/relay/relay.h"
#include "daemon/relay/subscriber.h"
#include "daemon/relay/traffic.h"

enum {
	FORGOTTEN_MAX =
	    64, /* streams that are remembered for observers that have not looked since */
};

/* Somebody to be called by fr_relay_serve(). */
struct fr_ready {
	TAILQ_ENTRY(fr_ready) entry;
	bool is_queued;
	void (*run)(struct fr_ready *ready, int64_t now_us);
};

/*
 * A name, its newest frame and its subscribers.
 *
 * It ends (stream_forget) when nobody subscribes, nobody publishes, no row of the configuration names it and
 * it was not live for forget_after_ms.
 *
 * A rendition is one too, in its parent's list and not among those that have a name of their own; it ends with its last
 * subscriber. Its state is its parent's.
 */
struct fr_stream {
	UT_hash_handle hh;
	struct fr_relay *relay;
	char name[FR_NAME_MAX + 1];

	const struct fr_stream_config *config; /* NULL: none */
	struct fr_ingest *publisher;           /* NULL: none */
	struct fr_ingest *waiting; /* who waits while the publisher is asked; NULL: nobody */
	int64_t ask_until_us;

	struct fr_frame *newest;
	uint64_t sequence; /* the newest one's number, 0: none yet */
	int64_t newest_us; /* receive time of the newest one, 0: none yet */
	int64_t again_us;  /* when it came once more, and was left out */
	int64_t
	    changed_us; /* receive time of the first picture with the bytes that the newest has */
	int64_t arrived_us;   /* when the publisher connected or was woken */
	int64_t usual_gap_us; /* moving average between two pictures, 0: unknown */
	int64_t usual_bytes;  /* moving average of a picture's size */
	int64_t last_live_us;
	uint64_t frames_received;
	uint64_t appeared; /* which one it was to become known, from 1 */
	uint64_t lived;    /* which one it was to get its first picture, from 1; 0: none yet */

	LIST_HEAD(, fr_stream) renditions;
	struct fr_stream *parent;    /* of a rendition; else NULL */
	LIST_ENTRY(fr_stream) entry; /* of a rendition, in its parent's list */
	struct fr_rendering *render; /* of a rendition: how it is made */

	TAILQ_HEAD(, fr_subscriber) subscribers;
	unsigned subscriber_count;
	unsigned viewer_count;      /* those of them who want pictures */
	uint32_t demand_rate_milli; /* the highest rate wanted; 0: all */
	bool is_wanted;             /* somebody wants pictures, as of the last look at the demand */

	enum fr_stream_state state; /* as of the last look; for state_since_us */
	int64_t state_since_us;

	struct fr_traffic *traffic; /* a row a door */

	TAILQ_ENTRY(fr_stream) changed;
	uint64_t changes[FR_CHANGE_COUNT]; /* the number of the last one of each kind, 0: none */
};

struct fr_ingest {
	struct fr_ready ready;
	LIST_ENTRY(fr_ingest) entry;
	struct fr_relay *relay;
	struct fr_stream *stream; /* NULL: replaced or refused, only waits to be freed */
	struct fr_publish_spec spec;
	const struct fr_ingest_ops *ops;
	void *arg;

	enum {
		INGEST_WAITING, /* the incumbent is being asked; ended by its answer or takeover_ping_ms */
		INGEST_ADMITTED, /* publishes; ended by its owner or by INGEST_CLOSED */
		INGEST_CLOSED,   /* sent away; ended by its owner */
	} state;
	struct fr_traffic *traffic; /* of its stream; valid while ADMITTED */
	bool is_up;
	bool receiving;
	struct fr_ingest_news {
		bool demand, ping, decided, closed, verified;
	} news; /* what `ready` is to tell the owner */
	struct fr_refusal refusal;
	bool verdict_is_bad; /* of the picture that was verified last: `refusal` says why */

	int64_t clock_offset_us; /* valid with has_clock */
	bool has_clock;
	int64_t since_us; /* when it was admitted */
	uint32_t told_subscribers, told_rate_milli;
	bool was_told;

	unsigned bad_in_a_row;
	struct fr_verify_job *verifying; /* out with a worker */
	struct fr_verify_job *to_verify; /* the newest one that waits for it */
	struct fr_frame
	    *original; /* of the newest one, before it was turned, not finished; NULL: it was not */
	size_t original_size;
	int64_t frame_credit, byte_credit, credit_us; /* token buckets, in millionths */
	struct fr_ingest_counts counts;
};

struct fr_subscriber {
	struct fr_ready ready;
	TAILQ_ENTRY(fr_subscriber) entry; /* of the stream */
	LIST_ENTRY(fr_subscriber) all;    /* of the relay */
	struct fr_relay *relay;
	struct fr_stream *stream; /* NULL: sent away, only waits to be freed */
	const struct fr_subscriber_ops *ops;
	void *arg;
	struct fr_traffic *traffic; /* of its stream; when it was sent away, nobody's */
	const char *door, *kind;
	struct fr_who who;
	uint64_t id; /* never repeats */
	int64_t since_us;

	uint64_t after; /* only pictures with a higher number */
	bool feeds;     /* it is a rendition that takes its parent's pictures */
	struct fr_frame_queue queue;
	struct fr_frame_queue *messages; /* NULL until the first one; bounded like the pictures */
	bool takes_messages, takes_pictures;
	bool is_draining;
	int64_t queue_age_us; /* 0: no limit */
	uint32_t max_fps_milli;
	int64_t due_us;                  /* paced: when the next picture may go */
	struct fr_frame *held;           /* paced: the newest, until then */
	LIST_ENTRY(fr_subscriber) paced; /* valid while something is held back */
	enum {
		FLIGHT_NONE,
		FLIGHT_PICTURE,
		FLIGHT_MESSAGE
	} flight;
	size_t flight_bytes;
	int64_t flight_age_us; /* of a picture, when it was taken */
	struct fr_refusal refusal;
	struct fr_subscriber_counts counts;
};

/* All who follow one stream, or every one, so that a change costs those alone whom it concerns. */
struct fr_followers {
	char name[FR_NAME_MAX + 1]; /* "": every stream */
	LIST_HEAD(, fr_observer) observers;
	UT_hash_handle hh;
};

struct fr_observer {
	struct fr_ready ready;
	LIST_ENTRY(fr_observer) entry;
	struct fr_followers *followers;
	LIST_ENTRY(fr_observer) follows;
	struct fr_relay *relay;
	struct fr_observe_spec spec;
	const struct fr_observer_ops *ops;
	void *arg;
	uint64_t seen; /* the number of the last change it knows of */
	bool knows;    /* of all: it was told to look; of one: the stream was there */
	bool is_closed;
	struct fr_refusal refusal;
};

struct fr_relay {
	const struct fr_limits *limits;
	struct fr_frame_pool *pool;
	struct fr_access *access;
	struct fr_stream *streams;            /* uthash by name */
	uint64_t appeared, lived;             /* how many streams have done so */
	char default_stream[FR_NAME_MAX + 1]; /* "": the first that was ever live */
	struct fr_stream_config *configs;
	size_t config_count;
	LIST_HEAD(, fr_ingest) ingests;
	size_t ingest_count;
	LIST_HEAD(, fr_subscriber) subscribers;
	LIST_HEAD(, fr_subscriber) paced; /* who holds a picture back */
	uint64_t subscribed;              /* how many subscribers there were */
	struct fr_traffic nobodys;        /* what those do who have no stream any more */
	LIST_HEAD(, fr_observer) observers;
	struct fr_followers *followers;                 /* uthash by name; none is empty */
	uint64_t change;                                /* the number of the last one */
	TAILQ_HEAD(fr_changed_list, fr_stream) changed; /* in the order of their last changes */
	struct fr_forgotten {
		uint64_t change;
		char name[FR_NAME_MAX + 1];
	} forgotten[FORGOTTEN_MAX]; /* a ring: the last ones */
	uint64_t forgotten_count;
	uint64_t forgotten_lost; /* the newest that the ring has no more */
	TAILQ_HEAD(fr_ready_list, fr_ready) ready;
	void (*on_ready)(void *arg);
	void *on_ready_arg;
	bool told_ready;
	bool is_serving;
	int64_t now_us; /* of the serving that goes on */
	fr_verify_fn verify;
	void *verify_arg;
	fr_render_fn render; /* NULL: nobody makes renditions */
	void *render_arg;
	unsigned render_slots, rendering; /* pictures that may be out, and are */
	unsigned rendition_count;
	TAILQ_HEAD(, fr_rendering) to_render; /* who waits for a slot */
	int64_t second_us;                    /* when the work of each second is due */
	int64_t next_tick_us;
};

/* relay.c */
void fr_relay_make_ready(struct fr_relay *relay, struct fr_ready *ready);
void fr_relay_not_ready(struct fr_relay *relay, struct fr_ready *ready);
void fr_relay_wake_at(struct fr_relay *relay, int64_t when_us);
__attribute__((format(printf, 4, 5))) void fr_refusal_set(
    struct fr_refusal *refusal, unsigned code, enum fr_reason reason, const char *fmt, ...);

void fr_stream_info_of(const struct fr_stream *stream, int64_t now_us, struct fr_stream_info *ret);

/* traffic.c */

/** @return the row of this door, made when there is none; valid as long as the stream */
struct fr_traffic *fr_traffic_of(struct fr_stream *stream, const char *door);
void fr_traffic_free(struct fr_traffic *traffic);

/* observer.c */
void fr_stream_appeared(struct fr_stream *stream);
void fr_stream_changed(struct fr_stream *stream, enum fr_change change);
void fr_stream_forgotten(struct fr_stream *stream);

/** Sends it away when it may no longer look on. */
void fr_observer_check(struct fr_observer *observer);

/* memory.c */

/** Lets queues give way where memory is shorter still; after each fan-out, and once a second. */
void fr_relay_relieve(struct fr_relay *relay);

/** Leaves each queue its newest picture alone: one that came in had no room. */
void fr_relay_empty_queues(struct fr_relay *relay);

/* stream.c */

/** @return the stream, made when it is not known; NULL: no room for another (max_streams) */
struct fr_stream *fr_stream_need(
    struct fr_relay *relay, const char *name, bool for_publisher, int64_t now_us);
struct fr_stream *fr_stream_find(const struct fr_relay *relay, const char *name);
void fr_stream_free(struct fr_stream *stream);
bool fr_stream_may_forget(const struct fr_stream *stream, int64_t now_us);
void fr_stream_look(struct fr_stream *stream, int64_t now_us);
enum fr_stream_state fr_stream_state(const struct fr_stream *stream, int64_t now_us);
/* When the newest picture came, the last time that it did. */
int64_t fr_stream_came_us(const struct fr_stream *stream);

/** Pictures per 1,000 s, and bytes a second, as measured; 0: unknown. */
uint32_t fr_stream_fps_milli(const struct fr_stream *stream);
int64_t fr_stream_bytes_per_second(const struct fr_stream *stream);

bool fr_stream_has_fresh(const struct fr_stream *stream, int64_t now_us);

/** @return whether its pictures have all been the same for frozen_after_ms */
bool fr_stream_is_frozen(const struct fr_stream *stream);

/** Makes it the newest and offers it to every subscriber. Takes the reference; the frame is finished. */
void fr_stream_publish(struct fr_stream *stream, struct fr_frame *frame, int64_t now_us);

/** The next picture's number. @param sequence  what a relay before us gave it, or 0 */
uint64_t fr_stream_number(const struct fr_stream *stream, uint64_t sequence, int64_t real_us);

/** Counts what is wanted anew and tells the publisher when it changed. */
void fr_stream_update_demand(struct fr_stream *stream, int64_t now_us);

/** Finds its row of the configuration, or that there is none. */
void fr_stream_configure(struct fr_stream *stream);

/* rendition.c */

/** @return the rendition, NULL: there is none */
struct fr_stream *fr_rendition_find(
    const struct fr_stream *parent, const struct fr_rendition *canonical);

/** Begins it, for a first subscriber who is to come at once. @return NULL: *refusal says why */
struct fr_stream *fr_rendition_begin(struct fr_stream *parent, const struct fr_rendition *canonical,
    uint32_t rate_milli, int64_t now_us, struct fr_refusal *refusal);

/** The last subscriber has left; the parent may end by it. */
void fr_rendition_end(struct fr_stream *rendition, int64_t now_us);

/** What its subscribers want is wanted of the parent. */
void fr_rendition_demand(struct fr_stream *rendition, int64_t now_us);
const struct fr_rendition *fr_rendition_asked(const struct fr_stream *rendition);

/* subscriber.c */

/** Gives a subscriber of ours another rate. */
void fr_subscriber_set_rate(struct fr_subscriber *sub, uint32_t max_fps_milli, int64_t now_us);
void fr_subscriber_offer(struct fr_subscriber *sub, struct fr_frame *frame, int64_t now_us);
void fr_subscriber_message(struct fr_subscriber *sub, struct fr_frame *message, int64_t now_us);
void fr_subscriber_tick(struct fr_subscriber *sub, int64_t now_us);
void fr_subscriber_keep_newest(struct fr_subscriber *sub); /* dropped_memory */

/** Takes it, which is in its stream, out of it (the stream may end by that), and has its owner told. */
void fr_subscriber_send_away(
    struct fr_subscriber *sub, const struct fr_refusal *refusal, int64_t now_us);
bool fr_subscriber_adds_up(const struct fr_subscriber *sub);

/** Moves what was held back and is due now. @return when the next one is due */
int64_t fr_relay_tick_paced(struct fr_relay *relay, int64_t now_us);

/* ingest.c */
void fr_ingest_news_demand(struct fr_ingest *ingest);

/** Takes it, which has or wants its stream, out of it, and has its owner told. */
void fr_ingest_send_away(
    struct fr_ingest *ingest, const struct fr_refusal *refusal, int64_t now_us);
bool fr_ingest_adds_up(const struct fr_ingest *ingest);

/* takeover.c */

/** Decides whether the newcomer gets the stream. @return as fr_relay_publish() */
int fr_takeover_decide(struct fr_stream *stream, struct fr_ingest *newcomer, int64_t now_us,
    struct fr_refusal *refusal);

/** Ends the asking when it has taken long enough. @return when that is, INT64_MAX: nobody is asked */
int64_t fr_takeover_tick(struct fr_stream *stream, int64_t now_us);
void fr_takeover_alive(struct fr_stream *stream, int64_t now_us);

/** Gives the stream to the one who waits for it. */
void fr_takeover_give(struct fr_stream *stream, int64_t now_us);

/* verify.c */
void fr_verify_start(struct fr_ingest *ingest, struct fr_frame *frame, size_t size,
    const struct fr_frame_info *info);
void fr_verify_forget(struct fr_ingest *ingest);

/** ingest.c, called by verify.c: publishes a judged picture. */
void fr_ingest_publish(struct fr_ingest *ingest, struct fr_frame *frame, size_t size,
    struct fr_frame_info *info, int64_t now_us, int64_t real_us);
void fr_ingest_bad(struct fr_ingest *ingest, enum fr_reason reason, const char *why, size_t size,
    struct fr_refusal *refusal);
