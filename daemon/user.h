/* SPDX-License-Identifier: MIT */
/* Who the program is: started as root it becomes another user, for good, before a peer's first byte is read. */
#pragma once

struct fr_cause;

/** The user that is meant where nobody says another. */
#define FR_USER_DEFAULT "framerelayd"

/**
 * Gives every right of root up: user, groups, capabilities, and the way back. Who is not root stays who he is.
 *
 * @param name  "root": stays. FR_USER_DEFAULT: where there is no such user it stays root, and says so in the log
 * @param file  what is read again by a reload, NULL: nothing is; it is said where that will not go
 * @retval -errno  `why`; the program must not go on
 */
int fr_user_become(const char *name, const char *file, struct fr_cause *why);
