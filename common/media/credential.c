/* SPDX-License-Identifier: MIT */
#include "common/media/credential.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <openssl/crypto.h>

#include "common/base/cause.h"
#include "common/base/secret.h"
#include "common/media/base64.h"

enum {
	/* What a user and a password of the longest come to in base64. */
	BASIC_MAX = (FR_USER_MAX + 1 + FR_PASSWORD_MAX + 2) / 3 * 4,
};

bool fr_token_is_good(const char *text)
{
	size_t n = 0;

	while (text[n] > ' ' && text[n] < 0x7f)
		n++;
	return n > 0 && n <= FR_TOKEN_MAX && text[n] == '\0';
}

int fr_token_read(const char *path, char ret[FR_TOKEN_MAX + 1], struct fr_cause *why)
{
	char token[FR_TOKEN_MAX + 1];
	int r;

	ret[0] = '\0';
	if (path[0] == '\0')
		return 0;
	r = fr_secret_read(path, token, sizeof(token), why);
	if (r == 0 && !fr_token_is_good(token))
		r = fr_cause_set(why, EINVAL,
		    "%s: its first line must be a token, as --new-token prints it", path);
	if (r == 0)
		memcpy(ret, token, sizeof(token));
	OPENSSL_cleanse(token, sizeof(token));
	return r;
}

bool fr_user_is_good(const char *text)
{
	size_t n = 0;

	while ((unsigned char)text[n] >= ' ' && text[n] != 0x7f && text[n] != ':')
		n++;
	return n > 0 && n <= FR_USER_MAX && text[n] == '\0';
}

static void read_token(const char *text, struct fr_credential *ret)
{
	if (!fr_token_is_good(text))
		return;
	memcpy(ret->token, text, strlen(text) + 1);
	ret->kind = FR_CREDENTIAL_TOKEN;
}

static void read_basic(const char *text, struct fr_credential *ret)
{
	char both[BASIC_MAX + 1];
	size_t size = strlen(text);
	char *colon = NULL;

	if (size == 0 || size > BASIC_MAX)
		return;
	memcpy(both, text, size + 1);
	if (fr_base64_decode((uint8_t *)both, size, &size) == 0 &&
	    memchr(both, '\0', size) == NULL) {
		both[size] = '\0';
		colon = strchr(both, ':');
	}
	if (colon != NULL) {
		*colon = '\0';
		size -= (size_t)(colon + 1 - both);
		if (fr_user_is_good(both) && size <= FR_PASSWORD_MAX) {
			memcpy(ret->user, both, strlen(both) + 1);
			memcpy(ret->password, colon + 1, size + 1);
			ret->kind = FR_CREDENTIAL_PASSWORD;
		}
	}
	OPENSSL_cleanse(both, sizeof(both));
}

void fr_credential_read(const char *value, struct fr_credential *ret)
{
	static const struct {
		const char *scheme;
		size_t size;
		void (*read)(const char *text, struct fr_credential *ret);
	} schemes[] = {{"Bearer", 6, read_token}, {"Basic", 5, read_basic}};

	*ret = (struct fr_credential){.kind = FR_CREDENTIAL_NONE};
	if (value == NULL)
		return;
	ret->kind = FR_CREDENTIAL_BAD;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		const char *rest = value + schemes[i].size;

		if (strncasecmp(value, schemes[i].scheme, schemes[i].size) != 0 || *rest != ' ')
			continue;
		schemes[i].read(rest + strspn(rest, " "), ret);
	}
}

void fr_credential_wipe(struct fr_credential *credential)
{
	OPENSSL_cleanse(credential, sizeof(*credential));
}
