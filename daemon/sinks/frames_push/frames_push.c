/* SPDX-License-Identifier: MIT */
/*
 * One of our streams to another program: the recipe's server (plain framing) or another relay (a hello, records).
 *
 * It subscribes only while pictures can be delivered and are wanted, so a camera here sleeps while nobody watches there. Whole
 * pictures only, one under way at a time; a peer that takes nothing is left after subscriber_stall_ms.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/time.h>

#include <event2/event.h>
#include <event2/event_struct.h>

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
#include "common/net/loop.h"
#include "common/net/wire_client.h"
#include "daemon/relay/relay.h"
#include "daemon/relay/subscriber.h"
#include "daemon/sinks/frames_push/publisher_id.h"
#include "daemon/sinks/sinks.h"

enum {
	PORT = 8000,
	RETRY_FIRST_US = 200 * 1000,
	RETRY_MOST_US = 2 * 1000 * 1000,
	PLAIN_RETRY_MOST_US = 10 * 1000 * 1000, /* the recipe's server takes one session and ends */
	ECHOES = 16,
	PEER_TEXT = FR_ADDR_TEXT_MAX + 256,
};

struct frames_push {
	struct fr_sink sink;
	struct fr_sink_env env;
	struct fr_subscribe_spec wanted;
	struct fr_wire_client_spec spec;
	struct fr_wire_client *client; /* NULL: drained */
	struct fr_subscriber *sub;     /* only while up and in demand */
	bool in_flight;
	bool is_outdated; /* the rate has changed while a picture was under way */
	bool was_up, has_ended;
	bool always;                        /* also while nobody watches over there */
	uint32_t demand, demand_rate_milli; /* what the other relay says */
	uint64_t sequence;                  /* of the last picture that went out */
	struct event stall;
	struct fr_log_again away;
	uint64_t echoes[ECHOES]; /* what came from there and must not go back */
	unsigned next_echo;
};

/* --- MESSAGEs do not go back where they came from --------------------------------------------- */

/* FNV-1a. Never 0, which is "none". */
static uint64_t hash(const uint8_t *bytes, size_t size)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < size; i++)
		h = (h ^ bytes[i]) * 0x100000001b3;
	return h | 1;
}

static bool is_echo(struct frames_push *s, const struct fr_frame *message)
{
	const uint64_t h = hash(fr_frame_bytes(message), fr_frame_size(message));

	for (unsigned i = 0; i < ECHOES; i++)
		if (s->echoes[i] == h) {
			s->echoes[i] = 0;
			return true;
		}
	return false;
}

static void on_message(struct frames_push *s, const struct fr_wire_event *event)
{
	static const struct fr_who who = {.ours = true};
	struct fr_refusal refusal;

	if (s->sub != NULL)
		s->echoes[s->next_echo++ % ECHOES] = hash(event->text, event->size);
	if (fr_relay_message(s->env.relay, s->wanted.stream, &who, "frames-push", event->text,
	        event->size, fr_clock_now_us(), fr_clock_real_us(), &refusal) < 0)
		fr_log_limited(FR_LOG_WARNING, "frames-push", "message refused", s->wanted.stream,
		    "stream=%s reason=\"%s\"", s->wanted.stream, refusal.why.text);
}

/* --- Out -------------------------------------------------------------------------------------- */

static void unsubscribe(struct frames_push *s)
{
	fr_subscriber_free(s->sub, fr_clock_now_us());
	s->sub = NULL;
	s->in_flight = false;
}

/* A new subscription begins with the newest picture, which may have gone out already. */
static bool is_known(struct frames_push *s, const struct fr_frame *frame)
{
	const struct fr_frame_info *info = fr_frame_info(frame);

	if (info->type == FR_FRAME_MESSAGE)
		return is_echo(s, frame);
	if (info->sequence <= s->sequence)
		return true;
	s->sequence = info->sequence;
	return false;
}

