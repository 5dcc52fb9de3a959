/* SPDX-License-Identifier: MIT */
/* What gRPC puts into HTTP/2: the length before each message, the texts of its headers. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FR_GRPC_PREFIX_BYTES = 5,
	FR_GRPC_TEXT_MAX = 256, /* of an encoded grpc-message, with its NUL */
};

/** The status codes that are used here. Source: grpc/doc/statuscodes.md. */
enum fr_grpc_status {
	FR_GRPC_OK = 0,
	FR_GRPC_CANCELLED = 1,
	FR_GRPC_INVALID_ARGUMENT = 3,
	FR_GRPC_DEADLINE_EXCEEDED = 4,
	FR_GRPC_NOT_FOUND = 5,
	FR_GRPC_ALREADY_EXISTS = 6,
	FR_GRPC_PERMISSION_DENIED = 7,
	FR_GRPC_RESOURCE_EXHAUSTED = 8,
	FR_GRPC_UNIMPLEMENTED = 12,
	FR_GRPC_INTERNAL = 13,
	FR_GRPC_UNAVAILABLE = 14,
	FR_GRPC_UNAUTHENTICATED = 16,
};

/** Cuts bytes into messages. All zero is a valid new one. */
struct fr_grpc_reader {
	uint8_t prefix[FR_GRPC_PREFIX_BYTES];
	unsigned prefix_size;
	uint32_t left; /* bytes of the message that are still to come */
};

enum fr_grpc_event_type {
	FR_GRPC_MORE,  /* all was taken, nothing to tell */
	FR_GRPC_BEGIN, /* a message begins: `length`, `is_compressed` */
	FR_GRPC_BYTES, /* bytes of it */
};

/** Borrowed from the bytes that were given. */
struct fr_grpc_event {
	enum fr_grpc_event_type type;
	bool is_compressed; /* the flag is not 0 */
	bool is_whole;      /* the message ends here; a BEGIN of length 0 too */
	uint32_t length;
	const uint8_t *bytes;
	size_t size;
};

/** @return bytes taken; call again while some are left */
size_t fr_grpc_read(
    struct fr_grpc_reader *r, const uint8_t *bytes, size_t size, struct fr_grpc_event *event);

/** @return whether a message, or its length, has begun and is not whole */
bool fr_grpc_is_inside(const struct fr_grpc_reader *r);

/** Writes the prefix of an uncompressed message. */
void fr_grpc_write_prefix(uint8_t to[FR_GRPC_PREFIX_BYTES], uint32_t length);

/**
 * Reads grpc-timeout ("5S", "100m"): 1 to 8 digits and one of H M S m u n.
 *
 * @param ret_us    rounded up; at most a day
 * @retval -EINVAL  it is none
 *
 * Source: grpc/doc/PROTOCOL-HTTP2.md, "Timeout".
 */
int fr_grpc_timeout(const char *text, int64_t *ret_us);

/** Encodes a sentence for grpc-message: what is no printable ASCII, and %, as %XX; cut where it is too long. */
void fr_grpc_encode_text(char to[FR_GRPC_TEXT_MAX], const char *text);

/** @return the status that says what this code of ours (400…599, docs/protocol.md 1.2) does */
enum fr_grpc_status fr_grpc_status_of(unsigned code, bool is_stopping);
