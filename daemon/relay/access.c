/* SPDX-License-Identifier: MIT */
#include "daemon/relay/access.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/text.h"
#include "common/base/xalloc.h"

struct fr_access {
	struct fr_access_row *rows;
	size_t count;
};

static const char *const right_names[] = {
    [FR_RIGHT_PUBLISH] = "publish",
    [FR_RIGHT_SUBSCRIBE] = "subscribe",
    [FR_RIGHT_MESSAGE] = "message",
    [FR_RIGHT_OBSERVE] = "observe",
    [FR_RIGHT_ADMIN] = "admin",
};

struct fr_access *fr_access_new(struct fr_access_row *rows, size_t count)
{
	struct fr_access *access = fr_xcalloc(1, sizeof(*access));

	access->rows = rows;
	access->count = count;
	for (size_t i = 0; i < count; i++)
		if (rows[i].user != NULL)
			rows[i].identity = fr_access_user_identity(rows[i].user, rows[i].password);
	return access;
}

static void names_done(struct fr_access_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
}

void fr_access_free(struct fr_access *access)
{
	if (access == NULL)
		return;
	for (size_t i = 0; i < access->count; i++) {
		free(access->rows[i].from);
		free(access->rows[i].user);
		free(access->rows[i].password);
		names_done(&access->rows[i].publish);
		names_done(&access->rows[i].subscribe);
		names_done(&access->rows[i].message);
	}
	free(access->rows);
	free(access);
}

static void grant_all(struct fr_access_names *names)
{
	names->names = fr_xcalloc(1, sizeof(*names->names));
	names->names[0] = fr_xstrdup("*");
	names->count = 1;
}

struct fr_access *fr_access_default(void)
{
	struct fr_access_row *row = fr_xcalloc(1, sizeof(*row));

	row->from = fr_xcalloc(2, sizeof(*row->from));
	row->from[0].kind = FR_NETWORK_PRIVATE;
	row->from[1].kind = FR_NETWORK_LINK;
	row->from_count = 2;
	grant_all(&row->publish);
	grant_all(&row->subscribe);
	row->observe = true;
	return fr_access_new(row, 1);
}

/* Logins */

struct fr_digest fr_access_user_identity(const char *user, const char *password_hash)
{
	struct fr_text both = {0};
	struct fr_digest identity;

	fr_text_put(&both, user, strlen(user) + 1); /* its NUL stands between them */
	fr_text_put(&both, password_hash, strlen(password_hash));
	identity = fr_digest_of(both.text, both.length);
	fr_text_done(&both);
	return identity;
}

bool fr_access_has_logins(const struct fr_access *access, enum fr_login kind)
{
	for (size_t i = 0; i < access->count; i++)
		if (kind == FR_LOGIN_TOKEN ? access->rows[i].has_token
		                           : access->rows[i].user != NULL)
			return true;
	return false;
}

/* All of them are looked at, so that the time does not tell which it was. */
bool fr_access_knows_token(const struct fr_access *access, const struct fr_digest *token)
{
	bool found = false;

	for (size_t i = 0; i < access->count; i++)
		found |= fr_digest_same(&access->rows[i].token, token) && access->rows[i].has_token;
	return found;
}

const char *fr_access_password(const struct fr_access *access, const char *user)
{
	for (size_t i = 0; i < access->count; i++)
		if (access->rows[i].user != NULL &&
		    (user == NULL || strcmp(access->rows[i].user, user) == 0))
			return access->rows[i].password;
	return NULL;
}

/* Decisions */

static bool is_from(const struct fr_access_row *row, const struct fr_who *who)
{
	if (row->from_count == 0)
		return true;
	for (size_t i = 0; i < row->from_count; i++)
		if (fr_network_has(&row->from[i], &who->addr))
			return true;
	return false;
}

static bool wants_login(const struct fr_access_row *row)
{
	return row->has_token || row->user != NULL || row->has_certificate;
}

/* Whether they have shown everything that the row wants to see. */
static bool has_shown(const struct fr_access_row *row, const struct fr_who *who)
{
	bool ok = true;

	if (row->has_token)
		ok &= fr_digest_same(&row->token, &who->identity) && who->login == FR_LOGIN_TOKEN;
	if (row->user != NULL)
		ok &= fr_digest_same(&row->identity, &who->identity) && who->login == FR_LOGIN_USER;
	if (row->has_certificate)
		ok &= fr_digest_same(&row->certificate, &who->certificate) && who->has_certificate;
	return ok;
}

