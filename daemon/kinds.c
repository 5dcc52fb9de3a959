/* SPDX-License-Identifier: MIT */
#include "daemon/kinds.h"

#include <string.h>

#include "common/base/text.h"
#include "daemon/doors/doors.h"
#include "daemon/sinks/sinks.h"
#include "daemon/sources/sources.h"

enum {
	KINDS_MAX = 32, /* of one table */
};

/* What the documents speak of and a build may lack. */
static const char *const planned[] = {"grpc", "grpc-pull", NULL};

const char *fr_end_name(enum fr_end end)
{
	static const char *const names[] = {
	    [FR_END_DOOR] = "door", [FR_END_SOURCE] = "source", [FR_END_SINK] = "sink"};

	return names[end];
}

bool fr_kind_at(enum fr_end end, size_t i, struct fr_kind *ret)
{
	const struct fr_door_ops *door = end == FR_END_DOOR ? fr_door_at(i) : NULL;
	const struct fr_source_ops *source = end == FR_END_SOURCE ? fr_source_at(i) : NULL;
	const struct fr_sink_ops *sink = end == FR_END_SINK ? fr_sink_at(i) : NULL;

	if (door != NULL)
		*ret = (struct fr_kind){door->kind, door->summary, NULL, door->options, NULL};
	else if (source != NULL)
		*ret = (struct fr_kind){source->kind, source->summary, source->argument,
		    source->options, source->check};
	else if (sink != NULL)
		*ret =
		    (struct fr_kind){sink->kind, sink->summary, NULL, sink->options, sink->check};
	else
		return false;
	return true;
}

bool fr_kind_find(enum fr_end end, const char *name, struct fr_kind *ret)
{
	struct fr_kind kind;

	for (size_t i = 0; fr_kind_at(end, i, &kind); i++) {
		if (strcmp(kind.name, name) == 0) {
			*ret = kind;
			return true;
		}
	}
	return false;
}

void fr_kind_unknown(enum fr_end end, const char *name, struct fr_text *to)
{
	const char *names[KINDS_MAX + 1] = {NULL};
	const char *nearest;
	struct fr_kind kind;
	size_t count = 0;

	for (size_t i = 0; planned[i] != NULL; i++) {
		if (strcmp(planned[i], name) == 0) {
			fr_text_add(to, "kind \"%s\" is not in this build", name);
			return;
		}
	}
	while (count < KINDS_MAX && fr_kind_at(end, count, &kind))
		names[count++] = kind.name;
	nearest = fr_text_nearest(name, names);
	fr_text_add(to, "unknown kind of %s \"%.80s\"", fr_end_name(end), name);
	if (nearest != NULL) {
		fr_text_add(to, "; \"%s\" is meant?", nearest);
		return;
	}
	for (size_t i = 0; i < count; i++)
		fr_text_add(to, "%s%s", i == 0 ? "; there are " : ", ", names[i]);
}
