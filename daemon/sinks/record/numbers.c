/* SPDX-License-Identifier: MIT */
#include "daemon/sinks/record/numbers.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LINE_MAX_CHARS = 300,
	SECOND_US = 1000000,
};

void fr_numbers_init(struct fr_numbers *numbers, const char *stream, int fd, int64_t now_us)
{
	numbers->stream = stream;
	numbers->fd = fd;
	numbers->is_terminal = isatty(fd) == 1;
	numbers->since_us = now_us;
}

void fr_numbers_add(struct fr_numbers *numbers, size_t bytes, int64_t age_us)
{
	numbers->pictures++;
	numbers->second_pictures++;
	numbers->second_bytes += bytes;
	if (numbers->age_count < FR_NUMBERS_AGES)
		numbers->ages_us[numbers->age_count++] = age_us > 0 ? age_us : 0;
}

static int by_value(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* A line is short: where poll() sees room, writing it does not wait. */
static void put(const struct fr_numbers *numbers, const char *text, size_t length)
{
	struct pollfd fd = {numbers->fd, POLLOUT, 0};

	if (poll(&fd, 1, 0) == 1 && (fd.revents & POLLOUT) != 0)
		(void)!write(numbers->fd, text, length); /* nobody reads: nothing is lost */
}

void fr_numbers_print(struct fr_numbers *numbers, uint64_t dropped, int64_t now_us)
{
	const int64_t gone_us = now_us > numbers->since_us ? now_us - numbers->since_us : 1;
	const size_t count = numbers->age_count;
	char ages[80] = "", text[LINE_MAX_CHARS];
	int n;

	if (count > 0) {
		qsort(numbers->ages_us, count, sizeof(numbers->ages_us[0]), by_value);
		(void)snprintf(ages, sizeof(ages), "  age p50 %" PRId64 " ms, p99 %" PRId64 " ms",
		    numbers->ages_us[count / 2] / 1000,
		    numbers->ages_us[(count - 1) * 99 / 100] / 1000);
	}
	n = snprintf(text, sizeof(text),
	    "%s%s: %.1f pictures/s  %.2f MB/s%s  dropped %" PRIu64 "  in all %" PRIu64 "%s",
	    numbers->is_terminal ? "\r\033[K" : "", numbers->stream,
	    (double)numbers->second_pictures * SECOND_US / (double)gone_us,
	    (double)numbers->second_bytes / (double)gone_us, ages, dropped, numbers->pictures,
	    numbers->is_terminal ? "" : "\n");
	if (n > 0)
		put(numbers, text, (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
	numbers->since_us = now_us;
	numbers->second_pictures = 0;
	numbers->second_bytes = 0;
	numbers->age_count = 0;
}

void fr_numbers_end(const struct fr_numbers *numbers)
{
	if (numbers->is_terminal)
		put(numbers, "\n", 1);
}
