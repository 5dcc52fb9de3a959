/* SPDX-License-Identifier: MIT */
/*
 * MainServer/getStream: one grey picture in base64 for each request (docs/protocol.md 5).
 *
 * A connection has one view of each stream that its calls ask for: what was sent last counts for all of them, and a
 * new picture answers every call that waits. A view subscribes to the stream's grey rendition, which is made once for
 * all who ask, whatever their door; its base64 is made once for all connections.
 */
#include <mainserver.pb-c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/xalloc.h"
#include "common/media/base64.h"
#include "common/media/frame.h"
#include "common/media/protobuf.h"
#include "daemon/doors/grpc/inside.h"
#include "daemon/doors/look.h"

enum {
	OWED_MAX = 1024, /* requests of one call that wait */
	REPLY_MAX =
	    4 * 1024 * 1024, /* the clients' own limit, the two bytes and the length included */
	LINGER_MS = 5000,    /* how long a view is kept for the next call */
	/* And its subscription: clients that take picture after picture keep it, to others each call costs one picture. */
	SUB_LINGER_MS = 250,
	TRY_AGAIN_MS = 1000, /* after a picture that could not be made grey */
};

struct grpc_view {
	LIST_ENTRY(grpc_view) entry;
	struct grpc_peer *peer;
	struct fr_subscriber *sub; /* NULL: nobody asks now */
	struct fr_frame
	    *reply;     /* of the picture that was shown last, or is on its way; NULL: none yet */
	uint64_t shown; /* number of the last picture that has gone to the client */
	bool in_flight; /* a picture of `sub` is on its way */
	unsigned carriers; /* calls whose reply it is */
	int64_t asked_us;  /* when somebody asked last */
	int64_t failed_us; /* when its pictures could not be made grey, for `why`; 0: they can */
	struct fr_cause why;
	char stream[FR_NAME_MAX + 1];
};

/* --- Base64, once for all connections --------------------------------------------------------- */

static void drop_text(struct grpc_text *text)
{
	fr_frame_unref(text->of);
	fr_frame_unref(text->made);
	*text = (struct grpc_text){0};
}

/* @return the picture's base64, borrowed until the next call; NULL: there is no room for it */
static struct fr_frame *text_of(struct grpc_door *d, struct fr_frame *picture)
{
	struct grpc_text *text;
	struct fr_frame *made;
	size_t size;

	for (unsigned i = 0; i < GRPC_TEXTS; i++)
		if (d->texts[i].made != NULL && d->texts[i].of == picture)
			return d->texts[i].made;
	made = fr_base64_encode(
	    fr_relay_pool(d->env.relay), fr_frame_bytes(picture), fr_frame_size(picture), &size);
	if (made == NULL)
		return NULL;
	fr_frame_finish(made, size, fr_frame_info(picture));
	text = &d->texts[d->text_count++ % GRPC_TEXTS];
	drop_text(text);
	*text = (struct grpc_text){.of = fr_frame_ref(picture), .made = made};
	return made;
}

/* --- The view --------------------------------------------------------------------------------- */

static void drop_picture(struct grpc_view *v, int64_t now_us)
{
	fr_subscriber_free(v->sub, now_us); /* which counts what was on its way */
	v->sub = NULL;
	v->in_flight = false;
}

static void free_view(struct grpc_view *v, int64_t now_us)
{
	drop_picture(v, now_us);
	fr_frame_unref(v->reply);
	LIST_REMOVE(v, entry);
	if (--v->peer->door->view_count == 0) /* nobody will ask for these again */
		for (unsigned i = 0; i < GRPC_TEXTS; i++)
			drop_text(&v->peer->door->texts[i]);
	free(v);
}

void fr_grpc_views_free(struct grpc_peer *p, int64_t now_us)
{
	struct grpc_view *v;

	while ((v = LIST_FIRST(&p->views)) != NULL)
		free_view(v, now_us);
}

static bool is_used(const struct grpc_view *v)
{
	const struct grpc_call *c;

	LIST_FOREACH (c, &v->peer->calls, entry)
		if (c->view == v)
			return true;
	return false;
}

int64_t fr_grpc_views_tick(struct grpc_peer *p, int64_t now_us)
{
	struct grpc_view *v, *next;
	int64_t due_us = 0;

	for (v = LIST_FIRST(&p->views); v != NULL; v = next) {
		next = LIST_NEXT(v, entry);
		if (is_used(v))
			continue;
		if (now_us - v->asked_us >= LINGER_MS * INT64_C(1000)) {
			free_view(v, now_us);
			continue;
		}
		if (v->sub != NULL && now_us - v->asked_us >= SUB_LINGER_MS * INT64_C(1000))
			drop_picture(v, now_us);
		due_us = fr_look_earlier(due_us,
		    v->asked_us + (v->sub != NULL ? SUB_LINGER_MS : LINGER_MS) * INT64_C(1000));
	}
	return due_us;
}

