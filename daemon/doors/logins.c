/* SPDX-License-Identifier: MIT */
#include "daemon/doors/logins.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/net/failures.h"
#include "daemon/relay/relay.h"

struct fr_logins {
	const struct fr_relay *relay;
	struct fr_failures *failures;
};

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

struct fr_logins *fr_logins_new(const struct fr_relay *relay, const struct fr_limits *limits)
{
	struct fr_logins *logins = fr_xcalloc(1, sizeof(*logins));

	logins->relay = relay;
	logins->failures = fr_failures_new(limits);
	return logins;
}

void fr_logins_free(struct fr_logins *logins)
{
	if (logins == NULL)
		return;
	fr_failures_free(logins->failures);
	free(logins);
}
