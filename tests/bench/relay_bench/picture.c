/* SPDX-License-Identifier: MIT */
/*
 * Source: markers and segments, ITU-T T.81 (1992) B.1 and B.2; framing, docs/protocol.md 1.1 and 1.3.
 */
#include "tests/bench/relay_bench/picture.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

static const char magic[8] = "frbench1";

/* SOI, then a comment of the magic, the number and the time, filled up to FR_BENCH_STAMP_BYTES. */
enum {
	STAMP_MAGIC = 6,
	STAMP_SEQ = 14,
	STAMP_TIME = 22,
	COMMENT = FR_BENCH_STAMP_BYTES - 4, /* the segment's length: all but SOI and the marker */
};

static const uint8_t frame_header[] = {
    0xff,
    0xc0,
    0,
    17,
    8,
    720 >> 8,
    720 & 255,
    1280 >> 8,
    1280 & 255,
    3, /* 1280x720, three components */
    1,
    0x22,
    0,
    2,
    0x11,
    0,
    3,
    0x11,
    0,
};
static const uint8_t scan_header[] = {0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 63, 0};

static uint8_t *put(uint8_t *at, const void *bytes, size_t size)
{
	memcpy(at, bytes, size);
	return at + size;
}

/* One quantisation table of ones, and a Huffman table of either class with one code of one bit. */
static uint8_t *put_tables(uint8_t *at)
{
	static const uint8_t quantisation[] = {0xff, 0xdb, 0, 67, 0};

	at = put(at, quantisation, sizeof(quantisation));
	memset(at, 1, 64);
	at += 64;
	for (unsigned class = 0; class < 2; class ++) {
		const uint8_t huffman[] = {0xff, 0xc4, 0, 20, (uint8_t)(class << 4), 1};

		at = put(at, huffman, sizeof(huffman));
		memset(at, 0, 16);
		at += 16;
	}
	return at;
}

static void put_le32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

void fr_bench_picture_make(struct fr_bench_picture *picture, size_t size, bool records)
{
	uint8_t *at;
	const uint8_t *end;

	assert(size >= FR_BENCH_PICTURE_MIN);
	picture->head = records ? FR_BENCH_RECORD_HEAD : 4;
	picture->size = size;
	picture->bytes = fr_xcalloc(1, picture->head + size);
	put_le32(picture->bytes, (uint32_t)(picture->head - 4 + size));
	if (records)
		picture->bytes[4] = 1; /* FRAME; sequence and time stay 0: the relay gives them */

	at = picture->bytes + picture->head;
	end = at + size;
	at = put(at, (const uint8_t[]){0xff, 0xd8, 0xff, 0xfe, 0, COMMENT}, 6);
	at = put(at, magic, sizeof(magic));
	at = picture->bytes + picture->head + FR_BENCH_STAMP_BYTES;
	at = put_tables(at);
	at = put(at, frame_header, sizeof(frame_header));
	at = put(at, scan_header, sizeof(scan_header));
	for (uint32_t x = 1; at < end - 2; at++) {
		x = x * 1103515245u + 12345u;
		*at = (uint8_t)(x >> 16) & 0x7f; /* never FF */
	}
	put(at, (const uint8_t[]){0xff, 0xd9}, 2);
}

void fr_bench_picture_free(struct fr_bench_picture *picture)
{
	free(picture->bytes);
	picture->bytes = NULL;
}

void fr_bench_picture_stamp(struct fr_bench_picture *picture, uint64_t seq, int64_t sent_ns)
{
	uint8_t *start = picture->bytes + picture->head;

	memcpy(start + STAMP_SEQ, &seq, sizeof(seq));
	memcpy(start + STAMP_TIME, &sent_ns, sizeof(sent_ns));
}

bool fr_bench_stamp_read(const uint8_t *start, uint64_t *ret_seq, int64_t *ret_sent_ns)
{
	if (memcmp(start + STAMP_MAGIC, magic, sizeof(magic)) != 0)
		return false;
	memcpy(ret_seq, start + STAMP_SEQ, sizeof(*ret_seq));
	memcpy(ret_sent_ns, start + STAMP_TIME, sizeof(*ret_sent_ns));
	return true;
}
