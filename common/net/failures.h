/* SPDX-License-Identifier: MIT */
/*
 * Wrong logins, counted by address: after auth_failures of them within a minute nothing more is looked at for
 * auth_block_ms. Whom it forgets for want of room failed longest ago.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_addr;
struct fr_failures;
struct fr_limits;

enum {
	FR_FAILURES_MAX = 4096, /* addresses that are remembered */
};

/** @param limits  borrowed; read at each decision. @return never NULL */
struct fr_failures *fr_failures_new(const struct fr_limits *limits);
void fr_failures_free(struct fr_failures *failures); /* NULL is fine */

/** @return whether a login from there is not to be looked at. Unix peers, who are of this machine, never are. */
bool fr_failures_block(struct fr_failures *failures, const struct fr_addr *peer, int64_t now_us);

/** One more was wrong, or is taken for wrong until it is known. */
void fr_failures_add(struct fr_failures *failures, const struct fr_addr *peer, int64_t now_us);

/** It was right after all. */
void fr_failures_take_back(struct fr_failures *failures, const struct fr_addr *peer);

/** @return addresses that are remembered */
size_t fr_failures_count(const struct fr_failures *failures);
