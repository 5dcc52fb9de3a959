/* SPDX-License-Identifier: MIT */
#include "tests/support/wire_scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/stats.h"
#include "common/media/frame.h"
#include "common/media/wire_write.h"
#include "common/net/loop.h"
#include "tests/support/loop_runner.h"

enum {
	CAME_MAX = 16 << 20,
};

static void free_here(struct fr_scene *s, unsigned letter)
{
	if (s->free_in != letter)
		return;
	fr_wire_client_free(s->client);
	s->client = NULL;
}

static void on_up(void *arg, const struct fr_hello_answer *answer)
{
	struct fr_scene *s = arg;

	s->ups++;
	s->live = answer == NULL ? -2 : answer->live;
	assert_true(fr_wire_client_is_up(s->client));
	free_here(s, 'u');
}

static void take_frame(struct fr_scene *s, const struct fr_wire_event *event)
{
	s->frames++;
	s->sequence = event->sequence;
	s->time_us = event->time_us;
	s->picture_size = event->size;
	if (event->size <= sizeof(s->picture))
		memcpy(s->picture, fr_frame_room(event->frame), event->size);
	fr_frame_unref(event->frame);
}

static void on_event(void *arg, const struct fr_wire_event *event)
{
	struct fr_scene *s = arg;

	switch (event->type) {
	case FR_WIRE_FRAME:
		take_frame(s, event);
		break;
	case FR_WIRE_PING:
		s->pings++;
		break;
	case FR_WIRE_PONG:
		s->pongs++;
		break;
	case FR_WIRE_DEMAND:
		s->demands++;
		s->subscribers = event->subscribers;
		s->rate_milli = event->rate_milli;
		break;
	case FR_WIRE_END:
		s->ends++;
		break;
	case FR_WIRE_MESSAGE:
		s->messages++;
		(void)snprintf(
		    s->text, sizeof(s->text), "%.*s", (int)event->size, (const char *)event->text);
		break;
	default:
		fail_msg("event %d", (int)event->type);
	}
	free_here(s, 'e');
}

static void on_drained(void *arg)
{
	struct fr_scene *s = arg;

	s->drained++;
	assert_true(fr_wire_client_is_idle(s->client));
	free_here(s, 'd');
}

static void on_down(void *arg, unsigned code, const char *reason, bool again)
{
	struct fr_scene *s = arg;

	s->downs++;
	s->code = code;
	s->again = again;
	(void)snprintf(s->reason, sizeof(s->reason), "%s", reason);
	assert_false(fr_wire_client_is_up(s->client));
	free_here(s, 'o');
}

static const struct fr_wire_client_ops ops = {
    .on_up = on_up,
    .on_event = on_event,
    .on_drained = on_drained,
    .on_down = on_down,
};

/* --- The server ------------------------------------------------------------------------------- */

