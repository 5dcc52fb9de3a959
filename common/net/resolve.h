/* SPDX-License-Identifier: MIT */
/*
 * A name's addresses, by getaddrinfo() on a thread: hosts file, mDNS, search domains, what the system knows.
 *
 * getaddrinfo() cannot be stopped and may take half a minute. So nobody waits for its thread: who gives up, or the
 * loop's end, leaves it behind, and it throws its result away. At most 32 look-ups run at once.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct fr_addr;
struct fr_loop;
struct fr_resolve;

/**
 * @param addrs   in the order in which they are best tried (RFC 6724); valid during the call
 * @param count   1..16; 0: failed, `reason` says why without the name ("Name or service not known")
 */
typedef void (*fr_resolve_fn)(
    void *arg, const struct fr_addr *addrs, size_t count, const char *reason);

/**
 * @param host  a name of at most 255 characters, no numeric address
 * @param port  put into each address
 * @return      never NULL; done() is called once, later, never from inside this call
 *
 * Source: getaddrinfo(3).
 */
struct fr_resolve *fr_resolve_start(
    struct fr_loop *loop, const char *host, uint16_t port, fr_resolve_fn done, void *arg);

/** Gives up; done() is not called. Only before done(). NULL is fine. */
void fr_resolve_cancel(struct fr_resolve *resolve);
