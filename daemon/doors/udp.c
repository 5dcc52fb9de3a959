/* SPDX-License-Identifier: MIT */
/*
 * The door `udp`: pictures in datagrams (docs/protocol.md 4). Publishers only; they have no name and no login.
 *
 * A sender is a publisher from its first picture on until it has been silent for stale_after_ms. It sends its next
 * picture when the last one is acknowledged, and would wait for ever for an answer that does not come: so it gets one
 * for a picture that was lost, too, if what it sent is worth it (limits: never more out than came in).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"
#include "common/media/udp_pictures.h"
#include "common/net/datagrams.h"
#include "common/net/loop.h"
#include "daemon/doors/door.h"
#include "daemon/doors/senders.h"
#include "daemon/relay/ingest.h"

enum {
	VERIFYING_MOST = 2, /* one with a worker, one behind it: a third would overtake that one */
};

struct udp_door {
	struct fr_door door;
	struct fr_door_env env;
	const char *stream; /* the template */
	enum fr_verify verify;
	struct fr_senders senders;
	struct fr_datagrams *socket;
	struct fr_udp_pictures *pictures;
	struct event timer;
	int64_t timer_us; /* when it is set for */
};

/* A sender that publishes; the owner of its fr_udp_sender. */
struct publisher {
	struct udp_door *door;
	struct fr_udp_sender *sender;
	struct fr_ingest *ingest;
	char stream[FR_NAME_MAX + 1];
	bool in_picture; /* one has begun with this ingest */
	bool owes;       /* an answer, as soon as the decodes have caught up */
};

static const struct fr_option_spec options[] = {
    {.name = "listen",
        .type = FR_OPTION_LISTEN_UDP,
        .def = "0.0.0.0:9999",
        .help = "where pictures are sent to"},
    {.name = "stream",
        .type = FR_OPTION_STRING,
        .def = "udp-%h",
        .help = "the stream of a sender whose address no row of `streams` lists: %h is its "
                "address, %p its port; two senders on one machine need both"},
    {.name = "allow",
        .type = FR_OPTION_NETWORKS,
        .def = "private",
        .help = "from where datagrams are taken; there is no login, so no more than a network "
                "whose machines are trusted"},
    {.name = "verify",
        .type = FR_OPTION_CHOICE,
        .choices = "header|full",
        .def = "full",
        .help = "how pictures are looked at: a walk over their markers, or a strict decode on a "
                "worker thread too; pieces that were lost or swapped show only there"},
    {.name = NULL},
};

/* --- Answers ---------------------------------------------------------------------------------- */

static void answer(struct udp_door *d, struct fr_udp_sender *sender)
{
	const struct fr_datagram_path path = {
	    .from = *fr_udp_sender_addr(sender), .to = *fr_udp_sender_to(sender)};

	if (fr_udp_sender_pays(sender))
		fr_datagrams_answer(d->socket, &path, fr_udp_ack, FR_UDP_ACK_BYTES);
}

static void log_dropped(
    const struct fr_udp_sender *sender, enum fr_reason reason, const char *stream, const char *why)
{
	char addr[FR_ADDR_TEXT_MAX], host[FR_ADDR_TEXT_MAX];
	struct fr_log_text room;

	fr_log_limited(FR_LOG_WARNING, "udp", "picture dropped",
	    fr_addr_print_host(fr_udp_sender_addr(sender), host),
	    "reason=%s peer=%s stream=%s why=%s", fr_reason_name(reason),
	    fr_addr_print(fr_udp_sender_addr(sender), addr), stream, fr_log_quote(&room, why));
}

/* --- Publishers ------------------------------------------------------------------------------- */

static void leave(struct publisher *p, const char *why)
{
	const struct fr_ingest_counts counts = fr_ingest_counts(p->ingest);
	char addr[FR_ADDR_TEXT_MAX];
	struct fr_log_text room;

	fr_log(FR_LOG_INFO, "udp", "publisher gone",
	    "peer=%s stream=%s reason=%s published=%llu rejected=%llu",
	    fr_addr_print(fr_udp_sender_addr(p->sender), addr), p->stream, fr_log_quote(&room, why),
	    (unsigned long long)counts.published, (unsigned long long)counts.rejected);
	if (p->owes)
		answer(p->door, p->sender);
	fr_ingest_free(p->ingest, fr_clock_now_us());
	fr_udp_sender_set_owner(p->sender, NULL);
	free(p);
}

