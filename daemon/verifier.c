/* SPDX-License-Identifier: MIT */
#include "daemon/verifier.h"

#include <stdlib.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/media/jpeg_decode.h"
#include "common/media/jpeg_transform.h"
#include "common/media/rendition.h"
#include "common/net/worker.h"
#include "daemon/relay/relay.h"

enum {
	THREADS = 2,
};

struct fr_verifier {
	struct fr_relay *relay;
	const struct fr_limits *limits;
	struct fr_worker *worker;
};

/* One decode, and a turn where the stream has one: values in, a verdict and a picture out. */
struct decode {
	struct fr_job job;
	struct fr_verify_job *subject;
	struct fr_frame *frame;
	size_t size;
	struct fr_jpeg_decode_limits limits;
	struct fr_frame_pool *pool;
	bool ok;
	struct fr_transformed turned; /* its frame is NULL where nothing is to be turned */
	enum fr_reason reason;
	struct fr_cause why;
};

static void run(struct fr_job *job)
{
	struct decode *d = (struct decode *)job;

	const struct fr_rendition turn = {.rotate = (uint16_t)fr_verify_job_rotate(d->subject)};
	const uint8_t *bytes = fr_frame_room(d->frame);

	d->ok = !fr_verify_job_is_strict(d->subject) ||
	        fr_jpeg_decode_check(bytes, d->size, &d->limits, &d->reason, &d->why) == 0;
	if (d->ok && turn.rotate != 0)
		d->ok = fr_jpeg_transform(d->pool, bytes, d->size, &turn, &d->limits, &d->turned,
		            &d->reason, &d->why) == 0;
}

static void done(struct fr_job *job)
{
	struct decode *d = (struct decode *)job;

	fr_frame_unref(d->frame);
	if (d->turned.frame != NULL)
		fr_verify_job_turned(d->subject, &d->turned);
	fr_verify_job_done(
	    d->subject, d->ok, d->reason, &d->why, fr_clock_now_us(), fr_clock_real_us());
	free(d);
}

static void submit(void *arg, struct fr_verify_job *subject)
{
	struct fr_verifier *verifier = arg;
	const struct fr_limits *limits = verifier->limits;
	struct decode *d = fr_xcalloc(1, sizeof(*d));

	d->job.run = run;
	d->job.done = done;
	d->subject = subject;
	d->frame = fr_frame_ref(
	    (struct fr_frame *)fr_verify_job_frame(subject)); /* only the count moves */
	d->size = fr_verify_job_size(subject);
	d->pool = fr_relay_pool(verifier->relay);
	d->limits.pixels = limits->verify_pixels;
	d->limits.scans = limits->verify_scans;
	d->limits.time_us = limits->verify_timeout_ms * 1000;
	fr_worker_submit(verifier->worker, &d->job);
}

int fr_verifier_new(struct fr_loop *loop, struct fr_relay *relay, const struct fr_limits *limits,
    struct fr_verifier **ret, struct fr_cause *why)
{
	struct fr_verifier *verifier = fr_xcalloc(1, sizeof(*verifier));
	int r;

	verifier->relay = relay;
	verifier->limits = limits;
	r = fr_worker_new(loop, THREADS, "verify", &verifier->worker, why);
	if (r < 0) {
		free(verifier);
		return r;
	}
	fr_relay_set_verifier(relay, submit, verifier);
	*ret = verifier;
	return 0;
}

void fr_verifier_free(struct fr_verifier *verifier)
{
	if (verifier == NULL)
		return;
	fr_relay_set_verifier(verifier->relay, NULL, NULL);
	fr_worker_free(verifier->worker);
	free(verifier);
}
