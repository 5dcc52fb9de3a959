/* SPDX-License-Identifier: MIT */
/* A web server's pictures as a stream of ours, from servers that a test writes out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "common/base/stats.h"
#include "common/net/loop.h"
#include "tests/support/loop_runner.h"
#include "tests/support/test_bed.h"
#include "tests/support/test_server.h"

struct fixture {
	struct fr_bed *bed;
	struct fr_test_server server;
	char url[100];
	char request[4096]; /* the last one */
};

/* Opens the server, and a pull from it with one more option; a viewer waits. */
static struct fixture begin(void **state, const char *login, const char *option)
{
	struct fixture f = {.bed = *state};

	fr_test_server_open(&f.server);
	(void)snprintf(
	    f.url, sizeof(f.url), "url=http://%s127.0.0.1:%u/a?b", login, (unsigned)f.server.port);
	fr_bed_open_source(f.bed, "http-pull", f.url, option, NULL);
	fr_side_watch(&f.bed->near);
	return f;
}

static bool has_request(void *arg)
{
	struct fixture *f = arg;
	const size_t have = strlen(f->request);
	ssize_t n;

	if (!fr_test_server_has_one(&f->server))
		return false;
	n = recv(f->server.fd, f->request + have, sizeof(f->request) - 1 - have, MSG_DONTWAIT);
	if (n > 0)
		f->request[have + (size_t)n] = '\0';
	return strstr(f->request, "\r\n\r\n") != NULL;
}

static void wait_for_request(struct fixture *f)
{
	memset(f->request, 0, sizeof(f->request));
	fr_test_until(f->bed->loop, has_request, f);
}

static void send_text(struct fixture *f, const char *text)
{
	fr_test_server_send(&f->server, text, strlen(text));
}

static void send_part(struct fixture *f, const struct fr_test_jpeg *jpeg)
{
	send_text(f, "--f\r\n\r\n");
	fr_test_server_send(&f->server, jpeg->bytes, jpeg->size);
	send_text(f, "\r\n");
}

static void send_single(struct fixture *f, const char *more)
{
	char head[200];

	(void)snprintf(head, sizeof(head),
	    "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %zu\r\n%s\r\n",
	    f->bed->picture.size, more);
	send_text(f, head);
	fr_test_server_send(&f->server, f->bed->picture.bytes, f->bed->picture.size);
}

static void wait_for_pictures(struct fixture *f, unsigned count)
{
	f->bed->near.wanted = count;
	fr_test_until(f->bed->loop, fr_side_has_pictures, &f->bed->near);
}

static const char multipart[] =
    "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=f\r\n\r\n";

/* For fr_test_until(): so many of the same were left out. */
static bool four_were_the_same(void *arg)
{
	(void)arg;
	return fr_stat_value(FR_STAT_frames_same) >= 4;
}

static void pictures_come_and_the_same_again_does_not(void **state)
{
	struct fixture f = begin(state, "", NULL);
	struct fr_test_jpeg other = fr_test_jpeg(80, 48, 80, 3);

	wait_for_request(&f);
	assert_non_null(strstr(f.request, "GET /a?b HTTP/1.1\r\nHost: 127.0.0.1:"));
	assert_non_null(strstr(f.request, "Connection: close\r\n"));
	send_text(&f, multipart);
	for (int i = 0; i < 5; i++)
		send_part(&f, &f.bed->picture);
	fr_test_until(f.bed->loop, four_were_the_same, NULL);
	send_part(&f, &other);
	wait_for_pictures(&f, 2);

	assert_int_equal(f.bed->near.pictures, 2);
	assert_memory_equal(f.bed->near.last, other.bytes, other.size);
	fr_test_jpeg_done(&other);
	fr_test_server_close(&f.server);
}

static void it_is_left_when_nobody_watches_any_more(void **state)
{
	struct fixture f = begin(state, "", NULL);

	wait_for_request(&f);
	send_text(&f, multipart);
	send_part(&f, &f.bed->picture);
	wait_for_pictures(&f, 1);
	fr_side_unwatch(&f.bed->near);
	fr_test_until(f.bed->loop, fr_test_server_was_left, &f.server);
	f.bed->limits.stale_after_ms = 100; /* else the last picture counts for 5 s */
	fr_test_until(f.bed->loop, fr_side_is_asleep, &f.bed->near);

	fr_side_watch(&f.bed->near);
	wait_for_request(&f);
	send_text(&f, multipart);
	send_part(&f, &f.bed->picture);
	/* The newest picture was this one, but that was long ago: it is news. */
	wait_for_pictures(&f, f.bed->near.pictures + 1);
	fr_test_server_close(&f.server);
}

