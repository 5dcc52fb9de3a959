/* SPDX-License-Identifier: MIT */
#include "daemon/settings_check.h"

#include <errno.h>
#include <string.h>

#include "common/base/addr.h"
#include "common/base/cause.h"
#include "common/base/text.h"
#include "common/media/credential.h"
#include "common/media/digest.h"
#include "common/media/password.h"
#include "daemon/certificate.h"
#include "daemon/kinds.h"
#include "daemon/settings.h"

static const char *text_of(const struct fr_row *row, const char *name)
{
	return fr_options_has(row->options, name) ? fr_options_text(row->options, name) : "";
}

/* Two rows with the same text in the option `name`; an empty one is no name. */
static void check_unique(
    const struct fr_rows *rows, const char *name, const char *sentence, struct fr_text *problems)
{
	for (size_t i = 1; i < rows->count; i++) {
		const struct fr_row *row = &rows->items[i];
		const char *text = text_of(row, name);

		for (size_t k = 0; text[0] != '\0' && k < i; k++) {
			if (strcmp(text, text_of(&rows->items[k], name)) != 0)
				continue;
			fr_text_add(problems, "%s: %s = \"%s\": %s, see %s\n", row->where, name,
			    text, sentence, rows->items[k].where);
			break;
		}
	}
}

/* Whether an address of one lies in the other. `link` is not asked: it changes while we run. */
static bool overlap(const struct fr_network *a, const struct fr_network *b)
{
	if (a->kind == b->kind && a->kind != FR_NETWORK_CIDR)
		return true;
	if (a->kind == FR_NETWORK_LINK || b->kind == FR_NETWORK_LINK)
		return false;
	return (b->kind == FR_NETWORK_CIDR && fr_network_has(a, &b->addr)) ||
	       (a->kind == FR_NETWORK_CIDR && fr_network_has(b, &a->addr)) ||
	       (a->kind != FR_NETWORK_CIDR && b->kind != FR_NETWORK_CIDR);
}

/* Says it when an address of `row` is another row's too. */
static void check_from(
    const struct fr_row *row, const struct fr_row *other, struct fr_text *problems)
{
	for (size_t i = 0; i < fr_options_count(row->options, "from"); i++) {
		const char *text = fr_options_item(row->options, "from", i);
		struct fr_network own, others;

		(void)fr_network_parse(text, &own, NULL); /* it was parsed when it was set */
		for (size_t k = 0; k < fr_options_count(other->options, "from"); k++) {
			const char *others_text = fr_options_item(other->options, "from", k);

			(void)fr_network_parse(others_text, &others, NULL);
			if (overlap(&own, &others))
				fr_text_add(problems,
				    "%s: from \"%s\": a publisher there is one stream, and \"%s\" "
				    "of %s "
				    "has it already\n",
				    row->where, text, others_text, other->where);
		}
	}
}

static void check_streams(const struct fr_rows *streams, struct fr_text *problems)
{
	check_unique(streams, "name", "a stream has one row", problems);
	for (size_t i = 0; i < streams->count; i++) {
		const struct fr_row *row = &streams->items[i];
		const int64_t number = fr_options_int(row->options, "number");

		for (size_t k = 0; k < i; k++) {
			const struct fr_row *other = &streams->items[k];

			if (number != 0 && number == fr_options_int(other->options, "number"))
				fr_text_add(problems, "%s: number = %d: a stream's own, see %s\n",
				    row->where, (int)number, other->where);
			check_from(row, other, problems);
		}
	}
}

static bool is_any(const struct fr_addr *addr)
{
	static const uint8_t zero[16];

	return (addr->kind == FR_ADDR_IPV4 || addr->kind == FR_ADDR_IPV6) &&
	       memcmp(addr->bytes, zero, sizeof(zero)) == 0;
}

/* Whether two listeners cannot both be opened. [::] takes IPv4 too. */
static bool collide(const struct fr_addr *a, const struct fr_addr *b)
{
	if (a->kind == FR_ADDR_UNIX || a->kind == FR_ADDR_SYSTEMD)
		return a->kind == b->kind && strcmp(a->path, b->path) == 0;
	if (a->port != b->port || a->port == 0)
		return false;
	return fr_addr_same_host(a, b) || (a->kind == FR_ADDR_IPV6 && is_any(a)) ||
	       (b->kind == FR_ADDR_IPV6 && is_any(b)) ||
	       (a->kind == b->kind && (is_any(a) || is_any(b)));
}

static bool is_udp(const struct fr_row *row)
{
	return strncmp(row->kind, "udp", 3) == 0;
}

bool fr_rows_collide(const struct fr_row *a, const struct fr_row *b)
{
	struct fr_addr at_a, at_b;

	return is_udp(a) == is_udp(b) && fr_addr_parse(text_of(a, "listen"), &at_a, NULL) == 0 &&
	       fr_addr_parse(text_of(b, "listen"), &at_b, NULL) == 0 && collide(&at_a, &at_b);
}

