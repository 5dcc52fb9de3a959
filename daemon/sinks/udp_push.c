/* SPDX-License-Identifier: MIT */
/*
 * One of our streams to a program that takes pictures by UDP (docs/protocol.md 4.1): a header and pieces, or one datagram.
 *
 * Such a server counts bytes and cannot tell one datagram from another. It hangs for ever when one is lost: then what it
 * is short of is made up for by the last piece again, one at a time, until it answers. It takes an empty last datagram for
 * the next header: there is none. Its receive buffer holds some 90 datagrams: they go out 32 at a time.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
#include "common/media/frame.h"
#include "common/media/udp_pictures.h"
#include "common/net/datagram_peer.h"
#include "common/net/loop.h"
#include "daemon/relay/relay.h"
#include "daemon/relay/subscriber.h"
#include "daemon/sinks/sinks.h"

enum {
	PORT = 9999,
	BURST = 32,
	BURST_PAUSE_US = 2000,
	RESENDS = 32,
	ACK_TIMEOUT_MS =
	    500, /* where the limit is off: without an end to waiting it would be for ever */
	REFUSED_PAUSE_US = 500 * 1000, /* less than a waiting picture may age */
};

enum state {
	DOWN,    /* the other end has no address yet */
	IDLE,    /* the next picture may go out */
	SENDING, /* bursts; the timer goes on with the next one */
	WAITING, /* for the answer; the timer sends the last piece again */
	PAUSED,  /* nobody listens there; the timer tries again */
	STOPPED, /* drained */
};

struct udp_push {
	struct fr_sink sink;
	struct fr_sink_env env;
	struct fr_subscribe_spec wanted;
	char address[300]; /* as configured, for the log */
	bool whole;
	size_t header; /* bytes: 8, 4 */
	struct fr_datagram_peer *peer;
	struct fr_subscriber *sub;
	enum state state;
	struct event timer;
	struct fr_frame *frame; /* under way; NULL: none */
	bool has_header;        /* of it, sent */
	size_t sent, last;      /* bytes of it that are sent, and that the last piece had */
	unsigned resends;
	bool is_draining;
	struct fr_log_again away;
};

static void set_timer(struct udp_push *s, int64_t us)
{
	const struct timeval wait = {us / 1000000, us % 1000000};

	(void)event_add(&s->timer, &wait);
}

static void say_away(struct udp_push *s, const char *reason)
{
	struct fr_log_text text;

	if (fr_log_again(&s->away, reason, fr_clock_now_us()))
		fr_log(FR_LOG_WARNING, "udp-push", "the other end takes no pictures, trying again",
		    "peer=%s stream=%s reason=%s", s->address, s->wanted.stream,
		    fr_log_quote(&text, reason));
}

/* --- One picture ------------------------------------------------------------------------------ */

static void end_picture(struct udp_push *s, bool is_delivered)
{
	fr_frame_unref(s->frame);
	s->frame = NULL;
	if (s->sub == NULL)
		return;
	if (is_delivered)
		fr_subscriber_sent(s->sub);
	else
		fr_subscriber_give_up(s->sub);
}

static void wait_for_answer(struct udp_push *s)
{
	const int64_t ms = s->env.limits->udp_ack_timeout_ms;

	s->state = WAITING;
	set_timer(s, (ms != 0 ? ms : ACK_TIMEOUT_MS) * 1000);
}

/* Puts the next datagram of the picture. @return its size */
static size_t next_datagram(const struct udp_push *s, uint8_t header[8], const uint8_t **ret)
{
	const size_t size = fr_frame_size(s->frame), left = size - s->sent;
	const uint64_t wide = htole64(size);
	const uint32_t narrow = htole32((uint32_t)size);

	*ret = fr_frame_bytes(s->frame) + s->sent;
	if (s->whole)
		return size;
	if (s->has_header)
		return left < FR_UDP_CHUNK_BYTES ? left : FR_UDP_CHUNK_BYTES;
	if (s->header == sizeof(narrow))
		memcpy(header, &narrow, sizeof(narrow));
	else
		memcpy(header, &wide, sizeof(wide));
	*ret = header;
	return s->header;
}

