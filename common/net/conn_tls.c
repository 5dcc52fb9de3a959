/* SPDX-License-Identifier: MIT */
/*
 * TLS inside a conn: the handshake, then records of 16 KiB straight from the frame that all viewers share.
 *
 *   LOOKING ──► SHAKING ──► OPEN
 *      └───────────┴─────────┴──► OVER
 *
 * OpenSSL keeps a record that the socket did not take whole; it must be given the same bytes again, so the conn counts a
 * record as sent when all of it is with the kernel.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "common/base/clock.h"
#include "common/base/hot.h"
#include "common/base/log.h"
#include "common/base/stats.h"
#include "common/base/xalloc.h"
#include "common/net/conn_parts.h"
#include "common/net/tls.h"

enum {
	RECORD = 16 * 1024,  /* the largest, RFC 8446 5.1 */
	JOINED = 4 * 1024,   /* a short head gets so much of its picture into its record */
	RECORDS_A_READ = 64, /* a record may be one byte: the others have their turn between */
	FIRST_BYTES = 4,
	HANDSHAKE_TYPE = 0x16, /* RFC 8446 5.1: what a ClientHello begins with */
	CERTIFICATE_BYTES = 32,
};

enum state {
	LOOKING, /* a server waits for the first bytes; guarded by the deadline */
	SHAKING, /* guarded by the deadline */
	OPEN,
	OVER, /* failed: OpenSSL must not be asked again */
};

struct fr_conn_tls {
	SSL *ssl;
	enum state state;
	bool lingers;          /* the handshake failed, and the peer is told */
	bool read_waits_write; /* OpenSSL has to write before it can read on, */
	bool write_waits_read; /* or the other way round */
	bool has_more; /* something was decrypted and not read yet, or `kept` is to be told */
	bool has_kept;
	ssize_t kept;       /* what fr_conn_tls_read() says next: an end that came behind bytes */
	size_t pending;     /* bytes of the record that the socket has not taken whole; 0: none */
	struct event again; /* has_more: the poller does not know of it */
	struct event deadline;
	const char *area;
	bool has_certificate;
	uint8_t certificate[CERTIFICATE_BYTES];
	char why[200];
};

/* --- The end ---------------------------------------------------------------------------------- */

/* What the peer should be told has been said: by an alert or in plain words. */
static void note_rejected(const struct fr_conn *conn, enum fr_reason reason)
{
	const struct fr_conn_tls *t = conn->tls;
	char host[FR_ADDR_TEXT_MAX], key[FR_ADDR_TEXT_MAX + 64];
	struct fr_log_text room;

	if (t->area == NULL)
		return;
	fr_stat_rejected(t->area, reason);
	fr_addr_print_host(&conn->peer, host);
	(void)snprintf(key, sizeof(key), "%s %s", fr_reason_name(reason), host);
	fr_log_limited(FR_LOG_WARNING, t->area, "rejected", key,
	    "reason=%s peer=%s action=close why=%s", fr_reason_name(reason), host,
	    fr_log_quote(&room, t->why));
}

/* Nothing more goes either way. */
static void be_over(struct fr_conn *conn)
{
	conn->tls->state = OVER;
	conn->gone = conn->tls->why;
	fr_conn_tls_stop(conn);
	(void)event_del(&conn->writable);
}

/* The handshake is not to be. From the loop only. */
static void fail(struct fr_conn *conn)
{
	be_over(conn);
	conn->ops->on_gone(conn->arg, conn->gone);
}

static void refuse(struct fr_conn *conn, enum fr_reason reason)
{
	note_rejected(conn, reason);
	conn->tls->lingers = true;
	fail(conn);
}

/* OpenSSL's last error as a sentence. */
static void note_why(struct fr_conn *conn, int error)
{
	struct fr_conn_tls *t = conn->tls;
	const long verified = SSL_get_verify_result(t->ssl);
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	if (error == SSL_ERROR_SYSCALL && errno != 0)
		reason = fr_conn_error_text(errno);
	else if (error != SSL_ERROR_SSL || reason == NULL)
		reason = "the peer closed";
	if (error == SSL_ERROR_SSL &&
	    ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_CALLBACK_FAILED)
		reason = "no protocol is named that is spoken here (ALPN)";
	if (error == SSL_ERROR_SSL && verified != X509_V_OK)
		(void)snprintf(t->why, sizeof(t->why), "the peer's certificate is not trusted: %s",
		    X509_verify_cert_error_string(verified));
	else
		(void)snprintf(t->why, sizeof(t->why), "%s%s",
		    t->state != OPEN         ? "the TLS handshake failed: "
		    : error == SSL_ERROR_SSL ? "TLS: "
		                             : "",
		    reason);
	ERR_clear_error();
}

/* --- The handshake ---------------------------------------------------------------------------- */

