/* SPDX-License-Identifier: MIT */
#include "common/net/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/base/cause.h"
#include "common/base/secret.h"
#include "common/base/xalloc.h"

struct fr_tls {
	SSL_CTX *context;
	int64_t expires_s; /* 0: no certificate */
};

enum {
	DAY_S = 24 * 60 * 60,
	DATE_TEXT = 32,
};

/* --- Sentences -------------------------------------------------------------------------------- */

/* What OpenSSL has to say, in its own words where we have none. */
static const char *reason(void)
{
	const unsigned long error = ERR_peek_last_error();
	const char *text = ERR_reason_error_string(error);

	return text != NULL ? text : "it cannot be used";
}

/* Whether this is what a reader of PEM met first, or last. */
static bool was(int reason_of_pem)
{
	const unsigned long first = ERR_peek_error(), last = ERR_peek_last_error();

	return (ERR_GET_LIB(first) == ERR_LIB_PEM && ERR_GET_REASON(first) == reason_of_pem) ||
	       (ERR_GET_LIB(last) == ERR_LIB_PEM && ERR_GET_REASON(last) == reason_of_pem);
}

static int refuse(const char *option, const char *path, const char *what, struct fr_cause *why)
{
	return fr_cause_set(why, EINVAL, "%s = \"%.150s\": %s", option, path, what);
}

/* A file that can be read; a directory or a FIFO is none. */
static int check_file(const char *option, const char *path, struct fr_cause *why)
{
	struct stat st;

	if (stat(path, &st) != 0 || access(path, R_OK) != 0)
		return refuse(option, path, strerrordesc_np(errno), why);
	return S_ISREG(st.st_mode) ? 0 : refuse(option, path, "it is no file", why);
}

/* --- What every connection has ---------------------------------------------------------------- */

