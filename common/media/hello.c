/* SPDX-License-Identifier: MIT */
/* The hello line: a verb, a name, and keys from one table. */
#include "common/media/hello.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/cause.h"

enum {
	QUEUE_FRAMES_MAX = 64,
	AGE_MAX_MS = 3600000,
	FPS_MAX_MILLI = 1000000,
	ID_MIN = 16,
};

static const char *const verbs[] = {
    [FR_HELLO_PUB] = "PUB",
    [FR_HELLO_SUB] = "SUB",
    [FR_HELLO_LIST] = "LIST",
};

/* Which verbs take a key. */
enum {
	PUB = 1 << FR_HELLO_PUB,
	SUB = 1 << FR_HELLO_SUB,
	LIST = 1 << FR_HELLO_LIST,
};

/* What a key's reader gets. */
struct reading {
	struct fr_hello *hello;
	int64_t max_queue_frames;
	const char *key, *value;
	struct fr_cause *why;
};

/* --- The keys --------------------------------------------------------------------------------- */

static int read_token(const struct reading *r)
{
	const size_t size = strlen(r->value);

	if (size < 1 || size >= sizeof(r->hello->token))
		return fr_cause_set(r->why, EINVAL, "must have 1..128 characters");
	memcpy(r->hello->token, r->value, size + 1);
	return 0;
}

static int read_records(const struct reading *r)
{
	int64_t value;

	if (fr_text_int(r->value, 0, 1, &value, r->why) != 0)
		return -EINVAL;
	r->hello->records = value != 0;
	return 0;
}

static int read_id(const struct reading *r)
{
	const size_t size = strlen(r->value);

	if (size < ID_MIN || size >= sizeof(r->hello->id) ||
	    strspn(r->value, "0123456789abcdefABCDEF") != size)
		return fr_cause_set(r->why, EINVAL, "must be 16..64 hex digits");
	for (size_t i = 0; i <= size; i++) {
		const char c = r->value[i];

		r->hello->id[i] = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
	}
	return 0;
}

static int read_takeover(const struct reading *r)
{
	if (strcmp(r->value, "no") != 0)
		return fr_cause_set(r->why, EINVAL, "\"%.40s\" is not \"no\"", r->value);
	r->hello->takeover_no = true;
	return 0;
}

static int read_size(const struct reading *r)
{
	unsigned width, height;

	if (fr_text_pixels(r->value, &width, &height, r->why) != 0)
		return -EINVAL;
	r->hello->width = (uint16_t)width;
	r->hello->height = (uint16_t)height;
	return 0;
}

static int read_fps(const struct reading *r)
{
	int64_t milli;

	if (fr_text_milli(r->value, 1, FPS_MAX_MILLI, &milli, r->why) != 0)
		return -EINVAL;
	r->hello->fps_milli = (uint32_t)milli;
	return 0;
}

static int read_queue(const struct reading *r)
{
	int64_t frames;

	if (fr_text_int(r->value, 1, r->max_queue_frames, &frames, r->why) != 0)
		return -EINVAL;
	r->hello->queue_frames = (int32_t)frames;
	return 0;
}

static int read_age(const struct reading *r)
{
	return fr_text_int(r->value, 0, AGE_MAX_MS, &r->hello->queue_age_ms, r->why);
}

static int read_max_fps(const struct reading *r)
{
	int64_t milli;

	if (fr_text_milli(r->value, 0, FPS_MAX_MILLI, &milli, r->why) != 0)
		return -EINVAL;
	r->hello->max_fps_milli = (uint32_t)milli;
	return 0;
}

static int read_rendition(const struct reading *r)
{
	return fr_rendition_set(&r->hello->rendition, r->key, r->value, r->why);
}

static const struct key {
	const char *name;
	unsigned verbs;
	int (*read)(const struct reading *r);
} keys[] = {
    {"token", PUB | SUB | LIST, read_token},
    {"records", PUB | SUB, read_records},
    {"id", PUB, read_id},
    {"takeover", PUB, read_takeover},
    {"size", PUB, read_size},
    {"fps", PUB, read_fps},
    {"queue", SUB, read_queue},
    {"age_ms", SUB, read_age},
    {"max_fps", SUB, read_max_fps},
    {"gray", SUB, read_rendition},
    {"width", SUB, read_rendition},
    {"height", SUB, read_rendition},
    {"quality", SUB, read_rendition},
    {"rotate", SUB, read_rendition},
    {"hflip", SUB, read_rendition},
    {"vflip", SUB, read_rendition},
};

enum {
	KEYS = sizeof(keys) / sizeof(keys[0]),
};

/* --- Reading ---------------------------------------------------------------------------------- */

