/* SPDX-License-Identifier: MIT */
/*
 * The door `grpc`: calls over HTTP/2 with prior knowledge (docs/protocol.md 5).
 *
 * This file opens and closes it; one connection is in peer.c, HTTP/2 in session.c, one call in call.c, what may be
 * called in the other files.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/xalloc.h"
#include "common/net/listener.h"
#include "common/net/loop.h"
#include "common/net/timer.h"
#include "daemon/doors/grpc/inside.h"
#include "daemon/doors/look.h"

enum {
	REACHABLE = 3, /* addresses that the start of the log names */
};

static const struct fr_option_spec options[] = {
    {.name = "listen",
        .type = FR_OPTION_LISTEN,
        .def = "[::]:50051",
        .help = "where programs with gRPC connect; \"unix:/path\" is a socket in the file system"},
    {.name = "trusted_proxies",
        .type = FR_OPTION_NETWORKS,
        .def = "",
        .help = "whose X-Forwarded-For is believed; at most 16"},
    {.name = "takeover",
        .type = FR_OPTION_CHOICE,
        .choices = "same|replace|refuse",
        .def = "same",
        .help = "who may replace a live publisher: the same one (by id, or by address), anybody, "
                "nobody"},
    {.name = "verify",
        .type = FR_OPTION_CHOICE,
        .choices = "none|header|full",
        .def = "header",
        .help = "how pictures are looked at: their first two bytes, a walk over their markers, a "
                "strict decode "
                "on a worker thread"},
    {.name = "max_reply_bytes",
        .type = FR_OPTION_SIZE,
        .zero_is_off = true,
        .unit = "bytes",
        .min = 1024,
        .max = 134217728,
        .def = "4 MiB",
        .help = "the largest reply of framerelay.v1; a picture that does not fit is left out and "
                "counted. 4 MiB is what clients take unless they are told otherwise; 0: no limit"},
    FR_DOOR_OPTION_TLS,
    {.name = NULL},
};

void fr_grpc_look(struct grpc_door *d, int64_t due_us)
{
	static const int64_t each_ms[] = {GRPC_HOLD_MS};
	const int64_t now_us = fr_clock_now_us();

	if (d->look_us > now_us && (due_us == 0 || d->look_us <= due_us))
		return;
	fr_look_at(d->tick, now_us, due_us, each_ms, 1);
	d->look_us = fr_look_earlier(now_us + GRPC_HOLD_MS * INT64_C(1000), due_us);
}

static void on_tick(void *arg)
{
	struct grpc_door *d = arg;
	const int64_t now_us = fr_clock_now_us();
	struct grpc_peer *p, *next;
	int64_t due_us = 0;

	for (p = TAILQ_FIRST(&d->peers); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry); /* the tick may end this one, and only this one */
		due_us = fr_look_earlier(due_us, fr_grpc_peer_tick(p, now_us));
	}
	d->look_us = 0;
	if (!TAILQ_EMPTY(&d->peers)) /* else it sleeps until the next one comes */
		fr_grpc_look(d, due_us);
}

static void end_all(struct grpc_door *d, const char *why)
{
	struct grpc_peer *p, *next;

	for (p = TAILQ_FIRST(&d->peers); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry);
		fr_grpc_peer_drain(p, why);
	}
}

static void grpc_close(struct fr_door *door)
{
	struct grpc_door *d = (struct grpc_door *)door;
	struct grpc_peer *p;

	if (d == NULL)
		return;
	if (!d->is_draining)
		end_all(d, "this listener closes");
	while ((p = TAILQ_FIRST(&d->peers)) != NULL)
		fr_grpc_peer_drop(p, "this listener closes");
	fr_timer_free(d->tick);
	fr_listener_free(d->listener);
	free(d);
}

static int choice(const struct fr_options *o, const char *name, const char *const *words)
{
	const char *text = fr_options_text(o, name);
	int i = 0;

	while (strcmp(words[i], text) != 0) /* NOLINT: the table allows no other word */
		i++;
	return i;
}

static int grpc_open(const struct fr_door_env *env, const struct fr_options *o,
    struct fr_door **ret, struct fr_cause *why)
{
	static const char *const takeovers[] = {"same", "replace", "refuse"};
	static const char *const verifies[] = {"none", "header", "full"};
	struct grpc_door *d = fr_xcalloc(1, sizeof(*d));
	char text[FR_ADDR_TEXT_MAX];
	struct fr_addr addr;
	int r;

	d->env = *env;
	TAILQ_INIT(&d->peers);
	d->takeover = (enum fr_takeover)choice(o, "takeover", takeovers);
	d->verify = (enum fr_verify)choice(o, "verify", verifies);
	d->tls = fr_options_bool(o, "tls") ? env->tls : NULL;
	d->max_reply_bytes = fr_options_int(o, "max_reply_bytes");
	r = fr_proxies_read(&d->proxies, o, why);
	if (r == 0)
		r = fr_addr_parse(fr_options_text(o, "listen"), &addr, why);
	if (r == 0)
		r = fr_listener_new(
		    env->loop, "grpc", &addr, fr_grpc_on_accept, d, &d->listener, why);
	if (r < 0)
		goto fail;
	r = fr_timer_new(env->loop, on_tick, d, &d->tick, why);
	if (r < 0)
		goto fail;
	fr_log(FR_LOG_INFO, "grpc", "listening", "address=%s%s",
	    fr_addr_print(fr_listener_addr(d->listener), text), d->tls != NULL ? " tls=true" : "");
	*ret = &d->door;
	return 0;

fail:
	grpc_close(&d->door);
	return r;
}

static void grpc_drain(struct fr_door *door)
{
	struct grpc_door *d = (struct grpc_door *)door;

	d->is_draining = true;
	fr_listener_stop(d->listener);
	end_all(d, "the relay is stopping");
}

static size_t grpc_busy(const struct fr_door *door)
{
	const struct grpc_door *d = (const struct grpc_door *)door;
	const struct grpc_peer *p;
	size_t busy = fr_conn_undelivered(d->env.loop);

	TAILQ_FOREACH (p, &d->peers, entry)
		busy++;
	return busy;
}

static void grpc_announce(const struct fr_door *door, struct fr_text *lines)
{
	const struct grpc_door *d = (const struct grpc_door *)door;
	const struct fr_addr *bound = fr_listener_addr(d->listener);
	struct fr_addr reachable[REACHABLE];
	char text[FR_ADDR_TEXT_MAX];
	size_t n;

	if (bound->kind == FR_ADDR_UNIX) {
		fr_text_add(lines, "gRPC at: %s\n", fr_addr_print(bound, text));
		return;
	}
	n = fr_listener_reachable(d->listener, reachable, REACHABLE);
	for (size_t i = 0; i < n; i++)
		fr_text_add(lines, "gRPC at: %s\n", fr_addr_print(&reachable[i], text));
}

static int grpc_adopt(struct fr_door *door, const struct fr_handover *handover)
{
	struct grpc_door *d = (struct grpc_door *)door;
	struct grpc_peer *p;

	if (d->is_draining)
		return -ESHUTDOWN;
	p = fr_grpc_peer_begin(d, handover->conn, &handover->ticket);
	fr_grpc_peer_take(p, handover->bytes, handover->size);
	return 0;
}

const struct fr_door_ops fr_door_grpc = {
    .kind = "grpc",
    .summary = "gRPC over HTTP/2: programs ask for pictures, subscribe and publish",
    .options = options,
    .open = grpc_open,
    .drain = grpc_drain,
    .busy = grpc_busy,
    .close = grpc_close,
    .announce = grpc_announce,
    .adopt = grpc_adopt,
};
