/* SPDX-License-Identifier: MIT */
#include "daemon/certificate.h"

#include <stdlib.h>
#include <time.h>

#include "common/base/cause.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/stats.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "common/net/timer.h"
#include "common/net/tls.h"
#include "daemon/settings.h"

#define LOOK_US (INT64_C(3600) * 1000 * 1000)

struct fr_certificate {
	const struct fr_tls *tls;
	struct fr_timer *timer;
	unsigned said; /* the urgency of the last warning */
};

int fr_certificate_read(
    const struct fr_settings *settings, struct fr_tls **ret, struct fr_cause *why)
{
	const struct fr_tls_files files = {
	    .certificate = fr_options_text(settings->tls, "certificate"),
	    .key = fr_options_text(settings->tls, "key"),
	    .client_ca = fr_options_text(settings->tls, "client_ca"),
	};
	const int r = fr_tls_new_server(&files, ret, why);

	return r < 0 ? fr_cause_prefix(why, r, "%s: tls: ", settings->tls_where) : 0;
}

/* --- What is wrong ---------------------------------------------------------------------------- */

static bool wants_tls(const struct fr_row *row)
{
	return fr_options_has(row->options, "tls") && fr_options_bool(row->options, "tls");
}

void fr_certificate_check(const struct fr_settings *settings, struct fr_text *problems)
{
	const bool has_certificate = fr_options_text(settings->tls, "certificate")[0] != '\0';
	const bool has_key = fr_options_text(settings->tls, "key")[0] != '\0';
	const bool has_ca = fr_options_text(settings->tls, "client_ca")[0] != '\0';

	for (size_t i = 0; i < settings->doors.count && !has_certificate; i++)
		if (wants_tls(&settings->doors.items[i]))
			fr_text_add(problems,
			    "%s: tls = true: the section tls = { certificate = \"FILE\"; key = "
			    "\"FILE\"; }; is missing\n",
			    settings->doors.items[i].where);
	if (has_certificate != has_key || (has_ca && !has_certificate))
		fr_text_add(problems,
		    "%s: tls: certificate and key go together, and client_ca with both\n",
		    settings->tls_where);
}

int fr_certificate_check_files(const struct fr_settings *settings, struct fr_text *problems)
{
	struct fr_cause why;
	struct fr_tls *tls;
	const int r = fr_certificate_read(settings, &tls, &why);

	if (r < 0)
		fr_text_add(problems, "%s\n", why.text);
	else
		fr_tls_free(tls);
	return r;
}

/* --- While it runs out ------------------------------------------------------------------------ */

unsigned fr_certificate_urgency(int64_t days)
{
	static const int64_t before[] = {30, 7, 1};
	unsigned urgency = 0;

	while (days >= 0 && urgency < 3 && days <= before[urgency])
		urgency++;
	return urgency;
}

static void look(struct fr_certificate *c)
{
	const int64_t now_s = (int64_t)time(NULL);
	const int64_t days = fr_tls_days_left(c->tls, now_s);
	const unsigned urgency = fr_certificate_urgency(days);

	fr_stat_set(FR_STAT_tls_certificate_expires_timestamp_seconds,
	    c->tls != NULL ? fr_tls_expires_s(c->tls) : 0);
	if (urgency > c->said)
		fr_log(days > 0 ? FR_LOG_WARNING : FR_LOG_ERROR, "tls",
		    now_s < fr_tls_expires_s(c->tls)
		        ? "the certificate expires soon; SIGHUP takes a new one"
		        : "the certificate has expired; SIGHUP takes a new one",
		    "days=%lld", (long long)days);
	c->said = urgency;
	fr_timer_set(c->timer, LOOK_US);
}

static void on_time(void *arg)
{
	look(arg);
}

int fr_certificate_new(struct fr_loop *loop, const struct fr_tls *tls, struct fr_certificate **ret,
    struct fr_cause *why)
{
	struct fr_certificate *c = fr_xcalloc(1, sizeof(*c));
	const int r = fr_timer_new(loop, on_time, c, &c->timer, why);

	if (r < 0) {
		free(c);
		return r;
	}
	c->tls = tls;
	look(c);
	*ret = c;
	return 0;
}

void fr_certificate_changed(struct fr_certificate *certificate)
{
	certificate->said = 0;
	look(certificate);
}

void fr_certificate_free(struct fr_certificate *certificate)
{
	if (certificate == NULL)
		return;
	fr_timer_free(certificate->timer);
	free(certificate);
}
