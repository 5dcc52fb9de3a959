/* SPDX-License-Identifier: MIT */
/*
 * Heads of answers: the first byte says how the rest is cut; whole, byte by byte and cut, the outcome is the same.
 * What a redirect, a challenge and a Content-Type hold is read too.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/media/http_auth.h"
#include "common/media/http_response.h"
#include "common/media/http_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	struct fr_http_response *head;
	enum fr_http_response_state state;
	struct fr_cause why;
	size_t taken;
};

static struct outcome read_in(const uint8_t *bytes, size_t size, size_t step)
{
	struct outcome o = {
	    .head = fr_http_response_new(), .state = FR_HTTP_RESPONSE_MORE, .why = {""}};

	while (o.taken < size && o.state == FR_HTTP_RESPONSE_MORE) {
		const size_t n = size - o.taken < step ? size - o.taken : step;

		o.taken += fr_http_response_read(o.head, bytes + o.taken, n, &o.state, &o.why);
	}
	return o;
}

static void check_values(const struct fr_http_response *head)
{
	struct fr_http_url url = {.host = "cam", .port = 80, .target = "/a/b?c"};
	const char *location = fr_http_response_field(head, "location", 0);
	const char *type = fr_http_response_field(head, "content-type", 0);
	struct fr_http_challenge challenge = {.scheme = FR_HTTP_AUTH_NONE};
	struct fr_cause why = {""};
	const char *value;
	char boundary[71];

	if (location != NULL && fr_http_url_follow(&url, location, &url, &why) == 0) {
		assert(url.target[0] == '/' && url.host[0] != '\0' && url.port != 0);
		assert(strlen(url.target) <= FR_HTTP_URL_TARGET_MAX && !url.has_user);
		assert(strpbrk(url.target, " \r\n#") == NULL && strstr(url.host, "\n") == NULL);
	} else if (location != NULL) {
		assert(why.text[0] != '\0');
	}
	if (type != NULL && fr_http_parameter(type, "boundary", boundary, sizeof(boundary)))
		assert(boundary[0] != '\0' && strlen(boundary) < sizeof(boundary));
	for (unsigned i = 0; (value = fr_http_response_field(head, "www-authenticate", i)) != NULL;
	     i++)
		fr_http_challenge_read(value, &challenge);
	assert(challenge.scheme < FR_HTTP_AUTH_DIGEST_MD5 || challenge.nonce[0] != '\0');
}

static void check_same(const struct outcome *a, struct outcome *b)
{
	uint64_t x = 0, y = 0;

	assert(a->state == b->state && a->taken == b->taken);
	assert(strcmp(a->why.text, b->why.text) == 0);
	assert((a->state == FR_HTTP_RESPONSE_BAD) == (a->why.text[0] != '\0'));
	if (a->state == FR_HTTP_RESPONSE_DONE) {
		const unsigned code = fr_http_response_code(a->head);

		assert(code == fr_http_response_code(b->head));
		assert((code >= 200 && code <= 999) || code == 101);
		assert(strcmp(fr_http_response_reason(a->head), fr_http_response_reason(b->head)) ==
		       0);
		assert(
		    fr_http_response_length(a->head, &x) == fr_http_response_length(b->head, &y));
		assert(x == y && fr_http_response_keeps_alive(a->head) ==
		                     fr_http_response_keeps_alive(b->head));
		check_values(b->head);
	}
	fr_http_response_free(b->head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, one, cut;

	if (size < 1)
		return 0;
	whole = read_in(data + 1, size - 1, size);
	one = read_in(data + 1, size - 1, 1);
	cut = read_in(data + 1, size - 1, (size_t)data[0] + 1);
	check_same(&whole, &one);
	check_same(&whole, &cut);
	fr_http_response_free(whole.head);
	return 0;
}
