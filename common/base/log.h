/* SPDX-License-Identifier: MIT */
/*
 * One line a fact, to standard error, never waiting for whoever reads it.
 *
 *     info    frames: subscriber connected peer=192.0.2.7:41822 stream=cam0 id=31
 *
 * A line that does not fit into a full pipe is counted and left out. Repetitions (the same area,
 * sentence and peer: fr_log_limited()) are held to one a second, everything together to 50 a second;
 * what was left out is said in a summary. The settings and these counts are the module's only state.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum fr_log_level {
	FR_LOG_ERROR,   /* somebody must act */
	FR_LOG_WARNING, /* degraded, going on */
	FR_LOG_INFO,    /* life of doors, streams, connections */
	FR_LOG_DEBUG,   /* steps of state machines */
};

enum fr_log_format {
	FR_LOG_TEXT, /* `level area: sentence key=value`, a `<N>` in front under systemd */
	FR_LOG_JSON, /* one object a line */
};

/** Sets what is written from now on. Thread: the loop's. */
void fr_log_setup(enum fr_log_level level, enum fr_log_format format);

/** Sets how many lines a second are written in all (50 at first). 0: no limit. Thread: the loop's. */
void fr_log_set_rate(unsigned lines_per_second);

/** @return whether lines of this level are written */
bool fr_log_wants(enum fr_log_level level);

/**
 * Writes one line.
 *
 * @param area      one word: a module, a door's kind
 * @param sentence  constant text without values (it is the key for rate limiting)
 * @param fields    printf format of ` `-separated key=value pairs, or "" for none; text of peers and
 *                  anything that may hold a space goes through fr_log_quote()
 *
 * Thread: any.
 */
__attribute__((format(printf, 4, 5))) void fr_log(
    enum fr_log_level level, const char *area, const char *sentence, const char *fields, ...);

/** The same, held to one line a second for each (area, sentence, key); the rest is summed up later. */
__attribute__((format(printf, 5, 6))) void fr_log_limited(enum fr_log_level level, const char *area,
    const char *sentence, const char *key, const char *fields, ...);

/** Room for a quoted value. */
struct fr_log_text {
	char text[400];
};

/**
 * Quotes a value when it needs it: control characters, `"`, `\` and bytes that are no UTF-8 are
 * escaped (\n, \", \xNN), the whole put between `"` when it holds a space, `=` or an escape.
 *
 * @param room  holds the result; @return room->text
 */
const char *fr_log_quote(struct fr_log_text *room, const char *value);

/** @return lines left out since the start, because of rate limits or a full pipe. */
uint64_t fr_log_lost(void);

/**
 * Writes the summary of what was left out, at most once a minute, and brings the counter
 * log_lines_lost up to date. Called from the loop once a second.
 */
void fr_log_tick(int64_t now_us);

/** What a repeating failure has said last: says it when it begins, when it changes and when it ends. */
struct fr_log_again {
	char reason[200];
	int64_t since_us;
	uint64_t times; /* 0: it has not begun */
};

/** @return true when `reason` is new (then the caller logs it), false when it repeats. */
bool fr_log_again(struct fr_log_again *again, const char *reason, int64_t now_us);

/** Ends the failure. @return true when there was one (then the caller logs the recovery) */
bool fr_log_again_end(struct fr_log_again *again);
