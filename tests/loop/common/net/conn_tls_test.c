/* SPDX-License-Identifier: MIT */
/* TLS inside conns: two of them, or one and a peer that does as a test says, on a real loop. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/socket.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "common/base/cause.h"
#include "common/base/stats.h"
#include "common/media/frame.h"
#include "common/net/conn.h"
#include "common/net/loop.h"
#include "common/net/tls.h"
#include "tests/support/certificates.h"
#include "tests/support/loop_runner.h"

enum {
	BIG = 3 * 1000 * 1000,
};

/* One end. */
struct end {
	struct fr_conn *conn;
	uint8_t *got;
	size_t got_size, piece; /* piece: read at once; 0: into two pieces, the first of 10 bytes */
	unsigned readable, drained, gone;
	bool ended, holds; /* holds: does not read */
	ssize_t error;
	char reason[200];
};

struct scene {
	struct fr_test_certificates made;
	struct fr_loop *loop;
	struct fr_frame_pool *pool;
	struct fr_tls *server, *client;
	int fds[2];           /* taken by conns: -1 */
	struct end near, far; /* the server's, the client's */
};

static void on_readable(void *arg)
{
	struct end *e = arg;
	struct iovec iov[2];
	ssize_t n;

	e->readable++;
	if (e->holds) {
		fr_conn_pause(e->conn, true);
		return;
	}
	iov[0] = (struct iovec){e->got + e->got_size, e->piece != 0 ? e->piece : 10};
	iov[1] = (struct iovec){e->got + e->got_size + 10, 70000};
	n = fr_conn_read(e->conn, iov, e->piece != 0 ? 1 : 2);
	if (n > 0) {
		e->got_size += (size_t)n;
	} else if (n == 0) {
		e->ended = true;
	} else if (n != -EAGAIN) {
		e->error = n;
		(void)snprintf(e->reason, sizeof(e->reason), "%s", fr_conn_read_error(e->conn, n));
	}
}

static void on_drained(void *arg)
{
	struct end *e = arg;

	e->drained++;
}

static void on_gone(void *arg, const char *reason)
{
	struct end *e = arg;

	e->gone++;
	(void)snprintf(e->reason, sizeof(e->reason), "%s", reason);
	fr_conn_close(e->conn);
	e->conn = NULL;
}

static const struct fr_conn_ops ops = {
    .on_readable = on_readable, .on_drained = on_drained, .on_gone = on_gone};

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	char rooms[3][FR_TEST_PATH_MAX];
	struct fr_tls_files files;
	struct fr_cause why;

	(void)signal(SIGPIPE, SIG_IGN);
	fr_test_certificates_make(&s->made);
	files = (struct fr_tls_files){fr_test_certificates_path(&s->made, "server.pem", rooms[0]),
	    fr_test_certificates_path(&s->made, "server.key", rooms[1]), ""};
	assert_int_equal(fr_tls_new_server(&files, &s->server, &why), 0);
	assert_int_equal(fr_tls_new_client(fr_test_certificates_path(&s->made, "ca.pem", rooms[2]),
	                     &s->client, &why),
	    0);
	s->loop = fr_test_loop();
	s->pool = fr_frame_pool_new(0);
	fr_test_tcp_pair(s->fds);
	s->near.got = malloc(BIG + 100000);
	s->far.got = malloc(BIG + 100000);
	s->near.piece = s->far.piece = 65536;
	fr_stats_reset();
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	fr_conn_close(s->near.conn);
	fr_conn_close(s->far.conn);
	for (int i = 0; i < 2; i++)
		if (s->fds[i] >= 0)
			(void)close(s->fds[i]);
	fr_loop_free(s->loop);
	assert_int_equal(fr_frame_pool_frames(s->pool), 0);
	fr_frame_pool_free(s->pool);
	fr_tls_free(s->server);
	fr_tls_free(s->client);
	fr_test_certificates_remove(&s->made);
	free(s->near.got);
	free(s->far.got);
	free(s);
	return 0;
}

static const struct fr_addr nobody = {.kind = FR_ADDR_UNIX};

static void begin_server(
    struct scene *s, const struct fr_tls_protocols *protocols, int64_t handshake_ms)
{
	const struct fr_conn_options options = {.notsent_lowat_bytes = 16384,
	    .tls = {.tls = s->server,
	        .protocols = protocols,
	        .handshake_ms = handshake_ms,
	        .area = "frames"}};

