/* SPDX-License-Identifier: MIT */
#include "common/media/udp_pictures.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <sys/queue.h>

#include "common/base/limits.h"
#include "common/base/xalloc.h"
#include "common/media/frame.h"

enum {
	FIRST_BYTES = 16 * 1024, /* reserved for a picture of which nothing has come */
	SENDERS_HARD = 4096,     /* where udp_senders says no limit */
	SECOND_US = 1000 * 1000,
};

const char fr_udp_ack[FR_UDP_ACK_BYTES + 1] = "get message!!!";

struct fr_udp_sender {
	TAILQ_ENTRY(fr_udp_sender) entry;
	struct fr_addr addr, to;
	struct fr_addr_key key;
	void *owner;
	int64_t last_us;   /* when it sent last */
	int64_t begun_us;  /* when the picture under way began */
	int64_t rate_us;   /* when the second of `rate` began */
	int64_t rate;      /* datagrams in it */
	size_t total, got; /* bytes of the picture under way; total 0: none is */
	size_t usual;      /* bytes of the last whole one */
	size_t credit;     /* bytes of data since the last answer */
	bool is_astray; /* pieces came that belong to no picture: it waits for an answer in vain */
	bool was_whole; /* it has sent a whole picture */
	struct fr_frame *frame; /* NULL: nothing of it has come */
};

TAILQ_HEAD(senders, fr_udp_sender);

struct fr_udp_pictures {
	struct fr_frame_pool *pool;
	const struct fr_limits *limits;
	const struct fr_udp_ops *ops;
	void *arg;
	struct senders senders; /* the longest silent first */
	size_t count, bytes;
};

/* --- A picture under way ---------------------------------------------------------------------- */

static void let_go(struct fr_udp_pictures *p, struct fr_udp_sender *s)
{
	if (s->frame != NULL)
		p->bytes -= fr_frame_capacity(s->frame);
	s->frame = NULL;
	s->total = 0;
	s->got = 0;
}

static void give_up(struct fr_udp_pictures *p, struct fr_udp_sender *s, enum fr_reason reason)
{
	const size_t got = s->got, missing = s->total - s->got;
	struct fr_frame *frame = s->frame;

	let_go(p, s);
	fr_frame_unref(frame);
	p->ops->on_lost(p->arg, s, reason, got, missing);
}

static void forget(struct fr_udp_pictures *p, struct fr_udp_sender *s, enum fr_reason reason)
{
	if (s->total != 0)
		give_up(p, s, reason);
	p->ops->on_gone(p->arg, s);
	TAILQ_REMOVE(&p->senders, s, entry);
	p->count--;
	free(s);
}

/* The longest silent of those that hold memory gives it up. @return false: nobody else holds any */
static bool take_from_another(struct fr_udp_pictures *p, const struct fr_udp_sender *but)
{
	struct fr_udp_sender *s;

	TAILQ_FOREACH (s, &p->senders, entry)
		if (s != but && s->frame != NULL) {
			give_up(p, s, FR_REASON_memory_budget);
			s->is_astray = true;
			return true;
		}
	return false;
}

/* Makes room for `wanted` bytes of the picture. A header alone reserves little: data has to come for more. */
static bool make_room(struct fr_udp_pictures *p, struct fr_udp_sender *s, size_t wanted)
{
	const size_t most = (size_t)p->limits->udp_bytes;
	size_t held = s->frame != NULL ? fr_frame_capacity(s->frame) : 0;
	size_t capacity = held != 0 ? held * 2 : s->usual + s->usual / 8 + FIRST_BYTES;

	if (wanted <= held)
		return true;
	if (capacity < wanted)
		capacity = wanted;
	if (capacity > s->total)
		capacity = s->total;
	while (most != 0 && p->bytes - held + capacity > most)
		if (!take_from_another(p, s))
			return false;
	p->bytes -= held;
	if (s->frame == NULL)
		s->frame = fr_frame_begin(p->pool, capacity);
	else if (!fr_frame_grow(s->frame, s->got, capacity))
		capacity = 0;
	p->bytes += s->frame != NULL ? fr_frame_capacity(s->frame) : 0;
	return s->frame != NULL && capacity != 0;
}

static void begin(struct fr_udp_pictures *p, struct fr_udp_sender *s, size_t total, int64_t now_us)
{
	if (s->total != 0)
		give_up(p, s, FR_REASON_udp_incomplete);
	s->total = total;
	s->begun_us = now_us;
	s->is_astray = false;
	p->ops->on_begin(p->arg, s);
}

