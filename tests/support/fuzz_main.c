/* SPDX-License-Identifier: MIT */
/*
 * The main of a fuzz target where libFuzzer is not: runs every file of the given folders once.
 *
 * So each seed and each input that once broke a parser is tried in the ordinary sanitized build,
 * with any compiler. A folder that is missing or empty is a failure: nothing would be proven.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes of a file in memory of exactly their size, so that one read too many is seen. */
static uint8_t *read_file(const char *path, size_t *ret_size)
{
	struct stat st;
	uint8_t *data;
	FILE *f = fopen(path, "rb");

	if (f == NULL || fstat(fileno(f), &st) != 0) {
		perror(path);
		exit(1);
	}
	*ret_size = (size_t)st.st_size;
	data = malloc(*ret_size == 0 ? 1 : *ret_size);
	if (data == NULL || fread(data, 1, *ret_size, f) != *ret_size) {
		fprintf(stderr, "%s: cannot read\n", path);
		exit(1);
	}
	(void)fclose(f);
	return data;
}

static void run_file(const char *path)
{
	size_t size;
	uint8_t *data = read_file(path, &size);

	/* Before the call: a sanitizer ends the process inside it. */
	printf("%s (%zu bytes)\n", path, size);
	(void)fflush(stdout);
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
}

/* Gives the number of files that were run. */
static unsigned run_folder(const char *folder)
{
	char path[4096];
	struct dirent **entries;
	unsigned count = 0;
	int n = scandir(folder, &entries, NULL, alphasort);

	if (n < 0) {
		perror(folder);
		exit(1);
	}
	for (int i = 0; i < n; i++) {
		struct stat st;

		(void)snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
			run_file(path);
			count++;
		}
		free(entries[i]);
	}
	free(entries);
	return count;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (run_folder(argv[i]) == 0) {
			fprintf(stderr, "%s: no inputs\n", argv[i]);
			return 1;
		}
	}
	return argc > 1 ? 0 : 2;
}
