/* SPDX-License-Identifier: MIT */
/*
 * A UDP socket that others send to: datagrams come in batches, and answers leave from the address that was asked.
 *
 * One batch a turn of the loop, whatever waits: a flood slows nobody down by more than that.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"

struct fr_cause;
struct fr_datagrams;
struct fr_loop;
struct fr_text;

/** Where a datagram came to: what an answer has to leave from. A plain value. */
struct fr_datagram_path {
	struct fr_addr from;
	struct fr_addr to; /* NONE: the kernel did not say */
};

struct fr_datagrams_ops {
	/** @param bytes  borrowed for the call, `size` may be 0 */
	void (*on_datagram)(void *arg, const struct fr_datagram_path *path, const uint8_t *bytes,
	    size_t size, int64_t now_us);
	/** Behind each batch. May be NULL. */
	void (*on_batch_end)(void *arg, int64_t now_us);
};

/**
 * Opens it and says so in the log: where, how large a receive buffer was asked for, and what was given.
 *
 * @param area           a door's kind, for the log; lives for ever
 * @param buffer_bytes   SO_RCVBUF; 0: the kernel's default
 * @param ops, arg       borrowed
 * @retval -errno        `why`
 */
int fr_datagrams_new(struct fr_loop *loop, const char *area, const struct fr_addr *addr,
    int64_t buffer_bytes, const struct fr_datagrams_ops *ops, void *arg, struct fr_datagrams **ret,
    struct fr_cause *why);

/** NULL is fine. Not from inside on_datagram(). */
void fr_datagrams_free(struct fr_datagrams *datagrams);

/** Takes nothing more; what has come is read no more. */
void fr_datagrams_stop(struct fr_datagrams *datagrams);

/** Where it listens, with the port that the kernel chose. */
const struct fr_addr *fr_datagrams_addr(const struct fr_datagrams *datagrams);

/** Answers. What the kernel does not take is counted and lost, as datagrams are. */
void fr_datagrams_answer(struct fr_datagrams *datagrams, const struct fr_datagram_path *path,
    const void *bytes, size_t size);

/** Adds "SENTENCE: ADDRESS" for each address that another machine can use, for the start of the log. */
void fr_datagrams_announce(
    const struct fr_datagrams *datagrams, const char *sentence, struct fr_text *lines);
