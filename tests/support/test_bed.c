/* SPDX-License-Identifier: MIT */
#include "tests/support/test_bed.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/stats.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/net/admission.h"
#include "common/net/loop.h"
#include "daemon/doors/doors.h"
#include "daemon/service.h"
#include "daemon/sinks/sinks.h"
#include "daemon/sources/sources.h"
#include "tests/support/loop_runner.h"

/* --- Sides ------------------------------------------------------------------------------------ */

static void on_signal(void *arg)
{
	(void)arg;
}

static void side_init(struct fr_bed *f, struct fr_side *side)
{
	static const struct fr_service_ops ops = {.on_stop = on_signal, .on_reload = on_signal};

	side->f = f;
	side->relay = fr_relay_new(&f->limits, f->pool);
	assert_int_equal(
	    fr_service_new(f->loop, side->relay, &f->limits, &ops, NULL, &side->service, NULL), 0);
}

static void keep(struct fr_side *side, const struct fr_frame *frame)
{
	side->last_size = fr_frame_size(frame);
	side->last = fr_xreallocarray(side->last, side->last_size + 1, 1);
	memcpy(side->last, fr_frame_bytes(frame), side->last_size);
	side->last[side->last_size] = '\0';
}

static void on_ready(void *arg)
{
	struct fr_side *side = arg;
	struct fr_frame *frame;

	while ((frame = fr_subscriber_next(side->sub, fr_clock_now_us())) != NULL) {
		const struct fr_frame_info *info = fr_frame_info(frame);

		keep(side, frame);
		if (info->type == FR_FRAME_MESSAGE) {
			side->messages++;
		} else {
			side->pictures++;
			side->sequence = info->sequence;
			side->captured_us = info->captured_us;
		}
		fr_frame_unref(frame);
		fr_subscriber_sent(side->sub);
	}
}

static void on_sub_closed(void *arg, const struct fr_refusal *refusal)
{
	(void)arg;
	fail_msg("the viewer was sent away: %s", refusal->why.text);
}

void fr_side_watch(struct fr_side *side)
{
	static const struct fr_subscriber_ops ops = {on_ready, on_sub_closed};
	const struct fr_subscribe_spec spec = {.door = "test",
	    .who = {.ours = true},
	    .stream = "cam",
	    .queue_frames = 64,
	    .queue_age_ms = 0,
	    .messages = true};
	struct fr_refusal refusal;

	assert_int_equal(fr_relay_subscribe(side->relay, &spec, &ops, side, fr_clock_now_us(),
	                     &side->sub, &refusal),
	    0);
}

void fr_side_unwatch(struct fr_side *side)
{
	fr_subscriber_free(side->sub, fr_clock_now_us());
	side->sub = NULL;
}

static void on_demand(void *arg, uint32_t subscribers, uint32_t rate_milli)
{
	struct fr_side *side = arg;

	side->demands++;
	side->subscribers = subscribers;
	side->rate_milli = rate_milli;
}

static void on_ingest_closed(void *arg, const struct fr_refusal *refusal)
{
	(void)arg;
	fail_msg("the publisher was sent away: %s", refusal->why.text);
}

void fr_side_publish(struct fr_side *side)
{
	static const struct fr_ingest_ops ops = {
	    .on_demand = on_demand, .on_closed = on_ingest_closed};
	const struct fr_publish_spec spec = {
	    .door = "test", .who = {.ours = true}, .stream = "cam", .on_demand = true};
	struct fr_refusal refusal;

	assert_int_equal(fr_relay_publish(side->relay, &spec, &ops, side, fr_clock_now_us(),
	                     &side->ingest, &refusal),
	    0);
}

void fr_side_unpublish(struct fr_side *side)
{
	fr_ingest_free(side->ingest, fr_clock_now_us());
	side->ingest = NULL;
}

void fr_side_send(struct fr_side *side, const struct fr_test_jpeg *picture)
{
	struct fr_frame *frame = fr_frame_begin(side->f->pool, picture->size);
	struct fr_refusal refusal;

	assert_non_null(frame);
	memcpy(fr_frame_room(frame), picture->bytes, picture->size);
	fr_ingest_received(side->ingest, picture->size);
	fr_ingest_begin(side->ingest);
	assert_int_equal(fr_ingest_frame(side->ingest, frame, picture->size, 0, 0,
	                     fr_clock_now_us(), fr_clock_real_us(), &refusal),
	    0);
}

void fr_side_tell(struct fr_side *side, const char *json)
{
	static const struct fr_who who = {.ours = true};
	struct fr_refusal refusal;

	assert_int_equal(fr_relay_message(side->relay, "cam", &who, "test", (const uint8_t *)json,
	                     strlen(json), fr_clock_now_us(), fr_clock_real_us(), &refusal),
	    0);
}

static enum fr_stream_state state_of(struct fr_side *side)
{
	struct fr_stream_info info;

