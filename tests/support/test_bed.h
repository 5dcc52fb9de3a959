/* SPDX-License-Identifier: MIT */
/*
 * Sources and sinks for tests: a real loop and relay, a viewer and a publisher in it, a second relay with a frames door
 * at the far end, and a folder that is removed afterwards.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "daemon/relay/ingest.h"
#include "daemon/relay/relay.h"
#include "daemon/relay/subscriber.h"
#include "tests/support/jpeg.h"

struct fr_admission;
struct fr_door;
struct fr_frame_pool;
struct fr_loop;
struct fr_options;
struct fr_service;
struct fr_sink;
struct fr_source;

/** One of two relays on the same loop. */
struct fr_side {
	struct fr_bed *f;
	struct fr_relay *relay;
	struct fr_service *service;

	/* A viewer that takes what comes at once; `sub` NULL: none. */
	struct fr_subscriber *sub;
	unsigned pictures, messages;
	unsigned wanted; /* for fr_side_has_pictures(), fr_side_has_messages() */
	uint64_t sequence;
	int64_t captured_us;
	uint8_t *last; /* of the last picture or MESSAGE */
	size_t last_size;

	/* A publisher; `ingest` NULL: none. */
	struct fr_ingest *ingest;
	uint32_t subscribers, rate_milli;
	unsigned demands; /* calls */
};

struct fr_bed {
	struct fr_limits limits;
	struct fr_loop *loop;
	struct fr_frame_pool *pool;
	struct fr_side near, far;
	struct fr_admission *admission;
	struct fr_door *door; /* the far side's; NULL: none */
	struct fr_options *door_options, *options;
	uint16_t port;
	struct fr_source *source; /* NULL: none */
	struct fr_sink *sink;
	unsigned ended;
	int status;
	char reason[400];
	struct fr_test_jpeg picture; /* 64x48 */
	char folder[64];
};

/** For cmocka: *state is a struct fr_bed. Lingers and stalls are short. */
int fr_bed_setup(void **state);
int fr_bed_teardown(void **state);

/** Opens what is named with these "name=value" texts, the last one NULL; fails the test when it cannot. */
void fr_bed_open_source(struct fr_bed *f, const char *kind, ...);
void fr_bed_open_sink(struct fr_bed *f, const char *kind, ...);

/** Expects that it cannot be opened, with this in the sentence. */
void fr_bed_refuse_source(struct fr_bed *f, const char *kind, const char *sentence, ...);
void fr_bed_refuse_sink(struct fr_bed *f, const char *kind, const char *sentence, ...);

void fr_bed_close_source(struct fr_bed *f);
void fr_bed_close_sink(struct fr_bed *f);

/** Opens the far side's door; `port` 0 the first time, then the same again. */
void fr_bed_open_door(struct fr_bed *f);
void fr_bed_close_door(struct fr_bed *f);

/** A viewer of `cam`. */
void fr_side_watch(struct fr_side *side);
void fr_side_unwatch(struct fr_side *side);

/** A publisher of `cam`, as one of ours. */
void fr_side_publish(struct fr_side *side);
void fr_side_unpublish(struct fr_side *side);

/** Brings a picture in. */
void fr_side_send(struct fr_side *side, const struct fr_test_jpeg *picture);

/** Sends a MESSAGE to the viewers of `cam`. */
void fr_side_tell(struct fr_side *side, const char *json);

/** @return a path in the folder; valid until the next four calls */
const char *fr_bed_path(struct fr_bed *f, const char *name);

/** Writes a file of the folder. */
void fr_bed_write(struct fr_bed *f, const char *name, const void *bytes, size_t size);

/** @return the file's bytes, NUL behind them, the caller frees; NULL: there is none */
uint8_t *fr_bed_read(struct fr_bed *f, const char *name, size_t *ret_size);

/** @return files in a folder of the folder ("" itself), hidden ones too */
unsigned fr_bed_count(struct fr_bed *f, const char *name);

/* For fr_test_until(): a side, or the whole. */
bool fr_side_has_pictures(void *arg); /* `wanted` */
bool fr_side_has_messages(void *arg); /* `wanted` */
bool fr_side_is_watched(void *arg);   /* its publisher hears of subscribers */
bool fr_side_is_not_watched(void *arg);
bool fr_side_is_live(void *arg);
bool fr_side_is_asleep(void *arg);
bool fr_side_is_offline(void *arg);
bool fr_side_has_publisher(void *arg);
bool fr_side_has_no_publisher(void *arg);
bool fr_bed_has_ended(void *arg);
