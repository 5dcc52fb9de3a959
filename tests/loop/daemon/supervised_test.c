/* SPDX-License-Identifier: MIT */
/* What a service manager is told: in which words, when, and that a loop that is stuck says nothing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/stats.h"
#include "common/base/text.h"
#include "common/media/frame.h"
#include "common/net/loop.h"
#include "common/net/notify.h"
#include "daemon/relay/relay.h"
#include "daemon/supervised.h"
#include "tests/support/loop_runner.h"

struct manager {
	struct fr_limits limits;
	struct fr_loop *loop;
	struct fr_frame_pool *pool;
	struct fr_relay *relay;
	struct fr_supervised *supervised;
	int fd;
	char folder[40], path[64];
	char heard[4096]; /* all that came */
	bool has_problem;
};

/* Listens at a path, or at a name without a file, and says so in the environment. */
static void listen_at(struct manager *m, bool is_abstract)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t length;

	(void)snprintf(m->path, sizeof(m->path), "%s%s/notify", is_abstract ? "@" : "", m->folder);
	length = strlen(m->path);
	memcpy(at.sun_path, m->path, length);
	if (is_abstract)
		at.sun_path[0] = '\0';
	m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(m->fd, (struct sockaddr *)&at,
	                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
	    0);
	(void)setenv("NOTIFY_SOCKET", m->path, 1);
}

static int setup(void **state)
{
	struct manager *m = calloc(1, sizeof(*m));

	fr_stats_reset();
	m->limits = fr_limits_default();
	m->loop = fr_test_loop();
	m->pool = fr_frame_pool_new(0);
	m->relay = fr_relay_new(&m->limits, m->pool);
	m->fd = -1;
	(void)snprintf(m->folder, sizeof(m->folder), "/tmp/fr-notify-XXXXXX");
	assert_non_null(mkdtemp(m->folder));
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct manager *m = *state;

	fr_supervised_free(m->supervised);
	fr_loop_free(m->loop);
	fr_relay_free(m->relay);
	fr_frame_pool_free(m->pool);
	if (m->fd >= 0)
		(void)close(m->fd);
	(void)unlink(m->path);
	(void)rmdir(m->folder);
	free(m);
	return 0;
}

/* Takes one datagram. @return false: none waits */
static bool hear(struct manager *m)
{
	const size_t had = strlen(m->heard);
	const ssize_t n = recv(m->fd, m->heard + had, sizeof(m->heard) - had - 1, 0);

	if (n < 0)
		return false;
	m->heard[had + (size_t)n] = '\0';
	return true;
}

static void heard(struct manager *m, const char *text)
{
	while (hear(m))
		;
	assert_string_equal(m->heard, text);
	m->heard[0] = '\0';
}

static void problems(void *arg, struct fr_text *to)
{
	if (((struct manager *)arg)->has_problem)
		fr_text_add(to, "; something is wrong");
}

static void begin(struct manager *m)
{
	assert_int_equal(
	    fr_supervised_new(m->loop, m->relay, problems, m, &m->supervised, NULL), 0);
}

static void each_step_is_told(void **state)
{
	struct manager *m = *state;
	char *at;

	listen_at(m, false);
	begin(m);
	heard(m, "");
	fr_supervised_ready(m->supervised);
	heard(m, "READY=1\nSTATUS=0 viewers, 0 streams live\n");
	assert_null(getenv("NOTIFY_SOCKET"));
	fr_supervised_reloading(m->supervised);
	while (hear(m))
		;
	at = strstr(m->heard, "RELOADING=1\nMONOTONIC_USEC=");
	assert_ptr_equal(at, m->heard);
	assert_in_range(
	    fr_clock_now_us() - strtoll(strrchr(m->heard, '=') + 1, NULL, 10), 0, 60 * 1000 * 1000);
	m->heard[0] = '\0';
	m->has_problem = true;
	fr_supervised_ready(m->supervised);
	heard(m, "READY=1\nSTATUS=0 viewers, 0 streams live; something is wrong\n");
	fr_supervised_stopping(m->supervised);
	heard(m, "STOPPING=1\n");
}

static void a_manager_may_have_a_name_and_no_file(void **state)
{
	struct manager *m = *state;

	listen_at(m, true);
	begin(m);
	fr_supervised_ready(m->supervised);
	heard(m, "READY=1\nSTATUS=0 viewers, 0 streams live\n");
}

static bool hears_life(void *arg)
{
	struct manager *m = arg;

	while (hear(m))
		;
	return strstr(m->heard, "WATCHDOG=1\n") != NULL;
}

