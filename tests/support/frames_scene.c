/* SPDX-License-Identifier: MIT */
#include "tests/support/frames_scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <netinet/in.h>

#include <cmocka.h>

#include "common/base/log.h"
#include "common/media/frame.h"
#include "common/net/admission.h"
#include "common/net/loop.h"
#include "daemon/doors/doors.h"
#include "daemon/doors/logins.h"
#include "daemon/relay/relay.h"
#include "daemon/service.h"
#include "tests/support/loop_runner.h"

static void on_signal(void *arg)
{
	(void)arg;
}

int fr_test_door_setup(void **state, const char *kind)
{
	static const struct fr_service_ops ops = {.on_stop = on_signal, .on_reload = on_signal};
	struct fr_test_frames *f = calloc(1, sizeof(*f));

	fr_stats_reset();
	fr_log_setup(FR_LOG_ERROR, FR_LOG_TEXT);
	f->limits = fr_limits_default();
	f->limits.first_byte_timeout_ms = 300;
	f->limits.frame_timeout_ms = 300;
	f->limits.subscriber_stall_ms = 300;
	f->limits.takeover_ping_ms = 200;
	f->limits.linger_close_ms = 200;
	f->limits.ping_interval_ms = 0; /* bytes are counted; no question between them */
	f->loop = fr_test_loop();
	f->pool = fr_frame_pool_new(0);
	f->relay = fr_relay_new(&f->limits, f->pool);
	f->admission = fr_admission_new(&f->limits);
	f->logins = fr_logins_new(f->relay, &f->limits, f->loop);
	assert_int_equal(
	    fr_service_new(f->loop, f->relay, &f->limits, &ops, NULL, &f->service, NULL), 0);
	f->kind = kind;
	f->options = fr_options_new(fr_door_find(kind)->options);
	f->picture = fr_test_jpeg(64, 48, 80, 1);
	*state = f;
	return 0;
}

int fr_test_frames_setup(void **state)
{
	return fr_test_door_setup(state, "frames");
}

int fr_test_http_setup(void **state)
{
	const int r = fr_test_door_setup(state, "http");
	struct fr_test_frames *f = *state;

	/* A test that is about a deadline makes it short itself. */
	f->limits.first_byte_timeout_ms = 15000;
	f->limits.frame_timeout_ms = 15000;
	f->limits.subscriber_stall_ms = 15000;
	return r;
}

void fr_test_frames_close(struct fr_test_frames *f)
{
	if (f->door != NULL)
		f->door->ops->close(f->door);
	f->door = NULL;
}

int fr_test_frames_teardown(void **state)
{
	struct fr_test_frames *f = *state;

	fr_test_frames_close(f);
	assert_int_equal(fr_relay_check(f->relay, NULL), 0);
	assert_int_equal(fr_stat_value(FR_STAT_connections_open), 0);
	fr_service_free(f->service);
	fr_loop_free(f->loop);
	fr_relay_free(f->relay);
	fr_logins_free(f->logins);
	fr_admission_free(f->admission);
	assert_int_equal(fr_frame_pool_frames(f->pool), 0);
	fr_frame_pool_free(f->pool);
	fr_options_free(f->options);
	fr_test_jpeg_done(&f->picture);
	free(f);
	return 0;
}

void fr_test_frames_set(struct fr_test_frames *f, const char *name, const char *value)
{
	assert_int_equal(fr_options_set(f->options, name, FR_VALUE_WORD, value, NULL), 0);
}

void fr_test_frames_open(struct fr_test_frames *f)
{
	const struct fr_door_env env = {.loop = f->loop,
	    .relay = f->relay,
	    .admission = f->admission,
	    .logins = f->logins,
	    .limits = &f->limits,
	    .announce = f->announce};
	struct fr_text lines = {0};
	struct fr_cause why = {.text = ""};

	fr_test_frames_set(f, "listen", "127.0.0.1:0");
	if (fr_door_find(f->kind)->open(&env, f->options, &f->door, &why) < 0)
		fail_msg("%s", why.text);
	f->door->ops = fr_door_find(f->kind);
	f->door->ops->announce(f->door, &lines);
	f->port = (uint16_t)strtoul(strstr(lines.text, "127.0.0.1:") + 10, NULL, 10);
	fr_text_done(&lines);
}