void fr_scene_server_open(struct fr_scene *s)
{
	struct sockaddr_in sa = {.sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(s->port)};
	socklen_t length = sizeof(sa);
	const int on = 1;

	s->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	(void)setsockopt(s->listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(s->listening, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(listen(s->listening, 16), 0);
	assert_int_equal(getsockname(s->listening, (struct sockaddr *)&sa, &length), 0);
	s->port = ntohs(sa.sin_port);
}

void fr_scene_server_hang_up(struct fr_scene *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
	s->ended = false;
	s->came_size = 0;
}

void fr_scene_server_close(struct fr_scene *s)
{
	fr_scene_server_hang_up(s);
	if (s->listening >= 0)
		(void)close(s->listening);
	s->listening = -1;
}

/* Accepts and reads what is there. */
void fr_scene_server_turn(struct fr_scene *s)
{
	ssize_t n;

	if (s->fd < 0 && s->listening >= 0) {
		s->fd = accept4(s->listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		s->connections += s->fd >= 0;
	}
	if (s->fd < 0)
		return;
	n = read(s->fd, s->came + s->came_size, CAME_MAX - s->came_size);
	if (n > 0)
		s->came_size += (size_t)n;
	else if (n == 0 || errno != EAGAIN)
		s->ended = true;
}

void fr_scene_server_says(struct fr_scene *s, const void *bytes, size_t size)
{
	assert_int_equal(send(s->fd, bytes, size, MSG_NOSIGNAL), size);
}

bool fr_scene_server_got_it(void *arg)
{
	struct fr_scene *s = arg;

	fr_scene_server_turn(s);
	return memmem(s->came, s->came_size, s->wanted, strlen(s->wanted)) != NULL;
}

void fr_scene_server_waits_for(struct fr_scene *s, const char *text)
{
	s->wanted = text;
	fr_test_until(s->loop, fr_scene_server_got_it, s);
}

bool fr_scene_server_saw_the_end(void *arg)
{
	struct fr_scene *s = arg;

	fr_scene_server_turn(s);
	return s->ended;
}

bool fr_scene_server_has_a_connection(void *arg)
{
	struct fr_scene *s = arg;

	fr_scene_server_turn(s);
	return s->fd >= 0;
}

/* A FRAME record around a picture. @return its size */
size_t fr_scene_frame_record(struct fr_scene *s, uint8_t *to, size_t size, uint64_t sequence)
{
	const struct fr_frame_info info = {
	    .type = FR_FRAME_PICTURE, .sequence = sequence, .captured_us = 1700000000000000};
	uint8_t *picture = malloc(size);
	struct fr_frame *f;

	fr_test_fill(picture, size, (unsigned)sequence);
	picture[0] = 0xff;
	picture[1] = 0xd8;
	f = fr_frame_copy(s->pool, picture, size, &info);
	memcpy(to, fr_frame_record_prefix(f), FR_PREFIX_RECORD_BYTES);
	memcpy(to + FR_PREFIX_RECORD_BYTES, picture, size);
	fr_frame_unref(f);
	free(picture);
	return FR_PREFIX_RECORD_BYTES + size;
}

/* --- Scenes ----------------------------------------------------------------------------------- */

int fr_scene_setup(void **state)
{
	struct fr_scene *s = calloc(1, sizeof(*s));

	s->loop = fr_test_loop();
	s->pool = fr_frame_pool_new(0);
	s->limits = fr_limits_default();
	s->limits.ping_interval_ms = 0; /* unless a test is about it */
	s->came = malloc(CAME_MAX);
	s->fd = -1;
	fr_scene_server_open(s);
	(void)snprintf(s->spec.host, sizeof(s->spec.host), "127.0.0.1");
	s->spec.port = s->port;
	s->spec.retry = true;
	s->spec.retry_first_us = 20000;
	s->spec.retry_most_us = 50000;
	s->spec.hello = (struct fr_hello){.verb = FR_HELLO_SUB,
	    .stream = "cam",
	    .records = true,
	    .queue_frames = -1,
	    .queue_age_ms = -1};
	fr_stats_reset();
	*state = s;
	return 0;
}

int fr_scene_teardown(void **state)
{
	struct fr_scene *s = *state;

	fr_wire_client_free(s->client);
	fr_wire_client_free(NULL);
	fr_scene_server_close(s);
	fr_loop_free(s->loop);
	assert_int_equal(fr_frame_pool_frames(s->pool), 0);
	fr_frame_pool_free(s->pool);
	free(s->came);
	free(s);
	return 0;
}

void fr_scene_start(struct fr_scene *s)
{
	s->client = fr_wire_client_new(s->loop, s->pool, &s->limits, &s->spec, &ops, s);
}

bool fr_scene_is_up(void *arg)
{
	fr_scene_server_turn(arg);
	return ((struct fr_scene *)arg)->ups > 0;
}

bool fr_scene_is_down(void *arg)
{
	struct fr_scene *s = arg;

	fr_scene_server_turn(s);
	return s->downs >= (s->wanted_downs == 0 ? 1 : s->wanted_downs);
}

bool fr_scene_has_frames(void *arg)
{
	struct fr_scene *s = arg;

	return s->frames >= s->wanted_frames;
}

bool fr_scene_has_demand(void *arg)
{
	return ((struct fr_scene *)arg)->demands > 0;
}

bool fr_scene_has_message(void *arg)
{
	return ((struct fr_scene *)arg)->messages > 0;
}

bool fr_scene_is_drained(void *arg)
{
	struct fr_scene *s = arg;

	fr_scene_server_turn(s);
	return s->drained > 0;
}

bool fr_scene_is_freed(void *arg)
{
	struct fr_scene *s = arg;

	fr_scene_server_turn(s);
	return s->client == NULL;
}

bool fr_scene_knows_the_clock(void *arg)
{
	const struct fr_scene *s = arg;
	int64_t offset_us;

	return fr_wire_client_clock_offset(s->client, &offset_us);
}

/* Connected and welcomed, with records. */
void fr_scene_start_up(struct fr_scene *s)
{
	fr_scene_start(s);
	fr_scene_server_waits_for(s, "\n");
	fr_scene_server_says(s, "OK cam live=1\n", 14);
	fr_test_until(s->loop, fr_scene_is_up, s);
}

void fr_scene_start_plain(struct fr_scene *s)
{
	s->spec.plain = true;
	fr_scene_start(s);
	fr_test_until(s->loop, fr_scene_is_up, s);
	fr_test_until(s->loop, fr_scene_server_has_a_connection, s);
}

struct fr_frame *fr_scene_picture(struct fr_scene *s, size_t size)
{
	const struct fr_frame_info info = {.type = FR_FRAME_PICTURE, .sequence = 7};
	struct fr_frame *f = fr_frame_begin(s->pool, size);

	fr_test_fill(fr_frame_room(f), size, 7);
	fr_frame_finish(f, size, &info);
	return f;
}
