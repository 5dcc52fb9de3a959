/* SPDX-License-Identifier: MIT */
/*
 * The marker walk: the same end however the bytes are cut; and what is judged a good picture as a whole leads the walk
 * to its picture data.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/base/cause.h"
#include "common/media/jpeg_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walked {
	enum fr_jpeg_step step;
	size_t taken;
	struct fr_jpeg_walk walk;
};

/* @param piece  bytes at a time; 0: pieces by the strides that the walk asks for, up to its first scan */
static struct walked walk(const uint8_t *data, size_t size, size_t piece)
{
	struct walked w = {.step = FR_JPEG_MORE};

	while (w.taken < size && w.step == FR_JPEG_MORE) {
		size_t n = piece == 0 ? fr_jpeg_walk_stride(&w.walk) : piece;
		size_t taken;

		if (piece == 0 && fr_jpeg_walk_in_scan(&w.walk))
			break;
		assert(n > 0);
		n = n < size - w.taken ? n : size - w.taken;
		w.step = fr_jpeg_walk_feed(&w.walk, data + w.taken, n, &taken);
		assert(taken <= n && (w.step != FR_JPEG_MORE || taken == n));
		w.taken += taken;
	}
	return w;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct walked whole = walk(data, size, size);
	struct fr_jpeg_info info = {0};
	struct fr_cause why = {""};

	for (size_t piece = 1; piece < 40; piece = piece * 2 + 1) {
		const struct walked cut = walk(data, size, piece);

		assert(cut.step == whole.step && cut.taken == whole.taken);
	}
	if (fr_jpeg_info_read(data, size, &info, &why) == 0) {
		const struct walked header = walk(data, size, 0);

		assert(info.width > 0 && info.height > 0);
		assert(info.components >= 1 && info.components <= 4);
		assert(header.step == FR_JPEG_MORE && fr_jpeg_walk_in_scan(&header.walk));
	} else {
		assert(why.text[0] != '\0');
	}
	return 0;
}
