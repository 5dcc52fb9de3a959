/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/clock.h"
#include "common/base/stats.h"
#include "common/net/listener.h"
#include "common/net/loop.h"
#include "tests/support/loop_runner.h"

enum {
	MOST = 512,
};

struct door {
	struct fr_loop *loop;
	struct fr_listener *listener;
	int fds[MOST]; /* accepted, -1: closed by the test */
	struct fr_addr peers[MOST];
	size_t accepted, wanted;
	bool free_in_accept;
	struct fr_cause why;
	char folder[64];
};

static void on_accept(void *arg, int fd, const struct fr_addr *peer)
{
	struct door *d = arg;

	assert_true(d->accepted < MOST);
	d->peers[d->accepted] = *peer;
	d->fds[d->accepted++] = fd;
	(void)!write(fd, "A", 1);
	if (d->free_in_accept) {
		fr_listener_free(d->listener);
		d->listener = NULL;
	}
}

static bool all_accepted(void *arg)
{
	const struct door *d = arg;

	return d->accepted >= d->wanted;
}

static int setup(void **state)
{
	struct door *d = calloc(1, sizeof(*d));

	d->loop = fr_test_loop();
	(void)snprintf(d->folder, sizeof(d->folder), "/tmp/fr-listener-XXXXXX");
	assert_non_null(mkdtemp(d->folder));
	fr_stats_reset();
	*state = d;
	return 0;
}

static void close_accepted(struct door *d)
{
	for (size_t i = 0; i < d->accepted; i++)
		if (d->fds[i] >= 0)
			(void)close(d->fds[i]);
	d->accepted = 0;
}

static int teardown(void **state)
{
	struct door *d = *state;

	fr_listener_free(d->listener);
	fr_loop_free(d->loop);
	close_accepted(d);
	(void)rmdir(d->folder);
	free(d);
	return 0;
}

static int listen_at(struct door *d, const struct fr_addr *addr)
{
	return fr_listener_new(d->loop, "test", addr, on_accept, d, &d->listener, &d->why);
}

static struct fr_addr addr(const char *text)
{
	struct fr_addr a;

	assert_int_equal(fr_addr_parse(text, &a, NULL), 0);
	return a;
}

static struct fr_addr socket_file(const struct door *d)
{
	char text[100];

	(void)snprintf(text, sizeof(text), "unix:%s/s", d->folder);
	return addr(text);
}

/* A client; the kernel completes the connection without our loop. */
static int client(const struct fr_addr *to)
{
	struct sockaddr_storage sa;
	const socklen_t length = fr_addr_to_sockaddr(to, &sa);
	const int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)&sa, length) != 0) {
		(void)close(fd);
		return -errno;
	}
	return fd;
}

static void open_at(struct door *d, const char *text)
{
	const struct fr_addr a = addr(text);

	if (listen_at(d, &a) < 0)
		fail_msg("%s", d->why.text);
}

/* --- Addresses -------------------------------------------------------------------------------- */

