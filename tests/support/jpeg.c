/* SPDX-License-Identifier: MIT */
#include "tests/support/jpeg.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <turbojpeg.h>

/* A pattern with edges and noise, so that quality and number show in the size. */
static unsigned char *draw(unsigned width, unsigned height, unsigned number)
{
	unsigned char *rgb = malloc((size_t)width * height * 3);
	unsigned noise = number * 2654435761U + 1;

	assert(rgb != NULL);
	for (unsigned y = 0; y < height; y++) {
		for (unsigned x = 0; x < width; x++) {
			unsigned char *to = rgb + ((size_t)y * width + x) * 3;

			noise = noise * 1664525 + 1013904223;
			to[0] = (unsigned char)((x + number * 8) ^ y);
			to[1] = (unsigned char)(x * 255 / width);
			to[2] = (unsigned char)((y * 255 / height) ^ (noise >> 28));
		}
	}
	return rgb;
}

static struct fr_test_jpeg with_comment(
    const unsigned char *jpeg, size_t jpeg_size, const void *comment, size_t size)
{
	struct fr_test_jpeg made = {.size = jpeg_size + 4 + size};

	assert(size <= 65533);
	made.bytes = malloc(made.size);
	assert(made.bytes != NULL);
	memcpy(made.bytes, "\xff\xd8\xff\xfe", 4);
	made.bytes[4] = (uint8_t)((size + 2) >> 8);
	made.bytes[5] = (uint8_t)(size + 2);
	memcpy(made.bytes + 6, comment, size);
	memcpy(made.bytes + 6 + size, jpeg + 2, jpeg_size - 2);
	return made;
}

static struct fr_test_jpeg encode(unsigned width, unsigned height, int quality, unsigned number,
    const void *comment, size_t comment_size)
{
	unsigned char *rgb = draw(width, height, number);
	tjhandle handle = tjInitCompress();
	unsigned char *jpeg = NULL;
	unsigned long size = 0;
	struct fr_test_jpeg made;

	if (handle == NULL || tjCompress2(handle, rgb, (int)width, 0, (int)height, TJPF_RGB, &jpeg,
	                          &size, TJSAMP_420, quality, 0) != 0) {
		fprintf(stderr, "cannot make a test picture: %s\n", tjGetErrorStr2(handle));
		abort();
	}
	made = with_comment(jpeg, size, comment, comment_size);
	tjFree(jpeg);
	(void)tjDestroy(handle);
	free(rgb);
	return made;
}

struct fr_test_jpeg fr_test_jpeg(unsigned width, unsigned height, int quality, unsigned number)
{
	char comment[32];
	const int size = snprintf(comment, sizeof(comment), "number=%u", number);

	return encode(width, height, quality, number, comment, (size_t)size);
}

struct fr_test_jpeg fr_test_jpeg_comment(
    unsigned width, unsigned height, int quality, const void *comment, size_t size)
{
	return encode(width, height, quality, 0, comment, size);
}

struct fr_test_jpeg fr_test_jpeg_sized(size_t size, unsigned number)
{
	struct fr_test_jpeg jpeg = fr_test_jpeg(16, 16, 50, number);
	uint8_t *longer;

	assert(jpeg.size <= size);
	/* Padding behind EOI would be more than the 4 KiB that are allowed: it goes into the comment. */
	while (jpeg.size + 4096 < size) {
		const size_t rest = size - jpeg.size - 4;
		const size_t filler = rest < 60000 ? rest : 60000;
		uint8_t *zeros = calloc(1, filler);
		struct fr_test_jpeg larger;

		assert(zeros != NULL);
		larger = with_comment(jpeg.bytes, jpeg.size, zeros, filler);
		free(zeros);
		free(jpeg.bytes);
		jpeg = larger;
	}
	longer = realloc(jpeg.bytes, size);
	assert(longer != NULL);
	memset(longer + jpeg.size, 0, size - jpeg.size);
	return (struct fr_test_jpeg){.bytes = longer, .size = size};
}

void fr_test_jpeg_done(struct fr_test_jpeg *jpeg)
{
	free(jpeg->bytes);
	*jpeg = (struct fr_test_jpeg){0};
}
