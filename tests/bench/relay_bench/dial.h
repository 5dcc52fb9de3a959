/* SPDX-License-Identifier: MIT */
/* How a publisher or a subscriber of the bench comes to its server: the frames protocol's hello, or a request. */
#pragma once

#include <stdint.h>

#include "common/base/cause.h"

/** Connects to 127.0.0.1. @return a blocking socket with a deadline, the caller's, or negative errno */
int fr_bench_dial(uint16_t port, struct fr_cause *why);

/** Sends a whole line. @return 0 or negative errno */
int fr_bench_say(int fd, const char *line, struct fr_cause *why);

/** Reads one line, which must be an OK. @return 0 or negative errno; `why` has the answer */
int fr_bench_hear_ok(int fd, struct fr_cause *why);

/** Reads the head of an HTTP answer, which must be 200. @return 0 or negative errno; `why` has its first line */
int fr_bench_hear_200(int fd, struct fr_cause *why);