/* Nobody listens: of this picture nothing has arrived. */
static void refused(struct udp_push *s)
{
	if (s->state != SENDING && s->state != WAITING)
		return;
	say_away(s, "nobody listens there");
	end_picture(s, false);
	s->state = s->is_draining ? STOPPED : PAUSED;
	set_timer(s, REFUSED_PAUSE_US);
}

static void send_burst(struct udp_push *s)
{
	uint8_t header[8];
	const uint8_t *bytes;

	for (unsigned i = 0; i < BURST && s->sent < fr_frame_size(s->frame); i++) {
		const size_t n = next_datagram(s, header, &bytes);
		const int r = fr_datagram_peer_send(s->peer, bytes, n);

		if (r == -ECONNREFUSED) {
			refused(s);
			return;
		}
		if (r == -EAGAIN || r == -ENOBUFS)
			break; /* the same one again after a pause */
		if (!s->whole && !s->has_header) {
			s->has_header = true;
			continue;
		}
		s->sent += n;
		s->last = n;
	}
	if (s->sent < fr_frame_size(s->frame)) {
		set_timer(s, BURST_PAUSE_US);
	} else if (s->is_draining) {
		end_picture(s, true);
		s->state = STOPPED;
	} else {
		wait_for_answer(s);
	}
}

static void pump(struct udp_push *s)
{
	while (s->state == IDLE && s->sub != NULL) {
		s->frame = fr_subscriber_next(s->sub, fr_clock_now_us());
		if (s->frame == NULL)
			return;
		if (s->whole && fr_frame_size(s->frame) > FR_UDP_WHOLE_BYTES) {
			fr_stat_rejected("udp-push", FR_REASON_udp_too_large);
			fr_log_limited(FR_LOG_WARNING, "udp-push",
			    "a picture does not fit into a datagram", s->wanted.stream,
			    "peer=%s stream=%s bytes=%zu most=%d", s->address, s->wanted.stream,
			    fr_frame_size(s->frame), FR_UDP_WHOLE_BYTES);
			end_picture(s, false);
			continue;
		}
		s->has_header = false;
		s->sent = 0;
		s->resends = 0;
		s->state = SENDING;
		send_burst(s);
	}
}

/* No answer, whatever was sent again: from another port, with the newest picture. */
static void give_up(struct udp_push *s)
{
	fr_stat_rejected("udp-push", FR_REASON_udp_silent);
	say_away(s, "no answer");
	end_picture(s, false);
	s->state = DOWN;
	fr_datagram_peer_renew(s->peer);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct udp_push *s = arg;

	(void)fd;
	(void)what;
	if (s->state == SENDING) {
		send_burst(s);
	} else if (s->state == WAITING && !s->whole && s->resends < RESENDS) {
		s->resends++;
		fr_stat_add(FR_STAT_udp_resends, 1);
		wait_for_answer(s);
		if (fr_datagram_peer_send(s->peer, fr_frame_bytes(s->frame) + s->sent - s->last,
		        s->last) == -ECONNREFUSED)
			refused(s);
	} else if (s->state == WAITING) {
		give_up(s);
	} else if (s->state == PAUSED) {
		s->state = IDLE;
		pump(s);
	}
}

/* --- The other end ---------------------------------------------------------------------------- */

static void on_up(void *arg)
{
	struct udp_push *s = arg;

	if (s->state != DOWN)
		return;
	s->state = IDLE;
	pump(s);
}

static void on_answer(void *arg, const uint8_t *bytes, size_t size)
{
	struct udp_push *s = arg;

	if (s->state != WAITING || size != FR_UDP_ACK_BYTES ||
	    memcmp(bytes, fr_udp_ack, size) != 0) {
		fr_stat_rejected("udp-push", FR_REASON_udp_answer);
		return;
	}
	if (fr_log_again_end(&s->away))
		fr_log(FR_LOG_INFO, "udp-push", "the other end takes pictures again",
		    "peer=%s stream=%s", s->address, s->wanted.stream);
	(void)event_del(&s->timer);
	end_picture(s, true);
	s->state = IDLE;
	pump(s);
}

static void on_down(void *arg, const char *reason)
{
	say_away(arg, reason);
}

static void on_refused(void *arg)
{
	refused(arg);
}

static const struct fr_datagram_peer_ops peer_ops = {on_up, on_answer, on_down, on_refused};

/* --- The stream ------------------------------------------------------------------------------- */

