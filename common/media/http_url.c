/* SPDX-License-Identifier: MIT */
#include "common/media/http_url.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/addr.h"
#include "common/base/cause.h"

enum {
	HTTP_PORT = 80,
};

/* --- The parts -------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7F;
}

/* Undoes %XX. @return false: too long, a %XX that is none, or a control character */
static bool decode(const char *from, size_t size, char to[FR_HTTP_URL_USER_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < size; i++) {
		char c = from[i];

		if (c == '%') {
			const int high = size - i > 2 ? hex_digit(from[i + 1]) : -1;
			const int low = size - i > 2 ? hex_digit(from[i + 2]) : -1;

			if (high < 0 || low < 0)
				return false;
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (is_control(c) || n == FR_HTTP_URL_USER_MAX)
			return false;
		to[n++] = c;
	}
	to[n] = '\0';
	return true;
}

/* `user[:password]` in front of `@` */
static int read_user(const char *text, size_t size, struct fr_http_url *url, struct fr_cause *why)
{
	const char *colon = memchr(text, ':', size);
	const size_t user = colon == NULL ? size : (size_t)(colon - text);
	const size_t rest = colon == NULL ? 0 : size - user - 1;

	url->has_user = true;
	if (!decode(text, user, url->user) || !decode(text + size - rest, rest, url->password))
		return fr_cause_set(why, EINVAL,
		    "user or password in the address is longer than %d bytes or badly encoded "
		    "(%% is written %%25, @ is written %%40)",
		    (int)FR_HTTP_URL_USER_MAX);
	return 0;
}

/* `[user@]host[:port]` */
static int read_authority(
    const char *text, size_t size, struct fr_http_url *url, struct fr_cause *why)
{
	const char *at = memrchr(text, '@', size);
	char host[300];
	int r;

	if (at != NULL) {
		r = read_user(text, (size_t)(at - text), url, why);
		if (r < 0)
			return r;
		size -= (size_t)(at + 1 - text);
		text = at + 1;
	}
	if (size == 0)
		return fr_cause_set(why, EINVAL, "the address has no host");
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)text[i] <= 0x20 || (unsigned char)text[i] >= 0x7F ||
		    strchr("\"<>\\^`{|}", text[i]) != NULL)
			return fr_cause_set(
			    why, EINVAL, "a character in the address's host that may not be there");
	if (size >= sizeof(host) || strncasecmp(text, "unix:", 5) == 0)
		return fr_cause_set(why, EINVAL, "the address's host is no host");
	memcpy(host, text, size);
	host[size] = '\0';
	return fr_addr_split(host, HTTP_PORT, url->host, &url->port, why);
}

/* Path and query, up to a fragment. Appends to what the target has. */
static int read_target(const char *text, struct fr_http_url *url, struct fr_cause *why)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t n = strlen(url->target);

	for (; *text != '\0' && *text != '#'; text++) {
		const unsigned char c = (unsigned char)*text;
		const bool is_encoded = c == ' ' || c >= 0x80;

		if (is_control(*text))
			return fr_cause_set(
			    why, EINVAL, "a control character in the address's path");
		if (n + (is_encoded ? 3 : 1) > FR_HTTP_URL_TARGET_MAX)
			return fr_cause_set(why, EINVAL,
			    "the address's path and query are longer than %d characters",
			    (int)FR_HTTP_URL_TARGET_MAX);
		if (is_encoded) {
			url->target[n++] = '%';
			url->target[n++] = hex[c >> 4];
			url->target[n++] = hex[c & 15];
		} else {
			url->target[n++] = *text;
		}
	}
	url->target[n] = '\0';
	return 0;
}

/* What stands behind `http://`. */
static int read_rest(const char *text, struct fr_http_url *url, struct fr_cause *why)
{
	const size_t authority = strcspn(text, "/?#");
	int r;

	*url = (struct fr_http_url){.port = 0};
	r = read_authority(text, authority, url, why);
	if (r < 0)
		return r;
	if (text[authority] != '/')
		url->target[0] = '/';
	return read_target(text + authority, url, why);
}