static bool is_waiting(const struct grpc_view *v, const struct grpc_call *c)
{
	return c->view == v && c->owed != 0 && !c->has_out && !c->out_is_whole && !c->is_ending;
}

static bool is_live(const struct grpc_view *v, int64_t now_us)
{
	struct fr_stream_info info;

	return fr_relay_stream(v->peer->door->env.relay, v->stream, now_us, &info) &&
	       info.state == FR_STREAM_LIVE;
}

static void answer(struct grpc_call *c, struct fr_frame *reply)
{
	uint8_t head[1 + 5], *at = head;
	size_t size = fr_frame_size(reply);

	*at++ = 1 << 3 | 2; /* field 1, bytes */
	for (; size >= 0x80; size >>= 7)
		*at++ = (uint8_t)(size | 0x80);
	*at++ = (uint8_t)size;
	c->owed--;
	c->asked_us = c->owed != 0 ? fr_clock_now_us() : 0;
	fr_grpc_call_reply(c, head, (size_t)(at - head), reply);
}

/* Answers every call that waits. @return false: the picture cannot be sent; counted */
static bool show(struct grpc_view *v, struct fr_frame *picture)
{
	struct fr_frame *reply = text_of(v->peer->door, picture);
	struct grpc_call *c;

	v->shown = fr_frame_info(picture)->sequence;
	v->failed_us = 0;
	if (reply == NULL || fr_frame_size(reply) + 1 + 4 > REPLY_MAX) {
		fr_stat_rejected(
		    "grpc", reply == NULL ? FR_REASON_memory_budget : FR_REASON_grpc_too_big);
		return false;
	}
	v->in_flight = true;
	v->carriers = 0;
	fr_frame_unref(v->reply);
	v->reply = fr_frame_ref(reply);
	LIST_FOREACH (c, &v->peer->calls, entry) {
		if (c->view != v)
			continue;
		/* Some may still send the one before: that is not this one. */
		c->carries = is_waiting(v, c);
		if (!c->carries)
			continue;
		v->carriers++;
		answer(c, reply);
	}
	return true;
}

/* A connection's calls may be of different people, and a view is shared: so each request is judged. */
static bool may_see(struct grpc_call *c)
{
	struct fr_refusal refusal;

	if (fr_access_allows(fr_relay_access(c->peer->door->env.relay), &c->who, FR_RIGHT_SUBSCRIBE,
	        c->stream, &refusal))
		return true;
	fr_stat_rejected("grpc", refusal.reason);
	fr_grpc_call_refuse(c, &refusal);
	return false;
}

static void on_ready(void *arg)
{
	struct grpc_view *v = arg;

	fr_grpc_peer_pump(v->peer);
}

static void on_closed(void *arg, const struct fr_refusal *refusal)
{
	struct grpc_view *v = arg;
	struct grpc_peer *p = v->peer;
	const int64_t now_us = fr_clock_now_us();
	struct grpc_call *c;

	if (refusal->code == 415) { /* the next picture may be better */
		v->failed_us = now_us;
		v->why = refusal->why;
	} else {
		LIST_FOREACH (c, &p->calls, entry) {
			if (c->view != v)
				continue;
			if (refusal->code != 401 && refusal->code != 403)
				fr_grpc_call_refuse(c, refusal);
			else
				(void)may_see(c); /* who still may subscribes anew */
		}
	}
	drop_picture(v, now_us);
	fr_grpc_peer_pump(p);
}

/* @return whether there is a subscription; else the call was refused, or goes on waiting */
static bool subscribe(struct grpc_view *v, struct grpc_call *c, int64_t now_us)
{
	static const struct fr_subscriber_ops ops = {.on_ready = on_ready, .on_closed = on_closed};
	struct fr_subscribe_spec spec = {.door = "grpc",
	    .kind = "getStream",
	    .who = c->who,
	    .queue_frames = 1,
	    .rendition = {.gray = true}};
	struct fr_refusal refusal;

	if (v->sub != NULL)
		return true;
	if (v->failed_us != 0 && now_us - v->failed_us < TRY_AGAIN_MS * INT64_C(1000))
		return false;
	memcpy(spec.stream, v->stream, sizeof(v->stream));
	if (fr_relay_subscribe(
	        v->peer->door->env.relay, &spec, &ops, v, now_us, &v->sub, &refusal) == 0)
		return true;
	fr_grpc_call_refuse(c, &refusal);
	return false;
}

/* Takes a picture that the client has not seen, if one waits. */
static void take(struct grpc_view *v, int64_t now_us)
{
	struct fr_frame *frame;

	while (!v->in_flight && (frame = fr_subscriber_next(v->sub, now_us)) != NULL) {
		if (!is_live(v, now_us))
			fr_subscriber_hide(v->sub);
		else if (fr_frame_info(frame)->sequence <= v->shown || !show(v, frame))
			fr_subscriber_give_up(v->sub);
		fr_frame_unref(frame);
	}
}