static void port_0_becomes_a_real_one(void **state)
{
	struct door *d = *state;
	int fd;

	open_at(d, "127.0.0.1:0");
	assert_int_not_equal(fr_listener_addr(d->listener)->port, 0);
	fd = client(fr_listener_addr(d->listener));
	d->wanted = 1;
	fr_test_until(d->loop, all_accepted, d);

	assert_int_equal(d->peers[0].kind, FR_ADDR_IPV4);
	assert_true(fr_addr_is_loopback(&d->peers[0]));
	assert_int_equal(fcntl(d->fds[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(d->fds[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	(void)close(fd);
}

static void the_ipv6_wildcard_takes_both_families(void **state)
{
	struct door *d = *state;
	struct fr_addr a = addr("127.0.0.1:1");
	int fd;

	open_at(d, "[::]:0");
	a.port = fr_listener_addr(d->listener)->port;
	fd = client(&a);
	assert_true(fd >= 0);
	d->wanted = 1;
	fr_test_until(d->loop, all_accepted, d);
	assert_int_equal(d->peers[0].kind, FR_ADDR_IPV4); /* not ::ffff:127.0.0.1 */
	(void)close(fd);
	if (fr_listener_addr(d->listener)->kind != FR_ADDR_IPV6)
		return; /* a machine without IPv6 */
	a = addr("[::1]:1");
	a.port = fr_listener_addr(d->listener)->port;
	fd = client(&a);
	if (fd == -EADDRNOTAVAIL)
		return; /* a container whose IPv6 is switched off */
	assert_true(fd >= 0);
	d->wanted = 2;
	fr_test_until(d->loop, all_accepted, d);
	assert_int_equal(d->peers[1].kind, FR_ADDR_IPV6);
	(void)close(fd);
}

static void a_port_in_use_is_said_by_its_number(void **state)
{
	struct door *d = *state;
	struct fr_listener *first;
	struct fr_addr a;
	char port[32];

	open_at(d, "127.0.0.1:0");
	first = d->listener;
	a = *fr_listener_addr(first);
	d->listener = NULL;

	assert_int_equal(listen_at(d, &a), -EADDRINUSE);
	(void)snprintf(port, sizeof(port), "port %u is in use", a.port);
	assert_non_null(strstr(d->why.text, port));
	fr_listener_free(first);
}

static void an_address_of_another_machine_is_refused(void **state)
{
	struct door *d = *state;
	const struct fr_addr a = addr("192.0.2.1:0");

	assert_int_equal(listen_at(d, &a), -EADDRNOTAVAIL);
	assert_non_null(strstr(d->why.text, "192.0.2.1"));
}

static void a_wildcard_is_reached_by_this_machines_addresses(void **state)
{
	struct door *d = *state;
	struct fr_addr found[8];
	size_t n;

	open_at(d, "0.0.0.0:0");
	n = fr_listener_reachable(d->listener, found, 8);
	assert_in_range(n, 1, 8);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(found[i].kind, FR_ADDR_IPV4);
		assert_int_equal(found[i].port, fr_listener_addr(d->listener)->port);
		assert_true(!fr_addr_is_loopback(&found[i]) || n == 1);
	}
	assert_int_equal(fr_listener_reachable(d->listener, found, 1), 1);
	fr_listener_free(d->listener);
	d->listener = NULL;

	open_at(d, "127.0.0.1:0");
	assert_int_equal(fr_listener_reachable(d->listener, found, 8), 1);
	assert_true(fr_addr_same_host(&found[0], fr_listener_addr(d->listener)));
}

/* --- Files ------------------------------------------------------------------------------------ */

static void a_socket_file_comes_and_goes_with_its_listener(void **state)
{
	struct door *d = *state;
	const struct fr_addr a = socket_file(d);
	const mode_t mask = umask(0027);
	struct stat st;
	int fd;

	assert_int_equal(listen_at(d, &a), 0);
	(void)umask(mask);
	assert_int_equal(stat(a.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	fd = client(&a);
	d->wanted = 1;
	fr_test_until(d->loop, all_accepted, d);
	assert_int_equal(d->peers[0].kind, FR_ADDR_UNIX);
	(void)close(fd);

	fr_listener_free(d->listener);
	d->listener = NULL;
	assert_int_equal(stat(a.path, &st), -1);
}

static void a_stale_socket_file_is_replaced(void **state)
{
	struct door *d = *state;
	const struct fr_addr a = socket_file(d);
	struct sockaddr_storage sa;
	const socklen_t length = fr_addr_to_sockaddr(&a, &sa);
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sa, length), 0);
	(void)close(fd); /* as after kill -9: the file stays */
	assert_int_equal(listen_at(d, &a), 0);
}

static void a_live_socket_file_is_left_alone(void **state)
{
	struct door *d = *state;
	const struct fr_addr a = socket_file(d);
	struct fr_listener *first;
	int fd;

	assert_int_equal(listen_at(d, &a), 0);
	first = d->listener;
	d->listener = NULL;
	assert_int_equal(listen_at(d, &a), -EADDRINUSE);
	assert_non_null(strstr(d->why.text, "in use by another program"));
	fd = client(&a);
	assert_true(fd >= 0);
	(void)close(fd);
	fr_listener_free(first);
}

static void another_file_is_never_removed(void **state)
{
	struct door *d = *state;
	const struct fr_addr a = socket_file(d);
	const int fd = open(a.path, O_CREAT | O_WRONLY, 0600);
	struct stat st;

	(void)close(fd);
	assert_int_equal(listen_at(d, &a), -EEXIST);
	assert_non_null(strstr(d->why.text, "no socket"));
	assert_int_equal(stat(a.path, &st), 0);
	(void)unlink(a.path);
}

static void a_successors_socket_file_is_not_removed(void **state)
{
	struct door *d = *state;
	const struct fr_addr a = socket_file(d);
	struct fr_listener *first;
	struct stat st;

	assert_int_equal(listen_at(d, &a), 0);
	first = d->listener;
	assert_int_equal(unlink(a.path), 0);
	assert_int_equal(listen_at(d, &a), 0);
	fr_listener_free(first);
	assert_int_equal(stat(a.path, &st), 0);
}

/* --- Accepting -------------------------------------------------------------------------------- */

static void a_turn_accepts_at_most_64_and_the_next_goes_on(void **state)
{
	struct door *d = *state;
	int fds[200];

	open_at(d, "127.0.0.1:0");
	for (size_t i = 0; i < 200; i++)
		fds[i] = client(fr_listener_addr(d->listener));
	fr_test_turn(d->loop, 1);
	assert_int_equal(d->accepted, 64);
	d->wanted = 200;
	fr_test_until(d->loop, all_accepted, d);
	for (size_t i = 0; i < 200; i++)
		(void)close(fds[i]);
}

static void it_may_be_freed_by_whom_it_tells(void **state)
{
	struct door *d = *state;
	int one, two;

	open_at(d, "127.0.0.1:0");
	one = client(fr_listener_addr(d->listener));
	two = client(fr_listener_addr(d->listener));
	d->free_in_accept = true;
	d->wanted = 1;
	fr_test_until(d->loop, all_accepted, d);
	fr_test_turn(d->loop, 2);
	assert_int_equal(d->accepted, 1);
	assert_null(d->listener);
	(void)close(one);
	(void)close(two);
}

static void stopping_closes_who_waits_and_frees_the_port(void **state)
{
	struct door *d = *state;
	struct fr_addr a;
	char byte;
	int fd;

	open_at(d, "127.0.0.1:0");
	a = *fr_listener_addr(d->listener);
	fd = client(&a);
	fr_listener_stop(d->listener);
	fr_listener_stop(d->listener);
	assert_true(read(fd, &byte, 1) <= 0);
	assert_int_equal(client(&a), -ECONNREFUSED);
	assert_int_equal(d->accepted, 0);
	(void)close(fd);
}

static void a_listener_leaves_no_descriptor(void **state)
{
	struct door *d = *state;
	const unsigned before = fr_test_descriptors();

	open_at(d, "127.0.0.1:0");
	fr_listener_free(d->listener);
	d->listener = NULL;
	assert_int_equal(fr_test_descriptors(), before);
}

/* --- Descriptors used up ---------------------------------------------------------------------- */

enum {
	FLOOD = 300,
	LIMIT_NOFILE = 64,
};

/* In a process of its own: connects, and waits until everybody was let in ('A') or told (closed). */
static void flood_child(const struct fr_addr *to, int report)
{
	struct pollfd polls[FLOOD];
	unsigned in = 0, told = 0, answer[2];
	const int64_t end_us = fr_clock_now_us() + 20 * 1000000LL;
	char byte;

	for (size_t i = 0; i < FLOOD; i++) {
		polls[i].fd = client(to);
		polls[i].events = POLLIN;
	}
	while (in + told < FLOOD && fr_clock_now_us() < end_us) {
		if (poll(polls, FLOOD, 100) <= 0)
			continue;
		for (size_t i = 0; i < FLOOD; i++) {
			if (polls[i].fd < 0 || polls[i].revents == 0)
				continue;
			if (read(polls[i].fd, &byte, 1) == 1)
				in++;
			else
				told++;
			polls[i].fd = -1 - polls[i].fd; /* poll() passes it over; it stays open */
		}
	}
	answer[0] = in;
	answer[1] = told;
	(void)!write(report, answer, sizeof(answer));
	_exit(0);
}

struct flood {
	int report;
	unsigned answer[2];
	bool has_answer;
};

static bool child_has_reported(void *arg)
{
	struct flood *f = arg;

	f->has_answer =
	    f->has_answer || read(f->report, f->answer, sizeof(f->answer)) == sizeof(f->answer);
	return f->has_answer;
}

static double cpu_seconds(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

struct log_file {
	int old, fd;
	char text[8192];
};

static void catch_log(struct log_file *log)
{
	log->fd = memfd_create("log", MFD_CLOEXEC);
	log->old = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	(void)dup2(log->fd, STDERR_FILENO);
}

static const char *read_log(struct log_file *log)
{
	const ssize_t n = pread(log->fd, log->text, sizeof(log->text) - 1, 0);

	log->text[n > 0 ? n : 0] = '\0';
	return log->text;
}

static unsigned lines(const char *text)
{
	unsigned n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

struct recovery {
	struct door *door;
	struct log_file *log;
};

/* Comes and goes until the end of the flood is said. */
static bool recovered(void *arg)
{
	struct recovery *r = arg;
	const int fd = client(fr_listener_addr(r->door->listener));

	(void)close(fd);
	close_accepted(r->door);
	return strstr(read_log(r->log), "accepted again") != NULL;
}

static void a_flood_without_descriptors_costs_little_and_everybody_is_told(void **state)
{
	struct door *d = *state;
	struct rlimit old, low;
	struct flood f = {0};
	struct log_file log;
	struct recovery r = {.door = d, .log = &log};
	double cpu;
	int fds[2];
	pid_t child;

	open_at(d, "127.0.0.1:0");
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	f.report = fds[0];
	catch_log(&log);
	child = fork();
	if (child == 0)
		flood_child(fr_listener_addr(d->listener), fds[1]);
	(void)getrlimit(RLIMIT_NOFILE, &old);
	low = old;
	low.rlim_cur = LIMIT_NOFILE;
	(void)setrlimit(RLIMIT_NOFILE, &low);
	cpu = cpu_seconds();
	fr_test_until(d->loop, child_has_reported, &f);
	cpu = cpu_seconds() - cpu;
	(void)setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(waitpid(child, NULL, 0), child);

	assert_int_equal(f.answer[0] + f.answer[1], FLOOD);
	assert_true(f.answer[0] > 0 && f.answer[1] > 200);
	assert_int_equal(fr_stat_rejected_count("test", FR_REASON_accept_errno), f.answer[1]);
	assert_in_range(fr_stat_value(FR_STAT_accept_pauses), 1, 50);
	assert_true(cpu < 1.0); /* a spinning loop takes all there is */
	fr_test_until(d->loop, recovered, &r);
	(void)dup2(log.old, STDERR_FILENO);
	assert_non_null(strstr(log.text, "turned away"));
	assert_int_equal(lines(log.text), 2);
	(void)close(log.old);
	(void)close(log.fd);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(port_0_becomes_a_real_one),
	    TEST(the_ipv6_wildcard_takes_both_families),
	    TEST(a_port_in_use_is_said_by_its_number),
	    TEST(an_address_of_another_machine_is_refused),
	    TEST(a_wildcard_is_reached_by_this_machines_addresses),
	    TEST(a_socket_file_comes_and_goes_with_its_listener),
	    TEST(a_stale_socket_file_is_replaced),
	    TEST(a_live_socket_file_is_left_alone),
	    TEST(another_file_is_never_removed),
	    TEST(a_successors_socket_file_is_not_removed),
	    TEST(a_turn_accepts_at_most_64_and_the_next_goes_on),
	    TEST(it_may_be_freed_by_whom_it_tells),
	    TEST(stopping_closes_who_waits_and_frees_the_port),
	    TEST(a_listener_leaves_no_descriptor),
	    TEST(a_flood_without_descriptors_costs_little_and_everybody_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
