/* SPDX-License-Identifier: MIT */
#include "common/net/failures.h"

#include <stdlib.h>

#include <sys/queue.h>

#include "common/base/addr.h"
#include "common/base/limits.h"
#include "common/base/xalloc.h"

#define uthash_malloc(size)     fr_xcalloc(1, size)
#define uthash_free(ptr, bytes) free(ptr)
#include <uthash.h>

enum {
	WINDOW_US = 60 * 1000000,
};

struct failing {
	struct fr_addr_key key;
	int64_t count;    /* since window_us */
	int64_t until_us; /* blocked until then; 0: it is not */
	int64_t window_us;
	TAILQ_ENTRY(failing) entry;
	UT_hash_handle hh;
};

struct fr_failures {
	const struct fr_limits *limits;
	struct failing *table;
	TAILQ_HEAD(, failing) all; /* who failed longest ago first */
	size_t count;
};

static void forget(struct fr_failures *f, struct failing *one)
{
	TAILQ_REMOVE(&f->all, one, entry);
	f->count--;
	HASH_DEL(f->table, one); /* NOLINT: the analyzer cannot know that it is in there */
	free(one);
}

static struct failing *find(const struct fr_failures *f, const struct fr_addr *peer)
{
	const struct fr_addr_key key = fr_addr_key(peer);
	struct failing *one;

	HASH_FIND(hh, f->table, &key, sizeof(key), one);
	return one;
}

static struct failing *need(struct fr_failures *f, const struct fr_addr *peer)
{
	struct failing *one = find(f, peer);

	if (one != NULL) {
		TAILQ_REMOVE(&f->all, one, entry);
		TAILQ_INSERT_TAIL(&f->all, one, entry);
		return one;
	}
	if (f->count == FR_FAILURES_MAX)
		forget(f, TAILQ_FIRST(&f->all));
	one = fr_xcalloc(1, sizeof(*one));
	one->key = fr_addr_key(peer);
	HASH_ADD(hh, f->table, key, sizeof(one->key), one);
	TAILQ_INSERT_TAIL(&f->all, one, entry);
	f->count++;
	return one;
}

bool fr_failures_block(struct fr_failures *failures, const struct fr_addr *peer, int64_t now_us)
{
	struct failing *one = find(failures, peer);

	if (one == NULL || one->until_us == 0)
		return false;
	if (now_us < one->until_us)
		return true;
	forget(failures, one);
	return false;
}

void fr_failures_add(struct fr_failures *failures, const struct fr_addr *peer, int64_t now_us)
{
	const struct fr_limits *limits = failures->limits;
	struct failing *one;

	if (limits->auth_failures == 0 || peer->kind == FR_ADDR_UNIX)
		return;
	one = need(failures, peer);
	if (one->count == 0 || now_us - one->window_us >= WINDOW_US) {
		one->count = 0;
		one->window_us = now_us;
	}
	if (++one->count >= limits->auth_failures && limits->auth_block_ms != 0)
		one->until_us = now_us + limits->auth_block_ms * 1000;
}

void fr_failures_take_back(struct fr_failures *failures, const struct fr_addr *peer)
{
	struct failing *one = find(failures, peer);

	if (one == NULL)
		return;
	if (--one->count < failures->limits->auth_failures)
		one->until_us = 0;
	if (one->count <= 0)
		forget(failures, one);
}

size_t fr_failures_count(const struct fr_failures *failures)
{
	return failures->count;
}

struct fr_failures *fr_failures_new(const struct fr_limits *limits)
{
	struct fr_failures *f = fr_xcalloc(1, sizeof(*f));

	f->limits = limits;
	TAILQ_INIT(&f->all);
	return f;
}

void fr_failures_free(struct fr_failures *failures)
{
	if (failures == NULL)
		return;
	while (!TAILQ_EMPTY(&failures->all))
		forget(failures, TAILQ_FIRST(&failures->all));
	free(failures);
}
