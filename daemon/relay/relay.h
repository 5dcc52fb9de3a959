/* SPDX-License-Identifier: MIT */
/*
 * The middle: streams, who feeds them and who watches them. No sockets, no event loop, no clock: time is handed in.
 *
 * A picture comes in through an ingest, is numbered and stamped, becomes its stream's newest and is
 * offered to every subscriber. The relay never runs anybody's code while it walks a list: whoever has something to
 * do is put on the ready list, and fr_relay_serve() calls them one after the other, in an order that rotates.
 *
 * Thread: the loop's, for everything in this folder.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/cause.h"
#include "common/base/stats.h"
#include "common/base/text.h"
#include "daemon/relay/access.h"

struct fr_frame;
struct fr_frame_pool;
struct fr_limits;
struct fr_relay;
struct fr_render_job;
struct fr_rendition;
struct fr_transformed;
struct fr_verify_job;

enum fr_stream_state {
	FR_STREAM_LIVE,    /* pictures come */
	FR_STREAM_ASLEEP,  /* its source runs on demand and nobody watches */
	FR_STREAM_STALE,   /* a publisher is there, pictures are not */
	FR_STREAM_OFFLINE, /* nobody publishes */
};

const char *fr_stream_state_name(enum fr_stream_state state);

/** What the configuration says of a stream before its camera is there. */
struct fr_stream_config {
	char name[FR_NAME_MAX + 1];
	char *title;             /* malloc()ed, "" none */
	int64_t number;          /* 0: none */
	struct fr_network *from; /* plain publishers at these addresses are this stream */
	size_t from_count;
	int64_t stale_after_ms; /* -1: the limit's */
	uint16_t rotate; /* 0, 90, 180, 270 clockwise: every picture, before it is published */
};

/** @param limits  borrowed; read at each decision. @param pool  borrowed. @return never NULL */
struct fr_relay *fr_relay_new(const struct fr_limits *limits, struct fr_frame_pool *pool);

/** Everybody must have left before. */
void fr_relay_free(struct fr_relay *relay);

struct fr_frame_pool *fr_relay_pool(const struct fr_relay *relay);

/** @return whether memory is so short that nobody new may subscribe */
bool fr_relay_is_short(const struct fr_relay *relay);

/**
 * Puts other rules in force; whoever may no longer do what they do is sent away with 401 or 403.
 *
 * @param access  taken
 */
void fr_relay_set_access(struct fr_relay *relay, struct fr_access *access, int64_t now_us);

const struct fr_access *fr_relay_access(const struct fr_relay *relay);

/** @param rows  taken over with everything in them (malloc()ed), also the array */
void fr_relay_set_streams(
    struct fr_relay *relay, struct fr_stream_config *rows, size_t count, int64_t now_us);

/**
 * @param on_ready  called once when the ready list is no longer empty, or fr_relay_next_tick() has moved nearer; it
 *                  may only note that fr_relay_serve() is to be called before the next wait
 */
void fr_relay_set_ready(struct fr_relay *relay, void (*on_ready)(void *arg), void *arg);

/**
 * Calls everybody who is ready: subscribers with pictures, publishers with news. Not from within one of
 * these calls. Afterwards fr_relay_next_tick() may have moved nearer.
 */
void fr_relay_serve(struct fr_relay *relay, int64_t now_us);

/**
 * Does what is due: pacing, ages, takeovers, forgotten streams.
 *
 * @return when to call again at the latest, CLOCK_MONOTONIC us; at most a second ahead
 */
int64_t fr_relay_tick(struct fr_relay *relay, int64_t now_us);

/** @return when fr_relay_tick() is due next; it may move nearer by any call */
int64_t fr_relay_next_tick(const struct fr_relay *relay);

/**
 * Evaluates the accounting equations of every publisher and subscriber (docs/architecture.md, "Bookkeeping").
 *
 * @param why  which one does not hold
 * @return     equations that do not hold; also added to FR_STAT_accounting_error
 */
unsigned fr_relay_check(const struct fr_relay *relay, struct fr_cause *why);

/** How a strict decode, or a turn for everybody, is asked for; set by the wiring, which knows of threads. */
typedef void (*fr_verify_fn)(void *arg, struct fr_verify_job *job);

/** Without a verifier `verify = "full"` works like "header", and nothing is turned. */
void fr_relay_set_verifier(struct fr_relay *relay, fr_verify_fn submit, void *arg);

/** The frame that a job is about, borrowed; not finished. Thread: any, while the job is out. */
const struct fr_frame *fr_verify_job_frame(const struct fr_verify_job *job);
size_t fr_verify_job_size(const struct fr_verify_job *job);

/** Whether it is to be decoded strictly, and how far to be turned clockwise (0: not). Thread: any, while the job is out. */
bool fr_verify_job_is_strict(const struct fr_verify_job *job);
unsigned fr_verify_job_rotate(const struct fr_verify_job *job);

/** Takes the turned picture in the place of the one that came; before fr_verify_job_done(). @param turned  its frame is taken */
void fr_verify_job_turned(struct fr_verify_job *job, const struct fr_transformed *turned);

/**
 * Gives the verdict on a job and ends it; on the loop.
 *
 * @param ok      else `reason` and `why` say what is wrong
 */
void fr_verify_job_done(struct fr_verify_job *job, bool ok, enum fr_reason reason,
    const struct fr_cause *why, int64_t now_us, int64_t real_us);

