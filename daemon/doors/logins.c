/* SPDX-License-Identifier: MIT */
#include "daemon/doors/logins.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/media/credential.h"
#include "common/media/password.h"
#include "common/net/failures.h"
#include "common/net/worker.h"
#include "daemon/relay/relay.h"

enum {
	THREADS = 2,
	CHECKS_MAX = 32, /* passwords that wait or are looked at */
	KEPT_MAX = 256,  /* passwords of which is known that they were right */
	KEPT_US = 60 * 1000000,
};

/* A password that was right. All zero is none. */
struct kept {
	struct fr_digest tag;
	int64_t until_us;
};

struct fr_logins {
	const struct fr_relay *relay;
	struct fr_loop *loop;
	struct fr_failures *failures;
	struct fr_worker *worker; /* NULL: nobody has shown a password yet */
	LIST_HEAD(, check) checks;
	size_t check_count;
	struct kept kept[KEPT_MAX];
	size_t next;
	uint8_t key[32]; /* by chance: the tags mean nothing to anybody else */
};

/* --- Whom it counts for ------------------------------------------------------------------------ */

/* Who is to be blamed. Nobody knows who is behind a proxy that is not trusted: they share its address. */
static const struct fr_addr *address_of(const struct fr_who *who, const struct fr_addr *peer)
{
	return who->addr.kind != FR_ADDR_NONE ? &who->addr : peer;
}

/* @return whether what they show is not looked at */
static bool is_blocked(
    struct fr_logins *logins, const struct fr_addr *peer, struct fr_who *who, int64_t now_us)
{
	if (logins == NULL || !fr_failures_block(logins->failures, address_of(who, peer), now_us))
		return false;
	who->login = FR_LOGIN_BLOCKED;
	return true;
}

void fr_logins_token(struct fr_logins *logins, const char *token, const struct fr_addr *peer,
    struct fr_who *who, int64_t now_us)
{
	if (is_blocked(logins, peer, who, now_us))
		return;
	who->login = FR_LOGIN_TOKEN;
	who->identity = fr_digest_of(token, strlen(token));
	if (logins != NULL &&
	    !fr_access_knows_token(fr_relay_access(logins->relay), &who->identity))
		fr_failures_add(logins->failures, address_of(who, peer), now_us);
}

void fr_logins_bad(
    struct fr_logins *logins, const struct fr_addr *peer, struct fr_who *who, int64_t now_us)
{
	if (is_blocked(logins, peer, who, now_us))
		return;
	who->login = FR_LOGIN_BAD;
	if (logins != NULL)
		fr_failures_add(logins->failures, address_of(who, peer), now_us);
}

/* --- Passwords -------------------------------------------------------------------------------- */

/* One password that a worker looks at, for all who show the same one from the same address meanwhile. */
struct check {
	struct fr_job job;
	LIST_ENTRY(check) entry;
	struct fr_logins *logins;
	LIST_HEAD(, fr_login_wait) waits;
	struct fr_digest tag, identity;
	struct fr_addr payer;
	bool is_known; /* there is such a user; else the time alone is to be the same */
	bool is_right;
	char hash[FR_PASSWORD_HASH_MAX];
	char password[FR_PASSWORD_MAX + 1];
};

static void run(struct fr_job *job)
{
	struct check *c = (struct check *)job;

	c->is_right = fr_password_is_right(c->hash, c->password) && c->is_known;
}

static void tell(struct fr_who *who, bool is_right, const struct fr_digest *identity)
{
	who->login = is_right ? FR_LOGIN_USER : FR_LOGIN_BAD;
	if (is_right)
		who->identity = *identity;
}

static void done(struct fr_job *job)
{
	struct check *c = (struct check *)job;
	struct fr_logins *logins = c->logins;
	struct fr_login_wait *wait;

	LIST_REMOVE(c, entry);
	logins->check_count--;
	if (c->is_right) {
		fr_failures_take_back(logins->failures, &c->payer);
		logins->kept[logins->next++ % KEPT_MAX] =
		    (struct kept){.tag = c->tag, .until_us = fr_clock_now_us() + KEPT_US};
	}
	while ((wait = LIST_FIRST(&c->waits)) != NULL) {
		fr_logins_cancel(wait);
		tell(wait->who, c->is_right, &c->identity);
		wait->done(wait);
	}
	OPENSSL_cleanse(c, sizeof(*c));
	free(c);
}

/* What a user, the password that the relay keeps and the one that was shown are known by, to this process alone. */
static struct fr_digest tag_of(const struct fr_logins *logins, const struct check *c)
{
	struct fr_text text = {0};
	struct fr_digest tag;

