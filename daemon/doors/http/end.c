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
#include "common/net/loop.h"
#include "daemon/doors/http/inside.h"

static void log_end(const struct http_peer *p, const char *words)
{
	const double seconds = (double)(fr_clock_now_us() - p->since_us) / 1e6;
	char addr[FR_ADDR_TEXT_MAX];
	struct fr_log_text room;

	fr_addr_print(fr_conn_peer(p->conn), addr);
	fr_log_quote(&room, words);
	if (p->ingest != NULL) {
		const struct fr_ingest_counts c = fr_ingest_counts(p->ingest);

		fr_log(FR_LOG_INFO, "http", "publisher closed",
		    "peer=%s stream=%s id=%llu reason=%s published=%llu rejected=%llu seconds=%.1f",
		    addr, p->stream, (unsigned long long)p->id, room.text,
		    (unsigned long long)c.published, (unsigned long long)c.rejected, seconds);
	} else if (p->is_events) {
		fr_log(FR_LOG_INFO, "http", "reader closed",
		    "peer=%s stream=%s id=%llu reason=%s seconds=%.1f", addr,
		    p->stream[0] != '\0' ? p->stream : "-", (unsigned long long)p->id, room.text,
		    seconds);
	} else if (p->sub != NULL) {
		const struct fr_subscriber_counts c = fr_subscriber_counts(p->sub);

		fr_log(FR_LOG_INFO, "http", "subscriber closed",
		    "peer=%s stream=%s id=%llu reason=%s sent=%llu dropped=%llu seconds=%.1f", addr,
		    p->stream, (unsigned long long)p->id, room.text, (unsigned long long)c.sent,
		    (unsigned long long)fr_subscriber_dropped(p->sub), seconds);
	} else {
		fr_log(FR_LOG_DEBUG, "http", "connection closed",
		    "peer=%s id=%llu requests=%u reason=%s", addr, (unsigned long long)p->id,
		    p->requests, room.text);
	}
}

void fr_http_peer_log_refusal(const struct http_peer *p, const struct fr_refusal *refusal)
{
	const char *reason = fr_reason_name(refusal->reason);
	const struct fr_addr *peer = fr_conn_peer(p->conn);
	char addr[FR_ADDR_TEXT_MAX], host[FR_ADDR_TEXT_MAX], key[FR_ADDR_TEXT_MAX + 64];
	struct fr_log_text room;

	if (refusal->reason == FR_REASON_shutdown)
		return;
	if (p->who.addr.kind != FR_ADDR_NONE && !fr_addr_same_host(peer, &p->who.addr))
		peer = &p->who.addr; /* whom the proxy named; it has no port */
	fr_addr_print(peer, addr);
	fr_addr_print_host(peer, host);
	(void)snprintf(key, sizeof(key), "%s %s", reason, host);
	fr_log_limited(refusal->code == 404 || refusal->reason == FR_REASON_no_frame_yet
	                   ? FR_LOG_INFO
	                   : FR_LOG_WARNING,
	    "http", "rejected", key, "reason=%s peer=%s stream=%s id=%llu code=%u why=%s", reason,
	    addr, p->stream[0] != '\0' ? p->stream : "-", (unsigned long long)p->id, refusal->code,
	    fr_log_quote(&room, refusal->why.text));
}

struct dead_peer {
	struct fr_deferred deferred;
	struct http_peer *peer;
};

static void free_peer(struct fr_deferred *deferred)
{
	struct dead_peer *dead = (struct dead_peer *)deferred;

	fr_http_head_free(dead->peer->head);
	fr_wire_free(dead->peer->wire);
	fr_http_ws_free(dead->peer->ws);
	fr_text_done(&dead->peer->body);
	free(dead->peer->leftover);
	free(dead->peer);
	free(dead);
}

/* Leaves everything but the connection itself; the readers may be on the stack above us, so they go later. */
static void leave(struct http_peer *p, const char *words)
{
	const int64_t now_us = fr_clock_now_us();
	struct dead_peer *dead = fr_xcalloc(1, sizeof(*dead));

	if (p->ws != NULL)
		fr_http_ws_leave(p, words, now_us);
	else
		log_end(p, words);
	p->state = HTTP_CLOSED;
	fr_logins_cancel(&p->login);
	fr_ingest_free(p->ingest, now_us);
	fr_subscriber_free(p->sub, now_us);
	fr_observer_free(p->observer);
	fr_http_placeholder_leave(p->placeholder);
	fr_frame_unref(p->last);
	p->observer = NULL;
	p->ingest = NULL;
	p->sub = NULL;
	p->placeholder = NULL;
	p->last = NULL;
	fr_admission_leave(p->door->env.admission, &p->ticket, now_us);
	fr_stat_add(FR_STAT_connections_open, -1);
	TAILQ_REMOVE(&p->door->peers, p, entry);
	dead->peer = p;
	fr_loop_defer(p->door->env.loop, &dead->deferred, free_peer);
}

void fr_http_peer_drop(struct http_peer *p, const char *words)
{
	if (p->state == HTTP_CLOSED)
		return;
	leave(p, words);
	fr_conn_close(p->conn);
	p->conn = NULL;
}

void fr_http_peer_finish(struct http_peer *p, const void *last, size_t size, const char *words)
{
	const struct fr_limits *limits = p->door->env.limits;
	struct fr_conn *conn = p->conn;

	if (p->state == HTTP_CLOSED)
		return;
	leave(p, words);
	p->conn = NULL;
	fr_conn_finish(
	    conn, last, size, p->door->is_draining ? limits->drain_ms : limits->linger_close_ms);
}

void fr_http_peer_send_away(struct http_peer *p, const struct fr_refusal *refusal)
{
	switch (p->state) {
	case HTTP_ASKING:
	case HTTP_PUBLISHING:
	case HTTP_VERIFYING:
	case HTTP_WAITING:
		p->closes = true;
		fr_http_refuse(p, refusal, true);
		/* Even if it has not read the answer yet, it hears no other. */
		if (p->state != HTTP_CLOSED)
			fr_http_peer_finish(p, "", 0, refusal->why.text);
		return;
	case HTTP_SOCKET:
		fr_http_ws_send_away(p, refusal);
		return;
	default:
		/* MJPEG ends where it stands: its viewers know no other end. */
		fr_http_peer_finish(p, "", 0, refusal->why.text);
	}
}