/** How a picture of a rendition is asked for; set by the wiring. */
typedef void (*fr_render_fn)(void *arg, struct fr_render_job *job);

/**
 * Without a maker renditions are refused.
 *
 * @param slots  jobs that may be out at once, 1 or more: who waits has the newest picture when its turn comes
 */
void fr_relay_set_maker(struct fr_relay *relay, fr_render_fn submit, unsigned slots, void *arg);

/** What a job is about, borrowed. Thread: any, while the job is out. */
const struct fr_frame *fr_render_job_frame(const struct fr_render_job *job);
const struct fr_rendition *fr_render_job_rendition(const struct fr_render_job *job);
const char *fr_render_job_stream(const struct fr_render_job *job);

/** Whether it is not to wait for others, and has no slot: grey alone. Thread: any, while the job is out. */
bool fr_render_job_is_prompt(const struct fr_render_job *job);

/**
 * Ends a job; on the loop, and not from within `submit`.
 *
 * @param made    its frame is taken; NULL: it cannot be made, for `reason` and `why`
 */
void fr_render_job_done(struct fr_render_job *job, const struct fr_transformed *made,
    enum fr_reason reason, const struct fr_cause *why, int64_t now_us);

/** One rendition as others see it. A plain value; pointers are borrowed for the call. */
struct fr_rendition_info {
	const struct fr_rendition *rendition; /* canonical */
	unsigned subscribers;
	unsigned width, height; /* of its newest picture; 0: none yet */
	uint32_t fps_milli;     /* measured; 0 unknown */
	int64_t bytes_per_second;
	uint64_t made, lossless;  /* pictures, and those of them that lost nothing */
	uint64_t failed, skipped; /* could not be made; were overtaken by newer ones */
	bool is_lossless;         /* the newest one */
};

/** Calls `each` for every rendition of a stream. It must not call back into the relay. */
void fr_relay_renditions(const struct fr_relay *relay, const char *stream,
    void (*each)(void *arg, const struct fr_rendition_info *info), void *arg);

/** One stream as others see it. A plain value; pointers are borrowed until the next call. */
struct fr_stream_info {
	const char *name;
	const char *title;
	int64_t number;
	enum fr_stream_state state;
	int64_t state_since_us;
	bool has_publisher;
	const char *publisher_door; /* NULL: none */
	struct fr_addr publisher;
	int64_t publisher_since_us; /* when it was admitted */
	bool has_clock;             /* whether the publisher's clock is known */
	int64_t clock_offset_us;    /* its CLOCK_REALTIME less ours */
	unsigned width, height;     /* pixels; 0 unknown */
	uint32_t fps_milli;         /* pictures per 1,000 s, measured; 0 unknown */
	int64_t bytes_per_second;
	uint64_t frames_received;
	uint64_t sequence;
	int64_t
	    newest_us; /* receive time of the newest picture, the last time that it came; 0: none */
	bool
	    is_fresh; /* the newest picture shows what is now; else a viewer must not take it for that */
	int64_t
	    seen_us; /* receive time of the last picture that showed something new: newest_us, but of a frozen stream when its picture first came; 0: none */
	unsigned subscribers; /* who want pictures */
	uint32_t demand_rate_milli;
};

/** Calls `each` for every known stream, in order of name. `each` must not call back into the relay. */
void fr_relay_streams(const struct fr_relay *relay, int64_t now_us,
    void (*each)(void *arg, const struct fr_stream_info *info), void *arg);

/** @retval false  no such stream */
bool fr_relay_stream(
    const struct fr_relay *relay, const char *name, int64_t now_us, struct fr_stream_info *ret);

/** @return the stream's newest picture, with its reference, however old it is; NULL: it has none, or is not known */
struct fr_frame *fr_relay_newest(const struct fr_relay *relay, const char *name);

/**
 * Whom they mean that name no stream.
 *
 * @param name  copied; "": the first that was ever live, or while none was, the first that has a publisher
 */
void fr_relay_set_default_stream(struct fr_relay *relay, const char *name);

/** @retval false  none is set, and no stream was ever live or has a publisher */
bool fr_relay_default_stream(const struct fr_relay *relay, char ret[FR_NAME_MAX + 1]);

/**
 * @param number  of a row of `streams`; without one in the order in which streams came to be known, from 1
 * @retval false  there is no such stream
 */
bool fr_relay_numbered_stream(
    const struct fr_relay *relay, int64_t number, char ret[FR_NAME_MAX + 1]);

/**
 * The stream of a publisher that has no name: the configured one that lists its address, else `model` with %h
 * (address) and %p (port), characters that a name may not have turned into `-`.
 */
void fr_relay_name_for(const struct fr_relay *relay, const struct fr_addr *peer, const char *model,
    char ret[FR_NAME_MAX + 1]);

/**
 * Fans a MESSAGE out to the stream's subscribers that take messages.
 *
 * @param json      copied
 * @retval 0
 * @retval -EINVAL  no JSON text or too long (FR_REASON_bad_message)
 * @retval -EACCES  not allowed
 */
int fr_relay_message(struct fr_relay *relay, const char *stream, const struct fr_who *who,
    const char *door, const uint8_t *json, size_t size, int64_t now_us, int64_t real_us,
    struct fr_refusal *refusal);

/** @return whether nobody has a picture waiting or in flight: all that was published is delivered or dropped */
bool fr_relay_is_quiet(const struct fr_relay *relay);
