/* SPDX-License-Identifier: MIT */
/* `framerelayd --subscribe HOST` without a stream: asks a relay what there is and prints it. */
#pragma once

#include <stdint.h>

struct fr_cause;

/**
 * Connects, says LIST and prints a table to standard output. Blocks; every step within 5 s.
 *
 * @param host        a name, an address, or "unix:/path"
 * @param token_file  with the token to log in with; NULL: none
 * @retval -errno   `why` says what is wrong
 */
int fr_list_streams(const char *host, uint16_t port, const char *token_file, struct fr_cause *why);
