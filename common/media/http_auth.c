/* SPDX-License-Identifier: MIT */
#include "common/media/http_auth.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"

enum {
	HEX_MAX = 2 * EVP_MAX_MD_SIZE + 1,
};

const char *fr_http_scheme_name(enum fr_http_scheme scheme)
{
	static const char *const names[] = {"none", "Basic", "Digest MD5", "Digest SHA-256"};

	return names[scheme];
}

/* --- The challenge ---------------------------------------------------------------------------- */

/* One challenge under way. */
struct candidate {
	struct fr_http_challenge c;
	bool is_basic, is_digest;
	bool
	    is_unknown; /* an algorithm or a quality that is not ours, or a value that is too long */
	char algorithm[16];
};

static void end_candidate(struct candidate *candidate, struct fr_http_challenge *best)
{
	struct fr_http_challenge *c = &candidate->c;
	const char *algorithm = candidate->algorithm;

	if (candidate->is_basic)
		c->scheme = FR_HTTP_AUTH_BASIC;
	else if (!candidate->is_digest || candidate->is_unknown || c->nonce[0] == '\0')
		c->scheme = FR_HTTP_AUTH_NONE;
	else if (algorithm[0] == '\0' || strcasecmp(algorithm, "MD5") == 0)
		c->scheme = FR_HTTP_AUTH_DIGEST_MD5;
	else if (strcasecmp(algorithm, "SHA-256") == 0)
		c->scheme = FR_HTTP_AUTH_DIGEST_SHA256;
	if (c->scheme > best->scheme)
		*best = *c;
}

/* `auth,auth-int` */
static bool offers_auth(const char *qop)
{
	while (*qop != '\0') {
		qop += strspn(qop, " \t,");
		if (strncasecmp(qop, "auth", 4) == 0 && strchr(" \t,", qop[4]) != NULL)
			return true;
		qop += strcspn(qop, ",");
	}
	return false;
}

static void take_parameter(struct candidate *to, const char *name, size_t n, const char *value)
{
	struct fr_http_challenge *c = &to->c;
	const struct {
		const char *name;
		char *to;
		size_t room;
	} texts[] = {
	    {"realm", c->realm, sizeof(c->realm)},
	    {"nonce", c->nonce, sizeof(c->nonce)},
	    {"opaque", c->opaque, sizeof(c->opaque)},
	    {"algorithm", to->algorithm, sizeof(to->algorithm)},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (n != strlen(texts[i].name) || strncasecmp(name, texts[i].name, n) != 0)
			continue;
		if (strlen(value) < texts[i].room)
			memcpy(texts[i].to, value, strlen(value) + 1);
		else
			to->is_unknown = true;
		return;
	}
	if (n == 5 && strncasecmp(name, "stale", n) == 0)
		c->is_stale = strcasecmp(value, "true") == 0;
	if (n == 3 && strncasecmp(name, "qop", n) == 0) {
		c->has_qop = offers_auth(value);
		to->is_unknown = to->is_unknown || !c->has_qop;
	}
}

/* Reads a token or a quoted string. @param value  room as long as the text. @return where it ends */
static const char *read_value(const char *at, char *value)
{
	if (*at != '"') {
		const size_t n = strcspn(at, " \t,");

		memcpy(value, at, n);
		value[n] = '\0';
		return at + n;
	}
	for (at++; *at != '\0' && *at != '"'; at++) {
		if (at[0] == '\\' && at[1] != '\0')
			at++;
		*value++ = *at;
	}
	*value = '\0';
	return *at == '"' ? at + 1 : at;
}

