/* SPDX-License-Identifier: MIT */
#include "daemon/sinks/record/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "daemon/sinks/record/folder.h"
#include "daemon/sinks/record/keep.h"

enum {
	MODE = 0666, /* less the umask */
	NEW_FILE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	COPIES_MAX = 1000000,
};

struct fr_writer {
	struct fr_writer_spec spec;
	char *output, *timestamps; /* what spec points to */
	size_t fixed;
	struct fr_keep keep;
	bool has_keep;
	unsigned temporary;          /* numbers our temporary files */
	char base[FR_NAME_PATH_MAX]; /* the name of the last picture, without its copy's number */
	char path[FR_NAME_PATH_MAX]; /* of the last picture */
	unsigned copy;               /* its number */
	int mjpeg_fd, timestamps_fd; /* -1: not open */
};

static int fail(struct fr_cause *why, int err, const char *path)
{
	return fr_cause_set(why, err, "%.200s: %s", path, strerrordesc_np(err));
}

static int write_all(int fd, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		const ssize_t n = write(fd, bytes, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		size -= (size_t)n;
	}
	return 0;
}

/* --- Standard output -------------------------------------------------------------------------- */

/*
 * The descriptor stays in blocking mode, because others share it: after poll() a pipe has room for PIPE_BUF bytes
 * at least, so a write of that much does not wait. Source: pipe(7), "PIPE_BUF".
 */
static int write_output(
    const struct fr_writer *w, const struct fr_frame *frame, struct fr_cause *why)
{
	const uint8_t *bytes = fr_frame_bytes(frame);
	size_t left = fr_frame_size(frame);

	while (left > 0) {
		struct pollfd fds[] = {
		    {w->spec.output_fd, POLLOUT, 0}, {w->spec.cancel_fd, POLLIN, 0}};
		int r;

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return fail(why, errno, "standard output");
		if (fds[1].revents != 0)
			return fr_cause_set(why, ECANCELED, "stopped");
		if (fds[0].revents == 0)
			continue;
		r = write_all(w->spec.output_fd, bytes, left < PIPE_BUF ? left : PIPE_BUF);
		if (r == -EAGAIN)
			continue;
		if (r < 0)
			return fail(why, -r, "standard output");
		bytes += left < PIPE_BUF ? left : PIPE_BUF;
		left -= left < PIPE_BUF ? left : PIPE_BUF;
	}
	return 0;
}

/* --- A file each ------------------------------------------------------------------------------ */

/* Writes a temporary file beside the one that is wanted. @return 0, its name in `ret`; -errno */
static int write_temporary(
    struct fr_writer *w, int folder, const struct fr_frame *frame, char ret[64])
{
	unsigned tries = 0;
	int fd, r;

	/* Another recording into the same folder counts the same numbers. */
	do {
		(void)snprintf(ret, 64, ".framerelayd-%ld-%u.tmp", (long)getpid(), w->temporary++);
		fd = openat(folder, ret, NEW_FILE, MODE);
	} while (fd < 0 && errno == EEXIST && ++tries < COPIES_MAX);
	if (fd < 0)
		return -errno;
	r = write_all(fd, fr_frame_bytes(frame), fr_frame_size(frame));
	if (close(fd) < 0 && r == 0)
		r = -errno; /* a file server says so only now that it has no room */
	if (r < 0)
		(void)unlinkat(folder, ret, 0);
	return r;
}

