/* SPDX-License-Identifier: MIT */
#include "common/media/jpeg_info.h"

#include <errno.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/hot.h"

/* Markers, ITU-T T.81 (1992) table B.1. */
enum {
	FF = 0xFF,
	TEM = 0x01,
	SOF0 = 0xC0,
	DHT = 0xC4,
	JPG = 0xC8,
	DAC = 0xCC,
	SOF15 = 0xCF,
	RST0 = 0xD0,
	RST7 = 0xD7,
	SOI = 0xD8,
	EOI = 0xD9,
	SOS = 0xDA,
};

enum {
	STEPS_MAX = 65536, /* segments and fill bytes before the first scan: more is no picture */
	TAIL_BYTES = 4096, /* where the last EOI has to be */
};

static bool is_frame_header(uint8_t marker)
{
	return marker >= SOF0 && marker <= SOF15 && marker != DHT && marker != JPG && marker != DAC;
}

/* Markers that stand alone, without a length. */
static bool is_alone(uint8_t marker)
{
	return marker == TEM || (marker >= RST0 && marker <= RST7);
}

/* Whether a segment with a length may begin with this. */
static bool is_segment(uint8_t marker)
{
	return marker >= SOF0 && marker < FF && marker != JPG && !is_alone(marker) &&
	       marker != SOI && marker != EOI;
}

static size_t be16(const uint8_t *at)
{
	return (size_t)at[0] << 8 | at[1];
}

/* --- A whole picture -------------------------------------------------------------------------- */

/* B.2.2; `size` counts from the length field. */
static int read_frame_header(
    uint8_t marker, const uint8_t *at, size_t size, struct fr_jpeg_info *ret, struct fr_cause *why)
{
	struct fr_jpeg_info info = {.progressive = (marker & 3) == 2};

	if (size < 8)
		return fr_cause_set(why, EINVAL, "its frame header has only %zu bytes", size);
	info.height = (uint16_t)be16(at + 3);
	info.width = (uint16_t)be16(at + 5);
	info.components = at[7];
	if (info.width == 0 || info.height == 0) {
		return fr_cause_set(why, EINVAL, "its frame header says %ux%u pixels",
		    (unsigned)info.width, (unsigned)info.height);
	}
	if (info.components < 1 || info.components > 4) {
		return fr_cause_set(why, EINVAL, "its frame header says %u components, not 1..4",
		    (unsigned)info.components);
	}
	if (size < 8 + 3 * (size_t)info.components)
		return fr_cause_set(why, EINVAL, "its frame header has only %zu bytes", size);
	*ret = info;
	return 0;
}

/* B.2.3; `size` counts from the length field. */
static int check_scan_header(const uint8_t *at, size_t size, struct fr_cause *why)
{
	if (size < 3 || at[2] < 1 || at[2] > 4 || size < 6 + 2 * (size_t)at[2])
		return fr_cause_set(why, EINVAL, "its scan header is damaged");
	return 0;
}

/* The last EOI must come after `from` and within the last 4 KiB. */
static int check_end(const uint8_t *jpeg, size_t size, size_t from, struct fr_cause *why)
{
	const size_t first = size - from > TAIL_BYTES ? size - TAIL_BYTES : from;

	for (size_t i = size; i >= first + 2; i--) {
		if (jpeg[i - 2] == FF && jpeg[i - 1] == EOI)
			return 0;
	}
	return fr_cause_set(
	    why, EINVAL, "it is cut short: no FF D9 in its last %zu bytes", size - first);
}

/* Finds the next marker. @return its place behind the code; 0: there is none, `why` is set */
static size_t next_marker(
    const uint8_t *jpeg, size_t size, size_t at, unsigned *steps, struct fr_cause *why)
{
	if (at < size && jpeg[at] != FF) {
		(void)fr_cause_set(why, EINVAL, "a marker is missing at byte %zu", at);
		return 0;
	}
	while (at < size && jpeg[at] == FF && ++*steps < STEPS_MAX)
		at++;
	if (*steps >= STEPS_MAX) {
		(void)fr_cause_set(why, EINVAL, "its header does not end");
		return 0;
	}
	if (at >= size) {
		(void)fr_cause_set(why, EINVAL, "it is cut short in its header");
		return 0;
	}
	return at + 1;
}

/*
 * Reads the segment whose length stands at `at`. Markers without one have the length 0.
 *
 * @param info  filled by the first frame header
 */
static int read_segment(const uint8_t *jpeg, size_t size, size_t at, struct fr_jpeg_info *info,
    size_t *ret_length, struct fr_cause *why)
{
	const uint8_t marker = jpeg[at - 1];

	*ret_length = 0;
	if (is_alone(marker))
		return 0;
	if (!is_segment(marker)) {
		return fr_cause_set(why, EINVAL, "marker FF %02X at byte %zu is out of place",
		    (unsigned)marker, at - 2);
	}
	*ret_length = size - at < 2 ? 0 : be16(jpeg + at);
	if (*ret_length < 2 || *ret_length > size - at) {
		return fr_cause_set(why, EINVAL, "segment FF %02X at byte %zu is cut short",
		    (unsigned)marker, at - 2);
	}
	if (is_frame_header(marker) && info->components == 0)
		return read_frame_header(marker, jpeg + at, *ret_length, info, why);
	return marker == SOS ? check_scan_header(jpeg + at, *ret_length, why) : 0;
}

