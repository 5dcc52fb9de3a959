/* SPDX-License-Identifier: MIT */
/* Any bytes of a camera: the gap is before an SOS, and there is none once the tables are in; padding is what it says. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/media/jpeg_huffman.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const size_t gap = fr_jpeg_huffman_gap(data, size);
	const size_t end = fr_jpeg_unpadded(data, size);
	uint8_t *whole;

	assert(end <= size);
	for (size_t i = end; i < size; i++)
		assert(data[i] == 0);
	if (gap == 0)
		return 0;
	assert(gap + 2 <= size && data[gap] == 0xFF && data[gap + 1] == 0xDA);
	whole = fr_xcalloc(1, size + FR_JPEG_HUFFMAN_BYTES);
	memcpy(whole, data, gap);
	memcpy(whole + gap, fr_jpeg_huffman, FR_JPEG_HUFFMAN_BYTES);
	memcpy(whole + gap + FR_JPEG_HUFFMAN_BYTES, data + gap, size - gap);
	assert(fr_jpeg_huffman_gap(whole, size + FR_JPEG_HUFFMAN_BYTES) == 0);
	free(whole);
	return 0;
}
