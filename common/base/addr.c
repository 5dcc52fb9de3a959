/* SPDX-License-Identifier: MIT */
#include "common/base/addr.h"

#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>

#include "common/base/cause.h"
#include "common/base/text.h"

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

/* Takes 16 bytes of IPv6; a mapped address becomes IPv4. */
static void set_ipv6(struct fr_addr *addr, const void *bytes, uint32_t scope)
{
	const uint8_t *b = bytes;

	if (memcmp(b, mapped, sizeof(mapped)) == 0) {
		addr->kind = FR_ADDR_IPV4;
		memcpy(addr->bytes, b + sizeof(mapped), 4);
		return;
	}
	addr->kind = FR_ADDR_IPV6;
	memcpy(addr->bytes, b, 16);
	/* The kernel sets the index on link-local ones only; elsewhere it means nothing. */
	addr->scope = b[0] == 0xfe && (b[1] & 0xc0) == 0x80 ? scope : 0;
}

/* Reads a numeric host, IPv6 with its %scope. Leaves the port alone. */
static bool read_host(const char *host, struct fr_addr *ret)
{
	char copy[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
	uint8_t bytes[16];
	uint32_t scope = 0;
	char *percent;

	if (inet_pton(AF_INET, host, bytes) == 1) {
		ret->kind = FR_ADDR_IPV4;
		memcpy(ret->bytes, bytes, 4);
		return true;
	}
	if (strlen(host) >= sizeof(copy))
		return false;
	(void)snprintf(copy, sizeof(copy), "%s", host);
	percent = strchr(copy, '%');
	if (percent != NULL) {
		*percent = '\0';
		scope = if_nametoindex(percent + 1);
		if (scope == 0)
			return false;
	}
	if (inet_pton(AF_INET6, copy, bytes) != 1)
		return false;
	set_ipv6(ret, bytes, scope);
	return true;
}

static int set_path(
    struct fr_addr *addr, enum fr_addr_kind kind, const char *path, struct fr_cause *why)
{
	if (strlen(path) >= sizeof(addr->path))
		return fr_cause_set(why, EINVAL, "\"%.120s\" is longer than %zu characters", path,
		    sizeof(addr->path) - 1);
	addr->kind = kind;
	(void)snprintf(addr->path, sizeof(addr->path), "%s", path);
	return 0;
}

/* "[::]:8000", "0.0.0.0:9999" */
static int parse_inet(const char *text, struct fr_addr *addr, struct fr_cause *why)
{
	const char *colon = strrchr(text, ':');
	char host[64];
	int64_t port;
	size_t length;

	if (colon == NULL || colon[1] == '\0' || colon == text)
		return fr_cause_set(
		    why, EINVAL, "\"%.80s\" is not an address with a port such as [::]:8000", text);
	if (fr_text_int(colon + 1, 0, UINT16_MAX, &port, NULL) < 0)
		return fr_cause_set(why, EINVAL, "\"%.80s\": the port is not in 0..65535", text);
	length = (size_t)(colon - text);
	if (text[0] == '[' && length >= 2 && colon[-1] == ']') {
		text++;
		length -= 2;
	} else if (memchr(text, ':', length) != NULL) {
		return fr_cause_set(
		    why, EINVAL, "\"%.80s\": an IPv6 address needs brackets, [::]:8000", text);
	}
	if (length >= sizeof(host))
		length = sizeof(host) - 1; /* then it is none */
	(void)snprintf(host, sizeof(host), "%.*s", (int)length, text);
	if (!read_host(host, addr))
		return fr_cause_set(why, EINVAL,
		    "\"%s\" is not a numeric address of this machine; [::] and 0.0.0.0 are all of "
		    "them, 127.0.0.1 is this machine alone",
		    host);
	addr->port = (uint16_t)port;
	return 0;
}

int fr_addr_parse(const char *text, struct fr_addr *ret, struct fr_cause *why)
{
	struct fr_addr addr = {0};
	int r;

	if (strncmp(text, "unix:", 5) == 0 && text[5] != '/')
		return fr_cause_set(
		    why, EINVAL, "\"%.80s\": the socket's path must begin with /", text);
	if (strcmp(text, "systemd:") == 0)
		return fr_cause_set(why, EINVAL,
		    "\"systemd:\" needs a name: FileDescriptorName= of the socket unit");
	if (strncmp(text, "unix:", 5) == 0)
		r = set_path(&addr, FR_ADDR_UNIX, text + 5, why);
	else if (strncmp(text, "systemd:", 8) == 0)
		r = set_path(&addr, FR_ADDR_SYSTEMD, text + 8, why);
	else
		r = parse_inet(text, &addr, why);
	if (r < 0)
		return r;
	*ret = addr;
	return 0;
}

/* A name or a number that getaddrinfo() may be asked for. */
static bool is_host(const char *host, size_t length)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                              "0123456789.-_:%";

	return length > 0 && length < 256 && strspn(host, allowed) >= length;
}

