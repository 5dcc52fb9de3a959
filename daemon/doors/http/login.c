/* SPDX-License-Identifier: MIT */
/* Who asks, by what the request shows; and what a browser is asked for where it shows nothing. */
#include "common/base/clock.h"
#include "common/media/credential.h"
#include "daemon/doors/http/inside.h"
#include "daemon/doors/logins.h"

bool fr_http_login(struct http_peer *p)
{
	struct fr_logins *logins = p->door->env.logins;
	const struct fr_addr *peer = fr_conn_peer(p->conn);
	const int64_t now_us = fr_clock_now_us();
	struct fr_credential credential;

	fr_credential_read(fr_http_head_field(p->head, "authorization"), &credential);
	if (credential.kind == FR_CREDENTIAL_TOKEN)
		fr_logins_token(logins, credential.token, peer, &p->who, now_us);
	else if (credential.kind != FR_CREDENTIAL_NONE)
		fr_logins_bad(logins, peer, &p->who, now_us);
	fr_credential_wipe(&credential);
	return true;
}

const char *fr_http_challenge(const struct http_peer *p)
{
	const struct fr_access *access = fr_relay_access(p->door->env.relay);

	if (!fr_access_has_logins(access, FR_LOGIN_USER))
		return "WWW-Authenticate: Bearer realm=\"framerelayd\"\r\n";
	/* Some clients read the first field alone; none of them has a token. */
	return fr_access_has_logins(access, FR_LOGIN_TOKEN)
	           ? "WWW-Authenticate: Basic realm=\"framerelayd\"\r\n"
	             "WWW-Authenticate: Bearer realm=\"framerelayd\"\r\n"
	           : "WWW-Authenticate: Basic realm=\"framerelayd\"\r\n";
}
