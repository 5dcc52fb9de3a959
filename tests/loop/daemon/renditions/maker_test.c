/* SPDX-License-Identifier: MIT */
/* Renditions from ingest through the worker threads to their subscribers, and a stop in the middle of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/stats.h"
#include "common/media/frame.h"
#include "common/net/loop.h"
#include "daemon/relay/ingest.h"
#include "daemon/relay/subscriber.h"
#include "daemon/renditions/maker.h"
#include "daemon/verifier.h"
#include "tests/support/jpeg.h"
#include "tests/support/loop_runner.h"

enum {
	VIEWERS = 8,
};

struct viewer {
	struct fixture *f;
	struct fr_subscriber *sub;
	unsigned got, closed, code;
	unsigned width, height;
};

struct fixture {
	struct fr_limits limits;
	struct fr_loop *loop;
	struct fr_frame_pool *pool;
	struct fr_relay *relay;
	struct fr_verifier *verifier;
	struct fr_maker *maker;
	struct fr_ingest *ingest;
	struct viewer viewers[VIEWERS];
	unsigned waited_for; /* pictures, of each viewer */
};

static void on_ready(void *arg)
{
	struct viewer *v = arg;
	struct fr_frame *frame = fr_subscriber_next(v->sub, fr_clock_now_us());

	if (frame == NULL)
		return;
	v->got++;
	v->width = fr_frame_info(frame)->width;
	v->height = fr_frame_info(frame)->height;
	fr_subscriber_sent(v->sub);
	fr_frame_unref(frame);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	struct viewer *v = arg;

	v->closed++;
	v->code = refusal->code;
}

static const struct fr_subscriber_ops viewer_ops = {.on_ready = on_ready, .on_closed = on_closed};

static void no_close(void *arg, const struct fr_refusal *refusal)
{
	(void)arg;
	fail_msg("%s", refusal->why.text);
}

static int setup(void **state)
{
	static const struct fr_ingest_ops ops = {.on_closed = no_close};
	const struct fr_publish_spec spec = {
	    .door = "test", .who = {.ours = true}, .stream = "cam", .verify = FR_VERIFY_HEADER};
	struct fixture *f = calloc(1, sizeof(*f));
	struct fr_refusal refusal;

	fr_stats_reset();
	f->limits = fr_limits_default();
	f->loop = fr_test_loop();
	f->pool = fr_frame_pool_new(0);
	f->relay = fr_relay_new(&f->limits, f->pool);
	assert_int_equal(fr_verifier_new(f->loop, f->relay, &f->limits, &f->verifier, NULL), 0);
	assert_int_equal(fr_maker_new(f->loop, f->relay, &f->limits, &f->maker, NULL), 0);
	assert_int_equal(
	    fr_relay_publish(f->relay, &spec, &ops, f, fr_clock_now_us(), &f->ingest, &refusal), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fr_relay_check(f->relay, NULL), 0);
	for (unsigned i = 0; i < VIEWERS; i++)
		fr_subscriber_free(f->viewers[i].sub, fr_clock_now_us());
	fr_ingest_free(f->ingest, fr_clock_now_us());
	fr_verifier_free(f->verifier);
	fr_maker_free(f->maker);
	fr_loop_free(f->loop);
	fr_relay_free(f->relay);
	assert_int_equal(fr_frame_pool_frames(f->pool), 0);
	fr_frame_pool_free(f->pool);
	free(f);
	return 0;
}

static void view(struct fixture *f, unsigned i, struct fr_rendition rendition)
{
	const struct fr_subscribe_spec spec = {.door = "test",
	    .who = {.ours = true},
	    .stream = "cam",
	    .queue_frames = -1,
	    .queue_age_ms = 0,
	    .rendition = rendition};
	struct fr_refusal refusal;

	assert_int_equal(fr_relay_subscribe(f->relay, &spec, &viewer_ops, &f->viewers[i],
	                     fr_clock_now_us(), &f->viewers[i].sub, &refusal),
	    0);
}