static void check_doors(const struct fr_rows *doors, struct fr_text *problems)
{
	for (size_t i = 1; i < doors->count; i++) {
		const struct fr_row *row = &doors->items[i];

		for (size_t k = 0; k < i; k++) {
			const struct fr_row *other = &doors->items[k];

			if (fr_rows_collide(row, other))
				fr_text_add(problems,
				    "%s: listen = \"%s\": taken by \"%s\" of %s; every door needs "
				    "a port "
				    "of its own\n",
				    row->where, text_of(row, "listen"), text_of(other, "listen"),
				    other->where);
		}
	}
}

/* A listener that sends one stream to whoever connects must know which. */
static void check_roles(const struct fr_rows *doors, struct fr_text *problems)
{
	for (size_t i = 0; i < doors->count; i++) {
		const struct fr_row *row = &doors->items[i];

		if (strcmp(text_of(row, "role"), "subscribe") == 0 &&
		    fr_options_has(row->options, "stream") && text_of(row, "stream")[0] == '\0')
			fr_text_add(problems,
			    "%s: role = \"subscribe\": stream is missing: which one it sends\n",
			    row->where);
	}
}

static void check_names(const struct fr_row *row, const char *list, struct fr_text *problems)
{
	for (size_t i = 0; i < fr_options_count(row->options, list); i++) {
		const char *name = fr_options_item(row->options, list, i);

		if (strcmp(name, "*") != 0 && !fr_text_is_name(name))
			fr_text_add(problems,
			    "%s: %s: \"%.80s\" is neither a stream's name nor *\n", row->where,
			    list, name);
	}
}

/* A login that is cut short would let nobody in, or everybody. */
static void check_login(const struct fr_row *row, struct fr_text *problems)
{
	const char *token = text_of(row, "token_sha256");
	const char *user = text_of(row, "user"), *password = text_of(row, "password");
	struct fr_digest digest;

	if (fr_options_is_set(row->options, "token_sha256") && !fr_digest_read(token, &digest))
		fr_text_add(problems,
		    "%s: token_sha256: must be the 64 hex digits that --new-token prints, not the "
		    "token\n",
		    row->where);
	if (fr_options_is_set(row->options, "user") && !fr_user_is_good(user))
		fr_text_add(problems,
		    "%s: user = \"%.80s\": must be 1 to %d characters, : is none of them\n",
		    row->where, user, (int)FR_USER_MAX);
	if (fr_options_is_set(row->options, "password") && user[0] == '\0')
		fr_text_add(problems, "%s: password: whose? user is missing\n", row->where);
	else if (user[0] != '\0' && !fr_password_is_hash(password))
		fr_text_add(problems,
		    "%s: password: must be what --hash-password prints, not the password\n",
		    row->where);
}

/* A user may have several rows, and one password. */
static void check_users(const struct fr_rows *rows, struct fr_text *problems)
{
	for (size_t i = 1; i < rows->count; i++)
		for (size_t k = 0; k < i; k++)
			if (text_of(&rows->items[i], "user")[0] != '\0' &&
			    strcmp(text_of(&rows->items[i], "user"),
			        text_of(&rows->items[k], "user")) == 0 &&
			    strcmp(text_of(&rows->items[i], "password"),
			        text_of(&rows->items[k], "password")) != 0)
				fr_text_add(problems,
				    "%s: user = \"%.80s\": has another password, see %s\n",
				    rows->items[i].where, text_of(&rows->items[i], "user"),
				    rows->items[k].where);
}

/* Sources and sinks: whose pictures? */
static void check_stream(const struct fr_rows *rows, struct fr_text *problems)
{
	for (size_t i = 0; i < rows->count; i++) {
		const struct fr_row *row = &rows->items[i];

		if (fr_options_has(row->options, "stream") && text_of(row, "stream")[0] == '\0' &&
		    fr_options_check(row->options, NULL) == 0)
			fr_text_add(
			    problems, "%s: stream is missing: the stream's name\n", row->where);
	}
}

/* What a kind knows of its options beyond their table. */
static void check_kinds(const struct fr_rows *rows, enum fr_end end, struct fr_text *problems)
{
	for (size_t i = 0; i < rows->count; i++) {
		const struct fr_row *row = &rows->items[i];
		struct fr_cause why;
		struct fr_kind kind;

		if (fr_kind_find(end, row->kind, &kind) && kind.check != NULL &&
		    kind.check(row->options, &why) < 0)
			fr_text_add(problems, "%s: %s\n", row->where, why.text);
	}
}

int fr_settings_check(const struct fr_settings *settings, struct fr_text *problems)
{
	const size_t before = problems->length;

	check_doors(&settings->doors, problems);
	fr_certificate_check(settings, problems);
	check_roles(&settings->doors, problems);
	check_streams(&settings->streams, problems);
	check_stream(&settings->sources, problems);
	check_stream(&settings->sinks, problems);
	check_kinds(&settings->sources, FR_END_SOURCE, problems);
	check_kinds(&settings->sinks, FR_END_SINK, problems);
	check_unique(&settings->sources, "stream", "a stream has one source", problems);
	check_users(&settings->access, problems);
	for (size_t i = 0; i < settings->access.count; i++) {
		check_login(&settings->access.items[i], problems);
		check_names(&settings->access.items[i], "publish", problems);
		check_names(&settings->access.items[i], "subscribe", problems);
		check_names(&settings->access.items[i], "message", problems);
	}
	return problems->length == before ? 0 : -EINVAL;
}
