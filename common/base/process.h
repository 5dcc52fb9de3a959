/* SPDX-License-Identifier: MIT */
/* What this process takes from the system. Reads files of /proc: not for every turn of the loop. */
#pragma once

#include <stdint.h>

/** A plain value; -1: not known (no /proc). */
struct fr_process {
	int64_t resident_bytes, virtual_bytes;
	int64_t cpu_us;                /* user and system time */
	int64_t open_files, max_files; /* descriptors; the soft limit, -1 too when there is none */
	int64_t threads;
	int64_t started_us; /* Unix time */
};

/** Thread: any. */
void fr_process_look(struct fr_process *ret);
