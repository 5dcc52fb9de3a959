/* SPDX-License-Identifier: MIT */
/*
 * The picture that the bench sends: a JPEG by its markers, any size, with a stamp in a comment right
 * behind its first bytes, so that a subscriber learns number and time from the first 64 bytes and
 * may throw the rest away unread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FR_BENCH_STAMP_BYTES = 64,   /* the first bytes of a picture; the stamp is in them */
	FR_BENCH_PICTURE_MIN = 1024, /* bytes; room for every marker */
	FR_BENCH_RECORD_HEAD = 24,   /* bytes before the picture with records */
};

/** A picture with the framing that stands before it. */
struct fr_bench_picture {
	uint8_t *bytes; /* head and picture, malloc()ed */
	size_t head;    /* bytes of framing: 4 plain, 24 with records */
	size_t size;    /* of the picture alone */
};

/** @param size  bytes of the picture, FR_BENCH_PICTURE_MIN and up. @param records  framed as a FRAME record */
void fr_bench_picture_make(struct fr_bench_picture *picture, size_t size, bool records);
void fr_bench_picture_free(struct fr_bench_picture *picture);

/** Numbers it. @param sent_ns  CLOCK_MONOTONIC nanoseconds */
void fr_bench_picture_stamp(struct fr_bench_picture *picture, uint64_t seq, int64_t sent_ns);

/** @param start  the first FR_BENCH_STAMP_BYTES of a picture. @return whether it is one of ours */
bool fr_bench_stamp_read(const uint8_t *start, uint64_t *ret_seq, int64_t *ret_sent_ns);
