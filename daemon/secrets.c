/* SPDX-License-Identifier: MIT */
#include "daemon/secrets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "common/base/cause.h"
#include "common/base/text.h"
#include "common/media/credential.h"
#include "common/media/digest.h"
#include "common/media/password.h"

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

/* Reads a line without its end; what is longer than a password is cut there. @return false: there is none */
static bool read_line(char line[FR_PASSWORD_MAX + 2])
{
	if (fgets(line, FR_PASSWORD_MAX + 2, stdin) == NULL)
		return false;
	line[strcspn(line, "\r\n")] = '\0';
	return true;
}

static bool ask(const char *question, char line[FR_PASSWORD_MAX + 2])
{
	struct termios shown, hidden;
	bool ok;

	if (tcgetattr(STDIN_FILENO, &shown) < 0)
		return read_line(line); /* a pipe, a file */
	hidden = shown;
	hidden.c_lflag &= ~(tcflag_t)ECHO;
	(void)fputs(question, stderr);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	ok = read_line(line);
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	(void)fputs("\n", stderr);
	return ok;
}

int fr_hash_password(const char *user, struct fr_text *to, struct fr_cause *why)
{
	char password[FR_PASSWORD_MAX + 2], again[FR_PASSWORD_MAX + 2];
	char hash[FR_PASSWORD_HASH_MAX];
	int r = 0;

	if (!fr_user_is_good(user) || strpbrk(user, "\"\\") != NULL)
		return fr_cause_set(why, EINVAL,
		    "--hash-password: a user is 1 to %d characters without : \" and \\, and "
		    "\"%.80s\" "
		    "is none",
		    (int)FR_USER_MAX, user);
	if (!ask("Password: ", password) || password[0] == '\0' ||
	    strlen(password) > FR_PASSWORD_MAX)
		r = fr_cause_set(why, EINVAL, "--hash-password: a password has 1 to %d bytes",
		    (int)FR_PASSWORD_MAX);
	else if (isatty(STDIN_FILENO) == 1 &&
	         (!ask("Once more: ", again) || strcmp(password, again) != 0))
		r = fr_cause_set(why, EINVAL, "--hash-password: these were two");
	else
		r = fr_password_hash(password, hash, why);
	OPENSSL_cleanse(password, sizeof(password));
	OPENSSL_cleanse(again, sizeof(again));
	if (r == 0)
		fr_text_add(to,
		    "# A row of `access`, with the rights that the user is to have; the file may "
		    "be "
		    "read by nobody else.\n"
		    "{ user = \"%s\"; password = \"%s\"; subscribe = [ \"*\" ]; observe = true; "
		    "}\n",
		    user, hash);
	return r;
}
