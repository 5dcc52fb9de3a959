/* SPDX-License-Identifier: MIT */
/* The metrics of streams, for the documents. */
#pragma once

struct fr_text;

/** Writes the table of what is shown of each stream, in markdown. */
void fr_http_metrics_document(struct fr_text *to);
