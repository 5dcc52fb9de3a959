/* SPDX-License-Identifier: MIT */
/* Renditions: one for all who ask the same, while somebody asks. The maker is the test: it makes what it likes, when it likes. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "common/media/frame.h"
#include "common/media/jpeg_transform.h"
#include "tests/support/jpeg.h"
#include "tests/support/relay_fixture.h"

enum {
	JOBS_MAX = 64,
	SLOTS = 2,
};

struct maker {
	struct fr_test_relay *f;
	struct fr_test_publisher *p;
	unsigned count, done;
	struct fr_render_job *jobs[JOBS_MAX];
};

/* The rendition's picture is told by the same tag, plus 100. */
static void make(struct maker *m)
{
	struct fr_render_job *job;
	struct fr_transformed made = {.width = 32, .height = 24, .way = FR_TRANSFORM_DECODED};

	assert_true(m->done < m->count);
	job = m->jobs[m->done++];
	made.size = fr_frame_size(fr_render_job_frame(job));
	made.frame = fr_frame_begin(m->f->pool, made.size);
	memcpy(fr_frame_room(made.frame), fr_frame_bytes(fr_render_job_frame(job)), made.size);
	fr_frame_room(made.frame)[2] += 100;
	fr_render_job_done(job, &made, FR_REASON_COUNT, NULL, m->f->now_us);
	fr_test_serve(m->f);
}

static void break_one(struct maker *m)
{
	const struct fr_cause why = {"it is a bomb"};

	assert_true(m->done < m->count);
	fr_render_job_done(m->jobs[m->done++], NULL, FR_REASON_too_many_pixels, &why, m->f->now_us);
	fr_test_serve(m->f);
}

static void on_submit(void *arg, struct fr_render_job *job)
{
	struct maker *m = arg;

	assert_true(m->count < JOBS_MAX);
	m->jobs[m->count++] = job;
}

static int setup(void **state)
{
	struct maker *m = calloc(1, sizeof(*m));
	void *f;

	(void)fr_test_relay_setup(&f);
	m->f = f;
	fr_relay_set_maker(m->f->relay, on_submit, SLOTS, m);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct maker *m = *state;
	void *f = m->f;
	struct fr_cause why;

	assert_int_equal(fr_relay_check(m->f->relay, &why), 0);
	for (size_t i = 0; i < m->f->viewer_count; i++)
		fr_test_viewer_close(m->f->viewers[i]);
	while (m->done < m->count)
		make(m);
	assert_int_equal(fr_stat_value(FR_STAT_renditions), 0);
	free(m);
	return fr_test_relay_teardown(&f);
}

static struct fr_test_viewer *asks(struct maker *m, uint16_t width)
{
	struct fr_test_viewer *v = fr_test_viewer(m->f, "cam");

	v->spec.rendition.width = width;
	return v;
}

static struct fr_test_viewer *views(struct maker *m, uint16_t width)
{
	struct fr_test_viewer *v = asks(m, width);

	assert_int_equal(fr_test_viewer_open(v), 0);
	fr_test_serve(m->f);
	return v;
}

static void publish(struct maker *m, uint8_t tag)
{
	if (m->p == NULL)
		m->p = fr_test_publishing(m->f, "cam");
	m->f->now_us += 1000;
	fr_test_picture(m->p, tag);
	fr_test_serve(m->f);
}

static void count_one(void *arg, const struct fr_rendition_info *info)
{
	struct fr_rendition_info *to = arg;

	to->subscribers += info->subscribers;
	to->made += info->made;
	to->failed += info->failed;
	to->skipped += info->skipped;
	to->width = info->width;
	to->fps_milli++; /* how many there are */
}

static struct fr_rendition_info infos(struct maker *m)
{
	struct fr_rendition_info info = {0};

	fr_relay_renditions(m->f->relay, "cam", count_one, &info);
	return info;
}

static void all_who_ask_the_same_get_one(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *a = views(m, 32), *b = views(m, 32), *c = views(m, 16);
	struct fr_test_viewer *full = fr_test_viewing(m->f, "cam");

	publish(m, 1);
	assert_int_equal(m->count, 2);
	fr_test_got(full, 1);
	fr_test_got_nothing(a);
	make(m);
	make(m);
	fr_test_got(a, 101);
	fr_test_got(b, 101);
	fr_test_got(c, 101);
	assert_int_equal(infos(m).subscribers, 3);
	assert_int_equal(infos(m).fps_milli, 2);
	assert_int_equal(infos(m).made, 2);
	assert_int_equal(infos(m).width, 32);
	assert_int_equal(fr_stat_value(FR_STAT_renditions), 2);
}

