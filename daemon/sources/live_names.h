/* SPDX-License-Identifier: MIT */
/*
 * Asks another relay for its streams (LIST), so that who waits for one that is not there is told the others.
 *
 * A help and no more: what fails is not said, and nothing waits for it.
 */
#pragma once

#include <stdint.h>

struct fr_loop;
struct fr_live_names;

/** @param names  the streams that are live or asleep, `a, b, c`, some hundred characters; "" when there is none */
typedef void (*fr_live_names_fn)(void *arg, const char *names);

/** @return never NULL */
struct fr_live_names *fr_live_names_new(struct fr_loop *loop, fr_live_names_fn done, void *arg);

/** Not from inside done(). NULL is fine. */
void fr_live_names_free(struct fr_live_names *live);

/**
 * Asks; done() comes later, once, when there is an answer that does not name `wanted`. A question that is still open is
 * given up.
 *
 * @param host  a name, an address or "unix:/path"
 */
void fr_live_names_ask(
    struct fr_live_names *live, const char *host, uint16_t port, const char *wanted);

/** Gives up: done() does not come any more. */
void fr_live_names_cancel(struct fr_live_names *live);