/* Names the nearest key that this verb has. */
static int unknown_key(const char *name, enum fr_hello_verb verb, struct fr_cause *why)
{
	const char *names[KEYS + 1];
	const char *nearest;
	unsigned n = 0;

	for (unsigned i = 0; i < KEYS; i++)
		if ((keys[i].verbs & 1U << verb) != 0)
			names[n++] = keys[i].name;
	names[n] = NULL;
	nearest = fr_text_nearest(name, names);
	if (nearest == NULL)
		return fr_cause_set(why, EINVAL, "there is no key \"%.40s\"", name);
	return fr_cause_set(
	    why, EINVAL, "there is no key \"%.40s\"; did you mean %s=?", name, nearest);
}

/* Reads `key=value`. @param seen  a bit for each row of the table */
static int read_key(char *word, unsigned *seen, struct reading *r)
{
	char *equals = strchr(word, '=');
	unsigned i = 0;
	int err;

	if (equals == NULL)
		return fr_cause_set(r->why, EINVAL, "\"%.40s\" is not key=value", word);
	*equals = '\0';
	r->key = word;
	r->value = equals + 1;
	while (i < KEYS && strcmp(keys[i].name, word) != 0)
		i++;
	if (i == KEYS)
		return unknown_key(word, r->hello->verb, r->why);
	if ((keys[i].verbs & 1U << r->hello->verb) == 0) {
		return fr_cause_set(
		    r->why, EINVAL, "%s= is no key of %s", word, verbs[r->hello->verb]);
	}
	if ((*seen & 1U << i) != 0)
		return fr_cause_set(r->why, EINVAL, "%s= is there twice", word);
	*seen |= 1U << i;
	err = keys[i].read(r);
	return err == 0 ? 0 : fr_cause_prefix(r->why, err, "%s=: ", word);
}

/* Cuts the next word off at one space. @return NULL when there is none */
static char *next_word(char **inout_rest)
{
	char *word = *inout_rest;
	char *space;

	if (word == NULL)
		return NULL;
	space = strchr(word, ' ');
	if (space != NULL)
		*space++ = '\0';
	*inout_rest = space;
	return word;
}

/* Copies the line as text: printable ASCII only. */
static int copy_line(const char *line, size_t size, char to[FR_HELLO_MAX], struct fr_cause *why)
{
	if (size >= FR_HELLO_MAX) {
		return fr_cause_set(
		    why, EINVAL, "the line is longer than %d bytes", (int)FR_HELLO_MAX);
	}
	for (size_t i = 0; i < size; i++) {
		const unsigned char c = (unsigned char)line[i];

		if (c < 0x20 || c > 0x7E) {
			return fr_cause_set(
			    why, EINVAL, "byte %02X at %zu is no text", (unsigned)c, i);
		}
		to[i] = line[i];
	}
	to[size] = '\0';
	return 0;
}

/* Reads the verb and, but for LIST, the name. */
static int read_start(char **inout_rest, struct fr_hello *hello, struct fr_cause *why)
{
	const char *word = next_word(inout_rest);
	unsigned verb = 0;

	while (verb <= FR_HELLO_LIST && strcmp(verbs[verb], word) != 0)
		verb++;
	if (verb > FR_HELLO_LIST)
		return fr_cause_set(why, EINVAL, "\"%.40s\" is not PUB, SUB or LIST", word);
	hello->verb = (enum fr_hello_verb)verb;
	if (hello->verb == FR_HELLO_LIST)
		return 0;
	word = next_word(inout_rest);
	if (word == NULL)
		return fr_cause_set(why, EINVAL, "%s needs a stream's name", verbs[verb]);
	if (!fr_text_is_name(word)) {
		return fr_cause_set(why, EINVAL,
		    "\"%.70s\" is no stream's name: 1..%d letters, digits, _ and -, the first a "
		    "letter or digit",
		    word, (int)FR_NAME_MAX);
	}
	memcpy(hello->stream, word, strlen(word) + 1);
	return 0;
}

int fr_hello_read(const char *line, size_t size, int64_t max_queue_frames, struct fr_hello *ret,
    struct fr_cause *why)
{
	struct fr_hello hello = {.queue_frames = -1, .queue_age_ms = -1};
	struct reading r = {.hello = &hello, .why = why};
	char text[FR_HELLO_MAX];
	char *rest = text;
	unsigned seen = 0;
	int err;

	r.max_queue_frames = max_queue_frames < 1 || max_queue_frames > QUEUE_FRAMES_MAX
	                         ? QUEUE_FRAMES_MAX
	                         : max_queue_frames;
	err = copy_line(line, size, text, why);
	if (err == 0)
		err = read_start(&rest, &hello, why);
	while (err == 0 && rest != NULL) {
		char *word = next_word(&rest);

		if (*word == '\0')
			err = fr_cause_set(why, EINVAL, "one space stands between two words");
		else
			err = read_key(word, &seen, &r);
	}
	if (err == 0)
		*ret = hello;
	return err;
}

/* --- Writing ---------------------------------------------------------------------------------- */

