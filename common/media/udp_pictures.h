/* SPDX-License-Identifier: MIT */
/*
 * Pictures that come as datagrams, whole or in pieces (docs/protocol.md 4): addresses, datagrams and time in; pictures,
 * losses and who waits for an answer out.
 *
 * A sender is an address and a port; nothing that one sends touches another's picture. The format has no sequence
 * numbers: what was lost is noticed by its size, by the next header, or by silence. Senders and their memory are
 * bounded; the longest silent gives way to a newcomer, first those that never sent a whole picture.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/stats.h"

struct fr_frame;
struct fr_frame_pool;
struct fr_limits;
struct fr_udp_pictures;
struct fr_udp_sender;

enum {
	FR_UDP_CHUNK_BYTES = 1024,  /* of a picture in pieces, at most */
	FR_UDP_WHOLE_BYTES = 65507, /* the largest datagram over IPv4 */
	FR_UDP_ACK_BYTES = 14,
};

/** "get message!!!", what a sender waits for. No NUL is sent. */
extern const char fr_udp_ack[FR_UDP_ACK_BYTES + 1];

/**
 * What is told, from inside fr_udp_pictures_take(), fr_udp_pictures_tick() and fr_udp_pictures_free(). None of them may
 * call these three.
 */
struct fr_udp_ops {
	/** A picture has begun. It ends with on_picture() or on_lost(). */
	void (*on_begin)(void *arg, struct fr_udp_sender *sender);
	/** It is whole, but has not been looked at. @param frame  taken; not finished */
	void (*on_picture)(
	    void *arg, struct fr_udp_sender *sender, struct fr_frame *frame, size_t size);
	/** It is given up. @param got, missing  bytes of it that came, and that did not */
	void (*on_lost)(void *arg, struct fr_udp_sender *sender, enum fr_reason reason, size_t got,
	    size_t missing);
	/** It was in the middle of a picture and has been silent: it waits for an answer. */
	void (*on_waiting)(void *arg, struct fr_udp_sender *sender);
	/** It is forgotten. */
	void (*on_gone)(void *arg, struct fr_udp_sender *sender);
};

/**
 * @param limits  borrowed; max_frame_bytes and udp_… are read each time
 * @param ops, arg  borrowed
 */
struct fr_udp_pictures *fr_udp_pictures_new(struct fr_frame_pool *pool,
    const struct fr_limits *limits, const struct fr_udp_ops *ops, void *arg);

/** Forgets every sender first. NULL is fine. */
void fr_udp_pictures_free(struct fr_udp_pictures *pictures);

/** @return whether this sender is known: what decides who may come need not be asked again */
bool fr_udp_pictures_knows(const struct fr_udp_pictures *pictures, const struct fr_addr *from);

/**
 * Reads one datagram.
 *
 * @param to          where it came to; kept for fr_udp_sender_to()
 * @param ret_reason  set on failure
 * @retval 0          taken, or nothing to say about
 * @retval -EINVAL    left out: no header and no part of a picture (udp_bad_header), no place for the sender
 *                    (udp_slot_full), too many (rate_limit)
 */
int fr_udp_pictures_take(struct fr_udp_pictures *pictures, const struct fr_addr *from,
    const struct fr_addr *to, const uint8_t *bytes, size_t size, int64_t now_us,
    enum fr_reason *ret_reason);

/** Does what is due. @return when to call again at the latest, CLOCK_MONOTONIC us; INT64_MAX: after the next datagram */
int64_t fr_udp_pictures_tick(struct fr_udp_pictures *pictures, int64_t now_us);

/** @return senders that are known now, and in *ret_bytes the memory of their pictures under way */
size_t fr_udp_pictures_senders(const struct fr_udp_pictures *pictures, size_t *ret_bytes);

/**
 * Asks whether an answer of FR_UDP_ACK_BYTES may be sent to it: never more than it has sent data since the last one.
 * Headers do not count, so that they alone earn nothing.
 *
 * @return  true: the answer has been paid for and is to be sent
 */
bool fr_udp_sender_pays(struct fr_udp_sender *sender);

const struct fr_addr *fr_udp_sender_addr(const struct fr_udp_sender *sender);

/** Where its last datagram came to: where an answer has to come from. */
const struct fr_addr *fr_udp_sender_to(const struct fr_udp_sender *sender);

/** What the owner of the pictures knows of the sender; NULL at first. With one it is kept for stale_after_ms of silence. */
void fr_udp_sender_set_owner(struct fr_udp_sender *sender, void *owner);
void *fr_udp_sender_owner(const struct fr_udp_sender *sender);
