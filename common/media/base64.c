/* SPDX-License-Identifier: MIT */
#include "common/media/base64.h"

#include <errno.h>

#include <openssl/evp.h>

#include "common/media/frame.h"

enum {
	SIZE_MOST = 1 << 30,
	BAD = 64,
};

struct fr_frame *fr_base64_encode(
    struct fr_frame_pool *pool, const uint8_t *bytes, size_t size, size_t *ret_size)
{
	const size_t length = (size + 2) / 3 * 4;
	struct fr_frame *frame =
	    size <= SIZE_MOST ? fr_frame_begin(pool, length + 1) : NULL; /* with its NUL */

	if (frame == NULL)
		return NULL;
	(void)EVP_EncodeBlock(fr_frame_room(frame), bytes, (int)size);
	*ret_size = length;
	return frame;
}

static unsigned value_of(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - (unsigned)'A';
	if (c >= 'a' && c <= 'z')
		return c - (unsigned)'a' + 26;
	if (c >= '0' && c <= '9')
		return c - (unsigned)'0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : BAD;
}

int fr_base64_decode(uint8_t *text, size_t size, size_t *ret_size)
{
	size_t n = 0, padding = 0, i;
	uint32_t bits = 0;
	unsigned value;

	if (size % 4 != 0)
		return -EINVAL;
	while (padding < 2 && size > 0 && text[size - 1] == '=') {
		size--;
		padding++;
	}
	for (i = 0; i < size; i++) {
		value = value_of(text[i]);
		if (value == BAD)
			return -EINVAL;
		bits = bits << 6 | value;
		if (i % 4 == 1)
			text[n++] = (uint8_t)(bits >> 4);
		else if (i % 4 == 2)
			text[n++] = (uint8_t)(bits >> 2);
		else if (i % 4 == 3)
			text[n++] = (uint8_t)bits;
	}
	*ret_size = n;
	return 0;
}
