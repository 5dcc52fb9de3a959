/* SPDX-License-Identifier: MIT */
/*
 * The port is asked for as 0 and looked up where the kernel lists it, so that nothing is assumed of
 * what the server prints.
 */
#include "tests/bench/relay_bench/server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/wait.h>

#include "common/base/clock.h"

enum {
	START_US = 15 * 1000 * 1000,
	STOP_US = 5 * 1000 * 1000,
	STATE_LISTEN = 0x0a, /* /proc/net/tcp */
};

/* Everything that would hold back a good peer is off; what the relay does by itself stays. */
static const char configuration[] =
    "log = { level = \"warning\"; };\n"
    "limits = {\n"
    "  max_connections = 0; max_connections_per_address = 0;\n"
    "  max_pre_auth = 0; max_pre_auth_per_address = 0;\n"
    "  accept_rate = 0; accept_rate_per_address = 0;\n"
    "  max_subscribers_per_stream = 0; publisher_frame_rate = 0; publisher_byte_rate = 0;\n"
    "  queue_age_ms = 0; memory_budget_bytes = 0; subscriber_stall_ms = 0; tcp_user_timeout_ms = "
    "0;\n"
    "};\n"
    "streams = ( { name = \"bench\"; } );\n"
    /* Viewers ask on the frames port, too, and are handed over: one port is enough. */
    "doors = ( { kind = \"frames\"; listen = \"127.0.0.1:0\"; plain_stream = \"bench\"; },\n"
    /* Viewers come before the first picture, and know pictures of the benchmark alone. */
    "  { kind = \"http\"; listen = \"unix:%s/http.sock\"; placeholder = false; } );\n";

void fr_bench_pin(int core)
{
	cpu_set_t set;

	if (core < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static void nap(void)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL);
}

/* The first number behind `key` in a file of /proc, 0 when there is none. */
static int64_t number_after(const char *text, const char *key)
{
	const char *at = strstr(text, key);

	return at == NULL ? 0 : strtoll(at + strlen(key), NULL, 10);
}

static bool read_file(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	text[0] = '\0';
	if (fd < 0)
		return false;
	n = read(fd, text, room - 1);
	(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

struct fr_bench_usage fr_bench_usage_of(pid_t pid)
{
	struct fr_bench_usage usage = {0};
	char path[320], text[4096];
	const struct dirent *entry;
	DIR *tasks;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	(void)read_file(path, text, sizeof(text));
	usage.rss_kib = number_after(text, "\nVmRSS:");
	usage.anon_kib = number_after(text, "\nRssAnon:");
	usage.peak_kib = number_after(text, "\nVmHWM:");

	(void)snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (tasks == NULL)
		return usage;
	while ((entry = readdir(tasks)) != NULL) {
		(void)snprintf(
		    path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid, entry->d_name);
		if (entry->d_name[0] != '.' && read_file(path, text, sizeof(text)))
			usage.cpu_ns += strtoll(text, NULL, 10);
	}
	(void)closedir(tasks);
	return usage;
}

/* Whether one of the process's descriptors is the socket of this inode. */
static bool owns_socket(pid_t pid, unsigned long inode)
{
	char path[320], target[64], wanted[64];
	const struct dirent *entry;
	bool found = false;
	DIR *fds;

	(void)snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	fds = opendir(path);
	while (fds != NULL && !found && (entry = readdir(fds)) != NULL) {
		ssize_t n;

		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)pid, entry->d_name);
		n = readlink(path, target, sizeof(target) - 1);
		if (n > 0) {
			target[n] = '\0';
			found = strcmp(target, wanted) == 0;
		}
	}
	if (fds != NULL)
		(void)closedir(fds);
	return found;
}

/* The port that the process listens on over IPv4, 0 when none yet. */
static uint16_t listening_port(pid_t pid)
{
	char line[512];
	uint16_t found = 0;
	FILE *f = fopen("/proc/net/tcp", "re");

	while (f != NULL && found == 0 && fgets(line, sizeof(line), f) != NULL) {
		unsigned port, state;
		unsigned long inode;

		if (sscanf(line,
		        " %*d: %*8[0-9A-F]:%4x %*8[0-9A-F]:%*4x %2x %*s %*s %*s %*d %*d %lu", &port,
		        &state, &inode) == 3 &&
		    state == STATE_LISTEN && owns_socket(pid, inode))
			found = (uint16_t)port;
	}
	if (f != NULL)
		(void)fclose(f);
	return found;
}

