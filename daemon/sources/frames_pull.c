/* SPDX-License-Identifier: MIT */
/*
 * Another relay's stream as one of ours: a subscription while somebody here watches.
 *
 * Sequence and capture time are the other relay's. It leaves demand_linger_ms after the last viewer, so that the
 * camera at the far end may sleep too. MESSAGEs come along. While the other end is away, the stream is offline.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/addr.h"
#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "common/media/credential.h"
#include "common/media/frame.h"
#include "common/net/wire_client.h"
#include "daemon/relay/ingest.h"
#include "daemon/sources/live_names.h"
#include "daemon/sources/on_demand.h"
#include "daemon/sources/sources.h"

enum {
	PORT = 8000,
	RETRY_FIRST_US = 200 * 1000,
	RETRY_MOST_US = 2 * 1000 * 1000,
	PLAIN_RETRY_MOST_US =
	    10 * 1000 * 1000, /* a program that serves one at a time is away longer */
};

struct frames_pull {
	struct fr_source source;
	struct fr_source_env env;
	char stream[FR_NAME_MAX + 1];
	struct fr_on_demand *od;
	struct fr_wire_client_spec spec;
	struct fr_wire_client *client; /* NULL: nobody watches */
	struct fr_live_names *live;    /* what there is instead, while the stream is not live */
	struct fr_log_again away;
	bool was_up, has_ended;
	bool was_clean; /* the other end has said that it is done */
};

/* --- What comes from the other end ------------------------------------------------------------ */

static void on_live_names(void *arg, const char *names)
{
	struct frames_pull *s = arg;
	struct fr_log_text text;

	fr_log(FR_LOG_INFO, "frames-pull", "the stream is not there yet", "stream=%s there=%s",
	    s->spec.hello.stream, fr_log_quote(&text, names));
}

static void on_up(void *arg, const struct fr_hello_answer *answer)
{
	struct frames_pull *s = arg;
	char peer[FR_ADDR_TEXT_MAX + 256];

	fr_on_demand_set_up(s->od, true);
	if (fr_log_again_end(&s->away) || !s->was_up)
		fr_log(FR_LOG_INFO, "frames-pull",
		    answer != NULL && answer->live == 0
		        ? "connected, waiting for the stream to become live"
		        : "connected",
		    "peer=%s stream=%s", fr_wire_client_peer(s->client, peer), s->stream);
	if (answer != NULL && answer->live == 0 && !s->was_up)
		fr_live_names_ask(s->live, s->spec.host, s->spec.port, s->spec.hello.stream);
	s->was_up = true;
	s->was_clean = false;
}

static void on_message(struct frames_pull *s, const struct fr_wire_event *event)
{
	static const struct fr_who who = {.ours = true};
	struct fr_refusal refusal;

	if (fr_relay_message(s->env.relay, s->stream, &who, "frames-pull", event->text, event->size,
	        fr_clock_now_us(), fr_clock_real_us(), &refusal) < 0)
		fr_log_limited(FR_LOG_WARNING, "frames-pull", "message refused", s->stream,
		    "stream=%s reason=\"%s\"", s->stream, refusal.why.text);
}

static void on_frame(struct frames_pull *s, const struct fr_wire_event *event)
{
	struct fr_cause why;

	if (fr_on_demand_frame(
	        s->od, event->frame, event->size, event->sequence, event->time_us, &why) < 0)
		fr_log_limited(FR_LOG_WARNING, "frames-pull", "picture refused", s->stream,
		    "stream=%s reason=\"%s\"", s->stream, why.text);
}

static void on_event(void *arg, const struct fr_wire_event *event)
{
	struct frames_pull *s = arg;

	switch (event->type) {
	case FR_WIRE_FRAME:
		on_frame(s, event);
		break;
	case FR_WIRE_SKIPPED:
		fr_on_demand_reject(s->od, FR_REASON_memory_budget, event->size);
		break;
	case FR_WIRE_MESSAGE:
		on_message(s, event);
		break;
	case FR_WIRE_END:
		s->was_clean = true;
		break;
	default:
		break;
	}
}

static void on_down(void *arg, unsigned code, const char *reason, bool again)
{
	struct frames_pull *s = arg;
	char peer[FR_ADDR_TEXT_MAX + 256];
	struct fr_log_text text;
	struct fr_cause why;

	fr_wire_client_peer(s->client, peer);
	fr_on_demand_set_up(s->od, false);
	if (fr_log_again(&s->away, reason, fr_clock_now_us()))
		fr_log(FR_LOG_WARNING, "frames-pull",
		    again ? "the other end is away, trying again" : "the other end is away",
		    "peer=%s stream=%s reason=%s", peer, s->stream, fr_log_quote(&text, reason));
	if (again) {
		fr_stat_add(FR_STAT_reconnects, 1);
		return;
	}
	if (s->has_ended)
		return;
	s->has_ended = true;
	if (strncmp(reason, peer, strlen(peer)) == 0) /* who does not answer is named already */
		(void)fr_cause_set(&why, EIO, "%s", reason);
	else
		(void)fr_cause_set(&why, EIO, "%s: %s", peer, reason);
	s->env.ended(s->env.arg,
	    s->was_clean                 ? 0
	    : code == 401 || code == 403 ? -EACCES
	                                 : -EIO,
	    why.text);
}

static const struct fr_wire_client_ops client_ops = {
    .on_up = on_up,
    .on_event = on_event,
    .on_down = on_down,
};

/* --- Life ------------------------------------------------------------------------------------- */

