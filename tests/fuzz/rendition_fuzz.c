/* SPDX-License-Identifier: MIT */
/* Parameters and a picture: a line `key=value key=value\n`, and behind it a JPEG. What comes of it fits what was asked for. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/media/frame.h"
#include "common/media/jpeg_decode.h"
#include "common/media/jpeg_info.h"
#include "common/media/jpeg_transform.h"
#include "common/media/rendition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_line(char *line, struct fr_rendition *ret)
{
	char *save, *value;
	struct fr_cause why;

	for (char *word = strtok_r(line, " ", &save); word != NULL;
	     word = strtok_r(NULL, " ", &save)) {
		value = strchr(word, '=');
		if (value == NULL)
			continue;
		*value++ = '\0';
		why.text[0] = '\0';
		if (fr_rendition_set(ret, word, value, &why) == -EINVAL)
			assert(why.text[0] != '\0');
	}
}

/* What is printed means the same when it is read again. */
static void check_text(const struct fr_rendition *r)
{
	struct fr_rendition again = {0};
	char text[FR_RENDITION_TEXT_MAX];

	assert(fr_rendition_print(r, text) == strlen(text));
	read_line(text, &again);
	assert(fr_rendition_is_same(r, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fr_jpeg_decode_limits limits = {.pixels = 1 << 18, .scans = 5};
	const uint8_t *end = memchr(data, '\n', size);
	struct fr_rendition r = {0};
	struct fr_transformed made;
	struct fr_jpeg_info info;
	struct fr_frame_pool *pool;
	struct fr_cause why = {""};
	enum fr_reason reason = FR_REASON_COUNT;
	char line[256];

	if (end == NULL || (size_t)(end - data) >= sizeof(line))
		return 0;
	(void)snprintf(line, sizeof(line), "%.*s", (int)(end - data), (const char *)data);
	read_line(line, &r);
	check_text(&r);
	r = fr_rendition_canonical(&r);
	check_text(&r);
	size -= (size_t)(end - data) + 1;
	pool = fr_frame_pool_new(0);
	if (fr_jpeg_transform(pool, end + 1, size, &r, &limits, &made, &reason, &why) != 0) {
		assert(why.text[0] != '\0');
		assert(reason == FR_REASON_bad_jpeg || reason == FR_REASON_too_many_pixels ||
		       reason == FR_REASON_memory_budget);
	} else {
		assert(fr_jpeg_info_read(fr_frame_room(made.frame), made.size, &info, &why) == 0);
		assert((int64_t)info.width * info.height <= limits.pixels);
		assert(info.width == made.width && info.height == made.height);
		assert(r.width == 0 || info.width <= r.width);
		assert(r.height == 0 || info.height <= r.height);
		assert(!r.gray || info.components == 1);
		fr_frame_unref(made.frame);
	}
	fr_frame_pool_free(pool);
	return 0;
}
