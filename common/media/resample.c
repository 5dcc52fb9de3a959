/* SPDX-License-Identifier: MIT */
/*
 * Lengths are counted so that nothing is rounded on the way: along a line of n pixels that becomes m, each old pixel is
 * m long and each new one n.
 */
#include "common/media/resample.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

/* The old pixels, with their shares, that a new one covers. */
struct span {
	unsigned first, last;
	uint32_t first_share, last_share; /* the ones between have `share` */
	uint32_t share;
};

static struct span span_of(unsigned at, unsigned old_size, unsigned new_size)
{
	const uint64_t begin = (uint64_t)at * old_size, end = begin + old_size;
	struct span s;

	s.first = (unsigned)(begin / new_size);
	s.last = (unsigned)((end - 1) / new_size);
	s.share = new_size;
	s.first_share = (uint32_t)((uint64_t)(s.first + 1) * new_size - begin);
	s.last_share = (uint32_t)(end - (uint64_t)s.last * new_size);
	if (s.first == s.last)
		s.first_share = s.last_share = old_size;
	return s;
}

static uint32_t share_of(const struct span *s, unsigned at)
{
	if (at == s->first)
		return s->first_share;
	return at == s->last ? s->last_share : s->share;
}

/* The sum of the rows that a new row covers, each by its share: at most 255 * 65535 a pixel. */
static void sum_rows(const struct fr_plane_from *from, const struct span *rows, uint32_t *sums)
{
	memset(sums, 0, from->width * sizeof(*sums));
	for (unsigned y = rows->first; y <= rows->last; y++) {
		const uint8_t *row = from->pixels + y * from->stride;
		const uint32_t share = share_of(rows, y);

		for (unsigned x = 0; x < from->width; x++)
			sums[x] += share * row[x * from->step];
	}
}

static void copy(const struct fr_plane_from *from, const struct fr_plane_to *to)
{
	for (unsigned y = 0; y < to->height; y++) {
		const uint8_t *row = from->pixels + y * from->stride;
		uint8_t *out = to->pixels + (ptrdiff_t)y * to->stride;

		for (unsigned x = 0; x < to->width; x++)
			out[(ptrdiff_t)x * to->step] = row[x * from->step];
	}
}

void fr_plane_resample(const struct fr_plane_from *from, const struct fr_plane_to *to)
{
	/* A product with this is the quotient, and much cheaper; the numbers are whole and below 2^40. */
	const double each = 1.0 / ((double)from->width * from->height);
	struct span *columns;
	uint32_t *sums;

	assert(to->width >= 1 && to->width <= from->width);
	assert(to->height >= 1 && to->height <= from->height);
	if (to->width == from->width && to->height == from->height) {
		copy(from, to);
		return;
	}
	columns = fr_xcalloc(to->width, sizeof(*columns));
	sums = fr_xcalloc(from->width, sizeof(*sums));
	for (unsigned x = 0; x < to->width; x++)
		columns[x] = span_of(x, from->width, to->width);
	for (unsigned y = 0; y < to->height; y++) {
		const struct span rows = span_of(y, from->height, to->height);
		uint8_t *out = to->pixels + (ptrdiff_t)y * to->stride;

		sum_rows(from, &rows, sums);
		for (unsigned x = 0; x < to->width; x++) {
			const struct span *c = &columns[x];
			uint64_t sum = 0;

			for (unsigned i = c->first; i <= c->last; i++)
				sum += (uint64_t)share_of(c, i) * sums[i];
			out[(ptrdiff_t)x * to->step] = (uint8_t)((double)sum * each + 0.5);
		}
	}
	free(sums);
	free(columns);
}
