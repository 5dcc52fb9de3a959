/* SPDX-License-Identifier: MIT */
/* A listening socket on the loopback that a test plays a server with, one connection at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fr_test_server {
	int listening, fd; /* fd -1: nobody is connected */
	uint16_t port;
};

void fr_test_server_open(struct fr_test_server *s);
void fr_test_server_close(struct fr_test_server *s);

/** Closes the connection, so that the next one is taken. */
void fr_test_server_drop(struct fr_test_server *s);

/** For fr_test_until(): somebody is connected. */
bool fr_test_server_has_one(void *arg);

/** For fr_test_until(): whoever was connected has closed; then it is dropped. What comes before is forgotten. */
bool fr_test_server_was_left(void *arg);

/** Sends bytes; they fit into the kernel's buffers. */
void fr_test_server_send(const struct fr_test_server *s, const void *bytes, size_t size);
