/* SPDX-License-Identifier: MIT */
/* The parameters of pictures: the keys of SUB, and those of snapshots. What is not known is ignored. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/media/uri.h"
#include "daemon/doors/http/inside.h"

enum {
	AGE_MAX_MS = 3600000,
	FPS_MAX_MILLI = 1000000,
};

struct reading {
	struct http_query *query;
	const struct fr_limits *limits;
	const char *key, *value;
	struct fr_cause *why;
};

static int read_queue(const struct reading *r)
{
	const int64_t most = r->limits->max_queue_frames;
	int64_t value;

	if (fr_text_int(r->value, 1, most > 0 && most < 64 ? most : 64, &value, r->why) < 0)
		return -EINVAL;
	r->query->spec.queue_frames = (int)value;
	return 0;
}

static int read_age(const struct reading *r)
{
	return fr_text_int(r->value, 0, AGE_MAX_MS, &r->query->spec.queue_age_ms, r->why);
}

static int read_fps(const struct reading *r)
{
	int64_t milli;

	if (fr_text_milli(r->value, 0, FPS_MAX_MILLI, &milli, r->why) < 0)
		return -EINVAL;
	r->query->spec.max_fps_milli = (uint32_t)milli;
	return 0;
}

static int read_wait(const struct reading *r)
{
	int64_t value;

	if (fr_text_int(r->value, 0, 1, &value, r->why) < 0)
		return -EINVAL;
	r->query->wait = value != 0;
	return 0;
}

static int read_after(const struct reading *r)
{
	int64_t value;

	if (fr_text_int(r->value, 0, INT64_MAX, &value, r->why) < 0)
		return -EINVAL;
	r->query->has_after = true;
	r->query->after = (uint64_t)value;
	return 0;
}

static int read_max_age(const struct reading *r)
{
	r->query->has_max_age = true;
	return fr_text_int(r->value, 0, AGE_MAX_MS, &r->query->max_age_ms, r->why);
}

static int read_rendition(const struct reading *r)
{
	return fr_rendition_set(&r->query->spec.rendition, r->key, r->value, r->why);
}

static bool is_on(const char *value)
{
	return strcmp(value, "1") == 0 || strcmp(value, "true") == 0 || strcmp(value, "yes") == 0;
}

static int read_extra_headers(const struct reading *r)
{
	r->query->parts.extra_headers = is_on(r->value);
	return 0;
}

static int read_advance_headers(const struct reading *r)
{
	r->query->parts.advance_headers = is_on(r->value);
	return 0;
}

static int read_zero_data(const struct reading *r)
{
	r->query->parts.zero_data = is_on(r->value);
	return 0;
}

/* It comes back in a cookie; what is no word is left out. */
static int read_key(const struct reading *r)
{
	if (fr_text_is_name(r->value))
		(void)snprintf(r->query->parts.key, sizeof(r->query->parts.key), "%s", r->value);
	return 0;
}

static const struct {
	const char *key;
	int (*read)(const struct reading *r);
} keys[] = {
    {"queue", read_queue},
    {"age_ms", read_age},
    {"max_fps", read_fps},
    {"fps", read_fps},
    {"wait", read_wait},
    {"after", read_after},
    {"max_age", read_max_age},
    {"max_delay", read_max_age},
    {"key", read_key},
    {"extra_headers", read_extra_headers},
    {"advance_headers", read_advance_headers},
    {"zero_data", read_zero_data},
    {"gray", read_rendition},
    {"width", read_rendition},
    {"height", read_rendition},
    {"quality", read_rendition},
    {"rotate", read_rendition},
    {"hflip", read_rendition},
    {"vflip", read_rendition},
};

struct http_query fr_http_query_empty(void)
{
	return (struct http_query){
	    .spec = {.door = "http", .queue_frames = -1, .queue_age_ms = -1}};
}

int fr_http_query_set(struct http_query *query, const struct fr_limits *limits, const char *key,
    const char *value, struct fr_cause *why)
{
	struct fr_cause because;
	const struct reading r = {
	    .query = query, .limits = limits, .key = key, .value = value, .why = &because};

	(void)fr_cause_set(&because, 0, "too long, or badly encoded");
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (strcmp(keys[i].key, key) != 0)
			continue;
		if (value != NULL && keys[i].read(&r) == 0)
			return 0;
		return fr_cause_set(why, EINVAL, "%s: %s", key, because.text);
	}
	return fr_cause_set(why, ENOENT, "%.63s is no parameter of a subscription", key);
}

static bool is_of_rendition(const char *key)
{
	struct fr_rendition ignored;
	struct fr_cause why;

	return fr_rendition_set(&ignored, key, "", &why) != -ENOENT;
}

bool fr_http_query_read(struct http_peer *p, struct http_query *ret)
{
	const char *at = fr_http_head_request(p->head)->query;
	/* Where other programs' addresses have such a parameter it may mean something else. */
	const bool is_ours = strncmp(fr_http_head_request(p->head)->path, "/streams/", 9) == 0;
	struct fr_uri_parameter parameter;
	struct fr_cause why;
	int r;

	*ret = fr_http_query_empty();
	ret->spec.who = p->who;
	while (fr_uri_query_next(&at, &parameter)) {
		if (!parameter.has_value || (!is_ours && is_of_rendition(parameter.key)))
			continue;
		r = fr_http_query_set(ret, p->door->env.limits, parameter.key,
		    parameter.is_cut ? NULL : parameter.value, &why);
		if (r == 0 || r == -ENOENT)
			continue;
		fr_http_fail(p, 400, FR_REASON_bad_parameter, "%s", why.text);
		return false;
	}
	return true;
}
