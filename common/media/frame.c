/* SPDX-License-Identifier: MIT */
/*
 * Frames and their pool.
 *
 * A frame is a small struct and a block of bytes; both are recycled together: blocks are what costs page
 * faults. The four bytes in front of a picture are its plain prefix, so that both leave in one piece.
 */
#include "common/media/frame.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hot.h"
#include "common/base/xalloc.h"

enum {
	SMALLEST_BITS = 8, /* the smallest block has room for 256 bytes */
	STEPS = 4,         /* sizes between two powers of two: at most a quarter is wasted */
	LARGEST_BITS = 27, /* larger ones are not kept */
	CLASSES = (LARGEST_BITS - SMALLEST_BITS) * STEPS + 1,
	NEIGHBOURS = 3, /* classes that may serve for the one that was asked for */
	IDLE_MAX_BYTES = 32 << 20,
};

/*
 * A block: while a picture is received the head's end may hold what came before it; once it is whole the last 4 bytes
 * are the prefix.
 */
struct block {
	uint8_t head[32];
	uint8_t bytes[];
};

static_assert(FR_FRAME_LEAD_BYTES <= 32, "the lead stands right before the bytes");

struct fr_frame_pool {
	atomic_size_t refs; /* the owner and every frame */
	_Atomic int64_t bytes, frames, budget;

	pthread_mutex_t lock; /* guards what follows */
	struct fr_frame *idle[CLASSES];
	size_t idle_bytes;
};

struct fr_frame {
	atomic_uint refs;
	bool finished;
	struct fr_frame_pool *pool;
	struct fr_frame *next; /* while it is idle */
	struct block *block;
	size_t capacity, size;
	struct fr_frame_info info;
	uint8_t record[FR_PREFIX_RECORD_BYTES];
};

/* --- Sizes ------------------------------------------------------------------------------------ */

static size_t size_of_class(unsigned class)
{
	const size_t power = (size_t)1 << (SMALLEST_BITS + class / STEPS);

	return power + power / STEPS * (class % STEPS);
}

/* Gives the first class with room for `capacity`; CLASSES when it is too large for all. */
FR_HOT static unsigned class_of(size_t capacity)
{
	unsigned class;

	if (capacity > size_of_class(CLASSES - 1))
		return CLASSES;
	if (capacity <= size_of_class(0))
		return 0;
	/* The highest bit of capacity - 1 is the power below it. */
	class = (unsigned)(63 - __builtin_clzll(capacity - 1) - SMALLEST_BITS) * STEPS;
	while (size_of_class(class) < capacity)
		class ++;
	return class;
}

FR_HOT static size_t round_up(size_t capacity)
{
	const unsigned class = class_of(capacity);

	return class == CLASSES ? capacity : size_of_class(class);
}

/* --- Blocks ----------------------------------------------------------------------------------- */

static void put_le(uint8_t *to, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> (8 * i));
}

/* Counts `more` bytes (0 or more) if the budget has room for them. */
static bool charge(struct fr_frame_pool *pool, int64_t more)
{
	const int64_t budget = atomic_load(&pool->budget);

	if (atomic_fetch_add(&pool->bytes, more) + more <= budget || budget == 0)
		return true;
	atomic_fetch_sub(&pool->bytes, more);
	return false;
}

static void free_frame(struct fr_frame *frame)
{
	free(frame->block);
	free(frame);
}

/* Frees idle frames, the largest first, until at most `keep` bytes are left. With the lock. */
FR_HOT static size_t trim_to(struct fr_frame_pool *pool, size_t keep)
{
	size_t freed = 0;

	for (unsigned class = CLASSES; class -- > 0 && pool->idle_bytes > keep;) {
		while (pool->idle[class] != NULL && pool->idle_bytes > keep) {
			struct fr_frame *frame = pool->idle[class];

			pool->idle[class] = frame->next;
			pool->idle_bytes -= size_of_class(class);
			freed += size_of_class(class);
			free_frame(frame);
		}
	}
	return freed;
}

/* What may lie idle beside the frames that are alive: idle memory counts in the budget too. */
static size_t idle_max(const struct fr_frame_pool *pool)
{
	const int64_t budget = atomic_load(&pool->budget);
	const int64_t left = budget - atomic_load(&pool->bytes);

	if (budget == 0 || left > IDLE_MAX_BYTES)
		return IDLE_MAX_BYTES;
	return left < 0 ? 0 : (size_t)left;
}

