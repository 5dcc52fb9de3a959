/* SPDX-License-Identifier: MIT */
/* What foreign bytes look like: people connect the strangest things to a port. */
#include <ctype.h>
#include <string.h>

#include "common/media/wire_parts.h"

/* Four bytes, `?` stands for any. */
static const struct look {
	const char *bytes;
	enum fr_reason reason;
	const char *sentence;
} looks[] = {
    {"\x16\x03??", FR_REASON_wrong_protocol, "a TLS client on a plain port"},
    {"SSH-", FR_REASON_wrong_protocol, "an SSH client"},
    {"\xffSMB", FR_REASON_wrong_protocol, "an SMB client"},
    {"\xfeSMB", FR_REASON_wrong_protocol, "an SMB client"},
    {"DELE", FR_REASON_wrong_protocol, "an HTTP client"},
    {"PATC", FR_REASON_wrong_protocol, "an HTTP client"},
    {"CONN", FR_REASON_wrong_protocol, "an HTTP client"},
    {"TRAC", FR_REASON_wrong_protocol, "an HTTP client"},
    {"HTTP", FR_REASON_wrong_protocol, "an HTTP server's answer"},
    {"DESC", FR_REASON_wrong_protocol, "an RTSP client"},
    {"SETU", FR_REASON_wrong_protocol, "an RTSP client"},
    {"ANNO", FR_REASON_wrong_protocol, "an RTSP client"},
    {"USER", FR_REASON_wrong_protocol, "an FTP client"},
    {"EHLO", FR_REASON_wrong_protocol, "an SMTP client"},
    {"HELO", FR_REASON_wrong_protocol, "an SMTP client"},
    {"ERR ", FR_REASON_wrong_protocol, "a relay's answer"},
    {"\0\0\0\x01", FR_REASON_wrong_protocol, "H.264 video; only JPEGs are taken here"},
    {"\0\0\x01?", FR_REASON_wrong_protocol, "MPEG video; only JPEGs are taken here"},
    {"\x47\x40??", FR_REASON_wrong_protocol, "an MPEG transport stream"},
    {"RIFF", FR_REASON_length_over_max, "an AVI or WebP file"},
    {"\x89PNG", FR_REASON_length_over_max, "a PNG picture"},
    {"\xff\xd8??", FR_REASON_length_over_max, "a damaged JPEG"},
};

static bool matches(const char *pattern, const uint8_t *first)
{
	for (unsigned i = 0; i < 4; i++)
		if (pattern[i] != '?' && (uint8_t)pattern[i] != first[i])
			return false;
	return true;
}

static bool is_text(const uint8_t *first)
{
	for (unsigned i = 0; i < 4; i++)
		if ((first[i] < 0x20 || first[i] > 0x7E) && strchr("\r\n\t", first[i]) == NULL)
			return false;
	return memchr(first, '\0', 4) == NULL;
}

void fr_wire_look_first(struct fr_wire *wire, const uint8_t first[4], struct fr_wire_event *ret)
{
	const unsigned long length = (unsigned long)fr_wire_le(first, 4);
	const unsigned long max = (unsigned long)wire->limits.max_frame_bytes;
	const unsigned long swapped = (unsigned long)first[0] << 24 |
	                              (unsigned long)first[1] << 16 | (unsigned long)first[2] << 8 |
	                              first[3];

	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		if (matches(looks[i].bytes, first)) {
			fr_wire_bad(wire, ret, looks[i].reason,
			    "frame length %lu is over the limit of %lu; it looks like %s", length,
			    max, looks[i].sentence);
			return;
		}
	}
	if (is_text(first)) {
		fr_wire_bad(wire, ret, FR_REASON_length_over_max,
		    "frame length %lu is over the limit of %lu; it looks like the text "
		    "\"%c%c%c%c\"",
		    length, max, isprint(first[0]) ? first[0] : '?',
		    isprint(first[1]) ? first[1] : '?', isprint(first[2]) ? first[2] : '?',
		    isprint(first[3]) ? first[3] : '?');
	} else if (swapped > 0 && swapped <= max) {
		fr_wire_bad(wire, ret, FR_REASON_length_over_max,
		    "frame length %lu is over the limit of %lu; it looks like %lu with its bytes "
		    "the wrong way round (it must be little-endian)",
		    length, max, swapped);
	} else {
		fr_wire_bad(wire, ret, FR_REASON_length_over_max,
		    "frame length %lu is over the limit of %lu", length, max);
	}
}

const char *fr_wire_look_picture(const uint8_t *first, size_t size)
{
	static const struct {
		char bytes[3];
		const char *sentence;
	} pictures[] = {
	    {"\x89P", " (PNG?)"},
	    {"GI", " (GIF?)"},
	    {"BM", " (BMP?)"},
	    {"RI", " (WebP or AVI?)"},
	    {"II", " (TIFF?)"},
	    {"MM", " (TIFF?)"},
	    {"/9", " (base64?)"},
	    {"da", " (a data: URL?)"},
	    {"\0\0", " (the other half of a length of 8 bytes, or video?)"},
	};

	for (size_t i = 0; size == 2 && i < sizeof(pictures) / sizeof(pictures[0]); i++)
		if (memcmp(pictures[i].bytes, first, 2) == 0)
			return pictures[i].sentence;
	return "";
}
