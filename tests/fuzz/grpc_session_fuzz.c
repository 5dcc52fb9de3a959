/* SPDX-License-Identifier: MIT */
/*
 * The whole HTTP/2 and gRPC side of a peer: the input is what it sends, to a real door with a live stream in it, whose
 * pictures come when all of it has been read. The first byte says how the rest is cut; whatever comes, nobody stays
 * behind and the accounts add up.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/stats.h"
#include "common/media/frame.h"
#include "common/media/jpeg_encode.h"
#include "common/net/admission.h"
#include "common/net/conn.h"
#include "common/net/loop.h"
#include "daemon/doors/doors.h"
#include "daemon/relay/access.h"
#include "daemon/relay/ingest.h"
#include "daemon/relay/relay.h"
#include "daemon/renditions/maker.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	SIZE_MAX_BYTES = 64 * 1024,
	TURNS = 4,
	PICTURES = 2, /* shown to each peer */
	PICTURE_MAX = 4096,
	PATIENCE = 200, /* naps of 50 us, for a thread that makes a rendition */
};

struct world {
	struct fr_limits limits;
	struct fr_loop *loop;
	struct fr_frame_pool *pool;
	struct fr_relay *relay;
	struct fr_maker *maker;
	struct fr_admission *admission;
	struct fr_options *options;
	struct fr_door *door;
	struct fr_ingest *ingest; /* of `cam`; NULL: an input has taken it over */
	uint8_t picture[PICTURE_MAX];
	size_t picture_size;
};

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	struct world *w = arg;

	(void)refusal;
	fr_ingest_free(w->ingest, fr_clock_now_us());
	w->ingest = NULL;
}

/* A picture of `cam` for whoever asks for it now. */
static void show(struct world *w)
{
	static const struct fr_ingest_ops ops = {.on_closed = on_closed};
	const struct fr_publish_spec spec = {
	    .door = "test", .who = {.ours = true}, .stream = "cam"};
	struct fr_frame *frame = fr_frame_begin(w->pool, w->picture_size);
	const int64_t now_us = fr_clock_now_us();
	struct fr_refusal refusal;

	if (frame == NULL)
		return; /* the input has filled the pool */
	if (w->ingest == NULL &&
	    fr_relay_publish(w->relay, &spec, &ops, w, now_us, &w->ingest, &refusal) < 0) {
		fr_frame_unref(frame); /* somebody else publishes */
		return;
	}
	memcpy(fr_frame_room(frame), w->picture, w->picture_size);
	fr_ingest_received(w->ingest, w->picture_size);
	fr_ingest_begin(w->ingest);
	(void)fr_ingest_frame(w->ingest, frame, w->picture_size, 0, 0, now_us, now_us, &refusal);
}

static void encode_picture(struct world *w)
{
	static const uint8_t pixels[16 * 16 * 3];
	const struct fr_image image = {
	    .pixels = FR_PIXELS_RGB, .width = 16, .height = 16, .planes = {pixels}};
	struct fr_jpeg_encoder *encoder = fr_jpeg_encoder_new();
	struct fr_cause why;
	struct fr_frame *frame =
	    fr_jpeg_encode(encoder, w->pool, &image, 50, &w->picture_size, &why);

	assert(frame != NULL && w->picture_size <= sizeof(w->picture));
	memcpy(w->picture, fr_frame_room(frame), w->picture_size);
	fr_frame_unref(frame);
	fr_jpeg_encoder_free(encoder);
}

static void begin(struct world *w)
{
	const struct fr_door_ops *ops = fr_door_find("grpc");
	struct fr_stream_config *row = calloc(1, sizeof(*row));
	struct fr_door_env env;
	struct fr_cause why;
	int r;

	fr_log_setup(FR_LOG_ERROR, FR_LOG_TEXT);
	w->limits = fr_limits_default();
	w->limits.linger_close_ms = 0;
	w->limits.accept_rate = w->limits.accept_rate_per_address = 0;
	w->loop = fr_loop_new(&why);
	w->pool = fr_frame_pool_new(16 << 20);
	w->relay = fr_relay_new(&w->limits, w->pool);
	w->admission = fr_admission_new(&w->limits);
	memcpy(row->name, "cam", 4);
	row->title = strdup("");
	row->stale_after_ms = -1;
	fr_relay_set_streams(w->relay, row, 1, fr_clock_now_us());
	w->options = fr_options_new(ops->options);
	(void)fr_options_set(w->options, "listen", FR_VALUE_WORD, "127.0.0.1:0", &why);
	env = (struct fr_door_env){
	    .loop = w->loop, .relay = w->relay, .admission = w->admission, .limits = &w->limits};
	r = fr_maker_new(w->loop, w->relay, &w->limits, &w->maker, &why);
	if (r < 0 || ops->open(&env, w->options, &w->door, &why) < 0)
		abort();
	w->door->ops = ops;
	encode_picture(w);
}

static void turn(struct world *w)
{
	for (unsigned i = 0; i < TURNS; i++) {
		fr_relay_serve(w->relay, fr_clock_now_us());
		assert(fr_loop_turn(w->loop, false) == 0);
	}
}

/* Shows a picture to everybody, also to those for whom a thread makes another of it. */
static void show_all(struct world *w)
{
	const int64_t before = fr_stat_value(FR_STAT_renditions_made);

	show(w);
	turn(w);
	for (unsigned i = 0; i < PATIENCE && fr_stat_value(FR_STAT_renditions) != 0 &&
	                     fr_stat_value(FR_STAT_renditions_made) == before;
	     i++) {
		(void)usleep(50);
		turn(w);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world w;
	static const struct fr_addr nobody = {.kind = FR_ADDR_UNIX};
	static const struct fr_conn_options options;
	static const struct fr_conn_ops no_ops;
	struct fr_handover handover = {0};
	enum fr_reason reason;
	struct fr_cause why;
	unsigned code;
	size_t step, n;
	uint8_t heard[4096];
	int fds[2];

	if (size < 2 || size > SIZE_MAX_BYTES)
		return 0;
	if (w.loop == NULL)
		begin(&w);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
		return 0;
	if (fr_admission_enter(w.admission, &nobody, fr_clock_now_us(), &handover.ticket, &reason,
	        &code, &why) < 0)
		abort();
	step = (size_t)data[0] * 16 + 1;
	handover.conn = fr_conn_new(w.loop, fds[0], &nobody, &options, &no_ops, NULL);
	handover.bytes = data + 1;
	handover.size = size - 1 < step ? size - 1 : step;
	assert(w.door->ops->adopt(w.door, &handover) == 0);
	for (size_t at = 1 + handover.size; at < size; at += n) {
		n = size - at < step ? size - at : step;
		if (send(fds[1], data + at, n, MSG_NOSIGNAL) < 0)
			break;
		turn(&w);
		while (recv(fds[1], heard, sizeof(heard), 0) > 0)
			;
	}
	for (unsigned i = 0; i < PICTURES; i++)
		show_all(&w);
	(void)close(fds[1]);
	while (fr_stat_value(FR_STAT_connections_open) != 0)
		turn(&w);
	assert(fr_relay_check(w.relay, NULL) == 0);
	return 0;
}
