/* SPDX-License-Identifier: MIT */
/* verify = "full": strict decodes, and streams that are turned for everybody, on worker threads, in the service of the relay's ingests. */
#pragma once

struct fr_cause;
struct fr_limits;
struct fr_loop;
struct fr_relay;
struct fr_verifier;

/** Makes the relay use it. @param limits  borrowed; copied for each job */
int fr_verifier_new(struct fr_loop *loop, struct fr_relay *relay, const struct fr_limits *limits,
    struct fr_verifier **ret, struct fr_cause *why);

/** Waits for the decodes that run. To be called before fr_relay_free(). NULL is fine. */
void fr_verifier_free(struct fr_verifier *verifier);
