/* SPDX-License-Identifier: MIT */
/* Whom a door believes when they say for whom they ask: the option `trusted_proxies`, and X-Forwarded-For. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/addr.h"

struct fr_cause;
struct fr_options;

enum {
	FR_PROXIES_MAX = 16,
};

/** A plain value; all zero: nobody. */
struct fr_proxies {
	struct fr_network networks[FR_PROXIES_MAX];
	size_t count;
};

/** Reads the option. @retval -EINVAL  too many, or one is none; `why` */
int fr_proxies_read(struct fr_proxies *ret, const struct fr_options *options, struct fr_cause *why);

bool fr_proxies_have(const struct fr_proxies *proxies, const struct fr_addr *addr);

/** @param list  X-Forwarded-For. @return whether *ret is the client: the last address that is no trusted proxy's */
bool fr_proxies_client(const struct fr_proxies *proxies, const char *list, struct fr_addr *ret);
