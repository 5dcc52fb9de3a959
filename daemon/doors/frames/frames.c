/* SPDX-License-Identifier: MIT */
/*
 * The door `frames`: the frames protocol over TCP and unix sockets (docs/protocol.md 1).
 *
 * This file opens and closes it; one connection is in peer.c, its two lives in publish.c and subscribe.c.
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
#include "daemon/doors/frames/inside.h"
#include "daemon/doors/look.h"

enum {
	REACHABLE = 3, /* addresses that the start of the log names */
};

static const struct fr_option_spec options[] = {
    {.name = "listen",
        .type = FR_OPTION_LISTEN,
        .def = "[::]:8000",
        .help = "where publishers and subscribers connect; \"unix:/path\" is a socket in the file "
                "system"},
    {.name = "plain_stream",
        .type = FR_OPTION_STRING,
        .def = "cam-%h",
        .help = "the stream of a publisher that says no name: %h is its address, %p its port"},
    {.name = "role",
        .type = FR_OPTION_CHOICE,
        .choices = "any|publish|subscribe",
        .def = "any",
        .help = "\"subscribe\" sends `stream` to whoever connects, without waiting for a byte; "
                "\"publish\" takes "
                "publishers only"},
    {.name = "stream",
        .type = FR_OPTION_NAME,
        .def = "",
        .help = "the stream that a listener with role = \"subscribe\" sends"},
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
    FR_DOOR_OPTION_TLS,
    {.name = NULL},
};

static int choice(const struct fr_options *o, const char *name, const char *const *words)
{
	const char *text = fr_options_text(o, name);
	int i = 0;

	while (strcmp(words[i], text) != 0) /* NOLINT: the table allows no other word */
		i++;
	return i;
}

static void look_later(struct frames_door *d, int64_t now_us, int64_t due_us)
{
	const struct fr_limits *limits = d->env.limits;
	const int64_t deadlines_ms[] = {limits->first_byte_timeout_ms, limits->frame_timeout_ms,
	    limits->frame_min_rate_after_ms, limits->publisher_timeout_ms,
	    limits->subscriber_stall_ms, limits->ping_interval_ms};

	fr_look_at(
	    d->tick, now_us, due_us, deadlines_ms, sizeof(deadlines_ms) / sizeof(deadlines_ms[0]));
}

static void on_tick(void *arg)
{
	struct frames_door *d = arg;
	const int64_t now_us = fr_clock_now_us();
	struct frames_peer *p, *next;
	int64_t due_us = 0;

	for (p = TAILQ_FIRST(&d->peers); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry); /* the tick may end this one, and only this one */
		due_us = fr_look_earlier(due_us, fr_frames_peer_tick(p, now_us));
	}
	look_later(d, now_us, due_us);
}

/* Ends everybody, each in the words of its format; what is under way goes on without us. */
static void end_all(struct frames_door *d, const char *why)
{
	struct fr_refusal refusal = {.code = 503, .reason = FR_REASON_shutdown};
	struct frames_peer *p;

	(void)fr_cause_set(&refusal.why, 0, "%s", why);
	while ((p = TAILQ_FIRST(&d->peers)) != NULL)
		fr_frames_peer_end(p, &refusal, why);
}

static void frames_close(struct fr_door *door)
{
	struct frames_door *d = (struct frames_door *)door;

	if (d == NULL)
		return;
	end_all(d, "this listener closes");
	fr_timer_free(d->tick);
	fr_listener_free(d->listener);
	free(d);
}

static int frames_open(const struct fr_door_env *env, const struct fr_options *o,
    struct fr_door **ret, struct fr_cause *why)
{
	static const char *const roles[] = {"any", "publish", "subscribe"};
	static const char *const takeovers[] = {"same", "replace", "refuse"};
	static const char *const verifies[] = {"none", "header", "full"};
	struct frames_door *d = fr_xcalloc(1, sizeof(*d));
	char text[FR_ADDR_TEXT_MAX];
	struct fr_addr addr;
	int r;

	d->env = *env;
	TAILQ_INIT(&d->peers);
	d->plain_stream = fr_options_text(o, "plain_stream");
	d->stream = fr_options_text(o, "stream");
	d->role = (enum frames_role)choice(o, "role", roles);
	d->takeover = (enum fr_takeover)choice(o, "takeover", takeovers);
	d->verify = (enum fr_verify)choice(o, "verify", verifies);
	d->tls = fr_options_bool(o, "tls") ? env->tls : NULL;
	if (d->role == FRAMES_SUBSCRIBE && d->stream[0] == '\0') {
		r = fr_cause_set(why, EINVAL, "role = \"subscribe\" needs stream = \"NAME\"");
		goto fail;
	}
	r = fr_addr_parse(fr_options_text(o, "listen"), &addr, why);
	if (r < 0)
		goto fail;
	r = fr_listener_new(env->loop, "frames", &addr, fr_frames_on_accept, d, &d->listener, why);
	if (r < 0)
		goto fail;
	r = fr_timer_new(env->loop, on_tick, d, &d->tick, why);
	if (r < 0)
		goto fail;
	look_later(d, fr_clock_now_us(), 0);
	fr_log(FR_LOG_INFO, "frames", "listening", "address=%s role=%s%s",
	    fr_addr_print(fr_listener_addr(d->listener), text), roles[d->role],
	    d->tls != NULL ? " tls=true" : "");
	*ret = &d->door;
	return 0;

fail:
	frames_close(&d->door);
	return r;
}

static void frames_drain(struct fr_door *door)
{
	struct frames_door *d = (struct frames_door *)door;

	d->is_draining = true;
	fr_listener_stop(d->listener);
	end_all(d, "the relay is stopping");
}

static size_t frames_busy(const struct fr_door *door)
{
	return fr_conn_undelivered(((const struct frames_door *)door)->env.loop);
}

static void frames_announce(const struct fr_door *door, struct fr_text *lines)
{
	const struct frames_door *d = (const struct frames_door *)door;
	const struct fr_addr *bound = fr_listener_addr(d->listener);
	struct fr_addr reachable[REACHABLE];
	char text[FR_ADDR_TEXT_MAX];
	size_t n;

	if (bound->kind == FR_ADDR_UNIX) {
		fr_text_add(lines, "publish and subscribe at: %s\n", fr_addr_print(bound, text));
		return;
	}
	n = fr_listener_reachable(d->listener, reachable, REACHABLE);
	for (size_t i = 0; i < n; i++) {
		fr_addr_print(&reachable[i], text);
		if (d->role == FRAMES_SUBSCRIBE)
			fr_text_add(
			    lines, "%s is sent to whoever connects to: %s\n", d->stream, text);
		else
			fr_text_add(lines, "publish with: framerelayd --publish %s/NAME\n", text);
		if (d->role == FRAMES_ANY)
			fr_text_add(lines, "watch with: framerelayd --subscribe %s/NAME\n", text);
	}
}

const struct fr_door_ops fr_door_frames = {
    .kind = "frames",
    .summary = "the frames protocol over TCP: publishers and subscribers, with or without a hello",
    .options = options,
    .open = frames_open,
    .drain = frames_drain,
    .busy = frames_busy,
    .close = frames_close,
    .announce = frames_announce,
};
