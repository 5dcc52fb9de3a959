/* SPDX-License-Identifier: MIT */
#include "common/media/digest.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

struct fr_digest fr_digest_of(const void *bytes, size_t size)
{
	struct fr_digest digest;
	const int ok = EVP_Digest(bytes, size, digest.bytes, NULL, EVP_sha256(), NULL);

	assert(ok == 1); /* no policy forbids it: only memory can fail */
	return digest;
}

struct fr_digest fr_digest_keyed(const void *key, size_t key_size, const void *bytes, size_t size)
{
	struct fr_digest digest;
	const unsigned char *ok =
	    HMAC(EVP_sha256(), key, (int)key_size, bytes, size, digest.bytes, NULL);

	assert(ok != NULL);
	return digest;
}

bool fr_digest_same(const struct fr_digest *a, const struct fr_digest *b)
{
	return CRYPTO_memcmp(a->bytes, b->bytes, FR_DIGEST_BYTES) == 0;
}

static int digit_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at;

	c = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
	at = c != '\0' ? strchr(digits, c) : NULL;
	return at != NULL ? (int)(at - digits) : -1;
}

bool fr_digest_read(const char *text, struct fr_digest *ret)
{
	struct fr_digest digest;

	if (strlen(text) != 2 * (size_t)FR_DIGEST_BYTES)
		return false;
	for (size_t i = 0; i < FR_DIGEST_BYTES; i++) {
		const int high = digit_of(text[2 * i]), low = digit_of(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		digest.bytes[i] = (uint8_t)(high * 16 + low);
	}
	*ret = digest;
	return true;
}

const char *fr_digest_print(const struct fr_digest *digest, char text[FR_DIGEST_TEXT_MAX])
{
	for (size_t i = 0; i < FR_DIGEST_BYTES; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", digest->bytes[i]);
	return text;
}
