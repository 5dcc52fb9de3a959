/* SPDX-License-Identifier: MIT */
/*
 * Who may publish or watch what. Allowed is what any row grants whose every condition holds; the order of rows
 * does not matter.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/addr.h"

struct fr_access;
struct fr_cause;

enum fr_right {
	FR_RIGHT_PUBLISH,
	FR_RIGHT_SUBSCRIBE,
	FR_RIGHT_MESSAGE, /* send MESSAGEs; where a row does not say: whoever it lets publish the stream */
	FR_RIGHT_OBSERVE, /* see which streams there are */
	FR_RIGHT_ADMIN,   /* see everything; where a row does not say: loopback, but no proxy's */
};

/** Who somebody is, as a door found out. A plain value. */
struct fr_who {
	struct fr_addr addr;
	bool ours;    /* a source or sink of this process: everything is allowed */
	bool proxied; /* the address is what a proxy says of its client */
};

/** Names of streams that a row grants; `*` is every stream. */
struct fr_access_names {
	char **names;
	size_t count;
};

struct fr_access_row {
	struct fr_network *from; /* any of them; none: whoever it is */
	size_t from_count;
	struct fr_access_names publish, subscribe, message;
	bool message_is_set; /* else: as publish */
	bool observe;
	bool admin;
	bool admin_is_set; /* else: loopback, not proxied */
};

/** @param rows  taken over with everything in them (malloc()ed), also the array. @return never NULL */
struct fr_access *fr_access_new(struct fr_access_row *rows, size_t count);
void fr_access_free(struct fr_access *access); /* NULL is fine */

/** @return what holds without an `access` section: private networks and `link` may publish, watch and observe */
struct fr_access *fr_access_default(void);

/**
 * @param stream  the name; NULL for OBSERVE and ADMIN
 * @param why     when refused: names the address as the relay sees it, and the row that would allow it
 */
bool fr_access_allows(const struct fr_access *access, const struct fr_who *who, enum fr_right right,
    const char *stream, struct fr_cause *why);
