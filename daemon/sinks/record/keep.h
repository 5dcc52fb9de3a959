/* SPDX-License-Identifier: MIT */
/* How much a recording may take: beyond that the oldest of its own files go. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** Embedded; the fields are the module's own. */
struct fr_keep {
	const char *pattern; /* borrowed */
	size_t fixed;
	int64_t bytes, most_bytes;
	struct fr_keep_file *files; /* a ring, the oldest at `first` */
	size_t first, count, room;
};

/**
 * Looks at what an earlier run has left: files that this pattern could have made, and no others.
 *
 * @param pattern  one that was checked, borrowed
 * @param fixed    fr_name_fixed()
 */
void fr_keep_init(struct fr_keep *keep, const char *pattern, size_t fixed, int64_t most_bytes);
void fr_keep_done(struct fr_keep *keep); /* all zero is fine */

/** A file was written: removes the oldest until all together fit, but never the one just written. */
void fr_keep_add(struct fr_keep *keep, const char *path, int64_t bytes);
