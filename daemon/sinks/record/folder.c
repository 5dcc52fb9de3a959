/* SPDX-License-Identifier: MIT */
#include "daemon/sinks/record/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "common/base/cause.h"
#include "daemon/sinks/record/name.h"

enum {
	FLAGS = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
	MODE = 0777, /* less the umask */
};

static int fail(struct fr_cause *why, int err, const char *path, size_t length)
{
	return fr_cause_set(why, err, "%.*s: %s", (int)(length < 200 ? length : 200), path,
	    err == ELOOP || err == ENOTDIR ? "a folder is wanted, and it is something else"
	                                   : strerrordesc_np(err));
}

/* mkdir -p, links and all: this part of the way is the operator's. */
static void make_fixed(const char *path, size_t fixed)
{
	char part[FR_NAME_PATH_MAX];

	for (size_t i = 1; i <= fixed && i < sizeof(part); i++) {
		if (i != fixed && path[i] != '/')
			continue;
		(void)snprintf(part, sizeof(part), "%.*s", (int)i, path);
		(void)mkdir(part, MODE); /* the open says what is wrong */
	}
}

static int open_fixed(const char *path, size_t fixed, bool make, struct fr_cause *why)
{
	char folder[FR_NAME_PATH_MAX] = ".";
	int fd;

	if (fixed >= sizeof(folder))
		return fail(why, ENAMETOOLONG, path, fixed);
	if (fixed > 0)
		(void)snprintf(folder, sizeof(folder), "%.*s", (int)fixed, path);
	fd = open(folder, FLAGS);
	if (fd < 0 && errno == ENOENT && make) {
		make_fixed(path, fixed);
		fd = open(folder, FLAGS);
	}
	return fd >= 0 ? fd : fail(why, errno, folder, strlen(folder));
}

int fr_folder_open(
    const char *path, size_t fixed, bool make, const char **ret_name, struct fr_cause *why)
{
	int fd = open_fixed(path, fixed, make, why);
	const char *at = path + fixed, *slash;

	while (fd >= 0 && (slash = strchr(at, '/')) != NULL) {
		char part[FR_NAME_PATH_MAX];
		int below;

		(void)snprintf(part, sizeof(part), "%.*s", (int)(slash - at), at);
		at = slash + 1;
		if (part[0] == '\0')
			continue;
		if (make)
			(void)mkdirat(fd, part, MODE);
		below = openat(fd, part, FLAGS | O_NOFOLLOW);
		if (below < 0)
			below = fail(why, errno, path, (size_t)(slash - path));
		(void)close(fd);
		fd = below;
	}
	if (fd >= 0)
		*ret_name = at;
	return fd;
}

void fr_folder_remove(const char *path, size_t fixed)
{
	char at[FR_NAME_PATH_MAX];
	int flags = 0;

	(void)snprintf(at, sizeof(at), "%s", path);
	while (strlen(at) > fixed) {
		const char *name;
		char *slash;
		const int fd = fr_folder_open(at, fixed, false, &name, NULL);
		const int r = fd >= 0 ? unlinkat(fd, name, flags) : -1;

		if (fd >= 0)
			(void)close(fd);
		slash = strrchr(at, '/');
		if (r < 0 || slash == NULL)
			return; /* a folder that is not empty stays */
		*slash = '\0';
		flags = AT_REMOVEDIR;
	}
}