	s->near.conn = fr_conn_new(s->loop, s->fds[0], &nobody, &options, &ops, &s->near);
	s->fds[0] = -1;
}

static void begin_client(
    struct scene *s, const char *host, const struct fr_tls_protocols *protocols)
{
	const struct fr_conn_options options = {
	    .tls = {.tls = s->client, .host = host, .protocols = protocols, .handshake_ms = 20000}};

	s->far.conn = fr_conn_new(s->loop, s->fds[1], &nobody, &options, &ops, &s->far);
	s->fds[1] = -1;
}

static void begin_both(struct scene *s)
{
	begin_server(s, NULL, 20000);
	begin_client(s, "localhost", NULL);
}

static struct fr_frame *frame_of(struct scene *s, size_t size, unsigned seed)
{
	const struct fr_frame_info info = {.type = FR_FRAME_MESSAGE};
	uint8_t *bytes = malloc(size);
	struct fr_frame *frame;

	fr_test_fill(bytes, size, seed);
	frame = fr_frame_copy(s->pool, bytes, size, &info);
	free(bytes);
	return frame;
}

static void assert_filled(const uint8_t *bytes, size_t size, unsigned seed)
{
	uint8_t *expected = malloc(size);

	fr_test_fill(expected, size, seed);
	assert_memory_equal(bytes, expected, size);
	free(expected);
}

static bool far_has_five(void *arg)
{
	return ((struct scene *)arg)->far.got_size >= 5;
}

static bool near_has_five(void *arg)
{
	return ((struct scene *)arg)->near.got_size >= 5;
}

static bool far_has_all(void *arg)
{
	return ((struct scene *)arg)->far.got_size >= BIG + 7;
}

static bool near_was_drained(void *arg)
{
	return ((struct scene *)arg)->near.drained != 0;
}

static bool far_ended(void *arg)
{
	return ((struct scene *)arg)->far.ended;
}

static bool near_ended(void *arg)
{
	return ((struct scene *)arg)->near.ended;
}

static bool near_is_gone(void *arg)
{
	return ((struct scene *)arg)->near.gone != 0;
}

static bool far_is_gone(void *arg)
{
	return ((struct scene *)arg)->far.gone != 0;
}

static bool far_failed(void *arg)
{
	return ((struct scene *)arg)->far.error != 0 || ((struct scene *)arg)->far.gone != 0;
}

static bool nobody_finishes(void *arg)
{
	return fr_conn_finishing(((struct scene *)arg)->loop) == 0;
}

static void what_is_sent_early_waits_for_the_handshake(void **state)
{
	struct scene *s = *state;

	begin_both(s);
	assert_int_equal(fr_conn_put(s->near.conn, "hello", 5), FR_SEND_FULL);
	assert_int_equal(fr_conn_put(s->far.conn, "there", 5), FR_SEND_FULL);
	assert_false(fr_conn_is_idle(s->near.conn));
	fr_test_until(s->loop, far_has_five, s);
	fr_test_until(s->loop, near_has_five, s);
	fr_test_until(s->loop, near_was_drained, s);
	assert_memory_equal(s->far.got, "hello", 5);
	assert_memory_equal(s->near.got, "there", 5);
	assert_true(fr_conn_is_secure(s->near.conn));
	assert_null(fr_conn_certificate(s->near.conn));
	assert_non_null(fr_conn_certificate(s->far.conn));
	assert_int_equal(fr_conn_put(s->near.conn, "more", 4), FR_SEND_DONE);
}

/* Head, picture and tail, whole and in order, whatever the reader's pieces are. */
static void send_big(struct scene *s, size_t piece)
{
	struct fr_frame *frame = frame_of(s, BIG, 3);

	begin_both(s);
	s->far.piece = piece;
	assert_int_equal(
	    fr_conn_send_frame(s->near.conn, "head", 4, frame, "end", 3), FR_SEND_FULL);
	fr_frame_unref(frame);
	assert_int_equal(fr_conn_frames(s->near.conn), 1);
	fr_test_until(s->loop, far_has_all, s);
	fr_test_until(s->loop, near_was_drained, s);
	assert_int_equal(s->far.got_size, BIG + 7);
	assert_memory_equal(s->far.got, "head", 4);
	assert_filled(s->far.got + 4, BIG, 3);
	assert_memory_equal(s->far.got + 4 + BIG, "end", 3);
	assert_int_equal(fr_conn_frames(s->near.conn), 0);
}

