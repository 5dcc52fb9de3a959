/* SPDX-License-Identifier: MIT */
/*
 * One epoll, one buffer a picture shared by all, one send() a subscriber and picture, sent from the
 * publisher's read. A subscriber that has not taken its picture yet keeps the newest one beside it
 * (one slot). No names, no limits, no deadlines, no checks: its peers are known to be good.
 *
 * A peer's first bytes say what it is: "SUB " and "PUB " lines are answered, anything else is the
 * length of a plain publisher's picture. A record's head is cut down to a plain length in place.
 */
#include "tests/bench/relay_bench/ideal.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/base/xalloc.h"

enum {
	PICTURE_MAX = 8 << 20,
	FIRST_MAX = 1024,  /* bytes of a hello line */
	RECORD_EXTRA = 20, /* a record's head is this much longer than a plain length */
};

struct buffer {
	unsigned refs;
	size_t start, size; /* what is sent: length and picture */
	size_t room;
	struct buffer *next_free;
	uint8_t bytes[];
};

enum kind {
	LISTENER,
	NEWCOMER,
	PUBLISHER,
	SUBSCRIBER,
};

struct peer {
	enum kind kind;
	int fd;
	TAILQ_ENTRY(peer) entry; /* SUBSCRIBER */

	struct buffer *under_way; /* SUBSCRIBER: being sent, `done` bytes of it are */
	struct buffer *newest;    /* SUBSCRIBER: waits behind it */
	size_t done;

	struct buffer *in; /* PUBLISHER: being received, `done` bytes of it are */
	size_t usual;      /* PUBLISHER: size of the last one, framing included */
	bool records;      /* PUBLISHER */
};

TAILQ_HEAD(peers, peer);

struct ideal {
	int epoll;
	struct peers subscribers;
	struct buffer *free;
};

static void unref(struct ideal *ideal, struct buffer *b)
{
	if (b == NULL || --b->refs > 0)
		return;
	b->next_free = ideal->free;
	ideal->free = b;
}

/* A buffer of at least `room` bytes, used again when there is one. */
static struct buffer *buffer_of(struct ideal *ideal, size_t room)
{
	struct buffer *b = ideal->free;

	if (b != NULL)
		ideal->free = b->next_free;
	if (b == NULL || b->room < room) {
		free(b);
		b = malloc(sizeof(*b) + room);
		if (b == NULL)
			abort();
		b->room = room;
	}
	b->refs = 1;
	b->start = 0;
	b->size = 0;
	return b;
}

static void watch(struct ideal *ideal, int operation, struct peer *peer, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = peer};

	if (epoll_ctl(ideal->epoll, operation, peer->fd, &event) != 0)
		abort();
}

static void drop(struct ideal *ideal, struct peer *peer)
{
	if (peer->kind == SUBSCRIBER)
		TAILQ_REMOVE(&ideal->subscribers, peer, entry);
	unref(ideal, peer->under_way);
	unref(ideal, peer->newest);
	unref(ideal, peer->in);
	(void)close(peer->fd);
	free(peer);
}

/* Sends what is left, and what waits behind it. Gives whether the socket is full. */
static bool send_on(struct ideal *ideal, struct peer *peer)
{
	while (peer->under_way != NULL) {
		const struct buffer *b = peer->under_way;
		ssize_t n = send(peer->fd, b->bytes + b->start + peer->done, b->size - peer->done,
		    MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0)
			return errno == EAGAIN; /* one that is gone is dropped where it is read */
		peer->done += (size_t)n;
		if (peer->done < b->size)
			return true;
		unref(ideal, peer->under_way);
		peer->under_way = peer->newest;
		peer->newest = NULL;
		peer->done = 0;
	}
	return false;
}

static void give(struct ideal *ideal, struct peer *peer, struct buffer *b)
{
	b->refs++;
	if (peer->under_way != NULL) {
		unref(ideal, peer->newest);
		peer->newest = b;
		return;
	}
	peer->under_way = b;
	peer->done = 0;
	if (send_on(ideal, peer))
		watch(ideal, EPOLL_CTL_MOD, peer, EPOLLIN | EPOLLOUT);
}

static uint32_t le32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* The publisher's buffer holds a whole picture: all get it; what came behind it begins the next. */
static void fan_out(struct ideal *ideal, struct peer *publisher, size_t size)
{
	struct buffer *b = publisher->in;
	struct buffer *next = buffer_of(ideal, b->room);
	struct peer *peer;

	publisher->done -= size;
	memcpy(next->bytes, b->bytes + size, publisher->done);
	publisher->in = next;
	publisher->usual = size;

	if (publisher->records) {
		const uint32_t length = (uint32_t)(size - 4 - RECORD_EXTRA);

		for (int i = 0; i < 4; i++)
			b->bytes[RECORD_EXTRA + i] = (uint8_t)(length >> (8 * i));
		b->start = RECORD_EXTRA;
	}
	b->size = size - b->start;
	TAILQ_FOREACH (peer, &ideal->subscribers, entry)
		give(ideal, peer, b);
	unref(ideal, b);
}

