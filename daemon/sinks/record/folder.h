/* SPDX-License-Identifier: MIT */
/*
 * The way to a file: the operator's own folder as it is, and every folder below it without following a link.
 *
 * So whoever may write into the folder of pictures cannot lead us out of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct fr_cause;

/**
 * Opens the folder that a path's last part lies in.
 *
 * @param path      of a file
 * @param fixed     characters in front of it that are the operator's (fr_name_fixed())
 * @param make      make what is missing
 * @param ret_name  the last part, within `path`
 * @return          a descriptor, the caller closes it; -errno and `why`
 *
 * Thread: any.
 */
int fr_folder_open(
    const char *path, size_t fixed, bool make, const char **ret_name, struct fr_cause *why);

/** Removes a file, and then the folders below the fixed part that are empty for it. */
void fr_folder_remove(const char *path, size_t fixed);
