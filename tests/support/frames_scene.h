/* SPDX-License-Identifier: MIT */
/*
 * The frames door, or the http door, on a real loop, and peers that speak to it byte by byte.
 *
 * Every deadline of the fixture is short. At the end nobody may be connected, the accounts must add up and no frame may
 * be alive.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "common/base/stats.h"
#include "tests/support/jpeg.h"

struct fr_admission;
struct fr_logins;
struct fr_door;
struct fr_frame_pool;
struct fr_loop;
struct fr_options;
struct fr_relay;
struct fr_service;
struct fr_text;

struct fr_test_frames {
	const char *kind; /* of the door */
	struct fr_limits limits;
	struct fr_loop *loop;
	struct fr_frame_pool *pool;
	struct fr_relay *relay;
	struct fr_admission *admission;
	struct fr_logins *logins;
	struct fr_service *service;
	struct fr_options *options;
	struct fr_door *door;
	struct fr_test_jpeg picture;
	void (*announce)(void *arg, struct fr_text *lines); /* what all doors say; NULL: nothing */
	uint16_t port;
};

/* A client: what came so far, and whether the door has closed. */
struct fr_test_peer {
	struct fr_test_frames *f;
	int fd;
	uint8_t got[256 * 1024];
	size_t size;
	bool closed;
	size_t want;           /* for has_wanted() */
	const char *want_text; /* for has_text() */
};

/** Makes the fixture for a door of any kind. */
int fr_test_door_setup(void **state, const char *kind);

/** For cmocka: *state is a struct fr_test_frames; the door is not open yet. */
int fr_test_frames_setup(void **state);
int fr_test_frames_teardown(void **state);

/** The same with the http door, whose deadlines are long. */
int fr_test_http_setup(void **state);

/** Sets an option of the door, as a command line would. */
void fr_test_frames_set(struct fr_test_frames *f, const char *name, const char *value);
void fr_test_frames_open(struct fr_test_frames *f);

/** Closes the door, which may be opened again. The teardown closes one that is open. */
void fr_test_frames_close(struct fr_test_frames *f);

/** @return a peer that has connected and said nothing; fr_test_leave() frees it */
struct fr_test_peer *fr_test_client(struct fr_test_frames *f);

/** @return a peer that has said this hello and was told OK */
struct fr_test_peer *fr_test_welcomed(struct fr_test_frames *f, const char *hello);
void fr_test_leave(struct fr_test_peer *c);

void fr_test_say(struct fr_test_peer *c, const void *bytes, size_t size);
void fr_test_say_line(struct fr_test_peer *c, const char *line);

/** Sends the fixture's picture with its length. */
void fr_test_send_picture(struct fr_test_peer *c);

/** Renders a record with no sequence and no time. @return its length */
size_t fr_test_record(uint8_t *to, uint8_t type, const void *payload, size_t size);

/** Waits for so many bytes in all since the connection began. */
void fr_test_expect_bytes(struct fr_test_peer *c, size_t size);

/** Waits for a line and compares its beginning. */
void fr_test_expect_line(struct fr_test_peer *c, const char *line);

/** Waits until this stands in what came since the connection began. @return where */
const char *fr_test_expect_text(struct fr_test_peer *c, const char *text);

/** Waits until the door has closed; what came must hold `answer`. */
void fr_test_expect_end(struct fr_test_peer *c, const char *answer);

/** For fr_test_until(): whether the door has closed. @param arg  a struct fr_test_peer */
bool fr_test_is_closed(void *arg);

/** @return refusals for this reason */
uint64_t fr_test_rejected(enum fr_reason reason);