static void on_ready(void *arg)
{
	pump(arg);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	struct udp_push *s = arg;

	(void)refusal; /* never for one of ours */
	fr_subscriber_free(s->sub, fr_clock_now_us());
	s->sub = NULL;
}

static const struct fr_subscriber_ops subscriber_ops = {on_ready, on_closed};

/* --- Life ------------------------------------------------------------------------------------- */

static void push_drain(struct fr_sink *sink)
{
	struct udp_push *s = (struct udp_push *)sink;

	s->is_draining = true;
	if (s->sub != NULL)
		fr_subscriber_drain(s->sub);
	if (s->state == SENDING)
		return; /* the rest of it goes out */
	if (s->state == WAITING)
		end_picture(s, true); /* it is wholly sent */
	(void)event_del(&s->timer);
	s->state = STOPPED;
}

static bool push_busy(const struct fr_sink *sink)
{
	return ((const struct udp_push *)sink)->state == SENDING;
}

static void push_close(struct fr_sink *sink)
{
	struct udp_push *s = (struct udp_push *)sink;

	(void)event_del(&s->timer);
	fr_frame_unref(s->frame);
	fr_subscriber_free(s->sub, fr_clock_now_us());
	fr_datagram_peer_free(s->peer);
	free(s);
}

static int push_check(const struct fr_options *options, struct fr_cause *why)
{
	const int64_t header = fr_options_int(options, "header");

	if (header == 4 || header == 8)
		return 0;
	return fr_cause_set(why, EINVAL, "header = %lld: must be 8 or 4", (long long)header);
}

static int push_open(const struct fr_sink_env *env, const struct fr_options *options,
    struct fr_sink **ret, struct fr_cause *why)
{
	struct udp_push *s = fr_xcalloc(1, sizeof(*s));
	struct fr_refusal refusal;
	char host[256];
	uint16_t port;
	int r;

	s->sink.ops = fr_sink_find("udp-push");
	s->env = *env;
	s->wanted = (struct fr_subscribe_spec){
	    .door = "udp-push",
	    .who = {.ours = true},
	    .queue_frames = 1,
	    .queue_age_ms = -1,
	    .max_fps_milli = (uint32_t)fr_options_int(options, "max_fps"),
	};
	s->whole = fr_options_bool(options, "whole");
	s->header = (size_t)fr_options_int(options, "header");
	(void)snprintf(
	    s->wanted.stream, sizeof(s->wanted.stream), "%s", fr_options_text(options, "stream"));
	(void)snprintf(s->address, sizeof(s->address), "%s", fr_options_text(options, "address"));
	(void)evtimer_assign(&s->timer, fr_loop_base(env->loop), on_timer, s);
	r = push_check(options, why);
	if (r == 0)
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
	fr_log(
	    FR_LOG_INFO, "udp-push", "sending", "peer=%s stream=%s", s->address, s->wanted.stream);
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
        .help = "the stream whose pictures are sent"},
    {.name = "address",
        .type = FR_OPTION_HOST,
        .required = true,
        .def = "192.168.1.61:9999",
        .help = "where to: HOST or HOST:PORT, port 9999 if none is said"},
    {.name = "whole",
        .type = FR_OPTION_BOOL,
        .def = "false",
        .help = "a datagram for each picture, without a header; pictures over 65,507 bytes are "
                "left out"},
    {.name = "header",
        .type = FR_OPTION_UINT,
        .unit = "bytes",
        .min = 4,
        .max = 8,
        .def = "8",
        .help = "the length before the pieces: 8 for programs of 64-bit machines, 4 for those of "
                "32-bit ones and Windows"},
    {.name = "max_fps",
        .type = FR_OPTION_MILLI,
        .unit = "pictures/s",
        .zero_is_off = true,
        .min = 1,
        .max = 1000000,
        .def = "0",
        .help = "the most pictures a second that are sent, the newest each time; 0: all"},
    {.name = NULL},
};

const struct fr_sink_ops fr_sink_udp_push = {
    .kind = "udp-push",
    .summary = "a stream's pictures by UDP, in pieces of 1,024 bytes or whole, one for each answer",
    .options = specs,
    .check = push_check,
    .open = push_open,
    .drain = push_drain,
    .busy = push_busy,
    .close = push_close,
};