static void on_start(void *arg)
{
	struct frames_pull *s = arg;

	if (s->client == NULL && !s->has_ended)
		s->client = fr_wire_client_new(s->env.loop, fr_relay_pool(s->env.relay),
		    s->env.limits, &s->spec, &client_ops, s);
}

static void on_stop(void *arg)
{
	struct frames_pull *s = arg;

	/* Finished in order: the other relay sees a subscriber leave, not one that was lost. */
	if (s->client != NULL)
		fr_wire_client_finish(s->client, "nobody watches");
	s->client = NULL;
	fr_live_names_cancel(s->live);
	s->was_up = false;
	(void)fr_log_again_end(&s->away);
	fr_on_demand_set_up(s->od, true);
}

static const struct fr_on_demand_ops demand_ops = {on_start, on_stop};

static void pull_close(struct fr_source *source)
{
	struct frames_pull *s = (struct frames_pull *)source;

	fr_wire_client_free(s->client);
	fr_live_names_free(s->live);
	fr_on_demand_free(s->od);
	free(s);
}

static int read_spec(
    struct fr_wire_client_spec *spec, const struct fr_options *options, struct fr_cause *why)
{
	const char *remote = fr_options_text(options, "remote_stream");
	const int64_t queue = fr_options_int(options, "queue");

	if (remote[0] == '\0')
		remote = fr_options_text(options, "stream");
	spec->plain = !fr_options_bool(options, "hello");
	spec->retry = fr_options_bool(options, "retry");
	spec->retry_first_us = RETRY_FIRST_US;
	spec->retry_most_us = spec->plain ? PLAIN_RETRY_MOST_US : RETRY_MOST_US;
	spec->hello = (struct fr_hello){
	    .verb = FR_HELLO_SUB,
	    .records = true,
	    .queue_frames = queue != 0 ? (int32_t)queue : -1,
	    .queue_age_ms =
	        fr_options_is_set(options, "age_ms") ? fr_options_int(options, "age_ms") : -1,
	    .max_fps_milli = (uint32_t)fr_options_int(options, "max_fps"),
	};
	(void)snprintf(spec->hello.stream, sizeof(spec->hello.stream), "%s", remote);
	if (fr_token_read(fr_options_text(options, "token_file"), spec->hello.token, why) < 0)
		return -EACCES;
	return fr_addr_split(
	    fr_options_text(options, "address"), PORT, spec->host, &spec->port, why);
}

static int pull_open(const struct fr_source_env *env, const struct fr_options *options,
    struct fr_source **ret, struct fr_cause *why)
{
	struct frames_pull *s = fr_xcalloc(1, sizeof(*s));
	const struct fr_on_demand_spec spec = {
	    .kind = "frames-pull",
	    .stream = fr_options_text(options, "stream"),
	    .always = !fr_options_bool(options, "on_demand"),
	};
	int r;

	s->source.ops = fr_source_find("frames-pull");
	s->env = *env;
	s->live = fr_live_names_new(env->loop, on_live_names, s);
	(void)snprintf(s->stream, sizeof(s->stream), "%s", spec.stream);
	r = read_spec(&s->spec, options, why);
	if (r < 0)
		goto fail;
	r = fr_on_demand_new(env, &spec, &demand_ops, s, &s->od, why);
	if (r < 0)
		goto fail;
	*ret = &s->source;
	return 0;

fail:
	pull_close(&s->source);
	return r;
}

static const struct fr_option_spec specs[] = {
    {.name = "stream",
        .type = FR_OPTION_NAME,
        .required = true,
        .def = "yard",
        .help = "the stream here that the pictures go to"},
    {.name = "address",
        .type = FR_OPTION_HOST,
        .required = true,
        .def = "other-relay.local:8000",
        .help = "the other relay: HOST or HOST:PORT, port 8000 if none is said, or unix:/path"},
    {.name = "token_file",
        .type = FR_OPTION_STRING,
        .def = "",
        .help =
            "a file with the token to log in with over there, which only this program may read; "
            "empty: no login"},
    {.name = "remote_stream",
        .type = FR_OPTION_NAME,
        .def = "",
        .help = "the stream's name over there; empty: the same"},
    {.name = "hello",
        .type = FR_OPTION_BOOL,
        .def = "true",
        .help = "ask for the stream by its name; false: only read, from a program that sends plain "
                "framing to whoever connects"},
    {.name = "on_demand",
        .type = FR_OPTION_BOOL,
        .def = "true",
        .help = "connect only while somebody here watches"},
    {.name = "retry",
        .type = FR_OPTION_BOOL,
        .def = "true",
        .help = "come back after a failure; false: the source ends"},
    {.name = "max_fps",
        .type = FR_OPTION_MILLI,
        .unit = "pictures/s",
        .zero_is_off = true,
        .min = 1,
        .max = 1000000,
        .def = "0",
        .help = "the most pictures a second that are asked for; 0: all"},
    {.name = "queue",
        .type = FR_OPTION_UINT,
        .zero_is_off = true,
        .unit = "frames",
        .min = 1,
        .max = 64,
        .def = "0",
        .help = "how far we may fall behind before the other relay drops a picture; 0: its own "
                "default"},
    {.name = "age_ms",
        .type = FR_OPTION_UINT,
        .zero_is_off = true,
        .unit = "ms",
        .min = 1,
        .max = 3600000,
        .def = "1000",
        .help = "how old a picture that waits there may get; unless it is set, the other relay's "
                "default"},
    {.name = NULL},
};

const struct fr_source_ops fr_source_frames_pull = {
    .kind = "frames-pull",
    .summary = "a stream of another relay, fetched while somebody watches",
    .argument = "address",
    .options = specs,
    .open = pull_open,
    .close = pull_close,
};
