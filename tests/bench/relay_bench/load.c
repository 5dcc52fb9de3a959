/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/bench/relay_bench/load_parts.h"

enum {
	SLOW_TICK_NS = 5 * 1000 * 1000,
	DRAIN_NS = 1000 * 1000 * 1000, /* how long the last pictures may take */
};

static int64_t own_cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * BENCH_SECOND_NS + t.tv_nsec;
}

/* --- Publisher ------------------------------------------------------------------------------ */

/* Sends on. Gives 0 when the picture is out, -EAGAIN when the kernel wants no more, or another errno. */
static int send_on(struct fr_bench_load *load)
{
	const size_t size = load->picture.head + load->picture.size;

	while (load->to_send > 0) {
		ssize_t n = send(load->publisher.fd, load->picture.bytes + size - load->to_send,
		    load->to_send, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0)
			return -errno;
		load->to_send -= (size_t)n;
	}
	return 0;
}

static int send_next(struct fr_bench_load *load)
{
	load->seq++;
	if (load->measuring)
		load->result->sent++;
	fr_bench_picture_stamp(&load->picture, load->seq, fr_bench_now_ns());
	load->to_send = load->picture.head + load->picture.size;
	return send_on(load);
}

/* --- A run ---------------------------------------------------------------------------------- */

/* Serves what is ready, waiting until `until_ns` at most. Gives 0, or negative when the publisher is lost. */
static int turn(struct fr_bench_load *load, int64_t until_ns)
{
	struct epoll_event events[256];
	int64_t wait_ns = until_ns - fr_bench_now_ns();
	struct timespec wait;
	int n, r;

	wait_ns = wait_ns > 0 ? wait_ns : 0;
	wait = (struct timespec){
	    .tv_sec = wait_ns / BENCH_SECOND_NS, .tv_nsec = wait_ns % BENCH_SECOND_NS};
	n = epoll_pwait2(load->epoll, events, 256, &wait, NULL);
	for (int i = 0; i < n; i++) {
		struct fr_bench_peer *peer = events[i].data.ptr;
		char heard[4096];

		if (peer->kind != BENCH_PUBLISHER) {
			if (fr_bench_load_read(load, peer, SIZE_MAX) < 0)
				fr_bench_load_lose(load, peer);
			continue;
		}
		if (events[i].events & EPOLLIN) { /* DEMAND, PING: not ours to answer */
			ssize_t got = recv(peer->fd, heard, sizeof(heard) - 1, MSG_DONTWAIT);

			if (got == 0 || (got < 0 && errno != EAGAIN))
				return -EPIPE;
		}
		if (events[i].events & EPOLLOUT) {
			r = send_on(load);
			if (r < 0 && r != -EAGAIN)
				return r;
			if (r == 0 && load->plan->fps > 0)
				fr_bench_load_watch(load, EPOLL_CTL_MOD, peer, EPOLLIN);
		}
	}
	return 0;
}

/* Begins the next picture, when the last one is out. A schedule that cannot be kept is no longer kept. */
static int publish_due(struct fr_bench_load *load, int64_t *due_ns)
{
	const int64_t now = fr_bench_now_ns();
	int r;

	if (load->to_send > 0 || now < *due_ns)
		return 0;
	if (load->plan->fps > 0) {
		*due_ns += (int64_t)((double)BENCH_SECOND_NS / load->plan->fps);
		if (*due_ns < now)
			*due_ns = now;
	}
	r = send_next(load);
	if (r == -EAGAIN && load->plan->fps > 0)
		fr_bench_load_watch(load, EPOLL_CTL_MOD, &load->publisher, EPOLLIN | EPOLLOUT);
	return r == -EAGAIN ? 0 : r;
}

/* When to wake up: for the next picture, for the slow readers, at the end. */
static int64_t next_ns(const struct fr_bench_load *load, int64_t due_ns, int64_t end_ns)
{
	const int64_t now = fr_bench_now_ns();
	int64_t next = end_ns;

	if (load->to_send == 0 && due_ns < next)
		next = due_ns;
	if (load->plan->slow > 0 && now + SLOW_TICK_NS < next)
		next = now + SLOW_TICK_NS;
	return next;
}

/* Publishes and reads until `end_ns`; a picture is begun right after it, never right before. */
static int play(struct fr_bench_load *load, int64_t *due_ns, int64_t end_ns)
{
	int64_t tick_ns = fr_bench_now_ns();
	int r = 0;

	while (r == 0 && fr_bench_now_ns() < end_ns) {
		r = publish_due(load, due_ns);
		if (r == 0)
			r = turn(load, next_ns(load, *due_ns, end_ns));
		if (load->plan->slow > 0) {
			const int64_t now = fr_bench_now_ns();

			fr_bench_load_serve_slow(
			    load, (double)(now - tick_ns) / (double)BENCH_SECOND_NS);
			tick_ns = now;
		}
	}
	return r;
}