/* The decodes have caught up. */
static void on_verified(void *arg, const struct fr_refusal *refusal)
{
	struct publisher *p = arg;

	if (refusal != NULL)
		log_dropped(p->sender, refusal->reason, p->stream, refusal->why.text);
	if (p->owes)
		answer(p->door, p->sender);
	p->owes = false;
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	leave(arg, refusal->why.text);
}

static const struct fr_ingest_ops ingest_ops = {
    .on_verified = on_verified,
    .on_closed = on_closed,
};

/* @return NULL: refused, said and counted; the next picture asks again */
static struct publisher *publish(struct udp_door *d, struct fr_udp_sender *sender)
{
	struct fr_publish_spec spec = {
	    .door = "udp",
	    .who = {.addr = *fr_udp_sender_addr(sender)},
	    .takeover = FR_TAKEOVER_REFUSE, /* the first keeps it: two would be shown in turns */
	    .verify = d->verify,
	};
	struct publisher *p = fr_xcalloc(1, sizeof(*p));
	char addr[FR_ADDR_TEXT_MAX], host[FR_ADDR_TEXT_MAX];
	struct fr_log_text room;
	struct fr_refusal refusal;

	fr_relay_name_for(d->env.relay, &spec.who.addr, d->stream, spec.stream);
	memcpy(p->stream, spec.stream, sizeof(p->stream));
	p->door = d;
	p->sender = sender;
	(void)fr_addr_print(&spec.who.addr, addr);
	if (fr_relay_publish(
	        d->env.relay, &spec, &ingest_ops, p, fr_clock_now_us(), &p->ingest, &refusal) < 0) {
		fr_log_limited(FR_LOG_WARNING, "udp", "publisher refused",
		    fr_addr_print_host(&spec.who.addr, host), "reason=%s peer=%s stream=%s why=%s",
		    fr_reason_name(refusal.reason), addr, spec.stream,
		    fr_log_quote(&room, refusal.why.text));
		free(p);
		return NULL;
	}
	fr_log(FR_LOG_INFO, "udp", "publisher connected", "peer=%s stream=%s", addr, spec.stream);
	fr_udp_sender_set_owner(sender, p);
	return p;
}

/* --- Pictures --------------------------------------------------------------------------------- */

static void on_begin(void *arg, struct fr_udp_sender *sender)
{
	struct publisher *p = fr_udp_sender_owner(sender);

	if (p == NULL)
		p = publish(arg, sender);
	if (p == NULL)
		return;
	fr_ingest_begin(p->ingest);
	p->in_picture = true;
}

static void on_picture(void *arg, struct fr_udp_sender *sender, struct fr_frame *frame, size_t size)
{
	struct publisher *p = fr_udp_sender_owner(sender);
	struct udp_door *d = arg;
	struct fr_refusal refusal;

	if (p == NULL || !p->in_picture) {
		fr_frame_unref(frame); /* somebody else has the stream, or it is no more allowed */
		answer(d, sender);
		return;
	}
	p->in_picture = false;
	fr_ingest_received(p->ingest, size);
	if (fr_ingest_frame(p->ingest, frame, size, 0, 0, fr_clock_now_us(), fr_clock_real_us(),
	        &refusal) < 0) {
		log_dropped(sender, refusal.reason, p->stream, refusal.why.text);
		if (refusal.code != 0)
			leave(p, refusal.why.text);
	} else if (fr_ingest_counts(p->ingest).verifying >= VERIFYING_MOST) {
		p->owes = true;
		return;
	}
	answer(d, sender);
}

static void on_lost(
    void *arg, struct fr_udp_sender *sender, enum fr_reason reason, size_t got, size_t missing)
{
	struct publisher *p = fr_udp_sender_owner(sender);
	struct fr_cause why;

	(void)arg;
	fr_stat_add(FR_STAT_udp_frames_incomplete, 1);
	fr_stat_add(FR_STAT_udp_datagrams_lost,
	    (int64_t)((missing + FR_UDP_CHUNK_BYTES - 1) / FR_UDP_CHUNK_BYTES));
	(void)fr_cause_set(&why, 0, "%zu bytes came, %zu did not", got, missing);
	log_dropped(sender, reason, p != NULL ? p->stream : "-", why.text);
	if (p == NULL || !p->in_picture) {
		fr_stat_rejected("udp", reason);
		return;
	}
	p->in_picture = false;
	fr_ingest_received(p->ingest, got);
	fr_ingest_reject(p->ingest, reason, got);
}

static void on_waiting(void *arg, struct fr_udp_sender *sender)
{
	answer(arg, sender);
}

static void on_gone(void *arg, struct fr_udp_sender *sender)
{
	struct publisher *p = fr_udp_sender_owner(sender);

	(void)arg;
	if (p != NULL)
		leave(p, "it was silent for stale_after_ms, or gave way, or the door closes");
}

