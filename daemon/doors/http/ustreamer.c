/* SPDX-License-Identifier: MIT */
/*
 * What programs that were written for uStreamer (PiKVM) look for beside the pictures: its header lines, its `/state`.
 *
 * Source: uStreamer 6, src/ustreamer/http/server.c: `_http_callback_stream_write()`, `_http_callback_snapshot()`,
 * `_http_callback_state()`. Its times are seconds of CLOCK_MONOTONIC.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/media/frame.h"
#include "daemon/doors/http/inside.h"

static double seconds(int64_t us)
{
	return (double)us / 1e6;
}

/* A picture that came here was grabbed, encoded and exposed by somebody else; what is known is when it came. */
size_t fr_http_ustreamer_headers(const struct fr_frame *frame, bool is_online, const unsigned *rate,
    int64_t now_us, char *to, size_t size)
{
	const struct fr_frame_info *info = fr_frame_info(frame);
	const char *word = rate != NULL ? "Time" : "Timestamp";
	const double came = seconds(info->received_us);
	char more[64] = "", latency[64] = "";
	int n;

	if (rate != NULL) {
		(void)snprintf(more, sizeof(more), "X-UStreamer-Client-FPS: %u\r\n", *rate);
		(void)snprintf(latency, sizeof(latency), "X-UStreamer-Latency: %.6f\r\n",
		    seconds(now_us - info->received_us));
	}
	n = snprintf(to, size,
	    "X-UStreamer-Online: %s\r\nX-UStreamer-Dropped: 0\r\nX-UStreamer-Width: %u\r\n"
	    "X-UStreamer-Height: %u\r\n%sX-UStreamer-Grab-%s: %.6f\r\n"
	    "X-UStreamer-Encode-Begin-%s: %.6f\r\nX-UStreamer-Encode-End-%s: %.6f\r\n"
	    "X-UStreamer-Expose-Begin-%s: %.6f\r\nX-UStreamer-Expose-Cmp-%s: %.6f\r\n"
	    "X-UStreamer-Expose-End-%s: %.6f\r\nX-UStreamer-Send-%s: %.6f\r\n%s",
	    is_online ? "true" : "false", info->width, info->height, more, word, came, word, came,
	    word, came, word, came, word, came, word, came, word, seconds(now_us), latency);
	return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static json_t *viewers_json(const struct http_peer *asking)
{
	json_t *viewers = json_object();
	const struct http_peer *p;
	char id[32];

	TAILQ_FOREACH (p, &asking->door->peers, entry) {
		if (p->state != HTTP_STREAMING || p->is_events ||
		    strcmp(p->stream, asking->stream) != 0)
			continue;
		(void)snprintf(id, sizeof(id), "%llx", (unsigned long long)p->id);
		(void)json_object_set_new(viewers, id,
		    json_pack("{s:i,s:b,s:b,s:b,s:b,s:s}", "fps", (int)p->rate, "extra_headers",
		        p->parts.extra_headers, "advance_headers", p->parts.advance_headers,
		        "dual_final_frames", 0, "zero_data", p->parts.zero_data, "key",
		        p->parts.key));
	}
	return viewers;
}

json_t *fr_http_ustreamer_state(const struct http_peer *p, const struct fr_stream_info *info)
{
	json_t *viewers = viewers_json(p);
	const int count = (int)json_object_size(viewers);
	const int fps = info->is_fresh ? (int)((info->fps_milli + 500) / 1000) : 0;

	return json_pack("{s:b,s:{s:s,s:{s:s,s:i},s:{s:{s:i,s:i},s:b,s:i,s:i},s:{s:i,s:i,s:o}}}",
	    "ok", 1, "result", "instance_id", "", "encoder", "type", "NOOP", "quality", 0, "source",
	    "resolution", "width", (int)info->width, "height", (int)info->height, "online",
	    info->is_fresh, "desired_fps", fps, "captured_fps", fps, "stream", "queued_fps", fps,
	    "clients", count, "clients_stat", viewers);
}