void fr_http_challenge_read(const char *value, struct fr_http_challenge *best)
{
	char *room = fr_xcalloc(strlen(value) + 1, 1);
	struct candidate candidate = {0};
	const char *at = value;

	/* Schemes and parameters are told apart by what follows them: a blank, a `=`. */
	while (*(at += strspn(at, " \t,")) != '\0') {
		const char *word = at;
		const size_t n = strcspn(word, " \t,=");

		at += n;
		at += strspn(at, " \t");
		if (*at == '=') {
			at++;
			at = read_value(at + strspn(at, " \t"), room);
			take_parameter(&candidate, word, n, room);
		} else {
			end_candidate(&candidate, best);
			candidate = (struct candidate){
			    .is_basic = n == 5 && strncasecmp(word, "Basic", n) == 0,
			    .is_digest = n == 6 && strncasecmp(word, "Digest", n) == 0};
		}
	}
	end_candidate(&candidate, best);
	free(room);
}

/* --- The answer ------------------------------------------------------------------------------- */

/* @return false: there is no such hash */
__attribute__((format(printf, 3, 4))) static bool hash(
    const EVP_MD *md, char hex[HEX_MAX], const char *fmt, ...)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	char *joined = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&joined, fmt, ap);
	va_end(ap);
	if (n < 0 || EVP_Digest(joined, (size_t)n, digest, &size, md, NULL) != 1)
		size = 0;
	free(joined);
	for (unsigned i = 0; i < size; i++)
		(void)snprintf(hex + (size_t)2 * i, 3, "%02x", digest[i]);
	return size > 0;
}

/* A quoted string, RFC 9110 5.6.4. */
static void add_quoted(struct fr_text *to, const char *name, const char *value)
{
	fr_text_add(to, "%s=\"", name);
	for (; *value != '\0'; value++)
		fr_text_add(to, "%s%c", *value == '"' || *value == '\\' ? "\\" : "", *value);
	fr_text_add(to, "\"");
}

static void add_basic(const char *user, const char *password, struct fr_text *to)
{
	struct fr_text both = {0};
	unsigned char *coded;

	fr_text_add(&both, "%s:%s", user, password);
	coded = fr_xcalloc(both.length / 3 * 4 + 5, 1);
	(void)EVP_EncodeBlock(coded, (const unsigned char *)both.text, (int)both.length);
	fr_text_add(to, "Basic %s", (const char *)coded);
	free(coded);
	fr_text_done(&both);
}

bool fr_http_authorization(const struct fr_http_challenge *challenge, const char *user,
    const char *password, const char *method, const char *target, uint32_t count,
    const char *client_nonce, struct fr_text *to)
{
	const bool is_sha = challenge->scheme == FR_HTTP_AUTH_DIGEST_SHA256;
	const EVP_MD *md = is_sha ? EVP_sha256() : EVP_md5();
	char ha1[HEX_MAX], ha2[HEX_MAX], response[HEX_MAX], nc[9];
	bool ok;

	if (challenge->scheme == FR_HTTP_AUTH_BASIC) {
		add_basic(user, password, to);
		return true;
	}
	(void)snprintf(nc, sizeof(nc), "%08x", (unsigned)count);
	ok = hash(md, ha1, "%s:%s:%s", user, challenge->realm, password) &&
	     hash(md, ha2, "%s:%s", method, target) &&
	     (challenge->has_qop ? hash(md, response, "%s:%s:%s:%s:auth:%s", ha1, challenge->nonce,
	                               nc, client_nonce, ha2)
	                         : hash(md, response, "%s:%s:%s", ha1, challenge->nonce, ha2));
	if (!ok)
		return false;
	add_quoted(to, "Digest username", user);
	add_quoted(to, ", realm", challenge->realm);
	add_quoted(to, ", nonce", challenge->nonce);
	add_quoted(to, ", uri", target);
	fr_text_add(to, ", algorithm=%s, response=\"%s\"", is_sha ? "SHA-256" : "MD5", response);
	if (challenge->has_qop)
		fr_text_add(to, ", qop=auth, nc=%s, cnonce=\"%s\"", nc, client_nonce);
	if (challenge->opaque[0] != '\0')
		add_quoted(to, ", opaque", challenge->opaque);
	return true;
}