/* Appends; what does not fit makes *inout_size FR_HELLO_MAX or more, for good. */
__attribute__((format(printf, 3, 4))) static void add(
    char *to, size_t *inout_size, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (*inout_size >= FR_HELLO_MAX)
		return;
	va_start(ap, fmt);
	n = vsnprintf(to + *inout_size, FR_HELLO_MAX - *inout_size, fmt, ap);
	va_end(ap);
	*inout_size += n < 0 ? FR_HELLO_MAX : (size_t)n;
}

static void add_milli(char *to, size_t *inout_size, const char *key, uint32_t milli)
{
	if (milli % 1000 == 0)
		add(to, inout_size, " %s=%u", key, (unsigned)milli / 1000);
	else
		add(to, inout_size, " %s=%u.%03u", key, (unsigned)milli / 1000,
		    (unsigned)milli % 1000);
}

static void add_pub(char *to, size_t *inout_size, const struct fr_hello *hello)
{
	if (hello->id[0] != '\0')
		add(to, inout_size, " id=%s", hello->id);
	if (hello->takeover_no)
		add(to, inout_size, " takeover=no");
	if (hello->width > 0 && hello->height > 0)
		add(to, inout_size, " size=%ux%u", (unsigned)hello->width, (unsigned)hello->height);
	if (hello->fps_milli > 0)
		add_milli(to, inout_size, "fps", hello->fps_milli);
}

static void add_sub(char *to, size_t *inout_size, const struct fr_hello *hello)
{
	char rendition[FR_RENDITION_TEXT_MAX];

	if (hello->queue_frames >= 0)
		add(to, inout_size, " queue=%d", (int)hello->queue_frames);
	if (hello->queue_age_ms >= 0)
		add(to, inout_size, " age_ms=%lld", (long long)hello->queue_age_ms);
	if (hello->max_fps_milli > 0)
		add_milli(to, inout_size, "max_fps", hello->max_fps_milli);
	if (fr_rendition_print(&hello->rendition, rendition) != 0)
		add(to, inout_size, " %s", rendition);
}

size_t fr_hello_write(const struct fr_hello *hello, char to[FR_HELLO_MAX + 1])
{
	size_t size = 0;

	add(to, &size, "%s", verbs[hello->verb]);
	if (hello->verb != FR_HELLO_LIST) {
		add(to, &size, " %s", hello->stream);
		if (hello->records)
			add(to, &size, " records=1");
	}
	if (hello->verb == FR_HELLO_PUB)
		add_pub(to, &size, hello);
	if (hello->verb == FR_HELLO_SUB)
		add_sub(to, &size, hello);
	if (hello->token[0] != '\0')
		add(to, &size, " token=%s", hello->token);
	if (size >= FR_HELLO_MAX)
		return 0;
	to[size++] = '\n';
	to[size] = '\0';
	return size;
}

/* --- The answer ------------------------------------------------------------------------------- */

static int read_ok(char *rest, struct fr_hello_answer *answer, struct fr_cause *why)
{
	const char *word = next_word(&rest);

	answer->ok = true;
	if (word == NULL)
		return 0;
	if (!fr_text_is_name(word))
		return fr_cause_set(
		    why, EINVAL, "the answer names \"%.70s\", which is no stream", word);
	memcpy(answer->stream, word, strlen(word) + 1);
	while ((word = next_word(&rest)) != NULL) {
		if (strcmp(word, "live=0") == 0 || strcmp(word, "live=1") == 0)
			answer->live = word[5] - '0';
	}
	return 0;
}

static int read_err(char *rest, struct fr_hello_answer *answer, struct fr_cause *why)
{
	const char *code = next_word(&rest);
	int64_t value;

	if (code == NULL || fr_text_int(code, 400, 599, &value, NULL) != 0)
		return fr_cause_set(why, EINVAL, "the answer ERR has no code 400..599");
	answer->code = (unsigned)value;
	(void)snprintf(answer->reason, sizeof(answer->reason), "%s", rest == NULL ? "" : rest);
	return 0;
}

int fr_hello_answer_read(
    const char *line, size_t size, struct fr_hello_answer *ret, struct fr_cause *why)
{
	struct fr_hello_answer answer = {.live = -1};
	char text[FR_HELLO_MAX];
	char *rest = text;
	const char *word;
	int err;

	size = size < sizeof(text) ? size : sizeof(text) - 1;
	for (size_t i = 0; i < size; i++)
		text[i] = line[i] == '\0' ? '?' : line[i];
	text[size] = '\0';
	word = next_word(&rest);
	if (strcmp(word, "OK") == 0)
		err = read_ok(rest, &answer, why);
	else if (strcmp(word, "ERR") == 0)
		err = read_err(rest, &answer, why);
	else
		err = fr_cause_set(why, EINVAL, "the answer is neither OK nor ERR");
	if (err == 0)
		*ret = answer;
	return err;
}
