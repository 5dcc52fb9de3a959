/* SPDX-License-Identifier: MIT */
/* The files of daemon/page/, in the program. The table is made at build time by cmake/embed.cmake. */
#pragma once

#include <stddef.h>

struct fr_page_file {
	const char *name;  /* "app.js" */
	const char *type;  /* Content-Type */
	const char *tag;   /* ETag with its quotes: it changes with every byte of the file */
	const char *bytes; /* a NUL behind them, which does not count */
	size_t size;
};

extern const struct fr_page_file fr_page_files[];
extern const size_t fr_page_file_count;
