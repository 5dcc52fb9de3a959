/* SPDX-License-Identifier: MIT */
/* What the program says about itself: --help, --version and the generated parts of the documents. */
#pragma once

struct fr_arguments;
struct fr_cause;
struct fr_text;

/**
 * Answers FR_ACTION_HELP, FR_ACTION_VERSION and FR_ACTION_DUMP_DOCS.
 *
 * @param to        for standard output
 * @retval -EINVAL  there is no such door, source, sink or part; `why` names those there are
 */
int fr_help_print(const struct fr_arguments *args, struct fr_text *to, struct fr_cause *why);