/* Lets the pictures that are under way arrive, so that one that is missing is really missing. */
static int drain(struct fr_bench_load *load)
{
	const int64_t end_ns = fr_bench_now_ns() + DRAIN_NS;
	int r = 0;

	load->last_seq = load->seq;
	for (unsigned i = 0; i < load->plan->healthy; i++) {
		if (load->peers[i].fd >= 0 && load->peers[i].last < load->last_seq)
			load->waiting++;
	}
	while (r == 0 && load->waiting > 0 && fr_bench_now_ns() < end_ns)
		r = turn(load, end_ns);
	for (unsigned i = 0; i < load->plan->healthy; i++) {
		const struct fr_bench_peer *peer = &load->peers[i];
		const uint64_t had =
		    peer->last < load->first_seq ? load->first_seq - 1 : peer->last;

		if (had < load->last_seq)
			load->result->missed += load->last_seq - had;
	}
	return r;
}

/* Measured time begins and ends right before a picture, so that it holds whole picture-times. */
static int measure(struct fr_bench_load *load, const struct fr_bench_server *server)
{
	struct fr_bench_result *result = load->result;
	const int64_t picture_ns =
	    load->plan->fps > 0 ? (int64_t)((double)BENCH_SECOND_NS / load->plan->fps) : 0;
	int64_t due_ns = fr_bench_now_ns();
	int64_t begin_ns, end_ns, own_ns;
	struct fr_bench_usage before, after;
	int r =
	    play(load, &due_ns, due_ns + (int64_t)(load->plan->warm_up * (double)BENCH_SECOND_NS));

	if (r == 0 && picture_ns > 0)
		r = play(load, &due_ns, due_ns);
	if (r < 0)
		return r;
	before = fr_bench_usage_of(server->pid);
	own_ns = own_cpu_ns();
	begin_ns = fr_bench_now_ns();
	load->first_seq = load->seq + 1;
	load->measuring = true;
	end_ns = begin_ns + (int64_t)(load->plan->seconds * (double)BENCH_SECOND_NS);
	if (picture_ns > 0)
		end_ns = due_ns + (end_ns - due_ns + picture_ns / 2) / picture_ns * picture_ns;
	r = play(load, &due_ns, end_ns);
	load->measuring = false;
	result->seconds = (double)(fr_bench_now_ns() - begin_ns) / (double)BENCH_SECOND_NS;
	result->load_cpu_s = (double)(own_cpu_ns() - own_ns) / (double)BENCH_SECOND_NS;
	after = fr_bench_usage_of(server->pid);
	result->server_cpu_s = (double)(after.cpu_ns - before.cpu_ns) / (double)BENCH_SECOND_NS;
	result->peak_kib = after.peak_kib;
	result->anon_kib = after.anon_kib;
	return r == 0 ? drain(load) : r;
}

int fr_bench_load_run(const struct fr_bench_plan *plan, const struct fr_bench_server *server,
    struct fr_bench_result *ret, struct fr_cause *why)
{
	struct fr_bench_load load;
	int r;

	fr_bench_load_begin(&load, plan, ret);
	r = fr_bench_load_connect(&load, server, why);
	if (r == 0) {
		r = measure(&load, server);
		if (r < 0)
			(void)fr_cause_set(why, -r, "the publisher was cut: %s", strerror(-r));
	}
	fr_bench_load_end(&load);
	return r;
}

void fr_bench_result_free(struct fr_bench_result *result)
{
	fr_bench_samples_free(&result->latency);
	fr_bench_samples_free(&result->slow_latency);
}

int fr_bench_idle_run(unsigned count, size_t size, const struct fr_bench_server *server,
    struct fr_bench_idle *ret, struct fr_cause *why)
{
	const struct fr_bench_plan plan = {.size = size, .fps = 10, .healthy = count};
	const struct fr_bench_usage before = fr_bench_usage_of(server->pid);
	struct fr_bench_result result;
	struct fr_bench_load load;
	int64_t due_ns;
	int r;

	*ret = (struct fr_bench_idle){.count = count};
	fr_bench_load_begin(&load, &plan, &result);
	r = fr_bench_load_connect(&load, server, why);
	ret->connected_kib =
	    (double)(fr_bench_usage_of(server->pid).rss_kib - before.rss_kib) / count;
	if (r == 0) {
		due_ns = fr_bench_now_ns();
		load.first_seq = 1;
		r = play(&load, &due_ns, due_ns + BENCH_SECOND_NS);
		if (r == 0)
			r = drain(&load);
		if (r < 0)
			(void)fr_cause_set(why, -r, "the publisher was cut: %s", strerror(-r));
	}
	ret->served_kib = (double)(fr_bench_usage_of(server->pid).rss_kib - before.rss_kib) / count;
	fr_bench_load_end(&load);
	fr_bench_result_free(&result);
	return r;
}