static void publish(struct fixture *f, struct fr_test_jpeg jpeg)
{
	struct fr_frame *frame = fr_frame_begin(f->pool, jpeg.size);
	struct fr_refusal refusal;

	memcpy(fr_frame_room(frame), jpeg.bytes, jpeg.size);
	fr_ingest_received(f->ingest, jpeg.size);
	fr_ingest_begin(f->ingest);
	assert_int_equal(fr_ingest_frame(f->ingest, frame, jpeg.size, 0, 0, fr_clock_now_us(),
	                     fr_clock_real_us(), &refusal),
	    0);
	fr_test_jpeg_done(&jpeg);
	fr_relay_serve(f->relay, fr_clock_now_us());
}

static bool all_have(void *arg)
{
	struct fixture *f = arg;
	bool ret = true;

	fr_relay_serve(f->relay, fr_clock_now_us());
	for (unsigned i = 0; i < VIEWERS; i++)
		ret = ret && (f->viewers[i].sub == NULL || f->viewers[i].closed != 0 ||
		                 f->viewers[i].got >= f->waited_for);
	return ret;
}

static void each_viewer_gets_what_it_asked_for(void **state)
{
	static const struct fr_rendition asked[VIEWERS] = {{.width = 160}, {.height = 60},
	    {.rotate = 90}, {.rotate = 270, .width = 100}, {.gray = true}, {.quality = 30},
	    {.hflip = true}, {.width = 160}};
	static const unsigned sizes[VIEWERS][2] = {{160, 120}, {80, 60}, {240, 320}, {100, 133},
	    {320, 240}, {320, 240}, {320, 240}, {160, 120}};
	struct fixture *f = *state;

	for (unsigned i = 0; i < VIEWERS; i++)
		view(f, i, asked[i]);
	for (f->waited_for = 1; f->waited_for <= 3; f->waited_for++) {
		publish(f, fr_test_jpeg(320, 240, 80, f->waited_for));
		fr_test_until(f->loop, all_have, f);
	}
	for (unsigned i = 0; i < VIEWERS; i++) {
		assert_int_equal(f->viewers[i].width, sizes[i][0]);
		assert_int_equal(f->viewers[i].height, sizes[i][1]);
	}
	assert_int_equal(fr_stat_value(FR_STAT_renditions), VIEWERS - 1);
	assert_int_equal(fr_stat_value(FR_STAT_renditions_made), 3 * (VIEWERS - 1));
	assert_int_equal(fr_stat_value(FR_STAT_renditions_lossless), 3 * 3);
}

static void a_bomb_sends_them_away_with_415(void **state)
{
	struct fixture *f = *state;

	view(f, 0, (struct fr_rendition){.gray = true});
	view(f, 1, (struct fr_rendition){.width = 10});
	f->waited_for = 1;
	publish(f, fr_test_jpeg_claim(65500, 65500, true));
	fr_test_until(f->loop, all_have, f);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(f->viewers[i].got, 0);
		assert_int_equal(f->viewers[i].code, 415);
	}
}

/* What is being made, and what waits, is given back by the teardown. */
static void it_stops_in_the_middle_of_its_work(void **state)
{
	struct fixture *f = *state;

	for (unsigned i = 0; i < VIEWERS; i++)
		view(f, i, (struct fr_rendition){.quality = (uint8_t)(i + 1)});
	publish(f, fr_test_jpeg(1280, 960, 80, 1));
	assert_false(all_have(f) && f->viewers[0].got != 0);
}

static bool is_turned(void *arg)
{
	struct fixture *f = arg;
	struct fr_stream_info info;

	return fr_relay_stream(f->relay, "cam", fr_clock_now_us(), &info) && info.width == 240 &&
	       info.height == 320;
}

static void a_stream_is_turned_for_everybody(void **state)
{
	struct fixture *f = *state;
	struct fr_stream_config *row = calloc(1, sizeof(*row));

	memcpy(row->name, "cam", 4);
	row->title = strdup("");
	row->stale_after_ms = -1;
	row->rotate = 270;
	fr_relay_set_streams(f->relay, row, 1, fr_clock_now_us());
	publish(f, fr_test_jpeg(320, 240, 80, 1));
	fr_test_until(f->loop, is_turned, f);
	assert_int_equal(fr_ingest_counts(f->ingest).published, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(each_viewer_gets_what_it_asked_for, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_bomb_sends_them_away_with_415, setup, teardown),
	    cmocka_unit_test_setup_teardown(it_stops_in_the_middle_of_its_work, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_stream_is_turned_for_everybody, setup, teardown),
	};

	return cmocka_run_group_tests_name("maker", tests, NULL, NULL);
}
