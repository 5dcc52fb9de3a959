/* SPDX-License-Identifier: MIT */
#include "tests/support/certificates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/stat.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum {
	DAY_S = 24 * 60 * 60,
};

/* What signs: a certificate and its key. */
struct signer {
	X509 *certificate;
	EVP_PKEY *key;
};

static const char *const names[] = {"ca.pem", "server.pem", "server.key", "client.pem",
    "client.key", "other.pem", "other.key", "expired.pem", "future.pem"};

const char *fr_test_certificates_path(
    const struct fr_test_certificates *certificates, const char *name, char room[FR_TEST_PATH_MAX])
{
	(void)snprintf(room, FR_TEST_PATH_MAX, "%s/%s", certificates->folder, name);
	return room;
}

static void add_extension(X509 *certificate, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

/* Valid from `from` to `to`, days from now. @param signer  NULL: itself */
static X509 *make(
    const char *name, EVP_PKEY *key, const struct signer *signer, int from, int to, bool is_ca)
{
	static long number;
	X509 *certificate = X509_new();
	X509_NAME *subject = X509_get_subject_name(certificate);

	assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++number), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), (long)from * DAY_S));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), (long)to * DAY_S));
	assert_int_equal(X509_NAME_add_entry_by_txt(
	                     subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0),
	    1);
	assert_int_equal(X509_set_issuer_name(certificate,
	                     signer != NULL ? X509_get_subject_name(signer->certificate) : subject),
	    1);
	assert_int_equal(X509_set_pubkey(certificate, key), 1);
	if (is_ca)
		add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
	else
		add_extension(certificate, NID_subject_alt_name,
		    "DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1");
	assert_true(X509_sign(certificate, signer != NULL ? signer->key : key, EVP_sha256()) > 0);
	return certificate;
}

static void write_certificate(
    const struct fr_test_certificates *to, const char *name, X509 *certificate)
{
	char room[FR_TEST_PATH_MAX];
	FILE *file = fopen(fr_test_certificates_path(to, name, room), "we");

	assert_non_null(file);
	assert_int_equal(PEM_write_X509(file, certificate), 1);
	assert_int_equal(fclose(file), 0);
}

static void write_key(const struct fr_test_certificates *to, const char *name, EVP_PKEY *key)
{
	char room[FR_TEST_PATH_MAX];
	FILE *file = fopen(fr_test_certificates_path(to, name, room), "we");

	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(file), 0);
}

/* A certificate of 30 days, with a key of its own. */
static void make_pair(const struct fr_test_certificates *to, const char *name,
    const struct signer *signer, EVP_PKEY **ret_key)
{
	char file[32];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = make(name, key, signer, 0, 30, false);

	(void)snprintf(file, sizeof(file), "%s.pem", name);
	write_certificate(to, file, certificate);
	(void)snprintf(file, sizeof(file), "%s.key", name);
	write_key(to, file, key);
	X509_free(certificate);
	if (ret_key != NULL)
		*ret_key = key;
	else
		EVP_PKEY_free(key);
}

void fr_test_certificates_make(struct fr_test_certificates *ret)
{
	struct signer ca = {.key = EVP_EC_gen("P-256")};
	EVP_PKEY *key;
	X509 *certificate;

	(void)snprintf(ret->folder, sizeof(ret->folder), "/tmp/fr_certificates_XXXXXX");
	assert_non_null(mkdtemp(ret->folder));
	ca.certificate = make("ca", ca.key, NULL, -1, 60, true);
	write_certificate(ret, "ca.pem", ca.certificate);
	make_pair(ret, "server", &ca, &key);
	make_pair(ret, "client", &ca, NULL);
	make_pair(ret, "other", NULL, NULL);
	certificate = make("server", key, &ca, -30, -1, false);
	write_certificate(ret, "expired.pem", certificate);
	X509_free(certificate);
	certificate = make("server", key, &ca, 1, 30, false);
	write_certificate(ret, "future.pem", certificate);
	X509_free(certificate);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca.key);
	X509_free(ca.certificate);
}

void fr_test_certificates_remove(struct fr_test_certificates *certificates)
{
	char room[FR_TEST_PATH_MAX];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unlink(fr_test_certificates_path(certificates, names[i], room));
	(void)rmdir(certificates->folder);
}
