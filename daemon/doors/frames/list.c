/* SPDX-License-Identifier: MIT */
/* LIST: one line a stream, an empty line, and the end. */
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/text.h"
#include "daemon/doors/frames/inside.h"

static void add_stream(void *arg, const struct fr_stream_info *info)
{
	fr_text_add(arg, "%s %s %ux%u %u.%03u\n", info->name, fr_stream_state_name(info->state),
	    info->width, info->height, info->fps_milli / 1000, info->fps_milli % 1000);
}

void fr_frames_list(struct frames_peer *p)
{
	struct fr_relay *relay = p->door->env.relay;
	const struct fr_who who = fr_frames_peer_who(p);
	struct fr_refusal refusal;
	struct fr_text text = {0};

	if (!fr_access_allows(fr_relay_access(relay), &who, FR_RIGHT_OBSERVE, NULL, &refusal)) {
		fr_stat_rejected("frames", refusal.reason);
		fr_frames_peer_end(p, &refusal, refusal.why.text);
		return;
	}
	fr_text_add(&text, "OK\n");
	fr_relay_streams(relay, fr_clock_now_us(), add_stream, &text);
	fr_text_add(&text, "\n");
	fr_frames_peer_finish(p, text.text, text.length, "listed");
	fr_text_done(&text);
}