	return fr_relay_stream(side->relay, "cam", fr_clock_now_us(), &info) ? info.state
	                                                                     : FR_STREAM_OFFLINE;
}

static bool has_publisher(struct fr_side *side)
{
	struct fr_stream_info info;

	return fr_relay_stream(side->relay, "cam", fr_clock_now_us(), &info) && info.has_publisher;
}

bool fr_side_has_pictures(void *arg)
{
	return ((struct fr_side *)arg)->pictures >= ((struct fr_side *)arg)->wanted;
}

bool fr_side_has_messages(void *arg)
{
	return ((struct fr_side *)arg)->messages >= ((struct fr_side *)arg)->wanted;
}

bool fr_side_is_watched(void *arg)
{
	return ((struct fr_side *)arg)->subscribers != 0;
}

bool fr_side_is_not_watched(void *arg)
{
	return ((struct fr_side *)arg)->subscribers == 0;
}

bool fr_side_is_live(void *arg)
{
	return state_of(arg) == FR_STREAM_LIVE;
}

bool fr_side_is_asleep(void *arg)
{
	return state_of(arg) == FR_STREAM_ASLEEP;
}

bool fr_side_is_offline(void *arg)
{
	return state_of(arg) == FR_STREAM_OFFLINE;
}

bool fr_side_has_publisher(void *arg)
{
	return has_publisher(arg);
}

bool fr_side_has_no_publisher(void *arg)
{
	return !has_publisher(arg);
}

static void side_done(struct fr_side *side)
{
	struct fr_cause why = {""};

	fr_side_unwatch(side);
	fr_side_unpublish(side);
	if (fr_relay_check(side->relay, &why) != 0)
		fail_msg("%s", why.text);
	fr_service_free(side->service);
	free(side->last);
}

/* --- Opening ---------------------------------------------------------------------------------- */

static void on_ended(void *arg, int status, const char *reason)
{
	struct fr_bed *f = arg;

	f->ended++;
	f->status = status;
	(void)snprintf(f->reason, sizeof(f->reason), "%s", reason);
}

bool fr_bed_has_ended(void *arg)
{
	return ((struct fr_bed *)arg)->ended != 0;
}

static void set(struct fr_options *options, const char *name, const char *value)
{
	const struct fr_option_spec *spec = fr_options_specs(options);
	struct fr_cause why;

	while (spec->name != NULL && strcmp(spec->name, name) != 0)
		spec++;
	if ((spec->type == FR_OPTION_LIST || spec->type == FR_OPTION_PAIRS
	            ? fr_options_set_list(options, name, &value, 1, &why)
	            : fr_options_set(options, name, FR_VALUE_WORD, value, &why)) < 0)
		fail_msg("%s", why.text);
}

static void set_all(struct fr_bed *f, const struct fr_option_spec *specs, va_list ap)
{
	const char *text;

	fr_options_free(f->options);
	f->options = fr_options_new(specs);
	set(f->options, "stream", "cam");
	while ((text = va_arg(ap, const char *)) != NULL) {
		char name[32];

		(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(text, "="), text);
		set(f->options, name, strchr(text, '=') + 1);
	}
}

static int open_source(struct fr_bed *f, const char *kind, va_list ap, struct fr_cause *why)
{
	const struct fr_source_env env = {f->loop, f->near.relay, &f->limits, on_ended, f};
	const struct fr_source_ops *ops = fr_source_find(kind);

	assert_non_null(ops);
	set_all(f, ops->options, ap);
	return ops->open(&env, f->options, &f->source, why);
}

void fr_bed_open_source(struct fr_bed *f, const char *kind, ...)
{
	struct fr_cause why = {""};
	va_list ap;

	va_start(ap, kind);
	if (open_source(f, kind, ap, &why) < 0)
		fail_msg("%s", why.text);
	va_end(ap);
	assert_ptr_equal(f->source->ops, fr_source_find(kind));
}

