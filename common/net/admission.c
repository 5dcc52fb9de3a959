/* SPDX-License-Identifier: MIT */
#include "common/net/admission.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/queue.h>

#include "common/base/cause.h"
#include "common/base/limits.h"
#include "common/base/xalloc.h"

#define uthash_malloc(size)     fr_xcalloc(1, size)
#define uthash_free(ptr, bytes) free(ptr)
#include <uthash.h>

enum {
	IDLE_MAX = 4096, /* addresses remembered without a connection, for their rate */
	BURST_S = 2, /* a bucket holds so many seconds' worth, and is full again after as long */
	SECOND_US = 1000000,
};

/* Tokens in millionths: `rate` of them come a microsecond. */
struct bucket {
	int64_t level;
	int64_t filled_us; /* 0: never used, full */
};

struct fr_admission_address {
	struct fr_addr_key key;
	int64_t connections, unsettled;
	struct bucket rate;
	int64_t idle_since_us;
	TAILQ_ENTRY(fr_admission_address) idle; /* while it has no connection */
	UT_hash_handle hh;
};

TAILQ_HEAD(address_list, fr_admission_address);

struct fr_admission {
	const struct fr_limits *limits;
	int64_t connections, unsettled;
	struct bucket rate, handshakes;
	struct fr_admission_address *addresses;
	struct address_list idle; /* longest idle first */
	size_t idle_count;
};

static void bucket_fill(struct bucket *b, int64_t rate, int64_t now_us)
{
	const int64_t full = BURST_S * rate * SECOND_US;
	int64_t passed = now_us - b->filled_us;

	if (b->filled_us == 0 || passed >= (int64_t)BURST_S * SECOND_US)
		b->level = full;
	else if (passed > 0)
		b->level += passed * rate;
	if (b->level > full)
		b->level = full;
	b->filled_us = now_us;
}

/* Whether one more fits; a rate of 0 is no limit. */
static bool bucket_has(struct bucket *b, int64_t rate, int64_t now_us)
{
	if (rate == 0)
		return true;
	bucket_fill(b, rate, now_us);
	return b->level >= SECOND_US;
}

static void bucket_take(struct bucket *b, int64_t rate)
{
	if (rate != 0)
		b->level -= SECOND_US;
}

static void forget(struct fr_admission *a, struct fr_admission_address *address)
{
	TAILQ_REMOVE(&a->idle, address, idle);
	a->idle_count--;
	HASH_DEL(a->addresses, address); /* NOLINT: the analyzer cannot know that it is in there */
	free(address);
}

/* Forgets who has been idle for so long that its bucket is full, and the longest idle above the bound. */
static void forget_idle(struct fr_admission *a, int64_t now_us)
{
	struct fr_admission_address *first;

	while ((first = TAILQ_FIRST(&a->idle)) != NULL &&
	       (a->idle_count > IDLE_MAX ||
	           now_us - first->idle_since_us >= (int64_t)BURST_S * SECOND_US))
		forget(a, first);
}

static void make_idle(struct fr_admission *a, struct fr_admission_address *address, int64_t now_us)
{
	address->idle_since_us = now_us;
	TAILQ_INSERT_TAIL(&a->idle, address, idle);
	a->idle_count++;
}

/* The address's entry, new when need be. A new one is idle. */
static struct fr_admission_address *entry_of(
    struct fr_admission *a, const struct fr_addr *peer, int64_t now_us)
{
	const struct fr_addr_key key = fr_addr_key(peer);
	struct fr_admission_address *address;

	HASH_FIND(hh, a->addresses, &key, sizeof(key), address);
	if (address != NULL)
		return address;
	address = fr_xcalloc(1, sizeof(*address));
	address->key = key;
	HASH_ADD(hh, a->addresses, key, sizeof(address->key), address);
	make_idle(a, address, now_us);
	return address;
}

static bool is_over(int64_t count, int64_t limit)
{
	return limit != 0 && count >= limit;
}

static int refuse(struct fr_cause *why, enum fr_reason reason, enum fr_reason *ret_reason,
    unsigned code, unsigned *ret_code, const char *limit, int64_t value)
{
	*ret_reason = reason;
	*ret_code = code;
	return fr_cause_set(
	    why, EAGAIN, "%s: %s = %lld", fr_reason_help(reason), limit, (long long)value);
}

/* The address's own limits come first, so that one that storms uses nothing up of what is for all. */
static int check_address(struct fr_admission *a, struct fr_admission_address *address,
    int64_t now_us, enum fr_reason *ret_reason, unsigned *ret_code, struct fr_cause *why)
{
	const struct fr_limits *l = a->limits;

	if (address->key.kind == FR_ADDR_UNIX)
		return 0;
	if (is_over(address->connections, l->max_connections_per_address))
		return refuse(why, FR_REASON_conn_limit_addr, ret_reason, 429, ret_code,
		    "max_connections_per_address", l->max_connections_per_address);
	if (is_over(address->unsettled, l->max_pre_auth_per_address))
		return refuse(why, FR_REASON_conn_limit_addr, ret_reason, 429, ret_code,
		    "max_pre_auth_per_address", l->max_pre_auth_per_address);
	if (!bucket_has(&address->rate, l->accept_rate_per_address, now_us))
		return refuse(why, FR_REASON_accept_rate, ret_reason, 429, ret_code,
		    "accept_rate_per_address", l->accept_rate_per_address);
	return 0;
}

