/* SPDX-License-Identifier: MIT */
/*
 * Reads bytes with the frames protocol's reader and writes its events down as text, a line each, so that two ways of
 * cutting the same bytes can be compared. In a header, since fuzz targets are built without the tests' library.
 */
#pragma once

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/media/frame.h"
#include "common/media/wire.h"

enum wire_split {
	SPLIT_WHOLE,  /* one call */
	SPLIT_BYTES,  /* byte by byte */
	SPLIT_RANDOM, /* pieces by a seed */
	SPLIT_ROOM,   /* pieces by a seed, received in place where there is room */
	SPLITS,
};

struct wire_log {
	char *text; /* never NULL after wire_log_read() */
	size_t size;
};

struct wire_log_run {
	struct wire_log log;
	struct fr_wire *wire;
	uint32_t seed;
	size_t taken;
	bool over; /* nothing more is read */
};

__attribute__((format(printf, 2, 3))) static inline void wire_log_add(
    struct wire_log *log, const char *fmt, ...)
{
	char line[1200];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	assert(n >= 0);
	n = n < (int)sizeof(line) ? n : (int)sizeof(line) - 1;
	log->text = realloc(log->text, log->size + (size_t)n + 1);
	assert(log->text != NULL);
	memcpy(log->text + log->size, line, (size_t)n + 1);
	log->size += (size_t)n;
}

/* FNV-1a: enough to tell whether the same bytes came. */
static inline uint32_t wire_log_hash(const uint8_t *bytes, size_t size)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 16777619U;
	return hash;
}

/* What a door does with a hello, as far as the reader is concerned. */
static inline void wire_log_hello(struct wire_log_run *run, const struct fr_wire_event *event)
{
	const char *line = (const char *)event->text;
	enum fr_wire_kind kind = FR_WIRE_PLAIN;

	if (memmem(line, event->size, "records=1", 9) != NULL)
		kind = FR_WIRE_RECORDS;
	else if (event->size >= 3 && memcmp(line, "SUB", 3) == 0)
		kind = FR_WIRE_SILENT;
	wire_log_add(&run->log, "HELLO size=%zu hash=%08x\n", event->size,
	    wire_log_hash(event->text, event->size));
	fr_wire_set_kind(run->wire, kind);
}

static inline void wire_log_event(struct wire_log_run *run, struct fr_wire_event *event)
{
	struct wire_log *log = &run->log;

	switch (event->type) {
	case FR_WIRE_MORE:
		break;
	case FR_WIRE_IS_HELLO:
		wire_log_hello(run, event);
		break;
	case FR_WIRE_IS_HTTP:
	case FR_WIRE_IS_HTTP2: {
		size_t first;

		(void)fr_wire_first_bytes(run->wire, &first);
		assert(first == run->taken); /* what is handed over is everything */
		wire_log_add(log, event->type == FR_WIRE_IS_HTTP ? "HTTP\n" : "HTTP2\n");
		run->over = true;
		break;
	}
	case FR_WIRE_IS_PUBLISHER:
		wire_log_add(log, "PUBLISHER kind=%d\n", (int)fr_wire_kind(run->wire));
		break;
	case FR_WIRE_BEGIN:
		assert(fr_wire_is_inside(run->wire));
		wire_log_add(log, "BEGIN size=%zu\n", event->size);
		break;
	case FR_WIRE_FRAME:
		assert(event->frame != NULL && event->size <= fr_frame_capacity(event->frame));
		wire_log_add(log, "FRAME size=%zu hash=%08x sequence=%llu time=%lld flags=%u\n",
		    event->size, wire_log_hash(fr_frame_room(event->frame), event->size),
		    (unsigned long long)event->sequence, (long long)event->time_us,
		    (unsigned)event->flags);
		fr_frame_unref(event->frame);
		break;
	case FR_WIRE_SKIPPED:
		wire_log_add(log, "SKIPPED size=%zu\n", event->size);
		break;
	case FR_WIRE_DEMAND:
		wire_log_add(log, "DEMAND %u %u\n", event->subscribers, event->rate_milli);
		break;
	case FR_WIRE_MESSAGE:
	case FR_WIRE_PING:
	case FR_WIRE_PONG:
	case FR_WIRE_END:
	case FR_WIRE_ERROR:
		wire_log_add(log, "%s size=%zu hash=%08x channel=%u\n",
		    event->type == FR_WIRE_MESSAGE ? "MESSAGE"
		    : event->type == FR_WIRE_PING  ? "PING"
		    : event->type == FR_WIRE_PONG  ? "PONG"
		    : event->type == FR_WIRE_END   ? "END"
		                                   : "ERROR",
		    event->size, wire_log_hash(event->text, event->size), (unsigned)event->channel);
		break;
	case FR_WIRE_BAD:
		wire_log_add(log, "BAD reason=%d %s\n", (int)event->reason, event->why.text);
		assert(event->why.text[0] != '\0');
		run->over = true;
		break;
	}
}

