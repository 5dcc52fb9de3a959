/* SPDX-License-Identifier: MIT */
#include "tests/support/jpeg.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <turbojpeg.h>

#include "tests/support/wire_bytes.h"

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

/* --- Written by hand, ITU-T T.81 B.2 ---------------------------------------------------------- */

static void add_segment(struct wire_bytes *to, uint8_t marker, const void *bytes, size_t size)
{
	const uint8_t head[] = {0xFF, marker, (uint8_t)((size + 2) >> 8), (uint8_t)(size + 2)};

	bytes_add(to, head, sizeof(head));
	bytes_add(to, bytes, size);
}

/* SOI, tables, the frame header. DC has one code, 0: no difference. AC has EOB0..EOB14 in 4 bits each. */
static void add_header(struct wire_bytes *to, unsigned width, unsigned height, bool progressive)
{
	const uint8_t frame[] = {8, (uint8_t)(height >> 8), (uint8_t)height, (uint8_t)(width >> 8),
	    (uint8_t)width, 1, 1, 0x11, 0};
	uint8_t quantization[65] = {0};
	uint8_t dc[18] = {0x00, 1};
	uint8_t ac[32] = {0x10, 0, 0, 0, 15};

	memset(quantization + 1, 1, 64);
	for (unsigned i = 0; i < 15; i++)
		ac[17 + i] = (uint8_t)(i << 4);
	bytes_add(to, "\xff\xd8", 2);
	add_segment(to, 0xDB, quantization, sizeof(quantization));
	add_segment(to, progressive ? 0xC2 : 0xC0, frame, sizeof(frame));
	add_segment(to, 0xC4, dc, sizeof(dc));
	add_segment(to, 0xC4, ac, sizeof(ac));
}

static void add_scan(struct wire_bytes *to, uint8_t first, uint8_t last)
{
	const uint8_t scan[] = {1, 1, 0x00, first, last, 0};

	add_segment(to, 0xDA, scan, sizeof(scan));
}

struct fr_test_jpeg fr_test_jpeg_claim(unsigned width, unsigned height, bool progressive)
{
	struct wire_bytes made = {0};

	add_header(&made, width, height, progressive);
	add_scan(&made, 0, progressive ? 0 : 63);
	bytes_add(&made, "\xff\xd9", 2);
	return (struct fr_test_jpeg){.bytes = made.bytes, .size = made.size};
}

/* Bits, the highest first, with FF stuffed. */
struct bits {
	struct wire_bytes *to;
	unsigned value, count;
};

static void add_bits(struct bits *bits, unsigned value, unsigned count)
{
	while (count-- > 0) {
		bits->value = bits->value << 1 | (value >> count & 1);
		if (++bits->count < 8)
			continue;
		bytes_add_le(bits->to, bits->value & 0xFF, 1);
		if ((bits->value & 0xFF) == 0xFF)
			bytes_add_le(bits->to, 0, 1);
		bits->count = 0;
	}
}

static void flush_bits(struct bits *bits)
{
	while (bits->count != 0)
		add_bits(bits, 1, 1);
}

struct fr_test_jpeg fr_test_jpeg_scans(unsigned width, unsigned height, unsigned scans)
{
	const unsigned blocks = (width + 7) / 8 * ((height + 7) / 8);
	struct wire_bytes made = {0};
	struct bits bits = {.to = &made};

	add_header(&made, width, height, true);
	add_scan(&made, 0, 0);
	for (unsigned i = 0; i < blocks; i++)
		add_bits(&bits, 0, 1);
	flush_bits(&bits);
	for (unsigned i = 1; i < scans; i++) {
		add_scan(&made, 1, 63);
		for (unsigned left = blocks; left > 0;) {
			unsigned power = 0;
			unsigned run;

			while (power < 14 && 2U << power <= left)
				power++;
			run = power == 14 && left > 32767 ? 32767 : left;
			add_bits(&bits, power, 4);
			add_bits(&bits, run - (1U << power), power);
			left -= run;
		}
		flush_bits(&bits);
	}
	bytes_add(&made, "\xff\xd9", 2);
	return (struct fr_test_jpeg){.bytes = made.bytes, .size = made.size};
}

void fr_test_jpeg_done(struct fr_test_jpeg *jpeg)
{
	free(jpeg->bytes);
	*jpeg = (struct fr_test_jpeg){0};
}
