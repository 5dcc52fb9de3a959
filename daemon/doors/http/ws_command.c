/* SPDX-License-Identifier: MIT */
#include "daemon/doors/http/ws_command.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/media/json_text.h"

struct reading {
	json_t *object;
	struct ws_command *to;
	const struct fr_limits *limits;
	struct fr_cause *why;
};

/* Where the value of a key begins or ends in a text that jansson has read: only strings and brackets need a look. */
static const char *skip_value(const char *at, const char *end)
{
	int depth = 0;

	for (; at < end; at++) {
		if (*at == '"') {
			for (at++; *at != '"'; at++)
				if (*at == '\\')
					at++;
		} else if (*at == '{' || *at == '[') {
			depth++;
		} else if (depth == 0 && (*at == ',' || *at == ':' || *at == '}')) {
			return at;
		} else if (*at == '}' || *at == ']') {
			depth--;
		}
	}
	return end;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void take_trimmed(struct ws_command *to, const char *begin, const char *end)
{
	while (is_space(*begin))
		begin++;
	while (is_space(end[-1]))
		end--;
	to->message = (const uint8_t *)begin;
	to->message_size = (size_t)(end - begin);
}

/*
 * The message's own bytes, so that it goes on as it was written: a number that was read and printed again could be
 * another one.
 */
static bool find_message(const char *text, size_t size, struct ws_command *to)
{
	static const char key[] = "\"message\"";
	const char *end = text + size, *at = memchr(text, '{', size), *begin;

	while (at != NULL && at < end && *at != '}') {
		begin = at + 1 + strspn(at + 1, " \t\r\n");
		at = skip_value(begin, end); /* at the colon */
		if ((size_t)(end - begin) > sizeof(key) &&
		    memcmp(begin, key, sizeof(key) - 1) == 0) {
			take_trimmed(to, at + 1, skip_value(at + 1, end));
			return true;
		}
		at = skip_value(at + 1, end);
	}
	return false; /* it is there, but written with escapes */
}

static int read_number(
    const struct reading *r, const char *key, const json_t *value, int64_t most, int64_t *ret)
{
	if (!json_is_integer(value))
		return fr_cause_set(r->why, EINVAL, "%s must be a whole number", key);
	*ret = json_integer_value(value);
	if (*ret < 0 || *ret > most)
		return fr_cause_set(r->why, EINVAL, "%s must be 0..%lld", key, (long long)most);
	return 0;
}

static int read_channel(const struct reading *r, const char *key)
{
	int64_t channel = 0;
	int e = read_number(r, key, json_object_get(r->object, key), UINT16_MAX, &channel);

	if (e < 0)
		return e;
	r->to->has_channel = true;
	r->to->channel = (uint16_t)channel;
	return 0;
}

static int read_stream(const struct reading *r, const char *key)
{
	const char *name = json_string_value(json_object_get(r->object, key));

	if (name == NULL || !fr_text_is_name(name))
		return fr_cause_set(r->why, EINVAL,
		    "%s must be a stream's name: letters, digits, _ and -, at most 64, the first a "
		    "letter or a digit",
		    key);
	memcpy(r->to->stream, name, strlen(name) + 1);
	return 0;
}

/* A value as it would stand in a query. */
static int read_key(const struct reading *r, const char *key, const json_t *value)
{
	char text[FR_NAME_MAX];

	if (json_is_string(value))
		(void)snprintf(text, sizeof(text), "%s", json_string_value(value));
	else if (json_is_integer(value))
		(void)snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		(void)snprintf(text, sizeof(text), "%.3f", json_real_value(value));
	else if (json_is_boolean(value))
		(void)snprintf(text, sizeof(text), "%d", json_is_true(value));
	else
		return fr_cause_set(r->why, EINVAL, "%.63s must be a number or a text", key);
	return fr_http_query_set(&r->to->query, r->limits, key, text, r->why);
}

static int read_subscribe(const struct reading *r)
{
	const json_t *ack = json_object_get(r->object, "ack");
	const char *key;
	json_t *value;
	int e = read_stream(r, "subscribe");

	if (e == 0 && ack != NULL && !json_is_boolean(ack))
		e = fr_cause_set(r->why, EINVAL, "ack must be true or false");
	r->to->acks = json_is_true(ack);
	json_object_foreach(r->object, key, value)
	{
		if (e < 0 || strcmp(key, "subscribe") == 0 || strcmp(key, "channel") == 0 ||
		    strcmp(key, "ack") == 0)
			continue;
		e = read_key(r, key, value);
	}
	if (e == 0 && !r->to->has_channel)
		e = fr_cause_set(r->why, EINVAL, "channel is missing");
	return e;
}

static int read_ack(const struct reading *r)
{
	int64_t sequence = 0;
	int e = read_channel(r, "ack");

	if (e == 0)
		e = read_number(
		    r, "sequence", json_object_get(r->object, "sequence"), INT64_MAX, &sequence);
	r->to->sequence = (uint64_t)sequence;
	return e;
}

static int read_object(const struct reading *r, const char *text, size_t size)
{
	const json_t *stream = json_object_get(r->object, "stream");
	int e = 0;

	if (json_object_get(r->object, "channel") != NULL)
		e = read_channel(r, "channel");
	if (e < 0)
		return e;
	if (json_object_get(r->object, "subscribe") != NULL) {
		r->to->type = WS_SUBSCRIBE;
		return read_subscribe(r);
	}
	if (json_object_get(r->object, "message") != NULL) {
		r->to->type = WS_MESSAGE;
		if (stream != NULL)
			e = read_stream(r, "stream");
		if (e == 0 && !find_message(text, size, r->to))
			e = fr_cause_set(r->why, EINVAL, "message must be written so");
		return e;
	}
	if (json_object_get(r->object, "unsubscribe") != NULL) {
		r->to->type = WS_UNSUBSCRIBE;
		return read_channel(r, "unsubscribe");
	}
	if (json_object_get(r->object, "ack") != NULL) {
		r->to->type = WS_ACK;
		return read_ack(r);
	}
	return fr_cause_set(
	    r->why, EINVAL, "one of subscribe, unsubscribe, ack and message is needed");
}

int fr_http_ws_command_read(const uint8_t *text, size_t size, const struct fr_limits *limits,
    struct ws_command *ret, struct fr_cause *why)
{
	struct reading r = {.to = ret, .limits = limits, .why = why};
	struct fr_cause not_json;
	int e;

	*ret = (struct ws_command){.query = fr_http_query_empty()};
	/* A message is as deep as at every other door; what it is wrapped in counts apart. */
	r.object = fr_json_text_read(text, size, FR_JSON_DEPTH_MAX + 1, &not_json);
	if (json_is_object(r.object))
		e = read_object(&r, (const char *)text, size);
	else
		e = fr_cause_set(why, EINVAL, "not a JSON object%s%s", r.object == NULL ? ": " : "",
		    r.object == NULL ? not_json.text : "");
	json_decref(r.object);
	return e < 0 ? -EINVAL : 0;
}
