/* SPDX-License-Identifier: MIT */
/* The deadlines of one connection: every wait ends. */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/media/wire_write.h"
#include "daemon/doors/frames/inside.h"

static void tick_publisher(struct frames_peer *p, int64_t now_us)
{
	const struct fr_limits *limits = p->door->env.limits;
	const int64_t inside_ms = p->inside_us != 0 ? (now_us - p->inside_us) / 1000 : 0;
	const int64_t come = (int64_t)fr_wire_inside_bytes(p->wire);
	char why[128];

	if (limits->frame_timeout_ms != 0 && inside_ms > limits->frame_timeout_ms) {
		(void)snprintf(why, sizeof(why), "%s is not whole after %lld ms",
		    p->in_picture ? "a picture" : "a length", (long long)inside_ms);
		fr_frames_peer_end_bad(p, 400, FR_REASON_frame_timeout, why);
	} else if (p->in_picture && limits->frame_min_rate_after_ms != 0 &&
	           inside_ms > limits->frame_min_rate_after_ms && inside_ms > 0 &&
	           come * 1000 / inside_ms < limits->frame_min_rate_bytes) {
		(void)snprintf(why, sizeof(why), "a picture comes in at %lld bytes/s",
		    (long long)(come * 1000 / inside_ms));
		fr_frames_peer_end_bad(p, 400, FR_REASON_frame_timeout, why);
	} else if (limits->publisher_timeout_ms != 0 &&
	           now_us - p->heard_us > limits->publisher_timeout_ms * 1000) {
		fr_frames_peer_end_bad(
		    p, 400, FR_REASON_publisher_timeout, "nothing came for publisher_timeout_ms");
	}
}

static void tick_subscriber(struct frames_peer *p, int64_t now_us)
{
	const int64_t stall_ms = p->door->env.limits->subscriber_stall_ms;
	struct fr_refusal refusal = {.code = 400, .reason = FR_REASON_slow_subscriber};

	if (stall_ms == 0 || fr_conn_waiting_bytes(p->conn) == 0 ||
	    now_us - fr_conn_progress_us(p->conn) <= stall_ms * 1000)
		return;
	(void)fr_cause_set(&refusal.why, 0, "no byte taken for %lld ms", (long long)stall_ms);
	fr_stat_rejected("frames", refusal.reason);
	fr_frames_peer_log_refusal(p, &refusal);
	fr_frames_peer_drop(p, refusal.why.text); /* what waits is worthless: no last words */
}

bool fr_frames_peer_ping(struct frames_peer *p, int64_t now_us)
{
	uint8_t ping[FR_WIRE_SMALL_MAX];
	size_t n;

	p->pinged_us = now_us;
	p->pinged_real_us = fr_clock_real_us();
	n = fr_wire_write_ping(ping, p->pinged_real_us);
	if (fr_conn_put(p->conn, ping, n) != FR_SEND_GONE)
		return true;
	fr_frames_peer_drop(p, "the peer is gone");
	return false;
}

static void tick_ping(struct frames_peer *p, int64_t now_us)
{
	const int64_t interval_ms = p->door->env.limits->ping_interval_ms;

	if (!p->records || interval_ms == 0 || now_us < p->ping_us)
		return;
	p->ping_us = now_us + interval_ms * 1000;
	if (fr_conn_waiting_bytes(p->conn) == 0) /* else it has something to read already */
		(void)fr_frames_peer_ping(p, now_us);
}

void fr_frames_peer_tick(struct frames_peer *p, int64_t now_us)
{
	const int64_t first_ms = p->door->env.limits->first_byte_timeout_ms;
	char why[128];

	if (p->state == FRAMES_HELLO) {
		if (first_ms == 0 || now_us - p->since_us <= first_ms * 1000)
			return;
		(void)snprintf(why, sizeof(why), "%s within %lld ms",
		    p->heard_us == 0 ? "nothing came" : "no whole hello and no length came",
		    (long long)first_ms);
		fr_frames_peer_end_bad(p, 400, FR_REASON_first_byte_timeout, why);
		return;
	}
	if (p->state == FRAMES_PUBLISHING)
		tick_publisher(p, now_us);
	else if (p->state == FRAMES_SUBSCRIBED)
		tick_subscriber(p, now_us);
	if (p->state == FRAMES_PUBLISHING || p->state == FRAMES_SUBSCRIBED)
		tick_ping(p, now_us);
}
