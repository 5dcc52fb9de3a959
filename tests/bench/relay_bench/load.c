/* SPDX-License-Identifier: MIT */
/*
 * Source: MSG_TRUNC of a stream socket throws bytes away without copying them, tcp(7).
 */
#include "tests/bench/relay_bench/load.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "common/base/xalloc.h"
#include "tests/bench/relay_bench/dial.h"
#include "tests/bench/relay_bench/picture.h"

#define SECOND_NS INT64_C(1000000000)

enum {
	HEAD = 4 + FR_BENCH_STAMP_BYTES, /* what is read of a picture; the rest is thrown away */
	PART_HEAD =
	    448, /* the same of MJPEG: a delimiter, a part's header, the stamp, some more; never a whole part */
	SLOW_TICK_NS = 5 * 1000 * 1000,
	DRAIN_NS = 1000 * 1000 * 1000, /* how long the last pictures may take */
};

enum kind {
	PUBLISHER,
	HEALTHY,
	SLOW,
	STALLED,
};

struct peer {
	enum kind kind;
	int fd;
	size_t have;   /* bytes of the picture under way, length included */
	size_t size;   /* of the picture under way, length included; 0: the head is not whole yet */
	double credit; /* SLOW: bytes it may read */
	uint64_t last; /* number of the newest picture it got; 0: none yet */
	int64_t sent_ns; /* stamp of the picture under way */
	uint64_t seq;
	uint8_t head[PART_HEAD + 1];
};

struct load {
	const struct fr_bench_plan *plan;
	struct fr_bench_result *result;
	int epoll;
	struct peer publisher;
	struct peer *peers; /* subscribers: healthy, slow, stalled */
	unsigned count;
	struct fr_bench_picture picture;
	size_t to_send; /* bytes of the picture that the kernel has not taken */
	uint64_t seq;   /* of the newest picture begun; 0: none */
	uint64_t
	    first_seq; /* first and last picture whose delivery is judged; last 0: not known yet */
	uint64_t last_seq;
	unsigned waiting; /* healthy subscribers that do not have last_seq yet */
	bool measuring;
	uint8_t *trash; /* never written to */
	size_t trash_size;
};

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

static int64_t own_cpu_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

/* --- Connecting ----------------------------------------------------------------------------- */

/* Connects everybody first and listens to the answers then: the server sees a crowd, not a queue. */
static int subscribe_all(struct load *load, uint16_t port, struct fr_cause *why)
{
	const bool mjpeg = load->plan->mjpeg;
	char line[128], query[32] = "";
	int r = 0;

	if (load->plan->queue > 0)
		(void)snprintf(query, sizeof(query), "?queue=%u", load->plan->queue);
	if (mjpeg)
		(void)snprintf(line, sizeof(line),
		    "GET /streams/bench.mjpg%s HTTP/1.1\r\nHost: localhost\r\n\r\n", query);
	else if (load->plan->queue > 0)
		(void)snprintf(line, sizeof(line), "SUB bench queue=%u\n", load->plan->queue);
	else
		(void)snprintf(line, sizeof(line), "SUB bench\n");
	for (unsigned i = 0; i < load->count && r >= 0; i++) {
		r = load->peers[i].fd = fr_bench_dial(port, why);
		if (r >= 0)
			r = fr_bench_say(r, line, why);
	}
	for (unsigned i = 0; i < load->count && r >= 0; i++)
		r = mjpeg ? fr_bench_hear_200(load->peers[i].fd, why)
		          : fr_bench_hear_ok(load->peers[i].fd, why);
	return r < 0 ? r : 0;
}

static int publish(struct load *load, const struct fr_bench_server *server, struct fr_cause *why)
{
	int r = load->publisher.fd = fr_bench_dial(server->port, why);

	if (r >= 0 && server->takes_posts)
		return fr_bench_say(r,
		    "POST /streams/bench HTTP/1.1\r\nHost: localhost\r\n"
		    "Content-Length: 1000000000000\r\n\r\n",
		    why);
	if (r >= 0 && load->plan->records) {
		r = fr_bench_say(load->publisher.fd, "PUB bench records=1\n", why);
		if (r == 0)
			r = fr_bench_hear_ok(load->publisher.fd, why);
	}
	return r < 0 ? r : 0;
}

static void watch(struct load *load, int operation, struct peer *peer, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = peer};

	(void)epoll_ctl(load->epoll, operation, peer->fd, &event);
}

static void lose(struct load *load, struct peer *peer)
{
	(void)close(peer->fd);
	peer->fd = -1;
	if (peer->kind == HEALTHY && load->last_seq != 0 && peer->last < load->last_seq)
		load->waiting--;
	load->result->closed++;
}

