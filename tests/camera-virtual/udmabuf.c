/* SPDX-License-Identifier: MIT */
/*
 * Memory for libcamera's virtual cameras on a machine without /dev/udmabuf: preloaded, it gives the memory of a memfd where
 * a dma-buf of it is asked for. To map, both are the same.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

int open(const char *path, int flags, ...)
{
	static int (*next)(const char *, int, ...);
	va_list ap;
	mode_t mode;

	if (strcmp(path, "/dev/udmabuf") == 0)
		return memfd_create("udmabuf", MFD_CLOEXEC);
	if (next == NULL)
		next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	va_start(ap, flags);
	mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return next(path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

int ioctl(int fd, unsigned long request, ...)
{
	static int (*next)(int, unsigned long, ...);
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == UDMABUF_CREATE)
		return fcntl((int)((const struct udmabuf_create *)arg)->memfd, F_DUPFD_CLOEXEC, 3);
	if (next == NULL)
		next = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
	return next(fd, request, arg);
}