/* Gives the file its name, if no other has it. Not every file system knows RENAME_NOREPLACE. */
static int rename_new(int folder, const char *from, const char *to)
{
	if (renameat2(folder, from, folder, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (linkat(folder, from, folder, to, 0) < 0)
		return -errno;
	(void)unlinkat(folder, from, 0);
	return 0;
}

/*
 * Gives the file the name that shows the newest, in the place of the last one; never in that of a device or a pipe.
 */
static int rename_newest(int folder, const char *from, const char *to)
{
	struct stat st;

	if (fstatat(folder, to, &st, 0) == 0 && !S_ISREG(st.st_mode))
		return -EEXIST;
	return renameat(folder, from, folder, to) < 0 ? -errno : 0;
}

/* The next free one of NAME, NAME-2, NAME-3 …; w->base and w->copy are the last that was taken. */
static int rename_free(struct fr_writer *w, int folder, const char *from, const char *base)
{
	unsigned copy = strcmp(base, w->base) == 0 ? w->copy + 1 : 1;
	char path[FR_NAME_PATH_MAX];
	int r = -EEXIST;

	for (; r == -EEXIST && copy < COPIES_MAX; copy++) {
		const char *slash;

		r = fr_name_copy(base, copy, path);
		if (r < 0)
			return r;
		slash = strrchr(path, '/');
		r = rename_new(folder, from, slash != NULL ? slash + 1 : path);
	}
	if (r == 0) {
		w->copy = copy - 1;
		memcpy(w->base, base, strlen(base) + 1);
		memcpy(w->path, path, strlen(path) + 1);
	}
	return r;
}

static int write_file(
    struct fr_writer *w, const struct fr_frame *frame, const char *base, struct fr_cause *why)
{
	char temporary[64];
	const char *name;
	const int folder = fr_folder_open(base, w->fixed, true, &name, why);
	int r;

	if (folder < 0)
		return folder;
	r = write_temporary(w, folder, frame, temporary);
	if (r < 0) {
		(void)close(folder);
		return fail(why, -r, base);
	}
	if (w->spec.kind == FR_NAME_EACH) {
		r = rename_free(w, folder, temporary, base);
	} else {
		r = rename_newest(folder, temporary, name);
		memcpy(w->path, base, strlen(base) + 1);
	}
	if (r < 0)
		(void)unlinkat(folder, temporary, 0);
	(void)close(folder);
	if (r == -EEXIST && w->spec.kind == FR_NAME_NEWEST)
		return fr_cause_set(
		    why, EEXIST, "%.200s: not a file of pictures; - is standard output", base);
	return r < 0 ? fail(why, -r, base) : 0;
}

/* --- One file for all ------------------------------------------------------------------------- */

/* Opens a new file under the first free name. @return the descriptor, its path in `ret`; -errno */
static int open_free(
    const char *base, size_t fixed, char ret[FR_NAME_PATH_MAX], struct fr_cause *why)
{
	const char *name;
	const int folder = fr_folder_open(base, fixed, true, &name, why);
	int fd = -1;

	if (folder < 0)
		return folder;
	errno = EEXIST;
	for (unsigned copy = 1; fd < 0 && errno == EEXIST && copy < COPIES_MAX; copy++) {
		const char *slash;

		if (fr_name_copy(base, copy, ret) < 0) {
			errno = ENAMETOOLONG;
			break;
		}
		slash = strrchr(ret, '/');
		fd = openat(folder, slash != NULL ? slash + 1 : ret, NEW_FILE | O_APPEND, MODE);
	}
	if (fd < 0)
		fd = fail(why, errno, base);
	(void)close(folder);
	return fd;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static int append(
    struct fr_writer *w, const struct fr_frame *frame, const char *base, struct fr_cause *why)
{
	struct stat st;
	int r;

	/* Another name, or somebody removed the file. */
	if (w->mjpeg_fd >= 0 &&
	    (strcmp(base, w->base) != 0 || fstat(w->mjpeg_fd, &st) < 0 || st.st_nlink == 0))
		close_fd(&w->mjpeg_fd);
	if (w->mjpeg_fd < 0) {
		w->mjpeg_fd = open_free(base, w->fixed, w->path, why);
		if (w->mjpeg_fd < 0)
			return w->mjpeg_fd;
		memcpy(w->base, base, strlen(base) + 1);
		st.st_size = 0;
	}
	r = write_all(w->mjpeg_fd, fr_frame_bytes(frame), fr_frame_size(frame));
	if (r == 0)
		return 0;
	/* No half picture stays in front of the next whole one. */
	if (ftruncate(w->mjpeg_fd, st.st_size) < 0)
		close_fd(&w->mjpeg_fd);
	return fail(why, -r, w->path);
}

/* --- Timestamps ------------------------------------------------------------------------------- */

/* A field of a CSV file. Source: RFC 4180, 2. */
static void add_field(struct fr_text *line, const char *text)
{
	if (strpbrk(text, ",\"\r\n") == NULL) {
		fr_text_add(line, "%s", text);
		return;
	}
	fr_text_add(line, "\"");
	for (const char *c = text; *c != '\0'; c++)
		fr_text_add(line, "%s%c", *c == '"' ? "\"" : "", *c);
	fr_text_add(line, "\"");
}

static int add_timestamp(struct fr_writer *w, const struct fr_frame *frame, struct fr_cause *why)
{
	const struct fr_frame_info *info = fr_frame_info(frame);
	const int64_t received_us = info->received_us + fr_clock_real_us() - fr_clock_now_us();
	const int64_t captured_us = info->captured_us > 0 ? info->captured_us : 0;
	char path[FR_NAME_PATH_MAX];
	struct fr_text line = {0};
	int r;

	if (w->timestamps_fd < 0) {
		w->timestamps_fd =
		    open_free(w->timestamps, fr_name_fixed(w->timestamps), path, why);
		if (w->timestamps_fd < 0)
			return w->timestamps_fd;
		fr_text_add(&line, "sequence,captured,received,bytes,file\n");
	}
	fr_text_add(&line, "%" PRIu64 ",%" PRId64 ".%06" PRId64 ",%" PRId64 ".%06" PRId64 ",%zu,",
	    info->sequence, captured_us / 1000000, captured_us % 1000000, received_us / 1000000,
	    received_us % 1000000, fr_frame_size(frame));
	add_field(&line, w->path);
	fr_text_add(&line, "\n");
	r = write_all(w->timestamps_fd, (const uint8_t *)line.text, line.length);
	fr_text_done(&line);
	return r < 0 ? fail(why, -r, w->timestamps) : 0;
}

/* --- All together ----------------------------------------------------------------------------- */

static int write_kind(struct fr_writer *w, const struct fr_frame *frame, struct fr_cause *why)
{
	const struct fr_frame_info *info = fr_frame_info(frame);
	char base[FR_NAME_PATH_MAX];
	int r;

	if (w->spec.kind == FR_NAME_NONE)
		return 0;
	if (w->spec.kind == FR_NAME_OUTPUT)
		return write_output(w, frame, why);
	r = fr_name_make(w->output, info->sequence, info->captured_us, base);
	if (r < 0)
		return fail(why, -r, w->output);
	return w->spec.kind == FR_NAME_MJPEG ? append(w, frame, base, why)
	                                     : write_file(w, frame, base, why);
}

int fr_writer_write(struct fr_writer *writer, const struct fr_frame *frame, struct fr_cause *why)
{
	int r;

	if (writer->spec.keep_bytes != 0 && !writer->has_keep) {
		fr_keep_init(&writer->keep, writer->output, writer->fixed, writer->spec.keep_bytes);
		writer->has_keep = true;
	}
	r = write_kind(writer, frame, why);
	if (r < 0)
		return r;
	if (writer->spec.keep_bytes != 0)
		fr_keep_add(&writer->keep, writer->path, (int64_t)fr_frame_size(frame));
	return writer->timestamps[0] != '\0' ? add_timestamp(writer, frame, why) : 0;
}

struct fr_writer *fr_writer_new(const struct fr_writer_spec *spec)
{
	struct fr_writer *w = fr_xcalloc(1, sizeof(*w));

	w->spec = *spec;
	w->output = fr_xstrdup(spec->output);
	w->timestamps = fr_xstrdup(spec->timestamps);
	w->fixed = fr_name_fixed(w->output);
	w->mjpeg_fd = -1;
	w->timestamps_fd = -1;
	if (spec->kind == FR_NAME_OUTPUT)
		(void)snprintf(w->path, sizeof(w->path), "-");
	return w;
}

void fr_writer_free(struct fr_writer *writer)
{
	if (writer == NULL)
		return;
	close_fd(&writer->mjpeg_fd);
	close_fd(&writer->timestamps_fd);
	fr_keep_done(&writer->keep);
	free(writer->output);
	free(writer->timestamps);
	free(writer);
}
