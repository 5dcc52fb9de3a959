/* SPDX-License-Identifier: MIT */
#include "daemon/sinks/record/keep.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

#include "common/base/xalloc.h"
#include "daemon/sinks/record/folder.h"
#include "daemon/sinks/record/name.h"

struct fr_keep_file {
	char *path;
	int64_t bytes;
	struct timespec written; /* of those that were there before */
};

static void push(struct fr_keep *keep, const char *path, int64_t bytes, struct timespec written)
{
	if (keep->count == keep->room) {
		const size_t room = keep->room * 2 + 64;
		struct fr_keep_file *files = fr_xcalloc(room, sizeof(*files));

		for (size_t i = 0; i < keep->count; i++)
			files[i] = keep->files[(keep->first + i) % keep->room];
		free(keep->files);
		keep->files = files;
		keep->room = room;
		keep->first = 0;
	}
	keep->files[(keep->first + keep->count) % keep->room] =
	    (struct fr_keep_file){fr_xstrdup(path), bytes, written};
	keep->count++;
	keep->bytes += bytes;
}

/* Gives the oldest up, with its file or without. */
static void pop(struct fr_keep *keep, int remove)
{
	struct fr_keep_file *file = &keep->files[keep->first];

	if (remove)
		fr_folder_remove(file->path, keep->fixed);
	keep->bytes -= file->bytes;
	free(file->path);
	keep->first = (keep->first + 1) % keep->room;
	keep->count--;
}

static int by_age(const void *a, const void *b)
{
	const struct fr_keep_file *x = a, *y = b;

	if (x->written.tv_sec != y->written.tv_sec)
		return x->written.tv_sec < y->written.tv_sec ? -1 : 1;
	if (x->written.tv_nsec != y->written.tv_nsec)
		return x->written.tv_nsec < y->written.tv_nsec ? -1 : 1;
	return strcmp(x->path, y->path);
}

void fr_keep_init(struct fr_keep *keep, const char *pattern, size_t fixed, int64_t most_bytes)
{
	char wanted[FR_NAME_PATH_MAX];
	struct stat st;
	glob_t found;

	*keep = (struct fr_keep){.pattern = pattern, .fixed = fixed, .most_bytes = most_bytes};
	if (fr_name_glob(pattern, wanted) < 0 || glob(wanted, GLOB_NOSORT, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (fr_name_matches(pattern, found.gl_pathv[i]) &&
		    lstat(found.gl_pathv[i], &st) == 0 && S_ISREG(st.st_mode))
			push(keep, found.gl_pathv[i], st.st_size, st.st_mtim);
	globfree(&found);
	/* Nothing has been taken off yet: the ring begins at 0. */
	if (keep->count > 0)
		qsort(keep->files, keep->count, sizeof(*keep->files), by_age);
}

void fr_keep_done(struct fr_keep *keep)
{
	while (keep->count > 0)
		pop(keep, 0);
	free(keep->files);
	*keep = (struct fr_keep){0};
}

void fr_keep_add(struct fr_keep *keep, const char *path, int64_t bytes)
{
	push(keep, path, bytes, (struct timespec){0});
	while (keep->bytes > keep->most_bytes && keep->count > 1)
		pop(keep, 1);
}