static void what_means_the_same_is_the_same(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *a = fr_test_viewer(m->f, "cam"), *b = fr_test_viewer(m->f, "cam");
	struct fr_test_viewer *none = fr_test_viewer(m->f, "cam");

	a->spec.rendition.rotate = 180;
	b->spec.rendition.hflip = b->spec.rendition.vflip = true;
	none->spec.rendition = b->spec.rendition;
	none->spec.rendition.rotate = 180;
	assert_int_equal(fr_test_viewer_open(a), 0);
	assert_int_equal(fr_test_viewer_open(b), 0);
	assert_int_equal(fr_test_viewer_open(none), 0);
	assert_int_equal(infos(m).fps_milli, 1);
	publish(m, 1);
	fr_test_got(none, 1);
	make(m);
	fr_test_got(a, 101);
	fr_test_got(b, 101);
}

static void numbers_and_times_are_those_of_the_picture(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *full = fr_test_viewing(m->f, "cam"), *a = views(m, 32);

	publish(m, 1);
	m->f->now_us += 500000;
	make(m);
	assert_int_equal(a->got_count, 1);
	assert_int_equal(a->got[0].sequence, full->got[0].sequence);
}

static void who_comes_later_gets_the_newest_at_once(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *a, *b;

	publish(m, 1);
	a = views(m, 32);
	assert_int_equal(m->count, 1); /* of the picture that was there */
	make(m);
	fr_test_got(a, 101);
	b = views(m, 32);
	fr_test_got(b, 101);
	assert_int_equal(m->count, 1);
	publish(m, 2);
	fr_test_got_nothing(views(m, 32)); /* it is not the newest any more */
	make(m);
	fr_test_got(a, 102);
}

static void who_wants_the_next_one_waits_for_it(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *a;

	publish(m, 1);
	a = asks(m, 32);
	a->spec.only_next = true;
	assert_int_equal(fr_test_viewer_open(a), 0);
	fr_test_serve(m->f);
	make(m);
	fr_test_got_nothing(a);
	publish(m, 2);
	make(m);
	fr_test_got(a, 102);
}

