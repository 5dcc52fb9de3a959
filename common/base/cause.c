/* SPDX-License-Identifier: MIT */
#include "common/base/cause.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int fr_cause_set(struct fr_cause *why, int err, const char *fmt, ...)
{
	va_list ap;

	if (why != NULL) {
		va_start(ap, fmt);
		(void)vsnprintf(
		    why->text, sizeof(why->text), fmt, ap); /* a cut sentence is still one */
		va_end(ap);
	}
	return -err;
}

int fr_cause_prefix(struct fr_cause *why, int err, const char *fmt, ...)
{
	char tail[sizeof(why->text)];
	va_list ap;
	size_t n;

	if (why == NULL)
		return err;
	memcpy(tail, why->text, sizeof(tail));
	va_start(ap, fmt);
	(void)vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	n = strlen(why->text);
	(void)snprintf(why->text + n, sizeof(why->text) - n, "%s", tail);
	return err;
}