/* --- Subscribers ---------------------------------------------------------------------------- */

/* A healthy subscriber's picture is judged by its number: what is under way at the end counts too. */
static void judge_healthy(struct load *load, struct peer *peer, int64_t age_us)
{
	const uint64_t had = peer->last < load->first_seq ? load->first_seq - 1 : peer->last;

	if (load->first_seq == 0)
		return;
	if (peer->seq >= load->first_seq && (load->last_seq == 0 || peer->seq <= load->last_seq))
		fr_bench_samples_add(&load->result->latency, age_us);
	if (peer->seq > had + 1)
		load->result->missed += peer->seq - had - 1;
	if (load->last_seq != 0 && peer->last < load->last_seq && peer->seq >= load->last_seq)
		load->waiting--;
}

static void picture_is_whole(struct load *load, struct peer *peer)
{
	const int64_t age_us = (now_ns() - peer->sent_ns) / 1000;

	if (load->measuring)
		load->result->delivered++;
	if (peer->kind == HEALTHY)
		judge_healthy(load, peer, age_us);
	else if (load->measuring)
		fr_bench_samples_add(&load->result->slow_latency, age_us);
	peer->last = peer->seq;
	peer->have = 0;
	peer->size = 0;
}

/* Looks at what has come of a head. @return false: it is none */
static bool read_head(struct peer *peer)
{
	uint32_t length;

	if (peer->have < HEAD)
		return true;
	memcpy(&length, peer->head, sizeof(length));
	peer->size = 4 + (size_t)le32toh(length);
	return length >= FR_BENCH_PICTURE_MIN &&
	       fr_bench_stamp_read(peer->head + 4, &peer->seq, &peer->sent_ns);
}

/* The same of a part: the delimiter, which came with the last picture or the answer, counts with it. */
static bool read_part_head(struct peer *peer)
{
	static const char name[] = "\r\nContent-Length: ";
	const char *text = (const char *)peer->head, *length, *end;
	size_t size, head;

	peer->head[peer->have] = '\0';
	length = strstr(text, name);
	end = length != NULL ? strstr(length, "\r\n\r\n") : NULL;
	head = end != NULL ? (size_t)(end - text) + 4 : 0;
	if (end == NULL || peer->have < head + FR_BENCH_STAMP_BYTES)
		return peer->have < PART_HEAD;
	size = strtoul(length + strlen(name), NULL, 10);
	peer->size = head + size;
	return size >= FR_BENCH_PICTURE_MIN &&
	       fr_bench_stamp_read(peer->head + head, &peer->seq, &peer->sent_ns);
}

/* Reads up to `limit` bytes, at most to the end of one picture. Gives what was read, or -1: lost. */
static ssize_t read_picture(struct load *load, struct peer *peer, size_t limit)
{
	size_t total = 0;

	while (total < limit) {
		const bool in_head = peer->size == 0, mjpeg = load->plan->mjpeg;
		size_t want = (in_head ? (mjpeg ? PART_HEAD : HEAD) : peer->size) - peer->have;
		ssize_t n;

		want = want < limit - total ? want : limit - total;
		if (!in_head && want > load->trash_size)
			want = load->trash_size;
		n = in_head ? recv(peer->fd, peer->head + peer->have, want, MSG_DONTWAIT)
		            : recv(peer->fd, load->trash, want, MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n <= 0)
			return -1;
		peer->have += (size_t)n;
		total += (size_t)n;
		if (in_head && !(mjpeg ? read_part_head(peer) : read_head(peer)))
			return -1;
		if (!in_head && peer->have == peer->size) {
			picture_is_whole(load, peer);
			break;
		}
		if ((size_t)n < want)
			break; /* there is no more: epoll says when */
	}
	if (load->measuring)
		load->result->bytes += total;
	return (ssize_t)total;
}

static void serve_slow(struct load *load, double seconds)
{
	for (unsigned i = load->plan->healthy; i < load->plan->healthy + load->plan->slow; i++) {
		struct peer *peer = &load->peers[i];
		ssize_t n = 1;

		peer->credit += seconds * load->plan->slow_rate;
		if (peer->credit > load->plan->slow_rate / 10)
			peer->credit = load->plan->slow_rate / 10; /* no catching up */
		while (peer->fd >= 0 && n > 0 && peer->credit >= 1) {
			n = read_picture(load, peer, (size_t)peer->credit);
			peer->credit -= n > 0 ? (double)n : 0;
			if (n < 0)
				lose(load, peer);
		}
	}
}

/* --- Publisher ------------------------------------------------------------------------------ */

