/* SPDX-License-Identifier: MIT */
/*
 * The door `http`: browsers and everything that speaks HTTP/1.1 (docs/protocol.md 2).
 *
 * This file opens and closes it; one connection is in peer.c, what it may ask for in routes.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/random.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/media/uri.h"
#include "common/net/listener.h"
#include "common/net/loop.h"
#include "common/net/timer.h"
#include "common/net/worker.h"
#include "daemon/doors/http/inside.h"
#include "daemon/doors/look.h"

enum {
	REACHABLE = 3, /* addresses that the start of the log names */
};

static const struct fr_option_spec options[] = {
    {.name = "listen",
        .type = FR_OPTION_LISTEN,
        .def = "[::]:8080",
        .help = "where browsers and other programs connect; \"unix:/path\" is a socket in the file "
                "system"},
    {.name = "hosts",
        .type = FR_OPTION_LIST,
        .def = "",
        .help = "further names by which this machine may be asked; addresses, localhost, names "
                "without dots, *.local, *.lan, *.home.arpa and *.internal are good anyway"},
    {.name = "allow_origins",
        .type = FR_OPTION_LIST,
        .def = "private",
        .help = "pages of these origins may read pictures and answers, and change something: "
                "`https://host`, `private` (hosts as above, addresses in private networks), `*`"},
    {.name = "trusted_proxies",
        .type = FR_OPTION_NETWORKS,
        .def = "",
        .help = "whose X-Forwarded-For is believed; at most 16"},
    {.name = "takeover",
        .type = FR_OPTION_CHOICE,
        .choices = "same|replace|refuse",
        .def = "same",
        .help = "who may replace a live publisher: the same one (by address), anybody, nobody"},
    {.name = "verify",
        .type = FR_OPTION_CHOICE,
        .choices = "none|header|full",
        .def = "header",
        .help = "how pictures are looked at: their first two bytes, a walk over their markers, a "
                "strict decode "
                "on a worker thread"},
    {.name = "repeat_ms",
        .type = FR_OPTION_UINT,
        .zero_is_off = true,
        .unit = "ms",
        .min = 10,
        .max = 60000,
        .def = "1000",
        .help = "after how long MJPEG viewers get the newest picture once more: some show a "
                "picture only when the next one begins; 0: never"},
    {.name = "events_keep_alive_ms",
        .type = FR_OPTION_UINT,
        .zero_is_off = true,
        .unit = "ms",
        .min = 10,
        .max = 3600000,
        .def = "15000",
        .help =
            "after how long a reader of events in which nothing happens gets a comment, so that "
            "no proxy takes the connection for dead; 0: never"},
    {.name = "placeholder",
        .type = FR_OPTION_BOOL,
        .def = "true",
        .help = "whether MJPEG viewers of a stream that is stale or offline see its last picture "
                "greyed, with the time; else they get nothing"},
    {.name = "boundary",
        .type = FR_OPTION_STRING,
        .def = "",
        .help = "the delimiter of MJPEG streams, for viewers that have it built in; empty: a "
                "random one, which no camera can guess"},
    FR_DOOR_OPTION_TLS,
    {.name = NULL},
};

void fr_http_look_later(struct http_door *d)
{
	const struct fr_limits *limits = d->env.limits;
	const int64_t deadlines_ms[] = {limits->http_header_timeout_ms,
	    limits->http_body_timeout_ms, limits->keep_alive_timeout_ms,
	    limits->snapshot_timeout_ms, limits->frame_timeout_ms, limits->frame_min_rate_after_ms,
	    limits->publisher_timeout_ms, limits->subscriber_stall_ms, d->repeat_ms,
	    d->events_keep_alive_ms, limits->ping_interval_ms};

	/* A door without connections sleeps. */
	if (TAILQ_EMPTY(&d->peers) || fr_timer_left_us(d->tick) >= 0)
		return;
	fr_look_later(d->tick, deadlines_ms, sizeof(deadlines_ms) / sizeof(deadlines_ms[0]));
}

static void on_tick(void *arg)
{
	struct http_door *d = arg;
	const int64_t now_us = fr_clock_now_us();
	struct http_peer *p, *next;

	fr_http_placeholders_tick(d, now_us);
	for (p = TAILQ_FIRST(&d->peers); p != NULL; p = next) {
		next = TAILQ_NEXT(p, entry); /* the tick may end this one, and only this one */
		fr_http_peer_tick(p, now_us);
	}
	fr_http_look_later(d);
}

/* Ends everybody; what is under way goes on without us. */
static void end_all(struct http_door *d, const char *why)
{
	struct fr_refusal refusal = {.code = 503, .reason = FR_REASON_shutdown};
	struct http_peer *p;

	(void)fr_cause_set(&refusal.why, 0, "%s", why);
	while ((p = TAILQ_FIRST(&d->peers)) != NULL)
		fr_http_peer_send_away(p, &refusal);
}

static void http_close(struct fr_door *door)
{
	struct http_door *d = (struct http_door *)door;

	if (d == NULL)
		return;
	d->is_draining = true;
	end_all(d, "this listener closes");
	fr_timer_free(d->tick);
	fr_listener_free(d->listener);
	fr_worker_free(d->worker);
	fr_frame_unref(d->metrics);
	free(d);
}

