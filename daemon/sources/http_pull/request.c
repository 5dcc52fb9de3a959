/* SPDX-License-Identifier: MIT */
/* What is asked: one GET, with the login where it is wanted and with what the last picture was known by. */
#include <string.h>

#include <sys/random.h>

#include "daemon/sources/http_pull/inside.h"

/* 32 hexadecimal digits by chance. */
static void client_nonce(char text[33])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t bytes[16];

	/* So few bytes come whole once the system has begun to have any. */
	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		memset(bytes, 0, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++) {
		text[2 * i] = hex[bytes[i] >> 4];
		text[2 * i + 1] = hex[bytes[i] & 15];
	}
	text[32] = '\0';
}

static bool add_login(struct http_pull *s, struct fr_text *to)
{
	char nonce[33];
	bool ok;

	/* Whoever a redirect leads to does not see the password. */
	s->is_logged_in =
	    s->challenge.scheme != FR_HTTP_AUTH_NONE && fr_http_url_same_host(&s->home, &s->url);
	if (!s->is_logged_in)
		return true;
	client_nonce(nonce);
	fr_text_add(to, "Authorization: ");
	ok = fr_http_authorization(&s->challenge, s->home.user, s->home.password, "GET",
	    s->url.target, ++s->nonce_count, nonce, to);
	fr_text_add(to, "\r\n");
	return ok;
}

bool fr_http_pull_request(struct http_pull *s, struct fr_text *to)
{
	char host[256 + 16];

	fr_text_add(to,
	    "GET %s HTTP/1.1\r\n"
	    "Host: %s\r\n"
	    "User-Agent: framerelayd/" FR_VERSION "\r\n"
	    "Accept: multipart/x-mixed-replace, image/jpeg, */*;q=0.1\r\n"
	    "Accept-Encoding: identity\r\n"
	    "Connection: %s\r\n",
	    s->url.target, fr_http_url_host(&s->url, host), s->is_single ? "keep-alive" : "close");
	s->is_conditional =
	    s->is_single && s->has_picture && (s->etag[0] != '\0' || s->modified[0] != '\0');
	if (s->is_conditional && s->etag[0] != '\0')
		fr_text_add(to, "If-None-Match: %s\r\n", s->etag);
	if (s->is_conditional && s->modified[0] != '\0')
		fr_text_add(to, "If-Modified-Since: %s\r\n", s->modified);
	if (!add_login(s, to))
		return false;
	fr_text_add(to, "\r\n");
	return true;
}
