/* SPDX-License-Identifier: MIT */
/* Certificates and keys from files: what is taken, and in which words the rest is refused. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/stat.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "common/base/cause.h"
#include "common/net/tls.h"
#include "tests/support/certificates.h"

static int setup(void **state)
{
	struct fr_test_certificates *made = calloc(1, sizeof(*made));

	fr_test_certificates_make(made);
	*state = made;
	return 0;
}

static int teardown(void **state)
{
	fr_test_certificates_remove(*state);
	free(*state);
	return 0;
}

/* Names of files in the folder; those that begin with a slash as they are. */
static int open_server(const struct fr_test_certificates *made, const char *certificate,
    const char *key, const char *client_ca, struct fr_tls **ret, struct fr_cause *why)
{
	char rooms[3][FR_TEST_PATH_MAX];
	const char *const words[] = {certificate, key, client_ca};
	const char *paths[3];
	struct fr_tls_files files;

	for (size_t i = 0; i < 3; i++)
		paths[i] = words[i][0] == '/' || words[i][0] == '\0'
		               ? words[i]
		               : fr_test_certificates_path(made, words[i], rooms[i]);
	files = (struct fr_tls_files){paths[0], paths[1], paths[2]};
	return fr_tls_new_server(&files, ret, why);
}

static void assert_refused(const struct fr_test_certificates *made, const char *certificate,
    const char *key, const char *client_ca, const char *sentence)
{
	struct fr_cause why = {""};
	struct fr_tls *tls;

	assert_true(open_server(made, certificate, key, client_ca, &tls, &why) < 0);
	if (strstr(why.text, sentence) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", sentence, why.text);
}

static void good_files_are_taken(void **state)
{
	struct fr_cause why;
	struct fr_tls *tls;

	assert_int_equal(open_server(*state, "server.pem", "server.key", "", &tls, &why), 0);
	assert_non_null(SSL_CTX_get0_certificate(fr_tls_context(tls)));
	fr_tls_free(tls);
	assert_int_equal(open_server(*state, "server.pem", "server.key", "ca.pem", &tls, &why), 0);
	assert_int_equal(SSL_CTX_get_verify_mode(fr_tls_context(tls)),
	    SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT);
	fr_tls_free(tls);
	fr_tls_free(NULL);
}

static void old_versions_and_weak_ciphers_are_off(void **state)
{
	struct fr_cause why;
	struct fr_tls *tls;

	assert_int_equal(open_server(*state, "server.pem", "server.key", "", &tls, &why), 0);
	assert_int_equal(SSL_CTX_get_min_proto_version(fr_tls_context(tls)), TLS1_2_VERSION);
	assert_true((SSL_CTX_get_options(fr_tls_context(tls)) & SSL_OP_NO_RENEGOTIATION) != 0);
	assert_true((SSL_CTX_get_options(fr_tls_context(tls)) & SSL_OP_NO_COMPRESSION) != 0);
	fr_tls_free(tls);
}

static void what_is_no_certificate_is_refused(void **state)
{
	struct fr_test_certificates *made = *state;

	assert_refused(made, "none.pem", "server.key", "", "No such file");
	assert_refused(made, made->folder, "server.key", "", "it is no file");
	assert_refused(made, "server.key", "server.key", "", "there is no certificate in it");
	assert_refused(made, "expired.pem", "server.key", "", "it expired on 20");
	assert_refused(made, "future.pem", "server.key", "", "it is not valid before 20");
	assert_refused(made, "expired.pem", "server.key", "", "clock says 20");
}

static void what_is_no_key_is_refused(void **state)
{
	struct fr_test_certificates *made = *state;
	char room[FR_TEST_PATH_MAX];

	assert_refused(made, "server.pem", "none.key", "", "No such file");
	assert_refused(made, "server.pem", "", "", "key = ");
	assert_refused(made, "server.pem", made->folder, "", "it is no file");
	assert_refused(
	    made, "server.pem", "other.key", "", "it is not the key of this certificate");
	assert_int_equal(chmod(fr_test_certificates_path(made, "server.pem", room), 0600), 0);
	assert_refused(made, "server.pem", "server.pem", "", "there is no private key in it");
	assert_int_equal(chmod(fr_test_certificates_path(made, "server.key", room), 0644), 0);
	assert_refused(made, "server.pem", "server.key", "", "others can read it");
	assert_int_equal(chmod(fr_test_certificates_path(made, "server.key", room), 0660), 0);
	assert_refused(made, "server.pem", "server.key", "", "can write it");
}

/* OpenSSL has a place for each type of key, and finds none that does not fit in an empty one. */
static void a_key_of_another_type_is_refused(void **state)
{
	struct fr_test_certificates *made = *state;
	char room[FR_TEST_PATH_MAX];
	EVP_PKEY *key = EVP_RSA_gen(2048);
	FILE *file = fopen(fr_test_certificates_path(made, "other.key", room), "we");

	assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(file), 0);
	EVP_PKEY_free(key);
	assert_refused(
	    made, "server.pem", "other.key", "", "it is not the key of this certificate");
}