static void add(struct fr_udp_pictures *p, struct fr_udp_sender *s, const uint8_t *bytes, size_t n)
{
	struct fr_frame *frame;
	size_t size;

	if (!make_room(p, s, s->got + n)) {
		give_up(p, s, FR_REASON_memory_budget);
		s->is_astray = true;
		return;
	}
	memcpy(fr_frame_room(s->frame) + s->got, bytes, n);
	s->got += n;
	if (s->got < s->total)
		return;
	frame = s->frame;
	size = s->total;
	let_go(p, s);
	s->usual = size;
	s->was_whole = true;
	p->ops->on_picture(p->arg, s, frame, size);
}

/* --- What a datagram is ----------------------------------------------------------------------- */

/* @return the length that a header says, 0: it is none, or not a valid one */
static size_t header_of(const struct fr_udp_pictures *p, const uint8_t *bytes, size_t size)
{
	const int64_t most = p->limits->max_frame_bytes;
	uint64_t wide;
	uint32_t narrow;

	if (size == sizeof(wide)) {
		memcpy(&wide, bytes, sizeof(wide));
		wide = le64toh(wide);
	} else if (size == sizeof(narrow)) {
		memcpy(&narrow, bytes, sizeof(narrow));
		wide = le32toh(narrow);
		if (wide > INT32_MAX)
			return 0;
	} else {
		return 0;
	}
	return wide > INT32_MAX || (most != 0 && wide > (uint64_t)most) ? 0 : (size_t)wide;
}

static bool is_whole(const uint8_t *bytes, size_t size)
{
	return size >= 4 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[size - 2] == 0xff &&
	       bytes[size - 1] == 0xd9;
}

/* @return whether it was taken */
static bool read_datagram(struct fr_udp_pictures *p, struct fr_udp_sender *s, const uint8_t *bytes,
    size_t size, int64_t now_us)
{
	const int64_t most = p->limits->max_frame_bytes;
	const size_t rest = s->total - s->got;
	const size_t header = header_of(p, bytes, size);

	if (size == 0)
		return true; /* the last one of a picture that is a multiple of 1,024 bytes */
	if (header != 0 && size != rest) {
		begin(p, s, header, now_us);
		return true;
	}
	s->credit += size;
	if (size <= rest && size <= FR_UDP_CHUNK_BYTES) {
		add(p, s, bytes, size);
		return true;
	}
	if (is_whole(bytes, size) && (most == 0 || size <= (size_t)most)) {
		begin(p, s, size, now_us);
		add(p, s, bytes, size);
		return true;
	}
	/* Too much for the picture under way: something came twice. Or the header was lost. */
	if (s->total != 0) {
		give_up(p, s, FR_REASON_udp_incomplete);
		s->is_astray = true;
	}
	if (size == FR_UDP_CHUNK_BYTES)
		s->is_astray = true;
	return false;
}

/* --- Senders ---------------------------------------------------------------------------------- */

/* The latest come first: most often it is the same one again. */
static struct fr_udp_sender *find(const struct fr_udp_pictures *p, const struct fr_addr *from)
{
	struct fr_udp_sender *s;

	TAILQ_FOREACH_REVERSE(s, &p->senders, senders, entry)
	if (s->addr.port == from->port && s->addr.scope == from->scope &&
	    fr_addr_same_host(&s->addr, from))
		return s;
	return NULL;
}

static size_t count_of(const struct fr_udp_pictures *p, const struct fr_addr_key *key)
{
	struct fr_udp_sender *s;
	size_t count = 0;

	TAILQ_FOREACH (s, &p->senders, entry)
		count += memcmp(&s->key, key, sizeof(*key)) == 0;
	return count;
}

static void make_place(struct fr_udp_pictures *p)
{
	struct fr_udp_sender *s;

	TAILQ_FOREACH (s, &p->senders, entry)
		if (!s->was_whole) {
			forget(p, s, FR_REASON_udp_slot_full);
			return;
		}
	forget(p, TAILQ_FIRST(&p->senders), FR_REASON_udp_slot_full);
}

/* @return NULL: no place for one more from this address */
static struct fr_udp_sender *sender_of(struct fr_udp_pictures *p, const struct fr_addr *from)
{
	const size_t each = (size_t)p->limits->udp_senders_per_address;
	const size_t most =
	    p->limits->udp_senders != 0 ? (size_t)p->limits->udp_senders : SENDERS_HARD;
	struct fr_udp_sender *s = find(p, from);
	struct fr_addr_key key;

	if (s != NULL) {
		TAILQ_REMOVE(&p->senders, s, entry);
		TAILQ_INSERT_TAIL(&p->senders, s, entry);
		return s;
	}
	key = fr_addr_key(from);
	if (each != 0 && count_of(p, &key) >= each)
		return NULL;
	while (p->count >= most)
		make_place(p);
	s = fr_xcalloc(1, sizeof(*s));
	s->addr = *from;
	s->key = key;
	TAILQ_INSERT_TAIL(&p->senders, s, entry);
	p->count++;
	return s;
}

