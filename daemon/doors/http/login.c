/* SPDX-License-Identifier: MIT */
/* Who asks, by what the request shows; and what a browser is asked for where it shows nothing. */
#include <errno.h>
#include <stddef.h>

#include "common/base/clock.h"
#include "common/media/credential.h"
#include "daemon/doors/http/inside.h"

/* It is known who asks. */
static void on_login(struct fr_login_wait *wait)
{
	struct http_peer *p =
	    (struct http_peer *)((char *)wait - offsetof(struct http_peer, login));

	fr_http_peer_ask(p);
	/* In these, what came behind the head is wanted now. */
	if (p->state == HTTP_BODY || p->state == HTTP_PUBLISHING || p->state == HTTP_STREAMING ||
	    p->state == HTTP_SOCKET)
		fr_http_peer_resume(p);
}

bool fr_http_login(struct http_peer *p)
{
	struct fr_logins *logins = p->door->env.logins;
	const struct fr_addr *peer = fr_conn_peer(p->conn);
	const int64_t now_us = fr_clock_now_us();
	struct fr_credential credential;
	int r = 0;

	p->login.done = on_login;
	fr_credential_read(fr_http_head_field(p->head, "authorization"), &credential);
	if (credential.kind == FR_CREDENTIAL_TOKEN)
		fr_logins_token(logins, credential.token, peer, &p->who, now_us);
	else if (credential.kind == FR_CREDENTIAL_PASSWORD)
		r = fr_logins_password(
		    logins, credential.user, credential.password, peer, &p->who, now_us, &p->login);
	else if (credential.kind == FR_CREDENTIAL_BAD)
		fr_logins_bad(logins, peer, &p->who, now_us);
	fr_credential_wipe(&credential);
	if (r == -EBUSY)
		fr_http_fail(p, 503, FR_REASON_auth_busy, "too many passwords are being looked at");
	else if (r == -EINPROGRESS)
		fr_http_peer_enter(p, HTTP_LOGIN, 0);
	return r == 0;
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
