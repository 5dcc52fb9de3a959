/* SPDX-License-Identifier: MIT */
#include "common/media/rendition.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/text.h"

enum {
	QUALITY_MAX = 100,
	HALF_TURN = 180,
	WHOLE_TURN = 360,
};

static int read_switch(const char *value, bool *ret, struct fr_cause *why)
{
	int64_t number;

	if (fr_text_int(value, 0, 1, &number, why) < 0)
		return -EINVAL;
	*ret = number != 0;
	return 0;
}

static int read_pixels(const char *value, uint16_t *ret, struct fr_cause *why)
{
	int64_t number;

	if (fr_text_int(value, 1, UINT16_MAX, &number, why) < 0)
		return -EINVAL;
	*ret = (uint16_t)number;
	return 0;
}

static int read_quality(const char *value, uint8_t *ret, struct fr_cause *why)
{
	int64_t number;

	if (fr_text_int(value, 1, QUALITY_MAX, &number, why) < 0)
		return -EINVAL;
	*ret = (uint8_t)number;
	return 0;
}

static int read_rotate(const char *value, uint16_t *ret, struct fr_cause *why)
{
	int64_t number;

	if (fr_text_int(value, 0, WHOLE_TURN - 90, &number, why) < 0)
		return -EINVAL;
	if (number % 90 != 0)
		return fr_cause_set(why, EINVAL, "must be 0, 90, 180 or 270");
	*ret = (uint16_t)number;
	return 0;
}

int fr_rendition_set(
    struct fr_rendition *rendition, const char *key, const char *value, struct fr_cause *why)
{
	if (strcmp(key, "gray") == 0)
		return read_switch(value, &rendition->gray, why);
	if (strcmp(key, "width") == 0)
		return read_pixels(value, &rendition->width, why);
	if (strcmp(key, "height") == 0)
		return read_pixels(value, &rendition->height, why);
	if (strcmp(key, "quality") == 0)
		return read_quality(value, &rendition->quality, why);
	if (strcmp(key, "rotate") == 0)
		return read_rotate(value, &rendition->rotate, why);
	if (strcmp(key, "hflip") == 0)
		return read_switch(value, &rendition->hflip, why);
	if (strcmp(key, "vflip") == 0)
		return read_switch(value, &rendition->vflip, why);
	return -ENOENT;
}

bool fr_rendition_is_same(const struct fr_rendition *a, const struct fr_rendition *b)
{
	return a->width == b->width && a->height == b->height && a->rotate == b->rotate &&
	       a->quality == b->quality && a->gray == b->gray && a->hflip == b->hflip &&
	       a->vflip == b->vflip;
}

struct fr_rendition fr_rendition_canonical(const struct fr_rendition *rendition)
{
	struct fr_rendition ret = *rendition;

	if (ret.vflip) {
		ret.vflip = false;
		ret.hflip = !ret.hflip;
		ret.rotate = (uint16_t)((ret.rotate + HALF_TURN) % WHOLE_TURN);
	}
	return ret;
}

bool fr_rendition_is_any(const struct fr_rendition *rendition)
{
	static const struct fr_rendition none;
	const struct fr_rendition canonical = fr_rendition_canonical(rendition);

	return !fr_rendition_is_same(&canonical, &none);
}

size_t fr_rendition_print(const struct fr_rendition *rendition, char to[FR_RENDITION_TEXT_MAX])
{
	const struct {
		const char *key;
		unsigned value;
	} pairs[] = {
	    {"gray", rendition->gray},
	    {"width", rendition->width},
	    {"height", rendition->height},
	    {"quality", rendition->quality},
	    {"rotate", rendition->rotate},
	    {"hflip", rendition->hflip},
	    {"vflip", rendition->vflip},
	};
	size_t n = 0;

	to[0] = '\0';
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (pairs[i].value != 0)
			n += (size_t)snprintf(to + n, FR_RENDITION_TEXT_MAX - n, "%s%s=%u",
			    n == 0 ? "" : " ", pairs[i].key, pairs[i].value);
	return n;
}
