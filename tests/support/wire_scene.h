/* SPDX-License-Identifier: MIT */
/*
 * A client of the frames protocol and, at its other end, a server that a test writes out byte by byte.
 *
 * The client's events are counted and kept; the server's bytes are what came, from the last hang-up on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "common/net/wire_client.h"

struct fr_frame;
struct fr_frame_pool;
struct fr_loop;

enum {
	FR_SCENE_PICTURE = 20000, /* bytes of a received picture that are kept */
};

struct fr_scene {
	struct fr_loop *loop;
	struct fr_frame_pool *pool;
	struct fr_limits limits;
	struct fr_wire_client *client;
	struct fr_wire_client_spec spec;

	/* The server. */
	int listening, fd;
	uint16_t port;
	uint8_t *came;
	size_t came_size;
	bool ended;
	unsigned connections;
	const char *wanted; /* text that is waited for at the server */

	/* The client's events. */
	unsigned ups, downs, drained, frames, pings, pongs, ends, messages, demands;
	unsigned wanted_downs, wanted_frames;
	int live;
	unsigned code;
	bool again;
	char reason[400], text[400];
	uint64_t sequence;
	int64_t time_us;
	uint8_t picture[FR_SCENE_PICTURE];
	size_t picture_size;
	uint32_t subscribers, rate_milli;
	unsigned free_in; /* a letter: in which callback */
};

/** cmocka's: a server that listens, a client that is not started, with retry and a hello `SUB cam records=1`. */
int fr_scene_setup(void **state);
int fr_scene_teardown(void **state);

/** Starts the client. */
void fr_scene_start(struct fr_scene *s);

/** Starts it and welcomes it. */
void fr_scene_start_up(struct fr_scene *s);

/** Starts it without a hello. */
void fr_scene_start_plain(struct fr_scene *s);

/** @return a finished frame of `size` bytes, with its reference */
struct fr_frame *fr_scene_picture(struct fr_scene *s, size_t size);

/** Puts a FRAME record around a picture of `size` bytes. @return bytes put */
size_t fr_scene_frame_record(struct fr_scene *s, uint8_t *to, size_t size, uint64_t sequence);

/* The server. A turn accepts and reads what is there. */
void fr_scene_server_open(struct fr_scene *s);
void fr_scene_server_hang_up(struct fr_scene *s);
void fr_scene_server_close(struct fr_scene *s);
void fr_scene_server_turn(struct fr_scene *s);
void fr_scene_server_says(struct fr_scene *s, const void *bytes, size_t size);

/** Turns the loop until `text` has come at the server. */
void fr_scene_server_waits_for(struct fr_scene *s, const char *text);

/* For fr_test_until(), the scene as `arg`. */
bool fr_scene_server_got_it(void *arg);
bool fr_scene_server_saw_the_end(void *arg);
bool fr_scene_server_has_a_connection(void *arg);
bool fr_scene_is_up(void *arg);
bool fr_scene_is_down(void *arg);    /* wanted_downs times, or once */
bool fr_scene_has_frames(void *arg); /* wanted_frames */
bool fr_scene_has_demand(void *arg);
bool fr_scene_has_message(void *arg);
bool fr_scene_is_drained(void *arg);
bool fr_scene_is_freed(void *arg);
bool fr_scene_knows_the_clock(void *arg);
