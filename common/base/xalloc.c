/* SPDX-License-Identifier: MIT */
#include "common/base/xalloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void)
{
	static const char text[] = "error   framerelayd: out of memory\n";

	(void)!write(
	    STDERR_FILENO, text, sizeof(text) - 1); /* nothing left to tell if this fails */
	_exit(1);
}

void *fr_xcalloc(size_t count, size_t size)
{
	void *p = calloc(count != 0 ? count : 1, size != 0 ? size : 1);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *fr_xreallocarray(void *old, size_t count, size_t size)
{
	void *p = reallocarray(old, count, size);

	if (p == NULL && count != 0 && size != 0)
		out_of_memory();
	return p;
}

char *fr_xstrdup(const char *s)
{
	char *copy;

	if (s == NULL)
		return NULL;
	copy = strdup(s);
	if (copy == NULL)
		out_of_memory();
	return copy;
}

char *fr_xasprintf(const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		out_of_memory();
	return text;
}
