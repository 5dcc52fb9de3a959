/* SPDX-License-Identifier: MIT */
#include "common/media/json_text.h"

#include <errno.h>
#include <jansson.h>

#include "common/base/cause.h"

/* @return where the string that begins at `at` ends: behind its quote, or at `end` */
static const uint8_t *skip_string(const uint8_t *at, const uint8_t *end)
{
	for (at++; at < end && *at != '"'; at++)
		if (*at == '\\' && end - at > 1)
			at++;
	return at < end ? at + 1 : end;
}

static bool is_of_a_number(uint8_t c)
{
	return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* Before a parser works on it: what would cost time or stack. What is no JSON at all may pass here. */
static bool is_bounded(const uint8_t *at, const uint8_t *end, unsigned depth_max)
{
	size_t depth = 0, number = 0;

	while (at < end) {
		number = is_of_a_number(*at) ? number + 1 : 0;
		if (number > FR_JSON_NUMBER_MAX)
			return false;
		if (*at == '"') {
			at = skip_string(at, end);
			continue;
		}
		if (*at == '[' || *at == '{') {
			if (++depth > depth_max)
				return false;
		} else if ((*at == ']' || *at == '}') && depth-- == 0) {
			return false;
		}
		at++;
	}
	return true;
}

json_t *fr_json_text_read(
    const uint8_t *bytes, size_t size, unsigned depth_max, struct fr_cause *why)
{
	json_error_t error;
	json_t *json;

	if (size == 0) {
		(void)fr_cause_set(why, EINVAL, "nothing");
		return NULL;
	}
	if (!is_bounded(bytes, bytes + size, depth_max)) {
		(void)fr_cause_set(why, EINVAL,
		    "brackets that do not match, more than %u deep, or a number of more than %d "
		    "characters",
		    depth_max, (int)FR_JSON_NUMBER_MAX);
		return NULL;
	}
	json =
	    json_loadb((const char *)bytes, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);
	if (json == NULL)
		(void)fr_cause_set(why, EINVAL, "%s", error.text);
	return json;
}

bool fr_json_text_is_valid(const uint8_t *bytes, size_t size)
{
	struct fr_cause why;
	json_t *json = fr_json_text_read(bytes, size, FR_JSON_DEPTH_MAX, &why);

	json_decref(json); /* NULL is fine */
	return json != NULL;
}