static bool names_have(const struct fr_access_names *names, const char *stream)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->names[i], "*") == 0 || strcmp(names->names[i], stream) == 0)
			return true;
	return false;
}

static bool row_grants(const struct fr_access_row *row, const struct fr_who *who,
    enum fr_right right, const char *stream)
{
	switch (right) {
	case FR_RIGHT_PUBLISH:
		return names_have(&row->publish, stream);
	case FR_RIGHT_SUBSCRIBE:
		return names_have(&row->subscribe, stream);
	case FR_RIGHT_MESSAGE:
		return names_have(row->message_is_set ? &row->message : &row->publish, stream);
	case FR_RIGHT_OBSERVE:
		return row->observe;
	case FR_RIGHT_ADMIN:
		break;
	}
	return row->admin_is_set ? row->admin : fr_addr_is_loopback(&who->addr) && !who->proxied;
}

bool fr_access_knows(const struct fr_access *access, const struct fr_who *who)
{
	for (size_t i = 0; i < access->count; i++)
		if (wants_login(&access->rows[i]) && has_shown(&access->rows[i], who))
			return true;
	return false;
}

/* Why not, as far as it matters for what is answered. */
struct verdict {
	bool is_allowed;
	bool is_known;    /* a row is about the login that was shown */
	bool login_helps; /* another login would be let in from there */
};

static struct verdict judge(const struct fr_access *access, const struct fr_who *who,
    enum fr_right right, const char *stream)
{
	struct verdict v = {.is_allowed = false};

	for (size_t i = 0; i < access->count; i++) {
		const struct fr_access_row *row = &access->rows[i];
		const bool shown = has_shown(row, who);

		v.is_known |= shown && wants_login(row);
		if (!row_grants(row, who, right, stream) || !is_from(row, who))
			continue;
		v.is_allowed |= shown;
		v.login_helps |= !shown;
	}
	return v;
}

/* @return what stands before the sentence about the address */
static const char *begin_refusal(
    const struct verdict *v, const struct fr_who *who, struct fr_refusal *refusal)
{
	refusal->code = 401;
	refusal->reason = FR_REASON_auth_bad;
	switch (who->login) {
	case FR_LOGIN_BLOCKED:
		refusal->code = 429;
		refusal->reason = FR_REASON_auth_blocked;
		return "too many logins were wrong, later ones are not looked at for "
		       "auth_block_ms: ";
	case FR_LOGIN_BAD:
		return "the login is wrong: ";
	case FR_LOGIN_TOKEN:
	case FR_LOGIN_USER:
		if (!v->is_known)
			return "this login is not known here: ";
		break;
	case FR_LOGIN_NONE:
		if (v->is_known)
			break;
		refusal->reason = FR_REASON_auth_missing;
		if (v->login_helps)
			return "a login is needed: ";
		refusal->code = 403;
		refusal->reason = FR_REASON_access_denied;
		return "";
	}
	refusal->code = 403;
	refusal->reason = FR_REASON_auth_denied;
	return "this login does not allow it: ";
}

bool fr_access_allows(const struct fr_access *access, const struct fr_who *who, enum fr_right right,
    const char *stream, struct fr_refusal *refusal)
{
	char addr[FR_ADDR_TEXT_MAX];
	const char *begin;
	struct verdict v;

	if (who->ours)
		return true;
	v = judge(access, who, right, stream);
	if (v.is_allowed)
		return true;
	begin = begin_refusal(&v, who, refusal);
	fr_addr_print_host(&who->addr, addr);
	if (right == FR_RIGHT_OBSERVE || right == FR_RIGHT_ADMIN)
		(void)fr_cause_set(&refusal->why, 0,
		    "%s%s may not %s; this row of access would allow it: "
		    "{ from = [ \"%s\" ]; %s = true; }",
		    begin, addr, right_names[right], addr, right_names[right]);
	else
		(void)fr_cause_set(&refusal->why, 0,
		    "%s%s may not %s %s; this row of access would allow it: "
		    "{ from = [ \"%s\" ]; %s = [ \"%s\" ]; }",
		    begin, addr, right_names[right], stream, addr, right_names[right], stream);
	return false;
}
