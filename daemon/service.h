/* SPDX-License-Identifier: MIT */
/* The process as a service: signals, the relay's time, descriptors. */
#pragma once

#include <stdint.h>

struct fr_cause;
struct fr_limits;
struct fr_loop;
struct fr_relay;
struct fr_service;

struct fr_service_ops {
	void (*on_stop)(
	    void *arg); /* SIGTERM, SIGINT: the first one drains, the second one leaves at once */
	void (*on_reload)(void *arg); /* SIGHUP */
};

/**
 * Takes the signals over and drives the relay: its ready list in the turn in which it fills, its tick when it is due.
 *
 * @param limits  borrowed
 *
 * SIGUSR1 writes every counter into the log. SIGPIPE is ignored.
 */
int fr_service_new(struct fr_loop *loop, struct fr_relay *relay, const struct fr_limits *limits,
    const struct fr_service_ops *ops, void *arg, struct fr_service **ret, struct fr_cause *why);
void fr_service_free(struct fr_service *service); /* NULL is fine */

/** Raises the limit of open files as far as the system lets us. @return descriptors that may be open */
int64_t fr_service_raise_files(void);
