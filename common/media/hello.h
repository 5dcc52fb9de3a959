/* SPDX-License-Identifier: MIT */
/* The hello line of the frames protocol (docs/protocol.md 1.2): read, and written by our own clients. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"
#include "common/media/rendition.h"

struct fr_cause;

enum fr_hello_verb {
	FR_HELLO_PUB,
	FR_HELLO_SUB,
	FR_HELLO_LIST,
};

enum {
	FR_HELLO_MAX = 1024, /* bytes with the newline */
};

/** A plain value; what the line did not say has its default. */
struct fr_hello {
	enum fr_hello_verb verb;
	char stream[FR_NAME_MAX + 1]; /* "" for LIST */
	char token[129];              /* "" none */
	bool records;
	char id[65];                   /* PUB: 16..64 hex digits, lower case; "" none */
	bool takeover_no;              /* PUB takeover=no */
	uint16_t width, height;        /* PUB size=; 0 unknown */
	uint32_t fps_milli;            /* PUB fps=; 0 unknown */
	int32_t queue_frames;          /* SUB; -1: the default */
	int64_t queue_age_ms;          /* SUB; -1: the default; 0: no limit */
	uint32_t max_fps_milli;        /* SUB; 0: unlimited */
	struct fr_rendition rendition; /* SUB; as it was asked for */
};

/**
 * Reads a line without its end (and without a `\r`).
 *
 * @param max_queue_frames  the highest queue=N
 * @retval -EINVAL  `why` is the reason for the answer 400
 */
int fr_hello_read(const char *line, size_t size, int64_t max_queue_frames, struct fr_hello *ret,
    struct fr_cause *why);

/** Renders the line with its newline. @return its length, at most FR_HELLO_MAX; 0 when it would not fit */
size_t fr_hello_write(const struct fr_hello *hello, char to[FR_HELLO_MAX + 1]);

/** The answer of a relay, read by our own clients. */
struct fr_hello_answer {
	bool ok;
	unsigned code; /* ERR: 400…599 */
	char stream[FR_NAME_MAX + 1];
	int live;         /* OK live=0|1; -1: not said */
	char reason[300]; /* ERR: the words */
};

/** Reads "OK <stream> live=0|1 …" or "ERR <code> <reason>". @retval -EINVAL neither */
int fr_hello_answer_read(
    const char *line, size_t size, struct fr_hello_answer *ret, struct fr_cause *why);
