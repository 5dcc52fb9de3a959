/* SPDX-License-Identifier: MIT */
/*
 * TLS as this program speaks it: 1.2 and 1.3, forward secret ciphers alone, no renegotiation, no compression, no early
 * data; tickets that live no longer than the credentials they were made with.
 *
 * A struct fr_tls holds one side's credentials: a certificate with its key, or whom to trust. A connection keeps those
 * that it began with, so they can be replaced while it lasts.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct fr_cause;
struct fr_tls;
struct ssl_ctx_st;

/** Paths of PEM files. */
struct fr_tls_files {
	const char
	    *certificate; /* the server's own first, then those that lead to its CA; "" none */
	const char *key;  /* without a passphrase; others may not read it */
	const char
	    *client_ca; /* who signs the certificates that clients must show; "" they need none */
};

/** What may be spoken inside, by ALPN. A constant table. */
struct fr_tls_protocols {
	const char *list; /* as RFC 7301 writes it, best first: "\x08http/1.1\x02h2" */
	bool required;    /* who names none of them gets an alert, also who names none at all */
};

/**
 * A server's credentials, read and looked at: the key is the certificate's, which is valid now.
 *
 * @param files    borrowed for the call; no certificate: credentials with which every handshake fails
 * @retval -errno  `why` begins with the option's name, and names the file and what is wrong with it
 */
int fr_tls_new_server(const struct fr_tls_files *files, struct fr_tls **ret, struct fr_cause *why);

/**
 * Whom a client trusts.
 *
 * @param ca       a PEM file; a certificate in it is trusted, also one that is no CA's. "" those that the system trusts
 * @retval -errno  as above
 */
int fr_tls_new_client(const char *ca, struct fr_tls **ret, struct fr_cause *why);

void fr_tls_free(struct fr_tls *tls); /* NULL is fine; connections keep theirs */

/** Both exchange what they hold: new connections begin with the new credentials. */
void fr_tls_exchange(struct fr_tls *a, struct fr_tls *b);

/** @return CLOCK_REALTIME seconds at which the certificate expires; 0: there is none */
int64_t fr_tls_expires_s(const struct fr_tls *tls);

/** @return whole days until then at `now_s`, 0 when it has expired; -1: there is no certificate */
int64_t fr_tls_days_left(const struct fr_tls *tls, int64_t now_s);

/** @return OpenSSL's context, borrowed. Its connections have a struct fr_tls_protocols, or NULL, as their app data. */
struct ssl_ctx_st *fr_tls_context(const struct fr_tls *tls);
