/* SPDX-License-Identifier: MIT */
/* The doors udp and udp-messages on a real loop, over 127.0.0.1 and ::1: what is answered, and what meets silence. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "common/base/cause.h"
#include "common/base/options.h"
#include "common/base/text.h"
#include "daemon/doors/doors.h"
#include "daemon/relay/ingest.h"
#include "daemon/verifier.h"
#include "tests/support/frames_scene.h"
#include "tests/support/loop_runner.h"

/* A sender, and the answer that it has and expect() has not looked at. */
struct sender {
	struct fr_test_frames *f;
	int fd;
	char got[64];
};

static int udp_setup(void **state)
{
	const int r = fr_test_door_setup(state, "udp");
	struct fr_test_frames *f = *state;

	f->limits.udp_gap_ms = 50;
	f->limits.stale_after_ms = 200;
	return r;
}

static int messages_setup(void **state)
{
	return fr_test_door_setup(state, "udp-messages");
}

static struct sender sender(struct fr_test_frames *f)
{
	const struct sockaddr_in sa = {.sin_family = AF_INET,
	    .sin_port = htons(f->port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sender s = {.f = f, .fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)};

	assert_int_equal(connect(s.fd, (const struct sockaddr *)&sa, sizeof(sa)), 0);
	return s;
}

static void say(const struct sender *s, const void *bytes, size_t size)
{
	assert_int_equal(send(s->fd, bytes, size, 0), size);
}

static void pieces(const struct sender *s, const uint8_t *bytes, size_t size, size_t most)
{
	const uint64_t header = size; /* of a little-endian machine */

	say(s, &header, sizeof(header));
	for (size_t i = 0; i < most; i += 1024)
		say(s, bytes + i, most - i < 1024 ? most - i : 1024);
}

static bool has_answer(void *arg)
{
	struct sender *s = arg;

	if (s->got[0] == '\0')
		(void)recv(s->fd, s->got, sizeof(s->got) - 1, 0);
	return s->got[0] != '\0';
}

static void expect(struct sender *s, const char *text)
{
	fr_test_until(s->f->loop, has_answer, s);
	assert_string_equal(s->got, text);
	memset(s->got, 0, sizeof(s->got));
}

static enum fr_reason wanted;
static uint64_t wanted_count;

static bool is_rejected(void *arg)
{
	(void)arg;
	return fr_test_rejected(wanted) >= wanted_count;
}

static void expect_rejected(struct fr_test_frames *f, enum fr_reason reason, uint64_t count)
{
	wanted = reason;
	wanted_count = count;
	fr_test_until(f->loop, is_rejected, NULL);
	assert_int_equal(fr_test_rejected(reason), count);
}

static bool is_published(void *arg)
{
	return fr_stat_value(FR_STAT_frames_published) >= *(const int64_t *)arg;
}

static void expect_published(struct fr_test_frames *f, int64_t count)
{
	fr_test_until(f->loop, is_published, &count);
	assert_int_equal(fr_stat_value(FR_STAT_frames_published), count);
}

static bool has_no_publisher(void *arg)
{
	(void)arg;
	return fr_stat_value(FR_STAT_publishers) == 0;
}

static void a_picture_is_published_and_acknowledged_and_its_sender_goes_when_it_is_silent(
    void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_stream_info info;
	struct sender s;

	fr_test_frames_open(f);
	s = sender(f);
	say(&s, f->picture.bytes, f->picture.size);
	expect(&s, "get message!!!");
	pieces(&s, f->picture.bytes, f->picture.size, f->picture.size);
	expect(&s, "get message!!!");
	expect_published(f, 2);
	assert_true(fr_relay_stream(f->relay, "udp-127-0-0-1", 0, &info));
	assert_string_equal(info.publisher_door, "udp");
	fr_test_until(f->loop, has_no_publisher, NULL);
	assert_int_equal(fr_stat_value(FR_STAT_udp_answers), 2);
	(void)close(s.fd);
}

static void a_strict_decode_has_its_say_and_holds_the_answer_back_when_it_is_behind(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_jpeg large = fr_test_jpeg(1600, 1200, 30, 1);
	struct fr_verifier *verifier;
	struct fr_cause why;
	struct sender s;

	assert_int_equal(fr_verifier_new(f->loop, f->relay, &f->limits, &verifier, &why), 0);
	f->limits.verify_timeout_ms = 0;
	f->limits.stale_after_ms = 0;
	fr_test_frames_open(f);
	s = sender(f);
	/* Four at once, of which the third would overtake the second if it did not wait for its answer. */
	for (int i = 0; i < 4; i++) {
		pieces(&s, large.bytes, large.size, large.size);
		expect(&s, "get message!!!");
	}
	expect_published(f, 4);
	assert_int_equal(fr_test_rejected(FR_REASON_verify_busy), 0);

	/* Markers that are well, and data that is not. */
	memset(large.bytes + large.size / 2, 0x55, 600);
	large.bytes[large.size / 2] = 0xff;
	large.bytes[large.size / 2 + 1] = 0xd3;
	pieces(&s, large.bytes, large.size, large.size);
	expect(&s, "get message!!!");
	expect_rejected(f, FR_REASON_bad_jpeg, 1);
	(void)close(s.fd);
	fr_test_frames_close(f);
	fr_verifier_free(verifier);
	fr_test_jpeg_done(&large);
}

static void what_is_lost_is_counted_and_its_sender_told_after_a_silence(void **state)
{
	struct fr_test_frames *f = *state;
	struct fr_test_jpeg jpeg = fr_test_jpeg_sized(5000, 1);
	struct sender s;

	fr_test_frames_open(f);
	s = sender(f);
	pieces(&s, jpeg.bytes, 5000, 3000);
	expect(&s, "get message!!!");
	assert_int_equal(fr_stat_value(FR_STAT_udp_frames_incomplete), 1);
	assert_int_equal(fr_stat_value(FR_STAT_udp_datagrams_lost), 2);
	assert_int_equal(fr_test_rejected(FR_REASON_udp_incomplete), 1);
	pieces(&s, jpeg.bytes, 5000, 5000);
	expect(&s, "get message!!!");
	expect_published(f, 1);

	/* One in the middle when the door closes. */
	pieces(&s, jpeg.bytes, 5000, 3000);
	fr_test_turn(f->loop, 20);
	fr_test_frames_close(f);
	assert_int_equal(fr_stat_value(FR_STAT_publishers), 0);
	(void)close(s.fd);
	fr_test_jpeg_done(&jpeg);
}

static void ten_pictures_that_are_none_end_a_publisher_who_may_come_back(void **state)
{
	struct fr_test_frames *f = *state;
	uint8_t noise[3000] = {0xff, 0xd8};
	struct sender s;

	memcpy(noise + 2998, "\xff\xd9", 2);
	fr_test_frames_open(f);
	s = sender(f);
	for (int i = 0; i < 10; i++) {
		say(&s, noise, sizeof(noise));
		expect(&s, "get message!!!");
	}
	assert_int_equal(fr_test_rejected(FR_REASON_bad_jpeg_repeated), 1);
	fr_test_until(f->loop, has_no_publisher, NULL);
	say(&s, f->picture.bytes, f->picture.size);
	expect(&s, "get message!!!");
	expect_published(f, 1);
	(void)close(s.fd);
}

static void a_stream_that_is_taken_stays_so_and_the_sender_is_told_to_go_on(void **state)
{
	static const struct fr_ingest_ops ops = {.on_closed = NULL};
	struct fr_publish_spec spec = {
	    .door = "test", .who = {.ours = true}, .stream = "udp-127-0-0-1"};
	struct fr_test_frames *f = *state;
	struct fr_refusal refusal;
	struct fr_ingest *ours;
	struct sender s;

	fr_test_frames_open(f);
	assert_int_equal(fr_relay_publish(f->relay, &spec, &ops, NULL, 0, &ours, &refusal), 0);
	s = sender(f);
	say(&s, f->picture.bytes, f->picture.size);
	expect(&s, "get message!!!");
	assert_int_equal(fr_test_rejected(FR_REASON_stream_busy), 1);
	pieces(&s, f->picture.bytes, f->picture.size, 10);
	expect_rejected(f, FR_REASON_udp_incomplete, 1);
	fr_ingest_free(ours, 0);
	say(&s, f->picture.bytes, f->picture.size);
	expect_published(f, 1);
	(void)close(s.fd);
}

static void another_publisher_may_take_the_stream_over(void **state)
{
	static const struct fr_ingest_ops ops = {.on_closed = NULL};
	struct fr_publish_spec spec = {.door = "test",
	    .stream = "udp-127-0-0-1",
	    .takeover = FR_TAKEOVER_REPLACE,
	    .who = {.addr = {.kind = FR_ADDR_IPV4, .bytes = {127, 0, 0, 2}}}};
	struct fr_test_frames *f = *state;
	struct fr_refusal refusal;
	struct fr_ingest *other;
	struct sender s;

	fr_test_frames_open(f);
	s = sender(f);
	say(&s, f->picture.bytes, f->picture.size);
	expect(&s, "get message!!!");
	pieces(&s, f->picture.bytes, f->picture.size, 10);
	fr_test_turn(f->loop, 20);
	assert_int_equal(fr_relay_publish(f->relay, &spec, &ops, NULL, 0, &other, &refusal), 0);
	say(&s, f->picture.bytes + 10, f->picture.size - 10);
	expect(&s, "get message!!!");
	expect_published(f, 1);
	fr_ingest_free(other, 0);
	(void)close(s.fd);
}

static void who_may_not_send_meets_silence(void **state)
{
	struct fr_test_frames *f = *state;
	const char *other = "10.0.0.0/8";
	struct sender s;

	assert_int_equal(fr_options_set_list(f->options, "allow", &other, 1, NULL), 0);
	fr_test_frames_open(f);
	s = sender(f);
	say(&s, f->picture.bytes, f->picture.size);
	expect_rejected(f, FR_REASON_udp_refused, 1);
	say(&s, "get message!!!", 14);
	expect_rejected(f, FR_REASON_udp_refused, 2);
	fr_test_turn(f->loop, 20);
	assert_false(has_answer(&s));
	(void)close(s.fd);
}

static void it_listens_at_ipv6_and_ipv4_together(void **state)
{
	struct fr_test_frames *f = *state;
	const struct fr_door_env env = {.loop = f->loop, .relay = f->relay, .limits = &f->limits};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	struct fr_text lines = {0};
	struct fr_cause why;
	struct sender s;

	fr_test_frames_set(f, "listen", "[::]:0");
	fr_test_frames_set(f, "stream", "udp-%p");
	if (fr_door_find("udp")->open(&env, f->options, &f->door, &why) < 0)
		fail_msg("%s", why.text);
	f->door->ops = fr_door_find("udp");
	f->door->ops->announce(f->door, &lines);
	f->port = (uint16_t)strtoul(strrchr(lines.text, ':') + 1, NULL, 10);
	fr_text_done(&lines);
	s = sender(f);
	say(&s, f->picture.bytes, f->picture.size);
	expect(&s, "get message!!!");
	(void)close(s.fd);
	s.fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	six.sin6_port = htons(f->port);
	if (s.fd >= 0 && connect(s.fd, (struct sockaddr *)&six, sizeof(six)) == 0) {
		say(&s, f->picture.bytes, f->picture.size);
		expect(&s, "get message!!!");
	}
	(void)close(s.fd);
	f->door->ops->drain(f->door);
	assert_int_equal(f->door->ops->busy(f->door), 0);
}

static void a_door_that_cannot_open_says_why(void **state)
{
	struct fr_test_frames *f = *state;
	const struct fr_door_ops *ops = fr_door_find(f->kind);
	const struct fr_door_env env = {.loop = f->loop, .relay = f->relay, .limits = &f->limits};
	struct fr_door *door;
	struct fr_cause why;
	char text[40];

	fr_test_frames_open(f);
	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", (unsigned)f->port);
	fr_test_frames_set(f, "listen", text);
	assert_int_equal(ops->open(&env, f->options, &door, &why), -EADDRINUSE);
	assert_non_null(strstr(why.text, "in use by another program"));
	fr_test_frames_set(f, "listen", "192.0.2.1:9999");
	assert_true(ops->open(&env, f->options, &door, &why) < 0);
	fr_test_frames_set(f, "listen", "systemd:pictures");
	assert_int_equal(ops->open(&env, f->options, &door, &why), -EINVAL);
	ops->close(NULL);
}

/* --- Messages --------------------------------------------------------------------------------- */

static void messages_are_taken_answered_or_counted(void **state)
{
	struct fr_test_frames *f = *state;
	struct sender s;

	fr_test_frames_open(f);
	s = sender(f);
	say(&s, "[0, 0, 0, 1]", 12);
	expect(&s, "get the msg");
	assert_int_equal(fr_stat_value(FR_STAT_messages_received), 1);
	say(&s, "no JSON at all", 14);
	expect_rejected(f, FR_REASON_bad_message, 1);
	say(&s, "get the msg", 11);
	expect_rejected(f, FR_REASON_udp_refused, 1);
	say(&s, "[1]", 3); /* taken; an answer would be longer */
	while (fr_stat_value(FR_STAT_messages_received) < 2)
		fr_test_turn(f->loop, 1);
	fr_test_turn(f->loop, 20);
	assert_false(has_answer(&s));
	f->door->ops->drain(f->door);
	assert_int_equal(f->door->ops->busy(f->door), 0);
	(void)close(s.fd);
}

int main(void)
{
#define TEST(name, setup) cmocka_unit_test_setup_teardown(name, setup, fr_test_frames_teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_picture_is_published_and_acknowledged_and_its_sender_goes_when_it_is_silent,
	        udp_setup),
	    TEST(
	        a_strict_decode_has_its_say_and_holds_the_answer_back_when_it_is_behind, udp_setup),
	    TEST(what_is_lost_is_counted_and_its_sender_told_after_a_silence, udp_setup),
	    TEST(ten_pictures_that_are_none_end_a_publisher_who_may_come_back, udp_setup),
	    TEST(a_stream_that_is_taken_stays_so_and_the_sender_is_told_to_go_on, udp_setup),
	    TEST(another_publisher_may_take_the_stream_over, udp_setup),
	    TEST(who_may_not_send_meets_silence, udp_setup),
	    TEST(it_listens_at_ipv6_and_ipv4_together, udp_setup),
	    TEST(a_door_that_cannot_open_says_why, udp_setup),
	    TEST(a_door_that_cannot_open_says_why, messages_setup),
	    TEST(messages_are_taken_answered_or_counted, messages_setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