/* --- The calls -------------------------------------------------------------------------------- */

/* Its stream may come to be known while it waits. @return whether it has a view */
static bool find_view(struct grpc_call *c)
{
	struct grpc_peer *p = c->peer;
	struct grpc_view *v;

	if (c->view != NULL)
		return true;
	if (c->stream[0] == '\0' && !fr_relay_default_stream(p->door->env.relay, c->stream))
		return false;
	if (!may_see(c))
		return false;
	LIST_FOREACH (v, &p->views, entry)
		if (strcmp(v->stream, c->stream) == 0)
			break;
	if (v == NULL) {
		v = fr_xcalloc(1, sizeof(*v));
		v->peer = p;
		memcpy(v->stream, c->stream, sizeof(v->stream));
		LIST_INSERT_HEAD(&p->views, v, entry);
		p->door->view_count++;
	}
	c->view = v;
	return true;
}

static void go_on(struct grpc_call *c, int64_t now_us)
{
	if (c->owed == 0) {
		if (c->half_closed)
			fr_grpc_call_end(c, FR_GRPC_OK, "%s", "");
		return;
	}
	if (find_view(c) && subscribe(c->view, c, now_us))
		take(c->view, now_us);
}

static void on_message(struct grpc_call *c, const uint8_t *bytes, size_t size, int64_t now_us)
{
	Request *request = fr_protobuf_unpack(&request__descriptor, bytes, size);
	struct fr_stream_info info;
	bool has_view;

	if (request == NULL) {
		fr_grpc_call_fail(
		    c, FR_GRPC_INVALID_ARGUMENT, FR_REASON_grpc_message, "this is no Request");
		return;
	}
	if (c->view == NULL && fr_text_is_name(request->msg) &&
	    fr_relay_stream(c->peer->door->env.relay, request->msg, now_us, &info))
		(void)snprintf(c->stream, sizeof(c->stream), "%s", request->msg);
	request__free_unpacked(request, NULL);
	if (c->owed == OWED_MAX) {
		fr_grpc_call_fail(c, FR_GRPC_RESOURCE_EXHAUSTED, FR_REASON_grpc_message,
		    "more than %d requests wait", OWED_MAX);
		return;
	}
	has_view = c->view != NULL ? may_see(c) : find_view(c);
	if (has_view)
		c->view->asked_us = now_us;
	if (!c->is_ending && c->owed++ == 0)
		c->asked_us = now_us;
}

static void on_sent(struct grpc_call *c)
{
	struct grpc_view *v = c->view;

	if (!c->carries)
		return;
	c->carries = false;
	v->carriers--;
	if (v->in_flight) { /* the first of those that carry it */
		v->in_flight = false;
		fr_subscriber_sent(v->sub);
	}
}

static void on_leave(struct grpc_call *c, int64_t now_us)
{
	struct grpc_view *v = c->view;

	if (v == NULL)
		return;
	fr_grpc_look(c->peer->door, now_us + SUB_LINGER_MS * INT64_C(1000));
	if (!c->carries)
		return;
	if (--v->carriers == 0 && v->in_flight)
		drop_picture(v, now_us);
}

static void on_tick(struct grpc_call *c, int64_t now_us)
{
	struct grpc_view *v;
	const int64_t waited_us = now_us - c->asked_us;

	if (c->owed == 0 || c->has_out || c->out_is_whole)
		return;
	(void)find_view(c);
	if (c->is_ending)
		return; /* it may not see it */
	v = c->view;
	if (v != NULL && v->reply != NULL && !v->in_flight &&
	    waited_us >= GRPC_HOLD_MS * INT64_C(1000) && is_live(v, now_us)) {
		fr_stat_add(FR_STAT_frames_repeated, 1);
		answer(c, v->reply);
	} else if (waited_us >= GRPC_WAIT_MS * INT64_C(1000)) {
		fr_grpc_call_fail(c, FR_GRPC_UNAVAILABLE, FR_REASON_no_frame_yet,
		    "no picture%s%s within %d s%s%s", v != NULL ? " of " : "",
		    v != NULL ? v->stream : "", GRPC_WAIT_MS / 1000,
		    v != NULL && v->failed_us != 0 ? ": " : "",
		    v != NULL && v->failed_us != 0 ? v->why.text : "");
	}
}

const struct grpc_method fr_grpc_get_stream = {
    .path = "/MainServer/getStream",
    .most = fr_grpc_most_small,
    .message = on_message,
    .go_on = go_on,
    .sent = on_sent,
    .tick = on_tick,
    .leave = on_leave,
};
