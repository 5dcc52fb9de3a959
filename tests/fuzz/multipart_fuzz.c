/* SPDX-License-Identifier: MIT */
/*
 * Multipart bodies: the same parts however the bytes are cut, with a boundary that is learned and one that is given.
 */
#include "common/base/xalloc.h"
#include "common/media/multipart.h"
#include "tests/support/wire_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	MAX = 4000,
};

/* Bodies are written down as the hash of each part, since how many pieces they come in is free. */
static void take_event(
    struct wire_log *log, uint32_t *hash, size_t *size, const struct fr_multipart_event *event)
{
	switch (event->type) {
	case FR_MULTIPART_MORE:
		break;
	case FR_MULTIPART_PART:
		*hash = 2166136261U;
		*size = 0;
		wire_log_add(log, "PART %d %llu\n", (int)event->has_length,
		    (unsigned long long)event->length);
		break;
	case FR_MULTIPART_BODY:
		assert(event->size > 0);
		for (size_t i = 0; i < event->size; i++)
			*hash = (*hash ^ event->bytes[i]) * 16777619U;
		*size += event->size;
		break;
	case FR_MULTIPART_PART_END:
		wire_log_add(log, "PART END %08x %zu\n", (unsigned)*hash, *size);
		break;
	case FR_MULTIPART_END:
		wire_log_add(log, "END\n");
		break;
	case FR_MULTIPART_BAD:
		assert(event->why.text[0] != '\0');
		wire_log_add(log, "BAD %s\n", event->why.text);
		break;
	}
}

static struct wire_log read_pieces(
    const uint8_t *data, size_t size, const char *boundary, size_t piece)
{
	struct fr_multipart *m = fr_multipart_new(boundary, MAX);
	struct fr_multipart_event event;
	struct wire_log log = {0};
	uint32_t hash = 0;
	size_t part = 0;

	wire_log_add(&log, "%s\n", boundary == NULL ? "learned" : boundary);
	for (size_t at = 0; at < size;) {
		size_t left = size - at < piece ? size - at : piece;

		do {
			const size_t n = fr_multipart_read(m, data + at, left, &event);

			assert(n <= left);
			at += n;
			left -= n;
			take_event(&log, &hash, &part, &event);
		} while (event.type != FR_MULTIPART_MORE);
		assert(left == 0);
	}
	wire_log_add(&log, "head %zu part %zu\n", fr_multipart_head_bytes(m), part);
	fr_multipart_free(m);
	return log;
}

static void compare(const uint8_t *data, size_t size, const char *boundary)
{
	struct wire_log whole = read_pieces(data, size, boundary, size);

	for (size_t piece = 1; piece < 100; piece = piece * 3 + 1) {
		struct wire_log cut = read_pieces(data, size, boundary, piece);

		if (strcmp(whole.text, cut.text) != 0) {
			fprintf(stderr, "whole:\n%s\n%zu at a time:\n%s\n", whole.text, piece,
			    cut.text);
			abort();
		}
		free(cut.text);
	}
	free(whole.text);
}

/* The same bytes as a Content-Type: what is found of a boundary would be taken again. */
static void read_boundary(const uint8_t *data, size_t size)
{
	char *type = fr_xcalloc(size + 1, 1), boundary[FR_BOUNDARY_MAX + 1] = "";

	memcpy(type, data, size);
	if (fr_multipart_boundary(type, boundary) == FR_BOUNDARY_FOUND)
		assert(boundary[0] != '\0' && strstr(type, boundary) != NULL);
	free(type);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fr_wire_limits limits = {.max_frame_bytes = MAX, .max_message_bytes = 1000};

	read_boundary(data, size);
	compare(data, size, NULL);
	compare(data, size, "frame");
	compare(data, size, "--a-b--a");
	wire_log_compare(0, &limits, FR_WIRE_MULTIPART, data, size);
	return 0;
}
