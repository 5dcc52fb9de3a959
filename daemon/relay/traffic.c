/* SPDX-License-Identifier: MIT */
#include "daemon/relay/traffic.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "daemon/relay/inside.h"

const struct fr_traffic_spec fr_traffic_specs[FR_TRAFFIC_COUNT] = {
#define TRAFFIC(row, of, sentence) {.name = #row, .unit = of, .help = sentence},
#include "daemon/relay/traffic.def"
#undef TRAFFIC
};

struct fr_traffic *fr_traffic_of(struct fr_stream *stream, const char *door)
{
	struct fr_traffic **at = &stream->traffic;

	while (*at != NULL && strcmp((*at)->door, door) != 0)
		at = &(*at)->next;
	if (*at == NULL) {
		*at = fr_xcalloc(1, sizeof(**at));
		(*at)->door = door;
	}
	return *at;
}

void fr_traffic_free(struct fr_traffic *traffic)
{
	struct fr_traffic *next;

	for (; traffic != NULL; traffic = next) {
		next = traffic->next;
		free(traffic);
	}
}

void fr_relay_traffic(const struct fr_relay *relay,
    void (*each)(void *arg, const char *stream, const struct fr_traffic *traffic), void *arg)
{
	for (const struct fr_stream *s = relay->streams; s != NULL; s = s->hh.next)
		for (const struct fr_traffic *t = s->traffic; t != NULL; t = t->next)
			each(arg, s->name, t);
}