static int write_configuration(
    struct fr_bench_server *server, char *path, size_t room, struct fr_cause *why)
{
	const char *parent = getenv("TMPDIR");
	FILE *f;

	(void)snprintf(server->folder, sizeof(server->folder), "%s/relay_bench.XXXXXX",
	    parent != NULL ? parent : "/tmp");
	if (mkdtemp(server->folder) == NULL) {
		server->folder[0] = '\0';
		return fr_cause_set(why, errno, "mkdtemp: %s", strerror(errno));
	}
	(void)snprintf(path, room, "%s/relay.conf", server->folder);
	f = fopen(path, "we");
	if (f == NULL || fprintf(f, configuration, server->folder) < 0 || fclose(f) != 0)
		return fr_cause_set(why, errno, "%s: %s", path, strerror(errno));
	return 0;
}

static bool is_python(const char *program)
{
	const size_t n = program != NULL ? strlen(program) : 0;

	return n > 3 && strcmp(program + n - 3, ".py") == 0;
}

/* In the child: on its core, its words in a file, gone when we are. */
_Noreturn static void become_server(
    const char *folder, const char *program, const char *config, int core)
{
	char log[192];
	int fd;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fr_bench_pin(core);
	(void)snprintf(log, sizeof(log), "%s/log", folder);
	fd = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0) {
		(void)dup2(fd, STDOUT_FILENO);
		(void)dup2(fd, STDERR_FILENO);
	}
	if (program == NULL)
		(void)execl("/proc/self/exe", "relay_bench", "--ideal-server", (char *)NULL);
	else if (is_python(program))
		(void)execl("/usr/bin/python3", "python3", program, (char *)NULL);
	else
		(void)execl(program, program, "-c", config, (char *)NULL);
	perror(program != NULL ? program : "/proc/self/exe");
	_exit(127);
}

static bool has_ended(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == pid;
}

static int wait_listening(struct fr_bench_server *server, struct fr_cause *why)
{
	const int64_t deadline_us = fr_clock_now_us() + START_US;
	char log[192], said[4096];

	while ((server->port = listening_port(server->pid)) == 0) {
		bool ended = has_ended(server->pid);

		if (ended || fr_clock_now_us() > deadline_us) {
			(void)snprintf(log, sizeof(log), "%s/log", server->folder);
			(void)read_file(log, said, sizeof(said));
			fputs(said, stderr);
			if (ended)
				server->pid = 0;
			return fr_cause_set(why, ended ? ECHILD : ETIMEDOUT, "the server %s",
			    ended ? "ended before it listened" : "does not listen");
		}
		nap();
	}
	return 0;
}

int fr_bench_server_start(
    struct fr_bench_server *server, const char *program, int core, struct fr_cause *why)
{
	char config[192];
	int r;

	*server = (struct fr_bench_server){.takes_posts = is_python(program)};
	r = write_configuration(server, config, sizeof(config), why);
	if (r == 0) {
		server->pid = fork();
		if (server->pid == 0)
			become_server(server->folder, program, config, core);
		if (server->pid < 0) {
			server->pid = 0;
			r = fr_cause_set(why, errno, "fork: %s", strerror(errno));
		} else {
			r = wait_listening(server, why);
		}
	}
	if (r < 0)
		fr_bench_server_stop(server);
	return r;
}

void fr_bench_server_stop(struct fr_bench_server *server)
{
	const int64_t deadline_us = fr_clock_now_us() + STOP_US;
	char path[192];

	if (server->pid > 0) {
		(void)kill(server->pid, SIGTERM);
		while (!has_ended(server->pid)) {
			if (fr_clock_now_us() > deadline_us)
				(void)kill(server->pid, SIGKILL);
			nap();
		}
		server->pid = 0;
	}
	if (server->folder[0] == '\0')
		return;
	(void)snprintf(path, sizeof(path), "%s/relay.conf", server->folder);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/log", server->folder);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/http.sock", server->folder);
	(void)unlink(path); /* where the server has not done so itself */
	(void)rmdir(server->folder);
	server->folder[0] = '\0';
}
