/* SPDX-License-Identifier: MIT */
/* MESSAGEs: one JSON text in, a copy of the reference to every subscriber that takes messages. */
#include <errno.h>

#include "common/media/json_text.h"
#include "daemon/relay/inside.h"

static int refuse(struct fr_refusal *refusal, const char *door, int err)
{
	fr_stat_rejected(door, refusal->reason);
	return -err;
}

/* @param message  NULL: there was no room for it */
static void fan_out(const struct fr_stream *stream, struct fr_frame *message, int64_t now_us)
{
	struct fr_subscriber *sub;

	TAILQ_FOREACH (sub, &stream->subscribers, entry)
		if (sub->takes_messages && message != NULL)
			fr_subscriber_message(sub, message, now_us);
		else if (sub->takes_messages)
			fr_stat_add(FR_STAT_messages_dropped, 1);
}

int fr_relay_message(struct fr_relay *relay, const char *stream_name, const struct fr_who *who,
    const char *door, const uint8_t *json, size_t size, int64_t now_us, int64_t real_us,
    struct fr_refusal *refusal)
{
	const struct fr_frame_info info = {
	    .type = FR_FRAME_MESSAGE, .captured_us = real_us, .received_us = now_us};
	const int64_t most = relay->limits->max_message_bytes != 0
	                         ? relay->limits->max_message_bytes
	                         : FR_MESSAGE_BYTES_HARD;
	const struct fr_stream *stream = fr_stream_find(relay, stream_name);
	struct fr_frame *message;

	if (!fr_access_allows(relay->access, who, FR_RIGHT_MESSAGE, stream_name, refusal))
		return refuse(refusal, door, EACCES);
	if (size > (size_t)most) {
		fr_refusal_set(refusal, 413, FR_REASON_bad_message,
		    "a message of %zu bytes, at most %lld are taken (max_message_bytes)", size,
		    (long long)most);
		return refuse(refusal, door, EINVAL);
	}
	if (!fr_json_text_is_valid(json, size)) {
		fr_refusal_set(
		    refusal, 400, FR_REASON_bad_message, "a message that is no JSON text");
		return refuse(refusal, door, EINVAL);
	}
	fr_stat_add(FR_STAT_messages_received, 1);
	if (stream == NULL)
		return 0;
	message = fr_frame_copy(relay->pool, json, size, &info);
	fan_out(stream, message, now_us);
	LIST_FOREACH (stream, &stream->renditions, entry)
		fan_out(stream, message, now_us);
	fr_frame_unref(message);
	return 0;
}
