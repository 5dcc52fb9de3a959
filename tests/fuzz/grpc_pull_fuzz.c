/* SPDX-License-Identifier: MIT */
/*
 * The client's side of MainServer/getStream: the input is what a server sends. The first byte says how the rest is cut.
 * Whatever comes: no picture without bytes or over the limit, no word after it is down, and cut differently the same
 * pictures come out.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "daemon/sources/grpc_pull/client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	SIZE_MAX_BYTES = 64 * 1024,
	PICTURE_MAX = 16 * 1024,
};

struct outcome {
	struct fr_grpc_client *client;
	uint64_t sum;
	unsigned pictures;
};

static void on_picture(void *arg, const uint8_t *bytes, size_t size)
{
	struct outcome *o = arg;

	assert(fr_grpc_client_down(o->client) == NULL);
	assert(size > 0 &&
	       size <= PICTURE_MAX + 64 + PICTURE_MAX / 2); /* raw ones may be as long as base64 */
	for (size_t i = 0; i < size; i++)
		o->sum = (o->sum ^ bytes[i]) * 1099511628211U;
	o->pictures++;
	if (size > 8 && memcmp(bytes, "\xff\xd8 end", 6) == 0)
		fr_grpc_client_fail(o->client, "the taker has enough");
}

static void go_on(struct outcome *o)
{
	const uint8_t *bytes;
	size_t n;

	while (fr_grpc_client_down(o->client) == NULL &&
	       (n = fr_grpc_client_give(o->client, &bytes)) != 0)
		o->sum += bytes[0] == 'P'; /* which reads them */
}

static struct outcome run(const uint8_t *data, size_t size, size_t step)
{
	struct outcome o = {0};
	const struct fr_grpc_client_spec spec = {.authority = "[::1]:50051",
	    .msg = "give me the stream!!",
	    .picture_bytes = PICTURE_MAX,
	    .on_picture = on_picture};

	o.client = fr_grpc_client_new(&spec, &o);
	fr_grpc_client_ask(o.client);
	go_on(&o);
	for (size_t at = 0; at < size && fr_grpc_client_down(o.client) == NULL; at += step) {
		fr_grpc_client_take(o.client, data + at, size - at < step ? size - at : step);
		if (fr_grpc_client_is_due(o.client))
			fr_grpc_client_ask(o.client);
		go_on(&o);
	}
	assert(fr_grpc_client_down(o.client) == NULL || !fr_grpc_client_is_due(o.client));
	fr_grpc_client_free(o.client);
	o.client = NULL;
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > SIZE_MAX_BYTES)
		return 0;
	(void)run(data + 1, size - 1, (size_t)data[0] * 16 + 1);
	(void)run(data + 1, size - 1, size);
	return 0;
}
