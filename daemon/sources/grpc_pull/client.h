/* SPDX-License-Identifier: MIT */
/*
 * The client's side of MainServer/getStream: HTTP/2 and one call at a time. No sockets, no clock.
 *
 * Bytes of the server go in by fr_grpc_client_take(), bytes for it come out by fr_grpc_client_give(). A reply is base64
 * or a raw JPEG; a server may give one a request, go on without end, or end the call after each. What goes wrong ends
 * it for good: fr_grpc_client_down() says why.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_grpc_client;

enum {
	FR_GRPC_CLIENT_MSG_MAX = 200, /* bytes of a request's text */
};

/** A plain value; borrowed for the call. */
struct fr_grpc_client_spec {
	const char *authority; /* HOST:PORT */
	const char *msg;       /* the text of each request, at most FR_GRPC_CLIENT_MSG_MAX bytes */
	int64_t picture_bytes; /* of the largest picture that is taken; 0: any */
	/**
	 * A picture, or what was sent for one, 1 byte or more, valid during the call. It may call fr_grpc_client_fail() and no
	 * other of these functions.
	 */
	void (*on_picture)(void *arg, const uint8_t *bytes, size_t size);
};

/** @return never NULL */
struct fr_grpc_client *fr_grpc_client_new(const struct fr_grpc_client_spec *spec, void *arg);

/** Not from inside on_picture(). NULL is fine. */
void fr_grpc_client_free(struct fr_grpc_client *c);

/** @return whether the next request may be made: at the start, after each reply, when a call has ended */
bool fr_grpc_client_is_due(const struct fr_grpc_client *c);

/** Makes a request, on the call under way or a new one. */
void fr_grpc_client_ask(struct fr_grpc_client *c);

/** Takes what the server has sent, cut anywhere. */
void fr_grpc_client_take(struct fr_grpc_client *c, const uint8_t *bytes, size_t size);

/** @return how many bytes are to be sent now; *ret is valid until the next call. 0: none */
size_t fr_grpc_client_give(struct fr_grpc_client *c, const uint8_t **ret);

/** Ends it, for this; the first reason stays. */
__attribute__((format(printf, 2, 3))) void fr_grpc_client_fail(
    struct fr_grpc_client *c, const char *fmt, ...);

/** @return why it is over, valid as long as it; NULL: it is not */
const char *fr_grpc_client_down(const struct fr_grpc_client *c);
