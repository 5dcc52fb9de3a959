/* SPDX-License-Identifier: MIT */
/* The doors, sources and sinks that are open: opened from settings, and changed to others by a reload. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "daemon/doors/door.h"

struct fr_cause;
struct fr_ends;
struct fr_settings;

struct fr_ends_env {
	struct fr_door_env door;
	/** A source or a sink has come to its end: 0 is a clean one. */
	void (*ended)(void *arg, int status, const char *reason);
	/** At the start, when every door is open and no source or sink is. May be NULL. @retval -errno  ends the start */
	int (*listening)(void *arg, struct fr_cause *why);
	void *arg;
};

/** @param env  copied; what it points to outlives the ends. @return never NULL; nothing is open */
struct fr_ends *fr_ends_new(const struct fr_ends_env *env);

/** Closes whatever is open. NULL is fine. */
void fr_ends_free(struct fr_ends *ends);

/**
 * Opens what `settings` names and closes what they do not name; what is open and named alike stays untouched.
 *
 * New doors are opened first, so that a port in use leaves everything as it was.
 *
 * @param settings  borrowed until the next call or fr_ends_free(); what stays open keeps its options, which equal rows
 *                  exchange with those of the settings before
 * @retval -errno   a door could not be opened: nothing has changed; `why` names the row
 */
int fr_ends_apply(struct fr_ends *ends, struct fr_settings *settings, struct fr_cause *why);

/** Stops taking anything new and tells every peer; pictures under way go on. */
void fr_ends_drain(struct fr_ends *ends);

/** @return whether something is still under way after fr_ends_drain() */
bool fr_ends_busy(const struct fr_ends *ends);

/** Calls `each` for every door, source and sink of the settings, open or not. */
void fr_ends_list(struct fr_ends *ends,
    void (*each)(void *each_arg, const struct fr_end_info *info), void *each_arg);

/** Adds a line for each address that others can use. */
void fr_ends_announce(const struct fr_ends *ends, struct fr_text *lines);
