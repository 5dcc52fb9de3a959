/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/resource.h>

#include "common/base/xalloc.h"
#include "tests/bench/relay_bench/dial.h"
#include "tests/bench/relay_bench/load_parts.h"

/* Connects everybody first and listens to the answers then: the server sees a crowd, not a queue. */
static int subscribe_all(struct fr_bench_load *load, uint16_t port, struct fr_cause *why)
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

static int publish(
    struct fr_bench_load *load, const struct fr_bench_server *server, struct fr_cause *why)
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

void fr_bench_load_watch(
    struct fr_bench_load *load, int operation, struct fr_bench_peer *peer, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = peer};

	(void)epoll_ctl(load->epoll, operation, peer->fd, &event);
}

static void open_files(unsigned count)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < count + 64) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

void fr_bench_load_begin(
    struct fr_bench_load *load, const struct fr_bench_plan *plan, struct fr_bench_result *result)
{
	*load = (struct fr_bench_load){.plan = plan, .result = result};
	*result = (struct fr_bench_result){0};
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	load->publisher = (struct fr_bench_peer){.kind = BENCH_PUBLISHER, .fd = -1};
	load->count = plan->healthy + plan->slow + plan->stalled;
	load->peers = fr_xcalloc(load->count + 1, sizeof(*load->peers));
	for (unsigned i = 0; i < load->count; i++) {
		load->peers[i].fd = -1;
		load->peers[i].kind = i < plan->healthy                ? BENCH_HEALTHY
		                      : i < plan->healthy + plan->slow ? BENCH_SLOW
		                                                       : BENCH_STALLED;
	}
	fr_bench_picture_make(&load->picture, plan->size, plan->records);
	load->trash_size = plan->size;
	load->trash = fr_xcalloc(1, load->trash_size);
	open_files(load->count);
}

void fr_bench_load_end(struct fr_bench_load *load)
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

int fr_bench_load_connect(
    struct fr_bench_load *load, const struct fr_bench_server *server, struct fr_cause *why)
{
	int r = subscribe_all(load, server->port, why);

	if (r == 0)
		r = publish(load, server, why);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < load->plan->healthy; i++)
		fr_bench_load_watch(load, EPOLL_CTL_ADD, &load->peers[i], EPOLLIN);
	fr_bench_load_watch(load, EPOLL_CTL_ADD, &load->publisher,
	    load->plan->fps > 0 ? EPOLLIN : EPOLLIN | EPOLLOUT);
	return 0;
}
