/* SPDX-License-Identifier: MIT */
/* The same picture once more, which its source leaves out: the stream is live, and nobody gets it twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "tests/support/relay_fixture.h"

static const int64_t ms = 1000;

static enum fr_stream_state state_of(const struct fr_test_relay *f)
{
	return fr_test_stream(f, "cam").state;
}

static void a_picture_that_came_again_keeps_its_stream_live_and_is_sent_to_nobody(void **state)
{
	static const uint8_t bytes[20] = {0xff, 0xd8, 1}, others[20] = {0xff, 0xd8, 2};
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_viewer *v = fr_test_viewer(f, "cam");
	struct fr_stream_info info;

	v->reads = true;
	assert_int_equal(fr_test_viewer_open(v), 0);
	assert_false(fr_ingest_same(p->ingest, bytes, sizeof(bytes), f->now_us));
	fr_ingest_still_same(p->ingest, f->now_us); /* of nothing */
	assert_int_equal(fr_test_send(p, bytes, sizeof(bytes)), 0);
	fr_test_pass(f, 1000 * ms);
	assert_int_equal(fr_test_send(p, bytes, sizeof(bytes)), 0);

	f->limits.frozen_after_ms = 20000;
	for (unsigned i = 0; i < 4; i++) {
		fr_test_pass(f, 4000 * ms);
		assert_true(fr_ingest_same(p->ingest, bytes, sizeof(bytes), f->now_us));
		assert_int_equal(state_of(f), FR_STREAM_LIVE);
	}
	assert_false(fr_ingest_same(p->ingest, others, sizeof(others), f->now_us));
	assert_false(fr_ingest_same(p->ingest, bytes, sizeof(bytes) - 1, f->now_us));
	assert_int_equal(fr_stat_value(FR_STAT_frames_same), 4);
	assert_int_equal(v->got_count, 2);
	assert_int_equal(fr_ingest_counts(p->ingest).published, 2);
	assert_int_equal(fr_ingest_counts(p->ingest).bytes_received, 6 * sizeof(bytes));
	assert_true(fr_relay_stream(f->relay, "cam", f->now_us, &info));
	assert_int_equal(info.newest_us, f->now_us);
	assert_int_equal(info.fps_milli, 1000); /* of what was published */

	/* What never changes is found frozen all the same, and what changes then is news. */
	fr_test_pass(f, 4000 * ms);
	fr_ingest_still_same(p->ingest, f->now_us);
	assert_int_equal(state_of(f), FR_STREAM_STALE);
	assert_int_equal(fr_test_send(p, others, sizeof(others)), 0);
	assert_int_equal(state_of(f), FR_STREAM_LIVE);
}

static void who_was_sent_away_keeps_no_stream_live(void **state)
{
	static const uint8_t bytes[20] = {0xff, 0xd8, 1};
	struct fr_test_relay *f = *state;
	struct fr_test_publisher *p = fr_test_publishing(f, "cam");
	struct fr_test_publisher *q = fr_test_publisher(f, "cam");

	assert_int_equal(fr_test_send(p, bytes, sizeof(bytes)), 0);
	q->spec.takeover = FR_TAKEOVER_REPLACE;
	assert_int_equal(fr_test_publisher_open(q), 0);
	if (p->ingest != NULL) {
		assert_false(fr_ingest_same(p->ingest, bytes, sizeof(bytes), f->now_us));
		fr_ingest_still_same(p->ingest, f->now_us);
	}
	assert_int_equal(fr_stat_value(FR_STAT_frames_same), 0);
}

#define TEST(name)                                                                                 \
	cmocka_unit_test_setup_teardown(name, fr_test_relay_setup, fr_test_relay_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(a_picture_that_came_again_keeps_its_stream_live_and_is_sent_to_nobody),
	    TEST(who_was_sent_away_keeps_no_stream_live),
	};

	return cmocka_run_group_tests_name("same", tests, NULL, NULL);
}
