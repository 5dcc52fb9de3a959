/* SPDX-License-Identifier: MIT */
/*
 * What a door does with a login: it becomes part of who somebody is (struct fr_who); what they may do is decided by
 * daemon/relay/access.h. Wrong ones are counted by address, for all doors together.
 *
 * A token is looked at at once. A password is looked at by a worker thread; that one was right is known for a minute, by
 * a keyed digest of it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sys/queue.h>

struct fr_addr;
struct fr_limits;
struct fr_logins;
struct fr_loop;
struct fr_relay;
struct fr_who;

/**
 * @param limits  borrowed; read at each decision
 * @param loop    of the worker; NULL: no password is looked at
 * @return        never NULL
 */
struct fr_logins *fr_logins_new(
    const struct fr_relay *relay, const struct fr_limits *limits, struct fr_loop *loop);

/** Nobody may wait any more. Waits for the passwords that are being looked at. NULL is fine. */
void fr_logins_free(struct fr_logins *logins);

/**
 * Somebody shows a token.
 *
 * @param logins  NULL: wrong ones are not counted
 * @param peer    the other end of the connection: counted when who->addr is not known
 * @param who     its login and identity are filled
 */
void fr_logins_token(struct fr_logins *logins, const char *token, const struct fr_addr *peer,
    struct fr_who *who, int64_t now_us);

/** Somebody shows what cannot be a login. Parameters as above. */
void fr_logins_bad(
    struct fr_logins *logins, const struct fr_addr *peer, struct fr_who *who, int64_t now_us);

/** Somebody who waits until a password was looked at. Embedded; all zero is nobody. */
struct fr_login_wait {
	LIST_ENTRY(fr_login_wait) entry;
	bool is_waiting;
	struct fr_who *who;
	void (*done)(struct fr_login_wait *wait); /* on the loop; who is filled */
};

/**
 * Somebody shows a password.
 *
 * @param who          filled at once, or until wait->done(): borrowed
 * @retval 0           who is filled
 * @retval -EINPROGRESS  wait->done() follows
 * @retval -EBUSY      too many are being looked at; who is as it was
 */
int fr_logins_password(struct fr_logins *logins, const char *user, const char *password,
    const struct fr_addr *peer, struct fr_who *who, int64_t now_us, struct fr_login_wait *wait);

/** Nobody waits any more; done() does not come. All zero is fine. */
void fr_logins_cancel(struct fr_login_wait *wait);
