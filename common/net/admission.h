/* SPDX-License-Identifier: MIT */
/*
 * Who may connect at all: limits of connections in all and per address, and of their rates, across all doors.
 *
 * An address is an IPv4 address, an IPv6 /64, or all unix peers together (which know no limit per address).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/addr.h"
#include "common/base/stats.h"

struct fr_admission;
struct fr_cause;
struct fr_limits;

/** @param limits  borrowed; read at each decision, so a reload takes effect at once */
struct fr_admission *fr_admission_new(const struct fr_limits *limits);
void fr_admission_free(struct fr_admission *admission);

/** One admitted connection. Embedded; all zero is "none" (or about to ask). */
struct fr_ticket {
	struct fr_admission_address *address;
	bool settled;
	bool
	    is_tls; /* said before fr_admission_enter(): a handshake follows, and these have a rate of their own */
};

/**
 * Asks for a place. Accepted connections begin as "not settled" (they have not said what they want).
 *
 * @param ret_code    503 (the relay's limit) or 429 (this address's)
 * @retval 0          ticket filled; fr_admission_leave() gives it back
 * @retval -EAGAIN    refused: ret_reason, ret_code and `why` say by which limit
 */
int fr_admission_enter(struct fr_admission *admission, const struct fr_addr *peer, int64_t now_us,
    struct fr_ticket *ticket, enum fr_reason *ret_reason, unsigned *ret_code, struct fr_cause *why);

/**
 * The connection is somebody else's than it seemed: a proxy has named its client. What held for the address that it
 * came from holds for this one from now on; the limits in all are not asked again.
 *
 * @retval 0          the ticket is the client's (for a client that has it already nothing happens)
 * @retval -EAGAIN    refused by a limit of the client's address; the ticket is as it was
 */
int fr_admission_move(struct fr_admission *admission, struct fr_ticket *ticket,
    const struct fr_addr *client, int64_t now_us, enum fr_reason *ret_reason, unsigned *ret_code,
    struct fr_cause *why);

/** The connection has said what it wants. */
void fr_admission_settle(struct fr_admission *admission, struct fr_ticket *ticket);

/** A zero ticket is fine. */
void fr_admission_leave(struct fr_admission *admission, struct fr_ticket *ticket, int64_t now_us);

size_t fr_admission_connections(const struct fr_admission *admission);
