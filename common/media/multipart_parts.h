/* SPDX-License-Identifier: MIT */
/*
 * What the files of the multipart reader share; nobody else includes this.
 *
 *   multipart.c            bodies, which bytes go where, the public functions
 *   multipart_delimiter.c  what stands between parts
 *   multipart_head.c       the lines in front of a body
 *
 * Every step takes bytes until one event is complete or they are used up, and gives the number it took.
 */
#pragma once

#include "common/media/jpeg_info.h"
#include "common/media/multipart.h"

enum {
	MULTIPART_HEAD_MAX = 2048,  /* bytes of a part's header, delimiter's line end included */
	MULTIPART_DASHES_MAX = 128, /* that may stand in front of a boundary */
};

enum multipart_state {
	MULTIPART_LEARN, /* the first line: it is the given boundary's delimiter, or says which one it is */
	MULTIPART_START,      /* before anything, the boundary is given */
	MULTIPART_PREAMBLE,   /* up to the first delimiter; what comes is not looked at */
	MULTIPART_AFTER,      /* behind a part: line ends, then a delimiter */
	MULTIPART_RESYNC,     /* likewise, after something else was there */
	MULTIPART_DELIMITER,  /* behind `--boundary` */
	MULTIPART_CLOSING,    /* behind `--boundary-` */
	MULTIPART_HEAD,       /* a part's header */
	MULTIPART_BODY_EXACT, /* with a length */
	MULTIPART_BODY_SCAN,  /* without */
	MULTIPART_BODY_OVER,  /* all of it was delivered */
	MULTIPART_DONE,
};

struct fr_multipart {
	enum multipart_state state;
	size_t max_bytes, junk; /* junk: bytes since the last part or the start */
	bool no_lengths;        /* a length was wrong once */

	char boundary[FR_BOUNDARY_MAX + 1]; /* without its dashes */
	size_t boundary_size;
	bool insists;  /* on the given boundary */
	bool is_other; /* LEARN: the first line is not the given boundary's delimiter */

	/* What may be a delimiter: dashes, then `matched` characters of the boundary. */
	size_t dashes, matched;
	uint8_t held[MULTIPART_DASHES_MAX + FR_BOUNDARY_MAX];
	size_t held_size; /* bytes in `held`, that are not delivered */

	char line[MULTIPART_HEAD_MAX + 1];
	size_t line_size, head_size;
	bool has_length;
	bool is_placeholder; /* what the head says */
	bool hides;          /* the present part is none of ours to tell */
	uint64_t length, left;
	int64_t stamp_us;

	struct fr_jpeg_walk walk;
	bool has_body;     /* a first byte went through the walk */
	bool walk_is_over; /* what comes is no JPEG: only a delimiter ends the part */
};

/* --- multipart.c --- */

/* Makes the event BAD. */
__attribute__((format(printf, 3, 4))) void fr_multipart_bad(
    struct fr_multipart *m, struct fr_multipart_event *ret, const char *fmt, ...);

/* --- multipart_delimiter.c --- */

/* Takes one byte into the match. @return whether it may still be, or is, a delimiter */
bool fr_multipart_match(struct fr_multipart *m, uint8_t byte);
bool fr_multipart_is_matched(const struct fr_multipart *m);
void fr_multipart_forget_match(struct fr_multipart *m);

/* Behind a delimiter: what follows is another part, or the end. */
void fr_multipart_begin_head(struct fr_multipart *m);

/* PREAMBLE, AFTER, RESYNC: looks for a delimiter, nothing is kept. */
size_t fr_multipart_find_delimiter(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret);

/* DELIMITER: the byte behind it. */
size_t fr_multipart_take_delimiter(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret);

/* CLOSING */
size_t fr_multipart_take_closing(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret);

/* LEARN */
size_t fr_multipart_take_first_line(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret);

/*
 * START, before a given boundary: a body may begin with a part's header (the first delimiter left out), and with a
 * delimiter that is not the given one.
 */
size_t fr_multipart_take_start(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret);

/* --- multipart_head.c --- */

/* HEAD */
size_t fr_multipart_take_head(
    struct fr_multipart *m, const uint8_t *bytes, size_t size, struct fr_multipart_event *ret);

/* Takes one byte of a head into its line. @return whether the line is whole (without its end) */
bool fr_multipart_take_line(struct fr_multipart *m, uint8_t byte, struct fr_multipart_event *ret);

/* Looks at the line for what is of use: how long the body is, when it was taken, whether it is none of ours to tell. */
void fr_multipart_read_header_line(struct fr_multipart *m);
