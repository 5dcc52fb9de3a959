/* SPDX-License-Identifier: MIT */
/* What a viewer may say on a WebSocket, and what it is told when it says something else. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/limits.h"
#include "daemon/doors/http/ws_command.h"

static int read_text(const char *text, struct ws_command *ret, struct fr_cause *why)
{
	const struct fr_limits limits = fr_limits_default();

	return fr_http_ws_command_read((const uint8_t *)text, strlen(text), &limits, ret, why);
}

static void a_subscription_has_the_keys_of_sub(void **state)
{
	struct fr_cause why;
	struct ws_command c;

	(void)state;
	assert_int_equal(read_text("{\"subscribe\":\"cam-1\",\"channel\":65535}", &c, &why), 0);
	assert_int_equal(c.type, WS_SUBSCRIBE);
	assert_string_equal(c.stream, "cam-1");
	assert_true(c.has_channel);
	assert_int_equal(c.channel, 65535);
	assert_false(c.acks);
	assert_int_equal(c.query.spec.queue_frames, -1);
	assert_int_equal(c.query.spec.queue_age_ms, -1);

	assert_int_equal(
	    read_text(
	        "{\"channel\":0,\"subscribe\":\"a\",\"ack\":true,\"queue\":3,\"age_ms\":\"7\","
	        "\"max_fps\":0.5,\"gray\":true,\"width\":320}",
	        &c, &why),
	    0);
	assert_true(c.acks);
	assert_int_equal(c.query.spec.queue_frames, 3);
	assert_int_equal(c.query.spec.queue_age_ms, 7);
	assert_int_equal(c.query.spec.max_fps_milli, 500);
	assert_true(c.query.spec.rendition.gray);
	assert_int_equal(c.query.spec.rendition.width, 320);
}

static void channels_are_left_and_pictures_acknowledged(void **state)
{
	struct fr_cause why;
	struct ws_command c;

	(void)state;
	assert_int_equal(read_text("{\"unsubscribe\":7}", &c, &why), 0);
	assert_int_equal(c.type, WS_UNSUBSCRIBE);
	assert_int_equal(c.channel, 7);
	assert_int_equal(read_text(" {\"ack\":7,\"sequence\":1700000000000001}", &c, &why), 0);
	assert_int_equal(c.type, WS_ACK);
	assert_int_equal(c.channel, 7);
	assert_int_equal(c.sequence, 1700000000000001);
}

static void a_message_is_taken_as_it_was_written(void **state)
{
	static const struct {
		const char *text, *message, *stream;
	} rows[] = {
	    {"{\"message\":1.10}", "1.10", ""},
	    {"{\"message\":{\"a\":[1,{\"b\":\"}]\\\"\"}]},\"channel\":2}",
	        "{\"a\":[1,{\"b\":\"}]\\\"\"}]}", ""},
	    {" { \"stream\" : \"cam\" , \"message\" : \"x, y: z\"\n} ", "\"x, y: z\"", "cam"},
	    {"{\"stream\":\"message\",\"message\":null}", "null", "message"},
	    {"{\"message\":[ ]\t}", "[ ]", ""},
	    {"{\"channel\":1,\"message\":{\"message\":2}}", "{\"message\":2}", ""},
	    {"{\"message\":[[[[[[[[1]]]]]]]]}", "[[[[[[[[1]]]]]]]]", ""},
	};
	struct fr_cause why;
	struct ws_command c;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (read_text(rows[i].text, &c, &why) < 0)
			fail_msg("%s: %s", rows[i].text, why.text);
		assert_int_equal(c.type, WS_MESSAGE);
		assert_string_equal(c.stream, rows[i].stream);
		assert_int_equal(c.message_size, strlen(rows[i].message));
		assert_memory_equal(c.message, rows[i].message, c.message_size);
	}
}

static void what_is_no_command_is_told_why(void **state)
{
	static const struct {
		const char *text, *why;
		int channel; /* that the answer names; -1: none */
	} rows[] = {
	    {"", "not a JSON object: ", -1},
	    {"hello", "not a JSON object: ", -1},
	    {"[]", "not a JSON object", -1},
	    {"{} {}", "not a JSON object: ", -1},
	    {"{\"channel\":1,\"message\":[[[[[[[[[1]]]]]]]]]}", "not a JSON object: brackets", -1},
	    {"{}", "one of subscribe", -1},
	    {"{\"channel\":3}", "one of subscribe", 3},
	    {"{\"channel\":-1}", "channel must be 0..65535", -1},
	    {"{\"channel\":65536}", "channel must be 0..65535", -1},
	    {"{\"channel\":1.0}", "channel must be a whole number", -1},
	    {"{\"channel\":\"1\"}", "channel must be a whole number", -1},
	    {"{\"channel\":99999999999999999999}", "not a JSON object: ", -1},
	    {"{\"subscribe\":\"a\",\"subscribe\":\"b\",\"channel\":1}", "not a JSON object: ", -1},
	    {"{\"subscribe\":\"a\"}", "channel is missing", -1},
	    {"{\"subscribe\":7,\"channel\":1}", "subscribe must be a stream's name", 1},
	    {"{\"subscribe\":\"a.b\",\"channel\":1}", "subscribe must be a stream's name", 1},
	    {"{\"subscribe\":\"a\",\"channel\":1,\"ack\":1}", "ack must be true or false", 1},
	    {"{\"subscribe\":\"a\",\"channel\":1,\"queue\":0}", "queue: ", 1},
	    {"{\"subscribe\":\"a\",\"channel\":1,\"queue\":null}", "queue must be", 1},
	    {"{\"subscribe\":\"a\",\"channel\":1,\"colour\":1}", "colour is no parameter", 1},
	    {"{\"unsubscribe\":\"a\"}", "unsubscribe must be a whole number", -1},
	    {"{\"ack\":1}", "sequence must be a whole number", 1},
	    {"{\"ack\":1,\"sequence\":-1}", "sequence must be 0..", 1},
	    {"{\"ack\":true,\"sequence\":1}", "ack must be a whole number", -1},
	    {"{\"message\":1,\"stream\":\"..\"}", "stream must be a stream's name", -1},
	    {"{\"mess\\u0061ge\":1}", "message must be written so", -1},
	};
	struct fr_cause why;
	struct ws_command c;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const int r = read_text(rows[i].text, &c, &why);

		if (r != -EINVAL || strncmp(why.text, rows[i].why, strlen(rows[i].why)) != 0 ||
		    c.has_channel != (rows[i].channel >= 0) ||
		    (c.has_channel && c.channel != rows[i].channel))
			fail_msg("%s: %d, \"%s\", channel %d %u", rows[i].text, r, why.text,
			    c.has_channel, c.channel);
	}
}

static void what_is_deep_or_long_is_refused(void **state)
{
	static char text[200000];
	struct fr_cause why;
	struct ws_command c;

	(void)state;
	memcpy(text, "{\"message\":", 11);
	memset(text + 11, '[', 100000);
	memset(text + 100011, ']', 50000);
	assert_int_equal(read_text(text, &c, &why), -EINVAL);
	memcpy(text, "{\"channel\":1,\"subscribe\":\"", 26);
	memset(text + 26, 'a', 150000);
	memcpy(text + 150026, "\"}", 3);
	assert_int_equal(read_text(text, &c, &why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_subscription_has_the_keys_of_sub),
	    cmocka_unit_test(channels_are_left_and_pictures_acknowledged),
	    cmocka_unit_test(a_message_is_taken_as_it_was_written),
	    cmocka_unit_test(what_is_no_command_is_told_why),
	    cmocka_unit_test(what_is_deep_or_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
