/* SPDX-License-Identifier: MIT */
#include "daemon/secrets.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "common/base/cause.h"
#include "common/base/text.h"
#include "common/media/credential.h"
#include "common/media/digest.h"

enum {
	TOKEN_BYTES = 24, /* more than anybody can guess; 32 characters */
};

/* Source: RFC 4648 5, without padding: characters that every header and every shell takes. */
static void print_base64url(const unsigned char *bytes, size_t size, char *to)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t i = 0; i < size; i += 3) {
		const unsigned three =
		    (unsigned)bytes[i] << 16 | (unsigned)bytes[i + 1] << 8 | bytes[i + 2];

		for (unsigned k = 0; k < 4; k++)
			*to++ = digits[three >> (18 - 6 * k) & 63];
	}
	*to = '\0';
}

int fr_new_token(const char *name, struct fr_text *to, struct fr_cause *why)
{
	unsigned char bytes[TOKEN_BYTES];
	char token[TOKEN_BYTES / 3 * 4 + 1], hex[FR_DIGEST_TEXT_MAX], stream[FR_NAME_MAX + 1];
	struct fr_digest digest;

	if (!fr_user_is_good(name) || strpbrk(name, "\"\\") != NULL)
		return fr_cause_set(why, EINVAL,
		    "--new-token: a name is 1 to 64 characters without \" and \\, and \"%.80s\" is "
		    "none",
		    name);
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return fr_cause_set(why, EIO, "--new-token: the system gives no random bytes");
	print_base64url(bytes, sizeof(bytes), token);
	digest = fr_digest_of(token, strlen(token));
	fr_text_to_name(stream, name);
	fr_text_add(to,
	    "# The token, which nobody can show again: for --token-file or token_file, with mode "
	    "0600.\n"
	    "%s\n"
	    "# Its row of `access`, with the rights that it is to have:\n"
	    "{ name = \"%s\"; token_sha256 = \"%s\"; publish = [ \"%s\" ]; }\n",
	    token, name, fr_digest_print(&digest, hex), fr_text_is_name(stream) ? stream : "*");
	OPENSSL_cleanse(bytes, sizeof(bytes));
	OPENSSL_cleanse(token, sizeof(token));
	return 0;
}
