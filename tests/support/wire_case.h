/* SPDX-License-Identifier: MIT */
/*
 * A case for the frames protocol's reader: bytes and the events that they must give, however they are cut.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/wire_bytes.h"
#include "tests/support/wire_log.h"

struct wire_case {
	struct fr_frame_pool *pool;
	struct wire_bytes in;
	struct wire_log expected;
	struct fr_wire_limits limits;
};

static inline int wire_case_setup(void **state)
{
	struct wire_case *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	c->pool = fr_frame_pool_new(0);
	*state = c;
	return 0;
}

/* Every frame that a test got must have been given back. */
static inline int wire_case_teardown(void **state)
{
	struct wire_case *c = *state;
	const int64_t left = fr_frame_pool_frames(c->pool);

	bytes_done(&c->in);
	free(c->expected.text);
	fr_frame_pool_free(c->pool);
	free(c);
	return left == 0 ? 0 : -1;
}

/* A line of the events, as wire_log.h writes them. */
#define EXPECT(c, ...) wire_log_add(&(c)->expected, __VA_ARGS__)

static inline void expect_frame(
    struct wire_case *c, size_t announced, const void *bytes, size_t size)
{
	EXPECT(c, "BEGIN size=%zu\nFRAME size=%zu hash=%08x sequence=0 time=0 flags=0\n", announced,
	    size, wire_log_hash(bytes, size));
}

static inline void expect_text(
    struct wire_case *c, const char *event, const void *bytes, size_t size, unsigned channel)
{
	EXPECT(c, "%s size=%zu hash=%08x channel=%u\n", event, size, wire_log_hash(bytes, size),
	    channel);
}

/* The events of `in` must be those of `expected`, with so many bytes inside at the end; then both are empty again. */
static inline void check_inside(struct wire_case *c, enum fr_wire_kind kind, size_t inside)
{
	EXPECT(c, "inside=%d bytes=%zu\n", inside > 0, inside);
	for (int split = 0; split < SPLITS; split++) {
		struct wire_log log = wire_log_read(c->pool, &c->limits, kind, c->in.bytes,
		    c->in.size, (enum wire_split)split, (uint32_t)c->in.size);

		assert_string_equal(log.text, c->expected.text);
		free(log.text);
	}
	bytes_done(&c->in);
	free(c->expected.text);
	c->expected = (struct wire_log){0};
}

static inline void check(struct wire_case *c, enum fr_wire_kind kind)
{
	check_inside(c, kind, 0);
}
