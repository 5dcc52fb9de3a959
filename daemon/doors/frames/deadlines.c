/* SPDX-License-Identifier: MIT */
/* The deadlines of one connection: every wait ends. */
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/media/wire_write.h"
#include "daemon/doors/frames/inside.h"
#include "daemon/doors/look.h"

enum {
	RATE_AGAIN_US = 1000000, /* between looks at a picture that comes slowly */
};

/* When a wait that began at `since_us` is over; 0: never. */
static int64_t due(int64_t since_us, int64_t limit_ms)
{
	return limit_ms != 0 ? since_us + limit_ms * 1000 : 0;
}

static bool is_over(int64_t due_us, int64_t now_us)
{
	return due_us != 0 && now_us >= due_us;
}

/* Something that has begun to come: it must be whole in time, and a picture may not dribble. */
static int64_t tick_inside(struct frames_peer *p, int64_t now_us)
{
	const struct fr_limits *limits = p->door->env.limits;
	const int64_t whole_us = due(p->inside_us, limits->frame_timeout_ms);
	int64_t rate_us = p->in_picture ? due(p->inside_us, limits->frame_min_rate_after_ms) : 0;
	const int64_t inside_ms = (now_us - p->inside_us) / 1000;
	const int64_t rate =
	    (int64_t)fr_wire_inside_bytes(p->wire) * 1000 / (inside_ms > 0 ? inside_ms : 1);
	char why[128];

	if (is_over(whole_us, now_us)) {
		(void)snprintf(why, sizeof(why), "%s is not whole after %lld ms",
		    p->in_picture ? "a picture" : "a length", (long long)inside_ms);
		fr_frames_peer_end_bad(p, 400, FR_REASON_frame_timeout, why);
		return 0;
	}
	if (is_over(rate_us, now_us)) {
		if (rate < limits->frame_min_rate_bytes) {
			(void)snprintf(why, sizeof(why), "a picture comes in at %lld bytes/s",
			    (long long)rate);
			fr_frames_peer_end_bad(p, 400, FR_REASON_frame_timeout, why);
			return 0;
		}
		rate_us = now_us + RATE_AGAIN_US;
	}
	return fr_look_earlier(whole_us, rate_us);
}

static int64_t tick_publisher(struct frames_peer *p, int64_t now_us)
{
	const int64_t silent_us = due(p->heard_us, p->door->env.limits->publisher_timeout_ms);
	int64_t due_us = 0;

	if (p->inside_us != 0)
		due_us = tick_inside(p, now_us);
	if (p->state != FRAMES_PUBLISHING)
		return 0;
	if (is_over(silent_us, now_us)) {
		fr_frames_peer_end_bad(
		    p, 400, FR_REASON_publisher_timeout, "nothing came for publisher_timeout_ms");
		return 0;
	}
	return fr_look_earlier(due_us, silent_us);
}

static int64_t tick_subscriber(struct frames_peer *p, int64_t now_us)
{
	const int64_t stall_ms = p->door->env.limits->subscriber_stall_ms;
	const int64_t stalled_us =
	    fr_conn_waiting_bytes(p->conn) != 0 ? due(fr_conn_progress_us(p->conn), stall_ms) : 0;
	struct fr_refusal refusal = {.code = 400, .reason = FR_REASON_slow_subscriber};

	if (!is_over(stalled_us, now_us))
		return stalled_us;
	(void)fr_cause_set(&refusal.why, 0, "no byte taken for %lld ms", (long long)stall_ms);
	fr_stat_rejected("frames", refusal.reason);
	fr_frames_peer_log_refusal(p, &refusal);
	fr_frames_peer_drop(p, refusal.why.text); /* what waits is worthless: no last words */
	return 0;
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

static int64_t tick_ping(struct frames_peer *p, int64_t now_us)
{
	const int64_t interval_ms = p->door->env.limits->ping_interval_ms;

	if (!p->records || interval_ms == 0)
		return 0;
	if (now_us < p->ping_us)
		return p->ping_us;
	p->ping_us = now_us + interval_ms * 1000;
	if (fr_conn_waiting_bytes(p->conn) == 0) /* else it has something to read already */
		(void)fr_frames_peer_ping(p, now_us);
	return p->ping_us;
}

int64_t fr_frames_peer_tick(struct frames_peer *p, int64_t now_us)
{
	const int64_t first_ms = p->door->env.limits->first_byte_timeout_ms;
	const int64_t first_us = due(p->since_us, first_ms);
	int64_t due_us = 0;
	char why[128];

	if (p->state == FRAMES_HELLO) {
		if (!is_over(first_us, now_us))
			return first_us;
		(void)snprintf(why, sizeof(why), "%s within %lld ms",
		    p->heard_us == 0 ? "nothing came" : "no whole hello and no length came",
		    (long long)first_ms);
		fr_frames_peer_end_bad(p, 400, FR_REASON_first_byte_timeout, why);
		return 0;
	}
	if (p->state == FRAMES_PUBLISHING)
		due_us = tick_publisher(p, now_us);
	else if (p->state == FRAMES_SUBSCRIBED)
		due_us = tick_subscriber(p, now_us);
	if (p->state == FRAMES_PUBLISHING || p->state == FRAMES_SUBSCRIBED)
		due_us = fr_look_earlier(due_us, tick_ping(p, now_us));
	return due_us;
}
