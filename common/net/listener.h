/* SPDX-License-Identifier: MIT */
/*
 * A listening socket that survives a flood.
 *
 * At most 64 accepts a turn. Out of descriptors: a spare one is given up to accept and close those who wait, so
 * that they are told, and listening pauses for 100 ms; one log line when it begins and one when it ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/addr.h"

struct fr_cause;
struct fr_listener;
struct fr_loop;

/** @param fd  the receiver's; non-blocking, close-on-exec */
typedef void (*fr_accept_fn)(void *arg, int fd, const struct fr_addr *peer);

/**
 * @param area  for the log and fr_stat_rejected(): the kind of the door; lives for ever
 * @param addr  "[::]:port" is dual stack; where there is no IPv6 it becomes 0.0.0.0. unix: a stale socket file is
 *              replaced, a live one or another file is an error; mode 0666 less the umask. systemd: a socket that
 *              fr_loop_handed() has; its backlog outlives the listener
 * @retval -errno  `why` names the address and the cause ("port 8000 is in use by another program")
 */
int fr_listener_new(struct fr_loop *loop, const char *area, const struct fr_addr *addr,
    fr_accept_fn on_accept, void *arg, struct fr_listener **ret, struct fr_cause *why);
void fr_listener_free(
    struct fr_listener *listener); /* removes a unix socket's file; NULL is fine */

/** @return whether this process has the right to listen there (ports below 1024, folders of others) */
bool fr_listener_may(const struct fr_addr *addr);

/** @return the address it is bound to (the port that 0 became) */
const struct fr_addr *fr_listener_addr(const struct fr_listener *listener);

/** Stops accepting; the backlog is closed, unless the socket was handed over. */
void fr_listener_stop(struct fr_listener *listener);

/**
 * Adds "ADDR ADDR …": the addresses at which other machines reach a listener on a wildcard address, best first (the address
 * itself when it is a fixed one; 127.0.0.1 when there is no other).
 *
 * @return how many were written, at most `most`
 */
size_t fr_listener_reachable(const struct fr_listener *listener, struct fr_addr *ret, size_t most);

/** The same for any socket that is bound to `own`. */
size_t fr_reachable(const struct fr_addr *own, struct fr_addr *ret, size_t most);
