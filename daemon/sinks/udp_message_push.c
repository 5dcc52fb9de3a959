/* SPDX-License-Identifier: MIT */
/*
 * The MESSAGEs of one of our streams to a program that takes JSON texts by UDP (docs/protocol.md 4.2), one a datagram.
 *
 * They are sent as they come: the answers are not waited for, and a text that is lost is lost.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/addr.h"
#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/media/udp_pictures.h"
#include "common/net/datagram_peer.h"
#include "daemon/relay/relay.h"
#include "daemon/relay/subscriber.h"
#include "daemon/sinks/sinks.h"

enum {
	PORT = 6666,
};

struct message_push {
	struct fr_sink sink;
	struct fr_subscribe_spec wanted;
	char address[300]; /* as configured, for the log */
	struct fr_datagram_peer *peer;
	struct fr_subscriber *sub;
	struct fr_log_again away;
};

static void say_away(struct message_push *s, const char *reason)
{
	struct fr_log_text text;

	if (fr_log_again(&s->away, reason, fr_clock_now_us()))
		fr_log(FR_LOG_WARNING, "udp-message-push",
		    "the other end takes no messages, trying again", "peer=%s stream=%s reason=%s",
		    s->address, s->wanted.stream, fr_log_quote(&text, reason));
}

static void pump(struct message_push *s)
{
	struct fr_frame *message;

	while (s->sub != NULL && fr_datagram_peer_is_up(s->peer)) {
		message = fr_subscriber_next(s->sub, fr_clock_now_us());
		if (message == NULL)
			return;
		if (fr_frame_size(message) > FR_UDP_WHOLE_BYTES)
			fr_stat_rejected("udp-message-push", FR_REASON_udp_too_large);
		else if (fr_datagram_peer_send(
		             s->peer, fr_frame_bytes(message), fr_frame_size(message)) == -EAGAIN)
			fr_stat_rejected("udp-message-push", FR_REASON_slow_subscriber);
		fr_frame_unref(message);
		fr_subscriber_sent(s->sub);
	}
}

static void on_ready(void *arg)
{
	pump(arg);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	struct message_push *s = arg;

	(void)refusal; /* never for one of ours */
	fr_subscriber_free(s->sub, fr_clock_now_us());
	s->sub = NULL;
}

static const struct fr_subscriber_ops subscriber_ops = {on_ready, on_closed};

static void on_up(void *arg)
{
	pump(arg);
}

static void on_answer(void *arg, const uint8_t *bytes, size_t size)
{
	struct message_push *s = arg;

	(void)bytes;
	(void)size;
	if (fr_log_again_end(&s->away))
		fr_log(FR_LOG_INFO, "udp-message-push", "the other end answers again",
		    "peer=%s stream=%s", s->address, s->wanted.stream);
}

static void on_down(void *arg, const char *reason)
{
	say_away(arg, reason);
}

static void on_refused(void *arg)
{
	say_away(arg, "nobody listens there");
}

static const struct fr_datagram_peer_ops peer_ops = {on_up, on_answer, on_down, on_refused};

static void push_drain(struct fr_sink *sink)
{
	struct message_push *s = (struct message_push *)sink;

	if (s->sub != NULL)
		fr_subscriber_drain(s->sub);
}

static bool push_busy(const struct fr_sink *sink)
{
	(void)sink; /* nothing is ever half sent */
	return false;
}

static void push_close(struct fr_sink *sink)
{
	struct message_push *s = (struct message_push *)sink;

	fr_subscriber_free(s->sub, fr_clock_now_us());
	fr_datagram_peer_free(s->peer);
	free(s);
}

static int push_open(const struct fr_sink_env *env, const struct fr_options *options,
    struct fr_sink **ret, struct fr_cause *why)
{
	struct message_push *s = fr_xcalloc(1, sizeof(*s));
	struct fr_refusal refusal;
	char host[256];
	uint16_t port;
	int r;

	s->sink.ops = fr_sink_find("udp-message-push");
	s->wanted = (struct fr_subscribe_spec){
	    .door = "udp-message-push",
	    .who = {.ours = true},
	    .queue_frames = 1,
	    .queue_age_ms = -1,
	    .messages = true,
	    .no_pictures = true,
	};
	(void)snprintf(
	    s->wanted.stream, sizeof(s->wanted.stream), "%s", fr_options_text(options, "stream"));
	(void)snprintf(s->address, sizeof(s->address), "%s", fr_options_text(options, "address"));
	r = fr_addr_split(s->address, PORT, host, &port, why);
	if (r < 0)
		goto fail;
	r = fr_relay_subscribe(
	    env->relay, &s->wanted, &subscriber_ops, s, fr_clock_now_us(), &s->sub, &refusal);
	if (r < 0) {
		(void)fr_cause_set(why, -r, "%s", refusal.why.text);
		goto fail;
	}
	s->peer = fr_datagram_peer_new(env->loop, host, port, &peer_ops, s);
	fr_log(FR_LOG_INFO, "udp-message-push", "sending", "peer=%s stream=%s", s->address,
	    s->wanted.stream);
	*ret = &s->sink;
	return 0;

fail:
	push_close(&s->sink);
	return r;
}

static const struct fr_option_spec specs[] = {
    {.name = "stream",
        .type = FR_OPTION_NAME,
        .required = true,
        .def = "door",
        .help = "the stream whose messages are sent"},
    {.name = "address",
        .type = FR_OPTION_HOST,
        .required = true,
        .def = "192.168.1.61:6666",
        .help = "where to: HOST or HOST:PORT, port 6666 if none is said"},
    {.name = NULL},
};

const struct fr_sink_ops fr_sink_udp_message_push = {
    .kind = "udp-message-push",
    .summary = "a stream's messages by UDP, one JSON text a datagram",
    .options = specs,
    .open = push_open,
    .drain = push_drain,
    .busy = push_busy,
    .close = push_close,
};
