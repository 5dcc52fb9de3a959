/* SPDX-License-Identifier: MIT */
/*
 * Connects to HOST:PORT: the name is resolved by getaddrinfo on a thread (hosts file, mDNS, search domains), the
 * addresses are tried in turn, each for at most 5 s.
 */
#pragma once

#include <stdint.h>

#include "common/base/addr.h"

struct fr_dial;
struct fr_loop;

/**
 * @param fd      connected, non-blocking, the receiver's; or -errno
 * @param peer    whom it is connected to
 * @param reason  on failure a sentence, such as "192.0.2.7:8000: connection refused"
 */
typedef void (*fr_dial_fn)(void *arg, int fd, const struct fr_addr *peer, const char *reason);

/**
 * @param host  a name, a numeric address or "unix:/path"
 * @return      never NULL; done() is called once, later, never from inside this call
 */
struct fr_dial *fr_dial_start(
    struct fr_loop *loop, const char *host, uint16_t port, fr_dial_fn done, void *arg);

/** The same for UDP: the socket takes datagrams from that address and port alone. Whether anybody is there it cannot tell. */
struct fr_dial *fr_dial_start_datagrams(
    struct fr_loop *loop, const char *host, uint16_t port, fr_dial_fn done, void *arg);

/** Gives up; done() is not called. Only before done(). NULL is fine. */
void fr_dial_cancel(struct fr_dial *dial);
