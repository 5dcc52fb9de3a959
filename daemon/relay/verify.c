/* SPDX-License-Identifier: MIT */
/*
 * Pictures that wait for their strict decode, or to be turned: one is out with a worker, at most one waits, the newest.
 *
 * A job outlives its publisher: then its verdict is nobody's business any more.
 */
#include <stdlib.h>

#include "common/base/xalloc.h"
#include "common/media/jpeg_transform.h"
#include "daemon/relay/inside.h"

struct fr_verify_job {
	struct fr_ingest *ingest; /* NULL: the publisher has left */
	struct fr_frame *frame;
	size_t size;
	struct fr_frame_info info;
	bool is_strict;
	unsigned rotate;
	struct fr_frame *original; /* once `frame` is the turned one */
	size_t original_size;
};

static void job_free(struct fr_verify_job *job)
{
	if (job == NULL)
		return;
	fr_frame_unref(job->frame);
	fr_frame_unref(job->original);
	free(job);
}

static void submit(struct fr_ingest *ingest, struct fr_verify_job *job)
{
	ingest->verifying = job;
	ingest->relay->verify(ingest->relay->verify_arg, job);
}

void fr_verify_start(
    struct fr_ingest *ingest, struct fr_frame *frame, size_t size, const struct fr_frame_info *info)
{
	struct fr_verify_job *job = fr_xcalloc(1, sizeof(*job));
	struct fr_verify_job *overtaken = ingest->to_verify;
	struct fr_refusal refusal;

	*job = (struct fr_verify_job){
	    .ingest = ingest,
	    .frame = frame,
	    .size = size,
	    .info = *info,
	    .is_strict = ingest->spec.verify == FR_VERIFY_FULL,
	    .rotate = ingest->stream->config != NULL ? ingest->stream->config->rotate : 0,
	};
	if (ingest->verifying == NULL) {
		submit(ingest, job);
		return;
	}
	ingest->to_verify = job;
	if (overtaken != NULL)
		fr_ingest_bad(ingest, FR_REASON_verify_busy, "overtaken by a newer one",
		    overtaken->size, &refusal);
	job_free(overtaken);
}

void fr_verify_forget(struct fr_ingest *ingest)
{
	struct fr_verify_job *jobs[] = {ingest->verifying, ingest->to_verify};

	for (size_t i = 0; i < 2; i++)
		if (jobs[i] != NULL) {
			jobs[i]->ingest = NULL;
			ingest->counts.truncated++;
			fr_stat_add(FR_STAT_frames_truncated, 1);
		}
	job_free(ingest->to_verify);
	ingest->verifying = NULL;
	ingest->to_verify = NULL;
}

const struct fr_frame *fr_verify_job_frame(const struct fr_verify_job *job)
{
	return job->frame;
}

size_t fr_verify_job_size(const struct fr_verify_job *job)
{
	return job->size;
}

bool fr_verify_job_is_strict(const struct fr_verify_job *job)
{
	return job->is_strict;
}

unsigned fr_verify_job_rotate(const struct fr_verify_job *job)
{
	return job->rotate;
}

void fr_verify_job_turned(struct fr_verify_job *job, const struct fr_transformed *turned)
{
	job->original = job->frame;
	job->original_size = job->size;
	job->frame = turned->frame;
	job->size = turned->size;
	job->info.width = turned->width;
	job->info.height = turned->height;
}

/* What is fetched again is compared with what came, not with what was made of it. */
static void remember_original(struct fr_ingest *ingest, struct fr_verify_job *job)
{
	fr_frame_unref(ingest->original);
	ingest->original = job->original;
	ingest->original_size = job->original_size;
	job->original = NULL;
}

void fr_verify_job_done(struct fr_verify_job *job, bool ok, enum fr_reason reason,
    const struct fr_cause *why, int64_t now_us, int64_t real_us)
{
	struct fr_ingest *ingest = job->ingest;
	struct fr_verify_job *next;
	struct fr_refusal refusal = {.code = 0};

	if (ingest == NULL) {
		job_free(job);
		return;
	}
	ingest->verifying = NULL;
	if (ok) {
		remember_original(ingest, job);
		fr_ingest_publish(
		    ingest, fr_frame_ref(job->frame), job->size, &job->info, now_us, real_us);
	} else {
		fr_ingest_bad(ingest, reason, why->text, job->size, &refusal);
	}
	job_free(job);
	if (refusal.code != 0) {
		fr_ingest_send_away(ingest, &refusal, now_us);
		return;
	}
	ingest->verdict_is_bad = !ok;
	ingest->refusal = refusal;
	next = ingest->to_verify;
	ingest->to_verify = NULL;
	if (next != NULL) {
		submit(ingest, next);
	} else if (ingest->ops->on_verified != NULL) {
		ingest->news.verified = true;
		fr_relay_make_ready(ingest->relay, &ingest->ready);
	}
}
