/* SPDX-License-Identifier: MIT */
/* A request becomes a WebSocket: RFC 6455 4.2. Host and Origin were looked at before, as of every request. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/log.h"
#include "daemon/doors/http/ws.h"

/* @return false: refused */
static bool shake_hands(struct http_peer *p, char accept[FR_WEBSOCKET_ACCEPT_CHARS + 1])
{
	const struct fr_http_request *r = fr_http_head_request(p->head);
	const char *version = fr_http_head_field(p->head, "sec-websocket-version");
	const char *key = fr_http_head_field(p->head, "sec-websocket-key");

	if (r->body != FR_HTTP_NO_BODY)
		p->closes = true; /* nobody reads it */
	if (!fr_http_head_lists(p->head, "upgrade", "websocket"))
		fr_http_fail(
		    p, 426, FR_REASON_ws_handshake, "here is a WebSocket, and no other answer");
	else if (r->minor == 0 || r->body != FR_HTTP_NO_BODY ||
	         !fr_http_head_lists(p->head, "connection", "upgrade"))
		fr_http_fail(p, 400, FR_REASON_ws_handshake,
		    "a WebSocket begins with HTTP/1.1, Connection: Upgrade and no body");
	else if (version == NULL || strcmp(version, "13") != 0)
		fr_http_fail(p, 426, FR_REASON_ws_handshake, "Sec-WebSocket-Version must be 13");
	else if (key == NULL || !fr_websocket_accept(key, accept))
		fr_http_fail(
		    p, 400, FR_REASON_ws_handshake, "Sec-WebSocket-Key must be 16 bytes in base64");
	else
		return true;
	return false;
}

/* @return false: the peer is gone */
static bool switch_protocols(struct http_peer *p, const char *accept)
{
	char text[160];
	const int n = snprintf(text, sizeof(text),
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	    "Sec-WebSocket-Accept: %s\r\n\r\n",
	    accept);

	if (fr_conn_put(p->conn, text, (size_t)n) != FR_SEND_GONE)
		return true;
	fr_http_peer_drop(p, "the peer closed");
	return false;
}

void fr_http_ws(struct http_peer *p, bool is_many)
{
	char accept[FR_WEBSOCKET_ACCEPT_CHARS + 1], addr[FR_ADDR_TEXT_MAX];
	struct fr_refusal refusal;
	struct fr_stream_info info;
	struct http_query query;

	if (!shake_hands(p, accept) || (!is_many && !fr_http_watch_prepare(p, &query, &info)))
		return;
	p->ws = fr_http_ws_new(p, is_many);
	if (!is_many && fr_http_ws_add(p->ws, &query, 0, false, &refusal) == NULL) {
		fr_http_ws_free(p->ws);
		p->ws = NULL;
		fr_http_refuse(p, &refusal, true);
		return;
	}
	fr_http_peer_enter(p, HTTP_SOCKET, 0);
	fr_conn_set_user_timeout(p->conn, p->door->env.limits->tcp_user_timeout_ms);
	fr_log(FR_LOG_INFO, "http", is_many ? "socket opened" : "subscriber connected",
	    "peer=%s stream=%s id=%llu kind=ws", fr_addr_print(fr_conn_peer(p->conn), addr),
	    is_many ? "-" : p->stream, (unsigned long long)p->id);
	fr_http_head_free(p->head); /* there is no request after this one */
	p->head = NULL;
	if (switch_protocols(p, accept))
		fr_http_ws_continue(p->ws);
}