/* In plain words to who speaks plainly; others get OpenSSL's alert. @return whether it was */
static bool answer_plain(struct fr_conn *conn, const uint8_t *first, size_t size)
{
	static const char line[] = "ERR 400 this port speaks TLS\n";
	static const char page[] =
	    "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 28\r\n"
	    "Connection: close\r\n\r\nthis is an HTTPS port: TLS.\n";
	const bool is_hello =
	    size >= 3 && (memcmp(first, "PUB", 3) == 0 || memcmp(first, "SUB", 3) == 0 ||
	                     memcmp(first, "LIS", 3) == 0);
	const char *answer = is_hello ? line : page;

	if (first[0] < 'A' || first[0] > 'Z')
		return false;
	(void)!send(conn->fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)snprintf(conn->tls->why, sizeof(conn->tls->why), "%s on a port that speaks TLS",
	    is_hello ? "a plain hello" : "plain HTTP");
	return true;
}

/* A server looks at the first bytes before OpenSSL does. @return whether they begin a handshake */
static bool look(struct fr_conn *conn)
{
	struct fr_conn_tls *t = conn->tls;
	uint8_t first[FIRST_BYTES];
	const ssize_t n = recv(conn->fd, first, sizeof(first), MSG_PEEK | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) { /* it came and went: nobody's fault */
		(void)snprintf(t->why, sizeof(t->why), "%s",
		    n < 0 ? fr_conn_error_text(errno) : "the peer closed");
		fail(conn);
		return false;
	}
	if (first[0] != HANDSHAKE_TYPE && answer_plain(conn, first, (size_t)n)) {
		refuse(conn, FR_REASON_tls_error);
		return false;
	}
	t->state = SHAKING;
	return true;
}

static void note_certificate(struct fr_conn_tls *t)
{
	const X509 *peer = SSL_get0_peer_certificate(t->ssl);
	unsigned size = sizeof(t->certificate);

	if (peer != NULL && SSL_get_verify_result(t->ssl) == X509_V_OK)
		t->has_certificate = X509_digest(peer, EVP_sha256(), t->certificate, &size) == 1;
}

/* What had to wait goes on: the conn's bytes, and the owner's pause. */
static void open_up(struct fr_conn *conn)
{
	struct fr_conn_tls *t = conn->tls;

	t->state = OPEN;
	(void)event_del(&t->deadline);
	(void)event_del(&conn->writable);
	note_certificate(t);
	if (conn->paused)
		(void)event_del(&conn->readable);
	conn->progress_us = fr_clock_now_us();
	if (!fr_conn_is_idle(conn))
		(void)fr_conn_wait_writable(conn);
}

static void shake(struct fr_conn *conn)
{
	struct fr_conn_tls *t = conn->tls;
	int r;

	if (t->state == LOOKING && !look(conn))
		return;
	ERR_clear_error();
	errno = 0;
	r = SSL_do_handshake(t->ssl);
	if (r == 1) {
		open_up(conn);
		return;
	}
	r = SSL_get_error(t->ssl, r);
	if (r == SSL_ERROR_WANT_READ) {
		(void)event_del(&conn->writable);
	} else if (r == SSL_ERROR_WANT_WRITE) {
		(void)event_add(&conn->writable, NULL); /* else the deadline ends it */
	} else {
		note_why(conn, r);
		refuse(conn, FR_REASON_tls_error);
	}
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct fr_conn *conn = arg;

	(void)fd;
	(void)what;
	(void)snprintf(
	    conn->tls->why, sizeof(conn->tls->why), "the TLS handshake was not over in time");
	refuse(conn, FR_REASON_tls_timeout);
}

/* --- In --------------------------------------------------------------------------------------- */

static void look_again(struct fr_conn *conn)
{
	static const struct timeval at_once = {0};

	(void)event_add(&conn->tls->again, &at_once);
}

void fr_conn_tls_on_readable(struct fr_conn *conn)
{
	struct fr_conn_tls *t = conn->tls;

	if (t->state == LOOKING || t->state == SHAKING) {
		shake(conn);
		return;
	}
	if (t->write_waits_read) {
		t->write_waits_read = false;
		if (!fr_conn_is_idle(conn))
			(void)fr_conn_wait_writable(conn);
	}
	t->has_more = false;
	conn->ops->on_readable(conn->arg);
	/* Here and not in the read: an owner may read as often as he likes. */
	if (conn->fd >= 0 && t->has_more && !conn->paused)
		look_again(conn);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct fr_conn *conn = arg;

	(void)fd;
	(void)what;
	if (!conn->paused && conn->tls->has_more)
		fr_conn_tls_on_readable(conn);
}

void fr_conn_tls_resume(struct fr_conn *conn)
{
	if (conn->tls->has_more)
		look_again(conn);
}

