/* SPDX-License-Identifier: MIT */
/*
 * Chunked bodies: the first byte says how the rest is cut; whole, byte by byte and cut, the same body comes out, and
 * it is never longer than what went in.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/media/http_chunked.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	enum fr_http_chunked_state state;
	uint8_t *body;
	size_t size, taken;
};

static struct outcome read_in(const uint8_t *bytes, size_t size, size_t step)
{
	struct fr_http_chunked chunked = {0};
	struct fr_http_chunked_event event = {.state = FR_HTTP_CHUNKED_MORE};
	struct outcome o = {.body = fr_xcalloc(size + 1, 1)};

	while (o.taken < size && event.state <= FR_HTTP_CHUNKED_DATA) {
		const size_t n = size - o.taken < step ? size - o.taken : step;

		o.taken += fr_http_chunked_read(&chunked, bytes + o.taken, n, &event);
		if (event.state == FR_HTTP_CHUNKED_DATA) {
			assert(event.size > 0 && o.size + event.size <= o.taken);
			memcpy(o.body + o.size, event.bytes, event.size);
			o.size += event.size;
		}
	}
	/* Where a piece of the body ends with the bytes is a matter of the cut. */
	o.state = event.state == FR_HTTP_CHUNKED_DATA ? FR_HTTP_CHUNKED_MORE : event.state;
	return o;
}

static void check_same(const struct outcome *a, struct outcome *b)
{
	assert(a->state == b->state && a->size == b->size && a->taken == b->taken);
	assert(memcmp(a->body, b->body, a->size) == 0);
	free(b->body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, one, cut;

	if (size < 1)
		return 0;
	whole = read_in(data + 1, size - 1, size);
	one = read_in(data + 1, size - 1, 1);
	cut = read_in(data + 1, size - 1, (size_t)data[0] + 1);
	check_same(&whole, &one);
	check_same(&whole, &cut);
	free(whole.body);
	return 0;
}