/* Sends on. Gives 0 when the picture is out, -EAGAIN when the kernel wants no more, or another errno. */
static int send_on(struct load *load)
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

static int send_next(struct load *load)
{
	load->seq++;
	if (load->measuring)
		load->result->sent++;
	fr_bench_picture_stamp(&load->picture, load->seq, now_ns());
	load->to_send = load->picture.head + load->picture.size;
	return send_on(load);
}

/* --- A run ---------------------------------------------------------------------------------- */

/* Serves what is ready, waiting until `until_ns` at most. Gives 0, or negative when the publisher is lost. */
static int turn(struct load *load, int64_t until_ns)
{
	struct epoll_event events[256];
	int64_t wait_ns = until_ns - now_ns();
	struct timespec wait;
	int n, r;

	wait_ns = wait_ns > 0 ? wait_ns : 0;
	wait = (struct timespec){.tv_sec = wait_ns / SECOND_NS, .tv_nsec = wait_ns % SECOND_NS};
	n = epoll_pwait2(load->epoll, events, 256, &wait, NULL);
	for (int i = 0; i < n; i++) {
		struct peer *peer = events[i].data.ptr;
		char heard[4096];

		if (peer->kind != PUBLISHER) {
			if (read_picture(load, peer, SIZE_MAX) < 0)
				lose(load, peer);
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
				watch(load, EPOLL_CTL_MOD, peer, EPOLLIN);
		}
	}
	return 0;
}

/* Begins the next picture, when the last one is out. A schedule that cannot be kept is no longer kept. */
static int publish_due(struct load *load, int64_t *due_ns)
{
	const int64_t now = now_ns();
	int r;

	if (load->to_send > 0 || now < *due_ns)
		return 0;
	if (load->plan->fps > 0) {
		*due_ns += (int64_t)((double)SECOND_NS / load->plan->fps);
		if (*due_ns < now)
			*due_ns = now;
	}
	r = send_next(load);
	if (r == -EAGAIN && load->plan->fps > 0)
		watch(load, EPOLL_CTL_MOD, &load->publisher, EPOLLIN | EPOLLOUT);
	return r == -EAGAIN ? 0 : r;
}

/* When to wake up: for the next picture, for the slow readers, at the end. */
static int64_t next_ns(const struct load *load, int64_t due_ns, int64_t end_ns)
{
	const int64_t now = now_ns();
	int64_t next = end_ns;

	if (load->to_send == 0 && due_ns < next)
		next = due_ns;
	if (load->plan->slow > 0 && now + SLOW_TICK_NS < next)
		next = now + SLOW_TICK_NS;
	return next;
}

/* Publishes and reads until `end_ns`; a picture is begun right after it, never right before. */
static int play(struct load *load, int64_t *due_ns, int64_t end_ns)
{
	int64_t tick_ns = now_ns();
	int r = 0;

	while (r == 0 && now_ns() < end_ns) {
		r = publish_due(load, due_ns);
		if (r == 0)
			r = turn(load, next_ns(load, *due_ns, end_ns));
		if (load->plan->slow > 0) {
			const int64_t now = now_ns();

			serve_slow(load, (double)(now - tick_ns) / (double)SECOND_NS);
			tick_ns = now;
		}
	}
	return r;
}

/* Lets the pictures that are under way arrive, so that one that is missing is really missing. */
static int drain(struct load *load)
{
	const int64_t end_ns = now_ns() + DRAIN_NS;
	int r = 0;

	load->last_seq = load->seq;
	for (unsigned i = 0; i < load->plan->healthy; i++) {
		if (load->peers[i].fd >= 0 && load->peers[i].last < load->last_seq)
			load->waiting++;
	}
	while (r == 0 && load->waiting > 0 && now_ns() < end_ns)
		r = turn(load, end_ns);
	for (unsigned i = 0; i < load->plan->healthy; i++) {
		const struct peer *peer = &load->peers[i];
		const uint64_t had =
		    peer->last < load->first_seq ? load->first_seq - 1 : peer->last;

		if (had < load->last_seq)
			load->result->missed += load->last_seq - had;
	}
	return r;
}

