/* SPDX-License-Identifier: MIT */
/*
 * One publisher's way in: the only place that turns a peer's bytes into frames of a stream.
 *
 * Allowed? A JPEG? Small enough, not too many? Then numbered, stamped and handed to the stream. Every picture of which
 * a first byte came is counted exactly once:
 *
 *     begun == published + rejected + truncated + receiving (0 or 1) + verifying (0…2)
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/relay/relay.h"

struct fr_ingest;

enum fr_takeover {
	FR_TAKEOVER_SAME, /* the same id, or without one the same address, replaces; others when the incumbent does not answer */
	FR_TAKEOVER_REPLACE, /* always */
	FR_TAKEOVER_REFUSE,  /* never */
};

enum fr_verify {
	FR_VERIFY_NONE,   /* the first two bytes */
	FR_VERIFY_HEADER, /* a walk over the markers, no decoding */
	FR_VERIFY_FULL,   /* and a strict decode on a worker thread */
};

/** What a publisher wants. A plain value; strings are copied. */
struct fr_publish_spec {
	const char *door; /* the kind, for logs and counters; lives for ever */
	struct fr_who who;
	char stream[FR_NAME_MAX + 1];
	char id[65]; /* "" none */
	enum fr_takeover takeover;
	bool takeover_no; /* be refused rather than replace */
	enum fr_verify verify;
	bool can_ping;  /* on_ping() leads to fr_ingest_alive() when the peer lives */
	bool on_demand; /* heeds on_demand(): without viewers it sleeps rather than going stale */
	uint16_t width, height; /* announced; 0 unknown */
	uint32_t fps_milli;
};

/** All of them come from fr_relay_serve() alone, so each may call anything, fr_ingest_free() included. */
struct fr_ingest_ops {
	/**
	 * Admitted, and on every change from or to 0 subscribers or of the rate. rate: pictures per 1,000 s, 0: all.
	 * NULL: goes on whatever the demand.
	 */
	void (*on_demand)(void *arg, uint32_t subscribers, uint32_t rate_milli);
	/** Somebody else wants the stream: show that the peer lives (send a PING). NULL unless can_ping. */
	void (*on_ping)(void *arg);
	/** The decision that -EINPROGRESS announced. refusal NULL: admitted. Else the owner frees. May be NULL for ours. */
	void (*on_decided)(void *arg, const struct fr_refusal *refusal);
	/**
	 * With FULL: every picture that came so far has its verdict, and none is out with a worker. NULL: not told.
	 *
	 * @param refusal  of the last one; NULL: it was published
	 */
	void (*on_verified)(void *arg, const struct fr_refusal *refusal);
	/** Sent away (replaced, access withdrawn, too many bad pictures). The owner tells the peer and frees. */
	void (*on_closed)(void *arg, const struct fr_refusal *refusal);
};

/**
 * @param ops, arg      borrowed until fr_ingest_free()
 * @retval 0            admitted
 * @retval -EINPROGRESS the incumbent is being asked; on_decided() follows within takeover_ping_ms; nothing may be published before
 * @retval -EACCES, -EBUSY, -ENOSPC  refused, *refusal says why; *ret is not set
 */
int fr_relay_publish(struct fr_relay *relay, const struct fr_publish_spec *spec,
    const struct fr_ingest_ops *ops, void *arg, int64_t now_us, struct fr_ingest **ret,
    struct fr_refusal *refusal);

/** The publisher leaves. What it was receiving counts as truncated. NULL is fine. */
void fr_ingest_free(struct fr_ingest *ingest, int64_t now_us);

/** The peer has shown a sign of life (any byte). */
void fr_ingest_alive(struct fr_ingest *ingest, int64_t now_us);

/** Bytes have come from the peer, framing included. */
void fr_ingest_received(struct fr_ingest *ingest, size_t bytes);

/** A pull whose other end is away (false) or back: tells "offline" from "stale". At first true. */
void fr_ingest_set_up(struct fr_ingest *ingest, bool up, int64_t now_us);

/** The publisher's clock as estimated: its CLOCK_REALTIME less ours, us. */
void fr_ingest_set_clock_offset(struct fr_ingest *ingest, int64_t offset_us);

/** The first byte of a picture came. */
void fr_ingest_begin(struct fr_ingest *ingest);

/** The picture that began went by unread, or was refused by the framing. `bytes` of it were read. */
void fr_ingest_reject(struct fr_ingest *ingest, enum fr_reason reason, size_t bytes);

/**
 * A whole picture (after fr_ingest_begin()).
 *
 * @param frame        taken; not finished
 * @param size         bytes of the picture
 * @param sequence     of a relay before us, else 0
 * @param captured_us  Unix time, 0 unknown
 * @param real_us      CLOCK_REALTIME now
 * @retval 0           published, or being verified
 * @retval -EINVAL     dropped and counted; *refusal says why. When that was one too many, refusal->code is
 *                     415 and the owner closes with it; else the code is 0 and the connection goes on
 */
int fr_ingest_frame(struct fr_ingest *ingest, struct fr_frame *frame, size_t size,
    uint64_t sequence, int64_t captured_us, int64_t now_us, int64_t real_us,
    struct fr_refusal *refusal);

/**
 * Says that a picture came which may be the stream's newest once more. Then it is left out and counted, and the stream
 * is as live as with a new one; only frozen_after_ms looks at what is in it.
 *
 * @return  false: it is another one, and has to go its way
 */
bool fr_ingest_same(struct fr_ingest *ingest, const void *bytes, size_t size, int64_t now_us);

/** The same where the other end says so itself (HTTP 304). */
void fr_ingest_still_same(struct fr_ingest *ingest, int64_t now_us);

/** The counts of one publisher. A plain value. */
struct fr_ingest_counts {
	uint64_t begun, published, rejected, truncated, receiving, verifying;
	uint64_t bytes_received, bytes_published;
};

struct fr_ingest_counts fr_ingest_counts(const struct fr_ingest *ingest);

/** @return the present demand: subscribers, and the rate in *ret_rate_milli */
uint32_t fr_ingest_demand(const struct fr_ingest *ingest, uint32_t *ret_rate_milli);