static bool is_within_rate(const struct fr_udp_pictures *p, struct fr_udp_sender *s, int64_t now_us)
{
	const int64_t most = p->limits->udp_datagrams_per_second;

	if (s->rate == 0 || now_us - s->rate_us >= SECOND_US) {
		s->rate_us = now_us;
		s->rate = 0;
	}
	return ++s->rate <= most || most == 0;
}

int fr_udp_pictures_take(struct fr_udp_pictures *p, const struct fr_addr *from,
    const struct fr_addr *to, const uint8_t *bytes, size_t size, int64_t now_us,
    enum fr_reason *ret_reason)
{
	struct fr_udp_sender *s = sender_of(p, from);

	if (s == NULL) {
		*ret_reason = FR_REASON_udp_slot_full;
		return -EINVAL;
	}
	s->last_us = now_us;
	s->to = *to;
	if (!is_within_rate(p, s, now_us)) {
		*ret_reason = FR_REASON_rate_limit;
		return -EINVAL;
	}
	if (read_datagram(p, s, bytes, size, now_us))
		return 0;
	*ret_reason = FR_REASON_udp_bad_header;
	return -EINVAL;
}

/* --- Time ------------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When a time that began at `since_us` is over; a limit of 0 never is. */
static int64_t end_of(int64_t since_us, int64_t limit_ms)
{
	return limit_ms != 0 ? since_us + limit_ms * 1000 : INT64_MAX;
}

/* @return when to look at it again; it may be forgotten by now */
static int64_t look_at(struct fr_udp_pictures *p, struct fr_udp_sender *s, int64_t now_us)
{
	const struct fr_limits *limits = p->limits;
	const int64_t silent_us = end_of(s->last_us, limits->udp_gap_ms);
	const int64_t late_us = end_of(s->begun_us, limits->udp_frame_timeout_ms);

	if (s->total != 0 && (now_us >= silent_us || now_us >= late_us)) {
		give_up(p, s, FR_REASON_udp_incomplete);
		s->is_astray = true;
	}
	if (s->is_astray && now_us >= silent_us) {
		s->is_astray = false;
		p->ops->on_waiting(p->arg, s);
	}
	if (s->total != 0)
		return earlier(silent_us, late_us);
	if (s->is_astray)
		return silent_us;
	/* Whoever nobody needs goes as soon as it is silent. */
	if (s->owner != NULL)
		return end_of(s->last_us, limits->stale_after_ms);
	return silent_us;
}

int64_t fr_udp_pictures_tick(struct fr_udp_pictures *p, int64_t now_us)
{
	struct fr_udp_sender *s, *next;
	int64_t due_us = INT64_MAX;

	for (s = TAILQ_FIRST(&p->senders); s != NULL; s = next) {
		const int64_t at_us = look_at(p, s, now_us);

		next = TAILQ_NEXT(s, entry);
		if (at_us <= now_us)
			forget(p, s, FR_REASON_udp_incomplete);
		else
			due_us = earlier(due_us, at_us);
	}
	return due_us;
}

/* --- Life ------------------------------------------------------------------------------------- */

struct fr_udp_pictures *fr_udp_pictures_new(struct fr_frame_pool *pool,
    const struct fr_limits *limits, const struct fr_udp_ops *ops, void *arg)
{
	struct fr_udp_pictures *p = fr_xcalloc(1, sizeof(*p));

	p->pool = pool;
	p->limits = limits;
	p->ops = ops;
	p->arg = arg;
	TAILQ_INIT(&p->senders);
	return p;
}

void fr_udp_pictures_free(struct fr_udp_pictures *p)
{
	if (p == NULL)
		return;
	while (!TAILQ_EMPTY(&p->senders))
		forget(p, TAILQ_FIRST(&p->senders), FR_REASON_shutdown);
	free(p);
}

bool fr_udp_pictures_knows(const struct fr_udp_pictures *p, const struct fr_addr *from)
{
	return find(p, from) != NULL;
}

size_t fr_udp_pictures_senders(const struct fr_udp_pictures *p, size_t *ret_bytes)
{
	*ret_bytes = p->bytes;
	return p->count;
}

bool fr_udp_sender_pays(struct fr_udp_sender *s)
{
	if (s->credit < FR_UDP_ACK_BYTES)
		return false;
	s->credit = 0;
	return true;
}

const struct fr_addr *fr_udp_sender_addr(const struct fr_udp_sender *s)
{
	return &s->addr;
}

const struct fr_addr *fr_udp_sender_to(const struct fr_udp_sender *s)
{
	return &s->to;
}

void fr_udp_sender_set_owner(struct fr_udp_sender *s, void *owner)
{
	s->owner = owner;
}

void *fr_udp_sender_owner(const struct fr_udp_sender *s)
{
	return s->owner;
}
