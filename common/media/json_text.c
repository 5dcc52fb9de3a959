/* SPDX-License-Identifier: MIT */
#include "common/media/json_text.h"

#include <jansson.h>

bool fr_json_text_is_valid(const uint8_t *bytes, size_t size)
{
	json_t *json = json_loadb((const char *)bytes, size, JSON_DECODE_ANY, NULL);

	json_decref(json); /* NULL is fine */
	return json != NULL;
}