static void pump(struct frames_push *s)
{
	while (s->sub != NULL && !s->in_flight && fr_wire_client_is_idle(s->client)) {
		struct fr_frame *frame = fr_subscriber_next(s->sub, fr_clock_now_us());
		enum fr_send sent = FR_SEND_DONE;

		if (frame == NULL)
			return;
		if (!is_known(s, frame))
			sent = fr_wire_client_send(s->client, frame);
		fr_frame_unref(frame);
		if (sent == FR_SEND_DONE)
			fr_subscriber_sent(s->sub);
		else if (sent == FR_SEND_FULL)
			s->in_flight = true;
		else
			unsubscribe(s); /* on_down() says why */
	}
}

static void on_ready(void *arg)
{
	pump(arg);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	struct frames_push *s = arg;

	(void)refusal; /* never for one of ours */
	unsubscribe(s);
}

static const struct fr_subscriber_ops subscriber_ops = {on_ready, on_closed};

static uint32_t lesser_rate(uint32_t a, uint32_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* Subscribes when pictures can go out and are wanted over there, and otherwise not. */
static void update(struct frames_push *s)
{
	struct fr_subscriber *old = s->sub;
	struct fr_subscribe_spec spec = s->wanted;
	struct fr_refusal refusal;

	if (!fr_wire_client_is_up(s->client) || (!s->spec.plain && !s->always && s->demand == 0)) {
		unsubscribe(s);
		return;
	}
	s->is_outdated = s->in_flight;
	if (s->in_flight)
		return; /* on_drained() comes back to it */
	spec.max_fps_milli = lesser_rate(spec.max_fps_milli, s->demand_rate_milli);
	s->sub = NULL;
	if (fr_relay_subscribe(
	        s->env.relay, &spec, &subscriber_ops, s, fr_clock_now_us(), &s->sub, &refusal) < 0)
		fr_log(FR_LOG_WARNING, "frames-push", "subscription refused",
		    "stream=%s reason=\"%s\"", spec.stream, refusal.why.text);
	/* The new one first, so that the source does not see demand end. */
	fr_subscriber_free(old, fr_clock_now_us());
}

static void on_drained(void *arg)
{
	struct frames_push *s = arg;

	if (s->in_flight)
		fr_subscriber_sent(s->sub);
	s->in_flight = false;
	if (s->is_outdated)
		update(s);
	pump(s);
}

/* --- What the other end says ------------------------------------------------------------------ */

static void on_demand(struct frames_push *s, uint32_t subscribers, uint32_t rate_milli)
{
	/* One that always sends has no rate to keep while nobody watches. */
	const uint32_t wanted_milli = subscribers != 0 ? rate_milli : 0;
	const bool is_same =
	    (s->demand == 0) == (subscribers == 0) && s->demand_rate_milli == wanted_milli;

	s->demand = subscribers;
	s->demand_rate_milli = wanted_milli;
	if (!is_same)
		update(s);
}

static void on_up(void *arg, const struct fr_hello_answer *answer)
{
	struct frames_push *s = arg;
	char peer[PEER_TEXT];

	(void)answer;
	s->demand = 0;
	s->demand_rate_milli = 0;
	if (fr_log_again_end(&s->away) || !s->was_up)
		fr_log(FR_LOG_INFO, "frames-push", "connected", "peer=%s stream=%s",
		    fr_wire_client_peer(s->client, peer), s->wanted.stream);
	s->was_up = true;
	s->sequence = 0; /* whoever is there now has seen nothing */
	if (s->spec.plain || s->always)
		update(s);
}

static void on_event(void *arg, const struct fr_wire_event *event)
{
	struct frames_push *s = arg;

	switch (event->type) {
	case FR_WIRE_FRAME:
		fr_frame_unref(event->frame); /* a relay sends its publishers no pictures */
		break;
	case FR_WIRE_MESSAGE:
		on_message(s, event);
		break;
	case FR_WIRE_DEMAND:
		on_demand(s, event->subscribers, event->rate_milli);
		break;
	default:
		break;
	}
}

static void on_down(void *arg, unsigned code, const char *reason, bool again)
{
	struct frames_push *s = arg;
	/* One outage is one line, whatever the next tries meet, but for what the other end itself says. */
	const bool is_news = s->away.times == 0 || code != 0;
	/* That the recipe's server is not there is its normal state. */
	const enum fr_log_level level = s->spec.plain ? FR_LOG_INFO : FR_LOG_WARNING;
	struct fr_log_text text;
	struct fr_cause why;
	char peer[PEER_TEXT];

	unsubscribe(s);
	fr_wire_client_peer(s->client, peer);
	if (fr_log_again(&s->away, reason, fr_clock_now_us()))
		fr_log(is_news ? level : FR_LOG_DEBUG, "frames-push",
		    again ? "the other end is away, trying again" : "the other end is away",
		    "peer=%s stream=%s reason=%s", peer, s->wanted.stream,
		    fr_log_quote(&text, reason));
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
	s->env.ended(s->env.arg, code == 401 || code == 403 ? -EACCES : -EIO, why.text);
}

static const struct fr_wire_client_ops client_ops = {
    .on_up = on_up,
    .on_event = on_event,
    .on_drained = on_drained,
    .on_down = on_down,
};

/* --- A peer that takes nothing ---------------------------------------------------------------- */

static void watch_stall(struct frames_push *s)
{
	const int64_t stall_ms = s->env.limits->subscriber_stall_ms;
	const int64_t wait_ms = stall_ms == 0 || stall_ms > 4000 ? 1000 : stall_ms / 4 + 1;
	const struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};

	(void)event_add(&s->stall, &wait);
}

