/* SPDX-License-Identifier: MIT */
/* The end of one connection: what the peer is told, what the log says, what is given back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/media/wire_write.h"
#include "common/net/loop.h"
#include "daemon/doors/frames/inside.h"

struct fr_who fr_frames_peer_who(const struct frames_peer *p)
{
	return (struct fr_who){
	    .addr = *fr_conn_peer(p->conn), .login = p->login, .identity = p->identity};
}

static void log_end(const struct frames_peer *p, const char *words)
{
	const double seconds = (double)(fr_clock_now_us() - p->since_us) / 1e6;
	char addr[FR_ADDR_TEXT_MAX];
	struct fr_log_text room;

	fr_addr_print(fr_conn_peer(p->conn), addr);
	fr_log_quote(&room, words);
	if (p->ingest != NULL && p->state == FRAMES_PUBLISHING) {
		const struct fr_ingest_counts c = fr_ingest_counts(p->ingest);

		fr_log(FR_LOG_INFO, "frames", "publisher closed",
		    "peer=%s stream=%s id=%llu reason=%s published=%llu rejected=%llu "
		    "truncated=%llu seconds=%.1f",
		    addr, p->stream, (unsigned long long)p->id, room.text,
		    (unsigned long long)c.published, (unsigned long long)c.rejected,
		    (unsigned long long)c.truncated + c.receiving, seconds);
	} else if (p->sub != NULL) {
		const struct fr_subscriber_counts c = fr_subscriber_counts(p->sub);

		fr_log(FR_LOG_INFO, "frames", "subscriber closed",
		    "peer=%s stream=%s id=%llu reason=%s sent=%llu dropped=%llu seconds=%.1f", addr,
		    p->stream, (unsigned long long)p->id, room.text, (unsigned long long)c.sent,
		    (unsigned long long)fr_subscriber_dropped(p->sub), seconds);
	} else {
		fr_log(FR_LOG_DEBUG, "frames", "connection closed", "peer=%s id=%llu reason=%s",
		    addr, (unsigned long long)p->id, room.text);
	}
}

void fr_frames_peer_log_refusal(const struct frames_peer *p, const struct fr_refusal *refusal)
{
	const char *reason = fr_reason_name(refusal->reason);
	char addr[FR_ADDR_TEXT_MAX], host[FR_ADDR_TEXT_MAX], key[FR_ADDR_TEXT_MAX + 64];
	struct fr_log_text room;

	if (refusal->reason == FR_REASON_shutdown)
		return;
	fr_addr_print(fr_conn_peer(p->conn), addr);
	fr_addr_print_host(fr_conn_peer(p->conn), host);
	(void)snprintf(key, sizeof(key), "%s %s", reason, host);
	fr_log_limited(FR_LOG_WARNING, "frames", "rejected", key,
	    "reason=%s peer=%s stream=%s id=%llu action=close why=%s", reason, addr,
	    p->stream[0] != '\0' ? p->stream : "-", (unsigned long long)p->id,
	    fr_log_quote(&room, refusal->why.text));
}

struct dead_peer {
	struct fr_deferred deferred;
	struct frames_peer *peer;
};

static void free_peer(struct fr_deferred *deferred)
{
	struct dead_peer *dead = (struct dead_peer *)deferred;

	fr_wire_free(dead->peer->wire);
	free(dead->peer->leftover);
	free(dead->peer);
	free(dead);
}

/* Leaves everything but the connection itself; the reader may be on the stack above us, so it goes later. */
static void leave(struct frames_peer *p, const char *words)
{
	const int64_t now_us = fr_clock_now_us();
	struct dead_peer *dead = fr_xcalloc(1, sizeof(*dead));

	log_end(p, words);
	p->state = FRAMES_CLOSED;
	fr_ingest_free(p->ingest, now_us);
	fr_subscriber_free(p->sub, now_us);
	p->ingest = NULL;
	p->sub = NULL;
	fr_admission_leave(p->door->env.admission, &p->ticket, now_us);
	fr_stat_add(FR_STAT_connections_open, -1);
	TAILQ_REMOVE(&p->door->peers, p, entry);
	dead->peer = p;
	fr_loop_defer(p->door->env.loop, &dead->deferred, free_peer);
}

void fr_frames_peer_drop(struct frames_peer *p, const char *words)
{
	if (p->state == FRAMES_CLOSED)
		return;
	leave(p, words);
	fr_conn_close(p->conn);
	p->conn = NULL;
}

void fr_frames_peer_release(struct frames_peer *p, struct fr_handover *ret)
{
	*ret = (struct fr_handover){.conn = p->conn, .ticket = p->ticket};
	p->ticket = (struct fr_ticket){0};
	leave(p, "handed over");
	p->conn = NULL;
}

/* What this peer's format has for an end. @return bytes */
static size_t last_words(const struct frames_peer *p, const struct fr_refusal *refusal, uint8_t *to)
{
	if (p->records && refusal != NULL && refusal->reason != FR_REASON_shutdown)
		return fr_wire_write_error(to, refusal->code, refusal->why.text);
	if (p->records)
		return fr_wire_write_end(to, refusal != NULL ? refusal->why.text : "");
	if (p->state == FRAMES_SUBSCRIBED ||
	    (p->door->role == FRAMES_SUBSCRIBE && !p->took_hello)) {
		memset(to, 0, FR_PREFIX_PLAIN_BYTES); /* length 0: the end of plain framing */
		return FR_PREFIX_PLAIN_BYTES;
	}
	if (refusal == NULL || refusal->code == 0)
		return 0;
	return (size_t)snprintf(
	    (char *)to, FR_WIRE_SMALL_MAX, "ERR %u %s\n", refusal->code, refusal->why.text);
}

void fr_frames_peer_finish(struct frames_peer *p, const void *last, size_t size, const char *words)
{
	const struct fr_limits *limits = p->door->env.limits;
	struct fr_conn *conn = p->conn;

	leave(p, words);
	p->conn = NULL;
	fr_conn_finish(
	    conn, last, size, p->door->is_draining ? limits->drain_ms : limits->linger_close_ms);
}

void fr_frames_peer_end(struct frames_peer *p, const struct fr_refusal *refusal, const char *words)
{
	uint8_t last[FR_WIRE_SMALL_MAX];

	if (p->state == FRAMES_CLOSED)
		return;
	if (refusal != NULL && refusal->code != 0)
		fr_frames_peer_log_refusal(p, refusal);
	fr_frames_peer_finish(p, last, last_words(p, refusal, last),
	    refusal != NULL && refusal->why.text[0] != '\0' ? refusal->why.text : words);
}

/* A peer broke the protocol: counted here, unless the picture under way takes the count. */
void fr_frames_peer_end_bad(
    struct frames_peer *p, unsigned code, enum fr_reason reason, const char *why)
{
	struct fr_refusal refusal = {.code = code, .reason = reason};

	(void)fr_cause_set(&refusal.why, 0, "%s", why);
	if (p->ingest != NULL && fr_ingest_counts(p->ingest).receiving)
		fr_ingest_reject(p->ingest, reason, 0);
	else
		fr_stat_rejected("frames", reason);
	fr_frames_peer_end(p, &refusal, why);
}

bool fr_frames_peer_answer(struct frames_peer *p, const char *line)
{
	if (fr_conn_put(p->conn, line, strlen(line)) != FR_SEND_GONE)
		return true;
	fr_frames_peer_drop(p, "the peer does not read");
	return false;
}
