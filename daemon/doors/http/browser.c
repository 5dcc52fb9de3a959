/* SPDX-License-Identifier: MIT */
/*
 * What protects a network from the pages that its people look at: Host against DNS rebinding, Origin against
 * requests that another host's page makes, and proxies, behind which everybody has the proxy's address.
 */
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/options.h"
#include "common/media/uri.h"
#include "daemon/doors/http/inside.h"

enum {
	ORIGIN_MAX = 300, /* characters: a scheme, a host, a port */
};

static bool ends_with(const char *host, const char *end)
{
	const size_t n = strlen(host), m = strlen(end);

	return n > m && strcmp(host + n - m, end) == 0;
}

/* @return whether a name can only be this machine's, or one of its network's: no name that the world can point here */
static bool is_home_name(const struct http_door *d, const char *host)
{
	static const char *const ends[] = {
	    ".local", ".lan", ".home.arpa", ".internal", ".localhost"};

	if (strchr(host, '.') == NULL || strcmp(host, d->machine) == 0)
		return true;
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		if (ends_with(host, ends[i]))
			return true;
	for (size_t i = 0; i < fr_options_count(d->options, "hosts"); i++)
		if (strcasecmp(fr_options_item(d->options, "hosts", i), host) == 0)
			return true;
	return false;
}

bool fr_http_host_is_good(struct http_peer *p)
{
	const struct fr_access *access = fr_relay_access(p->door->env.relay);
	const char *host = fr_http_head_request(p->head)->host;
	struct fr_addr addr;

	/* Old programs name none; a browser always does. */
	if (host[0] == '\0' || fr_addr_from_host(&addr, host) || is_home_name(p->door, host))
		return true;
	/* No page of another host can show a login of ours. */
	if (fr_access_knows(access, &p->who))
		return true;
	p->closes = true;
	if (fr_access_has_logins(access, FR_LOGIN_TOKEN) ||
	    fr_access_has_logins(access, FR_LOGIN_USER)) {
		fr_http_fail(p, p->who.login == FR_LOGIN_BLOCKED ? 429 : 401,
		    p->who.login == FR_LOGIN_NONE      ? FR_REASON_auth_missing
		    : p->who.login == FR_LOGIN_BLOCKED ? FR_REASON_auth_blocked
		                                       : FR_REASON_auth_bad,
		    "a login is needed, as this machine is not known as %s: hosts = [ \"%s\" ] in "
		    "the http "
		    "door's row would let those in who need none",
		    host, host);
		return false;
	}
	fr_http_fail(p, 421, FR_REASON_host_refused,
	    "this machine is not known as %s; hosts = [ \"%s\" ] in the http door's row would "
	    "allow it",
	    host, host);
	return false;
}

static bool is_same_origin(const struct http_peer *p, const char *origin)
{
	const char *host = fr_http_head_field(p->head, "host");
	const char *at = strstr(origin, "://");

	return host != NULL && at != NULL && strcasecmp(at + 3, host) == 0;
}

/* `private`: as a Host would be good, addresses only from private networks */
static bool is_private_origin(const struct http_door *d, const char *origin)
{
	char host[FR_URI_HOST_MAX + 1];
	struct fr_addr addr;

	if (strncasecmp(origin, "http://", 7) != 0 && strncasecmp(origin, "https://", 8) != 0)
		return false;
	if (!fr_uri_origin_host(origin, host))
		return false;
	return fr_addr_from_host(&addr, host) ? fr_addr_is_private(&addr) : is_home_name(d, host);
}

bool fr_http_origin_is_allowed(const struct http_peer *p, const char *origin)
{
	const struct http_door *d = p->door;

	/* It goes into the head of an answer, which has its bounds. */
	if (strlen(origin) > ORIGIN_MAX)
		return false;
	if (is_same_origin(p, origin))
		return true;
	for (size_t i = 0; i < fr_options_count(d->options, "allow_origins"); i++) {
		const char *item = fr_options_item(d->options, "allow_origins", i);

		if (strcasecmp(item, origin) == 0)
			return true;
		/* A browser sends a password that it has with whatever a page asks of us: who has logged in has not let
		 * every page of the network do what is theirs. */
		if (p->who.login == FR_LOGIN_USER)
			continue;
		if (strcmp(item, "*") == 0 ||
		    (strcmp(item, "private") == 0 && is_private_origin(d, origin)))
			return true;
	}
	return false;
}

static bool is_reading(const struct fr_http_request *r)
{
	return r->method == FR_HTTP_GET || r->method == FR_HTTP_HEAD ||
	       r->method == FR_HTTP_OPTIONS;
}

bool fr_http_origin_is_good(struct http_peer *p)
{
	const struct fr_http_request *r = fr_http_head_request(p->head);

	/* Any page may open a WebSocket, and read it: no CORS stands before that. */
	if ((is_reading(r) && !fr_http_head_lists(p->head, "upgrade", "websocket")) ||
	    r->origin == NULL || fr_http_origin_is_allowed(p, r->origin))
		return true;
	p->closes = true;
	fr_http_fail(p, 403, FR_REASON_origin_refused,
	    "a page of %.100s may not do this; allow_origins in the http door's row would allow it",
	    r->origin);
	return false;
}

/* Proxies */

/*
 * What a proxy's connection asks for is limited as its client's own connection would be; where it names none, as its
 * own. For everybody else this changes nothing.
 */
static bool count_as(struct http_peer *p, const struct fr_addr *addr)
{
	struct fr_refusal refusal;

	if (fr_admission_move(p->door->env.admission, &p->ticket, addr, fr_clock_now_us(),
	        &refusal.reason, &refusal.code, &refusal.why) == 0)
		return true;
	p->closes = true;
	fr_http_refuse(p, &refusal, false);
	return false;
}

bool fr_http_find_who(struct http_peer *p)
{
	const char *list = fr_http_head_last_field(p->head, "x-forwarded-for");
	const bool is_forwarded = list != NULL || fr_http_head_field(p->head, "forwarded") != NULL;

	p->who = (struct fr_who){.addr = *fr_conn_peer(p->conn)};
	p->is_proxied = false;
	p->who.proxied = is_forwarded;
	if (!is_forwarded || (fr_proxies_have(&p->door->proxies, &p->who.addr) && list != NULL &&
	                         fr_proxies_client(&p->door->proxies, list, &p->who.addr)))
		return count_as(p, &p->who.addr);
	/* Who is behind a proxy that we do not trust matches no address at all: the cameras stay closed. */
	p->who = (struct fr_who){.addr = {.kind = FR_ADDR_NONE}, .proxied = true};
	p->is_proxied = true;
	return count_as(p, fr_conn_peer(p->conn));
}
