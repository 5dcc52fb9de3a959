/* SPDX-License-Identifier: MIT */
/* Which stream is meant by those who name none, or only a number. */
#include <string.h>

#include "daemon/relay/inside.h"

void fr_relay_set_default_stream(struct fr_relay *relay, const char *name)
{
	memset(relay->default_stream, 0, sizeof(relay->default_stream));
	memcpy(relay->default_stream, name, strnlen(name, FR_NAME_MAX));
}

bool fr_relay_default_stream(const struct fr_relay *relay, char ret[FR_NAME_MAX + 1])
{
	const struct fr_stream *first = NULL;

	if (relay->default_stream[0] != '\0') {
		memcpy(ret, relay->default_stream, sizeof(relay->default_stream));
		return true;
	}
	for (const struct fr_stream *s = relay->streams; s != NULL; s = s->hh.next)
		if (s->lived != 0 && (first == NULL || s->lived < first->lived))
			first = s;
	if (first == NULL)
		return false;
	memcpy(ret, first->name, sizeof(first->name));
	return true;
}

static const struct fr_stream *with_number(const struct fr_relay *relay, int64_t number)
{
	for (const struct fr_stream *s = relay->streams; s != NULL; s = s->hh.next)
		if (s->config != NULL && s->config->number != 0 && s->config->number == number)
			return s;
	return NULL;
}

/* How many without a number of their own came to be known before this one. */
static int64_t place_of(const struct fr_relay *relay, const struct fr_stream *stream)
{
	int64_t place = 1;

	for (const struct fr_stream *s = relay->streams; s != NULL; s = s->hh.next)
		if ((s->config == NULL || s->config->number == 0) && s->appeared < stream->appeared)
			place++;
	return place;
}

bool fr_relay_numbered_stream(
    const struct fr_relay *relay, int64_t number, char ret[FR_NAME_MAX + 1])
{
	const struct fr_stream *found = with_number(relay, number);

	for (const struct fr_stream *s = relay->streams; s != NULL && found == NULL; s = s->hh.next)
		if ((s->config == NULL || s->config->number == 0) && place_of(relay, s) == number)
			found = s;
	if (found == NULL)
		return false;
	memcpy(ret, found->name, sizeof(found->name));
	return true;
}
