/* SPDX-License-Identifier: MIT */
#include "daemon/sources/on_demand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <sys/time.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/net/loop.h"
#include "daemon/relay/ingest.h"
#include "daemon/sources/source.h"

enum {
	REPLACED_S = 10, /* docs/protocol.md 1.2: how long one that was replaced waits */
	BUSY_S = 1,      /* a reload opens the new source before it closes the old one */
};

struct fr_on_demand {
	struct fr_source_env env;
	struct fr_publish_spec spec;
	const struct fr_on_demand_ops *ops;
	void *arg;
	bool always;
	bool is_running;
	struct fr_ingest *ingest; /* NULL: the stream is somebody else's; `again` is set */
	struct fr_log_again refused;
	struct event linger; /* set: the last subscriber has gone */
	struct event again;
	struct event begin; /* the first start() of one that always runs */
};

static void start(struct fr_on_demand *od, const char *reason)
{
	(void)event_del(&od->linger);
	if (od->is_running)
		return;
	od->is_running = true;
	fr_log(FR_LOG_INFO, od->spec.door, "source started", "stream=%s reason=\"%s\"",
	    od->spec.stream, reason);
	od->ops->start(od->arg);
}

static void stop(struct fr_on_demand *od, const char *reason)
{
	(void)event_del(&od->linger);
	(void)event_del(&od->begin);
	if (!od->is_running)
		return;
	od->is_running = false;
	fr_log(FR_LOG_INFO, od->spec.door, "source stopped", "stream=%s reason=\"%s\"",
	    od->spec.stream, reason);
	od->ops->stop(od->arg);
}

static void on_linger(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	stop(arg, "nobody watches");
}

static void on_begin(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	start(arg, "it always runs");
}

static void on_demand(void *arg, uint32_t subscribers, uint32_t rate_milli)
{
	struct fr_on_demand *od = arg;
	const int64_t linger_ms = od->env.limits->demand_linger_ms;
	const struct timeval wait = {linger_ms / 1000, linger_ms % 1000 * 1000};

	(void)rate_milli;
	if (od->always)
		return;
	if (subscribers != 0)
		start(od, "somebody watches");
	else if (od->is_running && linger_ms != 0)
		(void)event_add(&od->linger, &wait);
}

static void try_later(struct fr_on_demand *od, const char *reason, int seconds)
{
	const struct timeval wait = {seconds, 0};
	struct fr_log_text text;

	if (fr_log_again(&od->refused, reason, fr_clock_now_us()))
		fr_log(FR_LOG_WARNING, od->spec.door, "source refused, it tries again",
		    "stream=%s reason=%s", od->spec.stream, fr_log_quote(&text, reason));
	(void)event_add(&od->again, &wait);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	struct fr_on_demand *od = arg;
	const struct fr_cause why = refusal->why;

	fr_ingest_free(od->ingest, fr_clock_now_us());
	od->ingest = NULL;
	try_later(od, why.text, REPLACED_S);
	stop(od, "another publisher has the stream");
}

static const struct fr_ingest_ops ingest_ops = {
    .on_demand = on_demand,
    .on_closed = on_closed,
};

static int publish(struct fr_on_demand *od, struct fr_refusal *refusal)
{
	static const struct timeval now = {0, 0};
	const int r = fr_relay_publish(
	    od->env.relay, &od->spec, &ingest_ops, od, fr_clock_now_us(), &od->ingest, refusal);

	if (r == 0 && od->always)
		(void)event_add(&od->begin, &now);
	return r;
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct fr_on_demand *od = arg;
	struct fr_refusal refusal;

	(void)fd;
	(void)what;
	if (publish(od, &refusal) < 0)
		try_later(od, refusal.why.text, BUSY_S);
	else if (fr_log_again_end(&od->refused))
		fr_log(FR_LOG_INFO, od->spec.door, "source has its stream again", "stream=%s",
		    od->spec.stream);
}

int fr_on_demand_new(const struct fr_source_env *env, const struct fr_on_demand_spec *spec,
    const struct fr_on_demand_ops *ops, void *arg, struct fr_on_demand **ret, struct fr_cause *why)
{
	struct fr_on_demand *od = fr_xcalloc(1, sizeof(*od));
	struct event_base *base = fr_loop_base(env->loop);
	struct fr_refusal refusal;
	int r;

	od->env = *env;
	od->ops = ops;
	od->arg = arg;
	od->always = spec->always;
	od->spec = (struct fr_publish_spec){
	    .door = spec->kind,
	    .who = {.ours = true},
	    .takeover = FR_TAKEOVER_REFUSE,
	    .verify = FR_VERIFY_HEADER,
	    .on_demand = !spec->always,
	    .width = (uint16_t)spec->width,
	    .height = (uint16_t)spec->height,
	    .fps_milli = spec->fps_milli,
	};
	(void)snprintf(od->spec.stream, sizeof(od->spec.stream), "%s", spec->stream);
	(void)evtimer_assign(&od->linger, base, on_linger, od);
	(void)evtimer_assign(&od->again, base, on_again, od);
	(void)evtimer_assign(&od->begin, base, on_begin, od);
	r = publish(od, &refusal);
	if (r == -EBUSY) {
		try_later(od, refusal.why.text, BUSY_S);
	} else if (r < 0) {
		fr_on_demand_free(od);
		return fr_cause_set(why, -r, "stream %s: %s", spec->stream, refusal.why.text);
	}
	*ret = od;
	return 0;
}

void fr_on_demand_free(struct fr_on_demand *od)
{
	if (od == NULL)
		return;
	(void)event_del(&od->linger);
	(void)event_del(&od->again);
	(void)event_del(&od->begin);
	fr_ingest_free(od->ingest, fr_clock_now_us());
	free(od);
}

bool fr_on_demand_is_running(const struct fr_on_demand *od)
{
	return od->is_running;
}

struct fr_ingest *fr_on_demand_ingest(const struct fr_on_demand *od)
{
	return od->ingest;
}

void fr_on_demand_set_up(struct fr_on_demand *od, bool up)
{
	if (od->ingest != NULL)
		fr_ingest_set_up(od->ingest, up, fr_clock_now_us());
}

void fr_on_demand_reject(struct fr_on_demand *od, enum fr_reason reason, size_t size)
{
	if (od->ingest == NULL)
		return;
	fr_ingest_received(od->ingest, size);
	fr_ingest_begin(od->ingest);
	fr_ingest_reject(od->ingest, reason, size);
}

int fr_on_demand_frame(struct fr_on_demand *od, struct fr_frame *frame, size_t size,
    uint64_t sequence, int64_t captured_us, struct fr_cause *why)
{
	struct fr_refusal refusal = {0};
	int r;

	if (od->ingest == NULL) {
		fr_frame_unref(frame);
		return 0;
	}
	fr_ingest_received(od->ingest, size);
	fr_ingest_begin(od->ingest);
	r = fr_ingest_frame(od->ingest, frame, size, sequence, captured_us, fr_clock_now_us(),
	    fr_clock_real_us(), &refusal);
	if (r < 0)
		*why = refusal.why;
	return r < 0 && refusal.code != 0 ? -EPROTO : r;
}
