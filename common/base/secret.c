/* SPDX-License-Identifier: MIT */
#include "common/base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "common/base/cause.h"

static int check(int fd, const char *path, struct fr_cause *why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fr_cause_set(why, errno, "%s: %s", path, strerrordesc_np(errno));
	if (!S_ISREG(st.st_mode))
		return fr_cause_set(why, EINVAL, "%s: it is no file", path);
	if ((st.st_mode & S_IROTH) != 0)
		return fr_cause_set(
		    why, EACCES, "%s: others can read it: chmod o-r, 0640 is right", path);
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0 || (st.st_uid != 0 && st.st_uid != geteuid()))
		return fr_cause_set(
		    why, EACCES, "%s: somebody else than root and this user can write it", path);
	return 0;
}

int fr_secret_open(const char *path, struct fr_cause *why)
{
	/* Without O_NONBLOCK the open of a FIFO would wait for its writer. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r;

	if (fd < 0)
		return fr_cause_set(why, errno, "%s: %s", path, strerrordesc_np(errno));
	r = check(fd, path, why);
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

int fr_secret_read(const char *path, char *ret, size_t capacity, struct fr_cause *why)
{
	const int fd = fr_secret_open(path, why);
	size_t size = 0;
	ssize_t n = 1;
	int r = 0;

	if (fd < 0)
		return fd;
	while (r == 0 && n > 0 && size < capacity) {
		n = read(fd, ret + size, capacity - size);
		if (n < 0)
			r = fr_cause_set(why, errno, "%s: %s", path, strerrordesc_np(errno));
		else
			size += (size_t)n;
	}
	(void)close(fd);
	if (r < 0)
		return r;
	for (size_t i = 0; i < size; i++) {
		if (ret[i] != '\n' && ret[i] != '\0')
			continue;
		size = i;
	}
	if (size > 0 && ret[size - 1] == '\r')
		size--;
	if (size == capacity)
		return fr_cause_set(
		    why, EINVAL, "%s: its first line is longer than %zu bytes", path, capacity - 1);
	ret[size] = '\0';
	return 0;
}
