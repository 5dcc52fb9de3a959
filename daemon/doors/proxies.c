/* SPDX-License-Identifier: MIT */
#include "daemon/doors/proxies.h"

#include <errno.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/options.h"
#include "common/media/uri.h"

int fr_proxies_read(struct fr_proxies *ret, const struct fr_options *options, struct fr_cause *why)
{
	ret->count = fr_options_count(options, "trusted_proxies");
	if (ret->count > FR_PROXIES_MAX)
		return fr_cause_set(why, EINVAL, "trusted_proxies: at most %d", FR_PROXIES_MAX);
	for (size_t i = 0; i < ret->count; i++) {
		const int r = fr_network_parse(
		    fr_options_item(options, "trusted_proxies", i), &ret->networks[i], why);

		if (r < 0)
			return r;
	}
	return 0;
}

bool fr_proxies_have(const struct fr_proxies *proxies, const struct fr_addr *addr)
{
	for (size_t i = 0; i < proxies->count; i++)
		if (fr_network_has(&proxies->networks[i], addr))
			return true;
	return false;
}

/* Reads one address of X-Forwarded-For, with or without a port. @return false: none */
static bool read_forwarded(const char *text, size_t size, struct fr_addr *ret)
{
	char item[FR_URI_HOST_MAX + 1], host[FR_URI_HOST_MAX + 1];

	if (size > FR_URI_HOST_MAX)
		return false;
	memcpy(item, text, size);
	item[size] = '\0';
	return fr_addr_from_host(ret, item) ||
	       (fr_uri_host(item, host) && fr_addr_from_host(ret, host));
}

bool fr_proxies_client(const struct fr_proxies *proxies, const char *list, struct fr_addr *ret)
{
	size_t end = strlen(list), begin;

	while (end > 0) {
		begin = end;
		while (begin > 0 && list[begin - 1] != ',')
			begin--;
		while (begin < end && (list[begin] == ' ' || list[begin] == '\t'))
			begin++;
		while (end > begin && (list[end - 1] == ' ' || list[end - 1] == '\t'))
			end--;
		if (!read_forwarded(list + begin, end - begin, ret))
			return false;
		if (!fr_proxies_have(proxies, ret))
			return true;
		while (begin > 0 && list[begin - 1] != ',')
			begin--;
		end = begin > 0 ? begin - 1 : 0;
	}
	return false;
}
