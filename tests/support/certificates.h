/* SPDX-License-Identifier: MIT */
/*
 * Certificates for tests, made anew each time. In a folder of its own:
 *
 *   ca.pem                     who signs
 *   server.pem, server.key     localhost, 127.0.0.1, ::1
 *   client.pem, client.key     signed as well
 *   other.pem, other.key       localhost, signed by itself
 *   expired.pem, future.pem    like server.pem, with its key
 */
#pragma once

enum {
	FR_TEST_PATH_MAX = 128,
};

struct fr_test_certificates {
	char folder[64];
};

/** Makes them; fails the test when it cannot. */
void fr_test_certificates_make(struct fr_test_certificates *ret);
void fr_test_certificates_remove(struct fr_test_certificates *certificates);

/** @return the path of one of the files */
const char *fr_test_certificates_path(
    const struct fr_test_certificates *certificates, const char *name, char room[FR_TEST_PATH_MAX]);
