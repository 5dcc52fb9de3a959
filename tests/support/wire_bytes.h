/* SPDX-License-Identifier: MIT */
/* Makes what peers send on the frames protocol, for tests of its reader. */
#pragma once

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Bytes that grow; all zero is empty. */
struct wire_bytes {
	uint8_t *bytes;
	size_t size, capacity;
};

static inline void bytes_add(struct wire_bytes *to, const void *bytes, size_t size)
{
	assert(size < SIZE_MAX / 4 && to->size < SIZE_MAX / 4);
	if (to->size + size + 1 > to->capacity) {
		to->capacity = 2 * (to->size + size + 1);
		to->bytes = realloc(to->bytes, to->capacity);
		assert(to->bytes != NULL);
	}
	if (size > 0)
		memcpy(to->bytes + to->size, bytes, size);
	to->size += size;
}

static inline void bytes_add_text(struct wire_bytes *to, const char *text)
{
	bytes_add(to, text, strlen(text));
}

static inline void bytes_add_le(struct wire_bytes *to, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++) {
		const uint8_t byte = (uint8_t)(value >> (8 * i));

		bytes_add(to, &byte, 1);
	}
}

static inline void bytes_add_plain(struct wire_bytes *to, const void *picture, size_t size)
{
	bytes_add_le(to, size, 4);
	bytes_add(to, picture, size);
}

static inline void bytes_add_record(
    struct wire_bytes *to, uint8_t type, uint64_t sequence, const void *payload, size_t size)
{
	bytes_add_le(to, 20 + size, 4);
	bytes_add_le(to, type, 1);
	bytes_add_le(to, 1, 1);      /* flags */
	bytes_add_le(to, 0x0203, 2); /* channel */
	bytes_add_le(to, sequence, 8);
	bytes_add_le(to, 1700000000000000, 8);
	bytes_add(to, payload, size);
}

static inline void bytes_done(struct wire_bytes *bytes)
{
	free(bytes->bytes);
	*bytes = (struct wire_bytes){0};
}
