/* SPDX-License-Identifier: MIT */
/*
 * A relay for tests, with made-up publishers and viewers that write down what they are told.
 *
 * Time stands still until a test moves it (`f->now_us += …`). Everybody whom a test opens is let go at the
 * end; then the accounts must add up and no frame may be alive.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/limits.h"
#include "daemon/relay/ingest.h"
#include "daemon/relay/relay.h"
#include "daemon/relay/subscriber.h"

enum {
	FR_TEST_SECOND_US = 1000000,
	FR_TEST_PEOPLE_MAX = 64, /* publishers, and viewers, of one test */
	FR_TEST_GOT_MAX = 512,   /* pictures that a viewer remembers */
};

struct fr_test_relay;

/** A publisher; `spec` may be changed until it is opened, the rest is read. */
struct fr_test_publisher {
	struct fr_test_relay *f;
	struct fr_publish_spec spec;
	struct fr_ingest *ingest; /* NULL: not open */
	struct fr_refusal refusal;
	uint64_t sequence;   /* of the next picture; 0: none */
	int64_t captured_us; /* of the next picture; 0: unknown */
	bool is_deaf;        /* has no on_demand(), as some sources of ours */

	unsigned demands, pings, decided, verified, closed; /* calls */
	uint32_t subscribers, rate_milli;                   /* as on_demand() said last */
	bool admitted;                                      /* as on_decided() said */
	bool is_good;                                       /* as on_verified() said */
	void (*then)(void *arg);                            /* after each call; may do anything */
	void *then_arg;
};

/** A viewer; `spec` may be changed until it is opened, the rest is read. */
struct fr_test_viewer {
	struct fr_test_relay *f;
	struct fr_subscribe_spec spec;
	struct fr_subscriber *sub; /* NULL: not open */
	struct fr_refusal refusal;

	bool reads;               /* takes all there is when it is told; else fr_test_take() does */
	unsigned readies, closed; /* calls */
	unsigned got_count;
	struct {
		uint64_t sequence;
		int tag; /* the picture's third byte; of a message: 256 + its first */
		int64_t at_us;
	} got[FR_TEST_GOT_MAX];
	void (*then)(void *arg); /* after each call; may do anything */
	void *then_arg;
};

struct fr_test_relay {
	struct fr_limits limits; /* the defaults; read by the relay at each decision */
	struct fr_frame_pool *pool;
	struct fr_relay *relay;
	int64_t now_us, real_us;
	unsigned wakes; /* calls of on_ready */
	size_t publisher_count, viewer_count;
	struct fr_test_publisher *publishers[FR_TEST_PEOPLE_MAX];
	struct fr_test_viewer *viewers[FR_TEST_PEOPLE_MAX];
};

/** For cmocka: *state is a struct fr_test_relay. */
int fr_test_relay_setup(void **state);
int fr_test_relay_teardown(void **state);

/** What the relay calls to be served; arg is the fixture. */
void fr_test_count_wake(void *arg);

/** Moves the time on in steps, ticking and serving as the service does: when something is due. */
void fr_test_pass(struct fr_test_relay *f, int64_t us);

/** Serves the ready list once. */
void fr_test_serve(struct fr_test_relay *f);

/** Puts rows in force, written as "from|publish|subscribe" each; "-" grants nothing. */
void fr_test_access(struct fr_test_relay *f, const char *const *rows, size_t count);

/** Puts one `streams` row a name in force. */
void fr_test_streams(struct fr_test_relay *f, const char *const *names, size_t count);

/** @return the stream as others see it; fails the test when there is none */
struct fr_stream_info fr_test_stream(const struct fr_test_relay *f, const char *name);
bool fr_test_has_stream(const struct fr_test_relay *f, const char *name);

struct fr_addr fr_test_addr(const char *text);

/** @return not open yet: 192.168.0.1, verify none, as its door "test" */
struct fr_test_publisher *fr_test_publisher(struct fr_test_relay *f, const char *stream);

/** @return as fr_relay_publish(); p->refusal is filled */
int fr_test_publisher_open(struct fr_test_publisher *p);

/** Both in one; fails the test unless it is admitted at once. */
struct fr_test_publisher *fr_test_publishing(struct fr_test_relay *f, const char *stream);
void fr_test_publisher_close(struct fr_test_publisher *p);

/** Brings in these bytes as a picture. @return as fr_ingest_frame(); p->refusal is filled */
int fr_test_send(struct fr_test_publisher *p, const void *bytes, size_t size);

/** A picture that is told by its tag; fails the test unless it is taken. */
void fr_test_picture(struct fr_test_publisher *p, uint8_t tag);

/** @return not open yet: 192.168.0.2, a queue of 64, reads what it is told of */
struct fr_test_viewer *fr_test_viewer(struct fr_test_relay *f, const char *stream);
int fr_test_viewer_open(struct fr_test_viewer *v);
struct fr_test_viewer *fr_test_viewing(struct fr_test_relay *f, const char *stream);
void fr_test_viewer_close(struct fr_test_viewer *v);

/** Takes one thing and has it sent. @return its tag, -1 when there is none */
int fr_test_take(struct fr_test_viewer *v);

/** Fails the test unless the viewer got exactly these tags, and forgets them. */
#define fr_test_got(v, ...)                                                                        \
	fr_test_got_tags(v, (const int[]){__VA_ARGS__},                                            \
	    sizeof((const int[]){__VA_ARGS__}) / sizeof(int), __FILE__, __LINE__)
void fr_test_got_tags(
    struct fr_test_viewer *v, const int *tags, size_t count, const char *file, int line);
void fr_test_got_nothing(struct fr_test_viewer *v);
