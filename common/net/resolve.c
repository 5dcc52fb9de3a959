/* SPDX-License-Identifier: MIT */
#include "common/net/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/eventfd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "common/base/addr.h"
#include "common/base/xalloc.h"
#include "common/net/loop.h"

enum {
	RUNNING_MAX = 32,
	ADDRS_MAX = 16,
	STACK_BYTES = 1 << 20, /* the system's modules for names take more than the least */
};

/* What the loop and the threads share; goes with the last of them. */
struct mailbox {
	pthread_mutex_t lock;
	unsigned users; /* the loop and each running thread */
	bool loop_is_gone;
	int wake_fd;              /* readable while `ended` is not empty */
	struct fr_resolve *ended; /* the newest first: their order does not matter */
};

/* The loop's side; an orphan of the loop, found there by its close function. */
struct resolver {
	struct fr_orphan orphan;
	struct fr_deferred deferred;
	struct fr_loop *loop;
	struct mailbox *box;
	struct event wake;
	unsigned running;
};

struct fr_resolve {
	struct mailbox *box;
	struct fr_resolve *next;
	fr_resolve_fn done; /* the loop's: NULL, cancelled */
	void *arg;
	/* The thread's until it has ended: */
	char host[256];
	uint16_t port;
	struct fr_addr addrs[ADDRS_MAX];
	size_t count;
	int error; /* EAI_... */
	int system_error;
};

static void mailbox_leave(struct mailbox *box)
{
	bool last;

	(void)pthread_mutex_lock(&box->lock);
	last = --box->users == 0;
	(void)pthread_mutex_unlock(&box->lock);
	if (!last)
		return;
	(void)pthread_mutex_destroy(&box->lock);
	free(box);
}

/* Hands a look-up over to the loop, if there still is one. */
static void deliver(struct fr_resolve *r)
{
	static const uint64_t one = 1;
	struct mailbox *box = r->box;
	bool unwanted;

	(void)pthread_mutex_lock(&box->lock);
	unwanted = box->loop_is_gone;
	if (!unwanted) {
		r->next = box->ended;
		box->ended = r;
		(void)!write(box->wake_fd, &one, sizeof(one)); /* fails only when it is readable */
	}
	(void)pthread_mutex_unlock(&box->lock);
	if (unwanted)
		free(r);
}

/* --- On a thread ------------------------------------------------------------------------------ */

static void look_up(struct fr_resolve *r)
{
	static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;

	r->error = getaddrinfo(r->host, NULL, &hints, &found);
	r->system_error = errno;
	if (r->error != 0)
		return;
	for (const struct addrinfo *a = found; a != NULL && r->count < ADDRS_MAX; a = a->ai_next) {
		if (!fr_addr_from_sockaddr(&r->addrs[r->count], a->ai_addr, a->ai_addrlen))
			continue;
		r->addrs[r->count].port = r->port;
		r->count++;
	}
	freeaddrinfo(found);
	if (r->count == 0)
		r->error = EAI_NONAME;
}

static void *thread_main(void *arg)
{
	struct fr_resolve *r = arg;
	struct mailbox *box = r->box;

	look_up(r);
	deliver(r);
	mailbox_leave(box);
	return NULL;
}

static int start_thread(struct fr_resolve *r)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;
	int err;

	(void)pthread_attr_init(&attr);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	(void)pthread_attr_setstacksize(&attr, STACK_BYTES);
	(void)sigfillset(&all); /* signals stay with the loop's thread */
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&thread, &attr, thread_main, r);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	(void)pthread_attr_destroy(&attr);
	return err;
}

/* --- On the loop ------------------------------------------------------------------------------ */

static const char *reason_of(const struct fr_resolve *r)
{
	if (r->error == EAI_SYSTEM)
		return strerrordesc_np(r->system_error);
	return gai_strerror(r->error);
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct resolver *resolver = arg;
	struct mailbox *box = resolver->box;
	struct fr_resolve *list, *r;
	uint64_t ignored;

	(void)what;
	(void)pthread_mutex_lock(&box->lock);
	(void)!read(fd, &ignored, sizeof(ignored));
	list = box->ended;
	box->ended = NULL;
	(void)pthread_mutex_unlock(&box->lock);
	/* At most RUNNING_MAX and those that were refused at once. */
	while ((r = list) != NULL) {
		list = r->next;
		resolver->running--;
		if (r->done != NULL)
			r->done(r->arg, r->addrs, r->count, r->count == 0 ? reason_of(r) : "");
		free(r);
	}
}