int fr_addr_split(const char *text, uint16_t default_port, char ret_host[256], uint16_t *ret_port,
    struct fr_cause *why)
{
	const char *host = text;
	const char *end, *port_text = NULL;
	int64_t port = default_port;

	if (strncmp(text, "unix:", 5) == 0) {
		struct fr_addr addr;
		const int r = fr_addr_parse(text, &addr, why);

		if (r == 0) {
			(void)snprintf(ret_host, 256, "%s", text);
			*ret_port = 0;
		}
		return r;
	}
	if (strstr(text, "://") != NULL)
		return fr_cause_set(
		    why, EINVAL, "\"%.80s\" is a URL; what is meant here is HOST[:PORT]", text);
	if (text[0] == '[') {
		host = text + 1;
		end = strchr(host, ']');
		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			return fr_cause_set(why, EINVAL, "\"%.80s\": the ] is missing", text);
		if (end[1] == ':')
			port_text = end + 2;
	} else {
		end = strchr(host, ':');
		if (end != NULL && strchr(end + 1, ':') == NULL)
			port_text = end + 1;
		else
			end = host + strlen(host); /* a name, or IPv6 without brackets and port */
	}
	if (!is_host(host, (size_t)(end - host)))
		return fr_cause_set(why, EINVAL,
		    "\"%.80s\" is not a HOST or HOST:PORT such as relay.local:8000", text);
	if (port_text != NULL && fr_text_int(port_text, 1, UINT16_MAX, &port, NULL) < 0)
		return fr_cause_set(why, EINVAL, "\"%.80s\": the port is not in 1..65535", text);
	(void)snprintf(ret_host, 256, "%.*s", (int)(end - host), host);
	*ret_port = (uint16_t)port;
	return 0;
}

bool fr_addr_from_host(struct fr_addr *ret, const char *host)
{
	uint8_t bytes[16];

	*ret = (struct fr_addr){.kind = FR_ADDR_IPV4};
	if (inet_pton(AF_INET, host, ret->bytes) == 1)
		return true;
	if (inet_pton(AF_INET6, host, bytes) != 1)
		return false;
	set_ipv6(ret, bytes, 0);
	return true;
}

bool fr_addr_from_sockaddr(struct fr_addr *ret, const struct sockaddr *sa, socklen_t length)
{
	/* Copied, because a sockaddr is not aligned for its kind. */
	struct sockaddr_in in4;
	struct sockaddr_in6 in6;

	*ret = (struct fr_addr){0};
	if (length < (socklen_t)sizeof(sa->sa_family))
		return false;
	if (sa->sa_family == AF_INET && length >= (socklen_t)sizeof(in4)) {
		memcpy(&in4, sa, sizeof(in4));
		ret->kind = FR_ADDR_IPV4;
		ret->port = ntohs(in4.sin_port);
		memcpy(ret->bytes, &in4.sin_addr, 4);
		return true;
	}
	if (sa->sa_family == AF_INET6 && length >= (socklen_t)sizeof(in6)) {
		memcpy(&in6, sa, sizeof(in6));
		set_ipv6(ret, &in6.sin6_addr, in6.sin6_scope_id);
		ret->port = ntohs(in6.sin6_port);
		return true;
	}
	if (sa->sa_family == AF_UNIX) {
		const char *path = (const char *)sa + offsetof(struct sockaddr_un, sun_path);
		size_t room = (size_t)length - offsetof(struct sockaddr_un, sun_path);

		/* unix(7): the path need not end with NUL; an abstract name begins with one. */
		if (room >= sizeof(ret->path))
			room = sizeof(ret->path) - 1;
		ret->kind = FR_ADDR_UNIX;
		(void)snprintf(ret->path, sizeof(ret->path), "%.*s", (int)room, path);
		return true;
	}
	return false;
}

