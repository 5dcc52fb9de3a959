/* SPDX-License-Identifier: MIT */
/*
 * A mode is a configuration that is written for you: the arguments become rows, on top of the file's
 * when there is one. --print-config shows them.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/base/text.h"

struct fr_arguments;
struct fr_cause;
struct fr_settings;

enum {
	FR_FRAMES_PORT = 8000, /* of the frames door, where HOST has none */
};

/**
 * @param ret       what the arguments and the file amount to; the caller frees
 * @param problems  one line for everything that is wrong
 * @retval -EINVAL  something is wrong. The exit status is 2
 */
int fr_presets_settings(
    const struct fr_arguments *args, struct fr_settings **ret, struct fr_text *problems);

/** Where a relay is and which of its streams: HOST[:PORT][/STREAM]. */
struct fr_remote {
	char host[256];
	uint16_t port;
	char stream[FR_NAME_MAX + 1]; /* "" when none was said */
};

/** @retval -EINVAL  `why` says what is wrong */
int fr_remote_parse(const char *text, struct fr_remote *ret, struct fr_cause *why);