FR_HOT int fr_jpeg_info_read(
    const uint8_t *jpeg, size_t size, struct fr_jpeg_info *ret, struct fr_cause *why)
{
	struct fr_jpeg_info info = {0};
	unsigned steps = 0;
	uint8_t marker = SOI;
	size_t at = 2;

	if (size < 2 || jpeg[0] != FF || jpeg[1] != SOI)
		return fr_cause_set(why, EINVAL, "it does not begin with FF D8");
	while (marker != SOS) {
		size_t length;

		at = next_marker(jpeg, size, at, &steps, why);
		if (at == 0 || read_segment(jpeg, size, at, &info, &length, why) != 0)
			return -EINVAL;
		marker = jpeg[at - 1];
		at += length;
	}
	if (info.components == 0)
		return fr_cause_set(why, EINVAL, "it has no frame header");
	if (check_end(jpeg, size, at, why) != 0)
		return -EINVAL;
	*ret = info;
	return 0;
}

/* --- A flow of pictures ----------------------------------------------------------------------- */

enum state {
	BEFORE_SOI,
	IN_SOI,
	BEFORE_MARKER, /* FF is due */
	IN_MARKER,     /* behind FF, outside entropy-coded data */
	IN_LENGTH_1,
	IN_LENGTH_2,
	IN_SEGMENT,
	IN_SCAN,    /* entropy-coded data */
	IN_SCAN_FF, /* FF was seen in it */
};

bool fr_jpeg_walk_in_scan(const struct fr_jpeg_walk *walk)
{
	return walk->state == IN_SCAN || walk->state == IN_SCAN_FF;
}

size_t fr_jpeg_walk_stride(const struct fr_jpeg_walk *walk)
{
	return walk->state == IN_SEGMENT ? walk->left : 1;
}

static void end_segment(struct fr_jpeg_walk *walk)
{
	walk->state = walk->marker == SOS ? IN_SCAN : BEFORE_MARKER;
}

/* The byte behind FF, anywhere but in SOI. */
static enum fr_jpeg_step take_marker(struct fr_jpeg_walk *walk, uint8_t marker)
{
	const bool in_scan = walk->state == IN_SCAN_FF;

	if (marker == FF)
		return FR_JPEG_MORE;
	if (marker == EOI) {
		*walk = (struct fr_jpeg_walk){0};
		return FR_JPEG_END;
	}
	if (is_segment(marker)) {
		walk->marker = marker;
		walk->state = IN_LENGTH_1;
		return FR_JPEG_MORE;
	}
	if (in_scan && marker == SOI) {
		*walk = (struct fr_jpeg_walk){.state = BEFORE_MARKER};
		return FR_JPEG_CUT;
	}
	/* Damaged data may hold any other code: that is no reason to lose the next pictures. */
	walk->state = in_scan ? IN_SCAN : BEFORE_MARKER;
	return in_scan || is_alone(marker) ? FR_JPEG_MORE : FR_JPEG_BAD;
}

/* One byte, where the walk does not skip. BAD: the byte was not taken. */
static enum fr_jpeg_step take_byte(struct fr_jpeg_walk *walk, uint8_t byte)
{
	switch ((enum state)walk->state) {
	case BEFORE_SOI:
	case BEFORE_MARKER:
		if (byte != FF)
			return FR_JPEG_BAD;
		walk->state = walk->state == BEFORE_SOI ? IN_SOI : IN_MARKER;
		return FR_JPEG_MORE;
	case IN_SOI:
		if (byte != SOI)
			return FR_JPEG_BAD;
		walk->state = BEFORE_MARKER;
		return FR_JPEG_MORE;
	case IN_MARKER:
	case IN_SCAN_FF:
		return take_marker(walk, byte);
	case IN_LENGTH_1:
		walk->left = (uint32_t)byte << 8;
		walk->state = IN_LENGTH_2;
		return FR_JPEG_MORE;
	case IN_LENGTH_2:
		if ((walk->left | byte) < 2)
			return FR_JPEG_BAD;
		walk->left = (walk->left | byte) - 2;
		walk->state = IN_SEGMENT;
		if (walk->left == 0)
			end_segment(walk);
		return FR_JPEG_MORE;
	case IN_SEGMENT:
	case IN_SCAN:
		break; /* skipped by whoever calls */
	}
	return FR_JPEG_MORE;
}

/* Skips what needs no look. @return bytes taken */
static size_t skip(struct fr_jpeg_walk *walk, const uint8_t *bytes, size_t size)
{
	const uint8_t *ff;

	if (walk->state == IN_SEGMENT) {
		if (size < walk->left) {
			walk->left -= (uint32_t)size;
			return size;
		}
		size = walk->left;
		walk->left = 0;
		end_segment(walk);
		return size;
	}
	ff = memchr(bytes, FF, size);
	if (ff == NULL)
		return size;
	walk->state = IN_SCAN_FF;
	return (size_t)(ff - bytes) + 1;
}

enum fr_jpeg_step fr_jpeg_walk_feed(
    struct fr_jpeg_walk *walk, const uint8_t *bytes, size_t size, size_t *ret_taken)
{
	enum fr_jpeg_step step = FR_JPEG_MORE;
	size_t at = 0;

	while (at < size && step == FR_JPEG_MORE) {
		if (walk->state == IN_SEGMENT || walk->state == IN_SCAN) {
			at += skip(walk, bytes + at, size - at);
		} else {
			step = take_byte(walk, bytes[at]);
			at += step != FR_JPEG_BAD;
		}
	}
	*ret_taken = at;
	return step;
}