/* Measured time begins and ends right before a picture, so that it holds whole picture-times. */
static int measure(struct load *load, const struct fr_bench_server *server)
{
	struct fr_bench_result *result = load->result;
	const int64_t picture_ns =
	    load->plan->fps > 0 ? (int64_t)((double)SECOND_NS / load->plan->fps) : 0;
	int64_t due_ns = now_ns();
	int64_t begin_ns, end_ns, own_ns;
	struct fr_bench_usage before, after;
	int r = play(load, &due_ns, due_ns + (int64_t)(load->plan->warm_up * (double)SECOND_NS));

	if (r == 0 && picture_ns > 0)
		r = play(load, &due_ns, due_ns);
	if (r < 0)
		return r;
	before = fr_bench_usage_of(server->pid);
	own_ns = own_cpu_ns();
	begin_ns = now_ns();
	load->first_seq = load->seq + 1;
	load->measuring = true;
	end_ns = begin_ns + (int64_t)(load->plan->seconds * (double)SECOND_NS);
	if (picture_ns > 0)
		end_ns = due_ns + (end_ns - due_ns + picture_ns / 2) / picture_ns * picture_ns;
	r = play(load, &due_ns, end_ns);
	load->measuring = false;
	result->seconds = (double)(now_ns() - begin_ns) / (double)SECOND_NS;
	result->load_cpu_s = (double)(own_cpu_ns() - own_ns) / (double)SECOND_NS;
	after = fr_bench_usage_of(server->pid);
	result->server_cpu_s = (double)(after.cpu_ns - before.cpu_ns) / (double)SECOND_NS;
	result->peak_kib = after.peak_kib;
	result->anon_kib = after.anon_kib;
	return r == 0 ? drain(load) : r;
}

static void open_files(unsigned count)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < count + 64) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

static void load_begin(
    struct load *load, const struct fr_bench_plan *plan, struct fr_bench_result *result)
{
	*load = (struct load){.plan = plan, .result = result};
	*result = (struct fr_bench_result){0};
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	load->publisher = (struct peer){.kind = PUBLISHER, .fd = -1};
	load->count = plan->healthy + plan->slow + plan->stalled;
	load->peers = fr_xcalloc(load->count + 1, sizeof(*load->peers));
	for (unsigned i = 0; i < load->count; i++) {
		load->peers[i].fd = -1;
		load->peers[i].kind = i < plan->healthy                ? HEALTHY
		                      : i < plan->healthy + plan->slow ? SLOW
		                                                       : STALLED;
	}
	fr_bench_picture_make(&load->picture, plan->size, plan->records);
	load->trash_size = plan->size;
	load->trash = fr_xcalloc(1, load->trash_size);
	open_files(load->count);
}

static void load_end(struct load *load)
{
	for (unsigned i = 0; i < load->count; i++) {
		if (load->peers[i].fd >= 0)
			(void)close(load->peers[i].fd);
	}
	if (load->publisher.fd >= 0)
		(void)close(load->publisher.fd);
	(void)close(load->epoll);
	fr_bench_picture_free(&load->picture);
	free(load->peers);
	free(load->trash);
	fr_bench_samples_sort(&load->result->latency);
	fr_bench_samples_sort(&load->result->slow_latency);
}

static int load_connect(
    struct load *load, const struct fr_bench_server *server, struct fr_cause *why)
{
	int r = subscribe_all(load, server->port, why);

	if (r == 0)
		r = publish(load, server, why);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < load->plan->healthy; i++)
		watch(load, EPOLL_CTL_ADD, &load->peers[i], EPOLLIN);
	watch(load, EPOLL_CTL_ADD, &load->publisher,
	    load->plan->fps > 0 ? EPOLLIN : EPOLLIN | EPOLLOUT);
	return 0;
}

int fr_bench_load_run(const struct fr_bench_plan *plan, const struct fr_bench_server *server,
    struct fr_bench_result *ret, struct fr_cause *why)
{
	struct load load;
	int r;

	load_begin(&load, plan, ret);
	r = load_connect(&load, server, why);
	if (r == 0) {
		r = measure(&load, server);
		if (r < 0)
			(void)fr_cause_set(why, -r, "the publisher was cut: %s", strerror(-r));
	}
	load_end(&load);
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
	struct load load;
	int64_t due_ns;
	int r;

	*ret = (struct fr_bench_idle){.count = count};
	load_begin(&load, &plan, &result);
	r = load_connect(&load, server, why);
	ret->connected_kib =
	    (double)(fr_bench_usage_of(server->pid).rss_kib - before.rss_kib) / count;
	if (r == 0) {
		due_ns = now_ns();
		load.first_seq = 1;
		r = play(&load, &due_ns, due_ns + SECOND_NS);
		if (r == 0)
			r = drain(&load);
		if (r < 0)
			(void)fr_cause_set(why, -r, "the publisher was cut: %s", strerror(-r));
	}
	ret->served_kib = (double)(fr_bench_usage_of(server->pid).rss_kib - before.rss_kib) / count;
	load_end(&load);
	fr_bench_result_free(&result);
	return r;
}
