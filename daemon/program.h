/* SPDX-License-Identifier: MIT */
/* The running program: from checked settings to the last line of the log. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct fr_cause;
struct fr_settings;
struct fr_text;

struct fr_program_spec {
	struct fr_settings *settings; /* taken */

	/**
	 * Reads the configuration anew for SIGHUP. NULL: there is no file.
	 *
	 * @param problems  what is wrong with it, a line each
	 */
	int (*reload)(void *arg, struct fr_settings **ret, struct fr_text *problems);
	void *arg;
	const char *file; /* that it reads; NULL: there is none */

	int64_t duration_ms; /* stop cleanly after so long; 0: run for ever */

	/** --publish, --subscribe: when the source or the sink is done, so is the program. */
	bool ends_with_its_ends;
};

/**
 * Opens everything, runs until a signal or the end, and closes everything.
 *
 * @retval 0        stopped cleanly
 * @retval -errno   could not start, or an end failed; `why` is the sentence for the operator
 */
int fr_program_run(const struct fr_program_spec *spec, struct fr_cause *why);
