/* SPDX-License-Identifier: MIT */
/*
 * One epoll, one buffer a picture shared by all, one send() a subscriber and picture, sent from the
 * publisher's read. A subscriber that has not taken its picture yet keeps the newest one beside it
 * (one slot). No names, no limits, no deadlines, no checks: its peers are known to be good.
 *
 * A peer's first bytes say what it is: "SUB " and "PUB " lines are answered, "GET " is an MJPEG viewer, anything
 * else is the length of a plain publisher's picture. What stands before a picture on its way out, a plain length or a
 * part's header, is written once into the room in front of it, and what stands behind it likewise.
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
	FRONT = 192,       /* bytes of room before what is received: for a part's header */
	BACK = 64,         /* and behind it */
};

#define BOUNDARY "frame"

struct buffer {
	unsigned refs;
	size_t start, size; /* what is sent: length and picture, or a part of a multipart body */
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
	bool mjpeg; /* they are MJPEG viewers, all of them */
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
		b = malloc(sizeof(*b) + FRONT + room + BACK);
		if (b == NULL)
			abort();
		b->room = room;
	}
	b->refs = 1;
	b->start = FRONT;
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

/* Writes what stands before and behind a picture. @param head  bytes of framing before it, as received */
static void frame(struct ideal *ideal, struct buffer *b, size_t head, size_t size)
{
	static const char tail[] = "\r\n--" BOUNDARY "\r\n";
	const uint32_t length = (uint32_t)(size - head);
	uint8_t *picture = b->bytes + FRONT + head;
	char text[FRONT];
	size_t n = 4;

	if (ideal->mjpeg) {
		n = (size_t)snprintf(text, sizeof(text),
		    "Content-Type: image/jpeg\r\nContent-Length: %u\r\nX-Timestamp: "
		    "1700000000.000000\r\nX-Sequence: 1700000000000000\r\n\r\n",
		    length);
		memcpy(picture + length, tail, sizeof(tail) - 1);
	} else {
		for (int i = 0; i < 4; i++)
			text[i] = (char)(uint8_t)(length >> (8 * i));
	}
	memcpy(picture - n, text, n);
	b->start = FRONT + head - n;
	b->size = n + length + (ideal->mjpeg ? sizeof(tail) - 1 : 0);
}

/* The publisher's buffer holds a whole picture: all get it; what came behind it begins the next. */
static void fan_out(struct ideal *ideal, struct peer *publisher, size_t size)
{
	struct buffer *b = publisher->in;
	struct buffer *next = buffer_of(ideal, b->room);
	struct peer *peer;

	publisher->done -= size;
	memcpy(next->bytes + FRONT, b->bytes + FRONT + size, publisher->done);
	publisher->in = next;
	publisher->usual = size;

	frame(ideal, b, publisher->records ? 4 + RECORD_EXTRA : 4, size);
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
	size = 4 + (size_t)le32(publisher->in->bytes + FRONT);
	if (size > PICTURE_MAX)
		abort();
	if (size > publisher->in->room) {
		struct buffer *larger = buffer_of(ideal, size);

		memcpy(larger->bytes + FRONT, publisher->in->bytes + FRONT, publisher->done);
		unref(ideal, publisher->in);
		publisher->in = larger;
	}
	return size;
}

/* One recv() a turn, of no more than is missing of this picture. */
static void read_publisher(struct ideal *ideal, struct peer *peer)
{
	size_t size = size_under_way(ideal, peer);
	ssize_t n =
	    recv(peer->fd, peer->in->bytes + FRONT + peer->done, size - peer->done, MSG_DONTWAIT);

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

static void become_subscriber(
    struct ideal *ideal, struct peer *peer, const char *answer, size_t size)
{
	(void)send(peer->fd, answer, size, MSG_NOSIGNAL | MSG_DONTWAIT);
	peer->kind = SUBSCRIBER;
	TAILQ_INSERT_TAIL(&ideal->subscribers, peer, entry);
}

/* Looks at a newcomer's first bytes, and takes them only when they are a whole line. */
static void meet(struct ideal *ideal, struct peer *peer)
{
	static const char answer[] = "OK bench live=1\n",
	                  mjpeg[] = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; "
	                            "boundary=" BOUNDARY "\r\n\r\n--" BOUNDARY "\r\n";
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
	if (memcmp(first, "GET ", 4) == 0) {
		end = strstr(first, "\r\n\r\n");
		if (end == NULL)
			return;
		(void)recv(peer->fd, first, (size_t)(end - first) + 4, MSG_DONTWAIT);
		ideal->mjpeg = true;
		become_subscriber(ideal, peer, mjpeg, sizeof(mjpeg) - 1);
		return;
	}
	if (memcmp(first, "SUB ", 4) != 0 && memcmp(first, "PUB ", 4) != 0) {
		become_publisher(ideal, peer, false);
		return;
	}
	end = memchr(first, '\n', (size_t)n);
	if (end == NULL)
		return;
	(void)recv(peer->fd, first, (size_t)(end - first) + 1, MSG_DONTWAIT);
	if (first[0] == 'P') {
		(void)send(peer->fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		become_publisher(ideal, peer, strstr(first, "records=1") != NULL);
		return;
	}
	become_subscriber(ideal, peer, answer, sizeof(answer) - 1);
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