/* Takes an idle frame of at least this capacity, whose room was charged before. */
FR_HOT static struct fr_frame *take_idle(struct fr_frame_pool *pool, size_t capacity)
{
	const unsigned first = class_of(capacity);
	struct fr_frame *frame = NULL;

	(void)pthread_mutex_lock(&pool->lock);
	for (unsigned class = first; class < CLASSES && class < first + NEIGHBOURS; class ++) {
		const size_t size = size_of_class(class);

		if (pool->idle[class] == NULL || !charge(pool, (int64_t)(size - capacity)))
			continue;
		frame = pool->idle[class];
		pool->idle[class] = frame->next;
		pool->idle_bytes -= size;
		break;
	}
	(void)trim_to(pool, idle_max(pool));
	(void)pthread_mutex_unlock(&pool->lock);
	return frame;
}

FR_HOT static void give_back(struct fr_frame_pool *pool, struct fr_frame *frame)
{
	const unsigned class = class_of(frame->capacity);

	(void)pthread_mutex_lock(&pool->lock);
	if (class < CLASSES && pool->idle_bytes + frame->capacity <= idle_max(pool)) {
		frame->next = pool->idle[class];
		pool->idle[class] = frame;
		pool->idle_bytes += frame->capacity;
		frame = NULL;
	}
	(void)pthread_mutex_unlock(&pool->lock);
	if (frame != NULL)
		free_frame(frame);
}

/* --- Life ------------------------------------------------------------------------------------- */

struct fr_frame_pool *fr_frame_pool_new(int64_t budget_bytes)
{
	struct fr_frame_pool *pool = fr_xcalloc(1, sizeof(*pool));

	atomic_init(&pool->refs, 1);
	atomic_init(&pool->budget, budget_bytes);
	(void)pthread_mutex_init(&pool->lock, NULL); /* cannot fail for the default kind */
	return pool;
}

static void pool_unref(struct fr_frame_pool *pool)
{
	if (atomic_fetch_sub(&pool->refs, 1) != 1)
		return;
	(void)trim_to(pool, 0);
	(void)pthread_mutex_destroy(&pool->lock);
	free(pool);
}

void fr_frame_pool_free(struct fr_frame_pool *pool)
{
	if (pool != NULL)
		pool_unref(pool);
}

void fr_frame_pool_set_budget(struct fr_frame_pool *pool, int64_t budget_bytes)
{
	atomic_store(&pool->budget, budget_bytes);
	(void)pthread_mutex_lock(&pool->lock);
	(void)trim_to(pool, idle_max(pool));
	(void)pthread_mutex_unlock(&pool->lock);
}

FR_HOT int64_t fr_frame_pool_bytes(const struct fr_frame_pool *pool)
{
	return atomic_load(&pool->bytes);
}

int64_t fr_frame_pool_frames(const struct fr_frame_pool *pool)
{
	return atomic_load(&pool->frames);
}

size_t fr_frame_pool_trim(struct fr_frame_pool *pool)
{
	size_t freed;

	(void)pthread_mutex_lock(&pool->lock);
	freed = trim_to(pool, 0);
	(void)pthread_mutex_unlock(&pool->lock);
	return freed;
}

/* A new frame whose room was charged before. */
static struct fr_frame *make_frame(size_t capacity)
{
	struct fr_frame *frame = calloc(1, sizeof(*frame));

	if (frame == NULL)
		return NULL;
	frame->block = malloc(sizeof(struct block) + capacity);
	if (frame->block == NULL) {
		free(frame);
		return NULL;
	}
	frame->capacity = capacity;
	return frame;
}

FR_HOT struct fr_frame *fr_frame_begin(struct fr_frame_pool *pool, size_t capacity)
{
	size_t charged;
	struct fr_frame *frame;

	assert(capacity > 0);
	if (capacity > PTRDIFF_MAX - sizeof(struct block))
		return NULL;
	charged = round_up(capacity);
	if (!charge(pool, (int64_t)charged))
		return NULL;
	frame = take_idle(pool, charged);
	if (frame == NULL)
		frame = make_frame(charged);
	if (frame == NULL) {
		atomic_fetch_sub(&pool->bytes, (int64_t)charged);
		return NULL;
	}
	frame->finished = false;
	frame->size = 0;
	atomic_init(&frame->refs, 1);
	frame->pool = pool;
	atomic_fetch_add(&pool->refs, 1);
	atomic_fetch_add(&pool->frames, 1);
	return frame;
}