static const struct fr_udp_ops picture_ops = {
    .on_begin = on_begin,
    .on_picture = on_picture,
    .on_lost = on_lost,
    .on_waiting = on_waiting,
    .on_gone = on_gone,
};

/* --- In and time ------------------------------------------------------------------------------ */

static void look(struct udp_door *d, int64_t now_us)
{
	const int64_t due_us = fr_udp_pictures_tick(d->pictures, now_us);
	const int64_t wait_us = due_us - now_us;
	struct timeval wait;

	if (due_us == INT64_MAX ||
	    (event_pending(&d->timer, EV_TIMEOUT, NULL) != 0 && d->timer_us <= due_us))
		return; /* a timer that comes too early looks again */
	d->timer_us = due_us;
	wait = (struct timeval){wait_us / 1000000, wait_us % 1000000};
	(void)event_add(&d->timer, &wait);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	look(arg, fr_clock_now_us());
}

static void on_batch_end(void *arg, int64_t now_us)
{
	look(arg, now_us);
}

static void on_datagram(void *arg, const struct fr_datagram_path *path, const uint8_t *bytes,
    size_t size, int64_t now_us)
{
	struct udp_door *d = arg;
	enum fr_reason reason = FR_REASON_udp_refused;
	char addr[FR_ADDR_TEXT_MAX], host[FR_ADDR_TEXT_MAX];

	if (!fr_senders_is_answer(bytes, size) &&
	    (fr_udp_pictures_knows(d->pictures, &path->from) ||
	        fr_senders_may(&d->senders, path)) &&
	    fr_udp_pictures_take(
	        d->pictures, &path->from, &path->to, bytes, size, now_us, &reason) == 0)
		return;
	fr_stat_rejected("udp", reason);
	fr_log_limited(FR_LOG_WARNING, "udp", "datagram refused",
	    fr_addr_print_host(&path->from, host), "reason=%s peer=%s bytes=%zu",
	    fr_reason_name(reason), fr_addr_print(&path->from, addr), size);
}

static const struct fr_datagrams_ops socket_ops = {on_datagram, on_batch_end};

/* --- Life ------------------------------------------------------------------------------------- */

static void udp_close(struct fr_door *door)
{
	struct udp_door *d = (struct udp_door *)door;

	if (d == NULL)
		return;
	(void)event_del(&d->timer);
	fr_udp_pictures_free(d->pictures);
	fr_datagrams_free(d->socket);
	fr_senders_done(&d->senders);
	free(d);
}

static int udp_open(const struct fr_door_env *env, const struct fr_options *o, struct fr_door **ret,
    struct fr_cause *why)
{
	struct udp_door *d = fr_xcalloc(1, sizeof(*d));
	struct fr_addr addr;
	int r;

	d->env = *env;
	d->stream = fr_options_text(o, "stream");
	d->verify =
	    strcmp(fr_options_text(o, "verify"), "full") == 0 ? FR_VERIFY_FULL : FR_VERIFY_HEADER;
	(void)evtimer_assign(&d->timer, fr_loop_base(env->loop), on_timer, d);
	fr_senders_init(&d->senders, o);
	d->pictures = fr_udp_pictures_new(fr_relay_pool(env->relay), env->limits, &picture_ops, d);
	r = fr_addr_parse(fr_options_text(o, "listen"), &addr, why);
	if (r == 0)
		r = fr_datagrams_new(env->loop, "udp", &addr, env->limits->udp_receive_buffer_bytes,
		    &socket_ops, d, &d->socket, why);
	if (r < 0) {
		udp_close(&d->door);
		return r;
	}
	*ret = &d->door;
	return 0;
}

static void udp_drain(struct fr_door *door)
{
	struct udp_door *d = (struct udp_door *)door;

	(void)event_del(&d->timer);
	fr_datagrams_stop(d->socket);
}

static size_t udp_busy(const struct fr_door *door)
{
	(void)door; /* what has come whole is the relay's */
	return 0;
}

static void udp_announce(const struct fr_door *door, struct fr_text *lines)
{
	fr_datagrams_announce(((const struct udp_door *)door)->socket, "pictures by UDP to", lines);
}

const struct fr_door_ops fr_door_udp = {
    .kind = "udp",
    .summary = "pictures by UDP, whole or in pieces of 1,024 bytes; no login, for trusted networks",
    .options = options,
    .open = udp_open,
    .drain = udp_drain,
    .busy = udp_busy,
    .close = udp_close,
    .announce = udp_announce,
};
