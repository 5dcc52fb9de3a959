/* SPDX-License-Identifier: MIT */
/*
 * Reading protocol buffers with an end to the memory that a message may take.
 *
 * protobuf-c keeps fields that it does not know, each in an allocation of its own: two bytes of a message become some
 * ninety in memory. Here a message may take its own size and FR_PROTOBUF_ROOM more, else it is none.
 */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FR_PROTOBUF_ROOM = 16 * 1024, /* bytes: what the structures and a few unknown fields need */
};

/**
 * @return the message, for the free_unpacked() of its kind with the allocator NULL; NULL: these bytes are none, or it
 *         would take more
 *
 * Thread: any.
 * Source: protobuf-c 1.4.1, protobuf_c_message_unpack(): all that it allocates comes from the allocator, and a NULL
 *         from it makes the message none.
 */
void *fr_protobuf_unpack(
    const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes, size_t size);