/* @return -EAGAIN, 0 or -errno: as fr_conn_read() says it */
static ssize_t read_result(struct fr_conn *conn, int r)
{
	struct fr_conn_tls *t = conn->tls;

	r = SSL_get_error(t->ssl, r);
	switch (r) {
	case SSL_ERROR_WANT_READ:
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		t->read_waits_write = true;
		(void)event_add(&conn->writable, NULL);
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		if (errno == 0)
			return 0;
		r = errno;
		t->state = OVER;
		return -r;
	default:
		note_why(conn, r);
		note_rejected(conn, FR_REASON_tls_error);
		t->state = OVER;
		conn->gone = t->why;
		return -EPROTO;
	}
}

ssize_t fr_conn_tls_read(struct fr_conn *conn, const struct iovec *iov, int count)
{
	struct fr_conn_tls *t = conn->tls;
	ssize_t result = -EAGAIN;
	size_t total = 0, n;
	unsigned records = 0;
	int r = 1;

	t->has_more = false;
	if (t->has_kept) {
		t->has_kept = false;
		return t->kept;
	}
	if (t->state != OPEN)
		return t->state == OVER ? -EPROTO : -EAGAIN;
	for (int i = 0; i < count && r == 1; i++)
		for (size_t at = 0; at < iov[i].iov_len && r == 1 && records < RECORDS_A_READ;
		     at += n) {
			records++;
			n = 0;
			ERR_clear_error();
			errno = 0;
			r = SSL_read_ex(
			    t->ssl, (uint8_t *)iov[i].iov_base + at, iov[i].iov_len - at, &n);
			total += n;
		}
	if (r == 1) {
		t->has_more = SSL_pending(t->ssl) > 0;
		return (ssize_t)total;
	}
	result = read_result(conn, r);
	if (total == 0)
		return result;
	if (result != -EAGAIN) {
		t->has_kept = t->has_more = true;
		t->kept = result;
	}
	return (ssize_t)total;
}

/* --- Out -------------------------------------------------------------------------------------- */

bool fr_conn_tls_may_write(const struct fr_conn *conn)
{
	return conn->tls->state == OPEN && !conn->tls->write_waits_read;
}

bool fr_conn_tls_on_writable(struct fr_conn *conn)
{
	struct fr_conn_tls *t = conn->tls;

	if (t->state == LOOKING || t->state == SHAKING) {
		shake(conn);
		return true;
	}
	if (!t->read_waits_write)
		return false;
	t->read_waits_write = false;
	if (fr_conn_is_idle(conn))
		(void)event_del(&conn->writable);
	t->has_more = true;
	look_again(conn);
	return fr_conn_is_idle(conn);
}

/* Bytes from `at` on, counted over all pieces. */
struct place {
	const struct iovec *iov;
	size_t count, at; /* at: in the first piece */
};

static size_t left_at(const struct place *p)
{
	size_t left = 0;

	for (size_t i = 0; i < p->count; i++)
		left += p->iov[i].iov_len;
	return left - p->at;
}

static void advance(struct place *p, size_t n)
{
	p->at += n;
	while (p->count > 0 && p->at >= p->iov->iov_len) {
		p->at -= p->iov->iov_len;
		p->iov++;
		p->count--;
	}
}

/*
 * How much goes into the next record. A head's few bytes share theirs with the beginning of the picture, and what is left
 * of a picture with its tail; all else is encrypted from where it lies.
 */
FR_HOT static size_t record_size(const struct fr_conn_tls *t, const struct place *p)
{
	const size_t here = p->iov->iov_len - p->at, left = left_at(p);

	if (t->pending != 0)
		return t->pending;
	if (left <= RECORD)
		return left;
	if (here < JOINED)
		return JOINED;
	return here < RECORD ? here : RECORD;
}

/* @return the bytes as one piece, in `room` unless they are one already */
FR_HOT static const uint8_t *join(const struct place *p, size_t size, uint8_t room[RECORD])
{
	struct place from = *p;
	size_t done = 0;

	if (p->iov->iov_len - p->at >= size)
		return (const uint8_t *)p->iov->iov_base + p->at;
	while (done < size) {
		size_t n = from.iov->iov_len - from.at;

		n = n < size - done ? n : size - done;
		memcpy(room + done, (const uint8_t *)from.iov->iov_base + from.at, n);
		done += n;
		advance(&from, n);
	}
	return room;
}

/* @return false: the socket is full, or there is an error */
static bool note_write(struct fr_conn *conn, int r, size_t size)
{
	struct fr_conn_tls *t = conn->tls;

	r = SSL_get_error(t->ssl, r);
	if (r == SSL_ERROR_WANT_WRITE || r == SSL_ERROR_WANT_READ) {
		t->pending = size;
		t->write_waits_read = r == SSL_ERROR_WANT_READ;
		if (t->write_waits_read)
			(void)event_del(&conn->writable);
		return true;
	}
	note_why(conn, r);
	be_over(conn);
	return false;
}