/* Nobody is asked at a terminal. */
static void a_key_with_a_passphrase_is_refused(void **state)
{
	struct fr_test_certificates *made = *state;
	char room[FR_TEST_PATH_MAX];
	EVP_PKEY *key = EVP_EC_gen("P-256");
	FILE *file = fopen(fr_test_certificates_path(made, "other.key", room), "we");

	assert_int_equal(PEM_write_PrivateKey(file, key, EVP_aes_128_cbc(),
	                     (const unsigned char *)"secret", 6, NULL, NULL),
	    1);
	assert_int_equal(fclose(file), 0);
	EVP_PKEY_free(key);
	assert_refused(made, "other.pem", "other.key", "", "passphrase");
}

static void what_is_no_ca_is_refused(void **state)
{
	assert_refused(*state, "server.pem", "server.key", "none.pem", "client_ca = ");
	assert_refused(*state, "server.pem", "server.key", "server.key", "no certificate in it");
}

static void a_client_trusts_the_system_or_a_file(void **state)
{
	char room[FR_TEST_PATH_MAX];
	struct fr_cause why = {""};
	struct fr_tls *tls;

	assert_int_equal(fr_tls_new_client("", &tls, &why), 0);
	assert_int_equal(SSL_CTX_get_verify_mode(fr_tls_context(tls)), SSL_VERIFY_PEER);
	fr_tls_free(tls);
	assert_int_equal(
	    fr_tls_new_client(fr_test_certificates_path(*state, "ca.pem", room), &tls, &why), 0);
	assert_int_equal(fr_tls_days_left(tls, 0), -1);
	fr_tls_free(tls);
	assert_true(fr_tls_new_client("/none.pem", &tls, &why) < 0);
	assert_non_null(strstr(why.text, "ca = \"/none.pem\": No such file"));
	assert_true(fr_tls_new_client(
	                fr_test_certificates_path(*state, "server.key", room), &tls, &why) < 0);
	assert_non_null(strstr(why.text, "there is no certificate in it"));
}

static void the_days_left_are_counted(void **state)
{
	struct fr_cause why;
	struct fr_tls *tls, *none;
	int64_t end_s;

	assert_int_equal(open_server(*state, "server.pem", "server.key", "", &tls, &why), 0);
	assert_int_equal(open_server(*state, "", "", "", &none, &why), 0);
	end_s = fr_tls_expires_s(tls);
	assert_true(end_s > (int64_t)time(NULL) + 29 * 86400);
	assert_int_equal(fr_tls_days_left(tls, end_s - 86400), 1);
	assert_int_equal(fr_tls_days_left(tls, end_s - 86399), 0);
	assert_int_equal(fr_tls_days_left(tls, end_s + 5), 0);
	assert_int_equal(fr_tls_days_left(none, end_s), -1);

	fr_tls_exchange(tls, none);
	assert_int_equal(fr_tls_expires_s(tls), 0);
	assert_int_equal(fr_tls_expires_s(none), end_s);
	fr_tls_free(tls);
	fr_tls_free(none);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(good_files_are_taken),
	    TEST(old_versions_and_weak_ciphers_are_off),
	    TEST(what_is_no_certificate_is_refused),
	    TEST(what_is_no_key_is_refused),
	    TEST(a_key_of_another_type_is_refused),
	    TEST(a_key_with_a_passphrase_is_refused),
	    TEST(what_is_no_ca_is_refused),
	    TEST(a_client_trusts_the_system_or_a_file),
	    TEST(the_days_left_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
