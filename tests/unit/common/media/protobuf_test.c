/* SPDX-License-Identifier: MIT */
/* Messages of protocol buffers are read; one that would take more than its size and a little is none. */
#include <framerelay.pb-c.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/media/protobuf.h"

enum {
	BIG = 1 << 20,
};

static void *unpack(const void *bytes, size_t size)
{
	return fr_protobuf_unpack(&framerelay__v1__publish_request__descriptor, bytes, size);
}

static void a_message_is_read(void **state)
{
	Framerelay__V1__PublishRequest *r = unpack("\x0a\x05\x0a\x03"
	                                           "cam",
	    7);

	(void)state;
	assert_non_null(r);
	assert_int_equal(r->kind_case, FRAMERELAY__V1__PUBLISH_REQUEST__KIND_OPEN);
	assert_string_equal(r->open->stream, "cam");
	framerelay__v1__publish_request__free_unpacked(r, NULL);
	assert_null(unpack("\x0a\x7f", 2));
}

static void a_large_picture_fits(void **state)
{
	Framerelay__V1__PublishRequest request, *r;
	Framerelay__V1__Frame frame;
	uint8_t *packed;
	size_t size;

	(void)state;
	framerelay__v1__publish_request__init(&request);
	framerelay__v1__frame__init(&frame);
	frame.jpeg = (ProtobufCBinaryData){.len = BIG, .data = calloc(BIG, 1)};
	request.kind_case = FRAMERELAY__V1__PUBLISH_REQUEST__KIND_FRAME;
	request.frame = &frame;
	size = framerelay__v1__publish_request__get_packed_size(&request);
	packed = malloc(size);
	(void)framerelay__v1__publish_request__pack(&request, packed);
	r = unpack(packed, size);
	assert_non_null(r);
	assert_int_equal(r->frame->jpeg.len, BIG);
	framerelay__v1__publish_request__free_unpacked(r, NULL);
	free(packed);
	free(frame.jpeg.data);
}

/* A newer client may send what we do not know; a hostile one may not make much of little. */
static void a_few_unknown_fields_are_read_over_and_many_are_not(void **state)
{
	static uint8_t many[BIG];
	Framerelay__V1__PublishRequest *r;

	(void)state;
	for (size_t i = 0; i < BIG; i += 2)
		many[i] = 0x78; /* field 15, the number 0 */
	r = unpack(many, 40);
	assert_non_null(r);
	framerelay__v1__publish_request__free_unpacked(r, NULL);
	assert_null(unpack(many, BIG));
	assert_null(unpack(many, 4000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_message_is_read),
	    cmocka_unit_test(a_large_picture_fits),
	    cmocka_unit_test(a_few_unknown_fields_are_read_over_and_many_are_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
