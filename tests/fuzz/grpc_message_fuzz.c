/* SPDX-License-Identifier: MIT */
/* Messages in a call: whole, byte by byte and cut, the same come out. The start is read as grpc-timeout, too. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "common/media/grpc_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	uint64_t sum;
	unsigned begun, whole;
	bool is_inside;
};

static struct outcome read_in(const uint8_t *bytes, size_t size, size_t step)
{
	struct fr_grpc_reader r = {0};
	struct fr_grpc_event event;
	struct outcome o = {0};
	size_t n;

	for (size_t at = 0; at < size; at += n) {
		n = fr_grpc_read(&r, bytes + at, size - at < step ? size - at : step, &event);
		assert(n > 0 && n <= step);
		o.begun += event.type == FR_GRPC_BEGIN;
		o.whole += event.is_whole;
		if (event.type == FR_GRPC_BYTES)
			for (size_t i = 0; i < event.size; i++)
				o.sum = (o.sum ^ event.bytes[i]) * 1099511628211U;
	}
	o.is_inside = fr_grpc_is_inside(&r);
	assert(o.whole <= o.begun && o.begun - o.whole <= 1);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct outcome whole = read_in(data, size, size + 1), one = read_in(data, size, 1),
	                     cut = read_in(data, size, size > 0 ? (size_t)data[0] + 1 : 1);
	char text[32], words[FR_GRPC_TEXT_MAX];
	const size_t n = size < sizeof(text) - 1 ? size : sizeof(text) - 1;
	int64_t us;

	assert(whole.sum == one.sum && whole.begun == one.begun && whole.whole == one.whole);
	assert(whole.sum == cut.sum && whole.begun == cut.begun && whole.whole == cut.whole);
	assert(whole.is_inside == one.is_inside && whole.is_inside == cut.is_inside);
	if (size > 0)
		memcpy(text, data, n);
	text[size > 0 ? n : 0] = '\0';
	assert(fr_grpc_timeout(text, &us) < 0 || (us >= 0 && us <= INT64_C(86400000000)));
	fr_grpc_encode_text(words, text);
	assert(strlen(words) < FR_GRPC_TEXT_MAX);
	return 0;
}
