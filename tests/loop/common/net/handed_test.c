/* SPDX-License-Identifier: MIT */
/* Sockets that were handed over: found by name and kind, listened at again and again, refused in words. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/net/datagrams.h"
#include "common/net/handed.h"
#include "common/net/listener.h"
#include "common/net/loop.h"
#include "tests/support/loop_runner.h"

enum {
	FIRST = 200,
	STREAM = FIRST,
	DATAGRAM,
	CONNECTED,
	PACKETS,
	TWIN,
	NO_SOCKET,
	UNIX_DATAGRAM,
	COUNT = UNIX_DATAGRAM - FIRST + 1,
};

static const char names[] = "web:web:peer:packets:twin:twin:files";

struct scene {
	struct fr_loop *loop;
	struct fr_cause why;
	size_t accepted, datagrams;
};

static void put(int fd, int at)
{
	assert_true(fd >= 0);
	assert_int_equal(dup2(fd, at), at);
	(void)close(fd);
}

static int bound(int type)
{
	const struct sockaddr_in any = {
	    .sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
	const int fd = socket(AF_INET, type, 0);

	assert_int_equal(bind(fd, (const struct sockaddr *)&any, sizeof(any)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 10), 0);
	return fd;
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	struct fr_handed *handed;
	int pair[2];

	put(bound(SOCK_STREAM), STREAM);
	put(bound(SOCK_DGRAM), DATAGRAM);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	put(pair[0], CONNECTED);
	(void)close(pair[1]);
	put(socket(AF_UNIX, SOCK_SEQPACKET, 0), PACKETS);
	put(bound(SOCK_STREAM), TWIN);
	put(bound(SOCK_STREAM), NO_SOCKET);
	put(socket(AF_UNIX, SOCK_DGRAM, 0), UNIX_DATAGRAM);
	s->loop = fr_test_loop();
	assert_int_equal(fr_handed_new(FIRST, "7", names, &handed, &s->why), 0);
	fr_loop_set_handed(s->loop, handed);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	fr_loop_free(s->loop);
	for (int fd = FIRST; fd < FIRST + COUNT; fd++)
		assert_int_equal(fcntl(fd, F_GETFD), -1); /* they were closed with the loop */
	free(s);
	return 0;
}

static void on_accept(void *arg, int fd, const struct fr_addr *peer)
{
	struct scene *s = arg;

	(void)peer;
	(void)close(fd);
	s->accepted++;
}

static bool has_accepted(void *arg)
{
	return ((struct scene *)arg)->accepted != 0;
}

static struct fr_listener *listening(struct scene *s, const char *text)
{
	struct fr_listener *listener;
	struct fr_addr addr;

	assert_int_equal(fr_addr_parse(text, &addr, NULL), 0);
	if (fr_listener_new(s->loop, "test", &addr, on_accept, s, &listener, &s->why) < 0)
		fail_msg("%s", s->why.text);
	return listener;
}

static int client(const struct fr_addr *to)
{
	struct sockaddr_storage sa;
	const socklen_t length = fr_addr_to_sockaddr(to, &sa);
	const int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&sa, length), 0);
	return fd;
}

static void who_connects_between_two_listeners_waits(void **state)
{
	struct scene *s = *state;
	struct fr_listener *listener = listening(s, "systemd:web");
	const struct fr_addr at = *fr_listener_addr(listener);
	int fd;

	assert_int_equal(at.kind, FR_ADDR_IPV4);
	assert_int_not_equal(at.port, 0);
	assert_true((fcntl(STREAM, F_GETFD) & FD_CLOEXEC) != 0);
	fr_listener_free(listener);
	fr_test_turn(s->loop, 1);
	fd = client(&at);
	fr_test_turn(s->loop, 5);
	assert_int_equal(s->accepted, 0);
	listener = listening(s, "systemd:web");
	fr_test_until(s->loop, has_accepted, s);
	assert_int_equal(fr_listener_addr(listener)->port, at.port);
	fr_listener_free(listener);
	(void)close(fd);
}

static void on_datagram(void *arg, const struct fr_datagram_path *path, const uint8_t *bytes,
    size_t size, int64_t now_us)
{
	struct scene *s = arg;

	(void)bytes;
	(void)now_us;
	assert_int_equal(size, 3);
	assert_int_equal(path->to.kind, FR_ADDR_IPV4); /* the socket was made ready for this */
	s->datagrams++;
}

static bool has_datagram(void *arg)
{
	return ((struct scene *)arg)->datagrams != 0;
}

static void datagrams_come_by_a_socket_of_the_same_name(void **state)
{
	static const struct fr_datagrams_ops ops = {.on_datagram = on_datagram};
	struct scene *s = *state;
	struct fr_datagrams *datagrams;
	struct sockaddr_storage sa;
	struct fr_addr addr;
	socklen_t length;
	int fd;

	assert_int_equal(fr_addr_parse("systemd:web", &addr, NULL), 0);
	assert_int_equal(
	    fr_datagrams_new(s->loop, "test", &addr, 0, &ops, s, &datagrams, &s->why), 0);
	length = fr_addr_to_sockaddr(fr_datagrams_addr(datagrams), &sa);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(sendto(fd, "abc", 3, 0, (struct sockaddr *)&sa, length), 3);
	fr_test_until(s->loop, has_datagram, s);
	fr_datagrams_free(datagrams);
	(void)close(fd);
}

