/* SPDX-License-Identifier: MIT */
#include "common/media/http_chunked.h"

#include <stdbool.h>

enum {
	DIGITS_MAX = 15,     /* leading zeros too; so a size always fits */
	EXTENSION_MAX = 256, /* bytes, a chunk */
	TRAILERS_MAX = 4096, /* bytes, in all */
};

enum state {
	SIZE,
	EXTENSION, /* behind `;` */
	SIZE_LF,
	BODY,
	BODY_CR,
	BODY_LF,
	TRAILER, /* a line of them, or the empty one that ends the body */
	TRAILER_LF,
	OVER,
};

static int digit(uint8_t byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	if (byte >= 'a' && byte <= 'f')
		return byte - 'a' + 10;
	if (byte >= 'A' && byte <= 'F')
		return byte - 'A' + 10;
	return -1;
}

static bool is_text(uint8_t byte)
{
	return byte == '\t' || (byte >= 0x20 && byte != 0x7F);
}

/* @return NULL, or why the byte may not be there */
static const char *take_size(struct fr_http_chunked *c, uint8_t byte)
{
	const int value = digit(byte);

	if (value >= 0) {
		if (++c->digits > DIGITS_MAX)
			return "a chunk's size of more than 15 digits";
		c->left = c->left << 4 | (uint64_t)value;
		return NULL;
	}
	if (c->digits == 0 || (byte != '\r' && byte != ';'))
		return "a chunk's size that is no hexadecimal number";
	c->extra = 0;
	c->state = byte == ';' ? EXTENSION : SIZE_LF;
	return NULL;
}

static const char *take_extension(struct fr_http_chunked *c, uint8_t byte)
{
	if (byte == '\r')
		c->state = SIZE_LF;
	else if (!is_text(byte))
		return "a control character behind a chunk's size";
	else if (++c->extra > EXTENSION_MAX)
		return "a chunk's extension of more than 256 bytes";
	return NULL;
}

static const char *take_line_feed(struct fr_http_chunked *c, uint8_t byte, unsigned next)
{
	if (byte != '\n')
		return "a chunk's line that does not end CR LF";
	c->state = next;
	return NULL;
}

static const char *take_trailer(struct fr_http_chunked *c, uint8_t byte)
{
	if (byte == '\r') {
		c->state = TRAILER_LF;
		return NULL;
	}
	if (!is_text(byte))
		return "a control character in a trailer";
	c->column++;
	return ++c->extra > TRAILERS_MAX ? "trailers of more than 4096 bytes" : NULL;
}

static const char *end_trailer(struct fr_http_chunked *c, uint8_t byte)
{
	const unsigned next = c->column == 0 ? OVER : TRAILER;

	c->column = 0;
	return take_line_feed(c, byte, next);
}

/* One byte that is not of the body. @return NULL, or why it may not be there */
static const char *take(struct fr_http_chunked *c, uint8_t byte)
{
	switch ((enum state)c->state) {
	case SIZE:
		return take_size(c, byte);
	case EXTENSION:
		return take_extension(c, byte);
	case SIZE_LF:
		c->extra = 0;
		return take_line_feed(c, byte, c->left != 0 ? BODY : TRAILER);
	case BODY_CR:
		if (byte != '\r')
			return "a chunk that is longer than its size";
		c->state = BODY_LF;
		return NULL;
	case BODY_LF:
		c->digits = 0;
		return take_line_feed(c, byte, SIZE);
	case TRAILER:
		return take_trailer(c, byte);
	case TRAILER_LF:
		return end_trailer(c, byte);
	case BODY:
	case OVER:
		break;
	}
	return "bytes behind the end of a body";
}

size_t fr_http_chunked_read(struct fr_http_chunked *chunked, const uint8_t *bytes, size_t size,
    struct fr_http_chunked_event *ret)
{
	size_t i = 0;

	ret->state = FR_HTTP_CHUNKED_MORE;
	while (i < size) {
		if (chunked->state == BODY) {
			ret->state = FR_HTTP_CHUNKED_DATA;
			ret->bytes = bytes + i;
			ret->size = size - i < chunked->left ? size - i : (size_t)chunked->left;
			chunked->left -= ret->size;
			if (chunked->left == 0)
				chunked->state = BODY_CR;
			return i + ret->size;
		}
		ret->why = take(chunked, bytes[i++]);
		if (ret->why != NULL) {
			ret->state = FR_HTTP_CHUNKED_BAD;
			return i;
		}
		if (chunked->state == OVER) {
			ret->state = FR_HTTP_CHUNKED_END;
			return i;
		}
	}
	return size;
}
