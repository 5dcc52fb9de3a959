/* SPDX-License-Identifier: MIT */
/* Standard base64 (RFC 4648, 4) without line breaks, as pictures travel in text. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct fr_frame;
struct fr_frame_pool;

/** @param size  0..2^30. @return a frame that is not finished, with its reference; NULL: the pool has no room */
struct fr_frame *fr_base64_encode(
    struct fr_frame_pool *pool, const uint8_t *bytes, size_t size, size_t *ret_size);

/**
 * Decodes in place: the bytes stand where the text did.
 *
 * @retval 0        *ret_size is the number of bytes
 * @retval -EINVAL  it is no base64, line breaks included; the text may be spoilt
 */
int fr_base64_decode(uint8_t *text, size_t size, size_t *ret_size);
