/* SPDX-License-Identifier: MIT */
#include "common/media/password.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "common/base/cause.h"
#include "common/base/xalloc.h"

enum {
	HASH_MIN = 20, /* shorter ones are cut off */
};

/* @return whether it worked; then *ret is the hash */
static bool hash_with(const char *setting, const char *password, char ret[FR_PASSWORD_HASH_MAX])
{
	struct crypt_data *room = fr_xcalloc(1, sizeof(*room)); /* 32 KiB */
	const char *hash = crypt_r(password, setting, room);
	const bool ok = hash != NULL && hash[0] != '*' && strlen(hash) < FR_PASSWORD_HASH_MAX;

	if (ok)
		memcpy(ret, hash, strlen(hash) + 1);
	OPENSSL_cleanse(room, sizeof(*room));
	free(room);
	return ok;
}

bool fr_password_is_hash(const char *text)
{
	const int kind = text[0] == '$' ? crypt_checksalt(text) : CRYPT_SALT_INVALID;

	return strlen(text) >= HASH_MIN && strlen(text) < FR_PASSWORD_HASH_MAX &&
	       kind != CRYPT_SALT_INVALID && kind != CRYPT_SALT_METHOD_DISABLED;
}

bool fr_password_is_right(const char *hash, const char *password)
{
	char again[FR_PASSWORD_HASH_MAX];

	return hash_with(hash, password, again) && strlen(again) == strlen(hash) &&
	       CRYPTO_memcmp(again, hash, strlen(hash)) == 0;
}

int fr_password_hash(const char *password, char ret[FR_PASSWORD_HASH_MAX], struct fr_cause *why)
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];

	if (crypt_gensalt_rn(NULL, 0, NULL, 0, setting, sizeof(setting)) == NULL ||
	    !hash_with(setting, password, ret))
		return fr_cause_set(
		    why, EIO, "the system's crypt(3) makes no hash of this password");
	return 0;
}
