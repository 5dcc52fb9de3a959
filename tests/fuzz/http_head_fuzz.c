/* SPDX-License-Identifier: MIT */
/*
 * Heads of requests: the first byte says how the rest is cut; whole, byte by byte and cut, the outcome is the same,
 * and what is taken keeps the promises of the header. Queries are walked too.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/media/http_head.h"
#include "common/media/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	struct fr_http_head *head;
	struct fr_http_head_event event;
	size_t taken;
};

static struct outcome read_in(const uint8_t *bytes, size_t size, size_t step)
{
	static const struct fr_http_head_limits limits = {
	    .line_bytes = 1024, .header_bytes = 2048, .fields = 16};
	struct outcome o = {.head = fr_http_head_new(&limits)};

	o.event.state = FR_HTTP_HEAD_MORE;
	while (o.taken < size && o.event.state == FR_HTTP_HEAD_MORE) {
		const size_t n = size - o.taken < step ? size - o.taken : step;

		o.taken += fr_http_head_read(o.head, bytes + o.taken, n, &o.event);
	}
	return o;
}

static void check_request(struct fr_http_head *head)
{
	const struct fr_http_request *r = fr_http_head_request(head);
	struct fr_uri_parameter parameter;
	const char *at = r->query;

	assert(r->minor <= 1);
	assert(r->minor == 0 || r->host[0] != '\0');
	assert(strlen(r->host) <= FR_URI_HOST_MAX);
	assert(r->path[0] == '/' || r->method == FR_HTTP_CONNECT || r->method == FR_HTTP_OPTIONS);
	assert(strstr(r->path, "/../") == NULL);
	assert((r->body == FR_HTTP_LENGTH) == (r->content_length != 0));
	assert(r->body == FR_HTTP_NO_BODY || fr_http_head_field(head, "content-length") == NULL ||
	       fr_http_head_field(head, "transfer-encoding") == NULL);
	while (fr_uri_query_next(&at, &parameter))
		assert(strlen(parameter.key) <= FR_URI_KEY_MAX &&
		       strlen(parameter.value) <= FR_URI_VALUE_MAX);
}

static void check_same(struct outcome *a, struct outcome *b)
{
	assert(a->event.state == b->event.state && a->taken == b->taken);
	if (a->event.state == FR_HTTP_HEAD_BAD) {
		assert(a->event.code == b->event.code && a->event.reason == b->event.reason);
		assert(a->event.why.text[0] != '\0');
		assert(strcmp(a->event.why.text, b->event.why.text) == 0);
	}
	if (a->event.state == FR_HTTP_HEAD_DONE) {
		const struct fr_http_request *x = fr_http_head_request(a->head);
		const struct fr_http_request *y = fr_http_head_request(b->head);

		assert(strcmp(x->path, y->path) == 0 && strcmp(x->query, y->query) == 0);
		assert(strcmp(x->host, y->host) == 0 && x->body == y->body);
		check_request(a->head);
	}
	fr_http_head_free(b->head);
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
	fr_http_head_free(whole.head);
	return 0;
}