socklen_t fr_addr_to_sockaddr(const struct fr_addr *addr, struct sockaddr_storage *ret)
{
	struct sockaddr_in in4 = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
	struct sockaddr_in6 in6 = {
	    .sin6_family = AF_INET6, .sin6_port = htons(addr->port), .sin6_scope_id = addr->scope};
	struct sockaddr_un un = {.sun_family = AF_UNIX};

	memset(ret, 0, sizeof(*ret));
	switch (addr->kind) {
	case FR_ADDR_IPV4:
		memcpy(&in4.sin_addr, addr->bytes, 4);
		memcpy(ret, &in4, sizeof(in4));
		return sizeof(in4);
	case FR_ADDR_IPV6:
		memcpy(&in6.sin6_addr, addr->bytes, 16);
		memcpy(ret, &in6, sizeof(in6));
		return sizeof(in6);
	case FR_ADDR_UNIX:
		memcpy(un.sun_path, addr->path, sizeof(un.sun_path));
		memcpy(ret, &un, sizeof(un));
		return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(addr->path) + 1);
	case FR_ADDR_NONE:
	case FR_ADDR_SYSTEMD:
		break;
	}
	return 0;
}

const char *fr_addr_print_host(const struct fr_addr *addr, char text[FR_ADDR_TEXT_MAX])
{
	switch (addr->kind) {
	case FR_ADDR_NONE:
		(void)snprintf(text, FR_ADDR_TEXT_MAX, "none");
		break;
	case FR_ADDR_IPV4:
		(void)inet_ntop(AF_INET, addr->bytes, text, FR_ADDR_TEXT_MAX); /* it fits */
		break;
	case FR_ADDR_IPV6:
		(void)inet_ntop(AF_INET6, addr->bytes, text, FR_ADDR_TEXT_MAX); /* it fits */
		break;
	case FR_ADDR_UNIX:
		(void)snprintf(text, FR_ADDR_TEXT_MAX, "local");
		break;
	case FR_ADDR_SYSTEMD:
		(void)snprintf(text, FR_ADDR_TEXT_MAX, "systemd:%s", addr->path);
		break;
	}
	return text;
}

const char *fr_addr_print(const struct fr_addr *addr, char text[FR_ADDR_TEXT_MAX])
{
	char host[FR_ADDR_TEXT_MAX];

	(void)fr_addr_print_host(addr, host);
	if (addr->kind == FR_ADDR_IPV4)
		(void)snprintf(text, FR_ADDR_TEXT_MAX, "%.46s:%u", host, addr->port);
	else if (addr->kind == FR_ADDR_IPV6)
		(void)snprintf(text, FR_ADDR_TEXT_MAX, "[%.46s]:%u", host, addr->port);
	else if (addr->kind == FR_ADDR_UNIX && addr->path[0] != '\0')
		(void)snprintf(text, FR_ADDR_TEXT_MAX, "unix:%s", addr->path);
	else
		(void)snprintf(text, FR_ADDR_TEXT_MAX, "%s", host);
	return text;
}

bool fr_addr_same_host(const struct fr_addr *a, const struct fr_addr *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case FR_ADDR_IPV4:
		return memcmp(a->bytes, b->bytes, 4) == 0;
	case FR_ADDR_IPV6:
		return a->scope == b->scope && memcmp(a->bytes, b->bytes, 16) == 0;
	case FR_ADDR_UNIX:
		return true; /* this one, whatever the peer's socket is called */
	case FR_ADDR_SYSTEMD:
		return strcmp(a->path, b->path) == 0;
	case FR_ADDR_NONE:
		break;
	}
	return true;
}

/* Whether the first `bits` bits of both are equal. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	const unsigned whole = bits / 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return bits % 8 == 0 || ((a[whole] ^ b[whole]) >> (8 - bits % 8)) == 0;
}

struct range {
	enum fr_addr_kind kind;
	unsigned prefix;
	uint8_t bytes[16];
};

static bool in_ranges(const struct range *ranges, size_t count, const struct fr_addr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (ranges[i].kind == addr->kind &&
		    same_bits(ranges[i].bytes, addr->bytes, ranges[i].prefix))
			return true;
	return addr->kind == FR_ADDR_UNIX;
}

/* The first two are what loopback is. Source: RFC 1122 3.2.1.3, 4291 2.5.3, 3927, 1918, 4193. */
static const struct range private_ranges[] = {
    {FR_ADDR_IPV4, 8, {127}},
    {FR_ADDR_IPV6, 128, {[15] = 1}},
    {FR_ADDR_IPV4, 16, {169, 254}},
    {FR_ADDR_IPV6, 10, {0xfe, 0x80}},
    {FR_ADDR_IPV4, 8, {10}},
    {FR_ADDR_IPV4, 12, {172, 16}},
    {FR_ADDR_IPV4, 16, {192, 168}},
    {FR_ADDR_IPV6, 7, {0xfc}},
};

