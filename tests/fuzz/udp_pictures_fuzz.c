/* SPDX-License-Identifier: MIT */
/*
 * Addresses, datagrams and time: the books of every sender balance, nothing is held beyond the limits, nobody gets more
 * than was paid for, and in the end every sender goes.
 *
 * Each step is a byte of command (2 bits port, 2 bits host, 4 bits kind), a byte of size, and for some its bytes.
 */
#include <assert.h>
#include <endian.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/limits.h"
#include "common/media/frame.h"
#include "common/media/udp_pictures.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	MAX = 9000,
	BYTES = 65536,
	SENDERS = 6,
	HOSTS = 4,
	PORTS = 4,
};

struct seat {
	bool known, in_picture;
	size_t sent, answered; /* bytes */
};

struct run {
	struct seat seats[HOSTS][PORTS];
};

static struct seat *seat(struct run *run, const struct fr_udp_sender *sender)
{
	const struct fr_addr *addr = fr_udp_sender_addr(sender);

	return &run->seats[addr->bytes[3]][addr->port];
}

static void pay(struct run *run, struct fr_udp_sender *sender)
{
	struct seat *s = seat(run, sender);

	if (fr_udp_sender_pays(sender))
		s->answered += FR_UDP_ACK_BYTES;
	assert(s->answered <= s->sent);
}

static void on_begin(void *arg, struct fr_udp_sender *sender)
{
	struct seat *s = seat(arg, sender);

	assert(!s->in_picture);
	s->in_picture = true;
	if (fr_udp_sender_addr(sender)->port % 2 != 0)
		fr_udp_sender_set_owner(sender, s);
}

static void on_picture(void *arg, struct fr_udp_sender *sender, struct fr_frame *frame, size_t size)
{
	struct seat *s = seat(arg, sender);
	volatile uint8_t sum = 0;

	assert(s->in_picture && size > 0 && size <= MAX);
	for (size_t i = 0; i < size; i++)
		sum = (uint8_t)(sum + fr_frame_room(frame)[i]); /* all of it was written */
	s->in_picture = false;
	fr_frame_unref(frame);
	pay(arg, sender);
}

static void on_lost(
    void *arg, struct fr_udp_sender *sender, enum fr_reason reason, size_t got, size_t missing)
{
	struct seat *s = seat(arg, sender);

	assert(s->in_picture && missing > 0 && got + missing <= MAX && reason < FR_REASON_COUNT);
	s->in_picture = false;
}

static void on_waiting(void *arg, struct fr_udp_sender *sender)
{
	assert(!seat(arg, sender)->in_picture);
	pay(arg, sender);
}

static void on_gone(void *arg, struct fr_udp_sender *sender)
{
	assert(!seat(arg, sender)->in_picture);
}

static size_t payload(uint8_t kind, uint8_t much, const uint8_t *data, size_t size, uint8_t *to)
{
	const uint64_t wide = htole64((uint64_t)much * 37);
	const uint32_t narrow = htole32((uint32_t)much * 37);
	size_t n = kind < 8 ? (size_t)much * 4 + kind % 4 : much;

	if (kind < 2) {
		memcpy(to, &wide, sizeof(wide));
		return sizeof(wide);
	}
	if (kind < 4) {
		memcpy(to, &narrow, sizeof(narrow));
		return sizeof(narrow);
	}
	if (kind < 6)
		n = 1024;
	for (size_t i = 0; i < n; i++)
		to[i] = size != 0 ? data[i % size] : 0;
	if (kind == 7 && n >= 4) {
		memcpy(to, "\xff\xd8", 2);
		memcpy(to + n - 2, "\xff\xd9", 2);
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct fr_udp_ops ops = {on_begin, on_picture, on_lost, on_waiting, on_gone};
	static struct fr_limits
	    limits; /* read from their rows once: that takes longer than an input */
	struct fr_frame_pool *pool = fr_frame_pool_new(0);
	struct run run = {0};
	const struct fr_addr to = {.kind = FR_ADDR_IPV4, .port = 9999};
	struct fr_udp_pictures *pictures;
	enum fr_reason reason;
	uint8_t bytes[2048];
	int64_t now_us = 1, due_us;
	size_t held;

	if (limits.max_frame_bytes != MAX)
		limits = fr_limits_default();
	limits.max_frame_bytes = MAX;
	limits.udp_senders = SENDERS;
	limits.udp_senders_per_address = 3;
	limits.udp_bytes = BYTES;
	pictures = fr_udp_pictures_new(pool, &limits, &ops, &run);
	for (size_t i = 0; i + 2 <= size; i += 2) {
		const struct fr_addr from = {.kind = FR_ADDR_IPV4,
		    .port = data[i] & 3,
		    .bytes = {10, 0, 0, data[i] >> 2 & 3}};
		const uint8_t kind = data[i] >> 4;
		uint8_t *copy;
		size_t n;

		if (kind == 15) {
			now_us += (int64_t)data[i + 1] * 20000;
			due_us = fr_udp_pictures_tick(pictures, now_us);
			assert(due_us > now_us);
			continue;
		}
		n = payload(kind, data[i + 1], data + i + 2, size - i - 2, bytes);
		copy = malloc(n + (n == 0)); /* of just this size, to be caught beyond it */
		memcpy(copy, bytes, n);
		run.seats[from.bytes[3]][from.port].sent += n;
		(void)fr_udp_pictures_take(pictures, &from, &to, copy, n, now_us, &reason);
		free(copy);
		assert(fr_udp_pictures_senders(pictures, &held) <= SENDERS);
		assert(held <= BYTES + BYTES / 4);
	}
	(void)fr_udp_pictures_tick(pictures, now_us + INT64_C(3600000000));
	(void)fr_udp_pictures_tick(pictures, now_us + INT64_C(7200000000));
	assert(fr_udp_pictures_senders(pictures, &held) == 0 && held == 0);
	fr_udp_pictures_free(pictures);
	assert(fr_frame_pool_frames(pool) == 0);
	fr_frame_pool_free(pool);
	return 0;
}
