/* SPDX-License-Identifier: MIT */
#include "common/media/grpc_wire.h"

#include <errno.h>
#include <string.h>

enum {
	DIGITS_MAX = 8,
};

#define DAY_US (24 * 3600 * INT64_C(1000000))

size_t fr_grpc_read(
    struct fr_grpc_reader *r, const uint8_t *bytes, size_t size, struct fr_grpc_event *event)
{
	size_t n = FR_GRPC_PREFIX_BYTES - r->prefix_size;

	*event = (struct fr_grpc_event){.type = FR_GRPC_MORE};
	if (r->prefix_size < FR_GRPC_PREFIX_BYTES) {
		n = n < size ? n : size;
		memcpy(r->prefix + r->prefix_size, bytes, n);
		r->prefix_size += (unsigned)n;
		if (r->prefix_size < FR_GRPC_PREFIX_BYTES)
			return n;
		r->left = (uint32_t)r->prefix[1] << 24 | (uint32_t)r->prefix[2] << 16 |
		          (uint32_t)r->prefix[3] << 8 | r->prefix[4];
		event->type = FR_GRPC_BEGIN;
		event->is_compressed = r->prefix[0] != 0;
		event->length = r->left;
		event->is_whole = r->left == 0;
	} else {
		n = size < r->left ? size : r->left;
		r->left -= (uint32_t)n;
		event->type = FR_GRPC_BYTES;
		event->bytes = bytes;
		event->size = n;
		event->is_whole = r->left == 0;
	}
	if (event->is_whole)
		r->prefix_size = 0;
	return n;
}

bool fr_grpc_is_inside(const struct fr_grpc_reader *r)
{
	return r->prefix_size != 0;
}

void fr_grpc_write_prefix(uint8_t to[FR_GRPC_PREFIX_BYTES], uint32_t length)
{
	to[0] = 0;
	to[1] = (uint8_t)(length >> 24);
	to[2] = (uint8_t)(length >> 16);
	to[3] = (uint8_t)(length >> 8);
	to[4] = (uint8_t)length;
}

int fr_grpc_timeout(const char *text, int64_t *ret_us)
{
	static const struct {
		char letter;
		int64_t ns;
	} units[] = {{'H', 3600 * INT64_C(1000000000)}, {'M', 60 * INT64_C(1000000000)},
	    {'S', 1000000000}, {'m', 1000000}, {'u', 1000}, {'n', 1}};
	int64_t number = 0, us;
	size_t digits = 0;

	while (digits < DIGITS_MAX && text[digits] >= '0' && text[digits] <= '9')
		number = number * 10 + (text[digits++] - '0');
	if (digits == 0 || text[digits] == '\0' || text[digits + 1] != '\0')
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (text[digits] != units[i].letter)
			continue;
		/* 99,999,999 hours in nanoseconds do not fit. */
		us = units[i].ns >= 1000 ? number * (units[i].ns / 1000) : (number + 999) / 1000;
		*ret_us = us < DAY_US ? us : DAY_US;
		return 0;
	}
	return -EINVAL;
}

void fr_grpc_encode_text(char to[FR_GRPC_TEXT_MAX], const char *text)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t n = 0;

	for (const unsigned char *at = (const unsigned char *)text;
	     *at != '\0' && n + 3 < FR_GRPC_TEXT_MAX; at++) {
		if (*at >= ' ' && *at <= '~' && *at != '%') {
			to[n++] = (char)*at;
		} else {
			to[n++] = '%';
			to[n++] = digits[*at >> 4];
			to[n++] = digits[*at & 15];
		}
	}
	to[n] = '\0';
}

enum fr_grpc_status fr_grpc_status_of(unsigned code, bool is_stopping)
{
	switch (code) {
	case 0:
		return FR_GRPC_OK;
	case 401:
		return FR_GRPC_UNAUTHENTICATED;
	case 403:
		return FR_GRPC_PERMISSION_DENIED;
	case 404:
		return FR_GRPC_NOT_FOUND;
	case 409:
		return FR_GRPC_ALREADY_EXISTS;
	case 413:
	case 429:
		return FR_GRPC_RESOURCE_EXHAUSTED;
	case 503:
		return is_stopping ? FR_GRPC_UNAVAILABLE : FR_GRPC_RESOURCE_EXHAUSTED;
	default:
		return FR_GRPC_INVALID_ARGUMENT;
	}
}
