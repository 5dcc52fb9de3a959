/* SPDX-License-Identifier: MIT */
#include "tests/support/relay_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"

enum {
	PICTURE_BYTES = 100,
};

/* The relay */

void fr_test_count_wake(void *arg)
{
	((struct fr_test_relay *)arg)->wakes++;
}

int fr_test_relay_setup(void **state)
{
	struct fr_test_relay *f = fr_xcalloc(1, sizeof(*f));

	fr_stats_reset();
	f->limits = fr_limits_default();
	f->pool = fr_frame_pool_new(0);
	f->relay = fr_relay_new(&f->limits, f->pool);
	f->now_us = 1000 * (int64_t)FR_TEST_SECOND_US;
	f->real_us = 1700000000 * (int64_t)FR_TEST_SECOND_US;
	fr_relay_set_ready(f->relay, fr_test_count_wake, f);
	fr_relay_tick(f->relay, f->now_us);
	*state = f;
	return 0;
}

int fr_test_relay_teardown(void **state)
{
	struct fr_test_relay *f = *state;
	struct fr_cause why;

	assert_int_equal(fr_relay_check(f->relay, &why), 0);
	for (size_t i = 0; i < f->viewer_count; i++) {
		fr_test_viewer_close(f->viewers[i]);
		free(f->viewers[i]);
	}
	assert_int_equal(fr_relay_check(f->relay, &why), 0);
	for (size_t i = 0; i < f->publisher_count; i++) {
		fr_test_publisher_close(f->publishers[i]);
		free(f->publishers[i]);
	}
	assert_int_equal(fr_relay_check(f->relay, &why), 0);
	fr_relay_free(f->relay);
	assert_int_equal(fr_frame_pool_frames(f->pool), 0);
	assert_int_equal(fr_frame_pool_bytes(f->pool), 0);
	assert_int_equal(fr_stat_value(FR_STAT_publishers), 0);
	assert_int_equal(fr_stat_value(FR_STAT_subscribers), 0);
	assert_int_equal(fr_stat_value(FR_STAT_streams), 0);
	fr_frame_pool_free(f->pool);
	free(f);
	return 0;
}

void fr_test_serve(struct fr_test_relay *f)
{
	fr_relay_serve(f->relay, f->now_us);
}

void fr_test_pass(struct fr_test_relay *f, int64_t us)
{
	const int64_t until_us = f->now_us + us;
	int64_t due_us;

	fr_test_serve(f);
	while ((due_us = fr_relay_next_tick(f->relay)) <= until_us) {
		f->now_us = due_us > f->now_us ? due_us : f->now_us;
		assert_true(fr_relay_tick(f->relay, f->now_us) > f->now_us);
		fr_test_serve(f);
	}
	f->now_us = until_us;
}

struct fr_addr fr_test_addr(const char *text)
{
	struct fr_network network;
	struct fr_cause why;

	assert_int_equal(fr_network_parse(text, &network, &why), 0);
	return network.addr;
}

/* Reads "a,b" into names; "-" is none. */
static struct fr_access_names names_of(const char *text)
{
	struct fr_access_names names = {0};
	char *copy = fr_xstrdup(text), *save = NULL;

	names.names = fr_xcalloc(strlen(text), sizeof(*names.names));
	for (char *word = strtok_r(copy, ",", &save); word != NULL && strcmp(text, "-") != 0;
	     word = strtok_r(NULL, ",", &save))
		names.names[names.count++] = fr_xstrdup(word);
	free(copy);
	return names;
}

void fr_test_access(struct fr_test_relay *f, const char *const *rows, size_t count)
{
	struct fr_access_row *access = fr_xcalloc(count + 1, sizeof(*access));
	struct fr_cause why;

	for (size_t i = 0; i < count; i++) {
		char *copy = fr_xstrdup(rows[i]), *save = NULL;

		access[i].from = fr_xcalloc(1, sizeof(*access[i].from));
		access[i].from_count = 1;
		assert_int_equal(
		    fr_network_parse(strtok_r(copy, "|", &save), access[i].from, &why), 0);
		access[i].publish = names_of(strtok_r(NULL, "|", &save));
		access[i].subscribe = names_of(strtok_r(NULL, "|", &save));
		free(copy);
	}
	fr_relay_set_access(f->relay, fr_access_new(access, count), f->now_us);
}