static void a_loop_that_turns_is_alive_and_one_that_is_stuck_is_not(void **state)
{
	struct manager *m = *state;

	listen_at(m, false);
	(void)setenv("WATCHDOG_USEC", "20000", 1);
	begin(m);
	assert_null(getenv("WATCHDOG_USEC"));
	fr_test_until(m->loop, hears_life, m);
	(void)hears_life(m);
	m->heard[0] = '\0';
	(void)usleep(100 * 1000); /* ten times its half; nothing turns the loop */
	heard(m, "");
	fr_test_until(m->loop, hears_life, m);
}

static void a_watchdog_for_another_process_is_not_fed(void **state)
{
	struct manager *m = *state;
	struct fr_notify *notify;
	static const char *const rows[][2] = {
	    {"20000", "1"}, {"0", NULL}, {"-5", NULL}, {"x", NULL}, {"99999999999999999999", NULL}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		listen_at(m, true);
		(void)setenv("WATCHDOG_USEC", rows[i][0], 1);
		if (rows[i][1] != NULL)
			(void)setenv("WATCHDOG_PID", rows[i][1], 1);
		notify = fr_notify_from_environment();
		assert_int_equal(fr_notify_watchdog_us(notify), 0);
		fr_notify_alive(notify);
		heard(m, "");
		fr_notify_free(notify);
		(void)close(m->fd);
	}
	m->fd = -1;
}

static void what_must_be_told_waits_until_it_is_taken(void **state)
{
	struct manager *m = *state;
	struct fr_notify *notify;
	char line[40];

	listen_at(m, false);
	notify = fr_notify_from_environment();
	for (unsigned i = 0; i < 2000; i++) {
		(void)snprintf(line, sizeof(line), "line %u", i);
		fr_notify_status(notify, line); /* until the queue is full; the rest is lost */
	}
	fr_notify_ready(notify);
	fr_notify_stopping(notify);
	while (hear(m))
		m->heard[0] = '\0';
	fr_notify_alive(notify);
	heard(m, "READY=1\nSTOPPING=1\n");
	/* More than there is room for: the newest counts. */
	for (unsigned i = 0; i < 2000; i++) {
		(void)snprintf(line, sizeof(line), "line %u", i);
		fr_notify_status(notify, line);
	}
	for (unsigned i = 0; i < 40; i++)
		fr_notify_ready(notify);
	fr_notify_stopping(notify);
	while (hear(m))
		m->heard[0] = '\0';
	fr_notify_alive(notify);
	while (hear(m))
		;
	assert_non_null(strstr(m->heard, "STOPPING=1\n"));
	fr_notify_free(notify);
}

static void the_same_line_is_told_once(void **state)
{
	struct manager *m = *state;
	struct fr_notify *notify;

	listen_at(m, false);
	notify = fr_notify_from_environment();
	fr_notify_status(notify, "a");
	fr_notify_status(notify, "a");
	fr_notify_status(notify, "b");
	heard(m, "STATUS=a\nSTATUS=b\n");
	fr_notify_free(notify);
}

static void a_manager_that_is_gone_harms_nobody(void **state)
{
	struct manager *m = *state;
	struct fr_notify *notify;

	listen_at(m, false);
	notify = fr_notify_from_environment();
	(void)close(m->fd);
	m->fd = -1;
	(void)unlink(m->path);
	fr_notify_ready(notify);
	fr_notify_status(notify, "a");
	fr_notify_alive(notify);
	fr_notify_free(notify);
}

static void without_a_manager_nothing_happens(void **state)
{
	static const char *const wrong[] = {"", "/", "@", "relative/path", "vsock:2:1234"};
	struct manager *m = *state;
	char path[109] = "/"; /* one more than there is room for, with its NUL */

	begin(m);
	assert_null(m->supervised);
	fr_supervised_reloading(NULL);
	fr_supervised_ready(NULL);
	fr_supervised_stopping(NULL);
	fr_notify_ready(NULL);
	fr_notify_reloading(NULL, 0);
	fr_notify_stopping(NULL);
	fr_notify_status(NULL, "a");
	fr_notify_alive(NULL);
	fr_notify_free(NULL);
	assert_int_equal(fr_notify_watchdog_us(NULL), 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		(void)setenv("NOTIFY_SOCKET", wrong[i], 1);
		assert_null(fr_notify_from_environment());
	}
	memset(path, '/', sizeof(path) - 1);
	(void)setenv("NOTIFY_SOCKET", path, 1);
	assert_null(fr_notify_from_environment());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(each_step_is_told),
	    TEST(a_manager_may_have_a_name_and_no_file),
	    TEST(a_loop_that_turns_is_alive_and_one_that_is_stuck_is_not),
	    TEST(a_watchdog_for_another_process_is_not_fed),
	    TEST(what_must_be_told_waits_until_it_is_taken),
	    TEST(the_same_line_is_told_once),
	    TEST(a_manager_that_is_gone_harms_nobody),
	    TEST(without_a_manager_nothing_happens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