/* A hostile camera could hide a known boundary in a comment of its JPEGs and cut the stream. */
static int make_boundary(struct http_door *d, const char *fixed, struct fr_cause *why)
{
	uint8_t random[16];
	size_t n = 0;

	if (fixed[0] != '\0') {
		n = strspn(
		    fixed, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.");
		if (fixed[n] != '\0' || n > HTTP_BOUNDARY_MAX)
			return fr_cause_set(why, EINVAL,
			    "boundary = \"%.80s\": must be 1..70 letters, digits, _ and .", fixed);
		memcpy(d->boundary, fixed, n + 1);
		return 0;
	}
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return fr_cause_set(why, EIO, "the system gives no random numbers");
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(d->boundary + 2 * i, 3, "%02x", random[i]);
	return 0;
}

/* The part of gethostname() that a browser may ask for. */
static void find_machine(struct http_door *d)
{
	char name[256] = "";

	(void)gethostname(name, sizeof(name) - 1); /* then it stays empty */
	if (!fr_uri_host(name, d->machine))
		d->machine[0] = '\0';
}

static int choice(const struct fr_options *o, const char *name, const char *const *words)
{
	const char *text = fr_options_text(o, name);
	int i = 0;

	while (strcmp(words[i], text) != 0) /* NOLINT: the table allows no other word */
		i++;
	return i;
}

static int http_open(const struct fr_door_env *env, const struct fr_options *o,
    struct fr_door **ret, struct fr_cause *why)
{
	static const char *const takeovers[] = {"same", "replace", "refuse"};
	static const char *const verifies[] = {"none", "header", "full"};
	struct http_door *d = fr_xcalloc(1, sizeof(*d));
	char text[FR_ADDR_TEXT_MAX];
	struct fr_addr addr;
	int r;

	d->env = *env;
	d->options = o;
	TAILQ_INIT(&d->peers);
	LIST_INIT(&d->placeholders);
	d->repeat_ms = fr_options_int(o, "repeat_ms");
	d->events_keep_alive_ms = fr_options_int(o, "events_keep_alive_ms");
	d->takeover = (enum fr_takeover)choice(o, "takeover", takeovers);
	d->verify = (enum fr_verify)choice(o, "verify", verifies);
	d->tls = fr_options_bool(o, "tls") ? env->tls : NULL;
	find_machine(d);
	r = make_boundary(d, fr_options_text(o, "boundary"), why);
	if (r == 0)
		r = fr_proxies_read(&d->proxies, d->options, why);
	if (r == 0)
		r = fr_addr_parse(fr_options_text(o, "listen"), &addr, why);
	if (r < 0)
		goto fail;
	if (fr_options_bool(o, "placeholder"))
		r = fr_worker_new(env->loop, 1, "placeholder", &d->worker, why);
	if (r < 0)
		goto fail;
	r = fr_listener_new(env->loop, "http", &addr, fr_http_on_accept, d, &d->listener, why);
	if (r < 0)
		goto fail;
	r = fr_timer_new(env->loop, on_tick, d, &d->tick, why);
	if (r < 0)
		goto fail;
	fr_log(FR_LOG_INFO, "http", "listening", "address=%s%s",
	    fr_addr_print(fr_listener_addr(d->listener), text), d->tls != NULL ? " tls=true" : "");
	*ret = &d->door;
	return 0;

fail:
	http_close(&d->door);
	return r;
}

static void http_drain(struct fr_door *door)
{
	struct http_door *d = (struct http_door *)door;

	d->is_draining = true;
	fr_listener_stop(d->listener);
	end_all(d, "the relay is stopping");
}

static size_t http_busy(const struct fr_door *door)
{
	return fr_conn_undelivered(((const struct http_door *)door)->env.loop);
}

static void http_announce(const struct fr_door *door, struct fr_text *lines)
{
	const struct http_door *d = (const struct http_door *)door;
	const struct fr_addr *bound = fr_listener_addr(d->listener);
	struct fr_addr reachable[REACHABLE];
	char text[FR_ADDR_TEXT_MAX];
	size_t n;

	if (bound->kind == FR_ADDR_UNIX) {
		fr_text_add(lines, "viewers: http at %s\n", fr_addr_print(bound, text));
		return;
	}
	n = fr_listener_reachable(d->listener, reachable, REACHABLE);
	for (size_t i = 0; i < n; i++)
		fr_text_add(lines, "viewers: %s://%s/\n", d->tls != NULL ? "https" : "http",
		    fr_addr_print(&reachable[i], text));
}

static int http_adopt(struct fr_door *door, const struct fr_handover *handover)
{
	struct http_door *d = (struct http_door *)door;
	struct http_peer *p;

	if (d->is_draining)
		return -ESHUTDOWN;
	fr_http_peer_begin(d, handover->conn, &handover->ticket);
	p = TAILQ_LAST(&d->peers, http_peer_list);
	fr_http_peer_take(p, handover->bytes, handover->size);
	return 0;
}

const struct fr_door_ops fr_door_http = {
    .kind = "http",
    .summary =
        "HTTP/1.1: browsers, dashboards and programs watch by MJPEG, WebSocket and snapshots, "
        "and publish by POST",
    .options = options,
    .open = http_open,
    .drain = http_drain,
    .busy = http_busy,
    .close = http_close,
    .announce = http_announce,
    .adopt = http_adopt,
};
