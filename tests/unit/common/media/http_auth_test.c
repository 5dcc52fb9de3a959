/* SPDX-License-Identifier: MIT */
/* Logins: the RFCs' own examples, and the challenges that servers send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/text.h"
#include "common/media/http_auth.h"

#define NONCE_7616  "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
#define OPAQUE_7616 "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
#define CNONCE_7616 "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"

static void check_answer(const char *challenge, const char *user, const char *password,
    const char *target, const char *cnonce, const char *wanted)
{
	struct fr_http_challenge read = {.scheme = FR_HTTP_AUTH_NONE};
	struct fr_text text = {0};

	fr_http_challenge_read(challenge, &read);
	assert_true(fr_http_authorization(&read, user, password, "GET", target, 1, cnonce, &text));
	assert_string_equal(text.text, wanted);
	fr_text_done(&text);
}

static void basic_is_answered_as_in_rfc_7617(void **state)
{
	(void)state;
	check_answer("Basic realm=\"WallyWorld\"", "Aladdin", "open sesame", "/", "",
	    "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
	check_answer("basic realm=\"x\", charset=\"UTF-8\"", "test", "123\xC2\xA3", "/", "",
	    "Basic dGVzdDoxMjPCow==");
	check_answer("Basic", "", "", "/", "", "Basic Og==");
}

static void digest_is_answered_as_in_rfc_7616(void **state)
{
	static const char common[] =
	    "realm=\"http-auth@example.org\", qop=\"auth, auth-int\", nonce=\"" NONCE_7616
	    "\", opaque=\"" OPAQUE_7616 "\"";
	struct fr_text text = {0};

	(void)state;
	fr_text_add(&text, "Digest %s, algorithm=MD5", common);
	check_answer(text.text, "Mufasa", "Circle of Life", "/dir/index.html", CNONCE_7616,
	    "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", nonce=\"" NONCE_7616
	    "\", uri=\"/dir/index.html\", algorithm=MD5, "
	    "response=\"8ca523f5e9506fed4657c9700eebdbec\", qop=auth, nc=00000001, "
	    "cnonce=\"" CNONCE_7616 "\", opaque=\"" OPAQUE_7616 "\"");
	fr_text_done(&text);
	fr_text_add(&text, "Digest %s, algorithm=SHA-256", common);
	check_answer(text.text, "Mufasa", "Circle of Life", "/dir/index.html", CNONCE_7616,
	    "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", nonce=\"" NONCE_7616
	    "\", uri=\"/dir/index.html\", algorithm=SHA-256, response="
	    "\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\", qop=auth, "
	    "nc=00000001, cnonce=\"" CNONCE_7616 "\", opaque=\"" OPAQUE_7616 "\"");
	fr_text_done(&text);
}

/* RFC 2069 2.4 with its erratum: a server that knows no qop. */
static void digest_without_qop_is_answered_as_in_rfc_2069(void **state)
{
	(void)state;
	check_answer("Digest realm=\"testrealm@host.com\", "
	             "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"",
	    "Mufasa", "CircleOfLife", "/dir/index.html", "unused",
	    "Digest username=\"Mufasa\", realm=\"testrealm@host.com\", "
	    "nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", uri=\"/dir/index.html\", "
	    "algorithm=MD5, response=\"1949323746fe6a43ef61f9606e7febea\"");
}

static void what_is_quoted_is_quoted_again(void **state)
{
	struct fr_http_challenge read = {.scheme = FR_HTTP_AUTH_NONE};
	struct fr_text text = {0};

	(void)state;
	fr_http_challenge_read("Digest realm=\"a\\\"b\\\\c\", nonce=n, qop=auth", &read);
	assert_string_equal(read.realm, "a\"b\\c");
	assert_true(fr_http_authorization(&read, "x\"y", "p", "GET", "/", 0x1f, "c", &text));
	assert_non_null(strstr(text.text, "username=\"x\\\"y\", realm=\"a\\\"b\\\\c\""));
	assert_non_null(strstr(text.text, "nc=0000001f"));
	fr_text_done(&text);
}

