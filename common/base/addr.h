/* SPDX-License-Identifier: MIT */
/*
 * An address as a plain value: parse it, print it, ask whether it lies in a network.
 *
 * IPv4-mapped IPv6 addresses (::ffff:192.0.2.1) become IPv4 everywhere; a scope (%eth0) is kept for
 * connecting and not shown.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/socket.h>
#include <sys/un.h>

struct fr_cause;

enum fr_addr_kind {
	FR_ADDR_NONE, /* all zero */
	FR_ADDR_IPV4,
	FR_ADDR_IPV6,
	FR_ADDR_UNIX,    /* a socket in the file system; as a peer it is called "local" */
	FR_ADDR_SYSTEMD, /* a listening socket that systemd hands over, by name */
};

struct fr_addr {
	enum fr_addr_kind kind;
	uint16_t port;     /* host byte order; 0 for unix and systemd */
	uint32_t scope;    /* interface index of a link-local IPv6 address, else 0 */
	uint8_t bytes[16]; /* network byte order; IPv4: the first 4 */
	char path[108];    /* unix: the path; systemd: the socket's name */
};

/** Long enough for any address with its port and the final NUL. */
enum {
	FR_ADDR_TEXT_MAX = 128,
};

/**
 * Reads where to listen: "[::]:8000", "0.0.0.0:9999", "127.0.0.1:0", "unix:/run/x.sock", "systemd:NAME".
 * Numeric only, a port is needed.
 */
int fr_addr_parse(const char *text, struct fr_addr *ret, struct fr_cause *why);

/**
 * Splits where to connect, "HOST[:PORT]" ("[2001:db8::1]:8000", "relay.local", "unix:/path"), without resolving.
 *
 * @param default_port  used when the text has none
 * @param ret_host      room for 256 characters; no brackets; "unix:/path" is kept whole
 */
int fr_addr_split(const char *text, uint16_t default_port, char ret_host[256], uint16_t *ret_port,
    struct fr_cause *why);

/** Reads an address alone, "192.0.2.7" or "2001:db8::1": no port, no brackets. @return false: it is none */
bool fr_addr_from_host(struct fr_addr *ret, const char *host);

/** @return false when the family is none of ours (then *ret is FR_ADDR_NONE) */
bool fr_addr_from_sockaddr(struct fr_addr *ret, const struct sockaddr *sa, socklen_t length);

/** @return the length of what was written, 0 for NONE and SYSTEMD */
socklen_t fr_addr_to_sockaddr(const struct fr_addr *addr, struct sockaddr_storage *ret);

/** "192.0.2.7:41822", "[2001:db8::1]:8000", "unix:/path", "local" for a nameless unix peer. @return text */
const char *fr_addr_print(const struct fr_addr *addr, char text[FR_ADDR_TEXT_MAX]);

/** The same without port and brackets. @return text */
const char *fr_addr_print_host(const struct fr_addr *addr, char text[FR_ADDR_TEXT_MAX]);

/** @return whether both are the same machine: everything but the port */
bool fr_addr_same_host(const struct fr_addr *a, const struct fr_addr *b);

bool fr_addr_is_loopback(const struct fr_addr *addr); /* 127/8, ::1, unix */

/** Loopback, unix, link-local (169.254/16, fe80::/10), RFC 1918, ULA (fc00::/7, RFC 4193). */
bool fr_addr_is_private(const struct fr_addr *addr);

/** What limits per address count by: the IPv4 address, the IPv6 /64, one for all unix peers. */
struct fr_addr_key {
	uint8_t kind;
	uint8_t bytes[8];
};

struct fr_addr_key fr_addr_key(const struct fr_addr *addr);

/** A network: a word ("private", "link", "any") or an address with a prefix length. */
struct fr_network {
	enum {
		FR_NETWORK_CIDR,
		FR_NETWORK_PRIVATE,
		FR_NETWORK_LINK,
		FR_NETWORK_ANY
	} kind;
	struct fr_addr addr; /* CIDR only; port 0 */
	unsigned prefix;     /* bits, 0..32 or 0..128 */
};

/** Reads "private", "link", "any", "192.168.1.0/24", "192.168.1.23", "2001:db8::/32", "local". */
int fr_network_parse(const char *text, struct fr_network *ret, struct fr_cause *why);

/**
 * @return whether the address lies in it. `link`, the IPv6 /64 networks in which this machine has an
 *         address, asks the system (getifaddrs) each time: addresses come and go.
 */
bool fr_network_has(const struct fr_network *network, const struct fr_addr *addr);
