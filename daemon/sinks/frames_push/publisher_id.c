/* SPDX-License-Identifier: MIT */
#include "daemon/sinks/frames_push/publisher_id.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <sys/random.h>

#include "common/base/clock.h"

/* SipHash-2-4: a keyed hash for short texts. Source: Aumasson, Bernstein 2012, sections 2 and 3. */
struct sip {
	uint64_t v[4];
};

static uint64_t rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static void rounds(struct sip *s, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		s->v[0] += s->v[1];
		s->v[2] += s->v[3];
		s->v[1] = rotate(s->v[1], 13) ^ s->v[0];
		s->v[3] = rotate(s->v[3], 16) ^ s->v[2];
		s->v[0] = rotate(s->v[0], 32);
		s->v[2] += s->v[1];
		s->v[0] += s->v[3];
		s->v[1] = rotate(s->v[1], 17) ^ s->v[2];
		s->v[3] = rotate(s->v[3], 21) ^ s->v[0];
		s->v[2] = rotate(s->v[2], 32);
	}
}

static void take(struct sip *s, uint64_t word)
{
	s->v[3] ^= word;
	rounds(s, 2);
	s->v[0] ^= word;
}

static uint64_t hash(const uint64_t key[2], const char *text, uint8_t salt)
{
	const size_t length = strlen(text);
	struct sip s = {{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d,
	    key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573}};
	uint64_t word = salt;
	unsigned bytes = 1; /* of the word that are there */

	for (size_t i = 0; i < length; i++) {
		word |= (uint64_t)(uint8_t)text[i] << (8 * bytes);
		if (++bytes < 8)
			continue;
		take(&s, word);
		word = 0;
		bytes = 0;
	}
	take(&s, word | (uint64_t)(length + 1) << 56);
	s.v[2] ^= 0xff;
	rounds(&s, 4);
	return s.v[0] ^ s.v[1] ^ s.v[2] ^ s.v[3];
}

/* @return whether the machine has an id */
static bool machine_key(uint64_t ret[2])
{
	FILE *file = fopen("/etc/machine-id", "re");
	bool is_good;

	if (file == NULL)
		return false;
	is_good = fscanf(file, "%16" SCNx64 "%16" SCNx64, &ret[0], &ret[1]) == 2;
	(void)fclose(file);
	return is_good && (ret[0] | ret[1]) != 0;
}

void fr_publisher_id(const char *stream, char ret[FR_PUBLISHER_ID_CHARS + 1])
{
	uint64_t key[2];

	if (!machine_key(key) &&
	    getrandom(key, sizeof(key), GRND_NONBLOCK) != (ssize_t)sizeof(key)) {
		/* Early at boot: good enough to tell two publishers apart. */
		key[0] = (uint64_t)fr_clock_real_us();
		key[1] = (uint64_t)fr_clock_now_us();
	}
	(void)snprintf(ret, FR_PUBLISHER_ID_CHARS + 1, "%016" PRIx64 "%016" PRIx64,
	    hash(key, stream, 1), hash(key, stream, 2));
}
