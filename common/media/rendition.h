/* SPDX-License-Identifier: MIT */
/* What a viewer may ask of the pictures of a stream (docs/protocol.md 6): the parameters of a rendition. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_cause;

/** All zero: as published. A plain value. */
struct fr_rendition {
	uint16_t width, height; /* pixels it must fit into once it is turned; 0: as it comes */
	uint16_t rotate;        /* clockwise, before the flips: 0, 90, 180, 270 */
	uint8_t quality;        /* of the JPEG, 1…100; 0: as it comes */
	bool gray, hflip, vflip;
};

enum {
	FR_RENDITION_TEXT_MAX = 80, /* with the 0 */
};

/**
 * Sets one parameter by its name: gray, width, height, quality, rotate, hflip or vflip.
 *
 * @retval -ENOENT  it is none of them; `why` is not set
 * @retval -EINVAL  the value is no good, `why` says how (without the name)
 */
int fr_rendition_set(
    struct fr_rendition *rendition, const char *key, const char *value, struct fr_cause *why);

/** @return whether it asks for anything but the picture as it was published */
bool fr_rendition_is_any(const struct fr_rendition *rendition);

/**
 * The one form of all that mean the same: no vflip, for it is half a turn and a hflip.
 *
 * Two canonical renditions make the same pictures if, and only if, all their fields are the same.
 */
struct fr_rendition fr_rendition_canonical(const struct fr_rendition *rendition);

bool fr_rendition_is_same(const struct fr_rendition *a, const struct fr_rendition *b);

/** Writes what is not zero as `key=value key=value`. @return the length, 0: nothing is asked for */
size_t fr_rendition_print(const struct fr_rendition *rendition, char to[FR_RENDITION_TEXT_MAX]);