static void on_stall(evutil_socket_t fd, short what, void *arg)
{
	struct frames_push *s = arg;
	const int64_t stall_us = s->env.limits->subscriber_stall_ms * 1000;

	(void)fd;
	(void)what;
	watch_stall(s);
	if (!s->in_flight || stall_us == 0 ||
	    fr_clock_now_us() - fr_wire_client_progress_us(s->client) < stall_us)
		return;
	fr_stat_rejected("frames-push", FR_REASON_slow_subscriber);
	fr_wire_client_reconnect(s->client, "it took no byte for subscriber_stall_ms");
}

/* --- Life ------------------------------------------------------------------------------------- */

static void push_drain(struct fr_sink *sink)
{
	struct frames_push *s = (struct frames_push *)sink;

	(void)event_del(&s->stall);
	if (s->client == NULL)
		return;
	/* What is under way goes out by itself, then length 0 or END. */
	if (s->in_flight)
		fr_subscriber_sent(s->sub);
	unsubscribe(s);
	fr_wire_client_finish(s->client, "the publisher is stopping");
	s->client = NULL;
}

static bool push_busy(const struct fr_sink *sink)
{
	(void)sink; /* fr_conn_finishing() counts what is left */
	return false;
}

static void push_close(struct fr_sink *sink)
{
	struct frames_push *s = (struct frames_push *)sink;

	(void)event_del(&s->stall);
	unsubscribe(s);
	fr_wire_client_free(s->client);
	free(s);
}

static int push_check(const struct fr_options *options, struct fr_cause *why)
{
	const char *id = fr_options_text(options, "id");
	const size_t length = strlen(id);

	if (!fr_options_bool(options, "hello") && fr_options_text(options, "token_file")[0] != '\0')
		return fr_cause_set(
		    why, EINVAL, "token_file: without a hello there is no place for a token");
	if (length == 0 ||
	    (length >= 16 && length <= 64 && strspn(id, "0123456789abcdef") == length))
		return 0;
	return fr_cause_set(why, EINVAL, "id = \"%.80s\": must be 16 to 64 of 0-9 and a-f", id);
}

static int read_spec(
    struct fr_wire_client_spec *spec, const struct fr_options *options, struct fr_cause *why)
{
	const char *remote = fr_options_text(options, "remote_stream");
	const char *id = fr_options_text(options, "id");

	if (remote[0] == '\0')
		remote = fr_options_text(options, "stream");
	if (push_check(options, why) < 0)
		return -EINVAL;
	spec->plain = !fr_options_bool(options, "hello");
	spec->retry = fr_options_bool(options, "retry");
	spec->retry_first_us = RETRY_FIRST_US;
	spec->retry_most_us = spec->plain ? PLAIN_RETRY_MOST_US : RETRY_MOST_US;
	spec->hello = (struct fr_hello){
	    .verb = FR_HELLO_PUB,
	    .records = true,
	    .takeover_no = !fr_options_bool(options, "takeover"),
	    .queue_frames = -1,
	    .queue_age_ms = -1,
	};
	(void)snprintf(spec->hello.stream, sizeof(spec->hello.stream), "%s", remote);
	if (id[0] != '\0')
		(void)snprintf(spec->hello.id, sizeof(spec->hello.id), "%s", id);
	else
		fr_publisher_id(remote, spec->hello.id);
	if (fr_token_read(fr_options_text(options, "token_file"), spec->hello.token, why) < 0)
		return -EACCES;
	return fr_addr_split(
	    fr_options_text(options, "address"), PORT, spec->host, &spec->port, why);
}