bool fr_addr_is_loopback(const struct fr_addr *addr)
{
	return in_ranges(private_ranges, 2, addr);
}

bool fr_addr_is_private(const struct fr_addr *addr)
{
	return in_ranges(private_ranges, sizeof(private_ranges) / sizeof(private_ranges[0]), addr);
}

struct fr_addr_key fr_addr_key(const struct fr_addr *addr)
{
	struct fr_addr_key key = {.kind = (uint8_t)addr->kind};

	memcpy(key.bytes, addr->bytes, addr->kind == FR_ADDR_IPV4 ? 4 : 8);
	return key;
}

int fr_network_parse(const char *text, struct fr_network *ret, struct fr_cause *why)
{
	struct fr_network network = {.kind = FR_NETWORK_CIDR};
	const char *slash = strchr(text, '/');
	char host[64];
	int64_t prefix, most;
	bool was_ipv6;

	if (strcmp(text, "private") == 0)
		network.kind = FR_NETWORK_PRIVATE;
	else if (strcmp(text, "link") == 0)
		network.kind = FR_NETWORK_LINK;
	else if (strcmp(text, "any") == 0)
		network.kind = FR_NETWORK_ANY;
	else if (strcmp(text, "local") == 0)
		network.addr.kind = FR_ADDR_UNIX;
	else {
		(void)snprintf(host, sizeof(host), "%.*s",
		    slash != NULL ? (int)(slash - text) : (int)sizeof(host), text);
		if (!read_host(host, &network.addr))
			return fr_cause_set(why, EINVAL,
			    "\"%.80s\" is not a network: private, link, any, local, an address or "
			    "one with a prefix length such as 192.168.1.0/24",
			    text);
		was_ipv6 = strchr(host, ':') != NULL;
		prefix = most = was_ipv6 ? 128 : 32;
		if (slash != NULL && fr_text_int(slash + 1, 0, most, &prefix, NULL) < 0)
			return fr_cause_set(
			    why, EINVAL, "\"%.80s\": the prefix is not in 0..%d", text, (int)most);
		if (was_ipv6 && network.addr.kind == FR_ADDR_IPV4) {
			if (prefix < 96)
				return fr_cause_set(
				    why, EINVAL, "\"%.80s\": write IPv4 networks as such", text);
			prefix -= 96;
		}
		network.prefix = (unsigned)prefix;
	}
	*ret = network;
	return 0;
}

/* Whether this machine has an address in the same IPv6 /64. */
static bool is_on_link(const struct fr_addr *addr)
{
	struct ifaddrs *all;
	bool found = false;

	if (addr->kind != FR_ADDR_IPV6 || getifaddrs(&all) < 0)
		return false; /* without memory nobody is let in by this row */
	for (const struct ifaddrs *i = all; i != NULL && !found; i = i->ifa_next) {
		struct fr_addr own;

		if (i->ifa_addr == NULL || (i->ifa_flags & IFF_LOOPBACK) != 0 ||
		    i->ifa_addr->sa_family != AF_INET6)
			continue;
		found = fr_addr_from_sockaddr(&own, i->ifa_addr, sizeof(struct sockaddr_in6)) &&
		        same_bits(own.bytes, addr->bytes, 64);
	}
	freeifaddrs(all);
	return found;
}

bool fr_network_has(const struct fr_network *network, const struct fr_addr *addr)
{
	switch (network->kind) {
	case FR_NETWORK_PRIVATE:
		return fr_addr_is_private(addr);
	case FR_NETWORK_LINK:
		return is_on_link(addr);
	case FR_NETWORK_ANY:
		return addr->kind != FR_ADDR_NONE;
	case FR_NETWORK_CIDR:
		break;
	}
	return network->addr.kind == addr->kind &&
	       same_bits(network->addr.bytes, addr->bytes, network->prefix);
}
