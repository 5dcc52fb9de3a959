/* SPDX-License-Identifier: MIT */
/*
 * Sockets that whoever started the program opened for it: systemd's socket activation (sd_listen_fds(3)).
 *
 * They stay open as long as the program, whatever becomes of the doors on them: so who connects between two doors, or
 * between two runs, waits in the kernel and is not refused.
 */
#pragma once

#include "common/base/addr.h"

struct fr_cause;
struct fr_handed;

enum {
	FR_HANDED_FIRST =
	    3, /* the first descriptor. Source: sd_listen_fds(3), SD_LISTEN_FDS_START */
	FR_HANDED_MAX = 256,
};

/**
 * Takes descriptors over: each becomes close-on-exec.
 *
 * @param first  the first of them; the others follow it
 * @param count  LISTEN_FDS, a number as text
 * @param names  LISTEN_FDNAMES, one name each with colons between; NULL: all are called "unknown"
 * @retval -EINVAL  they do not fit together; nothing is taken
 */
int fr_handed_new(
    int first, const char *count, const char *names, struct fr_handed **ret, struct fr_cause *why);

/**
 * The same from the environment, which has nothing of it afterwards: what is not for this process (LISTEN_PID) is
 * nobody's.
 *
 * @param ret  NULL when there are none
 */
int fr_handed_from_environment(struct fr_handed **ret, struct fr_cause *why);

void fr_handed_free(struct fr_handed *handed); /* closes them; NULL is fine */

/**
 * Looks for a socket by its name and kind.
 *
 * @param handed    NULL: there are none
 * @param type      SOCK_STREAM, which must listen, or SOCK_DGRAM
 * @param ret_addr  where it is bound
 * @return          a descriptor of the caller's own, non-blocking and close-on-exec; -errno: `why` says what there is
 */
int fr_handed_open(const struct fr_handed *handed, const char *name, int type,
    struct fr_addr *ret_addr, struct fr_cause *why);
