/* SPDX-License-Identifier: MIT */
/*
 * Pictures that wait for their strict decode: one is out with a worker, at most one waits, the newest.
 *
 * A job outlives its publisher: then its verdict is nobody's business any more.
 */
#include <stdlib.h>

#include "common/base/xalloc.h"
#include "daemon/relay/inside.h"

struct fr_verify_job {
	struct fr_ingest *ingest; /* NULL: the publisher has left */
	struct fr_frame *frame;
	size_t size;
	struct fr_frame_info info;
};

static void job_free(struct fr_verify_job *job)
{
	if (job == NULL)
		return;
	fr_frame_unref(job->frame);
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

	*job = (struct fr_verify_job){ingest, frame, size, *info};
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
