/* SPDX-License-Identifier: MIT */
/*
 * What the service manager is told, one datagram each: sd_notify(3), spoken without its library.
 *
 * Nothing here blocks. What must not get lost (READY=1 and the like) waits while the manager's queue is full, and goes
 * in front of whatever is said next.
 */
#pragma once

#include <stdint.h>

struct fr_notify;

/**
 * Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, and takes them out of the environment.
 *
 * @return NULL: nobody wants to hear; every function below takes that
 */
struct fr_notify *fr_notify_from_environment(void);
void fr_notify_free(struct fr_notify *notify);

/** @return how often, at the least, fr_notify_alive() has to be called; 0: no watchdog */
int64_t fr_notify_watchdog_us(const struct fr_notify *notify);

void fr_notify_ready(struct fr_notify *notify); /* started, or reloaded */
void fr_notify_reloading(struct fr_notify *notify, int64_t now_us);
void fr_notify_stopping(struct fr_notify *notify);

/** One line for `systemctl status`; the same as before is not said again. */
void fr_notify_status(struct fr_notify *notify, const char *line);

/** Feeds the watchdog, where there is one; says what waits. */
void fr_notify_alive(struct fr_notify *notify);