static void a_frame_comes_whole(void **state)
{
	send_big(*state, 65536);
}

static void a_frame_comes_whole_into_two_pieces(void **state)
{
	send_big(*state, 0);
}

static void a_frame_comes_whole_in_odd_reads(void **state)
{
	send_big(*state, 1009);
}

/* A peer that puts each byte into a record of its own takes no more of a turn than another. */
static void a_read_takes_some_records_and_no_more(void **state)
{
	struct scene *s = *state;
	static const char byte[1] = {'x'};

	begin_both(s);
	(void)fr_conn_put(s->near.conn, "hello", 5);
	fr_test_until(s->loop, far_has_five, s);
	s->near.holds = true;
	for (unsigned i = 0; i < 500; i++) {
		(void)fr_conn_put(s->far.conn, byte, sizeof(byte));
		fr_test_turn(s->loop, 1);
	}
	s->near.holds = false;
	fr_conn_pause(s->near.conn, false);
	while (s->near.got_size < 500) {
		const size_t before = s->near.got_size;
		const unsigned readable = s->near.readable;

		fr_test_turn(s->loop, 1);
		assert_true(
		    s->near.got_size - before <= (size_t)64 * (s->near.readable - readable));
	}
	assert_true(s->near.readable >= 500 / 64);
}