void fr_test_streams(struct fr_test_relay *f, const char *const *names, size_t count)
{
	struct fr_stream_config *rows = fr_xcalloc(count + 1, sizeof(*rows));

	for (size_t i = 0; i < count; i++) {
		memcpy(rows[i].name, names[i], strlen(names[i]) + 1);
		rows[i].title = fr_xstrdup("");
		rows[i].stale_after_ms = -1;
	}
	fr_relay_set_streams(f->relay, rows, count, f->now_us);
}

bool fr_test_has_stream(const struct fr_test_relay *f, const char *name)
{
	struct fr_stream_info info;

	return fr_relay_stream(f->relay, name, f->now_us, &info);
}

struct fr_stream_info fr_test_stream(const struct fr_test_relay *f, const char *name)
{
	struct fr_stream_info info;

	assert_true(fr_relay_stream(f->relay, name, f->now_us, &info));
	return info;
}

/* Publishers */

static void after_publisher(struct fr_test_publisher *p)
{
	if (p->then != NULL)
		p->then(p->then_arg);
}

static void on_demand(void *arg, uint32_t subscribers, uint32_t rate_milli)
{
	struct fr_test_publisher *p = arg;

	p->demands++;
	p->subscribers = subscribers;
	p->rate_milli = rate_milli;
	after_publisher(p);
}

static void on_ping(void *arg)
{
	struct fr_test_publisher *p = arg;

	p->pings++;
	after_publisher(p);
}

static void on_decided(void *arg, const struct fr_refusal *refusal)
{
	struct fr_test_publisher *p = arg;

	p->decided++;
	p->admitted = refusal == NULL;
	if (refusal != NULL)
		p->refusal = *refusal;
	after_publisher(p);
}

static void on_verified(void *arg, const struct fr_refusal *refusal)
{
	struct fr_test_publisher *p = arg;

	p->verified++;
	p->is_good = refusal == NULL;
	if (refusal != NULL)
		p->refusal = *refusal;
	after_publisher(p);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	struct fr_test_publisher *p = arg;

	p->closed++;
	p->refusal = *refusal;
	after_publisher(p);
}

static const struct fr_ingest_ops ingest_ops = {
    .on_demand = on_demand,
    .on_ping = on_ping,
    .on_decided = on_decided,
    .on_verified = on_verified,
    .on_closed = on_closed,
};

static const struct fr_ingest_ops deaf_ops = {.on_closed = on_closed};

struct fr_test_publisher *fr_test_publisher(struct fr_test_relay *f, const char *stream)
{
	struct fr_test_publisher *p = fr_xcalloc(1, sizeof(*p));

	assert_true(f->publisher_count < FR_TEST_PEOPLE_MAX);
	f->publishers[f->publisher_count++] = p;
	p->f = f;
	p->spec.door = "test";
	p->spec.who.addr = fr_test_addr("192.168.0.1");
	p->spec.verify = FR_VERIFY_NONE;
	memcpy(p->spec.stream, stream, strlen(stream) + 1);
	return p;
}

int fr_test_publisher_open(struct fr_test_publisher *p)
{
	return fr_relay_publish(p->f->relay, &p->spec, p->is_deaf ? &deaf_ops : &ingest_ops, p,
	    p->f->now_us, &p->ingest, &p->refusal);
}

struct fr_test_publisher *fr_test_publishing(struct fr_test_relay *f, const char *stream)
{
	struct fr_test_publisher *p = fr_test_publisher(f, stream);

	assert_int_equal(fr_test_publisher_open(p), 0);
	return p;
}

void fr_test_publisher_close(struct fr_test_publisher *p)
{
	fr_ingest_free(p->ingest, p->f->now_us);
	p->ingest = NULL;
}

