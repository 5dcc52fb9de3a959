/* SPDX-License-Identifier: MIT */
/* The frames protocol, writing side: the small records. Pictures carry their own prefixes (frame.h). */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	FR_WIRE_SMALL_MAX = 24 + 1024, /* room that is enough for each of these */
};

/* Each renders one record. @return its length in bytes, at most FR_WIRE_SMALL_MAX */
size_t fr_wire_write_demand(uint8_t *to, uint32_t subscribers, uint32_t rate_milli);
size_t fr_wire_write_ping(uint8_t *to, int64_t clock_us);
/** @param payload  the PING's, 8..64 bytes */
size_t fr_wire_write_pong(uint8_t *to, const uint8_t *payload, size_t size, int64_t clock_us);
/**
 * Answers a PING record. Unlike the others neither has its length in front: on a WebSocket the message has it.
 *
 * @return bytes of the PONG; 0: it is no PING
 */
size_t fr_wire_answer_ping(uint8_t *to, const uint8_t *record, size_t size, int64_t clock_us);
/** @param reason  UTF-8, cut at 1,000 bytes */
size_t fr_wire_write_end(uint8_t *to, const char *reason);
size_t fr_wire_write_error(uint8_t *to, unsigned code, const char *reason);
