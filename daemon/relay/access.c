/* SPDX-License-Identifier: MIT */
#include "daemon/relay/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/xalloc.h"

struct fr_access {
	struct fr_access_row *rows;
	size_t count;
};

static const char *const right_names[] = {
    [FR_RIGHT_PUBLISH] = "publish",
    [FR_RIGHT_SUBSCRIBE] = "subscribe",
    [FR_RIGHT_MESSAGE] = "message",
    [FR_RIGHT_OBSERVE] = "observe",
    [FR_RIGHT_ADMIN] = "admin",
};

struct fr_access *fr_access_new(struct fr_access_row *rows, size_t count)
{
	struct fr_access *access = fr_xcalloc(1, sizeof(*access));

	access->rows = rows;
	access->count = count;
	return access;
}

static void names_done(struct fr_access_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->names[i]);
	free(names->names);
}

void fr_access_free(struct fr_access *access)
{
	if (access == NULL)
		return;
	for (size_t i = 0; i < access->count; i++) {
		free(access->rows[i].from);
		names_done(&access->rows[i].publish);
		names_done(&access->rows[i].subscribe);
		names_done(&access->rows[i].message);
	}
	free(access->rows);
	free(access);
}

static void grant_all(struct fr_access_names *names)
{
	names->names = fr_xcalloc(1, sizeof(*names->names));
	names->names[0] = fr_xstrdup("*");
	names->count = 1;
}

struct fr_access *fr_access_default(void)
{
	struct fr_access_row *row = fr_xcalloc(1, sizeof(*row));

	row->from = fr_xcalloc(2, sizeof(*row->from));
	row->from[0].kind = FR_NETWORK_PRIVATE;
	row->from[1].kind = FR_NETWORK_LINK;
	row->from_count = 2;
	grant_all(&row->publish);
	grant_all(&row->subscribe);
	row->observe = true;
	return fr_access_new(row, 1);
}

static bool row_is_about(const struct fr_access_row *row, const struct fr_who *who)
{
	if (row->from_count == 0)
		return true;
	for (size_t i = 0; i < row->from_count; i++)
		if (fr_network_has(&row->from[i], &who->addr))
			return true;
	return false;
}

static bool names_have(const struct fr_access_names *names, const char *stream)
{
	for (size_t i = 0; i < names->count; i++)
		if (strcmp(names->names[i], "*") == 0 || strcmp(names->names[i], stream) == 0)
			return true;
	return false;
}

static bool row_grants(const struct fr_access_row *row, const struct fr_who *who,
    enum fr_right right, const char *stream)
{
	switch (right) {
	case FR_RIGHT_PUBLISH:
		return names_have(&row->publish, stream);
	case FR_RIGHT_SUBSCRIBE:
		return names_have(&row->subscribe, stream);
	case FR_RIGHT_MESSAGE:
		return names_have(row->message_is_set ? &row->message : &row->publish, stream);
	case FR_RIGHT_OBSERVE:
		return row->observe;
	case FR_RIGHT_ADMIN:
		break;
	}
	return row->admin_is_set ? row->admin : fr_addr_is_loopback(&who->addr) && !who->proxied;
}

bool fr_access_allows(const struct fr_access *access, const struct fr_who *who, enum fr_right right,
    const char *stream, struct fr_cause *why)
{
	char addr[FR_ADDR_TEXT_MAX];

	if (who->ours)
		return true;
	for (size_t i = 0; i < access->count; i++)
		if (row_grants(&access->rows[i], who, right, stream) &&
		    row_is_about(&access->rows[i], who))
			return true;
	fr_addr_print_host(&who->addr, addr);
	if (right == FR_RIGHT_OBSERVE || right == FR_RIGHT_ADMIN)
		fr_cause_set(why, EACCES,
		    "%s may not %s; this row of access would allow it: "
		    "{ from = [ \"%s\" ]; %s = true; }",
		    addr, right_names[right], addr, right_names[right]);
	else
		fr_cause_set(why, EACCES,
		    "%s may not %s %s; this row of access would allow it: "
		    "{ from = [ \"%s\" ]; %s = [ \"%s\" ]; }",
		    addr, right_names[right], stream, addr, right_names[right], stream);
	return false;
}