static void the_strongest_challenge_that_can_be_answered_is_taken(void **state)
{
	static const struct {
		const char *first, *second, *realm;
		enum fr_http_scheme scheme;
	} cases[] = {
	    {"Basic realm=\"a\"", "Digest realm=\"b\", nonce=\"n\"", "b", FR_HTTP_AUTH_DIGEST_MD5},
	    {"Digest realm=\"b\", nonce=\"n\", algorithm=MD5", "Basic realm=\"a\"", "b",
	        FR_HTTP_AUTH_DIGEST_MD5},
	    {"Digest realm=b, nonce=n, algorithm=\"md5\", Digest realm=c, nonce=n, "
	     "algorithm=SHA-256, Basic realm=d",
	        "", "c", FR_HTTP_AUTH_DIGEST_SHA256},
	    {"Digest realm=b, nonce=n, algorithm=SHA-512-256", "Basic realm=a", "a",
	        FR_HTTP_AUTH_BASIC},
	    {"Digest realm=b, nonce=n, qop=\"auth-int\"", "Basic realm=a", "a", FR_HTTP_AUTH_BASIC},
	    {"Digest realm=b, nonce=n, qop=\"auth-int,auth\"", "Basic realm=a", "b",
	        FR_HTTP_AUTH_DIGEST_MD5},
	    {"Digest realm=b, nonce=n, qop=\"authx, , \"", "Basik realm=c", "", FR_HTTP_AUTH_NONE},
	    {"Digesd realm=b, nonce=n",
	        "Digest realm=c, nonce=n, qox=x, state=x, algorithm=MD5-sess", "",
	        FR_HTTP_AUTH_NONE},
	    {"Digest realm=c, nonce=n, qop=auth-int, qop=auth", "", "", FR_HTTP_AUTH_NONE},
	    {"Digest realm=b, qop=auth", "", "", FR_HTTP_AUTH_NONE},
	    {"Bearer realm=x, Negotiate YWJj==", "NTLM", "", FR_HTTP_AUTH_NONE},
	    {"Bearer, Basic realm = \"sp ace\" , x", "", "sp ace", FR_HTTP_AUTH_BASIC},
	    {"", ",, ,", "", FR_HTTP_AUTH_NONE},
	    {"realm=\"nobody's\"", "=", "", FR_HTTP_AUTH_NONE},
	    {"Basic realm=\"open", "Basic realm=\"end\\", "open", FR_HTTP_AUTH_BASIC},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fr_http_challenge best = {.scheme = FR_HTTP_AUTH_NONE};

		fr_http_challenge_read(cases[i].first, &best);
		fr_http_challenge_read(cases[i].second, &best);
		assert_int_equal(best.scheme, cases[i].scheme);
		assert_string_equal(best.realm, cases[i].realm);
	}
}

static void stale_nonces_and_long_values_are_told(void **state)
{
	struct fr_http_challenge best = {.scheme = FR_HTTP_AUTH_NONE};
	struct fr_text text = {0};

	(void)state;
	fr_http_challenge_read("Digest realm=b, nonce=n, stale=TRUE, opaque=o", &best);
	assert_true(best.is_stale);
	assert_false(best.has_qop);
	assert_string_equal(best.opaque, "o");
	best = (struct fr_http_challenge){.scheme = FR_HTTP_AUTH_NONE};
	fr_text_add(&text, "Digest realm=b, stale=false, nonce=%0256d", 1);
	fr_http_challenge_read(text.text, &best);
	assert_int_equal(best.scheme, FR_HTTP_AUTH_NONE);
	fr_text_done(&text);
}

static void schemes_have_names(void **state)
{
	(void)state;
	assert_string_equal(fr_http_scheme_name(FR_HTTP_AUTH_NONE), "none");
	assert_string_equal(fr_http_scheme_name(FR_HTTP_AUTH_DIGEST_SHA256), "Digest SHA-256");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(basic_is_answered_as_in_rfc_7617),
	    cmocka_unit_test(digest_is_answered_as_in_rfc_7616),
	    cmocka_unit_test(digest_without_qop_is_answered_as_in_rfc_2069),
	    cmocka_unit_test(what_is_quoted_is_quoted_again),
	    cmocka_unit_test(the_strongest_challenge_that_can_be_answered_is_taken),
	    cmocka_unit_test(stale_nonces_and_long_values_are_told),
	    cmocka_unit_test(schemes_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
