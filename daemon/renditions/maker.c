/* SPDX-License-Identifier: MIT */
#include "daemon/renditions/maker.h"

#include <stdlib.h>

#include <sys/resource.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/media/jpeg_decode.h"
#include "common/media/jpeg_transform.h"
#include "common/media/rendition.h"
#include "common/net/worker.h"
#include "daemon/relay/relay.h"

enum {
	THREADS = 2,
	NICE = 15, /* full-size pictures come first, whatever there is to make */
};

struct fr_maker {
	struct fr_relay *relay;
	const struct fr_limits *limits;
	struct fr_worker *worker;
	struct fr_worker *prompt; /* one thread of the usual priority */
};

/* One picture: values in, a picture or a reason out. */
struct making {
	struct fr_job job;
	struct fr_render_job *subject;
	struct fr_frame_pool *pool;
	struct fr_jpeg_decode_limits limits;
	bool ok;
	struct fr_transformed made;
	enum fr_reason reason;
	struct fr_cause why;
};

static void run(struct fr_job *job)
{
	struct making *m = (struct making *)job;
	const struct fr_frame *frame = fr_render_job_frame(m->subject);

	/* On Linux this is about the calling thread alone. Where it may not, it works at the usual priority. */
	if (!fr_render_job_is_prompt(m->subject))
		(void)setpriority(PRIO_PROCESS, 0, NICE);
	m->ok = fr_jpeg_transform(m->pool, fr_frame_bytes(frame), fr_frame_size(frame),
	            fr_render_job_rendition(m->subject), &m->limits, &m->made, &m->reason,
	            &m->why) == 0;
}

static void log_failure(const struct making *m)
{
	char text[FR_RENDITION_TEXT_MAX];
	struct fr_log_text room;

	(void)fr_rendition_print(fr_render_job_rendition(m->subject), text);
	fr_log_limited(FR_LOG_WARNING, "rendition", "a picture cannot be made",
	    fr_render_job_stream(m->subject), "stream=%s rendition=\"%s\" reason=%s why=%s",
	    fr_render_job_stream(m->subject), text, fr_reason_name(m->reason),
	    fr_log_quote(&room, m->why.text));
}

static void done(struct fr_job *job)
{
	struct making *m = (struct making *)job;

	if (!m->ok && m->why.text[0] != '\0')
		log_failure(m);
	fr_render_job_done(
	    m->subject, m->ok ? &m->made : NULL, m->reason, &m->why, fr_clock_now_us());
	free(m);
}

static void submit(void *arg, struct fr_render_job *subject)
{
	struct fr_maker *maker = arg;
	const struct fr_limits *limits = maker->limits;
	struct making *m = fr_xcalloc(1, sizeof(*m));

	m->job.run = run;
	m->job.done = done;
	m->subject = subject;
	m->pool = fr_relay_pool(maker->relay);
	m->reason = FR_REASON_shutdown; /* where it is not run any more */
	m->limits.pixels = limits->verify_pixels;
	m->limits.scans = limits->verify_scans;
	m->limits.time_us = limits->verify_timeout_ms * 1000;
	fr_worker_submit(fr_render_job_is_prompt(subject) ? maker->prompt : maker->worker, &m->job);
}

int fr_maker_new(struct fr_loop *loop, struct fr_relay *relay, const struct fr_limits *limits,
    struct fr_maker **ret, struct fr_cause *why)
{
	struct fr_maker *maker = fr_xcalloc(1, sizeof(*maker));
	int r;

	maker->relay = relay;
	maker->limits = limits;
	r = fr_worker_new(loop, THREADS, "rendition", &maker->worker, why);
	if (r == 0)
		r = fr_worker_new(loop, 1, "grey", &maker->prompt, why);
	if (r < 0) {
		fr_worker_free(maker->worker);
		free(maker);
		return r;
	}
	fr_relay_set_maker(relay, submit, THREADS, maker);
	*ret = maker;
	return 0;
}

void fr_maker_free(struct fr_maker *maker)
{
	if (maker == NULL)
		return;
	fr_relay_set_maker(maker->relay, NULL, 0, NULL);
	fr_worker_free(maker->worker);
	fr_worker_free(maker->prompt);
	free(maker);
}