static int push_open(const struct fr_sink_env *env, const struct fr_options *options,
    struct fr_sink **ret, struct fr_cause *why)
{
	struct frames_push *s = fr_xcalloc(1, sizeof(*s));
	int r;

	s->sink.ops = fr_sink_find("frames-push");
	s->env = *env;
	s->wanted = (struct fr_subscribe_spec){
	    .door = "frames-push",
	    .who = {.ours = true},
	    .queue_frames = (int)fr_options_int(options, "queue_frames"),
	    .queue_age_ms = fr_options_int(options, "queue_age_ms"),
	    .max_fps_milli = (uint32_t)fr_options_int(options, "max_fps"),
	    .messages = fr_options_bool(options, "hello"),
	};
	s->always = fr_options_bool(options, "always");
	(void)snprintf(
	    s->wanted.stream, sizeof(s->wanted.stream), "%s", fr_options_text(options, "stream"));
	(void)evtimer_assign(&s->stall, fr_loop_base(env->loop), on_stall, s);
	r = read_spec(&s->spec, options, why);
	if (r < 0) {
		push_close(&s->sink);
		return r;
	}
	s->client = fr_wire_client_new(
	    env->loop, fr_relay_pool(env->relay), env->limits, &s->spec, &client_ops, s);
	watch_stall(s);
	*ret = &s->sink;
	return 0;
}

static const struct fr_option_spec specs[] = {
    {.name = "stream",
        .type = FR_OPTION_NAME,
        .required = true,
        .def = "door",
        .help = "the stream here whose pictures are sent"},
    {.name = "address",
        .type = FR_OPTION_HOST,
        .required = true,
        .def = "192.168.1.60:8000",
        .help = "where to: HOST or HOST:PORT, port 8000 if none is said, or unix:/path"},
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
        .help = "speak to another relay; false: only the plain framing, for a program that knows "
                "nothing else"},
    {.name = "id",
        .type = FR_OPTION_STRING,
        .def = "",
        .help =
            "16 to 64 hex digits by which the other relay knows this publisher again; empty: made "
            "from this machine and the stream"},
    {.name = "takeover",
        .type = FR_OPTION_BOOL,
        .def = "true",
        .help =
            "replace another publisher of the stream where the other relay allows it; false: be "
            "refused"},
    {.name = "retry",
        .type = FR_OPTION_BOOL,
        .def = "true",
        .help = "come back after a failure; false: the sink ends"},
    {.name = "always",
        .type = FR_OPTION_BOOL,
        .def = "false",
        .help = "send also while nobody watches over there"},
    {.name = "max_fps",
        .type = FR_OPTION_MILLI,
        .unit = "pictures/s",
        .zero_is_off = true,
        .min = 1,
        .max = 1000000,
        .def = "0",
        .help = "the most pictures a second that are sent, the newest each time; 0: all"},
    {.name = "queue_frames",
        .type = FR_OPTION_UINT,
        .unit = "frames",
        .min = 1,
        .max = 64,
        .def = "1",
        .help = "pictures that wait while the other end is slow, before the oldest is dropped"},
    {.name = "queue_age_ms",
        .type = FR_OPTION_UINT,
        .unit = "ms",
        .zero_is_off = true,
        .min = 1,
        .max = 3600000,
        .def = "1000",
        .help = "how old a waiting picture may get before it is dropped; 0: no limit"},
    {.name = NULL},
};

const struct fr_sink_ops fr_sink_frames_push = {
    .kind = "frames-push",
    .summary = "a stream's pictures to another relay, or to a program that takes the plain framing",
    .options = specs,
    .check = push_check,
    .open = push_open,
    .drain = push_drain,
    .busy = push_busy,
    .close = push_close,
};
