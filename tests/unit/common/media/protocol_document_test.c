/* SPDX-License-Identifier: MIT */
/* The session in bytes that docs/protocol.md shows is the one that the code speaks. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/media/frame.h"
#include "common/media/hello.h"

struct side {
	uint8_t bytes[256];
	size_t size;
};

/* Two hex digits and a space at a time, up to the remark. */
static void add_bytes(struct side *side, const char *text)
{
	unsigned byte;

	while (isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1]) &&
	       isspace((unsigned char)text[2])) {
		assert_int_equal(sscanf(text, "%2x", &byte), 1);
		assert_true(side->size < sizeof(side->bytes));
		side->bytes[side->size++] = (uint8_t)byte;
		text += 3;
	}
}

static void read_document(struct side *client, struct side *relay)
{
	FILE *document = fopen("docs/protocol.md", "r"); /* tests run in the tree's root */
	char line[1024];
	int inside = 0;

	assert_non_null(document);
	while (fgets(line, sizeof(line), document) != NULL) {
		if (strncmp(line, "```", 3) == 0)
			inside = strncmp(line, "```hex", 6) == 0;
		else if (inside && strncmp(line, "> ", 2) == 0)
			add_bytes(client, line + 2);
		else if (inside && strncmp(line, "< ", 2) == 0)
			add_bytes(relay, line + 2);
	}
	(void)fclose(document);
}

static void the_session_in_the_document_is_what_the_code_speaks(void **state)
{
	static const uint8_t picture[] = {0xff, 0xd8, 0xff, 0xd9};
	static const char ok[] = "OK cam live=1\n";
	const struct fr_frame_info info = {
	    .type = FR_FRAME_PICTURE, .sequence = 7, .captured_us = 1000000, .received_us = 1};
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct fr_frame *frame = fr_frame_copy(pool, picture, sizeof(picture), &info);
	struct side client = {.size = 0}, relay = {.size = 0};
	struct fr_hello hello;
	const uint8_t *at = relay.bytes;
	(void)state;

	read_document(&client, &relay);

	assert_int_equal(client.bytes[client.size - 1], '\n');
	assert_int_equal(
	    fr_hello_read((const char *)client.bytes, client.size - 1, 64, &hello, NULL), 0);
	assert_int_equal(hello.verb, FR_HELLO_SUB);
	assert_string_equal(hello.stream, "cam");
	assert_true(hello.records);
	assert_int_equal(relay.size, sizeof(ok) - 1 + FR_PREFIX_RECORD_BYTES + sizeof(picture));
	assert_memory_equal(at, ok, sizeof(ok) - 1);
	at += sizeof(ok) - 1;
	assert_memory_equal(at, fr_frame_record_prefix(frame), FR_PREFIX_RECORD_BYTES);
	assert_memory_equal(at + FR_PREFIX_RECORD_BYTES, picture, sizeof(picture));
	fr_frame_unref(frame);
	fr_frame_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_session_in_the_document_is_what_the_code_speaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
