/* SPDX-License-Identifier: MIT */
#include "common/media/wire_write.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/media/wire_parts.h"

static void put_le(uint8_t *to, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

/* Puts the head in front of a payload that is in its place. @return the record's length */
static size_t finish(uint8_t *to, enum fr_record_type type, size_t payload)
{
	memset(to, 0, FR_RECORD_HEAD_BYTES);
	put_le(to, FR_RECORD_HEAD_BYTES - 4 + payload, 4);
	to[4] = (uint8_t)type;
	return FR_RECORD_HEAD_BYTES + payload;
}

/* @return bytes of `text` that are at most `max` and do not end inside a character (UTF-8) */
static size_t cut(const char *text, size_t max)
{
	size_t size = strnlen(text, max + 1);

	if (size <= max)
		return size;
	size = max;
	while (size > 0 && ((unsigned char)text[size] & 0xC0) == 0x80)
		size--;
	return size;
}

size_t fr_wire_write_demand(uint8_t *to, uint32_t subscribers, uint32_t rate_milli)
{
	put_le(to + FR_RECORD_HEAD_BYTES, subscribers, 4);
	put_le(to + FR_RECORD_HEAD_BYTES + 4, rate_milli, 4);
	return finish(to, FR_RECORD_DEMAND, 8);
}

size_t fr_wire_write_ping(uint8_t *to, int64_t clock_us)
{
	put_le(to + FR_RECORD_HEAD_BYTES, (uint64_t)clock_us, 8);
	return finish(to, FR_RECORD_PING, 8);
}

size_t fr_wire_write_pong(uint8_t *to, const uint8_t *payload, size_t size, int64_t clock_us)
{
	assert(size >= FR_PING_MIN && size <= FR_PING_MAX);
	memmove(to + FR_RECORD_HEAD_BYTES, payload, size);
	put_le(to + FR_RECORD_HEAD_BYTES + size, (uint64_t)clock_us, 8);
	return finish(to, FR_RECORD_PONG, size + 8);
}

size_t fr_wire_write_end(uint8_t *to, const char *reason)
{
	const size_t size = cut(reason, FR_REASON_TEXT_MAX);

	memcpy(to + FR_RECORD_HEAD_BYTES, reason, size);
	return finish(to, FR_RECORD_END, size);
}

size_t fr_wire_write_error(uint8_t *to, unsigned code, const char *reason)
{
	char *text = (char *)to + FR_RECORD_HEAD_BYTES;
	const int code_size = snprintf(text, FR_REASON_TEXT_MAX, "%u ", code);
	const size_t size = cut(reason, FR_REASON_TEXT_MAX - (size_t)code_size);

	memcpy(text + code_size, reason, size);
	return finish(to, FR_RECORD_ERROR, (size_t)code_size + size);
}

size_t fr_wire_answer_ping(uint8_t *to, const uint8_t *record, size_t size, int64_t clock_us)
{
	const size_t head = FR_RECORD_HEAD_BYTES - 4;
	uint8_t whole[FR_WIRE_SMALL_MAX];
	size_t n;

	if (size < head + FR_PING_MIN || size > head + FR_PING_MAX || record[0] != FR_RECORD_PING)
		return 0;
	n = fr_wire_write_pong(whole, record + head, size - head, clock_us);
	memcpy(to, whole + 4, n - 4);
	return n - 4;
}