/* Makes room for one picture of the length that stands at the front. Gives its size, framing included. */
static size_t size_under_way(struct ideal *ideal, struct peer *publisher)
{
	size_t size;

	if (publisher->done < 4)
		return publisher->usual;
	size = 4 + (size_t)le32(publisher->in->bytes);
	if (size > PICTURE_MAX)
		abort();
	if (size > publisher->in->room) {
		struct buffer *larger = buffer_of(ideal, size);

		memcpy(larger->bytes, publisher->in->bytes, publisher->done);
		unref(ideal, publisher->in);
		publisher->in = larger;
	}
	return size;
}

/* One recv() a turn, of no more than is missing of this picture. */
static void read_publisher(struct ideal *ideal, struct peer *peer)
{
	size_t size = size_under_way(ideal, peer);
	ssize_t n = recv(peer->fd, peer->in->bytes + peer->done, size - peer->done, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		drop(ideal, peer);
		return;
	}
	peer->done += (size_t)n;
	while (peer->done >= 4 && peer->done >= (size = size_under_way(ideal, peer)))
		fan_out(ideal, peer, size);
}

static void become_publisher(struct ideal *ideal, struct peer *peer, bool records)
{
	peer->kind = PUBLISHER;
	peer->records = records;
	peer->usual = 4;
	peer->in = buffer_of(ideal, 4096);
}

/* Looks at a newcomer's first bytes, and takes them only when they are a whole line. */
static void meet(struct ideal *ideal, struct peer *peer)
{
	static const char answer[] = "OK bench live=1\n";
	char first[FIRST_MAX + 1];
	ssize_t n = recv(peer->fd, first, FIRST_MAX, MSG_PEEK | MSG_DONTWAIT);
	const char *end;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		drop(ideal, peer);
		return;
	}
	if (n < 4)
		return;
	first[n] = '\0';
	if (memcmp(first, "SUB ", 4) != 0 && memcmp(first, "PUB ", 4) != 0) {
		become_publisher(ideal, peer, false);
		return;
	}
	end = memchr(first, '\n', (size_t)n);
	if (end == NULL)
		return;
	(void)recv(peer->fd, first, (size_t)(end - first) + 1, MSG_DONTWAIT);
	(void)send(peer->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (first[0] == 'P') {
		become_publisher(ideal, peer, strstr(first, "records=1") != NULL);
		return;
	}
	peer->kind = SUBSCRIBER;
	TAILQ_INSERT_TAIL(&ideal->subscribers, peer, entry);
}

static void serve_subscriber(struct ideal *ideal, struct peer *peer, uint32_t events)
{
	char byte;

	if (events & EPOLLOUT) {
		if (!send_on(ideal, peer))
			watch(ideal, EPOLL_CTL_MOD, peer, EPOLLIN);
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		ssize_t n = recv(peer->fd, &byte, 1, MSG_DONTWAIT);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			drop(ideal, peer);
	}
}

static void accept_peer(struct ideal *ideal, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct peer *peer;

	if (fd < 0)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	peer = fr_xcalloc(1, sizeof(*peer));
	peer->kind = NEWCOMER;
	peer->fd = fd;
	watch(ideal, EPOLL_CTL_ADD, peer, EPOLLIN);
}

static int listen_somewhere(void)
{
	struct sockaddr_in addr = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 ||
	    listen(fd, 4096) != 0) {
		perror("relay_bench: ideal server: listen");
		return -1;
	}
	return fd;
}

static void turn(struct ideal *ideal)
{
	struct epoll_event events[64];
	int n = epoll_wait(ideal->epoll, events, 64, -1);

	for (int i = 0; i < n; i++) {
		struct peer *peer = events[i].data.ptr;

		switch (peer->kind) {
		case LISTENER:
			accept_peer(ideal, peer->fd);
			break;
		case NEWCOMER:
			meet(ideal, peer);
			break;
		case PUBLISHER:
			read_publisher(ideal, peer);
			break;
		case SUBSCRIBER:
			serve_subscriber(ideal, peer, events[i].events);
			break;
		}
	}
}

int fr_bench_ideal_main(void)
{
	struct ideal ideal = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
	struct peer listener = {.kind = LISTENER, .fd = listen_somewhere()};

	if (ideal.epoll < 0 || listener.fd < 0)
		return 1;
	TAILQ_INIT(&ideal.subscribers);
	watch(&ideal, EPOLL_CTL_ADD, &listener, EPOLLIN);
	for (;;)
		turn(&ideal);
}
