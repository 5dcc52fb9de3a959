/* SPDX-License-Identifier: MIT */
/*
 * Memory whose size we choose ourselves: without it there is nothing sensible left to do, so the
 * process ends with a sentence and the service manager starts it anew. Sizes chosen by a peer never
 * come here; they use malloc() and a refusal.
 */
#pragma once

#include <stddef.h>

/** @return zeroed memory, never NULL. The caller frees with free(). Thread: any. */
void *fr_xcalloc(size_t count, size_t size);

/** @return `count * size` bytes with the old content, never NULL unless both are 0. Thread: any. */
void *fr_xreallocarray(void *old, size_t count, size_t size);

/** @return a copy the caller frees; NULL for NULL. Thread: any. */
char *fr_xstrdup(const char *s);

/** printf into new memory. @return never NULL; the caller frees. Thread: any. */
__attribute__((format(printf, 1, 2))) char *fr_xasprintf(const char *fmt, ...);