static void it_is_offline_while_the_origin_is_away(void **state)
{
	struct fixture f = begin(state, "", NULL);

	f.bed->limits.stale_after_ms = 100;
	wait_for_request(&f);
	send_text(&f, multipart);
	send_part(&f, &f.bed->picture);
	wait_for_pictures(&f, 1);
	fr_test_server_drop(&f.server);
	fr_test_until(f.bed->loop, fr_side_is_offline, &f.bed->near);

	wait_for_request(&f);
	send_text(&f, multipart);
	send_part(&f, &f.bed->picture);
	wait_for_pictures(&f, 2);
	assert_true(fr_stat_value(FR_STAT_reconnects) > 0);
	fr_test_server_close(&f.server);
}

static void one_picture_is_asked_again_on_its_connection_with_what_it_is_known_by(void **state)
{
	struct fixture f = begin(state, "", "fps=100");
	const int64_t same = fr_stat_value(FR_STAT_frames_same);

	wait_for_request(&f);
	send_single(&f, "ETag: \"1\"\r\nLast-Modified: yesterday\r\n");
	wait_for_pictures(&f, 1);
	for (int i = 0; i < 3; i++) {
		wait_for_request(&f);
		assert_non_null(strstr(f.request, "Connection: keep-alive\r\n"));
		assert_non_null(
		    strstr(f.request, "If-None-Match: \"1\"\r\nIf-Modified-Since: yesterday\r\n"));
		send_text(&f, "HTTP/1.1 304 Not Modified\r\n\r\n");
	}
	wait_for_request(&f);
	assert_int_equal(fr_stat_value(FR_STAT_frames_same), same + 3);
	assert_int_equal(f.bed->near.pictures, 1);

	/* The origin ends a connection that it would have kept: the next request has a new one. */
	fr_test_server_drop(&f.server);
	wait_for_request(&f);
	send_single(&f, "");
	fr_test_until(f.bed->loop, fr_side_is_live, &f.bed->near);
	wait_for_request(&f);
	assert_null(strstr(f.request, "If-"));
	fr_test_server_close(&f.server);
}

static void a_login_is_given_when_it_is_asked_for(void **state)
{
	struct fixture f = begin(state, "Aladdin:open%20sesame@", NULL);

	wait_for_request(&f);
	assert_null(strstr(f.request, "Authorization"));
	send_text(&f, "HTTP/1.1 401 Who?\r\nWWW-Authenticate: Basic realm=\"x\"\r\n\r\n");
	fr_test_until(f.bed->loop, fr_test_server_was_left, &f.server);
	wait_for_request(&f);
	assert_non_null(strstr(f.request, "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"));
	send_text(&f, multipart);
	send_part(&f, &f.bed->picture);
	wait_for_pictures(&f, 1);
	fr_test_server_close(&f.server);
}

static void it_may_be_closed_in_every_state(void **state)
{
	static const char *const answers[] = {"", "HTTP/1.1 2", multipart,
	    "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: "
	    "900\r\n\r\n\xff\xd8\xff",
	    "HTTP/1.1 500 No\r\n\r\n"};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct fixture f = begin(state, "", "on_demand=false");

		wait_for_request(&f);
		send_text(&f, answers[i]);
		fr_test_turn(f.bed->loop, 10);
		fr_bed_close_source(f.bed);
		fr_test_until(f.bed->loop, fr_test_server_was_left, &f.server);
		fr_side_unwatch(&f.bed->near);
		fr_test_server_close(&f.server);
	}
	/* And before it was connected. */
	fr_bed_open_source(
	    *state, "http-pull", "url=http://nobody.invalid/", "on_demand=false", NULL);
	fr_test_turn(((struct fr_bed *)*state)->loop, 3);
	fr_bed_close_source(*state);
}

static void what_cannot_be_is_refused(void **state)
{
	struct fr_bed *f = *state;
	char file[200];

	fr_bed_refuse_source(f, "http-pull", "url: https:// needs TLS", "url=https://cam/", NULL);
	fr_bed_refuse_source(
	    f, "http-pull", "user: a name with :", "url=http://cam/", "user=a:b", NULL);
	fr_bed_refuse_source(
	    f, "http-pull", "password_file: whose?", "url=http://cam/", "password_file=/x", NULL);
	fr_bed_refuse_source(f, "http-pull", "No such file", "url=http://cam/", "user=a",
	    "password_file=/nothing/is/here", NULL);
	fr_bed_write(f, "open", "secret", 6);
	assert_int_equal(chmod(fr_bed_path(f, "open"), 0644), 0);
	(void)snprintf(file, sizeof(file), "password_file=%s", fr_bed_path(f, "open"));
	fr_bed_refuse_source(
	    f, "http-pull", "others can read it", "url=http://cam/", "user=a", file, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fr_bed_setup, fr_bed_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(pictures_come_and_the_same_again_does_not),
	    TEST(it_is_left_when_nobody_watches_any_more),
	    TEST(it_is_offline_while_the_origin_is_away),
	    TEST(one_picture_is_asked_again_on_its_connection_with_what_it_is_known_by),
	    TEST(a_login_is_given_when_it_is_asked_for),
	    TEST(it_may_be_closed_in_every_state),
	    TEST(what_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
