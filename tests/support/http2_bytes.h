/* SPDX-License-Identifier: MIT */
/* Makes what either side of a gRPC call sends, byte by byte. In a header, since fuzz targets may want it too. */
#pragma once

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "tests/support/wire_bytes.h"

#define HTTP2_PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

enum http2_type {
	HTTP2_DATA = 0,
	HTTP2_HEADERS = 1,
	HTTP2_RST_STREAM = 3,
	HTTP2_SETTINGS = 4,
	HTTP2_PUSH_PROMISE = 5,
	HTTP2_PING = 6,
	HTTP2_GOAWAY = 7,
	HTTP2_WINDOW_UPDATE = 8,
};

enum {
	HTTP2_END_STREAM = 1,
	HTTP2_END_HEADERS = 4,
};

static inline void http2_add_be(struct wire_bytes *to, uint32_t value, unsigned size)
{
	while (size-- > 0) {
		const uint8_t byte = (uint8_t)(value >> (8 * size));

		bytes_add(to, &byte, 1);
	}
}

static inline void http2_add_frame(struct wire_bytes *to, enum http2_type type, uint8_t flags,
    uint32_t stream, const void *payload, size_t size)
{
	http2_add_be(to, (uint32_t)size, 3);
	http2_add_be(to, type, 1);
	http2_add_be(to, flags, 1);
	http2_add_be(to, stream, 4);
	bytes_add(to, payload, size);
}

/* A field of a header block: literal, never indexed, without Huffman. */
static inline void http2_add_field(struct wire_bytes *to, const char *name, const char *value)
{
	assert(strlen(name) < 127 && strlen(value) < 127);
	http2_add_be(to, 0x10, 1);
	http2_add_be(to, (uint32_t)strlen(name), 1);
	bytes_add_text(to, name);
	http2_add_be(to, (uint32_t)strlen(value), 1);
	bytes_add_text(to, value);
}

/* A message of gRPC. */
static inline void http2_add_message(
    struct wire_bytes *to, uint8_t flag, const void *message, size_t size)
{
	http2_add_be(to, flag, 1);
	http2_add_be(to, (uint32_t)size, 4);
	bytes_add(to, message, size);
}
