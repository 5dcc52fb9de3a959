/* SPDX-License-Identifier: MIT */
/* Who may send datagrams to a door at all: UDP has no login, and what is answered must not be turned against others. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"

struct fr_datagram_path;
struct fr_options;

struct fr_senders {
	struct fr_network *networks;
	size_t count;
};

/** @param options  a row with a NETWORKS option `allow`, whose items are good */
void fr_senders_init(struct fr_senders *senders, const struct fr_options *options);
void fr_senders_done(struct fr_senders *senders);

/**
 * @return whether it comes from an allowed address, that is one machine's, from a port at which no well-known service
 *         would answer our answer, and not from the socket that it came to
 */
bool fr_senders_may(const struct fr_senders *senders, const struct fr_datagram_path *path);

/** @return whether this is one of the two answers of the protocol: nothing that looks like an answer is answered */
bool fr_senders_is_answer(const uint8_t *bytes, size_t size);
