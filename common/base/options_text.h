/* SPDX-License-Identifier: MIT */
/* Options as text: for a configuration file, for --help and for the documents. */
#pragma once

#include <stdbool.h>

struct fr_option_spec;
struct fr_options;
struct fr_text;

/** Writes `name = value;` pairs of what was set, in libconfig's syntax, one space between. */
void fr_options_print(const struct fr_options *options, struct fr_text *to);

/** Writes the table for documents: a markdown table, or aligned plain text for --help. */
void fr_options_document(const struct fr_option_spec *specs, bool markdown, struct fr_text *to);