FR_HOT ssize_t fr_conn_tls_send(struct fr_conn *conn, const struct iovec *iov, size_t count)
{
	struct fr_conn_tls *t = conn->tls;
	struct place p = {iov, count, 0};
	uint8_t room[RECORD];
	size_t taken = 0, size, n;
	uint64_t before;
	int r = 1;

	if (t->state == OVER) {
		conn->gone = t->why;
		return -1;
	}
	if (t->state != OPEN || t->write_waits_read)
		return 0;
	before = BIO_number_written(SSL_get_wbio(t->ssl));
	while (p.count > 0 && r == 1) {
		size = record_size(t, &p);
		ERR_clear_error();
		errno = 0;
		r = SSL_write_ex(t->ssl, join(&p, size, room), size, &n);
		if (r == 1) {
			t->pending = 0;
			taken += n;
			advance(&p, n);
		} else if (!note_write(conn, r, size)) {
			return -1;
		}
	}
	if (BIO_number_written(SSL_get_wbio(t->ssl)) != before)
		conn->progress_us = fr_clock_now_us();
	return (ssize_t)taken;
}

void fr_conn_tls_say_end(struct fr_conn *conn)
{
	struct fr_conn_tls *t = conn->tls;

	if (t->state != OPEN || (SSL_get_shutdown(t->ssl) & SSL_SENT_SHUTDOWN) != 0)
		return;
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl);
	ERR_clear_error();
}

/* --- Life ------------------------------------------------------------------------------------- */

bool fr_conn_tls_is_open(const struct fr_conn *conn)
{
	return conn->tls->state == OPEN || conn->tls->state == OVER;
}

bool fr_conn_tls_lingers(const struct fr_conn *conn)
{
	return conn->tls->lingers;
}

const uint8_t *fr_conn_certificate(const struct fr_conn *conn)
{
	return conn->tls != NULL && conn->tls->has_certificate ? conn->tls->certificate : NULL;
}

/* A name, or an address as text: whom the other end's certificate must name. */
static bool set_host(SSL *ssl, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);

	if (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1)
		return true;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 &&
	       SSL_set_tlsext_host_name(ssl, host) == 1;
}

static bool prepare(struct fr_conn_tls *t, int fd, const struct fr_conn_tls_options *options)
{
	const struct fr_tls_protocols *protocols = options->protocols;

	t->ssl = SSL_new(fr_tls_context(options->tls));
	if (t->ssl == NULL || SSL_set_fd(t->ssl, fd) != 1)
		return false;
	if (options->host == NULL) {
		SSL_set_accept_state(t->ssl);
		if (options->is_ticketless && SSL_set_num_tickets(t->ssl, 0) != 1)
			return false;
		/* The callbacks only read it. */
		return SSL_set_app_data(t->ssl, (void *)(uintptr_t)protocols) == 1;
	}
	SSL_set_connect_state(t->ssl);
	/* SSL_set_alpn_protos() gives 0 for good. */
	return set_host(t->ssl, options->host) &&
	       (protocols == NULL || SSL_set_alpn_protos(t->ssl, (const uint8_t *)protocols->list,
	                                 (unsigned)strlen(protocols->list)) == 0);
}

void fr_conn_tls_begin(struct fr_conn *conn, const struct fr_conn_tls_options *options)
{
	const struct timeval wait = {
	    .tv_sec = options->handshake_ms / 1000, .tv_usec = options->handshake_ms % 1000 * 1000};
	struct fr_conn_tls *t = conn->tls = fr_xcalloc(1, sizeof(*t));

	t->area = options->area;
	t->state = options->host == NULL ? LOOKING : SHAKING;
	(void)evtimer_assign(&t->again, fr_loop_base(conn->loop), on_again, conn);
	(void)evtimer_assign(&t->deadline, fr_loop_base(conn->loop), on_deadline, conn);
	if (!prepare(t, conn->fd, options)) {
		(void)snprintf(
		    t->why, sizeof(t->why), "TLS does not start: no memory, or no name to ask for");
		t->state = OVER;
		conn->gone = t->why;
		event_active(&conn->writable, EV_WRITE, 0);
		return;
	}
	if (options->handshake_ms != 0)
		(void)evtimer_add(&t->deadline, &wait);
	if (options->host != NULL)
		(void)event_add(&conn->writable, NULL); /* the first word is ours */
}

void fr_conn_tls_stop(struct fr_conn *conn)
{
	(void)event_del(&conn->tls->again);
	(void)event_del(&conn->tls->deadline);
}

void fr_conn_tls_free(struct fr_conn *conn)
{
	SSL_free(conn->tls->ssl);
	free(conn->tls);
}