static void free_resolver(struct fr_deferred *deferred)
{
	free((char *)deferred - offsetof(struct resolver, deferred));
}

/* The loop ends: threads that still run find nobody. */
static void close_resolver(struct fr_orphan *orphan)
{
	struct resolver *resolver =
	    (struct resolver *)((char *)orphan - offsetof(struct resolver, orphan));
	struct mailbox *box = resolver->box;
	struct fr_resolve *list, *r;

	(void)event_del(&resolver->wake);
	(void)pthread_mutex_lock(&box->lock);
	box->loop_is_gone = true;
	list = box->ended;
	box->ended = NULL;
	(void)close(box->wake_fd);
	(void)pthread_mutex_unlock(&box->lock);
	while ((r = list) != NULL) {
		list = r->next;
		free(r);
	}
	mailbox_leave(box);
	fr_loop_disown(resolver->loop, orphan);
	fr_loop_defer(resolver->loop, &resolver->deferred, free_resolver);
}

/* The loop's resolver, made when it is first asked for. @return NULL: no descriptor */
static struct resolver *resolver_of(struct fr_loop *loop)
{
	struct fr_orphan *orphan = fr_loop_next_orphan(loop, NULL, close_resolver);
	struct resolver *resolver;
	int fd;

	if (orphan != NULL)
		return (struct resolver *)((char *)orphan - offsetof(struct resolver, orphan));
	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
		return NULL;
	resolver = fr_xcalloc(1, sizeof(*resolver));
	resolver->loop = loop;
	resolver->box = fr_xcalloc(1, sizeof(*resolver->box));
	(void)pthread_mutex_init(&resolver->box->lock, NULL);
	resolver->box->users = 1;
	resolver->box->wake_fd = fd;
	(void)event_assign(
	    &resolver->wake, fr_loop_base(loop), fd, EV_READ | EV_PERSIST, on_wake, resolver);
	if (event_add(&resolver->wake, NULL) != 0) {
		(void)close(fd);
		(void)pthread_mutex_destroy(&resolver->box->lock);
		free(resolver->box);
		free(resolver);
		return NULL;
	}
	fr_loop_adopt(loop, &resolver->orphan, close_resolver);
	return resolver;
}

/* A look-up that could not even begin, because descriptors are used up: fails from the loop. */
struct stillborn {
	struct fr_deferred deferred;
	struct fr_resolve *resolve;
};

static void run_stillborn(struct fr_deferred *deferred)
{
	struct stillborn *s = (struct stillborn *)deferred;
	struct fr_resolve *r = s->resolve;

	if (r->done != NULL)
		r->done(r->arg, NULL, 0, reason_of(r));
	free(r);
	free(s);
}

static void fail_later(struct fr_loop *loop, struct fr_resolve *r)
{
	struct stillborn *s = fr_xcalloc(1, sizeof(*s));

	r->error = EAI_AGAIN;
	s->resolve = r;
	fr_loop_defer(loop, &s->deferred, run_stillborn);
}

struct fr_resolve *fr_resolve_start(
    struct fr_loop *loop, const char *host, uint16_t port, fr_resolve_fn done, void *arg)
{
	struct resolver *resolver = resolver_of(loop);
	struct fr_resolve *r = fr_xcalloc(1, sizeof(*r));

	r->done = done;
	r->arg = arg;
	r->port = port;
	(void)snprintf(r->host, sizeof(r->host), "%s", host);
	if (resolver == NULL || resolver->running >= RUNNING_MAX) {
		fail_later(loop, r);
		return r;
	}
	r->box = resolver->box;
	(void)pthread_mutex_lock(&r->box->lock);
	r->box->users++;
	(void)pthread_mutex_unlock(&r->box->lock);
	if (start_thread(r) != 0) {
		mailbox_leave(r->box);
		fail_later(loop, r);
		return r;
	}
	resolver->running++;
	return r;
}

void fr_resolve_cancel(struct fr_resolve *resolve)
{
	if (resolve != NULL)
		resolve->done = NULL;
}
