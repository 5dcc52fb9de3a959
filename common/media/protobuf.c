/* SPDX-License-Identifier: MIT */
#include "common/media/protobuf.h"

#include <stdlib.h>

/* What is given back does not count again: of one message little is, and the bound holds all the same. */
static void *take(void *arg, size_t size)
{
	size_t *left = arg;

	if (size > *left)
		return NULL;
	*left -= size;
	return malloc(size);
}

static void give_back(void *arg, void *memory)
{
	(void)arg;
	free(memory);
}

void *fr_protobuf_unpack(
    const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t size)
{
	size_t left = size + FR_PROTOBUF_ROOM;
	ProtobufCAllocator allocator = {take, give_back, &left};

	return protobuf_c_message_unpack(descriptor, &allocator, size, bytes);
}