static void expect_sentence(const struct fr_cause *why, const char *sentence)
{
	if (strstr(why->text, sentence) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", sentence, why->text);
}

void fr_bed_refuse_source(struct fr_bed *f, const char *kind, const char *sentence, ...)
{
	struct fr_cause why = {""};
	va_list ap;

	va_start(ap, sentence);
	assert_true(open_source(f, kind, ap, &why) < 0);
	va_end(ap);
	expect_sentence(&why, sentence);
	assert_null(f->source);
}

static int open_sink(struct fr_bed *f, const char *kind, va_list ap, struct fr_cause *why)
{
	const struct fr_sink_env env = {f->loop, f->near.relay, &f->limits, on_ended, f};
	const struct fr_sink_ops *ops = fr_sink_find(kind);

	assert_non_null(ops);
	set_all(f, ops->options, ap);
	return ops->open(&env, f->options, &f->sink, why);
}

void fr_bed_open_sink(struct fr_bed *f, const char *kind, ...)
{
	struct fr_cause why = {""};
	va_list ap;

	va_start(ap, kind);
	if (open_sink(f, kind, ap, &why) < 0)
		fail_msg("%s", why.text);
	va_end(ap);
	assert_ptr_equal(f->sink->ops, fr_sink_find(kind));
}

void fr_bed_refuse_sink(struct fr_bed *f, const char *kind, const char *sentence, ...)
{
	struct fr_cause why = {""};
	va_list ap;

	va_start(ap, sentence);
	assert_true(open_sink(f, kind, ap, &why) < 0);
	va_end(ap);
	expect_sentence(&why, sentence);
	assert_null(f->sink);
}

void fr_bed_close_source(struct fr_bed *f)
{
	if (f->source != NULL)
		f->source->ops->close(f->source);
	f->source = NULL;
}

void fr_bed_close_sink(struct fr_bed *f)
{
	if (f->sink != NULL)
		f->sink->ops->close(f->sink);
	f->sink = NULL;
}

void fr_bed_open_door(struct fr_bed *f)
{
	const struct fr_door_env env = {.loop = f->loop,
	    .relay = f->far.relay,
	    .admission = f->admission,
	    .limits = &f->limits};
	struct fr_cause why = {""};
	struct fr_text lines = {0};
	char listen[40];

	(void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", (unsigned)f->port);
	set(f->door_options, "listen", listen);
	if (fr_door_find("frames")->open(&env, f->door_options, &f->door, &why) < 0)
		fail_msg("%s", why.text);
	f->door->ops = fr_door_find("frames");
	f->door->ops->announce(f->door, &lines);
	f->port = (uint16_t)strtoul(strstr(lines.text, "127.0.0.1:") + 10, NULL, 10);
	fr_text_done(&lines);
}

void fr_bed_close_door(struct fr_bed *f)
{
	if (f->door != NULL)
		f->door->ops->close(f->door);
	f->door = NULL;
}

/* --- Files ------------------------------------------------------------------------------------ */

const char *fr_bed_path(struct fr_bed *f, const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "%s/%s", f->folder, name);
	return path;
}

void fr_bed_write(struct fr_bed *f, const char *name, const void *bytes, size_t size)
{
	FILE *file = fopen(fr_bed_path(f, name), "we");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

uint8_t *fr_bed_read(struct fr_bed *f, const char *name, size_t *ret_size)
{
	FILE *file = fopen(fr_bed_path(f, name), "re");
	struct stat st;
	uint8_t *bytes;

	if (file == NULL)
		return NULL;
	assert_int_equal(fstat(fileno(file), &st), 0);
	bytes = fr_xcalloc(1, (size_t)st.st_size + 1);
	*ret_size = fread(bytes, 1, (size_t)st.st_size, file);
	(void)fclose(file);
	return bytes;
}

unsigned fr_bed_count(struct fr_bed *f, const char *name)
{
	DIR *dir = opendir(fr_bed_path(f, name));
	unsigned count = 0;

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count - 2; /* "." and ".." */
}

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *ftw)
{
	(void)st;
	(void)what;
	(void)ftw;
	return remove(path);
}

/* --- Life ------------------------------------------------------------------------------------- */

int fr_bed_setup(void **state)
{
	struct fr_bed *f = fr_xcalloc(1, sizeof(*f));

	fr_stats_reset();
	fr_log_setup(FR_LOG_ERROR, FR_LOG_TEXT);
	f->limits = fr_limits_default();
	f->limits.demand_linger_ms = 50;
	f->limits.subscriber_stall_ms = 300;
	f->limits.linger_close_ms = 200;
	f->limits.publisher_frame_rate = 0;
	f->loop = fr_test_loop();
	f->pool = fr_frame_pool_new(0);
	side_init(f, &f->near);
	side_init(f, &f->far);
	f->admission = fr_admission_new(&f->limits);
	f->door_options = fr_options_new(fr_door_find("frames")->options);
	f->picture = fr_test_jpeg(64, 48, 80, 1);
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/framerelayd-test-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	*state = f;
	return 0;
}

int fr_bed_teardown(void **state)
{
	struct fr_bed *f = *state;

	fr_bed_close_source(f);
	fr_bed_close_sink(f);
	fr_bed_close_door(f);
	side_done(&f->near);
	side_done(&f->far);
	fr_loop_free(f->loop);
	fr_relay_free(f->near.relay);
	fr_relay_free(f->far.relay);
	fr_admission_free(f->admission);
	assert_int_equal(fr_frame_pool_frames(f->pool), 0);
	fr_frame_pool_free(f->pool);
	fr_options_free(f->options);
	fr_options_free(f->door_options);
	fr_test_jpeg_done(&f->picture);
	(void)nftw(f->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}
