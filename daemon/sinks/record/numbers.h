/* SPDX-License-Identifier: MIT */
/*
 * What a recording says of itself once a second: pictures/s, MB/s, how old they are, what was dropped.
 *
 * A terminal gets one live line, a pipe or a file plain lines. A reader that does not read is not waited for: the
 * line is left out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FR_NUMBERS_AGES = 1024, /* pictures a second whose ages are kept; more are left out */
};

/** Embedded; all zero and then fr_numbers_init(). */
struct fr_numbers {
	const char *stream; /* borrowed */
	int fd;
	bool is_terminal;
	int64_t since_us;  /* when this second began */
	uint64_t pictures; /* in all */
	uint64_t second_pictures, second_bytes;
	int64_t ages_us[FR_NUMBERS_AGES];
	size_t age_count;
};

/** @param fd  where the lines go, borrowed */
void fr_numbers_init(struct fr_numbers *numbers, const char *stream, int fd, int64_t now_us);

/** @param age_us  Unix time now, less the picture's capture time; below 0 counts as 0 */
void fr_numbers_add(struct fr_numbers *numbers, size_t bytes, int64_t age_us);

/** Writes the line and begins the next second. @param dropped  in all */
void fr_numbers_print(struct fr_numbers *numbers, uint64_t dropped, int64_t now_us);

/** Ends the live line, so that what follows has its own. */
void fr_numbers_end(const struct fr_numbers *numbers);
