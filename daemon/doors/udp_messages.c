/* SPDX-License-Identifier: MIT */
/*
 * The door `udp-messages`: one JSON text a datagram, to every subscriber of its stream that takes MESSAGEs
 * (docs/protocol.md 4).
 */
#include <stdlib.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "common/net/datagrams.h"
#include "daemon/doors/door.h"
#include "daemon/doors/senders.h"
#include "daemon/relay/relay.h"

enum {
	ANSWER_BYTES = 11,
};

static const char the_answer[ANSWER_BYTES + 1] = "get the msg";

struct messages_door {
	struct fr_door door;
	struct fr_door_env env;
	const char *stream; /* the template */
	struct fr_senders senders;
	struct fr_datagrams *socket;
};

static const struct fr_option_spec options[] = {
    {.name = "listen",
        .type = FR_OPTION_LISTEN_UDP,
        .def = "0.0.0.0:6666",
        .help = "where JSON texts are sent to"},
    {.name = "stream",
        .type = FR_OPTION_STRING,
        .def = "udp-%h",
        .help = "the stream of a sender whose address no row of `streams` lists: %h is its "
                "address, %p its port"},
    {.name = "allow",
        .type = FR_OPTION_NETWORKS,
        .def = "private",
        .help = "from where datagrams are taken; there is no login, so no more than a network "
                "whose machines are trusted"},
    {.name = NULL},
};

static void refuse(
    const struct fr_datagram_path *path, enum fr_reason reason, size_t size, const char *why)
{
	char addr[FR_ADDR_TEXT_MAX], host[FR_ADDR_TEXT_MAX];
	struct fr_log_text room;

	fr_log_limited(FR_LOG_WARNING, "udp-messages", "message refused",
	    fr_addr_print_host(&path->from, host), "reason=%s peer=%s bytes=%zu why=%s",
	    fr_reason_name(reason), fr_addr_print(&path->from, addr), size,
	    fr_log_quote(&room, why));
}

static void on_datagram(void *arg, const struct fr_datagram_path *path, const uint8_t *bytes,
    size_t size, int64_t now_us)
{
	struct messages_door *d = arg;
	const struct fr_who who = {.addr = path->from};
	char stream[FR_NAME_MAX + 1];
	struct fr_refusal refusal;

	if (fr_senders_is_answer(bytes, size) || !fr_senders_may(&d->senders, path)) {
		fr_stat_rejected("udp-messages", FR_REASON_udp_refused);
		refuse(path, FR_REASON_udp_refused, size,
		    "not from one of `allow`, from another service's port, or an answer");
		return;
	}
	fr_relay_name_for(d->env.relay, &path->from, d->stream, stream);
	if (fr_relay_message(d->env.relay, stream, &who, "udp-messages", bytes, size, now_us,
	        fr_clock_real_us(), &refusal) < 0)
		refuse(path, refusal.reason, size, refusal.why.text);
	else if (size >= ANSWER_BYTES) /* never more out than came in */
		fr_datagrams_answer(d->socket, path, the_answer, ANSWER_BYTES);
}

static const struct fr_datagrams_ops socket_ops = {on_datagram, NULL};

static void messages_close(struct fr_door *door)
{
	struct messages_door *d = (struct messages_door *)door;

	if (d == NULL)
		return;
	fr_datagrams_free(d->socket);
	fr_senders_done(&d->senders);
	free(d);
}

static int messages_open(const struct fr_door_env *env, const struct fr_options *o,
    struct fr_door **ret, struct fr_cause *why)
{
	struct messages_door *d = fr_xcalloc(1, sizeof(*d));
	struct fr_addr addr;
	int r;

	d->env = *env;
	d->stream = fr_options_text(o, "stream");
	fr_senders_init(&d->senders, o);
	r = fr_addr_parse(fr_options_text(o, "listen"), &addr, why);
	if (r == 0)
		r = fr_datagrams_new(env->loop, "udp-messages", &addr,
		    env->limits->udp_receive_buffer_bytes, &socket_ops, d, &d->socket, why);
	if (r < 0) {
		messages_close(&d->door);
		return r;
	}
	*ret = &d->door;
	return 0;
}

static void messages_drain(struct fr_door *door)
{
	fr_datagrams_stop(((struct messages_door *)door)->socket);
}

static size_t messages_busy(const struct fr_door *door)
{
	(void)door; /* nothing is ever half done */
	return 0;
}

static void messages_announce(const struct fr_door *door, struct fr_text *lines)
{
	fr_datagrams_announce(
	    ((const struct messages_door *)door)->socket, "JSON texts by UDP to", lines);
}

const struct fr_door_ops fr_door_udp_messages = {
    .kind = "udp-messages",
    .summary = "one JSON text a UDP datagram, to everybody who takes the stream's messages; no "
               "login, for trusted networks",
    .options = options,
    .open = messages_open,
    .drain = messages_drain,
    .busy = messages_busy,
    .close = messages_close,
    .announce = messages_announce,
};