struct fr_test_peer *fr_test_client(struct fr_test_frames *f)
{
	const struct sockaddr_in sa = {.sin_family = AF_INET,
	    .sin_port = htons(f->port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct fr_test_peer *c = calloc(1, sizeof(*c));

	c->f = f;
	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(c->fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	return c;
}

void fr_test_say(struct fr_test_peer *c, const void *bytes, size_t size)
{
	assert_int_equal(send(c->fd, bytes, size, MSG_NOSIGNAL), size);
}

void fr_test_say_line(struct fr_test_peer *c, const char *line)
{
	fr_test_say(c, line, strlen(line));
}

void fr_test_leave(struct fr_test_peer *c)
{
	(void)close(c->fd);
	free(c);
}

static void receive(struct fr_test_peer *c)
{
	ssize_t n;

	while ((n = recv(c->fd, c->got + c->size, sizeof(c->got) - 1 - c->size, MSG_DONTWAIT)) > 0)
		c->size += (size_t)n;
	if (n == 0 || (n < 0 && errno != EAGAIN))
		c->closed = true;
	c->got[c->size] = '\0';
}

bool fr_test_is_closed(void *arg)
{
	struct fr_test_peer *c = arg;

	receive(c);
	return c->closed;
}

static bool has_wanted(void *arg)
{
	struct fr_test_peer *c = arg;

	receive(c);
	return c->size >= c->want;
}

/* Waits for so many bytes in all since the connection began. */
void fr_test_expect_bytes(struct fr_test_peer *c, size_t size)
{
	c->want = size;
	fr_test_until(c->f->loop, has_wanted, c);
}

static bool has_line(void *arg)
{
	struct fr_test_peer *c = arg;

	receive(c);
	return strchr((char *)c->got, '\n') != NULL;
}

void fr_test_expect_line(struct fr_test_peer *c, const char *line)
{
	fr_test_until(c->f->loop, has_line, c);
	assert_memory_equal(c->got, line, strlen(line));
}

static bool has_text(void *arg)
{
	struct fr_test_peer *c = arg;

	receive(c);
	return memmem(c->got, c->size, c->want_text, strlen(c->want_text)) != NULL;
}

const char *fr_test_expect_text(struct fr_test_peer *c, const char *text)
{
	c->want_text = text;
	fr_test_until(c->f->loop, has_text, c);
	return memmem(c->got, c->size, text, strlen(text));
}

void fr_test_expect_end(struct fr_test_peer *c, const char *answer)
{
	fr_test_until(c->f->loop, fr_test_is_closed, c);
	if (strstr((char *)c->got, answer) == NULL)
		fail_msg("the answer was \"%s\", not \"%s\"", c->got, answer);
}

uint64_t fr_test_rejected(enum fr_reason reason)
{
	return fr_stat_rejected_count(NULL, reason);
}

struct fr_test_peer *fr_test_welcomed(struct fr_test_frames *f, const char *hello)
{
	struct fr_test_peer *c = fr_test_client(f);

	fr_test_say_line(c, hello);
	fr_test_expect_line(c, "OK ");
	return c;
}

void fr_test_send_picture(struct fr_test_peer *c)
{
	const uint32_t length = htole32((uint32_t)c->f->picture.size);

	fr_test_say(c, &length, 4);
	fr_test_say(c, c->f->picture.bytes, c->f->picture.size);
}

size_t fr_test_record(uint8_t *to, uint8_t type, const void *payload, size_t size)
{
	const uint32_t length = htole32((uint32_t)(20 + size));

	memset(to, 0, 24);
	memcpy(to, &length, 4);
	to[4] = type;
	memcpy(to + 24, payload, size);
	return 24 + size;
}