int fr_test_send(struct fr_test_publisher *p, const void *bytes, size_t size)
{
	struct fr_frame *frame = fr_frame_begin(p->f->pool, size + 1);

	assert_non_null(frame);
	memcpy(fr_frame_room(frame), bytes, size);
	fr_ingest_received(p->ingest, size);
	fr_ingest_alive(p->ingest, p->f->now_us);
	fr_ingest_begin(p->ingest);
	return fr_ingest_frame(p->ingest, frame, size, p->sequence, p->captured_us, p->f->now_us,
	    p->f->real_us, &p->refusal);
}

void fr_test_picture(struct fr_test_publisher *p, uint8_t tag)
{
	uint8_t bytes[PICTURE_BYTES] = {0xff, 0xd8, tag};

	assert_int_equal(fr_test_send(p, bytes, sizeof(bytes)), 0);
}

/* Viewers */

int fr_test_take(struct fr_test_viewer *v)
{
	struct fr_frame *frame = fr_subscriber_next(v->sub, v->f->now_us);
	const uint8_t *bytes;
	unsigned i = v->got_count;

	if (frame == NULL)
		return -1;
	assert_true(i < FR_TEST_GOT_MAX);
	bytes = fr_frame_bytes(frame);
	v->got[i].sequence = fr_frame_info(frame)->sequence;
	v->got[i].tag = fr_frame_info(frame)->type == FR_FRAME_MESSAGE ? 256 + bytes[0] : bytes[2];
	v->got[i].at_us = v->f->now_us;
	v->got_count++;
	fr_frame_unref(frame);
	fr_subscriber_sent(v->sub);
	return v->got[i].tag;
}

static void on_viewer_ready(void *arg)
{
	struct fr_test_viewer *v = arg;

	v->readies++;
	while (v->reads && fr_test_take(v) >= 0)
		;
	if (v->then != NULL)
		v->then(v->then_arg);
}

static void on_viewer_closed(void *arg, const struct fr_refusal *refusal)
{
	struct fr_test_viewer *v = arg;

	v->closed++;
	v->refusal = *refusal;
	if (v->then != NULL)
		v->then(v->then_arg);
}

static const struct fr_subscriber_ops subscriber_ops = {
    .on_ready = on_viewer_ready,
    .on_closed = on_viewer_closed,
};

struct fr_test_viewer *fr_test_viewer(struct fr_test_relay *f, const char *stream)
{
	struct fr_test_viewer *v = fr_xcalloc(1, sizeof(*v));

	assert_true(f->viewer_count < FR_TEST_PEOPLE_MAX);
	f->viewers[f->viewer_count++] = v;
	v->f = f;
	v->reads = true;
	v->spec.door = "test";
	v->spec.who.addr = fr_test_addr("192.168.0.2");
	v->spec.queue_frames = 64;
	v->spec.queue_age_ms = -1;
	memcpy(v->spec.stream, stream, strlen(stream) + 1);
	return v;
}

int fr_test_viewer_open(struct fr_test_viewer *v)
{
	return fr_relay_subscribe(
	    v->f->relay, &v->spec, &subscriber_ops, v, v->f->now_us, &v->sub, &v->refusal);
}

struct fr_test_viewer *fr_test_viewing(struct fr_test_relay *f, const char *stream)
{
	struct fr_test_viewer *v = fr_test_viewer(f, stream);

	assert_int_equal(fr_test_viewer_open(v), 0);
	return v;
}

void fr_test_viewer_close(struct fr_test_viewer *v)
{
	fr_subscriber_free(v->sub, v->f->now_us);
	v->sub = NULL;
}

void fr_test_got_tags(
    struct fr_test_viewer *v, const int *tags, size_t count, const char *file, int line)
{
	_assert_int_equal(v->got_count, count, file, line);
	for (size_t i = 0; i < count; i++)
		_assert_int_equal((unsigned)v->got[i].tag, (unsigned)tags[i], file, line);
	v->got_count = 0;
}

void fr_test_got_nothing(struct fr_test_viewer *v)
{
	assert_int_equal(v->got_count, 0);
}