/* In our order; who speaks none of ours is told so (RFC 7301 3.2). */
static int on_protocols(SSL *ssl, const unsigned char **ret, unsigned char *ret_size,
    const unsigned char *theirs, unsigned theirs_size, void *arg)
{
	const struct fr_tls_protocols *ours = SSL_get_app_data(ssl);
	unsigned char *chosen;

	(void)arg;
	if (ours == NULL)
		return SSL_TLSEXT_ERR_NOACK;
	if (SSL_select_next_proto(&chosen, ret_size, (const unsigned char *)ours->list,
	        (unsigned)strlen(ours->list), theirs, theirs_size) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int on_client_hello(SSL *ssl, int *alert, void *arg)
{
	const struct fr_tls_protocols *ours = SSL_get_app_data(ssl);
	const unsigned char *extension;
	size_t size;

	(void)arg;
	if (ours == NULL || !ours->required ||
	    SSL_client_hello_get0_ext(
	        ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &extension, &size) == 1)
		return SSL_CLIENT_HELLO_SUCCESS;
	*alert = SSL_AD_NO_APPLICATION_PROTOCOL;
	return SSL_CLIENT_HELLO_ERROR;
}

/*
 * The end without a close_notify is an end like that of a plain socket: what is cut off shows inside, where every
 * picture has a length or a mark at its end. Buffers are held only while something is in them.
 */
static SSL_CTX *new_context(const SSL_METHOD *method)
{
	SSL_CTX *context = SSL_CTX_new(method);

	if (context == NULL)
		return NULL;
	(void)SSL_CTX_set_options(context,
	    SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
	        SSL_OP_PRIORITIZE_CHACHA | SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
	                                    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
	                                    SSL_MODE_RELEASE_BUFFERS);
	/* Else one SSL_read() takes messages that carry nothing for as long as the peer sends them. */
	(void)SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
	(void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
	    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1)
		return context;
	SSL_CTX_free(context);
	return NULL;
}

/* @return NULL: `why` */
static struct fr_tls *make(const SSL_METHOD *method, struct fr_cause *why)
{
	SSL_CTX *context = new_context(method);
	struct fr_tls *tls;

	if (context == NULL) {
		(void)fr_cause_set(why, EIO, "tls: OpenSSL does not start: %s", reason());
		return NULL;
	}
	tls = fr_xcalloc(1, sizeof(*tls));
	tls->context = context;
	return tls;
}

/* --- A server's ------------------------------------------------------------------------------- */

static int no_passphrase(char *to, int size, int writes, void *arg)
{
	(void)to;
	(void)size;
	(void)writes;
	(void)arg;
	return -1; /* and nobody is asked at a terminal */
}

static int load_key(SSL_CTX *context, const char *path, struct fr_cause *why)
{
	const int fd = fr_secret_open(path, why);
	FILE *file = fd >= 0 ? fdopen(fd, "re") : NULL;
	EVP_PKEY *key;
	int r;

	if (fd < 0)
		return fr_cause_prefix(why, fd, "key = ");
	if (file == NULL) {
		(void)close(fd);
		return refuse("key", path, "no memory", why);
	}
	key = PEM_read_PrivateKey(file, NULL, no_passphrase, NULL);
	(void)fclose(file);
	if (key == NULL && was(PEM_R_BAD_PASSWORD_READ))
		return refuse("key", path, "it is locked by a passphrase; store it without", why);
	if (key == NULL)
		return refuse(
		    "key", path, "there is no private key in it (PEM, BEGIN ... PRIVATE KEY)", why);
	/* The first alone takes a key of another type: it has a place of its own. */
	r = SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;
	EVP_PKEY_free(key);
	return r ? 0 : refuse("key", path, "it is not the key of this certificate", why);
}

static const char *date(const ASN1_TIME *time, char text[DATE_TEXT])
{
	struct tm tm;

	if (ASN1_TIME_to_tm(time, &tm) != 1 ||
	    strftime(text, DATE_TEXT, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		return "an unreadable date";
	return text;
}

/* The clock may be what is wrong: it is named. */
static int check_dates(struct fr_tls *tls, const char *path, struct fr_cause *why)
{
	const X509 *certificate = SSL_CTX_get0_certificate(tls->context);
	const ASN1_TIME *begin = X509_get0_notBefore(certificate);
	const ASN1_TIME *end = X509_get0_notAfter(certificate);
	char text[DATE_TEXT], now[DATE_TEXT] = "";
	const time_t now_s = time(NULL);
	struct tm tm;

	(void)strftime(now, sizeof(now), "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&now_s, &tm));
	if (X509_cmp_time(begin, NULL) >= 0)
		return fr_cause_set(why, EINVAL,
		    "certificate = \"%.150s\": it is not valid before %s, and this machine's clock "
		    "says %s",
		    path, date(begin, text), now);
	if (X509_cmp_time(end, NULL) <= 0)
		return fr_cause_set(why, EINVAL,
		    "certificate = \"%.150s\": it expired on %s, and this machine's clock says %s",
		    path, date(end, text), now);
	if (ASN1_TIME_to_tm(end, &tm) == 1)
		tls->expires_s = (int64_t)timegm(&tm);
	return 0;
}

static int load_certificate(SSL_CTX *context, const char *path, struct fr_cause *why)
{
	const int r = check_file("certificate", path, why);

	if (r < 0 || SSL_CTX_use_certificate_chain_file(context, path) == 1)
		return r;
	if (was(PEM_R_NO_START_LINE))
		return refuse("certificate", path,
		    "there is no certificate in it (PEM, BEGIN CERTIFICATE)", why);
	return refuse("certificate", path, reason(), why);
}

/* @param option  its name, for the sentence */
static int load_trusted(
    SSL_CTX *context, const char *option, const char *path, struct fr_cause *why)
{
	const int r = check_file(option, path, why);

	if (r < 0 || SSL_CTX_load_verify_locations(context, path, NULL) == 1)
		return r;
	return refuse(option, path, "there is no certificate in it (PEM, BEGIN CERTIFICATE)", why);
}

static int load_client_ca(SSL_CTX *context, const char *path, struct fr_cause *why)
{
	STACK_OF(X509_NAME) * names;
	const int r = load_trusted(context, "client_ca", path, why);

	if (r < 0)
		return r;
	names = SSL_load_client_CA_file(path);
	if (names == NULL)
		return refuse("client_ca", path, reason(), why);
	SSL_CTX_set_client_CA_list(context, names); /* taken */
	/* Who signs may be signed itself, by somebody who is not in the file. */
	(void)X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return 0;
}

int fr_tls_new_server(const struct fr_tls_files *files, struct fr_tls **ret, struct fr_cause *why)
{
	static const unsigned char name[] = "framerelayd";
	struct fr_tls *tls;
	int r = 0;

	ERR_clear_error();
	tls = make(TLS_server_method(), why);
	if (tls == NULL)
		return -EIO;
	SSL_CTX_set_alpn_select_cb(tls->context, on_protocols, NULL);
	SSL_CTX_set_client_hello_cb(tls->context, on_client_hello, NULL);
	(void)SSL_CTX_set_session_id_context(tls->context, name, sizeof(name) - 1);
	if (files->certificate[0] != '\0') {
		r = load_certificate(tls->context, files->certificate, why);
		if (r == 0)
			r = check_dates(tls, files->certificate, why);
		if (r == 0)
			r = load_key(tls->context, files->key, why);
		if (r == 0 && files->client_ca[0] != '\0')
			r = load_client_ca(tls->context, files->client_ca, why);
	}
	ERR_clear_error();
	if (r < 0)
		fr_tls_free(tls);
	else
		*ret = tls;
	return r;
}

/* --- A client's ------------------------------------------------------------------------------- */

int fr_tls_new_client(const char *ca, struct fr_tls **ret, struct fr_cause *why)
{
	struct fr_tls *tls;
	int r = 0;

	ERR_clear_error();
	tls = make(TLS_client_method(), why);
	if (tls == NULL)
		return -EIO;
	SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
	if (ca[0] == '\0') {
		if (SSL_CTX_set_default_verify_paths(tls->context) != 1)
			r = fr_cause_set(why, EIO, "ca: %s", reason());
	} else {
		(void)X509_VERIFY_PARAM_set_flags(
		    SSL_CTX_get0_param(tls->context), X509_V_FLAG_PARTIAL_CHAIN);
		r = load_trusted(tls->context, "ca", ca, why);
	}
	ERR_clear_error();
	if (r < 0)
		fr_tls_free(tls);
	else
		*ret = tls;
	return r;
}

/* --- Life ------------------------------------------------------------------------------------- */

void fr_tls_free(struct fr_tls *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->context);
	free(tls);
}

void fr_tls_exchange(struct fr_tls *a, struct fr_tls *b)
{
	const struct fr_tls old = *a;

	*a = *b;
	*b = old;
}

int64_t fr_tls_expires_s(const struct fr_tls *tls)
{
	return tls->expires_s;
}

int64_t fr_tls_days_left(const struct fr_tls *tls, int64_t now_s)
{
	if (tls->expires_s == 0)
		return -1;
	return now_s < tls->expires_s ? (tls->expires_s - now_s) / DAY_S : 0;
}

struct ssl_ctx_st *fr_tls_context(const struct fr_tls *tls)
{
	return tls->context;
}
