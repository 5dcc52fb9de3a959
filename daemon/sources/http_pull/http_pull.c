/* SPDX-License-Identifier: MIT */
/*
 * Pictures of a web server as a stream of ours: MJPEG in every form that people serve, or one JPEG asked again and
 * again.
 *
 * It is one viewer, whoever watches here, and only while somebody does: a camera that allows one client is shared with
 * all, and one that runs on demand may sleep.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/cause.h"
#include "common/base/options.h"
#include "common/base/secret.h"
#include "common/base/xalloc.h"
#include "daemon/sources/http_pull/inside.h"

enum {
	RETRY_FIRST_US = 200 * 1000,
	RETRY_MOST_US = 10 * 1000 * 1000,
};

static void on_start(void *arg)
{
	fr_http_pull_begin(arg);
}

static void on_stop(void *arg)
{
	fr_http_pull_stop(arg);
}

static const struct fr_on_demand_ops demand_ops = {on_start, on_stop};

static void pull_close(struct fr_source *source)
{
	struct http_pull *s = (struct http_pull *)source;

	(void)event_del(&s->timer);
	(void)event_del(&s->flood);
	fr_dial_cancel(s->dial);
	fr_conn_close(s->conn);
	fr_http_pictures_free(s->pictures);
	fr_on_demand_free(s->od);
	explicit_bzero(&s->home, sizeof(s->home));
	free(s);
}

/* The address, and who logs in there: `user` before what the address says. */
static int read_home(
    const struct fr_options *options, struct fr_http_url *ret, struct fr_cause *why)
{
	const char *user = fr_options_text(options, "user");
	struct fr_cause what;
	const int r = fr_http_url_parse(fr_options_text(options, "url"), ret, &what);

	if (r < 0)
		return fr_cause_set(why, EINVAL, "url: %s", what.text);
	if (strlen(user) > FR_HTTP_URL_USER_MAX)
		return fr_cause_set(
		    why, EINVAL, "user: at most %d characters", (int)FR_HTTP_URL_USER_MAX);
	if (user[0] != '\0') {
		ret->has_user = true;
		(void)snprintf(ret->user, sizeof(ret->user), "%s", user);
	}
	if (fr_options_text(options, "password_file")[0] != '\0' && !ret->has_user)
		return fr_cause_set(why, EINVAL, "password_file: whose? user is missing");
	if (strchr(ret->user, ':') != NULL)
		return fr_cause_set(why, EINVAL, "user: a name with : cannot log in by HTTP");
	return 0;
}

static int pull_check(const struct fr_options *options, struct fr_cause *why)
{
	struct fr_http_url url;
	int r;

	if (fr_options_text(options, "url")[0] == '\0')
		return 0; /* that it is missing is said already */
	r = read_home(options, &url, why);
	explicit_bzero(&url, sizeof(url));
	return r;
}

static int pull_open(const struct fr_source_env *env, const struct fr_options *options,
    struct fr_source **ret, struct fr_cause *why)
{
	struct http_pull *s = fr_xcalloc(1, sizeof(*s));
	const char *password_file = fr_options_text(options, "password_file");
	const struct fr_on_demand_spec spec = {
	    .kind = "http-pull",
	    .stream = fr_options_text(options, "stream"),
	    .always = !fr_options_bool(options, "on_demand"),
	};
	struct event_base *base = fr_loop_base(env->loop);
	int r;

	s->source.ops = fr_source_find("http-pull");
	s->env = *env;
	(void)snprintf(s->stream, sizeof(s->stream), "%s", spec.stream);
	s->poll_us = (int64_t)1000 * 1000 * 1000 / fr_options_int(options, "fps");
	s->silence_us = fr_options_int(options, "silence_timeout_ms") * 1000;
	s->retry = (struct fr_retry){.first_us = RETRY_FIRST_US, .most_us = RETRY_MOST_US};
	(void)evtimer_assign(&s->timer, base, fr_http_pull_on_timer, s);
	(void)evtimer_assign(&s->flood, base, fr_http_pull_on_flood, s);
	r = read_home(options, &s->home, why);
	if (r == 0 && password_file[0] != '\0')
		r = fr_secret_read(password_file, s->home.password, sizeof(s->home.password), why);
	if (r == 0)
		r = fr_on_demand_new(env, &spec, &demand_ops, s, &s->od, why);
	if (r < 0) {
		pull_close(&s->source);
		return r;
	}
	*ret = &s->source;
	return 0;
}

static const struct fr_option_spec specs[] = {
    {.name = "stream",
        .type = FR_OPTION_NAME,
        .required = true,
        .def = "door",
        .help = "the stream here that the pictures go to"},
    {.name = "url",
        .type = FR_OPTION_STRING,
        .required = true,
        .def = "http://192.168.1.40:81/stream",
        .help = "where the pictures are: http://[user:password@]host[:port]/path, MJPEG or one "
                "JPEG"},
    {.name = "user",
        .type = FR_OPTION_STRING,
        .def = "",
        .help = "who logs in there, by Basic or Digest; empty: as the url says, or nobody"},
    {.name = "password_file",
        .type = FR_OPTION_STRING,
        .def = "",
        .help = "the file whose first line is the password; others must not be able to read it"},
    {.name = "fps",
        .type = FR_OPTION_MILLI,
        .unit = "pictures/s",
        .min = 1,
        .max = 100000,
        .def = "1",
        .help = "how often an address is asked that answers with one picture; MJPEG comes as it "
                "comes"},
    {.name = "on_demand",
        .type = FR_OPTION_BOOL,
        .def = "true",
        .help = "connect only while somebody here watches"},
    {.name = "silence_timeout_ms",
        .type = FR_OPTION_UINT,
        .zero_is_off = true,
        .unit = "ms",
        .min = 10,
        .max = 86400000,
        .def = "30000",
        .help = "a connection without a whole picture for so long is closed and made anew; 0: "
                "never"},
    {.name = NULL},
};

const struct fr_source_ops fr_source_http_pull = {
    .kind = "http-pull",
    .summary =
        "pictures of a web server, MJPEG or one JPEG again and again, fetched while somebody "
        "watches",
    .argument = "url",
    .options = specs,
    .check = pull_check,
    .open = pull_open,
    .close = pull_close,
};
