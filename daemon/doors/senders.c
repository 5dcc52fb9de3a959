/* SPDX-License-Identifier: MIT */
#include "daemon/doors/senders.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/options.h"
#include "common/base/xalloc.h"
#include "common/net/datagrams.h"

void fr_senders_init(struct fr_senders *senders, const struct fr_options *options)
{
	senders->count = fr_options_count(options, "allow");
	senders->networks = fr_xcalloc(senders->count + 1, sizeof(*senders->networks));
	for (size_t i = 0; i < senders->count; i++)
		(void)fr_network_parse(
		    fr_options_item(options, "allow", i), &senders->networks[i], NULL);
}

void fr_senders_done(struct fr_senders *senders)
{
	free(senders->networks);
	senders->networks = NULL;
	senders->count = 0;
}

/* Services over UDP that answer whatever they get, or more than they got. */
static bool is_service(uint16_t port)
{
	static const uint16_t ports[] = {0, 7, 13, 17, 19, 53, 123, 161, 389, 1900, 5353, 11211};

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (ports[i] == port)
			return true;
	return false;
}

/* Multicast and broadcast: nobody's own address. */
static bool is_many(const struct fr_addr *addr)
{
	static const uint8_t all[4] = {255, 255, 255, 255};

	if (addr->kind == FR_ADDR_IPV6)
		return addr->bytes[0] == 0xff;
	return addr->bytes[0] >= 224 && (addr->bytes[0] < 240 || memcmp(addr->bytes, all, 4) == 0);
}

bool fr_senders_may(const struct fr_senders *senders, const struct fr_datagram_path *path)
{
	const struct fr_addr *from = &path->from;

	if (is_service(from->port) || is_many(from) ||
	    (from->port == path->to.port && fr_addr_same_host(from, &path->to)))
		return false;
	for (size_t i = 0; i < senders->count; i++)
		if (fr_network_has(&senders->networks[i], from))
			return true;
	return false;
}

bool fr_senders_is_answer(const uint8_t *bytes, size_t size)
{
	return (size == 14 && memcmp(bytes, "get message!!!", 14) == 0) ||
	       (size == 11 && memcmp(bytes, "get the msg", 11) == 0);
}
