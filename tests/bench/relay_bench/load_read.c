/* SPDX-License-Identifier: MIT */
/*
 * Source: MSG_TRUNC of a stream socket throws bytes away without copying them, tcp(7).
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include "tests/bench/relay_bench/load_parts.h"

void fr_bench_load_lose(struct fr_bench_load *load, struct fr_bench_peer *peer)
{
	(void)close(peer->fd);
	peer->fd = -1;
	if (peer->kind == BENCH_HEALTHY && load->last_seq != 0 && peer->last < load->last_seq)
		load->waiting--;
	load->result->closed++;
}

/* A healthy subscriber's picture is judged by its number: what is under way at the end counts too. */
static void judge_healthy(struct fr_bench_load *load, struct fr_bench_peer *peer, int64_t age_us)
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

static void picture_is_whole(struct fr_bench_load *load, struct fr_bench_peer *peer)
{
	const int64_t age_us = (fr_bench_now_ns() - peer->sent_ns) / 1000;

	if (load->measuring)
		load->result->delivered++;
	if (peer->kind == BENCH_HEALTHY)
		judge_healthy(load, peer, age_us);
	else if (load->measuring)
		fr_bench_samples_add(&load->result->slow_latency, age_us);
	peer->last = peer->seq;
	peer->have = 0;
	peer->size = 0;
}

/* Looks at what has come of a head. @return false: it is none */
static bool read_head(struct fr_bench_peer *peer)
{
	uint32_t length;

	if (peer->have < BENCH_HEAD)
		return true;
	memcpy(&length, peer->head, sizeof(length));
	peer->size = 4 + (size_t)le32toh(length);
	return length >= FR_BENCH_PICTURE_MIN &&
	       fr_bench_stamp_read(peer->head + 4, &peer->seq, &peer->sent_ns);
}

/* The same of a part: the delimiter, which came with the last picture or the answer, counts with it. */
static bool read_part_head(struct fr_bench_peer *peer)
{
	static const char name[] = "\r\nContent-Length: ";
	const char *text = (const char *)peer->head, *length, *end;
	size_t size, head;

	peer->head[peer->have] = '\0';
	length = strstr(text, name);
	end = length != NULL ? strstr(length, "\r\n\r\n") : NULL;
	head = end != NULL ? (size_t)(end - text) + 4 : 0;
	if (end == NULL || peer->have < head + FR_BENCH_STAMP_BYTES)
		return peer->have < BENCH_PART_HEAD;
	size = strtoul(length + strlen(name), NULL, 10);
	peer->size = head + size;
	return size >= FR_BENCH_PICTURE_MIN &&
	       fr_bench_stamp_read(peer->head + head, &peer->seq, &peer->sent_ns);
}

ssize_t fr_bench_load_read(struct fr_bench_load *load, struct fr_bench_peer *peer, size_t limit)
{
	size_t total = 0;

	while (total < limit) {
		const bool in_head = peer->size == 0, mjpeg = load->plan->mjpeg;
		size_t want =
		    (in_head ? (mjpeg ? BENCH_PART_HEAD : BENCH_HEAD) : peer->size) - peer->have;
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

void fr_bench_load_serve_slow(struct fr_bench_load *load, double seconds)
{
	for (unsigned i = load->plan->healthy; i < load->plan->healthy + load->plan->slow; i++) {
		struct fr_bench_peer *peer = &load->peers[i];
		ssize_t n = 1;

		peer->credit += seconds * load->plan->slow_rate;
		if (peer->credit > load->plan->slow_rate / 10)
			peer->credit = load->plan->slow_rate / 10; /* no catching up */
		while (peer->fd >= 0 && n > 0 && peer->credit >= 1) {
			n = fr_bench_load_read(load, peer, (size_t)peer->credit);
			peer->credit -= n > 0 ? (double)n : 0;
			if (n < 0)
				fr_bench_load_lose(load, peer);
		}
	}
}
