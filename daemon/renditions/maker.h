/* SPDX-License-Identifier: MIT */
/* Makes the pictures of renditions, on worker threads that stand back behind everything else. */
#pragma once

struct fr_cause;
struct fr_limits;
struct fr_loop;
struct fr_maker;
struct fr_relay;

/** Makes the relay use it. @param limits  borrowed; copied for each picture */
int fr_maker_new(struct fr_loop *loop, struct fr_relay *relay, const struct fr_limits *limits,
    struct fr_maker **ret, struct fr_cause *why);

/** Waits for the pictures that are being made. To be called before fr_relay_free(). NULL is fine. */
void fr_maker_free(struct fr_maker *maker);
