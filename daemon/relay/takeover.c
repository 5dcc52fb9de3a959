/* SPDX-License-Identifier: MIT */
/*
 * Who keeps a stream when a second publisher comes for it.
 *
 * "The same publisher" is told by its id, its token or its user, or without any by its address. Anybody else may have the stream when its
 * incumbent is asked (a PING) and does not answer within takeover_ping_ms: that is how a camera that
 * rebooted elsewhere gets past its own half-open connection. A takeover never shows half of either picture: the
 * incumbent's ingest is cut off here, before its owner hears of it.
 */
#include <errno.h>
#include <string.h>

#include "daemon/relay/inside.h"

static bool is_same(const struct fr_publish_spec *newcomer, const struct fr_publish_spec *incumbent)
{
	const bool has_login =
	    newcomer->who.login == FR_LOGIN_TOKEN || newcomer->who.login == FR_LOGIN_USER;

	if (newcomer->id[0] != '\0' && strcmp(newcomer->id, incumbent->id) == 0)
		return true;
	if (has_login && newcomer->who.login == incumbent->who.login &&
	    fr_digest_same(&newcomer->who.identity, &incumbent->who.identity))
		return true;
	if (newcomer->id[0] != '\0' || has_login)
		return false;
	/* Nobody knows who comes through a proxy that is not trusted: two of them are not the same. */
	return newcomer->who.addr.kind != FR_ADDR_NONE &&
	       fr_addr_same_host(&newcomer->who.addr, &incumbent->who.addr);
}

static int refuse_busy(struct fr_refusal *refusal, const struct fr_stream *stream, const char *rest)
{
	char peer[FR_ADDR_TEXT_MAX];

	fr_refusal_set(refusal, 409, FR_REASON_stream_busy, "%s has a live publisher, %s%s",
	    stream->name,
	    stream->publisher->spec.who.ours
	        ? stream->publisher->spec.door
	        : fr_addr_print(&stream->publisher->spec.who.addr, peer),
	    rest);
	return -EBUSY;
}

static void replace(struct fr_stream *stream, struct fr_ingest *newcomer, int64_t now_us)
{
	char peer[FR_ADDR_TEXT_MAX];
	struct fr_refusal refusal;

	fr_refusal_set(&refusal, 409, FR_REASON_replaced, "replaced by %s",
	    fr_addr_print(&newcomer->spec.who.addr, peer));
	fr_ingest_send_away(stream->publisher, &refusal, now_us);
	fr_stat_add(FR_STAT_takeovers, 1);
}

static void admit(struct fr_stream *stream, struct fr_ingest *newcomer, int64_t now_us)
{
	newcomer->state = INGEST_ADMITTED;
	newcomer->since_us = now_us;
	newcomer->traffic = fr_traffic_of(stream, newcomer->spec.door);
	stream->publisher = newcomer;
	stream->arrived_us = now_us;
	fr_stream_changed(stream, FR_CHANGE_PUBLISHER);
	fr_stream_update_demand(stream, now_us);
}

/* Sends away who waits for the publisher's answer. */
static void disappoint(struct fr_stream *stream, const char *rest, int64_t now_us)
{
	struct fr_refusal refusal;

	(void)refuse_busy(&refusal, stream, rest);
	fr_ingest_send_away(stream->waiting, &refusal, now_us);
}

void fr_takeover_give(struct fr_stream *stream, int64_t now_us)
{
	struct fr_ingest *newcomer = stream->waiting;

	stream->waiting = NULL;
	if (stream->publisher != NULL)
		replace(stream, newcomer, now_us);
	newcomer->news.decided = true;
	fr_relay_make_ready(newcomer->relay, &newcomer->ready);
	admit(stream, newcomer, now_us);
}

int fr_takeover_decide(struct fr_stream *stream, struct fr_ingest *newcomer, int64_t now_us,
    struct fr_refusal *refusal)
{
	struct fr_ingest *incumbent = stream->publisher;
	const struct fr_publish_spec *spec = &newcomer->spec;
	const int64_t limit_ms = stream->relay->limits->takeover_ping_ms;

	if (incumbent == NULL) {
		admit(stream, newcomer, now_us);
		return 0;
	}
	if (spec->takeover_no)
		return refuse_busy(refusal, stream, ", and you asked not to replace it");
	if (incumbent->spec.who.ours || spec->who.ours || spec->takeover == FR_TAKEOVER_REFUSE)
		return refuse_busy(refusal, stream, "");
	if (spec->takeover == FR_TAKEOVER_REPLACE || is_same(spec, &incumbent->spec)) {
		if (stream->waiting != NULL)
			disappoint(stream, ", whom another replaces", now_us);
		replace(stream, newcomer, now_us);
		admit(stream, newcomer, now_us);
		return 0;
	}
	if (!incumbent->spec.can_ping || stream->waiting != NULL)
		return refuse_busy(refusal, stream, "");
	stream->waiting = newcomer;
	stream->ask_until_us = limit_ms != 0 ? now_us + limit_ms * 1000 : INT64_MAX;
	incumbent->news.ping = true;
	fr_relay_make_ready(stream->relay, &incumbent->ready);
	fr_relay_wake_at(stream->relay, stream->ask_until_us);
	return -EINPROGRESS;
}

void fr_takeover_alive(struct fr_stream *stream, int64_t now_us)
{
	disappoint(stream, ", which answered", now_us);
}

int64_t fr_takeover_tick(struct fr_stream *stream, int64_t now_us)
{
	if (stream->waiting == NULL)
		return INT64_MAX;
	if (now_us < stream->ask_until_us)
		return stream->ask_until_us;
	fr_takeover_give(stream, now_us);
	return INT64_MAX;
}
