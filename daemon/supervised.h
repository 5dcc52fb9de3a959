/* SPDX-License-Identifier: MIT */
/*
 * The program as its service manager sees it: ready, reloading, stopping, how it goes in one line, and that its loop
 * still turns. The loop itself says the last one, so a loop that is stuck says nothing.
 */
#pragma once

#include <stdbool.h>

struct fr_cause;
struct fr_loop;
struct fr_relay;
struct fr_supervised;
struct fr_text;

/**
 * @param problems  adds "; WHAT" for each thing that somebody should look after; called with `arg` now and then
 * @param ret       NULL when there is no manager that wants to hear; every function below takes that
 * @retval -errno   `why`
 */
int fr_supervised_new(struct fr_loop *loop, const struct fr_relay *relay,
    void (*problems)(void *arg, struct fr_text *to), void *arg, struct fr_supervised **ret,
    struct fr_cause *why);
void fr_supervised_free(struct fr_supervised *supervised);

void fr_supervised_ready(struct fr_supervised *supervised); /* started, or reloaded, or not */
void fr_supervised_reloading(struct fr_supervised *supervised);
void fr_supervised_stopping(struct fr_supervised *supervised);
