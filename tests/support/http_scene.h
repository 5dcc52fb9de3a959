/* SPDX-License-Identifier: MIT */
/* What tests of the http door begin with: a request, and a picture that is there already. */
#pragma once

#include <stdio.h>

#include "tests/support/frames_scene.h"

#define H   "Host: localhost\r\n"
#define END "\r\n"

/* A connection that has published this picture to `cam`; it stays open. */
static inline struct fr_test_peer *published_this(
    struct fr_test_frames *f, const struct fr_test_jpeg *picture)
{
	struct fr_test_peer *c = fr_test_client(f);
	char head[256];

	(void)snprintf(head, sizeof(head),
	    "PUT /streams/cam HTTP/1.1\r\n" H
	    "Content-Type: image/jpeg\r\nContent-Length: %zu\r\n" END,
	    picture->size);
	fr_test_say_line(c, head);
	fr_test_say(c, picture->bytes, picture->size);
	(void)fr_test_expect_text(c, "{\"published\":1}");
	return c;
}

static inline struct fr_test_peer *published(struct fr_test_frames *f)
{
	return published_this(f, &f->picture);
}

static inline struct fr_test_peer *asking(
    struct fr_test_frames *f, const char *line, const char *more)
{
	struct fr_test_peer *c = fr_test_client(f);
	char text[512];

	(void)snprintf(text, sizeof(text), "%s HTTP/1.1\r\n" H "%s" END, line, more);
	fr_test_say_line(c, text);
	return c;
}

/* Asks on a connection of its own and waits for this in the answer. */
static inline void expect(
    struct fr_test_frames *f, const char *line, const char *more, const char *answer)
{
	struct fr_test_peer *c = asking(f, line, more);

	(void)fr_test_expect_text(c, answer);
	fr_test_leave(c);
}