static int check_all(struct fr_admission *a, bool is_tls, int64_t now_us,
    enum fr_reason *ret_reason, unsigned *ret_code, struct fr_cause *why)
{
	const struct fr_limits *l = a->limits;

	if (is_over(a->connections, l->max_connections))
		return refuse(why, FR_REASON_conn_limit, ret_reason, 503, ret_code,
		    "max_connections", l->max_connections);
	if (is_over(a->unsettled, l->max_pre_auth))
		return refuse(why, FR_REASON_conn_limit, ret_reason, 503, ret_code, "max_pre_auth",
		    l->max_pre_auth);
	if (!bucket_has(&a->rate, l->accept_rate, now_us))
		return refuse(why, FR_REASON_accept_rate, ret_reason, 503, ret_code, "accept_rate",
		    l->accept_rate);
	if (is_tls && !bucket_has(&a->handshakes, l->tls_handshake_rate, now_us))
		return refuse(why, FR_REASON_tls_rate, ret_reason, 503, ret_code,
		    "tls_handshake_rate", l->tls_handshake_rate);
	return 0;
}

/* At an address: one more connection. */
static void take_place(
    struct fr_admission *a, struct fr_ticket *ticket, struct fr_admission_address *address)
{
	if (address->key.kind != FR_ADDR_UNIX)
		bucket_take(&address->rate, a->limits->accept_rate_per_address);
	if (address->connections == 0) {
		TAILQ_REMOVE(&a->idle, address, idle);
		a->idle_count--;
	}
	address->connections++;
	address->unsettled += !ticket->settled;
	ticket->address = address;
}

/* At its address: one less. */
static void give_place(struct fr_admission *a, struct fr_ticket *ticket, int64_t now_us)
{
	ticket->address->connections--;
	ticket->address->unsettled -= !ticket->settled;
	if (ticket->address->connections == 0)
		make_idle(a, ticket->address, now_us);
}

int fr_admission_enter(struct fr_admission *admission, const struct fr_addr *peer, int64_t now_us,
    struct fr_ticket *ticket, enum fr_reason *ret_reason, unsigned *ret_code, struct fr_cause *why)
{
	struct fr_admission_address *address = entry_of(admission, peer, now_us);
	int r = check_address(admission, address, now_us, ret_reason, ret_code, why);

	if (r == 0)
		r = check_all(admission, ticket->is_tls, now_us, ret_reason, ret_code, why);
	if (r < 0) {
		forget_idle(admission, now_us);
		return r;
	}
	bucket_take(&admission->rate, admission->limits->accept_rate);
	if (ticket->is_tls)
		bucket_take(&admission->handshakes, admission->limits->tls_handshake_rate);
	admission->connections++;
	admission->unsettled++;
	ticket->settled = false;
	take_place(admission, ticket, address);
	forget_idle(admission, now_us);
	return 0;
}

int fr_admission_move(struct fr_admission *admission, struct fr_ticket *ticket,
    const struct fr_addr *client, int64_t now_us, enum fr_reason *ret_reason, unsigned *ret_code,
    struct fr_cause *why)
{
	struct fr_admission_address *address = entry_of(admission, client, now_us);
	int r = 0;

	if (address != ticket->address) {
		r = check_address(admission, address, now_us, ret_reason, ret_code, why);
		if (r == 0) {
			give_place(admission, ticket, now_us);
			take_place(admission, ticket, address);
		}
	}
	forget_idle(admission, now_us);
	return r;
}

void fr_admission_settle(struct fr_admission *admission, struct fr_ticket *ticket)
{
	if (ticket->address == NULL || ticket->settled)
		return;
	admission->unsettled--;
	ticket->address->unsettled--;
	ticket->settled = true;
}

void fr_admission_leave(struct fr_admission *admission, struct fr_ticket *ticket, int64_t now_us)
{
	if (ticket->address == NULL)
		return;
	fr_admission_settle(admission, ticket);
	admission->connections--;
	give_place(admission, ticket, now_us);
	memset(ticket, 0, sizeof(*ticket));
	forget_idle(admission, now_us);
}

size_t fr_admission_connections(const struct fr_admission *admission)
{
	return (size_t)admission->connections;
}

struct fr_admission *fr_admission_new(const struct fr_limits *limits)
{
	struct fr_admission *a = fr_xcalloc(1, sizeof(*a));

	a->limits = limits;
	TAILQ_INIT(&a->idle);
	return a;
}

void fr_admission_free(struct fr_admission *admission)
{
	if (admission == NULL)
		return;
	assert(admission->connections == 0); /* tickets would point into freed memory */
	while (!TAILQ_EMPTY(&admission->idle))
		forget(admission, TAILQ_FIRST(&admission->idle));
	free(admission);
}