static void what_is_too_fast_is_skipped_and_counted(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *a = views(m, 32), *full = fr_test_viewing(m->f, "cam");

	for (uint8_t i = 1; i <= 10; i++)
		publish(m, i);
	assert_int_equal(m->count, 1);
	make(m);
	assert_int_equal(m->count, 2);
	make(m);
	fr_test_got(a, 101, 110);
	fr_test_got(full, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
	assert_int_equal(infos(m).skipped, 8);
}

static void who_waits_for_a_slot_has_the_newest_when_its_turn_comes(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *a = views(m, 1), *b = views(m, 2), *c = views(m, 3);

	publish(m, 1);
	assert_int_equal(m->count, SLOTS);
	publish(m, 2);
	assert_int_equal(m->count, SLOTS);
	make(m);
	make(m);
	make(m);
	fr_test_got(c, 102);
	while (m->done < m->count)
		make(m);
	fr_test_got(a, 101, 102);
	fr_test_got(b, 101, 102);
}

static void grey_alone_waits_for_nobody_and_nobody_for_it(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *a = views(m, 1), *b = views(m, 2), *c = views(m, 3),
	                      *grey = asks(m, 0);
	unsigned prompt = 0;

	grey->spec.rendition.gray = true;
	assert_int_equal(fr_test_viewer_open(grey), 0);
	publish(m, 1);
	assert_int_equal(m->count, SLOTS + 1);
	for (unsigned i = 0; i < m->count; i++)
		prompt += fr_render_job_is_prompt(m->jobs[i]);
	assert_int_equal(prompt, 1);
	while (m->done < m->count)
		make(m);
	fr_test_got(grey, 101);
	fr_test_got(a, 101);
	fr_test_got(b, 101);
	fr_test_got(c, 101);

	/* While it is made, the newest waits as everywhere; without a maker nothing begins. */
	publish(m, 2);
	publish(m, 3);
	fr_relay_set_maker(m->f->relay, NULL, 0, NULL);
	while (m->done < m->count)
		make(m);
	fr_test_got(grey, 102);
}

static void demand_goes_through_with_the_highest_rate(void **state)
{
	struct maker *m = *state;
	struct fr_test_publisher *p = fr_test_publishing(m->f, "cam");
	struct fr_test_viewer *a = asks(m, 32), *b = asks(m, 32), *c;

	fr_test_serve(m->f);
	assert_int_equal(p->subscribers, 0);
	a->spec.max_fps_milli = 2000;
	b->spec.max_fps_milli = 5000;
	assert_int_equal(fr_test_viewer_open(a), 0);
	fr_test_serve(m->f);
	assert_int_equal(p->subscribers, 1);
	assert_int_equal(p->rate_milli, 2000);
	assert_int_equal(fr_test_viewer_open(b), 0);
	fr_test_serve(m->f);
	assert_int_equal(p->rate_milli, 5000);
	c = views(m, 32);
	assert_int_equal(p->rate_milli, 0);
	fr_test_viewer_close(c);
	fr_test_viewer_close(b);
	fr_test_serve(m->f);
	assert_int_equal(p->rate_milli, 2000);
	fr_test_viewer_close(a);
	fr_test_serve(m->f);
	assert_int_equal(p->subscribers, 0);
	assert_int_equal(infos(m).fps_milli, 0);
}

static void a_higher_rate_frees_what_is_held_back(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *a = asks(m, 32), *b;

	a->spec.max_fps_milli = 1000;
	assert_int_equal(fr_test_viewer_open(a), 0);
	publish(m, 1);
	make(m);
	publish(m, 2);
	assert_int_equal(m->count, 1);
	b = views(m, 32);
	assert_int_equal(m->count, 2);
	make(m);
	fr_test_got(b, 102);
	fr_test_got(a, 101);
}

static void it_ends_with_its_last_subscriber_even_while_it_is_made(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *a = views(m, 32);

	publish(m, 1);
	assert_int_equal(m->count, 1);
	fr_test_viewer_close(a);
	assert_int_equal(infos(m).fps_milli, 0);
	make(m); /* nobody's */
	a = views(m, 32);
	assert_int_equal(m->count, 2);
	make(m);
	fr_test_got(a, 101);
}

static void a_stream_that_only_renditions_know_ends_with_them(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *a = views(m, 32);

	assert_true(fr_test_has_stream(m->f, "cam"));
	fr_test_viewer_close(a);
	assert_false(fr_test_has_stream(m->f, "cam"));
}

static void a_first_picture_that_cannot_be_made_ends_it_with_words(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *a = views(m, 32), *b = views(m, 32);

	publish(m, 1);
	break_one(m);
	assert_int_equal(a->closed, 1);
	assert_int_equal(b->closed, 1);
	assert_int_equal(a->refusal.code, 415);
	assert_int_equal(a->refusal.reason, FR_REASON_too_many_pixels);
	assert_non_null(strstr(a->refusal.why.text, "it is a bomb"));
	assert_int_equal(infos(m).fps_milli, 0);
	assert_int_equal(fr_stat_rejected_count("rendition", FR_REASON_too_many_pixels), 1);
}

static void a_later_one_is_counted_and_left_out(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *a = views(m, 32);

	publish(m, 1);
	make(m);
	publish(m, 2);
	break_one(m);
	publish(m, 3);
	make(m);
	fr_test_got(a, 101, 103);
	assert_int_equal(infos(m).failed, 1);
	assert_int_equal(a->closed, 0);
}

static void there_are_no_more_than_the_limit_says(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *c;

	m->f->limits.max_renditions = 2;
	(void)views(m, 1);
	(void)views(m, 2);
	(void)views(m, 2);
	c = asks(m, 3);
	assert_int_equal(fr_test_viewer_open(c), -ENOSPC);
	assert_int_equal(c->refusal.code, 503);
	assert_int_equal(c->refusal.reason, FR_REASON_rendition_limit);
	m->f->limits.max_renditions = 0;
	assert_int_equal(fr_test_viewer_open(c), 0);
}

static void a_name_that_was_made_known_for_a_refused_one_is_forgotten(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *v = fr_test_viewer(m->f, "other");

	v->spec.rendition.gray = true;
	fr_relay_set_maker(m->f->relay, NULL, 0, NULL);
	assert_int_equal(fr_test_viewer_open(v), -ENOSPC);
	assert_int_equal(v->refusal.code, 400);
	assert_false(fr_test_has_stream(m->f, "other"));
}

static void rights_are_those_of_the_stream(void **state)
{
	static const char *const all[] = {"192.168.0.0/16|*|cam"};
	static const char *const nobody[] = {"192.168.0.0/16|*|-"};
	struct maker *m = *state;
	struct fr_test_viewer *a, *b, *late;

	fr_test_access(m->f, all, 1);
	a = views(m, 32);
	b = views(m, 16);
	publish(m, 1);
	fr_test_access(m->f, nobody, 1);
	fr_test_serve(m->f);
	assert_int_equal(a->closed, 1);
	assert_int_equal(b->closed, 1);
	assert_int_equal(a->refusal.code, 403);
	late = asks(m, 32);
	assert_int_equal(fr_test_viewer_open(late), -EACCES);
	assert_int_equal(infos(m).fps_milli, 0);
}

static void a_publisher_gets_the_place_of_what_only_renditions_know(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *a = views(m, 32), *b = views(m, 32), *c = views(m, 16);
	struct fr_test_viewer *full = fr_test_viewing(m->f, "cam");

	m->f->limits.max_streams = 1;
	(void)fr_test_publishing(m->f, "new");
	fr_test_serve(m->f);
	assert_int_equal(a->closed + b->closed + c->closed + full->closed, 4);
	assert_int_equal(a->refusal.reason, FR_REASON_stream_limit);
	assert_false(fr_test_has_stream(m->f, "cam"));
}

static void messages_come_too(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *a = asks(m, 32);
	const struct fr_who who = {.ours = true};
	struct fr_refusal refusal;

	a->spec.messages = true;
	assert_int_equal(fr_test_viewer_open(a), 0);
	publish(m, 1);
	assert_int_equal(fr_relay_message(m->f->relay, "cam", &who, "test", (const uint8_t *)"[1]",
	                     3, m->f->now_us, m->f->real_us, &refusal),
	    0);
	fr_test_serve(m->f);
	fr_test_got(a, 256 + '[');
}

static void another_publisher_of_the_stream_changes_nothing(void **state)
{
	struct maker *m = *state;
	struct fr_test_viewer *a = views(m, 32);

	publish(m, 1);
	make(m);
	fr_test_publisher_close(m->p);
	m->p = NULL;
	publish(m, 2);
	make(m);
	fr_test_got(a, 101, 102);
}

static void what_is_as_asked_already_is_passed_on(void **state)
{
	struct maker *m = *state;
	struct fr_test_jpeg fitting = fr_test_jpeg(32, 24, 80, 1),
	                    larger = fr_test_jpeg(64, 48, 80, 2);
	struct fr_test_viewer *a = asks(m, 32), *grey = asks(m, 32);

	grey->spec.rendition.gray = true;
	assert_int_equal(fr_test_viewer_open(a), 0);
	assert_int_equal(fr_test_viewer_open(grey), 0);
	m->p = fr_test_publisher(m->f, "cam");
	m->p->spec.verify = FR_VERIFY_HEADER;
	assert_int_equal(fr_test_publisher_open(m->p), 0);
	assert_int_equal(fr_test_send(m->p, fitting.bytes, fitting.size), 0);
	fr_test_serve(m->f);
	fr_test_serve(m->f); /* who became ready meanwhile has its turn next */
	assert_int_equal(a->got_count, 1);
	assert_int_equal(m->count, 1); /* the grey one has to be made */
	assert_int_equal(fr_frame_pool_frames(m->f->pool), 1);
	make(m);
	m->f->now_us += 1000;
	assert_int_equal(fr_test_send(m->p, larger.bytes, larger.size), 0);
	fr_test_serve(m->f);
	assert_int_equal(m->count, 3);
	m->f->now_us += 1000;
	assert_int_equal(fr_test_send(m->p, fitting.bytes, fitting.size), 0);
	fr_test_serve(m->f);
	while (m->done < m->count)
		make(m);
	/* What is passed on does not overtake what was made. */
	assert_int_equal(a->got_count, 3);
	assert_true(a->got[1].sequence < a->got[2].sequence);
	assert_int_equal(infos(m).made, 6);
	fr_test_jpeg_done(&fitting);
	fr_test_jpeg_done(&larger);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(all_who_ask_the_same_get_one),
	    TEST(what_means_the_same_is_the_same),
	    TEST(numbers_and_times_are_those_of_the_picture),
	    TEST(who_comes_later_gets_the_newest_at_once),
	    TEST(who_wants_the_next_one_waits_for_it),
	    TEST(what_is_too_fast_is_skipped_and_counted),
	    TEST(who_waits_for_a_slot_has_the_newest_when_its_turn_comes),
	    TEST(grey_alone_waits_for_nobody_and_nobody_for_it),
	    TEST(demand_goes_through_with_the_highest_rate),
	    TEST(a_higher_rate_frees_what_is_held_back),
	    TEST(it_ends_with_its_last_subscriber_even_while_it_is_made),
	    TEST(a_stream_that_only_renditions_know_ends_with_them),
	    TEST(a_first_picture_that_cannot_be_made_ends_it_with_words),
	    TEST(a_later_one_is_counted_and_left_out),
	    TEST(there_are_no_more_than_the_limit_says),
	    TEST(a_name_that_was_made_known_for_a_refused_one_is_forgotten),
	    TEST(rights_are_those_of_the_stream),
	    TEST(a_publisher_gets_the_place_of_what_only_renditions_know),
	    TEST(messages_come_too),
	    TEST(another_publisher_of_the_stream_changes_nothing),
	    TEST(what_is_as_asked_already_is_passed_on),
	};

	return cmocka_run_group_tests_name("rendition", tests, NULL, NULL);
}
