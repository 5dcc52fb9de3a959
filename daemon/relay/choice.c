/* SPDX-License-Identifier: MIT */
/* Which stream is meant by those who name none, or only a number. */
#include <string.h>

#include "daemon/relay/inside.h"

void fr_relay_set_default_stream(struct fr_relay *relay, const char *name)
{
	memset(relay->default_stream, 0, sizeof(relay->default_stream));
	memcpy(relay->default_stream, name, strnlen(name, FR_NAME_MAX));
}

/* The first that was ever live. @return NULL: none was */
static const struct fr_stream *first_lived(const struct fr_relay *relay)
{
	const struct fr_stream *first = NULL;

	for (const struct fr_stream *s = relay->streams; s != NULL; s = s->hh.next)
		if (s->lived != 0 && (first == NULL || s->lived < first->lived))
			first = s;
	return first;
}

/* The first with a publisher: one that sleeps is woken by whoever asks for it. @return NULL: there is none */
static const struct fr_stream *first_published(const struct fr_relay *relay)
{
	const struct fr_stream *first = NULL;

	for (const struct fr_stream *s = relay->streams; s != NULL; s = s->hh.next)
		if (s->publisher != NULL && (first == NULL || s->appeared < first->appeared))
			first = s;
	return first;
}

bool fr_relay_default_stream(const struct fr_relay *relay, char ret[FR_NAME_MAX + 1])
{
	const struct fr_stream *first = first_lived(relay);

	if (relay->default_stream[0] != '\0') {
		memcpy(ret, relay->default_stream, sizeof(relay->default_stream));
		return true;
	}
	if (first == NULL)
		first = first_published(relay);
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