int fr_http_url_parse(const char *text, struct fr_http_url *ret, struct fr_cause *why)
{
	struct fr_http_url url;
	int r;

	if (strncasecmp(text, "https://", 8) == 0)
		return fr_cause_set(why, EPROTONOSUPPORT,
		    "https:// needs TLS, which this build does not have; http:// is spoken");
	if (strncasecmp(text, "http://", 7) != 0)
		return fr_cause_set(why, EINVAL,
		    "an address to fetch pictures from begins http://, such as "
		    "http://192.168.1.40:81/stream");
	r = read_rest(text + 7, &url, why);
	if (r == 0)
		*ret = url;
	return r;
}

/* --- Following -------------------------------------------------------------------------------- */

/* Takes `.` and `..` out of the path, RFC 3986 5.2.4. */
static void remove_dots(char *target)
{
	const size_t path = strcspn(target, "?");
	size_t from = 0, to = 0;

	while (from < path) {
		size_t n = 1 + strcspn(target + from + 1, "/?");

		if (n == 2 && target[from + 1] == '.') {
			from += n;
		} else if (n == 3 && target[from + 1] == '.' && target[from + 2] == '.') {
			while (to > 0 && target[--to] != '/')
				;
			from += n;
		} else {
			memmove(target + to, target + from, n);
			to += n;
			from += n;
			continue;
		}
		if (from == path) /* `/a/.` is `/a/` */
			target[to++] = '/';
	}
	memmove(target + to, target + path, strlen(target + path) + 1);
}

static bool has_scheme(const char *location)
{
	const size_t n = strcspn(location, ":/?#");

	return n > 0 && location[n] == ':';
}

int fr_http_url_follow(const struct fr_http_url *base, const char *location,
    struct fr_http_url *ret, struct fr_cause *why)
{
	struct fr_http_url url;
	int r;

	if (has_scheme(location)) {
		r = fr_http_url_parse(location, &url, why);
	} else if (strncmp(location, "//", 2) == 0) {
		r = read_rest(location + 2, &url, why);
	} else {
		url = *base;
		if (location[0] == '/')
			url.target[0] = '\0';
		else
			url.target[strcspn(url.target, "?")] = '\0';
		if (location[0] != '/' && location[0] != '?' && location[0] != '\0')
			strrchr(url.target, '/')[1] = '\0';
		r = read_target(location, &url, why);
	}
	if (r < 0)
		return r;
	remove_dots(url.target);
	url.has_user = false;
	memset(url.user, 0, sizeof(url.user));
	memset(url.password, 0, sizeof(url.password));
	*ret = url;
	return 0;
}

bool fr_http_url_same_host(const struct fr_http_url *a, const struct fr_http_url *b)
{
	return a->port == b->port && strcasecmp(a->host, b->host) == 0;
}

/* --- Showing ---------------------------------------------------------------------------------- */

const char *fr_http_url_host(const struct fr_http_url *url, char text[256 + 16])
{
	const bool is_ipv6 = strchr(url->host, ':') != NULL;
	char port[8] = "";

	if (url->port != HTTP_PORT)
		(void)snprintf(port, sizeof(port), ":%u", (unsigned)url->port);
	/* A scope (%eth0) is this machine's own business, RFC 6874 4. */
	(void)snprintf(text, 256 + 16, "%s%.*s%s%s", is_ipv6 ? "[" : "",
	    (int)(is_ipv6 ? strcspn(url->host, "%") : strlen(url->host)), url->host,
	    is_ipv6 ? "]" : "", port);
	return text;
}

const char *fr_http_url_print(const struct fr_http_url *url, char text[FR_HTTP_URL_TEXT_MAX])
{
	const size_t path = strcspn(url->target, "?");
	char host[256 + 16];

	(void)snprintf(text, FR_HTTP_URL_TEXT_MAX, "http://%s%.*s%s", fr_http_url_host(url, host),
	    (int)(path < 80 ? path : 80), url->target,
	    path > 80 || url->target[path] == '?' ? "…" : "");
	return text;
}
