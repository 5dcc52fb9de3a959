/* SPDX-License-Identifier: MIT */
/* JSON texts: what is taken can be read by a parser, is not deeper than said, and stays good with space around it. */
#include <assert.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/media/json_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t depth_of(const json_t *json)
{
	size_t deepest = 0, i, depth;
	const char *key;
	json_t *value;

	if (json_is_array(json)) {
		json_array_foreach((json_t *)json, i, value)
		{
			depth = depth_of(value);
			deepest = depth > deepest ? depth : deepest;
		}
		return deepest + 1;
	}
	if (!json_is_object(json))
		return 0;
	json_object_foreach((json_t *)json, key, value)
	{
		depth = depth_of(value);
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const bool is_valid = fr_json_text_is_valid(data, size);
	uint8_t *padded = fr_xcalloc(size + 2, 1);
	json_t *json;

	padded[0] = padded[size + 1] = '\n';
	if (size != 0)
		memcpy(padded + 1, data, size);
	assert(fr_json_text_is_valid(padded, size + 2) == is_valid);
	if (is_valid) {
		json = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
		assert(json != NULL && depth_of(json) <= FR_JSON_DEPTH_MAX);
		json_decref(json);
	}
	free(padded);
	return 0;
}
