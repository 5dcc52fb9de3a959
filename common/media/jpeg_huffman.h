/* SPDX-License-Identifier: MIT */
/*
 * The Huffman tables that USB cameras leave out of their MJPEG pictures, because everybody has them: a browser has
 * not, so they are put back.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	FR_JPEG_HUFFMAN_BYTES = 420, /* of the segment */
};

/** The four standard tables as one DHT segment, marker and all. Source: ITU-T T.81 (1992) K.3. */
extern const uint8_t fr_jpeg_huffman[FR_JPEG_HUFFMAN_BYTES];

/**
 * Says where the tables are missing. Pure; looks at no byte behind the first scan's header.
 *
 * @return the offset of the SOS marker, before which they belong; 0: none are missing, or it is no JPEG
 */
size_t fr_jpeg_huffman_gap(const uint8_t *jpeg, size_t size);

/** @return bytes of it without what the camera's driver padded behind its last EOI; all when there is no EOI */
size_t fr_jpeg_unpadded(const uint8_t *jpeg, size_t size);
