/* SPDX-License-Identifier: MIT */
/*
 * A look at the text of a configuration before libconfig reads it, for what libconfig 1.5 does not say:
 * it wraps integers of more than 32 bits without a word, follows @include, calls every mistake "syntax
 * error", and then forgets to free what it had read.
 *
 * Source: libconfig 1.5 lib/grammar.y and lib/scanner.l; the manual's section 2 is less exact.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct fr_text;

/** Lines with an integer that libconfig reads wrongly. All zero: none. */
struct fr_scan_lines {
	unsigned *lines;
	size_t count;
};

/**
 * Looks for what is wrong with the text alone.
 *
 * @param name      what to call it in the problems
 * @param text      ends with NUL behind `size` bytes
 * @param wrapped   lines whose number was said to be too large; done by the caller
 * @param problems  one line for each
 * @retval 0        libconfig may read it (a number may still be too large)
 * @retval -EINVAL  libconfig would not understand it, or understand something else
 */
int fr_settings_scan(const char *name, const char *text, size_t size, struct fr_scan_lines *wrapped,
    struct fr_text *problems);

void fr_scan_lines_done(struct fr_scan_lines *lines);

bool fr_scan_lines_have(const struct fr_scan_lines *lines, unsigned line);
