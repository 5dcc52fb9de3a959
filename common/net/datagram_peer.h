/* SPDX-License-Identifier: MIT */
/*
 * Somebody whom we send datagrams to, by name: found, tried again while it cannot be found, and its answers.
 *
 * Only what comes from its address and port is an answer. That a machine says that nobody listens there (ICMP) is news,
 * not an end: somebody may a moment later.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_datagram_peer;
struct fr_loop;

struct fr_datagram_peer_ops {
	/** Datagrams can be sent, from a port of which the other side knows nothing. */
	void (*on_up)(void *arg);
	/** @param bytes  borrowed for the call */
	void (*on_answer)(void *arg, const uint8_t *bytes, size_t size);
	/** The name is not known, or there is no way there; tried again, ever more rarely. */
	void (*on_down)(void *arg, const char *reason);
	/** Nobody listens there. */
	void (*on_refused)(void *arg);
};

/** @return never NULL; nothing is called from inside this. @param ops, arg  borrowed */
struct fr_datagram_peer *fr_datagram_peer_new(struct fr_loop *loop, const char *host, uint16_t port,
    const struct fr_datagram_peer_ops *ops, void *arg);

/** Not from inside on_answer() or on_refused(). NULL is fine. */
void fr_datagram_peer_free(struct fr_datagram_peer *peer);

bool fr_datagram_peer_is_up(const struct fr_datagram_peer *peer);

/** @retval 0  the kernel has it. @retval -errno  counted; -EAGAIN and -ENOBUFS pass, -ECONNREFUSED is an earlier one's */
int fr_datagram_peer_send(struct fr_datagram_peer *peer, const void *bytes, size_t size);

/** Begins anew, from another port: on_up() comes again. */
void fr_datagram_peer_renew(struct fr_datagram_peer *peer);
