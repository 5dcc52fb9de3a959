/* SPDX-License-Identifier: MIT */
/* Authorization: whatever it says, what is read has its bounds, and a token is what stood behind Bearer. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/media/credential.h"
#include "common/media/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fr_credential zero;
	struct fr_credential credential;
	struct fr_digest digest;
	char *text = malloc(size + 1);

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	fr_credential_read(text, &credential);
	if (credential.kind == FR_CREDENTIAL_TOKEN) {
		assert(fr_token_is_good(credential.token) && credential.user[0] == '\0');
		assert(
		    strcmp(text + strlen(text) - strlen(credential.token), credential.token) == 0);
	} else if (credential.kind == FR_CREDENTIAL_PASSWORD) {
		assert(fr_user_is_good(credential.user) && credential.token[0] == '\0');
		assert(strlen(credential.password) <= FR_PASSWORD_MAX);
	} else {
		assert(credential.kind == FR_CREDENTIAL_BAD);
	}
	fr_credential_wipe(&credential);
	assert(memcmp(&credential, &zero, sizeof(zero)) == 0);
	(void)fr_digest_read(text, &digest);
	free(text);
	return 0;
}