/* Trades the block for the larger one of an idle frame. */
static void trade(
    struct fr_frame_pool *pool, struct fr_frame *frame, size_t used, struct fr_frame *idle)
{
	struct block *const larger = idle->block;
	const size_t capacity = idle->capacity;

	memcpy(larger->bytes, frame->block->bytes, used);
	idle->block = frame->block;
	idle->capacity = frame->capacity;
	give_back(pool, idle);
	frame->block = larger;
	frame->capacity = capacity;
}

bool fr_frame_grow(struct fr_frame *frame, size_t used, size_t capacity)
{
	struct fr_frame_pool *pool = frame->pool;
	const size_t old = frame->capacity;
	struct fr_frame *idle;
	struct block *block;
	size_t wanted;

	assert(!frame->finished && used <= old);
	if (capacity <= old)
		return true;
	if (capacity > PTRDIFF_MAX - sizeof(struct block))
		return false;
	wanted = round_up(capacity);
	if (!charge(pool, (int64_t)(wanted - old)))
		return false;
	idle = take_idle(pool, wanted);
	if (idle != NULL) {
		trade(pool, frame, used, idle);
		return true;
	}
	block = realloc(frame->block, sizeof(struct block) + wanted);
	if (block == NULL) {
		atomic_fetch_sub(&pool->bytes, (int64_t)(wanted - old));
		return false;
	}
	frame->block = block;
	frame->capacity = wanted;
	return true;
}

FR_HOT void fr_frame_finish(struct fr_frame *frame, size_t size, const struct fr_frame_info *info)
{
	uint8_t *head = frame->block->head + sizeof(frame->block->head) - FR_PREFIX_PLAIN_BYTES;

	assert(!frame->finished && size > 0 && size <= frame->capacity);
	assert(size <= UINT32_MAX - FR_PREFIX_RECORD_BYTES);
	frame->finished = true;
	frame->size = size;
	frame->info = *info;
	put_le(head, size, 4);
	put_le(frame->record, FR_PREFIX_RECORD_BYTES - 4 + size, 4);
	frame->record[4] = (uint8_t)info->type;
	frame->record[5] = info->captured_is_received ? 1 : 0;
	put_le(frame->record + 6, 0, 2);
	put_le(frame->record + 8, info->sequence, 8);
	put_le(frame->record + 16, (uint64_t)info->captured_us, 8);
}

struct fr_frame *fr_frame_copy(
    struct fr_frame_pool *pool, const void *bytes, size_t size, const struct fr_frame_info *info)
{
	struct fr_frame *frame = fr_frame_begin(pool, size);

	if (frame != NULL) {
		memcpy(frame->block->bytes, bytes, size);
		fr_frame_finish(frame, size, info);
	}
	return frame;
}

FR_HOT struct fr_frame *fr_frame_ref(struct fr_frame *frame)
{
	/* Whoever calls has a reference, so nothing needs to be ordered here. */
	(void)atomic_fetch_add_explicit(&frame->refs, 1, memory_order_relaxed);
	return frame;
}

FR_HOT void fr_frame_unref(struct fr_frame *frame)
{
	struct fr_frame_pool *pool;

	if (frame == NULL || atomic_fetch_sub(&frame->refs, 1) != 1)
		return;
	pool = frame->pool;
	atomic_fetch_sub(&pool->bytes, (int64_t)frame->capacity);
	atomic_fetch_sub(&pool->frames, 1);
	give_back(pool, frame);
	pool_unref(pool);
}

/* --- Questions -------------------------------------------------------------------------------- */

FR_HOT uint8_t *fr_frame_room(struct fr_frame *frame)
{
	assert(!frame->finished);
	return frame->block->bytes;
}

FR_HOT size_t fr_frame_capacity(const struct fr_frame *frame)
{
	return frame->capacity;
}

FR_HOT const uint8_t *fr_frame_bytes(const struct fr_frame *frame)
{
	return frame->block->bytes;
}

FR_HOT size_t fr_frame_size(const struct fr_frame *frame)
{
	return frame->size;
}

FR_HOT const struct fr_frame_info *fr_frame_info(const struct fr_frame *frame)
{
	return &frame->info;
}

FR_HOT const uint8_t *fr_frame_plain_prefix(const struct fr_frame *frame)
{
	return frame->block->head + sizeof(frame->block->head) - FR_PREFIX_PLAIN_BYTES;
}

const uint8_t *fr_frame_record_prefix(const struct fr_frame *frame)
{
	return frame->record;
}
