/* SPDX-License-Identifier: MIT */
/*
 * Why something failed, as one sentence for a person.
 *
 * Filled where the fact is known, handed up to whoever decides what happens next.
 */
#pragma once

/** Plain value; an empty text means "no reason given". */
struct fr_cause {
	char text[320];
};

/**
 * Fills the sentence and gives the error back, so that one statement does both:
 *
 *     return fr_cause_set(why, EINVAL, "port %ld is not in 1..65535", port);
 *
 * @param why  filled; NULL if the caller does not want the text
 * @param err  a positive errno value
 * @param fmt  printf format; no trailing full stop or newline
 * @return     -err
 */
__attribute__((format(printf, 3, 4))) int fr_cause_set(
    struct fr_cause *why, int err, const char *fmt, ...);

/** Puts `prefix` (printf format) in front of the sentence that is there. @return `err` unchanged */
__attribute__((format(printf, 3, 4))) int fr_cause_prefix(
    struct fr_cause *why, int err, const char *fmt, ...);
