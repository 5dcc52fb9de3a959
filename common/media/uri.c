/* SPDX-License-Identifier: MIT */
#include "common/media/uri.h"

#include <ctype.h>
#include <string.h>

#include <arpa/inet.h>

/* @return 0..255, -1 when it is no %XX */
static int decode_byte(const char *at)
{
	int value = 0;

	for (int i = 1; i <= 2; i++) {
		const int c = tolower((unsigned char)at[i]);

		if (!isxdigit(c))
			return -1;
		value = value * 16 + (c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return value;
}

/* --- Host ------------------------------------------------------------------------------------- */

static bool is_port(const char *text)
{
	const size_t n = strspn(text, "0123456789");

	return n <= 5 && text[n] == '\0';
}

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || (c != '\0' && strchr("-._", c) != NULL);
}

/* `[2001:db8::1]:8080` */
static bool read_ipv6(const char *text, char ret[FR_URI_HOST_MAX + 1])
{
	const char *end = strchr(text, ']');
	unsigned char bytes[16];
	size_t n;

	if (end == NULL || (end[1] != '\0' && (end[1] != ':' || !is_port(end + 2))))
		return false;
	n = (size_t)(end - text - 1);
	if (n >= INET6_ADDRSTRLEN)
		return false;
	memcpy(ret, text + 1, n);
	ret[n] = '\0';
	return inet_pton(AF_INET6, ret, bytes) == 1;
}

bool fr_uri_host(const char *text, char ret[FR_URI_HOST_MAX + 1])
{
	size_t n = 0;

	if (text[0] == '[')
		return read_ipv6(text, ret);
	while (n < FR_URI_HOST_MAX && is_name_char(text[n])) {
		ret[n] = (char)tolower((unsigned char)text[n]);
		n++;
	}
	ret[n] = '\0';
	if (text[n] != '\0' && (text[n] != ':' || !is_port(text + n + 1)))
		return false;
	if (n > 1 && ret[n - 1] == '.')
		ret[--n] = '\0';
	return n > 0 && ret[0] != '.' && strstr(ret, "..") == NULL;
}

bool fr_uri_origin_host(const char *origin, char ret[FR_URI_HOST_MAX + 1])
{
	const char *at = strstr(origin, "://");

	return at != NULL && fr_uri_host(at + 3, ret);
}

/* --- Path ------------------------------------------------------------------------------------- */

/* @return whether a segment is `.` or `..` */
static bool has_dots(const char *path)
{
	while (*path != '\0') {
		size_t n;

		path++; /* the `/` */
		n = strcspn(path, "/");
		if ((n == 1 && path[0] == '.') || (n == 2 && path[0] == '.' && path[1] == '.'))
			return true;
		path += n;
	}
	return false;
}

const char *fr_uri_decode_path(char *path)
{
	char *to = path;

	if (path[0] != '/')
		return "a path that does not begin with /";
	for (const char *from = path; *from != '\0'; from++) {
		int byte = (unsigned char)*from;

		if (byte == '%') {
			byte = decode_byte(from);
			if (byte < 0)
				return "a % in the path that is not %XX";
			if (byte < 0x20 || byte == 0x7F || byte == '/')
				return "a character in the path that may not be there, not even as "
				       "%XX";
			from += 2;
		}
		*to++ = (char)byte;
	}
	*to = '\0';
	return has_dots(path) ? "a . or .. in the path" : NULL;
}

/* --- Query ------------------------------------------------------------------------------------ */

/* Decodes into `to`. @return false: it does not fit, or is badly encoded */
static bool decode(const char *from, size_t size, char *to, size_t most)
{
	size_t n = 0;
	bool ok = true;

	for (size_t i = 0; i < size && ok; i++) {
		int byte = (unsigned char)from[i];

		if (byte == '+') {
			byte = ' ';
		} else if (byte == '%') {
			byte = i + 2 < size ? decode_byte(from + i) : -1;
			i += 2;
		}
		ok = byte > 0 && n < most;
		if (ok)
			to[n++] = (char)byte;
	}
	to[n] = '\0';
	return ok;
}

bool fr_uri_query_next(const char **at, struct fr_uri_parameter *ret)
{
	const char *begin = *at + strspn(*at, "&");
	const size_t size = strcspn(begin, "&");
	const char *sign = memchr(begin, '=', size);
	const size_t key_size = sign != NULL ? (size_t)(sign - begin) : size;

	*at = begin + size;
	if (size == 0)
		return false;
	ret->has_value = sign != NULL;
	ret->is_cut = !decode(begin, key_size, ret->key, FR_URI_KEY_MAX);
	ret->value[0] = '\0';
	if (sign != NULL && !decode(sign + 1, size - key_size - 1, ret->value, FR_URI_VALUE_MAX))
		ret->is_cut = true;
	return true;
}
