/* SPDX-License-Identifier: MIT */
/* HTTP on the frames port: the connection goes to the door that speaks it, through the table of doors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "daemon/doors/frames/inside.h"

static void refuse(struct frames_peer *p)
{
	static const char text[] =
	    "this port speaks the frames protocol; this build has no door for "
	    "what you speak\n";
	char answer[256];
	const int n = snprintf(answer, sizeof(answer),
	    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n%s",
	    sizeof(text) - 1, text);
	struct fr_refusal refusal = {.code = 0, .reason = FR_REASON_wrong_protocol};

	(void)fr_cause_set(&refusal.why, 0, "HTTP on the frames port, and no door takes it");
	fr_stat_rejected("frames", refusal.reason);
	fr_frames_peer_log_refusal(p, &refusal);
	fr_frames_peer_finish(p, answer, (size_t)n, refusal.why.text);
}

void fr_frames_hand_over(struct frames_peer *p, const char *kind, const uint8_t *bytes, size_t size)
{
	const struct fr_door_env env = p->door->env;
	const bool is_secure = fr_conn_is_secure(p->conn);
	struct fr_handover handover;
	const uint8_t *first;
	size_t first_size;
	uint8_t *all;

	if (p->door->role != FRAMES_ANY || env.hand_over == NULL ||
	    env.hand_over(env.hand_over_arg, kind, is_secure, NULL) < 0) {
		refuse(p);
		return;
	}
	first = fr_wire_first_bytes(p->wire, &first_size);
	all = fr_xcalloc(1, first_size + size + 1);
	memcpy(all, first, first_size);
	if (size != 0)
		memcpy(all + first_size, bytes, size);
	fr_frames_peer_release(p, &handover);
	handover.bytes = all;
	handover.size = first_size + size;
	if (env.hand_over(env.hand_over_arg, kind, is_secure, &handover) < 0) {
		/* The other door is closing, and so are we soon. */
		fr_admission_leave(env.admission, &handover.ticket, fr_clock_now_us());
		fr_conn_close(handover.conn);
	}
	free(all);
}