/* Feeds one piece until MORE. */
static inline void wire_log_feed(struct wire_log_run *run, const uint8_t *bytes, size_t size)
{
	struct fr_wire_event event;

	while (!run->over) {
		const size_t n = fr_wire_read(run->wire, bytes, size, &event);

		assert(n <= size);
		bytes = n == 0 ? bytes : bytes + n;
		size -= n;
		run->taken += n;
		wire_log_event(run, &event);
		if (event.type == FR_WIRE_MORE) {
			assert(size == 0);
			return;
		}
	}
}

static inline size_t wire_log_piece(struct wire_log_run *run, enum wire_split split, size_t size)
{
	size_t n;

	if (split == SPLIT_WHOLE)
		return size;
	if (split == SPLIT_BYTES)
		return 1;
	run->seed = run->seed * 1664525 + 1013904223;
	n = (run->seed >> 16) % ((run->seed >> 8 & 7) == 0 ? 5000 : 20) + 1;
	return n < size ? n : size;
}

/**
 * Reads all of it.
 *
 * @return the events, with a last line that says whether something is inside; the caller frees `text`
 */
static inline struct wire_log wire_log_read(struct fr_frame_pool *pool,
    const struct fr_wire_limits *limits, enum fr_wire_kind kind, const uint8_t *bytes, size_t size,
    enum wire_split split, uint32_t seed)
{
	struct wire_log_run run = {.seed = seed, .wire = fr_wire_new(pool, limits, kind)};
	size_t at = 0;

	while (at < size && !run.over) {
		const size_t n = wire_log_piece(&run, split, size - at);
		uint8_t *room;
		size_t there = split == SPLIT_ROOM ? fr_wire_room(run.wire, &room) : 0;

		struct fr_frame *ahead = NULL;

		if (split == SPLIT_ROOM && there == 0)
			there = fr_wire_ahead(run.wire, &room, &ahead);
		if (ahead != NULL) {
			if (there > size - at || (run.seed >> 9 & 1) != 0)
				there = there < n ? there : n;
			memcpy(room, bytes + at, there);
			wire_log_feed(&run, room, there);
			fr_wire_ahead_done(run.wire, ahead);
			at += there;
		} else if (there > 0) {
			there = there < n ? there : n;
			memcpy(room, bytes + at, there);
			fr_wire_filled(run.wire, there);
			run.taken += there;
			at += there;
			wire_log_feed(&run, NULL, 0);
		} else {
			wire_log_feed(&run, bytes + at, n);
			at += n;
		}
	}
	wire_log_add(&run.log, "inside=%d bytes=%zu\n", (int)fr_wire_is_inside(run.wire),
	    run.over ? 0 : fr_wire_inside_bytes(run.wire));
	fr_wire_free(run.wire);
	return run.log;
}

/* Ends the process when the events depend on where the bytes were cut, or a frame is left over. */
static inline void wire_log_compare(int64_t budget, const struct fr_wire_limits *limits,
    enum fr_wire_kind kind, const uint8_t *bytes, size_t size)
{
	const uint32_t seed = wire_log_hash(bytes, size);
	struct wire_log logs[SPLITS];

	for (int split = 0; split < SPLITS; split++) {
		struct fr_frame_pool *pool = fr_frame_pool_new(budget);

		logs[split] =
		    wire_log_read(pool, limits, kind, bytes, size, (enum wire_split)split, seed);
		assert(fr_frame_pool_bytes(pool) == 0 && fr_frame_pool_frames(pool) == 0);
		fr_frame_pool_free(pool);
	}
	for (int split = 1; split < SPLITS; split++) {
		if (strcmp(logs[0].text, logs[split].text) == 0)
			continue;
		fprintf(stderr, "kind %d, whole:\n%s\nsplit %d:\n%s\n", (int)kind, logs[0].text,
		    split, logs[split].text);
		abort();
	}
	for (int split = 0; split < SPLITS; split++)
		free(logs[split].text);
}
