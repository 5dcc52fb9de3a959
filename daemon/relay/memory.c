/* SPDX-License-Identifier: MIT */
/*
 * What gives way as the memory for pictures runs short, and in which order.
 *
 * Up to 80 % of memory_budget_bytes nothing does. Above that nobody new may subscribe; above 90 % every queue
 * keeps its newest picture alone, so that viewers who do not read cannot hold the room that the next pictures
 * need. Only then, when there is no room at all, a picture that comes in is skipped.
 */
#include "common/base/hot.h"
#include "common/base/limits.h"
#include "common/media/frame.h"
#include "daemon/relay/inside.h"

enum {
	SHORT_PERCENT = 80,
	TIGHT_PERCENT = 90,
};

static bool is_above(const struct fr_relay *relay, int percent)
{
	const int64_t budget = relay->limits->memory_budget_bytes;

	return budget != 0 && fr_frame_pool_bytes(relay->pool) / percent >= budget / 100;
}

bool fr_relay_is_short(const struct fr_relay *relay)
{
	return is_above(relay, SHORT_PERCENT);
}

void fr_relay_empty_queues(struct fr_relay *relay)
{
	struct fr_subscriber *sub;

	LIST_FOREACH (sub, &relay->subscribers, all)
		fr_subscriber_keep_newest(sub);
}

FR_HOT void fr_relay_relieve(struct fr_relay *relay)
{
	if (is_above(relay, TIGHT_PERCENT))
		fr_relay_empty_queues(relay);
}
