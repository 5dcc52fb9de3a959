/* SPDX-License-Identifier: MIT */
/*
 * What a door does with a login: it becomes part of who somebody is (struct fr_who); what they may do is decided by
 * daemon/relay/access.h. Wrong ones are counted by address, for all doors together.
 */
#pragma once

#include <stdint.h>

struct fr_addr;
struct fr_limits;
struct fr_logins;
struct fr_relay;
struct fr_who;

/** @param limits  borrowed; read at each decision. @return never NULL */
struct fr_logins *fr_logins_new(const struct fr_relay *relay, const struct fr_limits *limits);
void fr_logins_free(struct fr_logins *logins); /* NULL is fine */

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
