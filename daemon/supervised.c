/* SPDX-License-Identifier: MIT */
#include "daemon/supervised.h"

#include <stdint.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/stats.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/net/notify.h"
#include "common/net/timer.h"
#include "daemon/relay/relay.h"

enum {
	STATUS_US = 3000 * 1000, /* between two lines, and at most between two signs of life */
	NAMED_MAX = 3,           /* streams without pictures that the line names */
};

struct fr_supervised {
	struct fr_notify *notify;
	const struct fr_relay *relay;
	void (*problems)(void *arg, struct fr_text *to);
	void *arg;
	struct fr_timer *timer;
	int64_t status_us; /* when the line was last looked at */
};

struct tally {
	unsigned live, asleep, missing;
	struct fr_text names; /* of those that are missing */
};

static void count(void *arg, const struct fr_stream_info *info)
{
	struct tally *tally = arg;

	if (info->state == FR_STREAM_LIVE) {
		tally->live++;
	} else if (info->state == FR_STREAM_ASLEEP) {
		tally->asleep++;
	} else if (++tally->missing <= NAMED_MAX) {
		fr_text_add(&tally->names, "%s%s", tally->missing > 1 ? ", " : "", info->name);
	}
}

/* "2 viewers, 3 streams live, 1 asleep; no pictures of porch, yard and 4 more; the last reload was refused" */
static void write_status(const struct fr_supervised *s, int64_t now_us, struct fr_text *to)
{
	const int64_t viewers = fr_stat_value(FR_STAT_subscribers);
	struct tally tally = {0};

	fr_relay_streams(s->relay, now_us, count, &tally);
	fr_text_add(to, "%lld viewer%s, %u stream%s live", (long long)viewers,
	    viewers == 1 ? "" : "s", tally.live, tally.live == 1 ? "" : "s");
	if (tally.asleep != 0)
		fr_text_add(to, ", %u asleep", tally.asleep);
	if (tally.missing != 0)
		fr_text_add(to, "; no pictures of %s", tally.names.text);
	if (tally.missing > NAMED_MAX)
		fr_text_add(to, " and %u more", tally.missing - NAMED_MAX);
	s->problems(s->arg, to);
	fr_text_done(&tally.names);
}

static void tell_status(struct fr_supervised *s, int64_t now_us)
{
	struct fr_text text = {0};

	s->status_us = now_us;
	write_status(s, now_us, &text);
	fr_notify_status(s->notify, text.text);
	fr_text_done(&text);
}

static void set_timer(struct fr_supervised *s)
{
	const int64_t half_us = fr_notify_watchdog_us(s->notify) / 2;

	fr_timer_set(s->timer, half_us != 0 && half_us < STATUS_US ? half_us : STATUS_US);
}

static void on_time(void *arg)
{
	struct fr_supervised *s = arg;
	const int64_t now_us = fr_clock_now_us();

	fr_notify_alive(s->notify);
	if (now_us - s->status_us >= STATUS_US)
		tell_status(s, now_us);
	set_timer(s);
}

int fr_supervised_new(struct fr_loop *loop, const struct fr_relay *relay,
    void (*problems)(void *arg, struct fr_text *to), void *arg, struct fr_supervised **ret,
    struct fr_cause *why)
{
	struct fr_notify *notify = fr_notify_from_environment();
	struct fr_supervised *s;
	int r;

	*ret = NULL;
	if (notify == NULL)
		return 0;
	s = fr_xcalloc(1, sizeof(*s));
	s->notify = notify;
	s->relay = relay;
	s->problems = problems;
	s->arg = arg;
	r = fr_timer_new(loop, on_time, s, &s->timer, why);
	if (r < 0) {
		fr_supervised_free(s);
		return r;
	}
	set_timer(s);
	*ret = s;
	return 0;
}

void fr_supervised_free(struct fr_supervised *supervised)
{
	if (supervised == NULL)
		return;
	fr_timer_free(supervised->timer);
	fr_notify_free(supervised->notify);
	free(supervised);
}

void fr_supervised_ready(struct fr_supervised *supervised)
{
	if (supervised == NULL)
		return;
	fr_notify_ready(supervised->notify);
	tell_status(supervised, fr_clock_now_us());
}

void fr_supervised_reloading(struct fr_supervised *supervised)
{
	if (supervised != NULL)
		fr_notify_reloading(supervised->notify, fr_clock_now_us());
}

void fr_supervised_stopping(struct fr_supervised *supervised)
{
	if (supervised != NULL)
		fr_notify_stopping(supervised->notify);
}