	fr_text_put(&text, c->identity.bytes, sizeof(c->identity.bytes));
	fr_text_put(&text, c->password, strlen(c->password));
	tag = fr_digest_keyed(logins->key, sizeof(logins->key), text.text, text.length);
	OPENSSL_cleanse(text.text, text.length);
	fr_text_done(&text);
	return tag;
}

static bool is_kept(const struct fr_logins *logins, const struct fr_digest *tag, int64_t now_us)
{
	bool found = false;

	for (size_t i = 0; i < KEPT_MAX; i++)
		found |=
		    fr_digest_same(&logins->kept[i].tag, tag) && now_us < logins->kept[i].until_us;
	return found;
}

static struct check *find_check(struct fr_logins *logins, const struct check *like)
{
	struct check *c;

	LIST_FOREACH (c, &logins->checks, entry)
		if (fr_digest_same(&c->tag, &like->tag) &&
		    fr_addr_same_host(&c->payer, &like->payer))
			return c;
	return NULL;
}

static struct check *begin_check(struct fr_logins *logins, const struct check *like, int64_t now_us)
{
	struct check *c;

	if (logins->worker == NULL && logins->loop != NULL)
		(void)fr_worker_new(logins->loop, THREADS, "passwords", &logins->worker, NULL);
	if (logins->worker == NULL || logins->check_count == CHECKS_MAX)
		return NULL;
	c = fr_xcalloc(1, sizeof(*c));
	*c = *like;
	c->job.run = run;
	c->job.done = done;
	LIST_INIT(&c->waits);
	LIST_INSERT_HEAD(&logins->checks, c, entry);
	logins->check_count++;
	/* Taken for wrong until it is known: nobody has many looked at by showing them all at once. */
	fr_failures_add(logins->failures, &c->payer, now_us);
	fr_worker_submit(logins->worker, &c->job);
	return c;
}

int fr_logins_password(struct fr_logins *logins, const char *user, const char *password,
    const struct fr_addr *peer, struct fr_who *who, int64_t now_us, struct fr_login_wait *wait)
{
	const struct fr_access *access;
	struct check like = {.logins = logins}, *c;
	const char *hash;
	int r = 0;

	if (is_blocked(logins, peer, who, now_us))
		return 0;
	access = logins != NULL ? fr_relay_access(logins->relay) : NULL;
	hash = access != NULL ? fr_access_password(access, user) : NULL;
	like.is_known = hash != NULL;
	if (hash == NULL && access != NULL)
		hash = fr_access_password(access, NULL);
	if (hash == NULL) {
		fr_logins_bad(logins, peer, who, now_us);
		return 0;
	}
	like.payer = *address_of(who, peer);
	like.identity = fr_access_user_identity(user, hash);
	(void)snprintf(like.hash, sizeof(like.hash), "%s", hash);
	(void)snprintf(like.password, sizeof(like.password), "%s", password);
	like.tag = tag_of(logins, &like);
	if (is_kept(logins, &like.tag, now_us)) {
		tell(who, true, &like.identity);
	} else {
		c = find_check(logins, &like);
		if (c == NULL)
			c = begin_check(logins, &like, now_us);
		r = c != NULL ? -EINPROGRESS : -EBUSY;
		if (c != NULL) {
			wait->who = who;
			wait->is_waiting = true;
			LIST_INSERT_HEAD(&c->waits, wait, entry);
		}
	}
	OPENSSL_cleanse(&like, sizeof(like));
	return r;
}

void fr_logins_cancel(struct fr_login_wait *wait)
{
	if (!wait->is_waiting)
		return;
	wait->is_waiting = false;
	LIST_REMOVE(wait, entry);
}

/* --- Life ------------------------------------------------------------------------------------- */

struct fr_logins *fr_logins_new(
    const struct fr_relay *relay, const struct fr_limits *limits, struct fr_loop *loop)
{
	struct fr_logins *logins = fr_xcalloc(1, sizeof(*logins));
	const int ok = RAND_bytes(logins->key, sizeof(logins->key));

	assert(ok == 1); /* it is seeded from the system when the program starts */
	logins->relay = relay;
	logins->loop = loop;
	LIST_INIT(&logins->checks);
	logins->failures = fr_failures_new(limits);
	return logins;
}

void fr_logins_free(struct fr_logins *logins)
{
	if (logins == NULL)
		return;
	fr_worker_free(logins->worker);
	fr_failures_free(logins->failures);
	OPENSSL_cleanse(logins, sizeof(*logins));
	free(logins);
}
