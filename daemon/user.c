/* SPDX-License-Identifier: MIT */
#include "daemon/user.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>

#include "common/base/cause.h"
#include "common/base/log.h"

/* The C library has every thread do the same. Capabilities go with the user. Source: setresuid(2), capabilities(7). */
static int give_up(const struct passwd *user, struct fr_cause *why)
{
	if (initgroups(user->pw_name, user->pw_gid) != 0 ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) != 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) != 0)
		return fr_cause_set(why, errno,
		    "started as root, it cannot become the user %s: %s (user = \"root\" stays "
		    "root)",
		    user->pw_name, strerrordesc_np(errno));
	if (setresuid(0, 0, 0) == 0)
		return fr_cause_set(why, EPERM,
		    "it became the user %s and could become root again; this machine lets it keep "
		    "the right",
		    user->pw_name);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* a second lock: no program is run anyway */
	return 0;
}

static void say(const struct passwd *user, const char *file)
{
	struct fr_log_text room;

	fr_log(FR_LOG_INFO, "relay", "not root any more", "user=%s", user->pw_name);
	if (file != NULL && access(file, R_OK) != 0)
		fr_log(FR_LOG_WARNING, "relay",
		    "the configuration cannot be read again by this user, so a reload will be "
		    "refused",
		    "user=%s file=%s help=\"chgrp it to the user's group, mode 0640\"",
		    user->pw_name, fr_log_quote(&room, file));
}

int fr_user_become(const char *name, const char *file, struct fr_cause *why)
{
	const struct passwd *user;
	int r;

	if (geteuid() != 0 || strcmp(name, "root") == 0)
		return 0;
	user = getpwnam(name);
	if (user == NULL && strcmp(name, FR_USER_DEFAULT) == 0) {
		fr_log(FR_LOG_INFO, "relay",
		    "it runs as root, for there is no user " FR_USER_DEFAULT,
		    "help=\"useradd --system " FR_USER_DEFAULT
		    ", or user = \\\"root\\\" where that is meant\"");
		return 0;
	}
	if (user == NULL)
		return fr_cause_set(why, ENOENT, "user = \"%.40s\": there is no such user", name);
	if (user->pw_uid == 0)
		return 0; /* root by another name */
	r = give_up(user, why);
	if (r == 0)
		say(user, file);
	return r;
}