static void what_does_not_fit_is_refused_in_words(void **state)
{
	static const struct {
		const char *name;
		int type;
		const char *words;
	} rows[] = {
	    {"frames", SOCK_STREAM, "systemd:frames: no socket of this name was handed over"},
	    {"frames", SOCK_STREAM, "there are: web, web, peer, packets, twin, twin, files"},
	    {"web", SOCK_SEQPACKET, "this door needs a socket of another type"},
	    {"files", SOCK_STREAM,
	        "it is a datagram socket (ListenDatagram=), and this door needs a stream socket"},
	    {"twin", SOCK_DGRAM, "it is a stream socket (ListenStream=), and this door needs"},
	    {"packets", SOCK_STREAM, "it is a socket of another type"},
	    {"twin", SOCK_STREAM, "several sockets of one kind have this name"},
	    {"peer", SOCK_STREAM, "it is a connection, no listening socket"},
	};
	struct scene *s = *state;
	struct fr_addr addr;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(fr_handed_open(fr_loop_handed(s->loop), rows[i].name, rows[i].type,
		                     &addr, &s->why),
		    -EINVAL);
		if (strstr(s->why.text, rows[i].words) == NULL)
			fail_msg("%s", s->why.text);
	}
}

static void a_datagram_door_takes_no_unix_socket(void **state)
{
	static const struct fr_datagrams_ops ops = {.on_datagram = on_datagram};
	struct scene *s = *state;
	struct fr_datagrams *datagrams;
	struct fr_addr addr;

	assert_int_equal(fr_addr_parse("systemd:files", &addr, NULL), 0);
	assert_int_equal(
	    fr_datagrams_new(s->loop, "test", &addr, 0, &ops, s, &datagrams, &s->why), -EINVAL);
	assert_non_null(strstr(s->why.text, "it is a unix socket"));
}

static void without_any_the_sentence_says_how_to_start(void **state)
{
	struct fr_cause why;
	struct fr_addr addr;
	(void)state;

	assert_int_equal(fr_handed_open(NULL, "web", SOCK_STREAM, &addr, &why), -EINVAL);
	assert_non_null(strstr(why.text, "through its .socket unit"));
}

static void what_is_no_socket_is_said_to_be_none(void **state)
{
	struct fr_handed *handed;
	struct fr_cause why;
	struct fr_addr addr;
	int ends[2];
	(void)state;

	assert_int_equal(pipe(ends), 0);
	put(ends[0], FIRST);
	assert_int_equal(fr_handed_new(FIRST, "1", NULL, &handed, &why), 0);
	assert_int_equal(fr_handed_open(handed, "unknown", SOCK_STREAM, &addr, &why), -EINVAL);
	assert_non_null(strstr(why.text, "systemd:unknown: it is no socket"));
	fr_handed_free(handed);
	(void)close(ends[1]);
}

static void counts_and_names_that_do_not_fit_are_refused(void **state)
{
	static const char *const rows[][2] = {{"", NULL}, {"x", NULL}, {"-1", NULL}, {"257", NULL},
	    {"1x", NULL}, {"99999999999999999999", NULL}, {"2", "one"}, {"1", "one:two"},
	    {"0", "one"}};
	char name[300];
	struct fr_handed *handed;
	struct fr_cause why;
	(void)state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    fr_handed_new(FIRST, rows[i][0], rows[i][1], &handed, &why), -EINVAL);
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(fr_handed_new(FIRST, "1", name, &handed, &why), -EINVAL);
	assert_int_equal(fr_handed_new(FIRST, "0", NULL, &handed, &why), 0);
	fr_handed_free(handed);
	fr_handed_free(NULL);
}

static void the_environment_is_read_once_and_only_when_it_is_ours(void **state)
{
	static const char *const variables[] = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"};
	struct fr_handed *handed = NULL;
	struct fr_cause why;
	char pid[20];
	(void)state;

	(void)setenv("LISTEN_PID", "1", 1);
	(void)setenv("LISTEN_FDS", "nonsense", 1);
	(void)setenv("LISTEN_FDNAMES", "a", 1);
	assert_int_equal(fr_handed_from_environment(&handed, &why), 0);
	assert_null(handed);
	for (size_t i = 0; i < 3; i++)
		assert_null(getenv(variables[i]));
	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "nonsense", 1);
	assert_int_equal(fr_handed_from_environment(&handed, &why), -EINVAL);
	assert_null(getenv("LISTEN_FDS"));
	(void)setenv("LISTEN_PID", pid, 1);
	(void)setenv("LISTEN_FDS", "0", 1);
	assert_int_equal(fr_handed_from_environment(&handed, &why), 0);
	assert_non_null(handed);
	fr_handed_free(handed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(who_connects_between_two_listeners_waits),
	    TEST(datagrams_come_by_a_socket_of_the_same_name),
	    TEST(what_does_not_fit_is_refused_in_words),
	    TEST(a_datagram_door_takes_no_unix_socket),
	    cmocka_unit_test(without_any_the_sentence_says_how_to_start),
	    cmocka_unit_test(what_is_no_socket_is_said_to_be_none),
	    cmocka_unit_test(counts_and_names_that_do_not_fit_are_refused),
	    cmocka_unit_test(the_environment_is_read_once_and_only_when_it_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
