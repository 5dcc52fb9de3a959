/* SPDX-License-Identifier: MIT */
/*
 * Answers that are pictures: the first byte says how the rest is cut, and whether what can be is received in place. Whole,
 * byte by byte and cut, the same pictures come out, and as many answers one behind the other.
 */
#include "common/media/http_pictures.h"
#include "common/media/http_response.h"
#include "tests/support/wire_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	MAX = 4000,
	ANSWERS = 4,
};

struct run {
	struct wire_log log;
	struct fr_http_pictures *p;
	unsigned answers;
	bool over;
};

static void take_event(struct run *run, const struct fr_http_pictures_event *event)
{
	switch (event->type) {
	case FR_HTTP_PICTURES_MORE:
	case FR_HTTP_PICTURES_BEGIN:
		break;
	case FR_HTTP_PICTURES_HEAD:
		wire_log_add(
		    &run->log, "HEAD %u\n", fr_http_response_code(fr_http_pictures_head(run->p)));
		break;
	case FR_HTTP_PICTURES_FRAME:
		assert(event->frame != NULL && event->size > 0 && event->size <= MAX);
		wire_log_add(&run->log, "FRAME %zu %08x %lld\n", event->size,
		    (unsigned)wire_log_hash(fr_frame_room(event->frame), event->size),
		    (long long)event->stamp_us);
		fr_frame_unref(event->frame);
		break;
	case FR_HTTP_PICTURES_SKIPPED:
		abort(); /* there is memory for so little */
	case FR_HTTP_PICTURES_END:
		wire_log_add(&run->log, "END %d\n", (int)fr_http_pictures_was_single(run->p));
		run->over = ++run->answers == ANSWERS;
		fr_http_pictures_reset(run->p);
		break;
	case FR_HTTP_PICTURES_BAD:
		assert(event->why.text[0] != '\0');
		wire_log_add(&run->log, "BAD %d %s\n", (int)event->reason, event->why.text);
		run->over = true;
		break;
	}
}

/* What lies in `bytes` is offered in place first, as a socket would. @return bytes taken so */
static size_t fill(struct run *run, const uint8_t *bytes, size_t size)
{
	uint8_t *room;
	const size_t most = fr_http_pictures_room(run->p, &room);
	const size_t n = most < size ? most : size;

	if (n == 0)
		return 0;
	memcpy(room, bytes, n);
	fr_http_pictures_filled(run->p, n);
	return n;
}

static struct wire_log read_pieces(
    struct fr_frame_pool *pool, const uint8_t *data, size_t size, size_t piece, bool in_place)
{
	static const struct fr_wire_limits limits = {
	    .max_frame_bytes = MAX, .max_message_bytes = 1000};
	struct run run = {.p = fr_http_pictures_new(pool, &limits)};
	struct fr_http_pictures_event event;

	wire_log_add(&run.log, "answers\n");
	for (size_t at = 0; at < size && !run.over;) {
		size_t left = size - at < piece ? size - at : piece;

		if (in_place) {
			const size_t n = fill(&run, data + at, left);

			at += n;
			left -= n;
		}
		do {
			const size_t n = fr_http_pictures_read(run.p, data + at, left, &event);

			assert(n <= left);
			at += n;
			left -= n;
			take_event(&run, &event);
		} while (event.type != FR_HTTP_PICTURES_MORE && !run.over);
	}
	while (!run.over) {
		fr_http_pictures_finish(run.p, &event);
		assert(event.type != FR_HTTP_PICTURES_MORE);
		take_event(&run, &event);
		run.over = run.over || event.type == FR_HTTP_PICTURES_END;
	}
	fr_http_pictures_free(run.p);
	return run.log;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct wire_log whole;

	if (size < 1) {
		fr_frame_pool_free(pool);
		return 0;
	}
	whole = read_pieces(pool, data + 1, size - 1, size, false);
	for (unsigned i = 0; i < 4; i++) {
		const size_t piece = i % 2 == 0 ? 1 : (size_t)data[0] + 1;
		struct wire_log cut = read_pieces(pool, data + 1, size - 1, piece, i >= 2);

		if (strcmp(whole.text, cut.text) != 0) {
			fprintf(stderr, "whole:\n%s\n%zu at a time%s:\n%s\n", whole.text, piece,
			    i >= 2 ? ", in place" : "", cut.text);
			abort();
		}
		free(cut.text);
	}
	free(whole.text);
	assert(fr_frame_pool_frames(pool) == 0);
	fr_frame_pool_free(pool);
	return 0;
}
