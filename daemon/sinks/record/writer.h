/* SPDX-License-Identifier: MIT */
/*
 * Pictures into files, or to standard output, one at a time; blocking, so a worker's.
 *
 * A file appears whole, by rename, and never in the place of another, except the one that is to show the newest. What
 * goes wrong with one picture does not keep the next from being tried.
 */
#pragma once

#include <stdint.h>

#include "daemon/sinks/record/name.h"

struct fr_cause;
struct fr_frame;
struct fr_writer;

/** A plain value; texts are copied. */
struct fr_writer_spec {
	const char *output; /* checked */
	enum fr_name_kind kind;
	const char *timestamps; /* path of a CSV file; "" none */
	int64_t keep_bytes;     /* 0: everything */
	int output_fd;          /* for FR_NAME_OUTPUT; borrowed */
	int cancel_fd;          /* readable: a write that waits for its reader gives up; borrowed */
};

/** @return never NULL; nothing is opened yet */
struct fr_writer *fr_writer_new(const struct fr_writer_spec *spec);
void fr_writer_free(struct fr_writer *writer); /* NULL is fine */

/**
 * Writes one picture.
 *
 * @retval 0           it is there whole
 * @retval -EPIPE      standard output's reader has gone
 * @retval -ECANCELED  cancel_fd
 * @retval -errno      `why` names the file
 *
 * Thread: any, one at a time.
 */
int fr_writer_write(struct fr_writer *writer, const struct fr_frame *frame, struct fr_cause *why);
