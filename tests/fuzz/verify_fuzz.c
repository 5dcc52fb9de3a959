/* SPDX-License-Identifier: MIT */
/* The decodes of strangers' pictures: their limits hold, and every refusal has its words. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/base/cause.h"
#include "common/media/jpeg_decode.h"
#include "common/media/jpeg_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fr_jpeg_decode_limits limits = {.pixels = 1 << 18, .scans = 5};
	struct fr_jpeg_pixels gray;
	struct fr_jpeg_info info;
	struct fr_cause why = {""};
	enum fr_reason reason = FR_REASON_COUNT;

	if (fr_jpeg_decode_gray(data, size, &limits, 1 << 12, &gray, &why) == 0) {
		assert((int64_t)gray.width * gray.height <= 1 << 12);
		free(gray.pixels);
	}
	if (fr_jpeg_decode_check(data, size, &limits, &reason, &why) != 0) {
		assert(why.text[0] != '\0');
		assert(reason == FR_REASON_bad_jpeg || reason == FR_REASON_too_many_pixels);
		return 0;
	}
	/* The library forgives some lengths that the marker walk does not; where both agree, the size is the same. */
	if (fr_jpeg_info_read(data, size, &info, &why) == 0)
		assert((int64_t)info.width * info.height <= limits.pixels);
	return 0;
}
