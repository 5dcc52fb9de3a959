/* SPDX-License-Identifier: MIT */
/*
 * Who may publish or watch what. Allowed is what any row grants whose every condition holds; the order of rows
 * does not matter. A door finds out who somebody is (struct fr_who); what follows from it is decided here alone.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "common/base/addr.h"
#include "common/base/cause.h"
#include "common/base/stats.h"
#include "common/media/digest.h"

struct fr_access;

/** Why a publisher or a subscriber was refused or sent away. A plain value. */
struct fr_refusal {
	unsigned code;         /* 400…599, as in docs/protocol.md 1.2; 0: a clean end */
	enum fr_reason reason; /* the counter */
	struct fr_cause why;   /* the words */
};

enum fr_right {
	FR_RIGHT_PUBLISH,
	FR_RIGHT_SUBSCRIBE,
	FR_RIGHT_MESSAGE, /* send MESSAGEs; where a row does not say: whoever it lets publish the stream */
	FR_RIGHT_OBSERVE, /* see which streams there are */
	FR_RIGHT_ADMIN,   /* see everything; where a row does not say: loopback, but no proxy's */
};

/** What somebody has shown to log in. */
enum fr_login {
	FR_LOGIN_NONE,
	FR_LOGIN_TOKEN,   /* `identity` is the token's SHA-256, whether a row has it or not */
	FR_LOGIN_USER,    /* the password was right: `identity` is fr_access_user_identity() */
	FR_LOGIN_BAD,     /* a password that is wrong, or nothing that can be a login */
	FR_LOGIN_BLOCKED, /* something that nobody looked at: too many were wrong before */
};

/** Who somebody is, as a door found out. A plain value, without secrets. */
struct fr_who {
	struct fr_addr addr;
	bool ours;    /* a source or sink of this process: everything is allowed */
	bool proxied; /* the address is what a proxy says of its client */
	bool has_certificate;
	enum fr_login login;
	struct fr_digest identity;
	struct fr_digest certificate; /* SHA-256 of the client's, which was verified */
};

/** Names of streams that a row grants; `*` is every stream. */
struct fr_access_names {
	char **names;
	size_t count;
};

struct fr_access_row {
	/* The conditions. All that are there must hold. */
	struct fr_network *from; /* any of them; none: whoever it is */
	size_t from_count;
	bool has_token, has_certificate;
	struct fr_digest token, certificate;
	char *user, *password;     /* malloc()ed, the password as crypt(3) has it; NULL: none */
	struct fr_digest identity; /* of the user; filled by fr_access_new() */

	/* The rights. */
	struct fr_access_names publish, subscribe, message;
	bool message_is_set; /* else: as publish */
	bool observe;
	bool admin;
	bool admin_is_set; /* else: loopback, not proxied */
};

/** @param rows  taken over with everything in them (malloc()ed), also the array. @return never NULL */
struct fr_access *fr_access_new(struct fr_access_row *rows, size_t count);
void fr_access_free(struct fr_access *access); /* NULL is fine */

/** @return what holds without an `access` section: private networks and `link` may publish, watch and observe */
struct fr_access *fr_access_default(void);

/** @return whether a row has a condition of this kind, FR_LOGIN_TOKEN or FR_LOGIN_USER */
bool fr_access_has_logins(const struct fr_access *access, enum fr_login kind);

/** @return whether a row is about the token with this SHA-256 */
bool fr_access_knows_token(const struct fr_access *access, const struct fr_digest *token);

/** @return whether a row is about what they have shown */
bool fr_access_knows(const struct fr_access *access, const struct fr_who *who);

/** @return the user's password as crypt(3) has it, borrowed; NULL: there is no such user. @param user  NULL: any user's */
const char *fr_access_password(const struct fr_access *access, const char *user);

/** @return what a user is known by who has shown the password: another password is another one */
struct fr_digest fr_access_user_identity(const char *user, const char *password_hash);

/**
 * The one decision, for every door: 401 where a login would help or was wrong, 403 where it would not, 429 where it was
 * not looked at.
 *
 * @param stream   the name; NULL for OBSERVE and ADMIN
 * @param refusal  filled when refused: names the address as the relay sees it, and the row that would allow it
 */
bool fr_access_allows(const struct fr_access *access, const struct fr_who *who, enum fr_right right,
    const char *stream, struct fr_refusal *refusal);