/* Messages that carry nothing, without end: each has a turn of the loop, as bytes have. */
static void a_message_of_tls_itself_takes_a_turn(void **state)
{
	struct scene *s = *state;
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	SSL *ssl = SSL_new(context);
	unsigned readable;

	begin_server(s, NULL, 20000);
	assert_int_equal(fcntl(s->fds[1], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(SSL_set_fd(ssl, s->fds[1]), 1);
	while (SSL_connect(ssl) != 1)
		fr_test_turn(s->loop, 1);
	assert_int_equal(SSL_write(ssl, "hello", 5), 5);
	fr_test_until(s->loop, near_has_five, s);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
		assert_int_equal(SSL_do_handshake(ssl), 1);
	}
	assert_int_equal(SSL_write(ssl, "x", 1), 1);
	readable = s->near.readable;
	while (s->near.got_size < 6 && s->near.error == 0)
		fr_test_turn(s->loop, 1);
	assert_int_equal(s->near.got_size, 6);
	assert_true(s->near.readable - readable >= 200);
	SSL_free(ssl);
	SSL_CTX_free(context);
}

static void a_reader_that_pauses_gets_everything(void **state)
{
	struct scene *s = *state;
	struct fr_frame *frame = frame_of(s, BIG, 4);

	s->far.holds = true;
	begin_both(s);
	(void)fr_conn_send_frame(s->near.conn, "head", 4, frame, NULL, 0);
	fr_frame_unref(frame);
	fr_test_turn(s->loop, 200);
	assert_false(fr_conn_is_idle(s->near.conn));
	assert_int_equal(s->far.readable, 1);
	assert_int_equal(fr_conn_put(s->near.conn, "end", 3), FR_SEND_FULL);

	s->far.holds = false;
	fr_conn_pause(s->far.conn, false);
	fr_test_until(s->loop, far_has_all, s);
	assert_filled(s->far.got + 4, BIG, 4);
	assert_memory_equal(s->far.got + 4 + BIG, "end", 3);
}

/* Decrypted bytes wait inside, where no poller sees them. */
static void what_is_decrypted_is_not_forgotten(void **state)
{
	struct scene *s = *state;

	s->far.piece = 1;
	begin_both(s);
	(void)fr_conn_put(s->near.conn, "hello", 5);
	fr_test_until(s->loop, far_has_five, s);
	assert_memory_equal(s->far.got, "hello", 5);
	assert_true(s->far.readable >= 5);
}

static void a_conn_goes_on_with_another_owner(void **state)
{
	struct scene *s = *state;
	struct end other = {.got = s->far.got + BIG, .piece = 65536, .conn = NULL};

	s->far.piece = 2;
	begin_both(s);
	(void)fr_conn_put(s->near.conn, "01", 2);
	while (s->far.got_size < 2)
		fr_test_turn(s->loop, 1);
	other.conn = s->far.conn;
	fr_conn_set_owner(s->far.conn, &ops, &other);
	(void)fr_conn_put(s->near.conn, "23456", 5);
	while (other.got_size < 5)
		fr_test_turn(s->loop, 1);
	assert_memory_equal(other.got, "23456", 5);
}

static void last_words_and_the_end_come_through(void **state)
{
	struct scene *s = *state;

	begin_both(s);
	fr_conn_finish(s->near.conn, "adieu", 5, 10000);
	s->near.conn = NULL;
	fr_test_until(s->loop, far_ended, s);
	assert_int_equal(s->far.got_size, 5);
	fr_conn_close(s->far.conn);
	s->far.conn = NULL;
	fr_test_until(s->loop, nobody_finishes, s);
}

/* Without a close_notify: as the end of a plain socket. */
static void a_bare_end_is_an_end(void **state)
{
	struct scene *s = *state;
	const int fd = dup(s->fds[1]);

	begin_both(s);
	(void)fr_conn_put(s->far.conn, "hello", 5);
	fr_test_until(s->loop, near_has_five, s);
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	(void)close(fd);
	fr_test_until(s->loop, near_ended, s);
	assert_int_equal(s->near.error, 0);
}

static void expect_plain_answer(struct scene *s, const char *words, const char *answer)
{
	char got[256] = "";
	size_t size = 0;
	ssize_t n = -1;

	begin_server(s, NULL, 20000);
	assert_true(send(s->fds[1], words, strlen(words), 0) > 0);
	while (n != 0) {
		fr_test_turn(s->loop, 1);
		n = recv(s->fds[1], got + size, sizeof(got) - 1 - size, MSG_DONTWAIT);
		size += n > 0 ? (size_t)n : 0;
	}
	assert_non_null(strstr(got, answer));
	assert_int_equal(s->near.gone, 1);
	assert_int_equal(fr_stat_rejected_count("frames", FR_REASON_tls_error), 1);
}

static void plain_http_is_told_so(void **state)
{
	expect_plain_answer(*state, "GET / HTTP/1.1\r\n\r\n", "this is an HTTPS port");
}

static void a_plain_hello_is_told_so(void **state)
{
	expect_plain_answer(*state, "SUB porch\n", "ERR 400 this port speaks TLS\n");
}

static void garbage_is_the_end(void **state)
{
	expect_plain_answer(*state, "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e", "");
}

static void silence_is_ended_by_the_deadline(void **state)
{
	struct scene *s = *state;

	begin_server(s, NULL, 50);
	fr_test_until(s->loop, near_is_gone, s);
	assert_int_equal(fr_stat_rejected_count("frames", FR_REASON_tls_timeout), 1);
}

static void who_comes_and_goes_is_not_counted(void **state)
{
	struct scene *s = *state;

	begin_server(s, NULL, 20000);
	(void)close(s->fds[1]);
	s->fds[1] = -1;
	fr_test_until(s->loop, near_is_gone, s);
	assert_int_equal(fr_stat_rejected_count("frames", FR_REASON_tls_error), 0);
}

static void a_wrong_name_is_not_trusted(void **state)
{
	struct scene *s = *state;

	begin_server(s, NULL, 20000);
	begin_client(s, "example.org", NULL);
	(void)fr_conn_put(s->far.conn, "hello", 5);
	fr_test_until(s->loop, far_is_gone, s);
	assert_non_null(strstr(s->far.reason, "not trusted: hostname mismatch"));
	assert_int_equal(s->near.got_size, 0);
}

static void a_name_may_be_an_address(void **state)
{
	struct scene *s = *state;

	begin_server(s, NULL, 20000);
	begin_client(s, "::1", NULL);
	(void)fr_conn_put(s->far.conn, "hello", 5);
	fr_test_until(s->loop, near_has_five, s);
}

static void a_stranger_is_not_trusted(void **state)
{
	struct scene *s = *state;
	struct fr_cause why;

	fr_tls_free(s->client);
	assert_int_equal(fr_tls_new_client("", &s->client, &why), 0);
	begin_both(s);
	fr_test_until(s->loop, far_is_gone, s);
	assert_non_null(strstr(s->far.reason, "not trusted"));
}

static void demand_certificates(struct scene *s)
{
	char rooms[3][FR_TEST_PATH_MAX];
	struct fr_tls_files files = {fr_test_certificates_path(&s->made, "server.pem", rooms[0]),
	    fr_test_certificates_path(&s->made, "server.key", rooms[1]),
	    fr_test_certificates_path(&s->made, "ca.pem", rooms[2])};
	struct fr_cause why;

	fr_tls_free(s->server);
	assert_int_equal(fr_tls_new_server(&files, &s->server, &why), 0);
}

static void show_certificate(struct scene *s, const char *name, const char *key)
{
	SSL_CTX *context = fr_tls_context(s->client);
	char room[FR_TEST_PATH_MAX];

	assert_int_equal(SSL_CTX_use_certificate_file(context,
	                     fr_test_certificates_path(&s->made, name, room), SSL_FILETYPE_PEM),
	    1);
	assert_int_equal(SSL_CTX_use_PrivateKey_file(context,
	                     fr_test_certificates_path(&s->made, key, room), SSL_FILETYPE_PEM),
	    1);
}

static void a_client_without_certificate_is_refused(void **state)
{
	struct scene *s = *state;

	demand_certificates(s);
	begin_both(s);
	fr_test_until(s->loop, near_is_gone, s);
	fr_test_until(s->loop, far_failed, s);
	assert_non_null(strstr(s->far.reason, "certificate required"));
	assert_int_equal(fr_stat_rejected_count("frames", FR_REASON_tls_error), 1);
}

static void a_client_of_another_ca_is_refused(void **state)
{
	struct scene *s = *state;

	demand_certificates(s);
	show_certificate(s, "other.pem", "other.key");
	begin_both(s);
	fr_test_until(s->loop, near_is_gone, s);
	assert_non_null(strstr(s->near.reason, "not trusted: self-signed certificate"));
	fr_test_until(s->loop, far_failed, s);
}

static void a_good_certificate_is_known_by_its_hash(void **state)
{
	struct scene *s = *state;
	char room[FR_TEST_PATH_MAX];
	uint8_t expected[EVP_MAX_MD_SIZE];
	unsigned size;
	FILE *file = fopen(fr_test_certificates_path(&s->made, "client.pem", room), "re");
	X509 *certificate = PEM_read_X509(file, NULL, NULL, NULL);

	(void)fclose(file);
	assert_int_equal(X509_digest(certificate, EVP_sha256(), expected, &size), 1);
	X509_free(certificate);
	demand_certificates(s);
	show_certificate(s, "client.pem", "client.key");
	begin_both(s);
	(void)fr_conn_put(s->far.conn, "hello", 5);
	fr_test_until(s->loop, near_has_five, s);
	assert_non_null(fr_conn_certificate(s->near.conn));
	assert_memory_equal(fr_conn_certificate(s->near.conn), expected, 32);
}

static void protocols_are_agreed_on(void **state)
{
	static const struct fr_tls_protocols both = {.list = "\x08http/1.1\x02h2"};
	static const struct fr_tls_protocols h2 = {.list = "\x02h2", .required = true};
	struct scene *s = *state;

	begin_server(s, &both, 20000);
	begin_client(s, "localhost", &h2);
	(void)fr_conn_put(s->far.conn, "hello", 5);
	fr_test_until(s->loop, near_has_five, s);
}

static void other_protocols_are_refused(void **state)
{
	static const struct fr_tls_protocols http = {.list = "\x08http/1.1"};
	static const struct fr_tls_protocols h2 = {.list = "\x02h2", .required = true};
	struct scene *s = *state;

	begin_server(s, &h2, 20000);
	begin_client(s, "localhost", &http);
	fr_test_until(s->loop, far_is_gone, s);
	assert_non_null(strstr(s->far.reason, "no application protocol"));
}

static void no_protocol_is_refused_where_one_is_required(void **state)
{
	static const struct fr_tls_protocols h2 = {.list = "\x02h2", .required = true};
	struct scene *s = *state;

	begin_server(s, &h2, 20000);
	begin_client(s, "localhost", NULL);
	fr_test_until(s->loop, far_is_gone, s);
	assert_non_null(strstr(s->far.reason, "no application protocol"));
	fr_test_until(s->loop, near_is_gone, s);
	assert_non_null(strstr(s->near.reason, "ALPN"));
}

/* What was exchanged under it does not trouble a connection. */
static void new_credentials_are_for_new_connections(void **state)
{
	struct scene *s = *state;
	char rooms[2][FR_TEST_PATH_MAX];
	struct fr_tls_files files = {fr_test_certificates_path(&s->made, "other.pem", rooms[0]),
	    fr_test_certificates_path(&s->made, "other.key", rooms[1]), ""};
	struct fr_tls *other;
	struct fr_cause why;

	begin_both(s);
	(void)fr_conn_put(s->far.conn, "hello", 5);
	fr_test_until(s->loop, near_has_five, s);
	assert_int_equal(fr_tls_new_server(&files, &other, &why), 0);
	fr_tls_exchange(s->server, other);
	fr_tls_free(other);
	(void)fr_conn_put(s->near.conn, "there", 5);
	fr_test_until(s->loop, far_has_five, s);

	fr_conn_close(s->near.conn);
	fr_conn_close(s->far.conn);
	s->far.reason[0] = '\0';
	fr_test_tcp_pair(s->fds);
	begin_both(s);
	fr_test_until(s->loop, far_is_gone, s);
	assert_non_null(strstr(s->far.reason, "not trusted: self-signed certificate"));
}

/* The bytes of a handshake and of records one at a time. */
static void single_bytes_are_enough(void **state)
{
	struct scene *s = *state;
	int between[2];
	char byte;

	fr_test_tcp_pair(between);
	begin_server(s, NULL, 20000);
	{
		const int mine = s->fds[1]; /* the server's other end */

		s->fds[1] = between[0];
		begin_client(s, "localhost", NULL);
		(void)fr_conn_put(s->far.conn, "hello", 5);
		while (s->near.got_size < 5) {
			fr_test_turn(s->loop, 1);
			if (recv(between[1], &byte, 1, MSG_DONTWAIT) == 1)
				assert_int_equal(send(mine, &byte, 1, 0), 1);
			if (recv(mine, &byte, 1, MSG_DONTWAIT) == 1)
				assert_int_equal(send(between[1], &byte, 1, 0), 1);
		}
		(void)close(mine);
		(void)close(between[1]);
	}
	assert_memory_equal(s->near.got, "hello", 5);
}

/* A byte that was changed on the way ends the connection, and is said. */
static void a_broken_record_is_an_error(void **state)
{
	struct scene *s = *state;
	const int fd = dup(s->fds[1]);
	static const uint8_t record[] = {0x17, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
	    13, 14, 15, 16, 17, 18, 19, 20};

	begin_both(s);
	(void)fr_conn_put(s->far.conn, "hello", 5);
	fr_test_until(s->loop, near_has_five, s);
	assert_int_equal(send(fd, record, sizeof(record), 0), sizeof(record));
	(void)close(fd);
	while (s->near.error == 0)
		fr_test_turn(s->loop, 1);
	assert_int_equal(s->near.error, -EPROTO);
	assert_int_equal(fr_stat_rejected_count("frames", FR_REASON_tls_error), 1);
	assert_int_equal(fr_conn_put(s->near.conn, "x", 1), FR_SEND_GONE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(what_is_sent_early_waits_for_the_handshake),
	    TEST(a_frame_comes_whole),
	    TEST(a_frame_comes_whole_into_two_pieces),
	    TEST(a_read_takes_some_records_and_no_more),
	    TEST(a_message_of_tls_itself_takes_a_turn),
	    TEST(a_frame_comes_whole_in_odd_reads),
	    TEST(a_reader_that_pauses_gets_everything),
	    TEST(what_is_decrypted_is_not_forgotten),
	    TEST(a_conn_goes_on_with_another_owner),
	    TEST(last_words_and_the_end_come_through),
	    TEST(a_bare_end_is_an_end),
	    TEST(plain_http_is_told_so),
	    TEST(a_plain_hello_is_told_so),
	    TEST(garbage_is_the_end),
	    TEST(silence_is_ended_by_the_deadline),
	    TEST(who_comes_and_goes_is_not_counted),
	    TEST(a_wrong_name_is_not_trusted),
	    TEST(a_name_may_be_an_address),
	    TEST(a_stranger_is_not_trusted),
	    TEST(a_client_without_certificate_is_refused),
	    TEST(a_client_of_another_ca_is_refused),
	    TEST(a_good_certificate_is_known_by_its_hash),
	    TEST(protocols_are_agreed_on),
	    TEST(other_protocols_are_refused),
	    TEST(no_protocol_is_refused_where_one_is_required),
	    TEST(new_credentials_are_for_new_connections),
	    TEST(single_bytes_are_enough),
	    TEST(a_broken_record_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
